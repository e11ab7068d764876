"""The drawing kernel: one face from posed vertices to pixels and ground truths, many faces in parallel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange

from facelab.faces import clothes, hair, looks, occluders
from facelab.faces.background import backdrop
from facelab.faces.camera import blur, compress, develop, grain
from facelab.faces.light import (
    FILL,
    FILL_TO,
    KEY_TO,
    LIGHTS,
    light_table,
    shade_hair,
    shade_surface,
)
from facelab.faces.raster import (
    FAST, f32, fill, fill_depth, fill_hair, fill_lashes, hashed, lit, project, smooth, vertex_normals,
)  # fmt: skip

MASKS = (
    "background", "skin", "left_brow", "right_brow", "left_eye", "right_eye", "nose", "upper_lip", "lower_lip",
    "inner_mouth", "ears", "hair", "neck", "clothing", "glasses", "occluder",
)  # fmt: skip  # left and right are the image's
(BACKGROUND, SKIN, LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE, NOSE, UPPER_LIP, LOWER_LIP, INNER_MOUTH, EARS, HAIR,
 NECK, CLOTHING, GLASSES, OCCLUDER) = range(16)  # fmt: skip
SHADOW = 72  # texels of the shadow map
SHADOW_REACH = 16.0  # cm, half its width
JOINT_Y, JOINT_Z = -9.0, -7.0


class Statics(NamedTuple):
    """Arrays of the head that drawing needs; triangles are sorted so that lashes come last."""

    triangles: np.ndarray  # (T, 3) i32
    solid: np.ndarray  # (S, 3) i32, the triangles that cast shadows
    region: np.ndarray  # (T,) u8
    label: np.ndarray  # (T,) u8 into MASKS for plain skin
    lashes: int  # index of the first lash triangle
    rigid: np.ndarray  # (V,) f32, 1 moves with the skull, 0 with the body
    eyeball: np.ndarray  # (V,) i8
    mask_vertices: np.ndarray  # (M,) i32: what a surgical mask covers
    mask_triangles: np.ndarray  # (U, 3) i32 into mask_vertices
    temples: np.ndarray  # (2,) i32: above the ears, left and right in the image
    bridge: int  # vertex on the nose's bridge


@njit(cache=True, fastmath=FAST, parallel=True)
def pose_faces(faces, gaze, whole, part, look, statics, scalp, posed, cards, card_count):
    """Turns eyeballs, grows hair and poses a batch.

    Args:
        faces: (N, V, 3) unposed, changed in place by the gaze. gaze, whole, part: (N, 3, 3) rotations of
        eyeballs, head and body. posed: (N, V, 3), cards: (N, C, 3), card_count: (N,), all written.
    """
    for i in prange(faces.shape[0]):
        points = faces[i]
        count = points.shape[0]
        for ball in range(2):
            cx = cy = cz = f32(0.0)
            n = f32(0.0)
            for v in range(count):
                if statics.eyeball[v] == ball:
                    cx, cy, cz, n = (
                        cx + points[v, 0],
                        cy + points[v, 1],
                        cz + points[v, 2],
                        n + f32(1.0),
                    )
            cx, cy, cz = cx / n, cy / n, cz / n
            for v in range(count):
                if statics.eyeball[v] == ball:
                    x, y, z = points[v, 0] - cx, points[v, 1] - cy, points[v, 2] - cz
                    points[v, 0] = cx + gaze[i, 0, 0] * x + gaze[i, 0, 1] * y + gaze[i, 0, 2] * z
                    points[v, 1] = cy + gaze[i, 1, 0] * x + gaze[i, 1, 1] * y + gaze[i, 1, 2] * z
                    points[v, 2] = cz + gaze[i, 2, 0] * x + gaze[i, 2, 1] * y + gaze[i, 2, 2] * z
        style = int(look[i, looks.STYLE])
        seed = int(look[i, looks.HAIR_SEED] * f32(9973.0))
        card_count[i] = hair.grow(
            points,
            scalp,
            style,
            look[i, looks.VOLUME],
            look[i, looks.RAISED],
            look[i, looks.PARTING],
            seed,
            cards[i],
        )
        turn(points, count, statics.rigid, whole[i], part[i], posed[i])
        strands = card_count[i] * hair.POINTS * 2
        follow = np.empty(strands, np.float32)
        for v in range(strands):
            follow[v] = smooth(f32(-22.0), f32(-9.0), cards[i, v, 1])
        turn(cards[i], strands, follow, whole[i], part[i], cards[i])


@njit(cache=True, fastmath=FAST)
def turn(points, count, rigid, whole, part, out):
    """Rotates points with the head where rigid is 1, with the body about the neck's joint where it is 0."""
    jx = whole[0, 1] * f32(JOINT_Y) + whole[0, 2] * f32(JOINT_Z)
    jy = whole[1, 1] * f32(JOINT_Y) + whole[1, 2] * f32(JOINT_Z)
    jz = whole[2, 1] * f32(JOINT_Y) + whole[2, 2] * f32(JOINT_Z)
    for v in range(count):
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        a, b = y - f32(JOINT_Y), z - f32(JOINT_Z)
        w = rigid[v]
        u = f32(1.0) - w
        out[v, 0] = w * (whole[0, 0] * x + whole[0, 1] * y + whole[0, 2] * z) + u * (
            part[0, 0] * x + part[0, 1] * a + part[0, 2] * b + jx
        )
        out[v, 1] = w * (whole[1, 0] * x + whole[1, 1] * y + whole[1, 2] * z) + u * (
            part[1, 0] * x + part[1, 1] * a + part[1, 2] * b + jy
        )
        out[v, 2] = w * (whole[2, 0] * x + whole[2, 1] * y + whole[2, 2] * z) + u * (
            part[2, 0] * x + part[2, 1] * a + part[2, 2] * b + jz
        )


