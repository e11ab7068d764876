"""Pictures of synthetic faces with exact ground truths: `render(factors) -> Faces`, and `flow`.

Notebook 01_faces shows how a picture is made, step by step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numba
import numpy as np
import torch

from facelab.faces import canvas, draw, geometry, hair, landmarks, looks, shade
from facelab.faces import head as heads
from facelab.faces.expressions import units
from facelab.faces.factors import Factors
from facelab.faces.raster import blend, fill, project
from facelab.faces.shade import MASKS

__all__ = ["CHANNELS", "MASKS", "Faces", "crops", "flow", "render"]

CHANNELS = ("image", "landmarks", "visible", "depth", "normals", "masks", "units")
BATCH = 32  # faces that are posed at once: their vertices and hair stay in the cache


@dataclass(frozen=True, eq=False)
class Faces:
    """N rendered faces and what is known about them; channels that were not asked for are None.

    Attributes:
        image: (N, 3, H, W) f32 in [0, 1], sRGB.
        landmarks: (N, 68, 2) f32 pixels, x right and y down, (0, 0) the centre of the first pixel.
        visible: (N, 68) bool: inside the picture and not behind the head, hair or an occluder.
        depth: (N, H, W) f32 cm along the viewing axis from the camera; nan on the background.
        normals: (N, 3, H, W) f32 unit vectors, x right, y up, z to the viewer; nan on the background.
        masks: (N, H, W) u8 into MASKS. Depth, normals and masks are taken at one sample of each pixel,
            at its centre where `oversample` is odd, a quarter pixel to its right and below where it is 2.
        units: (N, 17) f32, FACS action units by `expressions.UNITS`.
        factors: what the faces were made of.
    """

    image: np.ndarray | None
    landmarks: np.ndarray | None
    visible: np.ndarray | None
    depth: np.ndarray | None
    normals: np.ndarray | None
    masks: np.ndarray | None
    units: np.ndarray | None
    factors: Factors

    def __len__(self) -> int:
        return len(self.factors)

    def arrays(self) -> dict[str, np.ndarray]:
        """Channel name -> array, of the channels that are there."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "factors"}
        return {name: array for name, array in named.items() if array is not None}

    def tensors(self) -> dict[str, torch.Tensor]:
        """The same as torch tensors that share memory with the arrays."""
        return {name: torch.from_numpy(array) for name, array in self.arrays().items()}


def render(
    factors: Factors,
    *,
    size: int = 64,
    channels: tuple[str, ...] = ("image", "landmarks", "visible"),
    oversample: int = 2,
    margin: float = 1.15,
    threads: int | None = None,
    plain: bool = False,
) -> Faces:
    """Renders faces.

    The crop is a square round the bounding box of the 68 projected landmarks, its side
    `margin * max(width, height) / zoom`, shifted by the camera factor's share of the side.

    Args:
        factors: N rows.
        size: of the picture in pixels, H = W.
        channels: which of CHANNELS to return.
        oversample: samples per pixel and axis: 2 for training, 3 or 4 for figures.
        margin: of the crop about the landmarks; 1.15 is tight, 1.8 shows all of the hair.
        threads: numba threads, None as they are set. The bytes do not depend on it.
        plain: leave blur, noise and compression away (figures of single factors).

    Raises:
        ValueError: an unknown channel, or a size, margin or oversample that is not positive.
    """
    unknown = set(channels) - set(CHANNELS)
    if unknown:
        raise ValueError(f"no channel named {', '.join(sorted(unknown))}; there are {CHANNELS}")
    if size < 4 or oversample < 1 or margin <= 0:
        raise ValueError(
            f"expected size >= 4, oversample >= 1, margin > 0, got {size}, {oversample}, {margin}"
        )
    n = len(factors)
    out = {
        "image": np.empty((n, 3, size, size), np.float32),
        "depth": np.empty((n, size, size), np.float32),
        "normals": np.empty((n, 3, size, size), np.float32),
        "masks": np.empty((n, size, size), np.uint8),
        "landmarks": np.empty((n, 68, 2), np.float32),
        "visible": np.empty((n, 68), bool),
    }
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads or before, numba.config.NUMBA_NUM_THREADS))
    try:
        for first in range(0, n, BATCH):
            rows = slice(first, min(first + BATCH, n))
            part = factors[rows]
            scene = _scene(part, margin)
            _, statics, painting, scalp = _prepared()
            draw.draw_faces(
                scene.posed, scene.cards, scene.card_count, scene.whole, scene.crops, scene.distance, scene.look,
                statics, painting, scalp, scene.marks, size, oversample, plain, out["image"][rows],
                out["depth"][rows], out["normals"][rows], out["masks"][rows], out["visible"][rows],
            )  # fmt: skip
            out["landmarks"][rows] = _pixels(scene.marks, scene.crops, scene.distance, size)
    finally:
        numba.set_num_threads(before)
    pixels = out["landmarks"]
    out["visible"] &= ((pixels >= -0.5) & (pixels <= size - 0.5)).all(2)
    out["units"] = units(factors.expression) if "units" in channels else None
    return Faces(
        **{name: out[name] if name in channels else None for name in CHANNELS}, factors=factors
    )


