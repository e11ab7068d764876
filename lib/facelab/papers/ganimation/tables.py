"""From runs to the tables of GANimation: pure functions of what `evaluation.evaluate` finds.

Nothing here trains, draws or reads a file, so the cells of the notebook ``40_ganimation`` stay
short. A *measure* is looked up by its name and what it was taken of: our "edit", the "input" left
as it is, or the "truth", the true picture. Letters: S trainings, E edits, N test faces.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from facelab.faces import EMOTIONS, UNITS
from facelab.papers.ganimation.data import NINE, Edits
from facelab.papers.ganimation.evaluation import Reader
from facelab.papers.ganimation.experiments import Settings
from facelab.papers.ganimation.losses import Weights
from facelab.statistics import Estimate, bootstrap_mean
from facelab.tables import Layout

Found = Mapping[str, np.ndarray]  # of one training, see `evaluation.evaluate`
Key = tuple[str, str]  # a measure, and "edit", "input" or "truth"
Measures = dict[Key, np.ndarray]  # (S, E, N) each, nan where it says nothing
TAKEN = ("edit", "input", "truth")
SAME = 60.0  # dB; rounding to 8 bits alone costs about as much, so what is above looks the same

PAPERS_METHODS = "DIAT, CycleGAN, IcGAN, StarGAN"  # in Fig. 6, from the StarGAN paper

# Fields of a run that the paper's protocol does not speak of.
_NO_SETTING = {"code", "infra", "seed", "test", "weights"}


def protocol(paper: Settings, ours: Settings) -> pd.DataFrame:
    """The settings of a tier beside the paper's, as text, one row a setting."""
    columns = {}
    for name, plan in {"paper, or its code": paper, "this tier": ours}.items():
        run = plan.run()
        fields = {f: getattr(run, f) for f in type(run).model_fields if f not in _NO_SETTING}
        weights = {f"{f} (loss)": value for f, value in run.weights.model_dump().items()}
        columns[name] = {**fields, **weights, "seeds": len(plan.seeds), "faces": "rendered"}
        columns[name]["other methods"] = _others(plan)
    columns["paper, or its code"] |= {
        "faces": "photographs", "seeds": "not said", "other methods": PAPERS_METHODS,
    }  # fmt: skip
    frame = pd.DataFrame(columns)
    return frame.map(lambda v: f"{v:g}" if isinstance(v, float) else str(v))


def _others(plan: Settings) -> str:
    """Fig. 6's other methods as a tier has them, with the emotions of those that know one."""
    names = {
        name: [run.emotion for run in runs if hasattr(run, "emotion")]
        for name, runs in plan.baselines().items()
    }
    every = len(EMOTIONS) - 1
    return ", ".join(
        f"{name} ({', '.join(known)})" if 0 < len(known) < every else name
        for name, known in names.items()
    )


def weights(named: Mapping[str, Weights]) -> pd.DataFrame:
    """Weights and norms, as text: a row a field, a column a setting."""
    frame = pd.DataFrame({name: one.model_dump() for name, one in named.items()})
    return frame.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))


def measures(measured: Sequence[Found], edits: Edits) -> Measures:
    """All measures of all trainings, those of `evaluation.evaluate` and what judges make of them.

    Args:
        measured: of each training, with all three judges.
        edits: what was asked of which faces.

    Returns:
        "units", error of all units in percent; "own unit", what is read of the unit that was asked
        for, in percent (single units only); "emotion", 100 where the judge sees the emotion asked
        for, else 0, and "logarithm", its log-probability (emotions only); "identity", cosine with
        the input; "error", "likeness" and "psnr" (at most `SAME`) against the truth, percent,
        cosine and dB; and of edits only "outside" (percent), "upper", "lower", "face" and
        "background", and where there is attention "attention", "kept" and "drawn anew".
    """
    stacked = [_one(found, edits) for found in measured]
    return {key: np.stack([one[key] for one in stacked]) for key in stacked[0]}


