"""The drawings of notebook ``10_laplace``: numbers in, a matplotlib figure out, nothing computed.

Captions, alt texts and the numbers themselves stand in the notebook, where they are read.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from facelab import plots
from facelab.statistics import Estimate

EYE = slice(36, 42)  # the eye on the image's left, in iBUG-68 order
STYLES = ("-", "--", ":", "-.")
RED, BLUE, BLACK = plots.COLOURS["vermilion"], plots.COLOURS["sky"], plots.COLOURS["black"]


def draw_estimates(axes: Axes, x: Sequence[float], estimates: Sequence[Estimate], **style) -> None:
    """A line through estimates, with their intervals as bars."""
    y, low, high = (np.array([getattr(e, k) for e in estimates]) for k in ("value", "low", "high"))
    axes.errorbar(x, y, [y - low, high - y], capsize=2, markersize=4, **style)


def _plain_ticks(axis: Axis) -> None:
    """Numbers 1, 2, 5, 10, ... instead of powers of ten along a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def problem(
    image: Any, point: np.ndarray, maps: Mapping[str, Any], spreads: Sequence[float]
) -> Figure:
    """A face with one true point (2,), and heatmaps (1, H, W) for it with their spreads."""
    figure, panels = plt.subplots(1, 1 + len(maps), figsize=(8, 2.3))
    plots.show_image(panels[0], image)
    panels[0].plot(*point, "+", color=plots.COLOURS["yellow"], markersize=12)
    panels[0].set_title("the true point")
    for panel, (name, heatmap), spread in zip(panels[1:], maps.items(), spreads, strict=True):
        plots.overlay_heatmaps(panel, image, heatmap)
        panel.set_title(f"{name}: {spread:.1f} px")
    return figure


def profiles(rows: Mapping[str, np.ndarray], means: Sequence[float]) -> Figure:
    """Distributions (W,) over one row of pixels as bars, each with its mean as a line."""
    figure, panels = plt.subplots(1, len(rows), figsize=(8, 2), sharey=True)
    for panel, (name, p), mean in zip(panels, rows.items(), means, strict=True):
        panel.bar(np.arange(len(p)), p, color=BLUE, width=1)
        panel.axvline(mean, color=RED)
        panel.set(title=f"{name}: mean {mean:.1f}", xlabel="pixel")
    panels[0].set_ylabel("p(x)")
    return figure


def two_peaks(mixture: np.ndarray, at: int, answers: pd.DataFrame) -> Figure:
    """One mixture (W,), row ``at`` of the answers (weight, mean, argmax), and all answers."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.4))
    left.bar(np.arange(len(mixture)), mixture, color=BLUE, width=1)
    left.axvline(answers["mean"][at], color=RED)
    title = f"second peak has {answers['weight'][at]:.0%}"
    left.set(xlabel="pixel", ylabel="p(x)", title=title)
    right.plot("weight", "mean", data=answers, color=RED, label="soft-argmax")
    right.step("weight", "argmax", "--", where="mid", data=answers, color=BLACK, label="argmax")
    right.set(xlabel="weight of the second peak", ylabel="answer (pixel)")
    right.legend()
    return figure


def lines(frame: pd.DataFrame, *, xlabel: str, ylabel: str) -> Figure:
    """The columns of a frame over its index."""
    figure, axes = plt.subplots(figsize=(5.5, 2.6))
    for column, style in zip(frame, STYLES, strict=False):
        axes.plot(frame.index, frame[column], style, label=column)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend(ncols=2)
    return figure


def kl_surface(b: Any, surface: Any, slopes: pd.DataFrame, best: np.ndarray) -> Figure:
    """The divergence (B, E) over scales b (B,) and errors (E,), its slopes, and the best scales.

    Slopes are by name, over the errors as index; the best b (E,) is that of each error.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    errors, levels = slopes.index, np.linspace(0, 7, 15)
    filled = left.contourf(errors, b, surface, levels=levels, extend="max")
    left.plot(errors, best, color="white")
    left.text(1.6, 2.2, "best b", color="white")
    left.set(yscale="log", xlabel="δ (px)", ylabel="b (px)", title="KL (nats)")
    left.set_yticks([0.2, 1, 5, 10], ["0.2", "1", "5", "10"])
    left.minorticks_off()
    figure.colorbar(filled, ax=left, ticks=[0, 2, 4, 6])
    for column, style in zip(slopes, STYLES, strict=False):
        right.plot(slopes.index, slopes[column], style, label=column)
    right.set(xlabel="δ (px)", ylabel="∂KL/∂δ", title="pull towards the truth")
    right.legend()
    return figure


