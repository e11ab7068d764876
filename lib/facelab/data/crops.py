"""Squares around faces, photographs cut to them, and landmarks carried there and back.

Conventions as everywhere in facelab: pixels, x right, y down, (0, 0) the centre of the top-left
pixel. A square covers the continuous range [left, left + side] x [top, top + side]; in a crop of
size S its edges lie at -0.5 and S - 0.5, its centre at (S - 1) / 2, as in `faces.render`, which
defines its crops by `landmark_square` too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from facelab import FacelabError
from facelab.data.records import Record

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # image sides
NOSE_TIP, MOUTH_CORNERS = 30, (48, 54)


class Square(NamedTuple):
    """A square in an image: left and top edge, and side, in pixels (continuous)."""

    left: float
    top: float
    side: float


class Transform(NamedTuple):
    """From image to crop pixels: crop = (image - (left, top)) * scale - 0.5."""

    left: float
    top: float
    scale: float


def square_crop(box: np.ndarray, margin: float = 1.0) -> Square:
    """The square with the centre of a box (x1, y1, x2, y2) and `margin` times its longer side.

    Raises:
        FacelabError: the box is unknown (nan) or empty, or the margin is not positive.
    """
    x1, y1, x2, y2 = (float(value) for value in box)
    if not margin > 0:
        raise FacelabError(f"a crop's margin must be positive, not {margin}")
    side = margin * max(x2 - x1, y2 - y1)
    if not (np.isfinite(side) and side > 0):
        raise FacelabError(f"no square around the box {x1:g}, {y1:g}, {x2:g}, {y2:g}")
    return Square((x1 + x2 - side) / 2, (y1 + y2 - side) / 2, side)


def landmark_square(landmarks: np.ndarray, margin: float = 1.15) -> Square:
    """The renderer's square: around the landmarks' box, its centre, `margin` times its side.

    Args:
        landmarks: (68, 2); nan for unknown points. What is left must hold the ends of the box
            (brows, chin, the widest of the jaw), as the London map does, or the square shrinks.
        margin: side over the longer side of the box.

    Raises:
        FacelabError: fewer than two points are known.
    """
    known = landmarks[np.isfinite(landmarks).all(axis=-1)]
    if len(known) < 2:
        raise FacelabError("no square around fewer than two landmarks")
    return square_crop(np.concatenate([known.min(axis=0), known.max(axis=0)]), margin)


def five_point_square(landmarks: np.ndarray, factor: float = 2.0) -> Square:
    """The Laplace paper's crop (Sec. 4): around pupils, nose and mouth corners, same centre.

    The paper writes six points where its detector (MTCNN) gives five, and "2x the radii"; read as
    side = 2 max(h, w) of the five points' box. On the neutral London faces 11 % of the 68 points
    then fall outside (the chin on every face, half of the upper jaw points, nothing inside the
    face), 3 % at factor 2.25, 0.1 % at 2.5 and none at 2.75.

    Args:
        landmarks: (68, 2); pupils are taken as the means of each eye's six points.
        factor: side over the longer side of the five points' box.
    """
    five = np.stack(
        [
            landmarks[LEFT_EYE].mean(axis=0),
            landmarks[RIGHT_EYE].mean(axis=0),
            landmarks[NOSE_TIP],
            *landmarks[list(MOUTH_CORNERS)],
        ]
    )  # (5, 2)
    return square_crop(np.concatenate([five.min(axis=0), five.max(axis=0)]), factor)


def jittered(square: Square, amount: float, generator: np.random.Generator) -> Square:
    """A square as a face detector might give it, which knows no landmarks.

    A square made from the true landmarks gives much away: in it the mean shape of the London
    faces, without looking at the picture, is within 5.2 % of the outer-eye distance.

    Args:
        square: the true one.
        amount: it is shifted by up to this fraction of its side in x and in y, and scaled by up to
            a factor of 1 + amount or its inverse, all uniform.
        generator: gives three numbers.
    """
    x, y, scale = generator.uniform(-amount, amount, size=3)
    side = square.side * (1 + abs(scale)) ** np.sign(scale)
    middle_x, middle_y = (edge + square.side / 2 for edge in (square.left, square.top))
    return Square(
        middle_x + x * square.side - side / 2, middle_y + y * square.side - side / 2, side
    )


def outside(landmarks: np.ndarray, square: Square) -> np.ndarray:
    """(68,) bool: the known landmarks that fall outside a square."""
    low = np.array([square.left, square.top])
    return ((landmarks < low) | (landmarks > low + square.side)).any(axis=-1)


def crop_and_resize(image: np.ndarray, square: Square, size: int) -> tuple[torch.Tensor, Transform]:
    """Cuts a square out of a photograph and resizes it, anti-aliased.

    Beyond the photograph its edge pixels are repeated. Shrinking averages over a triangle two
    output pixels wide, enlarging is bilinear.

    Args:
        image: uint8 (H, W, 3).
        square: in the image's pixels.
        size: side of the crop in pixels.

    Returns:
        f32 (3, size, size) in [0, 1], and the transform for `to_crop` and `to_image`.
    """
    height, width = image.shape[:2]
    if image.dtype != np.uint8 or image.shape != (height, width, 3):
        raise FacelabError(f"expected a uint8 (H, W, 3) image, got {image.dtype} {image.shape}")
    reach = 2 + int(np.ceil(square.side / size))  # what the filter sees beyond the edges
    left, top = int(np.floor(square.left)) - reach, int(np.floor(square.top)) - reach
    count = int(np.ceil(square.side)) + 2 * reach + 1
    rows = np.clip(np.arange(top, top + count), 0, height - 1)
    columns = np.clip(np.arange(left, left + count), 0, width - 1)
    part = Image.fromarray(np.ascontiguousarray(image[rows][:, columns]))
    x, y = square.left - left + 0.5, square.top - top + 0.5  # Pillow counts from pixel edges
    box = (x, y, x + square.side, y + square.side)
    resized = part.resize((size, size), Image.Resampling.BILINEAR, box=box)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).float() / 255  # (3, S, S)
    return pixels, Transform(square.left, square.top, size / square.side)


def to_crop(landmarks: np.ndarray, transform: Transform) -> np.ndarray:
    """Landmarks (..., 2) from image to crop pixels, f32."""
    corner = np.array([transform.left, transform.top])
    return ((landmarks - corner) * transform.scale - 0.5).astype(np.float32)


def to_image(landmarks: np.ndarray, transform: Transform) -> np.ndarray:
    """Landmarks (..., 2) from crop to image pixels, f32: the inverse of `to_crop`."""
    corner = np.array([transform.left, transform.top])
    return ((np.asarray(landmarks, np.float64) + 0.5) / transform.scale + corner).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Crops:
    """Photographs cut to one size, in the order of their records.

    Args:
        image: f32 (N, 3, S, S) in [0, 1].
        landmarks: f32 (N, 68, 2) in crop pixels; nan where unknown.
        visible: (N, 68) bool.
        transforms: N transforms; `to_image(points, crops.transforms[i])` goes back.
        records: where each came from.
    """

    image: torch.Tensor
    landmarks: torch.Tensor
    visible: torch.Tensor
    transforms: list[Transform]
    records: list[Record]

    def __len__(self) -> int:
        return len(self.records)


def crop_records(
    records: Sequence[Record],
    *,
    size: int,
    margin: float = 1.15,
    jitter: float = 0.0,
    seed: int = 0,
) -> Crops:
    """Loads and cuts photographs: 17 ms each for the London set's 1350x1350 pixels.

    The square is `landmark_square` where landmarks are annotated, else `square_crop` of the box;
    both agree where the box is that of the landmarks.

    Args:
        records: from any loader of `facelab.data`.
        size: side of the crops in pixels.
        margin: of the square; use the detector's own from training.
        jitter: `jittered`'s amount, 0 for none; a fair test of a detector has some.
        seed: of the jitter, which depends on nothing but this and the order of the records.

    Raises:
        FacelabError: a record has neither landmarks nor box; the message names its file.
        DataError: a photograph is damaged.
    """
    images, landmarks, transforms = [], [], []
    generator = np.random.default_rng(seed)
    for record in records:
        try:
            if np.isfinite(record.landmarks).any():
                square = landmark_square(record.landmarks, margin)
            else:
                square = square_crop(record.box, margin)
        except FacelabError as error:
            raise FacelabError(f"{record.path}: {error}") from error
        square = jittered(square, jitter, generator)
        pixels, transform = crop_and_resize(record.load(), square, size)
        images.append(pixels)
        transforms.append(transform)
        landmarks.append(torch.from_numpy(to_crop(record.landmarks, transform)))
    if not images:
        raise FacelabError("no records to cut crops from")
    visible = torch.from_numpy(np.stack([record.visible for record in records]))
    return Crops(torch.stack(images), torch.stack(landmarks), visible, transforms, list(records))
