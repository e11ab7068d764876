"""The drawing kernel: one face from posed vertices to pixels and ground truths, many in
parallel.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from facelab.faces import columns, hair, looks, occluders, worn
from facelab.faces.background import backdrop
from facelab.faces.camera import blur, compress, develop, grain
from facelab.faces.frame import BACKGROUND, SHADOW_REACH, SKIPPED, Frame, unit
from facelab.faces.light import KEY_TO, LIGHTS, light_table
from facelab.faces.raster import (
    INNER,
    KERNEL,
    f32,
    fill,
    fill_depth,
    project,
    smooth,
    vertex_normals,
)
from facelab.faces.scalp import POINTS
from facelab.faces.shade import shade_head, shade_strands, shade_thing
from facelab.faces.strands import fill_hair, fill_lashes

SHADOW = 72  # texels of the shadow map
JOINT_Y, JOINT_Z = -9.0, -7.0  # cm: geometry.PIVOT


@njit(**KERNEL, parallel=True)
def pose_faces(faces, gaze, whole, part, look, statics, scalp, posed, cards, card_count):
    """Turns eyeballs, grows hair and poses a batch.

    Args:
        faces: (N, V, 3) unposed, changed in place by the gaze. gaze, whole, part: (N, 3, 3)
        rotations of eyeballs, head and body. posed: (N, V, 3), cards: (N, C, 3),
        card_count: (N,), all written.
    """
    for i in prange(faces.shape[0]):
        points = faces[i]
        centres = eye_centres(points, statics.eyeball)
        for v in range(points.shape[0]):
            ball = statics.eyeball[v]
            if ball >= 0:
                x, y = points[v, 0] - centres[ball, 0], points[v, 1] - centres[ball, 1]
                z = points[v, 2] - centres[ball, 2]
                for axis in range(3):
                    moved = gaze[i, axis, 0] * x + gaze[i, axis, 1] * y + gaze[i, axis, 2] * z
                    points[v, axis] = centres[ball, axis] + moved
        seed = int(look[i, columns.HAIR_SEED] * f32(9973.0))
        card_count[i] = hair.grow(
            points, scalp, int(look[i, columns.STYLE]), look[i, columns.VOLUME],
            look[i, columns.RAISED], look[i, columns.PARTING], seed, whole[i, 2], cards[i],
        )  # fmt: skip
        turn(points, points.shape[0], statics.rigid, whole[i], part[i], posed[i])
        used = card_count[i] * POINTS * 2
        follow = np.empty(used, np.float32)
        for v in range(used):
            follow[v] = smooth(f32(-22.0), f32(-9.0), cards[i, v, 1])
        turn(cards[i], used, follow, whole[i], part[i], cards[i])


@njit(**KERNEL)
def turn(points, count, rigid, whole, part, out):
    """Rotates points with the head where rigid is 1, with the body about the neck's joint where
    0.
    """
    joint = np.empty(3, np.float32)
    for axis in range(3):
        joint[axis] = whole[axis, 1] * f32(JOINT_Y) + whole[axis, 2] * f32(JOINT_Z)
    for v in range(count):
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        a, b = y - f32(JOINT_Y), z - f32(JOINT_Z)
        w = rigid[v]
        for axis in range(3):
            head = whole[axis, 0] * x + whole[axis, 1] * y + whole[axis, 2] * z
            body = part[axis, 0] * x + part[axis, 1] * a + part[axis, 2] * b + joint[axis]
            out[v, axis] = w * head + (f32(1.0) - w) * body


@njit(**KERNEL)
def eye_centres(points, eyeball):
    """Mean place of each eyeball's vertices: (2, 3)."""
    centres, tally = np.zeros((2, 3), np.float32), np.zeros(2, np.float32)
    for v in range(points.shape[0]):
        ball = eyeball[v]
        if ball >= 0:
            tally[ball] += f32(1.0)
            for axis in range(3):
                centres[ball, axis] += points[v, axis]
    for ball in range(2):
        for axis in range(3):
            centres[ball, axis] /= tally[ball]
    return centres


@njit(**INNER)
def seen(marks, inverse, ids, faces, crop, scale, distance, visible):
    """Landmarks (68, 3) count as seen where neither hair, occluder nor much of the head is before
    them.

    The head may lie a centimetre before them: landmarks at lids, nostrils and lips are set in.
    """
    samples = ids.shape[0]
    half = f32(0.5) * f32(samples) - f32(0.5)
    for k in range(marks.shape[0]):
        far = distance - marks[k, 2]
        col = int(np.floor((marks[k, 0] / far - crop[0]) * scale + half + f32(0.5)))
        row = int(np.floor((-marks[k, 1] / far - crop[1]) * scale + half + f32(0.5)))
        visible[k] = False
        if col < 0 or row < 0 or col >= samples or row >= samples:
            continue
        # one sample of slack: contour points lie on the edge itself
        for i in range(max(row - 1, 0), min(row + 2, samples)):
            for j in range(max(col - 1, 0), min(col + 2, samples)):
                slack = f32(1.0) if ids[i, j] < faces else f32(0.0)
                if ids[i, j] < 0 or inverse[i, j] * (far - slack) < f32(1.0):
                    visible[k] = True


