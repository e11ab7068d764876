"""What the judges are trained for: pure functions, means over the batch.

Letters: B batch, D numbers of an embedding, P people, H and W height and width.
Notebook 02_judges explains each of them.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Margin = Literal["cosface", "arcface"]


def expression_loss(logits: Tensor, emotion: Tensor) -> Tensor:
    """Cross-entropy over the pictures that show an emotion; mixtures (-1) do not count.

    Args:
        logits: (B, 8).
        emotion: (B,) int64 into `faces.EMOTIONS`, or -1; one of them at least shows an emotion.

    Returns:
        A scalar, nats.

    >>> expression_loss(torch.zeros(2, 8), torch.tensor([3, -1])).item()  # doctest: +ELLIPSIS
    2.079...
    """
    return F.cross_entropy(logits, emotion, ignore_index=-1)


def units_loss(logits: Tensor, units: Tensor) -> Tensor:
    """Cross-entropy with strengths as targets: -u log p - (1 - u) log(1 - p), mean over units.

    Its minimum is at p = u, as that of a squared error; its slope does not fade where p is wrong
    and near 0 or 1.

    Args:
        logits: (B, 17); p is their sigmoid.
        units: (B, 17) strengths u in [0, 1].

    >>> units_loss(torch.zeros(1, 17), torch.full((1, 17), 0.5)).item()  # doctest: +ELLIPSIS
    0.693...
    """
    return F.binary_cross_entropy_with_logits(logits, units)


def margin_logits(
    cosines: Tensor, people: Tensor, *, margin: float, scale: float, kind: Margin = "cosface"
) -> Tensor:
    """Logits of an angular-margin softmax: the right person must win by a margin.

    CosFace (Wang et al., CVPR 2018, Eq. 4): s (cos theta - m) for the right person, s cos theta for
    the others. ArcFace (Deng et al., CVPR 2019, Eq. 3): s cos(theta + m) for the right person;
    where theta + m would pass pi it goes on as s (cos theta - m sin m), as in the authors' code.

    Args:
        cosines: (B, P) of the angles between embeddings and the people's directions.
        people: (B,) int64, who it is.
        margin: m, a cosine or an angle in radians, >= 0.
        scale: s, > 0.
        kind: which of the two.

    Returns:
        (B, P) logits, for a cross-entropy.

    Raises:
        ValueError: another kind, a negative margin or a scale that is not positive.

    >>> margin_logits(torch.tensor([[0.5, 0.2]]), torch.tensor([0]), margin=0.2, scale=10.0)
    tensor([[3., 2.]])
    """
    if margin < 0 or scale <= 0:
        raise ValueError(f"expected margin >= 0 and scale > 0, got {margin} and {scale}")
    own = cosines.gather(1, people[:, None])  # (B, 1)
    if kind == "cosface":
        moved = own - margin
    elif kind == "arcface":
        angle = torch.acos(own.clamp(-1 + 1e-6, 1 - 1e-6))
        bound = torch.tensor(margin, dtype=own.dtype).sin() * margin
        moved = torch.where(angle + margin < torch.pi, torch.cos(angle + margin), own - bound)
    else:
        raise ValueError(f"kind is cosface or arcface, got {kind!r}")
    return scale * cosines.scatter(1, people[:, None], moved)  # (B, P)


def identity_loss(
    embeddings: Tensor,
    directions: Tensor,
    people: Tensor,
    *,
    margin: float = 0.25,
    scale: float = 16.0,
    kind: Margin = "cosface",
) -> Tensor:
    """Cross-entropy of `margin_logits`; both factors of the cosines are brought to length one.

    Args:
        embeddings: (B, D), any length.
        directions: (P, D), one for each person of the training set, any length.
        people: (B,) int64.
        margin, scale, kind: see `margin_logits`.
    """
    cosines = F.normalize(embeddings, dim=1) @ F.normalize(directions, dim=1).T  # (B, P)
    logits = margin_logits(cosines, people, margin=margin, scale=scale, kind=kind)
    return F.cross_entropy(logits, people)


def geometry_loss(
    depth: Tensor,
    normals: Tensor,
    head: Tensor,
    true_depth: Tensor,
    true_normals: Tensor,
    true_head: Tensor,
) -> dict[str, Tensor]:
    """Three terms; depth and normals count where the head is, `head` everywhere.

    Args:
        depth, true_depth: (B, H, W), the same unit.
        normals, true_normals: (B, 3, H, W) unit vectors.
        head: (B, H, W) logits.
        true_head: (B, H, W) bool.

    Returns:
        "depth": mean |d - d*|; "normals": mean 1 - n . n*; "head": cross-entropy, nats. Scalars.
    """
    inside = true_head.to(depth.dtype)  # (B, H, W)
    count = inside.sum().clamp_min(1.0)
    cosine = (normals * true_normals).sum(dim=1)  # (B, H, W)
    return {
        "depth": ((depth - true_depth).abs() * inside).sum() / count,
        "normals": ((1.0 - cosine) * inside).sum() / count,
        "head": F.binary_cross_entropy_with_logits(head, inside),
    }


def factors_loss(predicted: Tensor, factors: Tensor, groups: Sequence[int]) -> Tensor:
    """Squared error, each group of columns counting as much as any other.

    Else the hundred sliders of the head's shape would count a hundred times as much as the age.

    Args:
        predicted, factors: (B, T), standardised.
        groups: sizes of the groups, in the order of the columns; their sum is T.

    Returns:
        A scalar; 1 for who always answers the mean.

    Raises:
        ValueError: the groups do not add up to T.

    >>> truth = torch.tensor([[1.0, 1.0, 2.0]])
    >>> factors_loss(torch.zeros(1, 3), truth, [2, 1]).item()
    2.5
    """
    if sum(groups) != predicted.shape[1]:
        raise ValueError(f"groups of {sum(groups)} columns, predictions of {predicted.shape[1]}")
    error = (predicted - factors).square().mean(dim=0)  # (T,)
    return torch.stack([part.mean() for part in error.split(list(groups))]).mean()
