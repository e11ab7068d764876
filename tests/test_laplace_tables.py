"""The frames behind the notebook's tables, against plain recomputation."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from facelab import faces
from facelab.data import crops
from facelab.papers.laplace import beyond, experiments, figures, losses, tables
from facelab.papers.laplace.data import load_data
from facelab.statistics import Estimate


def test_architecture_counts_every_parameter_once():
    cells = tables.architecture(channels=64)
    assert cells["all", "parameters"] == 1_872_428
    rows = list(dict.fromkeys(row for row, _ in cells))
    assert rows[:4] == ["E1", "E2", "E3", "E4"]
    assert len(rows) == 17 + 1
    assert [cells[row, "size"] for row in rows[:6]] == [80, 40, 20, 10, 5, 5]
    assert cells["Output", "size"] == 80


def test_parameter_counts_stand_beside_the_published_ones():
    frame = tables.parameter_counts({64: 1.8724}).set_index("channels")
    assert frame["ours"].to_dict() == {4: 17408, 8: 39828, 16: 128060, 32: 478092, 64: 1872428}
    assert frame.loc[64, "paper"] == 1.8724
    assert np.isnan(frame.loc[4, "paper"])


def test_best_scale_is_the_minimum_of_the_divergence():
    scales = torch.linspace(0.2, 60, 200_000, dtype=torch.float64)
    for distance in (0.0, 0.5, 2.0, 10.0, 40.0):
        values = losses.laplace_kl(torch.tensor(distance), scales, torch.tensor(0.0))
        expected = scales[values.argmin()].item()
        assert tables.best_scale(np.array(distance)) == pytest.approx(expected, abs=1e-3)


def test_best_scale_refuses_what_it_cannot_solve():
    with pytest.raises(ValueError, match="1000"):
        tables.best_scale(np.array([-1.0]))


def test_rank_correlation_ignores_monotone_maps_and_knows_flat_input():
    values = np.random.default_rng(0).random((5, 7))
    assert beyond.rank_correlation(values, np.exp(3 * values)) == pytest.approx(1)
    assert beyond.rank_correlation(values, -values) == pytest.approx(-1)
    assert np.isnan(beyond.rank_correlation(values, np.ones((5, 7))))


def test_calibration_orders_by_scale_and_keeps_every_prediction():
    rng = np.random.default_rng(1)
    scales = rng.random((20, 13))
    frame = beyond.calibration(2 * scales, scales, bins=4)
    assert frame["count"].sum() == scales.size
    assert frame["scale"].is_monotonic_increasing
    np.testing.assert_allclose(frame["error"], 2 * frame["scale"])


def test_by_bins_leaves_empty_bins_empty():
    frame = beyond.by_bins(np.array([1.0, 3.0, 5.0]), np.array([0.0, 9.0, 10.0]), (0, 10, 20, 30))
    assert frame["mean"].tolist()[:2] == [2.0, 5.0]
    assert np.isnan(frame["mean"][2])
    assert frame["count"].tolist() == [2, 1, 0]


def result(seed: int, shift: float = 0.0) -> dict:
    """A result as `LaplaceRun` gives it, of 6 common and 3 challenge faces."""
    rng = np.random.default_rng(seed)
    return {
        part: {
            "nme": rng.random(count) + shift,
            "spread": rng.random(count),
            "points": rng.random((count, 68)),
            "scale": rng.random((count, 68)),
        }
        for part, count in (("common", 6), ("challenge", 3))
    }


def test_full_is_common_and_challenge_together():
    row = [result(0), result(1)]
    full = tables.per_face(row, "full")
    assert full.shape == (2, 9)
    np.testing.assert_array_equal(full[1, 6:], row[1]["challenge"]["nme"])
    with pytest.raises(ValueError, match="subset"):
        tables.per_face(row, "hard")


def test_cells_are_means_inside_their_intervals():
    found = tables.cells({"A": [result(0)]}, columns={"Common": "common"}, measure="spread")
    estimate = found["A", "Common"]
    assert estimate.value == pytest.approx(result(0)["common"]["spread"].mean())
    assert estimate.low <= estimate.value <= estimate.high
    assert (estimate.n, estimate.seeds) == (6, 1)


def test_series_become_lines():
    e = tables.cells({"A": [result(0)]})["A", "full"]
    frame = tables.tidy_series({"A": ((1, 2), (e, e)), "B": ((3,), (e,))})
    assert frame["name"].tolist() == ["A", "A", "B"]
    assert frame["x"].tolist() == [1, 2, 3]
    assert (frame["value"] == e.value).all()


def test_point_errors_keep_seeds_faces_and_points():
    errors, scales = beyond.point_errors([result(0), result(1)])
    assert errors.shape == scales.shape == (2, 9, 68)


def test_tidy_splits_rows_that_are_pairs():
    cells = tables.cells({("beta", 2.0): [result(0)]}, columns={"full": "full"})
    line = tables.tidy(cells).iloc[0]
    assert (line["row"], line["at"], line["column"]) == ("beta", 2.0, "full")
    assert line["low"] <= line["value"] <= line["high"]


def test_table_3_is_about_the_full_test_set():
    found = tables.table_3({("A", "1/8"): [result(4)]})
    expected = np.concatenate([result(4)[part]["nme"] for part in ("common", "challenge")]).mean()
    assert found["A", "1/8"].value == pytest.approx(expected)


def test_agreement_within_a_landmark_does_not_see_differences_between_landmarks():
    rng = np.random.default_rng(2)
    errors = rng.random((1, 400, 5)) + np.arange(5)
    scales = rng.random((1, 400, 5)) + np.arange(5)
    found = beyond.agreement(errors, scales)
    assert found["all"] > 0.8
    assert abs(found["within landmark"]) < 0.1


def follows(rng, share, seeds=1, faces=150):
    """Errors and scales (S, N, 4) whose ranks agree the more, the larger the share."""
    scales = rng.normal(size=(seeds, faces, 4))
    return share * scales + (1 - share) * rng.normal(size=scales.shape), scales


def test_the_difference_of_two_agreements_has_a_sign_only_where_there_is_one():
    rng = np.random.default_rng(4)
    strong, weak, other = follows(rng, 0.7), follows(rng, 0.2), follows(rng, 0.2)
    found = beyond.agreement_difference(strong, weak, resamples=200)
    alone = [beyond.agreement(*side)["within landmark"] for side in (strong, weak)]
    assert found.value == pytest.approx(alone[0] - alone[1])
    assert 0 < found.low < found.value < found.high
    assert (found.n, found.seeds) == (150, 1)
    back = beyond.agreement_difference(weak, strong, resamples=200)
    assert (back.low, back.high) == (pytest.approx(-found.high), pytest.approx(-found.low))
    assert not beyond.agreement_difference(weak, other, resamples=200).settled
    several = beyond.agreement_difference(follows(rng, 0.7, 3), weak, resamples=20)
    assert several.seeds == 1


def test_a_draw_of_faces_is_ranked_as_if_it_stood_there():
    rng = np.random.default_rng(5)
    errors, scales = follows(rng, 0.5, faces=40)
    drawn = rng.integers(40, size=40)
    orders = [beyond._sorted(array) for array in (errors, scales)]
    found = beyond._counted_agreement(*orders, np.bincount(drawn, minlength=40))
    expected = beyond.agreement(errors[:, drawn], scales[:, drawn])["within landmark"]
    assert found == pytest.approx(expected)


def test_the_answer_follows_from_the_interval():
    ends = {"n": 9, "seeds": 1}
    better = Estimate(value=0.1, low=0.05, high=0.2, **ends)
    assert "of A predicts" in beyond.agreement_answer(better, "A", "B")
    worse = Estimate(value=-0.1, low=-0.2, high=-0.05, **ends)
    assert "of B predicts" in beyond.agreement_answer(worse, "A", "B")
    open_ = Estimate(value=0.1, low=-0.2, high=0.3, **ends)
    assert beyond.agreement_answer(open_, "A", "B").startswith("Undecided")


def test_label_adaptation_learns_from_the_people_set_aside_only():
    rng = np.random.default_rng(3)
    truth = rng.random((10, 68, 2)) * 5 + 40
    truth[:, 36:42] += [-20, 0]
    truth[:, 42:48] += [20, 0]
    aside = np.arange(10) < 4
    shared = np.arange(68) > 16
    shifted = truth + np.array([1.5, -2.0])
    found = beyond.london({"shifted": shifted}, truth, aside=aside, shared=shared)["shifted"]
    assert found["as predicted"].shape == (6,)
    assert found["landmarks"].shape == (6, 68, 2)
    assert found["adapted"].mean() < found["as predicted"].mean()
    other = truth.copy()
    other[~aside] += 7.0  # other answers for the tested people must not move the offsets
    again = beyond.london({"shifted": shifted}, other, aside=aside, shared=shared)["shifted"]
    np.testing.assert_array_equal(again["landmarks"], found["landmarks"])


def test_all_results_flattens_groups():
    one, two, three = result(0), result(1), result(2)
    assert tables.all_results({"A": [one, two]}, {("B", 1): [three]}) == [one, two, three]


def test_scaled_changes_the_unit_of_all_ends():
    cells = tables.cells({"A": [result(0)]}, columns={"full": "full"})
    old, new = cells["A", "full"], tables.scaled(cells, 2.5)["A", "full"]
    assert (new.value, new.low, new.high) == (2.5 * old.value, 2.5 * old.low, 2.5 * old.high)
    assert new.n == old.n


def test_other_crop_agrees_with_the_crops_of_photographs():
    points = np.random.default_rng(5).random((68, 2)) * 400 + 100
    pixels = {}
    for size, margin in ((32, 1.15), (48, 1.3)):
        square = crops.landmark_square(points, margin)
        scale = size / square.side
        pixels[size] = (points - [square.left, square.top]) * scale - 0.5
    old, new = {"size": 32, "margin": 1.15}, {"size": 48, "margin": 1.3}
    np.testing.assert_allclose(beyond.other_crop(pixels[32], old, new), pixels[48], atol=1e-9)


def test_yaw_is_that_of_the_test_faces():
    data = load_data(size=32, labelled=1, test=(5, 4), validation=1)
    found = beyond.yaw(5, 4)
    assert found.shape == (9,)
    parts = {"common": (data.common, 3, found[:5]), "challenge": (data.challenge, 4, found[5:])}
    for name, (part, seed, yaw) in parts.items():
        people = faces.sample(len(part), seed=seed, split="test", difficulty=name)
        np.testing.assert_array_equal(yaw, np.abs(people.pose[:, 0]))
        landmarks = faces.render(people, size=32, channels=("landmarks",)).landmarks
        np.testing.assert_allclose(part.landmarks.numpy(), landmarks, atol=1e-4)


def test_history_is_the_mean_over_seeds():
    rows = [{"history": {"step": [1, 2], "loss": [a, 3.0]}} for a in (1.0, 2.0)]
    assert tables.history(rows)["loss"].tolist() == [1.5, 3.0]
    assert tables.history(rows)["step"].tolist() == [1, 2]


def test_the_best_trained_row_is_chosen_on_validation_faces():
    rows = {
        name: [{"history": {"nme": [9.0, last]}, "common": {}}]
        for name, last in (("A, slow", 3.0), ("A, fast", 2.0), ("B", 1.0))
    }
    assert tables.best_trained(rows, "A") is rows["A, fast"]


def test_series_over_unlabelled_faces_begin_without_a_discriminator():
    plan = experiments.settings("smoke")
    cells = tables.cells({name: [result(i)] for i, name in enumerate(plan.table_2())})
    series = tables.by_unlabelled(cells, plan.unlabelled)
    assert list(series) == ["Softargmax", "LaplaceKL"]
    counts, errors = series["LaplaceKL"]
    assert counts == (0, *plan.unlabelled)
    assert errors[0] == cells["LaplaceKL", "full"]
    assert errors[-1] == cells["LaplaceKL+D(70K)", "full"]


def test_series_over_size_pair_the_same_fraction():
    errors = tables.table_3({("A", "1"): [result(0)], ("A", "1/2"): [result(1)]})
    speeds = {("Parameters", "1/2"): 0.4, ("Parameters", "1"): 1.8}
    speeds |= {("Speed", "1/2"): 20.0, ("Speed", "1"): 10.0}
    by_error, by_speed = tables.by_size(errors, speeds)
    assert by_error == {"A": ([1.8, 0.4], [errors["A", "1"], errors["A", "1/2"]])}
    assert by_speed == {"Speed": ([0.4, 1.8], [20.0, 10.0])}
    frame = tables.tidy_size(by_error, by_speed)
    assert frame["value"].tolist()[2:] == [20.0, 10.0]
    assert frame["of"].tolist() == ["error"] * 2 + ["speed"] * 2


def test_protocol_has_the_paper_beside_the_tier():
    frame = tables.protocol(experiments.settings("paper"), experiments.settings("smoke"))
    assert frame.loc["size"].tolist() == ["80", "32"]
    assert frame.loc["label_noise"].tolist() == ["people's", "0.015"]
    assert frame.loc["unlabelled"].tolist() == ["(10000, 30000, 50000, 70000)", "(8, 12, 16, 20)"]


def test_london_cells_are_means_of_what_was_found():
    kinds = ("as predicted", "adapted", "as predicted, all 68", "adapted, all 68")
    found = {"A": {kind: np.full(4, float(i)) for i, kind in enumerate(kinds)}}
    found["A"]["landmarks"] = np.zeros((4, 68, 2))
    cells = beyond.london_cells(found)
    assert [key for _, key in cells] == list(kinds)
    assert [cell.value for cell in cells.values()] == [0.0, 1.0, 2.0, 3.0]


def test_signs_of_the_game_are_opposite_while_the_discriminator_is_undecided():
    frame = tables.pushes().set_index(["D is", "signs of"])
    equations, algorithm = (frame.loc["undecided", rule] for rule in ("Eq. 4-7", "Algorithm 1"))
    np.testing.assert_allclose(equations, -algorithm)
    assert equations["D pushes true"] > 0 > equations["D pushes fake"]
    right = frame.loc["right, by 5"]
    assert right.loc["Eq. 4-7"].abs().max() < 0.1 < right.loc["Algorithm 1"].abs().min()


def test_rows_of_the_text_stand_behind_table_2_once():
    table = pd.DataFrame({"table": "table-2", "row": ["A"]})
    text = pd.DataFrame({"table": ["text", "text", "gains"], "row": ["A", "B", "C"]})
    found = tables.with_text(table, text, {"A": []})
    assert found["row"].tolist() == ["A", "B"]
    assert set(found["table"]) == {"table-2"}


def test_errors_by_yaw_and_visibility_are_those_of_the_points():
    row, yaw = [result(0), result(1)], np.array([5.0] * 6 + [35.0] * 3)
    seen = np.zeros((9, 68), bool)
    seen[:, :30] = True
    turned, hidden = beyond.turned_and_hidden({"A": row}, yaw, seen)
    errors = beyond.point_errors(row)[0]
    assert turned["A"]["mean"][0] == pytest.approx(errors[:, :6].mean())
    assert turned["A"]["count"].tolist() == [6, 0, 0, 3, 0]
    assert hidden["A"] == pytest.approx([errors[..., :30].mean(), errors[..., 30:].mean()])


def test_gain_by_part_is_settled_where_all_faces_gain():
    after = np.random.default_rng(6).random((2, 30, 68))
    before = after + 0.0
    before[..., :17] += 1.0  # the jaw
    frame = beyond.gain_by_part(before, after)
    assert frame.loc["jaw", "percent"] == pytest.approx(1.0)
    assert frame["sign"].tolist() == ["settled"] + ["open"] * 8


def test_enlarged_heatmaps_keep_their_place_under_the_landmarks():
    maps = torch.zeros(1, 68, 8, 8)
    maps[:, :, 2, 5] = 1.0  # y, x
    truth = torch.tensor([5.0, 2.0]).expand(1, 68, 2)
    images = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    figure = figures.heatmaps(images, truth, {"A": maps}, {"A": [1.0]}, finer=4)
    heat = figure.axes[1].images[1].get_array()[..., 3]  # (32, 32) opacity
    y, x = np.indices(heat.shape)
    centre = [(heat * axis).sum() / heat.sum() for axis in (x, y)]
    points = figure.axes[0].collections[-1].get_offsets()
    np.testing.assert_allclose(points[0], centre)
    plt.close(figure)
