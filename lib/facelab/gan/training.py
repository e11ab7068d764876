"""One update of a critic, and the losses of StarGAN's generator (Choi et al., CVPR 2018, Sec. 3).

    for step in range(...):
        last = (step + 1) % 5 == 0                       # five updates of D for one of G
        with torch.set_grad_enabled(last):
            fake = generator(images, one_hot(target, 8))
        critic_step(critic, update_d, images, fake, labels, reads=F.cross_entropy, weights=weights)
        if last:
            terms = generator_terms(generator, critic, images, fake, source=..., target=...)
            descend(update_g, total(terms, weights))

A translated picture is computed once in each step: the critic's update takes it as a constant, and
the generator's, where there is one, goes on with the same graph. The authors' code computes it
twice. For the generator that is evaluated, keep a moving average of the weights with torch's own
`torch.optim.swa_utils.AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.999))`.
"""

from __future__ import annotations

from collections.abc import Callable

import pydantic
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.gan.losses import (
    Kind,
    critic_loss,
    generator_loss,
    gradient_penalty,
    interpolated,
    r1_penalty,
)
from facelab.gan.stargan import one_hot


class Weights(pydantic.BaseModel):
    """How much each term counts; the defaults are StarGAN's (its Sec. 3).

    Attributes:
        kind: of the adversarial loss; "wasserstein" in StarGAN and GANimation.
        adversarial: lambda_adv.
        classification: lambda_cls, of the label head, for both networks.
        cycle: lambda_rec, of the L1 distance between a picture and its way there and back.
        penalty: lambda_gp, of the slopes between real and translated pictures; 0 leaves it out.
        r1: gamma, of the slopes at real pictures; 0 as in the paper leaves it out.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "wasserstein"
    adversarial: float = pydantic.Field(default=1.0, ge=0)
    classification: float = pydantic.Field(default=1.0, ge=0)
    cycle: float = pydantic.Field(default=10.0, ge=0)
    penalty: float = pydantic.Field(default=10.0, ge=0)
    r1: float = pydantic.Field(default=0.0, ge=0)


def critic_step(
    critic: nn.Module,
    update: torch.optim.Optimizer,
    real: Tensor,
    fake: Tensor,
    labels: Tensor,
    *,
    reads: Callable[[Tensor, Tensor], Tensor],
    reads_fake: Callable[[Tensor], Tensor] | None = None,
    weights: Weights,
    apart: bool = False,
) -> dict[str, Tensor]:
    """Updates a critic: real against translated pictures, the labels of real ones, the slopes.

    Args:
        critic: a `critics.Discriminator`; afterwards its weights ask for no gradients, as only its
            input's are needed in the generator's update.
        update: its optimiser.
        real: (B, C, H, W) pictures, with their ``labels`` (B, ...).
        fake: (B, C, H, W) translated ones; taken as constants.
        reads: the loss of the label head: its output on ``real`` and ``labels`` to a scalar, such
            as `torch.nn.functional.cross_entropy`.
        reads_fake: a further loss of the label head, of its output on ``fake``; usually none.
        weights: of the terms. ``classification`` weights ``reads`` and ``reads_fake``.
        apart: the penalty has an update of its own after the other terms', as in GANimation's code.

    Returns:
        Detached scalars without their weights: "adversarial", "classification", "penalty", "r1",
        and "distance", E D(x) - E D(G). Penalties with weight 0 are not computed and are 0.
    """
    critic.requires_grad_(True)
    fake = fake.detach()
    if weights.r1:
        real = real.detach().requires_grad_()
    # Two passes, as only real pictures' slopes are asked for; nothing is normalised over a batch.
    (source, own), (other, others) = critic(real), critic(fake)
    classification = reads(own, labels)
    if reads_fake is not None:
        classification = classification + reads_fake(others)
    terms = {
        "adversarial": critic_loss(source, other, kind=weights.kind),
        "classification": classification,
        "penalty": real.new_zeros(()),
        "r1": r1_penalty(source, real) if weights.r1 else real.new_zeros(()),
    }
    loss = weights.adversarial * terms["adversarial"] + weights.r1 * terms["r1"]
    loss = loss + weights.classification * terms["classification"]
    if apart:
        descend(update, loss)
    if weights.penalty:
        mixed = interpolated(real, fake)
        terms["penalty"] = gradient_penalty(lambda x: critic(x).source, mixed)
    if not apart:
        descend(update, loss + weights.penalty * terms["penalty"])
    elif weights.penalty:
        descend(update, weights.penalty * terms["penalty"])
    critic.requires_grad_(False)
    terms["distance"] = source.mean() - other.mean()
    return {name: value.detach() for name, value in terms.items()}


def unread(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of a label head that has nothing to read, for `training.critic_step`: zero.

    Args:
        logits, labels: of any shape.
    """
    return logits.new_zeros(())


def descend(update: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of an optimiser down a loss; only what it updates gets gradients."""
    update.zero_grad(set_to_none=True)
    loss.backward(inputs=[p for group in update.param_groups for p in group["params"]])
    update.step()


def generator_terms(
    generator: nn.Module,
    critic: nn.Module,
    images: Tensor,
    fake: Tensor,
    *,
    source: Tensor,
    target: Tensor,
    kind: Kind = "wasserstein",
    seen: Callable[[Tensor], Tensor] = lambda images: images,
) -> dict[str, Tensor]:
    """The three losses of StarGAN's generator (Eq. 1, 3 and 4), without weights.

    Args:
        generator: a `stargan.Generator`.
        critic: a `critics.Discriminator` whose weights ask for no gradients.
        images: (B, 3, H, W) in [-1, 1], of classes ``source`` (B,).
        fake: (B, 3, H, W) what ``generator`` made of them for the classes ``target`` (B,).
        kind: of the adversarial loss.
        seen: what is done to a picture before the critic sees it, such as `small.disturbed`.

    Returns:
        "adversarial", "classification" and "cycle", scalars with their graphs.
    """
    judged = critic(seen(fake))
    back = generator(fake, one_hot(source, generator.labels))  # (B, 3, H, W)
    return {
        "adversarial": generator_loss(judged.source, kind=kind),
        "classification": F.cross_entropy(judged.labels, target),
        "cycle": F.l1_loss(back, images),
    }


def total(terms: dict[str, Tensor], weights: Weights) -> Tensor:
    """The generator's loss: each term times its weight of the same name."""
    return sum(getattr(weights, name) * value for name, value in terms.items())
