"""`load`: the trained judges of a tier, ready to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.experiment import load_weights
from facelab.judges import data, experiments
from facelab.judges.examination import EMOTIONS
from facelab.judges.model import check, split

BATCH = 256  # pictures at a time

Detector = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False, kw_only=True)
class Jury:
    """The judges, frozen. All take images (N, 3, size, size) of floats in [0, 1].

    Gradients flow through to the images (for perceptual losses), none to the weights. The crops
    should be those that the judges know: `data.MARGIN` about the landmarks.

    Attributes:
        size: height and width of the pictures, pixels; `fit` brings others to it.
        networks: by kind.
        detector: a landmark detector that somebody handed in: images to (N, 68, 2) pixels. The
            judges train none: that is a paper's business.
    """

    size: int
    networks: dict[str, nn.Module]
    detector: Detector | None = None

    def fit(self, images: Tensor) -> Tensor:
        """Pictures of any size, brought to the judges': (N, 3, size, size).

        Bilinear with antialiasing, so that a larger picture is averaged and not sampled.
        """
        if images.shape[-2:] == (self.size, self.size):
            return images
        return F.interpolate(
            images, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False
        )

    def expression(self, images: Tensor) -> Tensor:
        """(N, 8) log-probabilities of the emotions, in the order of `faces.EMOTIONS`."""
        return self._ask("expression", images)[:, :EMOTIONS].log_softmax(dim=1)

    def units(self, images: Tensor) -> Tensor:
        """(N, 17) strengths of the action units in [0, 1], in the order of `faces.UNITS`."""
        return self._ask("expression", images)[:, EMOTIONS:].sigmoid()

    def identity(self, images: Tensor) -> Tensor:
        """(N, D) unit vectors; their inner product is high for two pictures of one person."""
        return F.normalize(self._ask("identity", images), dim=1)

    def depth(self, images: Tensor) -> Tensor:
        """(N, H, W) cm, how much nearer than the head's median; means little outside `head`."""
        return split(self._ask("geometry", images))[0] * data.DEPTH_UNIT

    def normals(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) unit vectors, x right, y up, z to the viewer; see `depth`."""
        return split(self._ask("geometry", images))[1]

    def head(self, images: Tensor) -> Tensor:
        """(N, H, W) probabilities that a pixel is not background."""
        return split(self._ask("geometry", images))[2].sigmoid()

    def features(self, images: Tensor) -> Tensor:
        """(N, F) numbers that tell all factors of a picture, for the Frechet distance."""
        return self._batched(self.networks["features"].features, images)

    def landmarks(self, images: Tensor) -> Tensor:
        """(N, 68, 2) pixels, x and y, from the detector that was handed in.

        Raises:
            ValueError: there is none, or it returns another shape.
        """
        if self.detector is None:
            raise ValueError(
                "these judges have no landmark detector: hand one in, judges.load(tier, "
                "detector=...), images (N, 3, H, W) to landmarks (N, 68, 2) in pixels"
            )
        check(images, self.size)
        found = self.detector(images)
        if tuple(found.shape) != (len(images), 68, 2):
            raise ValueError(
                f"the detector returned {tuple(found.shape)}, expected ({len(images)}, 68, 2)"
            )
        return found

    def to(self, device: torch.device | str) -> Jury:
        """The same on another device."""
        for network in self.networks.values():
            network.to(device)
        return replace(self, networks=self.networks)

    def _ask(self, kind: str, images: Tensor) -> Tensor:
        return self._batched(self.networks[kind], images)

    def _batched(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        check(images, self.size)
        return torch.cat([network(part) for part in images.split(BATCH)])


def load(tier: str, seed: int = 0, *, detector: Detector | None = None) -> Jury:
    """The judges of a tier; what is not in the cache yet is trained here (minutes, once).

    Args:
        tier: one of `paths.TIERS`.
        seed: of their training.
        detector: see `Jury`.

    Raises:
        ValueError: an unknown tier.
    """
    plan = experiments.settings(tier)
    networks = {}
    for kind, result in plan.results(seed=seed).items():
        network = load_weights(plan.run(kind, seed=seed).network(), result["weights"])
        networks[kind] = network.eval().requires_grad_(False)
    return Jury(size=plan.run("expression").size, networks=networks, detector=detector)
