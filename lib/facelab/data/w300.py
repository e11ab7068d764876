"""300-W (Sagonas et al. 2013, 2016): photographs with 68 landmarks, in their official layout.

    <folder>/{afw, helen/{trainset,testset}, lfpw/{trainset,testset}, ibug}/<name>.{jpg,png} + .pts
    <folder>/Test/{01_Indoor,02_Outdoor}/...            the private test set; also 300W/01_Indoor
    <folder>/"Bounding Boxes"/bounding_boxes_*.mat      also Bounding_Boxes; not needed

A photograph with several faces is there once for each of them (`name_1.jpg`, `name_2.jpg`), so one
file is one face. Free for research from ibug.doc.ic.ac.uk/resources/300-W after registration;
facelab does not fetch it.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from facelab import FacelabError
from facelab.data.images import DataError, image_size, read_image
from facelab.data.pts import read_pts
from facelab.data.records import LANDMARKS, Loaded, Record
from facelab.data.w300_boxes import boxes_by_name
from facelab.paths import shared_data

# part: the folders it may be in, and its official number of faces
PARTS = {
    "afw": (("afw",), 337),
    "helen/trainset": (("helen/trainset",), 2000),
    "helen/testset": (("helen/testset",), 330),
    "lfpw/trainset": (("lfpw/trainset",), 811),
    "lfpw/testset": (("lfpw/testset",), 224),
    "ibug": (("ibug",), 135),
    "indoor": (("Test/01_Indoor", "300W/01_Indoor", "300w/01_Indoor", "01_Indoor"), 300),
    "outdoor": (("Test/02_Outdoor", "300W/02_Outdoor", "300w/02_Outdoor", "02_Outdoor"), 300),
}
SPLITS = {
    "train": ("afw", "helen/trainset", "lfpw/trainset"),  # 3,148
    "common": ("helen/testset", "lfpw/testset"),  # 554
    "challenge": ("ibug",),  # 135
    "full": ("helen/testset", "lfpw/testset", "ibug"),  # 689
    "private": ("indoor", "outdoor"),  # 600
}
IMAGES = (".jpg", ".jpeg", ".png")

HOW_TO_GET = """\
300-W is not here{where}. It is free for research, not for commercial use, after registration:
  https://ibug.doc.ic.ac.uk/resources/300-W/
