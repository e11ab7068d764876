"""The stand-in for the 3D reconstruction: exact without errors, and what each error does."""

import numpy as np
import pytest

from facelab import faces
from facelab.papers.geometry.reconstruction import EXACT, FACE, Noise, reconstruct

SIZE = 32


@pytest.fixture(scope="module")
def factors():
    return faces.sample(12, seed=3, difficulty="train")


@pytest.fixture(scope="module")
def true(factors):
    return faces.render(
        factors, size=SIZE, oversample=1, channels=("landmarks", "depth", "normals", "masks")
    )


def test_an_exact_fit_is_the_true_face_without_hair_and_occluders(factors, true):
    fit = reconstruct(factors, size=SIZE, noise=EXACT)
    assert fit.depth.shape == (12, SIZE, SIZE)
    assert fit.normals.shape == (12, 3, SIZE, SIZE)
    np.testing.assert_allclose(fit.landmarks, true.landmarks, atol=1e-3)
    assert fit.error.max() < 1e-3
    assert not fit.failed.any()
    assert fit.keep().all()
    face = np.isin(true.masks, FACE) & np.isfinite(fit.depth)
    assert np.median(np.abs(fit.depth - true.depth)[face]) < 0.1  # cm
    facing = (fit.normals * true.normals).sum(axis=1)[face]
    assert np.median(facing) > 0.98
    hidden = true.masks == faces.MASKS.index("occluder")
    behind = (fit.depth - true.depth)[hidden & np.isfinite(fit.depth)]
    assert np.median(behind) > 0.3
    assert np.isnan(fit.depth[true.masks == faces.MASKS.index("background")]).mean() > 0.9
    assert (np.isnan(fit.depth) == np.isnan(fit.normals).all(axis=1)).all()


@pytest.mark.parametrize(
    "wrong", [{"shape": 0.0}, {"expression": 0.0}, {"pose": 5.0}, {"shift": 0.05}, {"scale": 0.1}]
)
def test_each_error_moves_the_landmarks(factors, wrong):
    fit = reconstruct(factors, size=SIZE, noise=EXACT.model_copy(update=wrong))
    assert 1.0 < np.median(fit.error) < 30.0


def test_the_clean_up_finds_the_failures(factors):
    fit = reconstruct(factors, size=SIZE, noise=Noise(failures=0.4), seed=1)
    assert 2 <= fit.failed.sum() <= 9
    assert fit.error[fit.failed].mean() > 2 * fit.error[~fit.failed].mean()
    kept = fit.keep(threshold=12.0)
    assert fit.failed[kept].mean() < fit.failed.mean()
    assert kept[~fit.failed].mean() > 0.7


def test_errors_depend_on_seed_and_row_alone(factors):
    first, longer = reconstruct(factors[:4], size=SIZE), reconstruct(factors, size=SIZE)
    np.testing.assert_array_equal(first.depth, longer.depth[:4])
    np.testing.assert_array_equal(first.error, longer.error[:4])
    other = reconstruct(factors[:4], size=SIZE, seed=1)
    assert (other.error != first.error).all()


def test_noise_out_of_range_is_refused():
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Noise(shape=2.0)