def flow(
    factors_a: Factors, factors_b: Factors, *, size: int = 64, margin: float = 1.15
) -> np.ndarray:
    """Optical flow between two batches of the same length: (N, 2, H, W) pixels, x right, y down.

    Where each visible point of the head in a goes to in b, on the same triangles (also where it is hidden
    in b); nan on a's background. Hair and occluders carry no flow and are not drawn.

    Raises:
        ValueError: the batches differ in length.
    """
    if len(factors_a) != len(factors_b):
        raise ValueError(
            f"expected as many faces in both, got {len(factors_a)} and {len(factors_b)}"
        )
    _, statics, _, _ = _prepared()
    out = np.full((len(factors_a), 2, size, size), np.nan, np.float32)
    for first in range(0, len(factors_a), BATCH):
        rows = slice(first, min(first + BATCH, len(factors_a)))
        a, b = _scene(factors_a[rows], margin), _scene(factors_b[rows], margin)
        there = _pixels(b.posed, b.crops, b.distance, size)  # (n, V, 2)
        for i in range(len(a.posed)):
            screen = np.empty_like(a.posed[i])
            inverse, ids = np.zeros((size, size), np.float32), np.full((size, size), -1, np.int32)
            bary = np.zeros((size, size, 2), np.float32)
            project(
                a.posed[i],
                a.distance[i],
                *a.crops[i, :2],
                np.float32(size) / a.crops[i, 2],
                size,
                screen,
            )
            fill(screen, statics.triangles, 0, statics.lashes, 0, False, inverse, ids, bary)
            y, x = np.nonzero(ids >= 0)
            corners = statics.triangles[ids[y, x]]  # (P, 3)
            w = np.concatenate([1 - bary[y, x].sum(1, keepdims=True), bary[y, x]], 1)  # (P, 3)
            # on the surface of b: interpolate in space, then project
            place = (b.posed[i][corners] * w[..., None]).sum(1)[None]  # (1, P, 3)
            there = _pixels(place, b.crops[i : i + 1], b.distance[i : i + 1], size)[0]
            out[first + i, 0, y, x], out[first + i, 1, y, x] = there[:, 0] - x, there[:, 1] - y
    return out


def crops(factors: Factors, *, margin: float = 1.15) -> np.ndarray:
    """The crop of every face: (N, 3) centre in x / depth and y / depth (down), and side in the same unit."""
    parts = [_scene(factors[i : i + BATCH], margin).crops for i in range(0, len(factors), BATCH)]
    return np.concatenate(parts)


def posed_vertices(factors: Factors) -> np.ndarray:
    """Vertices of the faces in view space: (N, V, 3) cm, as they are drawn (see geometry.posed)."""
    parts = (_scene(factors[i : i + BATCH], 1.0).posed for i in range(0, len(factors), BATCH))
    return np.concatenate(list(parts))


@dataclass(frozen=True)
class _Scene:
    """A batch of n posed faces."""

    posed: np.ndarray  # (n, V, 3) view space, cm
    cards: np.ndarray  # (n, C, 3) hair
    card_count: np.ndarray  # (n,)
    whole: np.ndarray  # (n, 3, 3)
    marks: np.ndarray  # (n, 68, 3) landmarks in view space
    crops: np.ndarray  # (n, 3)
    distance: np.ndarray  # (n,)
    look: np.ndarray  # (n, looks.COLUMNS)


