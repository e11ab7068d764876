"""What is measured of a method: perfect answers, none, and Fig. 8's matrix, with simple judges."""

import doctest
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facelab.faces import EMOTIONS
from facelab.gan.pictures import pixels
from facelab.judges import distances
from facelab.papers.geometry import data, evaluation
from facelab.papers.geometry.data import Pairs, Questions
from facelab.papers.geometry.model import SPAN, Translator
from facelab.papers.geometry.options import Sizes

SIZE, N = 16, 4
HEAD = slice(4, 12)  # rows and columns


def _picture(expression: int, shade: float) -> torch.Tensor:
    image = torch.full((3, SIZE, SIZE), shade)
    image[:, 2 * expression : 2 * expression + 2, 2:] = 1.0
    return image


def _depth(shade: float) -> torch.Tensor:
    depth = torch.full((SIZE, SIZE), torch.nan)
    depth[HEAD, HEAD] = 60.0 + 10.0 * shade * torch.linspace(-1, 1, 8)
    return depth


@pytest.fixture
def questions() -> Questions:
    shades, own = torch.linspace(0.2, 0.6, N).tolist(), torch.arange(N)
    truth = torch.stack([torch.stack([_picture(k, s) for s in shades]) for k in range(8)])
    truth = (255 * truth).round().to(torch.uint8)
    return Questions(
        images=truth[own, torch.arange(N)],
        expression=own,
        people=torch.arange(N),
        truth=truth,
        depth=torch.stack([_depth(s) for s in shades]).expand(8, -1, -1, -1),
        landmarks=torch.zeros(8, N, 68, 2),
        units=torch.zeros(8, 17),
    )


def _expression(images: torch.Tensor) -> torch.Tensor:
    rows = images[:, :, :, 2:].mean(dim=(1, 3)).view(len(images), 8, 2).mean(dim=2)
    return (20 * rows).log_softmax(dim=1)


def _identity(images: torch.Tensor) -> torch.Tensor:
    shade = 3 * images[:, 0, :, 0].mean(dim=1)
    return torch.stack([shade.cos(), shade.sin()], dim=1)


def _near(images: torch.Tensor) -> torch.Tensor:
    shade = images[:, 0, :, 0].mean(dim=1)
    depth = -10.0 * shade[:, None] * torch.linspace(-1, 1, 8)
    found = torch.zeros(len(images), SIZE, SIZE)
    found[:, HEAD, HEAD] = depth[:, None]
    return found


JUDGES = {
    "expression": _expression,
    "identity": _identity,
    "features": lambda images: F.avg_pool2d(images, 4).flatten(1),
    "depth": _near,
}


def test_docstring_examples_run():
    assert doctest.testmod(evaluation).failed == 0


def test_true_answers_are_perfect_by_every_measure(questions):
    answers = evaluation.answered(evaluation.true_answers(questions), questions)
    found = evaluation.evaluate(answers, questions, JUDGES)
    assert found["rate"].min() == 1.0
    assert found["error"].max() < 1e-4
    assert found["psnr"].min() > 80
    assert found["back_psnr"].min() > 80
    for name in ("ssim", "back_ssim"):
        assert found[name].min() > 0.999
    for name in ("perceptual", "true_identity"):
        assert np.abs(found[name]).max() < 1e-5
    np.testing.assert_allclose(found["depth"], found["floor_depth"], atol=1e-4)
    np.testing.assert_allclose(found["identity"], found["floor_identity"], atol=1e-5)
    np.testing.assert_allclose(found["expression"], found["true_expression"], atol=1e-4)
    assert found["floor_depth"].max() < 0.05
    shapes = {name: values.shape for name, values in found.items()}
    assert shapes.pop("expression") == shapes.pop("true_expression") == (8, N, 8)
    assert set(shapes.values()) == {(8, N)}
    np.testing.assert_array_equal(evaluation.confusion(found, questions.asked), np.eye(8))


def test_nothing_done_keeps_the_person_and_misses_the_expression(questions):
    answers = evaluation.answered(evaluation.nothing_done, questions)
    found = evaluation.evaluate(answers, questions, JUDGES)
    np.testing.assert_array_equal(found["rate"], ~questions.asked)
    assert evaluation.over_faces(found["rate"], questions.asked).max() == 0.0
    assert found["back_psnr"].min() > 100
    assert found["psnr"][~questions.asked].min() > 100
    assert found["psnr"][questions.asked].max() < 30
    assert np.abs(found["identity"]).max() < 1e-5
    assert found["error"][questions.asked].min() > 1
    matrix = evaluation.confusion(found, questions.asked)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    assert np.trace(matrix) == 0.0


def test_measures_of_missing_judges_are_left_out(questions):
    answers = evaluation.answered(evaluation.nothing_done, questions)
    found = evaluation.evaluate(answers, questions, {})
    assert set(found) == {"back_psnr", "back_ssim", "psnr", "ssim", "error"}
    source = questions.images.float() / 255
    torch.testing.assert_close(
        torch.from_numpy(found["psnr"][7]), distances.psnr(source, questions.truth[7] / 255.0)
    )


