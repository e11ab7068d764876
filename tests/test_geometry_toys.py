"""The worked examples of the geometry notebook, and what is said of its tables."""

import doctest

import numpy as np
import pytest
import torch

from facelab.papers.geometry import evaluation, readings, reconstruction, sets, toys
from facelab.papers.geometry.data import Questions
from facelab.papers.geometry.experiments import DEPTH_PENALTY
from facelab.papers.geometry.reconstruction import Reconstruction
from facelab.papers.geometry.rows import NOTHING, Measured
from facelab.statistics import Estimate

SIZE = 32


def test_docstring_examples_run():
    assert doctest.testmod(toys).failed == 0


def test_light_changes_pictures_and_no_depth():
    lit = toys.lights(3, size=SIZE)
    assert lit.pictures[toys.REST].shape == (3, 3, SIZE, SIZE)
    assert lit.depth[toys.REST].shape == (3, 1, SIZE, SIZE)
    picture, depth = (toys.sensitivity(one) for one in (lit.pictures, lit.depth))
    assert picture["light"] > 0.01
    assert depth["light"] == 0.0
    assert depth["expression"] > 0.005
    assert np.isinf(depth["expression over light"])
    assert picture["expression over light"] < 2.0


def test_the_best_share_is_that_of_the_right_labels_and_falls_with_the_penalty():
    for wrong in (0.05, 0.2):
        shares = [toys.best_share(beta=beta, wrong=wrong) for beta in (0.0, 0.1, 1.0)]
        assert shares[0] == pytest.approx(1.0 - wrong, abs=0.01)
        assert shares[0] > shares[1] > shares[2] > 1 / 8
        other = toys.best_share(beta=0.1, sign="punishes entropy", wrong=wrong)
        assert other > shares[0]
    assert toys.best_share(beta=0.0) > 0.9999


def test_fits_are_shown_from_the_best_to_the_worst():
    factors = sets.seen("affectnet", 6, seed=6)
    error = np.array([30.0, 2.0, 4.0, 9.0, 12.0, 3.0])
    depth = np.full((6, SIZE, SIZE), np.nan, np.float32)
    depth[:, 8:24, 8:24] = 60.0
    fit = Reconstruction(
        depth=depth,
        normals=np.zeros((6, 3, SIZE, SIZE), np.float32),
        landmarks=np.arange(6)[:, None, None] * np.ones((6, 68, 2), np.float32),
        error=error,
        failed=error > 10,
    )
    lines, landmarks, titles = toys.fits_in_order(factors, fit, size=SIZE, threshold=10.0)
    assert landmarks[:, 0, 0].tolist() == [1, 2, 3, 4, 0]
    assert titles[2:] == ["last kept: 9 %", "first out: 12 %", "worst: 30 %"]
    assert [len(line) for line in lines.values()] == [5] * 4
    with pytest.raises(ValueError, match="got 6 of 6"):
        toys.fits_in_order(factors, fit, size=SIZE, threshold=50.0)


def test_each_kind_of_error_is_measured_alone():
    factors = sets.seen("affectnet", 6, seed=6)
    frame = toys.errors_by_kind(factors, size=SIZE, threshold=10.0)
    assert frame.index.tolist() == list(toys.KINDS)
    assert set(sum(toys.KINDS.values(), ())) == set(reconstruction.Noise.model_fields)
    landmarks = frame["landmarks (% of eye distance)"]
    assert landmarks["nothing"] < 1e-3
    assert (landmarks.drop("nothing") > 0.1).all()
    assert landmarks["pose, place, failures"] >= landmarks["pose and place"]
    assert frame.loc["nothing", "kept (%)"] == 100.0
    assert frame.loc["nothing", "depth (cm)"] < frame.loc["all of it", "depth (cm)"]


def _questions(count: int) -> Questions:
    torch.manual_seed(0)
    truth = torch.randint(0, 256, (8, count, 3, 8, 8), dtype=torch.uint8)
    own = torch.arange(count) % 8
    return Questions(
        images=truth[own, torch.arange(count)],
        expression=own,
        people=torch.arange(count),
        truth=truth,
        depth=torch.zeros(8, count, 8, 8),
        landmarks=torch.zeros(8, count, 68, 2),
        units=torch.zeros(8, 17),
    )


def test_the_whole_way_is_the_true_answer_and_none_of_it_the_input():
    questions = _questions(3)
    truth = questions.truth / 255.0
    answers = evaluation.answered(toys.part_of_the_way(questions, 1.0), questions)
    torch.testing.assert_close(answers.images, truth)
    answers = evaluation.answered(toys.part_of_the_way(questions, 0.0), questions)
    torch.testing.assert_close(answers.images, (questions.images / 255.0).expand_as(truth))


def _measured() -> Measured:
    rng = np.random.default_rng(0)
    rows = {NOTHING: 10.0, "StarGAN": 12.0, DEPTH_PENALTY: 15.0}
    found = {
        name: [{"psnr": level + rng.normal(0, 0.1, (8, 5)), "rate": np.ones((8, 5))}]
        for name, level in rows.items()
    }
    return Measured(found=found, questions=_questions(5), rare=False)


def test_readings_follow_the_numbers():
    names = ["StarGAN", DEPTH_PENALTY]
    frame = readings.nearest(_measured(), names)
    assert frame.index.tolist() == ["PSNR"]  # all else had no judge
    assert frame.loc["PSNR"].tolist() == [DEPTH_PENALTY, "yes", "yes"]
    assert readings.rates(_measured(), names).to_numpy().tolist() == [[100.0, 100.0]] * 2


def test_a_stand_in_helps_misleads_or_says_nothing():
    def one(low: float, high: float) -> Estimate:
        return Estimate(value=(low + high) / 2, low=low, high=high, n=5, seeds=1)

    text = readings.useful(
        {
            ("rate", "PSNR"): one(0.2, 0.4),
            ("rate", "SSIM"): one(0.1, 0.4),
            ("FID", "PSNR"): one(-0.4, -0.1),
        }
    )
    assert text.splitlines() == [
        "- *helps*: rate (for PSNR, SSIM)",
        "- *open*: none",
        "- *misleads*: FID (for PSNR)",
    ]
    assert readings.settled(one(-0.1, 0.1)) == "open"
