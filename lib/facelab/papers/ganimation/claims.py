"""What the runs of GANimation say to its claims (`claims.yaml`)."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from facelab import ledger
from facelab.claims import Cell, read
from facelab.faces import UNITS
from facelab.papers.ganimation.data import EYE_UNITS, MOUTH_UNITS, NINE, Edits
from facelab.papers.ganimation.experiments import Settings, settings
from facelab.papers.ganimation.tables import protocol


def evidence(
    measured: Sequence[Mapping[str, np.ndarray]],
    edits: Edits,
    *,
    strangers: np.ndarray | None = None,
) -> dict[Cell, np.ndarray | float]:
    """Our numbers under the names of the paper's: (table, row, column) of `published/`.

    Args:
        measured: of each training what `evaluation.evaluate` finds; "units" and "identity" by
            judges may be missing, and then claims about intensities and people are not attempted.
        edits: what was asked of which faces.
        strangers: (N,) distance of each face to other people, see `tables.strangers`.

    Returns:
        Of each test face, (S, N) seeds by faces: intensities of the unit that was asked for, mean
        changes of the colours in percent, and distances between embeddings of people.
    """
    asked = list(zip(edits.names, (f"{v:g}" for v in edits.intensities.tolist()), strict=True))

    def at(units: Collection[str], intensity: str) -> list[int]:
        return [i for i, (name, v) in enumerate(asked) if name in units and v == intensity]

    def change(place: str, units: Collection[str], intensity: str = "1") -> np.ndarray:
        rows = at(units, intensity)
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
    if strangers is not None and all("identity" in one for one in measured):
        own = 1.0 - change("identity", NINE)
        found["stated", "edited face", "distance"] = own
        found["stated", "another person", "distance"] = np.broadcast_to(strangers, own.shape)
    return found


def gaps(frame: pd.DataFrame, plan: Settings) -> str:
    """What of the paper this tier leaves out or does otherwise, and why, as Markdown.

    Args:
        frame: of the ledger.
        plan: the tier's settings; compared with those of the tier "paper" (`tables.protocol`).
    """
    return ledger.gaps(frame, protocol(settings("paper"), plan), read("ganimation").deviations)
