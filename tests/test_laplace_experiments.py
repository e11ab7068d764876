"""The runs of the Laplace paper: data, the training loop, determinism, resuming, the lists of runs.

The faces are a stand-in here: 68 coloured blobs in the shape of a face, quick and learnable.
"""

import doctest
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facelab import metrics
from facelab.experiment import Run, load_weights
from facelab.papers.laplace import data, losses, training
from facelab.papers.laplace.experiments import (
    COUNTS,
    FRACTIONS,
    MAIN,
    METHODS,
    LaplaceRun,
    settings,
)
from facelab.papers.laplace.model import RCN, PatchDiscriminator


def _shape() -> np.ndarray:
    """68 points roughly where iBUG-68 has them, in [-1, 1]."""
    t = np.linspace(-1, 1, 17)
    jaw = np.stack([t, 0.9 - 0.9 * t**2], 1)
    brows = np.stack([np.r_[-0.8:-0.2:5j, 0.2:0.8:5j], np.full(10, -0.6)], 1)
    nose = np.r_[np.stack([np.zeros(4), np.r_[-0.4:0.1:4j]], 1),
                 np.stack([np.r_[-0.2:0.2:5j], np.full(5, 0.2)], 1)]  # fmt: skip
    a = np.pi - np.arange(6) * np.pi / 3
    eye = np.stack([0.2 * np.cos(a), -0.35 - 0.08 * np.sin(a)], 1)
    eyes = np.concatenate([eye - np.array([0.5, 0]), eye + np.array([0.5, 0])])
    a = np.pi - np.arange(12) * np.pi / 6
    lips = np.stack([0.35 * np.cos(a), 0.5 - 0.15 * np.sin(a)], 1)
    inner = np.stack([np.r_[-0.3:0.3:5j, 0.2:-0.2:3j], np.full(8, 0.5)], 1)
    return np.concatenate([jaw, brows, nose, eyes, lips, inner])


def _blobs(count, *, seed, split, difficulty, size, **_):
    rng = np.random.default_rng([seed, len(split), len(difficulty)])
    points = _shape() * rng.uniform(0.5, 0.8, (count, 1, 1)) + rng.normal(0, 0.1, (count, 1, 2))
    points = ((points + 1) * size / 2 - 0.5).astype(np.float32)
    x = np.arange(size)
    bumps = np.exp(-np.abs(x - points[..., None]) / 1.2)  # (N, 68, 2, S)
    colour = np.random.default_rng(0).uniform(size=(68, 3))
    image = np.einsum("nkx,nky,kc->ncyx", bumps[:, :, 0], bumps[:, :, 1], colour)
    visible = rng.uniform(size=(count, 68)) < 0.9
    return SimpleNamespace(
        image=(255 * image.clip(0, 1)).astype(np.uint8), landmarks=points, visible=visible
    )


@pytest.fixture(autouse=True)
def blobs(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr(data.faces, "dataset", _blobs, raising=False)
    monkeypatch.setattr(data, "CHUNK", 10)
    data.load_data.cache_clear()
    yield
    data.load_data.cache_clear()


SMALL = {
    "size": 32, "channels": 4, "labelled": 24, "validation": 8, "test": (6, 4), "steps": 6,
    "batch": 4, "rate": 5e-3, "schedule": "one_cycle", "discriminator_widths": (4, 4, 4),
}  # fmt: skip


def _train(folder, every_seconds=0.0, **changes):
    return LaplaceRun(**{**SMALL, **changes}).train(Run(folder, every_seconds=every_seconds))


def test_docstring_examples_run():
    assert doctest.testmod(data).failed == 0


def test_aflw_points_are_means_and_visible_where_all_their_parts_are():
    landmarks = np.random.default_rng(0).uniform(size=(2, 68, 2))
    visible = np.ones((2, 68), bool)
    visible[0, 37] = visible[1, 8] = False
    points, seen = data.aflw_points(landmarks, visible)
    assert points.shape == (2, 19, 2)
    np.testing.assert_allclose(points[:, 7], landmarks[:, 36:42].mean(1))  # an eye's middle
    np.testing.assert_allclose(points[:, 18], landmarks[:, 8])  # the chin
    assert np.argwhere(~seen).tolist() == [[0, 7], [1, 18]]


def test_annotators_err_as_much_as_asked_and_most_along_the_jaw():
    exact = np.tile(_shape() * 20, (400, 1, 1))
    errors = (data.annotate(exact, 0.02) - exact) / (0.02 * 28)  # of outer eyes 28 px apart
    inner, jaw = errors[:, 17:], errors[:, 8]  # at the chin, along is x
    assert np.sqrt((inner**2).mean()) == pytest.approx(1.0, abs=0.15)
    assert np.median(abs(jaw[:, 0])) > 2 * np.median(abs(jaw[:, 1]))
    kurtosis = (inner**4).mean() / (inner**2).mean() ** 2
    assert kurtosis > 4  # a few clicks are far off
    np.testing.assert_array_equal(data.annotate(exact, 0.02), data.annotate(exact, 0.02))


def test_test_labels_stay_exact():
    run = LaplaceRun(**SMALL, label_noise=0.05)
    faces = _blobs(6, seed=3, split="test", difficulty="common", size=32)
    torch.testing.assert_close(run.data().common.landmarks, torch.from_numpy(faces.landmarks))
    exact = LaplaceRun(**SMALL, label_noise=0.0).data().train.landmarks
    assert not torch.equal(run.data().train.landmarks, exact)


def test_fewer_unlabelled_faces_are_the_first_of_more():
    few, more = (LaplaceRun(**SMALL, unlabelled=count).data().unlabelled for count in (13, 20))
    assert (len(few), len(more)) == (13, 20)  # one stored set of ten and a part of another
    assert torch.equal(few[:10], more[:10])


def test_batches_are_epochs_without_repetition():
    rows = np.concatenate([data.batch_rows(step, 4, 10, seed=3) for step in range(5)])
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))
    assert rows[:10].tolist() != rows[10:].tolist()
    assert data.batch_rows(3, 4, 10, seed=3).tolist() == rows[12:16].tolist()
    assert data.batch_rows(0, 4, 10, seed=4).tolist() != rows[:4].tolist()


