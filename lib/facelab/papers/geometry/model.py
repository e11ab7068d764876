"""The geometry network of Bodur et al. (WACV 2021, Sec. 3.2), and maps as it takes them.

The RGB networks are StarGAN's: `facelab.gan.stargan.Generator(labels=8)`, 8,439,936 parameters, and
`Discriminator(labels=8, size=128)`, 44,786,624. Behind them stands a second pair: `Translator`
predicts the depth (or the normals) of a picture, and a `Discriminator` of one (or three) channels
judges whether such a map is real and which expression it shows.

What the paper leaves open, and how it is settled here:

1. *One generator or two.* "Trained in a similar way to the multi-domain translation network, where
   the domain is given as a condition": one `Generator` of two domains, geometry and picture, goes
   both ways, G_depth and G'_depth (Fig. 2's caption calls the former G_rgb once).
2. *Channels.* Not said. One network for both directions needs as many channels in as out: depth is
   tripled on its way in and averaged on its way out. The discriminator sees one channel.
3. *Sizes.* Not said. StarGAN's.
4. *Depth's zero and scale.* Not said. `depth_map`: 1 at the nearest point of the face, falling
   evenly to -1 at `SPAN` centimetres behind it, which is about the ear, and on the background.

Sizes: B batch, H and W height and width, G channels of the geometry.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from facelab.gan.stargan import Generator

Geometry = Literal["depth", "normals"]
CHANNELS = {"depth": 1, "normals": 3}
SPAN = 14.0  # cm of depth from 1 to -1
GEOMETRY, PICTURE = 0, 1  # the two domains


def depth_map(depth: Tensor, *, span: float = SPAN) -> Tensor:
    """Depth in centimetres as the networks take it: 1 at the nearest point, -1 far and nowhere.

    Args:
        depth: (B, H, W) cm along the viewing axis, nan on the background, as rendered.
        span: cm over which it falls from 1 to -1.

    Returns:
        (B, 1, H, W) in [-1, 1].

    Raises:
        ValueError: for another shape, or a span that is not positive.

    >>> depth_map(torch.tensor([[[100.0, 107.0, 150.0, torch.nan]]]))[0, 0].tolist()
    [[1.0, 0.0, -1.0, -1.0]]
    """
    if depth.ndim != 3 or span <= 0:
        raise ValueError(f"expected depth (B, H, W) and span > 0, got {tuple(depth.shape)}, {span}")
    known = depth.isfinite()
    there = torch.where(known, depth, torch.inf)
    nearest = there.flatten(1).amin(dim=1)[:, None, None]  # (B, 1, 1)
    behind = torch.where(known, depth - nearest, span)  # (B, H, W) cm, never inf - inf
    return (1.0 - 2.0 * behind / span).clamp_min(-1.0).unsqueeze(1)


def normal_map(normals: Tensor) -> Tensor:
    """Unit normals as the networks take them: (B, 3, H, W), 0 on the background."""
    return normals.nan_to_num(0.0)


class Translator(nn.Module):
    """G_depth and G'_depth: a picture to its geometry, and back.

    Args:
        geometry: "depth" or "normals".
        width, blocks, resized, modulated: see `facelab.gan.stargan.Generator`; the label that
            modulates is the domain.

    Raises:
        ValueError: for another geometry.

    >>> network = Translator(geometry="depth", width=4, blocks=1)
    >>> maps = network(torch.rand(2, 3, 16, 16))
    >>> maps.shape, network.back(maps).shape
    (torch.Size([2, 1, 16, 16]), torch.Size([2, 3, 16, 16]))
    """

    def __init__(
        self,
        *,
        geometry: Geometry = "depth",
        width: int = 64,
        blocks: int = 6,
        resized: bool = False,
        modulated: bool = False,
    ):
        super().__init__()
        if geometry not in CHANNELS:
            raise ValueError(f"geometry is one of {', '.join(CHANNELS)}, got {geometry!r}")
        self.geometry = geometry
        self.generator = Generator(
            labels=2, width=width, blocks=blocks, resized=resized, modulated=modulated
        )

    def forward(self, images: Tensor) -> Tensor:
        """G_depth.

        Args:
            images: (B, 3, H, W) in [-1, 1], H and W multiples of 4.

        Returns:
            (B, G, H, W) in [-1, 1], G = 1 for depth and 3 for normals.
        """
        maps = self.generator(images, self._domain(images, GEOMETRY))  # (B, 3, H, W)
        return maps.mean(dim=1, keepdim=True) if self.geometry == "depth" else maps

    def back(self, maps: Tensor) -> Tensor:
        """G'_depth: geometry (B, G, H, W) to the picture (B, 3, H, W) that has it."""
        if maps.ndim != 4 or maps.shape[1] != CHANNELS[self.geometry]:
            raise ValueError(
                f"expected {self.geometry} (B, {CHANNELS[self.geometry]}, H, W), "
                f"got {tuple(maps.shape)}"
            )
        maps = maps.expand(-1, 3, -1, -1)
        return self.generator(maps, self._domain(maps, PICTURE))

    def _domain(self, images: Tensor, domain: int) -> Tensor:
        labels = images.new_zeros(len(images), 2)
        labels[:, domain] = 1.0
        return labels


class Features(nn.Module):
    """V of the perceptual loss, where the paper has VGG19: convolutions that nobody has trained.

    No trained network comes with this library, and a judge that scores a generator must not have
    taught it. Random filters respond to edges and textures of several sizes, too: where two maps
    differ in these, so do the responses.

    Args:
        width: channels of the first layer; each further one has twice as many.
        layers: halvings.
        seed: of the filters.

    >>> [tuple(layer.shape) for layer in Features(width=4)(torch.rand(2, 3, 16, 16))]
    [(2, 4, 8, 8), (2, 8, 4, 4), (2, 16, 2, 2)]
    """

    def __init__(self, *, width: int = 16, layers: int = 3, seed: int = 0):
        super().__init__()
        self.layers = nn.ModuleList()
        filters = torch.Generator().manual_seed(seed)
        before = 3
        for after in (width * 2**i for i in range(layers)):
            layer = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
            nn.init.kaiming_normal_(layer.weight, generator=filters)
            self.layers.append(layer)
            before = after
        self.requires_grad_(False)

    def forward(self, maps: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] to the responses of each layer, (B, C, H / 2^i, W / 2^i)."""
        found = []
        for layer in self.layers:
            maps = layer(maps).relu()
            found.append(maps)
        return found
