"""One update of GANimation's networks (Pumarola et al., ECCV 2018, Sec. 4.2 and 5).

    units = wanted(own)                                   # y_f: those of other pictures, disturbed
    edit = generator(images, units)
    critic_step(critic, update_d, images, edit.image, own, reads=..., weights=critic_weights(w),
                apart=w.apart)                            # facelab.gan.training
    terms = generator_terms(generator, critic, images, edit, own=own, wanted=units, weights=w)
    descend(update_g, total(terms, w))                    # once in five steps

As with StarGAN an edit is computed once in each step, for both networks.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from facelab.gan import losses as adversarial
from facelab.gan import training as gan
from facelab.papers.ganimation import losses
from facelab.papers.ganimation.model import Edit


def wanted(units: Tensor, *, noise: float = 0.1) -> Tensor:
    """y_f for a batch: the units of another of its pictures plus evenly drawn noise.

    The authors' code takes a picture at random from the whole set, with noise in [-0.1, 0.1] and no
    clipping. Here it is another one of the batch, which is as random; and intensities stay in
    [0, 1], where they are defined.

    Args:
        units: (B, N) the batch's own, in [0, 1].
        noise: half the width of its range.

    Returns:
        (B, N).

    >>> wanted(torch.tensor([[0.0], [1.0]]), noise=0.0).tolist()
    [[1.0], [0.0]]
    """
    B, _ = units.shape  # batch, units
    shift = int(torch.randint(1, B, ())) if B > 1 else 0
    drawn = (2.0 * torch.rand_like(units) - 1.0) * noise
    return (units.roll(shift, dims=0) + drawn).clamp(0.0, 1.0)


def critic_weights(weights: losses.Weights) -> gan.Weights:
    """The weights of `facelab.gan.training.critic_step`, whose label head reads units."""
    return gan.Weights(
        kind=weights.kind,
        adversarial=weights.adversarial,
        classification=weights.units if weights.reading is None else weights.reading,
        penalty=weights.penalty,
        r1=weights.r1,
    )


def resists(labels: Tensor, *, own: Tensor, weights: losses.Weights) -> Tensor:
    """The critic's further loss: an edit still shows its source's units (`Weights.resisting`).

    It cannot hold for an edit that looks real, as the critic must read real pictures; it does for
    patterns that no face has.

    Args:
        labels: (B, N) what the critic reads of edits.
        own: (B, N) the units of the pictures that they were made of.
        weights: whose share and norm are used.

    Returns:
        A scalar.
    """
    return weights.resisting * losses.units_loss(labels, own, norm=weights.units_norm)


def generator_terms(
    generator: nn.Module,
    critic: nn.Module,
    images: Tensor,
    edit: Edit,
    *,
    own: Tensor,
    wanted: Tensor,
    weights: losses.Weights,
    seen: Callable[[Tensor], Tensor] = lambda images: images,
) -> dict[str, Tensor]:
    """The four losses of the generator (Eq. 6), without their weights.

    Args:
        generator: a `model.Generator`.
        critic: a `facelab.gan.critics.Discriminator` whose weights ask for no gradients.
        images: (B, 3, H, W) in [-1, 1], with units ``own`` (B, N).
        edit: what ``generator`` made of them for the units ``wanted`` (B, N).
        weights: whose norms are used here.
        seen: what is done to a picture before the critic sees it, such as `disturbed` of
            `facelab.gan.small`.

    Returns:
        "adversarial", "units", "attention" (of both passes) and "identity", scalars.
    """
    judged = critic(seen(edit.image))
    back = generator(edit.image, own)
    smooth = {
        "variation": weights.variation,
        "norm": weights.attention_norm,
        "kind": weights.variation_kind,
    }
    return {
        "adversarial": adversarial.generator_loss(judged.source, kind=weights.kind),
        "units": losses.units_loss(judged.labels, wanted, norm=weights.units_norm),
        "attention": losses.attention_loss(edit.attention, **smooth)
        + losses.attention_loss(back.attention, **smooth),
        "identity": losses.identity_loss(images, back.image, norm=weights.identity_norm),
    }
