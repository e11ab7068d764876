"""The scoreboard: per paper and tier, what the registers say of its claims, tables and figures.

    rows = scoreboard.board(scoreboard.tiers("laptop"))     # a row a paper and tier
    found = scoreboard.claims(scoreboard.tiers("laptop"))   # a row a claim, all papers

Nothing is computed anew here. The registers are what the notebooks left in the checkout: ledgers
(`results/<tier>/<paper>/claims.csv`), tables (every other CSV there, a line a cell), the records of
figures (`figures/<tier>/<paper>/*.json`), and the seconds in `results/<tier>/runs.csv`. Explained
in notebook `90_scoreboard`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from facelab import FacelabError, paths, plots, published, tables, verdicts
from facelab import ledger as ledgers
from facelab.runs import measured

LEDGER = "claims.csv"
DONE, NOT_RUN = "done", "not run at this tier"
ROOM_ONLY, NOT_BEGUN = "begun, no notebook yet", "not begun"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Paper:
    """One of the book's papers.

    Attributes:
        number: its place in the book; 0 for the world that all of them use.
        room: the name of its folder in `facelab.papers`, and of its results.
        title: short.
        reference: authors, venue and year.
    """

    number: int
    room: str
    title: str
    reference: str

    @property
    def notebook(self) -> str:
        """The name of its notebook, such as `10_laplace`; "" where there is none yet."""
        found = sorted((paths.repo_root() / "notebooks").glob(f"[0-9]*_{self.room}.py"))
        return found[0].stem if found else ""


_BOOK = (
    (0, "faces", "The synthetic world that all of them use", ""),
    (1, "sbr", "Supervision-by-Registration", "Dong et al., CVPR 2018"),
    (2, "ganimation", "GANimation", "Pumarola et al., ECCV 2018"),
    (3, "laplace", "Laplace Landmark Localization", "Robinson et al., ICCV 2019"),
    (4, "fabnet", "FAb-Net", "Wiles et al., BMVC 2018"),
    (5, "openset", "Open-Set Identity Preserving Face Synthesis", "Bao et al., CVPR 2018"),
    (6, "pairedcyclegan", "PairedCycleGAN", "Chang et al., CVPR 2018"),
    (7, "derl", "De-expression Residue Learning", "Yang et al., CVPR 2018"),
    (8, "geometry", "3D Dense Geometry-Guided Expression Synthesis", "Bodur et al., WACV 2021"),
)
PAPERS = tuple(Paper(number=n, room=r, title=t, reference=by) for n, r, t, by in _BOOK)

# Good news is not green and bad news not red: colours that all eyes tell apart, best to none.
COLOURS = {
    verdicts.REPRODUCED: plots.COLOURS["blue"],
    verdicts.OTHER_SIZE: plots.COLOURS["sky"],
    verdicts.NOT_REPRODUCED: plots.COLOURS["vermilion"],
    verdicts.INCONCLUSIVE: "#BBBBBB",
    verdicts.NOT_ATTEMPTED: "#FFFFFF",
}


def tiers(tier: str) -> tuple[str, ...]:
    """The tiers that a board at one tier shows: the committed ones together, smoke by itself."""
    if tier == "smoke":
        return ("smoke",)
    known = (name for name in paths.TIERS if name != "smoke")
    return tuple(n for n in known if n == tier or (paths.repo_root() / "results" / n).is_dir())


def board(shown: Iterable[str]) -> pd.DataFrame:
    """One row a paper and tier; one row in all for a paper that has no results.

    Args:
        shown: tiers.

    Returns:
        Columns `number, paper, title, reference, notebook, tier, status, claims`, one for each
        verdict (how many claims have it), `tables, cells, filled` (those with a value of ours),
        `figures` and `seconds` (nan where not measured). `tier` is "" where there are no results.

    Raises:
        FacelabError: a ledger or a table has other columns than it should.
    """
    lines = []
    for paper in PAPERS:
        found = [_row(paper, tier) for tier in shown]
        done = [line for line in found if line["status"] == DONE]
        lines += done or [{**found[0], "tier": ""}]
    return pd.DataFrame(lines)


def claims(shown: Iterable[str]) -> pd.DataFrame:
    """Every claim of every paper with its verdict: `room`, `title`, then `verdicts.COLUMNS`.

    Raises:
        FacelabError: a ledger has other columns, or a verdict that there is not.
    """
    frames = [
        ledger(paper.room, tier).assign(title=paper.title, room=paper.room)
        for paper in PAPERS
        for tier in shown
    ]
    found = [frame for frame in frames if len(frame)]
    whole = pd.concat(found, ignore_index=True) if found else frames[0]
    return whole[["room", "title", *verdicts.COLUMNS]]


def ledger(paper: str, tier: str) -> pd.DataFrame:
    """The claims of one paper at one tier with their verdicts; no rows where there are none.

    Raises:
        FacelabError: `claims.csv` has other columns, or a verdict that there is not.
    """
    file = _folder("results", tier, paper) / LEDGER
    if not file.is_file():
        return pd.DataFrame(columns=list(verdicts.COLUMNS))
    texts = ("subset", "unit", "excludes", "varies", "note")  # may be empty
    frame = pd.read_csv(file, dtype=dict.fromkeys(texts, str))
    where = file.relative_to(paths.repo_root()).as_posix()
    if tuple(frame.columns) != verdicts.COLUMNS:
        raise FacelabError(
            f"{where}, line 1: expected columns {', '.join(verdicts.COLUMNS)}; got "
            f"{', '.join(frame.columns)}: run `facelab reproduce {paper}`"
        )
    for line, verdict in enumerate(frame["verdict"], start=2):
        if verdict not in verdicts.VERDICTS:
            raise FacelabError(
                f"{where}, line {line}: expected one of {', '.join(verdicts.VERDICTS)}; "
                f"got {verdict!r}"
            )
    return frame.fillna(dict.fromkeys(texts, ""))


def digest(tier: str) -> str:
    """Twelve hex digits over all that the board of a tier shows; the board is fresh if its own."""
    shown = tiers(tier)
    text = board(shown).to_csv(index=False) + claims(shown).to_csv(index=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def tidy(rows: pd.DataFrame, tier: str) -> pd.DataFrame:
    """The board as a table for `labbook.Book.table`, in the columns `tables.COLUMNS`.

    Args:
        rows: from `board`.
        tier: of the book; the tier of each row stands in its name where there are several.
    """
    counts = ["claims", *verdicts.VERDICTS, "cells", "filled", "figures", "time"]
    cells = []
    for name, row in zip(_names(rows), rows.to_dict("records"), strict=True):
        for column in counts:
            value, note = float("nan"), row["status"]
            if row["status"] == DONE:
                value = row["seconds"] / 60 if column == "time" else float(row[column])
                note = "not measured" if pd.isna(value) else ""
                if not row["claims"] and column in counts[: 1 + len(verdicts.VERDICTS)]:
                    value, note = float("nan"), "no claims"
            cell = {"table": "board", "row": name, "column": column, "ours": value, "note": note}
            cells.append({**cell, "unit": "min" if column == "time" else "", "tier": tier})
    return (
        pd.DataFrame(cells)
        .reindex(columns=list(tables.COLUMNS))
        .astype(dict.fromkeys(tables.NUMBERS, float))
    )


def listed(found: pd.DataFrame) -> str:
    """Claims with their verdicts as Markdown, a table a paper and tier.

    Args:
        found: from `claims`.
    """
    parts = []
    for (title, tier), group in found.groupby(["title", "tier"], sort=False):
        lines = [f"**{title}**, {tier} tier: {ledgers.counted(group)}.", ""]
        lines.append("| claim | in | paper | ours | verdict | excludes the paper's value |")
        lines.append("|---|---|---:|---:|---|---|")
        for row in group.itertuples(index=False):
            texts = [said(row), row.unit, ledgers.number(row.paper, row.unit), ledgers.ours(row)]
            lines.append(f"| {' | '.join([*texts, row.verdict, row.excludes])} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def said(row: Any) -> str:
    """A claim's statement with the subset that it is about."""
    text = row.claim.rstrip(".")
    return f"{text} ({row.subset})" if row.subset else text


