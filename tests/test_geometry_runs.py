"""Trainings of geometry-guided synthesis: StarGAN's very steps, what depth adds, resuming, tiers.

The faces are a stand-in: grey pictures with a patch for each expression, and a slope as depth.
"""

import doctest
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from facelab.experiment import Run, load_weights
from facelab.gan.stargan import one_hot
from facelab.gan.training import Weights, critic_step, descend, generator_terms, total
from facelab.papers.geometry import data, experiments, options, pretraining, run, training
from facelab.papers.geometry.data import Pairs
from facelab.papers.geometry.experiments import ABLATED, settings
from facelab.papers.geometry.losses import Choices
from facelab.papers.geometry.options import Pictures, Schedule, Sizes
from facelab.papers.geometry.pretraining import PretrainRun
from facelab.papers.geometry.reconstruction import EXACT
from facelab.papers.geometry.run import STARGAN, GeometryRun

SIZE = 16


def _pairs(dataset: str, count: int, **_) -> Pairs:
    generator = torch.Generator().manual_seed(0)
    expression = torch.arange(count) % 8
    shade = torch.rand(count, 1, 1, 1, generator=generator)
    images = shade.expand(-1, 3, SIZE, SIZE).clone()
    for row, k in enumerate(expression.tolist()):
        images[row, :, 2 * k : 2 * k + 2, 4:12] = 1.0
    slope = torch.linspace(-1, 1, SIZE)[:, None].expand(count, 1, SIZE, SIZE) * shade
    maps = {"depth": slope, "normals": torch.cat([slope, slope, 1 - slope.abs()], dim=1)}
    codes = {name: data.coded(values) for name, values in maps.items()}
    return Pairs(
        images=(255 * images).round().to(torch.uint8), expression=expression,
        people=torch.arange(count), fitted=codes, true=codes, drawn=count,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def patches(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "pairs", _pairs)


SMALL = Sizes(
    width=4, blocks=1, critic_width=4, critic_layers=3, critic_initial="he", critic_noise=0.1,
    critic_shift=1,
)  # fmt: skip
TINY = {
    "pictures": Pictures(count=16, size=SIZE),
    "sizes": SMALL,
    "depth_sizes": SMALL,
    "weights": Weights(kind="hinge", penalty=0.0, r1=0.3),
    "schedule": Schedule(steps=4, batch=4, critic_steps=2, rate=1e-3, average=0.5),
    "pretraining": Schedule(steps=3, batch=4, critic_steps=1),
    "targets": "even",
    "resisting": 0.25,
}


def _train(folder, every_seconds=1e9, **changes):
    return GeometryRun(**{**TINY, **changes}).train(Run(folder, every_seconds=every_seconds))


def _bytes(result):
    return {name: path.read_bytes() for name, path in result.items() if hasattr(path, "suffix")}


@pytest.mark.parametrize("module", [options, training, run, pretraining, experiments])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


# ---- StarGAN


@pytest.mark.parametrize(
    "weights", [Weights(), Weights(kind="hinge", penalty=0.0, r1=0.3)], ids=["paper", "small"]
)
def test_without_depth_it_is_stargan_step_for_step(tmp_path, weights):
    plain = Sizes(width=4, blocks=1, critic_width=4, critic_layers=3)
    schedule = Schedule(steps=6, batch=4, critic_steps=2, rate=1e-3, critic_rate=2e-3)
    changes = {"sizes": plain, "schedule": schedule, "weights": weights, "targets": "shuffled",
               "resisting": 0.0}  # fmt: skip
    found = _train(tmp_path, choices=STARGAN, **changes)

    torch.manual_seed(0)
    generator, critic = plain.generator(), plain.critic(size=SIZE)
    torch.manual_seed(0)
    batches = torch.Generator().manual_seed(0)
    update_g = torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.999), fused=True)
    update_d = torch.optim.Adam(critic.parameters(), 2e-3, betas=(0.5, 0.999), fused=True)
    for step in range(6):
        for update, rate in ((update_g, 1e-3), (update_d, 2e-3)):
            update.param_groups[0]["lr"] = rate * min(1.0, (6 - step) / 3)
        images, source, _ = data.drawn(_pairs("", 16), 4, "depth", batches)
        target = source[torch.randperm(4, generator=batches)]
        last = (step + 1) % 2 == 0
        with torch.set_grad_enabled(last):
            fake = generator(images, one_hot(target, 8))
        critic_step(critic, update_d, images, fake, source, reads=F.cross_entropy, weights=weights)
        if last:
            terms = generator_terms(
                generator, critic, images, fake, source=source, target=target, kind=weights.kind
            )
            descend(update_g, total(terms, weights))
    for path, network in ((found["last"], generator), (found["critic"], critic)):
        values, expected = load_file(path), network.state_dict()
        assert set(values) == set(expected)
        assert all(torch.equal(values[name], expected[name]) for name in expected)
    assert set(found["parameters"]) == {"generator", "critic"}
    assert set(found["history"]) == {
        "step", "adversarial", "classification", "cycle", "reading", "distance"
    }  # fmt: skip


