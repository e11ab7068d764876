"""The faces behind GANimation: training pictures with their units, and the true answers of edits.

EmotioNet's pictures with OpenFace's intensities become rendered faces with exact ones. A generator
never sees two pictures of one person; but the renderer does, so for each edit of a test face there
is the true one: the same person, light and camera with the expression that was asked for. Crops are
those of the faces at rest, see `facelab.gan.pictures`.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from facelab import faces
from facelab.faces import EMOTIONS, UNITS, Factors, draws
from facelab.faces.expressions import UNIT_ACTIONS, actions, plausible
from facelab.faces.sample import look
from facelab.gan.pictures import framed, posed, stored

EYE_UNITS = ("AU1", "AU2", "AU4", "AU5", "AU45")  # of Fig. 4, above the nose
MOUTH_UNITS = ("AU10", "AU12", "AU15", "AU25")
NINE = (*EYE_UNITS, *MOUTH_UNITS)
INTENSITIES = (0.0, 0.33, 0.66, 1.0)  # of Fig. 4
Shown = Literal["units", "emotions"]
LOWERED = 0.8  # of AU25 for a lower lip that is fully down (`faces.units`); the jaw does the rest


@dataclass(frozen=True, eq=False, kw_only=True)
class Labelled:
    """Pictures (N, 3, H, W) uint8, and their units (N, 17) float32 in [0, 1]."""

    images: Tensor
    units: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> "Labelled":
        """The same on another device."""
        return Labelled(images=self.images.to(device), units=self.units.to(device))


@dataclass(frozen=True, eq=False, kw_only=True)
class Edits:
    """Test faces at rest, what is asked of them, and the true answers.

    Attributes:
        source: N faces at rest.
        names: of the E edits, such as "AU12" or "happy".
        intensities: (E,) of each.
        units: (E, 17) y_f, what is asked for.
        truth: (E, N, 3, H, W) uint8, the same people with it.
        face: (N, H, W) bool, where the person is in ``source``: all but the background.
        upper, lower: (N, H, W) bool, the parts of the face above and below the tip of the nose.
    """

    source: Labelled
    names: tuple[str, ...]
    intensities: Tensor
    units: Tensor
    truth: Tensor
    face: Tensor
    upper: Tensor
    lower: Tensor

    def rows(self, name: str) -> list[int]:
        """Positions of the edits of one name, in order of intensity."""
        return [i for i, other in enumerate(self.names) if other == name]

    def at_full(self, *names: str) -> "Edits":
        """The edits of some names at their highest intensity, in the order given."""
        rows = [self.rows(name)[-1] for name in names]
        return replace(
            self,
            names=names,
            intensities=self.intensities[rows],
            units=self.units[rows],
            truth=self.truth[rows],
        )


@lru_cache(maxsize=2)
def training_faces(
    count: int,
    *,
    size: int,
    margin: float = 1.15,
    difficulty: str = "common",
    shown: Shown = "units",
) -> Labelled:
    """Faces of different people with their units.

    Natural expressions are seldom strong, and some units hardly ever show; `varied` fills that in.

    Args:
        count: pictures.
        size: height and width, pixels.
        margin: side of the crop over that of the landmarks' box.
        difficulty: how widely pose, light and so on vary, see `faces.sample`.
        shown: "units", half natural expressions and half single units; or the eight "emotions" in
            turn, as sets of expressions have them.

    Raises:
        ValueError: ``shown`` is another word.
    """
    if shown not in get_args(Shown):
        raise ValueError(f"shown is {' or '.join(get_args(Shown))}, got {shown!r}")
    drawn = faces.sample(count, seed=1, split="train", difficulty=difficulty)
    number = np.arange(count)
    if shown == "emotions":
        stream = draws.key("ganimation/emotions", 1)
        expression = posed(number % len(EMOTIONS), drawn.gaze, stream=stream)
    else:
        even = number[:, None] % 2 == 0
        expression = np.where(even, drawn.expression, varied(count, drawn.gaze))
    return _rendered(framed(drawn, expression, margin=margin), size, margin)


def varied(count: int, gaze: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """One to four units a face, each at an even intensity, both sides much alike.

    Args:
        count: N faces.
        gaze: (N, 2) degrees, which the lids follow.
        seed: of the draws.

    Returns:
        (N, 52) actions.
    """
    rng = np.random.default_rng(seed)
    on = rng.permuted(np.tile(np.arange(len(UNITS)), (count, 1)), axis=1)
    on = on < rng.integers(1, 5, (count, 1))  # (N, 17)
    intensity = on * rng.uniform(0.0, 1.0, on.shape)
    single = np.stack([action(name, 1.0) for name in UNITS])  # (17, 52)
    both = intensity @ single * rng.uniform(0.85, 1.15, (count, 52))
    return plausible(look(both.clip(0.0, 1.0), gaze))


def action(unit: str, intensity: float) -> np.ndarray:
    """The actions (52,) that show one unit at an intensity in [0, 1].

    AU25, parted lips, has no action of its own: the lower lip goes down, and the jaw drops a little
    where that is not enough. Units are not independent: a raised upper lip (AU10) parts the lips,
    too. What is asked of the generator are the units of the whole expression.

    Raises:
        ValueError: for a name that is no unit.
    """
    if unit == "AU25":
        jaw = max(0.0, intensity - LOWERED) / 1.6
        return actions(mouthLowerDown=min(1.0, intensity / LOWERED), jawOpen=jaw)
    if unit not in UNIT_ACTIONS:
        raise ValueError(f"expected one of {', '.join(UNITS)}, got {unit!r}")
    return actions(**{UNIT_ACTIONS[unit]: intensity})


def _rendered(factors: Factors, size: int, margin: float) -> Labelled:
    made = faces.rendered(factors, size=size, margin=margin, channels=("image", "units"))
    return Labelled(images=stored(made.image), units=torch.from_numpy(made.units))


@lru_cache(maxsize=4)
def edits(
    count: int,
    *,
    size: int,
    margin: float = 1.15,
    split: str = "test",
    difficulty: str = "common",
    units: tuple[str, ...] = NINE,
    intensities: tuple[float, ...] = INTENSITIES,
    emotions: tuple[str, ...] = EMOTIONS[1:],
) -> Edits:
    """Faces at rest, and the true pictures of single units and of emotions.

    Args:
        count: N people, none of whom is in the training.
        size, margin, difficulty: as the training faces'.
        split: "test" or "validation".
        units: each at all ``intensities``.
        emotions: each at its natural full strength.
    """
    drawn = faces.sample(count, seed=3, split=split, difficulty=difficulty)
    still = look(np.zeros((count, 52)), drawn.gaze)  # (N, 52)
    drawn = framed(drawn, still, margin=margin)
    made = faces.rendered(
        drawn, size=size, margin=margin, channels=("image", "units", "masks", "landmarks")
    )
    asked = [(name, v, action(name, v)) for name in units for v in intensities]
    asked += [(name, 1.0, faces.expression_of(name)) for name in emotions]
    truth = [
        _rendered(framed(drawn, np.maximum(still, change), margin=margin), size, margin).images
        for _, _, change in asked
    ]
    face = torch.from_numpy(made.masks) != faces.MASKS.index("background")
    nose = torch.from_numpy(made.landmarks[:, 33, 1])[:, None, None]  # (N, 1, 1) pixels
    above = torch.arange(size)[None, :, None] < nose  # (N, H, 1)
    return Edits(
        source=Labelled(images=stored(made.image), units=torch.from_numpy(made.units)),
        names=tuple(name for name, _, _ in asked),
        intensities=torch.tensor([v for _, v, _ in asked]),
        units=torch.from_numpy(faces.units(np.stack([change for _, _, change in asked]))),
        truth=torch.stack(truth),
        face=face,
        upper=face & above,
        lower=face & ~above,
    )
