"""What the training loops of the baselines share: rates, averages, counts."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

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
    """Appends a step, and what the history keeps of its terms: one scalar for each further name.

    >>> history = {"step": [], "cycle": []}
    >>> note(history, 5, {"cycle": torch.tensor(0.5), "triple": torch.tensor(2.0)})
    >>> history
    {'step': [5], 'cycle': [0.5]}
    """
    for name, values in history.items():
        values.append(step if name == "step" else terms[name].item())
