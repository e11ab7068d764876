"""Skin, lips, stubble and hair roots: the colour of the surface before light falls on it.

Patterns are functions of the *canonical place*, where a mesh point lies on the mean head (cm), so
they move with expression and stretch with identity. Broad ones (blush, stubble, redness) are
painted on vertices once a face; fine ones (brow hairs, freckles) are evaluated at every sample, at
any resolution. All colours are linear light.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces import hair
from facelab.faces.canvas import (
    BLUSH,
    BROAD,
    CORNER,
    EYE_SHADOW,
    FLUSH,
    FOLD,
    HOLLOW,
    MOUSTACHE,
    NOSTRIL,
    OILY,
    PATCH,
    UNDER_EYE,
    ZBEARD,
    ZLIPS,
    ZOPEN,
)  # fmt: skip
from facelab.faces.columns import (
    AGE,
    BROW_DARK,
    EXTENT,
    FRECKLES,
    GENDER,
    HAIR,
    MAKEUP,
    MELANIN,
    MOLES,
    OIL,
    RAISED,
    REDNESS,
    SEED,
    SPOTS,
    STUBBLE,
)  # fmt: skip
from facelab.faces.features import along_line, brow_cover, spot
from facelab.faces.raster import INNER, KERNEL, f32, hashed, noise2, noise3, smooth

# channels painted on vertices
RED, GREEN, BLUE, GLOSS, EDGE, LIP, BEARD, OPEN = range(8)
PAINTED = 8

# Skin albedo by melanin: light to dark, linear.
MELANIN_STEPS = np.array([0.0, 0.18, 0.36, 0.55, 0.75, 1.0], np.float32)
PALETTE = np.array(
    [[0.68, 0.500, 0.410], [0.60, 0.415, 0.320], [0.48, 0.310, 0.218], [0.335, 0.198, 0.128],
     [0.19, 0.107, 0.066], [0.09, 0.052, 0.035]],
    np.float32,
)  # fmt: skip


@njit(**INNER)
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


@njit(**KERNEL)
def paint(look, zones, scalp, style, seed, shown, out):
    """Paints those of one face's vertices that are shown (V,): out (V, PAINTED)."""
    base = np.empty(3, np.float32)
    skin_tone(look[MELANIN], look[REDNESS], base)
    pale = f32(1.0) - look[MELANIN]
    old = smooth(f32(28.0), f32(75.0), look[AGE])
    men = look[GENDER]
    colour = np.empty(3, np.float32)
    mix = np.empty(6, np.float32)
    for k in range(6):
        mix[k] = hashed(int(look[SEED] * f32(9973.0)), k, 41) - f32(0.5)
    for v in range(zones.shape[0]):
        if not shown[v]:
            continue
        flush = (
            zones[v, FLUSH]
            * (f32(0.10) + f32(0.28) * look[REDNESS])
            * (f32(0.35) + f32(0.65) * pale)
        )
        tired = zones[v, UNDER_EYE] * (f32(0.18) + f32(0.24) * old)
        fold = zones[v, FOLD] * (f32(0.08) + f32(0.34) * old)
        dark = f32(1.0) - tired - fold - f32(0.24) * zones[v, CORNER]
        dark -= f32(0.38) * max(zones[v, HOLLOW], f32(0.0)) + f32(0.12) * min(
            zones[v, HOLLOW], f32(0.0)
        )
        dark *= f32(1.0) - f32(0.85) * zones[v, NOSTRIL]
        broad = (
            zones[v, BROAD] * mix[0] + zones[v, BROAD + 1] * mix[1] + zones[v, BROAD + 2] * mix[2]
        )
        patch = (
            zones[v, PATCH] * mix[3] + zones[v, PATCH + 1] * mix[4] + zones[v, PATCH + 2] * mix[5]
        )
        dark = max(dark, f32(0.12)) * (f32(1.0) + f32(0.10) * broad + f32(0.08) * patch)
        blood = f32(0.10) * patch + f32(0.12) * broad
        colour[0] = base[0] * dark * (f32(1.0) + f32(0.10) * flush)
        colour[1] = (
            base[1] * dark * (f32(1.0) - f32(0.55) * flush - blood) * (f32(1.0) - f32(0.12) * tired)
        )
        colour[2] = base[2] * dark * (f32(1.0) - f32(0.45) * flush - blood)
        for layer in range(1, 3):  # eye shadow, blush
            amount = look[MAKEUP + 4 * layer + 3] * zones[v, EYE_SHADOW if layer == 1 else BLUSH]
            amount = min(amount * (f32(0.85) if layer == 1 else f32(0.36)), f32(0.9))
            for c in range(3):
                tint = look[MAKEUP + 4 * layer + c]
                colour[c] += (tint * tint * (f32(0.35) + f32(0.65) * pale) - colour[c]) * amount
        for c in range(3):
            out[v, c] = colour[c]
        out[v, GLOSS] = (
            f32(0.25)
            + f32(0.75) * zones[v, OILY] * (f32(0.3) + f32(0.9) * look[OIL])
            - f32(0.25) * zones[v, HOLLOW]
        )
        line = hair.hairline(scalp.line[v], scalp.azimuth[v], style, look[RAISED], seed)
        out[v, EDGE] = scalp.height[v] - line
        out[v, LIP] = zones[v, ZLIPS]
        reach = zones[v, MOUSTACHE] + (zones[v, ZBEARD] - zones[v, MOUSTACHE]) * smooth(
            f32(0.0), f32(0.6), look[EXTENT]
        )
        out[v, BEARD] = reach * look[STUBBLE] * smooth(f32(0.3), f32(0.6), men)
        # skin scatters: creases stay lit a little; lips meet in the dark
        out[v, OPEN] = (
            zones[v, ZOPEN]
            * (f32(0.55) + f32(0.45) * zones[v, ZOPEN])
            * (f32(1.0) - f32(0.8) * zones[v, NOSTRIL])
        )


