"""The light that one sample of the picture sends: of the head, of an occluder, of a hair."""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces import clothes, columns, features, hair, looks, occluders, worn
from facelab.faces.frame import (
    CLOTHING,
    GLASSES,
    HAIR,
    INNER_MOUTH,
    LEFT_BROW,
    LEFT_EYE,
    LOWER_LIP,
    OCCLUDER,
    RIGHT_BROW,
    RIGHT_EYE,
    SKIN,
    SKIPPED,
    UPPER_LIP,
    locate,
    mix3,
    sunlit,
    unit,
)  # fmt: skip
from facelab.faces.light import FILL_TO, KEY_TO, shade_hair, shade_surface
from facelab.faces.raster import INNER, KERNEL, f32, hashed, smooth
from facelab.faces.scalp import POINTS


@njit(**INNER)
def lid_shade(i, j, step, face, ids, region):
    """How much the lid above (and its lashes) darkens an eyeball's sample: 0 to 0.64."""
    samples, faces = ids.shape[0], region.shape[0]
    dark = f32(0.0)
    for k in range(1, 5):
        reach = f32(k * step)
        i2, j2 = int(f32(i) - face[1, 1] * reach), int(f32(j) + face[0, 1] * reach)
        if i2 >= 0 and j2 >= 0 and i2 < samples and j2 < samples:
            t = ids[i2, j2]
            if t < 0 or t >= faces or region[t] != columns.EYEBALL:
                dark += f32(0.16)
    return dark


@njit(**INNER)
def catch_light(n, view, shade, lights, light):
    """Adds the mirror image of the key light, and a fainter one of the fill, to an eye."""
    for source in range(2):
        at = KEY_TO if source == 0 else FILL_TO
        hx, hy, hz = lights[at, 0] + view[0], lights[at, 1] + view[1], lights[at, 2] + view[2]
        s = f32(1.0) / np.sqrt(hx * hx + hy * hy + hz * hz + f32(1e-6))
        bulge = (n[0] * hx + n[1] * hy + n[2] * hz) * s
        glint = smooth(f32(0.990), f32(0.997), bulge) * (f32(1.0) if source == 0 else f32(0.2))
        for k in range(3):
            strength = lights[at + 1, k] * f32(1.5)
            light[k] += glint * strength * (f32(0.4) + f32(0.6) * shade)


@njit(**INNER)
def inside_mouth(region, z, albedo):
    """Albedo of teeth, tongue or the cavity's wall, z cm deep; returns how open it is to light."""
    if region == columns.TEETH:
        albedo[0], albedo[1], albedo[2] = f32(0.72), f32(0.65), f32(0.55)
        albedo[3], albedo[4] = f32(0.8), f32(0.25)
        return f32(0.75) * smooth(f32(-3.0), f32(2.2), z)
    if region == columns.TONGUE:
        albedo[0], albedo[1], albedo[2] = f32(0.36), f32(0.13), f32(0.12)
        return f32(0.45) * smooth(f32(-4.0), f32(1.5), z)
    albedo[0], albedo[1], albedo[2] = f32(0.16), f32(0.05), f32(0.045)
    return f32(0.35) * smooth(f32(-1.0), f32(2.6), z)


@njit(**INNER)
def evenness(i, j, ids, smooth):
    """The least level of `Statics.smooth` that the 2x2 pixel of samples from (i, j) on shows."""
    level = 2
    for row in range(i, i + 2):
        for col in range(j, j + 2):
            t = ids[row, col]
            if t < 0 or t >= smooth.shape[0]:
                return 0
            level = min(level, int(smooth[t]))
    return level


@njit(**INNER)
def spared(i, j, level):
    """Whether a 2x2 pixel of a level of evenness can do without sample (i, j).

    Of the four, one is shaded where the level is 2, two where it is 1, all where it is 0.
    """
    if i & 1 == 1 and j & 1 == 1:
        return False
    return level == 2 or (level == 1 and (i + j) & 1 == 1)


