"""Distances between pictures, and between sets of pictures, through torchmetrics.

The Frechet distance takes any network for its features: ours (`Jury.features`), or one that you
have. A network is handed in as a module or function, (N, 3, H, W) in [0, 1] to (N, F); whatever it
wants of its input (another size, another range) is its own first step:

    class Mine(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = load_weights(MyInception(), "inception.safetensors").eval()

        def forward(self, images):                       # (N, 3, H, W) in [0, 1]
            images = F.interpolate(images, (299, 299), mode="bilinear", antialias=True)
            return self.network(2 * images - 1)          # (N, F)

    distances.fid(real, fake, Mine())

Nothing is fetched. `vgg.VGGFace` is such a network, for weights of VGG-Face in a local file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)
from torchmetrics.image.fid import FrechetInceptionDistance

Network = Callable[[Tensor], Tensor]
BATCH = 256  # pictures at a time


class _Given(nn.Module):
    """Hands features that are computed already to torchmetrics, as if it had a network."""

    def __init__(self, count: int):
        super().__init__()
        self.num_features = count

    def forward(self, features: Tensor) -> Tensor:
        return features


@torch.no_grad()
def described(images: Tensor, network: Network) -> Tensor:
    """Features of many pictures, a few at a time.

    Args:
        images: (N, 3, H, W) in [0, 1].
        network: (B, 3, H, W) to (B, F).

    Returns:
        (N, F) on the CPU.

    Raises:
        ValueError: the network returns another shape.
    """
    if isinstance(network, nn.Module):
        network.eval()
    parts = []
    for part in images.split(BATCH):
        made = network(part)
        if made.ndim != 2 or len(made) != len(part):
            raise ValueError(
                f"the feature network turned {tuple(part.shape)} into {tuple(made.shape)}, "
                f"expected ({len(part)}, F)"
            )
        parts.append(made.cpu())
    return torch.cat(parts)


def frechet(real: Tensor, fake: Tensor) -> float:
    """The Frechet distance of two sets of features, as of two Gaussians (Heusel et al., 2017).

    |mu_r - mu_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2)). Its value means something only beside the
    network and the number of pictures: see `frechet_by_size`.

    Args:
        real, fake: (N, F) and (M, F), more than one picture each.

    Raises:
        ValueError: shapes that do not fit.
    """
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise ValueError(f"expected (N, F) twice, got {tuple(real.shape)} and {tuple(fake.shape)}")
    if min(len(real), len(fake)) < 2:
        raise ValueError(f"two pictures a side are the least, got {len(real)} and {len(fake)}")
    metric = FrechetInceptionDistance(feature=_Given(real.shape[1])).set_dtype(torch.float64)
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    return max(0.0, metric.compute().item())  # rounding alone takes it below


def fid(real: Tensor, fake: Tensor, network: Network) -> tuple[float, int]:
    """The Frechet distance of two sets of pictures, and the n that belongs to it.

    Args:
        real, fake: (N, 3, H, W) and (M, 3, H, W) in [0, 1].
        network: of the features.

    Returns:
        The distance and the smaller of N and M: distances of different n do not compare.
    """
    n = min(len(real), len(fake))
    return frechet(described(real[:n], network), described(fake[:n], network)), n


def frechet_by_size(
    real: Tensor, fake: Tensor, sizes: Sequence[int], *, draws: int = 5, seed: int = 0
) -> pd.DataFrame:
    """The distance over the number of pictures: it falls as 1 / n towards its true value.

    A covariance of few pictures has too wide a spread of variances, so even two sets of the same
    world are apart (Chong & Forsyth, CVPR 2020, Sec. 3).

    Args:
        real, fake: (N, F) features.
        sizes: values of n, each at most the smaller N.
        draws: random subsets of each size.
        seed: of the draws.

    Returns:
        A line a draw: `n`, `distance`.

    Raises:
        ValueError: a size beyond the number of pictures.
    """
    most = min(len(real), len(fake))
    if max(sizes) > most:
        raise ValueError(f"sizes go up to the number of pictures, {most}; got {max(sizes)}")
    rng = np.random.default_rng(seed)
    lines = []
    for n in sizes:
        for _ in range(draws):
            a, b = (torch.from_numpy(rng.permutation(len(s))[:n]) for s in (real, fake))
            lines.append({"n": int(n), "distance": frechet(real[a], fake[b])})
    return pd.DataFrame(lines)


def frechet_infinity(by_size: pd.DataFrame) -> tuple[float, float]:
    """The distance at infinitely many pictures, a line over 1 / n (Chong & Forsyth, Sec. 3.1).

    Args:
        by_size: from `frechet_by_size`, two sizes at least.

    Returns:
        The intercept, which estimates the true distance without bias, and the slope, the bias
        times n.

    Raises:
        ValueError: a single size, through which any line goes.

    >>> frame = pd.DataFrame({"n": [10, 20, 40], "distance": [4.0, 3.0, 2.5]})
    >>> [round(value, 6) for value in frechet_infinity(frame)]
    [2.0, 20.0]
    """
    if by_size["n"].nunique() < 2:
        raise ValueError("a line needs two sizes at least")
    slope, intercept = np.polyfit(1 / by_size["n"], by_size["distance"], 1)
    return float(intercept), float(slope)


def psnr(images: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture against the true one, dB: (N,).

    Args:
        images, truth: (N, 3, H, W) in [0, 1].

    Raises:
        ValueError: shapes differ.
    """
    _check_pairs(images, truth)
    return peak_signal_noise_ratio(
        images, truth, data_range=1.0, reduction="none", dim=(1, 2, 3)
    )  # (N,)


def ssim(images: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of each picture to the true one (Wang et al., 2004): (N,), at most 1.

    Args:
        images, truth: (N, 3, H, W) in [0, 1], H and W 11 or more.

    Raises:
        ValueError: shapes differ.
    """
    _check_pairs(images, truth)
    return structural_similarity_index_measure(images, truth, data_range=1.0, reduction="none")


def identity_distance(embeddings: Tensor, others: Tensor) -> Tensor:
    """1 - cosine of each pair: 0 the same, about 1 for strangers, 2 at most; (N, D) twice to (N,).

    Raises:
        ValueError: shapes differ.
    """
    if embeddings.shape != others.shape or embeddings.ndim != 2:
        raise ValueError(
            f"expected (N, D) twice, got {tuple(embeddings.shape)} and {tuple(others.shape)}"
        )
    return 1 - torch.nn.functional.cosine_similarity(embeddings, others, dim=1)


def _check_pairs(images: Tensor, truth: Tensor) -> None:
    if images.shape != truth.shape or images.ndim != 4:
        raise ValueError(
            f"expected (N, 3, H, W) twice, got {tuple(images.shape)} and {tuple(truth.shape)}"
        )
