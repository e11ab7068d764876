"""Questions beyond the paper (section 6 of ``10_laplace``): pure functions of results.

What the exact truth of rendered faces lets us ask, and the errors on real photographs.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from facelab import faces, metrics
from facelab.data import adaptation
from facelab.data.records import Record
from facelab.papers.laplace.tables import SUBSETS, Row
from facelab.statistics import Estimate, bootstrap_mean


def point_errors(row: Row) -> tuple[np.ndarray, np.ndarray]:
    """Error (percent) and scale b (pixels) of every predicted landmark, common faces first.

    Returns:
        Two arrays (S, N, K).
    """
    both = [
        np.stack([np.concatenate([result[p][key] for p in SUBSETS[:2]]) for result in row])
        for key in ("points", "scale")
    ]
    return both[0], both[1]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation of two arrays of one shape, in [-1, 1]; nan where one is flat."""
    ranks = [pd.Series(np.ravel(x)).rank().to_numpy() for x in (a, b)]
    if any(r.std() == 0 for r in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def calibration(errors: np.ndarray, scales: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Does a wide heatmap mean a large error? Predictions in bins of equal count, by scale.

    Args:
        errors: distance of each predicted landmark to the true one, any shape.
        scales: spread of its heatmap, same shape and unit.
        bins: number of bins.

    Returns:
        Columns ``scale`` and ``error`` (the bin's means) and ``count``, one row a bin.
    """
    order = np.argsort(np.ravel(scales), kind="stable")
    parts = np.array_split(order, bins)
    errors, scales = np.ravel(errors), np.ravel(scales)
    return pd.DataFrame(
        {
            "scale": [scales[p].mean() for p in parts],
            "error": [errors[p].mean() for p in parts],
            "count": [len(p) for p in parts],
        }
    )


def agreement(errors: np.ndarray, scales: np.ndarray) -> dict[str, float]:
    """Rank correlation of error and scale, over all predictions and within each landmark.

    Jaw points are both wider and worse than eye corners, which alone makes the first positive; the
    second asks whether the *same* landmark is wider on the faces on which it is worse.

    Args:
        errors, scales: (S, N, K).
    """
    K = errors.shape[-1]
    within = [rank_correlation(errors[..., k], scales[..., k]) for k in range(K)]
    return {"all": rank_correlation(errors, scales), "within landmark": float(np.nanmean(within))}


def yaw(common: int, challenge: int) -> np.ndarray:
    """How far the head of each test face is turned, common faces first.

    Args:
        common, challenge: how many faces of each, as in `LaplaceRun.test`.

    Returns:
        (N,) degrees from the frontal view, not signed.
    """
    counts = {"common": (common, 3), "challenge": (challenge, 4)}  # and the seeds of `data`
    poses = [
        faces.sample(count, seed=seed, split="test", difficulty=name).pose
        for name, (count, seed) in counts.items()
    ]
    return np.abs(np.concatenate(poses)[:, 0])


def by_bins(values: np.ndarray, by: np.ndarray, edges: tuple[float, ...]) -> pd.DataFrame:
    """Mean of ``values`` (N,) in each interval [edge, next edge) of ``by`` (N,).

    Returns:
        Columns ``from``, ``to``, ``mean`` (nan where empty) and ``count``.
    """
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = (by >= low) & (by < high)
        mean = values[inside].mean() if inside.any() else np.nan
        rows.append({"from": low, "to": high, "mean": mean, "count": int(inside.sum())})
    return pd.DataFrame(rows)


def other_crop(
    landmarks: np.ndarray, old: Mapping[str, float], new: Mapping[str, float]
) -> np.ndarray:
    """Landmarks (..., 2) of one square crop in another about the same centre.

    Args:
        landmarks: pixels, (0, 0) the centre of the top-left one.
        old, new: "size" in pixels, and "margin", the side over that of the landmarks' box.
    """
    scale = new["size"] / old["size"] * old["margin"] / new["margin"]
    return (landmarks - (old["size"] - 1) / 2) * scale + (new["size"] - 1) / 2


def set_aside(records: Sequence[Record]) -> np.ndarray:
    """Which of the photographs (N,) show people on whom the offsets are fitted."""
    people = {record.identity for record in adaptation.split_people(records)[0]}
    return np.array([record.identity in people for record in records])


def london(
    predicted: Mapping[str, np.ndarray],
    truth: np.ndarray,
    *,
    aside: np.ndarray,
    shared: np.ndarray,
) -> dict[str, dict[str, np.ndarray]]:
    """Errors on real photographs, as predicted and with label adaptation.

    The offsets of each method are fitted on the people set aside, and nobody else is tested.

    Args:
        predicted: (N, 68, 2) by method, in the pixels of ``truth``.
        truth: (N, 68, 2).
        aside: (N,) bool, the people for the offsets.
        shared: (68,) bool, the points that the photographs' annotation marks reliably.

    Returns:
        By method: "as predicted" and "adapted" (M,) percent of the outer-eye distance over the
        shared points, "as predicted, all 68" and "adapted, all 68", and "landmarks" (M, 68, 2)
        adapted, of the M people tested.
    """
    found = {}
    for name, points in predicted.items():
        offsets = adaptation.fit_offsets(points[aside], truth[aside])
        adapted = adaptation.apply_offsets(points[~aside], offsets)
        found[name] = {"landmarks": adapted}
        for kind, moved in (("as predicted", points[~aside]), ("adapted", adapted)):
            found[name][kind] = metrics.nme(moved, truth[~aside], visible=shared)
            found[name][f"{kind}, all 68"] = metrics.nme(moved, truth[~aside])
    return found


def london_cells(
    found: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[tuple[str, str], Estimate]:
    """What `london` found as means with intervals, by (method, kind)."""
    kinds = ("as predicted", "adapted", "as predicted, all 68", "adapted, all 68")
    return {
        (name, kind): bootstrap_mean(measured[kind])
        for name, measured in found.items()
        for kind in kinds
    }
