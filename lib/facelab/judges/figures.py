"""The drawings of notebook ``02_judges``: numbers in, a matplotlib figure out, nothing computed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from facelab import faces, plots
from facelab.faces.expressions import UNIT_ACTIONS

STYLES = ("-", "--", ":")


def learning(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """The loss of each judge over its training, a panel each.

    Args:
        histories: by judge, columns "step" and "loss".
    """
    figure, panels = plt.subplots(1, len(histories), figsize=(plots.WIDTH, 2.2))
    for axes, (name, history) in zip(np.atleast_1d(panels), histories.items(), strict=True):
        axes.plot(history["step"], history["loss"], marker="o", markersize=3)
        axes.set(title=name, xlabel="step")
    np.atleast_1d(panels)[0].set_ylabel("loss")
    return figure


def confusions(tables: Mapping[str, np.ndarray]) -> Figure:
    """Confusion matrices side by side, shares of each row in percent.

    Args:
        tables: by test set, (8, 8).
    """
    names = faces.EMOTIONS
    figure, panels = plt.subplots(1, len(tables), figsize=(plots.WIDTH, 3.2), sharey=True)
    for axes, (title, table) in zip(panels, tables.items(), strict=True):
        axes.imshow(table, cmap="Blues", vmin=0, vmax=1)
        axes.grid(False)
        for (row, column), share in np.ndenumerate(table):
            if share >= 0.005:
                colour = "white" if share > 0.5 else "black"
                text = f"{100 * share:.0f}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set(title=title, xlabel="judged")
    panels[0].set_ylabel("true")
    return figure


def by_unit(values: Mapping[str, np.ndarray], *, xlabel: str) -> Figure:
    """A measure of each action unit, a marker for each test set.

    Args:
        values: by test set, (17,).
        xlabel: the measure.
    """
    figure, axes = plt.subplots(figsize=(plots.WIDTH, 3.3))
    place = np.arange(len(faces.UNITS))
    for (name, heights), marker, shift in zip(
        values.items(), plots.MARKERS, (-0.2, 0.0, 0.2), strict=False
    ):
        axes.plot(place + shift, heights, marker, label=name)
    axes.set_xticks(place, _unit_names(), rotation=60, ha="right", fontsize=8)
    axes.set(xlabel="action unit", ylabel=xlabel, ylim=(min(0, axes.get_ylim()[0]), 1))
    axes.legend(ncols=len(values), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def _unit_names() -> list[str]:
    """The number of each unit and what moves: "1 brow inner up"."""
    moves = {**UNIT_ACTIONS, "AU25": "lipsPart"}  # it has no action of its own
    words = [re.sub("[A-Z]", lambda match: f" {match[0].lower()}", moves[u]) for u in faces.UNITS]
    return [f"{unit[2:]} {name}" for unit, name in zip(faces.UNITS, words, strict=True)]


def verification(
    curves: Mapping[str, pd.DataFrame], cosines: tuple[np.ndarray, np.ndarray]
) -> Figure:
    """Left, ROC curves over the logarithm of the false acceptance rate; right, cosines.

    Args:
        curves: by test set, columns "far" and "tar".
        cosines: of pairs of one person and of two, of the first test set.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(plots.WIDTH, 2.8))
    for (name, curve), style in zip(curves.items(), STYLES, strict=False):
        left.plot(curve["far"], curve["tar"], style, label=name)
    left.set(xscale="log", xlim=(1e-4, 1), ylim=(0, 1.02))
    left.set(xlabel="false acceptance rate", ylabel="true acceptance rate")
    left.legend()
    edges = np.linspace(-1, 1, 61)
    for values, name in zip(cosines, ("one person", "two people"), strict=True):
        right.hist(values.ravel(), bins=edges, density=True, histtype="step", lw=1.6, label=name)
    right.set_xticks(np.linspace(-1, 1, 5))  # more would run into each other
    right.set(xlabel="cosine", ylabel="density", title=f"pairs of {next(iter(curves))}")
    right.legend(loc="upper left")
    return figure