def _one(found: Found, edits: Edits) -> dict[Key, np.ndarray]:
    """(E, N) each."""
    E, N = found["error"].shape
    asked = edits.units.numpy()[:, None]  # (E, 1, 17)
    unit = np.array([UNITS.index(n) if n in UNITS else -1 for n in edits.names])
    emotion = np.array([EMOTIONS.index(n) if n in EMOTIONS else -1 for n in edits.names])
    rows = np.arange(E)
    values: dict[Key, np.ndarray] = {}
    for of, prefix in zip(TAKEN, ("", "input_", "true_"), strict=True):
        units, logs = (
            np.broadcast_to(found[f"{prefix}{name}"], found[name].shape)  # (E, N, ...)
            for name in ("units", "expression")
        )
        logs = logs - np.logaddexp.reduce(logs, axis=2, keepdims=True)
        hit = 100.0 * (logs.argmax(2) == emotion[:, None])
        values["units", of] = 100.0 * np.abs(units - asked).mean(2)
        values["own unit", of] = _where(unit >= 0, 100.0 * units[rows, :, unit])
        values["emotion", of] = _where(emotion >= 0, hit)
        values["logarithm", of] = _where(emotion >= 0, logs[rows, :, emotion])
    seen = np.where(np.isnan(found["likeness"]), np.nan, 1.0)  # where the truth changes something
    values |= {
        ("identity", "edit"): found["identity"],
        ("identity", "input"): np.ones((E, N)),
        ("identity", "truth"): found["true_identity"],
        ("error", "edit"): found["error"],
        ("error", "input"): found["error_copied"],
        ("error", "truth"): np.zeros((E, N)),
        ("likeness", "edit"): found["likeness"],
        ("likeness", "input"): 0.0 * seen,
        ("likeness", "truth"): seen,
        ("psnr", "edit"): np.minimum(found["psnr"], SAME),
        ("psnr", "input"): np.minimum(found["psnr_copied"], SAME),
        ("psnr", "truth"): np.full((E, N), np.nan),
        ("outside", "edit"): 100.0 * found["outside"],
    }
    if "attention" in found:
        values |= {
            ("attention", "edit"): found["attention"],
            ("kept", "edit"): 100.0 * found["copied"],
            ("drawn anew", "edit"): 100.0 * found["redrawn"],
        }
    return values | {(n, "edit"): found[n] for n in ("upper", "lower", "face", "background")}


