"""Skin, lips, brows, lids and eyes: the colour of every surface point before light falls on it.

Patterns are functions of the *canonical place*, where a mesh point lies on the mean head (cm), so they move
with expression and stretch with identity. Broad ones (blush, stubble, redness) are painted on vertices once
a face; fine ones (brow hairs, freckles, iris) are evaluated at every sample, at any resolution.
All colours are linear light.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from facelab.faces import hair
from facelab.faces.head import REGIONS, Head
from facelab.faces.raster import (
    FAST,
    f32,
    fill_depth,
    hashed,
    lit,
    noise2,
    noise3,
    smooth,
    vertex_normals,
)

SKIN, LIPS, INNER, TEETH, TONGUE, EYEBALL, LASHES, BODY = range(len(REGIONS))
# columns of a person's `look` vector, filled by `render.look_vectors`
AGE, GENDER, MELANIN, REDNESS, SEED, OIL, FRECKLES, MOLES, SPOTS = range(9)
STUBBLE, EXTENT, BROW_WIDE, BROW_ARCH, BROW_DENSE, BROW_DARK = range(9, 15)
IRIS, STYLE, HAIR, VOLUME, RAISED, PARTING, HAIR_SEED = 15, 18, 19, 22, 23, 24, 25
MAKEUP, CLOTHES, LIGHT, BACKGROUND, OCCLUDER, NOISE = 26, 42, 45, 55, 63, 71
COLUMNS = 77
# channels painted on vertices
RED, GREEN, BLUE, GLOSS, EDGE, LIP, BEARD, OPEN = range(8)
PAINTED = 8

# Skin albedo by melanin: light to dark, linear.
MELANIN_STEPS = np.array([0.0, 0.18, 0.36, 0.55, 0.75, 1.0], np.float32)
PALETTE = np.array(
    [[0.70, 0.485, 0.385], [0.62, 0.405, 0.30], [0.49, 0.295, 0.195], [0.335, 0.185, 0.112], [0.185, 0.095, 0.055],
     [0.085, 0.045, 0.028]],
    np.float32,
)  # fmt: skip


class Canvas(NamedTuple):
    """What painting needs of the head; V vertices."""

    place: np.ndarray  # (V, 3) f32 cm, the mean head
    zones: np.ndarray  # (V, 12) f32 soft masks, see ZONES
    brow: (
        np.ndarray
    )  # (B, 2) f32 cm, middle line of the brow on the side x > 0, from nose to temple
    upper_lid: np.ndarray  # (L, 2) f32 cm, on the side x > 0
    lower_lid: np.ndarray  # (L, 2) f32 cm
    eye_x: float  # cm from the middle to the eyeballs' centres
    mouth_y: float  # cm, where the lips meet


ZONES = ("flush", "under_eye", "beard", "moustache", "eye_shadow", "blush", "lips", "fold", "open", "oily",
         "freckles", "chest")  # fmt: skip
(
    FLUSH,
    UNDER_EYE,
    ZBEARD,
    MOUSTACHE,
    EYE_SHADOW,
    BLUSH,
    ZLIPS,
    FOLD,
    ZOPEN,
    OILY,
    FRECKLED,
    CHEST,
) = range(12)


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
    zones = np.stack(
        [flush, under, np.maximum(beard, 0), moustache, shadow, blob(5.0, -3.4, 2.0, 1.4), lips, fold, open_,
         blob(0, 5, 3.5, 2.5) + blob(0, -3.2, 0.9, 2.5) + 0.6 * blob(4.2, -2.6, 1.4, 1.0),
         blob(0, -2.5, 5.5, 2.6), _step(-13.0, -17.0, y)], 1,
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
    """A smooth line through points (K, 2), resampled: (count, 2) float32."""
    k = np.arange(len(points))
    at = np.linspace(0, len(points) - 1, count)
    fit = np.polynomial.Polynomial.fit
    degree = min(3, len(points) - 1)
    return np.stack([fit(k, points[:, i], degree)(at) for i in (0, 1)], 1).astype(np.float32)


def _openness(head: Head) -> np.ndarray:
    """Share of the upper hemisphere that each vertex of the mean head sees: (V,) ambient occlusion."""
    points = head.mean.astype(np.float32)
    normals = np.empty_like(points)
    vertex_normals(points, head.triangles, len(points), normals)
    solid = np.ascontiguousarray(head.triangles[head.region != LASHES])
    k = np.arange(96) + 0.5
    height, turn = 1 - 2 * k / 96, np.pi * (1 + 5**0.5) * k
    across = np.sqrt(1 - height**2)
    total, seen = np.zeros(len(points)), np.zeros(len(points))
    for d in np.stack([across * np.cos(turn), height, across * np.sin(turn)], 1):
        right = np.cross([0.3, 0.9, 0.2], d)
        right /= np.linalg.norm(right)
        axes = [a.astype(np.float32) for a in (right, np.cross(d, right), d)]
        depth = np.full((192, 192), -1e9, np.float32)
        fill_depth(points, solid, 1, *axes, f32(28.0), depth)
        weight = np.clip(normals @ d, 0, None)
        for v in np.flatnonzero(weight > 0):
            share = lit(*points[v], *axes, f32(28.0), depth, f32(0.35))
            seen[v] += weight[v] * share
        total += weight
    return np.clip(seen / np.maximum(total, 1e-6), 0, 1)


@njit(cache=True, fastmath=FAST)
def skin_tone(melanin, redness, out):
    """Linear albedo of skin from melanin and blood."""
    k = 0
    while k < MELANIN_STEPS.shape[0] - 2 and melanin > MELANIN_STEPS[k + 1]:
        k += 1
    w = min(
        max((melanin - MELANIN_STEPS[k]) / (MELANIN_STEPS[k + 1] - MELANIN_STEPS[k]), f32(0.0)),
        f32(1.0),
    )
    for c in range(3):
        out[c] = PALETTE[k, c] + (PALETTE[k + 1, c] - PALETTE[k, c]) * w
    blood = (redness - f32(0.4)) * f32(0.35)
    out[1] *= f32(1.0) - blood
    out[2] *= f32(1.0) - f32(0.8) * blood


@njit(cache=True, fastmath=FAST)
def paint(look, zones, azimuth, height, style, seed, out):
    """Paints one face's vertices: out (V, PAINTED)."""
    base = np.empty(3, np.float32)
    skin_tone(look[MELANIN], look[REDNESS], base)
    pale = f32(1.0) - look[MELANIN]
    old = smooth(f32(28.0), f32(75.0), look[AGE])
    men = look[GENDER]
    colour = np.empty(3, np.float32)
    for v in range(zones.shape[0]):
        flush = (
            zones[v, FLUSH]
            * (f32(0.10) + f32(0.30) * look[REDNESS])
            * (f32(0.35) + f32(0.65) * pale)
        )
        tired = zones[v, UNDER_EYE] * (f32(0.16) + f32(0.22) * old)
        fold = zones[v, FOLD] * (f32(0.06) + f32(0.30) * old)
        dark = f32(1.0) - tired - fold
        colour[0] = base[0] * dark * (f32(1.0) + f32(0.10) * flush)
        colour[1] = base[1] * dark * (f32(1.0) - f32(0.55) * flush) * (f32(1.0) - f32(0.12) * tired)
        colour[2] = base[2] * dark * (f32(1.0) - f32(0.45) * flush)
        for layer in range(1, 3):  # eye shadow, blush
            amount = look[MAKEUP + 4 * layer + 3] * zones[v, EYE_SHADOW if layer == 1 else BLUSH]
            amount = min(amount * (f32(0.85) if layer == 1 else f32(0.55)), f32(0.9))
            for c in range(3):
                tint = look[MAKEUP + 4 * layer + c]
                colour[c] += (tint * tint * (f32(0.35) + f32(0.65) * pale) - colour[c]) * amount
        for c in range(3):
            out[v, c] = colour[c]
        out[v, GLOSS] = f32(0.25) + f32(0.75) * zones[v, OILY] * (f32(0.3) + f32(0.7) * look[OIL])
        out[v, EDGE] = height[v] - hair.hairline(azimuth[v], style, look[RAISED], seed)
        out[v, LIP] = zones[v, ZLIPS]
        reach = zones[v, MOUSTACHE] + (zones[v, ZBEARD] - zones[v, MOUSTACHE]) * smooth(
            f32(0.0), f32(0.6), look[EXTENT]
        )
        out[v, BEARD] = reach * look[STUBBLE] * smooth(f32(0.3), f32(0.6), men)
        out[v, OPEN] = zones[v, ZOPEN]


