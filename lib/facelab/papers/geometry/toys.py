"""The worked examples of notebook ``41_geometry``, sections 2 and 3: no network is trained here."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facelab import faces
from facelab.faces import EMOTIONS, Factors
from facelab.faces.sample import look
from facelab.gan.pictures import framed, pixels, prototypes
from facelab.judges.answers import CLEAN
from facelab.papers.geometry import sets
from facelab.papers.geometry.data import Questions
from facelab.papers.geometry.evaluation import Method
from facelab.papers.geometry.figures import coloured
from facelab.papers.geometry.losses import Sign, classification_loss
from facelab.papers.geometry.model import SPAN, depth_map
from facelab.papers.geometry.reconstruction import EXACT, Noise, Reconstruction, reconstruct

REST, OTHER_LIGHT, OTHER_EXPRESSION = "at rest", "other light", "surprised"
KINDS = {
    "nothing": (),
    "person's shape": ("shape",),
    "expression": ("expression", "scatter"),
    "pose and place": ("pose", "shift", "scale"),
    "pose, place, failures": ("pose", "shift", "scale", "failures", "worse"),
    "all of it": tuple(Noise.model_fields),
}
"""What errs in a fit, and the fields of `reconstruction.Noise` that say by how much."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Lights:
    """The same N faces at rest, in another light, with another expression, and with both.

    Attributes:
        pictures: (N, 3, H, W) in [0, 1], by state.
        depth: (N, 1, H, W) in [-1, 1], see `model.depth_map`, by state.
    """

    pictures: dict[str, Tensor]
    depth: dict[str, Tensor]


def lights(count: int, *, size: int, margin: float = 1.15, seed: int = 7) -> Lights:
    """Test faces in the four states; the other light of each is that of the face before it.

    The camera has no faults: their grain would change, too.

    Args:
        count: N, more than one.
        size, margin: of the pictures.
        seed: of the faces.
    """
    still = sets.seen("affectnet", count, seed=seed).replace(noise=CLEAN)
    wide = prototypes()[EMOTIONS.index("surprise")]  # (52,)
    made = {}
    for name, expression in ((REST, 0.0 * wide), (OTHER_EXPRESSION, wide)):
        moved = look(np.tile(expression, (count, 1)), still.gaze)
        face = framed(still, moved, margin=margin)
        made[name] = face
        other = face.replace(light=np.roll(face.light, 1, axis=0))
        made[OTHER_LIGHT if name == REST else f"{name}, {OTHER_LIGHT}"] = other
    asked = {"size": size, "margin": margin, "channels": ("image", "depth")}
    drawn = {name: faces.render(face, **asked) for name, face in made.items()}
    return Lights(
        pictures={name: torch.from_numpy(one.image) for name, one in drawn.items()},
        depth={name: depth_map(torch.from_numpy(one.depth)) for name, one in drawn.items()},
    )


def sensitivity(of: Mapping[str, Tensor]) -> dict[str, float]:
    """How much pictures, or maps, change by another light and by another expression.

    Args:
        of: (N, C, H, W) by state, with the three states of `lights` that differ in one thing.

    Returns:
        Mean absolute differences from the faces at rest, and the ratio "expression over light",
        infinite where light changes nothing.
    """
    light, expression = (
        (of[name] - of[REST]).abs().mean().item() for name in (OTHER_LIGHT, OTHER_EXPRESSION)
    )
    ratio = expression / light if light else np.inf
    return {"light": light, "expression": expression, "expression over light": ratio}


def confidence(
    z: Tensor, *, beta: float, sign: Sign = "rewards entropy", wrong: float = 0.0
) -> Tensor:
    """Eq. 11 of one map, by how sure the critic is.

    Args:
        z: (Z,) the logit of the label's expression; those of the other seven are 0.
        beta, sign: of the penalty.
        wrong: share of such maps whose label is wrong, and another expression is right.

    Returns:
        (Z,) the expected loss, nats.
    """
    logits = torch.zeros(len(z), len(EMOTIONS)).index_fill(1, torch.tensor([0]), 1.0) * z[:, None]
    kind = {"beta": beta, "sign": sign}
    losses = []
    for row in logits[:, None]:  # (1, 8)
        label, other = (
            classification_loss(row, torch.tensor([expression]), **kind) for expression in (0, 1)
        )
        losses.append((1.0 - wrong) * label + wrong * other)
    return torch.stack(losses)


