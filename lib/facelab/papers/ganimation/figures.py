"""The drawings of notebook ``40_ganimation``: numbers in, a matplotlib figure out.

Captions, alt texts and the numbers themselves stand in the notebook, where they are read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from facelab import plots

WIDTH = 8.0  # inches
STYLES = ("-", "--", ":", "-.")


def sheet(
    pictures: Sequence[Sequence[Any]],
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    width: float = WIDTH,
) -> Figure:
    """Pictures in rows and columns, each with its name.

    Args:
        pictures: R rows of C pictures, each as `plots.picture` takes them; None leaves a gap.
        rows, columns: R and C names, or none.
        width: of the figure, in inches.
    """
    R, C = len(pictures), len(pictures[0])
    margin = 0.16 if rows else 0.0  # inches, for a line of upright text
    height = R * (width - margin) / C + (0.25 if columns else 0.0)
    figure, grid = plt.subplots(R, C, figsize=(width, height), squeeze=False)
    figure.get_layout_engine().set(w_pad=0.008, h_pad=0.008, wspace=0.0, hspace=0.0)
    for axes_row, line in zip(grid, pictures, strict=True):
        for axes, picture in zip(axes_row, line, strict=True):
            axes.axis("off")
            if picture is not None:
                plots.show_image(axes, picture)
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
    if len(histories) > 1:
        grid[0, -1].legend(fontsize=7)
    return figure


def bars(frame: pd.DataFrame, *, ylabel: str) -> Figure:
    """Groups of bars: a group a row of the frame, a bar a column."""
    figure, axes = plt.subplots(figsize=(WIDTH, 2.4))
    at, share = np.arange(len(frame)), 0.8 / frame.shape[1]
    colours = [plots.COLOURS[name] for name in ("sky", "vermilion", "black", "yellow")]
    for i, column in enumerate(frame):
        places = at + (i - (frame.shape[1] - 1) / 2) * share
        axes.bar(places, frame[column], share, label=column, color=colours[i % 4])
    axes.set_xticks(at, frame.index, rotation=45 if len(frame) > 9 else 0)
    axes.set_ylabel(ylabel)
    axes.legend(fontsize=7)
    return figure


def lines(frame: pd.DataFrame, *, xlabel: str, ylabel: str, limits: Any = None) -> Figure:
    """The columns of a frame over its index."""
    figure, axes = plt.subplots(figsize=(5.5, 2.6))
    marks = [style + mark for mark in "osx" for style in STYLES]
    for column, style in zip(frame, marks, strict=False):
        axes.plot(frame.index, frame[column], style, markersize=3, linewidth=1, label=column)
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=limits)
    axes.legend(fontsize=7, ncols=2)
    return figure
