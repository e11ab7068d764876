"""Geometry-guided synthesis: networks, losses against plain formulas, every choice, the numbers."""

import doctest
import importlib

import pytest
import torch
import torch.nn.functional as F

from facelab import claims, published, verdicts
from facelab.gan.critics import Discriminator
from facelab.gan.stargan import Generator, one_hot
from facelab.gan.training import Weights, critic_step, descend
from facelab.papers.geometry import losses, model, training
from facelab.papers.geometry.losses import Choices
from facelab.papers.geometry.model import Translator, depth_map, normal_map

WEIGHTS = Weights()


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


class Networks:
    """All four, small."""

    def __init__(self, geometry: str = "depth"):
        torch.manual_seed(0)
        channels = model.CHANNELS[geometry]
        self.generator = Generator(labels=3, width=4, blocks=1)
        self.critic = Discriminator(labels=3, size=16, width=4, layers=3)
        self.translator = Translator(geometry=geometry, width=4, blocks=1)
        self.depth_critic = Discriminator(labels=3, size=16, width=4, layers=3, channels=channels)
        self.images = 2.0 * torch.rand(2, 3, 16, 16) - 1.0
        self.true = 2.0 * torch.rand(2, channels, 16, 16) - 1.0
        self.source, self.target = torch.tensor([0, 1]), torch.tensor([2, 0])

    def pretraining(self, choices: Choices, features=None) -> dict[str, torch.Tensor]:
        maps = self.translator(self.images)
        return training.pretraining_terms(
            self.translator, self.depth_critic, self.images, maps, self.true, self.source,
            choices=choices, weights=WEIGHTS, features=features,
        )  # fmt: skip

    def end_to_end(self, choices: Choices) -> dict[str, torch.Tensor]:
        fake = self.generator(self.images, one_hot(self.target, 3))
        return training.end_to_end_terms(
            self.generator, self.critic, self.translator, self.depth_critic, self.images, fake,
            self.translator(fake), source=self.source, target=self.target, choices=choices,
            weights=WEIGHTS,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["model", "losses", "training", "reconstruction"])
