"""How judges are scored: against closed forms and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from facelab.judges import scores


def test_confusion_leaves_mixtures_out():
    found = np.log(np.eye(8)[[0, 1, 2, 2]] + 1e-9)
    emotion = np.array([0, 1, 1, -1])
    table = scores.confusion(found, emotion)
    assert table[0, 0] == 1
    assert table[1, 1] == 0.5
    assert table[1, 2] == 0.5
    assert np.isnan(table[7]).all()
    assert scores.correct(found, emotion).tolist() == [1, 1, 0]


def test_correlation_is_blind_to_scale_and_icc_is_not():
    truth = np.random.default_rng(0).uniform(size=(500, 2))
    found = 0.3 * truth + 0.2
    np.testing.assert_allclose(scores.correlation(found, truth), 1.0)
    assert (scores.icc(found, truth) < 0.7).all()
    np.testing.assert_allclose(scores.icc(truth + 0.2, truth), 1.0)  # a constant is forgiven
    assert np.isnan(scores.correlation(0 * truth, truth)).all()


def test_icc_of_a_worked_example():
    # Shrout & Fleiss (1979), Table 2, judges 1 and 2: by their Eq. for ICC(3,1)
    one, two = np.array([[9, 6, 8, 7, 10, 6]]).T, np.array([[2, 1, 4, 1, 5, 2]]).T
    both = np.stack([one, two]).astype(float)
    between = 2 * both.mean(0).var(ddof=1)
    rest = both - both.mean(0) - both.mean(1, keepdims=True) + both.mean()
    error = (rest**2).sum() / 5
    expected = (between - error) / (between + error)
    assert scores.icc(one, two)[0] == pytest.approx(expected)


def _people(spread: float, people: int = 20, each: int = 4):
    rng = np.random.default_rng(1)
    centres = np.repeat(rng.normal(size=(people, 8)), each, axis=0)
    embeddings = centres + spread * rng.normal(size=centres.shape)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    order = rng.permutation(len(embeddings))
    return embeddings[order], np.repeat(np.arange(people), each)[order]


def test_verification_is_the_roc():
    embeddings, people = _people(0.8)
    genuine, impostor = scores.pair_scores(embeddings, people)
    assert genuine.shape == (20, 6)
    assert len(impostor) == 80 * 79 / 2 - 120
    found = scores.verification(genuine, impostor, rates=(0.05,))
    labels = np.r_[np.ones(genuine.size), np.zeros(len(impostor))]
    expected = roc_auc_score(labels, np.r_[genuine.ravel(), impostor])
    assert found["AUC"].mean() == pytest.approx(expected)
    curve = scores.roc(genuine, impostor)
    assert (np.diff(curve["tar"]) >= 0).all()
    assert curve["tar"].iloc[-1] > 0.99
    near = curve.loc[(curve["far"] - 0.05).abs().idxmin(), "tar"]
    assert found["TAR@0.05"].mean() == pytest.approx(near, abs=0.05)


def test_verification_needs_pairs_enough_and_people_alike():
    embeddings, people = _people(0.1)
    genuine, impostor = scores.pair_scores(embeddings, people)
    with pytest.raises(ValueError, match="1e-05 needs at least 100000 pairs.*got 3040"):
        scores.verification(genuine, impostor, rates=(1e-5,))
    with pytest.raises(ValueError, match="3 to 4 pictures a person"):
        scores.pair_scores(embeddings[1:], people[1:])


def test_errors_of_geometry():
    normals = torch.zeros(1, 3, 4, 4)
    normals[:, 2] = 1
    turned = torch.zeros(1, 3, 4, 4)
    turned[:, 0] = 1
    inside = torch.ones(1, 4, 4, dtype=torch.bool)
    half = inside.clone()
    half[:, :2] = False
    depth = torch.ones(1, 4, 4)
    found = scores.geometry_errors(depth * 3, turned, half, depth, normals, inside)
    np.testing.assert_allclose(found.numpy(), [[2.0, 90.0, 0.5]], rtol=1e-5)


def test_explained_variance_by_factor():
    error = np.array([[0.0, 0.5, 0.5], [0.0, 0.3, 0.7]])
    error = np.column_stack([error, np.full((2, 2), np.nan)])
    error[:, 3] = 0.5
    found = scores.explained(error, {"age": 1, "pose": 3, "hair": 1})
    assert list(found) == ["age", "pose"]
    np.testing.assert_allclose(found["age"], 1)
    np.testing.assert_allclose(found["pose"], 0.5)
