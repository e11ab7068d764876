"""The look of all figures, and drawings that every notebook needs.

    plots.use()                                      # once, in a notebook's first cell
    figure = plots.image_grid(faces.image, titles=[...], columns=6)
    plots.draw_landmarks(axes, landmarks)

Colours are Okabe and Ito's, told apart with any colour vision; `MARKERS` go with them, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

# Okabe & Ito, "Color Universal Design" (2008); yellow, too light on white, comes last.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "black": "#000000",
    "yellow": "#F0E442",
}
PALETTE = tuple(COLOURS.values())
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

WIDTH = 8.0  # inches: the width of a page of a notebook
DPI = 120  # 960 pixels at that width

# iBUG-68: first point, one past the last, closed or open
PARTS = {
    "jaw": (0, 17, False),
    "left brow": (17, 22, False),
    "right brow": (22, 27, False),
    "bridge": (27, 31, False),
    "nostrils": (31, 36, False),
    "left eye": (36, 42, True),
    "right eye": (42, 48, True),
    "outer lips": (48, 60, True),
    "inner lips": (60, 68, True),
}


def use() -> None:
    """Sets the style of all figures made from now on; bytes of PNG and SVG do not vary."""
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 0.5 * WIDTH),
            "figure.dpi": DPI,
            "savefig.dpi": DPI,
            "figure.constrained_layout.use": True,
            "svg.hashsalt": "facelab",
            "svg.fonttype": "path",  # looks the same without our font
            "font.family": "DejaVu Sans",  # comes with matplotlib, so equal on every machine
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "axes.prop_cycle": mpl.cycler(color=PALETTE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#E5E5E5",
            "grid.linewidth": 0.8,
            "axes.axisbelow": True,
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "image.cmap": "viridis",
        }
    )


def picture(image: Any) -> np.ndarray:
    """An image as matplotlib takes it.

    Args:
        image: (3, H, W), (1, H, W), (H, W, 3) or (H, W), array or tensor; uint8, or
            floats in [0, 1].

    Returns:
        (H, W, 3) or (H, W), floats clipped to [0, 1].

    Raises:
        ValueError: another shape.
    """
    array = _array(image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] != 3:
        array = array.transpose(1, 2, 0)  # (H, W, C)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]  # (H, W)
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] == 3):
        raise ValueError(f"an image is (3, H, W), (H, W, 3) or (H, W); got {array.shape}")
    if array.dtype == np.uint8:
        return array / 255.0
    return np.clip(array.astype(np.float64), 0.0, 1.0)


def image_grid(
    images: Any,
    *,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    landmarks: Any = None,
    width: float = WIDTH,
) -> Figure:
    """Images in rows, without axes.

    Args:
        images: sequence or batch of images, each as `picture` takes them.
        titles: one per image, or one per column (then above the first row only).
        columns: images a row; default at most 8.
        landmarks: (N, 68, 2) in pixels, drawn over the images where given.
        width: of the figure, in inches.

    Raises:
        ValueError: no images, or titles or landmarks that do not go with them.
    """
    shown = [picture(image) for image in images]
    if not shown:
        raise ValueError("image_grid() got no images")
    columns = min(columns or 8, len(shown))
    rows = -(-len(shown) // columns)
    if titles is not None and len(titles) not in (len(shown), columns):
        raise ValueError(
            f"expected {len(shown)} titles, or {columns} (one a column); got {len(titles)}"
        )
    if landmarks is not None and len(landmarks) != len(shown):
        raise ValueError(f"expected landmarks of {len(shown)} images, got {len(landmarks)}")
    aspect = max(image.shape[0] / image.shape[1] for image in shown)
    text = 0.22 if titles is not None else 0.0  # inches for a line of text
    lines = rows if titles is not None and len(titles) == len(shown) else 1
    height = rows * width / columns * aspect + text * lines
    figure, grid = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.0, hspace=0.0)
    for axes in grid.flat:
        axes.axis("off")
    for index, image in enumerate(shown):
        axes = grid.flat[index]
        show_image(axes, image)
        if titles is not None and index < len(titles):
            axes.set_title(titles[index], fontsize=9, pad=3)
        if landmarks is not None:
            draw_landmarks(axes, landmarks[index])
    return figure


def show_image(axes: Axes, image: Any) -> None:
    """Draws one image, without axes; small images keep their pixels visible."""
    drawn = picture(image)
    interpolation = "nearest" if max(drawn.shape[:2]) <= 160 else "antialiased"
    axes.imshow(drawn, cmap="gray", vmin=0.0, vmax=1.0, interpolation=interpolation)
    axes.axis("off")


def draw_landmarks(
    axes: Axes,
    landmarks: Any,
    *,
    visible: Any = None,
    colour: str = COLOURS["yellow"],
    size: float = 2.0,
    lines: bool = True,
    label: str | None = None,
) -> None:
    """Draws 68 landmarks with the lines that connect them.

    Args:
        axes: with the image already drawn; the limits stay.
        landmarks: (68, 2) pixels, x and y; nan where absent. Other counts are drawn without lines.
        visible: (68,) truth values; hidden points are drawn hollow.
        colour: of points and lines.
        size: of the points, in typographic points.
        lines: whether to connect.
        label: for a legend.
    """
    points = _array(landmarks).astype(np.float64)  # (K, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"landmarks of one face are (K, 2); got {points.shape}")
    limits = axes.get_xlim(), axes.get_ylim()
    if lines and len(points) == 68:
        paths = []
        for first, end, closed in PARTS.values():
            part = points[first:end]
            paths.append(np.concatenate([part, part[:1]]) if closed else part)
        axes.add_collection(LineCollection(paths, colors=colour, linewidths=0.8, alpha=0.9))
    seen = np.ones(len(points), bool) if visible is None else _array(visible).astype(bool)
    style = {"s": size**2, "linewidths": 0.6, "edgecolors": colour, "zorder": 3}
    axes.scatter(*points[seen].T, c=colour, label=label, **style)
    if not seen.all():
        axes.scatter(*points[~seen].T, facecolors="none", **style)
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def overlay_heatmaps(
    axes: Axes, image: Any, heatmaps: Any, *, colour: str = COLOURS["vermilion"], gain: float = 1.0
) -> None:
    """Draws heatmaps over a greyed image: the maximum over landmarks, each scaled to its own peak.

    Args:
        axes: empty axes.
        image: (3, H, W) and the like.
        heatmaps: (K, h, w), not negative; stretched over the image.
        colour: of the heat.
        gain: above 1 makes faint tails visible.
    """
    maps = _array(heatmaps).astype(np.float64)  # (K, h, w)
    if maps.ndim != 3:
        raise ValueError(f"heatmaps of one face are (K, H, W); got {maps.shape}")
    if maps.min() < 0:
        raise ValueError("heatmaps are probabilities, not logits: a value is negative")
    drawn = picture(image)
    grey = drawn if drawn.ndim == 2 else drawn @ np.array([0.299, 0.587, 0.114])  # Rec. 601
    height, width = grey.shape
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(0.4 + 0.6 * grey, cmap="gray", vmin=0, vmax=1, extent=extent)
    peaks = np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-12)
    heat = np.clip(gain * (maps / peaks).max(axis=0), 0.0, 1.0)  # (h, w)
    layer = np.empty((*heat.shape, 4))
    layer[..., :3] = to_rgb(colour)
    layer[..., 3] = heat
    axes.imshow(layer, extent=extent, interpolation="nearest")
    axes.axis("off")


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return np.asarray(value)