def test_docstring_examples_run(name):
    module = importlib.import_module(f"facelab.papers.geometry.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("geometry", ["depth", "normals"])
def test_translator_is_a_stargan_of_two_domains(geometry):
    with torch.device("meta"):
        assert _count(Translator(geometry=geometry)) == _count(Generator(labels=2))
    nets = Networks(geometry)
    maps = nets.translator(nets.images)
    assert maps.shape == (2, model.CHANNELS[geometry], 16, 16)
    back = nets.translator.back(maps)
    assert back.shape == nets.images.shape
    assert maps.abs().max() <= 1
    assert nets.depth_critic(maps).labels.shape == (2, 3)
    with pytest.raises(ValueError, match=f"expected {geometry}"):
        nets.translator.back(torch.rand(1, 2, 16, 16))
    with pytest.raises(ValueError, match="depth, normals"):
        Translator(geometry="shape")


def test_depth_is_relative_to_the_nearest_point():
    depth = torch.full((2, 2, 2), torch.nan)
    depth[0] = torch.tensor([[60.0, 60.0 + model.SPAN / 2], [500.0, torch.nan]])
    maps = depth_map(depth)
    assert maps[0, 0].tolist() == [[1.0, 0.0], [-1.0, -1.0]]
    assert (maps[1] == -1).all()  # no face at all
    torch.testing.assert_close(depth_map(depth + 30.0), maps)
    with pytest.raises(ValueError, match="span > 0"):
        depth_map(depth, span=0.0)
    assert normal_map(torch.full((1, 3, 1, 1), torch.nan)).abs().sum() == 0


def test_entropy_and_penalties_are_torchs():
    torch.manual_seed(0)
    logits = torch.randn(4, 8, dtype=torch.float64)
    expected = torch.distributions.Categorical(logits=logits)
    torch.testing.assert_close(losses.entropy(logits), expected.entropy())
    torch.testing.assert_close(losses.confidence_penalty(logits), -expected.entropy().mean())
    uniform = torch.distributions.Categorical(logits=torch.zeros_like(logits))
    divergence = torch.distributions.kl_divergence(uniform, expected).mean()
    found = losses.confidence_penalty(logits, form="divergence")
    torch.testing.assert_close(found, divergence)
    for form in ("entropy", "divergence"):
        sums = [losses.confidence_penalty(logits, form=form, sign=sign)
                for sign in ("rewards entropy", "punishes entropy")]  # fmt: skip
        assert sum(sums) == 0
    for wrong in ({"form": "l2"}, {"sign": "plus"}):
        with pytest.raises(ValueError, match="got"):
            losses.confidence_penalty(logits, **wrong)


@pytest.mark.parametrize("form", ["entropy", "divergence"])
def test_the_penalty_makes_a_classifier_less_sure_and_its_other_sign_surer(form):
    logits = torch.tensor([[2.0, 0.0, -1.0]], requires_grad=True)
    for sign, surer in (("rewards entropy", False), ("punishes entropy", True)):
        (slope,) = torch.autograd.grad(
            losses.confidence_penalty(logits, sign=sign, form=form), logits
        )
        after = losses.entropy(logits - 0.1 * slope)
        assert (after < losses.entropy(logits)).item() == surer


def test_classification_loss_is_equation_11():
    torch.manual_seed(0)
    logits, expression = torch.randn(4, 8), torch.tensor([0, 3, 7, 1])
    plain = -logits.log_softmax(1)[range(4), expression].mean()
    torch.testing.assert_close(losses.classification_loss(logits, expression), plain)
    found = losses.classification_loss(logits, expression, beta=0.3)
    torch.testing.assert_close(found, plain - 0.3 * losses.entropy(logits).mean())


def test_pixel_and_perceptual_losses():
    torch.manual_seed(0)
    predicted, true = torch.rand(2, 1, 8, 8, requires_grad=True), torch.rand(2, 1, 8, 8)
    expected = (predicted - true).abs().mean()
    torch.testing.assert_close(losses.pixel_loss(predicted, true), expected)
    layer = torch.nn.Conv2d(3, 4, 3)

    def features(images):
        first = layer(images)
        return first, F.max_pool2d(first, 2)

    found = losses.perceptual_loss(predicted, true, features=features)
    a, b = (features(maps.repeat(1, 3, 1, 1)) for maps in (predicted, true))
    plain = sum((x - y).abs().mean() for x, y in zip(a, b, strict=True)) / 2
    torch.testing.assert_close(found, plain)
    found.backward()
    assert predicted.grad.abs().max() > 0
    same = losses.perceptual_loss(true, true, features=layer)
    assert same == 0
    with pytest.raises(ValueError, match="expected geometry"):
        losses.pixel_loss(predicted, true[:, :, :4])


def test_features_of_the_perceptual_loss_are_the_same_each_time_and_learn_nothing():
    torch.manual_seed(0)
    first = model.Features(width=4)
    torch.manual_seed(1)
    second = model.Features(width=4)
    maps = torch.rand(2, 1, 16, 16, requires_grad=True)
    flat = torch.zeros(2, 1, 16, 16)
    assert not [p for p in first.parameters() if p.requires_grad]
    found = losses.perceptual_loss(maps, flat, features=first)
    torch.testing.assert_close(found, losses.perceptual_loss(maps, flat, features=second))
    found.backward()
    assert maps.grad.abs().max() > 0


@pytest.mark.parametrize("geometry", ["depth", "normals"])
def test_pretraining_terms(geometry):
    nets = Networks(geometry)
    nets.depth_critic.requires_grad_(False)
    terms = nets.pretraining(Choices(), features=lambda images: images)
    maps = nets.translator(nets.images)
    judged, back = nets.depth_critic(maps), nets.translator.back(maps)
    pixels = (maps - nets.true).abs().mean()
    expected = {
        "adversarial": -judged.source.mean(),
        "classification": F.cross_entropy(judged.labels, nets.source),
        "cycle": 10 * (back - nets.images).abs().mean(),
        "pixel": 10 * pixels,
        "perceptual": pixels,
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)
    assert "perceptual" not in nets.pretraining(Choices())
    sum(terms.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in nets.translator.parameters())


def test_end_to_end_terms_by_the_depth_networks_weight():
    nets = Networks()
    stargan = nets.end_to_end(Choices(weight=0.0))
    assert set(stargan) == {"adversarial", "classification", "cycle"}
    light, heavy = (nets.end_to_end(Choices(weight=w)) for w in (0.1, 0.3))
    for name, value in stargan.items():
        torch.testing.assert_close(light[name], value)
    for name in stargan:
        torch.testing.assert_close(heavy[f"depth {name}"], 3 * light[f"depth {name}"])
    full = nets.end_to_end(Choices(weight=0.1, weighted_cycle=False))
    torch.testing.assert_close(full["depth cycle"], 10 * light["depth cycle"])
    torch.testing.assert_close(full["depth adversarial"], light["depth adversarial"])


def test_depth_shapes_the_pictures_and_frozen_it_does_not_learn():
    nets = Networks()
    nets.translator.requires_grad_(False)
    terms = nets.end_to_end(Choices(frozen=True))
    (terms["depth adversarial"] + terms["depth classification"]).backward()
    assert all(p.grad is None for p in nets.translator.parameters())
    assert all(p.grad.abs().max() > 0 for p in nets.generator.parameters())


def test_who_is_penalised_and_when():
    nets = Networks()
    logits, others = torch.randn(2, 3), torch.randn(2, 3)
    plain = F.cross_entropy(logits, nets.source)

    def asked(stage="pre-training", **fields):
        return training.critic_reads(
            Choices(penalty=0.5, **fields), stage=stage, fake_expression=nets.target
        )

    reads, fake = asked()
    torch.testing.assert_close(reads(logits, nets.source), plain)
    torch.testing.assert_close(fake(others), -0.5 * losses.entropy(others).mean())
    assert asked(stage="end to end")[1] is None
    assert asked(stage="end to end", penalty_stage="both")[1] is not None
    reads, fake = asked(penalised="real maps")
    torch.testing.assert_close(
        reads(logits, nets.source), plain - 0.5 * losses.entropy(logits).mean()
    )
    assert fake is None
    reads, fake = asked(penalised="generator", classified="translated")
    assert reads(logits, nets.source) == 0
    torch.testing.assert_close(fake(others), F.cross_entropy(others, nets.target))

    labels = nets.depth_critic(nets.translator(nets.images)).labels
    without = nets.pretraining(Choices())["classification"]
    found = nets.pretraining(Choices(penalty=0.5, penalised="generator"))["classification"]
    torch.testing.assert_close(found, without - 0.5 * losses.entropy(labels).mean())


def test_one_update_of_all_networks():
    nets, choices = Networks(), Choices(penalty_stage="both")
    update_d = torch.optim.Adam(nets.depth_critic.parameters(), lr=1e-3)
    both = [*nets.generator.parameters(), *nets.translator.parameters()]
    update_g = torch.optim.Adam(both, lr=1e-3)
    before = [p.clone() for p in (*both, *nets.depth_critic.parameters())]
    fake = nets.generator(nets.images, one_hot(nets.target, 3))
    reads, reads_fake = training.critic_reads(
        choices, stage="end to end", fake_expression=nets.target
    )
    read = critic_step(
        nets.depth_critic, update_d, nets.true, nets.translator(fake), nets.source,
        reads=reads, reads_fake=reads_fake, weights=WEIGHTS,
    )  # fmt: skip
    assert all(torch.isfinite(value) for value in read.values())
    descend(update_g, sum(nets.end_to_end(choices).values()))
    after = (*both, *nets.depth_critic.parameters())
    assert all((a != b).any() for a, b in zip(after, before, strict=True))


def test_published_numbers_agree_with_each_other():
    numbers = {cell: value for cell, (value, _) in published.numbers("geometry").items()}
    rows = {row for table, row, _ in numbers if table == "table-1"}
    assert len(rows) == 6
    for table in ("table-1", "table-2"):  # the gains in brackets are over StarGAN
        for (t, row, column), gain in numbers.items():
            if t == table and column.endswith(" gain"):
                name = column.removesuffix(" gain")
                of = numbers[table, row, name] - numbers[table, "StarGAN", name]
                assert gain == pytest.approx(of)
    for row in ("AffectNet-D", "RaFD-D"):
        counts = {c: v for (t, r, c), v in numbers.items() if (t, r) == ("table-4", row)}
        assert counts.pop("Total") == sum(counts.values())
        assert len(counts) == 8
    for weight in losses.WEIGHTS:
        name = f"{weight:g}"
        accuracy = numbers["table-3", name, "accuracy"]
        assert numbers["table-3", name, "error"] == pytest.approx(100 - accuracy)
        gain = numbers.get(("table-3", name, "accuracy gain"), 0.0)
        assert accuracy == pytest.approx(numbers["table-3", "0", "accuracy"] + gain)
    depth = numbers["table-1", "Our Method (depth map)", "accuracy"]
    assert numbers["table-3", "0.1", "accuracy"] == depth  # Table 1 has a weight of 0.1
    assert numbers["table-3", "0", "accuracy"] == numbers["table-1", "StarGAN", "accuracy"]
    assert Choices().weight == 0.1


def test_register_loads_and_the_papers_numbers_bear_it_out():
    register = claims.read("geometry")
    assert len(register.claims) >= 10
    for claim in register.claims:
        effect = verdicts.paper_effect(register, claim)
        assert effect >= 0 if claim.evidence == "no gain" else effect > 0
    found = verdicts.contradictions(register).set_index("id")
    assert found.loc["psnr-studio", "tables"] == pytest.approx(1.38)
    assert found.loc["ssim-wild", "tables"] == pytest.approx(6.33, abs=0.01)
