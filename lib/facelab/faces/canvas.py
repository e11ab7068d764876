"""Where on a face things are: soft masks and lines on the mean head, made once a process."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facelab.faces.head import REGIONS, Head
from facelab.faces.raster import f32, fill_depth, lit, noise3, vertex_normals


class Canvas(NamedTuple):
    """What painting needs of the head; V vertices."""

    place: np.ndarray  # (V, 3) f32 cm, the mean head
    zones: np.ndarray  # (V, len(ZONES)) f32 soft masks
    brow: (
        np.ndarray
    )  # (B, 2) f32 cm, middle line of the brow on the side x > 0, from nose to temple
    upper_lid: np.ndarray  # (L, 2) f32 cm, on the side x > 0
    lower_lid: np.ndarray  # (L, 2) f32 cm
    eye_x: float  # cm from the middle to the eyeballs' centres
    mouth_y: float  # cm, where the lips meet


ZONES = (
    "flush", "under_eye", "beard", "moustache", "eye_shadow", "blush", "lips", "fold", "open",
    "oily",
    "freckles", "hollow", "nostril", "seam", "corner", "broad_0", "broad_1", "broad_2", "patch_0",
    "patch_1", "patch_2",
)  # fmt: skip
FLUSH, UNDER_EYE, ZBEARD, MOUSTACHE, EYE_SHADOW, BLUSH, ZLIPS, FOLD, ZOPEN, OILY = range(10)
FRECKLED, HOLLOW, NOSTRIL, SEAM, CORNER, BROAD, PATCH = 10, 11, 12, 13, 14, 15, 18


def canvas(head: Head) -> Canvas:
    """Masks and lines on the mean head."""
    p = head.mean.astype(np.float64)
    x, y, z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
    front = np.clip((z + 5) / 4, 0, 1)

    def blob(cx, cy, rx, ry):
        return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2) * front

    lips, ears = head.masks["lips"], head.masks["ears"]
    flush = (
        blob(0, -4.3, 1.6, 1.6)
        + 0.8 * blob(4.4, -3.6, 2.2, 1.8)
        + 0.9 * ears
        + 0.4 * blob(0, -10.5, 1.5, 1)
    )
    # cheek line of the beard: from the sideburn down to the corner of the mouth
    cheek = np.interp(x, [0, 2.5, 4.0, 5.5, 6.6, 7.6], [-6.2, -6.6, -7.4, -6.4, -4.2, -1.0])
    beard = _step(cheek + 0.4, cheek - 0.9, y) * _step(-16.0, -13.0, y) * _step(-9.5, -6.0, z)
    beard *= 1 - _step(0.2, 0.6, lips)
    philtrum = _step(-5.0, -5.6, y) * _step(3.4, 2.4, x) * _step(-9.0, -8.0, y) * front
    goatee = _step(2.6, 1.4, x) * _step(-8.6, -9.4, y) * front
    moustache = np.clip(philtrum + goatee, 0, 1) * (1 - _step(0.2, 0.6, lips))
    nose_to_mouth = _segment(x, y, (1.75, -4.6), (3.3, -7.9))
    fold = np.exp(-((nose_to_mouth / 0.35) ** 2)) * front
    under = blob(3.0, -1.5, 1.5, 0.42) + 0.6 * blob(1.7, -0.5, 0.6, 0.6)
    shadow = blob(3.3, 0.75, 1.7, 0.62)
    open_ = _openness(head)
    nostril = blob(0.75, -5.35, 0.36, 0.20) * np.clip((z - 1.9) / 0.5, 0, 1)
    seam = np.exp(-((_segment(x, y, (0, -7.72), (2.35, -7.72)) / 0.16) ** 2)) * front
    corner = blob(1.75, -0.25, 0.42, 0.35) + 0.7 * blob(1.5, 0.9, 0.7, 0.7) + 0.5 * seam
    seam = seam + 0.6 * blob(2.45, -7.75, 0.35, 0.35)
    hollow = _hollow(head)
    zones = np.stack(
        [flush, under, np.maximum(beard, 0), moustache, shadow, blob(5.0, -3.4, 2.0, 1.4), lips,
         fold, open_,
         blob(0, 5, 3.5, 2.5) + blob(0, -3.2, 0.9, 2.5) + 0.6 * blob(4.2, -2.6, 1.4, 1.0),
         blob(0, -2.5, 5.5, 2.6), hollow, nostril, seam, corner, *_mottling(p)], 1,
    )  # fmt: skip
    marks = (p[head.landmark_vertices] * head.landmark_weights[..., None]).sum(1)
    return Canvas(
        head.mean.astype(np.float32), zones.astype(np.float32), _curve(marks[22:27, :2], 17),
        _curve(marks[42:46, :2], 13), _curve(marks[[42, 47, 46, 45], :2], 13),
        np.float32(head.eye_centres[1, 0]), np.float32(marks[[62, 66], 1].mean()),
    )  # fmt: skip


def _step(low, high, x):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _segment(x, y, a, b):
    """Distance of points to a segment."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    t = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(x - a[0] - t * dx, y - a[1] - t * dy)


