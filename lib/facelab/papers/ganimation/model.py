"""The generator of GANimation (Pumarola et al., ECCV 2018, Sec. 4.1), and how its edit is composed.

The generator gets a picture and the intensities of N action units. It makes a colour map C and an
attention map A, and the edited picture is

    I_f = (1 - A) C + A I        (Eq. 1),

so that A = 1 keeps the picture and A = 0 takes the new colours. The critic is
`facelab.gan.critics.Discriminator(labels=17, size=128)`, 44,860,352 parameters.

What the paper leaves open, and how it is settled here:

1. *Which way A points.* The published version and the authors' code have Eq. 1 as above; the first
   arXiv version printed A and 1 - A the other way round, and so do texts that follow it. It is not
   only a name: the attention loss pulls A to zero, which here means "draw the face anew", and keeps
   A from saturating at 1, where the generator would copy its input. The other way round the same
   loss would favour copying.
2. *Layers.* Not listed. The body of StarGAN (`facelab.gan.stargan.Trunk`) with two 7x7 heads side
   by side, tanh for C and a logistic function for A, as in the authors' code.
3. *N.* Never said; Fig. 7 speaks of 14. The code has the 17 intensities that OpenFace gives, and
   so has this library (`facelab.faces.UNITS`: other four of them).
4. *Initialisation.* Normal with standard deviation 0.02, as in the code; of the norms' scale, too,
   about one.

Sizes: B batch, H and W height and width, N action units.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.gan.stargan import Trunk, check_input, moved

DEVIATION = 0.02  # of the initial weights


class Edit(NamedTuple):
    """What the generator makes.

    Attributes:
        image: (B, 3, H, W) I_f in [-1, 1].
        colour: (B, 3, H, W) C in [-1, 1].
        attention: (B, 1, H, W) A in [0, 1]; 1 keeps the input's pixel.
    """

    image: Tensor
    colour: Tensor
    attention: Tensor


def compose(colour: Tensor, attention: Tensor, images: Tensor) -> Tensor:
    """Eq. 1: (1 - A) C + A I.

    Args:
        colour: (B, 3, H, W) in [-1, 1].
        attention: (B, 1, H, W) in [0, 1].
        images: (B, 3, H, W) in [-1, 1].

    Returns:
        (B, 3, H, W), between the colour and the picture everywhere.

    >>> black, white = -torch.ones(1, 3, 1, 2), torch.ones(1, 3, 1, 2)
    >>> compose(black, torch.tensor([[[[1.0, 0.25]]]]), white)[0, 0].tolist()
    [[1.0, -0.5]]
    """
    return torch.lerp(colour, images, attention)


class Generator(nn.Module):
    """A picture and the units that it shall show to an `Edit`.

    Args:
        units: N.
        width, blocks, resized: of the body, see `facelab.gan.stargan.Trunk`.
        modulated: the units also act in each residual block, see there.
        moved: colours are the picture's, `facelab.gan.stargan.moved` by the head's, instead of new
            ones. At first C is I nearly, so that an edit can grow without passing through grey, and
            nothing draws the attention to 1.
        kept: the mean of A at first, in (0, 1); the bias of the attention head. None leaves the
            head without a bias, as in the authors' code, where A starts near 1/2.

    >>> network = Generator(units=17)
    >>> sum(p.numel() for p in network.parameters())
    8471296
    """

    def __init__(
        self,
        *,
        units: int,
        width: int = 64,
        blocks: int = 6,
        kept: float | None = None,
        resized: bool = False,
        modulated: bool = False,
        moved: bool = False,
    ):
        super().__init__()
        if kept is not None and not 0.0 < kept < 1.0:
            raise ValueError(f"kept is a share between 0 and 1, got {kept}")
        self.units, self.moved = units, moved
        self.trunk = Trunk(
            inputs=3 + units,
            width=width,
            blocks=blocks,
            resized=resized,
            modulated=units if modulated else 0,
        )
        self.colour = nn.Conv2d(width, 3, 7, padding=3, bias=False)
        self.attention = nn.Conv2d(width, 1, 7, padding=3, bias=kept is not None)
        initialise(self)
        if kept is not None:
            nn.init.constant_(self.attention.bias, torch.tensor(kept).logit().item())

    def forward(self, images: Tensor, units: Tensor) -> Edit:
        """The picture with other units.

        Args:
            images: (B, 3, H, W) in [-1, 1], H and W multiples of 4.
            units: (B, N) intensities in [0, 1].

        Raises:
            ValueError: when the shapes are not those.
        """
        check_input(images, units, 3, self.units)
        x = self.trunk(images, units)  # (B, width, H, W)
        heads = torch.cat([self.colour.weight, self.attention.weight])  # (4, width, 7, 7)
        x = F.conv2d(x, heads, padding=3)  # (B, 4, H, W), both heads in one pass
        colour, attention = x[:, :3].tanh(), x[:, 3:]
        if self.attention.bias is not None:
            attention = attention + self.attention.bias
        attention = attention.sigmoid()
        if self.moved:
            colour = moved(images, colour)
        return Edit(compose(colour, attention, images), colour, attention)


def initialise(network: nn.Module, deviation: float = DEVIATION) -> None:
    """Normal weights for convolutions and, about one, for norms; for a critic, too."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, deviation)
        elif isinstance(layer, nn.GroupNorm):
            nn.init.normal_(layer.weight, 1.0, deviation)
            nn.init.zeros_(layer.bias)
