"""StarGAN's training: the paper's sizes, resuming, what it returns.

The faces are a stand-in: grey pictures, each class with its stripe.
"""

import numpy as np
import pytest
import torch

from facelab.checkpoint import load_weights
from facelab.experiment import Run
from facelab.gan import data
from facelab.gan.data import Edits, Pictures
from facelab.gan.stargan_run import CURVES, SMALL, StarganRun
from facelab.gan.training import Weights

SIZE = 32
TINY = {
    **SMALL, "size": SIZE, "pictures": 16, "test": 4, "width": 4, "blocks": 1, "critic_width": 4,
    "critic_layers": 3, "critic_shift": 1, "reading": 3, "steps": 6, "batch": 4, "critic_steps": 2,
    "average": 0.5,
}  # fmt: skip


def _striped(emotion: torch.Tensor, shade: torch.Tensor) -> torch.Tensor:
    """Grey pictures (N, 3, 32, 32) uint8, four rows of them white: which ones, the class says."""
    images = (0.5 * shade)[:, None, None].expand(-1, SIZE, SIZE).clone()
    for image, number in zip(images, emotion, strict=True):
        image[4 * number : 4 * number + 4] = 1.0
    return (255 * images).to(torch.uint8)[:, None].expand(-1, 3, -1, -1).contiguous()


def _pictures(count: int, **_) -> Pictures:
    shade = torch.rand(count, generator=torch.Generator().manual_seed(0))
    emotion = torch.arange(count) % 8
    nowhere = torch.zeros(count, 68, 2)
    return Pictures(images=_striped(emotion, shade), emotion=emotion, landmarks=nowhere)


def _edits(count: int, **_) -> Edits:
    shade, rest = torch.linspace(0.2, 0.8, count), torch.zeros(count).long()
    asked = torch.tensor([1, 7])
    return Edits(
        source=Pictures(
            images=_striped(rest, shade), emotion=rest, landmarks=torch.zeros(count, 68, 2)
        ),
        names=("happy", "contempt"),
        emotion=asked,
        truth=torch.stack([_striped(one.expand(count), shade) for one in asked]),
        landmarks=torch.zeros(2, count, 68, 2),
    )


@pytest.fixture
def stripes(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr(data, "pictures", _pictures)
    monkeypatch.setattr(data, "edits", _edits)


def _train(folder, every_seconds=0.0, **changes):
    return StarganRun(**{**TINY, **changes}).train(Run(folder, every_seconds=every_seconds))


def test_the_defaults_are_the_papers():
    run = StarganRun()
    with torch.device("meta"):
        counts = [sum(p.numel() for p in part.parameters()) for part in (
            run.generator(), run.critic())]  # fmt: skip
    assert counts == [8_439_936, 44_786_624]
    assert (run.weights, run.batch, run.critic_steps, run.rate) == (Weights(), 16, 5, 1e-4)
    assert run.reading == run.resisting == run.average == 0


def test_training_is_deterministic_and_resumes_bit_for_bit(stripes, tmp_path):
    whole = _train(tmp_path / "whole")
    again = _train(tmp_path / "again", every_seconds=1e9)
    for stop in (2, 5):  # while reading, and between two updates of the generator
        folder = tmp_path / f"killed-{stop}"

        class Killed(Exception):
            pass

        run = Run(folder, every_seconds=0.0)

        def save(step, run=run, stop=stop, **values):
            run.checkpoint.save(step, now=True, **values)
            if step == stop:
                raise Killed

        run.save = save
        with pytest.raises(Killed):
            StarganRun(**TINY).train(run)
        resumed = _train(folder)
        contents = [found["weights"].read_bytes() for found in (resumed, whole, again)]
        assert contents[0] == contents[1] == contents[2]
        assert resumed["history"] == whole["history"] == again["history"]
        np.testing.assert_array_equal(resumed["test"]["psnr"], whole["test"]["psnr"])


def test_a_result_holds_what_it_says(stripes, tmp_path):
    found = _train(tmp_path)
    assert set(found["history"]) == {"step", *CURVES}
    assert found["history"]["step"] == [5, 7, 9]  # three updates of the generator
    assert found["images"] == 9 * 4
    record = StarganRun(**TINY)
    generator = load_weights(record.generator(), found["weights"])
    assert found["parameters"]["generator"] == sum(p.numel() for p in generator.parameters())
    edited = record.edited(generator, record.edits())
    assert edited.images.shape == edited.back.shape == (2, 4, 3, SIZE, SIZE)
    assert 0 <= edited.images.min() <= edited.images.max() <= 1
    assert found["test"]["psnr"].shape == (2, 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": Weights(), "resisting": 0.0, "reading": 0, "critic_initial": "torch"},
        {"critic_split": 4, "moved": False},
    ],
)
def test_the_papers_losses_and_a_critic_in_two_parts_train_too(stripes, tmp_path, changes):
    assert np.isfinite(_train(tmp_path, **changes)["test"]["error"]).all()


def test_the_critic_learns_to_read_labels_first(stripes, tmp_path):
    """A hundred steps on sixteen pictures: far below the error of a guess."""
    longer = {"reading": 100, "steps": 2, "critic_width": 8, "resisting": 0.0, "critic_steps": 1}
    found = _train(tmp_path, every_seconds=1e9, **longer)
    assert found["history"]["reading"][-1] < 0.5 * np.log(8)


def test_progress_moves_while_the_critic_learns_alone(stripes, tmp_path):
    lines = []
    run = Run(tmp_path, report=lambda step, total, numbers: lines.append((step, total, numbers)))
    StarganRun(**{**TINY, "reading": 10}).train(run)
    alone = [(step, total) for step, total, numbers in lines if set(numbers) == {"reading"}]
    assert alone == [(step, 16) for step in (2, 4, 6, 8, 10)]
    assert all(np.isfinite(value) for _, _, numbers in lines for value in numbers.values())
