"""What small trainings of critics need, and no paper has: a better start, and harder pictures.

A critic in two parts, which they need, too, is `facelab.gan.critics.SplitCritic`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.gan.critics import SLOPE


def initialise_he(network: nn.Module, *, last: float = 0.01) -> None:
    """He's weights for a critic's body, small ones for its heads.

    With normal weights of 0.02 the signal of a narrow body shrinks from layer to layer, and its
    labels stay at their mean for as long as a small training lasts.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, a=SLOPE)
        if layer.bias is None:  # the heads
            nn.init.normal_(layer.weight, 0.0, last)
        else:
            nn.init.zeros_(layer.bias)


def disturbed(images: Tensor, *, noise: float = 0.0, shift: int = 0) -> Tensor:
    """Pictures as the critic sees them: moved, and noisy. Gradients pass.

    A critic that reads labels from a few thousand clean pictures answers to faint patterns that no
    face has, and the generator finds those patterns sooner than it finds expressions. Noise drowns
    them. To the papers' critics none of this is done.

    Args:
        images: (B, C, H, W).
        noise: standard deviation.
        shift: the largest, in pixels, along each axis; one for the batch. Edges are repeated.

    Returns:
        The same shape.

    >>> moved = disturbed(torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 4, 4), shift=1)
    >>> moved.shape, moved.min().item() in (0.0, 1.0)
    (torch.Size([1, 1, 4, 4]), True)
    """
    H, W = images.shape[2:]
    if shift:
        x, y = torch.randint(2 * shift + 1, (2,)).tolist()
        images = F.pad(images, (shift,) * 4, mode="replicate")[:, :, y : y + H, x : x + W]
    return images + noise * torch.randn_like(images) if noise else images
