"""Inputs at the limits of the method (Pumarola et al., ECCV 2018, Fig. 9), with true answers.

The paper shows sculptures, drawings and odd colours that work, and extreme expressions, unseen
occlusions and animals that do not. Rendered heads give some of each kind, and what a smile on them
should look like.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facelab import faces
from facelab.faces.sample import look
from facelab.gan.pictures import framed
from facelab.papers.ganimation.model import Edit
from facelab.statistics import Estimate, bootstrap_mean

FIERCE = {"jawOpen": 0.9, "mouthStretch": 0.8, "eyeWide": 1.0, "browInnerUp": 0.9}
COVERS = ("sunglasses", "mask", "hand")
Pair = tuple[Tensor, Tensor]


def blue(images: Tensor) -> Tensor:
    """Red and blue change places: a skin that nobody has. (N, 3, H, W) in [0, 1] to the same."""
    return images.flip(1)


def stone(images: Tensor) -> Tensor:
    """Grey and pale, as a sculpture. (N, 3, H, W) in [0, 1] to the same."""
    return (0.25 + 0.7 * images.mean(dim=1, keepdim=True)).expand(-1, 3, -1, -1)


def painted(images: Tensor) -> Tensor:
    """Five shades of each colour. (N, 3, H, W) in [0, 1] to the same."""
    return (4.0 * images).round() / 4.0


def drawn(images: Tensor) -> Tensor:
    """Dark lines on white, where the picture is darker than its surroundings; the same shapes."""
    grey = images.mean(dim=1, keepdim=True)  # (N, 1, H, W)
    around = F.avg_pool2d(grey, 5, stride=1, padding=2, count_include_pad=False)
    return (1.0 - 5.0 * (around - grey).clamp_min(0.0)).clamp(0.0, 1.0).expand(-1, 3, -1, -1)


STYLES: dict[str, Callable[[Tensor], Tensor]] = {
    "blue": blue, "stone": stone, "painted": painted, "drawn": drawn,
}  # fmt: skip


def pairs(
    count: int, *, size: int, margin: float, difficulty: str, emotion: str = "happy", seed: int = 11
) -> dict[str, Pair]:
    """Faces of each kind, and the same with an emotion.

    Args:
        count: N people, none of whom is in the training.
        size, margin, difficulty: as the training faces'.
        emotion: which.
        seed: of the people.

    Returns:
        By kind two tensors (N, 3, H, W) in [0, 1]: given, and the true answer.
    """
    people = faces.sample(count, seed=seed, split="test", difficulty=difficulty)
    rest = look(np.zeros((count, 52)), people.gaze)  # (N, 52)
    still = framed(people, rest, margin=margin)
    moved = framed(people, np.maximum(rest, faces.expression_of(emotion)), margin=margin)

    def pictures(factors: faces.Factors) -> Tensor:
        made = faces.rendered(factors, size=size, margin=margin, channels=("image",))
        return torch.from_numpy(made.image)

    plain = pictures(still), pictures(moved)
    extreme = framed(people, faces.actions(**FIERCE), margin=margin)
    found = {"as in training": plain, "extreme": (pictures(extreme), plain[1])}
    for name in COVERS:
        before = [faces.OCCLUDERS.index(name), 0.05, 0.15, 0.3, 0.5, 0.4, 0.4, 0.3]
        covered = (pictures(factors.replace(occluder=before)) for factors in (still, moved))
        found[name] = tuple(covered)
    return found | {name: tuple(map(style, plain)) for name, style in STYLES.items()}


def measured(before: Tensor, after: Tensor, truth: Tensor) -> dict[str, np.ndarray]:
    """How near edits come to the true answers.

    Args:
        before, after, truth: (N, 3, H, W) in [0, 1]: given, our edit, the true one.

    Returns:
        Of each face, (N,): "error" and "error, input", mean absolute difference to the truth of
        edit and input, in percent of white; "likeness", cosine of our change and the true one.
    """
    made, meant = (after - before).flatten(1), (truth - before).flatten(1)
    found = {
        "error": 100.0 * (made - meant).abs().mean(dim=1),
        "error, input": 100.0 * meant.abs().mean(dim=1),
        "likeness": torch.cosine_similarity(made, meant, dim=1),
    }
    return {name: values.numpy() for name, values in found.items()}


def cells(
    kinds: Mapping[str, Pair], answers: Mapping[str, Edit]
) -> dict[tuple[str, str], Estimate]:
    """What `measured` finds for all kinds, and mean attention, by (kind, measure).

    Args:
        kinds: from `pairs`.
        answers: our edits by kind, see `inference.edit`.
    """
    found = {}
    for name, (given, truth) in kinds.items():
        values = measured(given, answers[name].image, truth)
        values["attention"] = answers[name].attention.mean(dim=(1, 2, 3)).numpy()
        found |= {(name, key): bootstrap_mean(per_face) for key, per_face in values.items()}
    return found
