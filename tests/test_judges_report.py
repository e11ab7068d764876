"""What the tables of 02_judges say of an examination."""

import doctest

import numpy as np
import pytest
import torch

from facelab import faces
from facelab.judges import data, report
from facelab.judges.data import Pictures

P, EACH, SIZE = 5, 4, 8  # people, pictures of each, pixels
N = P * EACH


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    head = torch.zeros(N, SIZE, SIZE, dtype=torch.bool)
    head[:, 2:6, 2:6] = True
    head[:3, 7, 7] = True  # seldom: not of the mean face
    factors = rng.uniform(size=(N, sum(data.factor_groups().values())))
    return Pictures(
        images=torch.zeros(N, 3, SIZE, SIZE, dtype=torch.uint8),
        emotion=torch.from_numpy(np.r_[-1, np.arange(1, N) % 8]),
        units=torch.from_numpy(rng.uniform(size=(N, 17)).astype(np.float32)),
        people=torch.arange(N) % P,
        factors=torch.from_numpy(factors.astype(np.float32)),
        depth=2.0 * head,
        normals=torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1).repeat(N, 1, SIZE, SIZE),
        head=head,
    )


@pytest.fixture
def read(pictures):
    said = np.eye(8)[np.where(pictures.emotion < 0, 0, pictures.emotion)]
    said[5:10] = np.eye(8)[7]
    return {
        "emotion": np.log(said + 1e-9),
        "true_emotion": pictures.emotion.numpy(),
        "units": pictures.units.numpy() + 0.1,
        "true_units": pictures.units.numpy(),
    }


def test_docstring_examples_run():
    outcome = doctest.testmod(report)
    assert outcome.attempted
    assert not outcome.failed


def test_pictures_of_one_person_go_together():
    people = np.repeat(np.arange(50), 6)
    values = np.repeat(np.random.default_rng(0).uniform(size=50), 6)  # alike within a person
    apart = report.over_people(values, np.arange(300))
    together = report.over_people(values, people)
    assert together.value == pytest.approx(values.mean())
    assert (together.n, apart.n) == (50, 300)
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_emotions_in_all_and_one_by_one(pictures, read):
    cells = report.emotions({"studio": read}, {"studio": pictures})
    assert [row for row, _ in cells] == ["all emotions", *faces.EMOTIONS]
    assert cells["all emotions", "studio"].value == pytest.approx(100 * 15 / 19)
    assert cells["contempt", "studio"].value == 100
    assert cells["happy", "studio"].value == pytest.approx(100 * 2 / 3)
    assert cells["happy", "studio"].n == 3


def test_groups_cover_everybody(pictures, read):
    cells = report.groups({"studio": read}, {"studio": pictures})
    hits = {row: cell.value for (row, _), cell in cells.items()}
    assert hits["under 45 years"] == pytest.approx(100 * 15 / 19)  # all are under one year here
    assert "45 and older" not in hits
    assert {"women", "men", "mostly African", "mostly Asian", "mostly Caucasian"} <= {*hits}


def test_units_beside_the_best_constant(pictures, read):
    cells = report.units({"studio": read}, {"studio": pictures}, pictures)
    assert cells["MAE", "studio"].value == pytest.approx(10, rel=1e-4)
    truth = read["true_units"]
    mean = 100 * np.abs(truth - truth.mean(0)).mean()
    assert 10 < cells["MAE, always the median", "studio"].value <= mean
    table = report.by_unit(read)
    np.testing.assert_allclose(table["r"], 1, rtol=1e-4)
    np.testing.assert_allclose(table["MAE"], 0.1, rtol=1e-3)
    assert table["unit"].tolist() == list(faces.UNITS)


def test_geometry_beside_the_mean_face(pictures):
    said = {"depth": np.ones(N), "normals": np.full(N, 5.0), "head": np.full(N, 0.5)}
    cells = report.geometry({"studio": said}, {"studio": pictures}, pictures)
    values = {row: cell.value for (row, _), cell in cells.items()}
    assert list(values)[:3] == list(report.GEOMETRY)
    assert values["error of depth"] == 1
    assert values["head, IoU"] == 50
    assert values["error of depth" + report.BLIND] == pytest.approx(0)
    assert values["error of normals" + report.BLIND] == pytest.approx(0, abs=0.1)
    assert values["head, IoU" + report.BLIND] == pytest.approx(100 * (17 + 3 * 16 / 17) / N)


def test_explained_by_the_names_of_factors(pictures):
    error = np.full((N, pictures.factors.shape[1]), 0.25)
    cells = report.explained({"studio": {"error": error}}, {"studio": pictures})
    assert ("hair colour", "studio") in cells
    assert {cell.value for cell in cells.values()} == {75.0}