def verdict_bars(rows: pd.DataFrame) -> Figure:
    """Claims by verdict, a bar a row of the board that has claims.

    Args:
        rows: from `board`; at least one with claims.
    """
    rows = rows[rows["claims"] > 0]
    figure, axes = plt.subplots(figsize=(plots.WIDTH, 0.9 + 0.42 * len(rows)))
    places, left = range(len(rows)), pd.Series(0.0, rows.index)
    for verdict, colour in COLOURS.items():
        style = {"height": 0.62, "color": colour, "edgecolor": "#444444", "lw": 0.6}
        drawn = axes.barh(places, rows[verdict], left=left, label=verdict, **style)
        dark = verdict in (verdicts.REPRODUCED, verdicts.NOT_REPRODUCED)
        texts = [str(count) if count else "" for count in rows[verdict]]
        axes.bar_label(drawn, texts, label_type="center", color="white" if dark else "black")
        left += rows[verdict]
    axes.set_yticks(places, _names(rows))
    axes.set(xlabel="claims", ylim=(len(rows) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def relative(found: pd.DataFrame) -> pd.DataFrame:
    """The claims whose effect is relative and was measured: percentages, and points of them."""
    kind = found["unit"].str.startswith("%") | (found["unit"] == "points")
    return found[kind & found["ours"].notna()]


def effects(found: pd.DataFrame) -> Figure:
    """Relative effects with their intervals, beside the paper's.

    Args:
        found: from `relative`; at least one row.
    """
    figure, axes = plt.subplots(figsize=(plots.WIDTH, 1.1 + 0.38 * len(found)))
    for place, row in enumerate(found.itertuples(index=False)):
        colour = COLOURS[row.verdict]
        axes.plot([row.low, row.high], [place, place], color=colour, lw=2.6)
        axes.plot(row.ours, place, "o", color=colour)
        axes.plot(row.paper, place, "D", mfc="none", mec="black", ms=5.5, mew=1.1)
    names = [textwrap.fill(said(row), 52) for row in found.itertuples(index=False)]
    axes.set_yticks(range(len(found)), names, fontsize=7.5)
    axes.axvline(0, color="black", lw=0.8)
    axes.set_xscale("symlog", linthresh=5, linscale=1.2)
    ticks = [-100, -20, -5, 0, 5, 20, 100]
    axes.set_xticks(ticks, map(str, ticks))
    axes.set(xlabel="effect (%)", ylim=(len(found) - 0.5, -0.5))
    style = {"marker": "o", "lw": 2.6}
    handles = [Line2D([], [], color=c, label=v, **style) for v, c in COLOURS.items()
               if v in set(found["verdict"])]  # fmt: skip
    hollow = {"marker": "D", "mfc": "none", "mec": "black", "ls": "", "ms": 5.5}
    handles.append(Line2D([], [], label="the paper's", **hollow))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _names(rows: pd.DataFrame) -> list[str]:
    """Titles of a board's rows, with their tiers where there are several."""
    several = len(set(rows["tier"]) - {""}) > 1
    pairs = zip(rows["title"], rows["tier"], strict=True)
    return [f"{title}, {tier}" if several and tier else title for title, tier in pairs]


def _row(paper: Paper, tier: str) -> dict[str, object]:
    judged = ledger(paper.room, tier)
    found = [_table(file) for file in _tables(paper.room, tier)]
    figures = len(list(_folder("figures", tier, paper.room).glob("*.json")))
    took = measured(paper.notebook).get(tier) if paper.notebook else None
    status = ROOM_ONLY if (published.PAPERS / paper.room).is_dir() else NOT_BEGUN
    if paper.notebook:
        status = NOT_RUN
    count = judged["verdict"].value_counts()
    return {
        "number": paper.number,
        "paper": paper.room,
        "title": paper.title,
        "reference": paper.reference,
        "notebook": paper.notebook,
        "tier": tier,
        "status": DONE if found or figures or len(judged) else status,
        "claims": len(judged),
        **{verdict: int(count.get(verdict, 0)) for verdict in verdicts.VERDICTS},
        "tables": len(found),
        "cells": sum(map(len, found)),
        "filled": sum(int(frame["ours"].notna().sum()) for frame in found),
        "figures": figures,
        "seconds": float(took["seconds"]) if took else float("nan"),
    }


def _tables(paper: str, tier: str) -> list[Path]:
    files = sorted(_folder("results", tier, paper).glob("*.csv"))
    return [file for file in files if file.name != LEDGER]


def _table(file: Path) -> pd.DataFrame:
    frame = pd.read_csv(file)
    if tuple(frame.columns) != tables.COLUMNS:
        where = file.relative_to(paths.repo_root()).as_posix()
        raise FacelabError(
            f"{where}, line 1: expected columns {', '.join(tables.COLUMNS)}; "
            f"got {', '.join(frame.columns)}"
        )
    return frame


def _folder(kind: str, tier: str, paper: str) -> Path:
    return paths.repo_root() / kind / tier / paper
