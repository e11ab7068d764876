"""GANimation's notebook: measures, tables, limits, edits of photographs, drawings."""

import doctest
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from facelab import faces, plots
from facelab.data.records import Record
from facelab.faces import EMOTIONS, UNITS
from facelab.papers.ganimation import (
    baselines,
    claims,
    data,
    experiments,
    figures,
    inference,
    limits,
    losses,
    proxies,
    tables,
    wild,
)
from facelab.papers.ganimation.model import Generator
from facelab.statistics import Estimate

AU12, HAPPY, SAD = UNITS.index("AU12"), EMOTIONS.index("happy"), EMOTIONS.index("sad")
E, N = 4, 3  # edits, faces


@pytest.fixture
def edits():
    units = torch.zeros(E, 17)
    units[1:, AU12] = torch.tensor([0.5, 1.0, 0.8])
    return SimpleNamespace(
        names=("AU12", "AU12", "AU12", "happy"),
        intensities=torch.tensor([0.0, 0.5, 1.0, 1.0]),
        units=units,
        rows=lambda name: {"AU12": [0, 1, 2], "happy": [3]}.get(name, []),
    )


@pytest.fixture
def found(edits):
    """The judge reads true edits rightly and ours half as strong; it sees two of three smiles."""
    true_units = np.repeat(edits.units.numpy()[:, None], N, axis=1)
    logs, true_logs = np.zeros((E, N, 8)), np.zeros((E, N, 8))
    logs[..., HAPPY] = true_logs[3, :, HAPPY] = true_logs[:3, :, 0] = 5.0
    logs[3, 0, SAD] = 9.0
    likeness = np.full((E, N), 0.5)
    likeness[0], likeness[1, 0] = np.nan, np.nan
    flat = {
        name: np.full((E, N), value)
        for name, value in (
            ("identity", 0.9), ("true_identity", 0.8), ("error", 1.0), ("attention", 0.7),
            ("copied", 0.25), ("redrawn", 0.0), ("outside", 0.1), ("upper", 1.0), ("lower", 2.0),
            ("face", 1.5), ("background", 0.0),
        )
    }  # fmt: skip
    return {
        **flat,
        "units": 0.5 * true_units,
        "true_units": true_units,
        "expression": logs,
        "true_expression": true_logs,
        "error_copied": np.full((E, N), 2.0),
        "likeness": likeness,
        "psnr": np.full((E, N), 25.0),
        "psnr_copied": np.full((E, N), np.inf),
        "input_units": np.zeros((N, 17)),
        "input_expression": true_logs[0],
        "psnr_same": np.array([30.0, 40.0, np.inf]),
    }


def test_docstring_examples_run():
    assert doctest.testmod(tables).failed == doctest.testmod(proxies).failed == 0


def test_measures_of_edit_input_and_truth(found, edits):
    values = tables.measures([found, found], edits)
    assert values["psnr", "edit"].max() == 25.0
    assert values["psnr", "input"].max() == tables.SAME
    assert all(table.shape == (2, E, N) for table in values.values())
    full = 100 / 17
    for of, expected in (("edit", 0.5 * full), ("input", full), ("truth", 0.0)):
        np.testing.assert_allclose(values["units", of][:, 2], expected, atol=1e-5)
    np.testing.assert_allclose(values["own unit", "edit"][0, :3, 0], [0, 25, 50])
    assert np.isnan(values["own unit", "edit"][0, 3]).all()
    assert values["emotion", "edit"][0, 3].tolist() == [0, 100, 100]
    assert values["emotion", "truth"][0, 3].tolist() == [100, 100, 100]
    assert values["emotion", "input"][0, 3].tolist() == [0, 0, 0]
    assert np.isnan(values["emotion", "edit"][0, :3]).all()
    assert (values["logarithm", "edit"][0, 3] < 0).all()
    assert values["identity", "input"].min() == 1.0
    assert values["error", "truth"].max() == 0.0
    assert values["kept", "edit"].max() == 25.0


def test_cells_average_over_edits_and_leave_out_what_says_nothing(found, edits):
    values = tables.measures([found], edits)
    rows = tables.full(edits)
    assert rows == {"AU12": [2], "happy": [3], "nine units": [2], "emotions": [3]}
    columns = {"likeness": ("likeness", "edit"), "seen": ("emotion", "edit")}
    cells = tables.cells(values, {**rows, "half": [1]}, columns)
    assert ("AU12", "seen") not in cells
    assert cells["happy", "seen"].value == pytest.approx(200 / 3)
    assert cells["half", "likeness"].n == N - 1  # one face shows no true change
    assert tables.per_face(values["likeness", "edit"], [0]).size == 0
    np.testing.assert_allclose(tables.per_face(values["error", "edit"], [1, 2]), 1.0)


