"""IcGAN (Perarnau, van de Weijer, Raducanu and Alvarez, arXiv 1611.06355): a conditional GAN, run
backwards.

A generator makes a picture G(z, y) of noise z and a label y. Then two encoders learn to invert it:
E_z on what it makes, where z is known, and E_y on real pictures, where y is:

    L_ez = E||z - E_z(G(z, y))||_2^2 ,    L_ey = E||y - E_y(x)||_2^2 ,

and a picture x is edited to another label y' as G(E_z(x), y'). Nothing asks that the person stays:
E_z has seen no real picture, and what the generator cannot make is lost. That is the known weakness
of the method, and why it stands in comparisons.

What differs from the paper, or is not in it, and how it is settled here:

1. *Sizes.* After DCGAN as the paper's: a linear layer to 4x4 (3x3 for 48 pixels), then doublings
   by 4x4 transposed convolutions with batch normalisation; pictures of 64 pixels, 100 numbers of z.
   The encoders are as many 4x4 halvings with batch normalisation and one linear layer, two networks
   that share nothing (the paper's variant IND). Small throughout.
2. *Where y enters.* The generator gets it beside z, at its first layer, where the paper finds it
   best. The paper's critic gets it, too; here the critic is `facelab.gan.critics.Discriminator`,
   as all baselines have it, which reads y instead (Odena et al., ICML 2017), and the generator
   must be read right.
3. *Labels.* One-hot expressions, not binary attributes: an edit replaces all of y, and E_y is
   needed for the way back alone, G(E_z(x), E_y(x)). Labels of generated pictures are drawn evenly.
4. *Averages.* The encoders invert the averaged generator, with the statistics that it kept.

Sizes: B batch, H = W height and width, Z numbers of z, L labels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.gan.critics import SLOPE
from facelab.gan.losses import Kind, generator_loss
from facelab.gan.stargan import one_hot

COARSEST = (4, 3)  # pixels a side where the generator begins and the encoders end


def halvings(size: int) -> tuple[int, int]:
    """How often a picture's side halves, and to how many pixels, 4 or 3.

    Raises:
        ValueError: when it halves to neither.

    >>> halvings(64), halvings(48)
    ((4, 4), (4, 3))
    """
    for side in COARSEST:
        times = (size // side).bit_length() - 1
        if times >= 1 and size == side * 2**times:
            return times, side
    raise ValueError(f"expected a size of 4 or 3 times a power of two, 6 or more; got {size}")


class Generator(nn.Module):
    """Noise and a label to a picture, G(z, y).

    Args:
        labels: L.
        size: of the picture, see `halvings`.
        latent: Z.
        width: channels before the last layer; each coarser one has twice as many.

    Raises:
        ValueError: for a size that no doublings reach.

    >>> network = Generator(labels=8, size=64)
    >>> sum(p.numel() for p in network.parameters())
    3642240
    """

    def __init__(self, *, labels: int, size: int, latent: int = 100, width: int = 64):
        super().__init__()
        times, self.coarsest = halvings(size)
        self.labels, self.latent = labels, latent
        widths = [width * 2**k for k in reversed(range(times))]
        self.first = nn.Linear(latent + labels, widths[0] * self.coarsest**2, bias=False)
        layers: list[nn.Module] = []
        for before, after in zip(widths, [*widths[1:], 3], strict=True):
            double = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
            layers += [nn.BatchNorm2d(before), nn.ReLU(inplace=True), double]
        self.layers = nn.Sequential(*layers)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        """G(z, y).

        Args:
            noise: (B, Z) z, normal.
            labels: (B, L) y, one-hot, or what E_y says.

        Returns:
            (B, 3, size, size) in [-1, 1].

        Raises:
            ValueError: when the shapes are not those.
        """
        B = len(noise)
        shapes = tuple(noise.shape), tuple(labels.shape)
        if shapes != ((B, self.latent), (B, self.labels)):
            raise ValueError(
                f"expected noise (B, {self.latent}) and labels (B, {self.labels}), "
                f"got {shapes[0]} and {shapes[1]}"
            )
        x = self.first(torch.cat([noise, labels], dim=1))  # (B, C k k)
        return self.layers(x.view(B, -1, self.coarsest, self.coarsest)).tanh()


class Encoder(nn.Module):
    """A picture to some numbers: E_z to z, E_y to y.

    Args:
        outputs: Z or L.
        size: of the pictures, see `halvings`.
        width: channels of the first layer; each further one has twice as many.

    Raises:
        ValueError: for a size that halves to neither 4 nor 3 pixels.

    >>> Encoder(outputs=100, size=32, width=4)(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 100])
    """

    def __init__(self, *, outputs: int, size: int, width: int = 32):
        super().__init__()
        self.size = size
        layers: list[nn.Module] = []
        before = 3
        times, coarsest = halvings(size)
        for k in range(times):
            after = width * 2**k
            halve = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
            layers += [halve, nn.BatchNorm2d(after), nn.LeakyReLU(SLOPE, inplace=True)]
            before = after
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(before * coarsest**2, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, size, size) in [-1, 1] to (B, outputs).

        Raises:
            ValueError: when the shape is not that.
        """
        if images.ndim != 4 or tuple(images.shape[1:]) != (3, self.size, self.size):
            raise ValueError(
                f"expected images (B, 3, {self.size}, {self.size}), got {tuple(images.shape)}"
            )
        return self.last(self.layers(images).flatten(1))


