"""Claims as data: what is refused, and on which line; the ledger that comes of them."""

import json

import numpy as np
import pandas as pd
import pytest

from facelab import FacelabError, claims, labbook, paths, published, verdicts
from facelab.ledger import basis, ours

PUBLISHED = """table,row,column,value,unit,source,status
t,old,full,4.0,%,p. 1,verified
t,new,full,3.0,%,p. 1,verified
t,slow,full,9.0,%,p. 1,unverified
u,text,full,20,%,p. 2,verified
"""
GOOD = """\
metrics:
  error: {name: NMSE, normaliser: eye distance, unit: "%"}
tolerances:
  effect: {factor: 2, reason: other data}
  none: {margin: 1.5, reason: half the gain}
claims:
  - id: better
    statement: New errs less.
    where: Table t
    metric: error
    subset: full
    evidence: difference
    sides: {lower: [t, new, full], higher: [t, old, full]}
    tolerance: effect
  - id: never-run
    statement: Old is no better than new.
    where: Table t
    metric: error
    evidence: no gain
    sides: {with: [t, old, full], without: [u, text, full]}
    tolerance: none
contradictions:
  - id: fall
    where: Sec. 2
    quote: 20 % better
    text: [u, text, full]
    tables: {of: fall, numbers: [[t, old, full], [t, new, full]]}
    remark: it is 25 %
"""


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "PAPERS", tmp_path / "papers")
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path)
    folder = tmp_path / "papers" / "toy"
    (folder / "published").mkdir(parents=True)
    (folder / "published" / "t.csv").write_text(PUBLISHED)
    (folder / "claims.yaml").write_text(GOOD)
    return folder


