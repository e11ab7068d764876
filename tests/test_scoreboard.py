"""The scoreboard counts what stands in the registers, and refuses registers that are wrong."""

import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from facelab import FacelabError, paths, published, readme, runs, scoreboard, tables, verdicts

NAN = float("nan")
LEDGER = [  # id, unit, subset, paper, ours, low, high, verdict
    ("better", "% of A", "full", 5.0, 6.0, 4.0, 8.0, verdicts.REPRODUCED),
    ("much-better", "% of A", "", 5.0, 60.0, 40.0, 80.0, verdicts.OTHER_SIZE),
    ("worse", "points", "", 5.0, -6.0, -8.0, -4.0, verdicts.NOT_REPRODUCED),
    ("unclear", "% of A", "", 5.0, 1.0, -8.0, 9.0, verdicts.INCONCLUSIVE),
    ("size", "M", "", 1.87, 1.87, 1.87, 1.87, verdicts.REPRODUCED),
    ("large", "% of A", "", 5.0, NAN, NAN, NAN, verdicts.NOT_ATTEMPTED),
]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path)
    (tmp_path / "notebooks").mkdir()
    for name in ("01_faces", "10_laplace"):
        (tmp_path / "notebooks" / f"{name}.py").touch()
    return tmp_path


def write(root, tier="laptop", rows=LEDGER):
    """A ledger, a table of three cells of which two are ours, two figures, and a time."""
    results, figures = root / "results" / tier / "laplace", root / "figures" / tier / "laplace"
    for folder in (results, figures):
        folder.mkdir(parents=True, exist_ok=True)
    ledger = pd.DataFrame(
        [
            {**dict.fromkeys(verdicts.COLUMNS, ""), "id": id, "claim": f"It is {id}.",
             "unit": unit, "subset": subset, "paper": paper, "ours": ours, "low": low,
             "high": high, "n": 10, "seeds": 1, "verdict": verdict, "tier": tier}
            for id, unit, subset, paper, ours, low, high, verdict in rows
        ]
    )  # fmt: skip
    ledger.to_csv(results / scoreboard.LEDGER, index=False)
    cells = pd.DataFrame({"row": ["a", "b", "c"], "ours": [1.0, NAN, 2.0]})
    cells.reindex(columns=list(tables.COLUMNS)).to_csv(results / "table-2.csv", index=False)
    for id in ("fig-1", "fig-2"):
        (figures / f"{id}.json").write_text(json.dumps({"id": id}))
    (figures / "fig-1.csv").write_text("x\n1\n")
    runs.record(notebook="10_laplace", tier=tier, seconds=90, peak_memory_mb=9, cores=2, cold=True)


def test_every_room_and_world_is_a_paper_of_the_book():
    rooms = {folder.name for folder in published.PAPERS.iterdir() if folder.is_dir()}
    known = {paper.room for paper in scoreboard.PAPERS}
    assert rooms - {"__pycache__"} <= known
    written = {path.stem.partition("_")[2] for path in (paths.repo_root() / "notebooks").iterdir()}
    no_papers = {"judges", "scoreboard", "ipynb_checkpoints", "virtual_documents"}
    assert written - no_papers <= known | {""}
    assert [paper.number for paper in scoreboard.PAPERS] == list(range(9))


def test_each_paper_has_one_row_whatever_there_is(checkout):
    write(checkout)
    rows = scoreboard.board(scoreboard.tiers("laptop")).set_index("paper")
    assert len(rows) == len(scoreboard.PAPERS)
    row = rows.loc["laplace"]
    assert (row["status"], row["tier"], row["notebook"]) == (
        scoreboard.DONE,
        "laptop",
        "10_laplace",
    )
    assert (row["claims"], row["cells"], row["filled"], row["figures"]) == (6, 3, 2, 2)
    assert [row[verdict] for verdict in verdicts.VERDICTS] == [2, 1, 1, 1, 1]
    assert row["seconds"] == 90
    assert rows.loc["faces", "status"] == scoreboard.NOT_RUN
    assert rows.loc["fabnet", "status"] == scoreboard.NOT_BEGUN
    assert rows.loc["fabnet", "tier"] == ""
    assert rows.loc["ganimation", "status"] == scoreboard.ROOM_ONLY


def test_tiers_stand_one_under_the_other_and_smoke_by_itself(checkout):
    write(checkout)
    write(checkout, "gpu", LEDGER[:2])
    write(checkout, "smoke", LEDGER[:1])
    assert scoreboard.tiers("laptop") == ("laptop", "gpu")
    assert scoreboard.tiers("smoke") == ("smoke",)
    rows = scoreboard.board(scoreboard.tiers("laptop"))
    assert rows.loc[rows["paper"] == "laplace", ["tier", "claims"]].values.tolist() == [
        ["laptop", 6],
        ["gpu", 2],
    ]
    assert (rows["paper"] == "fabnet").sum() == 1
    assert len(scoreboard.claims(("laptop", "gpu"))) == 8
    named = set(scoreboard.tidy(rows, "laptop")["row"])
    assert {"Laplace Landmark Localization, gpu", "FAb-Net"} < named


