"""What the runs of Laplace Landmark Localization say to its claims (`claims.yaml`)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from facelab import ledger
from facelab.claims import Cell, read
from facelab.papers.laplace.experiments import Settings, settings
from facelab.papers.laplace.tables import SUBSETS, Row, per_face, protocol


def evidence(
    *,
    table_2: Mapping[str, Row],
    text: Mapping[str, Row],
    aflw: Mapping[str, Row],
    widths: Mapping[tuple[str, str], Row],
    speeds: Mapping[tuple[str, str], float],
) -> dict[Cell, np.ndarray | float]:
    """Our numbers under the names of the paper's: (table, row, column) of `published/`.

    Args:
        table_2, text: results of Table 2 and of the running text, by row.
        aflw: results on AFLW's points, by row.
        widths: results of Table 3 by (method, fraction of the channels); may be empty.
        speeds: parameters, storage and frames per second (`speed.table_3`); may be empty. "Speed"
            is taken from "Speed, eager": plain PyTorch, as in the paper.

    Returns:
        Errors (percent) and spreads (pixels of the map) of each test face, (S, N) seeds by faces;
        plain numbers for sizes and speeds.
    """
    found: dict[Cell, np.ndarray | float] = {}
    for table, rows in (("table-2", table_2), ("text", text)):
        for name, row in rows.items():
            found["spread", name, "spread"] = per_face(row, measure="spread")
            found |= {(table, name, subset): per_face(row, subset) for subset in SUBSETS}
    for name, row in aflw.items():
        found["table-2", name, "AFLW"] = per_face(row)
    for (name, width), row in widths.items():
        found["table-3", name, width] = per_face(row)
    for (name, width), value in speeds.items():
        if name != "Speed":
            found["table-3", name.removesuffix(", eager"), width] = value
    return found


def gaps(frame: pd.DataFrame, plan: Settings) -> str:
    """What of the paper this tier leaves out or does otherwise, and why, as Markdown.

    Args:
        frame: of the ledger.
        plan: the tier's settings; compared with those of the tier "paper" (`tables.protocol`).
    """
    return ledger.gaps(frame, protocol(settings("paper"), plan), read("laplace").deviations)
