"""What is measured of an edit, since the paper prints no number of its own results.

The units, the person and the picture's quality are for `facelab`'s judges; here is what the
attention map and exact ground truth say.
"""

from typing import NamedTuple

import torch
from torch import Tensor

MARGIN = 0.05  # how near to 0 or 1 counts as there


class Saturation(NamedTuple):
    """Where the attention of each picture stands, each (B,) in [0, 1].

    Attributes:
        mean: of A; near 1 the generator copies its input, near 0 it draws everything anew. The
            authors find it healthy about 1/2.
        copied: share of pixels with A above 1 - margin.
        redrawn: share of pixels with A below the margin.
        spread: standard deviation over pixels; near 0 the attention chooses nothing.
    """

    mean: Tensor
    copied: Tensor
    redrawn: Tensor
    spread: Tensor


def saturation(attention: Tensor, *, margin: float = MARGIN) -> Saturation:
    """The known failure, measured: attention that is 1, or 0, everywhere.

    Args:
        attention: (B, 1, H, W) in [0, 1].
        margin: see `Saturation`, in (0, 1/2).

    Raises:
        ValueError: for another shape or margin.

    >>> flat = saturation(torch.ones(1, 1, 4, 4))
    >>> [value.item() for value in flat]
    [1.0, 1.0, 0.0, 0.0]
    """
    if attention.ndim != 4 or attention.shape[1] != 1:
        raise ValueError(f"expected attention (B, 1, H, W), got {tuple(attention.shape)}")
    if not 0.0 < margin < 0.5:
        raise ValueError(f"margin lies between 0 and 1/2, got {margin}")
    a = attention.detach().flatten(1).float()  # (B, H W)
    return Saturation(
        mean=a.mean(dim=1),
        copied=(a > 1.0 - margin).float().mean(dim=1),
        redrawn=(a < margin).float().mean(dim=1),
        spread=a.std(dim=1, correction=0),
    )


def changed(before: Tensor, after: Tensor, *, threshold: float = 0.02) -> Tensor:
    """Where two pictures differ: with exact ground truth, a unit's own region on a face.

    Args:
        before, after: (B, 3, H, W) in [0, 1], a face and the same face with the unit.
        threshold: of the mean absolute difference of the three colours.

    Returns:
        (B, H, W) bool.

    >>> changed(torch.zeros(1, 3, 1, 2), torch.tensor([0.0, 1.0]).expand(1, 3, 1, 2)).tolist()
    [[[False, True]]]
    """
    return (after - before).abs().mean(dim=1) > threshold


def energy_outside(before: Tensor, after: Tensor, region: Tensor) -> Tensor:
    """Share of an edit's energy, the sum of squared differences, outside a region.

    Args:
        before, after: (B, 3, H, W) in [0, 1], a face and its edit.
        region: (B, H, W) bool, where the edit belongs.

    Returns:
        (B,) in [0, 1]; 0 where nothing is changed at all.

    Raises:
        ValueError: for a region of another shape.

    >>> before, after = torch.zeros(1, 3, 1, 2), torch.ones(1, 3, 1, 2)
    >>> energy_outside(before, after, torch.tensor([[[True, False]]])).tolist()
    [0.5]
    """
    B, _, H, W = before.shape  # batch, colours, height, width
    if tuple(region.shape) != (B, H, W):
        raise ValueError(f"expected region {(B, H, W)}, got {tuple(region.shape)}")
    energy = (after - before).square().sum(dim=1)  # (B, H, W)
    everywhere = energy.sum(dim=(1, 2))
    outside = energy.masked_fill(region, 0.0).sum(dim=(1, 2))
    return torch.where(everywhere > 0, outside / everywhere.clamp_min(1e-12), 0.0)
