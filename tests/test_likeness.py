"""How far sets of faces are from each other: measures against plain numbers, and refusals."""

import numpy as np
import pandas as pd
import pytest

from facelab import likeness


def a_face(shift=0.0):
    """Landmarks (1, 68, 2) with outer eye corners 40 pixels apart."""
    points = np.full((1, 68, 2), 40.0)
    points[0, 36], points[0, 45] = (20, 30), (60, 30)
    points[0, 48], points[0, 54] = (30, 60), (50, 60)
    return points + shift


def test_lengths_are_in_percent_of_the_outer_eyes():
    found = likeness.describe(np.full((1, 3, 80, 80), 0.5), a_face())
    assert found["mouth width"][0] == pytest.approx(50)
    assert found["face width"][0] == 0
    assert found["cheek, red"][0] == pytest.approx(50)
    assert found["cheek, detail"][0] == 0


def test_detail_is_the_mean_step_between_rows():
    image = np.zeros((1, 3, 80, 80))
    image[:, :, ::2] = 0.1
    assert likeness.describe(image, a_face())["cheek, detail"][0] == pytest.approx(10)


def test_gaps_are_in_standard_deviations():
    ours = pd.DataFrame({"a": [1.0, 3.0]})
    assert likeness.gaps(ours, ours - 2)["a"] == pytest.approx(2 / np.sqrt(2))


def test_the_mean_shape_forgets_place_and_size():
    shape = likeness.mean_shape(a_face())
    np.testing.assert_allclose(likeness.mean_shape(3 * a_face(7.0)), shape, atol=1e-12)
    assert np.linalg.norm(shape[45] - shape[36]) == pytest.approx(1)
    np.testing.assert_allclose(shape[36:48].mean(0), 0, atol=1e-12)


def test_the_nearest_heeds_units_and_bars():
    wanted = pd.DataFrame({"a": [0.0], "b": [0.0]})
    among = pd.DataFrame({"b": [3.0, 0.0, 0.0], "a": [0.0, 2.0, 0.1]})
    free = np.zeros((1, 3), bool)
    unit = {"a": 1.0, "b": 10.0}
    assert likeness.nearest(wanted, among, unit=unit, barred=free).tolist() == [2]
    barred = np.array([[False, False, True]])
    assert likeness.nearest(wanted, among, unit=unit, barred=barred).tolist() == [0]
    with pytest.raises(ValueError, match="nobody is left"):
        likeness.nearest(wanted, among, unit=unit, barred=~free)
    with pytest.raises(ValueError, match="expected columns and units"):
        likeness.nearest(wanted, among[["a"]], unit=unit, barred=free)
