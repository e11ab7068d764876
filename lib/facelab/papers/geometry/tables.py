"""From what is measured to the tables of geometry-guided synthesis: pure functions.

Nothing here trains, draws or reads a file, so the cells of the notebook ``41_geometry`` stay short.
Each table is a dictionary from (row, column), by the paper's names, to an `Estimate`, as the lab
book's `beside` takes it. All numbers are means over what was asked of each test face, then over the
faces of each person, then over people; intervals stand for other people (and, with several seeds,
other trainings). Letters: S trainings, P people, N test faces.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from facelab.faces import EMOTIONS
from facelab.papers.geometry.data import Pairs
from facelab.papers.geometry.evaluation import over_faces
from facelab.papers.geometry.experiments import (
    ABLATED,
    DEPTH,
    DEPTH_PENALTY,
    NORMALS_PENALTY,
    Settings,
)
from facelab.papers.geometry.losses import WEIGHTS
from facelab.papers.geometry.rows import Measured
from facelab.statistics import Estimate, bootstrap_mean, paired_difference
from facelab.tables import Layout

Cells = dict[tuple[str, str], Estimate]
SAME = 60.0  # dB; rounding to 8 bits alone costs about as much, so what is above looks the same


class Column(NamedTuple):
    """What a column of a table shows.

    Attributes:
        measure: its name in `rows.Found`.
        unit: of the table.
        scale, offset: from the measure's unit to the table's: offset + scale * measure.
        better: "lower" or "higher".
    """

    measure: str
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    better: Literal["lower", "higher"] = "higher"


COLUMNS = {
    "accuracy": Column("rate", "%", 100.0),
    "FID": Column("fid", better="lower"),
    "PSNR": Column("back_psnr", "dB"),
    "SSIM": Column("back_ssim"),
}
"""The paper's columns: the generation rate, and how the way there and back ends."""
TABLE_1 = ("StarGAN", "GANimation", "GANnotation", DEPTH, NORMALS_PENALTY, DEPTH_PENALTY)
TABLE_2 = ("StarGAN", DEPTH_PENALTY)
TABLE_3 = tuple(f"{w:g}" for w in WEIGHTS)
ERROR = Column("rate", "%", scale=-100.0, offset=100.0, better="lower")  # what is left of it
UNIT = {name: column.unit for name, column in COLUMNS.items()}
UNIT |= {"error": "% misread", "accuracy gain": "points", "PSNR gain": "dB"}
"""Units by heading; the others have none."""
LAYOUT = Layout(
    columns=tuple(COLUMNS),
    better={"%": "higher", "% misread": "lower", "dB": "higher"},
    decimals={"%": 1, "% misread": 1, "dB": 2},
)
"""Of Table 1 and 2; FID and SSIM have no unit and opposite senses, so neither is set in bold."""


def per_person(measured: Measured, name: str, measure: str, *, rare: bool = True) -> np.ndarray:
    """One measure of one row, of every test person.

    Args:
        measured: from `rows.measured`.
        name: of the row.
        measure: as `evaluation.evaluate` names it, or "fid". Decibels end at `SAME`.
        rare: whether expressions count that Table 1's accuracy leaves out.

    Returns:
        (S, P), people in the order of their numbers.

    Raises:
        ValueError: no such row was measured.
    """
    if name not in measured.found:
        raise ValueError(f"expected one of {', '.join(measured.found)}; got {name!r}")
    asked, people = measured.questions.asked, measured.questions.people.numpy()
    lines = []
    for found in measured.found[name]:
        values = found[measure]
        if measure.endswith("psnr"):
            values = np.minimum(values, SAME)
        if measure != "fid":  # that is of people already
            values = by_person(over_faces(values, asked, rare=rare), people)
        lines.append(values)
    return np.stack(lines)


