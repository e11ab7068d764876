"""Many faces at once: how factors spread in sets, who is in the world, how a track moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from facelab import faces, plots

STYLES = ("-", "--", ":", "-.")
ANCESTRIES = np.array(["African", "Asian", "Caucasian", "mixed"])
MIXED = 0.6  # whose largest share of ancestry is below counts as mixed


def trajectories(track: faces.Factors) -> dict[str, Any]:
    """A track as curves over its frames: pose, three units, gaze, and how much all of it moves.

    Args:
        track: the frames of one track of `faces.video`.

    Returns:
        Arguments of `Book.figure`: `fig`, `data` (a line a frame) and `alt`.
    """
    activity = dict(zip(faces.UNITS, faces.units(track.expression).T, strict=True))
    steps = faces.flow(track[:-1], track[1:], size=48)  # (frames - 1, 2, 48, 48)
    pace = np.nanmean(np.hypot(steps[:, 0], steps[:, 1]), axis=(1, 2)) / 48 * 100
    curves = {
        "pose (°)": dict(zip(("yaw", "pitch", "roll"), track.pose.T, strict=True)),
        "units": {unit: activity[unit] for unit in ("AU12", "AU26", "AU45")},
        "gaze (°)": dict(zip(("sideways", "up"), track.gaze.T, strict=True)),
        "flow (% of the crop)": {"mean length": np.append(pace, np.nan)},
    }
    figure, panels = plt.subplots(1, 4, figsize=(plots.WIDTH, 2.2))
    for axes, (label, lines) in zip(panels, curves.items(), strict=True):
        for (name, values), style in zip(lines.items(), STYLES, strict=False):
            axes.plot(values, style, label=name)
        axes.set(xlabel="frame", title=label)
        axes.legend(fontsize=7)
    return {
        "fig": figure,
        "data": pd.DataFrame({n: v for lines in curves.values() for n, v in lines.items()}),
        "alt": f"Four panels of curves over {len(track)} frames: pose, three units, gaze, and the "
        "mean length of the flow.",
    }


def measures(made: faces.Faces) -> pd.DataFrame:
    """What sets sets apart, a line a face: yaw, expression, hidden points, exposure.

    Args:
        made: with the channel visible.
    """
    factors = made.factors
    found = {
        "yaw (°)": factors.pose[:, 0],
        "expression (mean unit)": faces.units(factors.expression).mean(1),
        "hidden points (%)": 100 * (~made.visible).mean(1),
        "exposure of the light": factors.light[:, 9],
    }
    return pd.DataFrame(found).round(3)


def histograms(measures: pd.DataFrame) -> dict[str, Any]:
    """How measures spread in sets: a panel for each measure, a line for each set.

    Args:
        measures: a line for each face: at least two columns of numbers, and "set".

    Returns:
        Arguments of `Book.figure`: `fig`, `data` and `alt`.
    """
    sets, labels = list(measures["set"].unique()), [c for c in measures if c != "set"]
    figure, panels = plt.subplots(1, len(labels), figsize=(plots.WIDTH, 2.2), sharey=True)
    for axes, label in zip(panels, labels, strict=True):
        edges = np.histogram_bin_edges(measures[label], bins=14)  # the same for all sets
        for name, style in zip(sets, STYLES, strict=False):
            values = measures.loc[measures["set"] == name, label]
            even = np.full(len(values), 100 / len(values))
            axes.hist(values, bins=edges, weights=even, histtype="step", ls=style, lw=1.6)
        axes.set_xlabel(label)
    panels[0].set_ylabel("faces (%)")
    handles = [Line2D([], [], ls=s, color=f"C{k}") for k, s in enumerate(STYLES[: len(sets)])]
    panels[1].legend(handles, sets, fontsize=8)
    return {
        "fig": figure,
        "data": measures,
        "alt": f"Distributions of {', '.join(labels)} in the sets {', '.join(sets)}.",
    }


def census(crowd: faces.Factors) -> dict[str, Any]:
    """Who is in a sample: ages, main ancestries, hair and melanin of women and men, in percent.

    Returns:
        Arguments of `Book.figure`: `fig`, `data` (of, value, men, women) and `alt`.
    """
    main = np.where(crowd.ancestry.max(1) < MIXED, 3, crowd.ancestry.argmax(1))
    counted = {
        "age": [f"{int(age) // 10 * 10}s" for age in crowd.age],
        "ancestry": ANCESTRIES[main],
        "hair": [faces.HAIR_STYLES[k].replace("_", " ") for k in crowd.hair_style],
        "melanin": [f"{int(m * 10) / 10:.1f}+" for m in crowd.skin[:, 0]],
    }
    sex = np.where(crowd.gender > 0.5, "men", "women")
    tables = {
        name: pd.crosstab(np.array(values), sex) * 100 / len(crowd)
        for name, values in counted.items()
    }
    figure, panels = plt.subplots(1, 4, figsize=(plots.WIDTH, 2.4))
    for axes, (name, table) in zip(panels, tables.items(), strict=True):
        table[["women", "men"]].plot.barh(ax=axes, width=0.8, legend=False)
        axes.set(title=name, xlabel="people (%)", ylabel="")
        axes.tick_params(labelsize=7.5)
    panels[0].set_ylim(-0.6, len(tables["age"]) + 2)  # room for the legend
    panels[0].legend(loc="upper right", fontsize=7.5)
    return {
        "fig": figure,
        "data": pd.concat(tables, names=["of", "value"]).reset_index(),
        "alt": "Bars of ages, ancestries, hair styles and melanin, for women and men.",
    }


def mean_shapes(shapes: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Outlines of mean faces over each other.

    Args:
        shapes: by name, (68, 2) in outer-eye distances as `likeness.mean_shape` gives them; one or
            two.

    Returns:
        Arguments of `Book.figure`: `fig`, `data` and `alt`.
    """
    figure, axes = plt.subplots(figsize=(4.6, 3.6))
    for (name, shape), style in zip(shapes.items(), ("C3--", "C0-"), strict=False):
        for begin, end, closed in plots.PARTS.values():
            line = shape[[*range(begin, end), *[begin] * closed]]
            axes.plot(*line.T, style, lw=1.2, label=None if begin else name)
    axes.set(aspect="equal", ylim=(1.4, -0.4), xlabel="outer-eye distances")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return {
        "fig": figure,
        "data": dict(shapes),
        "alt": f"Outlines of mean faces drawn over each other: {', '.join(shapes)}.",
    }
