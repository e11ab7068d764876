"""Beyond Bodur et al. (WACV 2021): how far edits are from the true answer, and which measures knew.

The paper measures what can be measured without a true answer: whether a classifier sees the wanted
expression, whether pictures look like real ones together (FID), whether the way there and back ends
where it began (PSNR, SSIM), whether the person's embedding moves. Here the true answer exists, so
each of these can be asked whether it orders methods, and single edits, as the distance from the
true answer does. The notebook ``41_geometry``, section "Beyond the paper", shows both.

Letters: K methods, S trainings, P people, N test faces.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from facelab.papers.geometry.evaluation import over_faces
from facelab.papers.geometry.rows import NOTHING, TRUTH, Found, Measured
from facelab.papers.geometry.tables import (
    COLUMNS,
    SAME,
    TABLE_1,
    Cells,
    Column,
    by_person,
    cells,
    of_column,
)
from facelab.statistics import bootstrap_function, bootstrap_mean, rank_correlation
from facelab.tables import Layout

TRUE = {
    "PSNR": Column("psnr", "dB"),
    "SSIM": Column("ssim"),
    "error": Column("error", "% of white", better="lower"),
    "perceptual": Column("perceptual", better="lower"),
    "identity": Column("true_identity", better="lower"),
    "depth": Column("depth", "cm", better="lower"),
}
"""Distances from the true answer, by heading."""
PROXIES = {
    "accuracy": COLUMNS["accuracy"],
    "FID": COLUMNS["FID"],
    "PSNR, there and back": COLUMNS["PSNR"],
    "SSIM, there and back": COLUMNS["SSIM"],
    "identity kept": Column("identity", better="lower"),
}
"""What the paper measures instead, by heading."""
UNIT = {heading: column.unit for heading, column in (PROXIES | TRUE).items()}
LAYOUT = Layout(decimals={"%": 1, "dB": 2, "% of white": 2, "cm": 2, "": 3}, better=None)


def against_truth(measured: Measured, names: Sequence[str] = TABLE_1) -> Cells:
    """How far rows are from the true answer, between doing nothing and the answer itself.

    Args:
        measured: from `rows.measured`.
        names: of the rows; those that were not measured are left out.
    """
    columns = {"accuracy": PROXIES["accuracy"], **TRUE}
    return cells(measured, (NOTHING, *names, TRUTH), columns)


def ordering_of_methods(measured: Measured, names: Sequence[str] = TABLE_1) -> Cells:
    """Does a proxy order the methods as a distance from the truth does? By (proxy, distance).

    Spearman's rank correlation of the methods' means; each draw of the bootstrap takes the same
    people from all methods. 1 is the order of the truth, -1 its reverse.

    Args:
        measured: from `rows.measured`.
        names: of the methods; those that were not measured are left out.

    Returns:
        No cell where a judge is missing.

    Raises:
        ValueError: fewer than three methods, which any measure may order by luck.
    """
    names = _known(measured, names)

    def tables(column: Column) -> list[np.ndarray]:
        listed = [of_column(measured, name, column) for name in names]  # (S, P) each
        seeds = min(len(table) for table in listed)
        return [_sign(column) * table[:seeds] for table in listed]

    def agree(*means: np.ndarray) -> np.ndarray:
        return rank_correlation(means[: len(names)], means[len(names) :])

    found = {}
    for (proxy, by), (distance, true) in _pairs(measured, names, PROXIES):
        one = bootstrap_function(agree, *tables(by), *tables(true))
        # Draws can all be beyond the value where it is the end of the scale.
        ends = {"low": min(one.low, one.value), "high": max(one.high, one.value)}
        found[proxy, distance] = replace(one, **ends)
    return found


EDITS = {
    "probability of the expression": Column("logarithm"),
    "PSNR, there and back": PROXIES["PSNR, there and back"],
    "SSIM, there and back": PROXIES["SSIM, there and back"],
    "identity kept": PROXIES["identity kept"],
}
"""Proxies that a single edit has; FID is of many, and seen or not seen is no order."""


def ordering_of_edits(measured: Measured, names: Sequence[str] = TABLE_1) -> Cells:
    """Does a proxy order the methods' answers to one question as the truth does?

    Spearman's rank correlation over the methods, of each face and wanted expression by itself; then
    means over what a face was asked for and over people. Comparing answers to the same question
    leaves out that some expressions change a face more than others.

    Args:
        measured, names: see `ordering_of_methods`; what is returned and raised, too.
    """
    names = _known(measured, names)
    seeds = min(len(measured.found[name]) for name in names)
    trainings = [[with_logarithm(one) for one in measured.found[name]] for name in names]

    def table(column: Column, seed: int) -> np.ndarray:
        listed = np.stack([row[seed][column.measure] for row in trainings])  # (K, 8, N)
        return _sign(column) * np.minimum(listed, SAME if column.unit == "dB" else np.inf)

    found = {}
    asked, people = measured.questions.asked, measured.questions.people.numpy()
    for (proxy, by), (distance, true) in _pairs(measured, names, EDITS):
        lines = []
        for seed in range(seeds):
            agree = rank_correlation(table(by, seed), table(true, seed))  # (8, N)
            lines.append(by_person(over_faces(agree, asked), people))
        found[proxy, distance] = bootstrap_mean(np.stack(lines))
    return found


def with_logarithm(found: Found) -> Found:
    """The same with "logarithm", (8, N): the log-probability of the wanted expression."""
    if "expression" not in found:
        return found
    wanted = np.arange(len(found["expression"]))
    return found | {"logarithm": found["expression"][wanted, :, wanted]}


def _known(measured: Measured, names: Sequence[str]) -> list[str]:
    known = [name for name in names if name in measured.found]
    if len(known) < 3:
        raise ValueError(f"expected three methods or more, got {', '.join(known) or 'none'}")
    return known


def _pairs(
    measured: Measured, names: Sequence[str], proxies: Mapping[str, Column]
) -> Iterator[tuple[tuple[str, Column], tuple[str, Column]]]:
    """Proxies with distances, by heading, of which every method has both."""
    every = [with_logarithm(one) for name in names for one in measured.found[name]]
    for proxy in proxies.items():
        for distance in TRUE.items():
            if all({proxy[1].measure, distance[1].measure} <= set(one) for one in every):
                yield proxy, distance


def _sign(column: Column) -> float:
    return -1.0 if column.better == "lower" else 1.0
