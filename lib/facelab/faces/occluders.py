"""Things in front of faces: a hand, a cup, a microphone, a scarf; spectacles are in worn.py."""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import KERNEL, f32, hashed
from facelab.faces.tubes import capsule, tube
from facelab.faces.worn import GLASSES, SUNGLASSES, spectacles

NONE, HAND, CUP, MICROPHONE, SCARF = 0, 1, 5, 6, 7  # of factors.OCCLUDERS, with those worn
MAX_VERTICES, MAX_TRIANGLES = 2600, 5000
DEPTH = 6.0  # cm before the eyes: in front of most noses


@njit(**KERNEL)
def build(values, face, eyes, temples, crop, distance, mesh):
    """Builds a face's occluder into the mesh (see tubes.py), in view space.

    Args:
        values: (8,) occluder factors. face: (3, 3) rotation of the head.
        eyes, temples: (2, 3) points of the posed face to hang spectacles on.
        crop: (3,) its centre in x / depth and y / depth (down), and its side.
        distance: of the camera, cm.
    """
    mesh[0][0] = mesh[0][1] = 0
    kind, turn = int(values[0]), values[7]
    seed = int(turn * f32(99991.0))
    z = f32(DEPTH)
    x = (crop[0] + values[1] * crop[2]) * (distance - z)
    y = -(crop[1] + values[2] * crop[2]) * (distance - z)
    size = max(values[3], f32(0.1)) * crop[2] * (distance - z)
    if kind == HAND:
        hand(x, y, z, min(max(size, f32(5.0)), f32(10.0)) / f32(9.0), turn, seed, mesh)
    elif kind == GLASSES or kind == SUNGLASSES:
        spectacles(kind, seed, face, eyes, temples, mesh)
    elif kind == CUP:
        path, radius = np.empty((10, 3), np.float32), np.empty(10, np.float32)
        tall, lean = min(size, f32(10.0)), (turn - f32(0.5)) * f32(0.8)
        for k in range(10):
            t = f32(max(k - 1, 0)) / f32(8.0)  # the first ring closes the bottom
            path[k, 0] = x - np.sin(lean) * tall * (t - f32(0.5))
            path[k, 1] = y + np.cos(lean) * tall * (t - f32(0.5)) - f32(0.01) * (k == 0)
            path[k, 2] = z + f32(2.0)
            radius[k] = tall * (f32(0.30) + f32(0.07) * t)
        radius[0] = f32(0.01)
        tube(path, radius, f32(1.0), mesh)
    elif kind == MICROPHONE:
        ball = min(max(size * f32(0.33), f32(2.0)), f32(3.2))
        s, c = np.sin((turn - f32(0.5)) * f32(1.6)), np.cos((turn - f32(0.5)) * f32(1.6))
        head = (x, y, z + f32(2.0))
        capsule((x, y - f32(0.1), z + f32(2.0)), head, ball, ball, f32(1.0), mesh)
        top = (x + s * ball, y - c * ball, z + f32(2.2))
        end = (x + s * f32(18.0), y - c * f32(18.0), z + f32(3.5))
        capsule(top, end, ball * f32(0.62), ball * f32(0.45), f32(1.0), mesh)
    elif kind == SCARF:
        scarf(min(max(values[3], f32(0.0)), f32(1.0)), turn, face, mesh)


@njit(**KERNEL)
def hand(x, y, z, k, turn, seed, mesh):
    """An open hand at (x, y, z), k times the size of a grown-up's, turned by the share `turn`."""
    angle = (turn - f32(0.5)) * f32(2.6)
    c, s = np.cos(angle), np.sin(angle)
    wrist = (x + s * k * f32(3.5), y - c * k * f32(3.5), z)
    elbow = (x + s * k * f32(12.0), y - c * k * f32(12.0), z - f32(3.0))
    heel = (x + s * k * f32(2.2), y - c * k * f32(2.2), z)
    palm = (x, y, z + f32(0.6))
    capsule(heel, palm, f32(3.2) * k, f32(3.6) * k, f32(0.4), mesh)
    capsule(elbow, wrist, f32(2.9) * k, f32(2.5) * k, f32(0.7), mesh)
    for finger in range(4):
        place = f32(finger) - f32(1.5)
        spread = angle + place * (f32(0.05) + f32(0.12) * hashed(seed, 2, 2))
        length = f32(6.2) if finger == 1 or finger == 2 else f32(5.2)
        length *= k * (f32(0.8) + f32(0.3) * hashed(seed, finger, 3))
        c1, s1 = np.cos(spread), np.sin(spread)
        off, up = place * f32(1.75) * k, f32(2.6) * k
        x0, y0 = x + c * off - s * up, y + s * off + c * up
        x1, y1 = x0 - s1 * length * f32(0.55), y0 + c1 * length * f32(0.55)
        tip = (x1 - s1 * length * f32(0.45), y1 + c1 * length * f32(0.45), z - f32(0.8))
        knuckle, joint = (x0, y0, z + f32(0.5)), (x1, y1, z + f32(0.2))
        capsule(knuckle, joint, f32(0.95) * k, f32(0.85) * k, f32(0.9), mesh)
        capsule(joint, tip, f32(0.85) * k, f32(0.68) * k, f32(0.9), mesh)
    side = k if hashed(seed, 1, 1) < f32(0.5) else -k  # a left hand or a right one
    x0, y0 = x + c * f32(2.6) * side + s * k, y + s * f32(2.6) * side - c * k
    tip_x = x0 + c * f32(3.0) * side - s * f32(2.4) * k
    tip_y = y0 + s * f32(3.0) * side + c * f32(2.4) * k
    tip = (tip_x, tip_y, z + f32(0.5))
    capsule((x0, y0, z), tip, f32(1.2) * k, f32(0.85) * k, f32(0.9), mesh)


@njit(**KERNEL)
def scarf(high, turn, face, mesh):
    """Two thick rolls round the neck; `high` 0 leaves the chin free, 1 covers the mouth."""
    path, radius = np.empty((25, 3), np.float32), np.empty(25, np.float32)
    top = f32(-13.2) + f32(4.0) * high
    for roll in range(2):
        for k in range(25):
            a = f32(6.2831853) * (f32(k) / f32(24.0) + f32(0.5))  # the seam lies at the nape
            lump = f32(0.5) * np.sin(f32(3.0) * a + f32(roll) * f32(2.0) + turn * f32(9.0))
            x, z = np.sin(a) * (f32(8.6) + lump), f32(-6.0) + np.cos(a) * (f32(7.6) + lump)
            y = top - f32(2.4) * f32(roll) + f32(0.6) * np.sin(a * f32(2.0) + f32(roll))
            for axis in range(3):
                path[k, axis] = face[axis, 0] * x + face[axis, 1] * y + face[axis, 2] * z
            radius[k] = f32(2.3) + f32(0.35) * np.sin(f32(5.0) * a + turn * f32(20.0))
        tube(path, radius, f32(1.0), mesh)
