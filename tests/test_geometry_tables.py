"""Tables of geometry-guided synthesis: rows, means over people, the truth, and who knew it."""

import doctest
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from facelab import published, statistics
from facelab.faces import EMOTIONS
from facelab.gan.gannotation_run import GannotationRun
from facelab.papers.ganimation.run import GanimationRun
from facelab.papers.geometry import beyond, evaluation, experiments, rows, tables
from facelab.papers.geometry.data import Pairs, Questions
from facelab.papers.geometry.rows import NOTHING, TRUTH, Measured
from facelab.papers.geometry.run import GeometryRun

N, P = 6, 4  # faces, people
PEOPLE = [9, 2, 5, 9, 7, 9]


@pytest.fixture
def questions() -> Questions:
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(256, (8, N, 3, 16, 16), dtype=torch.uint8, generator=generator)
    own = torch.arange(N)
    return Questions(
        images=truth[own, torch.arange(N)], expression=own, people=torch.tensor(PEOPLE),
        truth=truth, depth=torch.full((8, N, 16, 16), 60.0), landmarks=torch.rand(8, N, 68, 2),
        units=torch.rand(8, 17, generator=generator),
    )  # fmt: skip


def _found(quality: float, seed: int = 0) -> rows.Found:
    """A training of a quality in [0, 1], faces alike hard for all; expressions matter, too."""
    rng = np.random.default_rng(seed)
    hard = 0.1 * rng.uniform(size=(8, N)) + 0.1 * np.arange(8)[:, None]
    better = quality + hard
    found = {
        "back_psnr": 20 + 10 * better, "back_ssim": better / 2, "psnr": 15 + 10 * better,
        "ssim": better / 2, "error": 5 - better, "perceptual": 1 - better / 2,
        "identity": better / 4, "true_identity": 1 - better / 2, "depth": 2 - better,
        "rate": (better > 0.8).astype(float), "expression": np.zeros((8, N, 8)),
        "fid": 10 - 5 * quality + rng.uniform(size=P),
    }  # fmt: skip
    found["expression"][np.arange(8), :, np.arange(8)] = better
    return found


@pytest.fixture
def measured(questions) -> Measured:
    names = {name: k / 6 for k, name in enumerate(tables.TABLE_1)} | {
        name: k / 6 for k, name in enumerate(tables.TABLE_3)
    }
    found = {NOTHING: [_found(0.0)], TRUTH: [_found(1.0)]}
    found |= {name: [_found(quality, 0), _found(quality, 1)] for name, quality in names.items()}
    found["as in Table 1"] = found[experiments.DEPTH_PENALTY]
    return Measured(found=found, questions=questions, rare=False)


@pytest.mark.parametrize("module", [tables, beyond, rows, statistics])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


# ---- numbers of people


def test_numbers_of_people_are_means_over_their_faces(measured, questions):
    found = tables.per_person(measured, "StarGAN", "back_ssim")
    assert found.shape == (2, P)
    values = measured.found["StarGAN"][1]["back_ssim"]
    means = []
    for person in sorted(set(PEOPLE)):
        faces = [n for n in range(N) if PEOPLE[n] == person]
        means.append(np.mean([np.mean([values[e, n] for e in range(8) if e != n]) for n in faces]))
    np.testing.assert_allclose(found[1], means)
    np.testing.assert_array_equal(
        tables.per_person(measured, "StarGAN", "fid")[0], measured.found["StarGAN"][0]["fid"]
    )


def test_decibels_end_where_pictures_look_the_same(measured):
    measured.found[NOTHING][0]["back_psnr"][:] = np.inf
    assert tables.per_person(measured, NOTHING, "back_psnr").tolist() == [[tables.SAME] * P]
    with pytest.raises(ValueError, match="expected one of nothing done, .*; got 'x'"):
        tables.per_person(measured, "x", "psnr")


def test_rare_expressions_count_in_the_studio_only(measured):
    contempt = EMOTIONS.index("contempt")
    for one in measured.found["StarGAN"]:
        one["rate"] = np.zeros((8, N))
        one["rate"][contempt] = 1.0
    wild = tables.of_column(measured, "StarGAN", tables.COLUMNS["accuracy"])
    studio = tables.of_column(replace(measured, rare=True), "StarGAN", tables.COLUMNS["accuracy"])
    assert wild.max() == 0.0
    np.testing.assert_allclose(studio, 100 / 7)


# ---- the paper's tables


