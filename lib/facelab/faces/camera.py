"""From light to a picture: film's tone curve, then blur, noise and compression as cameras add
them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import INNER, KERNEL, f32, hashed

TONES = 512  # steps of the tone curve's table


@njit(**INNER)
def tone_curve(gamma, contrast, out):
    """Display values out (TONES + 1,) for roots of light from 0 to 1: sRGB, film's S, contrast."""
    for k in range(TONES + 1):
        # one power for sRGB's curve and gamma together; sRGB is close to 1 / 2.25
        x = (f32(k) / f32(TONES)) ** (gamma * f32(2.0 / 2.25))
        x += f32(0.22) * x * (f32(1.0) - x) * (f32(2.0) * x - f32(1.0))  # film's S
        out[k] = f32(0.46) + (x - f32(0.46)) * contrast


@njit(**KERNEL)
def develop(image, exposure, gamma, contrast, saturation):
    """Linear light to display values in place: image (3, H, W). A soft shoulder, sRGB, then
    grading.
    """
    curve = np.empty(TONES + 1, np.float32)
    tone_curve(gamma, contrast, curve)
    for row in range(image.shape[1]):
        for col in range(image.shape[2]):
            mean = f32(0.0)
            for c in range(3):
                x = max(image[c, row, col] * exposure, f32(0.0))
                # slope 1.25 in the darks, a long shoulder towards white
                x *= f32(1.25)
                x = x * (f32(1.0) + x * f32(0.10)) / (f32(1.0) + f32(0.55) * x)
                x = np.sqrt(x) * f32(TONES)  # roots spread the darks over the table
                k = min(int(x), TONES - 1)
                x = curve[k] + (curve[k + 1] - curve[k]) * min(x - f32(k), f32(1.0))
                image[c, row, col] = x
                mean += x * (f32(0.299) if c == 0 else (f32(0.587) if c == 1 else f32(0.114)))
            for c in range(3):
                x = mean + (image[c, row, col] - mean) * saturation
                image[c, row, col] = min(max(x, f32(0.0)), f32(1.0))


@njit(**KERNEL)
def blur(image, sigma):
    """Gaussian blur in place; sigma in pixels, below 0.15 does nothing. Edges repeat."""
    if sigma < f32(0.15):
        return
    reach = int(np.ceil(f32(2.5) * sigma))
    weights = np.empty(2 * reach + 1, np.float32)
    total = f32(0.0)
    for k in range(-reach, reach + 1):
        weights[k + reach] = np.exp(f32(-0.5) * (f32(k) / sigma) ** 2)
        total += weights[k + reach]
    height, width = image.shape[1], image.shape[2]
    padded = np.empty(max(height, width) + 2 * reach, np.float32)
    for c in range(3):
        for row in range(height):
            for col in range(-reach, width + reach):
                padded[col + reach] = image[c, row, min(max(col, 0), width - 1)]
            for col in range(width):
                s = f32(0.0)
                for k in range(2 * reach + 1):
                    s += weights[k] * padded[col + k]
                image[c, row, col] = s / total
        for col in range(width):
            for row in range(-reach, height + reach):
                padded[row + reach] = image[c, min(max(row, 0), height - 1), col]
            for row in range(height):
                s = f32(0.0)
                for k in range(2 * reach + 1):
                    s += weights[k] * padded[row + k]
                image[c, row, col] = s / total


@njit(**INNER)
def grain(image, sigma, seed):
    """Adds noise of standard deviation sigma, mostly of brightness, a little of colour."""
    if sigma <= f32(0.0):
        return
    for row in range(image.shape[1]):
        for col in range(image.shape[2]):
            at = row * image.shape[2] + col
            bright = f32(0.0)
            for k in range(3):
                bright += hashed(at, k, seed)
            bright = (bright - f32(1.5)) * f32(2.0)  # three uniforms: variance 1/4
            for c in range(3):
                own = (hashed(at, 3 + c, seed) + hashed(at, 6 + c, seed) - f32(1.0)) * f32(2.4495)
                value = image[c, row, col] + sigma * (f32(0.85) * bright + f32(0.53) * own)
                image[c, row, col] = min(max(value, f32(0.0)), f32(1.0))


COSINES = np.array(
    [
        [np.sqrt((1 if k == 0 else 2) / 8) * np.cos(np.pi * (2 * n + 1) * k / 16) for n in range(8)]
        for k in range(8)
    ],
    np.float32,
)  # (frequency, place): the orthonormal DCT of eight samples


@njit(**KERNEL)
def compress(image, strength):
    """The loss of block compression, in place: 8x8 cosine blocks of brightness and colour,
    quantised.

    Strength 0 does nothing, 0.5 is about JPEG quality 50, 1 about 15. Sizes need not be multiples
    of 8.
    """
    if strength < f32(0.02):
        return
    scale = f32(3.4) * strength * strength / f32(255.0)
    height, width = image.shape[1], image.shape[2]
    block, half, planes = (
        np.empty((8, 8), np.float32),
        np.empty((8, 8), np.float32),
        np.empty((3, 8, 8), np.float32),
    )
    for top in range(0, height, 8):
        for left in range(0, width, 8):
            for i in range(8):
                row = min(top + i, height - 1)
                for j in range(8):
                    col = min(left + j, width - 1)
                    r, g, b = image[0, row, col], image[1, row, col], image[2, row, col]
                    y = f32(0.299) * r + f32(0.587) * g + f32(0.114) * b
                    planes[0, i, j], planes[1, i, j], planes[2, i, j] = (
                        y,
                        (b - y) * f32(0.564),
                        (r - y) * f32(0.713),
                    )
            for c in range(3):
                for k in range(8):
                    for j in range(8):
                        s = f32(0.0)
                        for i in range(8):
                            s += COSINES[k, i] * planes[c, i, j]
                        half[k, j] = s
                for k in range(8):
                    for m in range(8):
                        s = f32(0.0)
                        for j in range(8):
                            s += half[k, j] * COSINES[m, j]
                        step = (
                            (f32(10.0) + f32(6.5) * f32(k + m))
                            * scale
                            * (f32(1.0) if c == 0 else f32(1.7))
                        )
                        block[k, m] = np.floor(s / step + f32(0.5)) * step
                for i in range(8):
                    for m in range(8):
                        s = f32(0.0)
                        for k in range(8):
                            s += COSINES[k, i] * block[k, m]
                        half[i, m] = s
                for i in range(8):
                    for j in range(8):
                        s = f32(0.0)
                        for m in range(8):
                            s += half[i, m] * COSINES[m, j]
                        planes[c, i, j] = s
            for i in range(min(8, height - top)):
                for j in range(min(8, width - left)):
                    y, blue, red = planes[0, i, j], planes[1, i, j], planes[2, i, j]
                    b, r = y + blue * f32(1.0 / 0.564), y + red * f32(1.0 / 0.713)
                    g = (y - f32(0.299) * r - f32(0.114) * b) * f32(1.0 / 0.587)
                    image[0, top + i, left + j] = min(max(r, f32(0.0)), f32(1.0))
                    image[1, top + i, left + j] = min(max(g, f32(0.0)), f32(1.0))
                    image[2, top + i, left + j] = min(max(b, f32(0.0)), f32(1.0))
