"""Drawings that the notebooks of several translators need: numbers in, a matplotlib figure out.

Captions, alt texts and the numbers themselves stand in the notebooks, where they are read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from facelab import plots
from facelab.statistics import Estimate

WIDTH = plots.WIDTH  # inches
STYLES = ("-", "--", ":", "-.")
GAP = 0.2  # of a picture's width, between groups of columns


def sheet(
    pictures: Sequence[Sequence[Any]],
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    groups: Sequence[int] = (),
    landmarks: Mapping[tuple[int, int], Any] | None = None,
    width: float = WIDTH,
) -> Figure:
    """Pictures in rows and columns, each with its name.

    Args:
        pictures: R rows of C pictures, each as `plots.picture` takes them; a text stands for one
            that there is not, None leaves a gap.
        rows, columns: R and C names, or none.
        groups: how many columns belong together; a gap stands between two groups. They sum to C.
        landmarks: (68, 2) pixels by (row, column), drawn over the picture that stands there.
        width: of the figure, in inches.

    Raises:
        ValueError: groups that do not sum to the number of columns.
    """
    R, C = len(pictures), len(pictures[0])
    groups = tuple(groups) or (C,)
    if sum(groups) != C:
        raise ValueError(f"expected groups of {C} columns in all, got {sum(groups)}")
    widths: list[float] = []
    places: list[int] = []  # of the columns among those of the grid
    for size in groups:
        widths += [GAP] * bool(widths)
        places += range(len(widths), len(widths) + size)
        widths += [1.0] * size
    margin = 0.18 if rows else 0.0  # inches, for a line of upright text
    first = next(p for line in pictures for p in line if p is not None and not isinstance(p, str))
    high, wide = plots.picture(first).shape[:2]
    height = R * high / wide * (width - margin) / sum(widths) + (0.25 if columns else 0.0)
    ratios = {"width_ratios": widths}
    figure, grid = plt.subplots(
        R, len(widths), figsize=(width, height), squeeze=False, gridspec_kw=ratios
    )
    figure.get_layout_engine().set(w_pad=0.008, h_pad=0.008, wspace=0.0, hspace=0.0)
    for axes in grid.flat:
        axes.axis("off")
    grid = grid[:, places]
    for axes_row, line in zip(grid, pictures, strict=True):
        for axes, picture in zip(axes_row, line, strict=True):
            if isinstance(picture, str):
                grey = {"color": "#777777", "ha": "center", "va": "center", "fontsize": 7}
                axes.text(0.5, 0.5, picture, transform=axes.transAxes, **grey)
            elif picture is not None:
                plots.show_image(axes, picture)
    for place, points in (landmarks or {}).items():
        plots.draw_landmarks(grid[place], points, size=1.0)
    for axes, name in zip(grid[0], columns, strict=False):
        axes.set_title(name, fontsize=8, pad=3)
    for axes, name in zip(grid[:, 0], rows, strict=False):
        upright = {"rotation": 90, "ha": "right", "va": "center", "fontsize": 8}
        axes.text(-0.04, 0.5, name, transform=axes.transAxes, **upright)
    return figure


def curves(histories: Mapping[str, Mapping[str, Sequence[float]]], panels: Sequence[str]) -> Figure:
    """Curves of trainings over the step, a panel a quantity, a line a training."""
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 2.2), squeeze=False)
    for axes, name in zip(grid[0], panels, strict=True):
        for (label, history), style in zip(histories.items(), STYLES, strict=False):
            axes.plot(history["step"], history[name], style, linewidth=1, label=label)
        axes.set(xlabel="step", title=name.replace("_", " "))
        axes.locator_params(axis="x", nbins=3)
    if len(histories) > 1:
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def bars(cells: Mapping[tuple[str, str], Estimate | float], *, ylabel: str) -> Figure:
    """Groups of bars: a group a row, a bar a column, with intervals where there are some."""
    names, columns = (list(dict.fromkeys(part)) for part in zip(*cells, strict=True))
    figure, axes = plt.subplots(figsize=(WIDTH, 2.6))
    at, share = np.arange(len(names)), 0.8 / len(columns)
    colours = [plots.COLOURS[name] for name in ("sky", "vermilion", "black", "yellow")]
    for i, column in enumerate(columns):
        found = [cells.get((name, column), np.nan) for name in names]
        values = np.array([getattr(one, "value", one) for one in found], float)
        ends = [[getattr(one, end, one) for one in found] for end in ("low", "high")]
        reach = np.abs(np.array(ends, float) - values)  # (2, rows)
        places = at + (i - (len(columns) - 1) / 2) * share
        drawn = {"yerr": reach, "ecolor": "#555555"} if np.nanmax(reach, initial=0.0) > 0 else {}
        axes.bar(places, values, share, label=column, color=colours[i % 4], **drawn)
    axes.set_xticks(at, names, rotation=45 if len(names) > 9 else 0)
    axes.set_ylabel(ylabel)
    axes.grid(visible=False, axis="x")
    figure.legend(loc="outside upper right", ncols=len(columns))
    return figure
