"""Questions beyond the paper (section 6 of ``10_laplace``): pure functions of results.

What the exact truth of rendered faces lets us ask, and the errors on real photographs.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from facelab import faces, metrics, plots
from facelab.data import adaptation, london_map
from facelab.data.crops import crop_records
from facelab.data.records import Record
from facelab.papers.laplace import inference
from facelab.papers.laplace.experiments import LaplaceRun
from facelab.papers.laplace.tables import SUBSETS, Row
from facelab.statistics import LEVEL, Estimate, bootstrap_mean


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


def agreement_difference(
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    *,
    resamples: int = 300,
    seed: int = 0,
) -> Estimate:
    """By how much scale and error agree better under one method than under another.

    The difference of the rank correlations within landmarks (`agreement`), with a bootstrap over
    test faces, and over trainings where there are several; both methods get the same draws, and
    each draw is ranked anew.

    Args:
        first, second: (errors, scales), each (S, N, K), of the same faces; of trainings, the first
            that both have are compared.
        resamples: number of bootstrap draws.
        seed: of the draws.

    Returns:
        First minus second; positive where the first method's scale tells more about its error.
    """
    S = min(len(first[0]), len(second[0]))
    N = first[0].shape[1]
    sides = [[_sorted(array[:S]) for array in side] for side in (first, second)]
    rng, drawn = np.random.default_rng(seed), np.empty(resamples)
    for i in range(resamples):
        samples = np.bincount(rng.integers(N, size=N), minlength=N)
        seeds = np.bincount(rng.integers(S, size=S), minlength=S)
        counts = np.outer(seeds, samples).ravel()  # (S * N,)
        there, back = (_counted_agreement(*side, counts) for side in sides)
        drawn[i] = there - back
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    found = [
        agreement(*(array[:S] for array in side))["within landmark"] for side in (first, second)
    ]
    return Estimate(value=found[0] - found[1], low=float(low), high=float(high), n=N, seeds=S)


def _sorted(values: np.ndarray) -> np.ndarray:
    """Which prediction of each landmark is smallest, next, ...: (S, N, K) to (K, S * N)."""
    return np.argsort(values.reshape(-1, values.shape[-1]).T, axis=1, kind="stable")


def _counted_agreement(by_error: np.ndarray, by_scale: np.ndarray, counts: np.ndarray) -> float:
    """Mean rank correlation where prediction m stands counts[m] times; orders by `_sorted`."""
    away = []
    for order in (by_error, by_scale):
        many = counts[order]  # (K, M)
        rank = np.empty(order.shape)
        # Copies share the middle of their ranks.
        np.put_along_axis(rank, order, many.cumsum(1) - (many - 1) / 2, axis=1)
        away.append(rank - (counts.sum() + 1) / 2)
    a, b = away
    spread = np.sqrt((a * a) @ counts * ((b * b) @ counts))  # (K,)
    return float(((a * b) @ counts / spread).mean()) if (spread > 0).all() else float("nan")


def agreement_answer(difference: Estimate, first: str, second: str) -> str:
    """What the interval of `agreement_difference` says, as a sentence."""
    if not difference.settled:
        return f"Undecided between {first} and {second}: the interval holds zero."
    more, less = (first, second) if difference.value > 0 else (second, first)
    return f"The scale of {more} predicts its error better than that of {less}."


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


def turned_and_hidden(
    rows: Mapping[str, Row], yaw: np.ndarray, seen: np.ndarray
) -> tuple[dict[str, pd.DataFrame], dict[str, list[float]]]:
    """Error by the yaw of the head (`by_bins`), and of visible and of hidden points; by method.

    Args:
        rows: results by method.
        yaw: (N,) degrees.
        seen: (N, 68) bool.
    """
    errors = {name: point_errors(row)[0].mean(0) for name, row in rows.items()}  # (N, 68)
    edges = (0, 10, 20, 30, 45, 90)
    turned = {name: by_bins(found.mean(1), yaw, edges) for name, found in errors.items()}
    hidden = {name: [found[seen].mean(), found[~seen].mean()] for name, found in errors.items()}
    return turned, hidden


def gain_by_part(before: np.ndarray, after: np.ndarray) -> pd.DataFrame:
    """By how much errors fall on each part of the face, with intervals.

    Args:
        before, after: (S, N, 68) percent, the same trainings and faces.

    Returns:
        By part: ``percent``, ``low``, ``high``, and ``sign``: "settled" where the interval excludes
        zero.
    """
    gain, lines = before - after, {}
    for part, (i, j, _) in plots.PARTS.items():
        found = bootstrap_mean(gain[..., i:j].mean(-1))
        ends = {"percent": found.value, "low": found.low, "high": found.high}
        lines[part] = {**ends, "sign": "settled" if found.settled else "open"}
    return pd.DataFrame(lines.values(), index=list(lines))


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


def on_photographs(
    records: Sequence[Record], detectors: Mapping[str, LaplaceRun], shape: np.ndarray, crop: Any
) -> tuple[torch.Tensor, dict[str, dict[str, np.ndarray]]]:
    """Detectors, and the mean shape, on photographs cropped as a face detector would: shaken.

    Args:
        records: photographs with 68 landmarks.
        detectors: by name, all with crops of one size and margin.
        shape: (1, 68, 2) the mean shape of training faces, in pixels of ``crop``.
        crop: "size" and "margin" of those.

    Returns:
        The crops of the people tested (M, 3, S, S), and what `london` finds.
    """
    run = next(iter(detectors.values()))
    own = {"size": run.size, "margin": run.margin}
    crops = crop_records(records, jitter=0.05, **own)
    moved = other_crop(shape, crop, own)
    predicted = {"Mean shape": np.repeat(moved, len(crops), axis=0)}  # (N, 68, 2)
    for name, run in detectors.items():
        detector = inference.Detector(run.run()["weights"], size=run.size)
        predicted[name] = detector.predict(crops.image).landmarks
    aside = set_aside(records)
    truth, shared = crops.landmarks.numpy(), london_map.shared()
    return crops.image[~aside], london(predicted, truth, aside=aside, shared=shared)


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
