"""The networks of StarGAN (Choi et al., CVPR 2018, Tables 4 and 5), at any width and depth.

`Generator` translates a picture to a label, `Discriminator` judges patches of a picture and reads
its label. GANimation has both with another head each, so `Trunk`, the generator without its head,
stands by itself.

What is settled here:

1. *Colours* are in [-1, 1], as the generator ends in tanh and as the losses' weights assume:
   `signed` and `unit` change between that and the [0, 1] of all other pictures of this library.
2. *Instance normalisation without running statistics.* The authors' code keeps them, and then uses
   them in evaluation, where each picture's own ones were used in training: the colours shift. The
   number of parameters is the same.
3. *The label* is tiled over the picture and concatenated, as in the paper, Sec. 3.
4. *Initialisation* is torch's, as in the authors' code.
5. *Where the label acts.* Instance normalisation subtracts the mean of each channel, and with it
   what a constant plane adds. What is left of the label of point 3 comes from the zeros about the
   picture and thins towards its middle, where the face is. Long trainings manage; for short ones
   `Trunk` can let the label scale and shift the normalised features of each residual block
   (``modulated``).

Sizes: B batch, H and W height and width, L labels (domains, action units), C channels.
"""

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.01  # of every leaky ReLU of the discriminator (Table 5)


