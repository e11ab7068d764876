"""What the runs of GANimation say to its claims (`claims.yaml`)."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from facelab.claims import Cell
from facelab.faces import UNITS
from facelab.papers.ganimation.data import EYE_UNITS, MOUTH_UNITS, NINE, Edits


def evidence(
    measured: Sequence[Mapping[str, np.ndarray]], edits: Edits
) -> dict[Cell, np.ndarray | float]:
    """Our numbers under the names of the paper's: (table, row, column) of `published/`.

    Args:
        measured: of each training what `evaluation.evaluate` finds; "units" by a judge may be
            missing, and then claims about intensities are not attempted.
        edits: what was asked of which faces.

    Returns:
        Of each test face, (S, N) seeds by faces: intensities of the unit that was asked for, and
        mean changes of the colours in percent.
    """
    asked = list(zip(edits.names, (f"{v:g}" for v in edits.intensities.tolist()), strict=True))

    def change(place: str, units: Collection[str], intensity: str = "1") -> np.ndarray:
        rows = [i for i, (name, at) in enumerate(asked) if name in units and at == intensity]
        return np.stack([one[place][rows].mean(axis=0) for one in measured])  # (S, N)

    found: dict[Cell, np.ndarray | float] = {
        ("stated", "all nine units", "intensity 0"): change("face", NINE, "0"),
        ("stated", "all nine units", "intensity 1"): change("face", NINE),
        ("stated", "eye units", "mouth"): change("lower", EYE_UNITS),
        ("stated", "eye units", "eyes"): change("upper", EYE_UNITS),
        ("stated", "mouth units", "eyes"): change("upper", MOUTH_UNITS),
        ("stated", "mouth units", "mouth"): change("lower", MOUTH_UNITS),
        ("stated", "edit", "background"): change("background", NINE),
        ("stated", "edit", "face"): change("face", NINE),
    }
    if all("units" in one for one in measured):
        for row, (name, intensity) in enumerate(asked):
            if name in NINE:
                shown = [one["units"][row, :, UNITS.index(name)] for one in measured]  # (N,) each
                found["fig-4", name, intensity] = np.stack(shown)
    return found