def test_methods_stand_between_doing_nothing_and_the_truth(found, edits):
    values = tables.measures([found], edits)
    cells = tables.compared({"ours": values}, edits)
    rows = ["nothing done", "ours", "the true picture"]
    assert list(dict.fromkeys(row for row, _ in cells)) == rows
    assert {column for _, column in cells} == set(tables.COMPARED.values())
    errors = [cells[row, "unit error"].value for row in rows]
    assert errors == sorted(errors, reverse=True)
    assert [cells[row, "likeness"].value for row in rows] == [0.0, 0.5, 1.0]
    ends = tables.compared({"": values}, edits, of=("input", "truth"))
    assert {row for row, _ in ends} == {rows[0], rows[2]}


def test_what_is_as_good_as_the_same_counts_as_the_same(found):
    assert tables.same_units([found]).value == pytest.approx((30 + 40 + tables.SAME) / 3)


def test_a_proxy_orders_edits_as_the_truth_or_not():
    truth = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, np.nan]])
    proxy = np.array([[10.0, 3.0, 1.0], [20.0, 2.0, 2.0], [30.0, 1.0, 3.0]])
    ranks = proxies.orders(proxy, truth)
    np.testing.assert_allclose(ranks[:2], [1.0, -1.0])
    assert np.isnan(ranks[2])  # two are too few
    assert np.isnan(proxies.orders(np.ones((3, 1)), truth[:, :1])[0])


def test_ordering_takes_edits_at_full_intensity(found, edits, monkeypatch):
    monkeypatch.setattr(proxies, "both", lambda edits: [1, 2, 3])
    found["likeness"] = np.array([[0.0] * N, [0.1] * N, [0.2] * N, [0.3] * N])
    found["identity"] = 1.0 - found["likeness"]
    cells = proxies.ordering(tables.measures([found], edits), edits)
    assert cells["identity similarity", "likeness"].value == pytest.approx(-1.0)
    assert ("mean attention", "likeness") not in cells  # it does not vary
    assert ("probability of the emotion", "likeness") not in cells  # a single emotion


def test_doses_saturation_and_strangers(found, edits):
    frame = tables.doses(tables.measures([found], edits), edits)
    assert frame.columns.tolist() == ["unit", "asked", "of", "value", "low", "high"]
    ours = frame[frame["of"] == "edit"]
    np.testing.assert_allclose(ours["value"], ours["asked"] / 2)
    cells = tables.saturation({"one": found}, edits)
    assert cells["one", "attention"].value == pytest.approx(0.7)
    assert ("one", "own units") in cells
    source = SimpleNamespace(images=torch.zeros(3, 3, 4, 4, dtype=torch.uint8))
    people = torch.eye(3)
    people[2] = people[1]
    apart = tables.strangers(lambda _: people, SimpleNamespace(source=source))
    np.testing.assert_allclose(apart, [1.0, 0.5, 0.5])


@pytest.mark.parametrize("tier", experiments.TIERS)
def test_every_setting_that_differs_has_a_reason(tier):
    frame = pd.DataFrame({"verdict": ["reproduced"], "note": [""], "id": ["a"]})
    text = claims.gaps(frame, experiments.settings(tier))
    assert "every claim was" in text
    assert ("(paper: 200000)" in text) == (tier != "paper")


def test_weights_stand_side_by_side():
    frame = tables.weights({"paper": losses.PAPER, "code": losses.CODE})
    assert frame.loc["units"].tolist() == ["4000", "160"]
    assert frame.loc["attention_norm"].tolist() == ["euclidean", "mean"]


# ---- the other methods of Fig. 6


@pytest.fixture
def asked():
    """A smile and sadness of three faces: true answers are 0.2 and 0.4 brighter."""
    grey = torch.full((N, 3, 16, 16), 51, dtype=torch.uint8)
    whole = torch.ones(N, 16, 16, dtype=torch.bool)
    return data.Edits(
        source=data.Labelled(images=grey, units=torch.zeros(N, 17)),
        names=("AU12", "happy", "sad"),
        intensities=torch.ones(3),
        units=torch.eye(17)[:3],
        truth=torch.stack([grey, grey + 51, grey + 102]),
        face=whole, upper=whole, lower=~whole,
    )  # fmt: skip


