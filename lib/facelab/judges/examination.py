"""What a trained judge says of test pictures, beside the truth; `scores` makes measures of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab import faces
from facelab.judges import data, scores
from facelab.judges.data import Pictures, as_float
from facelab.judges.model import split

Kind = Literal["expression", "identity", "geometry", "features"]
KINDS: tuple[Kind, ...] = ("expression", "identity", "geometry", "features")
EMOTIONS = len(faces.EMOTIONS)  # the first outputs of the expression judge; units follow


@dataclass(frozen=True, eq=False, kw_only=True)
class Standard:
    """Mean and deviation of the factors in the training pictures, (T,) each."""

    mean: Tensor
    deviation: Tensor

    @staticmethod
    def of(factors: Tensor) -> "Standard":
        """Those of factors (N, T); a column that never varies gets a deviation of 1."""
        deviation = factors.std(dim=0)
        return Standard(
            mean=factors.mean(dim=0),
            deviation=torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation)),
        )

    def to(self, device: torch.device) -> "Standard":
        """The same on another device."""
        return Standard(mean=self.mean.to(device), deviation=self.deviation.to(device))

    def __call__(self, factors: Tensor) -> Tensor:
        """Standardised factors; far outliers are drawn in to eight deviations."""
        return ((factors - self.mean) / self.deviation).clamp(-8, 8)


@torch.inference_mode()
def examine(
    kind: Kind, network: nn.Module, pictures: Pictures, standard: Standard
) -> dict[str, np.ndarray]:
    """What a judge says of test pictures, beside the truth.

    Args:
        kind: of the judge.
        network: trained, in evaluation mode.
        pictures: with maps where `kind` is "geometry".
        standard: of the training pictures' factors.

    Returns:
        For "expression", log-probabilities "emotion" (N, 8) and strengths "units" (N, 17), with the
        truth in "true_emotion" (N,) and "true_units" (N, 17). For "identity", unit vectors
        "embedding" (N, D) and "people" (N,). For "geometry", per picture: "depth" cm, "normals"
        degrees, "head" intersection over union. For "features", "error" (N, T): squared, over the
        variance in these pictures; nan for a column that does not vary in them.
    """
    device = next(network.parameters()).device
    spread = standard(pictures.factors.to(device)).var(dim=0)  # (T,)
    spread = torch.where(spread > 1e-4, spread, torch.nan)
    found = []
    for start in range(0, len(pictures), 256):
        rows = slice(start, start + 256)
        made = network(as_float(pictures.images[rows].to(device)))
        if kind == "geometry":
            depth, normals, head = split(made)
            truth = pictures.depth[rows], pictures.normals[rows], pictures.head[rows]
            made = scores.geometry_errors(
                (depth * data.DEPTH_UNIT).cpu(), normals.cpu(), head.cpu() > 0, *truth
            )
        elif kind == "features":
            made = (made - standard(pictures.factors[rows].to(device))).square() / spread
        found.append(made.cpu().float())
    values = torch.cat(found)
    if kind == "geometry":
        return dict(zip(("depth", "normals", "head"), values.numpy().T.copy(), strict=True))
    if kind == "features":
        return {"error": values.numpy()}
    if kind == "identity":
        embedding = F.normalize(values, dim=1)
        return {"embedding": embedding.numpy(), "people": pictures.people.numpy()}
    return {
        "emotion": values[:, :EMOTIONS].log_softmax(dim=1).numpy(),
        "units": values[:, EMOTIONS:].sigmoid().numpy(),
        "true_emotion": pictures.emotion.numpy(),
        "true_units": pictures.units.numpy(),
    }
