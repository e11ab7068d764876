"""The Laplace paper's networks: the parameter counts of Table 3, shapes, gradients, layouts."""

import doctest

import pytest
import torch

from facelab.papers.laplace import model
from facelab.papers.laplace.model import RCN, PatchDiscriminator

TABLE_3 = {64: 1_872_428, 32: 478_092, 16: 128_060, 8: 39_828, 4: 17_408}


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_docstring_examples_run():
    assert doctest.testmod(model).failed == 0


@pytest.mark.parametrize("channels", TABLE_3)
def test_parameter_counts_are_the_papers(channels):
    assert _count(RCN(channels=channels)) == TABLE_3[channels]
    assert _count(RCN(channels=channels)) == 452 * channels**2 + 181 * channels + 9452


@pytest.mark.parametrize("size", [(80, 80), (32, 32), (48, 16)])
def test_one_map_per_landmark_at_the_pictures_size(size):
    logits = RCN(channels=4, landmarks=19)(torch.rand(2, 3, *size))
    assert logits.shape == (2, 19, *size)


def test_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    network, judge = RCN(channels=4), PatchDiscriminator(widths=(8, 16, 16))
    images = torch.rand(2, 3, 32, 32)
    heatmaps = network(images).flatten(2).softmax(-1).view(2, 68, 32, 32)
    judge(images, heatmaps).mean().backward()
    for name, parameter in (*network.named_parameters(), *judge.named_parameters()):
        assert torch.isfinite(parameter.grad).all(), name
        if "output.bias" not in name:  # a constant added to a map leaves its softmax alone
            assert parameter.grad.abs().max() > 0, name


def test_dropout_in_training_only():
    torch.manual_seed(0)
    network, images = RCN(channels=4), torch.rand(1, 3, 32, 32)
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))
    plain = RCN(channels=4, dropout=0.0)
    assert torch.equal(plain(images), plain(images))


def test_layouts_agree():
    torch.manual_seed(0)
    network, images = RCN(channels=8).eval(), torch.rand(2, 3, 48, 48)
    expected = network(images)
    network = network.to(memory_format=torch.channels_last)
    logits = network(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=1e-4)


def test_the_network_sees_the_whole_face():
    torch.manual_seed(0)
    network = RCN(channels=8).eval()
    images = torch.rand(1, 3, 80, 80, requires_grad=True)
    network(images)[0, :, 40, 40].sum().backward()
    seen = images.grad[0].abs().sum(0) > 0
    rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
    assert rows.max() - rows.min() > 76
    assert columns.max() - columns.min() > 76


def test_patch_discriminator_judges_patches_of_34_pixels():
    torch.manual_seed(0)
    judge = PatchDiscriminator(landmarks=4, widths=(8, 8, 8)).eval()
    images, heatmaps = torch.rand(1, 3, 80, 80, requires_grad=True), torch.rand(1, 4, 80, 80)
    logits = judge(images, heatmaps)
    assert logits.shape == (1, 1, 18, 18)
    logits[0, 0, 9, 9].backward()
    seen = (images.grad[0].abs().sum(0) > 0).any(0).nonzero()
    assert (seen.max() - seen.min() + 1).item() == 34


def test_noise_reaches_the_discriminator_in_training_only():
    torch.manual_seed(0)
    judge = PatchDiscriminator(landmarks=2)
    images, maps = torch.rand(2, 3, 32, 32), torch.rand(2, 2, 32, 32)
    assert not torch.equal(judge(images, maps), judge(images, maps))
    judge.eval()
    assert torch.equal(judge(images, maps), judge(images, maps))


def test_bad_input_is_refused():
    for images in (torch.rand(1, 3, 40, 40), torch.rand(1, 1, 32, 32), torch.rand(3, 32, 32)):
        with pytest.raises(ValueError, match="multiples of 16"):
            RCN(channels=4)(images)
    with pytest.raises(ValueError, match="dropout"):
        RCN(dropout=1.0)
    with pytest.raises(ValueError, match="positive"):
        RCN(channels=0)
    with pytest.raises(ValueError, match="standard deviation"):
        PatchDiscriminator(noise=-0.1)
