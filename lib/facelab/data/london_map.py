"""From the 189 points of a London template to the 68 points of iBUG.

Worked out by plotting the numbered template points over the photographs, and checked on the mean
of all 68 people against its own mirror image. Every rule is a row of `RULES`; `table()` lists
them for the notebook. What the two schemes share, by quality:

- exact: the template marks the same anatomical point.
- near: the same feature, a little differently marked (a mean of template points).
- interpolated: on a curve that both schemes draw, at iBUG's place along it.
- contour: on the jaw line, where iBUG's points are defined by equal arc length only; an error
  along the line means nothing, so these are reported apart from the rest.

Template sides are image sides: points 71-76 are the brow on the image's left (the subject's
right), as are iBUG's 17-21.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.interpolate import CubicSpline

TEMPLATE_POINTS = 189
QUALITIES = ("exact", "near", "interpolated", "contour")


@dataclass(frozen=True)
class Rule:
    """How one or more iBUG points follow from the template.

    Args:
        landmarks: iBUG indices.
        points: template indices: of the mean (`at` is None), or of a curve in order.
        quality: one of `QUALITIES`.
        at: fractions of the curve's length, one for each of `landmarks`.
        note: why.
    """

    landmarks: tuple[int, ...]
    points: tuple[int | tuple[int, ...], ...]
    quality: str
    at: tuple[float, ...] | None = None
    note: str = ""


_THIRDS = (1 / 3, 2 / 3)
_EIGHTHS = tuple(i / 8 for i in range(8))
_BROW = (0.0, 0.25, 0.5, 0.75)

# A curve knot given as a tuple is the mean of those template points.
RULES = (
    Rule(tuple(range(8)), (109, 185, 110, 186, 111, 125, 126, 127, 128, 129), "contour", _EIGHTHS,
         "hairline at eye level to chin, equal arc length as in iBUG"),
    Rule((8,), (129,), "exact", note="chin"),
    Rule(tuple(range(16, 8, -1)), (112, 187, 113, 188, 114, 133, 132, 131, 130, 129), "contour",
         _EIGHTHS, "as 0-7"),
    Rule((17, 18, 19, 20), (71, 72, 73, 74, 75), "interpolated", _BROW,
         "upper edge of the brow in equal steps from its tail"),
    Rule((21,), (75, 76), "near", (1 / 3,), "inner end, between its upper and lower corner"),
    Rule((26, 25, 24, 23), (82, 81, 80, 79, 78), "interpolated", _BROW, "as 17-20"),
    Rule((22,), (78, 77), "near", (1 / 3,), "as 21"),
    Rule((27,), (50, 56, 51, 57), "near", note="nasion, on the mid-line"),
    Rule((28, 29), ((50, 56, 51, 57), (51, 57), (52, 58), (53, 59), (54, 60)), "interpolated",
         _THIRDS, "mid-line between the two sides of the bridge"),
    Rule((30,), (54, 60), "near", note="tip: middle of the nose's ball"),
    Rule((31,), (63, 64), "near", note="lower outer edge of the wing"),
    Rule((32,), (64, 65, 179, 180), "near", note="below the nostril's middle"),
    Rule((33,), (55,), "exact", note="base of the septum"),
    Rule((34,), (69, 70, 182, 181), "near", note="as 32"),
    Rule((35,), (68, 69), "near", note="as 31"),
    Rule((36,), (18,), "exact", note="outer corner"),
    Rule((37, 38), (18, 19, 20, 21, 22), "interpolated", _THIRDS, "upper lid in thirds"),
    Rule((39,), (22,), "exact", note="inner corner"),
    Rule((41, 40), (18, 28, 29, 30, 22), "interpolated", _THIRDS, "lower lid in thirds"),
    Rule((42,), (23,), "exact", note="inner corner"),
    Rule((44, 43), (27, 26, 25, 24, 23), "interpolated", _THIRDS, "as 37, 38"),
    Rule((45,), (27,), "exact", note="outer corner"),
    Rule((46, 47), (27, 33, 32, 31, 23), "interpolated", _THIRDS, "as 41, 40"),
    Rule((48,), (87,), "exact", note="corner"),
    Rule((49,), (88,), "exact", note="upper lip"),
    Rule((50,), (89,), "exact", note="peak of the cupid's bow"),
    Rule((51,), (90,), "exact", note="middle of the cupid's bow"),
    Rule((52,), (91,), "exact", note="as 50"),
    Rule((53,), (92,), "exact", note="as 49"),
    Rule((54,), (93,), "exact", note="corner"),
    Rule((55, 56), (93, 108, 107, 106), "interpolated", (0.36, 0.72), "as 59, 58"),
    Rule((57,), (106,), "exact", note="middle of the lower lip's edge"),
    Rule((59, 58), (87, 104, 105, 106), "interpolated", (0.36, 0.72),
         "below 49 and 50, where iBUG has them; 105 lies further out"),
    Rule((60,), (87, (94, 99)), "interpolated", (0.4,), "inner corner: iBUG's lies inwards of 48"),
    Rule((61,), (95,), "near", note="upper lip's lower edge; the template's is a little wider"),
    Rule((62,), (96,), "exact", note="middle"),
    Rule((63,), (97,), "near", note="as 61"),
    Rule((64,), (93, (98, 103)), "interpolated", (0.4,), "as 60"),
    Rule((65,), (102,), "near", note="as 67"),
    Rule((66,), (101,), "exact", note="middle"),
    Rule((67,), (100,), "near", note="lower lip's upper edge; the template's is a little wider"),
)  # fmt: skip


def ibug68(points: np.ndarray) -> np.ndarray:
    """The iBUG-68 landmarks, f32 (68, 2), from template points (189, 2) in the same pixels."""
    if points.shape != (TEMPLATE_POINTS, 2):
        raise ValueError(f"expected ({TEMPLATE_POINTS}, 2) template points, got {points.shape}")
    points = points.astype(np.float64)
    landmarks = np.full((68, 2), np.nan)
    for rule in RULES:
        knots = np.array([points[np.atleast_1d(p)].mean(axis=0) for p in rule.points])  # (P, 2)
        if rule.at is None:
            landmarks[rule.landmarks[0]] = knots.mean(axis=0)
        else:
            landmarks[list(rule.landmarks)] = _along(knots, rule.at)
    return landmarks.astype(np.float32)


@cache
def _qualities() -> tuple[str, ...]:
    found = {landmark: rule.quality for rule in RULES for landmark in rule.landmarks}
    return tuple(found[landmark] for landmark in range(68))


def shared(*qualities: str) -> np.ndarray:
    """(68,) bool: the landmarks that the two schemes share with one of these qualities.

    Without arguments, all but the contour: the 52 points (51 inside the face and the chin) on
    which a detector's error is measured.
    """
    wanted = qualities or QUALITIES[:3]
    unknown = set(wanted) - set(QUALITIES)
    if unknown:
        raise ValueError(f"unknown quality {sorted(unknown)}: expected some of {QUALITIES}")
    return np.array([quality in wanted for quality in _qualities()])


def table() -> list[dict[str, str | int]]:
    """One row a landmark: `landmark`, `template`, `quality`, `note`, in iBUG order."""
    rows = []
    for rule in RULES:
        for index, landmark in enumerate(rule.landmarks):
            template = " ".join("+".join(map(str, np.atleast_1d(p))) for p in rule.points)
            if rule.at is not None:
                template = f"curve {template} at {rule.at[index]:.3g}"
            elif len(rule.points) > 1:
                template = f"mean {template}"
            rows.append(
                {
                    "landmark": landmark,
                    "template": template,
                    "quality": rule.quality,
                    "note": rule.note,
                }
            )
    return sorted(rows, key=lambda row: row["landmark"])


def _along(knots: np.ndarray, fractions: tuple[float, ...]) -> np.ndarray:
    """Points (F, 2) at fractions of the length of a smooth curve through knots (P, 2)."""
    chords = np.linalg.norm(np.diff(knots, axis=0), axis=1)  # (P - 1,)
    if not (chords > 0).all():  # two annotations on one pixel: the spline needs distinct knots
        keep = np.concatenate([[True], chords > 0])
        knots, chords = knots[keep], chords[chords > 0]
    if len(knots) < 3:
        return knots[0] + np.outer(fractions, knots[-1] - knots[0])
    curve = CubicSpline(np.concatenate([[0.0], chords.cumsum()]), knots, bc_type="natural")
    fine = np.linspace(0.0, chords.sum(), 64 * len(knots))
    steps = np.linalg.norm(np.diff(curve(fine), axis=0), axis=1)
    length = np.concatenate([[0.0], steps.cumsum()])
    return curve(np.interp(np.multiply(fractions, length[-1]), length, fine))
