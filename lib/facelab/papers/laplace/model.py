"""The networks of Laplace Landmark Localization (Robinson et al., ICCV 2019, Sec. 3.4, Table 1).

`RCN` is the generator, a four-branch recombinator after Honari et al. (CVPR 2016): an encoder of
four resolutions, and a decoder that walks back from the coarsest to the finest, at each resolution
joining what it has with the encoder's features of that resolution. `PatchDiscriminator` judges
pairs of a picture and its heatmaps.

What the paper leaves open, and how it is settled here:

1. *Layer list.* Table 1 read literally has 1.78-1.79 M parameters at 64 channels; Table 3 says
   1.8724 M, and .4781/.1281/.0398/.0174 M for the narrower ones. The list below reproduces all
   five exactly: 3x3 3->c, five 3x3 c->c, one 1x1 c->c, three 1x1 2c->c, four 5x5 2c->2c,
   1x1 2c->K, two 1x1 K->K, each with a bias. (Table 3 prints .0389 for c=8; the abstract's .0398
   is what the list gives, so the table has two digits swapped.)
2. *Where the two 3x3 layers go that Table 1 does not list.* At the coarsest resolution, after the
   last pooling: there they widen the view most and cost least.
3. *Which features are joined.* Table 1 gives 128 channels at 10x10 behind D4, so the skip is the
   encoder's activation before its pooling, and the joining follows the up-sampling. The rows
   "D_F ... 20x20" repeat the size of the row below; a 5x5 layer keeps its input's size here.
4. *Up-sampling.* Bilinear x2 with ``align_corners=False``, which keeps pixel centres in place.
5. *Dropout.* "After all but the first and last activation" (text) contradicts Table 1, where E1
   has it and the first D_F has not. The text is followed. Element-wise, p = 0.2.
6. *Normalisation.* None is mentioned for G and none is used. Colours are mapped to [-1, 1].
7. *Initialisation.* Not given. He's, for the leaky slope of 0.2, biases at zero, so that the signal
   keeps its size through sixteen layers without normalisation; the last layer starts at a tenth of
   that, so that the first heatmaps are nearly flat and the first losses not arbitrary.
8. *Discriminator.* "4-layered PatchGAN" without widths, kernels or strides: the four-layer member
   of the pix2pix family, 4x4 kernels, strides 2, 2, 1, 1, widths 64-128-256-1, whose patch is
   34x34 pixels. Noise is added in training only.

Sizes: B batch, K landmarks, H and W height and width (any multiple of 16; the paper has 80x80).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of every leaky ReLU, in both networks (Sec. 3.4)


class _Dropout(torch.autograd.Function):
    """Element-wise dropout for CPUs, six times as fast as torch's.

    torch draws one number per element; here each byte of a 64-bit number decides about one
    element, so the probability is a multiple of 1/256 (51/256 = 0.1992 for 0.2).
    """

    @staticmethod
    def forward(ctx, x: Tensor, probability: float) -> Tensor:
        threshold = round(256 * probability)
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
        words.random_(-(2**63), None)  # all 64 bits
        drawn = words.view(torch.uint8)[: x.numel()].as_strided(x.shape, x.stride())
        factor = (drawn >= threshold).to(x.dtype).mul_(256 / (256 - threshold))
        ctx.save_for_backward(factor)
        return x * factor

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (factor,) = ctx.saved_tensors
        return grad * factor, None


def drop(x: Tensor, probability: float) -> Tensor:
    """Each element zero with ``probability``, the others enlarged so that the mean stays.

    >>> torch.manual_seed(0)  # doctest: +ELLIPSIS
    <torch._C.Generator ...>
    >>> dropped = drop(torch.ones(100, 100), 0.2)
    >>> sorted(round(v, 3) for v in dropped.unique().tolist())
    [0.0, 1.249]
    """
    dense = x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)
    if x.device.type == "cpu" and dense:
        return _Dropout.apply(x, probability)
    return F.dropout(x, probability, training=True)


def _disturb(x: Tensor, sigma: float) -> Tensor:
    """x plus Gaussian noise, which is drawn in the order of x's memory: six times as fast."""
    noise = torch.randn(x.numel(), dtype=x.dtype, device=x.device)
    return torch.add(x, noise.as_strided(x.shape, x.stride()), alpha=sigma)


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """A convolution that keeps the size, initialised for a leaky ReLU behind it."""
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE, nonlinearity="leaky_relu")
    nn.init.zeros_(layer.bias)
    return layer


