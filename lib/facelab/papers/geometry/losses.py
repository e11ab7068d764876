"""The equations of geometry-guided synthesis (Bodur et al., WACV 2021, Sec. 3.2), and its choices.

I_s is a picture of expression y_s, I_t = G_rgb(I_s, y_t) its translation, d_s the geometry that a
3D reconstruction gives for I_s, and d_t = G_depth(I_t). The RGB losses (Eq. 1-4) are StarGAN's, see
`facelab.gan`. Those of the geometry are of the same form on d_t (Eq. 5-8), and all add up:

    L = L_rgb + w (adv + cls of D_depth on d_t) + rec of the geometry.

What the paper leaves open is a field of `Choices`, each with its reason. Beyond those:

1. *Signs.* Eq. 2, 6 and 11 print E log D(y | .) as a loss to be minimised, without its minus. A
   cross-entropy is meant.
2. *Weights lambda.* "Set by cross-validation", not given. StarGAN's (`facelab.gan.training`).
3. *"Epochs."* 200k of pre-training and 300k end to end must be iterations.

Letters: B batch, L expressions, H and W height and width, G channels of the geometry.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import pydantic
import torch
import torch.nn.functional as F
from torch import Tensor

Sign = Literal["rewards entropy", "punishes entropy"]
Form = Literal["entropy", "divergence"]
Stage = Literal["pre-training", "end to end"]


class Choices(pydantic.BaseModel):
    """What the paper leaves open, or says in two ways.

    Attributes:
        weight: w, of the depth network's adversarial and classification losses. Table 3 finds 0.3
            best, but Table 1's rows are those of 0.1: its 85.9 is Table 3's at 0.1, and Fig. 8
            names 0.1 for the row with the penalty. 0.1 reproduces the tables.
        weighted_cycle: w also weights the geometry's reconstruction loss. "The loss incurred by the
            depth network, which comprises depth adversarial loss and depth classification loss"
            leaves it out; with w = 0 it would then still be trained, and StarGAN is said to be
            w = 0. So it is weighted by default.
        frozen: the pre-trained translator stays as it is end to end. The formula, min over G_rgb
            and G_depth, trains it on; frozen it cannot please its critic without better pictures.
        real: what D_depth sees as real end to end: "reconstruction", d_s (Eq. 5), or "prediction",
            G_depth(I_s), which has the same blur as d_t, so that nothing but the face tells the
            two apart.
        classified: what D_depth learns the expressions from: "real" maps with y_s as StarGAN's
            does, or "translated" ones with y_t, all that Eq. 6 has. From these it would learn to
            agree with the generator, whatever the maps show.
        penalty: beta of the confidence penalty, "set by cross-validation", not given; 0 for the
            rows without it. Pereyra et al., whom the paper follows, use 0.1 for pictures.
        penalty_sign: Eq. 11 prints E log D - beta H, to be minimised. With the minus that is
            missing put before the logarithm it "rewards entropy": cross-entropy - beta H, which is
            the penalty of Pereyra et al. Put before the whole it "punishes entropy".
        penalty_form: "entropy" as printed; "divergence" is beta KL(uniform || D), label smoothing
            by another name, which grows without bound for a sure D.
        penalised: who is made less sure: the "critic" on predicted maps ("on the discriminator
            side", and Eq. 11 has G_depth(I_s)), the critic on "real maps", where the labels' noise
            is, or the "generator", which Eq. 11 reaches, too, as it minimises L_cls.
        penalty_stage: "pre-training", where the text has it, "end to end", or "both". Predicted
            maps are those of I_s in the first, of I_t in the second.
        pixel: weight of the pixel loss (Eq. 9), not given; pix2pix has 100, StarGAN's cycle 10.
        perceptual: weight of the perceptual loss (Eq. 10), not given.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    weight: float = pydantic.Field(default=0.1, ge=0)
    weighted_cycle: bool = True
    frozen: bool = False
    real: Literal["reconstruction", "prediction"] = "reconstruction"
    classified: Literal["real", "translated"] = "real"
    penalty: float = pydantic.Field(default=0.1, ge=0)
    penalty_sign: Sign = "rewards entropy"
    penalty_form: Form = "entropy"
    penalised: Literal["critic", "real maps", "generator"] = "critic"
    penalty_stage: Literal[Stage, "both"] = "pre-training"
    pixel: float = pydantic.Field(default=10.0, ge=0)
    perceptual: float = pydantic.Field(default=1.0, ge=0)

    def penalty_at(self, stage: Stage) -> float:
        """beta in one of the two stages.

        >>> Choices().penalty_at("pre-training"), Choices().penalty_at("end to end")
        (0.1, 0.0)
        """
        return self.penalty if self.penalty_stage in (stage, "both") else 0.0

    def before(self) -> "Choices":
        """What pre-training knows of them: runs that agree in it share theirs.

        >>> Choices(weight=0.3, frozen=True).before() == Choices().before()
        True
        """
        names = {"classified", "pixel", "perceptual"}
        if beta := self.penalty_at("pre-training"):
            names |= {"penalty", "penalty_sign", "penalty_form", "penalised"}
        return Choices(**{"penalty": beta, **self.model_dump(include=names)})


WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4)  # w of Table 3; 0 is StarGAN


