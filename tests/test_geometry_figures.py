"""Drawings of geometry-guided synthesis, and what the notebook asks of trained networks."""

import doctest
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from facelab import plots
from facelab.faces import EMOTIONS
from facelab.papers.geometry import figures, inference
from facelab.papers.geometry.model import Translator
from facelab.papers.geometry.run import GeometryRun
from facelab.statistics import Estimate


@pytest.fixture(autouse=True)
def _style():
    with plt.rc_context():
        plots.use()
        yield
    plt.close("all")


def _estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value - 1.0, high=value + 2.0, n=4, seeds=1)


def test_docstring_examples_run():
    assert doctest.testmod(figures).failed == 0


def test_near_depth_is_lighter_than_far_depth_and_normals_keep_their_axes():
    depth = torch.tensor([-1.0, 0.0, 1.0]).view(1, 1, 1, 3)
    shown = figures.coloured(depth)
    assert shown.shape == (1, 3, 1, 3)
    assert (shown[0, :, 0].mean(dim=0).diff() > 0).all()
    normals = torch.tensor([1.0, 0.0, -1.0]).view(3, 1, 1)
    assert figures.coloured(normals).flatten().tolist() == [1.0, 0.5, 0.0]
    with pytest.raises(ValueError, match=r"got \(2, 4, 4\)"):
        figures.coloured(torch.zeros(2, 4, 4))


def test_sparse_and_dense_geometry_stand_side_by_side():
    pictures = {"sad": torch.zeros(2, 3, 8, 8), "happy": torch.ones(2, 3, 8, 8)}
    points = {name: torch.full((2, 68, 2), 3.0) for name in pictures}
    depth = {name: torch.zeros(2, 1, 8, 8) for name in pictures}
    figure = figures.sparse_and_dense(pictures, points, depth)
    titles = [axes.get_title() for axes in figure.axes[:7]]
    assert titles == ["sad", "landmarks", "depth", "", "happy", "landmarks", "depth"]
    assert [i for i, axes in enumerate(figure.axes) if axes.collections] == [1, 5, 8, 12]


def test_all_expressions_of_each_face_stand_in_one_row_a_method():
    images, answers = torch.zeros(3, 3, 8, 8), torch.ones(8, 3, 3, 8, 8)
    figure = figures.expressions(images, {"ours": answers, "true": answers}, faces=(0, 2))
    assert sum(bool(axes.images) for axes in figure.axes) == 4 * 9


def test_matrices_say_shares_in_percent_and_empty_places_stay_empty():
    share = np.eye(len(EMOTIONS))
    share[1] = [0.001, 0.999, *[0.0] * 6]
    figure = figures.confusions({"a": share, "b": share, "c": share})
    first = figure.axes[0]
    assert first.get_title() == "a"
    texts = {text.get_position(): text.get_text() for text in first.texts}
    assert len(texts) == len(EMOTIONS)
    assert texts[1, 1] == "100"
    assert not figure.axes[3].axison


def test_histograms_share_their_edges_and_leave_out_what_is_unknown():
    values = {"StarGAN": np.array([0.1, np.nan, 0.4]), "ours": np.array([0.2])}
    figure = figures.histograms({"wild": values, "studio": values}, xlabel="distance")
    left, right = figure.axes
    assert [axes.get_title() for axes in (left, right)] == ["wild", "studio"]
    assert left.get_xlim() == right.get_xlim()
    assert len(left.patches) == 2
    assert [text.get_text() for text in figure.legends[0].texts] == list(values)


def test_lines_mark_their_lowest_points():
    frame = pd.DataFrame({"a": [3.0, 1.0, 2.0], "b": [1.0, 2.0, 3.0]}, index=[0.0, 1.0, 2.0])
    axes = figures.lines(frame, xlabel="z", ylabel="loss").axes[0]
    marked = [line.get_xydata()[0].tolist() for line in axes.lines if len(line.get_xdata()) == 1]
    assert marked == [[1.0, 1.0], [0.0, 1.0]]


def test_fits_are_counted_and_the_threshold_is_drawn():
    error, failed = np.array([1.0, 2.0, 4.0, 60.0]), np.array([False, False, False, True])
    axes = figures.fits(error, failed, threshold=10.0).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(4)
    assert axes.lines[0].get_xdata()[0] == 10.0


def test_weights_have_the_papers_values_beside_the_first_panel():
    found = {0.0: _estimate(40.0), 0.1: _estimate(50.0)}
    figure = figures.weights({"accuracy": found, "PSNR": found}, {0.0: 82.1, 0.1: 85.9})
    left, right = figure.axes
    assert len(left.get_lines()) > len(right.get_lines())
    assert [text.get_text() for text in figure.legends[0].texts] == ["the paper's", "ours"]


def test_maps_take_bytes_and_floats_alike():
    torch.manual_seed(0)
    network = Translator(geometry="normals", width=4, blocks=1).eval()
    images = torch.randint(0, 256, (3, 3, 16, 16), dtype=torch.uint8)
    maps = inference.maps(network, images)
    assert maps.shape == (3, 3, 16, 16)
    torch.testing.assert_close(maps, inference.maps(network, images.float() / 255.0))


def _trained(history: dict, images: int, begun: GeometryRun | None = None) -> GeometryRun:
    class Trained(GeometryRun):
        def run(self):
            return {"history": history, "images": images}

        def begun(self):
            return begun

    return Trained()


def test_a_course_goes_on_where_the_common_training_ended():
    first = _trained({"step": [1, 2], "cycle": [4.0, 2.0]}, images=16)
    whole = _trained({"step": [1, 2], "cycle": [1.0, 0.0], "extra": [1.0, 1.0]}, 16, begun=first)
    done = 16 // first.schedule.batch
    frame = inference.history(whole)
    assert frame["step"].tolist() == [1, 2, done + 1, done + 2]
    assert frame["cycle"].tolist() == [4.0, 2.0, 1.0, 0.0]
    assert frame["extra"].isna().tolist() == [True, True, False, False]
    smooth = inference.history(whole, entries=2)
    assert smooth["cycle"].tolist() == [4.0, 3.0, 1.5, 0.5]
    alone = SimpleNamespace(run=lambda: {"history": {"step": [5], "pixel": [0.5]}})
    assert inference.history(alone)["step"].tolist() == [5]
