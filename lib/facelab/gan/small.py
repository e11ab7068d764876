"""What small trainings of critics need, and no paper has: a better start, harder pictures, and a
critic in two parts."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.gan.stargan import SLOPE, Discriminator, Judgement, check_pictures, halvings


class SplitCritic(nn.Module):
    """A critic whose verdict and whose reading have a body each: it reads grey pictures only.

    Where both share a body that was taught by a few thousand faces, the reading answers to colours
    that no face has, orange eyelids for closed eyes, and the verdict, which looks at patches of
    half the face, lets them pass. Here the reader sees no colours, so that none can please it; and
    the verdict is on small patches twice: after two halvings (they see 10 pixels), and after three
    (22 pixels). In the papers' critics one body does both.

    Args:
        labels, size, channels: see `facelab.gan.stargan.Discriminator`; ``size`` a multiple of 8,
            too.
        width, layers: of the reader, see there.
        patch_width: channels of the first layer of the verdict's body.

    >>> critic = SplitCritic(labels=5, size=32, width=8, layers=4, patch_width=4)
    >>> [tuple(part.shape) for part in critic(torch.rand(3, 3, 32, 32))]
    [(3, 2, 8, 8), (3, 5)]
    """

    def __init__(
        self, *, labels: int, size: int, width: int, layers: int, patch_width: int,
        channels: int = 3,
    ):  # fmt: skip
        super().__init__()
        if patch_width < 1 or size % 8:
            raise ValueError(
                "expected patch_width >= 1 and a size that is a multiple of 8; got "
                f"{patch_width}, {size}"
            )
        self.size, self.channels = size, channels
        reader = Discriminator(labels=labels, size=size, width=width, layers=layers, channels=1)
        self.reader, self.label = reader.body, reader.label
        self.near = halvings(channels, patch_width, 2)
        self.far = halvings(2 * patch_width, 4 * patch_width, 1)
        self.near_source = nn.Conv2d(2 * patch_width, 1, 3, padding=1, bias=False)
        self.far_source = nn.Conv2d(4 * patch_width, 1, 3, padding=1, bias=False)

    def forward(self, images: Tensor) -> Judgement:
        """Whether each patch is real, and the label.

        Args:
            images: (B, C, size, size) in [-1, 1].

        Returns:
            `Judgement` of (B, 2, size / 4, size / 4), of the small and of the larger patches, each
            of the latter four times, and (B, L).

        Raises:
            ValueError: when the shape is not that.
        """
        check_pictures(images, self.channels, self.size)
        near = self.near(images)  # (B, 2 patch_width, size / 4, size / 4)
        small, large = self.near_source(near), self.far_source(self.far(near))
        source = torch.cat([small, F.interpolate(large, scale_factor=2)], dim=1)
        grey = images.mean(dim=1, keepdim=True)
        return Judgement(source, self.label(self.reader(grey)).flatten(1))


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
