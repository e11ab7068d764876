"""Where hair grows: roots over the scalp, the hairline, and the head's radius in all directions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facelab.faces.head import Head

CARDS, POINTS = 560, 7
SKULL = np.array([0.0, 2.5, -8.0], np.float32)  # cm, middle of the braincase on the mean head
AZIMUTHS, POLARS = 32, 20  # grid of directions on which the head's radius is kept

# Hairline on the mean head: azimuth in degrees from the front, height in cm above the eyes.
# Forehead, temple, sideburn, over the ear, nape.
HAIRLINE = np.array(
    [[0, 7.6], [15, 7.7], [26, 7.3], [34, 6.3], [41, 4.8], [47, 3.0], [51, 0.5], [55, -2.0],
     [62, -3.0], [68, -1.5], [76, 2.2], [95, 2.6], [104, 1.0], [110, -2.5], [122, -6.0],
     [140, -8.0], [180, -8.8]],
    np.float32,
)  # fmt: skip


class Scalp(NamedTuple):
    """What growing hair needs of the head. Roots are barycentric; directions index the radius
    grid.
    """

    root_vertices: np.ndarray  # (CARDS, 3) i32
    root_weights: np.ndarray  # (CARDS, 3) f32
    root_azimuth: np.ndarray  # (CARDS,) f32 degrees from the front, 0 to 180
    root_height: np.ndarray  # (CARDS,) f32 cm on the mean head
    root_line: np.ndarray  # (CARDS,) f32 cm, HAIRLINE at the root's azimuth
    grid_vertices: (
        np.ndarray
    )  # (AZIMUTHS, POLARS, 3) i32, -1 where the direction leaves by the neck
    grid_rays: np.ndarray  # (AZIMUTHS, POLARS, 3) f32 unit vectors from SKULL
    azimuth: np.ndarray  # (V,) f32 degrees from the front of every vertex, 0 to 180
    height: np.ndarray  # (V,) f32 cm
    line: np.ndarray  # (V,) f32 cm, HAIRLINE at the vertex' azimuth
    triangles: np.ndarray  # (CARDS * (POINTS - 1) * 2, 3) i32 over vertices card * 2 * POINTS + ...


def scalp(head: Head) -> Scalp:
    """Roots spread evenly over the scalp, and the grid of the head's radius round SKULL."""
    place = head.mean - SKULL
    azimuth = np.degrees(np.arctan2(np.abs(place[:, 0]), place[:, 2])).astype(np.float32)
    height = head.mean[:, 1].astype(np.float32)
    line = np.interp(azimuth, *HAIRLINE.T).astype(np.float32)
    hairy = (height > line - 0.8) & (head.masks["ears"] < 0.3)
    t = head.triangles[(head.region == 0) & hairy[head.triangles].all(1)]
    vertices, weights = _spread(head.mean, t)
    at = (head.mean[vertices] * weights[..., None]).sum(1)
    root_azimuth = np.degrees(np.arctan2(np.abs(at[:, 0]), at[:, 2] - SKULL[2]))
    grid_vertices, grid_rays = _grid(head)
    card = np.arange(CARDS)[:, None] * 2 * POINTS + 2 * np.arange(POINTS - 1)  # (CARDS, POINTS-1)
    pair = np.stack([card, card + 1, card + 2, card + 1, card + 3, card + 2], -1)
    return Scalp(
        vertices, weights.astype(np.float32), root_azimuth.astype(np.float32),
        at[:, 1].astype(np.float32), np.interp(root_azimuth, *HAIRLINE.T).astype(np.float32),
        grid_vertices, grid_rays, azimuth, height, line,
        pair.reshape(-1, 3).astype(np.int32),
    )  # fmt: skip


def _spread(mean, triangles):
    """CARDS points, far from each other: the farthest of many candidates, one after the other."""
    rng = np.random.default_rng(5)
    corners = mean[triangles]  # (T, 3, 3)
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    pick = rng.choice(len(triangles), 6000, p=area / area.sum())
    a, b = np.sqrt(rng.random(6000)), rng.random(6000)
    weights = np.stack([1 - a, a * (1 - b), a * b], 1)
    points = (corners[pick] * weights[..., None]).sum(1)
    chosen = [0]
    nearest = np.full(6000, np.inf)
    for _ in range(CARDS - 1):
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(nearest.argmax()))
    return triangles[pick[chosen]].astype(np.int32), weights[chosen]


def _grid(head: Head):
    """For each direction from SKULL the outermost triangle it leaves the head by."""
    a = (np.arange(AZIMUTHS) / AZIMUTHS * 2 - 1) * np.pi
    p = (np.arange(POLARS) + 0.5) / POLARS * np.pi
    a, p = np.meshgrid(a, p, indexing="ij")
    rays = np.stack([np.sin(a) * np.sin(p), np.cos(p), np.cos(a) * np.sin(p)], -1).reshape(-1, 3)
    t = head.triangles[(head.region == 0) & (head.mean[head.triangles][..., 1] > -11.9).all(1)]
    o, e1 = head.mean[t[:, 0]] - SKULL, head.mean[t[:, 1]] - head.mean[t[:, 0]]
    e2 = head.mean[t[:, 2]] - head.mean[t[:, 0]]
    vertices = np.full((len(rays), 3), -1, np.int32)
    for i, ray in enumerate(rays):
        h = np.cross(ray, e2)
        det = (e1 * h).sum(1)
        det = np.where(np.abs(det) < 1e-9, 1e-9, det)
        u = (-o * h).sum(1) / det
        q = np.cross(-o, e1)
        v = (q * ray).sum(1) / det
        r = (q * e2).sum(1) / det
        r[(u < -1e-6) | (v < -1e-6) | (u + v > 1 + 1e-6)] = 0  # the middle plane runs along edges
        if r.max() > 0:
            j = r.argmax()
            vertices[i] = t[j]
    shape = (AZIMUTHS, POLARS, 3)
    return vertices.reshape(shape), rays.reshape(shape).astype(np.float32)
