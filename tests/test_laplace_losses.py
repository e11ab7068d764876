"""The Laplace paper's equations against plain formulas, torch's own divergences and derivatives."""

import doctest
import itertools
import math

import pytest
import torch
from torch.distributions import Laplace, Normal, kl_divergence

from facelab.papers.laplace import losses


def _logits(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3.0 * torch.randn(*shape, generator=generator, dtype=dtype)


def test_docstring_examples_run():
    assert doctest.testmod(losses).failed == 0


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
def test_soft_argmax_equals_the_plain_formula(beta):
    logits = _logits(2, 3, 12, 20)
    plain, expected = losses.soft_argmax_plain(logits, beta)
    probabilities, coordinates = losses.soft_argmax(logits, beta)
    torch.testing.assert_close(probabilities, plain)
    torch.testing.assert_close(coordinates, expected)
    assert coordinates[..., 0].min() >= 0
    assert coordinates[..., 0].max() <= 19


def test_soft_argmax_of_one_map_by_a_loop():
    logits = _logits(1, 1, 3, 4)
    weights = {(y, x): math.exp(logits[0, 0, y, x]) for y in range(3) for x in range(4)}
    total = sum(weights.values())
    x = sum(w * position[1] for position, w in weights.items()) / total
    y = sum(w * position[0] for position, w in weights.items()) / total
    assert losses.soft_argmax(logits)[1][0, 0].tolist() == pytest.approx([x, y], abs=1e-12)


@pytest.mark.parametrize("power", [1, 2])
def test_scale_equals_the_plain_sum_over_pixels(power):
    probabilities, coordinates = losses.soft_argmax(_logits(2, 2, 5, 6))
    scales = losses.scale(probabilities, coordinates, power=power)
    for axis in (0, 1):
        total = torch.zeros(2, 2, dtype=torch.float64)
        for y, x in itertools.product(range(5), range(6)):
            offset = ((x, y)[axis] - coordinates[..., axis]).abs()
            total += probabilities[:, :, y, x] * offset**power
        torch.testing.assert_close(scales[..., axis], total ** (1 / power))


def test_joint_scale_is_tau_as_printed():
    probabilities, coordinates = losses.soft_argmax(_logits(1, 2, 6, 6))
    each = losses.scale(probabilities, coordinates)
    joint = losses.scale(probabilities, coordinates, joint=True)
    torch.testing.assert_close(joint[..., 0], each.sum(-1))
    torch.testing.assert_close(joint[..., 1], each.sum(-1))


@pytest.mark.parametrize(("beta", "power"), [(1.0, 1), (2.5, 1), (1.0, 2)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_locate_equals_the_two_steps_and_has_their_gradient(beta, power, layout):
    fast = _logits(2, 5, 8, 6).contiguous(memory_format=layout).requires_grad_()
    plain = fast.detach().clone().requires_grad_()
    coordinates, scales = losses.locate(fast, beta, power)
    probabilities, expected = losses.soft_argmax_plain(plain, beta)
    expected_scales = losses.scale(probabilities, expected, power=power)
    torch.testing.assert_close(coordinates, expected)
    torch.testing.assert_close(scales, expected_scales)
    weights = _logits(2, 5, 4, seed=1)
    for c, s in ((coordinates, scales), (expected, expected_scales)):
        (torch.cat([c, s], -1) * weights).sum().backward()
    torch.testing.assert_close(fast.grad, plain.grad)
    assert torch.autograd.gradcheck(
        lambda h: losses.locate(h, beta, power), (_logits(1, 2, 3, 4).requires_grad_(),)
    )


def test_half_precision_logits_are_summed_in_float32():
    logits = _logits(1, 2, 16, 16).to(torch.bfloat16).requires_grad_()
    coordinates, _ = losses.locate(logits)
    assert coordinates.dtype == torch.float32
    expected = losses.soft_argmax_plain(logits.detach().double())[1]
    torch.testing.assert_close(coordinates.double(), expected, atol=1e-4, rtol=0)
    coordinates.sum().backward()
    assert logits.grad.dtype == torch.bfloat16


PUBLISHED = {  # (D, b): KL(Laplace(D, b) || Laplace(0, 1)) by hand
    (0.0, 0.5): 0.1931, (0.0, 1.0): 0.0, (0.0, 2.0): 0.3069, (0.5, 0.5): 0.3771,
    (0.5, 1.0): 0.1065, (1.0, 1.0): 0.3679, (1.0, 2.0): 0.5199, (2.0, 0.5): 1.7023,
    (2.0, 1.0): 1.1353,
}  # fmt: skip


@pytest.mark.parametrize(("offset", "b"), PUBLISHED)
def test_laplace_kl_values(offset, b):
    value = losses.laplace_kl(torch.tensor(offset), torch.tensor(b), torch.tensor(0.0))
    assert value.item() == pytest.approx(PUBLISHED[offset, b], abs=5e-5)


@pytest.mark.parametrize(
    ("ours", "distribution"), [(losses.laplace_kl, Laplace), (losses.gaussian_kl, Normal)]
)
@pytest.mark.parametrize("target_scale", [0.5, 1.0, 3.0])
def test_divergences_equal_torch_distributions(ours, distribution, target_scale):
    scales = torch.logspace(-6, 3, 37, dtype=torch.float64)
    offsets = torch.tensor([-80.0, -1.0, -1e-3, 0.0, 1e-6, 0.5, 2.0, 79.0], dtype=torch.float64)
    offset, b = torch.meshgrid(offsets, scales, indexing="ij")
    target = torch.full_like(offset, 7.0)
    value = ours(target + offset, b, target, target_scale)
    other = distribution(target, target_scale)
    expected = kl_divergence(distribution(target + offset, b), other)
    torch.testing.assert_close(value, expected, atol=1e-6, rtol=1e-9)
    assert (value >= -1e-12).all()


@pytest.mark.parametrize("divergence", [losses.laplace_kl, losses.gaussian_kl])
def test_divergences_are_finite_with_finite_gradients_in_float32(divergence):
    scales = torch.cat([torch.zeros(1), torch.logspace(-6, 3, 46)])
    offsets = torch.tensor([-1000.0, -80.0, -1e-6, 0.0, 1e-3, 1.0, 80.0, 1000.0])
    mean, b = (t.clone().requires_grad_() for t in torch.meshgrid(offsets, scales, indexing="ij"))
    value = divergence(mean, b, torch.zeros(()))
    value.sum().backward()
    for tensor in (value, mean.grad, b.grad):
        assert torch.isfinite(tensor).all()


def test_over_confidence_and_diffusion_are_both_punished():
    zero = torch.zeros(())
    for divergence in (losses.laplace_kl, losses.gaussian_kl):
        b = torch.tensor([0.25, 1.0, 4.0])
        values = divergence(zero, b, zero)
        assert values[1] == 0
        assert min(values[0], values[2]) > 0


def test_landmark_loss_by_method():
    logits, landmarks = _logits(2, 3, 8, 8), 8 * torch.rand(2, 3, 2, dtype=torch.float64)
    coordinates, b = losses.locate(logits)
    sigma = losses.locate(logits, power=2)[1]
    expected = {
        "softargmax": (coordinates - landmarks).square().sum(-1).sqrt().mean(),
        "laplace_kl": losses.laplace_kl(coordinates, b, landmarks, 2.0).sum(-1).mean(),
        "gaussian_kl": losses.gaussian_kl(coordinates, sigma, landmarks, 2.0).sum(-1).mean(),
    }
    for method in losses.METHODS:
        value = losses.landmark_loss(logits, landmarks, method=method, target_scale=2.0)
        torch.testing.assert_close(value, expected[method])


@pytest.mark.parametrize("method", losses.METHODS)
def test_absent_points_do_not_count(method):
    landmarks = 8 * torch.rand(2, 3, 2)
    visible = torch.tensor([[True, False, True], [False, False, True]])
    absent = torch.where(visible.unsqueeze(-1), landmarks, torch.nan)
    logits = _logits(2, 3, 8, 8, dtype=torch.float32).requires_grad_()
    value = losses.landmark_loss(logits, absent, method=method, visible=visible)
    each = [
        losses.landmark_loss(logits[i : i + 1, k : k + 1], landmarks[i : i + 1, k : k + 1],
                             method=method)
        for i, k in visible.nonzero().tolist()
    ]  # fmt: skip
    torch.testing.assert_close(value, torch.stack(each).mean())
    value.backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[~visible] == 0).all()
    assert (logits.grad[visible] != 0).any()
    nothing = losses.landmark_loss(
        logits, torch.full_like(landmarks, torch.nan), method=method,
        visible=torch.zeros(2, 3, dtype=torch.bool),
    )  # fmt: skip
    assert nothing.item() == 0.0


def test_true_heatmaps_are_the_laplace_density():
    landmarks = torch.tensor([[[3.0, 5.0], [2.5, 1.25], [-30.0, 500.0]]])
    maps = losses.true_heatmaps(landmarks, (10, 12), scale=1.5)
    assert maps.shape == (1, 3, 10, 12)
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(1, 3))
    assert maps[0, 0].argmax().item() == 5 * 12 + 3
    ratio = (maps[0, 1, 1, 4] / maps[0, 1, 3, 7]).item()  # |dx| 1.5 and 4.5, |dy| .25 and 1.75
    assert ratio == pytest.approx(math.exp((4.5 + 1.75 - 1.5 - 0.25) / 1.5), rel=1e-5)
    assert maps[0, 2].argmax().item() == 9 * 12
    coordinates = losses.soft_argmax(maps[:, :1].log())[1]
    torch.testing.assert_close(coordinates, landmarks[:, :1], atol=0.3, rtol=0)


def test_adversarial_losses_are_binary_cross_entropy():
    real, fake = _logits(4, 1, 3, 3, seed=1), _logits(4, 1, 3, 3, seed=2)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    expected = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(losses.discriminator_loss(real, fake), expected)
    torch.testing.assert_close(losses.generator_loss(fake), (1 - torch.sigmoid(fake)).log().mean())
    torch.testing.assert_close(
        losses.generator_loss(fake, kind="nonsaturating"), -torch.sigmoid(fake).log().mean()
    )
    for kind in ("minimax", "nonsaturating"):  # fooling the discriminator lowers the loss
        assert losses.generator_loss(fake + 1, kind=kind) < losses.generator_loss(fake, kind=kind)


def test_bad_input_is_refused():
    logits, landmarks = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 2)
    with pytest.raises(ValueError, match="method is one of"):
        losses.landmark_loss(logits, landmarks, method="l2")
    with pytest.raises(ValueError, match="expected landmarks"):
        losses.landmark_loss(logits, landmarks[:, :1])
    with pytest.raises(ValueError, match="B, K, H, W"):
        losses.soft_argmax(logits[0])
    with pytest.raises(ValueError, match="finite"):
        losses.true_heatmaps(torch.full((1, 1, 2), torch.nan), 4)
    with pytest.raises(ValueError, match="minimax"):
        losses.generator_loss(logits, kind="hinge")
    with pytest.raises(ValueError, match="power"):
        losses.locate(logits, power=3)