def signed(images: Tensor) -> Tensor:
    """Colours from [0, 1] to [-1, 1].

    >>> signed(torch.tensor([0.0, 0.5, 1.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return 2.0 * images - 1.0


def unit(images: Tensor) -> Tensor:
    """Colours from [-1, 1] to [0, 1]; what lies outside is clipped.

    >>> unit(torch.tensor([-1.0, 0.0, 1.5])).tolist()
    [0.0, 0.5, 1.0]
    """
    return (0.5 * images + 0.5).clamp(0.0, 1.0)


def moved(images: Tensor, towards: Tensor) -> Tensor:
    """Colours moved to black or white, C = I + t - |t| I, which stay in [-1, 1].

    Near t = 0 the picture is as it was. So an edit can grow from the picture, and a short training
    need not first learn to copy.

    Args:
        images: (B, C, H, W) I in [-1, 1].
        towards: (B, C, H, W) t in [-1, 1]: -1 is black, 1 is white, 0 leaves the colour.

    >>> moved(torch.tensor([0.5, 0.5, 0.5]), torch.tensor([-1.0, 0.0, 0.5])).tolist()
    [-1.0, 0.5, 0.75]
    """
    return torch.addcmul(images + towards, towards.abs(), images, value=-1.0)


def one_hot(labels: Tensor, count: int) -> Tensor:
    """Classes (B,) int64 as the generator takes them: (B, count) float32.

    >>> one_hot(torch.tensor([2, 0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return F.one_hot(labels, count).to(torch.float32)


def tiled(images: Tensor, labels: Tensor) -> Tensor:
    """A picture with its target label as further channels, each constant.

    Args:
        images: (B, C, H, W).
        labels: (B, L), one-hot classes or intensities in [0, 1].

    Returns:
        (B, C + L, H, W).
    """
    B, _, H, W = images.shape  # batch, channels, height, width
    planes = labels.to(images.dtype)[:, :, None, None].expand(B, labels.shape[1], H, W)
    return torch.cat([images, planes], dim=1)  # (B, C + L, H, W)


def tiled_convolution(layer: nn.Conv2d, images: Tensor, labels: Tensor) -> Tensor:
    """``layer(tiled(images, labels))``, without the convolution of the constant planes.

    A constant plane answers with one number a channel, save near the border where the kernel hangs
    over it. So the planes are convolved on a square as small as the kernel, whose middle row and
    column then stand for all that do not feel the border. With 17 units and 3 colours that leaves
    a sixth of the work.

    Args:
        layer: k x k, k odd, stride 1, padding (k - 1) / 2, zeros about the picture, no bias.
        images: (B, C, H, W), H and W at least k.
        labels: (B, L), C + L the layer's inputs; L may be 0.

    Returns:
        (B, layer.out_channels, H, W).
    """
    if not labels.shape[1]:
        return layer(images)
    B, C, H, W = images.shape  # batch, channels, height, width
    pad, size = layer.padding[0], layer.kernel_size[0]
    if min(H, W) < size:
        return layer(tiled(images, labels))
    planes = labels.to(images.dtype)[:, :, None, None].expand(B, labels.shape[1], size, size)
    small = F.conv2d(planes, layer.weight[:, C:], padding=pad)  # (B, O, k, k)
    row, column = (torch.arange(n, device=images.device) for n in (H, W))
    row = row.clamp(max=pad) + (row - (H - 1 - pad)).clamp(min=0)  # 0 .. pad .. pad .. k - 1
    column = column.clamp(max=pad) + (column - (W - 1 - pad)).clamp(min=0)
    spread = small[:, :, row][..., column]  # (B, O, H, W)
    return F.conv2d(images, layer.weight[:, :C], padding=pad) + spread


def _normalised(layer: nn.Module, channels: int) -> list[nn.Module]:
    norm = nn.InstanceNorm2d(channels, affine=True, track_running_stats=False)
    return [layer, norm, nn.ReLU(inplace=True)]


def _halved(channels: int) -> list[nn.Module]:
    """(B, C, H, W) to (B, 2 C, H / 2, W / 2)."""
    layer = nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=False)
    return _normalised(layer, 2 * channels)


def _doubled(channels: int, resized: bool) -> list[nn.Module]:
    """(B, C, H, W) to (B, C / 2, 2 H, 2 W)."""
    if resized:
        layer = nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False)
        return [nn.UpsamplingNearest2d(scale_factor=2), *_normalised(layer, channels // 2)]
    layer = nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=False)
    return _normalised(layer, channels // 2)


class Residual(nn.Module):
    """x + two 3x3 convolutions of it, with instance normalisation: (B, C, H, W) to the same.

    Args:
        channels: C.
        labels: L of a label that scales and shifts the first normalised features, channel by
            channel (Perez et al. 2018); 0 as in the paper for none.
    """

    def __init__(self, *, channels: int, labels: int = 0):
        super().__init__()
        first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        # no activation after the sum
        self.layers = nn.Sequential(
            *_normalised(first, channels), *_normalised(second, channels)[:-1]
        )
        self.modulation = nn.Linear(labels, 2 * channels) if labels else None

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        y = self.layers[:2](x)  # convolved and normalised
        if self.modulation is not None:
            scale, shift = self.modulation(labels)[:, :, None, None].chunk(2, dim=1)  # (B, C, 1, 1)
            y = torch.addcmul(shift, y, 1.0 + scale)
        return x + self.layers[2:](y)


class Trunk(nn.Module):
    """The generator up to its head: two halvings, residual blocks, two doublings (Table 4).

    Args:
        inputs: channels of the picture and its label together.
        width: channels of the first layer; the paper has 64, and the coarsest layers four times
            as many.
        blocks: residual blocks; the paper has 6.
        resized: double by repeating pixels and a 3x3 convolution, which draws no chequers,
            instead of the paper's transposed convolution.
        modulated: labels of the residual blocks, as many as ``inputs`` has planes of; 0 for none
            as in the paper, see point 5 above.

    >>> trunk = Trunk(inputs=8, width=4, blocks=1)
    >>> trunk(torch.rand(2, 3, 16, 16), torch.rand(2, 5)).shape
    torch.Size([2, 4, 16, 16])
    """

    def __init__(
        self, *, inputs: int, width: int, blocks: int, resized: bool = False, modulated: int = 0
    ):
        super().__init__()
        if min(inputs, width) < 1 or blocks < 0:
            raise ValueError(
                f"expected inputs and width >= 1, blocks >= 0; got {inputs}, {width}, {blocks}"
            )
        w = width
        self.layers = nn.Sequential(
            *_normalised(nn.Conv2d(inputs, w, 7, padding=3, bias=False), w),
            *_halved(w),
            *_halved(2 * w),
            *(Residual(channels=4 * w, labels=modulated) for _ in range(blocks)),
            *_doubled(4 * w, resized),
            *_doubled(2 * w, resized),
        )

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """(B, C, H, W), H and W multiples of 4, and (B, L) to features (B, width, H, W).

        L may be 0, where every input is a picture's.
        """
        x = tiled_convolution(self.layers[0], images, labels)  # (B, width, H, W)
        for layer in self.layers[1:]:
            x = layer(x, labels) if isinstance(layer, Residual) else layer(x)
        return x


class Generator(nn.Module):
    """A picture and a label to the picture with that label (Table 4).

    Args:
        labels: L; 5 for the paper's CelebA attributes, 8 for expressions.
        width, blocks, resized: see `Trunk`.
        modulated: the label also acts in each residual block, see there.
        moved: colours are the picture's, `moved`, instead of new ones; not in the paper.
        channels: of the picture, and of the one that is made.

    >>> network = Generator(labels=5)
    >>> sum(p.numel() for p in network.parameters())
    8430528
    """

    def __init__(
        self,
        *,
        labels: int,
        width: int = 64,
        blocks: int = 6,
        channels: int = 3,
        resized: bool = False,
        modulated: bool = False,
        moved: bool = False,
    ):
        super().__init__()
        self.labels, self.channels, self.moved = labels, channels, moved
        self.trunk = Trunk(
            inputs=channels + labels,
            width=width,
            blocks=blocks,
            resized=resized,
            modulated=labels if modulated else 0,
        )
        self.head = nn.Conv2d(width, channels, 7, padding=3, bias=False)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """The picture with another label.

        Args:
            images: (B, C, H, W) in [-1, 1], H and W multiples of 4.
            labels: (B, L) the target, one-hot or intensities.

        Returns:
            (B, C, H, W) in [-1, 1].

        Raises:
            ValueError: when the shapes are not those.
        """
        check_input(images, labels, self.channels, self.labels)
        colour = self.head(self.trunk(images, labels)).tanh()  # (B, C, H, W)
        return moved(images, colour) if self.moved else colour


def check_input(images: Tensor, labels: Tensor, channels: int, count: int) -> None:
    """Raises ValueError where pictures or labels have another shape than a generator takes."""
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != channels or shape[2] % 4 or shape[3] % 4:
        raise ValueError(
            f"expected images (B, {channels}, H, W) with H and W multiples of 4, got {shape}"
        )
    if tuple(labels.shape) != (shape[0], count):
        raise ValueError(f"expected labels {(shape[0], count)}, got {tuple(labels.shape)}")


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