@njit(cache=True, fastmath=FAST)
def second_skin(points, normals, statics, used, out, triangles):
    """A mask over nose, mouth and chin: the skin there, pushed outwards and smoothed over its creases."""
    count = statics.mask_vertices.shape[0]
    for k in range(count):
        v = statics.mask_vertices[k]
        for axis in range(3):
            out[k, axis] = points[v, axis] + normals[v, axis] * f32(0.55)
    tris = statics.mask_triangles
    moved, hits = np.empty((count, 3), np.float32), np.empty(count, np.float32)
    for _ in range(6):
        moved[:] = f32(0.0)
        hits[:] = f32(0.0)
        for t in range(tris.shape[0]):
            for j in range(3):
                a, b = tris[t, j], tris[t, (j + 1) % 3]
                for axis in range(3):
                    moved[a, axis] += out[b, axis]
                    moved[b, axis] += out[a, axis]
                hits[a] += f32(1.0)
                hits[b] += f32(1.0)
        for k in range(count):
            v = statics.mask_vertices[k]
            s = f32(1.0) / max(hits[k], f32(1.0))
            # smooth, but never back into the skin
            depth = f32(0.0)
            for axis in range(3):
                out[k, axis] = f32(0.4) * out[k, axis] + f32(0.6) * moved[k, axis] * s
                depth += (out[k, axis] - points[v, axis]) * normals[v, axis]
            if depth < f32(0.3):
                for axis in range(3):
                    out[k, axis] += normals[v, axis] * (f32(0.3) - depth)
    used[0], used[1] = count, tris.shape[0]
    triangles[: tris.shape[0]] = tris


