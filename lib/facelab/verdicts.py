"""Verdicts on the claims of a paper, computed from evidence by the rules below.

Each claim is settled by one number, its *effect*, which is computed in the same way from the
paper's numbers and from ours (`EFFECTS`). Errors of different data and normalisers do not compare,
so effects are relative: they do not change with the unit. Ours has a 95 % interval: a bootstrap
over test faces with one training, over trainings and faces (hierarchically) with several, the same
faces for all sides (`statistics.bootstrap_function`), and the first trainings that all sides have.

| evidence     | effect                                                  | says nothing at |
|--------------|---------------------------------------------------------|-----------------|
| difference   | (higher - lower) / higher, in percent                   | 0               |
| trend        | fall of the fitted line from first to last side / first | 0               |
| smaller loss | other small / other full - small / full, in points      | 0               |
| ratio        | more / less                                             | 1               |
| no gain      | (without - with) / without, in percent                  | the margin      |
| value        | the value                                               | -               |
| at least     | the value                                               | the bound       |

For the first four, with the interval [low, high]:

- low above the point that says nothing: the paper's side, and *reproduced* if the size agrees, that
  is, if the interval meets the band from 1 / factor to factor times the paper's effect (the claim's
  tolerance); *same ordering, other size* if it lies wholly outside;
- high below that point: *not reproduced*; otherwise *inconclusive*.

"Does not help" (no gain) needs more than an interval about zero, which few faces always give. With
the margin, the largest gain that still counts as none: *reproduced* if high is below the margin,
but *same ordering, other size* if it hurts, high being below -margin, where in the paper it does
not; *not reproduced* if low is above the margin; otherwise *inconclusive*.

A value is *reproduced* if the interval meets the band, else *not reproduced*. "At least" is
*reproduced* if low reaches the bound, *not reproduced* if high is below it, else *inconclusive*.
Counts have no interval; a timing has the tolerance's `noise` in place of one.

A verdict says on which side an interval lies, and by itself not whether the paper's effect is
among what the interval leaves open: an inconclusive one may rule it out. `excludes` says that.

Where a side was not run, the verdict is *not attempted at this tier*. How often the rules err: a
difference of zero is settled, one way or the other, in about 5 % of repetitions with one training,
and in more with fewer than five (see `statistics`); a gain as large as the margin is called none in
about 2.5 %. A claim is judged by itself: of twenty true zeros one is expected to be settled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from facelab import FacelabError
from facelab.claims import Cell, Claim, Reckoned, Register, Tolerance
from facelab.statistics import Estimate, bootstrap_function

REPRODUCED = "reproduced"
OTHER_SIZE = "same ordering, other size"
NOT_REPRODUCED = "not reproduced"
INCONCLUSIVE = "inconclusive"
NOT_ATTEMPTED = "not attempted at this tier"
VERDICTS = (REPRODUCED, OTHER_SIZE, NOT_REPRODUCED, INCONCLUSIVE, NOT_ATTEMPTED)

COLUMNS = (
    "id", "claim", "where", "metric", "unit", "subset", "paper", "ours", "low", "high", "excludes",
    "n", "seeds", "varies", "verdict", "tier", "note",
)  # fmt: skip

Evidence = Mapping[Cell, np.ndarray | float]  # per test face (N,) or (S, N), or a plain number


def _trend(*rows: Any) -> Any:
    places = np.arange(len(rows)) - (len(rows) - 1) / 2
    slope = sum(p * row for p, row in zip(places, rows, strict=True)) / (places**2).sum()
    return -100 * slope * (len(rows) - 1) / rows[0]


# Each takes the sides in the order of `claims.SIDES`, as numbers or arrays of them.
EFFECTS: dict[str, Callable[..., Any]] = {
    "difference": lambda lower, higher: 100 * (higher - lower) / higher,
    "no gain": lambda after, before: 100 * (before - after) / before,
    "trend": _trend,
    "smaller loss": lambda small, full, other_small, other_full: (
        100 * (other_small / other_full - small / full)
    ),
    "ratio": lambda more, less: more / less,
    "value": lambda value: value,
    "at least": lambda value: value,
}
NOTHING = {"difference": 0.0, "trend": 0.0, "smaller loss": 0.0, "ratio": 1.0}


def of_effect(ours: Estimate, paper: float, *, factor: float, nothing: float = 0.0) -> str:
    """The verdict on an ordering and its size.

    Args:
        ours: our effect.
        paper: the paper's, above ``nothing``.
        factor: sizes between 1 / factor and factor times the paper's agree.
        nothing: the effect that speaks for neither side.
    """
    if ours.high < nothing:
        return NOT_REPRODUCED
    if ours.low <= nothing:
        return INCONCLUSIVE
    return REPRODUCED if _meets(ours, paper, factor) else OTHER_SIZE


def of_no_gain(ours: Estimate, paper: float, *, margin: float) -> str:
    """The verdict on "does not help": a gain below ``margin`` counts as none."""
    if ours.low > margin:
        return NOT_REPRODUCED
    if ours.high >= margin:
        return INCONCLUSIVE
    return OTHER_SIZE if ours.high < -margin <= paper else REPRODUCED


def of_value(ours: Estimate, paper: float, *, factor: float) -> str:
    """The verdict on a single number."""
    return REPRODUCED if _meets(ours, paper, factor) else NOT_REPRODUCED


def of_bound(ours: Estimate, *, bound: float) -> str:
    """The verdict on "at least"."""
    if ours.low >= bound:
        return REPRODUCED
    return NOT_REPRODUCED if ours.high < bound else INCONCLUSIVE


def _meets(ours: Estimate, paper: float, factor: float) -> bool:
    return ours.high >= paper / factor and ours.low <= paper * factor


def excludes(paper: float, low: float, high: float) -> str:
    """Whether an interval excludes the paper's value.

    Args:
        paper: the paper's effect.
        low, high: ends of ours; equal for a count, nan where nothing was run.

    Returns:
        "yes" or "no"; "" where there is no interval.
    """
    if not low < high:
        return ""
    return "no" if low <= paper <= high else "yes"


def paper_effect(register: Register, claim: Claim) -> float:
    """What the paper's own numbers say.

    Raises:
        FacelabError: they do not say what the claim says.
    """
    found = float(EFFECTS[claim.evidence](*map(register.value, _measured(claim))))
    if found <= NOTHING.get(claim.evidence, -np.inf):
        raise FacelabError(
            f"{register.paper}/claims.yaml, claim {claim.id}: expected sides whose published "
            f"numbers show it; their effect is {found:g}"
        )
    return found


def effect(claim: Claim, evidence: Evidence, *, noise: float = 0.0) -> Estimate:
    """What ours say.

    Args:
        claim: whose sides are all in ``evidence``.
        evidence: by cell, per test face or plain numbers. Where sides have different numbers of
            trainings, the first that all have are compared, which must be of the same seeds.
        noise: percent, in place of an interval for plain numbers.

    Raises:
        FacelabError: plain numbers and numbers per face are mixed, or faces do not match.
    """
    function, values = EFFECTS[claim.evidence], _values(claim, evidence)
    if all(np.ndim(value) == 0 for value in values):
        value, off = float(function(*map(float, values))), 1 + noise / 100
        return Estimate(value=value, low=value / off, high=value * off, n=1, seeds=0)
    try:
        return bootstrap_function(function, *values)
    except ValueError as error:
        raise FacelabError(f"claim {claim.id}: {error}") from error


def verdict(register: Register, claim: Claim, ours: Estimate) -> str:
    """The verdict on one claim by its kind of evidence."""
    tolerance, paper = register.tolerances[claim.tolerance], paper_effect(register, claim)
    if claim.evidence == "no gain":
        return of_no_gain(ours, paper, margin=tolerance.margin)
    if claim.evidence == "at least":
        return of_bound(ours, bound=register.value(claim.sides["bound"]))
    if claim.evidence == "value":
        return of_value(ours, paper, factor=tolerance.factor)
    nothing = NOTHING[claim.evidence]
    return of_effect(ours, paper, factor=tolerance.factor, nothing=nothing)


def judged(register: Register, evidence: Evidence, *, tier: str) -> pd.DataFrame:
    """The ledger: a row a claim, in the columns `COLUMNS`.

    Args:
        register: of the paper's claims.
        evidence: what was run, by the cell of the published numbers that it stands beside.
        tier: of the runs.

    Returns:
        ``paper``, ``ours``, ``low`` and ``high`` are the effect, in ``unit``; ``excludes`` says
        whether the interval excludes the paper's value ("yes", "no", "" without one); ``n`` counts
        test faces (1 for a count or a timing, 0 where nothing was run), ``seeds`` trainings;
        ``varies`` is what the interval stands for; ``note`` has the levels behind the effect.
    """
    lines = []
    for claim in register.claims:
        metric, tolerance = register.metrics[claim.metric], register.tolerances[claim.tolerance]
        missing = [_label(claim, c) for c in _measured(claim) if c not in evidence]
        line = {"id": claim.id, "claim": claim.statement, "where": claim.where}
        of = f" of the {metric.normaliser}" if metric.normaliser else ""
        line |= {"metric": f"{metric.name}, {metric.unit}{of}", "unit": _unit(register, claim)}
        line |= {"subset": claim.subset, "paper": paper_effect(register, claim)}
        if missing:
            line |= {**dict.fromkeys(("ours", "low", "high"), np.nan), "n": 0, "seeds": 0}
            line |= {"excludes": "", "varies": "", "verdict": NOT_ATTEMPTED}
            notes = [f"not run: {', '.join(missing)}"]
        else:
            ours = effect(claim, evidence, noise=tolerance.noise)
            line |= {"ours": ours.value, "low": ours.low, "high": ours.high}
            line["excludes"] = excludes(line["paper"], ours.low, ours.high)
            line |= {"n": ours.n, "seeds": ours.seeds, "varies": _varies(ours, tolerance)}
            line["verdict"] = verdict(register, claim, ours)
            notes = [_levels(register, claim, evidence)]
        notes.append(claim.note)
        lines.append({**line, "tier": tier, "note": "; ".join(filter(None, notes))})
    return pd.DataFrame(lines, columns=list(COLUMNS))


def contradictions(register: Register) -> pd.DataFrame:
    """Where the paper's text contradicts its tables: what it says, and what its numbers give.

    Returns:
        Columns ``id``, ``where``, ``quote``, ``text`` with ``text_unit``, ``tables``, ``midpoint``
        (a change in percent of the mean of both numbers, nan where it is none), ``unit`` of both,
        ``remark``.
    """
    lines = []
    for entry in register.contradictions:
        given, midpoint, unit = _reckoned(register, entry.tables)
        text = np.nan if entry.text is None else register.value(entry.text)
        printed = unit if entry.text is None else register.numbers[entry.text][1]
        line = {"id": entry.id, "where": entry.where, "quote": entry.quote, "text": text}
        line |= {"text_unit": printed, "tables": given, "midpoint": midpoint, "unit": unit}
        lines.append({**line, "remark": entry.remark})
    return pd.DataFrame(lines)


def _reckoned(register: Register, tables: Reckoned) -> tuple[float, float, str]:
    values = [register.value(cell) for cell in tables.numbers]
    if tables.of == "value":
        return values[0], np.nan, register.numbers[tables.numbers[0]][1]
    if tables.of == "bytes":
        return 4 * values[0], np.nan, "MB"
    first, second = values
    change = second - first if tables.of == "rise" else first - second
    return 100 * change / first, 200 * change / (first + second), "%"


def _measured(claim: Claim) -> tuple[Cell, ...]:
    """The sides that are measured: all but a bound, which the paper sets."""
    return tuple(cell for cell in claim.cells if cell != claim.sides.get("bound"))


def _values(claim: Claim, evidence: Evidence) -> list[Any]:
    """Ours by side; of trainings, the first that all sides have."""
    values = [evidence[cell] for cell in _measured(claim)]
    seeds = min(len(value) if np.ndim(value) == 2 else 1 for value in values)
    return [value[:seeds] if np.ndim(value) == 2 else value for value in values]


def _label(claim: Claim, cell: Cell) -> str:
    """A side's name: its row, with the column where that is what differs between the sides."""
    columns = {column for _, _, column in _measured(claim)}
    return cell[1] if len(columns) == 1 else f"{cell[1]} {cell[2]}"