@njit(cache=True, fastmath=FAST)
def along_line(x, y, line):
    """Nearest point of a polyline: (share of its length 0 to 1, signed distance, > 0 on the left)."""
    count = line.shape[0]
    best, at, sign = f32(1e9), f32(0.0), f32(1.0)
    for k in range(count - 1):
        dx, dy = line[k + 1, 0] - line[k, 0], line[k + 1, 1] - line[k, 1]
        px, py = x - line[k, 0], y - line[k, 1]
        t = min(max((px * dx + py * dy) / (dx * dx + dy * dy + f32(1e-9)), f32(0.0)), f32(1.0))
        qx, qy = px - t * dx, py - t * dy
        d = qx * qx + qy * qy
        if d < best:
            best, at = d, (f32(k) + t) / f32(count - 1)
            sign = f32(1.0) if dx * py - dy * px > f32(0.0) else f32(-1.0)
    return at, sign * np.sqrt(best)


@njit(cache=True, fastmath=FAST)
def brow_cover(x, y, look, line, fine):
    """Share of a brow's hair at the canonical place (x, y), 0 to 1."""
    side = abs(x)
    if side < f32(0.8) or side > f32(6.9) or y < f32(0.2) or y > f32(3.8):
        return f32(0.0)
    at, d = along_line(side, y, line)
    middle = (at - f32(0.6)) / f32(0.4)
    d -= (look[BROW_ARCH] - f32(0.5)) * f32(0.30) * (f32(1.0) - min(middle * middle, f32(1.0)))
    d += f32(0.12)  # landmarks lie in the brow's upper half
    half = (f32(0.20) + f32(0.26) * look[BROW_WIDE]) * (
        f32(1.0) - f32(0.62) * smooth(f32(0.35), f32(1.0), at)
    )
    half *= f32(0.70) + f32(0.30) * smooth(f32(0.0), f32(0.22), at)
    # each end fades; outside the line the distance grows along it, so the tail tapers
    end = smooth(f32(-0.02), f32(0.10), at) * (
        f32(1.0) - f32(0.65) * smooth(f32(0.85), f32(1.0), at)
    )
    seed = int(look[SEED] * f32(9973.0))
    lean = f32(0.75) - at * f32(0.9)
    strands = noise2((at * f32(5.2) - d * lean) * f32(11.0), d * f32(2.0) + at * f32(4.0), seed + 5)
    body = f32(1.0) - smooth(
        half * f32(0.55), half * f32(1.35), abs(d) + (strands - f32(0.5)) * f32(0.22)
    )
    dense = f32(0.45) + f32(0.55) * look[BROW_DENSE]
    streak = f32(1.0) - fine * f32(0.55) * strands
    pencil = look[MAKEUP + 15]
    return min(body * end * (dense * streak + pencil * f32(0.3)), f32(1.0))