Unpack AFW, HELEN, LFPW and IBUG (and the 300-W test set as Test) into one folder, so that it holds
helen/trainset/100032540_1.jpg, and name that folder in FACELAB_300W. Nothing is downloaded for you.
"""


def find_folder(folder: Path | str | None = None) -> Path:
    """The folder of the set: `folder`, else `FACELAB_300W`, else `300w` in the shared data.

    A folder whose subfolder `300w` or `300W` holds the parts will do, too.

    Raises:
        FacelabError: there is none; the message says where to get it.
    """
    chosen = folder or os.environ.get("FACELAB_300W")
    shared = shared_data()
    if chosen is None and shared is None:
        raise FacelabError(HOW_TO_GET.format(where=""))
    root = Path(chosen).expanduser() if chosen else shared
    candidates = [root / "300w", root / "300W"] + ([root] if chosen else [])
    for candidate in reversed(candidates):
        if any((candidate / p).is_dir() for places, _ in PARTS.values() for p in places):
            return candidate
    raise FacelabError(HOW_TO_GET.format(where=f" ({root} holds none of afw, helen, lfpw, ibug)"))


def load(
    folder: Path | str | None = None,
    split: str = "train",
    *,
    boxes: str = "ground_truth",
    decode: bool = False,
    strict: bool = True,
    quiet: bool = False,
) -> Loaded:
    """Loads one split, part by part in name order, and prints one line of summary.

    Landmarks are moved to 0-based pixels and may lie outside the photograph: annotators guess.
    The official numbers of faces are checked; another number is a warning and part of the summary.

    Args:
        folder: the set; by default `FACELAB_300W`, else `300w` in the shared data.
        split: one of `SPLITS`.
        boxes: "ground_truth" or "detector", from the set's own .mat files where they are there (a
            face they lack is a remark); the landmarks' own box elsewhere.
        decode: read every photograph whole, some 10 ms each. Otherwise only its header is read,
            and a truncated one is found by `Record.load`, with an error that names it.
        strict: raise at the first bad file, or leave it out with a warning.
        quiet: do not print the summary.

    Raises:
        FacelabError: no such set or split, or a part of the split is not there.
        DataError: where `strict`: a damaged image, an image without .pts or the reverse, two images
            for one .pts, a .pts that is not as it should be.
    """
    if split not in SPLITS:
        raise FacelabError(f"unknown split {split!r} of 300-W: expected {', '.join(SPLITS)}")
    root = find_folder(folder)
    loaded = Loaded(f"300-W {split}")
    junk = 0
    for part in SPLITS[split]:
        places, official = PARTS[part]
        home = next((root / place for place in places if (root / place).is_dir()), None)
        if home is None:
            raise FacelabError(HOW_TO_GET.format(where=f" ({root} has no {places[0]})"))
        known_boxes = boxes_by_name(root, part, kind=boxes)
        boxless = 0
        pairs, skipped = _pairs(home)
        junk += skipped
        loaded.found += len(pairs)
        if len(pairs) != official:
            loaded.remark(f"{part} has {len(pairs)} faces, officially {official}", warn=True)
        for name, (images, points) in sorted(pairs.items()):
            try:
                record = _record(images, points, decode)
            except DataError as error:
                loaded.problem(error, strict=strict)
                continue
            if known_boxes is not None:
                box = known_boxes.get(name)
                boxless += box is None
                record = record if box is None else replace(record, box=box)
            loaded.records.append(record)
        if boxless:
            loaded.remark(f"{boxless} faces of {part} have no box in the .mat", warn=True)
    if junk:
        loaded.remark(f"{junk} junk files passed over")
    if not quiet:
        print(loaded.summary())
    return loaded


def _pairs(home: Path) -> tuple[dict[str, tuple[list[Path], list[Path]]], int]:
    """Images and .pts by face name, and how many other files there are.

    Some names of IBUG have a blank on one side only ("image_100 _01.jpg"), so names are compared
    without blanks.
    """
    pairs: dict[str, tuple[list[Path], list[Path]]] = {}
    junk = 0
    for path in sorted(home.iterdir()):
        suffix = path.suffix.lower()
        wanted = suffix in IMAGES or suffix == ".pts"
        if path.name.startswith(".") or not wanted or not path.is_file():
            junk += path.is_file()  # `._*` of macOS, Thumbs.db, .mat, lists
            continue
        images, points = pairs.setdefault("".join(path.stem.split()), ([], []))
        (points if suffix == ".pts" else images).append(path)
    return pairs, junk


def _record(images: list[Path], points: list[Path], decode: bool) -> Record:
    if not images:
        raise DataError(points[0], f"expected a photograph {points[0].stem}.jpg or .png beside it")
    if not points:
        raise DataError(images[0], f"expected the landmarks {images[0].stem}.pts beside it")
    if len(images) > 1 or len(points) > 1:
        names = ", ".join(path.name for path in images + points)
        raise DataError(images[0], f"expected one photograph and one .pts, found {names}")
    landmarks = read_pts(points[0])  # (68, 2)
    width, height = read_image(images[0]).shape[1::-1] if decode else image_size(images[0])
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    if (high < 0).any() or (low > [width - 1, height - 1]).any():
        message = f"the whole face lies outside the {width}x{height} photograph"
        raise DataError(points[0], message)
    return Record(
        path=images[0],
        landmarks=landmarks,
        visible=np.ones(LANDMARKS, dtype=bool),
        box=np.concatenate([low, high]).astype(np.float32),
    )
