"""Bootstrap intervals: against plain loops, and that they cover what they claim to cover."""

import numpy as np
import pytest

from facelab.statistics import bootstrap_mean, paired_difference


def test_mean_equals_a_plain_loop():
    values = np.random.default_rng(1).gamma(2.0, size=40)
    rng = np.random.default_rng(5)
    draws = rng.integers(40, size=(500, 40))
    plain = sorted(float(np.mean([values[i] for i in draw])) for draw in draws)
    estimate = bootstrap_mean(values, seed=5, resamples=500)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(np.quantile(plain, 0.025))
    assert estimate.high == pytest.approx(np.quantile(plain, 0.975))
    assert (estimate.n, estimate.seeds) == (40, 1)
    assert "40 test samples" in str(estimate)


def test_same_seed_same_interval():
    values = np.random.default_rng(0).normal(size=(3, 50))
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_interval_covers_the_true_mean_at_its_level():
    rng = np.random.default_rng(0)
    trials = 300
    hits = 0
    for trial in range(trials):
        estimate = bootstrap_mean(rng.normal(2.0, 1.0, size=60), seed=trial, resamples=400)
        hits += estimate.low <= 2.0 <= estimate.high
    assert 0.90 <= hits / trials <= 0.98  # 0.95 less the bootstrap's narrowness, +- 3 sigma


def test_hierarchical_interval_covers_seeds_and_samples():
    rng = np.random.default_rng(0)
    trials = 200
    hits = 0
    for trial in range(trials):
        seeds = rng.normal(0, 0.5, size=(8, 1))
        faces = rng.normal(0, 1.0, size=(1, 80))
        table = 1.0 + seeds + faces + rng.normal(0, 0.3, size=(8, 80))
        estimate = bootstrap_mean(table, seed=trial, resamples=400)
        hits += estimate.low <= 1.0 <= estimate.high
    assert 0.86 <= hits / trials <= 0.99
    only_faces = bootstrap_mean(table.mean(axis=0))
    assert estimate.high - estimate.low > only_faces.high - only_faces.low


def test_pairing_settles_what_separate_intervals_do_not():
    rng = np.random.default_rng(0)
    hard = rng.normal(5, 2, size=100)
    a, b = hard + rng.normal(0, 0.1, 100), hard + 0.2 + rng.normal(0, 0.1, 100)
    assert bootstrap_mean(a).high > bootstrap_mean(b).low
    difference = paired_difference(a, b)
    assert difference.settled
    assert difference.value == pytest.approx((a - b).mean())
    assert not paired_difference(a, a + rng.normal(0, 1, 100)).settled


def test_no_effect_is_called_an_effect_at_the_stated_rate():
    rng = np.random.default_rng(7)
    trials = 300
    wrong = sum(
        paired_difference(*rng.normal(size=(2, 80)), seed=t, resamples=400).settled
        for t in range(trials)
    )
    assert wrong / trials <= 0.10


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "N > 0"),
        ([1.0, np.nan], "1 of 2 values are not finite"),
        (np.zeros((2, 3, 4)), "expected"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_mean(values)


def test_unpaired_values_are_refused():
    with pytest.raises(ValueError, match="same samples"):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])
