"""Metrics against plain loops, and their refusals."""

import math

import numpy as np
import pytest
import torch

from facelab import FacelabError, metrics


@pytest.fixture
def faces() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    landmarks = generator.uniform(0, 64, (7, 68, 2))
    predicted = landmarks + generator.normal(0, 2, landmarks.shape)
    visible = generator.random((7, 68)) < 0.7
    return predicted, landmarks, visible


def by_hand(predicted, landmarks, sizes, visible):
    found = []
    for p, s, d, v in zip(predicted, landmarks, sizes, visible, strict=True):
        errors = [math.dist(a, b) / d for a, b, counts in zip(p, s, v, strict=True) if counts]
        found.append(100 * sum(errors) / len(errors))
    return found


def size_by_hand(points, normaliser):
    if normaliser == "outer_eyes":
        return math.dist(points[36], points[45])
    xs, ys = [x for x, _ in points], [y for _, y in points]
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    return max(width, height) if normaliser == "box" else math.sqrt(width * height)


@pytest.mark.parametrize("normaliser", metrics.NORMALISERS)
@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_nme_equals_the_plain_loop(faces, normaliser, kind):
    predicted, landmarks, visible = faces
    sizes = [size_by_hand(points, normaliser) for points in landmarks]
    everything = np.ones_like(visible)
    found = metrics.nme(kind(predicted), kind(landmarks), normaliser=normaliser)
    np.testing.assert_allclose(found, by_hand(predicted, landmarks, sizes, everything), rtol=1e-12)
    found = metrics.nme(
        kind(predicted), kind(landmarks), normaliser=normaliser, visible=kind(visible)
    )
    np.testing.assert_allclose(found, by_hand(predicted, landmarks, sizes, visible), rtol=1e-12)


def test_points_without_annotation_never_count(faces):
    predicted, landmarks, visible = faces
    visible[:, [36, 45]] = True
    holes = np.where(visible[..., None], landmarks, np.nan)
    sizes = [size_by_hand(points, "outer_eyes") for points in landmarks]
    np.testing.assert_allclose(
        metrics.nme(predicted, holes), by_hand(predicted, landmarks, sizes, visible), rtol=1e-12
    )
    wild = np.where(visible[..., None], predicted, np.nan)  # a prediction where nothing counts
    np.testing.assert_allclose(metrics.nme(wild, holes), metrics.nme(predicted, holes))


def test_own_sizes_and_one_mask_for_all(faces):
    predicted, landmarks, _ = faces
    sizes, mask = np.arange(1.0, 8.0), np.arange(68) % 2 == 0
    found = metrics.nme(predicted, landmarks, normaliser=sizes, visible=mask)
    everyone = np.tile(mask, (7, 1))
    np.testing.assert_allclose(found, by_hand(predicted, landmarks, sizes, everyone), rtol=1e-12)


def test_per_point_averages_over_the_faces_that_count(faces):
    predicted, landmarks, visible = faces
    visible[:, 3] = False
    found = metrics.per_point(predicted, landmarks, visible=visible)
    assert np.isnan(found[3])
    for point in (0, 17, 67):
        errors = [
            100 * math.dist(p[point], s[point]) / size_by_hand(s, "outer_eyes")
            for p, s, v in zip(predicted, landmarks, visible, strict=True)
            if v[point]
        ]
        assert found[point] == pytest.approx(sum(errors) / len(errors))


def test_refusals(faces):
    predicted, landmarks, _ = faces
    flat = landmarks.copy()
    flat[2, 45] = flat[2, 36]
    with pytest.raises(FacelabError, match="face 2 is 0"):
        metrics.nme(predicted, flat)
    with pytest.raises(FacelabError, match="face 0 has no landmark"):
        metrics.nme(predicted, landmarks, visible=np.zeros((7, 68), bool))
    with pytest.raises(FacelabError, match="not finite"):
        metrics.nme(predicted * np.nan, landmarks)
    with pytest.raises(FacelabError, match="unknown normaliser"):
        metrics.nme(predicted, landmarks, normaliser="pupils")
    with pytest.raises(FacelabError, match="needs 68"):
        metrics.nme(predicted[:, :19], landmarks[:, :19])
    with pytest.raises(FacelabError, match="N, K, 2"):
        metrics.nme(predicted[0], landmarks[0])
    unseen = landmarks.copy()
    unseen[1, 36] = np.nan
    with pytest.raises(FacelabError, match="face 1 is nan"):
        metrics.nme(predicted, unseen)


def test_distribution_of_errors():
    errors = np.array([1.0, 2.0, 8.0, 9.0, 20.0])
    assert metrics.failure_rate(errors) == pytest.approx(40.0)
    assert metrics.failure_rate(errors, 10) == pytest.approx(20.0)
    np.testing.assert_allclose(
        metrics.cumulative_errors(errors, [0, 1, 1.5, 8, 30]), [0, 0.2, 0.2, 0.6, 1]
    )
    fine = np.linspace(0, 8, 800_001)
    area = metrics.cumulative_errors(errors, fine)[:-1].mean() * 100
    assert metrics.ced_auc(errors, 8) == pytest.approx(area, abs=1e-3)
    assert metrics.ced_auc(np.zeros(3)) == pytest.approx(100.0)
    for bad in ([], [1.0, np.nan], [[1.0]]):
        with pytest.raises(FacelabError, match="finite errors"):
            metrics.failure_rate(bad)


def test_spread_equals_the_plain_loop():
    generator = np.random.default_rng(2)
    maps = generator.random((3, 2, 9, 11)) ** 6
    maps /= maps.sum(axis=(2, 3), keepdims=True)
    found = metrics.spread(torch.from_numpy(maps))
    assert found.shape == (3, 2)
    p = maps[1, 1]
    cells = [(x, y, p[y, x]) for y in range(9) for x in range(11)]
    mean = [sum(w * x for x, _, w in cells), sum(w * y for _, y, w in cells)]
    expected = sum(w * math.dist((x, y), mean) for x, y, w in cells)
    assert found[1, 1] == pytest.approx(expected)
    dot = np.zeros((5, 5))
    dot[2, 3] = 1.0
    assert metrics.spread(dot) == 0.0
    with pytest.raises(FacelabError, match="sum to 1"):
        metrics.spread(np.full((4, 4), 1.0))
