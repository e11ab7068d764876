"""The networks of the judges: a `Reader` of numbers and a `Painter` of maps.

They stand where the papers used large networks trained on photographs (VGG-Face, Inception, a
face-alignment network). These are small, see the pictures of this book only, and are trained from
nothing. Chosen for speed on a processor without half precision:

1. *Stem.* A 4x4 convolution of stride 2: at full resolution the layers would cost more than all
   others together.
2. *Normalisation.* Over the batch. A judge is frozen before it judges, so a picture's verdict
   depends on that picture alone.
3. *Reading out.* Faces are cropped alike, so *where* something is says much: the last map is
   flattened, not averaged.
4. *Widths.* Multiples of 8.

Sizes: B batch, H = W = size, F features.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def check(images: Tensor, size: int) -> None:
    """Refuses what is not (B, 3, size, size) of floats.

    Raises:
        ValueError: another shape or another type.
    """
    if images.ndim != 4 or images.shape[1:] != (3, size, size) or not images.is_floating_point():
        raise ValueError(
            f"expected images (B, 3, {size}, {size}) of floats in [0, 1], "
            f"got {tuple(images.shape)} of {images.dtype}"
        )


def _layer(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation over the batch, ReLU: H to H / stride."""
    padding = (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Block(nn.Module):
    """Halves the resolution, then adds a correction."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.down = _layer(inputs, outputs, stride=2)
        self.more = _layer(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return x + self.more(x)


class Reader(nn.Module):
    """A picture in, numbers out: classes, units, an embedding or factors.

    Args:
        size: height and width of the pictures, a multiple of 16.
        outputs: how many numbers.
        width: channels of the stem; the last map has six times as many.
        features: F, numbers before the last, linear layer.
        dropout: of the features, while training.

    Raises:
        ValueError: for a size that is no multiple of 16, a width that is none of 8, or a count
            below one.

    >>> reader = Reader(size=32, outputs=8, width=8, features=16).eval()
    >>> images = torch.rand(2, 3, 32, 32)
    >>> tuple(reader(images).shape), tuple(reader.features(images).shape)
    ((2, 8), (2, 16))
    """

    def __init__(
        self, *, size: int, outputs: int, width: int = 16, features: int = 96, dropout: float = 0.0
    ):
        super().__init__()
        if size < 16 or size % 16:
            raise ValueError(f"size is a multiple of 16, got {size}")
        if width < 8 or width % 8:
            raise ValueError(f"width is a multiple of 8, got {width}")
        if outputs < 1 or features < 1:
            raise ValueError(f"outputs and features are positive, got {outputs}, {features}")
        self.size, self.num_features = size, features
        w = width
        self.layers = nn.Sequential(
            _layer(3, w, kernel=4, stride=2),  # (B, w, H/2, W/2)
            _layer(w, w),
            _Block(w, 2 * w),  # (B, 2w, H/4, W/4)
            _Block(2 * w, 4 * w),  # (B, 4w, H/8, W/8)
            _Block(4 * w, 6 * w),  # (B, 6w, H/16, W/16)
        )
        self.squeeze = nn.Sequential(
            nn.Linear(6 * w * (size // 16) ** 2, features, bias=False),
            nn.BatchNorm1d(features),
            nn.ReLU(inplace=True),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, outputs)

    def features(self, images: Tensor) -> Tensor:
        """The numbers before the last layer.

        Args:
            images: (B, 3, H, W) in [0, 1].

        Returns:
            (B, F), not negative.

        Raises:
            ValueError: when the shape is not that.
        """
        check(images, self.size)
        x = self.layers(2.0 * images - 1.0)  # (B, 6w, H/16, W/16)
        return self.squeeze(x.flatten(1))  # (B, F)

    def forward(self, images: Tensor) -> Tensor:
        """The answers, without a last non-linearity.

        Args:
            images: (B, 3, H, W) in [0, 1].

        Returns:
            (B, outputs).
        """
        return self.head(self.dropout(self.features(images)))  # (B, outputs)


class Painter(nn.Module):
    """A small U-Net: depth, normals and where the head is, from one picture.

    Args:
        size: height and width of the pictures, a multiple of 16.
        width: channels at full resolution; they double at each of three halvings.

    Raises:
        ValueError: for a size that is no multiple of 16, or a width that is none of 8.

    >>> maps = Painter(size=32, width=8)(torch.rand(2, 3, 32, 32))
    >>> tuple(maps.shape)
    (2, 5, 32, 32)
    """

    def __init__(self, *, size: int, width: int = 16):
        super().__init__()
        if size < 16 or size % 16:
            raise ValueError(f"size is a multiple of 16, got {size}")
        if width < 8 or width % 8:
            raise ValueError(f"width is a multiple of 8, got {width}")
        self.size = size
        w = width
        self.first = _layer(3, w)
        self.down = nn.ModuleList([_Block(w, 2 * w), _Block(2 * w, 4 * w), _Block(4 * w, 8 * w)])
        self.up = nn.ModuleList(
            [_layer(8 * w + 4 * w, 4 * w), _layer(4 * w + 2 * w, 2 * w), _layer(2 * w + w, w)]
        )
        self.head = nn.Conv2d(w, 5, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Five maps.

        Args:
            images: (B, 3, H, W) in [0, 1].

        Returns:
            (B, 5, H, W): depth in `DEPTH_UNIT` (see `data`), a normal of any length, and the logit
            of the head; `split` takes them apart.

        Raises:
            ValueError: when the shape is not that.
        """
        check(images, self.size)
        x = self.first(2.0 * images - 1.0)  # (B, w, H, W)
        skips = []
        for block in self.down:
            skips.append(x)
            x = block(x)  # (B, 2c, h/2, w/2)
        for layer in self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = layer(torch.cat([x, skips.pop()], dim=1))  # (B, c, h, w)
        return self.head(x)  # (B, 5, H, W)


def split(maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Depth (B, H, W), unit normals (B, 3, H, W) and the head's logits (B, H, W) of five maps."""
    maps = maps.contiguous()  # channel slices of channels_last maps are slow
    return maps[:, 0], F.normalize(maps[:, 1:4], dim=1), maps[:, 4]