class Editor(nn.Module):
    """The three networks together: a picture to one of another label.

    Args:
        labels, size, latent: see `Generator`.
        width, encoder_width: of the generator and of both encoders.

    >>> editor = Editor(labels=8, size=32, latent=16, width=4, encoder_width=4).eval()
    >>> editor(torch.rand(2, 3, 32, 32), torch.eye(8)[:2]).shape
    torch.Size([2, 3, 32, 32])
    """

    def __init__(self, *, encoder_width: int = 32, **sizes: Any):
        super().__init__()
        self.generator = Generator(**sizes)
        own = {"size": sizes["size"], "width": encoder_width}
        self.noise = Encoder(outputs=self.generator.latent, **own)  # E_z
        self.label = Encoder(outputs=self.generator.labels, **own)  # E_y

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """G(E_z(x), y'): pictures (B, 3, H, W) in [-1, 1] with the labels (B, L)."""
        return self.generator(self.noise(images), labels)


def generator_terms(
    critic: nn.Module, fake: Tensor, target: Tensor, *, kind: Kind = "logistic"
) -> dict[str, Tensor]:
    """The losses of the generator, without their weights: real to the critic, and of its class.

    Args:
        critic: a `facelab.gan.critics.Discriminator` whose weights ask for no gradients.
        fake: (B, 3, H, W) G(z, y).
        target: (B,) int64, the classes y.
        kind: of the adversarial loss.

    Returns:
        "adversarial" and "classification", scalars.
    """
    judged = critic(fake)
    return {
        "adversarial": generator_loss(judged.source, kind=kind),
        "classification": F.cross_entropy(judged.labels, target),
    }


def encoder_terms(
    editor: Editor, noise: Tensor, made: Tensor, images: Tensor, target: Tensor
) -> dict[str, Tensor]:
    """L_ez = E||z - E_z(G(z, y))||_2^2 and L_ey = E||y - E_y(x)||_2^2, means over Z and L.

    Args:
        editor: whose encoders learn.
        noise: (B, Z) z of the pictures ``made``.
        made: (B, 3, H, W) G(z, y), a constant.
        images: (B, 3, H, W) real ones of the classes ``target``.
        target: (B,) int64.

    Returns:
        "noise" and "label", scalars.
    """
    labels = one_hot(target, editor.generator.labels)
    return {
        "noise": F.mse_loss(editor.noise(made), noise),
        "label": F.mse_loss(editor.label(images), labels),
    }