def test_without_results_everything_is_there_and_empty(checkout):
    shown = scoreboard.tiers("smoke")
    rows, found = scoreboard.board(shown), scoreboard.claims(shown)
    assert rows["claims"].sum() == rows["cells"].sum() == len(found) == 0
    assert list(found.columns) == ["room", "title", *verdicts.COLUMNS]
    assert scoreboard.relative(found).empty
    tables.check(scoreboard.tidy(rows, "smoke"), id="board", tier="smoke")
    assert scoreboard.digest("smoke") == scoreboard.digest("smoke")
    assert readme.scoreboard() == readme.NOT_YET


def test_the_board_is_a_table_of_the_lab_book(checkout):
    write(checkout)
    frame = scoreboard.tidy(scoreboard.board(("laptop",)), "laptop")
    tables.check(frame, id="board", tier="laptop")
    cells = frame.set_index(["row", "column"])
    title = "Laplace Landmark Localization"
    assert cells.loc[(title, "time"), "ours"] == 1.5
    assert cells.loc[(title, "filled"), "ours"] == 2
    assert cells.loc[("FAb-Net", "claims"), "note"] == "not begun"


def test_claims_are_listed_with_their_verdicts(checkout):
    write(checkout)
    text = scoreboard.listed(scoreboard.claims(("laptop",)))
    assert text.startswith("**Laplace Landmark Localization**, laptop tier: 2 reproduced; ")
    assert "| It is better (full) | % of A | 5.0 | 6.0 [4.0, 8.0] | reproduced |  |" in text
    assert "| It is large | % of A | 5.0 | – | not attempted at this tier |  |" in text


def test_figures_show_what_there_is(checkout):
    write(checkout)
    bars = scoreboard.verdict_bars(scoreboard.board(("laptop",)))
    (axes,) = bars.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "Laplace Landmark Localization"
    ]
    assert sum(bar.get_width() for bar in axes.patches) == 6
    drawn = scoreboard.relative(scoreboard.claims(("laptop",)))
    assert drawn["id"].tolist() == ["better", "much-better", "worse", "unclear"]
    (axes,) = scoreboard.effects(drawn).axes
    assert len(axes.get_yticklabels()) == 4
    plt.close("all")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="varies"), r"laplace/claims.csv, line 1: expected columns id, "),
        (lambda f: f.assign(verdict="holds"), r"claims.csv, line 2: .*; got 'holds'"),
        (lambda f: f.assign(verdict=NAN), r"claims.csv, line 2: expected one of reproduced"),
    ],
)
def test_wrong_ledgers_are_refused(checkout, change, message):
    write(checkout)
    file = checkout / "results" / "laptop" / "laplace" / scoreboard.LEDGER
    change(pd.read_csv(file)).to_csv(file, index=False)
    with pytest.raises(FacelabError, match=message):
        scoreboard.board(("laptop",))


def test_wrong_tables_are_refused(checkout):
    write(checkout)
    (checkout / "results" / "laptop" / "laplace" / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FacelabError, match=r"laplace/notes.csv, line 1: expected columns table"):
        scoreboard.board(("laptop",))


def test_a_notebook_that_reads_the_registers_is_run_again_when_they_change(checkout):
    def keys():
        given = {"tier": "laptop"}
        codes = ("from facelab import scoreboard", "from facelab import paths")
        return [runs.key(code, [], given) for code in codes]

    write(checkout)
    before = keys()
    own = checkout / "results" / "laptop" / "scoreboard"
    own.mkdir()
    (own / "board.csv").write_text("its own results do not count\n")
    runs.record(
        notebook="90_scoreboard", tier="laptop", seconds=9, peak_memory_mb=9, cores=2, cold=True
    )
    assert keys() == before
    write(checkout, rows=LEDGER[:-1])
    assert [a == b for a, b in zip(before, keys(), strict=True)] == [False, True]


def test_the_readme_shows_each_paper(checkout):
    write(checkout)
    text = readme.scoreboard()
    assert (
        "| 3 | Laplace Landmark Localization (Robinson et al., ICCV 2019) | "
        "[`10_laplace`](notebooks/10_laplace.ipynb) | laptop | 2 reproduced<br>1 same ordering, "
        "other size<br>1 not reproduced<br>1 inconclusive<br>1 not attempted at this tier | "
        "2 of 3 | 2 | 1.5 |"
    ) in text
    assert "| 4 | FAb-Net (Wiles et al., BMVC 2018) |  |  | not begun |" in text
    assert "[`01_faces`](notebooks/01_faces.ipynb) |  | not run at this tier |" in text
