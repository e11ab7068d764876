"""Things in front of faces, swept from tubes: a hand, glasses, a mask, a cup, a microphone, a scarf.

Tubes are rings of SIDES points along a path; everything is built in view space, in centimetres.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import FAST, f32, hashed

NONE, HAND, GLASSES, SUNGLASSES, MASK, CUP, MICROPHONE, SCARF = range(8)
SIDES = 14
MAX_VERTICES, MAX_TRIANGLES = 2600, 5000


@njit(cache=True, fastmath=FAST)
def tube(path, radius, rings, flat, used, points, triangles):
    """Sweeps a tube along path (rings, 3) with radius (rings,); appends to points and triangles.

    Args:
        flat: how much thinner the tube is towards the viewer, 1 round.
        used: (2,) vertices and triangles in use, advanced.
    """
    start = used[0]
    for k in range(rings):
        a, b = max(k - 1, 0), min(k + 1, rings - 1)
        tx, ty, tz = path[b, 0] - path[a, 0], path[b, 1] - path[a, 1], path[b, 2] - path[a, 2]
        s = f32(1.0) / np.sqrt(tx * tx + ty * ty + tz * tz + f32(1e-9))
        tx, ty, tz = tx * s, ty * s, tz * s
        # across the path within the picture, then the direction at right angles to both
        ux, uy, uz = -ty, tx, f32(0.0)
        if ux * ux + uy * uy < f32(1e-3):
            ux, uy = f32(1.0), f32(0.0)
        s = f32(1.0) / np.sqrt(ux * ux + uy * uy)
        ux, uy = ux * s, uy * s
        vx, vy, vz = ty * uz - tz * uy, tz * ux - tx * uz, tx * uy - ty * ux
        for j in range(SIDES):
            angle = f32(6.2831853) * f32(j) / f32(SIDES)
            c, d = np.cos(angle) * radius[k], np.sin(angle) * radius[k] * flat
            points[start + k * SIDES + j, 0] = path[k, 0] + c * ux + d * vx
            points[start + k * SIDES + j, 1] = path[k, 1] + c * uy + d * vy
            points[start + k * SIDES + j, 2] = path[k, 2] + c * uz + d * vz
    t = used[1]
    for k in range(rings - 1):
        for j in range(SIDES):
            a, b = start + k * SIDES + j, start + k * SIDES + (j + 1) % SIDES
            triangles[t, 0], triangles[t, 1], triangles[t, 2] = a, b, a + SIDES
            triangles[t + 1, 0], triangles[t + 1, 1], triangles[t + 1, 2] = b, b + SIDES, a + SIDES
            t += 2
    used[0] = start + rings * SIDES
    used[1] = t


@njit(cache=True, fastmath=FAST)
def capsule(ax, ay, az, bx, by, bz, ra, rb, flat, used, points, triangles):
    """A tube with round ends from a to b."""
    path, radius = np.empty((8, 3), np.float32), np.empty(8, np.float32)
    dx, dy, dz = bx - ax, by - ay, bz - az
    s = f32(1.0) / np.sqrt(dx * dx + dy * dy + dz * dz + f32(1e-6))
    for k in range(8):
        if k < 4:
            t = f32(k) / f32(3.0)
            back, r = (
                -ra * (f32(1.0) - t),
                ra * np.sqrt(max(f32(1.0) - (f32(1.0) - t) ** 2, f32(0.0))),
            )
            path[k, 0], path[k, 1], path[k, 2] = (
                ax + dx * s * back,
                ay + dy * s * back,
                az + dz * s * back,
            )
        else:
            t = f32(k - 4) / f32(3.0)
            on, r = rb * t, rb * np.sqrt(max(f32(1.0) - t * t, f32(0.0)))
            path[k, 0], path[k, 1], path[k, 2] = (
                bx + dx * s * on,
                by + dy * s * on,
                bz + dz * s * on,
            )
        radius[k] = r + f32(0.01)
    tube(path, radius, 8, flat, used, points, triangles)


@njit(cache=True, fastmath=FAST)
def build(values, face, eyes, temple, crop, distance, used, points, triangles):
    """Builds a face's occluder; returns nothing, `used` says how much of the arrays holds it.

    Args:
        values: (8,) occluder factors. face: (3, 3) rotation of the head.
        eyes: (2, 3), temple: (2, 3) points of the posed face to hang spectacles on.
        crop: (3,) its centre in x / depth and y / depth (down), and its side.
        distance: of the camera, cm.
    """
    used[0] = used[1] = 0
    kind = int(values[0])
    if kind == NONE or kind == MASK:
        return  # a mask is a second skin and made of the head's own triangles
    seed = int(values[7] * f32(99991.0))
    side = crop[2]
    unit = side * (distance - f32(6.0))  # width of the crop at the occluder's depth, cm
    z = f32(6.0)
    x = (crop[0] + values[1] * side) * (distance - z)
    y = -(crop[1] + values[2] * side) * (distance - z)
    size = max(values[3], f32(0.1)) * unit
    if kind == HAND:
        angle = (values[7] - f32(0.5)) * f32(2.6)
        c, s = np.cos(angle), np.sin(angle)
        k = min(max(size, f32(5.0)), f32(10.0)) / f32(9.0)
        reach = f32(1.0) if hashed(seed, 1, 1) < f32(0.5) else f32(-1.0)
        capsule(x - s * k * f32(-2.2), y - c * k * f32(2.2), z, x, y, z + f32(0.6), f32(3.2) * k, f32(3.6) * k,
                f32(0.4), used, points, triangles)  # fmt: skip
        capsule(x + s * k * f32(12.0), y - c * k * f32(12.0), z - f32(3.0), x + s * k * f32(3.5), y - c * k * f32(3.5), z,
                f32(2.9) * k, f32(2.5) * k, f32(0.7), used, points, triangles)  # fmt: skip
        for finger in range(4):
            off = (f32(finger) - f32(1.5)) * f32(1.75) * k
            spread = (f32(finger) - f32(1.5)) * (f32(0.05) + f32(0.12) * hashed(seed, 2, 2))
            length = (
                (f32(6.2) if finger == 1 or finger == 2 else f32(5.2))
                * k
                * (f32(0.8) + f32(0.3) * hashed(seed, finger, 3))
            )
            c1, s1 = np.cos(angle + spread), np.sin(angle + spread)
            x0, y0 = x + c * off - s * f32(2.6) * k, y + s * off + c * f32(2.6) * k
            x1, y1 = x0 - s1 * length * f32(0.55), y0 + c1 * length * f32(0.55)
            capsule(
                x0,
                y0,
                z + f32(0.5),
                x1,
                y1,
                z + f32(0.2),
                f32(0.95) * k,
                f32(0.85) * k,
                f32(0.9),
                used,
                points,
                triangles,
            )
            capsule(x1, y1, z + f32(0.2), x1 - s1 * length * f32(0.45), y1 + c1 * length * f32(0.45), z - f32(0.8),
                    f32(0.85) * k, f32(0.68) * k, f32(0.9), used, points, triangles)  # fmt: skip
        x0, y0 = x + c * f32(2.6) * k * reach + s * k, y + s * f32(2.6) * k * reach - c * k
        capsule(x0, y0, z, x0 + (c * f32(3.0) * reach - s * f32(2.4)) * k, y0 + (s * f32(3.0) * reach + c * f32(2.4)) * k,
                z + f32(0.5), f32(1.2) * k, f32(0.85) * k, f32(0.9), used, points, triangles)  # fmt: skip
    elif kind == GLASSES or kind == SUNGLASSES:
        spectacles(kind, seed, face, eyes, temple, used, points, triangles)
    elif kind == CUP:
        path, radius = np.empty((10, 3), np.float32), np.empty(10, np.float32)
        tall, lean = min(size, f32(10.0)), (values[7] - f32(0.5)) * f32(0.8)
        for k in range(10):
            t = f32(max(k - 1, 0)) / f32(8.0)  # the first ring closes the bottom
            path[k, 0] = x - np.sin(lean) * tall * (t - f32(0.5))
            path[k, 1] = y + np.cos(lean) * tall * (t - f32(0.5)) + (f32(-0.01) if k == 0 else f32(0.0))
            path[k, 2] = z + f32(2.0)
            radius[k] = tall * (f32(0.30) + f32(0.07) * t)
        radius[0] = f32(0.01)
        tube(path, radius, 10, f32(1.0), used, points, triangles)
    elif kind == MICROPHONE:
        ball = min(max(size * f32(0.33), f32(2.0)), f32(3.2))
        lean = (values[7] - f32(0.5)) * f32(1.6)
        s, c = np.sin(lean), np.cos(lean)
        capsule(
            x,
            y - f32(0.1),
            z + f32(2.0),
            x,
            y,
            z + f32(2.0),
            ball,
            ball,
            f32(1.0),
            used,
            points,
            triangles,
        )
        capsule(x + s * ball, y - c * ball, z + f32(2.2), x + s * f32(18.0), y - c * f32(18.0), z + f32(3.5), ball * f32(0.62), ball * f32(0.45),
                f32(1.0), used, points, triangles)  # fmt: skip
    elif kind == SCARF:
        path, radius = np.empty((25, 3), np.float32), np.empty(25, np.float32)
        high = f32(-13.2) + f32(4.0) * min(max(values[3], f32(0.0)), f32(1.0))
        for roll in range(2):
            for k in range(25):
                a = f32(6.2831853) * (f32(k) / f32(24.0) + f32(0.5))  # the seam lies at the nape
                lump = f32(0.5) * np.sin(f32(3.0) * a + f32(roll) * f32(2.0) + values[7] * f32(9.0))
                px, py = (
                    np.sin(a) * (f32(8.6) + lump),
                    high - f32(2.4) * f32(roll) + f32(0.6) * np.sin(a * f32(2.0) + f32(roll)),
                )
                pz = f32(-6.0) + np.cos(a) * (f32(7.6) + lump)
                for axis in range(3):
                    path[k, axis] = face[axis, 0] * px + face[axis, 1] * py + face[axis, 2] * pz
                radius[k] = f32(2.3) + f32(0.35) * np.sin(f32(5.0) * a + values[7] * f32(20.0))
            tube(path, radius, 25, f32(1.0), used, points, triangles)


@njit(cache=True, fastmath=FAST)
def spectacles(kind, seed, face, eyes, temple, used, points, triangles):
    """Rims round both eyes, bridge and temples; sunglasses have their rims filled by two wide discs."""
    path, radius = np.empty((21, 3), np.float32), np.empty(21, np.float32)
    square = f32(2.0) + f32(2.5) * hashed(seed, 4, 4)  # exponent of the rim's superellipse
    wide, tall = (
        f32(2.55) + f32(0.35) * hashed(seed, 5, 5),
        f32(1.75) + f32(0.6) * hashed(seed, 6, 6),
    )
    thick = f32(0.09) + f32(0.16) * hashed(seed, 7, 7) ** 2
    if kind == SUNGLASSES:
        wide, tall, thick = wide + f32(0.35), tall + f32(0.35), thick + f32(0.05)
    ahead = f32(2.7) if kind == GLASSES else f32(3.3)
    for eye in range(2):
        sign = f32(-1.0) if eye == 0 else f32(1.0)
        for k in range(21):
            a = f32(6.2831853) * f32(k) / f32(20.0)
            c, s = np.cos(a), np.sin(a)
            bend = (abs(c) ** square + abs(s) ** square) ** (f32(-1.0) / square)
            px, py = c * bend * wide, s * bend * tall - f32(0.25)
            pz = ahead - f32(0.10) * (px * sign + f32(1.0)) ** 2 * f32(0.5)
            for axis in range(3):
                path[k, axis] = (
                    eyes[eye, axis] + face[axis, 0] * px + face[axis, 1] * py + face[axis, 2] * pz
                )
            radius[k] = thick
        tube(path, radius, 21, f32(1.0), used, points, triangles)
        outer, root = np.empty(3, np.float32), np.empty(3, np.float32)
        inner = np.empty(3, np.float32)
        for axis in range(3):
            outer[axis] = (
                eyes[eye, axis]
                + face[axis, 0] * sign * wide
                + face[axis, 1] * f32(0.5)
                + face[axis, 2] * (ahead - f32(0.5))
            )
            inner[axis] = (
                eyes[eye, axis]
                - face[axis, 0] * sign * wide * f32(0.97)
                + face[axis, 1] * f32(0.3)
                + face[axis, 2] * ahead
            )
            root[axis] = temple[eye, axis]
        capsule(
            outer[0],
            outer[1],
            outer[2],
            root[0],
            root[1],
            root[2],
            thick,
            thick,
            f32(1.0),
            used,
            points,
            triangles,
        )
        if eye == 0:
            bridge_from = inner
        else:
            capsule(bridge_from[0], bridge_from[1], bridge_from[2], inner[0], inner[1], inner[2], thick, thick, f32(1.0),
                    used, points, triangles)  # fmt: skip
        if kind == SUNGLASSES:
            # a disc: the rim's ring and a centre
            start, t = used[0], used[1]
            for k in range(21):
                for axis in range(3):
                    points[start + k, axis] = path[k, axis]
            for axis in range(3):
                points[start + 21, axis] = (
                    eyes[eye, axis]
                    - face[axis, 1] * f32(0.25)
                    + face[axis, 2] * (ahead + f32(0.25))
                )
            for k in range(20):
                triangles[t + k, 0], triangles[t + k, 1], triangles[t + k, 2] = (
                    start + 21,
                    start + k,
                    start + k + 1,
                )
            used[0], used[1] = start + 22, t + 20


@njit(cache=True, fastmath=FAST)
def second_skin(face, normals, vertices, faces, used, points, triangles):
    """A mask over nose, mouth and chin: the skin there, pushed outwards and smoothed over creases.

    Args:
        face, normals: (V, 3). vertices: (M,) which are covered. faces: (U, 3) into those.
    """
    count = vertices.shape[0]
    for k in range(count):
        for axis in range(3):
            points[k, axis] = face[vertices[k], axis] + normals[vertices[k], axis] * f32(0.8)
    moved, hits = np.empty((count, 3), np.float32), np.empty(count, np.float32)
    for _ in range(24):
        moved[:] = f32(0.0)
        hits[:] = f32(0.0)
        for t in range(faces.shape[0]):
            for j in range(3):
                a, b = faces[t, j], faces[t, (j + 1) % 3]
                for axis in range(3):
                    moved[a, axis] += points[b, axis]
                    moved[b, axis] += points[a, axis]
                hits[a] += f32(1.0)
                hits[b] += f32(1.0)
        for k in range(count):
            v = vertices[k]
            s = f32(0.6) / max(hits[k], f32(1.0))
            above = f32(0.0)
            for axis in range(3):
                points[k, axis] = f32(0.4) * points[k, axis] + s * moved[k, axis]
                above += (points[k, axis] - face[v, axis]) * normals[v, axis]
            if above < f32(0.3):  # never back into the skin
                for axis in range(3):
                    points[k, axis] += normals[v, axis] * (f32(0.3) - above)
    used[0], used[1] = count, faces.shape[0]
    triangles[: faces.shape[0]] = faces
