"""The claims of geometry-guided synthesis: what stands in claims.yaml, and what runs say to it."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from facelab import claims, verdicts
from facelab.papers.geometry import claims as geometry
from facelab.papers.geometry import experiments, tables
from facelab.papers.geometry.data import Questions
from facelab.papers.geometry.rows import Measured

REGISTER = claims.read("geometry")
N = 40  # faces, each of another person
MEASURES = {"FID": "fid", "PSNR": "back_psnr", "SSIM": "back_ssim"}


def _questions() -> Questions:
    none = torch.zeros(8, N)
    return Questions(
        images=none, expression=torch.arange(N) % 8, people=torch.arange(N), truth=none,
        depth=none, landmarks=none, units=none,
    )  # fmt: skip


def as_in_the_paper(*numbers: str) -> Measured:
    """Rows of some tables whose every mean is what the paper prints."""
    hard = np.random.default_rng(0).uniform(-1, 1, N)
    hard -= hard.mean()
    found: dict[str, dict[str, np.ndarray]] = {}
    for (table, row, column), (value, _) in REGISTER.numbers.items():
        if table not in numbers:
            continue
        one = found.setdefault(row, {})
        if column == "accuracy":  # of 1,000 tries each, so that the means are the paper's
            one["rate"] = np.tile(value / 100 + 0.01 * hard, (8, 1))
        elif column == "FID":
            one["fid"] = value * (1 + 0.02 * hard)
        elif column in MEASURES:
            one[MEASURES[column]] = np.tile(value * (1 + 0.02 * hard), (8, 1))
    return Measured(
        found={row: [one] for row, one in found.items()}, questions=_questions(),
        rare="table-2" in numbers,
    )  # fmt: skip


def _judged(**measured: Measured) -> pd.DataFrame:
    return verdicts.judged(REGISTER, geometry.evidence(**measured), tier="laptop").set_index("id")


def test_the_register_covers_the_paper():
    assert len(REGISTER.claims) >= 18
    asked = {cell for claim in REGISTER.claims for cell in claim.cells}
    for table in ("table-1", "table-2"):
        for column in tables.COLUMNS:
            for row in tables.TABLE_2:
                assert (table, row, column) in asked
    assert {row for table, row, _ in asked if table == "table-1"} == set(tables.TABLE_1)
    assert {row for table, row, _ in asked if table == "table-3"} == set(tables.TABLE_3)


def test_no_claim_has_a_number_that_is_not_published():
    statements = " ".join(f"{claim.statement} {claim.note}" for claim in REGISTER.claims)
    assert not re.findall(r"\d+\.\d+ ?%", statements)


def test_runs_like_the_paper_s_reproduce_it():
    frame = _judged(
        affectnet=as_in_the_paper("table-1", "table-3"), rafd=as_in_the_paper("table-2")
    )
    assert frame["verdict"].unique().tolist() == [verdicts.REPRODUCED]
    np.testing.assert_allclose(frame["ours"], frame["paper"], rtol=1e-6)
    assert set(frame["n"]) == {N}


def test_methods_the_other_way_round_reproduce_nothing():
    wild, studio = as_in_the_paper("table-1"), as_in_the_paper("table-2")
    for one in (wild, studio):
        names = ("StarGAN", experiments.DEPTH_PENALTY)
        one.found.update({a: one.found[b] for a, b in zip(names, names[::-1], strict=True)})
    frame = _judged(affectnet=wild, rafd=studio)
    for id in ("depth-penalty-rate", "fid", "psnr", "ssim", "studio-rate", "studio-fid"):
        assert frame.loc[id, "verdict"] == verdicts.NOT_REPRODUCED, id


def test_what_was_not_run_is_not_attempted():
    wild = as_in_the_paper("table-1")
    del wild.found["GANnotation"]
    for one in wild.found["GANimation"]:
        del one["fid"]
    frame = _judged(affectnet=wild)
    missing = frame[frame["verdict"] == verdicts.NOT_ATTEMPTED]
    expected = {"gannotation-rate", "gannotation-fid", "gannotation-psnr", "ganimation-fid",
                "weight", "weight-enough", "studio-rate", "studio-fid", "studio-psnr",
                "studio-ssim"}  # fmt: skip
    assert set(missing.index) == expected
    assert missing["note"].str.startswith("not run: ").all()
    assert geometry.evidence() == {}


def test_evidence_is_of_people_and_seeds():
    wild = as_in_the_paper("table-1")
    wild.found["StarGAN"] *= 3
    found = geometry.evidence(affectnet=wild)
    assert found["table-1", "StarGAN", "accuracy"].shape == (3, N)
    assert found["table-1", "StarGAN", "accuracy"].mean() == pytest.approx(82.1)
    assert set(found) <= set(REGISTER.numbers)
    frame = _judged(affectnet=wild)
    assert frame.loc["fid", "seeds"] == 1  # the first training that both have


@pytest.mark.parametrize("tier", experiments.TIERS)
def test_every_setting_that_differs_from_the_paper_s_has_a_reason(tier):
    frame = verdicts.judged(REGISTER, {}, tier=tier)
    text = geometry.gaps(frame, experiments.settings(tier))
    assert "- `depth-rate`: not run: StarGAN, " in text
    assert "faces rendered (paper: photographs)" in text
    assert ("(paper: 87106)" in text) == (tier != "paper")
    assert "margin" not in text  # all tiers have the paper's


def test_the_protocol_has_every_part_of_a_run():
    plan = experiments.settings("laptop")
    frame = tables.protocol(experiments.settings("paper"), plan)
    assert frame.index.is_unique
    assert frame.loc["steps (StarGAN alone)", "paper, or its code"] == "none"
    assert frame.loc["weight (choice)"].tolist() == ["0.1", "0.1"]
    assert frame.loc["count (RaFD)", "this tier"] == str(plan.run("rafd").pictures.count)
