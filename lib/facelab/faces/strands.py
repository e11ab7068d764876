"""Rasterisation of hair cards and lashes, cut into strands while they are drawn."""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import INNER, f32, hashed, noise2, smooth


@njit(**INNER)
def fill_hair(
    screen, triangles, count, number, points, ragged, curls, seed, inverse_depth, ids, bary
):
    """Rasterises hair cards, cut into strands: a sample counts only where a strand passes.

    Args:
        count: triangles to draw, in the order of `hair.Scalp.triangles`. number: id of the first.
        points: points along a card. ragged: 0 even tips, 1 very uneven. curls: 1 holes as in curly
            hair.
        inverse_depth, ids, bary: as in `fill`; here bary holds (along, across), 0 to 1 and -1 to 1.
    """
    size = inverse_depth.shape[0]
    limit = f32(size - 1)
    per_card = 2 * (points - 1)
    hidden = False
    for t in range(count):
        if t % per_card == 0:
            # a card is left out whole when the head hides all of its corners
            hidden = True
            first = t // per_card * 2 * points
            for v in range(first, first + 2 * points):
                x, y = screen[v, 0], screen[v, 1]
                if x < f32(0.0) or y < f32(0.0) or x > limit or y > limit:
                    continue
                if inverse_depth[int(y + f32(0.5)), int(x + f32(0.5))] < screen[v, 2]:
                    hidden = False
                    break
        if hidden:
            continue
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = (
            screen[a, 0],
            screen[a, 1],
            screen[b, 0],
            screen[b, 1],
            screen[c, 0],
            screen[c, 1],
        )
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == f32(0.0):
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
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        card = t // per_card
        segment = (t % per_card) // 2
        second = t % 2 == 1
        for row in range(row0, row1 + 1):
            dy = f32(row) - ay
            for col in range(col0, col1 + 1):
                dx = f32(col) - ax
                w1 = w1x * dx + w1y * dy
                w2 = w2x * dx + w2y * dy
                w0 = f32(1.0) - w1 - w2
                z = w0 * za + w1 * zb + w2 * zc
                if (min(w0, w1, w2) < f32(0.0)) | (z <= inverse_depth[row, col]):
                    continue
                # corners: (left, right, next left) or (right, next right, next left)
                if second:
                    along, across = w1 + w2, w0 + w1 - w2
                else:
                    along, across = w2, w1 - w0 - w2
                along = (f32(segment) + along) / f32(points - 1)
                strand = int((across + f32(1.0)) * f32(4.0))
                # strands at a card's edges start later and end earlier, or cards look like tiles
                edge = across * across
                chance = hashed(card, strand, seed)
                if along > f32(1.0) - ragged * chance - f32(0.30) * edge * (f32(1.3) - chance):
                    continue
                if along < f32(0.09) * edge + f32(0.07) * ragged * hashed(card, strand, seed + 1):
                    continue
                if curls > f32(0.0):
                    cell = noise2(along * f32(11.0), across * f32(5.0), seed + card)
                    rim = max(abs(across), abs(f32(2.0) * along - f32(1.0)))
                    if cell < curls * rim * rim * smooth(f32(0.1), f32(0.5), along):
                        continue
                inverse_depth[row, col] = z
                ids[row, col] = number + t
                bary[row, col, 0] = along
                bary[row, col, 1] = across


@njit(**INNER)
def fill_lashes(screen, triangles, first, last, place, length, inverse_depth, ids, bary):
    """Rasterises triangles[first:last], the lashes, cut into single hairs that thin out to their
    tips.

    `place` (V, 3) is where vertices lie on the mean head: lashes reach outwards from the eyeballs
    there.
    `length` 1 is full length.
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
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == f32(0.0):
            continue
        x0, x1 = max(min(ax, bx, cx), f32(0.0)), min(max(ax, bx, cx), limit)
        y0, y1 = max(min(ay, by, cy), f32(0.0)), min(max(ay, by, cy), limit)
        if x0 > x1 or y0 > y1:
            continue
        col0, col1, row0, row1 = int(np.ceil(x0)), int(x1), int(np.ceil(y0)), int(y1)
        if col0 > col1 or row0 > row1:  # it lies between the samples' centres
            continue
        s = f32(1.0) / area
        for row in range(row0, row1 + 1):
            dy = f32(row) - ay
            for col in range(col0, col1 + 1):
                dx = f32(col) - ax
                w1 = ((cy - ay) * dx - (cx - ax) * dy) * s
                w2 = ((bx - ax) * dy - (by - ay) * dx) * s
                w0 = f32(1.0) - w1 - w2
                if w0 < f32(0.0) or w1 < f32(0.0) or w2 < f32(0.0):
                    continue
                z = w0 * screen[a, 2] + w1 * screen[b, 2] + w2 * screen[c, 2]
                if z <= inverse_depth[row, col]:
                    continue
                x = abs(w0 * place[a, 0] + w1 * place[b, 0] + w2 * place[c, 0]) - f32(3.11)
                y = w0 * place[a, 1] + w1 * place[b, 1] + w2 * place[c, 1]
                d = w0 * place[a, 2] + w1 * place[b, 2] + w2 * place[c, 2]
                along = (np.sqrt(x * x + y * y + d * d) - f32(1.60)) * f32(2.2)
                hairs = hashed(
                    int(np.floor(np.arctan2(x, d) * f32(22.0))), 1 if y > f32(-0.25) else 2, 5
                )
                limit_along = (
                    f32(0.45) + f32(0.75) * hairs if y > f32(-0.25) else f32(0.65) * hairs
                ) * length
                if along > limit_along:
                    continue
                inverse_depth[row, col] = z
                ids[row, col] = t
                bary[row, col, 0] = w1 * screen[b, 2] / z
                bary[row, col, 1] = w2 * screen[c, 2] / z
