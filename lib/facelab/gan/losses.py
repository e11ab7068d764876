"""Losses of adversarial picture translation that several papers share.

A critic gives each patch of a picture a number D(x), higher for real ones. What it maximises and
the generator minimises goes by three names here: "wasserstein" (Arjovsky et al. 2017), "logistic"
(the logarithms of Goodfellow et al. 2014, which the geometry paper prints) and "hinge" (Lim and Ye
2017). Wasserstein's critic must have slopes of one, which `gradient_penalty` asks for (Gulrajani et
al. 2017); the others do with `r1_penalty` (Mescheder et al. 2018), or with either.

Each is a mean, so no weight depends on the batch, on the size or on the number of patches.
Letters: B batch, C channels, H and W height and width.
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Kind = Literal["wasserstein", "logistic", "hinge"]
KINDS = ("wasserstein", "logistic", "hinge")


def _unknown(kind: str) -> ValueError:
    return ValueError(f"kind is one of {', '.join(KINDS)}, got {kind!r}")


def critic_loss(real: Tensor, fake: Tensor, *, kind: Kind = "wasserstein") -> Tensor:
    """What the critic minimises.

    wasserstein: E D(G) - E D(x). logistic: -E log s(D(x)) - E log(1 - s(D(G))), s the logistic
    function. hinge: E max(0, 1 - D(x)) + E max(0, 1 + D(G)).

    Args:
        real, fake: D of real and of translated pictures, any shape each.
        kind: see above.

    Returns:
        A scalar.

    Raises:
        ValueError: for another kind.

    >>> real, fake = torch.tensor([2.0]), torch.tensor([0.5])
    >>> [round(critic_loss(real, fake, kind=kind).item(), 4) for kind in KINDS]
    [-1.5, 1.101, 1.5]
    """
    if kind == "wasserstein":
        return fake.mean() - real.mean()
    if kind == "logistic":
        return F.softplus(-real).mean() + F.softplus(fake).mean()
    if kind == "hinge":
        return F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean()
    raise _unknown(kind)


def generator_loss(fake: Tensor, *, kind: Kind = "wasserstein") -> Tensor:
    """What the generator minimises: -E D(G), or for logistic -E log s(D(G)).

    The logistic one is the non-saturating form: log(1 - s(D(G))) as printed by many papers has the
    same fixed point, but no slope while the critic is ahead.

    Args:
        fake: D of translated pictures, any shape.
        kind: as the critic's.

    Raises:
        ValueError: for another kind.

    >>> [round(generator_loss(torch.tensor([0.5]), kind=kind).item(), 4) for kind in KINDS]
    [-0.5, 0.4741, -0.5]
    """
    if kind in ("wasserstein", "hinge"):
        return -fake.mean()
    if kind == "logistic":
        return F.softplus(-fake).mean()
    raise _unknown(kind)


def interpolated(real: Tensor, fake: Tensor, shares: Tensor | None = None) -> Tensor:
    """a x + (1 - a) G with one a in [0, 1] for each picture, where the penalty is measured.

    Args:
        real, fake: (B, C, H, W).
        shares: (B,) a; None draws them evenly.

    Returns:
        (B, C, H, W), a leaf that asks for its gradient.

    Raises:
        ValueError: shapes differ.
    """
    if real.shape != fake.shape:
        raise ValueError(
            f"expected as many translated as real pictures, of one shape; got {tuple(real.shape)} "
            f"and {tuple(fake.shape)}"
        )
    if shares is None:
        shares = torch.rand(len(real), device=real.device, dtype=real.dtype)
    mixed = torch.lerp(fake.detach(), real.detach(), shares[:, None, None, None])
    return mixed.requires_grad_()


def gradient_penalty(critic: Callable[[Tensor], Tensor], mixed: Tensor) -> Tensor:
    """E[(||grad_x D(x)||_2 - 1)^2] over pictures between real and translated ones.

    Args:
        critic: (B, C, H, W) to D of each patch, (B, ...). The patches of a picture are summed, as
            in StarGAN's code: with h w of them the slope of their mean is asked to be 1 / (h w).
        mixed: (B, C, H, W), see `interpolated`.

    Returns:
        A scalar whose gradient reaches the critic's weights.

    >>> mixed = torch.zeros(2, 1, 2, 2, requires_grad=True)
    >>> gradient_penalty(lambda x: 1.5 * x.flatten(1), mixed).item()
    4.0
    """
    slopes = _slopes(critic(mixed), mixed)  # (B, C H W)
    return (torch.linalg.vector_norm(slopes, dim=1) - 1.0).square().mean()


def r1_penalty(real: Tensor, images: Tensor) -> Tensor:
    """1/2 E ||grad_x D(x)||_2^2 over real pictures: no slope where the data are.

    Args:
        real: D of the pictures, (B, ...), computed from ``images``, with its graph; of the patches
            of a picture the mean counts, so that no weight depends on how many there are. So it
            shares the pass of the critic's loss.
        images: (B, C, H, W) that asked for their gradient before.

    Returns:
        A scalar whose gradient reaches the critic's weights.

    >>> images = torch.zeros(2, 1, 2, 2, requires_grad=True)
    >>> r1_penalty(3.0 * images.flatten(1), images).item()
    1.125
    """
    return 0.5 * _slopes(real.flatten(1).mean(dim=1), images).square().sum(dim=1).mean()


def _slopes(outputs: Tensor, images: Tensor) -> Tensor:
    """d(sum of a picture's outputs) / d(picture): (B, C H W), differentiable."""
    return torch.autograd.grad(outputs.sum(), images, create_graph=True)[0].flatten(1)


def total_variation(maps: Tensor, *, kind: Literal["squares", "absolute"] = "squares") -> Tensor:
    """Sum of the squared (or absolute) differences of neighbours, averaged over the batch.

    Args:
        maps: (B, C, H, W).
        kind: GANimation prints squares and computes absolute values.

    Returns:
        A scalar; it grows with the number of pixels for noise, with H for an edge.

    Raises:
        ValueError: for another kind.

    >>> maps = torch.tensor([[[[0.0, 2.0], [0.0, 2.0]]]])
    >>> total_variation(maps).item(), total_variation(maps, kind="absolute").item()
    (8.0, 4.0)
    """
    if kind not in ("squares", "absolute"):
        raise ValueError(f"kind is squares or absolute, got {kind!r}")
    size = torch.square if kind == "squares" else torch.abs
    down = size(maps[:, :, 1:] - maps[:, :, :-1]).sum()
    right = size(maps[:, :, :, 1:] - maps[:, :, :, :-1]).sum()
    return (down + right) / len(maps)
