"""What people wear on the face: spectacles, sunglasses and masks, fitted to each head."""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import KERNEL, f32, hashed
from facelab.faces.tubes import capsule, tube

GLASSES, SUNGLASSES, MASK = 2, 3, 4  # of factors.OCCLUDERS
ROWS, COLS = 30, 21  # of a mask's cloth
HULL = 160  # planes round the face that cloth lies on


def _directions() -> np.ndarray:
    """Even directions (HULL, 3) right, up, ahead; all that look ahead or a little back."""
    k = np.arange(HULL) + 0.5
    ahead, turn = 1 - 1.4 * k / HULL, np.pi * (1 + 5**0.5) * k
    across = np.sqrt(1 - ahead**2)
    return np.stack([across * np.cos(turn), across * np.sin(turn), ahead], 1).astype(np.float32)


DIRECTIONS = _directions()


@njit(**KERNEL)
def spectacles(kind, seed, face, eyes, temples, mesh):
    """Rims round both eyes, bridge and temples into the mesh (see tubes.py); sunglasses get lenses.

    Args:
        face: (3, 3) rotation of the head. eyes, temples: (2, 3) cm, left and right in the image.
    """
    used, points, triangles = mesh
    path, radius = np.empty((21, 3), np.float32), np.empty(21, np.float32)
    square = f32(2.0) + f32(2.5) * hashed(seed, 4, 4)  # exponent of the rim's superellipse
    wide, tall = (
        f32(2.55) + f32(0.35) * hashed(seed, 5, 5),
        f32(1.75) + f32(0.6) * hashed(seed, 6, 6),
    )
    thick, ahead = f32(0.09) + f32(0.16) * hashed(seed, 7, 7) ** 2, f32(2.7)
    if kind == SUNGLASSES:
        wide, tall, thick, ahead = wide + f32(0.35), tall + f32(0.35), thick + f32(0.05), f32(3.3)
    inner = np.empty((2, 3), np.float32)
    outer, middle = np.empty(3, np.float32), np.empty(3, np.float32)
    for eye in range(2):
        sign = f32(2 * eye - 1)
        for k in range(21):
            a = f32(6.2831853) * f32(k) / f32(20.0)
            c, s = np.cos(a), np.sin(a)
            bend = (abs(c) ** square + abs(s) ** square) ** (f32(-1.0) / square)
            x, y = c * bend * wide, s * bend * tall - f32(0.25)
            z = ahead - f32(0.05) * (x * sign + f32(1.0)) ** 2  # rims follow the head round
            for axis in range(3):
                turned = face[axis, 0] * x + face[axis, 1] * y + face[axis, 2] * z
                path[k, axis] = eyes[eye, axis] + turned
            radius[k] = thick
        tube(path, radius, f32(1.0), mesh)
        for axis in range(3):
            right, up, out = face[axis, 0] * sign * wide, face[axis, 1], face[axis, 2]
            outer[axis] = eyes[eye, axis] + right + up * f32(0.5) + out * (ahead - f32(0.5))
            inner[eye, axis] = eyes[eye, axis] - right * f32(0.97) + up * f32(0.3) + out * ahead
            middle[axis] = eyes[eye, axis] - up * f32(0.25) + out * (ahead + f32(0.25))
        root = (temples[eye, 0], temples[eye, 1], temples[eye, 2])
        capsule((outer[0], outer[1], outer[2]), root, thick, thick, f32(1.0), mesh)
        if kind == SUNGLASSES:
            # a lens: a fan from its middle to the rim's ring
            start, t = used[0], used[1]
            points[start : start + 21] = path
            points[start + 21] = middle
            for k in range(20):
                triangles[t + k, 0], triangles[t + k, 1] = start + 21, start + k
                triangles[t + k, 2] = start + k + 1
            used[0], used[1] = start + 22, t + 20
    left, right_end = (
        (inner[0, 0], inner[0, 1], inner[0, 2]),
        (inner[1, 0], inner[1, 1], inner[1, 2]),
    )
    capsule(left, right_end, thick, thick, f32(1.0), mesh)


