"""StarGAN's networks and the adversarial losses: parameter counts, plain formulas, one update; what
small trainings need."""

import doctest
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facelab.gan import critics, losses, pictures, small, stargan, training
from facelab.gan.critics import Discriminator
from facelab.gan.stargan import Generator


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _small(seed: int = 0) -> tuple[Generator, Discriminator]:
    torch.manual_seed(seed)
    return Generator(labels=3, width=4, blocks=1), Discriminator(
        labels=3, size=16, width=4, layers=3
    )


@pytest.mark.parametrize("module", [stargan, critics, losses, training, small, pictures])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("labels", "generator", "discriminator"),
    [(5, 8_430_528, 44_762_048), (8, 8_439_936, 44_786_624)],
)
def test_parameter_counts_are_the_papers(labels, generator, discriminator):
    with torch.device("meta"):
        assert _count(Generator(labels=labels)) == generator
        assert _count(Discriminator(labels=labels, size=128)) == discriminator


def test_parameter_count_at_256_pixels():
    with torch.device("meta"):
        assert _count(Discriminator(labels=8, size=256)) == 44_983_232


def test_shapes_at_other_sizes():
    generator, discriminator = _small()
    fake = generator(torch.rand(2, 3, 16, 24), torch.rand(2, 3))
    assert fake.shape == (2, 3, 16, 24)
    assert fake.abs().max() <= 1
    judged = discriminator(torch.rand(2, 3, 16, 16))
    assert judged.source.shape == (2, 1, 2, 2)
    assert judged.labels.shape == (2, 3)


def test_resizing_and_convolving_at_once_is_one_after_the_other():
    torch.manual_seed(0)
    layer = stargan.ResizedConv2d(5, 3, 3, padding=1, bias=False).double()
    x = torch.randn(2, 5, 6, 4, dtype=torch.float64, requires_grad=True)
    larger = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    plain = F.conv2d(larger, layer.weight, padding=1)  # (2, 3, 12, 8)
    torch.testing.assert_close(layer(x), plain)
    slopes = torch.randn_like(plain)
    for found, expected in zip(
        torch.autograd.grad(layer(x), [x, layer.weight], slopes),
        torch.autograd.grad(plain, [x, layer.weight], slopes),
        strict=True,
    ):
        torch.testing.assert_close(found, expected)


def test_doubling_by_repeated_pixels_has_the_same_shapes():
    trunk = stargan.Trunk(inputs=5, width=4, blocks=1, resized=True)
    assert trunk(torch.rand(2, 3, 16, 24), torch.rand(2, 2)).shape == (2, 4, 16, 24)
    assert not any(isinstance(layer, torch.nn.ConvTranspose2d) for layer in trunk.modules())


def test_a_label_fades_towards_the_middle_less_where_it_modulates():
    def fades(modulated: int, seed: int) -> float:
        torch.manual_seed(seed)
        trunk = stargan.Trunk(inputs=8, width=8, blocks=1, modulated=modulated)
        images = torch.rand(1, 3, 96, 96)
        moved = (trunk(images, torch.zeros(1, 5)) - trunk(images, torch.ones(1, 5))).square()
        return (moved[..., 32:64, 32:64].mean() / moved[..., :8, :].mean()).sqrt().item()

    plain, modulated = (
        torch.tensor([fades(labels, seed) for seed in range(8)]) for labels in (0, 5)
    )
    assert plain.mean() < 0.8 * modulated.mean()
    assert (plain < modulated).float().mean() > 0.8


