"""GANimation's runs: the faces and their true edits, the training loop, resuming, the measures.

In the tests of the training the faces are a stand-in: flat pictures with a patch per unit.
"""

import doctest
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facelab import claims as facelab_claims
from facelab import faces as synthetic
from facelab import verdicts
from facelab.experiment import Run, load_weights
from facelab.faces import UNITS
from facelab.faces.sample import look
from facelab.gan import data as gan_data
from facelab.gan.pictures import framed, pixels, prototypes
from facelab.papers.ganimation import (
    claims,
    data,
    evaluation,
    experiments,
    measures,
    run,
)
from facelab.papers.ganimation.data import Edits, Labelled
from facelab.papers.ganimation.experiments import settings
from facelab.papers.ganimation.model import Generator
from facelab.papers.ganimation.run import CURVES, GanimationRun

SIZE = 16


def _patches(units: torch.Tensor, shade: torch.Tensor) -> torch.Tensor:
    """Grey pictures (N, 3, 16, 16) uint8 with a patch of three pixels for each of 17 units."""
    images = shade[:, None, None].expand(-1, SIZE, SIZE).clone()
    for k in range(units.shape[1]):
        y, x = divmod(k, 5)
        images[:, 4 * y : 4 * y + 3, 3 * x : 3 * x + 2] = units[:, k, None, None]
    return (255 * images).round().to(torch.uint8)[:, None].expand(-1, 3, -1, -1).contiguous()


def _faces(count: int, **_) -> Labelled:
    generator = torch.Generator().manual_seed(0)
    units = torch.rand(count, 17, generator=generator)
    return Labelled(images=_patches(units, torch.rand(count, generator=generator)), units=units)


def _edits(count: int, **_) -> Edits:
    shade, rest = torch.linspace(0.2, 0.8, count), torch.zeros(count, 17)
    asked = torch.zeros(3, 17)
    asked[1, 0], asked[2, 16] = 0.5, 1.0
    face = torch.ones(count, SIZE, SIZE, dtype=torch.bool)
    face[:, :, -1] = False
    above = (torch.arange(SIZE) < 8)[None, :, None]
    return Edits(
        source=Labelled(images=_patches(rest, shade), units=rest),
        names=("AU1", "AU1", "AU45"),
        intensities=torch.tensor([0.0, 0.5, 1.0]),
        units=asked,
        truth=torch.stack([_patches(units.expand(count, -1), shade) for units in asked]),
        face=face,
        upper=face & above,
        lower=face & ~above,
    )


