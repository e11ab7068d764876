"""IcGAN: sizes, losses against plain formulas, one update, resuming in both parts.

In the tests of the training the faces are a stand-in: grey pictures, each class with its stripe.
"""

import doctest
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facelab.checkpoint import load_weights
from facelab.experiment import Run
from facelab.gan import data, icgan, icgan_run
from facelab.gan.critics import Discriminator
from facelab.gan.data import Edits, Pictures
from facelab.gan.icgan import Editor, Encoder, Generator
from facelab.gan.icgan_run import CURVES, ENCODING, SMALL, IcganRun
from facelab.gan.stargan import one_hot
from facelab.gan.training import Weights, critic_step, descend, total

SIZE = 32


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _networks() -> tuple[Editor, Discriminator]:
    torch.manual_seed(0)
    editor = Editor(labels=8, size=SIZE, latent=6, width=4, encoder_width=4)
    return editor, Discriminator(labels=8, size=SIZE, width=4, layers=3)


@pytest.mark.parametrize("module", [icgan, icgan_run])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


def test_parameter_counts_are_dcgans():
    with torch.device("meta"):
        widths = (512, 256, 128, 64, 3)
        doublings = sum(16 * a * b for a, b in itertools.pairwise(widths))
        norms = 2 * sum(widths[:4])
        assert _count(Generator(labels=8, size=64)) == 108 * 512 * 16 + doublings + norms
        widths = (3, 32, 64, 128, 256)
        halvings = sum(16 * a * b for a, b in itertools.pairwise(widths))
        last = 256 * 16 * 100 + 100
        assert _count(Encoder(outputs=100, size=64)) == halvings + 2 * sum(widths[1:]) + last


@pytest.mark.parametrize("size", [8, 16, 48, 64])
def test_shapes_at_other_sizes(size):
    editor = Editor(labels=3, size=size, latent=5, width=4, encoder_width=4)
    images = torch.rand(2, 3, size, size)
    assert editor.noise(images).shape == (2, 5)
    assert editor.label(images).shape == (2, 3)
    found = editor(images, torch.eye(3)[:2])
    assert found.shape == images.shape
    assert found.abs().max() <= 1


def test_bad_shapes_are_refused():
    editor, _ = _networks()
    for size in (4, 20, 40):
        with pytest.raises(ValueError, match=f"power of two, 6 or more; got {size}"):
            Generator(labels=3, size=size)
    with pytest.raises(ValueError, match=r"noise \(B, 6\) and labels \(B, 8\)"):
        editor.generator(torch.rand(2, 6), torch.rand(2, 7))
    with pytest.raises(ValueError, match=r"\(B, 3, 32, 32\), got \(2, 3, 16, 16\)"):
        editor.noise(torch.rand(2, 3, 16, 16))


def test_an_edit_is_made_of_the_encoded_noise_and_the_new_label():
    editor, _ = _networks()
    editor.eval()
    images, labels = torch.rand(2, 3, SIZE, SIZE), torch.eye(8)[[3, 5]]
    expected = editor.generator(editor.noise(images), labels)
    torch.testing.assert_close(editor(images, labels), expected)
    assert (editor(images, labels.flip(0)) - expected).abs().max() > 1e-3


def test_terms_are_the_plain_formulas():
    editor, critic = _networks()
    critic.requires_grad_(False)
    noise, target = torch.randn(3, 6), torch.tensor([1, 7, 0])
    fake = editor.generator(noise, one_hot(target, 8))
    terms = icgan.generator_terms(critic, fake, target)
    judged = critic(fake)
    torch.testing.assert_close(terms["adversarial"], -judged.source.sigmoid().log().mean())
    logs = judged.labels.log_softmax(dim=1)
    torch.testing.assert_close(terms["classification"], -logs[range(3), target].mean())

    images, made = torch.rand(3, 3, SIZE, SIZE), fake.detach()
    editor.eval()
    found = icgan.encoder_terms(editor, noise, made, images, target)
    z, y = editor.noise(made), editor.label(images)
    torch.testing.assert_close(found["noise"], ((noise - z) ** 2).sum() / (3 * 6))
    torch.testing.assert_close(found["label"], ((one_hot(target, 8) - y) ** 2).sum() / (3 * 8))
    (found["noise"] + found["label"]).backward()
    assert all(p.grad is None for p in editor.generator.parameters())
    assert all(p.grad is not None for p in (*editor.noise.parameters(), *editor.label.parameters()))


@pytest.mark.parametrize("weights", [IcganRun().weights, SMALL["weights"]])
def test_an_update_of_each_network_lowers_its_loss(weights):
    editor, critic = _networks()
    torch.manual_seed(1)
    images, own = 2.0 * torch.rand(4, 3, SIZE, SIZE) - 1.0, torch.tensor([0, 3, 5, 7])
    noise, target = torch.randn(4, 6), torch.tensor([2, 3, 1, 0])
    update, critic_update, encoder_update = (
        torch.optim.SGD(network.parameters(), lr=rate)
        for network, rate in ((editor.generator, 1e-4), (critic, 1e-4), (editor, 1e-3))
    )

    def step_critic() -> float:
        with torch.no_grad():
            fake = editor.generator(noise, one_hot(target, 8))
        terms = critic_step(
            critic, critic_update, images, fake, own, reads=F.cross_entropy, weights=weights
        )
        value = terms["adversarial"] + weights.classification * terms["classification"]
        return (value + weights.r1 * terms["r1"]).item()

    def step_generator() -> float:
        fake = editor.generator(noise, one_hot(target, 8))
        loss = total(icgan.generator_terms(critic, fake, target, kind=weights.kind), weights)
        descend(update, loss)
        return loss.item()

    def step_encoders() -> float:
        with torch.no_grad():
            made = editor.generator(noise, one_hot(target, 8))
        terms = icgan.encoder_terms(editor, noise, made, images, own)
        loss = terms["noise"] + terms["label"]
        descend(encoder_update, loss)
        return loss.item()

    for step in (step_critic, step_generator, step_encoders):
        first = step()
        assert step() < first