@njit(cache=True, fastmath=FAST)
def skin_sample(x, y, z, painted, look, canvas_, fine, style, out):
    """Albedo at a canonical place: `painted` (PAINTED,) interpolated there; out (5,): rgb, gloss, roughness.

    `fine` is 1 where a sample is small enough to show single hairs and pores, 0 where it is not.
    Returns the label offset: 0 skin, 1 lips, 2 brow.
    """
    seed = int(look[SEED] * f32(9973.0)) + 17
    label = 0
    broad = noise3(x * f32(0.55), y * f32(0.55), z * f32(0.55), seed) - f32(0.5)
    patch = noise3(x * f32(2.3), y * f32(2.3), z * f32(2.3), seed + 3) - f32(0.5)
    shade = f32(1.0) + f32(0.10) * broad + f32(0.07) * patch
    if fine > f32(0.0):
        shade += (
            fine
            * f32(0.10)
            * (noise3(x * f32(11.0), y * f32(11.0), z * f32(11.0), seed + 5) - f32(0.5))
        )
    blood = f32(0.10) * patch + f32(0.08) * broad
    r, g, b = (
        painted[RED] * shade,
        painted[GREEN] * shade * (f32(1.0) - blood),
        painted[BLUE] * shade * (f32(1.0) - blood),
    )
    gloss = painted[GLOSS]
    rough = f32(0.42)
    front = z > f32(-5.0)
    if front and look[AGE] > f32(38.0) and y > f32(2.6) and y < f32(7.0) and abs(x) < f32(5.0):
        wave = np.sin(y * f32(5.5) + f32(1.6) * noise2(x * f32(0.6), y * f32(0.3), seed))
        crease = smooth(f32(0.82), f32(1.0), wave) * smooth(f32(38.0), f32(80.0), look[AGE])
        shade = f32(1.0) - f32(0.22) * crease * (f32(1.0) - abs(x) * f32(0.2))
        r, g, b = r * shade, g * shade, b * shade
    spots = int(look[SPOTS] * f32(9973.0))
    if look[FRECKLES] > f32(0.12) and y < f32(1.5) and y > f32(-7.0) and front:
        cover = f32(0.0)
        u, v = x * f32(4.2), y * f32(4.2)
        i, j = int(np.floor(u)), int(np.floor(v))
        chance = look[FRECKLES] * np.exp(-(((y + f32(2.4)) / f32(2.8)) ** 2))
        if hashed(i, j, spots) < chance:
            du, dv = (
                u - f32(i) - f32(0.3) - f32(0.4) * hashed(i, j, spots + 1),
                v - f32(j) - f32(0.5),
            )
            cover = f32(1.0) - smooth(f32(0.12), f32(0.40), np.sqrt(du * du + dv * dv))
        cover *= f32(0.42)
        r, g, b = (
            r * (f32(1.0) - f32(0.55) * cover),
            g * (f32(1.0) - f32(0.85) * cover),
            b * (f32(1.0) - cover),
        )
    if look[MOLES] > f32(0.2):
        u, v = x * f32(0.55), y * f32(0.55)
        i, j = int(np.floor(u)), int(np.floor(v))
        if hashed(i, j, spots + 7) < f32(0.22) * look[MOLES]:
            du, dv = u - f32(i) - hashed(i, j, spots + 8), v - f32(j) - hashed(i, j, spots + 9)
            size = f32(0.03) + f32(0.05) * hashed(i, j, spots + 10)
            cover = f32(0.8) * (
                f32(1.0) - smooth(size * f32(0.7), size * f32(1.3), np.sqrt(du * du + dv * dv))
            )
            r, g, b = (
                r * (f32(1.0) - f32(0.75) * cover),
                g * (f32(1.0) - f32(0.85) * cover),
                b * (f32(1.0) - f32(0.85) * cover),
            )
    # lips: a clear border, a darker line above, colour from blood or lipstick
    lip = smooth(f32(0.30), f32(0.62), painted[LIP] + f32(0.10) * patch)
    if lip > f32(0.0):
        made = look[MAKEUP + 3]
        tone = f32(0.62) + f32(0.25) * look[MELANIN]
        lr, lg, lb = r * f32(0.92) * (tone + f32(0.22)), g * tone * f32(0.80), b * tone * f32(0.90)
        grain = f32(1.0) - f32(0.16) * fine * noise2(x * f32(9.0), y * f32(1.5), seed)
        deep = f32(0.35) + f32(0.65) * (f32(1.0) - look[MELANIN])
        mr, mg, mb = (
            look[MAKEUP] ** 2 * deep,
            look[MAKEUP + 1] ** 2 * deep,
            look[MAKEUP + 2] ** 2 * deep,
        )
        lr, lg, lb = (
            lr + (mr - lr) * made * f32(0.85),
            lg + (mg - lg) * made * f32(0.85),
            lb + (mb - lb) * made * f32(0.85),
        )
        lip_cover = lip * f32(0.9)
        r, g, b = (
            r + (lr * grain - r) * lip_cover,
            g + (lg * grain - g) * lip_cover,
            b + (lb * grain - b) * lip_cover,
        )
        gloss += (f32(0.75) + f32(0.6) * made - gloss) * lip
        rough = rough + (f32(0.26) - rough) * lip
        if painted[LIP] > f32(0.5):
            label = 1
    if painted[BEARD] > f32(0.01):
        grow = painted[BEARD] * (
            f32(0.55) + f32(0.9) * noise3(x * f32(3.0), y * f32(2.0), z * f32(3.0), seed + 9)
        )
        bristle = noise2(x * f32(14.0), y * f32(6.0), seed + 11) if fine > f32(0.0) else f32(0.5)
        cover = smooth(
            f32(0.05),
            f32(0.95),
            grow
            + fine * (bristle - f32(0.5)) * f32(0.7) * min(painted[BEARD] * f32(3.0), f32(1.0)),
        )
        cover *= f32(0.88)
        k = f32(0.75)
        r, g, b = (
            r + (look[HAIR] * k - r) * cover,
            g + (look[HAIR + 1] * k - g) * cover,
            b + (look[HAIR + 2] * k - b) * cover,
        )
        gloss *= f32(1.0) - f32(0.7) * cover
    edge = painted[EDGE]
    if style != hair.BALD and edge > f32(-0.9):
        ragged = f32(1.1) * (noise3(x * f32(2.6), y * f32(2.6), z * f32(2.6), seed + 13) - f32(0.5))
        cover = smooth(f32(-0.45), f32(0.75), edge + ragged)
        if style == hair.BUZZ:
            cover *= f32(0.80) - fine * f32(0.35) * noise2(x * f32(15.0), (y + z) * f32(15.0), seed)
        k = f32(0.7)
        r, g, b = (
            r + (look[HAIR] * k - r) * cover,
            g + (look[HAIR + 1] * k - g) * cover,
            b + (look[HAIR + 2] * k - b) * cover,
        )
        gloss *= f32(1.0) - f32(0.8) * cover
    if front:
        cover = brow_cover(x, y, look, canvas_.brow, fine)
        if cover > f32(0.0):
            dark = f32(1.0) - f32(0.55) * look[BROW_DARK]
            pencil = look[MAKEUP + 15]
            br = look[HAIR] * dark
            bg = look[HAIR + 1] * dark
            bb = look[HAIR + 2] * dark
            br += (look[MAKEUP + 12] ** 2 * f32(0.5) - br) * pencil * f32(0.7)
            bg += (look[MAKEUP + 13] ** 2 * f32(0.5) - bg) * pencil * f32(0.7)
            bb += (look[MAKEUP + 14] ** 2 * f32(0.5) - bb) * pencil * f32(0.7)
            r, g, b = r + (br - r) * cover, g + (bg - g) * cover, b + (bb - b) * cover
            gloss *= f32(1.0) - f32(0.7) * cover
            if cover > f32(0.3):
                label = 2
    # lash roots and wet rims darken the lids' edges
    if front and y > f32(-1.4) and y < f32(1.2) and abs(x) > f32(1.4) and abs(x) < f32(5.2):
        _, up = along_line(abs(x), y, canvas_.upper_lid)
        _, low = along_line(abs(x), y, canvas_.lower_lid)
        women = f32(1.0) - look[GENDER]
        liner = f32(0.55) + f32(0.25) * women
        cover = liner * (f32(1.0) - smooth(f32(0.02), f32(0.17), abs(up)))
        cover = max(cover, f32(0.30) * (f32(1.0) - smooth(f32(0.0), f32(0.13), abs(low))))
        fold = f32(0.22) * np.exp(
            -(((up - f32(0.42)) / f32(0.12)) ** 2)
        )  # the crease above the lid
        cover = f32(1.0) - max(cover, fold)
        r, g, b = (
            r * cover,
            g * cover * (f32(0.93) + f32(0.07) * cover),
            b * cover * (f32(0.93) + f32(0.07) * cover),
        )
    out[0], out[1], out[2], out[3], out[4] = r, g, b, gloss, rough
    return label


@njit(cache=True, fastmath=FAST)
def eye_sample(x, y, z, look, out):
    """Albedo of an eyeball at (x, y, z) cm from its centre before gaze turns it; out (5,) as in skin_sample."""
    seed = int(look[SEED] * f32(9973.0))
    across = np.sqrt(x * x + y * y)
    if z < f32(0.0):
        across = f32(2.0)
    ring, pupil = f32(0.62), f32(0.20) + f32(0.09) * hashed(seed, 3, 1)
    angle = np.arctan2(y, x)
    # sclera: ivory, pinker towards the corners
    pink = smooth(f32(0.7), f32(1.5), across)
    r, g, b = (
        f32(0.74) - f32(0.04) * pink,
        f32(0.70) - f32(0.17) * pink,
        f32(0.67) - f32(0.17) * pink,
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
