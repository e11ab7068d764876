"""The lab book: tables, figures and claims of a notebook, written with where they come from.

    book = labbook.open("laplace", tier, notebook="10_laplace", seeds=seeds)
    published = book.published("table-2")                 # the paper's numbers, those checked
    frame = book.beside(published, {("LaplaceKL", "full"): bootstrap_mean(nme)})
    book.table("table-2", frame, caption="...", runs=results)
    book.figure("fig-4", figure, alt="...", caption="...", data=curves)
    book.claims(evidence, runs=results)                   # the ledger, see facelab.verdicts

A table is tidy, one row a cell, with the columns `COLUMNS`; it becomes `<id>.csv`, `<id>.md` and
`<id>.json` in `results/<tier>/<paper>/`. A figure becomes `<id>.png`, `<id>.svg`, `<id>.csv` (what
is plotted) and `<id>.json` in `figures/<tier>/<paper>/`. The same numbers give the same bytes, save
for what differs from run to run, which stands in the JSON alone: commit, device, seconds, memory.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.figure import Figure

from facelab import FacelabError, claims, freshness, paths, provenance, published, verdicts
from facelab.drawings import SVG_LIMIT, Drawing, plotted, write_pictures
from facelab.ledger import Ledger, counted
from facelab.runs import measured
from facelab.statistics import Estimate
from facelab.tables import COLUMNS, Layout, Table, check

__all__ = ["COLUMNS", "Book", "Drawing", "Layout", "open", "opening"]

PUBLISHED_ONLY = "published value only"
NOT_CHECKED = "published value not yet checked against the paper"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def open(
    paper: str,
    tier: str,
    *,
    notebook: str = "",
    seeds: Iterable[int] = (),
    parameters: Mapping[str, Any] | None = None,
    code: Iterable[str] = (),
    data: str = "",
) -> Book:
    """Opens the lab book of one paper at one tier.

    Args:
        paper: name of the paper's room, such as "laplace".
        tier: one of `paths.TIERS`.
        notebook: name of the notebook; by default the one called `NN_<paper>.py`.
        seeds: of the experiments.
        parameters: of the notebook; by default those of the running one that it was given.
        code: dotted names that every number depends on, with all that they lead to, besides those
            that the notebook's cells use.
        data: fingerprint of the data (`provenance.digest`, or a data set's own).
    """
    provenance.watch_cells()
    notebook = notebook or _notebook_of(paper)
    source = _source(notebook)
    return Book(
        paper=paper,
        tier=tier,
        notebook=notebook,
        seeds=tuple(seeds),
        parameters=dict(freshness.parameters(source) if parameters is None else parameters),
        origin=freshness.origin(paper, source, code),
        commit=provenance.commit(),
        data=data,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Book:
    """Where a notebook's tables and figures go; made by `open`."""

    paper: str
    tier: str
    notebook: str
    seeds: tuple[int, ...]
    parameters: dict[str, Any]
    origin: freshness.Origin
    commit: str
    data: str

    def published(self, name: str) -> pd.DataFrame:
        """The paper's numbers, from `papers/<paper>/published/<name>.csv`.

        Returns:
            Columns `table, row, column, paper, unit, source, status`. `paper` is nan where nobody
            has checked the number (status "unverified").

        Raises:
            FacelabError: the file is missing, or a line is wrong; the message names it.
        """
        return published.read(self.paper, name)

    def beside(
        self,
        published: pd.DataFrame,
        ours: Mapping[tuple[str, str], Estimate | float],
        *,
        notes: Mapping[Any, str] | None = None,
        unit: str = "",
        seeds: int | None = None,
    ) -> pd.DataFrame:
        """The paper's cells and ours in one tidy frame, ready for `table`.

        Args:
            published: from `published`, cut to one table; may be empty.
            ours: our value by (row, column): an estimate with its interval, or a plain number
                (a count, a speed).
            notes: by (row, column), or by row: what differs from the paper, or why there is none.
            unit: of cells that are not in `published`.
            seeds: of plain numbers that come from trainings.

        Returns:
            First the published cells in their order, then ours that the paper does not have.
        """
        notes = dict(notes or {})
        names = list(published["table"].unique())
        if len(names) > 1:
            raise FacelabError(f"one table at a time; `published` holds {', '.join(names)}")
        lines = []
        for cell in published.itertuples(index=False):
            note = notes.get((cell.row, cell.column), notes.get(cell.row, ""))
            if not note and (cell.row, cell.column) not in ours:
                note = PUBLISHED_ONLY
            if cell.status == "unverified":
                note = f"{note}; {NOT_CHECKED}" if note else NOT_CHECKED
            lines.append((cell.row, cell.column, cell.paper, cell.unit, note))
        have = {(row, column) for row, column, *_ in lines}
        for row, column in ours:
            if (row, column) not in have:
                note = notes.get((row, column), notes.get(row, ""))
                lines.append((row, column, np.nan, unit, note))
        cells = []
        for row, column, paper, cell_unit, note in lines:
            value = ours.get((row, column), np.nan)
            if not isinstance(value, Estimate):
                value = Estimate(value=float(value), low=np.nan, high=np.nan, n=0, seeds=seeds or 0)
            cells.append(
                {
                    "table": names[0] if names else "",
                    "row": row,
                    "column": column,
                    "paper": paper,
                    "ours": value.value,
                    "low": value.low,
                    "high": value.high,
                    "seeds": value.seeds or np.nan,
                    "n": value.n or np.nan,
                    "unit": cell_unit,
                    "tier": self.tier,
                    "note": note,
                }
            )
        return pd.DataFrame(cells, columns=list(COLUMNS))

    def table(
        self,
        id: str,
        frame: pd.DataFrame,
        *,
        caption: str,
        layout: Layout | None = None,
        runs: Sequence[Mapping[str, Any]] = (),
    ) -> Table:
        """Writes a table and returns it for display.

        Args:
            id: file name without suffix, such as "table-2".
            frame: tidy, with exactly the columns `COLUMNS`; see `tables.check`.
            caption: a sentence that states the reading.
            layout: order, decimals, what is better; see `tables.Layout`.
            runs: results of the experiments behind it, for code, seconds and memory.

        Raises:
            FacelabError: the frame is not tidy; the message names the cell.
        """
        _check_texts(id, caption=caption)
        check(frame, id=id, tier=self.tier)
        entry = self._record("results", id, runs)
        table = Table(
            frame=frame.reset_index(drop=True),
            caption=caption,
            layout=layout or Layout(),
            source=provenance.line(entry),
        )
        folder = paths.results_dir(self.tier, self.paper)
        _write(folder / f"{id}.csv", _csv(frame))
        _write(folder / f"{id}.md", table.markdown() + "\n")
        _write_json(folder / f"{id}.json", {"id": id, "caption": caption, "provenance": entry})
        return table

    def figure(
        self,
        id: str,
        fig: Figure,
        *,
        alt: str,
        caption: str,
        data: pd.DataFrame | Mapping[str, Any],
        photo: bool = False,
        runs: Sequence[Mapping[str, Any]] = (),
    ) -> Drawing:
        """Writes a figure with what is plotted, closes it, and returns it for display.

        Args:
            id: file name without suffix, such as "fig-4".
            fig: the figure.
            alt: what is to be seen, for those who do not see it.
            caption: a sentence that states the reading.
            data: what is plotted: a frame, or arrays by name. Arrays that are not all of one length
                go to a long table: name, indices, value.
            photo: it shows real people. The picture then goes to `figures/photos/`, which git
                ignores; the data and the JSON stay with the others.
            runs: results of the experiments behind it.

        Raises:
            FacelabError: alt text, caption or data are missing.
        """
        _check_texts(id, alt=alt, caption=caption)
        values = plotted(data, id)
        folder = paths.figures_dir(self.tier, self.paper)
        pictures = folder
        if photo:
            pictures = folder.parents[1] / "photos" / self.tier / self.paper
            pictures.mkdir(parents=True, exist_ok=True)
        files = write_pictures(fig, pictures, id)
        plt.close(fig)
        _write(folder / f"{id}.csv", _csv(values))
        entry = self._record("figures", id, runs)
        about = {
            "id": id,
            "alt": alt,
            "caption": caption,
            "files": files,
            "photo": photo,
            "svg": "written" if len(files) == 2 else f"left out: over {SVG_LIMIT} bytes",
            "provenance": entry,
        }
        _write_json(folder / f"{id}.json", about)
        png = pictures / files[0]
        return Drawing(png=png, alt=alt, caption=caption, source=provenance.line(entry))

    def claims(
        self, evidence: verdicts.Evidence, *, runs: Sequence[Mapping[str, Any]] = ()
    ) -> Ledger:
        """Judges the paper's claims, writes the ledger and returns it for display.

        It becomes `claims.csv` (a row a claim, in the columns `verdicts.COLUMNS`), `claims.md` and
        `claims.json`, with the contradictions in the paper in the last two.

        Args:
            evidence: ours under the names of the published cells; see `verdicts.judged`. Claims
                about what is not in it are "not attempted at this tier".
            runs: results of the experiments behind it.

        Raises:
            FacelabError: `claims.yaml` is missing or wrong, or evidence does not fit a claim.
        """
        register = claims.read(self.paper)
        frame = verdicts.judged(register, evidence, tier=self.tier)
        found = verdicts.contradictions(register)
        entry = self._record("results", "claims", runs)
        ledger = Ledger(frame=frame, contradictions=found, source=provenance.line(entry))
        about = {
            "id": "claims",
            "caption": f"{len(frame)} claims of the paper: {counted(frame)}.",
            "contradictions": json.loads(found.to_json(orient="records", double_precision=6)),
            "provenance": entry,
        }
        folder = paths.results_dir(self.tier, self.paper)
        _write(folder / "claims.csv", _csv(frame))
        _write(folder / "claims.md", ledger.markdown() + "\n")
        _write_json(folder / "claims.json", about)
        return ledger

    def _record(self, place: str, id: str, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The provenance of one artefact, with what its experiments took.

        Args:
            place: "results" or "figures".
            id: of the artefact.
            results: of the experiments.
        """
        facts = [result["provenance"] for result in results]
        trained = sum(fact["seconds"] for fact in facts)
        self.origin.note(self.tier, place, id)
        entry = provenance.record(
            notebook=self.notebook,
            tier=self.tier,
            seeds=self.seeds,
            parameters=self.parameters,
            origin=self.origin.entry(self.tier, place, id),
            data=self.data,
            commit=self.commit,
            seconds=trained + provenance.seconds_in_cell(),
        )
        if facts:
            entry["runs"] = {
                "count": len(facts),
                "code": sorted({fact["code"] for fact in facts}),
                "device": sorted({fact["device"] for fact in facts}),
                "threads": sorted({fact["threads"] for fact in facts}),
                "peak_memory_mb": round(max(fact["peak_memory_mb"] for fact in facts)),
            }
        return entry


def opening(notebook: Mapping[str, Any]) -> Markdown:
    """The opening of a notebook, from its metadata and from what its runs took.

    Args:
        notebook: `name` ("10_laplace"), `title`, `paper` (the reference), `objectives` and
            `prerequisites` (lists), `data` and `licence` (sentences).

    Raises:
        FacelabError: a key is missing or unknown.
    """
    keys = {"name", "title", "paper", "objectives", "prerequisites", "data", "licence"}
    if set(notebook) != keys:
        missing, extra = sorted(keys - set(notebook)), sorted(set(notebook) - keys)
        raise FacelabError(
            f"opening(): missing {missing or 'nothing'}, unknown {extra or 'nothing'}"
        )
    parts = [f"# {notebook['title']}", notebook["paper"], "**You will be able to**"]
    parts.append("\n".join(f"- {text}" for text in notebook["objectives"]))
    parts.append("**Before you start**")
    parts.append("\n".join(f"- {text}" for text in notebook["prerequisites"]))
    taken = measured(notebook["name"])
    lines = ["| tier | minutes | memory | measured |", "|---|---:|---:|---|"]
    for tier in paths.TIERS:
        if tier in taken:
            row = taken[tier]
            minutes = f"{float(row['seconds']) / 60:.1f}"
            memory = f"{float(row['peak_memory_mb']) / 1000:.1f} GB"
            start = "from empty caches" if row["start"] == "cold" else "with filled caches"
            lines.append(f"| {tier} | {minutes} | {memory} | {row['cores']} cores, {start} |")
        else:
            lines.append(f"| {tier} | – | – | not yet |")
    parts.append("\n".join(lines))
    parts.append(f"**Data.** {notebook['data']}")
    parts.append(f"**Licence.** {notebook['licence']}")
    return Markdown("\n\n".join(parts))


def _notebook_of(paper: str) -> str:
    found = sorted((paths.repo_root() / "notebooks").glob(f"[0-9]*_{paper}.py"))
    return found[0].stem if found else ""


def _source(notebook: str) -> Path | None:
    file = paths.repo_root() / "notebooks" / f"{notebook}.py"
    return file if file.is_file() else None


def _check_texts(id: str, **texts: str) -> None:
    if not _ID.fullmatch(id):
        raise FacelabError(f"id {id!r}: expected small letters, digits and hyphens, as 'table-2'")
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise FacelabError(f"{id}: {name} is empty; say in a sentence what is to be seen")


def _csv(frame: pd.DataFrame) -> str:
    """Nine digits: enough for any reading, few enough that rounding noise seldom shows."""
    return frame.to_csv(index=False, float_format="%.9g", lineterminator="\n")


def _write(path: Path, text: str) -> None:
    with paths.atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    _write(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