def descent(path: pd.DataFrame, maps: Mapping[str, Any], target: Sequence[float]) -> Figure:
    """Final maps (1, H, W) by method, and the path: method, step, error_px, b_px."""
    widths = [1] * len(maps) + [1.4, 1.4]
    figure, panels = plt.subplots(1, len(widths), figsize=(8, 1.9), width_ratios=widths)
    for panel, (name, heatmap), style in zip(panels, maps.items(), STYLES, strict=False):
        plots.show_image(panel, 1 - (heatmap / heatmap.max()) ** 0.5)
        panel.plot(*target, "+", color=RED)
        panel.set_title(name)
        for axes, column in zip(panels[-2:], ("error_px", "b_px"), strict=True):
            axes.plot("step", column, style, data=path[path["method"] == name], label=name)
    panels[-2].set(xlabel="step", title="error (px)", yscale="log")
    panels[-1].set(xlabel="step", title="b (px)", ylim=(0, 9))
    panels[-1].legend(fontsize=7, loc="upper right", bbox_to_anchor=(1, 0.62))
    return figure


def contact_sheet(images: Any, landmarks: Any, names: Sequence[str]) -> Figure:
    """Faces with landmarks, one row for each name."""
    columns = len(images) // len(names)
    figure = plots.image_grid(images, landmarks=landmarks, columns=columns)
    for axes, name in zip(figure.axes[::columns], names, strict=True):
        axes.set_title(name, loc="left", fontsize=9, pad=3)
    return figure


