"""The ledger of a paper: its claims with verdicts, and its contradictions, for people to read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from facelab import FacelabError
from facelab.claims import Deviation
from facelab.tables import DASH, SMOKE
from facelab.verdicts import NOT_ATTEMPTED, VERDICTS

INTERVALS = (
    "Ours with 95 % intervals, by bootstrap over what stands under *n*; with one training they say "
    "nothing about another. Effects are relative, so that other data may be compared. The verdicts "
    "are about the networks of this tier. The last column asks something else: whether the paper's "
    "own effect lies outside our interval. It may, where a verdict is inconclusive, and where the "
    "size agrees within the tolerance."
)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Ledger:
    """Claims with verdicts; renders itself in notebooks.

    Attributes:
        frame: one row a claim, in `verdicts.COLUMNS`.
        contradictions: one row each, as `verdicts.contradictions` gives them.
        source: the line of provenance.
    """

    frame: pd.DataFrame
    contradictions: pd.DataFrame
    source: str

    @property
    def summary(self) -> str:
        """How many claims have each verdict."""
        return counted(self.frame)

    def claims_markdown(self) -> str:
        """Statement, paper, ours, n and verdict of each claim, then the levels and remarks."""
        lines = [
            f"**{len(self.frame)} claims of the paper: {self.summary}.**",
            "",
            "| claim | where | in | paper | ours | n | verdict | excludes the paper's value |",
            "|---|---|---|---:|---:|---|---|---|",
        ]
        for row in self.frame.itertuples(index=False):
            texts = [row.claim, row.where, row.unit, number(row.paper, row.unit), ours(row)]
            lines.append(_line([*texts, basis(row), f"*{row.verdict}*", row.excludes]))
        lines += ["", INTERVALS]
        if (self.frame["tier"] == "smoke").any():
            lines += ["", SMOKE]
        lines += ["", "Levels and remarks:", ""]
        lines += [f"- `{row.id}`: {row.note}" for row in self.frame.itertuples() if row.note]
        return "\n".join(lines)

    def contradictions_markdown(self) -> str:
        """What the paper's text says, and what its own tables give."""
        lines = [
            "**Where the paper's text contradicts its tables.**",
            "",
            "| where | the text says | by the tables | remark |",
            "|---|---|---:|---|",
        ]
        for row in self.contradictions.itertuples(index=False):
            said, given = f"“{row.quote}”", f"{row.tables:.4g} {row.unit}".strip()
            if not np.isnan(row.text):
                said += f": {row.text:g} {row.text_unit}".rstrip()
                if not np.isnan(row.midpoint):
                    given += f" ({row.midpoint:.1f} % of the mean of both)"
            lines.append(_line([row.where, said, given, row.remark]))
        return "\n".join(lines)

    def markdown(self) -> str:
        parts = [self.claims_markdown()]
        if len(self.contradictions):
            parts.append(self.contradictions_markdown())
        return "\n\n".join([*parts, f"<sub>{self.source}</sub>"])

    def __repr__(self) -> str:
        return self.claims_markdown()

    def _repr_markdown_(self) -> str:
        return self.claims_markdown()


def gaps(frame: pd.DataFrame, settings: pd.DataFrame, deviations: Iterable[Deviation]) -> str:
    """What was not attempted, and where settings differ from the paper's, each with its reason.

    Args:
        frame: of a ledger.
        settings: by name of the setting, as text: the paper's (first column) and ours (second).
        deviations: the reasons, from `claims.yaml`.

    Returns:
        Markdown, two lists; what agrees is left out.

    Raises:
        FacelabError: a setting differs, and there is no reason why.
    """
    lines = ["**Not attempted at this tier:**", ""]
    missing = frame[frame["verdict"] == NOT_ATTEMPTED]
    for note, claims in missing.groupby("note", sort=False):
        lines.append(f"- {', '.join(f'`{id}`' for id in claims['id'])}: {note}")
    if missing.empty:
        lines.append("- nothing: every claim was")
    lines += ["", "**Where settings differ from the paper's:**", ""]
    paper, tier = settings.columns
    differ = settings[settings[paper] != settings[tier]]
    reasons = {name: entry.why for entry in deviations for name in entry.settings}
    for name in differ.index:
        if name not in reasons:
            raise FacelabError(
                f"claims.yaml: expected a deviation that says why {name} is "
                f"{settings.loc[name, tier]} and not {settings.loc[name, paper]}"
            )
    for why in dict.fromkeys(reasons[name] for name in differ.index):
        texts = [
            f"{name.replace('_', ' ')} {row[tier]} (paper: {row[paper]})"
            for name, row in differ.iterrows()
            if reasons[name] == why
        ]
        lines.append(f"- {'; '.join(texts)}. Why: {why}")
    return "\n".join(lines)


def counted(frame: pd.DataFrame) -> str:
    """How many claims have each verdict: "2 reproduced; 3 inconclusive"."""
    count = frame["verdict"].value_counts()
    return "; ".join(f"{count[verdict]} {verdict}" for verdict in VERDICTS if verdict in count)


def number(value: float, unit: str) -> str:
    """Relative effects with a digit after the point, two below one; values with four digits."""
    if np.isnan(value):
        return DASH
    relative = unit.startswith("%") or unit in ("points", "times")
    digits = 1 if abs(value) >= 1 else 2
    return f"{round(value, digits) + 0.0:.{digits}f}" if relative else f"{value:.4g}"


def ours(row: Any) -> str:
    """Our effect with its interval, where trainings give one: 5.3 [5.2, 5.4]."""
    text = number(row.ours, row.unit)
    if row.seeds and row.low < row.high:
        text += f" [{number(row.low, row.unit)}, {number(row.high, row.unit)}]"
    return text


def basis(row: Any) -> str:
    """What ours is over: 689 test faces, 3 trainings."""
    if row.seeds == 0:
        return row.varies if row.n else DASH
    return f"{row.n:,} test faces, {row.seeds} training{'s' if row.seeds > 1 else ''}"


def _line(texts: list[str]) -> str:
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in texts)} |"
