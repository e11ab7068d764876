"""The pictures that judges learn from and are examined on, with everything that is true of them.

One set for all judges, rendered once: each person in several pictures, some frontal in even light,
some casual, some far off (`faces.DIFFICULTIES`). The emotions are alike in number, and seldom
faint; three in ten pictures show a mixture of actions and no emotion. People of the splits differ.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facelab import faces
from facelab.faces.sample import look

MARGIN = 1.15  # of the crop about the landmarks, as `faces.render` has it
REACH = 0.08  # of shifts while training, fractions of the side
LEVELS = ("studio", "common", "train")  # of the training pictures, in turn
TESTS = ("studio", "common", "challenge")
MIXTURES = 0.3  # share of pictures without an emotion
STRENGTHS = (0.75, 1.05)  # of emotions, times the studio's own
DEPTH_UNIT = 4.0  # cm, about the spread of depths in a face: the network's unit

# Columns of factors that are seeds of random patterns: no picture tells them.
_SEEDS = {"skin": (2,), "spots": (2,), "hair": (3,), "background": (7,), "occluder": (7,)}
_CLASSES = {"hair_style": len(faces.HAIR_STYLES)}
_LEFT_OUT = ("identity", "emotion")


@dataclass(frozen=True, eq=False, kw_only=True)
class Pictures:
    """N pictures of one difficulty or several.

    Attributes:
        images: (N, 3, H, W) uint8, channels_last.
        emotion: (N,) int64 into `faces.EMOTIONS`, -1 for mixtures.
        units: (N, 17) float32 in [0, 1].
        people: (N,) int64, 0 to P - 1.
        factors: (N, T) float32, see `factor_columns`.
        depth: (M, H, W) float32 cm, how much nearer than the median of the head; 0 outside.
        normals: (M, 3, H, W) float32 unit vectors, (0, 0, 1) outside.
        head: (M, H, W) bool, where there is no background.

    Only the first M pictures have maps.
    """

    images: Tensor
    emotion: Tensor
    units: Tensor
    people: Tensor
    factors: Tensor
    depth: Tensor
    normals: Tensor
    head: Tensor

    def __len__(self) -> int:
        return len(self.images)


def balanced(factors: faces.Factors, *, split: str, seed: int = 0) -> faces.Factors:
    """The same pictures with other expressions: all emotions alike, and mixtures.

    Args:
        factors: N rows.
        split: of the people; expressions of a test set are not those of the training either.
        seed: of the draw.

    Returns:
        N rows whose `expression` and `emotion` are new; the lids follow the gaze as before.
    """
    N = len(factors)
    rng = np.random.default_rng([seed, N, faces.SPLITS[split]])
    # The studio has each emotion in one picture of eight.
    posed = faces.sample(N, seed=seed, split=split, difficulty="studio")
    low, high = STRENGTHS
    expression = np.clip(posed.expression * rng.uniform(low, high, (N, 1)), 0, 1)  # (N, 52)
    emotion = posed.emotion.copy()
    rows = np.flatnonzero(rng.uniform(size=N) < MIXTURES)
    # A good third of the casual pictures are mixtures: four times as many are surely enough.
    casual = faces.sample(4 * len(rows) + 64, seed=seed, split=split, difficulty="train")
    casual = casual[casual.emotion < 0]
    expression[rows] = casual.expression[: len(rows)]
    emotion[rows] = -1
    return factors.replace(expression=look(expression, factors.gaze), emotion=emotion)


def drawn(
    people: int, *, split: str, levels: tuple[str, ...], each: int, seed: int = 0
) -> faces.Factors:
    """Factors of people in several pictures: `each` of every level, level after level.

    Args:
        people: how many; the same in every level.
        split: "train", "validation" or "test".
        levels: of `faces.DIFFICULTIES`.
        each: pictures of a person a level.
        seed: of people and pictures.
    """
    parts = []
    for number, level in enumerate(levels):
        made = faces.sample(people * each, seed=seed, split=split, difficulty=level, people=people)
        parts.append(balanced(made, split=split, seed=100 * seed + number))
    return faces.Factors.concatenate(parts)


@lru_cache(maxsize=8)
def load(
    *,
    size: int,
    people: int,
    each: int,
    split: str = "train",
    levels: tuple[str, ...] = LEVELS,
    maps: int | None = None,
    seed: int = 0,
) -> Pictures:
    """Pictures of people, rendered or read from the cache.

    Args:
        size: height and width, pixels.
        people, each, split, levels, seed: see `drawn`.
        maps: how many pictures of each level have depth and normals; None for all. They take five
            times as much memory as the pictures.
    """
    factors = drawn(people, split=split, levels=levels, each=each, seed=seed)
    block = people * each
    with_maps = block if maps is None else min(maps, block)
    place = np.arange(len(factors)) % block
    order = np.argsort(place >= with_maps, kind="stable")  # those with maps first
    factors = factors[order]
    M = with_maps * len(levels)
    asked = {"size": size, "margin": MARGIN}
    first = faces.rendered(factors[:M], channels=("image", "depth", "normals"), **asked)
    images = [_bytes(first.image)]
    if len(factors) > M:
        images.append(_bytes(faces.rendered(factors[M:], channels=("image",), **asked).image))
    number = np.unique(factors.identity, return_inverse=True)[1]
    depth, normals, head = _maps(first.depth, first.normals)
    return Pictures(
        images=torch.cat(images).contiguous(memory_format=torch.channels_last),
        emotion=torch.from_numpy(factors.emotion),
        units=torch.from_numpy(faces.units(factors.expression)),
        people=torch.from_numpy(number.astype(np.int64)),
        factors=torch.from_numpy(_table(factors)),
        depth=depth,
        normals=normals,
        head=head,
    )


def _bytes(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.rint(image * 255).astype(np.uint8))


def _maps(depth: np.ndarray, normals: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Depth against the head's median, normals, and where the head is."""
    head = np.isfinite(depth)  # (M, H, W)
    return (
        torch.from_numpy(relative_depth(depth, head)),
        torch.from_numpy(np.where(head[:, None], normals, _AHEAD).astype(np.float32)),
        torch.from_numpy(head),
    )


