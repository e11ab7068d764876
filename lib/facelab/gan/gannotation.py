"""GANnotation (Sanchez and Valstar, arXiv 1811.03492): a picture redrawn to other landmarks.

The generator gets a picture x and a Gaussian map for each of the 68 landmarks b that the face shall
have, G(x, b). Its body is StarGAN's; with one map a landmark it has 8,628,096 parameters at the
authors' width. Beside the self-consistency G(G(x, b), a) = x, a the landmarks of x, it learns that
an edited picture is as good a source as a photograph, the triple consistency

    L_triple = E||G(x, c) - G(G(x, b), c)||_1 .

It stands here as a baseline of expression synthesis: c are the landmarks of the same face with
another expression. What the paper and its code leave open, or cannot be had here:

1. *Which generator.* The code has two: that of the demonstration composes its picture with a mask
   (66 maps, 8,621,888 parameters), that of the training is plain and has 68 maps, 8,628,096. The
   latter is used. Re-implementations report masks that saturate.
2. *Pairs.* The authors train on pairs of frames of one video, with E||G(x, c) - y||_1 to the true
   frame y. Sets of expressions have no pairs, and without them all that remains is
   satisfied by G(x, c) = x: the code's critic sees the picture alone. So here the critic sees a
   picture *with* the maps (Isola et al., CVPR 2017), and a picture that does not lie under its
   maps is no real pair. With ``Weights.mismatched`` it is also told so: real pictures under the
   maps that were asked for are fakes, too (Reed et al., ICML 2016).
3. *Perceptual loss.* V is VGG16 in the code, between the edit and the true frame. Without pairs it
   compares x with its way back, where nothing shall differ; between x and the edit it would punish
   the expression. It needs a network that is handed in; without one the term is left out.
4. *Weights.* The code has two sets, its classes' and its command line's: a hundredth of the other,
   but for the variation, a thousandth, and with a perceptual loss, which the first leaves out. Adam
   does not feel a common factor. `Weights` has the first, and the perceptual loss in its scale.
5. *Width of the maps.* Not known. Standard deviation 0.02 of the side, 2.6 of 128 pixels.
6. *Colours, norms, initialisation.* As StarGAN's, see `facelab.gan.stargan`.

Sizes: B batch, K landmarks, M maps, H and W height and width.
"""

from collections.abc import Callable
from typing import Literal

import pydantic
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.gan import training
from facelab.gan.critics import Discriminator, Judgement, Patches
from facelab.gan.losses import Kind, generator_loss, total_variation
from facelab.gan.stargan import Trunk, moved

Maps = Literal["points", "parts"]
# Of iBUG-68: contour, brows, ridge and base of the nose, eyes, outer and inner lips.
PARTS = (range(0, 17), range(17, 22), range(22, 27), range(27, 31), range(31, 36), range(36, 42),
         range(42, 48), range(48, 60), range(60, 68))  # fmt: skip
COUNTS = {"points": 68, "parts": len(PARTS)}  # of maps