@njit(**INNER)
def skin_sample(place, painted, look, brow, upper_lid, lower_lid, fine, style, out):
    """Albedo at a canonical place: `painted` (PAINTED,) interpolated there; out (5,): rgb, gloss,
    roughness.

    `fine` is 1 where a sample is small enough to show single hairs and pores, 0 where it is not.
    Returns the label offset: 0 skin, 1 lips, 2 brow.
    """
    x, y, z = place[0], place[1], place[2]
    seed = int(look[SEED] * f32(9973.0)) + 17
    label = 0
    shade = f32(1.0)
    if fine > f32(0.0):
        shade += (
            fine
            * f32(0.12)
            * (noise3(x * f32(11.0), y * f32(11.0), z * f32(11.0), seed + 5) - f32(0.5))
        )
    r, g, b = painted[RED] * shade, painted[GREEN] * shade, painted[BLUE] * shade
    gloss = painted[GLOSS]
    rough = f32(0.42)
    front = z > f32(-5.0)
    if front and look[AGE] > f32(38.0) and y > f32(2.6) and y < f32(7.0) and abs(x) < f32(5.0):
        wave = np.sin(y * f32(5.5) + f32(1.6) * noise2(x * f32(0.6), y * f32(0.3), seed))
        crease = smooth(f32(0.82), f32(1.0), wave) * smooth(f32(38.0), f32(80.0), look[AGE])
        shade = f32(1.0) - f32(0.22) * crease * (f32(1.0) - abs(x) * f32(0.2))
        r, g, b = r * shade, g * shade, b * shade
    spots = int(look[SPOTS] * f32(9973.0))
    if look[FRECKLES] > f32(0.12) and y < f32(5.0) and y > f32(-8.5) and front:
        # nose and cheeks have most, forehead and chin a few
        crowd = np.exp(-(((y + f32(2.9)) / f32(2.0)) ** 2) - (x / f32(4.8)) ** 2)
        chance = look[FRECKLES] * (f32(0.15) + f32(1.65) * crowd)
        many = spot(x, y, z, f32(4.2), chance, f32(0.22), f32(0.48), spots)
        few = spot(x, y, z, f32(2.1), chance, f32(0.10), f32(0.26), spots + 20)
        cover = (f32(0.5) + f32(0.25) * fine) * max(many, few)  # fainter where samples are coarse
        r, g, b = (
            r * (f32(1.0) - f32(0.36) * cover),
            g * (f32(1.0) - f32(0.58) * cover),
            b * (f32(1.0) - f32(0.72) * cover),
        )
    if look[MOLES] > f32(0.2):
        few = min(f32(0.9) * look[MOLES], f32(1.0))
        cover = f32(0.7) * spot(x, y, z, f32(0.55), few, f32(0.03), f32(0.08), spots + 7)
        if cover > f32(0.0):
            r, g, b = (
                r * (f32(1.0) - f32(0.75) * cover),
                g * (f32(1.0) - f32(0.85) * cover),
                b * (f32(1.0) - f32(0.85) * cover),
            )
    # lips: a clear border, a darker line above, colour from blood or lipstick
    lip = smooth(f32(0.30), f32(0.62), painted[LIP])
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
        bristle = f32(0.5)
        if fine > f32(0.0):
            # |x| - z runs round the face, so that bristles are as fine on the jaw as on the chin
            way = abs(x) - z
            bristle = noise2(way * f32(15.0), y * f32(9.0), seed + 11 + (x > f32(0.0)))
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
        cover = f32(1.0)
        if edge < f32(0.85):  # beyond, no raggedness shows
            ragged = noise3(x * f32(2.6), y * f32(2.6), z * f32(2.6), seed + 13) - f32(0.5)
            cover = smooth(f32(-0.40), f32(0.45), edge + f32(0.8) * ragged)
        if style == hair.BUZZ:
            cover *= f32(0.80) - fine * f32(0.35) * noise2(x * f32(15.0), (y + z) * f32(15.0), seed)
        k = f32(0.5) if style != hair.BUZZ else f32(0.7)
        r, g, b = (
            r + (look[HAIR] * k - r) * cover,
            g + (look[HAIR + 1] * k - g) * cover,
            b + (look[HAIR + 2] * k - b) * cover,
        )
        gloss *= f32(1.0) - f32(0.8) * cover
    if front:
        cover = brow_cover(x, y, look, brow, fine)
        if cover > f32(0.0):
            dark = f32(0.60) - f32(0.38) * look[BROW_DARK]
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
        at, up = along_line(abs(x), y, upper_lid)
        _, low = along_line(abs(x), y, lower_lid)
        inside = smooth(f32(-0.12), f32(0.02), at) * (f32(1.0) - smooth(f32(1.02), f32(1.22), at))
        women = f32(1.0) - look[GENDER]
        liner = f32(0.62) + f32(0.28) * women
        cover = liner * (f32(1.0) - smooth(f32(0.04), f32(0.22), abs(up - f32(0.03))))
        cover = max(cover, f32(0.30) * (f32(1.0) - smooth(f32(0.0), f32(0.13), abs(low))))
        fold = f32(0.22) * np.exp(
            -(((up - f32(0.42)) / f32(0.12)) ** 2)
        )  # the crease above the lid
        cover = f32(1.0) - max(cover, fold) * inside
        r, g, b = (
            r * cover,
            g * cover * (f32(0.93) + f32(0.07) * cover),
            b * cover * (f32(0.93) + f32(0.07) * cover),
        )
    out[0], out[1], out[2], out[3], out[4] = r, g, b, gloss, rough
    return label
