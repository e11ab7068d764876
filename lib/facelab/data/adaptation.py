"""Label adaptation: a fixed offset per landmark between two conventions of marking a face.

An annotator does not click where a mesh vertex lies: brows are marked on their upper edge, the
jaw on the silhouette, lips a little outside. A detector trained on synthetic faces inherits the
mesh's convention, and a constant difference is then counted as its error. The remedy (after Wood
et al., ICCV 2021, who train a network for it) is a constant offset for each landmark in the face's
own frame, learnt from a few people who take no part in the test. Report both numbers.
"""

from collections.abc import Sequence

import numpy as np

from facelab import FacelabError
from facelab.data.records import Record

# The iBUG index at the mirrored place of the face.
MIRROR = np.array(
    [
        *range(16, -1, -1),  # jaw
        *range(26, 16, -1),  # brows
        *(27, 28, 29, 30, 35, 34, 33, 32, 31),  # nose
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),  # eyes
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),  # outer lips
        *(64, 63, 62, 61, 60, 67, 66, 65),  # inner lips
    ]
)


def split_people(
    records: Sequence[Record], *, calibration: int = 8
) -> tuple[list[Record], list[Record]]:
    """Sets a few people aside for `fit_offsets`; the test is on the others, always the same ones.

    The first `calibration` identities in sorted order: for the London set's neutral photographs
    001, 002, 004, 005, 007, 008, 010 and 011, so 60 people remain.

    Returns:
        The records of the people set aside, and those of the rest, each in the order given.

    Raises:
        FacelabError: a record has no identity, or too few people would remain.
    """
    unknown = [record.path for record in records if record.identity is None]
    if unknown:
        raise FacelabError(f"{unknown[0]}: no identity, so people cannot be set aside")
    identities = sorted({record.identity for record in records})
    if not 0 < calibration < len(identities):
        raise FacelabError(f"cannot set {calibration} of {len(identities)} people aside")
    aside = set(identities[:calibration])
    return (
        [record for record in records if record.identity in aside],
        [record for record in records if record.identity not in aside],
    )


def fit_offsets(
    predicted: np.ndarray, annotated: np.ndarray, *, symmetric: bool = True
) -> np.ndarray:
    """The mean difference of annotated and predicted landmarks in the frame of the predicted face.

    The frame has the line through the two eyes' centres as x, and their distance as its unit, so
    an offset fits faces of any size and roll.

    Args:
        predicted: (N, 68, 2) in any pixels, all finite.
        annotated: (N, 68, 2) in the same pixels; nan where not annotated.
        symmetric: average with the mirror image, which doubles the evidence for each number; an
            annotator's habits know no side.

    Returns:
        f32 (68, 2) in eye distances; 0 for a landmark that is annotated on no face.

    Raises:
        FacelabError: the shapes differ, no faces, or a predicted landmark is not finite.
    """
    predicted, annotated = _points(predicted), np.asarray(annotated, dtype=np.float64)
    if predicted.shape != annotated.shape or len(predicted) == 0:
        shapes = f"{predicted.shape} predicted and {annotated.shape} annotated"
        raise FacelabError(f"offsets need as many annotated as predicted faces, got {shapes}")
    frame = _frames(predicted)  # (N, 2, 2)
    difference = np.einsum("nji,nkj->nki", frame, annotated - predicted)  # (N, 68, 2)
    difference /= np.linalg.det(frame)[:, None, None]  # the squared eye distance
    known = np.isfinite(difference)
    total, count = np.where(known, difference, 0.0).sum(axis=0), known.sum(axis=0)  # (68, 2)
    if symmetric:
        total = total + total[MIRROR] * [-1, 1]
        count = count + count[MIRROR]
    return (total / np.maximum(count, 1)).astype(np.float32)


def apply_offsets(landmarks: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Moves predicted landmarks by `fit_offsets`' result, each face in its own frame.

    Args:
        landmarks: (N, 68, 2) or (68, 2) in pixels, all finite.
        offsets: (68, 2) in eye distances.

    Returns:
        f32, the shape of `landmarks`.
    """
    points = _points(landmarks)
    moved = points + np.einsum("nij,kj->nki", _frames(points), np.asarray(offsets, np.float64))
    return moved.astype(np.float32).reshape(np.shape(landmarks))


def _points(landmarks: np.ndarray) -> np.ndarray:
    points = np.asarray(landmarks, dtype=np.float64)
    if points.ndim not in (2, 3) or points.shape[-2:] != (68, 2):
        raise FacelabError(f"expected landmarks (N, 68, 2), got {points.shape}")
    if not np.isfinite(points).all():
        raise FacelabError("expected finite predicted landmarks")
    return points.reshape(-1, 68, 2)


def _frames(points: np.ndarray) -> np.ndarray:
    """(N, 2, 2): columns are the face's x and y axis in pixels, one eye distance long."""
    x = points[:, 42:48].mean(axis=1) - points[:, 36:42].mean(axis=1)  # (N, 2)
    if not (np.linalg.norm(x, axis=1) > 0).all():
        raise FacelabError("a predicted face has both eyes in one place")
    y = np.stack([-x[:, 1], x[:, 0]], axis=1)
    return np.stack([x, y], axis=2)
