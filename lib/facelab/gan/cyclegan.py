"""CycleGAN (Zhu, Park, Isola and Efros, ICCV 2017) between faces at rest and one expression.

Two translators, G from the domain X to Y and F back, and a critic of each domain. No pair of
pictures is known; what ties an edit to its source is the way back:

    L = L_adv(G, D_Y) + L_adv(F, D_X) + lambda (E||F(G(x)) - x||_1 + E||G(F(y)) - y||_1)   (Eq. 3)

Here X are faces at rest and Y faces with one expression, of other people. So each expression is a
training of its own, where the other methods have one for all.

What the paper leaves open or has otherwise, and how it is settled here:

1. *Layers.* The body of StarGAN (`facelab.gan.stargan.Trunk`), which was made after this paper's:
   4x4 instead of 3x3 kernels where it halves and doubles, zeros instead of reflections at the
   border, six residual blocks as the paper has for 128 pixels. 8,414,848 parameters a translator.
2. *Critics.* Patches of 70x70 pixels in the paper; `facelab.gan.critics.Discriminator` with four
   halvings sees 78x78. It has no norms, so that slopes can be penalised, and nothing reads its
   label head.
3. *Adversarial loss.* Eq. 1 prints logarithms, and the default is theirs; the paper's experiments
   take squared errors (its Sec. 4), for steadiness. Small trainings have hinge and R1 for that.
4. *History.* The paper's critics are shown one of the last 50 edits at random. Not here: the
   slopes' penalty damps the same swings.
5. *Identity loss.* E||G(y) - y||_1 + E||F(x) - x||_1, in the paper with half of lambda and for
   paintings only. Here, too: lights and skin shall stay.

Sizes: B batch, H and W height and width.
"""

from typing import Any, NamedTuple

import pydantic
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.gan import training
from facelab.gan.losses import Kind, generator_loss
from facelab.gan.stargan import Trunk, moved


class Weights(pydantic.BaseModel):
    """How much each term counts; the defaults are the paper's.

    Attributes:
        kind: of the adversarial loss, see point 3 above.
        adversarial: of the critics' verdicts.
        cycle: lambda, of both ways there and back.
        identity: of what a translator changes in pictures of its own target, half of lambda.
        penalty: of the critics' slopes between real and edited pictures; not in the paper.
        r1: of their slopes at real pictures; not in the paper.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "logistic"
    adversarial: float = pydantic.Field(default=1.0, ge=0)
    cycle: float = pydantic.Field(default=10.0, ge=0)
    identity: float = pydantic.Field(default=5.0, ge=0)
    penalty: float = pydantic.Field(default=0.0, ge=0)
    r1: float = pydantic.Field(default=0.0, ge=0)


class Translator(nn.Module):
    """A picture to a picture of another domain.

    Args:
        width, blocks, resized: of the body, see `facelab.gan.stargan.Trunk`.
        moved: colours are the picture's, `facelab.gan.stargan.moved`, instead of new ones; not in
            the paper.

    >>> network = Translator()
    >>> sum(p.numel() for p in network.parameters())
    8414848
    """

    def __init__(
        self, *, width: int = 64, blocks: int = 6, resized: bool = False, moved: bool = False
    ):
        super().__init__()
        self.moved = moved
        self.trunk = Trunk(inputs=3, width=width, blocks=blocks, resized=resized)
        self.head = nn.Conv2d(width, 3, 7, padding=3, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """The translation.

        Args:
            images: (B, 3, H, W) in [-1, 1], H and W multiples of 4.

        Returns:
            (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: when the shape is not that.
        """
        shape = tuple(images.shape)
        if len(shape) != 4 or shape[1] != 3 or shape[2] % 4 or shape[3] % 4:
            raise ValueError(
                f"expected images (B, 3, H, W) with H and W multiples of 4, got {shape}"
            )
        none = images.new_zeros(len(images), 0)
        colour = self.head(self.trunk(images, none)).tanh()
        return moved(images, colour) if self.moved else colour


class Passes(NamedTuple):
    """F(y), G(x), F(x) and G(y), (B, 3, H, W) each."""

    in_x: Tensor
    in_y: Tensor
    same_x: Tensor
    same_y: Tensor


class Translators(nn.Module):
    """Both ways: ``there`` is G, X to Y, and ``back`` is F, Y to X.

    Args:
        sizes: of each, see `Translator`.
    """

    def __init__(self, **sizes: Any):
        super().__init__()
        self.there, self.back = Translator(**sizes), Translator(**sizes)

    def forward(self, x: Tensor, y: Tensor) -> Passes:
        """Both translations of a batch of each domain, and what its own translator makes of it.

        Args:
            x: (B, 3, H, W) of X. y: (B, 3, H, W) of Y; in [-1, 1].
        """
        in_y, same_y = self.there(torch.cat([x, y])).split([len(x), len(y)])
        in_x, same_x = self.back(torch.cat([y, x])).split([len(y), len(x)])
        return Passes(in_x, in_y, same_x, same_y)


def cycle_loss(x: Tensor, back_x: Tensor, y: Tensor, back_y: Tensor) -> Tensor:
    """L_cyc = E||F(G(x)) - x||_1 + E||G(F(y)) - y||_1 (Eq. 2), means over pixels.

    Args:
        x, back_x: (B, 3, H, W), a picture of X and how it comes back.
        y, back_y: (B, 3, H, W), the same of Y.

    >>> cycle_loss(torch.zeros(1), torch.ones(1), torch.zeros(1), torch.full((1,), 0.5)).item()
    1.5
    """
    return F.l1_loss(back_x, x) + F.l1_loss(back_y, y)


def identity_loss(x: Tensor, same_x: Tensor, y: Tensor, same_y: Tensor) -> Tensor:
    """L_identity = E||F(x) - x||_1 + E||G(y) - y||_1 (Sec. 5.2), means over pixels.

    Args:
        x, same_x: (B, 3, H, W), a picture of X and F of it.
        y, same_y: (B, 3, H, W), a picture of Y and G of it.

    >>> identity_loss(torch.zeros(1), torch.zeros(1), torch.zeros(1), torch.ones(1)).item()
    1.0
    """
    return F.l1_loss(same_x, x) + F.l1_loss(same_y, y)


def critic_weights(weights: Weights) -> training.Weights:
    """The weights of `facelab.gan.training.critic_step`."""
    return training.Weights(kind=weights.kind, penalty=weights.penalty, r1=weights.r1)


def generator_terms(
    translators: Translators,
    critic_x: nn.Module,
    critic_y: nn.Module,
    x: Tensor,
    y: Tensor,
    passes: Passes,
    *,
    kind: Kind = "logistic",
) -> dict[str, Tensor]:
    """The losses of both translators (Eq. 3), without their weights.

    Args:
        translators: G and F.
        critic_x, critic_y: whose weights ask for no gradients.
        x, y: (B, 3, H, W) in [-1, 1].
        passes: what ``translators`` made of them.
        kind: of the adversarial loss.

    Returns:
        "adversarial" (of both), "cycle" and "identity", scalars.
    """
    back_x, back_y = translators.back(passes.in_y), translators.there(passes.in_x)
    return {
        "adversarial": generator_loss(critic_y(passes.in_y).source, kind=kind)
        + generator_loss(critic_x(passes.in_x).source, kind=kind),
        "cycle": cycle_loss(x, back_x, y, back_y),
        "identity": identity_loss(x, passes.same_x, y, passes.same_y),
    }