def best_share(*, beta: float, sign: Sign = "rewards entropy", wrong: float = 0.0) -> float:
    """What the critic that is best for `confidence` gives to the label, 1 for one that is sure.

    >>> round(best_share(beta=0.0, wrong=0.1), 2)
    0.9
    """
    z = torch.linspace(0.0, 15.0, 601)
    best = z[confidence(z, beta=beta, sign=sign, wrong=wrong).argmin()]
    return (best.exp() / (best.exp() + len(EMOTIONS) - 1)).item()


def fits_in_order(
    factors: Factors, fit: Reconstruction, *, size: int, threshold: float, margin: float = 1.15
) -> tuple[dict[str, list[Tensor]], np.ndarray, list[str]]:
    """Five fits from the best to the worst, two of them on either side of the clean-up's line.

    Args:
        factors: N faces.
        fit: to them; some are kept, and some are not.
        size, margin: as the fit's.
        threshold: of `Reconstruction.keep`.

    Returns:
        By "picture", "fit" (the picture again, to draw landmarks on), "its depth" and "true depth":
        five (3, H, W) in [0, 1]; the landmarks of the fits (5, 68, 2); and their names.

    Raises:
        ValueError: all are kept, or none.
    """
    order, kept = np.argsort(fit.error), int(fit.keep(threshold=threshold).sum())
    if not 0 < kept < len(fit):
        raise ValueError(f"expected fits on both sides of {threshold}, got {kept} of {len(fit)}")
    named = {"best": 0, "middle": kept // 2, "last kept": kept - 1, "first out": kept, "worst": -1}
    rows = order[[*named.values()]]
    seen = faces.render(factors[rows], size=size, margin=margin, channels=("image", "depth"))
    pictures = [*torch.from_numpy(seen.image)]
    depth = {
        "its depth": [*coloured(depth_map(torch.from_numpy(fit.depth[rows])))],
        "true depth": [*coloured(depth_map(torch.from_numpy(seen.depth)))],
    }
    titles = [f"{name}: {fit.error[row]:.0f} %" for name, row in zip(named, rows, strict=True)]
    return {"picture": pictures, "fit": pictures, **depth}, fit.landmarks[rows], titles


def errors_by_kind(
    factors: Factors, *, size: int, threshold: float, margin: float = 1.15
) -> pd.DataFrame:
    """What each kind of error of the reconstruction does alone, and all do together.

    Args:
        factors: faces.
        size, margin: of the fits.
        threshold: of `Reconstruction.keep`.

    Returns:
        A line for each of `KINDS`: mean errors of landmarks, percent of the outer-eye distance, and
        of depth, cm, where both the fit and the picture have a face; and the share kept, percent.
    """
    asked = {"size": size, "margin": margin}
    true = faces.render(factors, channels=("depth",), **asked).depth  # (N, H, W)
    lines = {}
    for name, fields in KINDS.items():
        noise = EXACT.model_copy(update={f: getattr(Noise(), f) for f in fields})
        fit = reconstruct(factors, noise=noise, **asked)
        lines[name] = {
            "landmarks (% of eye distance)": fit.error.mean(),
            "depth (cm)": _depth_error(fit, true),
            "kept (%)": 100.0 * fit.keep(threshold=threshold).mean(),
        }
    return pd.DataFrame(lines).T.rename_axis("what errs")


def _depth_error(fit: Reconstruction, true: np.ndarray) -> float:
    """Mean over faces of the mean difference of their maps, cm."""
    maps, exact = (depth_map(torch.from_numpy(depth)) for depth in (fit.depth, true))
    inside = torch.from_numpy(np.isfinite(fit.depth) & np.isfinite(true))[:, None]
    error = (maps - exact).abs() * inside * SPAN / 2.0  # (N, 1, H, W)
    return (error.sum(dim=(1, 2, 3)) / inside.sum(dim=(1, 2, 3)).clamp_min(1)).mean().item()


def part_of_the_way(questions: Questions, share: float) -> Method:
    """The method that mixes each input with the true answer: 0 does nothing, 1 is the truth.

    Args:
        questions: those that it will be asked, all in their order.
        share: of the true answer.
    """
    source, truth = pixels(questions.images), pixels(questions.truth)
    rows = torch.arange(len(questions))

    def translate(images: Tensor, expression: Tensor) -> Tensor:
        return torch.lerp(source, truth[expression, rows], share)

    return translate
