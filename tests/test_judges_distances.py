"""Distances of pictures and of sets of pictures; VGG-Face from a local file."""

import doctest

import numpy as np
import pytest
import safetensors.torch
import torch
from scipy.linalg import sqrtm
from torch import nn

from facelab import FacelabError
from facelab.judges import distances, vgg

SMALL = {"groups": ((4, 1), (8, 2)), "hidden": 16, "size": 32}


@pytest.mark.parametrize("module", [distances, vgg], ids=lambda module: module.__name__)
def test_docstring_examples_run(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert not outcome.failed


def _sets(n: int = 400):
    rng = np.random.default_rng(0)
    real = rng.normal(size=(n, 5)) @ rng.normal(size=(5, 5))
    fake = rng.normal(size=(n, 5)) @ rng.normal(size=(5, 5)) + 0.5
    return torch.from_numpy(real), torch.from_numpy(fake)


def test_frechet_is_its_formula():
    real, fake = _sets()
    a, b = real.numpy(), fake.numpy()
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum()
    expected += np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    assert distances.frechet(real, fake) == pytest.approx(expected, rel=1e-6)
    assert distances.frechet(real, real) == pytest.approx(0, abs=1e-6)


def test_any_network_may_give_the_features():
    images = torch.rand(40, 3, 8, 8)

    def mean_colour(x):
        return x.mean((2, 3))

    same, n = distances.fid(images, images, mean_colour)
    assert n == 40
    assert same == pytest.approx(0, abs=1e-6)
    module = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    apart, n = distances.fid(images, 1 - images[:30] ** 2, module)
    assert n == 30
    assert apart > 0
    with pytest.raises(ValueError, match=r"into \(40, 3, 8, 8\), expected \(40, F\)"):
        distances.fid(images, images, lambda x: x)


def test_frechet_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(3, 5\)"):
        distances.frechet(torch.rand(3, 4), torch.rand(3, 5))
    with pytest.raises(ValueError, match="two pictures a side are the least, got 1 and 3"):
        distances.frechet(torch.rand(1, 4), torch.rand(3, 4))


def test_the_bias_falls_with_n_and_is_extrapolated_away():
    rng = torch.Generator().manual_seed(0)
    real, other = (torch.randn(2000, 8, generator=rng) for _ in range(2))
    by_size = distances.frechet_by_size(real, other, (100, 200, 400, 800), draws=4)
    means = by_size.groupby("n")["distance"].mean()
    assert (means.diff().dropna() < 0).all()
    intercept, slope = distances.frechet_infinity(by_size)
    assert abs(intercept) < 0.1 * means.iloc[0]
    assert slope > 0
    with pytest.raises(ValueError, match="go up to the number of pictures, 2000; got 3000"):
        distances.frechet_by_size(real, other, (3000,))
    with pytest.raises(ValueError, match="two sizes at least"):
        distances.frechet_infinity(by_size[by_size["n"] == 100])


def test_pairs_of_pictures():
    truth = torch.full((2, 3, 16, 16), 0.5)
    images = truth + torch.tensor([0.0, 0.1]).view(2, 1, 1, 1)
    assert distances.psnr(images, truth)[1].item() == pytest.approx(20, abs=1e-3)
    assert distances.ssim(truth, truth).tolist() == pytest.approx([1, 1])
    assert distances.ssim(images, truth).shape == (2,)
    for function in (distances.psnr, distances.ssim):
        with pytest.raises(ValueError, match="twice, got"):
            function(images, truth[:1])


def test_identity_distance():
    ahead, aside = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    assert distances.identity_distance(ahead, ahead).item() == 0
    assert distances.identity_distance(ahead, aside).item() == 1
    assert distances.identity_distance(ahead, -ahead).item() == 2
    with pytest.raises(ValueError, match=r"\(1, 2\) and \(2, 2\)"):
        distances.identity_distance(ahead, torch.zeros(2, 2))


def test_vgg_face_from_a_file(tmp_path):
    network = vgg.VGGFace(**SMALL)
    weights = network.state_dict()
    file = tmp_path / "face.safetensors"
    safetensors.torch.save_file({**weights, "fc8.weight": torch.zeros(3, 16)}, file)
    loaded = vgg.load(file, vgg.VGGFace(**SMALL))
    images = torch.rand(2, 3, 20, 20)
    torch.testing.assert_close(loaded(images), network(images))
    assert not any(p.requires_grad for p in loaded.parameters())

    safetensors.torch.save_file({**weights, "fc7.weight": torch.zeros(3, 16)}, file)
    with pytest.raises(FacelabError, match=r"fc7.weight is \(3, 16\), expected \(16, 16\)"):
        vgg.load(file, vgg.VGGFace(**SMALL))
    del weights["conv2_1.bias"]
    safetensors.torch.save_file(weights, file)
    with pytest.raises(FacelabError, match=r"no tensor conv2_1.bias; expected one of \(8,\)"):
        vgg.load(file, vgg.VGGFace(**SMALL))
    file.write_bytes(b"nothing")
    with pytest.raises(FacelabError, match="not a safetensors file"):
        vgg.load(file, vgg.VGGFace(**SMALL))
    with pytest.raises(FacelabError, match="no such file"):
        vgg.load(tmp_path / "absent")


def test_vgg_face_has_the_papers_size():
    with torch.device("meta"):
        network = vgg.VGGFace()
    # VGG-16's 138.4 million, without the last layer's 1000 x 4097
    assert sum(p.numel() for p in network.parameters()) == 138_357_544 - 1000 * 4097
