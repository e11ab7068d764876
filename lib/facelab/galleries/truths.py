"""Ground truths drawn over the pictures they belong to, and the steps from numbers to a face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import hsv_to_rgb
from matplotlib.patches import Patch

from facelab import faces, plots
from facelab.galleries.sheets import TONES, toned

LAMP = (0.4, 0.5, 0.77)  # the direction of the light on grey surfaces: x, y, z, about a unit long
STEPS = ("mesh", "mean", "+ identity", "+ expression", "+ pose", "+ looks, light")


def steps(mesh: np.ndarray, triangles: np.ndarray, made: faces.Faces) -> dict[str, Any]:
    """One head on its way: wire mesh, four grey surfaces, the finished picture.

    Args:
        mesh: (V, 2) pixels, the vertices of the first face.
        triangles: (T, 3) of the mesh; only those that face the viewer are drawn.
        made: five faces with image and normals, in the order of `STEPS[1:]`.

    Returns:
        Arguments of `Book.figure`: `fig`, `data` (the mesh) and `alt`.
    """
    size = made.image.shape[-1]
    figure, panels = plt.subplots(1, 6, figsize=(plots.WIDTH, 1.6))
    a, b, c = mesh[triangles].transpose(1, 2, 0)  # corners, each (2, T) pixels
    (x1, y1), (x2, y2) = b - a, c - a
    front = triangles[x1 * y2 < x2 * y1]  # y points down
    panels[0].triplot(*mesh.T, front, lw=0.15, color=plots.COLOURS["blue"])
    panels[0].set(xlim=(0, size), ylim=(size, 0), aspect="equal")
    panels[0].axis("off")
    for axes, normals in zip(panels[1:5], made.normals, strict=False):
        shade = np.einsum("chw,c->hw", normals, LAMP)
        plots.show_image(axes, toned(np.nan_to_num(np.clip(shade, 0.05, 1) ** 0.6, nan=1)))
    plots.show_image(panels[5], toned(made.image[-1]))
    _title(panels, STEPS)
    return {
        "fig": figure,
        "data": pd.DataFrame(mesh, columns=["x", "y"]),
        "alt": "Six pictures of one head: wire mesh, grey surface, the surface with a person's "
        "shape, with an expression, turned, and the finished picture.",
    }


def truths(made: faces.Faces) -> dict[str, Any]:
    """Faces one a row: picture, landmarks with the hidden ones crossed, depth, normals, masks.

    Args:
        made: with the channels image, landmarks, visible, depth, normals and masks.

    Returns:
        Arguments of `Book.figure`: `fig`, `data` and `alt`.
    """
    colours = np.concatenate([[[1, 1, 1]], plt.get_cmap("tab20").colors])
    rows = len(made)
    figure, panels = plt.subplots(rows, 5, figsize=(7.2, 1.4 * rows + 0.6), squeeze=False)
    for row, axes in enumerate(panels):
        hidden = made.landmarks[row][~made.visible[row]]
        for panel in axes[:2]:
            plots.show_image(panel, toned(made.image[row]))
        plots.draw_landmarks(axes[1], made.landmarks[row], size=1.5)
        axes[1].plot(*hidden.T, "x", color=plots.COLOURS["vermilion"], ms=4, mew=1.2)
        axes[2].imshow(made.depth[row], cmap=plt.get_cmap("viridis_r", TONES))
        axes[2].axis("off")
        plots.show_image(axes[3], toned(np.nan_to_num((made.normals[row] + 1) / 2, nan=1)))
        plots.show_image(axes[4], colours[made.masks[row]])
    _title(panels[0], ("image", "landmarks, × hidden", "depth", "normals", "masks"))
    seen = [k for k in np.unique(made.masks) if k]
    handles = [Patch(color=colours[k], label=faces.MASKS[k].replace("_", " ")) for k in seen]
    figure.legend(handles=handles, ncols=7, loc="outside lower center", fontsize=7.5)
    return {
        "fig": figure,
        "data": {"landmarks": made.landmarks, "visible": made.visible.astype(int)},
        "alt": "Faces, partly hidden, each as picture, with landmarks, as depth, as normals and as "
        "region masks.",
    }


def known(made: faces.Faces) -> pd.DataFrame:
    """What is known of faces and cannot be drawn: a row a face.

    Args:
        made: with the channels visible and units.

    Returns:
        Columns person, emotion ("mixed" where it is none), visible (landmarks, of 68), yaw, pitch,
        roll (degrees), and eight units in 0-1.
    """
    factors = made.factors
    columns = {"person": factors.identity, "visible": made.visible.sum(1)}
    columns["emotion"] = [(*faces.EMOTIONS, "mixed")[e] for e in factors.emotion]
    columns |= dict(
        zip(("yaw", "pitch", "roll"), factors.pose.astype(float).round(1).T, strict=True)
    )
    for unit in ("AU1", "AU4", "AU6", "AU12", "AU15", "AU25", "AU26", "AU45"):
        columns[unit] = made.units[:, faces.UNITS.index(unit)].astype(float).round(2)
    return pd.DataFrame(columns)


def contours(view: faces.Faces, fixed: np.ndarray) -> dict[str, Any]:
    """A turning head with two sets of jaw points.

    Args:
        view: of N poses, with image and landmarks.
        fixed: (N, 17, 2) pixels, contour points that stay where they are on the mesh.

    Returns:
        Arguments of `Book.figure`: `fig`, `data` and `alt`.
    """
    sliding = view.landmarks[:, :17]  # (N, 17, 2)
    figure, panels = plt.subplots(1, len(view), figsize=(1.8 * len(view), 2.0), squeeze=False)
    rings = {"s": 14, "facecolors": "none", "edgecolors": plots.COLOURS["blue"]}
    for k, axes in enumerate(panels[0]):
        plots.show_image(axes, toned(view.image[k]))
        axes.scatter(*fixed[k].T, **rings)
        axes.scatter(*sliding[k].T, s=5, color=plots.COLOURS["yellow"])
        axes.set_title(f"yaw {view.factors.pose[k, 0]:.0f}°")
    return {
        "fig": figure,
        "data": {"fixed": fixed, "sliding": sliding},
        "alt": "One head at growing yaw with two sets of jaw points; on the far side they part.",
    }


def flow_colours(flow: np.ndarray, longest: float) -> np.ndarray:
    """Flow (2, H, W) as colours (H, W, 3): hue is direction, saturation is length.

    Args:
        flow: x right, y down; nan is white.
        longest: the length from which on colours are full.
    """
    flow = np.nan_to_num(flow)
    hue = np.arctan2(flow[1], flow[0]) / (2 * np.pi) % 1
    length = np.clip(np.hypot(*flow) / longest, 0, 1)
    return hsv_to_rgb(np.stack([hue, length, np.ones_like(hue)], -1))


def flows(
    images: np.ndarray, flow: np.ndarray, pulled: np.ndarray, missed: np.ndarray
) -> dict[str, Any]:
    """Two pictures, the flow between them as arrows and as colours, and what it explains.

    Args:
        images: (2, 3, S, S), a and b.
        flow: (2, S, S) pixels from a to b; nan off the head.
        pulled: (3, S, S), b pulled back along the flow.
        missed: (3, S, S), how much that differs from a.

    Returns:
        Arguments of `Book.figure`: `fig`, `data` (the arrows) and `alt`.
    """
    size = flow.shape[-1]
    y, x = np.indices((size, size))
    dots = (slice(size // 24, None, size // 12),) * 2
    arrows = [grid[dots].ravel() for grid in (x, y, *flow)]
    arrows = pd.DataFrame(arrows, ["x", "y", "flow_x", "flow_y"]).T.dropna()
    figure, panels = plt.subplots(1, 5, figsize=(plots.WIDTH, 1.9))
    shown = [*images, flow_colours(flow, 0.12 * size), pulled * np.isfinite(flow[0]), 3 * missed]
    for axes, image in zip(panels, shown, strict=True):
        plots.show_image(axes, toned(np.clip(image, 0, 1)))
    _title(panels, ("a and its flow", "b", "flow in colour", "b pulled back", "3 × difference"))
    style = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.009}
    panels[0].quiver(*arrows.to_numpy().T, color=plots.COLOURS["yellow"], **style)
    disc = np.indices((61, 61))[::-1] / 30 - 1  # (2, 61, 61) x, y
    wheel = flow_colours(np.where(np.hypot(*disc) <= 1, disc, 0), 1)
    plots.show_image(panels[2].inset_axes([0, 0, 0.25, 0.25]), wheel)
    return {
        "fig": figure,
        "data": arrows,
        "alt": "A face with arrows, the same person moved, the flow as colours with a wheel, the "
        "second picture warped to the first, and what differs.",
    }


def _title(panels: Sequence[Any], titles: Sequence[str]) -> None:
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, fontsize=9)
