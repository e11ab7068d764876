"""The pictures of Bodur et al. (WACV 2021, Sec. 3.1 and 4), each with its geometry, as tensors.

A picture of one of the two data sets (`sets`) has the geometry that a 3D reconstruction finds for
it (`reconstruction`), bad fits removed, and, what the paper could not have, the true one. A test
face is asked for each expression, and the true answer is there: the same person, pose, light and
camera with that expression at its natural full strength, and its true depth. Crops are those of
the faces at rest, see `facelab.gan.pictures`.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from facelab import faces
from facelab.faces import EMOTIONS, Factors
from facelab.faces.sample import look
from facelab.gan.pictures import framed, pixels, prototypes, stored
from facelab.kept import kept
from facelab.papers.geometry import sets
from facelab.papers.geometry.model import CHANNELS, Geometry, depth_map, normal_map
from facelab.papers.geometry.reconstruction import Noise, good, reconstruct
from facelab.papers.geometry.sets import DataSet

Targets = Literal["shuffled", "even"]
CHUNK = 512  # pictures that are reconstructed at once


@dataclass(frozen=True, eq=False, kw_only=True)
class Pairs:
    """N pictures with their geometry as networks take it: `model.depth_map`, `model.normal_map`.

    Attributes:
        images: (N, 3, H, W) uint8.
        expression: (N,) int64 into `faces.EMOTIONS`.
        people: (N,) int64, the person's number.
        fitted: by "depth" and "normals", what the reconstruction finds, (N, 1 or 3, H, W) `coded`.
        true: the same, as it is.
        drawn: how many pictures there were before the clean-up.
    """

    images: Tensor
    expression: Tensor
    people: Tensor
    fitted: dict[str, Tensor]
    true: dict[str, Tensor]
    drawn: int

    def __len__(self) -> int:
        return len(self.images)

    def counts(self) -> dict[str, int]:
        """How many pictures show each expression, as in Table 4."""
        found = torch.bincount(self.expression, minlength=len(EMOTIONS)).tolist()
        return dict(zip(EMOTIONS, found, strict=True))

    def to(self, device: torch.device | str) -> "Pairs":
        """The same on another device."""
        return Pairs(
            images=self.images.to(device),
            expression=self.expression.to(device),
            people=self.people.to(device),
            fitted={name: maps.to(device) for name, maps in self.fitted.items()},
            true={name: maps.to(device) for name, maps in self.true.items()},
            drawn=self.drawn,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Questions:
    """N test faces, each asked for all eight expressions, and the true answers.

    Attributes:
        images: (N, 3, H, W) uint8, the sources.
        expression: (N,) int64 what they show.
        people: (N,) int64, the person's number; several of RaFD's faces are one person's.
        truth: (8, N, 3, H, W) uint8, the same faces with each expression; with their own, they are
            the sources.
        depth: (8, N, H, W) float32 cm of the true answers, nan on the background.
        landmarks: (8, N, 68, 2) float32 pixels of the true answers.
        units: (8, 17) float32, the action units of each expression.
    """

    images: Tensor
    expression: Tensor
    people: Tensor
    truth: Tensor
    depth: Tensor
    landmarks: Tensor
    units: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @property
    def asked(self) -> np.ndarray:
        """(8, N) bool: where an answer is not the source."""
        return np.arange(len(EMOTIONS))[:, None] != self.expression.numpy()


def coded(maps: Tensor) -> Tensor:
    """Maps of [-1, 1] in eight bits; -1, 0 and 1 stay what they are.

    >>> coded(torch.tensor([[[[-1.0, 0.0, 0.5]]]])).flatten().tolist()
    [-127, 0, 64]
    """
    return maps.mul(127.0).round().to(torch.int8)


def decoded(codes: Tensor) -> Tensor:
    """What was `coded`, float32 in [-1, 1]."""
    return codes.to(torch.float32).mul_(1.0 / 127.0)


@lru_cache(maxsize=4)
def pairs(
    dataset: DataSet,
    count: int,
    *,
    size: int,
    margin: float = 1.15,
    split: str = "train",
    noise: Noise | None = None,
    cleaned: float | None = 10.0,
) -> Pairs:
    """Pictures with their reconstruction; the pictures are rendered or read from the cache.

    Args:
        dataset, count, split: see `sets.factors`.
        size: height and width, pixels.
        margin: side of the crop over that of the landmarks' box.
        noise: how wrong the reconstruction is; None takes the defaults.
        cleaned: threshold of the clean-up, see `reconstruction.good`; None keeps all fits.

    Returns:
        The pairs that are left, in the order drawn.
    """
    chosen = sets.fitted(sets.factors(dataset, count, split=split))
    chosen = framed(chosen, chosen.expression, margin=margin)
    asked = {"size": size, "margin": margin}
    made = faces.rendered(chosen, channels=("image", "depth", "normals"), **asked)
    fits, errors = _fits(chosen, noise=noise, first=1000 * faces.SPLITS[split], **asked)
    fine = torch.from_numpy(good(errors, threshold=cleaned))

    true = _as_networks_take(made.depth, made.normals)
    return Pairs(
        images=stored(made.image)[fine],
        expression=torch.from_numpy(chosen.emotion)[fine],
        people=torch.from_numpy(chosen.identity)[fine],
        fitted={name: maps[fine] for name, maps in fits.items()},
        true={name: maps[fine] for name, maps in true.items()},
        drawn=count,
    )


@kept
def _fits(
    factors: Factors, *, noise: Noise | None, first: int, size: int, margin: float
) -> tuple[dict[str, Tensor], np.ndarray]:
    """Reconstructions of N pictures, coded, and how far each is off, percent, (N,).

    Args:
        factors, noise, size, margin: see `reconstruct`.
        first: its seed for the first `CHUNK`, which rises by one from one to the next.
    """
    starts = range(0, len(factors), CHUNK)
    fits = [
        reconstruct(
            factors[start : start + CHUNK], noise=noise, seed=seed, size=size, margin=margin
        )
        for seed, start in enumerate(starts, first)
    ]
    maps = [_as_networks_take(fit.depth, fit.normals) for fit in fits]
    joined = {name: torch.cat([part[name] for part in maps]) for name in CHANNELS}
    return joined, np.concatenate([fit.error for fit in fits])


def _as_networks_take(depth: np.ndarray, normals: np.ndarray) -> dict[str, Tensor]:
    """Rendered (N, H, W) cm and (N, 3, H, W), coded."""
    return {
        "depth": coded(depth_map(torch.from_numpy(depth))),
        "normals": coded(normal_map(torch.from_numpy(normals))),
    }


@lru_cache(maxsize=4)
def questions(dataset: DataSet, count: int, *, size: int, margin: float = 1.15) -> Questions:
    """Test faces and the true answers.

    Args:
        dataset, count: see `sets.seen`.
        size, margin: as the training pictures'.
    """
    source, asked = sets.seen(dataset, count, seed=9), {"size": size, "margin": margin}
    answers = []
    for shown in prototypes():
        face = framed(source, look(np.tile(shown, (count, 1)), source.gaze), margin=margin)
        answers.append(faces.rendered(face, channels=("image", "depth", "landmarks"), **asked))
    truth = torch.stack([stored(answer.image) for answer in answers])  # (8, N, 3, H, W)
    expression = torch.from_numpy(source.emotion)
    images = truth[expression, torch.arange(count)]  # (N, 3, H, W)
    return Questions(
        images=images,
        expression=expression,
        people=torch.from_numpy(source.identity),
        truth=truth,
        depth=torch.from_numpy(np.stack([answer.depth for answer in answers])),
        landmarks=torch.from_numpy(np.stack([answer.landmarks for answer in answers])),
        units=torch.from_numpy(faces.units(prototypes())),
    )


@lru_cache(maxsize=4)
def real(dataset: DataSet, count: int, *, size: int, margin: float = 1.15) -> tuple[Tensor, Tensor]:
    """Real pictures for the Frechet distance: of other people than the questions', but for RaFD.

    The expressions are alike in number, as they are in the answers; else their proportions would
    be measured.

    Args:
        dataset, count: see `sets.seen`.
        size, margin: as the training pictures'.

    Returns:
        (N, 3, H, W) uint8, and what they show, (N,) int64.
    """
    chosen = sets.seen(dataset, count, seed=10)
    chosen = framed(chosen, chosen.expression, margin=margin)
    made = faces.rendered(chosen, size=size, margin=margin, channels=("image",))
    return stored(made.image), torch.from_numpy(chosen.emotion)


# ---- batches


def drawn(
    pairs: Pairs, batch: int, geometry: Geometry, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """A batch with replacement, half of the batches mirrored.

    Args:
        pairs: what is drawn from.
        batch: B.
        geometry: which maps.
        generator: of the draws, on the CPU.

    Returns:
        Pictures (B, 3, H, W) in [-1, 1], expressions (B,), and what the reconstruction finds
        (B, G, H, W) in [-1, 1].
    """
    rows = torch.randint(len(pairs), (batch,), generator=generator).to(pairs.images.device)
    images, maps = pixels(pairs.images[rows]), decoded(pairs.fitted[geometry][rows])
    if torch.rand((), generator=generator) < 0.5:
        images, maps = images.flip(3), mirror(maps)
    return images, pairs.expression[rows], maps


def mirror(maps: Tensor) -> Tensor:
    """Depth (B, 1, H, W) or normals (B, 3, H, W) of the mirrored picture; normals' x changes sign.

    >>> mirror(torch.tensor([0.5, 0.0, 1.0]).view(1, 3, 1, 1)).flatten().tolist()
    [-0.5, 0.0, 1.0]
    """
    maps = maps.flip(3)
    return torch.cat([-maps[:, :1], maps[:, 1:]], dim=1) if maps.shape[1] == 3 else maps


def targets(expression: Tensor, *, kind: Targets, generator: torch.Generator) -> Tensor:
    """y_t of a batch, (B,): its own expressions shuffled, or any of the eight alike.

    StarGAN's code shuffles; then targets are as unbalanced as the data.

    Args:
        expression: (B,) y_s.
        kind: "shuffled" or "even".
        generator: of the draws, on the CPU.

    Raises:
        ValueError: for another kind.
    """
    B = len(expression)
    if kind == "shuffled":
        return expression[torch.randperm(B, generator=generator).to(expression.device)]
    if kind == "even":
        return torch.randint(len(EMOTIONS), (B,), generator=generator).to(expression.device)
    raise ValueError(f"kind is shuffled or even, got {kind!r}")