# ---- with the depth network


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"geometry": "normals"},
        {"choices": Choices(penalty=0.0, weight=0.3)},
        {"choices": Choices(real="prediction", classified="translated", penalty_stage="both")},
    ],
    ids=["depth", "normals", "no penalty", "predictions"],
)
def test_all_networks_learn_end_to_end(tmp_path, changes):
    found = _train(tmp_path, **changes)
    training_run = GeometryRun(**{**TINY, **changes})
    before = training_run.pretrained().run()
    for key, then in (("translator", before["weights"]), ("depth_critic", before["critic"])):
        assert found[key].read_bytes() != then.read_bytes()
    assert set(found["history"]) >= {
        "depth adversarial", "depth classification", "depth cycle", "cycle"
    }  # fmt: skip
    assert found["history"]["step"] == [2, 4]
    assert all(np.isfinite(values).all() for values in found["history"].values())
    assert found["images"] == 16
    assert set(found["parameters"]) == {"generator", "critic", "translator", "depth_critic"}
    load_weights(training_run.generator(), found["weights"])


def test_a_frozen_depth_network_stays_what_it_was(tmp_path):
    choices = Choices(frozen=True)
    found = _train(tmp_path, choices=choices)
    before = GeometryRun(**{**TINY, "choices": choices}).pretrained().run()
    assert found["translator"].read_bytes() == before["weights"].read_bytes()
    assert found["depth_critic"].read_bytes() != before["critic"].read_bytes()


def test_training_is_deterministic_and_resumes_bit_for_bit(tmp_path):
    changes = {"schedule": TINY["schedule"].model_copy(update={"reading": 2})}
    whole = _train(tmp_path / "whole", **changes)
    again = _train(tmp_path / "again", every_seconds=0.0, **changes)
    assert _bytes(whole) == _bytes(again)
    for stop in (1, 3):  # while reading, and between two updates of the generator

        class Killed(Exception):
            pass

        unfinished = Run(tmp_path / f"killed-{stop}", every_seconds=0.0)

        def save(step, run=unfinished, stop=stop, **values):
            run.checkpoint.save(step, now=True, **values)
            if step == stop:
                raise Killed

        unfinished.save = save
        with pytest.raises(Killed):
            GeometryRun(**{**TINY, **changes}).train(unfinished)
        resumed = _train(tmp_path / f"killed-{stop}", **changes)
        assert _bytes(resumed) == _bytes(whole)
        assert resumed["history"] == whole["history"]


def test_runs_that_are_compared_go_on_from_one_training_of_stargan(tmp_path):
    alone = Schedule(steps=2, batch=4, critic_steps=1, reading=1, falling=0.0)
    rows = [
        GeometryRun(**{**TINY, "alone": alone, **changes})
        for changes in ({"choices": STARGAN}, {}, {"geometry": "normals"}, {"noise": EXACT},
                        {"choices": Choices(weight=0.3)})
    ]  # fmt: skip
    assert len({row.begun().infra.uid() for row in rows}) == 1
    assert len({row.infra.uid() for row in rows}) == len(rows)
    start = rows[0].begun()
    assert start.begun() is None
    assert start.choices == STARGAN
    begun = start._start()["generator"].state_dict()
    found = rows[1]._start()["generator"].state_dict()
    last = load_weights(rows[1].generator(), start.run()["last"]).state_dict()
    assert all(torch.equal(found[name], values) for name, values in last.items())
    assert not all(torch.equal(found[name], values) for name, values in begun.items())
    result = rows[1].run()  # from the cache's point of view, too
    assert rows[1].cached()
    assert result["provenance"]["seconds"] > 0
    learned, again = rows[1].learned().state_dict(), load_file(result["weights"])
    assert all(torch.equal(learned[name], values) for name, values in again.items())


def test_pretraining_is_shared_by_runs_that_agree_in_it():
    def uid(**changes):
        return GeometryRun(**{**TINY, **changes}).pretrained().infra.uid()

    assert uid() == uid(choices=Choices(weight=0.4, frozen=True, real="prediction"))
    assert uid(choices=Choices(penalty=0.0)) == uid(choices=Choices(penalty_stage="end to end"))
    others = [{"choices": Choices(penalty=0.0)}, {"geometry": "normals"}, {"cleaned": None},
              {"choices": Choices(penalty_sign="punishes entropy")}, {"seed": 1}]  # fmt: skip
    assert len({uid(), *(uid(**changes) for changes in others)}) == 6
    assert GeometryRun(**{**TINY, "choices": STARGAN}).pretrained() is None


