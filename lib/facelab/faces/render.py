"""Pictures of synthetic faces with exact ground truths: `render(factors) -> Faces`, and `flow`.

Notebook 01_faces shows how a picture is made, step by step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numba
import numpy as np
import torch

from facelab.faces import draw, scene
from facelab.faces.expressions import units
from facelab.faces.factors import Factors
from facelab.faces.frame import MASKS
from facelab.faces.raster import fill, project

__all__ = ["CHANNELS", "MASKS", "Faces", "crops", "flow", "render"]

CHANNELS = ("image", "landmarks", "visible", "depth", "normals", "masks", "units")


@dataclass(frozen=True, eq=False)
class Faces:
    """N rendered faces and what is known about them; channels that were not asked for are None.

    Attributes:
        image: (N, 3, H, W) f32 in [0, 1], sRGB.
        landmarks: (N, 68, 2) f32 pixels, x right and y down, (0, 0) the centre of the first pixel.
        visible: (N, 68) bool: inside the picture and not behind the head, hair or an occluder.
        depth: (N, H, W) f32 cm along the viewing axis from the camera; nan on the background.
        normals: (N, 3, H, W) f32 unit vectors, x right, y up, z to the viewer; nan on the
            background.
        masks: (N, H, W) u8 into MASKS. Depth, normals and masks are taken at one sample of each
            pixel,
            at its centre where `oversample` is odd, a quarter pixel to its right and below where it
            is 2.
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
    chunk = numba.set_parallel_chunksize(1)  # faces differ in cost: each thread takes the next one
    try:
        for first in range(0, n, scene.BATCH):
            rows = slice(first, min(first + scene.BATCH, n))
            part = factors[rows]
            made = scene.make(part, margin)
            _, statics, painting, scalp = scene.prepared()
            draw.draw_faces(
                made.posed, made.cards, made.card_count, made.whole, made.crops, made.distance,
                made.look,
                statics, painting, scalp, made.marks, size, oversample, plain, out["image"][rows],
                out["depth"][rows], out["normals"][rows], out["masks"][rows], out["visible"][rows],
            )  # fmt: skip
            out["landmarks"][rows] = scene.pixels(made.marks, made.crops, made.distance, size)
    finally:
        numba.set_num_threads(before)
        numba.set_parallel_chunksize(chunk)
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

    Where each visible point of the head in a goes to in b, on the same triangles (also where it is
    hidden
    in b); nan on a's background. Hair and occluders carry no flow and are not drawn.

    Raises:
        ValueError: the batches differ in length.
    """
    if len(factors_a) != len(factors_b):
        raise ValueError(
            f"expected as many faces in both, got {len(factors_a)} and {len(factors_b)}"
        )
    _, statics, _, _ = scene.prepared()
    out = np.full((len(factors_a), 2, size, size), np.nan, np.float32)
    for first in range(0, len(factors_a), scene.BATCH):
        rows = slice(first, min(first + scene.BATCH, len(factors_a)))
        a, b = scene.make(factors_a[rows], margin), scene.make(factors_b[rows], margin)
        there = scene.pixels(b.posed, b.crops, b.distance, size)  # (n, V, 2)
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
            there = scene.pixels(place, b.crops[i : i + 1], b.distance[i : i + 1], size)[0]
            out[first + i, 0, y, x], out[first + i, 1, y, x] = there[:, 0] - x, there[:, 1] - y
    return out


def crops(factors: Factors, *, margin: float = 1.15) -> np.ndarray:
    """The crop of every face: (N, 3) centre in x / depth and y / depth (down), and side in the
    same unit.
    """
    parts = [
        scene.make(factors[i : i + scene.BATCH], margin).crops
        for i in range(0, len(factors), scene.BATCH)
    ]
    return np.concatenate(parts)
