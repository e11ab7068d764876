"""Label adaptation: offsets are found again at any size and roll, and people stay apart."""

from pathlib import Path

import numpy as np
import pytest

from facelab import FacelabError
from facelab.data import Record
from facelab.data.adaptation import MIRROR, apply_offsets, fit_offsets, split_people


@pytest.fixture
def predicted() -> np.ndarray:
    """(10, 68, 2): one shape with jitter, at different sizes, rolls and places."""
    generator = np.random.default_rng(8)
    shape = generator.normal(0, 1, (68, 2))
    shape[36:42] += [-3, 0]
    shape[42:48] += [3, 0]
    faces = []
    for _ in range(10):
        angle, size = generator.uniform(-0.6, 0.6), generator.uniform(5, 80)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        face = shape + generator.normal(0, 0.1, shape.shape)
        faces.append(size * face @ turn.T + generator.uniform(0, 500, 2))
    return np.array(faces)


def test_offsets_are_found_again(predicted):
    true = np.random.default_rng(1).normal(0, 0.05, (68, 2))
    annotated = apply_offsets(predicted, true)
    found = fit_offsets(predicted[:4], annotated[:4], symmetric=False)
    np.testing.assert_allclose(found, true, atol=1e-4)
    np.testing.assert_allclose(apply_offsets(predicted[4:], found), annotated[4:], atol=0.05)
    np.testing.assert_allclose(apply_offsets(predicted[5], found), annotated[5], atol=0.05)


def test_symmetric_offsets_are_their_own_mirror_image(predicted):
    annotated = predicted + np.random.default_rng(2).normal(0, 3, predicted.shape)
    found = fit_offsets(predicted, annotated)
    np.testing.assert_allclose(found, found[MIRROR] * [-1, 1], atol=1e-7)
    assert (MIRROR[MIRROR] == np.arange(68)).all()


def test_points_annotated_nowhere_stay(predicted):
    annotated = apply_offsets(predicted, np.full((68, 2), 0.1))
    annotated[:, :17] = np.nan
    annotated[:5, 33] = np.nan
    found = fit_offsets(predicted, annotated, symmetric=False)
    assert (found[:17] == 0).all()
    np.testing.assert_allclose(found[17:], 0.1, atol=1e-4)


def test_people_are_split_by_identity():
    def record(identity: str | None, name: str) -> Record:
        return Record(
            path=Path(name),
            landmarks=np.zeros((68, 2)),
            visible=np.ones(68, bool),
            box=np.zeros(4),
            identity=identity,
        )

    records = [record(f"{i:03}", f"{i}-{j}.jpg") for j in (0, 1) for i in (5, 1, 9, 3)]
    aside, rest = split_people(records, calibration=2)
    assert {r.identity for r in aside} == {"001", "003"}
    assert len(aside) == 4
    assert {r.identity for r in rest} == {"005", "009"}
    assert len(rest) == 4
    with pytest.raises(FacelabError, match="cannot set 4 of 4"):
        split_people(records, calibration=4)
    with pytest.raises(FacelabError, match=r"who\.jpg: no identity"):
        split_people([*records, record(None, "who.jpg")])


def test_refusals(predicted):
    with pytest.raises(FacelabError, match="as many annotated"):
        fit_offsets(predicted, predicted[:3])
    with pytest.raises(FacelabError, match="finite predicted"):
        fit_offsets(predicted * np.nan, predicted)
    with pytest.raises(FacelabError, match="both eyes in one place"):
        apply_offsets(np.zeros((1, 68, 2)), np.zeros((68, 2)))
