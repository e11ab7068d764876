"""Light on a surface point: key, fill, ambient and rim on skin, eyes, cloth and hair.

Directions are in view space (x to the image's right, y up, z towards the viewer), colours linear.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import INNER, f32

# rows of a face's light table (LIGHTS, 3)
KEY_TO, KEY, FILL_TO, FILL, SKY, GROUND, RIM_TO, RIM = range(8)
LIGHTS = 8


@njit(**INNER)
def light_table(values, backdrop, out):
    """Directions and colours from ten light factors (see `factors.Factors.light`).

    `backdrop` (3,) is the background's mean colour; some of it comes back as ambient light.
    """
    degree = f32(np.pi / 180.0)
    azimuth, elevation, warm = values[0] * degree, values[1] * degree, values[3]
    out[KEY_TO, 0] = np.sin(azimuth) * np.cos(elevation)
    out[KEY_TO, 1] = np.sin(elevation)
    out[KEY_TO, 2] = np.cos(azimuth) * np.cos(elevation)
    azimuth = values[5] * degree
    out[FILL_TO, 0], out[FILL_TO, 1], out[FILL_TO, 2] = (
        np.sin(azimuth) * f32(0.98),
        f32(0.17),
        np.cos(azimuth) * f32(0.98),
    )
    key, fill, ambient = (
        values[2] * f32(1.40),
        values[4] * f32(0.75),
        f32(0.11) + values[6] * f32(0.54),
    )
    cold = values[7]
    for c in range(3):
        tint = f32(0.16) if c == 0 else (f32(0.01) if c == 1 else f32(-0.22))
        out[KEY, c] = key * (f32(1.0) + tint * warm)
        out[FILL, c] = fill * (f32(1.0) + tint * f32(0.5) * (warm + cold))
        sky = ambient * (f32(1.0) + tint * cold)
        out[SKY, c] = sky * (f32(0.80) + f32(0.45) * backdrop[c])
        out[GROUND, c] = sky * (f32(0.50) + f32(0.25) * backdrop[c])
        out[RIM, c] = values[8] * f32(1.5)
    side = f32(-1.0) if out[KEY_TO, 0] > f32(0.0) else f32(1.0)
    out[RIM_TO, 0], out[RIM_TO, 1], out[RIM_TO, 2] = side * f32(0.72), f32(0.30), f32(-0.62)


@njit(**INNER)
def gleam(n, view, lights, source, rough):
    """Specular reflection of one light: a Trowbridge-Reitz lobe with Schlick's Fresnel term.

    Args:
        n, view: (3,) unit vectors. source: row of the light's direction in lights (LIGHTS, 3).
        rough: 0 mirror to 1.
    """
    nx, ny, nz, vx, vy, vz = n[0], n[1], n[2], view[0], view[1], view[2]
    lx, ly, lz = lights[source, 0], lights[source, 1], lights[source, 2]
    nl = nx * lx + ny * ly + nz * lz
    if nl <= f32(0.0):
        return f32(0.0)
    hx, hy, hz = lx + vx, ly + vy, lz + vz
    s = f32(1.0) / np.sqrt(hx * hx + hy * hy + hz * hz + f32(1e-6))
    hx, hy, hz = hx * s, hy * s, hz * s
    nh = max(nx * hx + ny * hy + nz * hz, f32(0.0))
    a = rough * rough
    a *= a
    d = nh * nh * (a - f32(1.0)) + f32(1.0)
    grazing = f32(1.0) - max(vx * hx + vy * hy + vz * hz, f32(0.0))
    g2 = grazing * grazing
    fresnel = f32(0.03) + f32(0.97) * g2 * g2 * grazing
    return min(a / (d * d) * fresnel * nl * f32(0.15), f32(6.0))


@njit(**INNER)
def shade_surface(n, view, albedo, gloss, rough, flesh, shadow, openness, lights, out):
    """Light that leaves a surface towards the viewer.

    Args:
        n, view: (3,) unit normal, and direction to the camera. albedo: (3,).
        gloss: weight of reflections. rough: 0 mirror to 1. flesh: 1 lets light bleed through as
            skin does
        (warm terminator, filled shadows), 0 for cloth. shadow: share of the key light that arrives.
        openness: share of the surroundings that is seen (ambient occlusion). lights: (LIGHTS, 3).
    """
    nk = n[0] * lights[KEY_TO, 0] + n[1] * lights[KEY_TO, 1] + n[2] * lights[KEY_TO, 2]
    nf = n[0] * lights[FILL_TO, 0] + n[1] * lights[FILL_TO, 1] + n[2] * lights[FILL_TO, 2]
    nr = n[0] * lights[RIM_TO, 0] + n[1] * lights[RIM_TO, 1] + n[2] * lights[RIM_TO, 2]
    nv = max(n[0] * view[0] + n[1] * view[1] + n[2] * view[2], f32(0.0))
    up = f32(0.5) + f32(0.5) * n[1]
    edge = f32(1.0) - nv
    rim = edge * edge * max(nr + f32(0.25), f32(0.0)) * f32(1.2)
    shine = gloss * shadow * gleam(n, view, lights, KEY_TO, rough)
    soft = gloss * gleam(n, view, lights, FILL_TO, rough + f32(0.1))
    mirror = gloss * f32(0.10) * edge * edge * edge * openness
    for c in range(3):
        wrap = flesh * (f32(0.34) if c == 0 else (f32(0.16) if c == 1 else f32(0.11)))
        key = max((nk + wrap) / (f32(1.0) + wrap), f32(0.0))
        fill = max((nf + wrap + f32(0.2)) / (f32(1.2) + wrap), f32(0.0))
        bleed = flesh * (f32(0.13) if c == 0 else f32(0.03))
        arrives = shadow + (f32(1.0) - shadow) * bleed
        # light that bounces inside a crease takes the skin's colour: occlusion is softer in red
        occluded = openness + (f32(1.0) - openness) * flesh * albedo[c] * f32(0.45)
        around = lights[GROUND, c] + (lights[SKY, c] - lights[GROUND, c]) * up
        diffuse = lights[KEY, c] * key * arrives + (lights[FILL, c] * fill + around) * occluded
        out[c] = (
            albedo[c] * (diffuse + lights[RIM, c] * rim * f32(0.6))
            + lights[RIM, c] * rim * f32(0.12) * gloss
        )
        out[c] += lights[KEY, c] * shine + lights[FILL, c] * soft * openness + around * mirror


@njit(**INNER)
def shade_hair(t, n, view, colour, sheen, shadow, openness, lights, out):
    """Light from hair along tangent t (Kajiya and Kay 1989): a plain lobe and two shifted
    highlights.
    """
    tk = t[0] * lights[KEY_TO, 0] + t[1] * lights[KEY_TO, 1] + t[2] * lights[KEY_TO, 2]
    tv = t[0] * view[0] + t[1] * view[1] + t[2] * view[2]
    nk = n[0] * lights[KEY_TO, 0] + n[1] * lights[KEY_TO, 1] + n[2] * lights[KEY_TO, 2]
    nf = n[0] * lights[FILL_TO, 0] + n[1] * lights[FILL_TO, 1] + n[2] * lights[FILL_TO, 2]
    nr = n[0] * lights[RIM_TO, 0] + n[1] * lights[RIM_TO, 1] + n[2] * lights[RIM_TO, 2]
    nv = n[0] * view[0] + n[1] * view[1] + n[2] * view[2]
    lobe = np.sqrt(max(f32(1.0) - tk * tk, f32(0.0)))
    facing = min(max(nk + f32(0.35), f32(0.0)) * f32(0.75), f32(1.0))
    around = f32(0.5) + f32(0.5) * n[1]
    first = np.sqrt(max(f32(1.0) - (tk + tv - f32(0.10)) ** 2, f32(0.0)))
    second = np.sqrt(max(f32(1.0) - (tk + tv + f32(0.22)) ** 2, f32(0.0)))
    second *= second
    second *= second
    second *= second  # eighth power
    for _ in range(6):
        first *= first  # 64th power
    edge = f32(1.0) - abs(nv)
    rim = edge * edge * max(nr + f32(0.5), f32(0.0))
    for c in range(3):
        diffuse = lights[KEY, c] * (f32(0.35) + f32(0.65) * lobe) * facing * shadow
        diffuse += lights[FILL, c] * max(nf + f32(0.4), f32(0.0)) * f32(0.6) * openness
        diffuse += (lights[GROUND, c] + (lights[SKY, c] - lights[GROUND, c]) * around) * openness
        shine = lights[KEY, c] * facing * shadow * sheen
        out[c] = colour[c] * (diffuse + lights[RIM, c] * rim * f32(1.2) + shine * second * f32(0.6))
        out[c] += shine * first * (f32(0.055) + f32(0.14) * colour[c])
        out[c] += lights[SKY, c] * f32(0.022) * openness * (f32(0.4) + f32(0.6) * around)