@pytest.mark.parametrize("name", ["table-1", "table-2", "table-3"])
def test_tables_have_the_cells_of_the_paper(measured, name):
    frame = published.read("geometry", name)
    paper = set(zip(frame["row"], frame["column"], strict=True))
    found = getattr(tables, name.replace("-", "_"))(measured)
    assert paper <= set(found)
    units = {column: unit for column, unit in zip(frame["column"], frame["unit"], strict=True)}
    assert {column: tables.UNIT.get(column, "") for column in units} == units
    assert {column for _, column in found} == set(units)
    assert {one.seeds for one in found.values()} == {2}
    assert {one.n for one in found.values()} == {P}
    assert all(one.low <= one.value <= one.high for one in found.values())


def test_gains_are_paired_and_errors_are_what_accuracy_leaves(measured):
    found = tables.table_2(measured)
    for column in tables.COLUMNS:
        levels = [found[name, column].value for name in tables.TABLE_2]
        gain = found[experiments.DEPTH_PENALTY, f"{column} gain"]
        assert gain.value == pytest.approx(levels[1] - levels[0])
    ssim = found[experiments.DEPTH_PENALTY, "SSIM gain"]
    assert ssim.low == pytest.approx(ssim.high)  # the same faces are hard for both
    third = tables.table_3(measured)
    assert third["0.3", "error"].value == pytest.approx(100 - third["0.3", "accuracy"].value)


def test_rows_and_judges_that_are_missing_leave_no_cell(measured):
    del measured.found["GANimation"]
    for one in measured.found["StarGAN"]:
        del one["fid"]
    found = tables.table_1(measured)
    assert "GANimation" not in {row for row, _ in found}
    assert ("StarGAN", "FID") not in found
    assert ("StarGAN", "PSNR") in found
    del measured.found["StarGAN"]
    assert not [column for _, column in tables.table_1(measured) if "gain" in column]
    assert {row for row, _ in tables.ablations(measured)} == {"as in Table 1"}


def test_counts_of_both_data_sets():
    def pairs(*expression):
        maps = {name: torch.zeros(len(expression), 1, 4, 4) for name in ("depth", "normals")}
        return Pairs(
            images=torch.zeros(len(expression), 3, 4, 4), expression=torch.tensor(expression),
            people=torch.zeros(len(expression)), fitted=maps, true=maps, drawn=9,
        )  # fmt: skip

    found = tables.table_4(pairs(0, 0, EMOTIONS.index("sad")), pairs(1))
    assert found["AffectNet-D", "Neutral"] == 2
    assert found["AffectNet-D", "Sadness"] == found["RaFD-D", "Happy"] == 1
    assert found["AffectNet-D", "Total"] == 3
    frame = published.read("geometry", "table-4")
    assert set(found) == set(zip(frame["row"], frame["column"], strict=True))
    assert set(tables.tidy(found)) == {"row", "column", "value", "low", "high"}


# ---- the true answer


def test_methods_stand_between_nothing_and_the_true_answer(measured):
    found = beyond.against_truth(measured)
    assert list(dict.fromkeys(row for row, _ in found)) == [NOTHING, *tables.TABLE_1, TRUTH]
    assert list(dict.fromkeys(column for _, column in found)) == ["accuracy", *beyond.TRUE]
    for heading, column in beyond.TRUE.items():
        levels = [found[row, heading].value for row in (NOTHING, "GANnotation", TRUTH)]
        assert levels == sorted(levels, reverse=column.better == "lower")
    assert set(beyond.UNIT) >= {column for _, column in found}


def test_proxies_order_methods_as_the_truth_or_the_other_way_round(measured):
    found = beyond.ordering_of_methods(measured)
    assert set(found) == {(p, t) for p in beyond.PROXIES for t in beyond.TRUE}
    for (proxy, _), one in found.items():
        assert one.value == pytest.approx(-1.0 if proxy == "identity kept" else 1.0, abs=0.1)
        assert one.low <= one.value <= one.high
        assert (one.n, one.seeds) == (P, 2)
    with pytest.raises(ValueError, match="three methods or more, got StarGAN, GANimation"):
        beyond.ordering_of_methods(measured, ["StarGAN", "GANimation", "x"])


def test_proxies_order_answers_to_the_same_question(measured):
    found = beyond.ordering_of_edits(measured)
    assert {proxy for proxy, _ in found} == set(beyond.EDITS)
    assert found["identity kept", "PSNR"].value == pytest.approx(-1.0)
    assert found["probability of the expression", "depth"].value == pytest.approx(1.0)
    for name in tables.TABLE_1:  # a proxy that is the same for all orders nothing
        for one in measured.found[name]:
            one["back_ssim"] = np.ones((8, N))
    assert beyond.ordering_of_edits(measured)["SSIM, there and back", "error"].value == 0.0