def _unit(register: Register, claim: Claim) -> str:
    if claim.evidence in ("value", "at least"):
        return register.metrics[claim.metric].unit
    if claim.evidence in ("ratio", "smaller loss"):
        return {"ratio": "times", "smaller loss": "points"}[claim.evidence]
    base = claim.cells[0] if claim.evidence == "trend" else claim.cells[1]
    return f"% of {_label(claim, base)}"


def _varies(ours: Estimate, tolerance: Tolerance) -> str:
    if ours.seeds:
        return "test faces" if ours.seeds == 1 else "test faces and trainings"
    return f"timing, ±{tolerance.noise:g} % allowed" if tolerance.noise else "nothing: one count"


def _levels(register: Register, claim: Claim, evidence: Evidence) -> str:
    """The numbers behind an effect: LaplaceKL 5.70 (paper 4.01), Softargmax 5.69 (paper 4.25) %."""
    if claim.evidence == "at least":
        return f"expected at least {register.value(claim.sides['bound']):g}"
    if claim.evidence == "value":
        return ""
    levels = [
        f"{_label(claim, cell)} {np.mean(value):.4g} (paper {register.value(cell):.4g})"
        for cell, value in zip(_measured(claim), _values(claim, evidence), strict=True)
    ]
    return f"{', '.join(levels)} {register.metrics[claim.metric].unit}"
