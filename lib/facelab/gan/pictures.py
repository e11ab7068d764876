"""Rendered faces as translators take them: expressions, the crop of the face at rest, eight bits.

Every crop is that of the same face at rest. A crop drawn round the landmarks would grow with a
dropping jaw, and then expressions would show in the zoom: critic and generator would learn that.
"""

import numpy as np
import torch
from torch import Tensor

from facelab import faces
from facelab.faces import EMOTIONS, Factors, draws
from facelab.faces.expressions import mirrored, plausible
from facelab.faces.sample import look
from facelab.kept import kept

STRENGTHS = (0.75, 1.05)  # of expressions, times their natural full strength


@kept
def framed(factors: Factors, expression: np.ndarray, *, margin: float) -> Factors:
    """The same faces with another expression, in the crop of the faces at rest.

    Args:
        factors: N faces.
        expression: (N, 52) or (52,) actions.
        margin: of the crop, as in rendering.
    """
    rest = factors.replace(expression=look(np.zeros((len(factors), 52)), factors.gaze))
    moved = factors.replace(expression=expression)
    if not len(factors):
        return moved
    here, there = faces.crops(rest, margin=margin), faces.crops(moved, margin=margin)  # (N, 3)
    camera = moved.camera.copy()
    side = here[:, 2:]
    middle = there[:, :2] + camera[:, 1:3] * there[:, 2:]  # of the landmarks' box
    camera[:, 0] *= there[:, 2] / here[:, 2]
    camera[:, 1:3] = (middle - here[:, :2]) / side
    return moved.replace(camera=camera)


def posed(emotion: np.ndarray, gaze: np.ndarray, *, stream: int) -> np.ndarray:
    """Expressions of given emotions, as different people show them.

    Args:
        emotion: (N,) into `faces.EMOTIONS`.
        gaze: (N, 2) degrees, which the lids follow.
        stream: of the draws, see `faces.draws`.

    Returns:
        (N, 52) actions.
    """
    u = draws.uniform(stream, np.arange(len(emotion)), 2 + 3 * 52)
    side, strength, (each, still, little) = u[:, :1], u[:, 1:2], np.split(u[:, 2:], 3, axis=1)
    whole = np.where(side < 0.5, prototypes()[emotion], mirrored(prototypes())[emotion])
    low, high = STRENGTHS
    whole = whole * (low + (high - low) * strength) * (0.8 + 0.4 * each)
    whole = whole + (still < 0.15) * 0.06 * little  # nobody is perfectly still
    return plausible(look(whole, gaze))


def prototypes() -> np.ndarray:
    """Each emotion at its natural full strength: (8, 52) actions; contempt sits on the left."""
    return np.stack([faces.expression_of(name) for name in EMOTIONS])


def stored(images: np.ndarray) -> Tensor:
    """(N, 3, H, W) in [0, 1] to uint8, one colour after the other.

    Narrow networks are faster on those than on channels_last (`benchmarks/gan_training.py`).
    """
    return torch.from_numpy(images).mul(255.0).round().to(torch.uint8).contiguous()


def pixels(images: Tensor) -> Tensor:
    """(B, 3, H, W) uint8 to float32 in [-1, 1].

    >>> pixels(torch.tensor([[[[0, 255]]]], dtype=torch.uint8)).flatten().tolist()
    [-1.0, 1.0]
    """
    return images.to(torch.float32).mul_(2.0 / 255.0).sub_(1.0)