JUDGES = {
    "units": lambda images: images.mean((2, 3))[:, :1].expand(-1, 17),
    "expression": lambda images: torch.eye(8)[(5 * images.mean((1, 2, 3)) - 1).round().long()],
    "identity": lambda images: torch.nn.functional.normalize(images.flatten(1), dim=1),
}


def _shade(value: float) -> torch.Tensor:
    return torch.full((N, 3, 16, 16), value)


def test_methods_are_compared_on_the_emotions_that_they_know(asked):
    perfect = {"happy": _shade(0.4), "sad": _shade(0.6)}
    methods = {"one": {"happy": _shade(0.3)}, "all": perfect}
    cells = baselines.compared(methods, asked, ("happy", "sad"), **JUDGES)
    rows = list(dict.fromkeys(row for row, _ in cells))
    assert rows == ["nothing done", "all", "the true picture"]
    assert cells["all", "PSNR"].value == tables.SAME
    assert cells["all", "error"].value == pytest.approx(0.0, abs=1e-4)
    assert cells["all", "likeness"].value == pytest.approx(1.0, abs=1e-5)
    assert cells["all", "emotion seen"].value == 100.0
    expected = 0.5 * (-20 * np.log10(0.2) - 20 * np.log10(0.4))
    assert cells["nothing done", "PSNR"].value == pytest.approx(expected, abs=1e-4)
    assert cells["nothing done", "emotion seen"].value == 0.0
    assert ("the true picture", "PSNR") not in cells
    one = baselines.compared(methods, asked, ("happy",), **JUDGES)
    assert one["one", "error"].value == pytest.approx(10.0, abs=1e-4)
    assert one["one", "PSNR"].value == pytest.approx(20.0, abs=1e-4)


def test_fig_6_has_a_row_a_method_and_says_what_is_not_trained(asked):
    methods = {"one": {"happy": _shade(0.3)}}
    pictures, rows = baselines.lines(methods, asked, ("happy", "sad"), faces=(0, 2))
    assert rows == ["one", "true"] * 2
    gap, shown, missing = pictures[0]
    assert (gap, missing) == (None, baselines.UNKNOWN)
    assert torch.equal(shown, methods["one"]["happy"][0])
    assert torch.equal(pictures[3][0], asked.source.images[2])
    assert torch.equal(pictures[3][2], asked.truth[2, 2])


def test_pictures_of_a_methods_trainings_are_found_by_emotion(monkeypatch):
    runs = experiments.settings("smoke").baselines()["CycleGAN"]
    for cls in {type(run) for run in runs}:
        monkeypatch.setattr(cls, "network", lambda run: None)
        monkeypatch.setattr(cls, "edits", lambda run: SimpleNamespace(names=(run.emotion,)))
        monkeypatch.setattr(
            cls, "edited", lambda run, network, faces: SimpleNamespace(images=_shade(0.5)[None])
        )
    found = baselines.edited([*runs, runs[0].model_copy(update={"emotion": "sad"})])
    assert list(found) == ["happy", "sad"]
    assert found["sad"].shape == (N, 3, 16, 16)


def test_settings_say_which_other_methods_there_are():
    paper = experiments.settings("paper")
    line = tables.protocol(paper, experiments.settings("laptop")).loc["other methods"]
    assert line.tolist() == ["DIAT, CycleGAN, IcGAN, StarGAN", "CycleGAN (happy), IcGAN, StarGAN"]
    assert tables.protocol(paper, paper).loc["other methods"].iloc[1] == "CycleGAN, IcGAN, StarGAN"


# ---- edits


@pytest.fixture
def copying():
    torch.manual_seed(0)
    generator = Generator(units=17, width=4, blocks=0, kept=0.999999)
    with torch.no_grad():
        generator.attention.weight.zero_()
    return generator.eval()


def test_edits_of_pictures_in_the_librarys_range(copying):
    images = torch.randint(256, (70, 3, 16, 16), dtype=torch.uint8)
    found = inference.edit(copying, images, torch.zeros(17))
    torch.testing.assert_close(found.image, images / 255, atol=1e-4, rtol=0)
    assert found.attention.shape == (70, 1, 16, 16)
    assert 0 <= found.colour.min() <= found.colour.max() <= 1
    many = inference.edit(copying, images[:1] / 255, torch.rand(5, 17))
    torch.testing.assert_close(many.image[4], images[0] / 255, atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="units of 3 pictures, got 2"):
        inference.edit(copying, images[:3], torch.zeros(2, 17))


