"""GANnotation: sizes, maps, losses against plain formulas, one update, resuming.

In the tests of the training the faces are a stand-in: grey pictures with a bright spot at the first
landmark.
"""

import doctest

import numpy as np
import pytest
import torch

from facelab.checkpoint import load_weights
from facelab.experiment import Run
from facelab.gan import data, gannotation, gannotation_run
from facelab.gan.data import Edits, Pictures
from facelab.gan.gannotation import COUNTS, Generator, Weights
from facelab.gan.gannotation_run import CURVES, SMALL, GannotationRun, drawn
from facelab.gan.losses import total_variation
from facelab.gan.pictures import pixels
from facelab.gan.small import initialise_he
from facelab.gan.training import critic_step, descend, total, unread

SIZE = 32
EMOTION_COUNT = 8


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _networks() -> tuple[Generator, torch.nn.Module]:
    torch.manual_seed(0)
    critic = gannotation.pair_critic(maps=9, size=SIZE, width=4, layers=3)
    return Generator(maps=9, width=4, blocks=1), critic


def _batch() -> tuple[torch.Tensor, ...]:
    torch.manual_seed(1)
    images = 2.0 * torch.rand(2, 3, SIZE, SIZE) - 1.0
    return images, *(torch.rand(2, 9, SIZE, SIZE) for _ in range(3))


@pytest.mark.parametrize("module", [gannotation, gannotation_run])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


def test_parameter_counts_are_the_codes():
    with torch.device("meta"):
        assert _count(Generator(maps=68)) == 8_628_096
        critic = gannotation.pair_critic(maps=68, size=128)
        heads = critic.label.weight.numel() + 68 * critic.body[0].weight[:, :1].numel()
        assert _count(critic) - heads == 44_721_088  # theirs sees pictures alone, and reads none


