"""The faces of the baselines: expressions, landmarks, crops, true answers."""

import doctest

import numpy as np
import pytest
import torch

from facelab import faces
from facelab.faces import EMOTIONS, UNITS
from facelab.faces.sample import look
from facelab.gan import data, evaluation, loop, pictures
from facelab.gan.evaluation import Edited, against_truth

STUDIO = {"size": 32, "difficulty": "studio"}


@pytest.mark.parametrize("module", [data, evaluation, loop, pictures])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


def test_expressions_come_in_turn_and_are_seen():
    found = data.pictures(8, **STUDIO)
    assert found.emotion.tolist() == list(range(8))
    assert found.images.shape == (8, 3, 32, 32)
    assert found.images.dtype == torch.uint8
    assert found.images.is_contiguous()
    assert found.landmarks.shape == (8, 68, 2)
    two = data.pictures(4, emotions=("neutral", "happy"), **STUDIO)
    assert two.emotion.tolist() == [0, 1, 0, 1]
    assert torch.equal(two.to("cpu").images, two.images)
    with pytest.raises(ValueError, match="neutral, happy"):
        data.pictures(4, emotions=("bored",), **STUDIO)
    with pytest.raises(ValueError, match="emotions among"):
        data.pictures(4, emotions=(), **STUDIO)


def test_shown_expressions_vary_about_the_prototypes():
    emotion = np.repeat(np.arange(8), 40)
    actions = pictures.posed(emotion, np.zeros((320, 2)), stream=5)
    units = faces.units(actions)
    assert actions.min() >= 0
    assert actions.max() <= 1
    assert 0 < units[:40].max() < 0.1  # nobody is perfectly still
    happy = units[40:80, UNITS.index("AU12")]
    full = faces.units(faces.expression_of("happy")[None])[0, UNITS.index("AU12")]
    assert 0.55 * full < happy.min() < happy.max() < 1.35 * full
    assert happy.std() > 0.02
    smirk = actions[280:, [faces.ACTIONS.index(f"mouthDimple{side}") for side in ("Left", "Right")]]
    assert ((smirk[:, 0] > smirk[:, 1]).any(), (smirk[:, 0] < smirk[:, 1]).any()) == (True, True)


def test_asked_landmarks_are_those_of_a_picture_at_full_strength():
    asked = data.asked(3, emotions=("neutral", "surprise"), **STUDIO)
    assert asked.shape == (3, 2, 68, 2)
    drawn = faces.sample(3, seed=1, split="train", difficulty="studio")
    change = np.maximum(look(np.zeros((3, 52)), drawn.gaze), faces.expression_of("surprise"))
    made = faces.render(
        pictures.framed(drawn, change, margin=1.15), size=32, channels=("landmarks",)
    )
    np.testing.assert_allclose(asked[:, 1], made.landmarks, atol=1e-3)
    drop = asked[:, 1, 57, 1] - asked[:, 0, 57, 1]  # the lower lip, pixels
    assert (drop > 0.5).all()
    nose = asked[:, 1, 30] - asked[:, 0, 30]
    assert nose.abs().max() < 0.3  # the crop is that of the face at rest


def test_mirrored_landmarks_are_those_of_the_mirrored_picture():
    points = torch.rand(2, 68, 2)
    turned = data.flipped(points, 32)
    expected = torch.stack([31.0 - points[:, 8, 0], points[:, 8, 1]], dim=1)  # of the chin
    torch.testing.assert_close(turned[:, 8], expected)
    torch.testing.assert_close(turned[:, 36, 0], 31.0 - points[:, 45, 0])  # outer eye corners
    torch.testing.assert_close(data.flipped(turned, 32), points)


def test_true_edits_are_the_same_people():
    found = data.edits(3, emotions=("happy", "surprise"), **STUDIO)
    assert found.names == ("happy", "surprise")
    assert found.emotion.tolist() == [EMOTIONS.index("happy"), EMOTIONS.index("surprise")]
    assert found.truth.shape == (2, 3, 3, 32, 32)
    assert found.landmarks.shape == (2, 3, 68, 2)
    assert found.source.emotion.tolist() == [0, 0, 0]
    change = (found.truth.float() - found.source.images.float()).abs()
    assert 0.5 < change.mean() < 30  # of 255: something moves, and most stays
    people = faces.sample(3, seed=3, split="test", difficulty="studio").identity
    trained = faces.sample(64, seed=1, split="train", difficulty="studio").identity
    assert not set(people) & set(trained)


def test_measures_of_true_edits_and_of_copies():
    faces_ = data.edits(3, emotions=("happy", "surprise"), **STUDIO)
    truth = faces_.truth.float() / 255.0
    source = (faces_.source.images.float() / 255.0).expand_as(truth)
    perfect = against_truth(Edited(truth, source), faces_)
    assert np.isinf(perfect["psnr"]).all()
    assert np.isinf(perfect["psnr_back"]).all()
    assert (perfect["error"] == 0).all()
    copied = against_truth(Edited(source, truth), faces_)
    np.testing.assert_allclose(copied["psnr"], copied["psnr_copied"])
    np.testing.assert_allclose(copied["error"], copied["error_copied"])
    np.testing.assert_allclose(copied["psnr_back"], copied["psnr"])
    assert copied["psnr"].shape == (2, 3)
    squares = (source - truth).square().mean(dim=(2, 3, 4)).numpy()
    np.testing.assert_allclose(copied["psnr"], 10 * np.log10(1 / squares), rtol=1e-5)


def test_averages_keep_buffers_and_weights():
    torch.manual_seed(0)
    network = torch.nn.BatchNorm1d(2)
    mean = loop.averaged(network, 0.5)
    mean.update_parameters(network)
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.running_mean.fill_(2.0)
    mean.update_parameters(network)
    assert mean.module.weight.tolist() == [2.0, 2.0]
    assert mean.module.running_mean.tolist() == [1.0, 1.0]


def test_a_batch_is_drawn_with_its_labels():
    found = data.pictures(8, **STUDIO)
    torch.manual_seed(0)
    images, emotion = data.drawn(found, 5)
    assert images.shape == (5, 3, 32, 32)
    assert -1 <= images.min() <= images.max() <= 1
    for image, number in zip(images, emotion, strict=True):  # row k shows emotion k
        own = pictures.pixels(found.images[number][None])[0]
        assert torch.equal(image, own) or torch.equal(image, own.flip(2))


def test_a_critic_that_resists_learns_what_the_source_showed():
    logits, source = torch.randn(4, 8), torch.tensor([0, 1, 2, 3])
    expected = 0.25 * torch.nn.functional.cross_entropy(logits, source)
    torch.testing.assert_close(loop.resists(source, share=0.25)(logits), expected)
    assert loop.resists(source, share=0.0) is None


def test_rates_are_set():
    updates = [loop.adam([torch.zeros(1, requires_grad=True)], 1.0) for _ in range(2)]
    loop.slow(*updates, rate=0.25)
    assert [update.param_groups[0]["lr"] for update in updates] == [0.25, 0.25]
    assert loop.share_of_rate(5, steps=10, falling=0.0) == 1.0