def test_orderings_without_a_judge_leave_its_measures_out(measured):
    for listed in measured.found.values():
        for one in listed:
            for name in ("expression", "rate", "fid", "depth"):
                one.pop(name, None)
    found = beyond.ordering_of_edits(measured) | beyond.ordering_of_methods(measured)
    assert {"accuracy", "FID", "probability of the expression"}.isdisjoint(p for p, _ in found)
    assert "depth" not in {true for _, true in found}


def test_rank_correlation_is_spearmans():
    a, b = np.random.default_rng(0).normal(size=(2, 7, 3))
    found = statistics.rank_correlation(a, b)
    for k in range(3):
        ranks = [values[:, k].argsort().argsort() for values in (a, b)]
        difference = np.square(ranks[0] - ranks[1]).sum()
        assert found[k] == pytest.approx(1 - 6 * difference / (7 * 48))
    assert statistics.rank_correlation(np.ones(3), np.arange(3)) == 0.0
    with pytest.raises(ValueError, match=r"K > 1; got \(3,\) and \(2,\)"):
        statistics.rank_correlation(np.ones(3), np.ones(2))


# ---- rows


class _Units(nn.Module):
    def __init__(self):
        super().__init__()
        self.shade = nn.Parameter(torch.zeros(()))

    def forward(self, images, units):
        return SimpleNamespace(image=images + self.shade + units.mean(1)[:, None, None, None])


class _Maps(_Units):
    def forward(self, images, maps):
        return images + self.shade + maps.mean(dim=(1, 2, 3))[:, None, None, None]


def test_other_methods_are_asked_for_units_and_landmarks_of_the_answers(questions):
    images, wanted = torch.zeros(N, 3, 4, 4), torch.tensor([3, 1, 0, 7, 2, 2])
    with torch.inference_mode():
        asked = rows.by_units(_Units(), questions.units)(images, wanted)[:, 0, 0, 0]
        method = rows.by_landmarks(_Maps(), questions.landmarks, lambda points: points[:, None])
        drawn = method(images, wanted)[:, 0, 0, 0]
    for n in range(N):
        assert asked[n] == pytest.approx(questions.units[wanted[n]].mean().item())
        assert drawn[n] == pytest.approx(questions.landmarks[wanted[n], n].mean().item())
    with pytest.raises(ValueError, match="expected 6 pictures in order, got 2"):
        method(images[:2], wanted[:2])


class _Plan:
    """Two seeds; two groups share a run."""

    seeds = (0, 1)

    def __init__(self, questions):
        self.asked = questions

    def questions(self, dataset):
        return self.asked

    def real_pictures(self, dataset):
        return self.asked.truth.flatten(0, 1), None

    @staticmethod
    def _run(name, seed):
        return SimpleNamespace(infra=SimpleNamespace(uid=lambda: f"{name} {seed}"))

    def first(self, seed):
        return {"a": self._run("a", seed), "b": self._run("b", seed)}

    def second(self, seed):
        return {"also a": self._run("a", seed)}


def test_what_is_measured_of_rows_and_anchors(questions, monkeypatch):
    plan, asked = _Plan(questions), []

    def method(run, questions):
        asked.append(run.infra.uid())
        return evaluation.nothing_done

    monkeypatch.setattr(rows, "method", method)
    judges = {"features": lambda images: images.mean(dim=(2, 3))}
    found = rows.measured(plan, plan.first, plan.second, judges=judges)
    assert asked == ["a 0", "b 0", "a 1", "b 1"]
    assert {name: len(listed) for name, listed in found.found.items()} == {
        NOTHING: 1, TRUTH: 1, "a": 2, "b": 2, "also a": 2
    }  # fmt: skip
    assert found.found["also a"][1] is found.found["a"][1]
    assert found.found[TRUTH][0]["fid"].shape == (P,)
    assert found.found[TRUTH][0]["error"].max() < 1e-4 < found.found["a"][0]["error"].max()
    assert not found.rare
    assert rows.measured(plan, judges={}, dataset="rafd").rare


@pytest.mark.parametrize("kind", [GeometryRun, GanimationRun, GannotationRun])
def test_every_kind_of_run_becomes_a_method(kind, questions, monkeypatch, request):
    run = experiments.settings("smoke")
    run = {**run.table_1(), **run.others()}
    run = next(one for one in run.values() if isinstance(one, kind))
    learned = {
        GeometryRun: "learned",
        GanimationRun: "trained_generator",
        GannotationRun: "network",
    }
    monkeypatch.setattr(kind, learned[kind], lambda self: self.generator())
    images = torch.rand(N, 3, 32, 32)
    with torch.inference_mode():
        made = rows.method(run, questions)(images, torch.arange(N))
    assert made.shape == images.shape
    with pytest.raises(TypeError, match="expected a run of a row, got int"):
        rows.method(3, questions)
