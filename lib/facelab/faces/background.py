"""Backgrounds out of focus: walls, rooms with a window, foliage, lights in the dark, studio
paper.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import KERNEL, f32, hashed, noise2, smooth

KINDS = ("studio", "wall", "window", "foliage", "bokeh", "room")  # by equal shares of the selector


@njit(**KERNEL)
def backdrop(values, height, width, out):
    """Paints a background: out (3, H, W) linear light.

    Args:
        values: (8,) factors: kind 0-1, r, g, b and r, g, b in 0-1, seed 0-1.
    """
    kind = min(int(values[0] * f32(6.0)), 5)
    seed = int(values[7] * f32(99991.0))
    a, b = np.empty(3, np.float32), np.empty(3, np.float32)
    for c in range(3):
        a[c], b[c] = values[1 + c] ** f32(2.2), values[4 + c] ** f32(2.2)
    if kind != 4:
        # painted walls are rarely vivid: halve what stands out of grey
        grey_a, grey_b = (a[0] + a[1] + a[2]) / f32(3.0), (b[0] + b[1] + b[2]) / f32(3.0)
        for c in range(3):
            a[c], b[c] = f32(0.5) * (a[c] + grey_a), f32(0.5) * (b[c] + grey_b)
    turn = hashed(seed, 1, 1) * f32(6.2831853)
    dx, dy = np.cos(turn), np.sin(turn)
    spots = 14
    disc = np.empty((spots, 6), np.float32)
    for k in range(spots):
        disc[k, 0] = hashed(seed, k, 2) * f32(1.2) - f32(0.1)
        disc[k, 1] = hashed(seed, k, 3) * f32(1.0) - f32(0.1)
        disc[k, 2] = f32(0.03) + f32(0.09) * hashed(seed, k, 4)
        for c in range(3):
            w = hashed(seed, k, 5)
            disc[k, 3 + c] = (a[c] * w + b[c] * (f32(1.0) - w)) * f32(1.1) + f32(0.25) * hashed(
                seed, k, 6 + c
            )
    h1, h2, h3, h4 = hashed(seed, 2, 7), hashed(seed, 3, 7), hashed(seed, 4, 7), hashed(seed, 5, 7)
    for row in range(height):
        y = (f32(row) + f32(0.5)) / f32(height)
        for col in range(width):
            x = (f32(col) + f32(0.5)) / f32(width)
            r2 = (x - f32(0.5)) ** 2 + (y - f32(0.5)) ** 2
            light = f32(1.0)
            mix = f32(0.0)
            extra = f32(0.0)
            if kind == 0:
                glow = np.exp(
                    -((x - f32(0.3) - f32(0.4) * h1) ** 2 + (y - f32(0.4)) ** 2) * f32(3.5)
                )
                mix = f32(0.15) * (f32(1.0) - glow)
                light = f32(0.55) + f32(0.65) * glow
            elif kind == 1:
                t = (x - f32(0.5)) * dx + (y - f32(0.5)) * dy + f32(0.5)
                mix = smooth(f32(0.1), f32(0.9), t) * f32(0.6)
                light = f32(0.75) + f32(0.35) * noise2(x * f32(2.0), y * f32(2.0), seed)
                stain = noise2(x * f32(5.0), y * f32(5.0), seed + 1)
                light *= f32(0.92) + f32(0.16) * stain
            elif kind == 2:
                left, wide = f32(-0.2) + f32(0.9) * h1, f32(0.25) + f32(0.35) * h2
                soft = f32(0.03) + f32(0.03) * h3
                u = smooth(left - soft, left + soft, x) * (
                    f32(1.0) - smooth(left + wide - soft, left + wide + soft, x)
                )
                v = smooth(f32(-0.1), f32(0.02), y) * (
                    f32(1.0) - smooth(f32(0.55), f32(0.62) + soft, y)
                )
                bar = abs(x - left - wide * f32(0.5))
                pane = u * v * (f32(0.35) + f32(0.65) * smooth(f32(0.004), f32(0.025), bar))
                mix = f32(0.25) * noise2(x * f32(3.0), y * f32(3.0), seed)
                light = f32(0.45) + f32(0.3) * (f32(1.0) - y)
                extra = pane * (f32(0.8) + f32(0.4) * noise2(x * f32(4.0), y * f32(4.0), seed + 1))
            elif kind == 3:
                n = noise2(x * f32(5.0), y * f32(5.0), seed) * f32(0.55)
                n += noise2(x * f32(11.0), y * f32(11.0), seed + 1) * f32(0.30)
                n += noise2(x * f32(23.0), y * f32(23.0), seed + 2) * f32(0.15)
                light = f32(0.25) + f32(1.3) * smooth(f32(0.25), f32(0.8), n)
                mix = smooth(f32(0.35), f32(0.7), noise2(x * f32(3.0), y * f32(3.0), seed + 3))
                sky = smooth(f32(0.5) * h1 + f32(0.1), f32(-0.1), y) * (
                    f32(1.0) if h2 < f32(0.5) else f32(0.0)
                )
                extra = sky * smooth(f32(0.4), f32(0.6), n) * f32(0.7)
            elif kind == 4:
                light = f32(0.35) + f32(0.3) * noise2(x * f32(2.0), y * f32(2.0), seed)
                mix = y
            else:
                edge1, edge2 = f32(0.1) + f32(0.35) * h1, f32(0.55) + f32(0.35) * h2
                tilt = (h3 - f32(0.5)) * f32(0.15) * y
                w1 = smooth(edge1 - f32(0.02), edge1 + f32(0.03), x + tilt)
                w2 = smooth(edge2 - f32(0.03), edge2 + f32(0.02), x + tilt)
                mix = w1 * (f32(1.0) - f32(0.65) * w2)
                shelf = smooth(
                    f32(0.45),
                    f32(0.55),
                    noise2(x * f32(7.0), np.floor(y * f32(5.0)) * f32(3.1), seed),
                )
                light = (
                    f32(0.55)
                    + f32(0.4) * h4 * w2
                    + f32(0.25) * (f32(1.0) - y)
                    - f32(0.25) * shelf * w2
                )
            vignette = f32(1.0) - f32(0.35) * r2
            for c in range(3):
                value = (a[c] + (b[c] - a[c]) * mix) * light * vignette
                if kind == 3:
                    # leaves pull any palette towards green
                    value *= f32(0.85) if c == 0 else (f32(1.15) if c == 1 else f32(0.65))
                out[c, row, col] = value + extra * (f32(0.95) + f32(0.04) * f32(c))
    if kind == 4 or kind == 3:
        strength = f32(0.85) if kind == 4 else f32(0.30)
        for k in range(spots):
            reach = disc[k, 2]
            row0, row1 = (
                int((disc[k, 1] - reach) * f32(height)),
                int((disc[k, 1] + reach) * f32(height)) + 1,
            )
            col0, col1 = (
                int((disc[k, 0] - reach) * f32(width)),
                int((disc[k, 0] + reach) * f32(width)) + 1,
            )
            for row in range(max(row0, 0), min(row1, height)):
                y = (f32(row) + f32(0.5)) / f32(height) - disc[k, 1]
                for col in range(max(col0, 0), min(col1, width)):
                    x = (f32(col) + f32(0.5)) / f32(width) - disc[k, 0]
                    d = np.sqrt(x * x + y * y) / reach
                    cover = (
                        (f32(1.0) - smooth(f32(0.8), f32(1.0), d))
                        * (f32(0.55) + f32(0.45) * d)
                        * strength
                    )
                    for c in range(3):
                        out[c, row, col] += (disc[k, 3 + c] - out[c, row, col]) * cover