@pytest.fixture
def patches(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr(data, "training_faces", _faces)
    monkeypatch.setattr(data, "edits", _edits)


TINY = {
    "size": SIZE, "pictures": 12, "test": 4, "width": 4, "blocks": 1, "kept": 0.7,
    "critic_width": 4, "critic_layers": 3, "critic_initial": "he", "weights": experiments.SMALL,
    "reading": 3, "steps": 6, "batch": 4, "critic_steps": 2, "average": 0.5,
}  # fmt: skip


def _train(folder, every_seconds=0.0, **changes):
    return GanimationRun(**{**TINY, **changes}).train(Run(folder, every_seconds=every_seconds))


@pytest.mark.parametrize("module", [data, run, evaluation, measures])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


# ---- the faces


@pytest.fixture(scope="module")
def people():
    return synthetic.sample(3, seed=5, split="test", difficulty="common")


def test_single_units_are_what_was_asked():
    for k, name in enumerate(UNITS):
        for intensity in (0.0, 0.33, 1.0):
            found = synthetic.units(data.action(name, intensity)[None])[0]
            assert found[k] == pytest.approx(intensity, abs=1e-6), name
    with pytest.raises(ValueError, match="AU1, AU2"):
        data.action("AU3", 1.0)


def test_varied_expressions_reach_every_unit_at_every_intensity():
    found = synthetic.units(data.varied(600, np.zeros((600, 2))))
    assert (found.max(axis=0) > 0.75).all()
    assert (found > 0.1).mean(axis=0).min() > 0.05
    np.testing.assert_array_equal(
        data.varied(5, np.zeros((5, 2))), data.varied(5, np.zeros((5, 2)))
    )


def test_training_faces_show_single_units_or_the_emotions_in_turn():
    crop = {"size": SIZE, "difficulty": "studio"}
    posed = data.training_faces(16, **crop, shown="emotions").units.numpy()  # (16, 17)
    natural = synthetic.units(prototypes())  # (8, 17)
    nearest = ((posed[:, None] - natural) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == np.arange(16) % 8).mean() > 0.8  # people differ in how they show them
    varied = data.training_faces(16, **crop).units.numpy()
    assert not np.allclose(varied, posed, atol=0.1)
    with pytest.raises(ValueError, match="units or emotions, got 'faces'"):
        data.training_faces(4, **crop, shown="faces")


def test_a_crop_is_that_of_the_face_at_rest(people):
    rest = people.replace(expression=look(np.zeros((3, 52)), people.gaze))
    opened = framed(people, data.action("AU26", 1.0), margin=1.2)
    np.testing.assert_allclose(
        synthetic.crops(opened, margin=1.2), synthetic.crops(rest, margin=1.2), atol=1e-5
    )
    moved = rest.replace(expression=data.action("AU26", 1.0))
    assert abs(synthetic.crops(moved, margin=1.2) - synthetic.crops(rest, margin=1.2)).max() > 0.01


def test_true_edits_change_the_face_where_the_unit_is():
    data.edits.cache_clear()
    asked = {"units": ("AU12", "AU45"), "intensities": (0.0, 1.0), "emotions": ("happy",)}
    found = data.edits(3, size=32, difficulty="studio", **asked)
    assert found.names == ("AU12", "AU12", "AU45", "AU45", "happy")
    assert found.rows("AU45") == [2, 3]
    assert found.units[1, UNITS.index("AU12")] == 1.0
    assert torch.equal(found.truth[0], found.source.images)  # nothing was asked for
    change = (found.truth.float() - found.source.images.float()).abs().mean(dim=2) > 12
    for row, there, elsewhere in ((1, found.lower, found.upper), (3, found.upper, found.lower)):
        assert (change[row] * there).sum() > 3 * (change[row] * elsewhere).sum()
    assert found.face.float().mean() > 0.4
    assert torch.equal(found.upper | found.lower, found.face)
    smile = found.at_full("happy", "AU12")
    assert smile.names == ("happy", "AU12")
    assert torch.equal(smile.truth, found.truth[[4, 1]])
    # the other methods are asked about the very same faces
    others = gan_data.edits(3, size=32, difficulty="studio", emotions=("happy",))
    assert torch.equal(others.source.images, found.source.images)
    assert torch.equal(others.truth[0], found.truth[4])


# ---- the training


def test_training_is_deterministic_and_resumes_bit_for_bit(patches, tmp_path, monkeypatch):
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
            GanimationRun(**TINY).train(run)
        resumed = _train(folder)
        for key in ("weights", "critic"):
            assert resumed[key].read_bytes() == whole[key].read_bytes() == again[key].read_bytes()
        assert resumed["history"] == whole["history"] == again["history"]
        np.testing.assert_array_equal(resumed["test"]["psnr"], whole["test"]["psnr"])


def test_a_result_holds_what_it_says(patches, tmp_path):
    found = _train(tmp_path)
    assert set(found["history"]) == {"step", *CURVES}
    assert found["history"]["step"] == [5, 7, 9]  # three updates of the generator
    assert found["images"] == 9 * 4
    generator = load_weights(GanimationRun(**TINY).generator(), found["weights"])
    assert found["parameters"]["generator"] == sum(p.numel() for p in generator.parameters())
    expected = evaluation.evaluate(generator, _edits(4))
    np.testing.assert_allclose(found["test"]["error"], expected["error"], rtol=1e-5)


def test_a_run_is_kept_and_its_generator_loaded_from_it(patches):
    run = GanimationRun(**TINY)
    found = run.run()
    assert run.cached()
    generator = run.trained_generator()
    assert not generator.training
    again = evaluation.evaluate(generator, _edits(4))
    np.testing.assert_allclose(found["test"]["error"], again["error"], rtol=1e-5)


@pytest.mark.parametrize("changes", [
    {"weights": experiments.losses.CODE, "critic_initial": "normal", "kept": None, "average": 0.0},
    {"weights": experiments.losses.PAPER, "reading": 0, "critic_steps": 1, "noise": 0.0},
])  # fmt: skip
def test_the_papers_and_the_codes_losses_train_too(patches, tmp_path, changes):
    found = _train(tmp_path, **changes)
    assert np.isfinite(found["test"]["error"]).all()


def test_the_critic_learns_to_read_units_first(patches, tmp_path):
    """Two hundred steps on twelve pictures: the error is well below that of the mean."""
    weights = experiments.SMALL.model_copy(update={"resisting": 0.0})
    longer = {"reading": 200, "steps": 2, "critic_width": 8, "weights": weights}
    run = GanimationRun(**{**TINY, **longer})
    found = run.train(Run(tmp_path, every_seconds=1e9))
    variance = _faces(12).units.var(dim=0).mean().item()
    assert found["history"]["reading"][-1] < 0.5 * variance


# ---- the measures


def test_a_generator_that_copies_has_the_errors_of_the_source(patches):
    generator, edits = Generator(units=17, width=4, blocks=0), _edits(4)
    copying = Generator(units=17, width=4, blocks=0, kept=0.999999)
    with torch.no_grad():
        generator.attention.weight.zero_()
        copying.attention.weight.zero_()
    found = evaluation.evaluate(copying, edits)
    np.testing.assert_allclose(found["error"], found["error_copied"], atol=1e-3)
    assert found["copied"].min() == 1.0
    assert found["psnr_same"].min() > 80
    assert np.isnan(found["likeness"][0]).all()  # nothing is to be changed
    assert found["psnr"][1].max() < 40
    half = evaluation.evaluate(generator, edits)  # A is 1/2 everywhere
    np.testing.assert_allclose(half["attention"], 0.5)
    assert half["outside"][1:].min() > 0.5


def test_true_edits_are_perfect_by_every_measure(patches, monkeypatch):
    edits = _edits(4)
    truth = edits.truth.float() / 127.5 - 1.0
    whole = torch.ones(3, 4, 1, SIZE, SIZE)
    source = pixels(edits.source.images)
    answers = evaluation.Edit(truth, truth, whole), evaluation.Edit(source, source, whole[0])
    monkeypatch.setattr(evaluation, "edited", lambda *_: answers)
    found = evaluation.evaluate(
        None, edits,
        units=lambda images: images.mean(dim=(1, 2, 3))[:, None].expand(-1, 17),
        identity=lambda images: torch.nn.functional.normalize(images.flatten(1), dim=1),
        expression=lambda images: images.flatten(1)[:, :8],
    )  # fmt: skip
    assert found["error"].max() < 1e-4
    np.testing.assert_allclose(found["likeness"][1:], 1.0, atol=1e-5)
    assert found["outside"][1:].max() < 1e-6
    assert found["background"].max() < 1e-4
    assert found["upper"][1].min() > 0  # AU1's patch is in the first rows
    assert found["lower"][1].max() < 1e-4
    for name, shape in (("units", (3, 4, 17)), ("identity", (3, 4)), ("expression", (3, 4, 8))):
        assert found[name].shape == shape
        np.testing.assert_allclose(found[name], found[f"true_{name}"], atol=1e-5)
    np.testing.assert_allclose(found["input_units"], found["true_units"][0], atol=1e-5)
    np.testing.assert_allclose(found["input_expression"], found["true_expression"][0], atol=1e-5)
    np.testing.assert_allclose(found["identity"][0], 1.0, atol=1e-5)


# ---- the tiers


@pytest.mark.parametrize("tier", experiments.TIERS)
def test_tiers_list_their_runs_once_each(tier):
    plan = settings(tier)
    runs = plan.everything()
    assert len({run.infra.uid() for run in runs}) == len(runs)
    assert len(plan.attention()) == 3
    assert list(plan.baselines()) == ["CycleGAN", "IcGAN", "StarGAN"]
    assert len({(one.size, one.test, one.difficulty, one.margin) for one in runs}) == 1
    with torch.device("meta"):
        for run in runs:
            run.critic()  # a size that the layers can halve
    assert [run.seed for run in settings(tier, seeds=(3, 4)).main()] == [3, 4]
    assert replace(plan, seeds=(7,)).main()[0].seed == 7


def test_the_paper_tier_is_the_paper():
    assert settings("paper").main() == [GanimationRun()]
    with pytest.raises(ValueError, match="unknown tier 'x'"):
        settings("x")


def test_evidence_has_the_cells_of_every_claim(patches):
    edits = _edits(4)
    names = [name for name in data.NINE for _ in data.INTENSITIES]
    many = replace(
        edits, names=tuple(names), intensities=torch.tensor(data.INTENSITIES).repeat(9),
        units=torch.zeros(36, 17), truth=edits.truth[:1].expand(36, -1, -1, -1, -1),
    )  # fmt: skip
    generator = Generator(units=17, width=4, blocks=0)
    jury = SimpleNamespace(
        fit=lambda images: images,
        units=lambda images: torch.rand(len(images), 17),
        identity=lambda images: torch.nn.functional.normalize(torch.rand(len(images), 5), dim=1),
        expression=lambda images: torch.rand(len(images), 8),
    )
    measured = evaluation.evaluate(generator, many, **evaluation.readers(jury))
    found = claims.evidence([measured, measured], many, strangers=np.ones(4))
    register = facelab_claims.read("ganimation")
    assert {cell for claim in register.claims for cell in claim.cells} == set(found)
    assert all(values.shape == (2, 4) for values in found.values())
    frame = verdicts.judged(register, found, tier="smoke")
    assert not (frame["verdict"] == "not attempted at this tier").any()
    del measured["units"]
    without = verdicts.judged(register, claims.evidence([measured], many), tier="smoke")
    assert (without["verdict"] == "not attempted at this tier").sum() == 10