def by_person(values: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Means over the faces of each person: (N,) and the persons' numbers (N,) to (P,).

    >>> by_person(np.array([1.0, 2.0, 6.0]), np.array([7, 3, 7])).tolist()
    [2.0, 3.5]
    """
    _, whose = np.unique(people, return_inverse=True)  # (N,)
    return np.bincount(whose, values) / np.bincount(whose)


def of_column(measured: Measured, name: str, column: Column) -> np.ndarray:
    """What `per_person` finds, in the unit of a column; AffectNet's accuracy is of six expressions.

    Args:
        measured, name: see `per_person`.
        column: such as one of `COLUMNS`.
    """
    rare = measured.rare or column.measure != "rate"
    found = per_person(measured, name, column.measure, rare=rare)
    return column.offset + column.scale * found


def cells(
    measured: Measured, names: Sequence[str], columns: Mapping[str, Column] = COLUMNS
) -> Cells:
    """Means with intervals, by (row, column).

    Args:
        measured: from `rows.measured`.
        names: of the rows; those that were not measured are left out.
        columns: by heading; those that no judge was there for are left out.
    """
    return {
        (name, heading): bootstrap_mean(of_column(measured, name, column))
        for name in names
        for heading, column in columns.items()
        if all(column.measure in found for found in measured.found.get(name, [{}]))
    }


def gains(
    measured: Measured, names: Sequence[str], headings: Sequence[str], *, over: str = "StarGAN"
) -> Cells:
    """By how much rows exceed another, person by person: the paper's numbers in brackets.

    Args:
        measured: from `rows.measured`.
        names: of the rows.
        headings: of `COLUMNS`; that of the gain is followed by "gain".
        over: the row that is subtracted.

    Returns:
        No cell where a row or a judge is missing.
    """
    found = {}
    levels = cells(measured, (over, *names))
    for name in names:
        for heading in headings:
            if {(name, heading), (over, heading)} <= set(levels):
                pair = [of_column(measured, one, COLUMNS[heading]) for one in (name, over)]
                seeds = min(len(one) for one in pair)
                first, second = (one[:seeds] for one in pair)
                found[name, f"{heading} gain"] = paired_difference(first, second)
    return found


def table_1(measured: Measured) -> Cells:
    """Table 1, AffectNet; the accuracy is of six expressions, all else of eight."""
    ours = (DEPTH, NORMALS_PENALTY, DEPTH_PENALTY)
    return cells(measured, TABLE_1) | gains(measured, ours, ["accuracy"])


def table_2(measured: Measured) -> Cells:
    """Table 2, RaFD."""
    return cells(measured, TABLE_2) | gains(measured, [DEPTH_PENALTY], list(COLUMNS))


def table_3(measured: Measured) -> Cells:
    """Table 3, the weight of the depth network, without the penalty: accuracy, error, gain."""
    levels = cells(measured, TABLE_3, {"accuracy": COLUMNS["accuracy"], "error": ERROR})
    return levels | gains(measured, TABLE_3[1:], ["accuracy"], over=TABLE_3[0])


def ablations(measured: Measured) -> Cells:
    """What the paper leaves open, one thing at a time, by the paper's columns."""
    return cells(measured, ABLATED)


def table_4(affectnet: Pairs, rafd: Pairs) -> dict[tuple[str, str], float]:
    """Table 4: how many pictures of each data set show each expression, after the clean-up."""
    names = {name: "Sadness" if name == "sad" else name.capitalize() for name in EMOTIONS}
    found: dict[tuple[str, str], float] = {}
    for row, pairs in (("AffectNet-D", affectnet), ("RaFD-D", rafd)):
        found |= {(row, names[name]): count for name, count in pairs.counts().items()}
        found[row, "Total"] = len(pairs)
    return found


def protocol(paper: Settings, ours: Settings) -> pd.DataFrame:
    """The settings of a tier beside the paper's, as text, one row a setting.

    A part of a run is named in brackets: the training "end to end", that of the "depth" network
    alone, and that of StarGAN "alone"; sizes of the depth network are those of "depth".
    """
    columns = {}
    for name, plan in {"paper, or its code": paper, "this tier": ours}.items():
        run, others = plan.run(), plan.others()
        found = {**run.pictures.model_dump(exclude={"dataset"}), **run.sizes.model_dump()}
        parts = {
            "depth network": run.depth_sizes, "end to end": run.schedule,
            "depth alone": run.pretraining, "StarGAN alone": run.alone,
            "loss": run.weights, "choice": run.choices, "reconstruction": run.noise,
        }  # fmt: skip
        for part, record in parts.items():
            values = {} if record is None else record.model_dump()
            found |= {f"{field} ({part})": value for field, value in values.items()}
        found |= {field: getattr(run, field) for field in ("cleaned", "resisting", "targets")}
        found["count (RaFD)"] = plan.run("rafd").pictures.count
        for other, one in others.items():
            found |= {f"steps ({other})": one.steps, f"batch ({other})": one.batch}
        found |= {"seeds": len(plan.seeds), "faces": "rendered"}
        columns[name] = {field: _text(value) for field, value in found.items()}
    columns["paper, or its code"] |= {"faces": "photographs", "seeds": "not said"}
    return pd.DataFrame(columns).fillna("none")


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def tidy(cells: Mapping[tuple[str, str], Estimate | float]) -> pd.DataFrame:
    """Cells as lines, for a figure's data: ``row``, ``column``, ``value``, ``low``, ``high``."""
    lines = []
    for (row, column), one in cells.items():
        ends = {end: getattr(one, end, one) for end in ("value", "low", "high")}
        lines.append({"row": row, "column": column, **ends})
    return pd.DataFrame(lines)