def _where(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(rows[:, None], values, np.nan)


def full(edits: Edits) -> dict[str, list[int]]:
    """The edits at full intensity: by name, then all units and all emotions together."""
    single = {name: edits.rows(name)[-1:] for name in dict.fromkeys(edits.names)}
    groups = {
        "nine units": [row for name in single if name in NINE for row in single[name]],
        "emotions": [row for name in single if name in EMOTIONS for row in single[name]],
    }
    return single | {name: rows for name, rows in groups.items() if rows}


def both(edits: Edits) -> list[int]:
    """All edits at full intensity, of units and of emotions."""
    return [row for name in ("nine units", "emotions") for row in full(edits).get(name, [])]


def cells(
    values: Measures, rows: Mapping[str, Sequence[int]], columns: Mapping[str, Key]
) -> dict[tuple[str, str], Estimate]:
    """Means over test faces with intervals, by (row, column).

    Args:
        values: from `measures`.
        rows: edits by the name of the table's row; several are averaged on each face.
        columns: measures by the name of the table's column.

    Returns:
        No cell where a measure says nothing on any face.
    """
    found = {}
    for name, listed in rows.items():
        for column, key in columns.items():
            table = per_face(values[key], listed)
            if table.size:
                found[name, column] = bootstrap_mean(table)
    return found


def per_face(table: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    """The mean over some edits of each face: (S, E, N) to (S, M), faces without any left out."""
    some = table[:, list(rows)]
    known = np.isfinite(some)
    count = known.sum(1)  # (S, N)
    mean = np.where(known, some, 0.0).sum(1) / np.maximum(count, 1)
    return mean[:, (count > 0).all(0)]


def same_units(measured: Sequence[Found]) -> Estimate:
    """PSNR (dB) of edits that ask for the units a face has already, at most `SAME`."""
    return bootstrap_mean(np.minimum(np.stack([one["psnr_same"] for one in measured]), SAME))


COMPARED = {
    "units": "unit error", "emotion": "emotion seen", "identity": "identity",
    "error": "error", "likeness": "likeness",
}  # fmt: skip
"""Measures by the headings of `compared`: three proxies, then two that know the true picture."""
AGAINST_OTHERS = {**COMPARED, "psnr": "PSNR"}
"""The same for Fig. 6 (section 5.4)."""


def compared(
    methods: Mapping[str, Measures],
    edits: Edits,
    *,
    of: Sequence[str] = TAKEN,
    columns: Mapping[str, str] = COMPARED,
) -> dict[tuple[str, str], Estimate]:
    """Proxies and truth of several methods, over all edits at full intensity.

    Args:
        methods: measures by name.
        edits: what was asked.
        of: the rows "nothing done" ("input"), the methods ("edit"), "the true picture" ("truth").
        columns: headings by measure.
    """
    whole = both(edits)
    first = next(iter(methods.values()))
    rows = {"nothing done": (first, "input")} if "input" in of else {}
    rows |= {name: (values, "edit") for name, values in methods.items() if "edit" in of}
    rows |= {"the true picture": (first, "truth")} if "truth" in of else {}
    found = {}
    for name, (values, taken) in rows.items():
        keys = {title: (key, taken) for key, title in columns.items()}
        found |= cells(values, {name: whole}, keys)
    return found


def doses(values: Measures, edits: Edits) -> pd.DataFrame:
    """What a judge reads of each single unit by what was asked for, of edits and of the truth.

    Returns:
        Columns ``unit``, ``asked``, ``of`` ("edit" or "truth"), ``value``, ``low``, ``high``, all
        strengths in percent.
    """
    lines = []
    for row, (name, asked) in enumerate(zip(edits.names, edits.intensities.tolist(), strict=True)):
        for of in ("edit", "truth") if name in UNITS else ():
            e = bootstrap_mean(per_face(values["own unit", of], [row]))
            ends = {"value": e.value, "low": e.low, "high": e.high}
            lines.append({"unit": name, "asked": 100.0 * asked, "of": of, **ends})
    return pd.DataFrame(lines)


def strangers(identity: Reader, edits: Edits) -> np.ndarray:
    """Mean distance, 1 - cosine, of each test face to the other people: (N,)."""
    found = identity(edits.source.images.float() / 255.0)  # (N, D) unit vectors
    cosines = (found @ found.T).numpy()
    N = len(cosines)
    return 1.0 - (cosines.sum(1) - np.diag(cosines)) / max(1, N - 1)


def tidy(cells: Mapping[tuple[str, str], Estimate | float]) -> pd.DataFrame:
    """Cells as lines, for a figure's data: ``row``, ``column``, ``value``, ``low``, ``high``."""
    lines = []
    for (row, column), one in cells.items():
        ends = {end: getattr(one, end, one) for end in ("value", "low", "high")}
        lines.append({"row": row, "column": column, **ends})
    return pd.DataFrame(lines)


def saturation(trainings: Mapping[str, Found], edits: Edits) -> dict[tuple[str, str], Estimate]:
    """Where the attention of trainings stands, and what that does, by (training, column).

    Args:
        trainings: what `evaluation.evaluate` finds with judges, by name.
        edits: what was asked.
    """
    names = ("attention", "kept", "drawn anew", "likeness")
    columns = {name: (name, "edit") for name in names}
    cells_of = {}
    for name, found in trainings.items():
        cells_of |= cells(measures([found], edits), {name: both(edits)}, columns)
        cells_of[name, "own units"] = same_units([found])
    return cells_of


_PERCENT = ("unit error", "emotion seen", "outside", "kept", "drawn anew", "AU12", "happy")
UNIT = {**dict.fromkeys(_PERCENT, "%"), "unit error, true": "%", "own units": "dB", "PSNR": "dB"}
UNIT |= {"error": "% of white", "error, input": "% of white"}
"""Units by the headings of the notebook's tables; other columns are shares or cosines."""
LAYOUT = Layout(decimals={"%": 1, "dB": 1, "% of white": 2, "": 2}, better=None)

MEASURED: dict[str, Key] = {
    "unit error": ("units", "edit"),
    "unit error, true": ("units", "truth"),
    "identity": ("identity", "edit"),
    "identity, true": ("identity", "truth"),
    "attention": ("attention", "edit"),
    "outside": ("outside", "edit"),
}
"""What the paper could only show, by heading (section 5.8)."""
AGAINST_TRUTH: dict[str, Key] = {
    "error": ("error", "edit"),
    "error, input": ("error", "input"),
    "likeness": ("likeness", "edit"),
}
"""Edits against the true picture, by heading (section 6.2)."""