def test_augmentation_moves_landmarks_with_the_picture():
    torch.manual_seed(0)
    faces = _blobs(1, seed=0, split="train", difficulty="train", size=64)
    point = torch.from_numpy(faces.landmarks)  # (1, 68, 2)
    x = torch.arange(64.0)
    checked = 0
    for _ in range(40):
        k = int(torch.randint(68, ()))
        at = point[0, k]
        along_x, along_y = (torch.exp(-((x - a) ** 2) / 8) for a in at)
        spot = along_y[:, None] * along_x
        image, moved = data.augment(spot.expand(1, 3, 64, 64).contiguous(), point)
        weight = image[0].sum(0) - image[0].sum(0).median()
        peak = divmod(int(weight.argmax()), 64)
        # A mirrored landmark changes its name, so the spot is where k or k's mirror image went.
        ends = [moved[0, k], moved[0, data.MIRROR[k]]]
        error = min((e - torch.tensor([peak[1], peak[0]])).norm().item() for e in ends)
        inside = all(5 < v < 58 for v in peak)
        checked += inside and error < 2.0
    assert checked > 24  # some spots are covered, washed out, or leave the picture


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "softargmax"},
        {"method": "laplace_kl", "unlabelled": 15},
        {"method": "gaussian_kl", "control": True},
        {"landmarks": 19},
        {"augmented": True, "optimiser": "adamw", "schedule": "constant"},
    ],
)
def test_every_kind_of_run_trains_and_reports(changes, tmp_path):
    result = _train(tmp_path, **changes)
    K = changes.get("landmarks", 68)
    assert result["common"]["nme"].shape == (6,)
    assert result["challenge"]["landmarks"].shape == (4, K, 2)
    assert result["history"]["step"][-1] == 6
    assert np.isfinite(result["history"]["loss"]).all()
    assert (np.array(result["history"]["adversarial"]) != 0).any() == (
        "unlabelled" in changes or "control" in changes
    )
    restored = load_weights(LaplaceRun(**{**SMALL, **changes}).generator(), result["weights"])
    assert sum(p.numel() for p in restored.parameters()) == result["parameters"]


