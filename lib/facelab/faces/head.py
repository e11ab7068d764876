"""The linear head that every synthetic face is made of, distilled once from Anny and cached.

Vertices of a face, in centimetres: `mean + shape @ identity + expression @ actions`, one matrix
product. Axes: origin between the eyeballs' centres, x to the image's right (the subject's left),
y up, z towards the viewer. Only numpy and safetensors are needed once the file is there.
"""

import json
import sys
import time
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import filelock
import numpy as np

from facelab import FacelabError
from facelab.paths import atomic_write, cache_dir

HEAD_VERSION = 10  # raise when the file's contents change: every cache is then re-made
REGIONS = ("skin", "lips", "inner_mouth", "teeth", "tongue", "eyeball", "lashes", "body")


@dataclass(frozen=True, eq=False)
class Head:
    """Arrays of the distilled head. V vertices, T triangles, I identity coefficients.

    Attributes:
        mean: (V, 3) f32 cm, an adult of average age, gender, ancestry and weight.
        identity: (I, V, 3) f32 cm per unit. The first 36 are *corner heads* (gender, ancestry,
            age, weight; `identity_names`), whose coefficients are weights that sum to one; the
            others are sliders about 0.
        identity_scale: (I,) f32, natural sigma of each slider (0 for corners).
        actions: (52, V, 3) f32 cm, ARKit's actions at strength one, in the order `action_names`.
        triangles: (T, 3) i32, counter-clockwise seen from outside.
        uv: (T, 3, 2) f32 per corner in [0, 1], v up, MakeHuman's layout (eyes, teeth, tongue and
            lashes have islands of their own).
        region: (T,) u8 into REGIONS.
        masks: name -> (V,) f32 in [0, 1]: lips, lids, ears, inner_mouth, face, eyeball, teeth,
            tongue, lashes, neck, rigid, ... (see masks.make for each).
        landmark_vertices, landmark_weights: (68, 3) i32 and (68, 3) f32, the iBUG-68 points as
            barycentric mesh points (the contour's at rest; landmarks.points slides it).
        contour_vertices, contour_weights: (17, M, 3) tracks of the contour points, back to front.
        contour_outward: (17, 2) frontal directions out of the face.
        mirror: (V,) i32, the vertex at each vertex's mirror image.
        eyeball: (V,) i8, 0 = eyeball at the image's left, 1 = at its right, -1 = no eyeball.
        eye_centres: (2, 3) f32 cm on the mean head; on any face, the mean of that eyeball's
            vertices.
        base_index: (V,) i64, vertex number in MakeHuman's base mesh.
    """

    mean: np.ndarray
    identity: np.ndarray
    identity_scale: np.ndarray
    actions: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    region: np.ndarray
    masks: dict[str, np.ndarray]
    landmark_vertices: np.ndarray
    landmark_weights: np.ndarray
    contour_vertices: np.ndarray
    contour_weights: np.ndarray
    contour_outward: np.ndarray
    mirror: np.ndarray
    eyeball: np.ndarray
    eye_centres: np.ndarray
    base_index: np.ndarray
    identity_names: tuple[str, ...]
    action_names: tuple[str, ...]


@lru_cache(maxsize=1)
def load() -> Head:
    """The head from `<cache>/head-v<N>.safetensors`; distilled first where it is missing.

    A damaged file is re-made with a warning. Of two processes that start at once, one distils and
    the other waits for its file.

    Raises:
        FacelabError: the file is missing and `anny`, which makes it, is not installed.
    """
    path = cache_dir() / f"head-v{HEAD_VERSION}.safetensors"
    head = _read(path)
    if head is None:
        with filelock.FileLock(path.with_suffix(".lock")):
            head = _read(path)  # the other process may have made it while we waited
            if head is None:
                _make(path)
                head = _read(path)
    if head is None:
        raise FacelabError(f"the head was written to {path} but cannot be read back")
    return head


def _read(path: Path) -> Head | None:
    """The head in a file, None where there is no file or it is damaged (with a warning)."""
    from safetensors import safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            names = json.loads(file.metadata()["names"])
        masks = {k[5:]: arrays.pop(k) for k in list(arrays) if k.startswith("mask_")}
        names = {key: tuple(value) for key, value in names.items()}
        for array in (*arrays.values(), *masks.values()):
            array.setflags(write=False)
        return Head(masks=masks, **arrays, **names)
    except Exception as error:  # safetensors raises its own kinds for each sort of damage
        warnings.warn(f"{path} is damaged ({error}); making it again", stacklevel=3)
        return None


def _make(path: Path) -> None:
    """Distils the head and writes its file."""
    from safetensors.numpy import save_file

    start = time.monotonic()
    print("facelab: distilling the head from Anny (once, up to a minute) ...", file=sys.stderr)
    try:
        from facelab.faces.distil import distil

        arrays, names = distil()
    except ModuleNotFoundError as error:
        raise FacelabError(
            f"no distilled head at {path}, and package {error.name!r}, which makes it, is missing: "
            "install facelab's requirements, or copy the file from a machine that has it"
        ) from error
    arrays = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
    with atomic_write(path) as temporary:
        save_file(arrays, temporary, metadata={"names": json.dumps(names)})
    print(f"facelab: head kept in {path} ({time.monotonic() - start:.0f} s)", file=sys.stderr)
