"""Drawings of the faces notebook: what a row holds, what a sheet lays out, what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from facelab import faces, galleries, paths, plots


@pytest.fixture(autouse=True)
def _style():
    with plt.rc_context():
        plots.use()
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def person():
    return faces.sample(1, seed=0, difficulty="neutral")


def test_every_tier_has_sizes_and_no_other():
    assert {galleries.settings(tier).wall % 8 for tier in paths.TIERS} == {0}
    with pytest.raises(ValueError, match="'huge': expected one of smoke"):
        galleries.settings("huge")


def test_vary_changes_one_column_and_nothing_else(person):
    swept = galleries.vary(person, "pose", [-10, 0, 10], 1)
    np.testing.assert_array_equal(swept.pose[:, 1], [-10, 0, 10])
    same = person.repeat(3)
    np.testing.assert_array_equal(swept.pose[:, [0, 2]], same.pose[:, [0, 2]])
    for name, array in swept.arrays().items():
        if name != "pose":
            np.testing.assert_array_equal(array, getattr(same, name))


def test_a_row_has_as_many_captions_as_faces_or_none(person):
    assert len(galleries.sweep("yaw", person, "pose", [0, 1], 0).captions) == 0
    with pytest.raises(ValueError, match="'yaw': expected 2 captions or none, got 1"):
        galleries.sweep("yaw", person, "pose", [0, 1], 0, captions=["one"])


def test_wrap_keeps_order_and_names_the_first_row():
    many = faces.sample(5, seed=0)
    rows = galleries.wrap(many, 2, captions=list("abcde"), name="all")
    assert [row.name for row in rows] == ["all", "", ""]
    assert [list(row.captions) for row in rows] == [["a", "b"], ["c", "d"], ["e"]]
    shown = np.concatenate([row.factors.identity for row in rows])
    np.testing.assert_array_equal(shown, many.identity)


def test_walks_are_mixtures_of_corner_heads(person):
    rows = galleries.walks(person)
    assert [row.name for row in rows] == ["gender", "age", "weight", "ancestry"]
    corners = int((faces.load().identity_scale == 0).sum())
    for row in rows:
        weights = row.factors.shape[:, :corners]  # (7, corners)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
        np.testing.assert_array_equal(
            row.factors.shape[:, corners:], person.repeat(7).shape[:, corners:]
        )
    np.testing.assert_allclose(rows[1].factors.age, np.linspace(20, 80, 7))
    assert rows[1].factors.shape[0, :corners].min() < 0  # 20 lies outside the youngest corner


def test_degrees_have_a_sign_but_for_nought():
    assert galleries.degrees([-30.4, -0.2, 20]) == ["-30°", "0°", "+20°"]


def test_a_sheet_shows_each_face_once(person):
    rows = [
        galleries.sweep("yaw", person, "pose", [-20, 0, 20], 0, captions=["a\nb", "c", "d"]),
        galleries.sweep("roll", person, "pose", [0, 20], 2),
    ]
    drawn = galleries.sheet(rows, side=40, scale=0.5)
    assert set(drawn) == {"fig", "data"}
    assert [axes.images[0].get_array().shape for axes in drawn["fig"].axes] == [(20, 20, 3)] * 5
    assert list(drawn["data"]["shown"]) == ["a b", "c", "d", "", ""]
    assert list(drawn["data"]["row"]) == ["yaw"] * 3 + ["roll"] * 2
    places = np.array([axes.get_position().bounds for axes in drawn["fig"].axes])
    assert (places[:3, 1] > places[3:, 1].max()).all()  # the first row is above the second
    assert places.min() >= 0
    assert (places[:, :2] + places[:, 2:]).max() <= 1


def test_empty_captions_take_no_room(person):
    row = galleries.sweep("yaw", person, "pose", [0, 20], 0)
    empty = galleries.Row("yaw", row.factors, ["", ""])
    heights = [galleries.sheet([r], side=40)["fig"].get_figheight() for r in (row, empty)]
    assert heights[0] == heights[1]


def test_toned_stays_close_and_keeps_nan():
    image = np.array([0.0, 0.501, 1.0, np.nan])
    toned = galleries.sheets.toned(image)
    assert np.abs(toned - image)[:3].max() <= 0.5 / galleries.sheets.TONES
    assert np.isnan(toned[3])


def test_truths_draw_what_is_known():
    made = faces.render(faces.sample(2, seed=1), size=32, channels=faces.CHANNELS)
    drawn = galleries.truths(made)
    assert len(drawn["fig"].axes) == 10
    assert drawn["alt"]
    np.testing.assert_array_equal(drawn["data"]["landmarks"], made.landmarks)
    labels = {text.get_text() for text in drawn["fig"].legends[0].get_texts()}
    seen = {faces.MASKS[k].replace("_", " ") for k in np.unique(made.masks) if k}
    assert labels == seen


def test_what_is_known_has_a_row_a_face():
    made = faces.render(faces.sample(3, seed=1), size=32, channels=faces.CHANNELS)
    frame = galleries.known(made)
    assert frame["person"].tolist() == made.factors.identity.tolist()
    assert frame["visible"].tolist() == made.visible.sum(1).tolist()
    assert set(frame["emotion"]) <= {*faces.EMOTIONS, "mixed"}
    np.testing.assert_allclose(frame["AU12"], made.units[:, faces.UNITS.index("AU12")], atol=0.01)
    found = galleries.measures(made)
    np.testing.assert_allclose(found["yaw (°)"], made.factors.pose[:, 0], atol=1e-3)
    assert len(found.columns) == 4


def test_steps_draw_the_front_of_the_mesh_only():
    made = faces.render(faces.sample(5, seed=1), size=32, channels=("image", "normals"))
    mesh = np.array([[0, 0], [0, 9], [9, 0], [9, 9]], float)  # y down: 0, 1, 2 turns to the left
    drawn = galleries.steps(mesh, np.array([[0, 1, 2], [1, 2, 3]]), made)
    assert len(drawn["fig"].axes) == 6
    lines = drawn["fig"].axes[0].lines[0].get_xydata()
    corners = lines[np.isfinite(lines).all(1)]
    assert {tuple(corner) for corner in corners} == {(0, 0), (0, 9), (9, 0)}


def test_contours_show_both_sets_of_points(person):
    view = faces.render(galleries.vary(person, "pose", [0, 40], 0), size=32)
    drawn = galleries.contours(view, view.landmarks[:, :17] + 1)
    assert [axes.get_title() for axes in drawn["fig"].axes] == ["yaw 0°", "yaw 40°"]
    assert [len(c.get_offsets()) for c in drawn["fig"].axes[0].collections] == [17, 17]


def test_flow_is_coloured_by_direction_and_length():
    flow = np.zeros((2, 1, 4))
    flow[0, 0] = [2, 1, 0, np.nan]  # to the right: red, half red, white, white
    colours = galleries.flow_colours(flow, 2)
    np.testing.assert_allclose(
        colours[0], [[1, 0, 0], [1, 0.5, 0.5], [1, 1, 1], [1, 1, 1]], atol=1e-9
    )


def test_arrows_stand_only_where_there_is_flow():
    flow = np.full((2, 48, 48), np.nan)
    flow[:, :24] = 1.0
    images = np.full((2, 3, 48, 48), 0.5)
    drawn = galleries.flows(images, flow, images[1], 0 * images[0])
    assert 0 < len(drawn["data"]) < 12 * 12
    assert (drawn["data"]["y"] < 24).all()
    assert (drawn["data"][["flow_x", "flow_y"]].to_numpy() == 1).all()


def test_trajectories_have_a_line_a_frame():
    track = faces.video(1, 5, seed=0)
    data = galleries.trajectories(track)["data"]
    np.testing.assert_allclose(data["yaw"], track.pose[:, 0])
    assert data["mean length"].notna().tolist() == [True] * 4 + [False]  # nothing after the last


def test_histograms_count_each_set_to_a_hundred():
    measures = pd.DataFrame({"yaw": [0.0, 1, 2, 3], "light": [1.0, 1, 2, 2], "set": list("aabb")})
    figure = galleries.histograms(measures)["fig"]
    heights = [patch.get_xy()[:, 1].max() for patch in figure.axes[1].patches]
    assert heights == [100, 100]
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == ["a", "b"]


def test_census_counts_everybody():
    data = galleries.census(faces.sample(50, seed=0))["data"]
    assert set(data["of"]) == {"age", "ancestry", "hair", "melanin"}
    np.testing.assert_allclose(data.groupby("of")[["men", "women"]].sum().sum(axis=1), 100)


def test_mean_shapes_are_drawn_over_each_other():
    drawn = galleries.mean_shapes({"one": np.zeros((68, 2)), "two": np.ones((68, 2))})
    assert len(drawn["fig"].axes[0].lines) == 2 * len(plots.PARTS)
    assert "one, two" in drawn["alt"]
