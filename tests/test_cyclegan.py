"""CycleGAN: sizes, losses against plain formulas, one update, resuming.

In the tests of the training the faces are a stand-in: dark pictures for rest, bright for the other.
"""

import doctest

import numpy as np
import pytest
import torch

from facelab.checkpoint import load_weights
from facelab.experiment import Run
from facelab.faces import EMOTIONS
from facelab.gan import cyclegan, cyclegan_run, data
from facelab.gan.critics import Discriminator
from facelab.gan.cyclegan import Translator, Translators, Weights
from facelab.gan.cyclegan_run import CURVES, SMALL, CycleganRun
from facelab.gan.data import Edits, Pictures
from facelab.gan.training import critic_step, descend, total, unread

SIZE = 32


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _networks() -> tuple[Translators, Discriminator, Discriminator]:
    torch.manual_seed(0)
    critics = (Discriminator(labels=1, size=SIZE, width=4, layers=3) for _ in range(2))
    return Translators(width=4, blocks=1), *critics


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return tuple(2.0 * torch.rand(2, 3, SIZE, SIZE) - 1.0 for _ in range(2))


@pytest.mark.parametrize("module", [cyclegan, cyclegan_run])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


def test_parameter_counts():
    with torch.device("meta"):
        # StarGAN's generator of five domains, less the kernels of its five planes
        assert _count(Translator()) == 8_430_528 - 5 * 64 * 49
        assert _count(CycleganRun().translators()) == 2 * 8_414_848
        assert _count(CycleganRun().critic().body) == sum(
            16 * a * b + b for a, b in ((3, 64), (64, 128), (128, 256), (256, 512))
        )


