"""The drawings of notebook ``41_geometry``: numbers in, a matplotlib figure out.

Captions, alt texts and the numbers themselves stand in the notebook, where they are read.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from facelab import plots
from facelab.faces import EMOTIONS
from facelab.gan.figures import STYLES, WIDTH, bars, curves, sheet
from facelab.statistics import Estimate

__all__ = [
    "bars",
    "coloured",
    "confusions",
    "curves",
    "expressions",
    "fits",
    "histograms",
    "lines",
    "sheet",
    "sparse_and_dense",
    "weights",
]


def coloured(maps: Tensor) -> Tensor:
    """Depth or normals as a picture that can be looked at.

    Args:
        maps: (..., G, H, W) in [-1, 1] as networks take them, G = 1 for depth, 3 for normals; see
            `model.depth_map` and `model.normal_map`.

    Returns:
        (..., 3, H, W) in [0, 1]: depth from dark, far or nowhere, to yellow, near; normals with an
        axis in each colour, grey where there are none.

    Raises:
        ValueError: another number of channels.

    >>> coloured(torch.zeros(3, 1, 1)).flatten().tolist()
    [0.5, 0.5, 0.5]
    """
    shown = maps.add(1.0).mul(0.5).clamp(0.0, 1.0)
    if maps.shape[-3] == 3:
        return shown
    if maps.shape[-3] != 1:
        raise ValueError(f"expected depth (1, H, W) or normals (3, H, W), got {tuple(maps.shape)}")
    colours = mpl.colormaps["viridis"](shown.squeeze(-3).numpy())  # (..., H, W, 4)
    return torch.from_numpy(colours[..., :3]).movedim(-1, -3).float()


def sparse_and_dense(
    pictures: Mapping[str, Tensor], landmarks: Mapping[str, Tensor], depth: Mapping[str, Tensor]
) -> Figure:
    """Fig. 1: faces with some expressions, a row a face: picture, landmarks and depth of each.

    Args:
        pictures: (N, 3, H, W), by expression.
        landmarks: (N, 68, 2) pixels, likewise.
        depth: (N, 1, H, W) in [-1, 1], likewise.
    """
    columns, points = [], {}
    for name, shown in pictures.items():
        for row, one in enumerate(landmarks[name]):
            points[row, len(columns) + 1] = one
        columns += [shown, torch.zeros(shown.shape), coloured(depth[name])]
    return sheet(
        [*zip(*columns, strict=True)],
        columns=[text for name in pictures for text in (name, "landmarks", "depth")],
        groups=[3] * len(pictures),
        landmarks=points,
    )


def expressions(
    images: Tensor, answers: Mapping[str, Tensor], *, faces: Sequence[int] = (0,)
) -> Figure:
    """Fig. 6 and 10: what methods answer when faces are asked for all expressions.

    Args:
        images: (N, 3, H, W), the inputs.
        answers: (8, N, 3, H, W), by a short name of the method; a row each.
        faces: whose rows are shown, one below the other.
    """
    return sheet(
        [[images[i], *some[:, i]] for i in faces for some in answers.values()],
        rows=[*answers] * len(faces),
        columns=["input", *EMOTIONS],
        groups=(1, len(EMOTIONS)),
    )


def confusions(tables: Mapping[str, np.ndarray]) -> Figure:
    """Fig. 8: which expression is read (column) where which one was asked for (row), in percent.

    Args:
        tables: by title, (8, 8) shares of each row; two stand side by side.
    """
    down = -(-len(tables) // 2)
    figure, grid = plt.subplots(
        down, 2, figsize=(WIDTH, 3.6 * down + 0.4), sharex=True, sharey=True, squeeze=False
    )
    for axes in grid.flat[len(tables) :]:
        axes.axis("off")
    for axes, (title, table) in zip(grid.flat, tables.items(), strict=False):
        axes.imshow(table, cmap="Blues", vmin=0, vmax=1)
        axes.grid(False)
        for (row, column), share in np.ndenumerate(table):
            if share >= 0.005:
                shown = {"color": "white" if share > 0.5 else "black", "fontsize": 8}
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", **shown)
        axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=60, ha="right", fontsize=8)
        axes.set_yticks(range(len(EMOTIONS)), EMOTIONS, fontsize=8)
        axes.set_title(title)
    figure.supxlabel("read by the judge", fontsize=10)
    figure.supylabel("asked for", fontsize=10)
    return figure


def histograms(panels: Mapping[str, Mapping[str, np.ndarray]], *, xlabel: str) -> Figure:
    """Fig. 4: distributions side by side, a panel a data set, a line a method.

    Args:
        panels: values by title and by name, of any shapes; nan is left out. The same names in all.
        xlabel: what the values are.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 2.6), sharex=True, squeeze=False)
    found = {t: {n: v[np.isfinite(v)] for n, v in one.items()} for t, one in panels.items()}
    every = np.concatenate([values for one in found.values() for values in one.values()])
    edges = np.histogram_bin_edges(every, bins=30)
    for axes, (title, one) in zip(grid[0], found.items(), strict=True):
        for (name, values), style in zip(one.items(), STYLES, strict=False):
            drawn = {"histtype": "step", "linewidth": 1.6, "linestyle": style, "density": True}
            axes.hist(values, bins=edges, label=name, **drawn)
        axes.set(title=title, xlabel=xlabel)
        axes.locator_params(axis="x", nbins=4)
    grid[0, 0].set_ylabel("density")
    named = grid[0, 0].get_legend_handles_labels()
    figure.legend(*named, loc="outside lower center", ncols=len(named[1]))
    return figure


