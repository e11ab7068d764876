"""Brows, lid lines, eyes and spots, evaluated at single samples."""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.columns import BROW_ARCH, BROW_DENSE, BROW_WIDE, IRIS, MAKEUP, MELANIN, SEED
from facelab.faces.raster import INNER, f32, hashed, noise2, smooth


@njit(**INNER)
def along_line(x, y, line):
    """Where a point lies by a line y(x) given at even steps (B, 2): (share of its length, beyond 0
    to 1 outside it; distance in cm, > 0 above)."""
    count = line.shape[0]
    at = (x - line[0, 0]) / (line[count - 1, 0] - line[0, 0])
    k = min(max(int(at * f32(count - 1)), 0), count - 2)
    dx, dy = line[k + 1, 0] - line[k, 0], line[k + 1, 1] - line[k, 1]
    slope = dy / dx
    d = y - line[k, 1] - slope * (x - line[k, 0])
    return at, d / np.sqrt(f32(1.0) + slope * slope)


@njit(**INNER)
def brow_cover(x, y, look, line, fine):
    """Share of a brow's hair at the canonical place (x, y), 0 to 1."""
    side = abs(x)
    if side < f32(0.8) or side > f32(6.9) or y < f32(0.2) or y > f32(3.8):
        return f32(0.0)
    at, d = along_line(side, y, line)
    if abs(d) > f32(0.95) or at < f32(-0.1) or at > f32(1.12):
        return f32(0.0)
    middle = (at - f32(0.6)) / f32(0.4)
    d -= (look[BROW_ARCH] - f32(0.5)) * f32(0.30) * (f32(1.0) - min(middle * middle, f32(1.0)))
    d += f32(0.10)  # landmarks lie in the brow's upper half
    half = f32(0.27) + f32(0.26) * look[BROW_WIDE]
    half *= f32(1.0) - f32(0.62) * smooth(f32(0.45), f32(1.0), at)
    half *= f32(0.72) + f32(0.28) * smooth(f32(0.0), f32(0.25), at)
    # each end fades; outside the line the distance grows along it, so the tail tapers
    end = smooth(f32(-0.02), f32(0.09), at) * (f32(1.0) - smooth(f32(0.90), f32(1.12), at))
    seed = int(look[SEED] * f32(9973.0))
    # hairs stand up near the nose and lie down along the brow towards the temple
    lean = f32(1.25) - f32(1.0) * smooth(f32(0.0), f32(0.6), at)
    c, s = np.cos(lean), np.sin(lean)
    along = at * f32(4.0)
    strands = noise2((along * s - d * c) * f32(9.0), (along * c + d * s) * f32(1.8), seed + 5)
    body = f32(1.0) - smooth(
        half * f32(0.62), half * f32(1.25), abs(d) + (strands - f32(0.5)) * f32(0.24)
    )
    dense = f32(0.76) + f32(0.24) * look[BROW_DENSE]
    streak = f32(1.0) - fine * f32(0.5) * strands
    pencil = look[MAKEUP + 15]
    return min(body * end * (dense * streak + pencil * f32(0.3)), f32(1.0))


@njit(**INNER)
def eye_sample(x, y, z, look, out):
    """Albedo of an eyeball at (x, y, z) cm from its centre before gaze turns it; out (5,) as in
    skin_sample.
    """
    seed = int(look[SEED] * f32(9973.0))
    across = np.sqrt(x * x + y * y)
    if z < f32(0.0):
        across = f32(2.0)
    ring, pupil = f32(0.62), f32(0.20) + f32(0.09) * hashed(seed, 3, 1)
    angle = np.arctan2(y, x)
    # sclera: ivory, darker and pinker towards the corners, browner in dark people
    pink = smooth(f32(0.6), f32(1.5), across)
    white = (f32(1.0) - f32(0.30) * look[MELANIN]) * (f32(1.0) - f32(0.30) * pink)
    r, g, b = (
        f32(0.62) * white,
        (f32(0.575) - f32(0.06) * pink) * white,
        (f32(0.545) - f32(0.07) * pink) * white * (f32(1.0) - f32(0.10) * look[MELANIN]),
    )
    inside = f32(1.0) - smooth(ring - f32(0.05), ring + f32(0.03), across)
    if inside > f32(0.0):
        fibre = noise2(angle * f32(9.0), across * f32(3.0), seed + 23)
        glow = f32(0.65) + f32(0.75) * fibre
        inner = np.exp(-(((across - pupil - f32(0.06)) / f32(0.12)) ** 2)) * f32(0.35)
        limbal = f32(1.0) - f32(0.75) * smooth(ring - f32(0.20), ring - f32(0.02), across)
        hole = smooth(pupil - f32(0.03), pupil + f32(0.03), across)
        k = glow * limbal * hole
        ir = (look[IRIS] + inner * f32(0.25)) * k + f32(0.006)
        ig = (look[IRIS + 1] + inner * f32(0.16)) * k + f32(0.006)
        ib = (look[IRIS + 2] + inner * f32(0.05)) * k + f32(0.006)
        r, g, b = r + (ir - r) * inside, g + (ig - g) * inside, b + (ib - b) * inside
    out[0], out[1], out[2], out[3], out[4] = r, g, b, f32(1.0), f32(0.1)
    return inside


@njit(**INNER)
def spot(x, y, z, dense, chance, small, large, seed):
    """Strength of a round spot at a canonical place (cm), 0 to 1.

    Balls lie scattered in space and the skin cuts them: their discs are round however it bends.

    Args:
        dense: cells per cm; each holds a ball with the given chance.
        small, large: the balls' radii, shares of a cell.
    """
    u, v, w = x * dense, y * dense, z * dense
    i, j, k = int(np.floor(u)), int(np.floor(v)), int(np.floor(w))
    key = seed + 7919 * k
    if hashed(i, j, key) >= chance:
        return f32(0.0)
    size = small + (large - small) * hashed(i, j, key + 1) ** 2
    free = f32(1.0) - f32(2.0) * size  # the ball stays in its cell
    du = u - f32(i) - size - free * hashed(i, j, key + 2)
    dv = v - f32(j) - size - free * hashed(i, j, key + 3)
    dw = w - f32(k) - size - free * hashed(i, j, key + 4)
    far = np.sqrt(du * du + dv * dv + dw * dw)
    return (f32(0.45) + f32(0.55) * hashed(i, j, key + 5)) * (
        f32(1.0) - smooth(f32(0.5) * size, size, far)
    )
