"""Intervals: how far a mean, or a difference of two, would move with other faces and other seeds.

All are percentile bootstraps at 95 %: draw with replacement as often as there are values, take the
mean, repeat, and cut off 2.5 % at each end (Efron & Tibshirani, "An Introduction to the Bootstrap",
1993, chapter 13). With seeds and samples both, seeds are drawn first and test samples second, the
same samples for all seeds drawn, because all seeds are tested on the same faces (crossed factors).

What an interval stands for: other test faces, and, with several seeds, other trainings. With one
seed it says nothing about other trainings. With fewer than five seeds it is too narrow, as a
bootstrap over n values shrinks the variance by (n - 1) / n.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import rankdata

RESAMPLES = 2000
LEVEL = 0.95
_CHUNK = 2_000_000  # draws held at a time: 16 MB of indices


@dataclasses.dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its bootstrap interval.

    Attributes:
        value: the mean.
        low, high: the interval's ends; equal to `value` where there is a single value.
        n: test samples.
        seeds: trainings.
    """

    value: float
    low: float
    high: float
    n: int
    seeds: int

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}], {self.basis}"

    @property
    def basis(self) -> str:
        """What varies in the interval."""
        faces = f"n = {self.n} test samples"
        return faces if self.seeds == 1 else f"{faces} x {self.seeds} seeds"

    @property
    def settled(self) -> bool:
        """Whether the interval excludes 0: for a difference, whether its sign is settled."""
        return self.low > 0 or self.high < 0


def bootstrap_mean(
    values: Any, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Estimate:
    """The mean of values over test samples, and over seeds where there are several.

    Args:
        values: (N,) one seed, or (S, N) seeds by test samples, all tested on the same samples.
        seed: of the resampling.
        resamples: number of bootstrap draws.
        level: of the interval.

    Raises:
        ValueError: another shape, no values, or values that are not finite.
    """
    table = _table(values, "values")
    means = _resampled(table, seed, resamples)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(
        value=float(table.mean()),
        low=float(low),
        high=float(high),
        n=table.shape[1],
        seeds=table.shape[0],
    )


def paired_difference(
    a: Any, b: Any, *, seed: int = 0, resamples: int = RESAMPLES, level: float = LEVEL
) -> Estimate:
    """The mean of a - b over the same test samples, and the same seeds where there are several.

    Pairing takes out what is common to both (a hard face is hard for both methods); so a difference
    may be settled where the intervals of the two means overlap.

    Args:
        a, b: (N,) or (S, N) each, in the same order of samples (and seeds).

    Raises:
        ValueError: shapes differ, no values, or values that are not finite.
    """
    first, second = _table(a, "a"), _table(b, "b")
    if first.shape != second.shape:
        raise ValueError(
            f"paired values go with the same samples and seeds: a is {np.shape(a)}, b {np.shape(b)}"
        )
    return bootstrap_mean(first - second, seed=seed, resamples=resamples, level=level)


def bootstrap_function(
    function: Callable[..., Any],
    *values: Any,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Estimate:
    """A function of the means of several methods, all tested on the same samples (and seeds).

    Each draw takes the same samples and seeds from all of them, so the methods stay paired.

    Args:
        function: of as many numbers, or arrays (resamples,) of them, as there are ``values``.
        values: (N,) or (S, N) each, in the same order of samples (and seeds).

    Raises:
        ValueError: shapes differ, no values, or values that are not finite.
    """
    tables = [_table(value, f"values {i + 1}") for i, value in enumerate(values)]
    shapes = {table.shape for table in tables}
    if len(shapes) != 1:
        raise ValueError(
            f"paired values go with the same samples and seeds: got {[np.shape(v) for v in values]}"
        )
    drawn = function(*(_resampled(table, seed, resamples) for table in tables))  # (resamples,)
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(
        value=float(function(*(table.mean() for table in tables))),
        low=float(low),
        high=float(high),
        n=tables[0].shape[1],
        seeds=tables[0].shape[0],
    )


def rank_correlation(a: Any, b: Any) -> np.ndarray:
    """Spearman's rank correlation along the first axis; 0 where a side does not vary.

    Args:
        a, b: (K, ...) each, finite. Equal values share the mean of their ranks.

    Returns:
        (...), in [-1, 1].

    Raises:
        ValueError: shapes differ, or there are fewer than two values to order.

    >>> rank_correlation([1.0, 2.0, 9.0], [0.0, 5.0, 4.0]).round(6).tolist()
    0.5
    """
    ranks = [rankdata(np.asarray(values, dtype=np.float64), axis=0) for values in (a, b)]
    if ranks[0].shape != ranks[1].shape or len(ranks[0]) < 2:
        raise ValueError(f"expected (K, ...) twice, K > 1; got {np.shape(a)} and {np.shape(b)}")
    first, second = (rank - rank.mean(axis=0) for rank in ranks)
    scale = np.sqrt(np.square(first).sum(axis=0) * np.square(second).sum(axis=0))
    product = (first * second).sum(axis=0)
    return np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)


def _table(values: Any, name: str) -> np.ndarray:
    table = np.atleast_2d(np.asarray(values, dtype=np.float64))  # (S, N)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"{name}: expected (N,) or (seeds, N) with N > 0, got {np.shape(values)}")
    if not np.isfinite(table).all():
        bad = int((~np.isfinite(table)).sum())
        raise ValueError(
            f"{name}: {bad} of {table.size} values are not finite; leave them out first"
        )
    return table


def _resampled(table: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """The mean of each bootstrap draw.  (resamples,)

    A draw of seeds and a draw of samples weight the table from both sides, so the mean is
    (seed counts) @ table @ (sample counts) / (S N): one pass for any number of seeds.
    """
    seeds, samples = table.shape  # S, N
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    step = max(1, _CHUNK // samples)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = rng.integers(samples, size=(count, samples))  # (C, N)
        if seeds == 1:
            means[start : start + count] = table[0, drawn].mean(axis=1)
            continue
        who = rng.integers(seeds, size=(count, seeds))  # (C, S)
        weights = np.stack([(who == s).sum(axis=1) for s in range(seeds)], axis=1) / seeds  # (C, S)
        by_seed = np.stack([row[drawn].mean(axis=1) for row in table], axis=1)  # (C, S)
        means[start : start + count] = (weights * by_seed).sum(axis=1)
    return means
