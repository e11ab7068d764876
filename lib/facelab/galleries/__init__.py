"""The drawings of notebook 01_faces: sheets of faces, their ground truths, whole populations.

    rows = [galleries.sweep("yaw", person, "pose", [-40, 0, 40], column=0)]
    book.figure("pose", **galleries.sheet(rows), alt="...", caption="...")
    book.figure("truth", **galleries.truths(made), caption="...")

Each drawing is a dict of arguments of `Book.figure`: the figure, what it plots and, where the
drawing knows what it shows, the alt text. `facelab.faces` does not import this package, so a change
here leaves cached faces and trainings as they are.
"""

from facelab.galleries.crowds import census, histograms, mean_shapes, measures, trajectories
from facelab.galleries.settings import Settings, settings
from facelab.galleries.sheets import (
    CLEAN,
    HAIR_COLOURS,
    IRISES,
    PAINTS,
    Row,
    degrees,
    sheet,
    sweep,
    vary,
    walks,
    wrap,
)
from facelab.galleries.truths import contours, flow_colours, flows, known, steps, truths

__all__ = [
    "CLEAN",
    "HAIR_COLOURS",
    "IRISES",
    "PAINTS",
    "Row",
    "Settings",
    "census",
    "contours",
    "degrees",
    "flow_colours",
    "flows",
    "histograms",
    "known",
    "mean_shapes",
    "measures",
    "settings",
    "sheet",
    "steps",
    "sweep",
    "trajectories",
    "truths",
    "vary",
    "walks",
    "wrap",
]
