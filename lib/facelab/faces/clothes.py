"""Clothing on the shoulders: collars and patterns as functions of the canonical place."""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import INNER, f32, hashed, noise2, noise3, smooth

CREW, VNECK, SHIRT, SCOOP, TURTLENECK = range(5)
SHARES = np.array([0.32, 0.52, 0.80, 0.88, 1.0], np.float32)  # cumulative


@njit(**INNER)
def clothing(x, y, z, dye, seed, out):
    """Garment at a canonical place (cm): out (3,) linear albedo; returns its cover, 0 bare skin to
    1.

    Args:
        dye: (3,) linear colour. seed: decides cut and pattern.
    """
    chosen = hashed(seed, 1, 77)
    cut = 0
    while cut < 4 and chosen > SHARES[cut]:
        cut += 1
    ahead = smooth(f32(-10.5), f32(-4.5), z)  # 0 at the nape, 1 at the throat
    side = abs(x)
    # height of the neckline (cm): the nape is higher than the throat
    line = f32(-14.6) - f32(2.6) * ahead
    if cut == VNECK:
        line -= ahead * max(f32(6.0) - f32(1.25) * side, f32(0.0))
    elif cut == SHIRT:
        line += f32(0.9) - ahead * max(f32(4.2) - f32(1.9) * side, f32(0.0))
    elif cut == SCOOP:
        line -= f32(0.6) + ahead * max(f32(4.5) - f32(0.06) * side * side, f32(0.0))
    elif cut == TURTLENECK:
        line += f32(2.4) + f32(0.4) * ahead
    inside = line - y
    if inside < f32(-0.05):
        return f32(0.0)
    cover = smooth(f32(-0.05), f32(0.08), inside)
    weave = f32(0.92) + f32(0.16) * noise3(x * f32(0.9), y * f32(0.35), z * f32(0.9), seed + 3)
    weave *= f32(0.97) + f32(0.06) * noise2(x * f32(7.0), y * f32(7.0), seed + 4)
    pattern = hashed(seed, 2, 77)
    tone = f32(1.0)
    if pattern < f32(0.12):
        wide = f32(0.5) + f32(1.4) * hashed(seed, 3, 77)
        tone = f32(1.0) if np.sin(y / wide * f32(6.2831853)) > f32(0.1) else f32(0.45)
    elif pattern < f32(0.20) and cut == SHIRT:
        tone = f32(1.0) if np.sin(x * f32(5.0)) > f32(-0.3) else f32(0.72)
    elif pattern < f32(0.27) and cut == SHIRT:
        a, b = np.sin(x * f32(3.2)), np.sin(y * f32(3.2))
        tone = f32(1.0) - f32(0.28) * (a > f32(0.3)) - f32(0.28) * (b > f32(0.3))
    band = f32(1.15) if cut != SHIRT else f32(2.6)
    if inside < band:
        seam = abs(inside - band)
        tone *= f32(1.0) - f32(0.35) * (f32(1.0) - smooth(f32(0.05), f32(0.22), seam))
        tone *= f32(1.06) if cut != SHIRT else f32(1.12)
    elif cut == SHIRT and z > f32(-9.0):
        placket = abs(side - f32(1.2))
        tone *= f32(1.0) - f32(0.30) * (f32(1.0) - smooth(f32(0.05), f32(0.18), placket))
    if cut == TURTLENECK and y > f32(-16.5):
        tone *= f32(0.88) + f32(0.14) * np.sin(np.arctan2(x, z + f32(8.0)) * f32(60.0))
    # cloth rolls over at its edge
    tone *= f32(0.72) + f32(0.28) * smooth(f32(0.0), f32(0.30), inside)
    for c in range(3):
        out[c] = (dye[c] * f32(0.85) + f32(0.012)) * tone * weave
    return cover