class Weights(pydantic.BaseModel):
    """How much each term counts; the defaults are those of the authors' classes.

    Attributes:
        kind: of the adversarial loss; "wasserstein" with a penalty in the code.
        adversarial: of the critic's verdict.
        cycle: of the self-consistency.
        triple: of the triple consistency.
        perceptual: of the features' distance, where a feature network is handed in.
        variation: of the total variation, summed over a picture.
        penalty: of the critic's slopes between real and edited pictures.
        r1: of its slopes at real pictures; not in the code.
        mismatched: the critic also learns from real pictures under other maps; not in the code,
            and only without ``penalty``, which needs as many real as other pictures.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "wasserstein"
    adversarial: float = pydantic.Field(default=1.0, ge=0)
    cycle: float = pydantic.Field(default=100.0, ge=0)
    triple: float = pydantic.Field(default=100.0, ge=0)
    perceptual: float = pydantic.Field(default=10.0, ge=0)
    variation: float = pydantic.Field(default=1e-5, ge=0)
    penalty: float = pydantic.Field(default=10.0, ge=0)
    r1: float = pydantic.Field(default=0.0, ge=0)
    mismatched: bool = False

    @pydantic.model_validator(mode="after")
    def _equal_numbers(self) -> "Weights":
        if self.mismatched and self.penalty:
            raise ValueError(f"mismatched needs penalty 0, got {self.penalty}")
        return self


def heatmaps_plain(landmarks: Tensor, *, size: int, sigma: float) -> Tensor:
    """The formula of `heatmaps`, pixel by pixel. The reference."""
    places = torch.arange(size, dtype=landmarks.dtype, device=landmarks.device)
    y, x = torch.meshgrid(places, places, indexing="ij")
    pixels = torch.stack([x, y], dim=-1)  # (H, W, 2)
    distance = (pixels - landmarks[:, :, None, None]).square().sum(dim=-1)  # (B, K, H, W)
    return torch.exp(-distance / (2.0 * sigma**2))


def heatmaps(landmarks: Tensor, *, size: int, sigma: float) -> Tensor:
    """One Gaussian a landmark: h_k(p) = exp(-||p - s_k||^2 / (2 sigma^2)), 1 at the landmark.

    A Gaussian is the product of one along x and one along y, so H + W exponentials a map suffice.

    Args:
        landmarks: (B, K, 2) s, pixels, anywhere.
        size: H = W, pixels.
        sigma: standard deviation, pixels.

    Returns:
        (B, K, H, W) in [0, 1].

    Raises:
        ValueError: for another shape, or a size or sigma that is not positive.

    >>> maps = heatmaps(torch.tensor([[[2.0, 1.0]]]), size=4, sigma=1.0)
    >>> [round(value, 3) for value in maps[0, 0, 1].tolist()]
    [0.135, 0.607, 1.0, 0.607]
    """
    if landmarks.ndim != 3 or landmarks.shape[2] != 2 or size < 1 or sigma <= 0:
        raise ValueError(
            f"expected landmarks (B, K, 2), size and sigma > 0; got {tuple(landmarks.shape)}, "
            f"{size}, {sigma}"
        )
    places = torch.arange(size, dtype=landmarks.dtype, device=landmarks.device)
    away = places - landmarks[..., None]  # (B, K, 2, size)
    x, y = torch.exp(away.square() / (-2.0 * sigma**2)).unbind(dim=2)  # (B, K, size) each
    return y[..., :, None] * x[..., None, :]  # (B, K, H, W)


def joined(maps: Tensor) -> Tensor:
    """The maps of each part of the face in one, their maximum: (B, 68, H, W) to (B, 9, H, W).

    A seventh of the input, most of the work of a narrow generator.

    Raises:
        ValueError: for another number of maps.

    >>> joined(torch.eye(68)[None, :, :, None]).sum(dim=2).flatten().tolist()
    [17.0, 5.0, 5.0, 4.0, 5.0, 6.0, 6.0, 12.0, 8.0]
    """
    if maps.ndim != 4 or maps.shape[1] != COUNTS["points"]:
        raise ValueError(f"expected maps (B, 68, H, W), got {tuple(maps.shape)}")
    return torch.stack([maps[:, part.start : part.stop].amax(dim=1) for part in PARTS], dim=1)


class Generator(nn.Module):
    """A picture and the maps of the landmarks that it shall have to the picture with them.

    Args:
        maps: M; 68 for the authors' one a landmark.
        width, blocks, resized: of the body, see `facelab.gan.stargan.Trunk`.
        moved: colours are the picture's, `facelab.gan.stargan.moved`, instead of new ones; not in
            the code.

    >>> network = Generator(maps=68)
    >>> sum(p.numel() for p in network.parameters())
    8628096
    """

    def __init__(
        self, *, maps: int, width: int = 64, blocks: int = 6, resized: bool = False,
        moved: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.maps, self.moved = maps, moved
        self.trunk = Trunk(inputs=3 + maps, width=width, blocks=blocks, resized=resized)
        self.head = nn.Conv2d(width, 3, 7, padding=3, bias=False)

    def forward(self, images: Tensor, maps: Tensor) -> Tensor:
        """G(x, b).

        Args:
            images: (B, 3, H, W) in [-1, 1], H and W multiples of 4.
            maps: (B, M, H, W) in [0, 1].

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: when the shapes are not those.
        """
        B, _, H, W = images.shape  # batch, colours, height, width
        if images.shape[1] != 3 or H % 4 or W % 4 or tuple(maps.shape) != (B, self.maps, H, W):
            raise ValueError(
                f"expected images (B, 3, H, W), H and W multiples of 4, and maps (B, {self.maps}, "
                f"H, W); got {tuple(images.shape)} and {tuple(maps.shape)}"
            )
        none = images.new_zeros(B, 0)
        x = self.trunk(torch.cat([images, maps], dim=1), none)  # (B, width, H, W)
        colour = self.head(x).tanh()  # (B, 3, H, W)
        return moved(images, colour) if self.moved else colour


class SplitPairCritic(nn.Module):
    """A critic of pictures with their maps in two parts, of which the larger sees no colours.

    A critic that was taught by few pictures whether a face lies under its maps takes colours that
    no face has for a sign of it, such as red pixels for a mouth. So the body that sees the maps
    sees grey, and colours are judged in small patches, without maps. Not in the code.

    Where real pictures under other maps are fakes, too (`Weights.mismatched`), the patches are
    shown them as both; they count half as fakes, so the patches still hold them for real.

    Args:
        maps: M.
        size, width, layers: of the larger body, see `facelab.gan.critics.Discriminator`.
        patch_width: of the other, see `facelab.gan.critics.Patches`.

    >>> critic = SplitPairCritic(maps=9, size=32, width=4, layers=3, patch_width=4)
    >>> critic(torch.rand(2, 12, 32, 32)).source.shape
    torch.Size([2, 3, 8, 8])
    """

    def __init__(self, *, maps: int, size: int, width: int, layers: int, patch_width: int):
        super().__init__()
        self.patches = Patches(channels=3, width=patch_width)
        self.whole = pair_critic(maps=maps, size=size, width=width, layers=layers, channels=1)

    def forward(self, pairs: Tensor) -> Judgement:
        """(B, 3 + M, size, size) to a ``source`` (B, 3, size / 4, size / 4).

        The last channel is the larger body's, each of its patches as often as it needs.
        """
        images, maps = pairs[:, :3], pairs[:, 3:]
        whole = self.whole(torch.cat([images.mean(dim=1, keepdim=True), maps], dim=1))
        patches = self.patches(images)  # (B, 2, size / 4, size / 4)
        large = F.interpolate(whole.source, size=patches.shape[2:])
        return Judgement(torch.cat([patches, large], dim=1), whole.labels)


def pair_critic(
    *, maps: int, size: int, width: int = 64, layers: int = 6, channels: int = 3
) -> Discriminator:
    """A critic of pictures with their maps. Nothing reads its label head, which has one output.

    Args:
        maps: M.
        size, width, layers: see `facelab.gan.critics.Discriminator`.
        channels: of the picture.

    >>> network = pair_critic(maps=9, size=32, width=4, layers=3)
    >>> network(torch.rand(2, 12, 32, 32)).source.shape
    torch.Size([2, 1, 4, 4])
    """
    return Discriminator(labels=1, size=size, width=width, layers=layers, channels=channels + maps)


def critic_weights(weights: Weights) -> training.Weights:
    """The weights of `facelab.gan.training.critic_step`."""
    return training.Weights(kind=weights.kind, penalty=weights.penalty, r1=weights.r1)


def pairs(
    images: Tensor, fake: Tensor, own: Tensor, wanted: Tensor, *, mismatched: bool
) -> tuple[Tensor, Tensor]:
    """What the critic's update takes for real and for fake: pictures with maps.

    Args:
        images: (B, 3, H, W) x, with maps ``own`` (B, M, H, W).
        fake: (B, 3, H, W) G(x, b), with maps ``wanted``.
        mismatched: x with ``wanted`` is a fake, too.

    Returns:
        (B, 3 + M, H, W), and as many or twice as many.
    """
    edits = [torch.cat([fake, wanted], dim=1)]
    if mismatched:
        edits.append(torch.cat([images, wanted], dim=1))
    return torch.cat([images, own], dim=1), torch.cat(edits)


def generator_terms(
    generator: nn.Module,
    critic: nn.Module,
    images: Tensor,
    fake: Tensor,
    *,
    own: Tensor,
    wanted: Tensor,
    third: Tensor,
    kind: Kind = "wasserstein",
    features: Callable[[Tensor], Tensor] | None = None,
) -> dict[str, Tensor]:
    """The losses of the generator, without their weights.

    L_adv = -E D(G(x, b), b), or as ``kind`` has it; L_cycle = E||G(G(x, b), a) - x||_1;
    L_triple = E||G(x, c) - G(G(x, b), c)||_1; L_tv, see `facelab.gan.losses.total_variation`;
    L_perceptual = E||V(G(G(x, b), a)) - V(x)||_1.

    Args:
        generator: a `Generator`.
        critic: of pictures with maps; its weights ask for no gradients.
        images: (B, 3, H, W) x in [-1, 1].
        fake: (B, 3, H, W) G(x, b).
        own, wanted, third: (B, M, H, W) the maps of a, b and c.
        kind: of the adversarial loss.
        features: V, (B, 3, H, W) in [-1, 1] to features of any shape.

    Returns:
        "adversarial", "cycle", "triple", "variation" and, with features, "perceptual": scalars.
    """
    # Pictures do not see each other, so three edits share a pass.
    sources, targets = torch.cat([images, fake, fake]), torch.cat([third, third, own])
    direct, through, back = generator(sources, targets).chunk(3)
    judged = critic(torch.cat([fake, wanted], dim=1))
    terms = {
        "adversarial": generator_loss(judged.source, kind=kind),
        "cycle": F.l1_loss(back, images),
        "triple": F.l1_loss(direct, through),
        "variation": total_variation(fake),
    }
    if features is not None:
        with torch.no_grad():
            expected = features(images)
        terms["perceptual"] = F.l1_loss(features(back), expected)
    return terms
