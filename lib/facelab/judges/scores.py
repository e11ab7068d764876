"""How good a judge is: measures of its answers on people that it has never seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

EACH = 6  # pictures of each person in a test set


def confusion(log_probabilities: np.ndarray, emotion: np.ndarray, classes: int = 8) -> np.ndarray:
    """How often each emotion (row) is taken for each (column): shares of the row.

    Args:
        log_probabilities: (N, 8).
        emotion: (N,) the truth; -1 does not count.
        classes: how many.

    Returns:
        (8, 8), rows sum to 1; nan where an emotion does not occur.
    """
    shown = emotion >= 0
    table = np.zeros((classes, classes))
    np.add.at(table, (emotion[shown], log_probabilities[shown].argmax(1)), 1.0)
    total = table.sum(axis=1, keepdims=True)
    return np.divide(table, total, out=np.full_like(table, np.nan), where=total > 0)


def correct(log_probabilities: np.ndarray, emotion: np.ndarray) -> np.ndarray:
    """Which of the pictures with an emotion are recognised: (M,) of 0.0 and 1.0."""
    shown = emotion >= 0
    return (log_probabilities[shown].argmax(1) == emotion[shown]).astype(float)


def correlation(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pearson's r of each column, (N, U) twice to (U,); nan where one side does not vary."""
    a, b = found - found.mean(0), truth - truth.mean(0)
    scale = np.sqrt((a**2).sum(0) * (b**2).sum(0))
    return np.divide((a * b).sum(0), scale, out=np.full(len(scale), np.nan), where=scale > 1e-12)


def icc(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """ICC(3,1) of each column: agreement of two raters but for a constant (Shrout & Fleiss, 1979).

    (between - error) / (between + error), from the mean squares of a two-way analysis of variance
    with two raters. The usual measure for strengths of units; unlike r it asks for the same scale.

    Args:
        found, truth: (N, U), N > 1.

    Returns:
        (U,), at most 1; nan where neither side varies.
    """
    N = len(found)  # pictures
    both = np.stack([found, truth]).astype(float)  # (2, N, U)
    rows, raters, whole = both.mean(0), both.mean(1), both.mean((0, 1))  # (N, U), (2, U), (U,)
    between = 2 * ((rows - whole) ** 2).sum(0) / (N - 1)
    rest = both - rows[None] - raters[:, None] + whole
    error = (rest**2).sum((0, 1)) / (N - 1)
    total = between + error
    return np.divide(between - error, total, out=np.full_like(total, np.nan), where=total > 1e-12)


def pair_scores(embeddings: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of all pairs of pictures, of one person and of two.

    Args:
        embeddings: (N, D) unit vectors.
        people: (N,), every person equally often, at least twice.

    Returns:
        (P, G) those of each person's own G pairs, and (I,) those of two people.

    Raises:
        ValueError: a person occurs once, or more often than another.
    """
    names, number, counts = np.unique(people, return_inverse=True, return_counts=True)
    if counts.min() < 2 or counts.min() != counts.max():
        raise ValueError(
            f"expected every person equally often, at least twice; got {counts.min()} to "
            f"{counts.max()} pictures a person"
        )
    cosines = embeddings @ embeddings.T  # (N, N)
    i, j = np.triu_indices(len(people), 1)
    same = number[i] == number[j]
    own, values = number[i[same]], cosines[i[same], j[same]]
    genuine = values[np.argsort(own, kind="stable")].reshape(len(names), -1)  # (P, G)
    return genuine, cosines[i[~same], j[~same]]


def verification(
    genuine: np.ndarray, impostor: np.ndarray, *, rates: Sequence[float] = (0.01, 0.001)
) -> dict[str, np.ndarray]:
    """How well a threshold on the cosine tells one person's pairs from two people's.

    Args:
        genuine: (P, G) cosines of pairs of one person, see `pair_scores`.
        impostor: (I,) of two.
        rates: false acceptance rates, in (0, 1).

    Returns:
        Per person, so that intervals can be drawn over people: "AUC" (P,), the share of impostor
        pairs below each own pair, mean over own pairs (its mean over people is the area under the
        ROC curve); "TAR@..." (P,), the share of own pairs above the threshold that lets this rate
        of impostors pass.

    Raises:
        ValueError: a rate that so few impostor pairs cannot show (under one pair).
    """
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, side="left")
    upto = np.searchsorted(ordered, genuine, side="right")
    found = {"AUC": ((below + upto) / 2 / len(ordered)).mean(axis=1)}
    for rate in rates:
        passed = int(np.floor(rate * len(ordered)))
        if passed < 1:
            raise ValueError(
                f"a false acceptance rate of {rate:g} needs at least {1 / rate:.0f} pairs of two "
                f"people, got {len(ordered)}"
            )
        threshold = ordered[-passed]  # as many as `passed` lie at or above it
        found[f"TAR@{rate:g}"] = (genuine > threshold).mean(axis=1)
    return found


def roc(genuine: np.ndarray, impostor: np.ndarray, *, points: int = 200) -> pd.DataFrame:
    """The ROC curve: `far` from one pair in all to 1, evenly spaced in its logarithm, and `tar`."""
    ordered = np.sort(impostor)
    far = np.geomspace(1 / len(ordered), 1, points)
    passed = np.clip(np.floor(far * len(ordered)).astype(int), 1, len(ordered))
    own = np.sort(genuine.ravel())
    tar = 1 - np.searchsorted(own, ordered[-passed], side="right") / len(own)
    return pd.DataFrame({"far": far, "tar": tar})


def geometry_errors(
    depth: Tensor,
    normals: Tensor,
    head: Tensor,
    true_depth: Tensor,
    true_normals: Tensor,
    true_head: Tensor,
) -> Tensor:
    """Errors of maps, a picture at a time; depth and normals inside the true head.

    Args:
        depth, true_depth: (B, H, W) cm.
        normals, true_normals: (B, 3, H, W) unit vectors.
        head, true_head: (B, H, W) bool.

    Returns:
        (B, 3): mean |d - d*| in cm, mean angle in degrees, intersection over union of the heads.
    """
    inside = true_head.to(depth.dtype)
    count = inside.sum(dim=(1, 2)).clamp_min(1.0)  # (B,)
    angle = torch.rad2deg(torch.acos((normals * true_normals).sum(1).clamp(-1, 1)))  # (B, H, W)
    both = (head & true_head).sum(dim=(1, 2)) / (head | true_head).sum(dim=(1, 2)).clamp_min(1)
    return torch.stack(
        [
            ((depth - true_depth).abs() * inside).sum(dim=(1, 2)) / count,
            (angle * inside).sum(dim=(1, 2)) / count,
            both,
        ],
        dim=1,
    )


def explained(error: np.ndarray, groups: dict[str, int]) -> dict[str, Any]:
    """Share of each factor's variance that is explained, a picture at a time.

    Args:
        error: (N, T) squared errors over the variance; nan columns, which do not vary, are passed
            over.
        groups: how many columns each factor has.

    Returns:
        Factor -> (N,); the mean over pictures is 1 - error / variance, negative for who does worse
        than always answering the mean. A factor that never varies is left out.
    """
    ends = np.cumsum(list(groups.values()))
    parts = np.split(error, ends[:-1], axis=1)
    return {
        name: 1 - np.nanmean(part, axis=1)
        for name, part in zip(groups, parts, strict=True)
        if np.isfinite(part).any()
    }
