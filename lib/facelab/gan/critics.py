"""Critics of pictures: StarGAN's (Choi et al., CVPR 2018, Table 5), and one in two parts.

`Discriminator` judges patches of a picture and reads its label, on one body. `SplitCritic` has a
body for each, for small trainings. Nothing is normalised, so no picture of a batch sees another.

Sizes: B batch, H and W height and width, L labels (domains, action units), C channels.
"""

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.01  # of every leaky ReLU (Table 5)


def check_pictures(images: Tensor, channels: int, size: int) -> None:
    """Raises ValueError where pictures have another shape than a critic takes."""
    expected = (channels, size, size)
    if images.ndim != 4 or tuple(images.shape[1:]) != expected:
        raise ValueError(f"expected images (B, *{expected}), got {tuple(images.shape)}")


def halvings(channels: int, width: int, layers: int) -> nn.Sequential:
    """A critic's body: (B, channels, H, W) to (B, width 2^(layers - 1), H / 2^layers, ...).

    >>> halvings(3, 8, 2)(torch.rand(1, 3, 16, 16)).shape
    torch.Size([1, 16, 4, 4])
    """
    body = nn.Sequential()
    for before, after in itertools.pairwise([channels, *(width * 2**i for i in range(layers))]):
        body.append(nn.Conv2d(before, after, 4, stride=2, padding=1))
        body.append(nn.LeakyReLU(SLOPE, inplace=True))
    return body


class Judgement(NamedTuple):
    """What a critic says: ``source`` (B, K, h, w) per patch, ``labels`` (B, L) logits.

    K is 1 where patches of one size are judged.
    """

    source: Tensor
    labels: Tensor


class Discriminator(nn.Module):
    """PatchGAN that also reads the label: D_src and D_cls on one body (Table 5).

    Nothing is normalised, so no picture of a batch sees another: real, translated and interpolated
    ones may share a pass.

    Args:
        labels: L outputs of the label head: logits of classes, or intensities.
        size: height and width of the pictures, a multiple of 2^layers; the label head spans them.
        width: channels of the first layer; each further one has twice as many.
        layers: halvings; the paper has 6.
        channels: of the pictures.

    Raises:
        ValueError: for a size that the layers cannot halve.

    >>> network = Discriminator(labels=5, size=128)
    >>> sum(p.numel() for p in network.parameters())
    44762048
    >>> small = Discriminator(labels=5, size=32, width=8, layers=4)
    >>> [tuple(part.shape) for part in small(torch.rand(3, 3, 32, 32))]
    [(3, 1, 2, 2), (3, 5)]
    """

    def __init__(
        self, *, labels: int, size: int, width: int = 64, layers: int = 6, channels: int = 3
    ):
        super().__init__()
        if min(labels, width, layers, channels) < 1 or size < 1 or size % 2**layers:
            raise ValueError(
                "expected labels, width, layers and channels >= 1 and a size that is a multiple of "
                f"2^layers = {2**layers}; got {labels}, {width}, {layers}, {channels}, {size}"
            )
        self.size, self.channels = size, channels
        self.body = halvings(channels, width, layers)
        last = width * 2 ** (layers - 1)
        self.source = nn.Conv2d(last, 1, 3, padding=1, bias=False)
        self.label = nn.Conv2d(last, labels, size // 2**layers, bias=False)

    def forward(self, images: Tensor) -> Judgement:
        """Whether each patch is real, and the label.

        Args:
            images: (B, C, size, size) in [-1, 1].

        Returns:
            `Judgement` of (B, 1, size / 2^layers, size / 2^layers) unbounded numbers, higher for
            real ones, and (B, L).

        Raises:
            ValueError: when the shape is not that.
        """
        check_pictures(images, self.channels, self.size)
        x = self.body(images)  # (B, width 2^(layers - 1), h, w)
        return Judgement(self.source(x), self.label(x).flatten(1))


class Patches(nn.Module):
    """A verdict on small patches, twice: after two halvings (they see 10 pixels) and after three
    (22 pixels).

    Args:
        channels: C of what is judged.
        width: channels of the first layer.

    >>> Patches(channels=3, width=4)(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 2, 8, 8])
    """

    def __init__(self, *, channels: int, width: int):
        super().__init__()
        self.near = halvings(channels, width, 2)
        self.far = halvings(2 * width, 4 * width, 1)
        self.near_source = nn.Conv2d(2 * width, 1, 3, padding=1, bias=False)
        self.far_source = nn.Conv2d(4 * width, 1, 3, padding=1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W), H and W multiples of 8, to (B, 2, H / 4, W / 4).

        The second channel has the larger patches, each four times.
        """
        near = self.near(images)  # (B, 2 width, H / 4, W / 4)
        large = F.interpolate(self.far_source(self.far(near)), scale_factor=2)
        return torch.cat([self.near_source(near), large], dim=1)


class SplitCritic(nn.Module):
    """A critic whose verdict and whose reading have a body each: it reads grey pictures only.

    Where both share a body that was taught by a few thousand faces, the reading answers to colours
    that no face has, orange eyelids for closed eyes, and the verdict, which looks at patches of
    half the face, lets them pass. Here the reader sees no colours, so that none can please it; and
    the verdict is `Patches`'. In the papers' critics one body does both.

    Args:
        labels, size, channels: see `Discriminator`; ``size`` a multiple of 8, too.
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
        self.patches = Patches(channels=channels, width=patch_width)

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
        grey = images.mean(dim=1, keepdim=True)
        return Judgement(self.patches(images), self.label(self.reader(grey)).flatten(1))