def margins(logits: pd.DataFrame) -> Figure:
    """Logits of the right person over the angle.

    Args:
        logits: a column for each handicap, over the angle in radians; divided by the scale.
    """
    figure, axes = plt.subplots(figsize=(0.6 * plots.WIDTH, 2.6))
    for name, style in zip(logits, STYLES, strict=False):
        axes.plot(np.degrees(logits.index), logits[name], style, label=name)
    axes.set(xlabel="angle to the own direction (°)", ylabel="logit / s")
    axes.legend()
    return figure


def geometry(
    images: np.ndarray,
    depth: Sequence[np.ndarray],
    normals: Sequence[np.ndarray],
    inside: np.ndarray,
) -> Figure:
    """A row a face: picture, depth true and judged, their difference, normals true and judged.

    Args:
        images: (N, 3, H, W) in [0, 1].
        depth: two of (N, H, W) cm, the true and the judged.
        normals: two of (N, 3, H, W) unit vectors.
        inside: (N, H, W) bool, the head.
    """
    titles = ("picture", "true depth", "judged", "judged - true", "true normals", "judged")
    N = len(images)  # faces
    figure, grid = plt.subplots(N, 6, figsize=(plots.WIDTH, 1.25 * N + 0.5), squeeze=False)
    reach = {"cmap": "viridis", "vmin": -8, "vmax": 6}
    for row, axes in enumerate(grid):
        plots.show_image(axes[0], images[row])
        maps = [np.where(inside[row], each[row], np.nan) for each in depth]
        shown = axes[1].imshow(maps[0], **reach)
        axes[2].imshow(maps[1], **reach)
        apart = axes[3].imshow(maps[1] - maps[0], cmap="RdBu", vmin=-3, vmax=3)
        for place, each in zip(axes[4:], normals, strict=True):
            plots.show_image(place, np.where(inside[row], 0.5 + 0.5 * each[row], 1.0))
        for place in axes:
            place.axis("off")
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=9)
    bar = {"orientation": "horizontal", "aspect": 30, "pad": 0.02}
    figure.colorbar(shown, ax=grid[:, 1:3], label="nearer than the median (cm)", **bar)
    figure.colorbar(apart, ax=grid[:, 3], label="cm", **(bar | {"aspect": 12}))
    return figure


def bias(by_size: pd.DataFrame, line: tuple[float, float]) -> Figure:
    """The Frechet distance of two halves of one world over 1 / n, with the line through it.

    Args:
        by_size: columns "n" and "distance", a line a draw.
        line: intercept and slope over 1 / n.
    """
    figure, axes = plt.subplots(figsize=(0.7 * plots.WIDTH, 2.8))
    axes.plot(1 / by_size["n"], by_size["distance"], "o", alpha=0.6, label="random subsets")
    x = np.array([0, 1.05 / by_size["n"].min()])
    axes.plot(x, line[0] + line[1] * x, "-", color=plots.COLOURS["vermilion"], label="fitted line")
    sizes = sorted(by_size["n"].unique())
    axes.set_xticks([0, *(1 / n for n in sizes)], ["∞", *(f"1/{n}" for n in sizes)])
    axes.tick_params(axis="x", labelrotation=45)
    axes.set(xlabel="1 / n, pictures on each side", ylabel="distance", xlim=(0, x[1]))
    axes.set_ylim(bottom=min(0, 1.1 * line[0]))
    axes.legend()
    return figure


def explained(values: Mapping[str, Mapping[str, float]]) -> Figure:
    """How much of each factor's variance the feature network tells, a marker for each test set.

    Args:
        values: by test set, factor -> share; shares below 0 are drawn at 0.
    """
    names = list(dict.fromkeys(name for shares in values.values() for name in shares))
    figure, axes = plt.subplots(figsize=(plots.WIDTH, 2.8))
    for (test, shares), marker in zip(values.items(), plots.MARKERS, strict=False):
        shown = [name for name in names if name in shares]
        heights = [max(0.0, shares[name]) for name in shown]
        axes.plot([names.index(name) for name in shown], heights, marker, label=test)
    labels = [name.replace("_", " ") for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=60, ha="right", fontsize=8)
    axes.set(ylabel="explained variance", ylim=(-0.03, 1))
    axes.legend(ncols=len(values), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure
