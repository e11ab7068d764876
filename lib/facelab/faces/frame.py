"""What the drawing kernels share: labels, the head's fixed arrays, and the face being drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from facelab.faces.raster import INNER, f32, lit

MASKS = (
    "background", "skin", "left_brow", "right_brow", "left_eye", "right_eye", "nose", "upper_lip",
    "lower_lip", "inner_mouth", "ears", "hair", "neck", "clothing", "glasses", "occluder",
)  # fmt: skip  # left and right are the image's
(BACKGROUND, SKIN, LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE, NOSE, UPPER_LIP, LOWER_LIP,
 INNER_MOUTH, EARS, HAIR, NECK, CLOTHING, GLASSES, OCCLUDER) = range(16)  # fmt: skip
SKIPPED = 255  # label of a sample that its pixel can do without
SHADOW_REACH = 16.0  # cm, half the width of the shadow map


class Statics(NamedTuple):
    """Arrays of the head that drawing needs; triangles are sorted so that lashes come last."""

    triangles: np.ndarray  # (T, 3) i32
    solid: np.ndarray  # (S, 3) i32, the triangles that cast shadows
    region: np.ndarray  # (T,) u8 into head.REGIONS
    label: np.ndarray  # (T,) u8 into MASKS for plain skin
    smooth: np.ndarray  # (T,) u8: 2 even skin and cloth, 1 gentle detail, 0 fine detail
    lashes: int  # index of the first lash triangle
    rigid: np.ndarray  # (V,) f32, 1 moves with the skull, 0 with the body
    eyeball: np.ndarray  # (V,) i8
    mask_vertices: np.ndarray  # (M,) i32: what a surgical mask covers
    temples: np.ndarray  # (2,) i32: above the ears, left and right in the image


class Frame(NamedTuple):
    """What shading needs of the face being drawn, and what it writes. S samples a side."""

    look: np.ndarray  # (looks.COLUMNS,)
    face: np.ndarray  # (3, 3) rotation of the head
    normals: np.ndarray  # (V, 3)
    painted: np.ndarray  # (V, looks.PAINTED)
    lights: np.ndarray  # (light.LIGHTS, 3)
    axes: np.ndarray  # (3, 3) right, up and towards of the shadow map
    shadow: np.ndarray  # (R, R)
    ids: np.ndarray  # (S, S): head's triangles, then an occluder's, then hair's
    inverse: np.ndarray  # (S, S) 1 / depth
    bary: np.ndarray  # (S, S, 2)
    colour: np.ndarray  # (S, S, 3), written
    label: np.ndarray  # (S, S) u8, written
    facing: np.ndarray  # (S, S, 3), written: normals
    centre: np.ndarray  # (2,) the crop's, in x / depth and -y / depth
    scale: float  # samples per unit of x / depth
    distance: float  # cm
    hair_seed: int
    cloth_seed: int


@njit(**INNER)
def unit(v):
    """Scales a vector (3,) to length one in place."""
    s = f32(1.0) / np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + f32(1e-12))
    v[0] *= s
    v[1] *= s
    v[2] *= s


@njit(**INNER)
def mix3(values, a, b, c, w0, w1, w2, out):
    """Barycentric mean of three rows of values, into out."""
    for k in range(out.shape[0]):
        out[k] = w0 * values[a, k] + w1 * values[b, k] + w2 * values[c, k]


@njit(**INNER)
def locate(i, j, inverse, centre, scale, distance, samples, p, view):
    """The place p (3,) in cm of sample (i, j), and the direction from it to the camera."""
    half = f32(0.5) * f32(samples) - f32(0.5)
    far = f32(1.0) / inverse
    p[0] = ((f32(j) - half) / scale + centre[0]) * far
    p[1] = -((f32(i) - half) / scale + centre[1]) * far
    p[2] = distance - far
    view[0], view[1], view[2] = -p[0], -p[1], far
    unit(view)


@njit(**INNER)
def sunlit(p, n, lift, bias, right, up, towards, shadow):
    """Share of the key light at p (3,), tested `lift` cm off the surface.

    0 where the surface is turned so far away that not even light bleeding through it arrives.
    """
    if n[0] * towards[0] + n[1] * towards[1] + n[2] * towards[2] < f32(-0.35):
        return f32(0.0)
    return lit(
        p[0] + n[0] * lift, p[1] + n[1] * lift, p[2] + n[2] * lift, right, up, towards,
        f32(SHADOW_REACH), shadow, bias,
    )  # fmt: skip
