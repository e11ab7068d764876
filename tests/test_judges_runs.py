"""The pictures of the judges, their training, and the jury that comes of it.

The faces are a stand-in here, quick and learnable: a colour for the emotion, a stripe for the
person.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facelab import faces, judges
from facelab.experiment import Run, load_weights
from facelab.judges import data, experiments
from facelab.judges.experiments import KINDS, JudgeRun, settings

SIZE = 32
SMALL = {
    "size": SIZE, "people": 6, "each": 2, "maps": 4, "tested": 6, "width": 8, "features": 16,
    "embedding": 8, "steps": 4, "batch": 8,
}  # fmt: skip


def _stand_in(factors, *, size, channels, **_):
    N = len(factors)
    image = np.full((N, 3, size, size), 0.5, np.float32)
    colour = np.random.default_rng(0).uniform(size=(9, 3))
    image[:, :, : size // 2] = colour[factors.emotion, :, None, None]
    rows = np.random.default_rng(1).uniform(size=(4096, size))
    image[:, :, size // 2 :] = rows[factors.identity % 4096][:, None, None]
    depth = np.full((N, size, size), np.nan, np.float32)
    depth[:, 4:-4, 4:-4] = 100 + factors.pose[:, 0, None, None]
    depth[:, 8:-8, 8:-8] -= 3
    normals = np.where(np.isnan(depth)[:, None], np.nan, np.eye(3)[2][:, None, None])
    made = {"image": image, "depth": depth, "normals": normals.astype(np.float32)}
    return SimpleNamespace(**{name: made.get(name) for name in made if name in channels})


@pytest.fixture(autouse=True)
def stand_in(monkeypatch, tmp_path):
    faces.load()  # people need the real head, from the usual cache
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr(data.faces, "rendered", _stand_in)
    data.load.cache_clear()
    yield
    data.load.cache_clear()


def _train(folder, kind, every_seconds=0.0, **changes):
    run = JudgeRun(**{**SMALL, "kind": kind, **changes})
    return run.train(Run(folder, every_seconds=every_seconds))


def test_emotions_are_alike_and_three_in_ten_are_mixtures():
    factors = data.balanced(faces.sample(800, seed=3), split="train", seed=5)
    counts = np.bincount(factors.emotion + 1, minlength=9)
    assert counts[0] / 800 == pytest.approx(data.MIXTURES, abs=0.06)
    assert counts[1:].min() > 0.6 * counts[1:].max()
    happy = faces.units(factors.expression[factors.emotion == 1]).mean(0)
    assert happy[faces.UNITS.index("AU12")] > 0.4
    assert factors.expression.min() >= 0
    assert factors.expression.max() <= 1
    again = data.balanced(faces.sample(800, seed=3), split="train", seed=5)
    np.testing.assert_array_equal(factors.expression, again.expression)


def test_people_of_the_splits_differ_and_come_back_in_each_level():
    asked = {"levels": ("studio", "common"), "each": 2}
    train = data.drawn(5, split="train", **asked)
    test = data.drawn(5, split="test", **asked)
    assert not {*train.identity} & {*test.identity}
    _, counts = np.unique(train.identity, return_counts=True)
    assert counts.tolist() == [4] * 5


def test_pictures_come_with_their_own_truth():
    made = data.load(size=SIZE, people=4, each=2, levels=("studio", "common"), maps=3)
    assert len(made) == 16
    assert len(made.depth) == 6
    factors = data.drawn(4, split="train", levels=("studio", "common"), each=2)
    order = np.r_[0:3, 8:11, 3:8, 11:16]
    assert made.emotion.tolist() == factors.emotion[order].tolist()
    torch.testing.assert_close(made.units, torch.from_numpy(faces.units(factors.expression[order])))
    same = factors.identity[order][:, None] == factors.identity[order][None]
    assert ((made.people[:, None] == made.people[None]).numpy() == same).all()
    assert made.factors.shape[1] == sum(data.factor_groups().values())
    # the middle is 3 cm nearer than most of the head; nothing outside
    assert made.depth[0, 16, 16] == pytest.approx(3)
    assert made.depth[0, 5, 5] == pytest.approx(0)
    assert made.depth[0, 0, 0] == 0
    assert not made.head[0, 0, 0]
    assert made.head[0, 5, 5]
    assert made.normals[0, :, 0, 0].tolist() == [0, 0, 1]


def test_augmentation_moves_maps_along_and_mirrors_normals():
    torch.manual_seed(0)
    ramp = torch.linspace(20, 235, SIZE).expand(16, 3, SIZE, SIZE)
    maps = torch.cat([ramp[:, :1], torch.full((16, 1, SIZE, SIZE), 0.6), ramp], dim=1)
    moved, with_them = data.augment(ramp.to(torch.uint8), maps)
    mirrored = with_them[:, 1, 0, 0] < 0
    assert 0 < mirrored.sum() < 16
    slope = with_them[:, 0, 10, -4] - with_them[:, 0, 10, 4]
    assert ((slope < 0) == mirrored).all()  # the maps are mirrored, and
    slope = moved[:, 0, 10, -4] - moved[:, 0, 10, 4]
    assert ((slope < 0) == mirrored).all()  # the pictures as well
    assert with_them[:, 0].std(dim=0).max() > 0  # shifted
    assert {*with_them[:, 0].unique().tolist()} <= {*ramp.unique().tolist()}
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert moved.is_contiguous(memory_format=torch.channels_last)
    assert (data.augment(ramp.to(torch.uint8), maps, mirror=False)[1][:, 1] > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_judge_trains_and_is_examined(kind, tmp_path):
    result = _train(tmp_path, kind)
    network = load_weights(JudgeRun(**SMALL, kind=kind).network(), result["weights"])
    assert result["parameters"] == sum(p.numel() for p in network.parameters())
    assert result["images"] == 32
    assert np.isfinite(result["history"]["loss"]).all()
    assert set(result["tests"]) == {"studio", "common", "challenge"}
    shapes = {
        "expression": {"emotion": (36, 8), "units": (36, 17), "true_emotion": (36,),
                       "true_units": (36, 17)},
        "identity": {"embedding": (36, 8), "people": (36,)},
        "geometry": {"depth": (36,), "normals": (36,), "head": (36,)},
        "features": {"error": (36, sum(data.factor_groups().values()))},
    }  # fmt: skip
    for found in result["tests"].values():
        assert {name: array.shape for name, array in found.items()} == shapes[kind]
        assert all(np.isfinite(array).all() for n, array in found.items() if n != "error")


def test_a_judge_learns_what_is_there_to_learn(tmp_path):
    result = _train(tmp_path, "expression", steps=60, batch=16, people=20, dropout=0.0)
    losses = result["history"]["loss"]
    assert losses[-1] < 0.75 * losses[0]


class Killed(Exception):
    pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_training_ends_as_if_it_had_not_been(kind, tmp_path, monkeypatch):
    whole = _train(tmp_path / "whole", kind)
    plain, calls = experiments.augment, []

    def failing(*args, **changes):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return plain(*args, **changes)

    monkeypatch.setattr(experiments, "augment", failing)
    with pytest.raises(Killed):
        _train(tmp_path / "killed", kind)
    monkeypatch.setattr(experiments, "augment", plain)
    resumed = _train(tmp_path / "killed", kind)
    assert whole["weights"].read_bytes() == resumed["weights"].read_bytes()
    assert whole["history"] == resumed["history"]


@pytest.mark.parametrize("tier", ["smoke", "laptop", "gpu", "paper"])
def test_every_tier_has_every_judge(tier):
    plan = settings(tier)
    assert [run.kind for run in plan.everything()] == list(KINDS)
    assert len({run.size for run in plan.everything()}) == 1
    sizes = {(run.people, run.each, run.maps, run.tested) for run in plan.everything()}
    assert len(sizes) == 1  # one set of pictures for all


def test_other_seeds_and_unknown_tiers():
    assert [run.seed for run in settings("smoke", (3, 5)).everything()] == [3] * 4 + [5] * 4
    with pytest.raises(ValueError, match="unknown tier 'huge': expected one of smoke, laptop"):
        settings("huge")


@pytest.fixture
def jury(monkeypatch):
    def results(plan, *, seed=0):
        return {kind: plan.run(kind, seed=seed).run() for kind in KINDS}

    monkeypatch.setattr(experiments.Settings, "results", results)
    return judges.load("smoke")


def test_a_jury_judges_and_asks_for_no_gradients(jury):
    images = torch.rand(3, 3, jury.size, jury.size, requires_grad=True)
    S = jury.size
    assert jury.expression(images).shape == (3, 8)
    torch.testing.assert_close(jury.expression(images).exp().sum(1), torch.ones(3))
    units = jury.units(images)
    assert units.shape == (3, 17)
    assert units.min() >= 0
    assert units.max() <= 1
    torch.testing.assert_close(jury.identity(images).norm(dim=1), torch.ones(3))
    assert jury.depth(images).shape == jury.head(images).shape == (3, S, S)
    torch.testing.assert_close(jury.normals(images).norm(dim=1), torch.ones(3, S, S))
    jury.features(images).sum().backward()
    assert images.grad.abs().sum() > 0  # through to the pictures
    weights = [p for network in jury.networks.values() for p in network.parameters()]
    assert not any(p.requires_grad for p in weights)


def test_a_jury_checks_sizes_and_brings_others_to_its_own(jury):
    large = torch.rand(2, 3, 96, 96)
    with pytest.raises(ValueError, match=r"expected images \(B, 3, 32, 32\).*got \(2, 3, 96, 96\)"):
        jury.expression(large)
    fitted = jury.fit(large)
    assert fitted.shape == (2, 3, 32, 32)
    assert jury.fit(fitted) is fitted
    torch.testing.assert_close(fitted.mean(), large.mean(), atol=1e-2, rtol=0)


def test_landmarks_come_from_a_detector_that_is_handed_in(jury):
    images = torch.rand(2, 3, 32, 32)
    with pytest.raises(ValueError, match="no landmark detector: hand one in"):
        jury.landmarks(images)
    with_one = judges.load("smoke", detector=lambda x: torch.zeros(len(x), 68, 2))
    assert with_one.landmarks(images).shape == (2, 68, 2)
    wrong = judges.load("smoke", detector=lambda x: torch.zeros(len(x), 2))
    with pytest.raises(ValueError, match=r"returned \(2, 2\), expected \(2, 68, 2\)"):
        wrong.landmarks(images)


def test_judges_know_no_paper():
    for file in Path(data.__file__).parent.glob("*.py"):
        assert "facelab.papers" not in file.read_text(encoding="utf-8"), file.name
