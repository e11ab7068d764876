"""The data sets of geometry-guided synthesis: who is in them, and what they show."""

import doctest

import numpy as np
import pytest

from facelab import faces, published
from facelab.faces import EMOTIONS
from facelab.papers.geometry import data, sets


@pytest.mark.parametrize("module", [sets, data])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


# ---- who is in them


def test_proportions_of_affectnet_are_those_of_table_4():
    numbers = {cell: value for cell, (value, _) in published.numbers("geometry").items()}
    names = {"sad": "Sadness"}
    for emotion, count in sets.AFFECTNET.items():
        assert count == numbers["table-4", "AffectNet-D", names.get(emotion, emotion.capitalize())]
    assert tuple(sets.AFFECTNET) == EMOTIONS
    drawn = sets.factors("affectnet", 3000, split="train")
    found = np.bincount(drawn.emotion, minlength=8) / 3000
    expected = np.array([*sets.AFFECTNET.values()]) / sum(sets.AFFECTNET.values())
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert len(np.unique(drawn.identity)) == 3000
    even = sets.factors("affectnet", 3000, split="train", even=True)
    np.testing.assert_allclose(np.bincount(even.emotion) / 3000, 1 / 8, atol=0.03)


def test_rafd_has_the_papers_people_expressions_gazes_and_cameras():
    numbers = {cell: value for cell, (value, _) in published.numbers("geometry").items()}
    whole = {split: sets.factors("rafd", sets.rafd_size(split), split=split)
             for split in sets.RAFD_PEOPLE}  # fmt: skip
    people = {split: set(drawn.identity.tolist()) for split, drawn in whole.items()}
    assert not people["train"] & people["test"]
    assert len(people["train"] | people["test"]) == numbers["protocol", "RaFD", "models"]
    assert len(sets.GAZES) == numbers["protocol", "RaFD", "gazes"]
    assert len(sets.CAMERAS) == numbers["protocol", "RaFD", "camera angles"]
    test = whole["test"]
    assert (np.bincount(test.emotion) == len(test) // 8).all()
    yaws, counts = np.unique(np.round(test.pose[:, 0] / 45), return_counts=True)
    assert yaws.tolist() == [-2, -1, 0, 1, 2]
    assert (counts == len(test) // 5).all()
    near = np.abs(test.gaze[:, :1] - np.array(sets.GAZES)).argmin(axis=1)
    assert (np.bincount(near) == len(test) // 3).all()
    fitted = sets.fitted(test)
    assert len(fitted) == sets.TESTED["rafd"] == len(test) * 3 // 5


def test_a_part_of_rafd_is_drawn_at_random_and_is_part_of_a_larger_one():
    part, more = (sets.factors("rafd", count, split="train") for count in (40, 90))
    np.testing.assert_array_equal(part.expression, more.expression[:40])
    np.testing.assert_array_equal(part.identity, more.identity[:40])
    assert len(np.unique(part.identity)) > 20
    assert len(np.unique(part.emotion)) == 8
    with pytest.raises(ValueError, match="7200 pictures of 60 people, got 8000"):
        sets.factors("rafd", 8000, split="train")
    with pytest.raises(ValueError, match="affectnet, rafd"):
        sets.factors("celeba", 8, split="train")
    with pytest.raises(ValueError, match="train, test"):
        sets.factors("rafd", 8, split="validation")
    with pytest.raises(ValueError, match="rafd has 504 test pictures, got 505"):
        sets.seen("rafd", 505, seed=9)


def test_expressions_show_what_they_are_called():
    emotion = np.repeat(np.arange(8), 20)
    shown = sets.posed(emotion, np.zeros((160, 2)), stream=5)
    units, names = faces.units(shown), faces.UNITS
    at = {name: units[emotion == EMOTIONS.index(name)] for name in EMOTIONS}
    assert at["neutral"].max() < 0.3
    assert at["happy"][:, names.index("AU12")].min() > 0.4
    assert at["surprise"][:, names.index("AU1")].min() > 0.4
    smile = [faces.ACTIONS.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    left, right = shown[emotion == EMOTIONS.index("contempt")][:, smile].T
    assert {True, False} == set((left > right).tolist())