def test_evaluation_is_training_as_no_statistics_are_kept():
    generator, _ = _small()
    images, labels = torch.rand(2, 3, 16, 16), torch.rand(2, 3)
    assert not list(generator.buffers())
    expected = generator(images, labels)
    assert torch.equal(generator.eval()(images, labels), expected)
    alone = torch.cat([generator(images[i : i + 1], labels[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(alone, expected)


def test_the_label_reaches_the_picture():
    generator, _ = _small()
    images = torch.rand(1, 3, 16, 16)
    one, other = (generator(images, stargan.one_hot(torch.tensor([k]), 3)) for k in (0, 1))
    assert (one - other).abs().max() > 0.01


@pytest.mark.parametrize("size", [(7, 7), (8, 12), (16, 16), (4, 16)])
def test_labels_are_convolved_as_if_they_were_tiled(size):
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(5, 4, 7, padding=3, bias=False).double()
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    labels = torch.rand(2, 2, dtype=torch.float64)
    plain = layer(stargan.tiled(images, labels))
    torch.testing.assert_close(stargan.tiled_convolution(layer, images, labels), plain)


def test_bad_shapes_are_refused():
    generator, discriminator = _small()
    for images in (torch.rand(1, 3, 18, 16), torch.rand(1, 1, 16, 16), torch.rand(3, 16, 16)):
        with pytest.raises(ValueError, match="multiples of 4"):
            generator(images, torch.rand(1, 3))
    with pytest.raises(ValueError, match=r"expected labels \(1, 3\), got \(1, 2\)"):
        generator(torch.rand(1, 3, 16, 16), torch.rand(1, 2))
    with pytest.raises(ValueError, match=r"\(3, 16, 16\)"):
        discriminator(torch.rand(1, 3, 32, 32))
    with pytest.raises(ValueError, match="2\\^layers = 64"):
        Discriminator(labels=3, size=32)
    with pytest.raises(ValueError, match="width"):
        stargan.Trunk(inputs=3, width=0, blocks=1)


def test_adversarial_losses_are_the_plain_formulas():
    torch.manual_seed(0)
    real, fake = torch.randn(2, 5, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    expected = {
        "wasserstein": (fake.mean() - real.mean(), -fake.mean()),
        "logistic": (
            -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean(),
            -fake.sigmoid().log().mean(),
        ),
        "hinge": (
            (1 - real).clamp_min(0).mean() + (1 + fake).clamp_min(0).mean(),
            -fake.mean(),
        ),
    }
    assert set(expected) == set(losses.KINDS)
    for kind, (critic, generator) in expected.items():
        torch.testing.assert_close(losses.critic_loss(real, fake, kind=kind), critic)
        torch.testing.assert_close(losses.generator_loss(fake, kind=kind), generator)
    for loss in (lambda: losses.critic_loss(real, fake, kind="x"),
                 lambda: losses.generator_loss(fake, kind="x")):  # fmt: skip
        with pytest.raises(ValueError, match="wasserstein, logistic, hinge"):
            loss()


def test_gradient_penalty_is_autograd_picture_by_picture():
    _, critic = _small()
    critic, images = critic.double(), torch.rand(3, 3, 16, 16, dtype=torch.float64)
    each = []
    for image in images:
        one = image[None].requires_grad_()
        (slope,) = torch.autograd.grad(critic(one).source.sum(), one)
        each.append((slope.square().sum().sqrt() - 1) ** 2)
    found = losses.gradient_penalty(lambda x: critic(x).source, images.requires_grad_())
    torch.testing.assert_close(found, torch.stack(each).mean())
    found.backward()
    assert critic.body[0].weight.grad.abs().max() > 0


def test_gradient_penalty_has_the_gradient_of_finite_differences():
    torch.manual_seed(0)
    weight = torch.randn(4, 3, dtype=torch.float64)
    mixed = torch.randn(2, 4, 1, 1, dtype=torch.float64, requires_grad=True)

    def penalty(w):
        return losses.gradient_penalty(lambda x: (x.flatten(1) @ w).tanh(), mixed)

    assert torch.autograd.gradcheck(penalty, (weight.requires_grad_(),))


def test_r1_penalty_is_autograd_picture_by_picture():
    _, critic = _small()
    critic, images = critic.double(), torch.rand(3, 3, 16, 16, dtype=torch.float64)
    each = []
    for image in images:
        one = image[None].requires_grad_()
        (slope,) = torch.autograd.grad(critic(one).source.mean(), one)
        each.append(0.5 * slope.square().sum())
    images.requires_grad_()
    found = losses.r1_penalty(critic(images).source, images)
    torch.testing.assert_close(found, torch.stack(each).mean())


def test_r1_penalty_does_not_depend_on_the_number_of_patches():
    images = torch.rand(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    one = images.square().sum(dim=(1, 2, 3))[:, None]
    twelve = one[:, :, None, None].expand(-1, 2, 2, 3)
    found = [losses.r1_penalty(verdict, images).item() for verdict in (one, twelve)]
    assert found[0] == pytest.approx(found[1])
    assert found[0] == pytest.approx((2.0 * images).square().sum(dim=(1, 2, 3)).mean().item() / 2)


def test_interpolation_has_one_share_a_picture():
    real, fake = torch.ones(3, 1, 2, 2), torch.zeros(3, 1, 2, 2)
    mixed = losses.interpolated(real, fake, torch.tensor([0.0, 0.25, 1.0]))
    assert mixed[:, 0, 0, 0].tolist() == [0.0, 0.25, 1.0]
    assert mixed.is_leaf
    assert mixed.requires_grad
    drawn = losses.interpolated(real, fake)
    assert (drawn.flatten(1).std(dim=1) == 0).all()
    assert len(drawn[:, 0, 0, 0].unique()) == 3
    with pytest.raises(ValueError, match="one shape"):
        losses.interpolated(real, fake[:2])


@pytest.mark.parametrize("kind", ["squares", "absolute"])
def test_total_variation_is_the_double_sum(kind):
    torch.manual_seed(0)
    maps, total = torch.rand(2, 1, 3, 4, dtype=torch.float64), 0.0
    for b, i, j in itertools.product(range(2), range(3), range(4)):
        for x, y in ((i + 1, j), (i, j + 1)):
            if x < 3 and y < 4:
                difference = maps[b, 0, x, y] - maps[b, 0, i, j]
                total = total + (difference**2 if kind == "squares" else difference.abs())
    torch.testing.assert_close(losses.total_variation(maps, kind=kind), total / 2)
    with pytest.raises(ValueError, match="squares or absolute"):
        losses.total_variation(maps, kind="cubes")


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("r1", [0.0, 1.0])
def test_critic_step_descends_the_sum_of_its_terms(apart, r1):
    generator, critic = _small()
    _, twin = _small()
    weights = training.Weights(classification=2.0, r1=r1)
    real, labels = torch.rand(2, 3, 16, 16), torch.tensor([0, 2])
    fake = generator(real, stargan.one_hot(labels, 3))
    updates = [torch.optim.SGD(net.parameters(), lr=1e-3) for net in (critic, twin)]
    torch.manual_seed(1)
    terms = training.critic_step(
        critic, updates[0], real, fake, labels, reads=F.cross_entropy, weights=weights, apart=apart
    )
    assert not any(p.requires_grad for p in critic.parameters())
    assert all(p.grad is None for p in generator.parameters())

    torch.manual_seed(1)
    images, fake = real.clone().requires_grad_(), fake.detach()
    ours, others = twin(images), twin(fake)
    loss = others.source.mean() - ours.source.mean() + 2.0 * F.cross_entropy(ours.labels, labels)
    loss = loss + r1 * losses.r1_penalty(ours.source, images)
    if apart:
        training.descend(updates[1], loss)
        loss = 0.0
    mixed = losses.interpolated(real, fake)
    loss = loss + 10.0 * losses.gradient_penalty(lambda x: twin(x).source, mixed)
    training.descend(updates[1], loss)
    for ours, expected in zip(critic.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-4)
    assert set(terms) == {"adversarial", "classification", "penalty", "r1", "distance"}
    assert terms["distance"] == -terms["adversarial"]
    assert not any(value.requires_grad for value in terms.values())


def test_critic_step_without_penalties_and_with_a_loss_on_translated_pictures():
    _, critic = _small()
    update = torch.optim.SGD(critic.parameters(), lr=0.0)
    real, fake, labels = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16), torch.tensor([0, 1])
    weights = training.Weights(penalty=0.0)
    terms = training.critic_step(
        critic, update, real, fake, labels,
        reads=F.cross_entropy, reads_fake=lambda logits: 7.0 + 0.0 * logits.sum(), weights=weights,
    )  # fmt: skip
    expected = F.cross_entropy(critic(real).labels, labels) + 7.0
    torch.testing.assert_close(terms["classification"], expected)
    assert terms["penalty"] == terms["r1"] == 0


def test_generator_terms_are_those_of_stargan():
    generator, critic = _small()
    critic.requires_grad_(False)
    images, source, target = torch.rand(2, 3, 16, 16), torch.tensor([0, 1]), torch.tensor([2, 0])
    fake = generator(images, stargan.one_hot(target, 3))
    terms = training.generator_terms(generator, critic, images, fake, source=source, target=target)
    back = generator(fake, stargan.one_hot(source, 3))
    torch.testing.assert_close(terms["adversarial"], -critic(fake).source.mean())
    torch.testing.assert_close(terms["cycle"], (back - images).abs().mean())
    logs = critic(fake).labels.log_softmax(dim=1)
    torch.testing.assert_close(terms["classification"], -logs[[0, 1], target].mean())
    whole = training.total(terms, training.Weights())
    expected = terms["adversarial"] + terms["classification"] + 10 * terms["cycle"]
    torch.testing.assert_close(whole, expected)
    whole.backward()
    assert all(torch.isfinite(p.grad).all() for p in generator.parameters())
    assert all(p.grad is None for p in critic.parameters())


def test_a_picture_learns_its_class_back():
    """Twenty updates of both networks on two flat pictures: the cycle and the label losses fall."""
    generator, critic = _small()
    update_g = torch.optim.Adam(generator.parameters(), lr=5e-3, betas=(0.5, 0.999))
    update_d = torch.optim.Adam(critic.parameters(), lr=5e-3, betas=(0.5, 0.999))
    labels, target = torch.tensor([0, 1]), torch.tensor([1, 0])
    images = torch.tensor([-0.5, 0.5])[:, None, None, None].expand(2, 3, 16, 16).contiguous()
    weights, history = training.Weights(), []
    for _ in range(20):
        fake = generator(images, stargan.one_hot(target, 3))
        read = training.critic_step(
            critic, update_d, images, fake, labels, reads=F.cross_entropy, weights=weights
        )
        terms = training.generator_terms(
            generator, critic, images, fake, source=labels, target=target
        )
        training.descend(update_g, training.total(terms, weights))
        history.append((terms["cycle"].item(), read["classification"].item()))
    assert history[-1][0] < 0.8 * history[0][0]
    assert history[-1][1] < 0.8 * history[0][1]


def test_weights_refuse_what_they_do_not_know():
    with pytest.raises(ValueError, match="lambda"):
        training.Weights(**{"lambda": 1.0})
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        training.Weights(cycle=-1.0)


def test_the_critic_sees_moved_and_noisy_pictures_and_gradients_pass():
    images = torch.arange(16.0).view(1, 1, 4, 4).requires_grad_()
    assert small.disturbed(images) is images
    torch.manual_seed(0)
    moved = small.disturbed(images.expand(2, 1, 4, 4), shift=1)
    assert moved.shape == (2, 1, 4, 4)
    assert torch.equal(moved[0], moved[1])  # one shift for the batch
    corners = {small.disturbed(images, shift=1)[0, 0, 1, 1].item() for _ in range(60)}
    assert corners == {0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 8.0, 9.0, 10.0}
    noisy = small.disturbed(torch.zeros(1, 1, 64, 64), noise=0.2)
    assert noisy.std().item() == pytest.approx(0.2, rel=0.1)
    small.disturbed(images, noise=0.1, shift=1).sum().backward()
    assert images.grad.sum() == 16


def test_he_weights_let_the_signal_through():
    torch.manual_seed(0)
    images, critic = torch.randn(8, 3, 16, 16), Discriminator(labels=3, size=16, width=8, layers=3)
    for layer in critic.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.normal_(layer.weight, 0.0, 0.02)  # as GANimation's code does
    before = critic.body(images).std().item()
    small.initialise_he(critic)
    assert critic.body(images).std().item() > 5 * before
    assert critic.label.weight.std() < 0.05


def test_pictures_are_stored_in_eight_bits():
    images = np.linspace(0.0, 1.0, 2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)
    eight = pictures.stored(images)
    assert eight.dtype == torch.uint8
    assert eight.is_contiguous()
    back = pictures.pixels(eight)
    np.testing.assert_allclose(stargan.unit(back).numpy(), images, atol=0.5 / 255 + 1e-6)


def test_a_small_generator_repeats_pixels_and_its_label_acts_in_every_block():
    torch.manual_seed(0)
    generator = Generator(labels=3, width=4, blocks=2, resized=True, modulated=True)
    assert not any(isinstance(layer, torch.nn.ConvTranspose2d) for layer in generator.modules())
    linear = [layer for layer in generator.modules() if isinstance(layer, torch.nn.Linear)]
    assert [layer.in_features for layer in linear] == [3, 3]
    fake = generator(torch.rand(2, 3, 16, 24), stargan.one_hot(torch.tensor([0, 2]), 3))
    assert fake.shape == (2, 3, 16, 24)
    fake.sum().backward()
    assert all(layer.weight.grad.abs().max() > 0 for layer in linear)


def test_a_critic_in_two_parts_reads_no_colours_and_judges_small_patches():
    torch.manual_seed(0)
    critic = critics.SplitCritic(labels=5, size=32, width=4, layers=4, patch_width=4)
    small.initialise_he(critic, last=1.0)
    images = torch.rand(2, 3, 32, 32) - 0.5
    tint = torch.zeros_like(images)
    tint[:, :, 3, 5] = torch.tensor([0.2, -0.2, 0.0])  # a pixel's grey stays
    plain, tinted = critic(images), critic(images + tint)
    torch.testing.assert_close(tinted.labels, plain.labels)
    changed = (tinted.source - plain.source).abs() > 1e-4  # (2, 2, 8, 8)
    assert changed.flatten(2).any(dim=2).all()
    near, far = changed[:, 0], changed[:, 1]
    assert not near[:, 4:].any()  # the small patches reach 5 + 4 pixels, the next row too
    assert not near[:, :, 4:].any()
    assert not far[:, 6:].any()
    assert torch.equal(plain.source[:, 1, ::2, ::2], plain.source[:, 1, 1::2, 1::2])
    # each patch of the verdict is one of PatchGAN's: two halvings, then a 3x3 head
    expected = critic.patches.near_source(critic.patches.near(images))
    torch.testing.assert_close(plain.source[:, :1], expected)


def test_a_critic_in_two_parts_refuses_what_it_cannot_judge():
    with pytest.raises(ValueError, match="patch_width >= 1 and a size that is a multiple of 8"):
        critics.SplitCritic(labels=5, size=32, width=4, layers=2, patch_width=0)
    with pytest.raises(ValueError, match="multiple of 8; got 4, 20"):
        critics.SplitCritic(labels=5, size=20, width=4, layers=2, patch_width=4)
    critic = critics.SplitCritic(labels=5, size=16, width=4, layers=2, patch_width=4)
    with pytest.raises(ValueError, match=r"\(3, 16, 16\)"):
        critic(torch.rand(1, 1, 16, 16))


def test_moved_colours_begin_as_the_pictures_and_stay_in_range():
    torch.manual_seed(0)
    generator = Generator(labels=3, width=4, blocks=1, moved=True).double()
    images = 2.0 * torch.rand(2, 3, 16, 16, dtype=torch.float64) - 1.0
    labels = torch.eye(3, dtype=torch.float64)[:2]
    torch.nn.init.zeros_(generator.head.weight)
    torch.testing.assert_close(generator(images, labels), images)
    torch.nn.init.normal_(generator.head.weight, 0.0, 3.0)
    made = generator(images, labels)
    towards = generator.head(generator.trunk(images, labels)).tanh()
    expected = torch.where(
        towards > 0, images + towards * (1 - images), images + towards * (1 + images)
    )
    torch.testing.assert_close(made, expected)
    assert made.abs().max() <= 1.0
