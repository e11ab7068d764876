"""What the training loops of the baselines share: rates, averages, counts, curves."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from facelab.experiment import Run
from facelab.gan.training import descend

# Adam with the momenta that the papers of this kind have.
adam = partial(torch.optim.Adam, betas=(0.5, 0.999), fused=True)


def share_of_rate(step: int, *, steps: int, falling: float) -> float:
    """Of the learning rate: one, and over the last share of the steps linearly to zero.

    Args:
        step: from 0 to ``steps`` - 1.
        steps: of the training.
        falling: over which share of them the rate falls, in [0, 1].

    >>> [round(share_of_rate(step, steps=9, falling=1 / 3), 2) for step in (0, 6, 7, 8)]
    [1.0, 1.0, 0.67, 0.33]
    """
    return min(1.0, (steps - step) / max(1.0, falling * steps))


def slow(*updates: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of optimisers."""
    for update in updates:
        for group in update.param_groups:
            group["lr"] = rate


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """A moving average of a network's weights and buffers; a decay of 0 keeps the last ones."""
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def counts(**networks: nn.Module) -> dict[str, int]:
    """Parameters of each network.

    >>> counts(line=nn.Linear(2, 1))
    {'line': 3}
    """
    return {name: sum(p.numel() for p in net.parameters()) for name, net in networks.items()}


def note(history: dict[str, list[float]], step: int, terms: dict[str, Tensor]) -> None:
    """Appends a step and its terms, scalars, to a history.

    >>> history = {"step": [5], "cycle": [0.75]}
    >>> note(history, 10, {"cycle": torch.tensor(0.5)})
    >>> history
    {'step': [5, 10], 'cycle': [0.75, 0.5]}
    """
    history.setdefault("step", []).append(step)
    for name, value in terms.items():
        history.setdefault(name, []).append(value.item())


def alone(
    run: Run,
    step: int,
    loss: Tensor,
    *,
    name: str,
    steps: int,
    everything: int,
    update: torch.optim.Optimizer,
    history: dict[str, list[float]],
) -> None:
    """A step before the generator's, in which the critic alone learns, and which is saved.

    Args:
        run: the training.
        step: from 0 to ``steps`` - 1.
        loss: of the critic.
        name: of what it learns, for the progress, which has the loss at every fifth of the steps.
        steps: how many there are of this kind.
        everything: steps of the whole training, with these.
        update: the critic's optimiser.
        history: of the steps to come, for the checkpoint.
    """
    descend(update, loss)
    if (step + 1) % max(1, steps // 5) == 0:
        run.progress(step + 1, everything, **{name: loss.item()})
    run.save(step + 1, history=history)


def resists(source: Tensor, *, share: float) -> Callable[[Tensor], Tensor] | None:
    """A further loss of a critic: a translation still shows its source's expression.

    It cannot hold for one that looks real, as the critic must read real pictures; it does for
    patterns that no face has, which a critic taught by few pictures would take for an expression.
    In small trainings the generator finds those first. In no paper.

    Args:
        source: (B,) y_s.
        share: weight beside the cross-entropy of real pictures; 0 is none.

    Returns:
        ``reads_fake`` of `training.critic_step`; None for a share of 0.
    """
    if not share:
        return None
    return lambda logits: share * F.cross_entropy(logits, source)