@njit(**KERNEL)
def vertices_shown(ids, triangles, count):
    """Which of `count` vertices have a part in a sample: (count,) bool."""
    shown = np.zeros(count, np.bool_)
    for i in range(ids.shape[0]):
        before = -1
        for j in range(ids.shape[1]):
            t = ids[i, j]
            if t >= 0 and t != before and t < triangles.shape[0]:
                shown[triangles[t, 0]] = shown[triangles[t, 1]] = shown[triangles[t, 2]] = True
                before = t
    return shown


@njit(**KERNEL)
def shadow_map(points, solid, cards, card_triangles, things, thing_triangles, towards):
    """Depth seen from the key light: axes (3, 3) right, up and towards it, and the map (R, R)."""
    axes = np.empty((3, 3), np.float32)
    right, up = axes[0], axes[1]
    axes[2] = towards
    right[0], right[1], right[2] = towards[2], f32(0.0), -towards[0]
    unit(right)
    up[0] = towards[1] * right[2] - towards[2] * right[1]
    up[1] = towards[2] * right[0] - towards[0] * right[2]
    up[2] = towards[0] * right[1] - towards[1] * right[0]
    nearest = np.full((SHADOW, SHADOW), f32(-1e9), np.float32)
    reach = f32(SHADOW_REACH)
    fill_depth(points, solid, right, up, axes[2], reach, True, nearest)
    if card_triangles.shape[0] > 0:
        fill_depth(cards, card_triangles, right, up, axes[2], reach, False, nearest)
    if thing_triangles.shape[0] > 0:
        fill_depth(things, thing_triangles, right, up, axes[2], reach, False, nearest)
    return axes, nearest


@njit(**INNER)
def resolve(frame, oversample, image, depth, normal_map, label_map):
    """Averages samples over each pixel, on the background already in image (3, H, W).

    Depth (cm), normals and labels come from one sample of the pixel, the middle one.
    """
    size, middle = image.shape[1], oversample // 2
    ids, colour, label = frame.ids, frame.colour, frame.label
    for row in range(size):
        for col in range(size):
            red = green = blue = bare = shaded = f32(0.0)
            for i in range(row * oversample, (row + 1) * oversample):
                for j in range(col * oversample, (col + 1) * oversample):
                    if ids[i, j] < 0:
                        bare += f32(1.0)
                    elif label[i, j] != SKIPPED:
                        red, green = red + colour[i, j, 0], green + colour[i, j, 1]
                        blue, shaded = blue + colour[i, j, 2], shaded + f32(1.0)
            part = f32(1.0) / (bare + shaded)
            image[0, row, col] = (image[0, row, col] * bare + red) * part
            image[1, row, col] = (image[1, row, col] * bare + green) * part
            image[2, row, col] = (image[2, row, col] * bare + blue) * part
            i, j = row * oversample + middle, col * oversample + middle
            empty = ids[i, j] < 0
            label_map[row, col] = BACKGROUND if empty else label[i, j]
            depth[row, col] = f32(np.nan) if empty else f32(1.0) / frame.inverse[i, j]
            for axis in range(3):
                normal_map[axis, row, col] = f32(np.nan) if empty else frame.facing[i, j, axis]


