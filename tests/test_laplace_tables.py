"""The frames behind the notebook's tables, against plain recomputation."""

import numpy as np
import pytest
import torch

from facelab.papers.laplace import losses, tables


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
    assert tables.rank_correlation(values, np.exp(3 * values)) == pytest.approx(1)
    assert tables.rank_correlation(values, -values) == pytest.approx(-1)
    assert np.isnan(tables.rank_correlation(values, np.ones((5, 7))))


def test_calibration_orders_by_scale_and_keeps_every_prediction():
    rng = np.random.default_rng(1)
    scales = rng.random((20, 13))
    frame = tables.calibration(2 * scales, scales, bins=4)
    assert frame["count"].sum() == scales.size
    assert frame["scale"].is_monotonic_increasing
    np.testing.assert_allclose(frame["error"], 2 * frame["scale"])


def test_by_bins_leaves_empty_bins_empty():
    frame = tables.by_bins(np.array([1.0, 3.0, 5.0]), np.array([0.0, 9.0, 10.0]), (0, 10, 20, 30))
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


def test_claims_are_read_from_the_sign_and_the_interval():
    rows = {"good": [result(0)], "bad": [result(0, shift=2.0)], "same": [result(1)]}
    claims = [
        tables.Claim("lower", "good", "bad", "full"),
        tables.Claim("higher", "bad", "good", "common"),
        tables.Claim("equal", "good", "same", "challenge"),
        tables.Claim("unknown", "good", "absent", "full"),
    ]
    frame = tables.judge(claims, rows)
    assert list(frame["reading"])[:2] == ["holds", "reversed"]
    assert frame["reading"][3] == "not run"
    assert frame["ours"][0] == pytest.approx(2.0)
    assert frame["unit"].unique().tolist() == ["%"]


def test_point_errors_keep_seeds_faces_and_points():
    errors, scales = tables.point_errors([result(0), result(1)])
    assert errors.shape == scales.shape == (2, 9, 68)