_AHEAD = np.array([0.0, 0.0, 1.0], np.float32)[:, None, None]


def relative_depth(depth: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """How much nearer than the median of `inside` each of its pixels is.

    A picture does not tell how far away the camera was, so no network can: the depth of the median
    is taken off.

    Args:
        depth: (N, H, W) cm from the camera, finite inside.
        inside: (N, H, W) bool.

    Returns:
        (N, H, W) float32 cm, > 0 nearer; 0 where not inside.
    """
    middle = np.nanmedian(np.where(inside, depth, np.nan), axis=(1, 2), keepdims=True)
    return np.where(inside, middle - depth, 0.0).astype(np.float32)


def factor_columns(factors: faces.Factors) -> dict[str, np.ndarray]:
    """What a picture can tell of its factors: name -> (N, columns) numbers.

    Classes become one column each; seeds of random patterns, the person's number and the label of
    the emotion (it says nothing that the actions do not) are left out.
    """
    columns = {}
    for name, array in factors.arrays().items():
        if name in _LEFT_OUT:
            continue
        if name in _CLASSES:
            array = np.eye(_CLASSES[name])[array]
        elif name == "occluder":
            kinds = np.eye(len(faces.OCCLUDERS))[array[:, 0].astype(int)]
            array = np.concatenate([kinds, array[:, 1:]], axis=1)
        table = array.reshape(len(factors), -1)
        dropped = [table.shape[1] - 1 if name == "occluder" else c for c in _SEEDS.get(name, ())]
        columns[name] = np.delete(table, dropped, axis=1).astype(np.float32)
    return columns


@lru_cache(maxsize=1)
def factor_groups() -> dict[str, int]:
    """How many columns each factor has, in order."""
    return {name: table.shape[1] for name, table in factor_columns(faces.sample(1)).items()}


def _table(factors: faces.Factors) -> np.ndarray:
    return np.concatenate(list(factor_columns(factors).values()), axis=1)  # (N, T)


def as_float(images: Tensor) -> Tensor:
    """(B, 3, H, W) uint8 to float32 in [0, 1], layout kept."""
    return images.to(torch.float32).mul_(1.0 / 255.0)


def augment(
    images: Tensor, maps: Tensor | None = None, *, mirror: bool = True
) -> tuple[Tensor, Tensor | None]:
    """Small shifts, mirroring, and light changes of colour, sharpness and noise.

    A judge that had only seen the renderer's own pictures would take a generator's small faults
    for something else. Shifts are whole pixels, so that maps keep their values. Random numbers
    come from torch's global generator.

    Args:
        images: (B, 3, H, W) uint8.
        maps: (B, 5, H, W) depth, normals, head; moved along, and the normals' x mirrored.
        mirror: half of the pictures.

    Returns:
        (B, 3, H, W) float32 in [0, 1], channels_last, and the maps where some were given.
    """
    B, _, H, W = images.shape

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, device=images.device)

    reach = round(REACH * H)
    move = torch.randint(-reach, reach + 1, (2, B, 1), device=images.device)
    flip = uniform(0, 1, B, 1) < (0.5 if mirror else 0.0)
    y = (torch.arange(H, device=images.device) + move[0]).clamp(0, H - 1)  # (B, H)
    x = (torch.arange(W, device=images.device) + move[1]).clamp(0, W - 1)  # (B, W)
    x = torch.where(flip, x.flip(1), x)
    picture = torch.arange(B, device=images.device)[:, None, None]
    place = picture, slice(None), y[:, :, None], x[:, None, :]
    if maps is not None:
        maps = maps[place].permute(0, 3, 1, 2)  # (B, H, W, 5) to (B, 5, H, W)
        maps[:, 1] *= torch.where(flip, -1.0, 1.0)[:, :, None]
    made = as_float(images[place].permute(0, 3, 1, 2))  # (B, 3, H, W)
    made = made * uniform(0.85, 1.15, B, 3, 1, 1) + uniform(-0.06, 0.06, B, 1, 1, 1)
    soft = F.avg_pool2d(made, 3, stride=1, padding=1, count_include_pad=False)
    made = torch.lerp(made, soft, uniform(-0.4, 0.8, B, 1, 1, 1))
    made = made + uniform(0.0, 0.02, B, 1, 1, 1) * torch.randn_like(made)
    return made.clamp_(0.0, 1.0), maps
