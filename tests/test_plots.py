"""Figure style and drawings: what lands on the axes, and refusals."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from facelab import plots


@pytest.fixture(autouse=True)
def _style():
    with plt.rc_context():
        plots.use()
        yield
    plt.close("all")


@pytest.mark.parametrize(
    ("image", "shape"),
    [
        (np.zeros((3, 8, 6)), (8, 6, 3)),
        (torch.zeros(3, 8, 6), (8, 6, 3)),
        (np.zeros((8, 6, 3), np.uint8), (8, 6, 3)),
        (np.zeros((1, 8, 6)), (8, 6)),
        (np.zeros((8, 6)), (8, 6)),
    ],
)
def test_picture_takes_all_layouts(image, shape):
    assert plots.picture(image).shape == shape


def test_picture_scales_bytes_and_clips_floats():
    assert plots.picture(np.full((2, 2, 3), 255, np.uint8)).max() == 1.0
    assert plots.picture(np.full((3, 2, 2), 1.5)).max() == 1.0
    with pytest.raises(ValueError, match=r"\(5, 2, 2\)"):
        plots.picture(np.zeros((5, 2, 2)))


def test_grid_has_a_place_for_every_image():
    images = np.random.default_rng(0).random((5, 3, 16, 16))
    figure = plots.image_grid(images, titles=list("abcde"), columns=3)
    drawn = [axes for axes in figure.axes if axes.images]
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in drawn] == list("abcde")
    np.testing.assert_allclose(drawn[4].images[0].get_array(), images[4].transpose(1, 2, 0))


def test_grid_refuses_what_does_not_fit():
    images = np.zeros((4, 3, 8, 8))
    with pytest.raises(ValueError, match="no images"):
        plots.image_grid([])
    with pytest.raises(ValueError, match="expected 4 titles"):
        plots.image_grid(images, titles=["a", "b", "c"])
    with pytest.raises(ValueError, match="4 images, got 3"):
        plots.image_grid(images, landmarks=np.zeros((3, 68, 2)))


def test_landmark_lines_join_the_parts_and_keep_the_limits():
    _, axes = plt.subplots()
    plots.show_image(axes, np.zeros((3, 64, 64)))
    limits = axes.get_xlim(), axes.get_ylim()
    landmarks = np.random.default_rng(0).uniform(-20, 80, (68, 2))
    visible = np.arange(68) % 2 == 0
    plots.draw_landmarks(axes, landmarks, visible=visible)
    lines = axes.collections[0].get_segments()
    assert [len(line) for line in lines] == [17, 5, 5, 4, 5, 7, 7, 13, 9]
    for index in (5, 6, 7, 8):  # eyes and lips are closed
        np.testing.assert_array_equal(lines[index][0], lines[index][-1])
    assert [len(points.get_offsets()) for points in axes.collections[1:]] == [34, 34]
    assert (axes.get_xlim(), axes.get_ylim()) == limits
    covered = sorted(i for first, end, _ in plots.PARTS.values() for i in range(first, end))
    assert covered == list(range(68))


def test_heatmaps_are_stretched_over_the_image():
    _, axes = plt.subplots()
    heatmaps = np.zeros((2, 16, 16))
    heatmaps[0, 3, 4] = 0.5
    heatmaps[1, 10, 12] = 0.1
    plots.overlay_heatmaps(axes, np.zeros((3, 64, 64)), heatmaps)
    layer = axes.images[1]
    assert layer.get_extent() == [-0.5, 63.5, 63.5, -0.5]
    alpha = layer.get_array()[..., 3]
    assert alpha[3, 4] == alpha[10, 12] == 1.0
    assert alpha.sum() == pytest.approx(2.0)
    with pytest.raises(ValueError, match="negative"):
        plots.overlay_heatmaps(axes, np.zeros((3, 64, 64)), heatmaps - 1)


def test_colours_differ_in_lightness_too():
    def luminance(colour):
        return float(np.dot(np.array(to_rgb(colour)) ** 2.2, [0.2126, 0.7152, 0.0722]))

    light = sorted(luminance(colour) for colour in plots.PALETTE)
    assert min(np.diff(light)) > 0.01  # so that a grey print tells lines apart, with the markers
    assert plt.rcParams["svg.hashsalt"] == "facelab"
    assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(plots.PALETTE)