def test_a_register_finds_the_paper_s_numbers_by_name(room):
    register = claims.read("toy")
    assert [claim.id for claim in register.claims] == ["better", "never-run"]
    assert verdicts.paper_effect(register, register.claims[0]) == 25.0
    frame = verdicts.contradictions(register)
    assert frame[["text", "tables"]].iloc[0].tolist() == [20.0, 25.0]
    assert frame["midpoint"].iloc[0] == pytest.approx(100 / 3.5)
    with pytest.raises(Exception, match="frozen"):
        register.claims[0].id = "other"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("where: Table t\n", "here: Table t\n", "line 9: claims.0.here: unknown key"),
        ("    where: Table t\n", "", "line 7: claims.0.where: expected this key; it is missing"),
        ("unit: \"%\"", "unit: 7", "line 2: metrics.error.unit: .*valid string; got 7"),
        ("factor: 2,", "factor: 0.5,", "line 4: .*greater than 1; got 0.5"),
        ("difference", "opinion", "line 12: .*'difference', 'no gain'.*; got opinion"),
        ("[t, new, full]", "[t, newest, full]", r"line 13: expected a cell of .*\['t', 'newest'"),
        ("[t, new, full]", "[t, slow, full]", "line 13: expected a number checked"),
        ("[t, new, full]", "[t, new]", "line 13: claims.0.sides.lower"),
        ("lower:", "worse:", "line 13: difference expects sides lower, higher; got worse, higher"),
        ("metric: error", "metric: speed", "line 10: expected one of error; got speed"),
        ("tolerance: effect", "tolerance: none", "line 14: .* a tolerance with a factor; got none"),
        ("tolerance: effect", "tolerance: much", "line 14: expected one of effect, none; got much"),
        ("id: never-run", "id: better", "line 15: expected an id of its own; better stands twice"),
        ("of: fall", "of: value", "line 27: value got 2 numbers"),
        ("    subset: full\n", "    metric: error\n", "line 11: metric stands twice"),
        ("claims:\n", "claims: [\n", "expected YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(room, old, new, message):
    assert old in GOOD
    (room / "claims.yaml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(FacelabError, match=message) as error:
        claims.read("toy")
    assert str(error.value).startswith("toy/claims.yaml, line ")


def test_missing_and_empty_files_are_errors(room):
    (room / "claims.yaml").write_text("# nothing yet\n")
    with pytest.raises(FacelabError, match="line 1: expected metrics, tolerances and claims"):
        claims.read("toy")
    (room / "claims.yaml").unlink()
    with pytest.raises(FacelabError, match="toy has no claims.yaml"):
        claims.read("toy")


def test_a_claim_that_the_paper_s_numbers_do_not_show_is_refused(room):
    text = GOOD.replace("lower", "x").replace("higher", "lower").replace("x:", "higher:")
    (room / "claims.yaml").write_text(text)
    with pytest.raises(FacelabError, match="claim better: expected sides whose published numbers"):
        verdicts.judged(claims.read("toy"), {}, tier="laptop")


def test_a_number_in_two_files_is_refused(room):
    (room / "published" / "again.csv").write_text(PUBLISHED)
    with pytest.raises(FacelabError, match="t, old, full stands in another file"):
        claims.read("toy")


def test_the_ledger_has_every_claim_also_those_not_run(room):
    rng = np.random.default_rng(0)
    faces, scatter = rng.normal(8, 1, (3, 50)), rng.normal(0, 1e-3, (3, 50))
    evidence = {("t", "new", "full"): 0.8 * faces + scatter, ("t", "old", "full"): faces}
    book = labbook.open("toy", "laptop", notebook="10_toy", seeds=(0,), code=["facelab.tables"])
    ledger = book.claims(evidence)
    folder = room.parents[1] / "results" / "laptop" / "toy"
    frame = pd.read_csv(folder / "claims.csv", keep_default_na=False, na_values={"ours": ""})
    assert tuple(frame.columns) == verdicts.COLUMNS
    first, second = frame.iloc[0], frame.iloc[1]
    assert first["verdict"] == "reproduced"
    assert (first["paper"], first["ours"]) == (25.0, pytest.approx(20.0, abs=0.02))
    assert (first["n"], first["seeds"]) == (50, 3)
    assert (first["excludes"], second["excludes"]) == ("yes", "")
    assert first["varies"] == "test faces and trainings"
    assert first["unit"] == "% of old"
    assert first["metric"] == "NMSE, % of the eye distance"
    assert second["verdict"] == "not attempted at this tier"
    assert second["note"] == "not run: text"
    assert (second["n"], second["varies"]) == (0, "")
    text = (folder / "claims.md").read_text()
    assert text == ledger.markdown() + "\n"
    assert "2 claims of the paper: 1 reproduced; 1 not attempted at this tier." in text
    assert "| New errs less. | Table t | % of old | 25.0 | 20.0" in text
    assert "| 50 test faces, 3 trainings | *reproduced* | yes |" in text
    assert (
        "| Sec. 2 | “20 % better”: 20 % | 25 % (28.6 % of the mean of both) | it is 25 % |" in text
    )
    about = json.loads((folder / "claims.json").read_text())
    assert about["contradictions"][0]["tables"] == 25.0
    assert about["provenance"]["notebook"] == "10_toy"
    assert "Smoke tier" not in text
    timed = frame.iloc[[0]].assign(ours=5.0, low=4.0, high=6.0, seeds=0, varies="timing, ±20 %")
    (row,) = timed.itertuples(index=False)
    assert (ours(row), basis(row)) == ("5.0", "timing, ±20 %")  # allowed noise is no interval


def test_a_ledger_of_the_smoke_tier_says_that_it_means_nothing(room):
    book = labbook.open("toy", "smoke", notebook="10_toy", code=["facelab.tables"])
    text = book.claims({})._repr_markdown_()
    assert "Smoke tier" in text
    assert "2 not attempted at this tier" in text


def test_sides_are_compared_over_the_trainings_that_all_have(room):
    old = np.random.default_rng(1).normal(8, 1, (3, 50))
    evidence = {("t", "old", "full"): old, ("t", "new", "full"): 0.5 * old[:1]}
    row = verdicts.judged(claims.read("toy"), evidence, tier="laptop").iloc[0]
    assert row["ours"] == pytest.approx(50.0)
    assert (row["seeds"], row["varies"]) == (1, "test faces")


def test_evidence_that_does_not_pair_is_refused(room):
    evidence = {("t", "new", "full"): np.ones(5), ("t", "old", "full"): np.ones(6)}
    with pytest.raises(FacelabError, match="claim better: paired values"):
        verdicts.judged(claims.read("toy"), evidence, tier="laptop")
    evidence["t", "old", "full"] = 3.0
    with pytest.raises(FacelabError, match="claim better"):
        verdicts.judged(claims.read("toy"), evidence, tier="laptop")