def test_the_critic_sees_patches_of_78_pixels():
    critic = Discriminator(labels=1, size=128, width=2, layers=4).double()
    images = torch.zeros(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    critic(images).source[0, 0, 4, 4].backward()
    seen = images.grad.abs().sum(dim=(0, 1)) > 0
    assert seen.any(dim=0).sum() == seen.any(dim=1).sum() == 78


def test_shapes_and_what_is_refused():
    translators, critic, _ = _networks()
    x, y = _batch()
    passes = translators(x, y[:1])
    assert passes.in_y.shape == passes.same_x.shape == (2, 3, SIZE, SIZE)
    assert passes.in_x.shape == passes.same_y.shape == (1, 3, SIZE, SIZE)
    assert critic(passes.in_y).source.shape == (2, 1, 4, 4)
    for images in (torch.rand(1, 3, 30, 32), torch.rand(1, 1, 32, 32), torch.rand(3, 32, 32)):
        with pytest.raises(ValueError, match="multiples of 4"):
            translators.there(images)


def test_a_pass_holds_both_ways_and_what_stays():
    translators, *_ = _networks()
    x, y = _batch()
    found = translators(x, y)
    G, F = translators.there, translators.back
    for ours, expected in zip(found, (F(y), G(x), F(x), G(y)), strict=True):
        torch.testing.assert_close(ours, expected)


def test_generator_terms_are_the_plain_formulas():
    translators, critic_x, critic_y = _networks()
    critic_x.requires_grad_(False)
    critic_y.requires_grad_(False)
    x, y = _batch()
    G, F = translators.there, translators.back
    terms = cyclegan.generator_terms(translators, critic_x, critic_y, x, y, translators(x, y))
    expected = {
        "adversarial": -critic_y(G(x)).source.sigmoid().log().mean()
        - critic_x(F(y)).source.sigmoid().log().mean(),
        "cycle": (F(G(x)) - x).abs().mean() + (G(F(y)) - y).abs().mean(),
        "identity": (G(y) - y).abs().mean() + (F(x) - x).abs().mean(),
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, atol=1e-5, rtol=1e-4)
    whole = total(terms, Weights())
    plain = expected["adversarial"] + 10 * expected["cycle"] + 5 * expected["identity"]
    torch.testing.assert_close(whole, plain)
    whole.backward()
    assert all(torch.isfinite(p.grad).all() for p in translators.parameters())
    assert all(p.grad is None for p in (*critic_x.parameters(), *critic_y.parameters()))


@pytest.mark.parametrize("weights", [Weights(), SMALL["weights"]])
def test_an_update_of_each_network_lowers_its_loss(weights):
    translators, critic_x, critic_y = _networks()
    x, y = _batch()
    update = torch.optim.SGD(translators.parameters(), lr=1e-4)
    critic_update = torch.optim.SGD(critic_y.parameters(), lr=1e-4)
    settings = cyclegan.critic_weights(weights)

    def step_critic() -> float:
        fake = translators(x, y).in_y
        terms = critic_step(
            critic_y, critic_update, y, fake, y.new_zeros(0), reads=unread, weights=settings
        )
        return (terms["adversarial"] + weights.r1 * terms["r1"]).item()

    def step_translators() -> float:
        passes = translators(x, y)
        terms = cyclegan.generator_terms(
            translators, critic_x, critic_y, x, y, passes, kind=weights.kind
        )
        loss = total(terms, weights)
        descend(update, loss)
        return loss.item()

    first = step_critic()
    assert step_critic() < first
    assert step_translators() > step_translators()


# ---- the training


def _flat(shade: torch.Tensor, bright: float) -> torch.Tensor:
    """Pictures (N, 3, 32, 32) uint8, the lower half by ``bright`` of white brighter."""
    images = (0.5 * shade)[:, None, None].expand(-1, SIZE, SIZE).clone()
    images[:, SIZE // 2 :] += bright
    return (255 * images).to(torch.uint8)[:, None].expand(-1, 3, -1, -1).contiguous()


@pytest.fixture
def halves(monkeypatch, tmp_path):
    shade = torch.rand(12, generator=torch.Generator().manual_seed(0))

    def pictures(count, *, emotions, **_):
        emotion = torch.tensor([EMOTIONS.index(name) for name in emotions] * (count // 2))
        images = torch.where((emotion > 0)[:, None, None, None], _flat(shade, 0.5),
                             _flat(shade, 0.0))  # fmt: skip
        return Pictures(images=images, emotion=emotion, landmarks=torch.zeros(count, 68, 2))

    def edits(count, *, emotions, **_):
        source = Pictures(
            images=_flat(shade[:count], 0.0), emotion=torch.zeros(count).long(),
            landmarks=torch.zeros(count, 68, 2),
        )  # fmt: skip
        return Edits(
            source=source, names=emotions, emotion=torch.tensor([1]),
            truth=_flat(shade[:count], 0.5)[None], landmarks=torch.zeros(1, count, 68, 2),
        )  # fmt: skip

    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr(data, "pictures", pictures)
    monkeypatch.setattr(data, "edits", edits)


TINY = {
    **SMALL, "size": SIZE, "pictures": 12, "test": 4, "width": 4, "blocks": 1, "critic_width": 4,
    "critic_layers": 3, "steps": 4, "batch": 4, "average": 0.5,
}  # fmt: skip


def _train(folder, every_seconds=0.0, **changes):
    return CycleganRun(**{**TINY, **changes}).train(Run(folder, every_seconds=every_seconds))


def test_training_is_deterministic_and_resumes_bit_for_bit(halves, tmp_path):
    whole = _train(tmp_path / "whole")
    again = _train(tmp_path / "again", every_seconds=1e9)

    class Killed(Exception):
        pass

    run = Run(tmp_path / "killed", every_seconds=0.0)

    def save(step, **values):
        run.checkpoint.save(step, now=True, **values)
        if step == 2:
            raise Killed

    run.save = save
    with pytest.raises(Killed):
        CycleganRun(**TINY).train(run)
    resumed = _train(tmp_path / "killed")
    contents = [found["weights"].read_bytes() for found in (resumed, whole, again)]
    assert contents[0] == contents[1] == contents[2]
    assert resumed["history"] == whole["history"] == again["history"]
    np.testing.assert_array_equal(resumed["test"]["psnr"], whole["test"]["psnr"])


def test_a_result_holds_what_it_says(halves, tmp_path):
    found = _train(tmp_path)
    assert set(found["history"]) == {"step", *CURVES}
    assert found["history"]["step"] == [1, 2, 3, 4]
    assert found["images"] == 4 * 4
    record = CycleganRun(**TINY)
    translators = load_weights(record.translators(), found["weights"])
    assert found["parameters"]["translators"] == _count(translators)
    assert found["parameters"]["critics"] == 2 * _count(record.critic())
    edited = record.edited(translators, record.edits())
    assert edited.images.shape == edited.back.shape == (1, 4, 3, SIZE, SIZE)
    assert found["test"]["psnr"].shape == (1, 4)


def test_domains_are_split_by_expression(halves):
    rest, happy = CycleganRun(**TINY).domains()
    assert len(rest) == len(happy) == 6
    assert happy.float().mean() > rest.float().mean() + 40


def test_edits_of_several_expressions_are_refused(halves):
    record = CycleganRun(**TINY)
    faces = data.edits(4, emotions=("happy", "sad"))
    with pytest.raises(ValueError, match="one expression, got happy, sad"):
        record.edited(record.translators(), faces)


def test_the_papers_settings_train_too(halves, tmp_path):
    plain = {"resized": False, "moved": False}
    changes = {"weights": Weights(), "average": 0.0, "batch": 1, **plain}
    assert np.isfinite(_train(tmp_path, **changes)["test"]["error"]).all()


def test_the_way_back_is_learnt(halves, tmp_path):
    """Thirty steps: pictures come back nearer to themselves."""
    record = CycleganRun(**{**TINY, "steps": 30, "width": 8})
    history = record.train(Run(tmp_path, every_seconds=1e9))["history"]
    assert np.mean(history["cycle"][-5:]) < 0.7 * np.mean(history["cycle"][:5])
