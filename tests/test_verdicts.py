"""The rules of the verdicts, and how often they err on simulated faces with a known effect."""

import numpy as np
import pytest

from facelab import verdicts
from facelab.statistics import Estimate, bootstrap_function, paired_difference
from facelab.verdicts import (
    INCONCLUSIVE,
    NOT_REPRODUCED,
    OTHER_SIZE,
    REPRODUCED,
    of_bound,
    of_effect,
    of_no_gain,
    of_value,
)


def estimate(low, high):
    return Estimate(value=(low + high) / 2, low=low, high=high, n=100, seeds=1)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (3, 6, REPRODUCED),  # the paper's 5 is inside
        (1, 2.6, REPRODUCED),  # half of it is
        (0.1, 2.4, OTHER_SIZE),
        (10.1, 20, OTHER_SIZE),
        (9.9, 20, REPRODUCED),
        (-1, 6, INCONCLUSIVE),
        (0, 6, INCONCLUSIVE),
        (-6, -0.1, NOT_REPRODUCED),
    ],
)
def test_an_effect_is_read_from_its_side_and_its_size(low, high, expected):
    assert of_effect(estimate(low, high), 5.0, factor=2) == expected


def test_a_ratio_says_nothing_at_one():
    assert of_effect(estimate(0.8, 1.2), 5.0, factor=2, nothing=1) == INCONCLUSIVE
    assert of_effect(estimate(0.4, 0.9), 5.0, factor=2, nothing=1) == NOT_REPRODUCED
    assert of_effect(estimate(10.5, 12), 5.0, factor=2, nothing=1) == OTHER_SIZE


def test_no_gain_needs_an_interval_below_the_margin():
    assert of_no_gain(estimate(-0.5, 0.9), 0.0, margin=1) == REPRODUCED
    assert of_no_gain(estimate(-0.5, 1.0), 0.0, margin=1) == INCONCLUSIVE
    assert of_no_gain(estimate(-9, 9), 0.0, margin=1) == INCONCLUSIVE
    assert of_no_gain(estimate(0.5, 2), 0.0, margin=1) == INCONCLUSIVE
    assert of_no_gain(estimate(1.1, 2), 0.0, margin=1) == NOT_REPRODUCED
    assert of_no_gain(estimate(-9, -2), 0.0, margin=1) == OTHER_SIZE
    assert of_no_gain(estimate(-9, -2), -3.0, margin=1) == REPRODUCED  # it hurts there, too


def test_values_and_bounds():
    assert of_value(estimate(0.9, 1.1), 1.2, factor=1.1) == REPRODUCED
    assert of_value(estimate(0.9, 1.0), 1.2, factor=1.1) == NOT_REPRODUCED
    assert of_bound(estimate(20, 30), bound=20) == REPRODUCED
    assert of_bound(estimate(19, 30), bound=20) == INCONCLUSIVE
    assert of_bound(estimate(10, 19), bound=20) == NOT_REPRODUCED


def test_an_inconclusive_interval_may_exclude_the_paper_s_value():
    assert of_effect(estimate(-4, 1.5), 5.7, factor=2) == INCONCLUSIVE
    assert verdicts.excludes(5.7, -4, 1.5) == "yes"
    assert verdicts.excludes(5.7, -4, 8) == "no"
    assert verdicts.excludes(5.7, 5.7, 8) == verdicts.excludes(5.7, 4, 5.7) == "no"  # the ends too
    assert verdicts.excludes(5.7, 6, 8) == "yes"
    assert verdicts.excludes(5.7, 5, 5) == verdicts.excludes(5.7, np.nan, np.nan) == ""


def test_effects_are_relative():
    assert verdicts.EFFECTS["difference"](3.0, 4.0) == 25.0
    assert verdicts.EFFECTS["no gain"](3.0, 4.0) == 25.0
    assert verdicts.EFFECTS["trend"](4.0, 3.0, 2.0) == pytest.approx(50.0)
    assert verdicts.EFFECTS["trend"](4.0, 4.0, 4.0) == 0.0
    assert verdicts.EFFECTS["smaller loss"](3.0, 2.0, 8.0, 4.0) == 50.0


# ---- simulated faces: hard for both methods or for none, and an effect that is known


def faces(rng, effect, *, n=150, seeds=1, unit=1.0, training=0.0, repetitions=400):
    """(better, worse) pairs, (seeds, n) each; ``effect`` is in percent of worse, on average."""
    for _ in range(repetitions):
        hard = 4 + rng.gamma(2, 1, n)  # mean 6
        worse = hard + rng.normal(0, 0.6, (seeds, n)) + training * rng.normal(size=(seeds, 1))
        better = hard - 0.06 * effect + rng.normal(0, 0.6, (seeds, n))
        yield unit * better, unit * worse