def training(courses: Mapping[str, pd.DataFrame]) -> Figure:
    """Loss of each method in a panel of its own, and all validation errors (step, loss, nme)."""
    figure, panels = plt.subplots(1, 1 + len(courses), figsize=(8, 2.4))
    for panel, (name, course), style in zip(panels, courses.items(), STYLES, strict=False):
        panel.plot("step", "loss", style, data=course, color=plots.COLOURS["blue"])
        panel.set(title=f"{name}: loss", xlabel="step")
        panels[-1].plot("step", "nme", style, data=course, label=name)
    panels[-1].set(title="validation error (%)", xlabel="step", yscale="log")
    _plain_ticks(panels[-1].yaxis)
    panels[-1].legend()
    return figure


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[Estimate]]],
    *,
    xlabel: str,
    ylabel: str = "error (%)",
) -> Figure:
    """Estimates with intervals over x, by name."""
    figure, axes = plt.subplots(figsize=(5.5, 2.8))
    for (name, (x, found)), style, marker in zip(
        series.items(), STYLES, plots.MARKERS, strict=False
    ):
        draw_estimates(axes, x, found, linestyle=style, marker=marker, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    # Above the axes, for intervals may be anywhere within.
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def size_error_speed(errors: Mapping[str, Any], speeds: Mapping[str, Any]) -> Figure:
    """Errors with intervals, and frames per second, over millions of parameters (`by_size`)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    for (name, (x, found)), style, marker in zip(
        errors.items(), STYLES, plots.MARKERS, strict=False
    ):
        draw_estimates(left, x, found, linestyle=style, marker=marker, label=name)
    for (name, (x, rate)), style, marker in zip(
        speeds.items(), STYLES, plots.MARKERS, strict=False
    ):
        right.plot(x, rate, style, marker=marker, markersize=4, color=BLACK, label=name)
    left.set(ylabel="error (%)")
    right.set(ylabel="frames per second (CPU)", yscale="log")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="parameters (million)")
        _plain_ticks(axes.xaxis)
        axes.legend()
    _plain_ticks(right.yaxis)
    return figure


def heatmaps(
    images: Any, truth: Any, maps: Mapping[str, Any], spreads: Any, *, finer: int = 4
) -> Figure:
    """Each face with its landmarks, and for each method all its maps, and the six of one eye.

    Pictures and maps are interpolated (bicubic and bilinear) to ``finer`` times as many pixels a
    side, for the eye: nothing is added to them.

    Args:
        images: (N, 3, H, W) uint8. truth: (N, 68, 2). maps: (N, 68, H, W) by method.
        spreads: (N,) by method, pixels of the maps as given.
        finer: 1 leaves pixels as they are.
    """
    enlarge = partial(torch.nn.functional.interpolate, scale_factor=finer, align_corners=False)
    images = enlarge(torch.as_tensor(images) / 255, mode="bicubic").clamp(0, 1)
    maps = {name: enlarge(torch.as_tensor(each), mode="bilinear") for name, each in maps.items()}
    # A pixel is a square about its centre: (0, 0) becomes the middle of the first finer ones.
    truth = (np.asarray(truth) + 0.5) * finer - 0.5
    size = images.shape[-1]
    figure, grid = plt.subplots(
        len(images), 1 + 2 * len(maps), figsize=(8, 1.7 * len(images)), squeeze=False
    )
    for i, panels in enumerate(grid):
        plots.show_image(panels[0], images[i])
        plots.draw_landmarks(panels[0], truth[i], size=1.5)
        x, y = truth[i][EYE].mean(axis=0)
        reach = 0.16 * size
        for j, name in enumerate(maps):
            whole, eye = panels[1 + 2 * j : 3 + 2 * j]
            plots.overlay_heatmaps(whole, images[i], maps[name][i])
            plots.overlay_heatmaps(eye, images[i], maps[name][i][EYE])
            eye.set(xlim=(x - reach, x + reach), ylim=(y + reach, y - reach))
            title = f"{name}\n" if i == 0 else ""
            whole.set_title(f"{title}spread {spreads[name][i]:.1f} px", fontsize=8)
    return figure


def ablation(errors: Mapping[tuple[tuple[str, float], str], Estimate]) -> Figure:
    """Errors by ((axis, value), subset): a panel for each subset, with its own scale, and axis."""
    labels = {"beta": "β", "b": "b (over the tier's own)"}
    subsets = list(dict.fromkeys(subset for _, subset in errors))
    figure, grid = plt.subplots(
        len(labels), len(subsets), figsize=(8, 3.8), sharey="col", squeeze=False
    )
    for panels, axis in zip(grid, labels, strict=True):
        values = sorted({value for (name, value), _ in errors if name == axis})
        for panel, subset, marker in zip(panels, subsets, plots.MARKERS, strict=False):
            found = [errors[(axis, value), subset] for value in values]
            draw_estimates(panel, values, found, marker=marker, color=BLACK)
            panel.set(xscale="log", xlabel=labels[axis])
            panel.set_xticks(values, [f"{value:g}" for value in values])
            panel.minorticks_off()
        panels[0].set_ylabel("error (%)")
    for panel, subset in zip(grid[0], subsets, strict=True):
        panel.set_title(subset)
    return figure


def overlays(images: Any, truth: Any, predicted: Any) -> Figure:
    """Predicted points in white over lines through the true ones, eight faces a row."""
    figure = plots.image_grid(images, columns=8)
    for axes, true, found in zip(figure.axes, truth, predicted, strict=False):
        plots.draw_landmarks(axes, true, colour=RED, size=0.8)
        plots.draw_landmarks(axes, found, colour="white", size=1.2, lines=False)
    return figure


def calibration(bins: Mapping[str, pd.DataFrame]) -> Figure:
    """Mean error over mean relative scale, by method; frames of `beyond.calibration`."""
    figure, axes = plt.subplots(figsize=(5.5, 2.8))
    for (name, frame), style, marker in zip(bins.items(), STYLES, plots.MARKERS, strict=False):
        axes.plot("scale", "error", style, marker=marker, data=frame, label=name)
    axes.set(xlabel="b over the method's median", ylabel="error (%)", xscale="log")
    axes.set_xticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
    axes.minorticks_off()
    axes.legend()
    return figure


def turned_and_hidden(
    turned: Mapping[str, pd.DataFrame], hidden: Mapping[str, Sequence[float]]
) -> Figure:
    """Error by yaw (frames of `beyond.by_bins`), and of visible and hidden points, by method."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.6), width_ratios=[3, 2])
    width = 0.8 / len(hidden)
    for i, (name, frame) in enumerate(turned.items()):
        left.plot(range(len(frame)), frame["mean"], STYLES[i], marker=plots.MARKERS[i], label=name)
        places = np.arange(2) + (i - (len(hidden) - 1) / 2) * width
        right.bar(places, hidden[name], width=0.9 * width, hatch="/" * i, label=name)
    left.set_xticks(range(len(frame)), [f"{a}–{b}°" for a, b in frame[["from", "to"]].to_numpy()])
    left.set(xlabel="yaw", ylabel="error (%)")
    right.set_xticks([0, 1], ["visible", "hidden"])
    left.legend()
    return figure
