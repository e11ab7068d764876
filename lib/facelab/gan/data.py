"""Faces for the baselines: pictures with an expression and landmarks, true answers of edits.

No two training pictures show one person. But the renderer knows what each of them would look like
with another expression, so an edit of a test face has a true answer; and where a face's landmarks
would lie then is known for training faces, too (`asked`), as a fitted model of the face would say.

Crops are those of the faces at rest, see `facelab.gan.pictures`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from facelab import faces
from facelab.faces import EMOTIONS, Factors, draws
from facelab.faces.landmarks import MIRROR
from facelab.faces.sample import look
from facelab.gan.pictures import framed, pixels, posed, stored

COARSE = 8  # pixels of the pictures of which only the landmarks are wanted


@dataclass(frozen=True, eq=False, kw_only=True)
class Pictures:
    """N faces with what is known of them.

    Attributes:
        images: (N, 3, H, W) uint8.
        emotion: (N,) int64 into `faces.EMOTIONS`.
        landmarks: (N, 68, 2) float32 pixels, x right and y down, (0, 0) the first pixel's centre.
    """

    images: Tensor
    emotion: Tensor
    landmarks: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> "Pictures":
        """The same on another device."""
        return Pictures(
            images=self.images.to(device),
            emotion=self.emotion.to(device),
            landmarks=self.landmarks.to(device),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Edits:
    """Test faces at rest, the expressions that are asked of them, and the true answers.

    Attributes:
        source: N faces at rest.
        names: of the E expressions.
        emotion: (E,) int64 into `faces.EMOTIONS`.
        truth: (E, N, 3, H, W) uint8, the same people with it.
        landmarks: (E, N, 68, 2) float32 pixels, theirs.
    """

    source: Pictures
    names: tuple[str, ...]
    emotion: Tensor
    truth: Tensor
    landmarks: Tensor


def flipped(landmarks: Tensor, size: int) -> Tensor:
    """Landmarks (..., 68, 2) of the mirrored picture, ``size`` pixels wide.

    >>> flipped(torch.zeros(1, 68, 2), 32)[0, 0].tolist()
    [31.0, 0.0]
    """
    order = torch.from_numpy(MIRROR.copy()).to(landmarks.device)
    x, y = landmarks[..., order, :].unbind(dim=-1)
    return torch.stack([size - 1.0 - x, y], dim=-1)


@lru_cache(maxsize=4)
def pictures(
    count: int,
    *,
    size: int,
    margin: float = 1.15,
    difficulty: str = "common",
    split: str = "train",
    emotions: tuple[str, ...] = EMOTIONS,
) -> Pictures:
    """Faces of different people, each with one of the expressions in turn.

    Args:
        count: N pictures; row n shows ``emotions[n % len(emotions)]``.
        size: height and width, pixels.
        margin: side of the crop over that of the landmarks' box.
        difficulty: how widely pose, light and so on vary, see `faces.sample`.
        split: "train", "validation" or "test".
        emotions: names of `faces.EMOTIONS`.

    Raises:
        ValueError: for a name that is no emotion, or none at all.
    """
    drawn = faces.sample(count, seed=1, split=split, difficulty=difficulty)
    emotion = _turns(count, emotions)
    stream = draws.key("gan/expressions", 1, faces.SPLITS[split])
    return _rendered(drawn, posed(emotion, drawn.gaze, stream=stream), emotion, size, margin)


@lru_cache(maxsize=4)
def asked(
    count: int,
    *,
    size: int,
    margin: float = 1.15,
    difficulty: str = "common",
    split: str = "train",
    emotions: tuple[str, ...] = EMOTIONS,
) -> Tensor:
    """Where the landmarks of the same faces lie with each of the expressions, at full strength.

    Args:
        count, size, margin, difficulty, split, emotions: as those of `pictures`.

    Returns:
        (N, K, 68, 2) float32 pixels, K the number of emotions.
    """
    drawn = faces.sample(count, seed=1, split=split, difficulty=difficulty)
    found = []
    for name in emotions:
        moved = framed(drawn, _full(name, drawn.gaze), margin=margin)
        made = faces.rendered(moved, size=COARSE, margin=margin, channels=("landmarks",))
        found.append((made.landmarks + 0.5) * (size / COARSE) - 0.5)  # (N, 68, 2)
    return torch.from_numpy(np.stack(found, axis=1).astype(np.float32))


@lru_cache(maxsize=4)
def edits(
    count: int,
    *,
    size: int,
    margin: float = 1.15,
    difficulty: str = "common",
    split: str = "test",
    emotions: tuple[str, ...] = EMOTIONS[1:],
) -> Edits:
    """Faces at rest, none of whom is in the training, and the true pictures of expressions.

    Args:
        count: N people.
        size, margin, difficulty: as those of `pictures`.
        split: "test" or "validation".
        emotions: what is asked, each at its natural full strength.
    """
    drawn = faces.sample(count, seed=3, split=split, difficulty=difficulty)

    def made(name: str) -> Pictures:
        emotion = np.full(count, EMOTIONS.index(name))
        return _rendered(drawn, _full(name, drawn.gaze), emotion, size, margin)

    answers = [made(name) for name in emotions]
    return Edits(
        source=made("neutral"),
        names=emotions,
        emotion=torch.tensor([EMOTIONS.index(name) for name in emotions]),
        truth=torch.stack([answer.images for answer in answers]),
        landmarks=torch.stack([answer.landmarks for answer in answers]),
    )


def drawn(faces: Pictures, batch: int) -> tuple[Tensor, Tensor]:
    """A batch with replacement, mirrored or not: (B, 3, H, W) in [-1, 1] and classes (B,)."""
    rows = torch.randint(len(faces), (batch,)).to(faces.images.device)
    images, turned = pixels(faces.images[rows]), torch.rand(()) < 0.5
    return images.flip(3) if turned else images, faces.emotion[rows]


def _turns(count: int, emotions: tuple[str, ...]) -> np.ndarray:
    """(N,) into `faces.EMOTIONS`: the given ones in turn."""
    unknown = set(emotions) - set(EMOTIONS)
    if unknown or not emotions:
        raise ValueError(f"expected emotions among {', '.join(EMOTIONS)}, got {emotions}")
    numbers = np.array([EMOTIONS.index(name) for name in emotions])
    return numbers[np.arange(count) % len(numbers)]


def _full(name: str, gaze: np.ndarray) -> np.ndarray:
    """(N, 52): an emotion at its natural full strength, the lids following the gaze (N, 2)."""
    still = look(np.zeros((len(gaze), 52)), gaze)
    return np.maximum(still, faces.expression_of(name))


def _rendered(
    factors: Factors, expression: np.ndarray, emotion: np.ndarray, size: int, margin: float
) -> Pictures:
    moved = framed(factors, expression, margin=margin)
    made = faces.rendered(moved, size=size, margin=margin, channels=("image", "landmarks"))

    return Pictures(
        images=stored(made.image),
        emotion=torch.from_numpy(emotion.astype(np.int64)),
        landmarks=torch.from_numpy(made.landmarks),
    )
