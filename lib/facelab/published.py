"""The papers' own numbers, each typed once, with its source: `papers/<paper>/published/<name>.csv`.

A line has the columns `COLUMNS`. Its status says how far the number can be trusted: "verified"
against the paper, "derived" from what the paper prints, or "unverified"; those are not shown as the
paper's values.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facelab import FacelabError

PAPERS = Path(__file__).parent / "papers"
COLUMNS = ("table", "row", "column", "value", "unit", "source", "status")
STATUSES = ("verified", "derived", "unverified")


def read(paper: str, name: str) -> pd.DataFrame:
    """The numbers of one file; see `labbook.Book.published`."""
    file = PAPERS / paper / "published" / f"{name}.csv"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in file.parent.glob("*.csv"))) or "none"
        raise FacelabError(f"{paper} has no published/{name}.csv; there are: {known}")
    where = f"{paper}/published/{file.name}"
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    if tuple(frame.columns) != COLUMNS:
        raise FacelabError(f"{where}: expected columns {', '.join(COLUMNS)}; got {list(frame)}")
    for index, line in enumerate(frame.itertuples(index=False), start=2):
        if line.status not in STATUSES:
            raise FacelabError(
                f"{where}, line {index}: status {line.status!r}, expected one of {STATUSES}"
            )
        if not line.source:
            raise FacelabError(f"{where}, line {index}: a published number needs its source")
    twice = frame[frame.duplicated(["table", "row", "column"])]
    if len(twice):
        raise FacelabError(f"{where}, line {twice.index[0] + 2}: this cell stands twice")
    try:
        values = pd.to_numeric(frame["value"].replace("", "nan"))
    except ValueError as error:
        raise FacelabError(f"{where}: a value is no number ({error})") from error
    frame["value"] = values.where(frame["status"] != "unverified")
    return frame.rename(columns={"value": "paper"})


def numbers(paper: str) -> dict[tuple[str, str, str], tuple[float, str]]:
    """All numbers of a paper with their units, by (table, row, column); nan where unchecked.

    Raises:
        FacelabError: a file is wrong, or two files hold the same cell; the message names it.
    """
    found: dict[tuple[str, str, str], tuple[float, str]] = {}
    for file in sorted((PAPERS / paper / "published").glob("*.csv")):
        for cell in read(paper, file.stem).itertuples(index=False):
            key = (cell.table, cell.row, cell.column)
            if key in found:
                raise FacelabError(
                    f"{paper}/published/{file.name}: {', '.join(key)} stands in another file, too"
                )
            found[key] = (cell.paper, cell.unit)
    return found
