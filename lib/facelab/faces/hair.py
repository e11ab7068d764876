"""Hair as cards: ribbons that grow from the scalp along a style's flow and lie over each other.

Everything grows in the space of the unposed face, so that it follows the shape of the head and
turns
with it. A card is a strip of SEGMENTS quads; `raster.fill_hair` cuts it into strands with jagged
tips.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelab.faces.raster import INNER, KERNEL, f32, hashed, smooth
from facelab.faces.scalp import AZIMUTHS, CARDS, POINTS, POLARS, SKULL

BUN_Y, BUN_Z = f32(9.6), f32(-5.6)  # cm from SKULL: middle of a bun
BALD, BUZZ, SHORT, SIDE_PART, CURLY, AFRO, BOB, LONG, BUN, RECEDING = range(10)
# One row a style. Lengths at the sides and on top in cm, thickness of the layer, then the weights
# of the flow:
# gravity, away from the crown, away from the parting, backwards; then curl (cm), its waves per
# card, half width
# of a card in cm, raggedness of the tips, share of the cards, and how far cards stand off at the
# root.
STYLE = np.array(
    [
        # side top thick grav crown part back curl wave width jag share lift
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [2.4, 4.2, 1.3, 0.3, 1.0, 0.3, 0.0, 0.10, 1.0, 0.70, 0.6, 1.0, 0.5],
        [3.0, 6.5, 1.6, 0.25, 0.1, 1.0, 0.7, 0.12, 1.0, 0.80, 0.4, 1.0, 0.6],
        [3.6, 5.5, 2.6, 0.2, 0.5, 0.2, 0.0, 0.55, 2.2, 0.80, 0.6, 1.0, 0.9],
        [2.6, 2.8, 4.4, 0.0, 0.3, 0.0, 0.0, 0.40, 2.0, 1.50, 0.3, 1.0, 1.0],
        [13.0, 17.0, 1.5, 1.0, 0.0, 0.9, 0.1, 0.15, 0.7, 0.85, 0.12, 1.0, 0.6],
        [27.0, 32.0, 1.6, 1.0, 0.0, 0.9, 0.1, 0.45, 1.4, 0.95, 0.25, 1.0, 0.6],
        [9.0, 9.0, 0.8, 0.0, 0.0, 0.0, 1.0, 0.06, 1.0, 0.80, 0.2, 1.0, 0.3],
        [2.2, 2.6, 0.8, 0.3, 0.8, 0.3, 0.3, 0.08, 1.0, 0.65, 0.7, 0.8, 0.4],
    ],
    np.float32,
)


@njit(**INNER)
def hairline(y, azimuth, style, raised, seed):
    """Height of the hairline (cm on the mean head) at an azimuth in degrees: the usual height y
    there, with a person's deviations.
    """
    if azimuth >= f32(52.0) and style != RECEDING:
        return y
    front = f32(1.0) - smooth(f32(38.0), f32(52.0), azimuth)
    y += front * raised
    # a widow's peak, or the bays of men's temples
    y += front * (f32(1.2) * hashed(seed, 1, 3) - f32(0.5)) * smooth(f32(4.0), f32(28.0), azimuth)
    if style == RECEDING:
        bay = np.exp(-(((azimuth - f32(32.0)) / f32(16.0)) ** 2))
        y += f32(2.4) * bay + front * f32(0.7)
    return y


@njit(**INNER)
def azimuth_of(x, z):
    """arctan2(x, z) to 1e-3 rad, several times faster."""
    a, b = abs(x), abs(z)
    t = min(a, b) / (max(a, b) + f32(1e-9))
    s = t * t
    angle = ((f32(-0.0464964749) * s + f32(0.15931422)) * s - f32(0.327622764)) * s * t + t
    if a > b:
        angle = f32(np.pi / 2) - angle
    if z < f32(0.0):
        angle = f32(np.pi) - angle
    return angle if x >= f32(0.0) else -angle


@njit(**INNER)
def polar_of(y):
    """arccos(y) to 1e-4 rad (Abramowitz & Stegun 1964, 4.4.45), several times faster."""
    a = min(abs(y), f32(1.0))
    angle = np.sqrt(f32(1.0) - a) * (
        f32(1.5707288) + a * (f32(-0.2121144) + a * (f32(0.0742610) - a * f32(0.0187293)))
    )
    return angle if y >= f32(0.0) else f32(np.pi) - angle


@njit(**INNER)
def radius(x, y, z, grid):
    """The head's radius in the direction (x, y, z) from SKULL: bilinear in the grid, and the
    length.
    """
    length = np.sqrt(x * x + y * y + z * z) + f32(1e-6)
    a = (azimuth_of(x, z) * f32(0.15915494) + f32(0.5)) * f32(AZIMUTHS)
    p = polar_of(y / length) * f32(0.31830988 * POLARS) - f32(0.5)
    p = min(max(p, f32(0.0)), f32(POLARS - 1.001))
    i, j = int(np.floor(a)), int(p)
    u, v = a - f32(i), p - f32(j)
    i0, i1 = i % AZIMUTHS, (i + 1) % AZIMUTHS
    r0 = grid[i0, j] * (f32(1.0) - v) + grid[i0, j + 1] * v
    r1 = grid[i1, j] * (f32(1.0) - v) + grid[i1, j + 1] * v
    return r0 * (f32(1.0) - u) + r1 * u, length


@njit(**INNER)
def head_radii(points, static, skull, grid):
    """Fills grid (AZIMUTHS, POLARS) with the radius of this face in every direction; 0 towards
    the neck.
    """
    for i in range(AZIMUTHS):
        for j in range(POLARS):
            grid[i, j] = f32(0.0)
            if static.grid_vertices[i, j, 0] < 0:
                continue
            # where the ray meets the plane of the triangle that it met on the mean head
            va, vb, vc = static.grid_vertices[i, j]
            ux, uy, uz = (
                points[vb, 0] - points[va, 0],
                points[vb, 1] - points[va, 1],
                points[vb, 2] - points[va, 2],
            )
            wx, wy, wz = (
                points[vc, 0] - points[va, 0],
                points[vc, 1] - points[va, 1],
                points[vc, 2] - points[va, 2],
            )
            nx, ny, nz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
            dx, dy, dz = static.grid_rays[i, j]
            px, py, pz = (
                points[va, 0] - skull[0],
                points[va, 1] - skull[1],
                points[va, 2] - skull[2],
            )
            facing = dx * nx + dy * ny + dz * nz
            size = np.sqrt(nx * nx + ny * ny + nz * nz)
            if facing > f32(0.35) * size:
                grid[i, j] = (px * nx + py * ny + pz * nz) / facing
            else:
                grid[i, j] = np.sqrt(px * px + py * py + pz * pz)


@njit(**KERNEL)
def grow(points, static, style, volume, raised, parting, seed, towards, out):
    """Grows the cards of one face into `out` (CARDS * POINTS * 2, 3); returns the number of cards.

    Args:
        points: (V, 3) cm, unposed face. style: index into HAIR_STYLES. volume: 0 to 1. raised: cm
            by which the
        hairline stands higher. parting: -1 to 1. seed: integer of the person. towards: (3,) the
        viewer's direction; cards that the head is sure to hide do not grow.
    """
    row = STYLE[style]
    wanted = int(row[11] * f32(CARDS))
    if wanted == 0:
        return 0
    grid = np.empty((AZIMUTHS, POLARS), np.float32)
    skull = SKULL
    head_radii(points, static, skull, grid)
    thick = row[2] * (f32(0.6) + f32(0.8) * volume)
    long = style == BOB or style == LONG
    fringe = (long and hashed(seed, 2, 9) < f32(0.35)) or (
        style == SHORT and hashed(seed, 2, 9) < f32(0.6)
    )
    quiff = style == SHORT and not fringe
    rim = f32(-1.0) if long else (f32(-0.75) if style == AFRO else f32(-0.45))
    part_x = parting * f32(4.0)
    stretch = f32(0.85) + f32(0.3) * hashed(seed, 3, 9)
    count = 0
    line = np.empty((POINTS, 3), np.float32)
    for card in range(wanted):
        azimuth, height = static.root_azimuth[card], static.root_height[card]
        edge = height - hairline(static.root_line[card], azimuth, style, raised, seed)
        h1, h2, h3 = hashed(card, seed, 11), hashed(card, seed, 12), hashed(card, seed, 13)
        if edge < f32(0.5) * h1 - f32(0.1):
            continue
        x = y = z = f32(0.0)
        for k in range(3):
            v, w = static.root_vertices[card, k], static.root_weights[card, k]
            x += points[v, 0] * w
            y += points[v, 1] * w
            z += points[v, 2] * w
        x, y, z = x - skull[0], y - skull[1], z - skull[2]
        # the last cards of a bun wind round the bun itself
        ball = style == BUN and card >= wanted * 7 // 8
        ahead = x * towards[0] + y * towards[1] + z * towards[2]
        if not ball and ahead < rim * np.sqrt(x * x + y * y + z * z):
            continue
        side = f32(1.0) if x + (h2 - f32(0.5)) > part_x else f32(-1.0)
        top = smooth(f32(2.5), f32(8.0), height)
        length = (row[0] + (row[1] - row[0]) * top) * stretch * (f32(0.8) + f32(0.4) * h3)
        layer = f32(0.15) + f32(0.85) * h1
        # hair at the edge of the scalp lies close; this is what makes a hairline
        near = smooth(f32(0.0), f32(2.5), edge)
        depth = thick * layer * (f32(0.25) + f32(0.75) * near)
        if not long:
            depth *= f32(0.45) + f32(0.55) * top  # cut shorter at the sides
        front = azimuth < f32(42.0) and height > f32(4.5)
        falls = fringe and front and abs(x) < f32(5.0)
        if falls:
            length = (
                (f32(4.6) if long else f32(2.8)) + f32(1.4) * h3 + f32(1.0) * max(edge, f32(0.0))
            )
        dx = dy = dz = f32(0.0)
        # long hair is grown in finer steps than it is drawn
        finer = max(int(length / f32(POINTS - 1) * f32(0.9)), 1)
        step = length / f32((POINTS - 1) * finer)
        phase = f32(6.2831853) * h2
        if ball:
            turn, rise = f32(6.2831853) * h1, f32(2.0) * h2 - f32(1.0)
            flat = np.sqrt(f32(1.0) - rise * rise)
            thick_ball = f32(2.1) + f32(0.9) * volume
            x, y, z = flat * np.cos(turn), rise, flat * np.sin(turn)
            x, y, z = x * thick_ball, BUN_Y + y * thick_ball, BUN_Z + z * thick_ball
            length = f32(5.0)
            step = length / f32((POINTS - 1) * finer)
        if style == AFRO:
            # two cards in three make the outer shell, the others fill what is below
            share = f32(0.62) + f32(0.38) * h2 if h3 < f32(0.67) else f32(0.10) + f32(0.5) * h2
            depth = thick * share * (f32(0.35) + f32(0.65) * near)
        for tick in range((POINTS - 1) * finer + 1):
            along = f32(tick) / f32((POINTS - 1) * finer)
            r, length_now = radius(x, y, z, grid)
            nx, ny, nz = x / length_now, y / length_now, z / length_now
            # the grid cuts the corners of round foreheads: keep clear of the skin away from the
            # root
            clear = f32(0.05) + f32(0.32) * min(f32(2.5) * along, f32(1.0))
            low = r + depth * (row[12] + (f32(1.0) - row[12]) * along) + clear
            neck = np.sqrt(x * x + z * z)
            if length_now < low and r > f32(0.0) and not ball:
                x, y, z = nx * low, ny * low, nz * low
            elif r == f32(0.0) and not ball and neck < f32(6.5):
                x, z = x * f32(6.5) / (neck + f32(1e-3)), z * f32(6.5) / (neck + f32(1e-3))
            elif not long and not ball:
                high = low + f32(0.35)
                if length_now > high and r > f32(0.0):
                    x, y, z = nx * high, ny * high, nz * high
            if long and not falls and z > f32(0.0):
                # long hair hangs beside the face, not over it
                free = f32(1.0) - smooth(f32(0.0), f32(5.5), y)
                least = (f32(6.3) + f32(0.9) * h3 + f32(0.05) * max(-y, f32(0.0))) * free
                if abs(x) < least:
                    x = side * least if abs(x) < f32(1.0) else np.sign(x) * least
                z -= free * max(z - f32(4.0), f32(0.0)) * f32(0.5)
            if tick % finer == 0:
                k = tick // finer
                line[k, 0], line[k, 1], line[k, 2] = x, y, z
            # flow
            gx, gy, gz = f32(0.0), -row[3], f32(0.0)
            away_x, away_y, away_z = x, y - f32(6.0), z + f32(6.5)
            s = row[4] / np.sqrt(away_x * away_x + away_y * away_y + away_z * away_z + f32(1.0))
            gx, gy, gz = gx + away_x * s, gy + away_y * s, gz + away_z * s
            gx += row[5] * side * (f32(0.15) + f32(0.85) * smooth(f32(-1.0), f32(6.5), y))
            gz -= row[6] * (f32(1.0) if not long else top)
            gy -= row[6] * f32(0.25) * (f32(1.0) - top)
            if style == BUN:
                bx, by, bz = -x, BUN_Y - y, BUN_Z - z
                s = f32(1.0) / np.sqrt(bx * bx + by * by + bz * bz + f32(0.3))
                gx, gy, gz = bx * s, by * s, bz * s
            if falls:
                gx, gy, gz = gx * f32(0.25) + parting * f32(0.3), f32(-0.9), f32(0.35)
            elif quiff and front:
                gx, gy, gz = parting * f32(0.9), f32(0.35), f32(-0.5)
            if style == AFRO or style == CURLY:
                wild = f32(1.2) if style == AFRO else f32(0.8)
                gx += (h1 - f32(0.5)) * wild
                gy += (h2 - f32(0.5)) * wild
                gz += (h3 - f32(0.5)) * wild
            gx += (h3 - f32(0.5)) * f32(0.35)
            gz += (h2 - f32(0.5)) * f32(0.35)
            if ball:
                nx, ny, nz = -gx, -gy, -gz  # outwards from the bun; its hair winds across that
                gx, gy, gz = h3 - f32(0.5), h1 - f32(0.5), h2 - f32(0.5)
                d = gx * nx + gy * ny + gz * nz
                gx, gy, gz = (
                    (gx - d * nx) * f32(3.0),
                    (gy - d * ny) * f32(3.0),
                    (gz - d * nz) * f32(3.0),
                )
            # along the surface near the head, freely where it hangs
            hang = ball or (long and y < f32(-4.0))
            if not hang:
                d = gx * nx + gy * ny + gz * nz
                gx, gy, gz = gx - d * nx, gy - d * ny, gz - d * nz
            s = f32(1.0) / np.sqrt(gx * gx + gy * gy + gz * gz + f32(1e-4))
            keep = f32(0.45) if tick > 0 else f32(0.0)
            dx, dy, dz = dx * keep + gx * s, dy * keep + gy * s, dz * keep + gz * s
            s = step / np.sqrt(dx * dx + dy * dy + dz * dz + f32(1e-4))
            x, y, z = x + dx * s, y + dy * s, z + dz * s
            s = s / step
            dx, dy, dz = dx * s, dy * s, dz * s
        base = count * POINTS * 2
        for k in range(POINTS):
            k0, k1 = max(k - 1, 0), min(k + 1, POINTS - 1)
            tx, ty, tz = (
                line[k1, 0] - line[k0, 0],
                line[k1, 1] - line[k0, 1],
                line[k1, 2] - line[k0, 2],
            )
            x, y, z = line[k, 0], line[k, 1], line[k, 2]
            if y < f32(-6.0):
                ny0 = f32(0.0)
            else:
                ny0 = y
            # across the card: tangent x outward, with a little twist
            ox, oy, oz = ty * z - tz * ny0, tz * x - tx * z, tx * ny0 - ty * x
            s = f32(1.0) / np.sqrt(ox * ox + oy * oy + oz * oz + f32(1e-6))
            ox, oy, oz = ox * s, oy * s, oz * s
            s = f32(1.0) / np.sqrt(x * x + ny0 * ny0 + z * z + f32(1e-6))
            twist = (h3 - f32(0.5)) * f32(0.7)
            ox, oy, oz = ox + twist * x * s, oy + twist * ny0 * s, oz + twist * z * s
            along = f32(k) / f32(POINTS - 1)
            half = (
                row[9] * (f32(0.75) + f32(0.5) * h2) * min(f32(1.0), f32(0.55) + f32(2.0) * along)
            )
            half *= f32(1.0) - f32(0.45) * smooth(f32(0.6), f32(1.0), along)
            wave = row[7] * np.sin(phase + f32(6.2831853) * row[8] * along) * along
            for corner in range(2):
                a = wave + (half if corner == 1 else -half)
                out[base + 2 * k + corner, 0] = skull[0] + x + ox * a
                out[base + 2 * k + corner, 1] = skull[1] + y + oy * a
                out[base + 2 * k + corner, 2] = skull[2] + z + oz * a
        count += 1
    return count