@njit(**KERNEL)
def mask(face, normals, vertices, rotation, mesh):
    """A pleated mask over nose, mouth and chin with ear loops, into the mesh (see tubes.py).

    Taut cloth lies on the convex hull of the face beneath it: it bridges nose, lips and chin. The
    hull is found by its support in DIRECTIONS; rays from inside the head meet it in a grid.

    Args:
        face, normals: (V, 3). vertices: (M,) of the face, nose to chin and cheek to cheek.
        rotation: (3, 3) of the head.
    """
    used, points, triangles = mesh
    # rays start behind the mouth; axes are the head's right, up and ahead
    axes, centre = np.ascontiguousarray(rotation.T), np.zeros(3, np.float32)
    for axis in range(3):
        for v in vertices:
            centre[axis] += face[v, axis]
        centre[axis] = centre[axis] / f32(vertices.shape[0]) - f32(5.5) * axes[2, axis]
    reach = np.full(HULL, f32(-1e9), np.float32)
    planes = np.empty((HULL, 3), np.float32)  # their normals in view space
    for m in range(HULL):
        for k in range(3):
            planes[m, k] = (
                DIRECTIONS[m, 0] * axes[0, k]
                + DIRECTIONS[m, 1] * axes[1, k]
                + DIRECTIONS[m, 2] * axes[2, k]
            )
    for v in vertices:
        x, y, z = face[v, 0] - centre[0], face[v, 1] - centre[1], face[v, 2] - centre[2]
        for m in range(HULL):
            reach[m] = max(reach[m], planes[m, 0] * x + planes[m, 1] * y + planes[m, 2] * z)
    ray = np.empty(3, np.float32)
    for row in range(ROWS):
        down = f32(row) / f32(ROWS - 1)
        fold = f32(3.0) * (down - f32(0.22)) / f32(0.54)  # three pleats, each over the next
        fold = fold - np.floor(fold) if f32(0.0) < fold and fold < f32(3.0) else f32(0.0)
        for col in range(COLS):
            across = f32(2.0) * f32(col) / f32(COLS - 1) - f32(1.0)
            turn, middle = across * f32(1.32), np.cos(across * f32(1.5707963))
            top, low = f32(0.24) + f32(0.30) * middle**2, f32(-0.24) - f32(0.74) * middle
            lift = top + (low - top) * down
            c, s = np.cos(lift), np.sin(lift)
            for axis in range(3):
                flat = np.sin(turn) * axes[0, axis] + np.cos(turn) * axes[2, axis]
                ray[axis] = c * flat + s * axes[1, axis]
            far = f32(1e9)
            for m in range(HULL):
                slant = planes[m, 0] * ray[0] + planes[m, 1] * ray[1] + planes[m, 2] * ray[2]
                if slant > f32(0.1):
                    far = min(far, reach[m] / slant)
            far += f32(0.15) + middle * (f32(0.15) + f32(0.20) * fold)
            for axis in range(3):
                points[row * COLS + col, axis] = centre[axis] + far * ray[axis]
    t = 0
    for row in range(ROWS - 1):
        for col in range(COLS - 1):
            k = row * COLS + col
            triangles[t, 0], triangles[t, 1], triangles[t, 2] = k, k + COLS, k + 1
            triangles[t + 1, 0], triangles[t + 1, 1] = k + 1, k + COLS
            triangles[t + 1, 2] = k + COLS + 1
            t += 2
    used[0], used[1] = ROWS * COLS, t
    path, radius = np.empty((6, 3), np.float32), np.full(6, f32(0.11), np.float32)
    for side in range(2):
        sign = f32(2 * side - 1)
        for end in range(2):
            corner = end * (ROWS - 1) * COLS + side * (COLS - 1)
            high, back = f32(5.5) - f32(3.6) * f32(end), f32(-3.1)
            for k in range(6):
                w = f32(k) / f32(5.0)
                for axis in range(3):
                    ear = centre[axis] + sign * f32(7.7) * axes[0, axis]
                    ear += high * axes[1, axis] + back * axes[2, axis]
                    path[k, axis] = points[corner, axis] + (ear - points[corner, axis]) * w
                _lay_on(face, normals, path[k], f32(0.12))
            tube(path, radius, f32(1.0), mesh)


@njit(**KERNEL)
def _lay_on(face, normals, point, above):
    """Moves a point (3,) out to `above` cm over the skin at the nearest vertex, if it is lower."""
    near, best = 0, f32(1e9)
    for v in range(face.shape[0]):
        x, y, z = point[0] - face[v, 0], point[1] - face[v, 1], point[2] - face[v, 2]
        d = x * x + y * y + z * z
        if d < best:
            near, best = v, d
    high = f32(0.0)
    for axis in range(3):
        high += (point[axis] - face[near, axis]) * normals[near, axis]
    if high < above:
        for axis in range(3):
            point[axis] += normals[near, axis] * (above - high)
