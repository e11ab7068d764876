"""Tubes swept along paths: what occluders are made of.

A mesh under construction is a tuple (used, points, triangles): counts (2,) of vertices and
triangles in use, points (W, 3) cm in view space, and triangles (U, 3) i32.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import KERNEL, f32

SIDES = 14  # points of a ring


@njit(**KERNEL)
def tube(path, radius, flat, mesh):
    """Sweeps a tube along path (R, 3) with radius (R,) into the mesh.

    Args:
        flat: how much thinner the tube is towards the viewer, 1 round.
    """
    used, points, triangles = mesh
    rings, start = path.shape[0], used[0]
    for k in range(rings):
        a, b = max(k - 1, 0), min(k + 1, rings - 1)
        tx, ty, tz = path[b, 0] - path[a, 0], path[b, 1] - path[a, 1], path[b, 2] - path[a, 2]
        s = f32(1.0) / np.sqrt(tx * tx + ty * ty + tz * tz + f32(1e-9))
        tx, ty, tz = tx * s, ty * s, tz * s
        # across the path within the picture, then the direction at right angles to both
        ux, uy = -ty, tx
        if ux * ux + uy * uy < f32(1e-3):
            ux, uy = f32(1.0), f32(0.0)
        s = f32(1.0) / np.sqrt(ux * ux + uy * uy)
        ux, uy = ux * s, uy * s
        vx, vy, vz = -tz * uy, tz * ux, tx * uy - ty * ux
        for j in range(SIDES):
            angle = f32(6.2831853) * f32(j) / f32(SIDES)
            c, d = np.cos(angle) * radius[k], np.sin(angle) * radius[k] * flat
            at = start + k * SIDES + j
            points[at, 0] = path[k, 0] + c * ux + d * vx
            points[at, 1] = path[k, 1] + c * uy + d * vy
            points[at, 2] = path[k, 2] + d * vz
    t = used[1]
    for k in range(rings - 1):
        for j in range(SIDES):
            a, b = start + k * SIDES + j, start + k * SIDES + (j + 1) % SIDES
            triangles[t, 0], triangles[t, 1], triangles[t, 2] = a, b, a + SIDES
            triangles[t + 1, 0], triangles[t + 1, 1], triangles[t + 1, 2] = b, b + SIDES, a + SIDES
            t += 2
    used[0] = start + rings * SIDES
    used[1] = t


@njit(**KERNEL)
def capsule(a, b, radius_a, radius_b, flat, mesh):
    """A tube with round ends from point a to point b, both (x, y, z)."""
    path, radius = np.empty((8, 3), np.float32), np.empty(8, np.float32)
    dx, dy, dz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    s = f32(1.0) / np.sqrt(dx * dx + dy * dy + dz * dz + f32(1e-6))
    for k in range(8):
        t = f32(k % 4) / f32(3.0)
        if k < 4:
            end, size, reach, across = a, radius_a, t - f32(1.0), f32(1.0) - t
        else:
            end, size, reach, across = b, radius_b, t, t
        radius[k] = size * np.sqrt(max(f32(1.0) - across * across, f32(0.0))) + f32(0.01)
        path[k, 0] = end[0] + dx * s * size * reach
        path[k, 1] = end[1] + dy * s * size * reach
        path[k, 2] = end[2] + dz * s * size * reach
    tube(path, radius, flat, mesh)