@njit(cache=True, fastmath=FAST)
def draw_face(points, cards, card_count, face, crop, distance, look, statics, canvas, scalp, marks, size, oversample,
              plain, image, depth, normal_map, label_map, visible):  # fmt: skip
    """Draws one face. See `draw_faces` for the arguments; without a leading N here."""
    samples = size * oversample
    inverse = np.zeros((samples, samples), np.float32)
    ids = np.full((samples, samples), -1, np.int32)
    bary = np.empty((samples, samples, 2), np.float32)
    count = points.shape[0]
    scale = f32(samples) / crop[2]
    screen = np.empty((count, 3), np.float32)
    project(points, distance, crop[0], crop[1], scale, samples, screen)
    triangles = statics.triangles
    faces = triangles.shape[0]
    fill(screen, triangles, 0, statics.lashes, 0, False, inverse, ids, bary)
    normals = np.empty((count, 3), np.float32)
    vertex_normals(points, triangles, count, normals)

    things = np.empty((occluders.MAX_VERTICES, 3), np.float32)
    thing_triangles = np.empty((occluders.MAX_TRIANGLES, 3), np.int32)
    used = np.zeros(2, np.int64)
    kind = int(look[looks.OCCLUDER])
    eyes = np.zeros((2, 3), np.float32)
    tally = np.zeros(2, np.float32)
    for v in range(count):
        ball = statics.eyeball[v]
        if ball >= 0:
            tally[ball] += f32(1.0)
            for axis in range(3):
                eyes[ball, axis] += points[v, axis]
    for ball in range(2):
        for axis in range(3):
            eyes[ball, axis] /= tally[ball]
    if kind == occluders.MASK:
        second_skin(points, normals, statics, used, things, thing_triangles)
    elif kind > 0:
        occluders.build(
            look[looks.OCCLUDER : looks.OCCLUDER + 8], face, eyes, points[statics.bridge], points[statics.temples],
            crop[0], crop[1], crop[2], distance, used, things, thing_triangles,
        )  # fmt: skip
    thing_vertices, thing_faces = used[0], used[1]
    thing_normals = np.empty((thing_vertices, 3), np.float32)
    if thing_faces > 0:
        shape = np.empty((thing_vertices, 3), np.float32)
        project(things[:thing_vertices], distance, crop[0], crop[1], scale, samples, shape)
        fill(shape, thing_triangles, 0, thing_faces, faces, True, inverse, ids, bary)
        vertex_normals(things, thing_triangles[:thing_faces], thing_vertices, thing_normals)
    fill_lashes(screen, triangles, statics.lashes, faces, canvas.place, inverse, ids, bary)
    style = int(look[looks.STYLE])
    strands = card_count * hair.POINTS * 2
    per_card = 2 * (hair.POINTS - 1)
    hair_seed = int(look[looks.HAIR_SEED] * f32(9973.0))
    if card_count > 0:
        flow = np.empty((strands, 3), np.float32)
        project(cards[:strands], distance, crop[0], crop[1], scale, samples, flow)
        curls = (
            f32(0.75) if style == hair.AFRO else (f32(0.45) if style == hair.CURLY else f32(0.0))
        )
        fill_hair(flow, scalp.triangles, card_count * per_card, faces + thing_faces, hair.POINTS,
                  hair.STYLE[style, 10], curls, hair_seed, inverse, ids, bary)  # fmt: skip

    # landmarks are seen where nothing lies more than a centimetre before them
    half = f32(0.5) * f32(samples) - f32(0.5)
    for k in range(marks.shape[0]):
        far = distance - marks[k, 2]
        u = (marks[k, 0] / far - crop[0]) * scale + half
        v = (-marks[k, 1] / far - crop[1]) * scale + half
        seen = False
        col, row = int(np.floor(u + f32(0.5))), int(np.floor(v + f32(0.5)))
        if col >= 0 and row >= 0 and col < samples and row < samples:
            for i in range(max(row - 1, 0), min(row + 2, samples)):
                for j in range(max(col - 1, 0), min(col + 2, samples)):
                    if ids[i, j] < 0 or inverse[i, j] * (far - f32(1.0)) < f32(1.0):
                        seen = True
        visible[k] = seen

    lights = np.empty((LIGHTS, 3), np.float32)
    behind = np.empty(3, np.float32)
    for c in range(3):
        behind[c] = look[looks.BACKGROUND + 1 + c] ** f32(2.2)
    light_table(look[looks.LIGHT : looks.LIGHT + 10], behind, lights)
    towards = lights[KEY_TO].copy()
    right, up = np.empty(3, np.float32), np.empty(3, np.float32)
    s = f32(1.0) / np.sqrt(towards[0] ** 2 + towards[2] ** 2 + f32(1e-6))
    right[0], right[1], right[2] = towards[2] * s, f32(0.0), -towards[0] * s
    up[0] = towards[1] * right[2] - towards[2] * right[1]
    up[1] = towards[2] * right[0] - towards[0] * right[2]
    up[2] = towards[0] * right[1] - towards[1] * right[0]
    shadow = np.full((SHADOW, SHADOW), f32(-1e9), np.float32)
    reach = f32(SHADOW_REACH)
    fill_depth(points, statics.solid, 1, right, up, towards, reach, shadow)
    if card_count > 0:
        fill_depth(
            cards[:strands],
            scalp.triangles[: card_count * per_card],
            1,
            right,
            up,
            towards,
            reach,
            shadow,
        )
    if thing_faces > 0:
        fill_depth(
            things[:thing_vertices],
            thing_triangles[:thing_faces],
            1,
            right,
            up,
            towards,
            reach,
            shadow,
        )

    painted = np.empty((count, looks.PAINTED), np.float32)
    looks.paint(look, canvas.zones, scalp.azimuth, scalp.height, style, hair_seed, painted)
    backdrop(look[looks.BACKGROUND : looks.BACKGROUND + 8], size, size, image)

    fine = smooth(f32(90.0), f32(230.0), f32(samples) * f32(17.0) / (crop[2] * distance))
    cloth_seed = int(
        (
            look[looks.CLOTHES] * f32(3.0)
            + look[looks.CLOTHES + 1] * f32(5.0)
            + look[looks.CLOTHES + 2]
        )
        * f32(4099.0)
    )
    step = max(int(f32(0.11) * scale / distance + f32(0.5)), 1)
    part = f32(1.0) / f32(oversample * oversample)
    middle = oversample // 2
    n, view, tangent = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    albedo, light, here = (
        np.empty(5, np.float32),
        np.empty(3, np.float32),
        np.empty(looks.PAINTED, np.float32),
    )
    cloth, place = np.empty(3, np.float32), np.empty(3, np.float32)
    for row in range(size):
        for col in range(size):
            red = green = blue = f32(0.0)
            for sub in range(oversample * oversample):
                i, j = row * oversample + sub // oversample, col * oversample + sub % oversample
                t = ids[i, j]
                central = i % oversample == middle and j % oversample == middle
                if t < 0:
                    red, green, blue = (
                        red + image[0, row, col],
                        green + image[1, row, col],
                        blue + image[2, row, col],
                    )
                    if central:
                        label_map[row, col] = BACKGROUND
                        depth[row, col] = np.nan
                        for axis in range(3):
                            normal_map[axis, row, col] = np.nan
                    continue
                far = f32(1.0) / inverse[i, j]
                px = ((f32(j) - half) / scale + crop[0]) * far
                py = -((f32(i) - half) / scale + crop[1]) * far
                pz = distance - far
                s = f32(1.0) / np.sqrt(px * px + py * py + far * far)
                view[0], view[1], view[2] = -px * s, -py * s, far * s
                label = SKIN
                if t < faces + thing_faces:
                    w1, w2 = bary[i, j, 0], bary[i, j, 1]
                    w0 = f32(1.0) - w1 - w2
                    if t < faces:
                        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                        for axis in range(3):
                            n[axis] = (
                                w0 * normals[a, axis]
                                + w1 * normals[b, axis]
                                + w2 * normals[c, axis]
                            )
                    else:
                        u = t - faces
                        a, b, c = (
                            thing_triangles[u, 0],
                            thing_triangles[u, 1],
                            thing_triangles[u, 2],
                        )
                        for axis in range(3):
                            n[axis] = (
                                w0 * thing_normals[a, axis]
                                + w1 * thing_normals[b, axis]
                                + w2 * thing_normals[c, axis]
                            )
                        if n[0] * view[0] + n[1] * view[1] + n[2] * view[2] < f32(0.0):
                            n[0], n[1], n[2] = -n[0], -n[1], -n[2]
                    s = f32(1.0) / np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] + f32(1e-9))
                    n[0], n[1], n[2] = n[0] * s, n[1] * s, n[2] * s
                    shade = lit(px + n[0] * f32(0.25), py + n[1] * f32(0.25), pz + n[2] * f32(0.25), right, up, towards,
                                reach, shadow, f32(0.35))  # fmt: skip
                    if t < faces:
                        region = statics.region[t]
                        for axis in range(3):
                            place[axis] = (
                                w0 * canvas.place[a, axis]
                                + w1 * canvas.place[b, axis]
                                + w2 * canvas.place[c, axis]
                            )
                        for k in range(looks.PAINTED):
                            here[k] = w0 * painted[a, k] + w1 * painted[b, k] + w2 * painted[c, k]
                        openness, flesh = here[looks.OPEN], f32(1.0)
                        label = statics.label[t]
                        albedo[3], albedo[4] = here[looks.GLOSS], f32(0.42)
                        if region == looks.EYEBALL:
                            sign = f32(-1.0) if statics.eyeball[a] == 0 else f32(1.0)
                            looks.eye_sample(
                                place[0] - sign * canvas.eye_x, place[1], place[2], look, albedo
                            )
                            # the lid above shades the ball, its lashes too
                            dark = f32(0.0)
                            for k in range(1, 5):
                                i2, j2 = (
                                    int(f32(i) - face[1, 1] * f32(k * step)),
                                    int(f32(j) + face[0, 1] * f32(k * step)),
                                )
                                if i2 >= 0 and j2 >= 0 and j2 < samples and i2 < samples:
                                    t2 = ids[i2, j2]
                                    if t2 < 0 or t2 >= faces or statics.region[t2] != looks.EYEBALL:
                                        dark += f32(0.16)
                            openness = f32(0.80) * (f32(1.0) - dark)
                            shade = (f32(0.35) + f32(0.65) * shade) * (f32(1.0) - dark)
                            flesh = f32(0.5)
                            label = LEFT_EYE if sign < f32(0.0) else RIGHT_EYE
                        elif region == looks.TEETH:
                            albedo[0], albedo[1], albedo[2] = f32(0.70), f32(0.64), f32(0.54)
                            albedo[3], albedo[4] = f32(0.8), f32(0.25)
                            openness = f32(0.70) * smooth(f32(-3.0), f32(2.2), place[2])
                            shade *= f32(0.35) + f32(0.65) * openness
                            label = INNER_MOUTH
                        elif region == looks.TONGUE:
                            albedo[0], albedo[1], albedo[2] = f32(0.36), f32(0.13), f32(0.12)
                            openness = f32(0.45) * smooth(f32(-4.0), f32(1.5), place[2])
                            shade *= openness * f32(1.6)
                            label = INNER_MOUTH
                        elif region == looks.INNER:
                            albedo[0], albedo[1], albedo[2] = f32(0.16), f32(0.05), f32(0.045)
                            openness = f32(0.35) * smooth(f32(-1.0), f32(2.6), place[2])
                            shade *= openness * f32(1.5)
                            label = INNER_MOUTH
                        elif region == looks.LASHES:
                            albedo[0] = albedo[1] = albedo[2] = f32(0.012)
                            albedo[3] = f32(0.0)
                        else:
                            hit = looks.skin_sample(
                                place[0],
                                place[1],
                                place[2],
                                here,
                                look,
                                canvas,
                                fine,
                                style,
                                albedo,
                            )
                            if hit == 1:
                                label = UPPER_LIP if place[1] > canvas.mouth_y else LOWER_LIP
                            elif hit == 2:
                                label = LEFT_BROW if place[0] < f32(0.0) else RIGHT_BROW
                            elif (
                                here[looks.EDGE] > f32(0.3) and style != hair.BALD and label == SKIN
                            ):
                                label = HAIR
                            cover = f32(0.0)
                            if place[1] < f32(-11.0):
                                cover = clothes.clothing(place[0], place[1], place[2], look[looks.CLOTHES : looks.CLOTHES + 3],
                                                         cloth_seed, cloth)  # fmt: skip
                            if cover > f32(0.0):
                                for k in range(3):
                                    albedo[k] += (cloth[k] - albedo[k]) * cover
                                flesh = f32(1.0) - f32(0.9) * cover
                                albedo[3] *= f32(1.0) - f32(0.85) * cover
                                albedo[4] = f32(0.7)
                                if cover > f32(0.5):
                                    label = CLOTHING
                        shade_surface(
                            n,
                            view,
                            albedo,
                            albedo[3],
                            albedo[4],
                            flesh,
                            shade,
                            openness,
                            lights,
                            light,
                        )
                        if region == looks.EYEBALL:
                            # catch-lights: the window that is the key light, and a faint fill
                            bulge = f32(0.0)
                            for source in range(2):
                                at = KEY_TO if source == 0 else FILL_TO
                                hx, hy, hz = (
                                    lights[at, 0] + view[0],
                                    lights[at, 1] + view[1],
                                    lights[at, 2] + view[2],
                                )
                                s = f32(1.0) / np.sqrt(hx * hx + hy * hy + hz * hz + f32(1e-6))
                                bulge = (n[0] * hx + n[1] * hy + n[2] * hz) * s
                                glint = smooth(f32(0.975), f32(0.99), bulge) * (
                                    f32(1.0) if source == 0 else f32(0.25)
                                )
                                for k in range(3):
                                    light[k] += (
                                        glint
                                        * (lights[at + 1, k] * f32(1.3) + f32(0.25))
                                        * (f32(0.3) + f32(0.7) * shade)
                                    )
                    else:
                        look_thing(
                            kind,
                            t - faces,
                            look,
                            n,
                            view,
                            shade,
                            lights,
                            thing_faces,
                            albedo,
                            light,
                            py,
                            px,
                        )
                        label = (
                            GLASSES
                            if kind == occluders.GLASSES or kind == occluders.SUNGLASSES
                            else OCCLUDER
                        )
                else:
                    u = t - faces - thing_faces
                    card, segment = u // per_card, (u % per_card) // 2
                    along, across = bary[i, j, 0], bary[i, j, 1]
                    base = card * hair.POINTS * 2 + segment * 2
                    for axis in range(3):
                        tangent[axis] = (
                            cards[base + 2, axis]
                            - cards[base, axis]
                            + cards[base + 3, axis]
                            - cards[base + 1, axis]
                        )
                        place[axis] = cards[base + 1, axis] - cards[base, axis]
                    s = f32(1.0) / np.sqrt(
                        tangent[0] ** 2 + tangent[1] ** 2 + tangent[2] ** 2 + f32(1e-9)
                    )
                    tangent[0], tangent[1], tangent[2] = (
                        tangent[0] * s,
                        tangent[1] * s,
                        tangent[2] * s,
                    )
                    strand = int((across + f32(1.0)) * f32(4.0))
                    tone = hashed(card, strand, hair_seed + 31)
                    clump = hashed(card, 0, hair_seed + 32)
                    # strands lie unevenly: tilt each one's tangent a little, or highlights become bands
                    s = (tone - f32(0.5)) * f32(0.22)
                    for axis in range(3):
                        tangent[axis] += place[axis] * s
                    skull_x = face[0, 1] * f32(1.5) + face[0, 2] * f32(-8.0)
                    skull_y = face[1, 1] * f32(1.5) + face[1, 2] * f32(-8.0)
                    skull_z = face[2, 1] * f32(1.5) + face[2, 2] * f32(-8.0)
                    n[0], n[1], n[2] = px - skull_x, (py - skull_y) * f32(0.8), pz - skull_z
                    s = f32(1.0) / np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2 + f32(1e-6))
                    n[0], n[1], n[2] = n[0] * s, n[1] * s, n[2] * s
                    shade = lit(px + n[0] * f32(0.3), py + n[1] * f32(0.3), pz + n[2] * f32(0.3), right, up, towards, reach,
                                shadow, f32(0.9))  # fmt: skip
                    shade = f32(0.25) + f32(0.75) * shade
                    openness = (f32(0.45) + f32(0.55) * along) * (f32(0.65) + f32(0.5) * clump)
                    vary = f32(0.72) + f32(0.40) * tone + f32(0.20) * clump
                    for k in range(3):
                        albedo[k] = look[looks.HAIR + k] * vary
                    sheen = (
                        f32(0.25)
                        if style == hair.AFRO
                        else (f32(0.6) if style == hair.CURLY else f32(1.0))
                    )
                    shade_hair(tangent, n, view, albedo, sheen, shade, openness, lights, light)
                    label = HAIR
                red, green, blue = red + light[0], green + light[1], blue + light[2]
                if central:
                    label_map[row, col] = label
                    depth[row, col] = far
                    for axis in range(3):
                        normal_map[axis, row, col] = n[axis]
            image[0, row, col], image[1, row, col], image[2, row, col] = (
                red * part,
                green * part,
                blue * part,
            )
    noise = look[looks.NOISE : looks.NOISE + 6]
    develop(image, look[looks.LIGHT + 9], noise[3], noise[4], noise[5])
    if not plain:
        blur(image, noise[0] * f32(size) / f32(64.0))
        grain(
            image,
            noise[1],
            int(look[looks.BACKGROUND + 7] * f32(99991.0)) + int(noise[1] * f32(1e6)),
        )
        compress(image, noise[2])