def _curve(points, count):
    """A smooth line y(x) through points (K, 2), at evenly spaced x: (count, 2) float32."""
    order = np.argsort(points[:, 0])
    points = points[order]
    fit = np.polynomial.Polynomial.fit(points[:, 0], points[:, 1], min(3, len(points) - 1))
    x = np.linspace(points[0, 0], points[-1, 0], count)
    return np.stack([x, fit(x)], 1).astype(np.float32)


def _mottling(p: np.ndarray) -> list[np.ndarray]:
    """Six fields of smooth noise over the skin, -1 to 1; a person's skin is a mixture of them."""
    return [
        np.array([2 * noise3(*(f32(f) * q), seed) - 1 for q in p.astype(np.float32)])
        for f, seed in ((0.5, 1), (0.6, 2), (0.45, 3), (1.6, 4), (2.1, 5), (1.8, 6))
    ]


def _hollow(head: Head) -> np.ndarray:
    """How concave the mean head is at each vertex, about -1 (ridge) to 1 (crease): (V,)."""
    points = head.mean.astype(np.float32)
    normals = np.empty_like(points)
    vertex_normals(points, head.triangles, len(points), normals)
    a, b = head.triangles[:, [0, 1, 2]].ravel(), head.triangles[:, [1, 2, 0]].ravel()
    way = points[b] - points[a]
    bend = (way * (normals[a] - normals[b])).sum(1) / (way**2).sum(1).clip(1e-4)  # curvature, 1/cm
    value, hits = np.zeros(len(points)), np.zeros(len(points))
    for at in (a, b):
        np.add.at(value, at, bend)
        np.add.at(hits, at, 1)
    value /= hits.clip(1)
    for _ in range(2):
        total = np.zeros(len(points))
        np.add.at(total, a, value[b])
        np.add.at(total, b, value[a])
        value = 0.5 * value + 0.5 * total / hits.clip(1)
    return np.clip(value * 1.6, -1, 1)


def _openness(head: Head) -> np.ndarray:
    """Share of the upper hemisphere that each vertex of the mean head sees: (V,) ambient
    occlusion.
    """
    points = head.mean.astype(np.float32)
    normals = np.empty_like(points)
    vertex_normals(points, head.triangles, len(points), normals)
    solid = np.ascontiguousarray(head.triangles[head.region != REGIONS.index("lashes")])
    k = np.arange(96) + 0.5
    height, turn = 1 - 2 * k / 96, np.pi * (1 + 5**0.5) * k
    across = np.sqrt(1 - height**2)
    total, seen = np.zeros(len(points)), np.zeros(len(points))
    for d in np.stack([across * np.cos(turn), height, across * np.sin(turn)], 1):
        right = np.cross([0.3, 0.9, 0.2], d)
        right /= np.linalg.norm(right)
        axes = [a.astype(np.float32) for a in (right, np.cross(d, right), d)]
        depth = np.full((192, 192), -1e9, np.float32)
        fill_depth(points, solid, *axes, f32(28.0), False, depth)
        weight = np.clip(normals @ d, 0, None)
        for v in np.flatnonzero(weight > 0):
            share = lit(*points[v], *axes, f32(28.0), depth, f32(0.35))
            seen[v] += weight[v] * share
        total += weight
    return np.clip(seen / np.maximum(total, 1e-6), 0, 1)
