"""Drawings of translators: what lands on the axes, and refusals."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from facelab import plots
from facelab.gan import figures
from facelab.statistics import Estimate

GREY = np.zeros((3, 8, 8))


@pytest.fixture(autouse=True)
def _style():
    with plt.rc_context():
        plots.use()
        yield
    plt.close("all")


def test_a_sheet_has_names_gaps_and_groups():
    figure = figures.sheet([[GREY, None, GREY]] * 2, rows="ab", columns="xyz", groups=(1, 2))
    assert sum(bool(axes.images) for axes in figure.axes) == 4
    assert [axes.get_title() for axes in figure.axes[:4] if axes.get_title()] == ["x", "y", "z"]
    with pytest.raises(ValueError, match="groups of 3 columns in all, got 2"):
        figures.sheet([[GREY] * 3], groups=(1, 1))


def test_a_text_stands_for_a_picture_that_there_is_not():
    figure = figures.sheet([["not\ntrained", GREY, None]])
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [
        ["not\ntrained"], [], [],
    ]  # fmt: skip
    assert [bool(axes.images) for axes in figure.axes] == [False, True, False]


def test_landmarks_are_drawn_over_the_picture_of_that_place():
    points = np.full((68, 2), 4.0)
    figure = figures.sheet([[GREY] * 3], groups=(1, 2), landmarks={(0, 1): points})
    drawn = [axes for axes in figure.axes if axes.collections]
    assert drawn == [figure.axes[2]]  # after the first picture and the gap


def test_bars_have_intervals_where_there_are_some():
    estimate = Estimate(value=2.0, low=1.0, high=4.0, n=3, seeds=1)
    figure = figures.bars({("a", "x"): estimate, ("b", "x"): 1.0}, ylabel="%")
    assert [bar.get_height() for bar in figure.axes[0].patches] == [2.0, 1.0]


def test_curves_have_one_legend_for_all_panels():
    history = {"step": [1, 2], "units": [0.1, 0.2]}
    assert len(figures.curves({"a": history, "b": history}, ["units"]).legends) == 1
    assert not figures.curves({"a": history}, ["units"]).legends
