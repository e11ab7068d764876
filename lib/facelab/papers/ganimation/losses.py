"""The four losses of GANimation (Pumarola et al., ECCV 2018, Sec. 4.2), and their weights.

I_o is a picture with units y_o, y_f other units, and G(I_o | y_f) its edit with attention A. The
adversarial loss (Eq. 2) is Wasserstein's with a penalty, see `facelab.gan`; the others are here.

The paper's weights and those of the authors' code look alike and are not, as the code takes means
and sums in other places. Both are settings, `PAPER` and `CODE`; at the paper's batch of 25:

- units: 4000 times the squared error's sum over units, in the code 160 times its mean (the code
  divides the mean by the batch once more, 4000 / 25);
- norm of A: 0.1 times the root of the sum of squares, in the code 0.1 times the mean;
- variation of A: 0.1 times 1e-4 times squares, in the code 1e-5 times absolute values, summed over
  the whole batch, which is 25 times its mean;
- identity: 10 times the sum over pixels, in the code 10 times the mean.

So at 128 pixels and 17 units, what is printed weighs the units 425 times as much as the code does,
the norm of a flat A 128 times, and the identity 49,152 times. Nothing is known to have been trained
as printed; `CODE` is the default.

The sign of Eq. 2 is the critic's: it minimises E D(G) - E D(I) + penalty, and the generator
minimises -E D(G). Eq. 6 as printed, min over G and max over D of the sum, has it the other way.

Letters: B batch, N units, H and W height and width.
"""

from typing import Literal

import pydantic
import torch
import torch.nn.functional as F
from torch import Tensor

from facelab.gan.losses import Kind, total_variation

Norm = Literal["sum", "mean"]
AttentionNorm = Literal["euclidean", "mean"]
BATCH = 25  # of the paper; two weights of the code depend on it


class Weights(pydantic.BaseModel):
    """The weights and the norms that go with them; the defaults are the code's.

    Attributes:
        adversarial: of the critic's verdict, lambda_I in neither text nor code: 1.
        penalty: lambda_gp, of the critic's slopes (10 in both).
        attention: lambda_A, of all of L_A (0.1 in both).
        variation: lambda_TV inside L_A. The code's 1e-5 times the sum over a batch of 25 is
            0.1 times 2.5e-3 times the mean over the batch.
        units: lambda_y (4000; the code's 4000 / 25).
        identity: lambda_idt (10 in both).
        attention_norm: "euclidean" ||A||_2 of each picture, or the "mean" of A.
        variation_kind: "squares" or "absolute" differences.
        units_norm: the squared error's "sum" or "mean" over units.
        identity_norm: the absolute difference's "sum" or "mean" over pixels.
        apart: the critic's penalty has an Adam step of its own, as in the code.
        kind: of the adversarial loss, see `facelab.gan.losses`; neither text nor code has another.
        r1: of the critic's slopes at real pictures, instead of or beside ``penalty``; in neither.
        reading: lambda_y in the critic; None is the same as in the generator, as in both.
        resisting: the critic also learns, with this share of lambda_y, that an edit still shows the
            units of its source, so that patterns which no face has do not pay; in neither.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    adversarial: float = pydantic.Field(default=1.0, ge=0)
    penalty: float = pydantic.Field(default=10.0, ge=0)
    attention: float = pydantic.Field(default=0.1, ge=0)
    variation: float = pydantic.Field(default=1e-4 * BATCH, ge=0)
    units: float = pydantic.Field(default=4000.0 / BATCH, ge=0)
    identity: float = pydantic.Field(default=10.0, ge=0)
    attention_norm: AttentionNorm = "mean"
    variation_kind: Literal["squares", "absolute"] = "absolute"
    units_norm: Norm = "mean"
    identity_norm: Norm = "mean"
    apart: bool = True
    kind: Kind = "wasserstein"
    r1: float = pydantic.Field(default=0.0, ge=0)
    reading: float | None = pydantic.Field(default=None, ge=0)
    resisting: float = pydantic.Field(default=0.0, ge=0)


CODE = Weights()
PAPER = Weights(
    variation=1e-4,
    units=4000.0,
    attention_norm="euclidean",
    variation_kind="squares",
    units_norm="sum",
    identity_norm="sum",
    apart=False,
)


def attention_loss(
    attention: Tensor,
    *,
    variation: float,
    norm: AttentionNorm = "mean",
    kind: Literal["squares", "absolute"] = "absolute",
) -> Tensor:
    """L_A = lambda_TV E[sum (A_i+1,j - A_ij)^2 + (A_i,j+1 - A_ij)^2] + E||A||_2 (Eq. 3).

    Smooth, and away from 1, where the generator copies its input.

    Args:
        attention: (B, 1, H, W) in [0, 1].
        variation: lambda_TV.
        norm: "euclidean" as printed, or the "mean" of A as in the code.
        kind: differences squared as printed, or absolute as in the code.

    Returns:
        A scalar, the mean over the batch.

    Raises:
        ValueError: for another norm or kind.

    >>> A = torch.full((1, 1, 2, 2), 0.5)
    >>> attention_loss(A, variation=1.0, norm="euclidean").item()
    1.0
    >>> attention_loss(A, variation=1.0).item()
    0.5
    """
    if norm == "euclidean":
        size = torch.linalg.vector_norm(attention.flatten(1), dim=1).mean()
    elif norm == "mean":
        size = attention.mean()
    else:
        raise ValueError(f"norm is euclidean or mean, got {norm!r}")
    return variation * total_variation(attention, kind=kind) + size


def units_loss(predicted: Tensor, units: Tensor, *, norm: Norm = "mean") -> Tensor:
    """L_y = E||D_y - y||_2^2 (Eq. 4): of edits against y_f for G, of pictures against y_o for D.

    Args:
        predicted: (B, N) what the critic reads.
        units: (B, N) intensities in [0, 1].
        norm: the "sum" over units as printed, or their "mean".

    Returns:
        A scalar, the mean over the batch.

    Raises:
        ValueError: shapes differ, or for another norm.

    >>> units_loss(torch.zeros(2, 4), torch.ones(2, 4), norm="sum").item()
    4.0
    """
    if predicted.shape != units.shape:
        raise ValueError(f"expected units {tuple(predicted.shape)}, got {tuple(units.shape)}")
    return F.mse_loss(predicted, units) * _count(predicted, norm)


def identity_loss(images: Tensor, back: Tensor, *, norm: Norm = "mean") -> Tensor:
    """L_idt = E||G(G(I_o | y_f) | y_o) - I_o||_1 (Eq. 5): the way back leads to the picture.

    Args:
        images, back: (B, 3, H, W).
        norm: the "sum" over pixels and colours as printed, or their "mean" as in the code.

    Returns:
        A scalar, the mean over the batch.

    Raises:
        ValueError: for another norm.

    >>> identity_loss(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2), norm="sum").item()
    12.0
    """
    return F.l1_loss(back, images) * _count(images, norm)


def _count(values: Tensor, norm: str) -> int:
    """What a mean over everything is multiplied by: 1, or the numbers of one picture."""
    if norm not in ("sum", "mean"):
        raise ValueError(f"norm is sum or mean, got {norm!r}")
    return values[0].numel() if norm == "sum" else 1
