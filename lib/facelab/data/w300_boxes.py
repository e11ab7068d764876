"""The face boxes that 300-W gives in MATLAB files, one for each part."""

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from facelab import FacelabError
from facelab.data.images import DataError

FOLDERS = ("Bounding Boxes", "Bounding_Boxes")
FIELDS = {"ground_truth": "bb_ground_truth", "detector": "bb_detector"}


def boxes_by_name(root: Path, part: str, *, kind: str) -> dict[str, np.ndarray] | None:
    """Boxes of one part by face name (without suffix and blanks), or None without a .mat file.

    Args:
        root: the folder of 300-W; the boxes lie in it or beside it.
        part: such as "helen/trainset"; its file is `bounding_boxes_helen_trainset.mat`.
        kind: "ground_truth" (tight around the landmarks) or "detector".

    Returns:
        f32 (4,) x1, y1, x2, y2 each, moved to 0-based pixels. IBUG's file lists more faces than
        exist; the caller looks up those it has.

    Raises:
        FacelabError: `kind` is neither.
        DataError: the file is no MATLAB file with `bounding_boxes` of the expected fields.
    """
    if kind not in FIELDS:
        raise FacelabError(f"unknown kind of boxes {kind!r}: expected {', '.join(FIELDS)}")
    name = f"bounding_boxes_{part.replace('/', '_')}.mat"
    places = [base / folder / name for base in (root, root.parent) for folder in FOLDERS]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return None
    try:
        content = loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy raises a dozen kinds on damaged files
        raise DataError(path, f"expected a MATLAB file ({error})") from error
    if "bounding_boxes" not in content:
        raise DataError(path, "expected a variable 'bounding_boxes'")
    boxes = {}
    for index, entry in enumerate(np.atleast_1d(content["bounding_boxes"])):
        stem = Path(str(getattr(entry, "imgName", ""))).stem
        box = np.asarray(getattr(entry, FIELDS[kind], ()), dtype=np.float32).reshape(-1)
        if not stem or box.shape != (4,) or not np.isfinite(box).all():
            raise DataError(path, f"entry {index + 1}: expected imgName and 4 of {FIELDS[kind]}")
        boxes["".join(stem.split())] = box - 1.0
    return boxes
