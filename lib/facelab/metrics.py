"""Errors of landmarks, and how to sum them up.

Everything here takes numpy arrays or torch tensors and returns numpy. Percentages are of the
normaliser; every table states which one, because the three differ by a factor of two.
"""

from typing import Any

import numpy as np

from facelab import FacelabError

OUTER_EYES = (36, 45)  # iBUG-68
NORMALISERS = ("outer_eyes", "box", "box_area")


def nme(
    predicted: Any, landmarks: Any, *, normaliser: Any = "outer_eyes", visible: Any = None
) -> np.ndarray:
    """Normalised mean error in percent, one number a face (Laplace paper, Eq. 8).

    100 / K * sum_k ||predicted_k - landmarks_k||_2 / d, the mean over the landmarks that count.

    Args:
        predicted: (N, K, 2) pixels.
        landmarks: (N, K, 2) the same pixels; nan where not annotated.
        normaliser: d. "outer_eyes", the distance of landmarks 36 and 45 (300-W); "box", the longer
            side of the landmarks' box; "box_area", the square root of its area (AFLW, where the
            data set's own box should be given instead); or (N,) pixels.
        visible: (N, K) or (K,) bool, the landmarks that count; by default all. Landmarks that are
            nan never count.

    Returns:
        f64 (N,) percent.

    Raises:
        FacelabError: shapes that do not fit, a prediction that is not finite, a normaliser that
            is zero or unknown (the message names the face), or a face on which nothing counts.
    """
    error, counts = _errors(predicted, landmarks, normaliser, visible)  # (N, K)
    empty = np.flatnonzero(~counts.any(axis=1))
    if len(empty):
        raise FacelabError(f"face {empty[0]} has no landmark that counts")
    return np.where(counts, error, 0.0).sum(axis=1) / counts.sum(axis=1)


def per_point(
    predicted: Any, landmarks: Any, *, normaliser: Any = "outer_eyes", visible: Any = None
) -> np.ndarray:
    """Mean error of each landmark over the faces on which it counts, f64 (K,) percent.

    Arguments and errors as in `nme`; nan for a landmark that counts on no face.
    """
    error, counts = _errors(predicted, landmarks, normaliser, visible)
    total, count = np.where(counts, error, 0.0).sum(axis=0), counts.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def failure_rate(errors: Any, threshold: float = 8.0) -> float:
    """Percentage of faces whose error exceeds `threshold` percent (8 and 10 are both in use)."""
    return float(100.0 * np.mean(_sample(errors) > threshold))


def cumulative_errors(errors: Any, thresholds: Any) -> np.ndarray:
    """The cumulative error distribution: fraction of faces, in [0, 1], at or below each threshold.

    Args:
        errors: (N,) percent.
        thresholds: (T,) percent.

    Returns:
        f64 (T,).
    """
    ordered = np.sort(_sample(errors))
    return np.searchsorted(ordered, _array(thresholds), side="right") / len(ordered)


def ced_auc(errors: Any, threshold: float = 8.0) -> float:
    """Percentage of the area under the cumulative error curve from 0 to `threshold` percent.

    The curve is a step function, so its area is exact: each face adds max(0, threshold - error).
    """
    if not threshold > 0:
        raise FacelabError(f"the threshold must be positive, not {threshold}")
    return float(100.0 * np.maximum(0.0, threshold - _sample(errors)).mean() / threshold)


def spread(probabilities: Any) -> np.ndarray:
    """How far a heatmap scatters about its own mean: sum_x p(x) ||x - mean||_2, in map pixels.

    The Laplace paper's statistic (Sec. 4, 1.02 against 2.59 pixels of its 80x80 maps).

    Args:
        probabilities: (..., H, W), each map non-negative with sum 1.

    Returns:
        f64 (...) pixels.

    Raises:
        FacelabError: a map is negative somewhere or does not sum to 1 within 1e-3.
    """
    maps = _array(probabilities)
    total = maps.sum(axis=(-2, -1))
    if (maps < 0).any() or not (np.abs(total - 1) < 1e-3).all():
        raise FacelabError("spread needs heatmaps that are non-negative and sum to 1")
    height, width = maps.shape[-2:]
    x, y = np.arange(width), np.arange(height)
    mean_x = (maps.sum(axis=-2) * x).sum(axis=-1) / total  # (...)
    mean_y = (maps.sum(axis=-1) * y).sum(axis=-1) / total
    distance = np.hypot(
        x[None, :] - mean_x[..., None, None], y[:, None] - mean_y[..., None, None]
    )  # (..., H, W)
    return (maps * distance).sum(axis=(-2, -1)) / total


def _errors(
    predicted: Any, landmarks: Any, normaliser: Any, visible: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Percent errors (N, K), nan where not annotated, and which of them count (N, K) bool."""
    predicted, landmarks = _array(predicted), _array(landmarks)
    if predicted.ndim != 3 or predicted.shape[-1] != 2 or predicted.shape != landmarks.shape:
        raise FacelabError(
            f"expected predicted and true landmarks (N, K, 2), got {predicted.shape} and "
            f"{landmarks.shape}"
        )
    counts = np.isfinite(landmarks).all(axis=-1)  # (N, K)
    if visible is not None:
        counts = counts & np.broadcast_to(_array(visible).astype(bool), counts.shape)
    if not np.isfinite(predicted[counts]).all():
        raise FacelabError("a predicted landmark is not finite")
    distance = np.linalg.norm(predicted - landmarks, axis=-1)  # (N, K)
    return 100.0 * distance / _normaliser(landmarks, normaliser)[:, None], counts


def _normaliser(landmarks: np.ndarray, normaliser: Any) -> np.ndarray:
    """(N,) pixels, finite and positive."""
    if isinstance(normaliser, str):
        if normaliser == "outer_eyes":
            if landmarks.shape[1] != 68:
                raise FacelabError(f"'outer_eyes' needs 68 landmarks, got {landmarks.shape[1]}")
            size = np.linalg.norm(landmarks[:, OUTER_EYES[1]] - landmarks[:, OUTER_EYES[0]], axis=1)
        elif normaliser in NORMALISERS:
            known = np.where(np.isfinite(landmarks), landmarks, -np.inf).max(axis=1)
            sides = known - np.where(np.isfinite(landmarks), landmarks, np.inf).min(axis=1)
            size = sides.max(axis=1) if normaliser == "box" else np.sqrt(sides.prod(axis=1))
        else:
            raise FacelabError(f"unknown normaliser {normaliser!r}: expected {NORMALISERS}")
    else:
        size = np.broadcast_to(_array(normaliser), len(landmarks))
    bad = np.flatnonzero(~(np.isfinite(size) & (size > 0)))
    if len(bad):
        raise FacelabError(f"the normaliser of face {bad[0]} is {size[bad[0]]:g}, not positive")
    return size


def _array(values: Any) -> np.ndarray:
    """f64 numpy from numpy, torch (any device, with or without gradient) or lists."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64)


def _sample(errors: Any) -> np.ndarray:
    errors = _array(errors)
    if errors.ndim != 1 or len(errors) == 0 or not np.isfinite(errors).all():
        raise FacelabError(f"expected finite errors (N,), N > 0, got shape {errors.shape}")
    return errors
