"""The generator of StarGAN (Choi et al., CVPR 2018, Table 4), at any width and depth.

`Generator` translates a picture to a label. GANimation has it with another head, so `Trunk`, the
generator without its head, stands by itself. The critic is `facelab.gan.critics.Discriminator`.

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

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
    x = F.conv2d(planes, layer.weight[:, C:], padding=pad)  # (B, O, k, k)
    top, middle, bottom = x.split([pad, 1, pad], dim=2)
    x = torch.cat([top, middle.expand(-1, -1, H - 2 * pad, -1), bottom], dim=2)  # (B, O, H, k)
    left, middle, right = x.split([pad, 1, pad], dim=3)
    x = torch.cat([left, middle.expand(-1, -1, -1, W - 2 * pad), right], dim=3)  # (B, O, H, W)
    return F.conv2d(images, layer.weight[:, :C], padding=pad) + x


def _normalised(layer: nn.Module, channels: int) -> list[nn.Module]:
    # One channel a group is instance normalisation; torch's own takes twice as long.
    return [layer, nn.GroupNorm(channels, channels), nn.ReLU(inplace=True)]


def _halved(channels: int) -> list[nn.Module]:
    """(B, C, H, W) to (B, 2 C, H / 2, W / 2)."""
    layer = nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=False)
    return _normalised(layer, 2 * channels)


def _doubled(channels: int, resized: bool) -> list[nn.Module]:
    """(B, C, H, W) to (B, C / 2, 2 H, 2 W)."""
    if resized:
        layer = ResizedConv2d(channels, channels // 2, 3, padding=1, bias=False)
    else:
        layer = nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=False)
    return _normalised(layer, channels // 2)


class ResizedConv2d(nn.Conv2d):
    """A 3x3 convolution of a picture whose pixels are repeated, ``layer(nearest(x, 2))``.

    Two neighbours under the kernel are often one pixel twice. So their weights are summed instead,
    and a transposed convolution of the small picture does all at once, in half the time or less. Of
    kernels with four taps it takes the few that draw no chequers.

    (B, C, H, W) to (B, out_channels, 2 H, 2 W); 3x3, stride 1, padding 1, no bias.
    """

    def forward(self, x: Tensor) -> Tensor:
        kernel = _four_taps(_four_taps(self.weight).mT).mT  # (O, C, 4, 4)
        return F.conv_transpose2d(x, kernel.transpose(0, 1), stride=2, padding=1)


def _four_taps(weight: Tensor) -> Tensor:
    """(..., 3) to (..., 4): what each tap of the transposed convolution stands for."""
    left, middle, right = weight.unbind(dim=-1)
    return torch.stack([right, middle + right, left + middle, left], dim=-1)


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