def entropy(logits: Tensor) -> Tensor:
    """H(p) = -sum p log p of each row, nats: (B, L) to (B,).

    >>> round(entropy(torch.zeros(1, 8)).item(), 4)
    2.0794
    """
    logs = logits.log_softmax(dim=1)  # (B, L)
    return -(logs.exp() * logs).sum(dim=1)


def confidence_penalty(
    logits: Tensor, *, sign: Sign = "rewards entropy", form: Form = "entropy"
) -> Tensor:
    """What beta weights in Eq. 11, to be minimised: -H(D_cls), or KL(uniform || D_cls).

    Args:
        logits: (B, L) of the expressions.
        sign, form: see `Choices`.

    Returns:
        A scalar, nats, the mean over the batch.

    Raises:
        ValueError: for another sign or form.

    >>> sure, unsure = torch.tensor([[2.0, 0.0]]), torch.zeros(1, 2)
    >>> [round(confidence_penalty(logits).item(), 4) for logits in (sure, unsure)]
    [-0.3653, -0.6931]
    """
    if form == "entropy":
        value = -entropy(logits).mean()
    elif form == "divergence":
        logs = logits.log_softmax(dim=1)  # (B, L)
        value = -logs.mean() - torch.tensor(logits.shape[1]).log()
    else:
        raise ValueError(f"form is entropy or divergence, got {form!r}")
    if sign not in ("rewards entropy", "punishes entropy"):
        raise ValueError(f"sign is rewards entropy or punishes entropy, got {sign!r}")
    return value if sign == "rewards entropy" else -value


def classification_loss(
    logits: Tensor,
    expression: Tensor,
    *,
    beta: float = 0.0,
    sign: Sign = "rewards entropy",
    form: Form = "entropy",
) -> Tensor:
    """L_cls^depth = E[-log D_cls(y | d)] + beta times the penalty (Eq. 6 and 11).

    Args:
        logits: (B, L) of D_depth for maps of known (or wanted) expression.
        expression: (B,) int64 y.
        beta: strength of the confidence penalty; 0 is Eq. 6.
        sign, form: see `Choices`.

    >>> logits, y = torch.zeros(1, 2), torch.tensor([0])
    >>> round(classification_loss(logits, y).item(), 4)
    0.6931
    >>> round(classification_loss(logits, y, beta=1.0).item(), 4)
    0.0
    """
    loss = F.cross_entropy(logits, expression)
    return loss + beta * confidence_penalty(logits, sign=sign, form=form) if beta else loss


def pixel_loss(predicted: Tensor, true: Tensor) -> Tensor:
    """L_pix = E||d_s - G_depth(I_s)||_1 (Eq. 9), the mean over pixels.

    Args:
        predicted, true: (B, G, H, W) in [-1, 1].

    Raises:
        ValueError: shapes differ.

    >>> pixel_loss(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item()
    1.0
    """
    if predicted.shape != true.shape:
        raise ValueError(f"expected geometry {tuple(true.shape)}, got {tuple(predicted.shape)}")
    return F.l1_loss(predicted, true)


Features = Callable[[Tensor], Tensor | Sequence[Tensor]]


def perceptual_loss(predicted: Tensor, true: Tensor, *, features: Features) -> Tensor:
    """L_per = E||V(d_s) - V(G_depth(I_s))||_1 (Eq. 10), the mean over each layer's features.

    Args:
        predicted, true: (B, G, H, W) in [-1, 1]; depth is tripled, as V takes colours.
        features: V, (B, 3, H, W) in [-1, 1] to one layer's features or several layers'. The paper
            has VGG19 and names no layer; the gradient passes through it to ``predicted``.

    Returns:
        A scalar, the layers' mean.

    >>> V = lambda x: (x, 2.0 * x)
    >>> perceptual_loss(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2), features=V).item()
    1.5
    """
    with torch.no_grad():
        expected = _layers(features(true.expand(-1, 3, -1, -1)))
    found = _layers(features(predicted.expand(-1, 3, -1, -1)))
    terms = [F.l1_loss(a, b) for a, b in zip(found, expected, strict=True)]
    return torch.stack(terms).mean()


def _layers(features: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
    return [features] if isinstance(features, Tensor) else features
