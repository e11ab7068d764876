"""From runs to the tables and figures of Laplace Landmark Localization: pure functions.

Each takes plain results (what `experiments` returns) or plain numbers, and gives the cells of a
table for the lab book's `beside`, or the numbers behind a figure. Nothing here trains, draws or
reads a file, so the cells of the notebook ``10_laplace`` stay short.

A *row* is a list of results of one method, one for each seed, all tested on the same faces.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from facelab import metrics
from facelab.data import adaptation
from facelab.papers.laplace.model import RCN
from facelab.statistics import Estimate, bootstrap_mean

Row = Sequence[Mapping[str, Any]]  # results of one method, by seed

SUBSETS = ("common", "challenge", "full")  # of 300-W; full is both

WIDTHS = (4, 8, 16, 32, 64)  # channels of Table 3, 1/16 to 1

# Which of our layers are which of Table 1's, in the order of the forward pass.
_NAMES = {
    "encoder": ("E1", "E2", "E3", "E4"),
    "coarsest": ("coarsest, first (not listed)", "coarsest, second (not listed)"),
    "reduce": ("D4", "D3", "D2", "D1"),
    "recombine": ("DF after D4", "DF after D3", "DF after D2", "DF after D1"),
    "head": ("DF, 1x1", "heatmaps (not listed)"),
    "output": ("Output",),
}


def architecture(
    *, channels: int = 64, landmarks: int = 68, size: int = 80
) -> dict[tuple[str, str], float]:
    """Table 1 as built: the convolutions of `RCN` in the order in which they run.

    Args:
        channels: width c of the encoder.
        landmarks: number K of heatmaps.
        size: height and width of the input in pixels, a multiple of 16.

    Returns:
        By (row, column), as the lab book's `beside` takes it. Rows are the paper's names of the
        layers; columns are "kernel" (side), "inputs" and "outputs" (channels), "size" (side of the
        result, before any pooling or up-sampling) and "parameters". The last row has their total.
    """
    network = RCN(channels=channels, landmarks=landmarks).eval()
    cells: dict[tuple[str, str], float] = {}

    def note(name: str):
        group, _, index = name.partition(".")
        row = _NAMES[group][int(index or 0)]

        def hook(layer, _, result):
            cells[row, "kernel"] = layer.kernel_size[0]
            cells[row, "inputs"] = layer.in_channels
            cells[row, "outputs"] = layer.out_channels
            cells[row, "size"] = result.shape[-1]
            cells[row, "parameters"] = sum(p.numel() for p in layer.parameters())

        return hook

    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(note(name))
    with torch.no_grad():
        network(torch.zeros(1, 3, size, size))
    cells["all", "parameters"] = sum(
        v for (_, column), v in cells.items() if column == "parameters"
    )
    return cells


def parameter_counts(published: dict[int, float], widths: tuple[int, ...] = WIDTHS) -> pd.DataFrame:
    """Parameters of `RCN` at each width beside the paper's.

    Args:
        published: millions of parameters as printed, by channels (Table 3).
        widths: the channels to count.

    Returns:
        Columns ``channels``, ``paper`` (millions, nan where not published) and ``ours`` (a count).
    """
    counts = [sum(p.numel() for p in RCN(channels=c).parameters()) for c in widths]
    paper = [published.get(c, np.nan) for c in widths]
    return pd.DataFrame({"channels": list(widths), "paper": paper, "ours": counts})


def best_scale(distances: np.ndarray) -> np.ndarray:
    """The predicted scale b that minimises `losses.laplace_kl` at each distance |D|, target b = 1.

    Where the slope in b vanishes, 1/b = (1 + u) exp(-u) with u = |D|/b. Both are known functions
    of u, which is solved for by interpolation.

    Args:
        distances: |D| in pixels, in [0, 1000].

    Returns:
        b in pixels, same shape; 1 at D = 0 and growing with D.

    Raises:
        ValueError: for distances outside the range.
    """
    distances = np.asarray(distances, dtype=float)
    if not ((distances >= 0) & (distances <= 1000)).all():
        raise ValueError("distances must lie in [0, 1000] pixels")
    u = np.linspace(0.0, 10.0, 20001)
    b = np.exp(u) / (1.0 + u)
    return np.interp(distances, u * b, b)


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


def per_face(row: Row, subset: str = "full", measure: str = "nme") -> np.ndarray:
    """One measure of each test face, by seed.

    Args:
        row: results of one method.
        subset: one of `SUBSETS`.
        measure: "nme" (percent) or "spread" (pixels of the map).

    Returns:
        (S, N) seeds by faces; "full" has the common faces first.
    """
    if subset not in SUBSETS:
        raise ValueError(f"subset is one of {', '.join(SUBSETS)}, got {subset!r}")
    parts = SUBSETS[:2] if subset == "full" else (subset,)
    return np.stack([np.concatenate([result[p][measure] for p in parts]) for result in row])


def cells(
    rows: Mapping[str, Row],
    *,
    columns: Mapping[str, str] | None = None,
    measure: str = "nme",
) -> dict[tuple[str, str], Estimate]:
    """Means with intervals of all rows, by (row, column).

    Args:
        rows: results by the name of the table's row.
        columns: subset by the name of the table's column; by default the subsets themselves.
        measure: see `per_face`.
    """
    columns = columns or {subset: subset for subset in SUBSETS}
    return {
        (name, column): bootstrap_mean(per_face(row, subset, measure))
        for name, row in rows.items()
        for column, subset in columns.items()
    }


def scaled(
    cells: Mapping[tuple[str, str], Estimate], factor: float
) -> dict[tuple[str, str], Estimate]:
    """Cells in another unit, ``factor`` of which make one of the old."""
    ends = ("value", "low", "high")
    return {
        key: replace(found, **{end: factor * getattr(found, end) for end in ends})
        for key, found in cells.items()
    }


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


def all_results(*groups: Mapping[Any, Row]) -> list[Mapping[str, Any]]:
    """Every result in some groups of rows, for the provenance of a table."""
    return [result for group in groups for row in group.values() for result in row]


def tidy(cells: Mapping[tuple[Any, str], Estimate]) -> pd.DataFrame:
    """Cells as lines, for the data of a figure: ``row``, ``column``, ``value``, ``low``, ``high``.

    A row that is a pair becomes two columns, ``row`` and ``at``.
    """
    lines = []
    for (row, column), estimate in cells.items():
        name = (
            dict(zip(("row", "at"), row, strict=True)) if isinstance(row, tuple) else {"row": row}
        )
        ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        lines.append({**name, "column": column, **ends})
    return pd.DataFrame(lines)


def tidy_series(
    series: Mapping[str, tuple[Sequence[float], Sequence[Estimate]]],
) -> pd.DataFrame:
    """Curves of estimates over x as lines: ``name``, ``x``, ``value``, ``low``, ``high``."""
    return pd.DataFrame(
        {"name": name, "x": x, "value": e.value, "low": e.low, "high": e.high}
        for name, (places, found) in series.items()
        for x, e in zip(places, found, strict=True)
    )


def table_3(rows: Mapping[tuple[str, str], Row]) -> dict[tuple[str, str], Estimate]:
    """Table 3's errors: full test set, by (method, fraction), from results by the same."""
    return {key: bootstrap_mean(per_face(row)) for key, row in rows.items()}


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
