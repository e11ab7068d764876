"""A tidy table of results, checked, and rendered with the paper's columns and ours side by side."""

from __future__ import annotations

import dataclasses
import functools
import html
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from facelab import FacelabError

COLUMNS = (
    "table",
    "row",
    "column",
    "paper",
    "ours",
    "low",
    "high",
    "seeds",
    "n",
    "unit",
    "tier",
    "note",
)
TEXTS = ("table", "row", "column", "unit", "tier", "note")
NUMBERS = ("paper", "ours", "low", "high", "seeds", "n")
DASH = "–"
SMOKE = "Smoke tier: this only shows that everything runs; the numbers mean nothing."

Better = Literal["lower", "higher"] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """How a table is rendered.

    Attributes:
        rows, columns: their order; by default that of the frame. What is not named is left out.
        better: which values are best, set in bold: "lower", "higher" or None; or by unit, such as
            `{"%": "lower", "frames/s": "higher"}`. Of values with intervals the best is bold only
            where no other lies within its interval.
        decimals: digits after the point; or by unit.
        headers: other headings, by column.
        corner: the heading of the first column.
    """

    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    better: Better | Mapping[str, Better] = "lower"
    decimals: int | Mapping[str, int] = 2
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    corner: str = "method"

    def direction(self, unit: str) -> Better:
        return self.better.get(unit) if isinstance(self.better, Mapping) else self.better

    def digits(self, unit: str) -> int:
        return self.decimals.get(unit, 2) if isinstance(self.decimals, Mapping) else self.decimals


def check(frame: pd.DataFrame, *, id: str, tier: str) -> None:
    """Refuses a frame that is not a tidy table of one paper's table at one tier.

    Columns: `table` the paper's name of it, `row` and `column` the cell, `paper` its value, `ours`
    with the interval `low` to `high`, `seeds` and `n` (trainings, test samples), `unit`, `tier`,
    and `note`: what differs from the paper, or why there is no value of ours. Several notes of one
    cell are separated by "; ".

    Raises:
        FacelabError: naming the cell.
    """
    if set(frame.columns) != set(COLUMNS) or len(frame.columns) != len(COLUMNS):
        missing = [name for name in COLUMNS if name not in frame.columns]
        extra = [str(name) for name in frame.columns if name not in COLUMNS]
        raise FacelabError(
            f"{id}: columns missing: {missing or 'none'}; unknown: {extra or 'none'}"
        )
    if frame.empty:
        raise FacelabError(f"{id}: the table has no rows")
    for name in TEXTS:
        if not frame[name].map(lambda value: isinstance(value, str)).all():
            raise FacelabError(f"{id}: column {name} holds something that is no text")
    for name in NUMBERS:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise FacelabError(f"{id}: column {name} holds something that is no number")
    if frame["table"].nunique() != 1:
        raise FacelabError(f"{id}: one table at a time; got {sorted(frame['table'].unique())}")
    for cell in frame.itertuples(index=False):
        problem = _problem(cell, tier)
        if problem:
            raise FacelabError(f"{id}, row {cell.row!r}, column {cell.column!r}: {problem}")
    twice = frame[frame.duplicated(["row", "column"])]
    if len(twice):
        cell = twice.iloc[0]
        raise FacelabError(f"{id}, row {cell['row']!r}, column {cell['column']!r}: stands twice")