# ---- the training


def _striped(emotion: torch.Tensor, shade: torch.Tensor) -> torch.Tensor:
    """Grey pictures (N, 3, 32, 32) uint8 with a white stripe of four rows, the class's own."""
    images = (0.5 * shade)[:, None, None].expand(-1, SIZE, SIZE).clone()
    for image, label in zip(images, emotion.tolist(), strict=True):
        image[4 * label : 4 * label + 4] = 1.0
    return (255 * images).to(torch.uint8)[:, None].expand(-1, 3, -1, -1).contiguous()


@pytest.fixture
def stripes(monkeypatch, tmp_path):
    shade = torch.rand(16, generator=torch.Generator().manual_seed(0))

    def pictures(count, **_):
        emotion = torch.arange(count) % 8
        images = _striped(emotion, shade[:count])
        return Pictures(images=images, emotion=emotion, landmarks=torch.zeros(count, 68, 2))

    def edits(count, **_):
        def all_of(label):
            return _striped(torch.full((count,), label), shade[:count])

        source = Pictures(
            images=all_of(0), emotion=torch.zeros(count).long(),
            landmarks=torch.zeros(count, 68, 2),
        )  # fmt: skip
        return Edits(
            source=source, names=("happy", "sad"), emotion=torch.tensor([1, 2]),
            truth=torch.stack([all_of(1), all_of(2)]), landmarks=torch.zeros(2, count, 68, 2),
        )  # fmt: skip

    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr(data, "pictures", pictures)
    monkeypatch.setattr(data, "edits", edits)


TINY = {
    **SMALL, "size": SIZE, "pictures": 16, "test": 4, "latent": 6, "width": 4, "encoder_width": 4,
    "critic_width": 4, "critic_layers": 3, "steps": 3, "encoding": 3, "batch": 4, "average": 0.5,
}  # fmt: skip


def _train(folder, every_seconds=0.0, **changes):
    return IcganRun(**{**TINY, **changes}).train(Run(folder, every_seconds=every_seconds))


def test_training_is_deterministic_and_resumes_bit_for_bit(stripes, tmp_path):
    whole = _train(tmp_path / "whole")
    again = _train(tmp_path / "again", every_seconds=1e9)
    for stop in (1, 3, 5):  # in the first part, between the two, in the second

        class Killed(Exception):
            pass

        folder = tmp_path / f"killed-{stop}"
        run = Run(folder, every_seconds=0.0)

        def save(step, run=run, stop=stop, error=Killed, **values):
            run.checkpoint.save(step, now=True, **values)
            if step == stop:
                raise error

        run.save = save
        with pytest.raises(Killed):
            IcganRun(**TINY).train(run)
        resumed = _train(folder)
        contents = [found["weights"].read_bytes() for found in (resumed, whole, again)]
        assert contents[0] == contents[1] == contents[2]
        for key in ("history", "encoding"):
            assert resumed[key] == whole[key] == again[key]
        np.testing.assert_array_equal(resumed["test"]["psnr"], whole["test"]["psnr"])


def test_a_result_holds_what_it_says(stripes, tmp_path):
    found = _train(tmp_path)
    assert set(found["history"]) == {"step", *CURVES}
    assert set(found["encoding"]) == {"step", *ENCODING}
    assert found["history"]["step"] == [1, 2, 3]
    assert found["encoding"]["step"] == [4, 5, 6]
    assert found["images"] == 6 * 4
    record = IcganRun(**TINY)
    editor = load_weights(record.editor(), found["weights"]).eval()
    assert found["parameters"]["generator"] == _count(editor.generator)
    assert found["parameters"]["encoders"] == _count(editor) - _count(editor.generator)
    edited = record.edited(editor, record.edits())
    assert edited.images.shape == edited.back.shape == (2, 4, 3, SIZE, SIZE)
    expected = icgan_run.against_truth(edited, record.edits())
    np.testing.assert_allclose(found["test"]["error"], expected["error"], rtol=1e-5)


def test_the_papers_settings_train_too(stripes, tmp_path):
    found = _train(tmp_path, weights=IcganRun().weights, average=0.0)
    assert np.isfinite(found["test"]["error"]).all()
    assert isinstance(IcganRun().weights, Weights)


def test_the_generator_stays_while_the_encoders_learn(stripes, tmp_path):
    short, longer = (_train(tmp_path / str(n), encoding=n) for n in (1, 8))
    record = IcganRun(**TINY)
    one, other = (load_weights(record.editor(), found["weights"]) for found in (short, longer))
    for name, value in one.generator.state_dict().items():
        assert torch.equal(value, other.generator.state_dict()[name])
    assert not torch.equal(one.noise.last.weight, other.noise.last.weight)


def test_the_encoders_invert_the_generator(stripes, tmp_path):
    """A hundred steps: z is read better than by its mean, the classes far better."""
    found = _train(tmp_path, every_seconds=1e9, steps=10, encoding=100, batch=16, encoder_width=8)
    assert np.mean(found["encoding"]["noise"][-10:]) < 0.9
    assert np.mean(found["encoding"]["label"][-10:]) < 0.5 * np.mean(found["encoding"]["label"][:5])