def test_a_critic_in_two_parts_judges_colours_in_small_patches_only():
    torch.manual_seed(0)
    critic = gannotation.SplitPairCritic(maps=9, size=SIZE, width=4, layers=3, patch_width=4)
    initialise_he(critic, last=1.0)
    images, maps, *_ = _batch()
    tint = torch.zeros_like(images)
    tint[:, :, 3, 5] = torch.tensor([0.2, -0.2, 0.0])  # a pixel's grey stays
    plain, tinted = (critic(torch.cat([x, maps], dim=1)).source for x in (images, images + tint))
    assert plain.shape == (2, 3, SIZE // 4, SIZE // 4)
    changed = (tinted - plain).abs().flatten(2).amax(dim=2)  # (2, 3)
    assert (changed[:, :2] > 1e-4).all()
    assert (changed[:, 2] < 1e-6).all()
    # the maps, and the whole face in grey
    other = critic(torch.cat([images, maps.flip(0)], dim=1)).source
    assert torch.equal(other[:, :2], plain[:, :2])
    assert (other - plain)[:, 2].abs().max() > 1e-4
    grey = torch.cat([images.mean(dim=1, keepdim=True), maps], dim=1)
    torch.testing.assert_close(plain[:, 2, ::2, ::2], critic.whole(grey).source[:, 0])


def test_shapes_and_what_is_refused():
    generator, critic = _networks()
    images, own, wanted, _ = _batch()
    fake = generator(images, wanted)
    assert fake.shape == images.shape
    assert fake.abs().max() <= 1
    assert critic(torch.cat([fake, own], dim=1)).source.shape == (2, 1, 4, 4)
    with pytest.raises(ValueError, match=r"maps \(B, 9, H, W\).*\(2, 3, 32, 32\)"):
        generator(images, images)
    with pytest.raises(ValueError, match="multiples of 4"):
        generator(images[..., :30], wanted[..., :30])


def test_moved_colours_begin_as_the_pictures():
    images, maps, *_ = _batch()
    torch.manual_seed(0)
    generator = Generator(maps=9, width=4, blocks=1, moved=True)
    assert not torch.equal(generator(images, maps), images)
    torch.nn.init.zeros_(generator.head.weight)
    assert torch.equal(generator(images, maps), images)


def test_the_maps_reach_the_picture_where_they_are():
    generator, _ = _networks()
    images = torch.zeros(1, 3, SIZE, SIZE)
    with torch.no_grad():
        before = generator(images, torch.zeros(1, 9, SIZE, SIZE))
        maps = torch.zeros(1, 9, SIZE, SIZE)
        maps[0, 3, 16, 16] = 1.0
        change = (generator(images, maps) - before).abs().sum(dim=1)[0]
    assert change[13:20, 13:20].mean() > 2 * change[:4].mean()


@pytest.mark.parametrize("sigma", [0.6, 2.0])
def test_heatmaps_are_the_plain_formula(sigma):
    torch.manual_seed(0)
    points = 40.0 * torch.rand(2, 68, 2, dtype=torch.float64) - 4.0  # some outside
    found = gannotation.heatmaps(points, size=SIZE, sigma=sigma)
    plain = gannotation.heatmaps_plain(points, size=SIZE, sigma=sigma)
    torch.testing.assert_close(found, plain)
    y, x = 5, 9
    square = (x - points[1, 7, 0]) ** 2 + (y - points[1, 7, 1]) ** 2
    torch.testing.assert_close(found[1, 7, y, x], torch.exp(-square / (2 * sigma**2)))
    with pytest.raises(ValueError, match=r"\(2, 68, 3\)"):
        gannotation.heatmaps(torch.zeros(2, 68, 3), size=4, sigma=1.0)
    with pytest.raises(ValueError, match="sigma > 0"):
        gannotation.heatmaps(torch.zeros(2, 68, 2), size=4, sigma=0.0)


def test_parts_hold_every_landmark_once():
    assert [k for part in gannotation.PARTS for k in part] == list(range(68))
    assert COUNTS["parts"] == 9
    maps = torch.rand(2, 68, 4, 4)
    torch.testing.assert_close(gannotation.joined(maps)[:, 5], maps[:, 36:42].amax(dim=1))
    with pytest.raises(ValueError, match=r"\(2, 9, 4, 4\)"):
        gannotation.joined(maps[:, :9])


def test_generator_terms_are_the_plain_formulas():
    generator, critic = _networks()
    critic.requires_grad_(False)
    images, own, wanted, third = _batch()
    fake = generator(images, wanted)
    features = torch.nn.Conv2d(3, 2, 3)
    terms = gannotation.generator_terms(
        generator, critic, images, fake,
        own=own, wanted=wanted, third=third, features=features,
    )  # fmt: skip
    back = generator(generator(images, wanted), own)
    direct, through = generator(images, third), generator(generator(images, wanted), third)
    expected = {
        "adversarial": -critic(torch.cat([fake, wanted], dim=1)).source.mean(),
        "cycle": (back - images).abs().mean(),
        "triple": (direct - through).abs().mean(),
        "variation": total_variation(fake),
        "perceptual": (features(back) - features(images)).abs().mean(),
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, atol=1e-5, rtol=1e-4)
    weights = Weights()
    whole = sum(getattr(weights, name) * value for name, value in expected.items())
    torch.testing.assert_close(total(terms, weights), whole, atol=1e-3, rtol=1e-4)
    total(terms, weights).backward()
    assert all(torch.isfinite(p.grad).all() for p in generator.parameters())
    assert all(p.grad is None for p in critic.parameters())


def test_a_route_that_ends_in_the_same_picture_costs_nothing():
    images, own, wanted, third = _batch()
    _, critic = _networks()
    terms = gannotation.generator_terms(
        lambda pictures, maps: pictures, critic, images, images,
        own=own, wanted=wanted, third=third,
    )  # fmt: skip
    assert terms["triple"] == terms["cycle"] == 0


def test_mismatched_pairs_are_real_pictures_under_other_maps():
    images, own, wanted, _ = _batch()
    fake = torch.zeros_like(images)
    real, other = gannotation.pairs(images, fake, own, wanted, mismatched=True)
    torch.testing.assert_close(real, torch.cat([images, own], dim=1))
    torch.testing.assert_close(other[:2], torch.cat([fake, wanted], dim=1))
    torch.testing.assert_close(other[2:], torch.cat([images, wanted], dim=1))
    assert len(gannotation.pairs(images, fake, own, wanted, mismatched=False)[1]) == 2
    with pytest.raises(ValueError, match="penalty 0, got 10"):
        Weights(mismatched=True)


@pytest.mark.parametrize("weights", [Weights(), SMALL["weights"]])
def test_an_update_of_each_network_lowers_its_loss(weights):
    generator, critic = _networks()
    images, own, wanted, third = _batch()
    update = torch.optim.SGD(generator.parameters(), lr=1e-4)
    critic_update = torch.optim.SGD(critic.parameters(), lr=1e-4)

    def step_critic() -> float:
        torch.manual_seed(2)  # of the places where the slopes are penalised
        fake = generator(images, wanted).detach()
        real, other = gannotation.pairs(images, fake, own, wanted, mismatched=weights.mismatched)
        terms = critic_step(
            critic, critic_update, real, other, images.new_zeros(0),
            reads=unread, weights=gannotation.critic_weights(weights),
        )  # fmt: skip
        assert terms["classification"] == 0
        value = terms["adversarial"] + weights.penalty * terms["penalty"]
        return (value + weights.r1 * terms["r1"]).item()

    def step_generator() -> float:
        fake = generator(images, wanted)
        terms = gannotation.generator_terms(
            generator, critic, images, fake,
            own=own, wanted=wanted, third=third, kind=weights.kind,
        )  # fmt: skip
        loss = total(terms, weights)
        descend(update, loss)
        return loss.item()

    first = step_critic()
    assert step_critic() < first
    assert step_generator() > step_generator()


# ---- the training


def _spots(landmarks: torch.Tensor, shade: torch.Tensor) -> torch.Tensor:
    """Grey pictures (N, 3, 32, 32) uint8 with a bright spot at the first landmark."""
    spot = gannotation.heatmaps(landmarks[:, :1], size=SIZE, sigma=2.0)
    return (
        (255 * (0.5 * shade[:, None, None, None] + 0.5 * spot))
        .to(torch.uint8)
        .expand(-1, 3, -1, -1)
        .contiguous()
    )


def _stand_in(monkeypatch) -> None:
    generator = torch.Generator().manual_seed(0)
    asked = 4.0 + 24.0 * torch.rand(12, EMOTION_COUNT, 68, 2, generator=generator)
    shade = torch.rand(12, generator=generator)

    def pictures(count, **_):
        emotion = torch.arange(count) % EMOTION_COUNT
        own = asked[torch.arange(count), emotion]
        return Pictures(images=_spots(own, shade[:count]), emotion=emotion, landmarks=own)

    def edits(count, **_):
        own, two = asked[:count, 0], asked[:count, 1:3].transpose(0, 1)
        truth = torch.stack([_spots(landmarks, shade[:count]) for landmarks in two])
        source = Pictures(
            images=_spots(own, shade[:count]), emotion=torch.zeros(count).long(), landmarks=own
        )
        return Edits(
            source=source, names=("happy", "sad"), emotion=torch.tensor([1, 2]), truth=truth,
            landmarks=two,
        )  # fmt: skip

    monkeypatch.setattr(data, "pictures", pictures)
    monkeypatch.setattr(data, "asked", lambda count, **_: asked[:count])
    monkeypatch.setattr(data, "edits", edits)


@pytest.fixture
def spots(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    _stand_in(monkeypatch)


TINY = {
    **SMALL, "size": SIZE, "pictures": 12, "test": 4, "width": 4, "blocks": 1, "critic_width": 4,
    "critic_layers": 3, "steps": 6, "batch": 4, "critic_steps": 2, "average": 0.5,
}  # fmt: skip


def _train(folder, every_seconds=0.0, **changes):
    return GannotationRun(**{**TINY, **changes}).train(Run(folder, every_seconds=every_seconds))


def test_training_is_deterministic_and_resumes_bit_for_bit(spots, tmp_path):
    whole = _train(tmp_path / "whole")
    again = _train(tmp_path / "again", every_seconds=1e9)
    for stop in (1, 4):
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
            GannotationRun(**TINY).train(run)
        resumed = _train(folder)
        for key in ("weights", "critic"):
            assert resumed[key].read_bytes() == whole[key].read_bytes() == again[key].read_bytes()
        assert resumed["history"] == whole["history"] == again["history"]
        np.testing.assert_array_equal(resumed["test"]["psnr"], whole["test"]["psnr"])


def test_a_result_holds_what_it_says(spots, tmp_path):
    found = _train(tmp_path)
    assert set(found["history"]) == {"step", *CURVES}
    assert found["history"]["step"] == [2, 4, 6]
    assert found["images"] == 6 * 4
    record = GannotationRun(**TINY)
    generator = load_weights(record.generator(), found["weights"])
    assert found["parameters"]["generator"] == _count(generator)
    edited = record.edited(generator, record.edits())
    assert edited.images.shape == edited.back.shape == (2, 4, 3, SIZE, SIZE)
    expected = gannotation_run.against_truth(edited, record.edits())
    np.testing.assert_allclose(found["test"]["error"], expected["error"], rtol=1e-5)
    assert found["test"]["psnr"].shape == (2, 4)


def test_the_codes_settings_train_too(spots, tmp_path):
    changes = {"weights": Weights(), "maps": "points", "resized": False, "average": 0.0}
    found = _train(tmp_path, **changes, decay=5e-4)
    assert np.isfinite(found["test"]["error"]).all()


def test_the_critic_first_learns_which_maps_are_a_pictures(spots, tmp_path):
    changes = {"matching": 150, "critic_initial": "he", "steps": 2, "critic_rate": 0.0}
    found = _train(tmp_path, every_seconds=1e9, **changes)
    assert found["history"]["step"] == [152]
    assert found["images"] == 152 * TINY["batch"]
    record = GannotationRun(**{**TINY, **changes})
    critic = load_weights(record.critic(), found["critic"])
    faces, asked = record.faces()
    own, other = (record.maps_of(one) for one in (faces.landmarks, asked.flip(0)[:, 0]))
    images = pixels(faces.images)
    right, wrong = (critic(torch.cat([images, maps], dim=1)).source for maps in (own, other))
    assert right.mean() - wrong.mean() > 0.5


def test_batches_hold_landmarks_that_lie_on_their_pictures(spots):
    faces, asked = GannotationRun(**TINY).faces()
    torch.manual_seed(0)
    for _ in range(4):  # mirrored or not
        images, own, wanted, third = drawn(faces, asked, 5)
        assert images.shape == (5, 3, SIZE, SIZE)
        assert wanted.shape == third.shape == own.shape == (5, 68, 2)
        assert not torch.equal(wanted, third)
    images, own, _, _ = drawn(faces, faces.landmarks[:, None].expand(-1, 8, -1, -1), 5)
    assert torch.equal(_, own)


def test_the_cycle_is_learnt(spots, tmp_path):
    """Thirty steps on twelve pictures: the way back comes nearer to the picture."""
    record = GannotationRun(**{**TINY, "steps": 30, "critic_steps": 1, "width": 8})
    history = record.train(Run(tmp_path, every_seconds=1e9))["history"]
    assert np.mean(history["cycle"][-5:]) < 0.7 * np.mean(history["cycle"][:5])


def test_records_are_those_of_the_paper_and_small():
    assert GannotationRun().maps == "points"
    with torch.device("meta"):
        assert _count(GannotationRun().generator()) == 8_628_096
        small = GannotationRun(**SMALL)
        assert small.generator().maps == small.critic().channels - 3 == 9