@lru_cache(maxsize=1)
def _prepared():
    """Head, statics, canvas and scalp: made once a process (about a second)."""
    head = heads.load()
    order = np.argsort(head.region == looks.LASHES, kind="stable")
    triangles, region = head.triangles[order], head.region[order]
    at = head.mean[triangles].mean(1)  # (T, 3)
    label = np.full(len(triangles), shade.SKIN, np.uint8)
    label[(np.abs(at[:, 0]) < 1.9) & (at[:, 1] > -5.9) & (at[:, 1] < 0.3) & (at[:, 2] > 1.9)] = (
        shade.NOSE
    )
    label[head.masks["ears"][triangles].mean(1) > 0.5] = shade.EARS
    label[head.masks["neck"][triangles].mean(1) > 0.5] = shade.NECK
    # how much a triangle's surface varies: eyes, brows and lips most, then the nose
    x, y, front = np.abs(at[:, 0]), at[:, 1], at[:, 2] > -5
    fine = ((x < 6.3) & (y > -1.4) & (y < 3.0) & (x > 0.9)) | ((x < 2.9) & (y < -6.4) & (y > -9.2))
    level = np.where(front & fine, 0, np.where(front & (x < 2.6) & (y < 3.0) & (y > -9.5), 1, 2))
    level[~np.isin(region, (looks.SKIN, looks.BODY))] = 0
    masked = (
        (np.abs(at[:, 0]) < 6.9)
        & (at[:, 1] < -2.2 - 0.05 * at[:, 0] ** 2)
        & (at[:, 1] > -12.2)
        & (at[:, 2] > -4.5)
    )
    masked &= np.isin(region, (looks.SKIN, looks.LIPS))
    mask_vertices, local = np.unique(triangles[masked], return_inverse=True)
    temples = [int(((head.mean - (s * 7.4, 0.6, -6.0)) ** 2).sum(1).argmin()) for s in (-1, 1)]
    statics = shade.Statics(
        triangles=np.ascontiguousarray(triangles),
        solid=np.ascontiguousarray(
            triangles[np.isin(region, (looks.SKIN, looks.LIPS, looks.BODY))]
        ),
        region=region,
        label=label,
        smooth=level.astype(np.uint8),
        lashes=int((region != looks.LASHES).sum()),
        rigid=head.masks["rigid"].astype(np.float32),
        eyeball=head.eyeball,
        mask_vertices=mask_vertices.astype(np.int32),
        mask_triangles=local.reshape(-1, 3).astype(np.int32),
        temples=np.array(temples, np.int32),
    )
    return head, statics, canvas.canvas(head), hair.scalp(head)


@lru_cache(maxsize=1)
def _basis() -> tuple[np.ndarray, np.ndarray]:
    head = _prepared()[0]
    basis = np.concatenate([head.identity, head.actions]).reshape(-1, head.mean.size)
    return head.mean.ravel().astype(np.float32), np.ascontiguousarray(basis, np.float32)


def _scene(factors: Factors, margin: float) -> _Scene:
    """Vertices, hair, landmarks and crops of a batch."""
    head, statics, _, scalp = _prepared()
    n, vertices = len(factors), len(head.mean)
    mean, basis = _basis()
    if factors.shape.shape[1] != len(head.identity):
        raise ValueError(
            f"factors.shape has {factors.shape.shape[1]} coefficients, the head {len(head.identity)}"
        )
    weights = np.concatenate([factors.shape, factors.expression], 1)
    faces = np.empty((n, mean.size), np.float32)
    blend(mean, basis, weights, faces)
    look = look_vectors(factors)
    whole = geometry.rotation(factors.pose)
    part = geometry.rotation(factors.pose * geometry.BODY_SHARE)
    gaze = geometry.rotation(np.pad(factors.gaze, ((0, 0), (0, 1))))
    posed = np.empty((n, vertices, 3), np.float32)
    cards = np.empty((n, hair.CARDS * hair.POINTS * 2, 3), np.float32)
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
    return _Scene(
        posed,
        cards,
        card_count,
        whole,
        marks,
        _crops(marks, factors.camera, margin),
        distance,
        look,
    )


def _crops(marks, camera, margin) -> np.ndarray:
    """(n, 3): centre in x / depth and y / depth, y down, and side."""
    flat = marks[..., :2] * (1, -1) / (camera[:, 3, None, None] - marks[..., 2:])  # (n, 68, 2)
    low, high = flat.min(1), flat.max(1)
    side = margin * (high - low).max(1) / camera[:, 0]
    centre = (low + high) / 2 - camera[:, 1:3] * side[:, None]
    return np.concatenate([centre, side[:, None]], 1).astype(np.float32)


def _pixels(points, crop, distance, size) -> np.ndarray:
    """Projects view-space points (n, P, 3) to pixels (n, P, 2)."""
    flat = points[..., :2] * np.float32([1, -1]) / (distance[:, None, None] - points[..., 2:])
    return ((flat - crop[:, None, :2]) / crop[:, None, 2:] + 0.5) * size - 0.5


def look_vectors(factors: Factors) -> np.ndarray:
    """All appearance factors in one row a face: (N, looks.COLUMNS), colours linear where paints want them."""
    f, n = factors, len(factors)
    column = {
        looks.AGE: f.age, looks.GENDER: f.gender, looks.MELANIN: f.skin, looks.FRECKLES: f.spots, looks.STUBBLE: f.stubble,
        looks.BROW_WIDE: f.brows, looks.IRIS: f.iris**2.2, looks.STYLE: f.hair_style, looks.HAIR: f.hair_colour**2.2,
        looks.VOLUME: f.hair, looks.MAKEUP: f.makeup.reshape(n, 16), looks.CLOTHES: f.clothing, looks.LIGHT: f.light,
        looks.BACKGROUND: f.background, looks.OCCLUDER: f.occluder, looks.NOISE: f.noise,
    }  # fmt: skip
    look = np.zeros((n, looks.COLUMNS), np.float32)
    for first, values in column.items():
        values = values.reshape(n, -1)
        look[:, first : first + values.shape[1]] = values
    look[:, looks.RAISED] = (look[:, looks.RAISED] - 0.5) * 2.6  # share -> cm
    return look
