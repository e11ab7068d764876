"""The claims of the Laplace paper: what stands in claims.yaml, and what runs say to it."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from facelab import FacelabError, claims, ledger, verdicts
from facelab.papers.laplace import claims as laplace
from facelab.papers.laplace.experiments import settings
from facelab.papers.laplace.tables import SUBSETS, per_face

REGISTER = claims.read("laplace")
BY_ID = {claim.id: claim for claim in REGISTER.claims}
PLAN = settings("smoke")


def result(common: float, challenge: float | None = None, spread: float = 2.0) -> dict:
    """A result as `LaplaceRun` gives it, whose faces are equally hard for all methods."""
    rng = np.random.default_rng(0)
    errors = {"common": (common, 112), "challenge": (challenge or common, 27)}
    return {
        part: {
            "nme": error * rng.uniform(0.8, 1.2, count),
            "spread": spread * rng.uniform(0.8, 1.2, count),
        }
        for part, (error, count) in errors.items()
    }


def as_in_the_paper() -> dict:
    """Groups of results whose every mean is what the paper prints, and sizes and speeds, too."""
    paper = {cell: value for cell, (value, _) in REGISTER.numbers.items()}
    spread = {"Softargmax+D(70K)": 2.59, "LaplaceKL+D(70K)": 1.02}

    def text(name: str) -> dict:
        """The text prints the full set only: its parts as those of the row of Table 2 beside it."""
        base = "Softargmax" if name.startswith("Softargmax") else "LaplaceKL"
        scale = paper.get(("text", name, "full"), 9.0) / paper["table-2", base, "full"]
        return result(*(scale * paper["table-2", base, subset] for subset in SUBSETS[:2]))

    groups = {
        "table_2": {
            n: [result(*(paper["table-2", n, s] for s in SUBSETS[:2]), spread.get(n, 2.0))]
            for n in PLAN.table_2()
        },
        "text": {n: [text(n)] for n in (*PLAN.text(), "GaussianKL")},
        "aflw": {n: [result(paper["table-2", n, "AFLW"])] for n in PLAN.aflw()},
        "widths": {(n, w): [result(paper["table-3", n, w])] for n, w in PLAN.table_3()},
        "speeds": {},
    }  # fmt: skip
    for name, width in itertools.product(
        ("Parameters", "Storage", "Speed"), ("1", "1/2", "1/4", "1/8", "1/16")
    ):
        groups["speeds"][name, width] = 1e6  # of the detector that users get: not the paper's
        ours = f"{name}, eager" if name == "Speed" else name
        groups["speeds"][ours, width] = paper["table-3", name, width]
    return groups


def test_the_register_covers_the_paper():
    assert len(BY_ID) >= 20
    asked = {cell for claim in REGISTER.claims for cell in claim.cells}
    for subset in (*SUBSETS, "AFLW"):
        assert {("table-2", "LaplaceKL", subset), ("table-2", "Softargmax", subset)} <= asked
    assert len(REGISTER.contradictions) >= 10


def test_the_margin_is_half_of_the_gain_that_the_paper_reports():
    gain = verdicts.paper_effect(REGISTER, BY_ID["unlabelled-full"])
    assert REGISTER.tolerances["no-gain"].margin == pytest.approx(gain / 2, abs=0.01)


def test_no_claim_has_a_number_that_is_not_published():
    text = claims.path("laplace").read_text(encoding="utf-8")
    statements = " ".join(f"{claim.statement} {claim.note}" for claim in REGISTER.claims)
    assert not re.findall(r"\d+\.\d+ ?%", statements)
    assert "value:" not in re.sub(r"sides:.*|of: value", "", text)


def test_runs_like_the_paper_s_reproduce_it():
    frame = verdicts.judged(REGISTER, laplace.evidence(**as_in_the_paper()), tier="laptop")
    frame = frame.set_index("id")
    attempted = frame[frame["verdict"] != verdicts.NOT_ATTEMPTED]
    assert set(frame.index) - set(attempted.index) == {"best-full", "second-aflw"}
    # 21 frames a second are more than 20, but not by the fifth that timings may be off
    assert attempted["verdict"].drop("real-time").unique().tolist() == [verdicts.REPRODUCED]
    assert frame.loc["real-time", "verdict"] == verdicts.INCONCLUSIVE
    np.testing.assert_allclose(attempted["ours"], attempted["paper"], rtol=0.05, atol=0.5)
    assert (attempted["n"] > 0).all()
    assert frame.loc["kl-common", "n"] == 112
    assert frame.loc["kl-full", "varies"] == "test faces"
    assert frame.loc["parameters-full", "varies"] == "nothing: one count"
    assert frame.loc["speed-up", "varies"] == "timing, ±20 % allowed"
    assert "CPM+SBR" in frame.loc["best-full", "note"]


def test_swapped_methods_reproduce_nothing_that_sets_them_apart():
    groups = as_in_the_paper()
    for name in ("table_2", "aflw"):
        rows = groups[name]
        groups[name] = {n: rows[_swapped(n)] for n in rows}
    groups["widths"] = {(n, w): groups["widths"][_swapped(n), w] for n, w in groups["widths"]}
    frame = verdicts.judged(REGISTER, laplace.evidence(**groups), tier="laptop").set_index("id")
    for id in ("kl-full", "kl-aflw", "spread", "kl-eighth", "loss-eighth", "loss-sixteenth"):
        assert frame.loc[id, "verdict"] == verdicts.NOT_REPRODUCED, id


def _swapped(name: str) -> str:
    old, new = ("Softargmax", "LaplaceKL")[:: 1 if name.startswith("Softargmax") else -1]
    return name.replace(old, new)


def test_without_the_small_networks_their_claims_are_not_attempted():
    groups = as_in_the_paper() | {"widths": {}, "speeds": {}}
    frame = verdicts.judged(REGISTER, laplace.evidence(**groups), tier="laptop")
    left_out = frame[frame["verdict"] == verdicts.NOT_ATTEMPTED]
    assert {"loss-eighth", "speed-up", "storage-eighth"} <= set(left_out["id"])
    assert left_out["ours"].isna().all()
    assert left_out["note"].str.startswith("not run: ").all()


@pytest.mark.parametrize("tier", ["smoke", "laptop", "gpu", "paper"])
def test_every_setting_that_differs_from_the_paper_s_has_a_reason(tier):
    groups = as_in_the_paper() | {"widths": {}}
    frame = verdicts.judged(REGISTER, laplace.evidence(**groups), tier=tier)
    text = laplace.gaps(frame, settings(tier))
    assert "- `best-full`: not run: CPM+SBR; needs the other system" in text
    assert "faces rendered (paper: photographs)" in text
    assert ("size 32 (paper: 80)" in text) == (tier in ("smoke", "laptop"))
    assert "margin" not in text  # all tiers have the paper's


def test_a_deviation_without_a_reason_is_refused():
    frame = verdicts.judged(REGISTER, {}, tier="laptop")
    table = pd.DataFrame({"paper": ["80", "16"], "ours": ["32", "16"]}, ["size", "batch"])
    with pytest.raises(FacelabError, match="says why size is 32 and not 80"):
        ledger.gaps(frame, table, [])
    assert "batch" not in ledger.gaps(frame, table, REGISTER.deviations)


def test_evidence_is_per_face_and_by_the_paper_s_names():
    groups = as_in_the_paper()
    found = laplace.evidence(**groups)
    row = groups["table_2"]["LaplaceKL"]
    np.testing.assert_array_equal(found["table-2", "LaplaceKL", "common"], per_face(row, "common"))
    assert found["table-2", "LaplaceKL", "AFLW"].shape == (1, 139)
    assert found["spread", "LaplaceKL+D(70K)", "spread"].shape == (1, 139)
    assert found["table-3", "Speed", "1"] == 4.92  # the eager engine's, as in the paper
    known = set(REGISTER.numbers)
    asked = {cell for claim in REGISTER.claims for cell in claim.cells}
    assert {cell for cell in asked if cell in found} <= known


def test_contradictions_are_not_rounding():
    """Half a digit of each printed number does not explain them."""
    frame = verdicts.contradictions(REGISTER).set_index("id")
    numbers = frame.dropna(subset=["text"])
    numbers = numbers[numbers["text_unit"] == numbers["unit"]]
    assert ((numbers["text"] - numbers["tables"]).abs() > 0.3 * 10.0 ** -_digits(numbers)).all()


def _digits(frame: pd.DataFrame) -> pd.Series:
    return frame["text"].map(lambda value: len(f"{value:g}".partition(".")[2]))


def test_the_text_s_percentages_are_of_the_mean_of_both_numbers():
    """What explains all of the drops, and the gain on the challenge set."""
    frame = verdicts.contradictions(REGISTER)
    changes = frame.dropna(subset=["text", "midpoint"])
    assert len(changes) == 7
    assert ((changes["text"] - changes["midpoint"]).abs() < 0.5).all()
    assert ((changes["text"] - changes["tables"]).abs() > 0.4).all()
