"""Compiled rasterisation of many small meshes: blend shapes, normals, z-buffer, shadow map.

Every kernel works on one face at a time without atomics or shared sums, so that a face has the same
bytes whatever the number of threads and whatever stands beside it in the batch. No kernel is
compiled with fast-math: it lets each copy of an inlined function round in its own way, and a
process that compiles calls other copies than one that loads. It would gain nothing measurable.
Space: centimetres, x to the image's right, y up, z towards the viewer; screen: samples, x right, y
down.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import numba
import numpy as np
from numba import njit, prange

from facelab import FacelabError
from facelab.paths import cache_dir


def _keep_compiled() -> None:
    """Puts compiled kernels into the cache, in a folder named by the sources they come from.

    Left alone, numba compiles a function again when its own file changed, but not when one that it
    calls has, and writes beside the sources. NUMBA_CACHE_DIR overrules; so does a cache that cannot
    be written to.
    """
    files = sorted(Path(__file__).parent.glob("*.py"))
    texts = [path.read_bytes() for path in files]
    constants = ("columns.py", "scalp.py")  # read by kernels, too
    kernels = [t for f, t in zip(files, texts, strict=True) if b"njit(" in t or f.name in constants]
    with contextlib.suppress(FacelabError):
        digest = hashlib.sha256(b"".join(kernels)).hexdigest()[:12]
        numba.config.CACHE_DIR = str(cache_dir() / "compiled" / digest)


if not os.environ.get("NUMBA_CACHE_DIR"):
    _keep_compiled()

f32 = np.float32

# How kernels are compiled: without a test of every divisor for zero, and
# without what passing them to other kernels as values would need.
KERNEL = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# And those called for single samples, which make no arrays: without counting references to them,
# which threads that share an array would do by turns.
INNER = KERNEL | {"_nrt": False}

BLOCK = 8  # faces that share one pass over a tile of the basis
TILE = 2048  # floats of a tile: basis and outputs stay in the second-level cache


@njit(**KERNEL, parallel=True)
def blend(mean, basis, weights, out):
    """Linear blend shapes for a batch: out[i] = mean + weights[i] @ basis.

    A matrix product written out: library products may sum in another order on another number of
    threads.

    Args:
        mean: (D,) float32, flattened mean vertices.
        basis: (K, D) float32.
        weights: (N, K) float32; zeros cost nothing (expressions are sparse).
        out: (N, D) float32, overwritten.
    """
    count, size = out.shape
    for block in prange((count + BLOCK - 1) // BLOCK):
        first, last = block * BLOCK, min(count, (block + 1) * BLOCK)
        for low in range(0, size, TILE):
            high = min(size, low + TILE)
            for i in range(first, last):
                out[i, low:high] = mean[low:high]
            for i in range(first, last):
                row = out[i, low:high]
                for k in range(0, basis.shape[0] - 3, 4):
                    w0, w1, w2, w3 = (
                        weights[i, k],
                        weights[i, k + 1],
                        weights[i, k + 2],
                        weights[i, k + 3],
                    )
                    if w0 == f32(0.0) and w1 == f32(0.0) and w2 == f32(0.0) and w3 == f32(0.0):
                        continue
                    # four rows a pass: the output is loaded and stored once for four products
                    b0, b1 = basis[k, low:high], basis[k + 1, low:high]
                    b2, b3 = basis[k + 2, low:high], basis[k + 3, low:high]
                    for j in range(high - low):
                        row[j] += w0 * b0[j] + w1 * b1[j] + w2 * b2[j] + w3 * b3[j]
                for k in range(basis.shape[0] // 4 * 4, basis.shape[0]):
                    for j in range(high - low):
                        row[j] += weights[i, k] * basis[k, low + j]


@njit(**INNER)
def vertex_normals(points, triangles, count, normals):
    """Area-weighted unit normals of the first `count` vertices; triangles wind anticlockwise
    seen from outside.
    """
    for v in range(count):
        normals[v, 0] = normals[v, 1] = normals[v, 2] = f32(0.0)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            points[b, 0] - points[a, 0],
            points[b, 1] - points[a, 1],
            points[b, 2] - points[a, 2],
        )
        vx, vy, vz = (
            points[c, 0] - points[a, 0],
            points[c, 1] - points[a, 1],
            points[c, 2] - points[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for j in (a, b, c):
            normals[j, 0] += nx
            normals[j, 1] += ny
            normals[j, 2] += nz
    for v in range(count):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        s = f32(1.0) / np.sqrt(x * x + y * y + z * z + f32(1e-20))
        normals[v, 0] = x * s
        normals[v, 1] = y * s
        normals[v, 2] = z * s


@njit(**INNER)
def project(points, distance, centre_x, centre_y, scale, samples, screen):
    """Perspective projection to sample coordinates and inverse depth.

    The camera stands at (0, 0, distance) and looks along -z. `scale` is samples per unit of x /
    depth, and
    (centre_x, centre_y) the x / depth and -y / depth that fall on the picture's centre.
    """
    half = f32(0.5) * f32(samples) - f32(0.5)
    for v in range(points.shape[0]):
        inverse = f32(1.0) / max(distance - points[v, 2], f32(1.0))
        screen[v, 0] = (points[v, 0] * inverse - centre_x) * scale + half
        screen[v, 1] = (-points[v, 1] * inverse - centre_y) * scale + half
        screen[v, 2] = inverse


@njit(**INNER)
def fill(screen, triangles, first, last, number, two_sided, inverse_depth, ids, bary):
    """Z-buffered rasterisation of triangles[first:last]; the nearest one keeps each sample.

    Args:
        screen: (V, 3) sample x, y and inverse depth of every vertex.
        number: id that triangle `first` gets in `ids`; the following ones count on.
        two_sided: draw triangles seen from behind too.
        inverse_depth: (S, S) float32, 0 where empty. ids: (S, S) int32. bary: (S, S, 2) weights of
            corners 1, 2.
    """
    size = inverse_depth.shape[0]
    limit = f32(size - 1)
    for t in range(first, last):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = (
            screen[a, 0],
            screen[a, 1],
            screen[b, 0],
            screen[b, 1],
            screen[c, 0],
            screen[c, 1],
        )
        # y runs down on the screen: front faces have a negative area here
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == f32(0.0) or (area > f32(0.0) and not two_sided):
            continue
        x0 = max(min(ax, bx, cx), f32(0.0))
        x1 = min(max(ax, bx, cx), limit)
        y0 = max(min(ay, by, cy), f32(0.0))
        y1 = min(max(ay, by, cy), limit)
        if x0 > x1 or y0 > y1:
            continue
        col0, col1 = int(np.ceil(x0)), int(np.floor(x1))
        row0, row1 = int(np.ceil(y0)), int(np.floor(y1))
        if col0 > col1 or row0 > row1:
            continue
        s = f32(1.0) / area
        # weights of corners 1 and 2 are affine in x and y
        w1x, w1y = (cy - ay) * s, -(cx - ax) * s
        w2x, w2y = -(by - ay) * s, (bx - ax) * s
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        for row in range(row0, row1 + 1):
            dy = f32(row) - ay
            for col in range(col0, col1 + 1):
                dx = f32(col) - ax
                w1 = w1x * dx + w1y * dy
                w2 = w2x * dx + w2y * dy
                w0 = f32(1.0) - w1 - w2
                z = w0 * za + w1 * zb + w2 * zc
                if (min(w0, w1, w2) >= f32(0.0)) & (z > inverse_depth[row, col]):
                    inverse_depth[row, col] = z
                    ids[row, col] = number + t - first
                    # perspective-correct weights, so that shading interpolates on the surface
                    bary[row, col, 0] = w1 * zb / z
                    bary[row, col, 1] = w2 * zc / z


@njit(**KERNEL)
def fill_depth(points, triangles, right, up, towards, extent, one_sided, nearest):
    """Orthographic depth map seen from a light: the largest coordinate along `towards` in each
    texel.

    Args:
        points: (V, 3) cm.
        right, up, towards: (3,) axes of the light, orthonormal. extent: half width of the map in
            cm. one_sided: leave out triangles that are turned away from the light.
        nearest: (R, R) float32, -1e9 where empty; updated in place.
    """
    size = nearest.shape[0]
    scale = f32(0.5) * f32(size) / extent
    half = f32(0.5) * f32(size) - f32(0.5)
    limit = f32(size - 1)
    count = points.shape[0]
    flat = np.empty((count, 3), np.float32)
    for v in range(count):
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        flat[v, 0] = (x * right[0] + y * right[1] + z * right[2]) * scale + half
        flat[v, 1] = (x * up[0] + y * up[1] + z * up[2]) * scale + half
        flat[v, 2] = x * towards[0] + y * towards[1] + z * towards[2]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = (
            flat[a, 0],
            flat[a, 1],
            flat[b, 0],
            flat[b, 1],
            flat[c, 0],
            flat[c, 1],
        )
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == f32(0.0) or (one_sided and area < f32(0.0)):
            continue
        x0, x1 = max(min(ax, bx, cx), f32(0.0)), min(max(ax, bx, cx), limit)
        y0, y1 = max(min(ay, by, cy), f32(0.0)), min(max(ay, by, cy), limit)
        if x0 > x1 or y0 > y1:
            continue
        col0, col1, row0, row1 = int(np.ceil(x0)), int(x1), int(np.ceil(y0)), int(y1)
        if col0 > col1 or row0 > row1:  # it lies between the samples' centres
            continue
        s = f32(1.0) / area
        w1x, w1y = (cy - ay) * s, -(cx - ax) * s
        w2x, w2y = -(by - ay) * s, (bx - ax) * s
        za, zb, zc = flat[a, 2], flat[b, 2], flat[c, 2]
        for row in range(row0, row1 + 1):
            dy = f32(row) - ay
            for col in range(col0, col1 + 1):
                dx = f32(col) - ax
                w1 = w1x * dx + w1y * dy
                w2 = w2x * dx + w2y * dy
                w0 = f32(1.0) - w1 - w2
                z = w0 * za + w1 * zb + w2 * zc
                inside = min(w0, w1, w2) >= f32(0.0)
                # no branch: whether a texel is inside cannot be foretold
                nearest[row, col] = max(nearest[row, col], z if inside else f32(-1e9))


@njit(**INNER)
def lit(x, y, z, right, up, towards, extent, nearest, bias):
    """Share of the light that reaches a point: a 3x3 tent of depth comparisons, 0 to 1."""
    size = nearest.shape[0]
    scale = f32(0.5) * f32(size) / extent
    half = f32(0.5) * f32(size) - f32(0.5)
    u = (x * right[0] + y * right[1] + z * right[2]) * scale + half
    v = (x * up[0] + y * up[1] + z * up[2]) * scale + half
    d = (x * towards[0] + y * towards[1] + z * towards[2] + bias) * f32(2.0) + f32(1.0)
    if not (u > f32(2.0) and v > f32(2.0) and u < f32(size - 3) and v < f32(size - 3)):
        return f32(1.0)
    col, row = int(u + f32(0.5)), int(v + f32(0.5))
    fu, fv = u - f32(col), v - f32(row)
    total = f32(0.0)
    for i in range(-1, 2):
        wy = f32(1.5) - abs(f32(i) - fv) if i != 0 else f32(1.5) - abs(fv)
        for j in range(-1, 2):
            # how far in front the blocker is decides; half a centimetre of softness hides the
            # texels
            t = min(max(d - nearest[row + i, col + j] * f32(2.0), f32(0.0)), f32(1.0))
            total += wy * (f32(1.5) - abs(f32(j) - fu)) * t
    return total / ((f32(4.5) - f32(2.0) - abs(fu)) * (f32(4.5) - f32(2.0) - abs(fv)))


@njit(**INNER)
def hashed(a, b, c):
    """A number in [0, 1) from three integers: the same on every machine and thread."""
    # each product is cut back to 32 bits: compiled, a product of two of these has 64
    h = np.uint32(np.uint32(a) * np.uint32(0x9E3779B1))
    h ^= np.uint32(np.uint32(b) * np.uint32(0x85EBCA77))
    h ^= np.uint32(np.uint32(c) * np.uint32(0xC2B2AE3D))
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(0x2C1B3C6D))
    h = np.uint32((h ^ (h >> np.uint32(12))) * np.uint32(0x297A2D39))
    h = np.uint32(h ^ (h >> np.uint32(15)))
    return f32(h >> np.uint32(8)) * f32(1.0 / 16777216.0)


@njit(**INNER)
def noise2(x, y, seed):
    """Smooth value noise in the plane, 0 to 1, one feature per unit."""
    i, j = int(np.floor(x)), int(np.floor(y))
    u, v = x - f32(i), y - f32(j)
    u, v = u * u * (f32(3.0) - f32(2.0) * u), v * v * (f32(3.0) - f32(2.0) * v)
    a, b = hashed(i, j, seed), hashed(i + 1, j, seed)
    c, d = hashed(i, j + 1, seed), hashed(i + 1, j + 1, seed)
    return a + (b - a) * u + (c - a) * v + (a - b - c + d) * u * v


@njit(**INNER)
def noise3(x, y, z, seed):
    """Smooth value noise in space, 0 to 1, one feature per unit."""
    k = int(np.floor(z))
    w = z - f32(k)
    w = w * w * (f32(3.0) - f32(2.0) * w)
    low = noise2(x, y, seed + 7919 * k)
    return low + (noise2(x, y, seed + 7919 * (k + 1)) - low) * w


@njit(**INNER)
def smooth(low, high, x):
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = min(max((x - low) / (high - low), f32(0.0)), f32(1.0))
    return t * t * (f32(3.0) - f32(2.0) * t)