def lines(frame: pd.DataFrame, *, xlabel: str, ylabel: str) -> Figure:
    """The columns of a frame over its index, each with its lowest point marked."""
    figure, axes = plt.subplots(figsize=(0.7 * WIDTH, 2.8))
    for column, style, marker in zip(frame, STYLES, plots.MARKERS, strict=False):
        drawn = axes.plot(frame.index, frame[column], style, label=column)[0]
        lowest = frame[column].idxmin()
        axes.plot(lowest, frame[column][lowest], marker, color=drawn.get_color(), markersize=7)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def fits(error: np.ndarray, failed: np.ndarray, *, threshold: float) -> Figure:
    """How far fits are off, and what the clean-up keeps.

    Args:
        error: (N,) percent of the outer-eye distance, above 0.
        failed: (N,) bool, fits of another face altogether.
        threshold: of `reconstruction.Reconstruction.keep`.
    """
    figure, axes = plt.subplots(figsize=(0.7 * WIDTH, 2.6))
    edges = np.geomspace(error.min(), 1.01 * error.max(), 31)
    axes.hist(
        [error[~failed], error[failed]], bins=edges, stacked=True,
        color=[plots.COLOURS["sky"], plots.COLOURS["vermilion"]],
        label=["fits with small errors", "failures"],
    )  # fmt: skip
    axes.axvline(threshold, color="black", linestyle="--", label="kept up to here")
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100) if edges[0] <= t <= edges[-1]]
    axes.set(xscale="log", xlabel="error of the fit's landmarks (%)", ylabel="fits")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.legend()
    return figure


def weights(
    panels: Mapping[str, Mapping[float, Estimate]], published: Mapping[float, float]
) -> Figure:
    """Table 3 as curves: measures over the weight of the depth network.

    Args:
        panels: estimates by measure and by w; the first panel has the paper's beside them.
        published: the paper's accuracy by w.
    """
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 2.6), squeeze=False)
    for axes, (title, found) in zip(grid[0], panels.items(), strict=True):
        w, values = list(found), [one.value for one in found.values()]
        reach = [
            [one.value - one.low for one in found.values()],
            [one.high - one.value for one in found.values()],
        ]
        axes.errorbar(w, values, reach, fmt="o-", capsize=2, label="ours")
        axes.set(title=title, xlabel="weight w")
        axes.set_xticks(w, [f"{value:g}" for value in w])
    axes = grid[0, 0]
    axes.plot(list(published), list(published.values()), "s--", label="the paper's")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
