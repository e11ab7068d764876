"""What people wear on the face: spectacles, sunglasses and masks, fitted to each head."""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import FAST, f32, hashed
from facelab.faces.tubes import capsule, tube

GLASSES, SUNGLASSES, MASK = 2, 3, 4  # of factors.OCCLUDERS


@njit(cache=True, fastmath=FAST)
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


@njit(cache=True, fastmath=FAST)
def second_skin(face, normals, vertices, faces, mesh):
    """A mask over nose, mouth and chin: the skin there, pushed outwards and smoothed over creases.

    Args:
        face, normals: (V, 3). vertices: (M,) which are covered. faces: (U, 3) into those.
    """
    used, points, triangles = mesh
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