@njit(**KERNEL)
def draw_face(posed, cards, card_count, face, crop, distance, look, statics, canvas, scalp, marks,
              size, oversample, plain, image, depth, normal_map, label_map, visible):  # fmt: skip
    """Draws one face. See `draw_faces` for the arguments; without a leading N here."""
    samples = size * oversample
    inverse = np.zeros((samples, samples), np.float32)
    ids = np.full((samples, samples), -1, np.int32)
    bary = np.empty((samples, samples, 2), np.float32)
    count, faces = posed.shape[0], statics.triangles.shape[0]
    scale = f32(samples) / crop[2]
    screen = np.empty((count, 3), np.float32)
    project(posed, distance, crop[0], crop[1], scale, samples, screen)
    fill(screen, statics.triangles, 0, statics.lashes, 0, False, inverse, ids, bary)
    normals = np.empty((count, 3), np.float32)
    vertex_normals(posed, statics.triangles, count, normals)

    things = np.empty((occluders.MAX_VERTICES, 3), np.float32)
    thing_triangles = np.empty((occluders.MAX_TRIANGLES, 3), np.int32)
    used = np.zeros(2, np.int64)
    kind = int(look[columns.OCCLUDER])
    mesh = (used, things, thing_triangles)
    if kind == worn.MASK:
        worn.mask(posed, normals, statics.mask_vertices, face, mesh)
    elif kind > 0:
        eyes, temples = eye_centres(posed, statics.eyeball), np.empty((2, 3), np.float32)
        for k in range(2):
            temples[k] = posed[statics.temples[k]]
        values = look[columns.OCCLUDER : columns.OCCLUDER + 8]
        occluders.build(values, face, eyes, temples, crop, distance, mesh)
    things, thing_triangles = things[: used[0]], thing_triangles[: used[1]]
    thing_normals = np.empty((used[0], 3), np.float32)
    if used[1] > 0:
        shape = np.empty((used[0], 3), np.float32)
        project(things, distance, crop[0], crop[1], scale, samples, shape)
        fill(shape, thing_triangles, 0, used[1], faces, True, inverse, ids, bary)
        vertex_normals(things, thing_triangles, used[0], thing_normals)
    lash = f32(1.0) - f32(0.35) * look[columns.GENDER]
    fill_lashes(
        screen, statics.triangles, statics.lashes, faces, canvas.place, lash, inverse, ids, bary
    )
    style, hair_seed = int(look[columns.STYLE]), int(look[columns.HAIR_SEED] * f32(9973.0))
    per_card, first_hair = 2 * (POINTS - 1), faces + used[1]
    cards = cards[: card_count * POINTS * 2]
    if card_count > 0:
        flow = np.empty((cards.shape[0], 3), np.float32)
        project(cards, distance, crop[0], crop[1], scale, samples, flow)
        curls = f32(0.5) if style == hair.AFRO else f32(0.0)
        if style == hair.CURLY:
            curls = f32(0.45)
        fill_hair(flow, scalp.triangles, card_count * per_card, first_hair, POINTS,
                  hair.STYLE[style, 10], curls, hair_seed, inverse, ids, bary)  # fmt: skip
    seen(marks, inverse, ids, faces, crop, scale, distance, visible)

    lights, behind = np.empty((LIGHTS, 3), np.float32), np.empty(3, np.float32)
    for c in range(3):
        behind[c] = look[columns.BACKGROUND + 1 + c] ** f32(2.2)
    light_table(look[columns.LIGHT : columns.LIGHT + 10], behind, lights)
    # a third of the cards, spread as evenly as all of them, cast nearly the same shadow
    axes, shadow = shadow_map(
        posed, statics.solid, cards, scalp.triangles[: card_count // 3 * per_card], things,
        thing_triangles, lights[KEY_TO],
    )  # fmt: skip
    painted = np.empty((count, looks.PAINTED), np.float32)
    shown = vertices_shown(ids, statics.triangles, count)
    looks.paint(look, canvas.zones, scalp, style, hair_seed, shown, painted)
    backdrop(look[columns.BACKGROUND : columns.BACKGROUND + 8], size, size, image)
    dyes = (
        look[columns.CLOTHES] * f32(3.0)
        + look[columns.CLOTHES + 1] * f32(5.0)
        + look[columns.CLOTHES + 2]
    )
    frame = Frame(
        look, face, normals, painted, lights, axes, shadow, ids, inverse, bary,
        np.empty((samples, samples, 3), np.float32), np.zeros((samples, samples), np.uint8),
        np.empty((samples, samples, 3), np.float32), crop, scale, distance, hair_seed,
        int(dyes * f32(4099.0)),
    )  # fmt: skip
    shade_head(frame, statics, canvas, oversample)
    if used[1] > 0:
        shade_thing(frame, faces, thing_triangles, thing_normals)
    if card_count > 0:
        shade_strands(frame, first_hair, cards)
    resolve(frame, oversample, image, depth, normal_map, label_map)
    noise = look[columns.NOISE : columns.NOISE + 6]
    develop(image, look[columns.LIGHT + 9], noise[3], noise[4], noise[5])
    if not plain:
        blur(image, noise[0] * f32(size) / f32(64.0))
        grain(image, noise[1], int(look[columns.BACKGROUND + 7] * f32(99991.0)) + hair_seed)
        compress(image, noise[2])


@njit(**KERNEL, parallel=True)
def draw_faces(posed, cards, card_count, whole, crops, distance, look, statics, canvas, scalp,
marks,
               size, oversample, plain, image, depth, normal_map, label_map, visible):  # fmt: skip
    """Draws a batch.

    Args:
        posed: (N, V, 3) view space. cards: (N, C, 3), card_count: (N,). whole: (N, 3, 3) rotations.
        crops: (N, 3) centre in x / depth and -y / depth, side. distance: (N,) cm.
        look: (N, columns.COLUMNS). marks: (N, 68, 3) cm. plain: leave blur, noise and compression
            away.
        The last five are written: (N, 3, H, W), (N, H, W) cm (nan: background), (N, 3, H, W),
        (N, H, W) u8 into MASKS, (N, 68) bool.
    """
    for i in prange(posed.shape[0]):
        draw_face(posed[i], cards[i], card_count[i], whole[i], crops[i], distance[i], look[i],
                  statics, canvas, scalp, marks[i], size, oversample, plain, image[i], depth[i],
                  normal_map[i], label_map[i], visible[i])  # fmt: skip