@njit(cache=True, fastmath=FAST)
def look_thing(kind, t, look, n, view, shade, lights, faces, albedo, light, y, x):
    """Colour of an occluder's surface."""
    for c in range(3):
        albedo[c] = look[looks.OCCLUDER + 4 + c] ** f32(2.2)
    gloss, rough, flesh = f32(0.4), f32(0.4), f32(0.0)
    if kind == occluders.HAND:
        looks.skin_tone(look[looks.MELANIN], look[looks.REDNESS] + f32(0.15), albedo)
        flesh = f32(1.0)
    elif kind == occluders.GLASSES or kind == occluders.SUNGLASSES:
        gloss, rough = f32(1.0), f32(0.25)
        lens = t % (faces // 2) >= faces // 2 - 20
        if kind == occluders.SUNGLASSES:
            for c in range(3):
                albedo[c] *= f32(0.25)
            if lens:
                rough = f32(0.15)
    elif kind == occluders.MASK:
        pleat = np.sin(y * f32(3.6))
        for c in range(3):
            albedo[c] *= f32(1.0) - f32(0.12) * max(pleat, f32(0.0)) ** 3
        gloss, flesh = f32(0.1), f32(0.25)
    elif kind == occluders.SCARF:
        knit = np.sin(y * f32(9.0) + f32(1.5) * np.sin(x * f32(9.0)))
        for c in range(3):
            albedo[c] *= f32(0.88) + f32(0.12) * knit
        gloss = f32(0.05)
    shade_surface(n, view, albedo, gloss, rough, flesh, shade, f32(0.8), lights, light)


@njit(cache=True, fastmath=FAST, parallel=True)
def draw_faces(posed, cards, card_count, whole, crops, distance, look, statics, canvas, scalp, marks, size, oversample,
               plain, image, depth, normal_map, label_map, visible):  # fmt: skip
    """Draws a batch.

    Args:
        posed: (N, V, 3) view space. cards: (N, C, 3), card_count: (N,). whole: (N, 3, 3). crops: (N, 3) centre
        in x / depth and -y / depth, side. distance: (N,) cm. look: (N, looks.COLUMNS). marks: (N, 68, 3) cm.
        plain: leave blur, noise and compression away. The last five are written: (N, 3, H, W), (N, H, W) cm
        (nan: background), (N, 3, H, W), (N, H, W) u8 into MASKS, (N, 68) bool.
    """
    for i in prange(posed.shape[0]):
        draw_face(posed[i], cards[i], card_count[i], whole[i], crops[i], distance[i], look[i], statics, canvas, scalp,
                  marks[i], size, oversample, plain, image[i], depth[i], normal_map[i], label_map[i], visible[i])  # fmt: skip