def verdict(better, worse, paper=5.0, resamples=400):
    found = bootstrap_function(verdicts.EFFECTS["difference"], better, worse, resamples=resamples)
    return of_effect(found, paper, factor=2)


def share(outcomes, *kinds):
    return np.mean([outcome in kinds for outcome in outcomes])


SETTLED = (REPRODUCED, OTHER_SIZE, NOT_REPRODUCED)


def test_no_effect_is_settled_in_five_percent():
    rng = np.random.default_rng(1)
    outcomes = [verdict(*pair) for pair in faces(rng, 0.0, repetitions=800)]
    wrong = share(outcomes, *SETTLED)
    assert 0.028 < wrong < 0.078  # 5 % and three standard errors, and a little for the bootstrap
    assert 0.008 < share(outcomes, NOT_REPRODUCED) < 0.048


def test_few_trainings_err_more_often_as_said_and_many_do_not():
    rng = np.random.default_rng(2)
    wrong = {
        seeds: share(
            [
                verdict(*pair, resamples=200)
                for pair in faces(rng, 0.0, seeds=seeds, training=0.3, n=40, repetitions=300)
            ],
            *SETTLED,
        )
        for seeds in (3, 12)
    }
    assert 0.08 < wrong[3] < 0.40
    assert 0.02 < wrong[12] < 0.13


def test_one_training_says_nothing_about_others():
    rng = np.random.default_rng(3)
    outcomes = [verdict(*p) for p in faces(rng, 0.0, training=0.3, repetitions=200)]
    assert share(outcomes, *SETTLED) > 0.4  # the interval covers faces, not trainings


def test_an_effect_of_the_paper_s_size_is_found_with_many_faces():
    rng = np.random.default_rng(4)
    outcomes = [verdict(*pair) for pair in faces(rng, 5.0, n=600, repetitions=80)]
    assert share(outcomes, REPRODUCED) > 0.99


def test_an_effect_of_another_size_is_told_from_the_paper_s():
    rng = np.random.default_rng(5)
    outcomes = [verdict(*pair) for pair in faces(rng, 20.0, n=600, repetitions=40)]
    assert share(outcomes, OTHER_SIZE) > 0.99
    # at the edge of the band it is called another size in about 2.5 %
    outcomes = [verdict(*pair) for pair in faces(rng, 10.0, repetitions=400)]
    assert share(outcomes, OTHER_SIZE) < 0.06
    assert share(outcomes, NOT_REPRODUCED) == 0


def test_swapped_sides_give_the_mirrored_verdict():
    rng = np.random.default_rng(6)
    for effect in (0.0, 3.0, 20.0):
        for better, worse in faces(rng, effect, n=60, repetitions=40):
            there, back = verdict(better, worse), verdict(worse, better)
            assert (there == INCONCLUSIVE) == (back == INCONCLUSIVE)
            assert (there == NOT_REPRODUCED) == (back in (REPRODUCED, OTHER_SIZE))
            assert (back == NOT_REPRODUCED) == (there in (REPRODUCED, OTHER_SIZE))


def test_verdicts_do_not_depend_on_the_unit():
    for effect in (0.0, 5.0):
        plain = [verdict(*p) for p in faces(np.random.default_rng(7), effect, repetitions=60)]
        scaled = faces(np.random.default_rng(7), effect, unit=0.01, repetitions=60)
        assert plain == [verdict(*p) for p in scaled]


def test_a_gain_as_large_as_the_margin_is_called_none_in_few_percent():
    rng = np.random.default_rng(8)
    outcomes = []
    for pair in faces(rng, 2.0, repetitions=800):
        found = bootstrap_function(verdicts.EFFECTS["no gain"], *pair, resamples=400)
        outcomes.append(of_no_gain(found, 0.0, margin=2.0))
    assert 0.008 < share(outcomes, REPRODUCED, OTHER_SIZE) < 0.048
    assert 0.008 < share(outcomes, NOT_REPRODUCED) < 0.048


def test_no_gain_is_found_with_many_faces():
    rng = np.random.default_rng(9)
    outcomes = []
    for pair in faces(rng, 0.0, n=1200, repetitions=60):
        found = bootstrap_function(verdicts.EFFECTS["no gain"], *pair, resamples=200)
        outcomes.append(of_no_gain(found, 0.0, margin=2.0))
    assert share(outcomes, REPRODUCED) > 0.99


def test_the_sign_is_that_of_the_paired_difference():
    better, worse = next(faces(np.random.default_rng(10), 3.0, seeds=3, n=40))
    relative = bootstrap_function(verdicts.EFFECTS["difference"], better, worse)
    plain = paired_difference(worse, better)
    assert relative.value == pytest.approx(100 * plain.value / worse.mean())
    assert relative.settled == plain.settled
    linear = bootstrap_function(lambda b, w: w - b, better, worse)
    assert linear.low == pytest.approx(plain.low)
    assert (linear.n, linear.seeds) == (40, 3)
