"""The paper's numbers as typed: complete, sourced, and consistent with each other."""

from pathlib import Path

import pandas as pd
import pytest

from facelab.papers import laplace
from facelab.papers.laplace.experiments import COUNTS, FRACTIONS, METHODS

FOLDER = Path(laplace.__file__).parent / "published"
TABLES = ("table-1", "table-2", "table-3", "spread", "text")


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv")


@pytest.mark.parametrize("name", TABLES)
def test_every_number_has_a_source_and_was_checked(name):
    frame = _read(name)
    columns = ["table", "row", "column", "value", "unit", "source", "status"]
    assert list(frame.columns) == columns
    assert set(frame["status"]) == {"verified"}
    assert frame["source"].str.startswith("Robinson et al. 2019, ").all()
    assert frame["value"].notna().all()
    assert not frame.duplicated(["table", "row", "column"]).any()


def test_full_is_the_mean_of_common_and_challenge_by_their_sizes():
    table = _read("table-2").pivot(index="row", columns="column", values="value")
    full = (554 * table["common"] + 135 * table["challenge"]) / 689
    assert len(table) == 19
    assert (full - table["full"]).abs().max() < 0.035


def test_rows_and_columns_are_those_of_our_runs():
    rows = {f"{m}{s}" for m in METHODS for s in ("", *(f"+D({c})" for c in COUNTS))}
    assert rows <= set(_read("table-2")["row"])
    table = _read("table-3").pivot(index="row", columns="column", values="value")
    assert set(table.columns) == set(FRACTIONS)
    two = _read("table-2").set_index(["row", "column"])["value"]
    for row in set(table.index) & rows:  # the whole width of Table 3 is in Table 2
        assert table.loc[row, "1"] == two[row, "full"]