def test_units_come_in_from_the_border():
    before, after = inference.reach_of_units(torch.rand(1, 3, 32, 32))
    assert before.shape == after.shape == (1, 32, 32)
    inside = slice(8, -8)
    assert before[0, inside, inside].mean() > 0.9 * before.mean()
    assert after[0, inside, inside].mean() < 0.8 * after.mean()


def test_limits_have_true_answers(copying):
    kinds = limits.pairs(2, size=32, margin=1.15, difficulty="studio")
    assert list(kinds) == ["as in training", "extreme", *limits.COVERS, *limits.STYLES]
    for given, truth in kinds.values():
        assert given.shape == truth.shape == (2, 3, 32, 32)
        assert 0 <= given.min() <= given.max() <= 1
        assert (given - truth).abs().max() > 0.05
    plain = kinds["as in training"]
    assert torch.equal(kinds["extreme"][1], plain[1])
    assert torch.equal(kinds["blue"][0].flip(1), plain[0])
    perfect = limits.measured(*kinds["mask"], kinds["mask"][1])
    np.testing.assert_allclose(perfect["likeness"], 1.0, atol=1e-5)
    assert perfect["error"].max() == 0.0
    smile = torch.from_numpy(faces.units(faces.expression_of("happy")[None]))[0]
    answers = {name: inference.edit(copying, some, smile) for name, (some, _) in kinds.items()}
    cells = limits.cells(kinds, answers)
    assert cells["mask", "attention"].value == pytest.approx(1.0, abs=1e-4)
    assert cells["blue", "error"].value == pytest.approx(
        cells["blue", "error, input"].value, abs=0.01
    )


class _Photo(Record):
    def load(self):
        shade = 60 * (1 + (self.expression == "happy"))
        return np.full((60, 50, 3), shade, np.uint8)


def _record(person, expression, known=True):
    box = np.array([10, 10, 40, 45] if known else [np.nan] * 4, np.float32)
    return _Photo(
        path=None, landmarks=np.full((68, 2), np.nan, np.float32), visible=np.zeros(68, bool),
        box=box, identity=person, expression=expression,
    )  # fmt: skip


def test_photographs_and_their_edits(copying):
    records = [_record("1", "neutral"), _record("2", "neutral"), _record("3", "neutral")]
    lines = wild.portraits(copying, records[:2], torch.zeros(4, 17), size=16, margin=1.15)
    assert [len(line) for line in lines] == [5, 5]
    np.testing.assert_allclose(lines[0][4].astype(int), lines[0][0], atol=1)
    smiling = [_record("1", "happy"), _record("3", "happy", known=False)]
    readers = {
        "units": lambda images: images.mean((2, 3))[:, :1].expand(-1, 17),
        "expression": lambda images: torch.zeros(len(images), 8),
        "identity": lambda images: images.mean((2, 3)),
    }
    crop = {"size": 16, "margin": 1.15}
    cells = wild.smiles(copying, records, smiling, readers, torch.zeros(17), **crop)
    assert cells["neutral photograph", "AU12"].value == pytest.approx(6000 / 255, abs=0.1)
    assert cells["its edit", "AU12"].value == pytest.approx(6000 / 255, abs=0.1)
    assert cells["smiling photograph", "AU12"].value == pytest.approx(12000 / 255, abs=0.1)
    assert cells["its edit", "happy"].value == pytest.approx(12.5)
    assert cells["its edit", "identity"].n == 1
    with pytest.raises(ValueError, match="got nobody"):
        wild.smiles(copying, records[1:], smiling, readers, torch.zeros(17), **crop)


# ---- drawings


def test_doses_have_a_panel_for_each_unit():
    plots.use()
    line = {"unit": "AU1", "of": "edit", "value": 40.0, "low": 30.0, "high": 50.0}
    frame = pd.DataFrame([line | {"asked": 0.0}, line | {"asked": 100.0, "of": "truth"}])
    assert figures.doses(frame).axes[0].get_title() == "AU1"
    plt.close("all")


def test_cells_become_lines_for_a_figure():
    estimate = Estimate(value=2.0, low=1.0, high=4.0, n=3, seeds=1)
    assert set(tables.tidy({("a", "x"): estimate})) == {"row", "column", "value", "low", "high"}