def _problem(cell: Any, tier: str) -> str | None:
    if not cell.row or not cell.column:
        return "row and column need names"
    if cell.tier != tier:
        return f"tier {cell.tier!r} in the book of tier {tier!r}"
    if np.isnan(cell.ours):
        return None if cell.note.strip() else "no value of ours and no note that says why"
    if np.isinf(cell.ours):
        return "our value is infinite"
    if np.isnan(cell.low) != np.isnan(cell.high):
        return "an interval has two ends"
    if cell.low > cell.ours or cell.high < cell.ours:
        return f"{cell.ours:g} lies outside its interval [{cell.low:g}, {cell.high:g}]"
    return None


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Table:
    """A checked frame with its caption and source; renders itself in notebooks.

    Attributes:
        frame: tidy.
        caption: the reading.
        layout: the rendering.
        source: the line of provenance.
    """

    frame: pd.DataFrame
    caption: str
    layout: Layout
    source: str

    def markdown(self) -> str:
        """The table in GitHub's Markdown: sub-columns "paper" and "ours", notes, provenance."""
        heads = [self.layout.corner]
        for column in self._columns:
            name = _escape(self._header(column))
            heads += [f"{name}<br>{kind}" for kind in self._kinds[column]]
        lines = [f"**{self.caption}**", "", "| " + " | ".join(heads) + " |"]
        lines.append("|---|" + "---:|" * (len(heads) - 1))
        for row, cells in self._lines:
            texts = [_escape(row), *(f"**{text}**" if best else text for text, best in cells)]
            lines.append("| " + " | ".join(texts) + " |")
        lines += [
            "",
            *(f"- {_escape(note)}" for note in self._feet),
            "",
            f"<sub>{self.source}</sub>",
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        def cell(text: str, kind: str = "td", extra: str = "") -> str:
            return f"<{kind}{extra}>{text}</{kind}>"

        top, under = cell(html.escape(self.layout.corner), "th", ' rowspan="2"'), ""
        for column in self._columns:
            kinds = self._kinds[column]
            name = html.escape(self._header(column))
            top += cell(name, "th", f' colspan="{len(kinds)}" style="text-align:center"')
            under += "".join(cell(kind, "th") for kind in kinds)
        body = ""
        for row, cells in self._lines:
            line = cell(html.escape(row), "th", ' style="text-align:left"')
            for text, best in cells:
                text = html.escape(text)
                line += cell(f"<b>{text}</b>" if best else text)
            body += f"<tr>{line}</tr>\n"
        feet = "".join(f"<li>{html.escape(note)}</li>" for note in self._feet)
        return (
            f"<table>\n<caption>{html.escape(self.caption)}</caption>\n"
            f"<thead><tr>{top}</tr><tr>{under}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"
            f"<ul>{feet}</ul>\n<small>{html.escape(self.source)}</small>"
        )

    def __post_init__(self) -> None:
        for kind, named in (("row", self.layout.rows), ("column", self.layout.columns)):
            for name in named or ():
                if name not in set(self.frame[kind]):
                    raise FacelabError(f"the layout names {kind} {name!r}, which the table lacks")

    # What follows depends on the table alone, and Markdown and HTML both ask for it.

    @functools.cached_property
    def _rows(self) -> list[str]:
        return list(self.layout.rows or self.frame["row"].unique())

    @functools.cached_property
    def _columns(self) -> list[str]:
        return list(self.layout.columns or self.frame["column"].unique())

    @functools.cached_property
    def _shown(self) -> pd.DataFrame:
        frame = self.frame
        return frame[frame["row"].isin(self._rows) & frame["column"].isin(self._columns)]

    @functools.cached_property
    def _cells(self) -> dict[str, dict[str, Any]]:
        """The shown cells as named tuples, by column and row."""
        found: dict[str, dict[str, Any]] = {column: {} for column in self._columns}
        for cell in self._shown.itertuples(index=False):
            found[cell.column][cell.row] = cell
        return found

    @functools.cached_property
    def _kinds(self) -> dict[str, list[str]]:
        """Sub-columns by column: no "paper" where the paper has nothing in the whole column."""
        both, alone = ["paper", "ours"], ["ours"]
        return {c: both if _values(d.values(), "paper") else alone for c, d in self._cells.items()}

    @functools.cached_property
    def _unit_stands(self) -> str:
        """Whether units go to the columns' headings, the rows' or each cell."""
        for kind in ("column", "row"):
            if (self._shown.groupby(kind)["unit"].nunique() <= 1).all():
                return kind
        return "cell"

    @functools.cached_property
    def _lines(self) -> list[tuple[str, list[tuple[str, bool]]]]:
        """By row its heading and its cells: the text, and whether it is the best of its column."""
        places = [(column, kind) for column in self._columns for kind in self._kinds[column]]
        return [(self._row_header(r), [self._cell(r, c, k) for c, k in places]) for r in self._rows]

    def _header(self, column: str) -> str:
        return self._with_unit(self.layout.headers.get(column, column), "column", column)

    def _row_header(self, row: str) -> str:
        return self._with_unit(row, "row", row)

    def _with_unit(self, text: str, kind: str, name: str) -> str:
        if self._unit_stands != kind:
            return text
        unit = self._shown.loc[self._shown[kind] == name, "unit"].iloc[0]
        return f"{text} ({unit})" if unit else text

    def _cell(self, row: str, column: str, kind: str) -> tuple[str, bool]:
        cell = self._cells[column].get(row)
        value = np.nan if cell is None else getattr(cell, kind)
        if np.isnan(value):
            return DASH, False
        text = self._number(value, cell.unit)
        interval = kind == "ours" and not np.isnan(cell.low)
        peers = [peer for peer in self._cells[column].values() if peer.unit == cell.unit]
        values = _values(peers, kind)
        direction = self.layout.direction(cell.unit)
        best = False
        if direction is not None and len(values) > 1:
            extreme = min(values) if direction == "lower" else max(values)
            best = text == self._number(extreme, cell.unit)
            if best and interval:
                best = sum(cell.low <= value <= cell.high for value in values) == 1
        if interval:
            text += self._interval(cell)
        if self._unit_stands == "cell" and cell.unit:
            text += f" {cell.unit}"
        return text, best

    def _number(self, value: float, unit: str) -> str:
        return f"{value:,.{self.layout.digits(unit)}f}"

    def _interval(self, cell: Any) -> str:
        if self._symmetric:
            return f" ± {self._number((cell.high - cell.low) / 2, cell.unit)}"
        return f" [{self._number(cell.low, cell.unit)}, {self._number(cell.high, cell.unit)}]"

    @functools.cached_property
    def _symmetric(self) -> bool:
        """Whether every interval reads the same as ±: both arms equal but for the last digit."""
        shown = self._shown.dropna(subset=["ours", "low", "high"])
        unit = shown["unit"].map(lambda name: 10.0 ** -self.layout.digits(name))
        arms = (shown["high"] - shown["ours"]) - (shown["ours"] - shown["low"])
        return bool((arms.abs() <= 1.5 * unit).all())

    @functools.cached_property
    def _feet(self) -> list[str]:
        """What stands under the table: samples, intervals, and each note with its cells."""
        shown = self._shown
        feet = []
        if (shown["tier"] == "smoke").any():
            feet.append(SMOKE)
        ours = shown[shown["ours"].notna()]
        basis = []
        for name, word in (("n", "test samples"), ("seeds", "seeds")):
            by_column = {
                column: sorted(cells[name].dropna().astype(int).unique())
                for column, cells in ours.groupby("column", sort=False)
            }
            texts = {column: " to ".join(_ends(values)) for column, values in by_column.items()}
            texts = {column: text for column, text in texts.items() if text}
            if len(set(texts.values())) == 1:
                text = next(iter(texts.values()))
                basis.append(f"{text} {word if text != '1' else word[:-1]}")
            elif texts:
                parts = [f"{self.layout.headers.get(c, c)} {text}" for c, text in texts.items()]
                basis.append(f"{word}: {', '.join(parts)}")
        if basis:
            feet.append("ours: " + "; ".join(basis))
        if ours["low"].notna().any():
            several = (ours["seeds"] > 1).any()
            over = "test samples and seeds" if several else "test samples, one seed each"
            feet.append(f"intervals: 95 % bootstrap over {over}")
        if any(self.layout.direction(unit) for unit in ours.loc[ours["low"].notna(), "unit"]):
            alone = "of ours, only where no other is within its interval"
            feet.append(f"bold: best of the column; {alone}")
        notes = shown.assign(note=shown["note"].str.split("; ")).explode("note")
        for note, cells in notes[notes["note"] != ""].groupby("note", sort=False):
            rows = list(cells["row"].unique())
            whole = len(cells) == shown["row"].isin(rows).sum()
            columns = "" if whole else f" ({', '.join(cells['column'].unique())})"
            feet.append(f"{note}: {', '.join(rows)}{columns}")
        return feet


def _values(cells: Iterable[Any], kind: str) -> list[float]:
    """What cells hold of a kind, "paper" or "ours", those without a value left out."""
    return [value for cell in cells if not np.isnan(value := getattr(cell, kind))]


def _ends(values: list[int]) -> list[str]:
    return [f"{value:,}" for value in (values if len(values) < 2 else (values[0], values[-1]))]


def _escape(text: str) -> str:
    return text.replace("|", "\\|")
