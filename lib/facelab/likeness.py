"""How far one set of frontal faces is from another: proportions, colours, mean shapes, neighbours.

Notebook 01_faces, section 8, sets synthetic faces beside photographs with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from facelab.metrics import OUTER_EYES

CHEEK = (2, 31)  # half way between these two landmarks lies smooth skin
# Distances between landmarks that make up a face's proportions
SPANS = {
    "face width": (1, 15),
    "chin to nose": (8, 33),
    "nose length": (27, 33),
    "nose width": (31, 35),
    "mouth width": (48, 54),
    "lips' height": (51, 57),
    "eye opening": (37, 41),
    "brow above eye": (19, 37),
}


def describe(images: Any, landmarks: Any) -> pd.DataFrame:
    """Proportions and colours of faces, all in percent.

    Lengths are in percent of the distance of the outer eye corners, colours and detail of a patch
    of the cheek in percent of white. Detail is the mean difference of pixels one below the other.

    Args:
        images: (N, 3, S, S) in [0, 1], the faces upright and cropped alike.
        landmarks: (N, 68, 2) pixels.

    Returns:
        A line for each face.
    """
    images, points = np.asarray(images), np.asarray(landmarks)
    unit = _outer_eyes(points)  # (N,)

    def length(i: int, j: int) -> np.ndarray:
        return 100 * np.linalg.norm(points[:, i] - points[:, j], axis=1) / unit

    found = {name: length(i, j) for name, (i, j) in SPANS.items()}
    centres = points[:, CHEEK].mean(1).astype(int)  # (N, 2)
    r = images.shape[-1] // 16
    cut = [
        image[:, y - r : y + r, x - r : x + r]
        for image, (x, y) in zip(images, centres, strict=True)
    ]
    patch = 100 * np.stack(cut)  # (N, 3, 2r, 2r)
    for k, name in enumerate(("red", "green", "blue")):
        found[f"cheek, {name}"] = patch[:, k].mean((1, 2))
    found["cheek, detail"] = np.abs(np.diff(patch.mean(1), axis=1)).mean((1, 2))
    return pd.DataFrame(found)


def gaps(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.Series:
    """Difference of the means in standard deviations between people, for each measure."""
    pooled = np.sqrt((ours.var() + theirs.var()) / 2)
    return (ours.mean() - theirs.mean()) / pooled


def mean_shape(landmarks: Any) -> np.ndarray:
    """The mean of faces (N, 68, 2) laid eye on eye: (68, 2).

    In outer-eye distances, from the middle between the eyes.
    """
    points = np.asarray(landmarks)
    eyes = points[:, 36:48].mean(1, keepdims=True)  # (N, 1, 2)
    return ((points - eyes) / _outer_eyes(points)[:, None, None]).mean(0)


def nearest(
    wanted: pd.DataFrame, among: pd.DataFrame, *, unit: Mapping[str, float], barred: np.ndarray
) -> np.ndarray:
    """The line of `among` that is most like each line of `wanted`: (M,) positions.

    Args:
        wanted: (M, K) measures.
        among: (N, K) measures, the same columns.
        unit: by column, what counts as one step apart, such as a standard deviation.
        barred: (M, N) truth values, pairs that are not to be formed.

    Raises:
        ValueError: columns that differ, or a line for which all are barred.
    """
    columns = list(wanted.columns)
    if set(columns) != set(among.columns) or set(columns) != set(unit):
        raise ValueError(f"expected columns and units {columns}, got {list(among)}, {list(unit)}")
    if barred.all(axis=1).any():
        raise ValueError("all pairs with a line are barred: nobody is left for it")
    steps = np.array([unit[name] for name in columns])  # (K,)
    away = wanted.to_numpy()[:, None] - among[columns].to_numpy()[None]  # (M, N, K)
    return np.where(barred, np.inf, ((away / steps) ** 2).sum(-1)).argmin(1)


def _outer_eyes(points: np.ndarray) -> np.ndarray:
    """(N,) distances of the outer eye corners of (N, 68, 2)."""
    left, right = OUTER_EYES
    return np.linalg.norm(points[:, right] - points[:, left], axis=1)