class RCN(nn.Module):
    """Four-branch recombinator network: a picture in, one map of logits per landmark out (Table 1).

    Args:
        channels: width c of the encoder; the paper has 64 and, in Table 3, 32, 16, 8 and 4.
        landmarks: number K of heatmaps, 68 for 300-W and 19 for AFLW.
        dropout: probability of dropping an activation while training, in [0, 1).

    Raises:
        ValueError: for a size below one or a probability outside [0, 1).

    >>> network = RCN(channels=4)
    >>> sum(p.numel() for p in network.parameters())
    17408
    >>> network(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 68, 32, 32])
    """

    def __init__(self, *, channels: int = 64, landmarks: int = 68, dropout: float = 0.2):
        super().__init__()
        if channels < 1 or landmarks < 1:
            raise ValueError(
                f"channels and landmarks must be positive, got {channels}, {landmarks}"
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
        c, k = channels, landmarks
        self.channels, self.landmarks, self.dropout = channels, landmarks, dropout
        self.encoder = nn.ModuleList(_convolution(3 if i == 0 else c, c, 3) for i in range(4))
        self.coarsest = nn.ModuleList(_convolution(c, c, 3) for _ in range(2))
        # D4..D1 of Table 1: D4 has only the coarsest features before it, the others a joined pair.
        self.reduce = nn.ModuleList(_convolution(c if i == 0 else 2 * c, c, 1) for i in range(4))
        self.recombine = nn.ModuleList(_convolution(2 * c, 2 * c, 5) for _ in range(4))  # D_F
        self.head = nn.ModuleList([_convolution(2 * c, k, 1), _convolution(k, k, 1)])
        self.output = _convolution(k, k, 1)
        with torch.no_grad():
            self.output.weight.mul_(0.1)

    def _activate(self, features: Tensor, *, dropout: bool = True) -> Tensor:
        features = F.leaky_relu(features, SLOPE, inplace=True)
        if dropout and self.training and self.dropout:
            features = drop(features, self.dropout)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the heatmaps.

        Args:
            images: (B, 3, H, W) colours in [0, 1], H and W multiples of 16.

        Returns:
            (B, K, H, W) logits; `losses.soft_argmax` turns them into coordinates.

        Raises:
            ValueError: when the shape is not that.
        """
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % 16 or images.shape[3] % 16:
            raise ValueError(
                "expected images (B, 3, H, W) with H and W multiples of 16, "
                f"got {tuple(images.shape)}"
            )
        x = (2.0 * images - 1.0).to(self.encoder[0].weight.dtype)  # (B, 3, H, W)
        skips = []
        for level, convolution in enumerate(self.encoder):
            x = self._activate(convolution(x), dropout=level > 0)  # (B, c, H / 2^level, ...)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        for convolution in self.coarsest:
            x = self._activate(convolution(x))  # (B, c, H / 16, W / 16)
        for reduce, recombine in zip(self.reduce, self.recombine, strict=True):
            x = self._activate(reduce(x))  # (B, c, h / 2, w / 2)
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = torch.cat([x, skips.pop()], dim=1)  # (B, 2c, h, w)
            x = self._activate(recombine(x))  # (B, 2c, h, w)
        x = self._activate(self.head[0](x))  # (B, K, H, W)
        x = self._activate(self.head[1](x), dropout=False)
        return self.output(x)  # (B, K, H, W)


class PatchDiscriminator(nn.Module):
    """PatchGAN of four layers: is this heatmap a true one for this picture, patch by patch?

    Before each layer Gaussian noise is added while training; batch normalisation on the two middle
    layers, leaky ReLU on all but the last (Sec. 3.4).

    Args:
        landmarks: number K of heatmaps.
        widths: channels of the first three layers; the fourth has one.
        noise: standard deviation of the noise (0.2 in the paper).

    >>> PatchDiscriminator(landmarks=68)(torch.rand(2, 3, 80, 80), torch.rand(2, 68, 80, 80)).shape
    torch.Size([2, 1, 18, 18])
    """

    def __init__(
        self,
        *,
        landmarks: int = 68,
        widths: tuple[int, int, int] = (64, 128, 256),
        noise: float = 0.2,
    ):
        super().__init__()
        if noise < 0:
            raise ValueError(f"noise is a standard deviation, got {noise}")
        self.noise = noise
        sizes = (landmarks + 3, *widths, 1)
        self.layers = nn.ModuleList(
            nn.Conv2d(sizes[i], sizes[i + 1], 4, stride=2 if i < 2 else 1, padding=1)
            for i in range(4)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])

    def forward(self, images: Tensor, heatmaps: Tensor) -> Tensor:
        """Logit per patch, positive for "true".

        Args:
            images: (B, 3, H, W) colours in [0, 1].
            heatmaps: (B, K, H, W) probabilities, each map summing to one.

        Returns:
            (B, 1, H/4 - 2, W/4 - 2) logits.
        """
        x = torch.cat([images, heatmaps], dim=1)  # (B, K + 3, H, W)
        for index, layer in enumerate(self.layers):
            if self.training and self.noise:
                x = _disturb(x, self.noise)
            x = layer(x)
            if index in (1, 2):
                x = self.norms[index - 1](x)
            if index < 3:
                x = F.leaky_relu(x, SLOPE, inplace=True)
        return x  # (B, 1, H/4 - 2, W/4 - 2)
