"""Contact sheets and sweeps: rows of rendered faces, a name at the left, a caption above each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from facelab import faces, plots
from facelab.faces.people import corner_weights

CLEAN = (0, 0, 0, 1, 1, 1)  # the factor `noise` of a camera without faults
GAP = 4  # pixels between pictures
# Pictures are shown in this many tones a channel: hard to see, and their PNG is a third smaller.
TONES = 64

# Palettes of sweeps, r, g, b in 0-1
HAIR_COLOURS = (
    np.array([(4, 4, 4), (13, 9, 6), (26, 17, 10), (68, 53, 34), (46, 20, 9)]) / 100
)  # black to blond, red
IRISES = np.array([(14, 8, 5), (27, 16, 8), (33, 42, 27), (33, 47, 62), (42, 47, 50)]) / 100
PAINTS = np.array(
    [(0.62, 0.10, 0.14), (0.28, 0.33, 0.45), (0.80, 0.36, 0.34), (0.14, 0.10, 0.08)]
)  # in the order of `faces.MAKEUP`


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a sheet.

    Attributes:
        name: at the left; may be empty.
        factors: of the faces, from left to right.
        captions: one above each face, or none at all.

    Raises:
        ValueError: captions that do not go with the faces.
    """

    name: str
    factors: faces.Factors
    captions: Sequence[str] = ()

    def __post_init__(self) -> None:
        if len(self.captions) not in (0, len(self.factors)):
            raise ValueError(
                f"row {self.name!r}: expected {len(self.factors)} captions or none, got "
                f"{len(self.captions)}"
            )


def vary(
    person: faces.Factors, field: str, values: Any, column: int | slice | EllipsisType = ...
) -> faces.Factors:
    """The person once per value, the value in a whole field or in one column of it.

    Args:
        person: one row.
        field: of the factors, such as "pose".
        values: (M,) numbers, or (M, ...) rows of the field.
        column: which columns of the field to set; all by default.
    """
    many = person.repeat(len(values))
    array = getattr(many, field).copy()  # (M, ...)
    array[:, column] = values
    return many.replace(**{field: array})


def sweep(
    name: str,
    person: faces.Factors,
    field: str,
    values: Any,
    column: int | slice | EllipsisType = ...,
    *,
    captions: Sequence[str] = (),
) -> Row:
    """A row in which one factor of a person goes through values; arguments as in `vary`."""
    return Row(name, vary(person, field, values, column), captions)


def wrap(
    factors: faces.Factors, columns: int, *, captions: Sequence[str] = (), name: str = ""
) -> list[Row]:
    """Many faces in rows of `columns`; the name stands at the first."""
    cuts = [slice(first, first + columns) for first in range(0, len(factors), columns)]
    return [Row("" if c.start else name, factors[c], captions[c]) for c in cuts]


def degrees(values: Iterable[float]) -> list[str]:
    """Captions of angles: "-20°", "0°", "+20°"."""
    return [f"{value:+.0f}°" if round(value) else "0°" for value in values]


def walks(person: faces.Factors) -> list[Row]:
    """Rows of seven in which a person's shape walks between corner heads; skin and hair stay.

    The rows are gender, age (20 to 80 years, with the lines in the skin), weight, and ancestry
    (round the triangle of the three, and at last its middle). All traits but the row's own are
    those of a woman of 35 of middling weight.

    Args:
        person: one row.
    """
    share = np.linspace(0, 1, 7)
    years, between = 20 + 60 * share, [""] * 5
    mixes = [(1, 0, 0), (0.5, 0.5, 0), (0, 1, 0), (0, 0.5, 0.5), (0, 0, 1), (0.5, 0, 0.5)]
    ways = {
        "gender": (share, ["female", *between, "male"]),
        "age": (years, [f"{year:.0f} years" for year in years]),
        "weight": (share, ["light", *between, "heavy"]),
        "ancestry": ([*mixes, (1 / 3,) * 3], ["African", "", "Asian", "", "Caucasian", "", "all"]),
    }
    middle = {"gender": 0.2, "ancestry": [0.1, 0.1, 0.8], "age": 35.0, "weight": 0.5}
    rows = []
    for name, (values, captions) in ways.items():
        traits = {key: np.array([value] * 7) for key, value in middle.items()}
        weights = corner_weights(**traits | {name: np.array(values)})  # (7, corners)
        walked = vary(person, "shape", weights, slice(0, weights.shape[1]))
        if name == "age":
            walked = walked.replace(age=values)
        rows.append(Row(name, walked, captions))
    return rows


def toned(image: np.ndarray) -> np.ndarray:
    """An image in [0, 1] of any shape, rounded to `TONES` steps; nan stays."""
    return np.rint(image * TONES) / TONES


def sheet(
    rows: Sequence[Row],
    *,
    side: int = 70,
    label: int = 92,
    margin: float = 1.7,
    scale: float = 1.0,
) -> dict[str, Any]:
    """Renders rows of faces as one figure.

    Args:
        rows: from top to bottom; they may differ in length.
        side: of a picture, in pixels of the figure.
        label: pixels for the names at the left; 0 for rows without.
        margin: of the crops, see `faces.render`.
        scale: pixels rendered for each pixel shown.

    Returns:
        `fig`, and `data`: a line for each picture (row, shown, person).
    """
    heads = [_head(row.captions) for row in rows]
    width = label + max(len(row.factors) for row in rows) * (side + GAP)
    height = y = sum(heads) + len(rows) * (side + GAP)
    figure = plt.figure(figsize=(width / plots.DPI, height / plots.DPI))
    figure.set_layout_engine("none")
    lines = []
    for row, head in zip(rows, heads, strict=True):
        y -= side + head
        figure.text(0, (y + side / 2) / height, row.name, va="center", fontsize=8)
        made = faces.render(row.factors, size=int(side * scale), margin=margin)
        captions = row.captions or [""] * len(row.factors)
        for k, (image, caption) in enumerate(zip(made.image, captions, strict=True)):
            x = label + k * (side + GAP)
            axes = figure.add_axes((x / width, y / height, side / width, side / height))
            plots.show_image(axes, toned(image))
            axes.set_title(caption, fontsize=7, pad=2)
            lines.append((row.name, caption.replace("\n", " "), row.factors.identity[k]))
        y -= GAP
    return {"fig": figure, "data": pd.DataFrame(lines, columns=["row", "shown", "person"])}


def _head(captions: Sequence[str]) -> int:
    """Pixels above a row's pictures for its captions; none where all are empty."""
    lines = max((1 + caption.count("\n") for caption in captions if caption), default=0)
    return 3 + 13 * lines if lines else 0
