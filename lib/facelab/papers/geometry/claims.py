"""What the runs of geometry-guided synthesis say to the paper's claims (`claims.yaml`)."""

import numpy as np
import pandas as pd

from facelab import ledger
from facelab.claims import Cell, read
from facelab.papers.geometry.experiments import Settings, settings
from facelab.papers.geometry.rows import Measured
from facelab.papers.geometry.tables import (
    COLUMNS,
    ERROR,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    of_column,
    protocol,
)


def evidence(
    *, affectnet: Measured | None = None, rafd: Measured | None = None
) -> dict[Cell, np.ndarray | float]:
    """Our numbers under the names of the paper's: (table, row, column) of `published/`.

    Args:
        affectnet: rows of Tables 1 and 3, from `rows.measured`; those that are missing make their
            claims "not attempted".
        rafd: rows of Table 2.

    Returns:
        Of each test person, (S, P) trainings by people, in the tables' units.
    """
    table_3 = {"accuracy": COLUMNS["accuracy"], "error": ERROR}
    tables = (
        ("table-1", affectnet, TABLE_1, COLUMNS),
        ("table-2", rafd, TABLE_2, COLUMNS),
        ("table-3", affectnet, TABLE_3, table_3),
    )
    return {
        (table, name, heading): of_column(measured, name, column)
        for table, measured, names, columns in tables
        if measured is not None
        for name in names
        for heading, column in columns.items()
        if all(column.measure in found for found in measured.found.get(name, [{}]))
    }


def gaps(frame: pd.DataFrame, plan: Settings) -> str:
    """What of the paper this tier leaves out or does otherwise, and why, as Markdown.

    Args:
        frame: of the ledger.
        plan: the tier's settings; compared with those of the tier "paper" (`tables.protocol`).
    """
    return ledger.gaps(frame, protocol(settings("paper"), plan), read("geometry").deviations)
