"""The terms of one update, in pre-training and end to end (Bodur et al., WACV 2021, Sec. 3.2).

Critics are updated by `facelab.gan.training.critic_step`, D_rgb as in StarGAN and D_depth with
`critic_reads` below; generators descend the sums of these terms. Nothing that was computed for a
critic's update is computed again for a generator's: ``fake`` and ``maps`` are handed on.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from facelab.gan import training as gan
from facelab.gan.losses import generator_loss
from facelab.papers.geometry import losses
from facelab.papers.geometry.losses import Choices, Features, Stage
from facelab.papers.geometry.model import Translator

Reads = Callable[[Tensor, Tensor], Tensor]
ReadsFake = Callable[[Tensor], Tensor]
Seen = Callable[[Tensor], Tensor]


def critic_reads(
    choices: Choices, *, stage: Stage, fake_expression: Tensor
) -> tuple[Reads, ReadsFake | None]:
    """The losses of D_depth's label head, ``reads`` and ``reads_fake`` of `critic_step`.

    Args:
        choices: who is classified and who is penalised.
        stage: of the training.
        fake_expression: (B,) of the predicted maps: y_s in pre-training, y_t end to end.

    Returns:
        Of real maps, and of predicted ones; None where the latter teach it nothing.
    """
    beta = choices.penalty_at(stage)
    kind = {"sign": choices.penalty_sign, "form": choices.penalty_form}

    def reads(logits: Tensor, expression: Tensor) -> Tensor:
        loss = logits.new_zeros(())
        if choices.classified == "real":
            loss = loss + F.cross_entropy(logits, expression)
        if beta and choices.penalised == "real maps":
            loss = loss + beta * losses.confidence_penalty(logits, **kind)
        return loss

    def reads_fake(logits: Tensor) -> Tensor:
        loss = logits.new_zeros(())
        if choices.classified == "translated":
            loss = loss + F.cross_entropy(logits, fake_expression)
        if beta and choices.penalised == "critic":
            loss = loss + beta * losses.confidence_penalty(logits, **kind)
        return loss

    taught = choices.classified == "translated" or (beta and choices.penalised == "critic")
    return reads, reads_fake if taught else None


def pretraining_terms(
    translator: Translator,
    critic: nn.Module,
    images: Tensor,
    maps: Tensor,
    true: Tensor,
    expression: Tensor,
    *,
    choices: Choices,
    weights: gan.Weights,
    features: Features | None = None,
    seen: Seen = lambda maps: maps,
) -> dict[str, Tensor]:
    """The translator's losses on pairs, each times its weight (Eq. 5-11).

    Args:
        translator: G_depth and G'_depth.
        critic: D_depth.
        images: (B, 3, H, W) I_s in [-1, 1] of ``expression`` (B,).
        maps: (B, G, H, W) what ``translator`` made of them.
        true: (B, G, H, W) d_s, what the reconstruction gives.
        choices, weights: see there.
        features: V of the perceptual loss; None leaves it out.
        seen: what is done to a map before the critic sees it, such as `disturbed` of
            `facelab.gan.small`.

    Returns:
        "adversarial", "classification", "cycle", "pixel" and, with features, "perceptual":
        scalars whose sum is the loss.
    """
    judged = critic(seen(maps))
    terms = {
        "adversarial": weights.adversarial * generator_loss(judged.source, kind=weights.kind),
        "classification": weights.classification
        * _classification(judged.labels, expression, choices, "pre-training"),
        "cycle": weights.cycle * F.l1_loss(translator.back(maps), images),
        "pixel": choices.pixel * losses.pixel_loss(maps, true),
    }
    if features is not None:
        found = losses.perceptual_loss(maps, true, features=features)
        terms["perceptual"] = choices.perceptual * found
    return terms


def end_to_end_terms(
    generator: nn.Module,
    critic: nn.Module,
    translator: Translator | None,
    depth_critic: nn.Module | None,
    images: Tensor,
    fake: Tensor,
    maps: Tensor | None,
    *,
    source: Tensor,
    target: Tensor,
    choices: Choices,
    weights: gan.Weights,
    seen: Seen = lambda images: images,
    depth_seen: Seen = lambda maps: maps,
) -> dict[str, Tensor]:
    """The losses of G_rgb and G_depth together, each times its weight (Eq. 4 and 8).

    Args:
        generator, critic: G_rgb and D_rgb.
        translator, depth_critic: G_depth and D_depth; None, as ``maps``, where w is 0. Where
            ``choices.frozen``, the caller has asked the translator's weights for no gradients.
        images: (B, 3, H, W) I_s in [-1, 1], of expressions ``source`` (B,).
        fake: (B, 3, H, W) I_t, of expressions ``target`` (B,).
        maps: (B, G, H, W) d_t, what ``translator`` made of ``fake``.
        choices, weights: see there; ``weights`` are those of both networks.
        seen, depth_seen: what is done to a picture, and to a map, before a critic sees it.

    Returns:
        "adversarial", "classification", "cycle", and with w > 0 the same of the geometry, "depth
        adversarial" and so on: scalars whose sum is the loss. The critic's weights ask for none.
    """
    rgb = gan.generator_terms(
        generator, critic, images, fake, source=source, target=target, kind=weights.kind, seen=seen
    )
    terms = {name: getattr(weights, name) * value for name, value in rgb.items()}
    w = choices.weight
    if w == 0.0:
        return terms  # StarGAN, without the cost of what does not count
    judged = depth_critic(depth_seen(maps))
    adversarial = generator_loss(judged.source, kind=weights.kind)
    classification = _classification(judged.labels, target, choices, "end to end")
    cycle = F.l1_loss(translator.back(maps), fake)
    terms["depth adversarial"] = w * weights.adversarial * adversarial
    terms["depth classification"] = w * weights.classification * classification
    terms["depth cycle"] = (w if choices.weighted_cycle else 1.0) * weights.cycle * cycle
    return terms


def _classification(logits: Tensor, expression: Tensor, choices: Choices, stage: Stage) -> Tensor:
    """The generator's: Eq. 6, or 11 where it is the generator that is penalised."""
    return losses.classification_loss(
        logits,
        expression,
        beta=choices.penalty_at(stage) if choices.penalised == "generator" else 0.0,
        sign=choices.penalty_sign,
        form=choices.penalty_form,
    )
