"""One step of Algorithm 1 with the signs of Eq. 4-7, and the evaluation of a trained generator."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from facelab import metrics
from facelab.papers.laplace import losses
from facelab.papers.laplace.data import Labelled, as_float
from facelab.papers.laplace.model import RCN


def generator_step(
    generator: nn.Module,
    images: Tensor,
    points: Tensor,
    visible: Tensor | None,
    others: Tensor | None = None,
    *,
    method: str = "laplace_kl",
    beta: float = 1.0,
    target_scale: float = 1.0,
    joint: bool = False,
    half: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """The supervised loss of labelled pictures, and the heatmaps of unlabelled ones.

    Both go through the generator in one pass: it has no batch normalisation, so that is the same.

    Args:
        generator: an `RCN`.
        images: (B, 3, H, W) labelled pictures in [0, 1], with points (B, K, 2), pixels, and for
            AFLW visible (B, K).
        others: (M, 3, H, W) unlabelled pictures, or None.
        method, beta, target_scale, joint: see `losses.landmark_loss`.
        half: run the convolutions in bfloat16; softmax and losses stay in float32.

    Returns:
        L_SAM or L_KL, a scalar, and H_fake (M, K, H, W) or None.
    """
    count = len(images)
    both = images if others is None else torch.cat([images, others])  # (B + M, 3, H, W)
    with torch.autocast(both.device.type, dtype=torch.bfloat16, enabled=half):
        logits = generator(both)  # (B + M, K, H, W)
    known, unknown = logits.split([count, len(both) - count])
    loss = losses.landmark_loss(
        known,
        points,
        method=method,
        beta=beta,
        target_scale=target_scale,
        visible=visible,
        joint=joint,
    )
    if others is None:
        return loss, None
    return loss, losses.soft_argmax(unknown, beta)[0]


def discriminator_step(
    judge: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    real: Tensor,
    others: Tensor,
    fake: Tensor,
) -> Tensor:
    """Updates D to tell [d^l, omega(s^l)] from [d^u, G(d^u)]; then G may ask for its opinion.

    Args:
        judge: a `PatchDiscriminator`; afterwards its weights ask for no gradients, as only its
            input's are needed in the generator's update.
        images, real: labelled pictures and their true heatmaps.
        others, fake: unlabelled pictures and the generator's heatmaps.

    Returns:
        D's loss, a detached scalar.
    """
    judge.requires_grad_(True)
    loss = losses.discriminator_loss(judge(images, real), judge(others, fake.detach()))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    judge.requires_grad_(False)
    return loss.detach()


@torch.inference_mode()
def evaluate(
    generator: RCN, faces: Labelled, *, beta: float = 1.0, masked: bool = False, batch: int = 64
) -> dict[str, np.ndarray]:
    """Errors and spreads of a generator on labelled faces, in evaluation mode.

    Args:
        generator: on any device.
        faces: exact labels.
        beta: inverse temperature of the soft-argmax, as in training.
        masked: count visible points only (AFLW).
        batch: pictures at a time.

    Returns:
        "nme" (N,) percent of the faces' normaliser; "points" (N, K) percent, each point; "spread"
        (N,) pixels, the mean over points of E_p ||x - s~||_2; "scale" (N, K) pixels, the mean b of
        both axes; "landmarks" (N, K, 2) predicted, pixels.
    """
    device, training = next(generator.parameters()).device, generator.training
    generator.eval()
    found = []
    for start in range(0, len(faces), batch):
        images = as_float(faces.images[start : start + batch].to(device))
        maps, coordinates = losses.soft_argmax(generator(images), beta)
        scales = losses.scale(maps, coordinates).mean(dim=-1)  # (B, K)
        found.append([t.cpu().numpy() for t in (coordinates, scales, scatter(maps, coordinates))])
    generator.train(training)
    predicted, scales, spreads = (np.concatenate(each) for each in zip(*found, strict=True))
    truth, normaliser = faces.landmarks.cpu().numpy(), faces.normaliser.cpu().numpy()
    visible = faces.visible.cpu().numpy() if masked else None
    points = 100.0 * np.linalg.norm(predicted - truth, axis=-1) / normaliser[:, None]
    return {
        "nme": metrics.nme(predicted, truth, normaliser=normaliser, visible=visible),
        "points": points.astype(np.float32),
        "spread": spreads.mean(axis=1),
        "scale": scales,
        "landmarks": predicted,
    }


def scatter(maps: Tensor, coordinates: Tensor) -> Tensor:
    """E_p ||x - s~||_2, the spread of Sec. 4.2 (1.02 against 2.59 px).

    Args:
        maps: (B, K, H, W) probabilities.
        coordinates: (B, K, 2) their means, pixels.

    Returns:
        (B, K) pixels; `facelab.metrics.spread` is the same for numpy.
    """
    height, width = maps.shape[-2:]
    x = torch.arange(width, device=maps.device) - coordinates[..., 0, None]  # (B, K, W)
    y = torch.arange(height, device=maps.device) - coordinates[..., 1, None]  # (B, K, H)
    distances = (x.square().unsqueeze(-2) + y.square().unsqueeze(-1)).sqrt_()  # (B, K, H, W)
    return distances.mul_(maps).sum(dim=(-2, -1))


def optimiser(
    network: nn.Module, rate: float, decay: float, kind: Literal["adam", "adamw"] = "adam"
) -> torch.optim.Optimizer:
    """Adam as in the paper (decay as an L2 penalty), or AdamW."""
    adam = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    return adam(network.parameters(), rate, weight_decay=decay, fused=True)


def computes_in_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16, so that it is faster than float32 there."""
    capable = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return capable and torch.cpu._is_avx512_bf16_supported()
