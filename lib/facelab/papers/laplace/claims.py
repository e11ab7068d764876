"""The claims of the paper as differences between rows of its tables, and what our runs say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facelab.papers.laplace.tables import SUBSETS, Row, per_face
from facelab.statistics import paired_difference
from facelab.tables import COLUMNS

SMALL = ("1/8", "1/16")  # the widths that the text speaks of


@dataclass(frozen=True)
class Claim:
    """A claim of the paper as a difference: the measure of ``better`` lies below ``worse``'s.

    Attributes:
        text: the claim in a sentence.
        better, worse: names of rows.
        subset: see `tables.per_face`.
        measure: see `tables.per_face`.
    """

    text: str
    better: str
    worse: str
    subset: str = "full"
    measure: str = "nme"

    @property
    def column(self) -> str:
        """Where the paper's values of both rows stand."""
        return self.subset if self.measure == "nme" else self.measure


def judge(
    claims: Sequence[Claim], rows: Mapping[str, Row], paper: Mapping[tuple[str, str], float]
) -> pd.DataFrame:
    """What this run says to each claim: the paired difference, its interval, a reading.

    The reading is "holds" or "reversed" where the 95 % interval excludes zero, else "undecided".

    Args:
        claims: of the paper.
        rows: results by name.
        paper: published values by (row, column).

    Returns:
        Columns ``claim``, ``where``, ``unit``, ``paper``, ``ours``, ``low``, ``high``, ``n`` (test
        faces), ``seeds``, ``reading``;
        positive differences speak for the claim. Claims about rows that are not in ``rows`` are
        read as "not run".
    """
    lines = []
    for claim in claims:
        printed = [paper.get((row, claim.column), np.nan) for row in (claim.worse, claim.better)]
        line = {"claim": claim.text, "where": claim.subset}
        line["unit"] = "%" if claim.measure == "nme" else "px"
        line["paper"] = printed[0] - printed[1]
        if claim.worse not in rows or claim.better not in rows:
            line |= dict.fromkeys(("ours", "low", "high", "n", "seeds"), np.nan)
            lines.append({**line, "reading": "not run"})
            continue
        found = paired_difference(
            per_face(rows[claim.worse], claim.subset, claim.measure),
            per_face(rows[claim.better], claim.subset, claim.measure),
        )
        reading = "holds" if found.value > 0 else "reversed"
        line |= {"ours": found.value, "low": found.low, "high": found.high}
        line |= {"n": found.n, "seeds": found.seeds}
        lines.append({**line, "reading": reading if found.settled else "undecided"})
    return pd.DataFrame(lines)


_S, _L, _D = "Softargmax", "LaplaceKL", "+D(70K)"
CLAIMS = (
    *(Claim("LaplaceKL has lower error than softargmax", _L, _S, s) for s in SUBSETS),
    *(Claim("unlabelled faces help LaplaceKL", _L + _D, _L, s) for s in SUBSETS),
    Claim("unlabelled faces do not help softargmax", _S, _S + _D),
    Claim("D(300W), the labelled faces again, does not help", _L, f"{_L}+D(300W)"),
    Claim("LaplaceKL's maps are narrower (own pixels)", _L + _D, _S + _D, measure="spread"),
    Claim("Laplace has lower error than Gaussian", _L, "GaussianKL"),
    *(Claim(f"at {w} lower error than softargmax", f"{_L} {w}", f"{_S} {w}") for w in SMALL),
    *(Claim(f"less loss from 1 to {w}", f"{_L} 1 to {w}", f"{_S} 1 to {w}") for w in SMALL),
)


def with_widths(
    rows: Mapping[str, Row],
    widths: Mapping[tuple[str, str], Row],
    paper: Mapping[tuple[str, str], float],
) -> tuple[dict[str, Row], dict[tuple[str, str], float]]:
    """Adds the rows and published values that the claims about widths are about.

    Args:
        rows: results by name.
        widths: results of Table 3 by (method, fraction); may be empty.
        paper: published values by (row, column), Table 3's among them.

    Returns:
        Both with rows "LaplaceKL 1/8", the network of that width, and "LaplaceKL 1 to 1/8", what
        it loses against the full width, face by face.
    """
    rows, paper = dict(rows), dict(paper)
    for method in (_S, _L):
        for width in SMALL if (method, "1") in widths else ():
            small, full = widths[method, width], widths[method, "1"]
            rows[f"{method} {width}"], rows[f"{method} 1 to {width}"] = small, drop(small, full)
            paper[f"{method} {width}", "full"] = paper[method, width]
            paper[f"{method} 1 to {width}", "full"] = paper[method, width] - paper[method, "1"]
    return rows, paper


def drop(small: Row, full: Row) -> list[dict[str, dict[str, np.ndarray]]]:
    """What a smaller network loses, face by face: a row whose "nme" is small's minus full's."""
    return [
        {part: {"nme": s[part]["nme"] - f[part]["nme"]} for part in SUBSETS[:2]}
        for s, f in zip(small, full, strict=True)
    ]


def tidy_claims(verdicts: pd.DataFrame, tier: str) -> pd.DataFrame:
    """What `judge` found as a tidy table of the lab book, with the readings as notes."""
    frame = verdicts[["paper", "ours", "low", "high", "unit"]].copy()
    frame["table"], frame["column"], frame["tier"] = "claims", "difference", tier
    frame["row"] = verdicts["claim"] + ", " + verdicts["where"]
    frame["note"] = verdicts["reading"]
    frame["seeds"], frame["n"] = verdicts["seeds"], verdicts["n"]
    return frame[list(COLUMNS)]