def test_same_seed_same_numbers(tmp_path):
    first, second, other = (
        _train(tmp_path / name, unlabelled=15, seed=seed)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    np.testing.assert_array_equal(first["common"]["landmarks"], second["common"]["landmarks"])
    assert first["history"] == second["history"]
    assert not np.array_equal(first["common"]["landmarks"], other["common"]["landmarks"])


def test_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    changes = {"unlabelled": 15, "augmented": True}
    whole = _train(tmp_path / "whole", **changes)
    run = Run(tmp_path / "killed", every_seconds=0)
    save = run.save

    def killed(step, **values):
        save(step, **values)
        if step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(run, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        LaplaceRun(**SMALL, **changes).train(run)
    resumed = _train(tmp_path / "killed", **changes)
    assert resumed["history"] == whole["history"]
    for part in ("common", "challenge"):
        for key in whole[part]:
            np.testing.assert_array_equal(resumed[part][key], whole[part][key])


def test_training_learns(tmp_path):
    changes = {"labelled": 64, "steps": 120, "batch": 8, "channels": 8, "label_noise": 0.0}
    result = _train(tmp_path, every_seconds=60.0, **changes)
    nme = result["history"]["nme"]
    assert nme[-1] < 0.5 * nme[0]


def test_evaluation_equals_the_plain_measures():
    torch.manual_seed(0)
    network = RCN(channels=4)
    faces = LaplaceRun(**SMALL).data().common
    found = training.evaluate(network, faces, batch=4)
    assert network.training
    network.eval()
    with torch.no_grad():
        maps, coordinates = losses.soft_argmax_plain(network(data.as_float(faces.images)))
    np.testing.assert_allclose(found["landmarks"], coordinates, atol=1e-4)
    np.testing.assert_allclose(found["nme"], metrics.nme(coordinates, faces.landmarks), rtol=1e-4)
    np.testing.assert_allclose(found["points"].mean(1), found["nme"], rtol=1e-4)
    np.testing.assert_allclose(found["spread"], metrics.spread(maps).mean(1), rtol=1e-4)


def test_hidden_points_do_not_count_for_aflw():
    faces = LaplaceRun(**SMALL, landmarks=19).data().common
    box = (faces.landmarks.amax(1) - faces.landmarks.amin(1)).prod(-1).sqrt()
    assert (faces.normaliser / box > 0.9).all()  # the box of all 68 points is a little larger
    assert not faces.visible.all()
    network = RCN(channels=4, landmarks=19)
    found = training.evaluate(network, faces, masked=True)
    expected = [found["points"][i][faces.visible[i]].mean() for i in range(len(faces))]
    np.testing.assert_allclose(found["nme"], expected, rtol=1e-4)


def test_the_discriminators_update_leaves_the_generator_alone(tmp_path):
    torch.manual_seed(0)
    run = LaplaceRun(**SMALL)
    network, judge = run.generator(), PatchDiscriminator(widths=(4, 4, 4))
    images = data.as_float(run.data().train.images[:4])
    points = run.data().train.landmarks[:4]
    loss, fake = training.generator_step(network, images, points, None, images)
    before = [p.clone() for p in judge.parameters()]
    update = training.optimiser(judge, 1e-3, 0.0)
    real = losses.true_heatmaps(points, 32)
    training.discriminator_step(judge, update, images, real, images, fake)
    assert all(p.grad is None for p in network.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, judge.parameters(), strict=True))
    adversarial = losses.generator_loss(judge(images, fake))
    stepped = [p.grad.clone() for p in judge.parameters()]
    (loss + adversarial).backward()
    assert all(p.grad is not None for p in network.parameters())
    for a, b in zip(stepped, judge.parameters(), strict=True):
        assert torch.equal(a, b.grad)  # asking its opinion does not change the judge


@pytest.mark.parametrize("tier", ["smoke", "laptop", "gpu", "paper"])
def test_every_tier_has_every_row(tier):
    chosen = settings(tier)
    rows = chosen.table_2()
    assert list(rows) == [
        f"{name}{suffix}"
        for name in ("Softargmax", "LaplaceKL")
        for suffix in ("", *(f"+D({count})" for count in COUNTS))
    ]
    assert sorted({r.unlabelled for r in rows.values()}) == [0, *chosen.unlabelled]
    widths = chosen.table_3()
    assert {name for name, _ in widths} == set(MAIN)
    for name in MAIN:  # a small tier may lack the widest
        channels = [run.channels for (row, _), run in widths.items() if row == name]
        assert channels == sorted(set(channels))
        assert {(name, fraction) for fraction in FRACTIONS[:3]} <= set(widths)
    assert {r.landmarks for r in chosen.aflw().values()} == {19}
    assert all(r.control for name, r in chosen.text().items() if "300W" in name)
    assert not any(r.augmented for r in rows.values())
    assert all(r.augmented for r in chosen.detectors().values())
    assert [n for n, r in chosen.text().items() if r.joint] == ["LaplaceKL, one scale"]
    gaussian = [r.rate for r in chosen.text().values() if r.method == "gaussian_kl"]
    assert max(gaussian) == rows["LaplaceKL"].rate == pytest.approx(10 * min(gaussian))
    everything = chosen.everything()
    assert len({r.infra.uid() for r in everything}) == len(everything)
    assert {r.infra.uid() for r in rows.values()} <= {r.infra.uid() for r in everything}


def test_the_main_rows_may_have_further_seeds():
    chosen = replace(settings("smoke"), seeds=(3,), further=(4, 5))
    listed = chosen.runs(chosen.table_2, chosen.table_3)
    seeds = {}
    for run in listed:
        if run.channels == chosen.base["channels"]:
            seeds.setdefault((run.method, run.unlabelled), []).append(run.seed)
    assert {key for key, found in seeds.items() if found == [3, 4, 5]} == {
        (method, count) for method in METHODS.values() for count in (0, chosen.unlabelled[-1])
    }
    assert sorted({tuple(found) for found in seeds.values()}) == [(3,), (3, 4, 5)]
    assert settings("laptop", (7,)).further == ()


def test_the_papers_settings():
    run = settings("paper").table_2()["LaplaceKL+D(70K)"]
    assert (run.size, run.channels, run.labelled, run.unlabelled) == (80, 64, 3148, 70_000)
    assert (run.rate, run.decay, run.dropout, run.adversarial_weight) == (1e-3, 1e-5, 0.2, 1e-3)
    assert run.steps * run.batch == pytest.approx(200 * 3148, rel=1e-3)
    assert (run.beta, run.target_scale, run.schedule) == (1.0, 1.0, "constant")
    aflw = settings("paper").aflw()["LaplaceKL"]
    assert (aflw.labelled, sum(aflw.test)) == (20_000, 4386)
    assert aflw.steps * aflw.batch == 200 * aflw.labelled
    assert [settings("paper").table_3()["LaplaceKL", f].channels for f in FRACTIONS] == [
        4, 8, 16, 32, 64,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="unknown tier"):
        settings("cluster")
