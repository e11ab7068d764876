"""What notebook ``41_geometry`` draws and says of what was measured; the words are computed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from facelab.papers.geometry import evaluation
from facelab.papers.geometry.beyond import TRUE
from facelab.papers.geometry.experiments import DEPTH_PENALTY
from facelab.papers.geometry.rows import NOTHING, Measured
from facelab.papers.geometry.tables import Column, of_column, per_person
from facelab.statistics import Estimate, paired_difference


def matrix(measured: Measured, name: str) -> np.ndarray:
    """Fig. 8 of a row, (8, 8): shares in which each wanted expression is read as each."""
    asked = measured.questions.asked
    return np.mean([evaluation.confusion(f, asked) for f in measured.found[name]], axis=0)


def identities(measured: Measured, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Fig. 4: distances of the person from the input, (S, Q) of all trainings, for each row."""
    asked = measured.questions.asked  # (8, N), Q of them
    return {
        name: np.stack([found["identity"][asked] for found in measured.found[name]])
        for name in names
    }


def settled(gain: Estimate) -> str:
    """Whether a gain is one: "yes" or "no" where its interval says so, else "open"."""
    return "yes" if gain.low > 0 else "no" if gain.high < 0 else "open"


def nearest(measured: Measured, names: Sequence[str]) -> pd.DataFrame:
    """Which row is nearest to the true answer, a line for each measure of `beyond.TRUE`.

    Args:
        measured: from `rows.measured`; those of the measures that judges were there for are read.
        names: of the methods, with StarGAN and `experiments.DEPTH_PENALTY`.

    Returns:
        Columns "nearest", the name of the row; "nearer than doing nothing" and "depth with penalty
        nearer than StarGAN", "yes", "no" or "open" by paired differences over people.
    """
    lines = {}
    for heading, column in TRUE.items():
        if column.measure not in measured.found[NOTHING][0]:
            continue
        sign = -1.0 if column.better == "lower" else 1.0
        means = {name: sign * of_column(measured, name, column).mean() for name in names}
        first = max(means, key=means.get)
        lines[heading] = {
            "nearest": first,
            "nearer than doing nothing": settled(_gain(measured, first, NOTHING, column)),
            "depth with penalty nearer than StarGAN": settled(
                _gain(measured, DEPTH_PENALTY, "StarGAN", column)
            ),
        }
    return pd.DataFrame(lines).T


def _gain(measured: Measured, name: str, over: str, column: Column) -> Estimate:
    """By how much a row is better than another, paired; positive is better."""
    sign = -1.0 if column.better == "lower" else 1.0
    ours, theirs = (of_column(measured, one, column) for one in (name, over))  # (S, P)
    return paired_difference(sign * ours, sign * np.broadcast_to(theirs, ours.shape))


def useful(ordering: Mapping[tuple[str, str], Estimate]) -> str:
    """Which stand-ins order as the truth does, as Markdown.

    Args:
        ordering: rank correlations by (stand-in, distance from the truth), see `beyond`.
    """
    kinds: dict[str, dict[str, list[str]]] = {"helps": {}, "open": {}, "misleads": {}}
    words = {"yes": "helps", "no": "misleads", "open": "open"}
    for (proxy, distance), one in ordering.items():
        kinds[words[settled(one)]].setdefault(proxy, []).append(distance)
    lines = []
    for kind, found in kinds.items():
        texts = [f"{proxy} (for {', '.join(all_of)})" for proxy, all_of in found.items()]
        lines.append(f"- *{kind}*: {'; '.join(texts) or 'none'}")
    return "\n".join(lines)


def rates(measured: Measured, names: Sequence[str]) -> pd.DataFrame:
    """The generation rate of rows in percent, without the rare expressions and with them."""
    counted = {"six expressions": False, "all eight": True}

    def mean(name: str, rare: bool) -> float:
        return 100.0 * per_person(measured, name, "rate", rare=rare).mean()

    found = {title: {name: mean(name, r) for name in names} for title, r in counted.items()}
    return pd.DataFrame(found)