@njit(**KERNEL)
def shade_head(frame, statics, canvas, oversample):
    """Shades every sample that shows the head: colour, label and normal."""
    colour, facing, written, flat = frame.colour, frame.facing, frame.label, statics.smooth
    scale, distance, cloth_seed, eyeball = (
        frame.scale,
        frame.distance,
        frame.cloth_seed,
        statics.eyeball,
    )
    brow, upper_lid, lower_lid = canvas.brow, canvas.upper_lid, canvas.lower_lid
    eye_x, mouth_y = canvas.eye_x, canvas.mouth_y
    ids, inverse, bary, shadow = frame.ids, frame.inverse, frame.bary, frame.shadow
    look, face, normals, painted, lights = (
        frame.look,
        frame.face,
        frame.normals,
        frame.painted,
        frame.lights,
    )
    triangles, regions, labels = statics.triangles, statics.region, statics.label
    places, centre = canvas.place, frame.centre
    right, up, towards = frame.axes[0], frame.axes[1], frame.axes[2]
    samples, faces = ids.shape[0], triangles.shape[0]
    width = frame.scale * f32(17.0) / frame.distance  # samples over a face's width
    fine = smooth(f32(130.0), f32(230.0), width)
    step = max(int(width * f32(0.0065) + f32(0.5)), 1)
    style = int(look[columns.STYLE])
    dye = np.empty(3, np.float32)
    for k in range(3):
        dye[k] = look[columns.CLOTHES + k] ** f32(2.2)
    albedo, here = np.empty(5, np.float32), np.empty(looks.PAINTED, np.float32)
    cloth, place, light = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    n, p, view = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    levels = np.zeros(samples // 2, np.uint8)  # of the pixels in a row
    for i in range(samples):
        if oversample == 2 and i & 1 == 0:
            for k in range(samples // 2):
                levels[k] = evenness(i, 2 * k, ids, flat)
        for j in range(samples):
            t = ids[i, j]
            if t < 0 or t >= faces:
                continue
            if oversample == 2 and spared(i, j, levels[j >> 1]):
                written[i, j] = SKIPPED
                continue
            locate(i, j, inverse[i, j], centre, scale, distance, samples, p, view)
            w1, w2 = bary[i, j, 0], bary[i, j, 1]
            w0 = f32(1.0) - w1 - w2
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            mix3(normals, a, b, c, w0, w1, w2, n)
            unit(n)
            mix3(places, a, b, c, w0, w1, w2, place)
            mix3(painted, a, b, c, w0, w1, w2, here)
            shade = sunlit(p, n, f32(0.25), f32(0.35), right, up, towards, shadow)
            openness, flesh = here[looks.OPEN], f32(1.0)
            region, label = regions[t], int(labels[t])
            albedo[3], albedo[4] = here[looks.GLOSS], f32(0.42)
            if region == columns.EYEBALL:
                sign = f32(-1.0) if eyeball[a] == 0 else f32(1.0)
                features.eye_sample(place[0] - sign * eye_x, place[1], place[2], look, albedo)
                dark = lid_shade(i, j, step, face, ids, regions)
                openness = f32(0.85) * (f32(1.0) - dark)
                shade = (f32(0.15) + f32(0.85) * shade) * (f32(1.0) - dark)
                flesh = f32(0.5)
                label = LEFT_EYE if sign < f32(0.0) else RIGHT_EYE
            elif region == columns.TEETH or region == columns.TONGUE or region == columns.INNER:
                openness = inside_mouth(region, place[2], albedo)
                shade *= f32(0.25) + f32(0.75) * openness
                label = INNER_MOUTH
            elif region == columns.LASHES:
                albedo[0] = albedo[1] = albedo[2] = f32(0.012)
                albedo[3] = f32(0.0)
            else:
                hit = looks.skin_sample(
                    place, here, look, brow, upper_lid, lower_lid, fine, style, albedo
                )
                if hit == 1:
                    label = UPPER_LIP if place[1] > mouth_y else LOWER_LIP
                elif hit == 2:
                    label = LEFT_BROW if place[0] < f32(0.0) else RIGHT_BROW
                elif here[looks.EDGE] > f32(0.3) and style != hair.BALD and label == SKIN:
                    label = HAIR
                if place[1] < f32(-11.0):
                    cover = clothes.clothing(place[0], place[1], place[2], dye, cloth_seed, cloth)
                    if cover > f32(0.0):
                        for k in range(3):
                            albedo[k] += (cloth[k] - albedo[k]) * cover
                        flesh = f32(1.0) - f32(0.9) * cover
                        albedo[3] *= f32(1.0) - f32(0.85) * cover
                        albedo[4] = f32(0.7)
                        if cover > f32(0.5):
                            label = CLOTHING
            shade_surface(
                n, view, albedo, albedo[3], albedo[4], flesh, shade, openness, lights, light
            )
            if region == columns.EYEBALL:
                catch_light(n, view, shade, lights, light)
            for k in range(3):
                colour[i, j, k] = light[k]
                facing[i, j, k] = n[k]
            written[i, j] = label


@njit(**KERNEL)
def shade_thing(frame, first, things, thing_normals):
    """Shades every sample that shows the occluder, triangles `things` (U, 3) numbered from
    first.
    """
    ids, look = frame.ids, frame.look
    kind = int(look[columns.OCCLUDER])
    base, albedo = np.empty(3, np.float32), np.empty(3, np.float32)
    for c in range(3):
        base[c] = look[columns.OCCLUDER + 4 + c] ** f32(2.2)
    gloss, rough, flesh, label = f32(0.4), f32(0.4), f32(0.0), OCCLUDER
    if kind == occluders.HAND:
        looks.skin_tone(look[columns.MELANIN], look[columns.REDNESS] + f32(0.15), base)
        flesh = f32(1.0)
    elif kind == worn.GLASSES or kind == worn.SUNGLASSES:
        gloss, rough, label = f32(1.0), f32(0.25), GLASSES
        for c in range(3):
            base[c] *= f32(0.25) if kind == worn.SUNGLASSES else f32(1.0)
    elif kind == worn.MASK:
        gloss, flesh = f32(0.1), f32(0.25)
        for c in range(3):  # most masks are pale
            base[c] = f32(0.35) * base[c] + f32(0.65) * (f32(0.50) + f32(0.10) * f32(c))
    elif kind == occluders.SCARF:
        gloss = f32(0.05)
    samples, last = ids.shape[0], first + things.shape[0]
    right, up, towards, shadow = frame.axes[0], frame.axes[1], frame.axes[2], frame.shadow
    n, p, view = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    light = np.empty(3, np.float32)
    for i in range(samples):
        for j in range(samples):
            t = ids[i, j] - first
            if t < 0 or ids[i, j] >= last:
                continue
            locate(
                i,
                j,
                frame.inverse[i, j],
                frame.centre,
                frame.scale,
                frame.distance,
                samples,
                p,
                view,
            )
            w1, w2 = frame.bary[i, j, 0], frame.bary[i, j, 1]
            w0 = f32(1.0) - w1 - w2
            mix3(thing_normals, things[t, 0], things[t, 1], things[t, 2], w0, w1, w2, n)
            unit(n)
            if n[0] * view[0] + n[1] * view[1] + n[2] * view[2] < f32(0.0):
                n[0], n[1], n[2] = -n[0], -n[1], -n[2]
            tone = f32(1.0)
            if kind == occluders.SCARF:
                knit = np.sin(p[1] * f32(9.0) + f32(1.5) * np.sin(p[0] * f32(9.0)))
                tone = f32(0.88) + f32(0.12) * knit
            for c in range(3):
                albedo[c] = base[c] * tone
            shade = sunlit(p, n, f32(0.25), f32(0.35), right, up, towards, shadow)
            shade_surface(
                n, view, albedo, gloss, rough, flesh, shade, f32(0.8), frame.lights, light
            )
            for k in range(3):
                frame.colour[i, j, k] = light[k]
                frame.facing[i, j, k] = n[k]
            frame.label[i, j] = label


@njit(**KERNEL)
def shade_strands(frame, first, cards):
    """Shades every sample that shows hair, cards (C, 3) whose triangles are numbered from first."""
    ids, bary, face, look, lights = frame.ids, frame.bary, frame.face, frame.look, frame.lights
    inverse, shadow, seed = frame.inverse, frame.shadow, frame.hair_seed
    right, up, towards = frame.axes[0], frame.axes[1], frame.axes[2]
    colour, facing, written, centre = frame.colour, frame.facing, frame.label, frame.centre
    scale, distance = frame.scale, frame.distance
    per_card = 2 * (POINTS - 1)
    skull, n, p = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    view, tangent, side = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    albedo, light = np.empty(3, np.float32), np.empty(3, np.float32)
    for axis in range(3):
        skull[axis] = face[axis, 1] * f32(1.5) + face[axis, 2] * f32(-8.0)
    style, sheen = int(look[columns.STYLE]), f32(1.0)
    if style == hair.AFRO:
        sheen = f32(0.25)
    elif style == hair.CURLY:
        sheen = f32(0.6)
    samples = ids.shape[0]
    for i in range(samples):
        for j in range(samples):
            t = ids[i, j] - first
            if t < 0:
                continue
            locate(i, j, inverse[i, j], centre, scale, distance, samples, p, view)
            along, across = bary[i, j, 0], bary[i, j, 1]
            card, segment = t // per_card, (t % per_card) // 2
            begin, end = card * POINTS * 2, (card + 1) * POINTS * 2 - 2
            base = begin + segment * 2
            before, after = max(base - 2, begin), min(base + 4, end)
            w = along * f32(POINTS - 1) - f32(segment)
            for axis in range(3):
                # the tangent turns smoothly from point to point: no facets in the highlights
                here = cards[base + 2, axis] - cards[before, axis]
                there = cards[after, axis] - cards[base, axis]
                tangent[axis] = here + (there - here) * w
                side[axis] = cards[base + 1, axis] - cards[base, axis]
                n[axis] = p[axis] - skull[axis]
            unit(tangent)
            unit(n)
            strand = int((across + f32(1.0)) * f32(8.0))
            tone = hashed(card, strand, seed + 31)
            clump = hashed(card, 0, seed + 32)
            for axis in range(3):
                # strands lie unevenly: each is tilted a little, or highlights become bands
                tangent[axis] += side[axis] * (tone - f32(0.5)) * f32(0.25)
            unit(tangent)
            shade = f32(0.2) + f32(0.8) * sunlit(
                p, n, f32(0.3), f32(0.9), right, up, towards, shadow
            )
            openness = (f32(0.68) + f32(0.32) * along) * (f32(0.9) + f32(0.2) * clump)
            vary = f32(0.74) + f32(0.42) * tone + f32(0.12) * clump
            for k in range(3):
                albedo[k] = (look[columns.HAIR + k] + f32(0.006)) * vary
            shade_hair(tangent, n, view, albedo, sheen, shade, openness, lights, light)
            for k in range(3):
                colour[i, j, k] = light[k]
                facing[i, j, k] = n[k]
            written[i, j] = HAIR