def test_depth_errors_are_those_of_the_true_answers_head(questions):
    true = questions.depth
    inside = true.isfinite()
    near = (60.0 - true).nan_to_num(0.0)  # the slope's middle lies at 60
    off = evaluation.depth_errors(near + 2.0, true)
    level = evaluation.depth_errors(near, true)
    assert level.max() < 1e-4
    torch.testing.assert_close(off, torch.full((8, N), 2.0), atol=1e-4, rtol=0)
    outside = near.masked_fill(~inside, 99.0)
    torch.testing.assert_close(evaluation.depth_errors(outside, true), level)


def test_the_mean_over_what_was_asked_may_leave_rare_expressions_out(questions):
    values = np.zeros((8, N))
    values[EMOTIONS.index("contempt")] = 1.0
    np.testing.assert_allclose(evaluation.over_faces(values, questions.asked), 1 / 7)
    assert evaluation.over_faces(values, questions.asked, rare=False).max() == 0.0
    own = (~questions.asked).astype(float)
    assert evaluation.over_faces(own, questions.asked).max() == 0.0


def test_generators_and_the_frechet_distance(questions):
    torch.manual_seed(0)
    generator = Sizes(width=4, blocks=0).generator()
    answers = evaluation.answered(evaluation.by_label(generator), questions)
    assert answers.images.shape == answers.back.shape == (8, N, 3, SIZE, SIZE)
    assert 0.0 <= answers.images.min() <= answers.images.max() <= 1.0
    made = generator(pixels(questions.images), F.one_hot(torch.full((N,), 3), 8).float())
    torch.testing.assert_close(answers.images[3], made.detach() / 2 + 0.5)
    features = JUDGES["features"]
    real = questions.truth.flatten(0, 1)
    perfect = evaluation.answered(evaluation.true_answers(questions), questions)
    near, far = (evaluation.frechet(one, questions, real, features) for one in (perfect, answers))
    assert near.shape == far.shape == (N,)
    assert 0 <= near.mean() < far.mean()
    described = [features(part) for part in (real / 255, answers.images[questions.asked])]
    assert far.mean() == pytest.approx(distances.frechet(*described), rel=1e-5)


def test_a_frechet_distance_spreads_over_people_as_the_jackknife_says(questions):
    answers = evaluation.answered(evaluation.nothing_done, questions)
    real, features = questions.truth.flatten(0, 1), JUDGES["features"]
    found = evaluation.frechet(answers, questions, real, features)
    without = []
    for person in range(N):
        others = torch.from_numpy(questions.asked & (np.arange(N) != person))
        described = [features(part) for part in (real / 255, answers.images[others])]
        without.append(distances.frechet(*described))
    error = (N - 1) / N * np.square(np.array(without) - np.mean(without)).sum()
    assert found.var(ddof=1) / N == pytest.approx(error, rel=1e-4)
    one = replace(questions, people=torch.zeros(N).long())
    with pytest.raises(ValueError, match="two people or more"):
        evaluation.frechet(answers, one, real, features)


def test_pictures_in_the_librarys_range_go_through_a_method(questions):
    images = questions.images / 255
    np.testing.assert_allclose(
        evaluation.as_asked(evaluation.nothing_done, images, torch.arange(N)), images, atol=1e-6
    )
    many = evaluation.as_asked(evaluation.nothing_done, images[:1], torch.arange(8))
    assert many.shape == (8, 3, SIZE, SIZE)


def test_a_jury_becomes_readers():
    jury = SimpleNamespace(
        fit=lambda images: F.interpolate(images, (8, 8)),
        expression=lambda images: images.flatten(1)[:, :8],
        identity=lambda images: images.flatten(1)[:, :5],
        features=lambda images: images.flatten(1),
        depth=lambda images: images[:, 0],
    )
    judges = evaluation.readers(jury)
    images = torch.rand(2, 3, SIZE, SIZE)
    assert set(judges) == set(JUDGES)
    assert judges["depth"](images).shape == (2, SIZE, SIZE)
    assert judges["features"](images).shape == (2, 3 * 64)


@pytest.mark.parametrize("geometry", ["depth", "normals"])
def test_errors_of_a_translator_count_where_there_is_a_face(geometry, monkeypatch):
    depth, normals = torch.full((2, 1, SIZE, SIZE), -1.0), torch.zeros(2, 3, SIZE, SIZE)
    depth[:, :, HEAD, HEAD], normals[:, 2, HEAD, HEAD] = 0.0, 1.0
    tilted = torch.zeros(2, 3, SIZE, SIZE)
    tilted[:, 1:, HEAD, HEAD] = 0.5**0.5  # by 45 degrees
    pairs = Pairs(
        images=torch.zeros(2, 3, SIZE, SIZE, dtype=torch.uint8), expression=torch.zeros(2).long(),
        people=torch.zeros(2).long(), drawn=2,
        true={"depth": data.coded(depth), "normals": data.coded(normals)},
        fitted={"depth": data.coded(depth + 64 / 127), "normals": data.coded(tilted)},
    )  # fmt: skip
    translator = Translator(geometry=geometry, width=4, blocks=0)
    answer = data.decoded(pairs.true[geometry])
    monkeypatch.setattr(translator, "forward", lambda images: answer)
    found = evaluation.geometry_errors(translator, pairs)
    expected = SPAN / 2 * 64 / 127 if geometry == "depth" else 45.0
    np.testing.assert_allclose(found["true"], 0.0, atol=0.05)
    np.testing.assert_allclose(found["fitted"], expected, rtol=0.01)
    np.testing.assert_allclose(found["reconstruction"], expected, rtol=0.01)
