"""Random numbers that are pure functions of (key, row, column), so that rows never depend on how
many others are drawn, in which order, or on how many threads.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011) describe the idea; the mixing
step here is splitmix64's finaliser, applied twice.
"""

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: np.ndarray) -> np.ndarray:
    """A bijection of 64-bit numbers without visible structure."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def key(name: str, *numbers: int) -> int:
    """A 64-bit key from a name and integers."""
    value = np.zeros(1, np.uint64)
    with np.errstate(over="ignore"):
        for part in (*name.encode(), *numbers):
            value = _mix(value * np.uint64(31) + np.uint64(part % 2**64) + _STEP)
    return int(value[0])


def uniform(stream: int, rows: np.ndarray, columns: int) -> np.ndarray:
    """Uniform numbers in (0, 1): (N, columns) float64, row n a function of (stream, rows[n])."""
    with np.errstate(over="ignore"):
        first = _mix(np.asarray(rows).astype(np.uint64) * _STEP + np.uint64(stream))  # (N,)
        mixed = first[:, None] + np.arange(1, columns + 1, dtype=np.uint64) * _STEP  # (N, columns)
        bits = _mix(_mix(mixed)) >> np.uint64(11)  # 53 bits
    return (bits.astype(np.float64) + 0.5) / 2**53


def normal(stream: int, rows: np.ndarray, columns: int, limit: float = 2.5) -> np.ndarray:
    """Standard normal numbers (Box and Muller), clipped to +-limit: (N, columns)."""
    pairs = (columns + 1) // 2
    u = uniform(stream, rows, 2 * pairs)
    radius, angle = np.sqrt(-2 * np.log(u[:, :pairs])), 2 * np.pi * u[:, pairs:]
    both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return np.clip(both[:, :columns], -limit, limit)


def choose(u: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Index (N,) drawn by uniform numbers u (N,) from odds (K,) or (N, K), any scale >= 0."""
    total = np.cumsum(np.broadcast_to(odds, (len(u), np.shape(odds)[-1])), 1)
    return (u[:, None] * total[:, -1:] >= total).sum(1).clip(max=total.shape[1] - 1)
