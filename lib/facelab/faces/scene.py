"""From factors to a posed scene: vertices, hair, landmarks, crops, and the fixed arrays of the
head.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelab.faces import canvas, columns, draw, frame, geometry, landmarks
from facelab.faces import head as heads
from facelab.faces.factors import Factors
from facelab.faces.raster import blend
from facelab.faces.scalp import CARDS, POINTS, scalp

BATCH = 32  # faces that are posed at once: their vertices and hair stay in the cache


def posed_vertices(factors: Factors) -> np.ndarray:
    """Vertices of the faces in view space: (N, V, 3) cm, as they are drawn (see geometry.posed)."""
    parts = (make(factors[i : i + BATCH], 1.0).posed for i in range(0, len(factors), BATCH))
    return np.concatenate(list(parts))


@dataclass(frozen=True)
class Scene:
    """A batch of n posed faces."""

    posed: np.ndarray  # (n, V, 3) view space, cm
    cards: np.ndarray  # (n, C, 3) hair
    card_count: np.ndarray  # (n,)
    whole: np.ndarray  # (n, 3, 3)
    marks: np.ndarray  # (n, 68, 3) landmarks in view space
    crops: np.ndarray  # (n, 3)
    distance: np.ndarray  # (n,)
    look: np.ndarray  # (n, columns.COLUMNS)


@lru_cache(maxsize=1)
def prepared():
    """Head, statics, canvas and scalp: made once a process (about a second)."""
    head = heads.load()
    order = np.argsort(head.region == columns.LASHES, kind="stable")
    triangles, region = head.triangles[order], head.region[order]
    at = head.mean[triangles].mean(1)  # (T, 3)
    label = np.full(len(triangles), frame.SKIN, np.uint8)
    label[(np.abs(at[:, 0]) < 1.9) & (at[:, 1] > -5.9) & (at[:, 1] < 0.3) & (at[:, 2] > 1.9)] = (
        frame.NOSE
    )
    label[head.masks["ears"][triangles].mean(1) > 0.5] = frame.EARS
    label[head.masks["neck"][triangles].mean(1) > 0.5] = frame.NECK
    # how much a triangle's surface varies: eyes and lips most, then lids, brows and nose
    x, y, front = np.abs(at[:, 0]), at[:, 1], at[:, 2] > -5
    fine = ((x < 6.3) & (y > -1.4) & (y < 3.0) & (x > 0.9)) | ((x < 2.9) & (y < -6.4) & (y > -9.2))
    level = np.where(front & (fine | ((x < 2.6) & (y < 3.0) & (y > -9.5))), 1, 2)
    level[~np.isin(region, (columns.SKIN, columns.BODY))] = 0
    masked = (
        (np.abs(at[:, 0]) < 6.9)
        & (at[:, 1] < -2.2 - 0.05 * at[:, 0] ** 2)
        & (at[:, 1] > -12.2)
        & (at[:, 2] > -4.5)
    )
    masked &= np.isin(region, (columns.SKIN, columns.LIPS))
    temples = [int(((head.mean - (s * 7.4, 0.6, -6.0)) ** 2).sum(1).argmin()) for s in (-1, 1)]
    statics = frame.Statics(
        triangles=np.ascontiguousarray(triangles),
        solid=np.ascontiguousarray(
            triangles[np.isin(region, (columns.SKIN, columns.LIPS, columns.BODY))]
        ),
        region=region,
        label=label,
        smooth=level.astype(np.uint8),
        lashes=int((region != columns.LASHES).sum()),
        rigid=head.masks["rigid"].astype(np.float32),
        eyeball=head.eyeball,
        mask_vertices=np.unique(triangles[masked]).astype(np.int32),
        temples=np.array(temples, np.int32),
    )
    return head, statics, canvas.canvas(head), scalp(head)


@lru_cache(maxsize=1)
def _basis() -> tuple[np.ndarray, np.ndarray]:
    head = prepared()[0]
    basis = np.concatenate([head.identity, head.actions]).reshape(-1, head.mean.size)
    return head.mean.ravel().astype(np.float32), np.ascontiguousarray(basis, np.float32)


def make(factors: Factors, margin: float) -> Scene:
    """Vertices, hair, landmarks and crops of a batch."""
    head, statics, _, scalp = prepared()
    n, vertices = len(factors), len(head.mean)
    mean, basis = _basis()
    if factors.shape.shape[1] != len(head.identity):
        raise ValueError(
            f"factors.shape has {factors.shape.shape[1]} coefficients, "
            f"the head {len(head.identity)}"
        )
    weights = np.concatenate([factors.shape, factors.expression], 1)
    faces = np.empty((n, mean.size), np.float32)
    blend(mean, basis, weights, faces)
    look = look_vectors(factors)
    whole = geometry.rotation(factors.pose)
    part = geometry.rotation(factors.pose * geometry.BODY_SHARE)
    gaze = geometry.rotation(np.pad(factors.gaze, ((0, 0), (0, 1))))
    posed = np.empty((n, vertices, 3), np.float32)
    cards = np.empty((n, CARDS * POINTS * 2, 3), np.float32)
    card_count = np.zeros(n, np.int64)
    draw.pose_faces(
        faces.reshape(n, vertices, 3),
        gaze,
        whole,
        part,
        look,
        statics,
        scalp,
        posed,
        cards,
        card_count,
    )
    distance = factors.camera[:, 3].astype(np.float32)
    marks = landmarks.points(head, posed, factors.pose, distance)[0].astype(np.float32)
    return Scene(
        posed,
        cards,
        card_count,
        whole,
        marks,
        crop_boxes(marks, factors.camera, margin),
        distance,
        look,
    )


def crop_boxes(marks, camera, margin) -> np.ndarray:
    """(n, 3): centre in x / depth and y / depth, y down, and side."""
    flat = marks[..., :2] * (1, -1) / (camera[:, 3, None, None] - marks[..., 2:])  # (n, 68, 2)
    low, high = flat.min(1), flat.max(1)
    side = margin * (high - low).max(1) / camera[:, 0]
    centre = (low + high) / 2 - camera[:, 1:3] * side[:, None]
    return np.concatenate([centre, side[:, None]], 1).astype(np.float32)


def pixels(points, crop, distance, size) -> np.ndarray:
    """Projects view-space points (n, P, 3) to pixels (n, P, 2)."""
    flat = points[..., :2] * np.float32([1, -1]) / (distance[:, None, None] - points[..., 2:])
    return ((flat - crop[:, None, :2]) / crop[:, None, 2:] + 0.5) * size - 0.5


def look_vectors(factors: Factors) -> np.ndarray:
    """All appearance factors in one row a face: (N, columns.COLUMNS); hair and iris linear."""
    f, c, n = factors, columns, len(factors)
    column = {
        c.AGE: f.age, c.GENDER: f.gender, c.MELANIN: f.skin, c.FRECKLES: f.spots,
        c.STUBBLE: f.stubble, c.BROW_WIDE: f.brows, c.IRIS: f.iris**2.2, c.STYLE: f.hair_style,
        c.HAIR: f.hair_colour**2.2, c.VOLUME: f.hair, c.MAKEUP: f.makeup.reshape(n, 16),
        c.CLOTHES: f.clothing, c.LIGHT: f.light, c.BACKGROUND: f.background,
        c.OCCLUDER: f.occluder, c.NOISE: f.noise,
    }  # fmt: skip
    look = np.zeros((n, columns.COLUMNS), np.float32)
    for first, values in column.items():
        values = values.reshape(n, -1)
        look[:, first : first + values.shape[1]] = values
    look[:, columns.RAISED] = (look[:, columns.RAISED] - 0.5) * 2.6  # share -> cm
    return look
