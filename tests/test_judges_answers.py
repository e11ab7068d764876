"""The question with a known answer: wrong answers are wrong as they say, and measures see it."""

import doctest

import numpy as np
import pytest
import torch

from facelab import faces
from facelab.faces.factors import IDENTITY_FIELDS
from facelab.faces.render import Faces
from facelab.judges import answers
from facelab.judges.answers import COLUMNS, TRUTH, Question
from facelab.judges.jury import Jury
from facelab.judges.model import Painter, Reader
from facelab.statistics import Estimate

SIZE = 32


def test_docstring_examples_run():
    outcome = doctest.testmod(answers)
    assert outcome.attempted
    assert not outcome.failed


def test_damages_keep_the_mean_but_for_a_tint():
    torch.manual_seed(0)
    images = 0.2 + 0.6 * torch.rand(4, 3, 16, 16)
    assert answers.blurred(images).std() < 0.6 * images.std()
    chequered = answers.chequered(images)
    torch.testing.assert_close(chequered.mean(), images.mean(), atol=1e-4, rtol=0)
    torch.testing.assert_close((chequered - images).abs(), torch.full_like(images, 0.04))
    red, green, blue = (answers.tinted(images) - images).mean((0, 2, 3)).tolist()
    assert red > 0 > blue
    assert green == pytest.approx(0)


def test_each_answer_differs_from_the_truth_in_what_it_says(monkeypatch):
    asked = []

    def rendered(factors, *, size, channels, **_):
        asked.append(factors)
        depth = np.full((len(factors), size, size), 90.0, np.float32)
        image = np.full((len(factors), 3, size, size), 0.5, np.float32)
        empty = dict.fromkeys(Faces.__dataclass_fields__)
        return Faces(**{**empty, "image": image, "depth": depth, "factors": factors})

    monkeypatch.setattr(answers.faces, "rendered", rendered)
    question = answers.ask(9, size=SIZE, seed=3)
    names = list(question.answers)
    assert names[0] == TRUTH
    assert len(names) == 9
    assert question.target.tolist() == [1, 2, 3, 4, 5, 6, 7, 1, 2]
    truth, source, half, expression, person, light = asked

    def moved(factors):
        """The names of the factors in which these differ from the truth."""
        ours, theirs = factors.arrays(), truth.arrays()
        return {name for name in ours if not np.allclose(ours[name], theirs[name])}

    assert moved(source) == {"expression", "emotion"}
    assert (source.emotion == 0).all()
    assert moved(half) == {"expression"}
    assert moved(expression) == {"expression", "emotion"}
    assert (expression.emotion != truth.emotion).all()
    assert "identity" in moved(person)
    assert "expression" not in moved(person)
    assert moved(light) == {"light"}
    np.testing.assert_allclose(question.units.numpy(), faces.units(truth.expression))


def test_an_exchange_changes_its_part_and_nothing_else(monkeypatch):
    asked = []

    def rendered(factors, *, size, **_):
        asked.append(factors)
        empty = dict.fromkeys(Faces.__dataclass_fields__)
        image = np.full((len(factors), 3, size, size), 0.5, np.float32)
        return Faces(**{**empty, "image": image, "factors": factors})

    monkeypatch.setattr(answers.faces, "rendered", rendered)
    made = answers.exchanged(6, size=SIZE)
    assert list(made) == ["nothing", *answers.PARTS, "everything"]
    assert {tuple(images.shape) for images in made.values()} == {(6, 3, SIZE, SIZE)}
    own = asked[0].arrays()
    for fields, factors in zip(answers.PARTS.values(), asked[1:], strict=False):
        theirs = factors.arrays()
        assert {n for n in own if not np.allclose(own[n], theirs[n])} <= {*fields}
    person = {field for fields in answers.PARTS.values() for field in fields}
    assert person | {"identity"} == {*IDENTITY_FIELDS}


def test_every_measure_has_its_say():
    torch.manual_seed(0)
    outputs = {"expression": 25, "identity": 8, "features": 5}
    networks = {
        kind: Reader(size=SIZE, outputs=count, width=8, features=6).eval()
        for kind, count in outputs.items()
    }
    networks["geometry"] = Painter(size=SIZE, width=8).eval()
    jury = Jury(size=SIZE, networks=networks)
    truth = torch.rand(12, 3, SIZE, SIZE)
    depth = torch.zeros(12, SIZE, SIZE)
    depth[:, :4] = torch.nan
    question = Question(
        source=truth,
        target=torch.arange(12) % 8,
        units=torch.rand(12, 17),
        depth=depth,
        answers={TRUTH: truth, "blurred": answers.blurred(truth)},
    )
    cells = answers.judged(question, jury)
    assert {*cells} == {(n, c) for n in question.answers for c in COLUMNS} - {(TRUTH, "PSNR")}
    assert cells[TRUTH, "SSIM"].value == pytest.approx(1)
    assert cells[TRUTH, "identity distance"].value == pytest.approx(0, abs=1e-6)
    assert cells[TRUTH, "Frechet distance"] == pytest.approx(0, abs=1e-6)
    assert cells["blurred", "SSIM"].value < 1
    assert cells["blurred", "Frechet distance"] > 0
    estimates = [value for (_, c), value in cells.items() if c != "Frechet distance"]
    assert all(isinstance(value, Estimate) and np.isfinite(value.value) for value in estimates)