@pytest.mark.parametrize("geometry", ["depth", "normals"])
def test_pretraining_learns_the_geometry(tmp_path, geometry):
    """Sixty steps on sixteen pictures: the maps come much nearer to what is true."""
    fields = {"pictures": TINY["pictures"], "geometry": geometry, "sizes": SMALL,
              "weights": TINY["weights"]}  # fmt: skip
    schedule = Schedule(steps=60, batch=8, critic_steps=1, rate=3e-3, critic_rate=1e-3)
    pretrain = PretrainRun(schedule=schedule, **fields)
    found = pretrain.train(Run(tmp_path, every_seconds=1e9))
    names = {"adversarial", "classification", "cycle", "pixel", "perceptual"}
    assert set(found["history"]) == {"step", *names}
    assert found["history"]["pixel"][-1] < 0.6 * found["history"]["pixel"][0]
    assert set(found["parameters"]) == {"translator", "critic"}
    again = pretrain.train(Run(tmp_path / "again", every_seconds=1e9))
    assert _bytes(found) == _bytes(again)
    without = Choices(perceptual=0.0)
    short = PretrainRun(schedule=TINY["pretraining"], choices=without, **fields)
    history = short.train(Run(tmp_path / "short", every_seconds=1e9))["history"]
    assert set(history) == {"step", *names} - {"perceptual"}


def test_pretraining_resumes_bit_for_bit(tmp_path):
    fields = {"pictures": TINY["pictures"], "sizes": SMALL, "schedule": TINY["pretraining"]}
    whole = PretrainRun(**fields).train(Run(tmp_path / "whole", every_seconds=1e9))

    class Killed(Exception):
        pass

    unfinished = Run(tmp_path / "killed", every_seconds=0.0)

    def save(step, **values):
        unfinished.checkpoint.save(step, now=True, **values)
        if step == 1:
            raise Killed

    unfinished.save = save
    with pytest.raises(Killed):
        PretrainRun(**fields).train(unfinished)
    resumed = PretrainRun(**fields).train(Run(tmp_path / "killed", every_seconds=1e9))
    assert _bytes(resumed) == _bytes(whole)


def test_schedules_and_labels():
    schedule = Schedule(steps=1000, batch=1)
    assert sum(schedule.turn(step) for step in range(1000)) == 200
    assert sum(schedule.noted(step) for step in range(1000)) == 100
    assert schedule.share_of_rate(1000) == 0.0
    assert Schedule(steps=9, batch=1, falling=0.0).share_of_rate(8) == 1.0
    assert "StarGAN" in GeometryRun(choices=STARGAN).label()
    assert "normals, w=0.1" in GeometryRun(geometry="normals").label()
    assert "depth alone" in PretrainRun().label()


# ---- the tiers


@pytest.mark.parametrize("tier", experiments.TIERS)
def test_tiers_have_every_row_of_every_table(tier):
    plan = settings(tier)
    runs = plan.everything()
    assert len({one.infra.uid() for one in runs}) == len(runs)
    assert list(plan.table_1()) == [
        "StarGAN", experiments.DEPTH, experiments.NORMALS_PENALTY, experiments.DEPTH_PENALTY
    ]  # fmt: skip
    assert list(plan.others()) == ["GANimation", "GANnotation"]
    pictures = plan.run().pictures
    for one in plan.others().values():
        assert one.difficulty == "common"
        assert (one.pictures, one.size) == (pictures.count, pictures.size)
        assert one in runs
        assert one not in plan.first()
    assert list(plan.table_3()) == ["0", "0.1", "0.2", "0.3", "0.4"]
    assert plan.table_3()["0.1"] == plan.table_1()[experiments.DEPTH]
    assert plan.table_3()["0"] == plan.table_1()["StarGAN"]
    assert plan.ablations()["as in Table 1"] == plan.table_1()[experiments.DEPTH_PENALTY]
    assert set(plan.ablations()) <= set(ABLATED)
    assert {one.pictures.dataset for one in plan.table_2().values()} == {"rafd"}
    first = plan.first()
    assert {one.infra.uid() for one in runs[: len(first)]} == {one.infra.uid() for one in first}
    assert all(one.cost() > 0 for one in runs)
    with torch.device("meta"):
        for one in runs:
            one.critic()  # a size that the layers can halve
    assert {one.seed for one in settings(tier, seeds=(3, 4)).everything()} == {3, 4}
    assert len(replace(plan, seeds=(7,)).runs(plan.table_1)) == 4


def test_every_ablation_differs_from_table_1_in_one_thing():
    plan = settings("gpu")
    listed = plan.ablations()
    assert tuple(listed) == ABLATED
    main = listed["as in Table 1"].model_dump(exclude={"infra", "code"})
    for name, one in listed.items():
        fields = one.model_dump(exclude={"infra", "code"})
        changed = {key for key in fields if fields[key] != main[key]}
        assert bool(changed) == (name != "as in Table 1")
        assert changed <= {"choices", "cleaned", "noise"}


def test_the_paper_tier_is_the_paper():
    assert settings("paper").table_1()[experiments.DEPTH_PENALTY] == GeometryRun()
    assert GeometryRun().choices.weight == 0.1
    with pytest.raises(ValueError, match="unknown tier 'x'"):
        settings("x")
