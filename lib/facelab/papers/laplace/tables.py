"""From runs to the tables and figures of Laplace Landmark Localization: pure functions.

Each takes plain results (what `experiments` returns) or plain numbers, and gives the cells of a
table for the lab book's `beside`, or the numbers behind a figure. Nothing here trains, draws or
reads a file, so the cells of the notebook ``10_laplace`` stay short.

A *row* is a list of results of one method, one for each seed, all tested on the same faces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from facelab.papers.laplace.experiments import COUNTS, MAIN, METHODS, Settings
from facelab.papers.laplace.losses import discriminator_loss, generator_loss
from facelab.papers.laplace.model import RCN
from facelab.statistics import Estimate, bootstrap_mean

Row = Sequence[Mapping[str, Any]]  # results of one method, by seed

SUBSETS = ("common", "challenge", "full")  # of 300-W; full is both

WIDTHS = (4, 8, 16, 32, 64)  # channels of Table 3, 1/16 to 1

# Which of our layers are which of Table 1's, in the order of the forward pass.
_NAMES = {
    "encoder": ("E1", "E2", "E3", "E4"),
    "coarsest": ("coarsest, first (not listed)", "coarsest, second (not listed)"),
    "reduce": ("D4", "D3", "D2", "D1"),
    "recombine": ("DF after D4", "DF after D3", "DF after D2", "DF after D1"),
    "head": ("DF, 1x1", "heatmaps (not listed)"),
    "output": ("Output",),
}


def architecture(
    *, channels: int = 64, landmarks: int = 68, size: int = 80
) -> dict[tuple[str, str], float]:
    """Table 1 as built: the convolutions of `RCN` in the order in which they run.

    Args:
        channels: width c of the encoder.
        landmarks: number K of heatmaps.
        size: height and width of the input in pixels, a multiple of 16.

    Returns:
        By (row, column), as the lab book's `beside` takes it. Rows are the paper's names of the
        layers; columns are "kernel" (side), "inputs" and "outputs" (channels), "size" (side of the
        result, before any pooling or up-sampling) and "parameters". The last row has their total.
    """
    network = RCN(channels=channels, landmarks=landmarks).eval()
    cells: dict[tuple[str, str], float] = {}

    def note(name: str):
        group, _, index = name.partition(".")
        row = _NAMES[group][int(index or 0)]

        def hook(layer, _, result):
            cells[row, "kernel"] = layer.kernel_size[0]
            cells[row, "inputs"] = layer.in_channels
            cells[row, "outputs"] = layer.out_channels
            cells[row, "size"] = result.shape[-1]
            cells[row, "parameters"] = sum(p.numel() for p in layer.parameters())

        return hook

    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(note(name))
    with torch.no_grad():
        network(torch.zeros(1, 3, size, size))
    cells["all", "parameters"] = sum(
        v for (_, column), v in cells.items() if column == "parameters"
    )
    return cells


def parameter_counts(published: dict[int, float], widths: tuple[int, ...] = WIDTHS) -> pd.DataFrame:
    """Parameters of `RCN` at each width beside the paper's.

    Args:
        published: millions of parameters as printed, by channels (Table 3).
        widths: the channels to count.

    Returns:
        Columns ``channels``, ``paper`` (millions, nan where not published) and ``ours`` (a count).
    """
    counts = [sum(p.numel() for p in RCN(channels=c).parameters()) for c in widths]
    paper = [published.get(c, np.nan) for c in widths]
    return pd.DataFrame({"channels": list(widths), "paper": paper, "ours": counts})


def protocol(paper: Settings, ours: Settings) -> pd.DataFrame:
    """The settings of a tier beside the paper's, as text, one row a setting."""
    fields = (
        *("size", "margin", "channels", "labelled", "test", "batch", "steps", "rate", "schedule"),
        *("optimiser", "decay", "dropout", "target_scale", "precision", "adversarial_kind"),
        *("discriminator_widths", "discriminator_rate"),
    )
    columns = {}
    for name, plan in {"paper, or our choice": paper, "this tier": ours}.items():
        run = plan.run()
        columns[name] = {field: getattr(run, field) for field in fields}
        columns[name] |= {"label_noise": run.label_noise, "unlabelled": plan.unlabelled}
        count = str(len(plan.seeds))
        if plan.further:
            count += f" ({len(plan.seeds) + len(plan.further)} for {', '.join(MAIN)})"
        columns[name] |= {"seeds": count, "faces": "rendered"}
    # What the paper has and no run of ours can.
    columns["paper, or our choice"] |= {"label_noise": "people's", "faces": "photographs"}
    columns["paper, or our choice"]["seeds"] = "not said"
    return pd.DataFrame(columns).astype(str)


def pushes() -> pd.DataFrame:
    """Where a training step pushes D's logits on a true and on a painted heatmap (Sec. 3.2).

    Under the equations and under Algorithm 1, whose signs are the opposite (a discriminator that is
    right has swapped labels there); positive is up.
    """
    lines = []
    for moment, logit in (("undecided", 0.0), ("right, by 5", 5.0)):
        for rule, sign in (("Eq. 4-7", 1.0), ("Algorithm 1", -1.0)):
            true, fake = (
                each.requires_grad_() for each in torch.tensor([1.0, -1.0]) * sign * logit
            )
            loss = sign * discriminator_loss(true, fake)
            by_d = [-g.item() for g in torch.autograd.grad(loss, (true, fake))]
            (by_g,) = torch.autograd.grad(sign * generator_loss(fake), fake)
            lines.append((moment, rule, *by_d, -by_g.item()))
    columns = ["D is", "signs of", "D pushes true", "D pushes fake", "G pushes fake"]
    return pd.DataFrame(lines, columns=columns)


def best_scale(distances: np.ndarray) -> np.ndarray:
    """The predicted scale b that minimises `losses.laplace_kl` at each distance |D|, target b = 1.

    Where the slope in b vanishes, 1/b = (1 + u) exp(-u) with u = |D|/b. Both are known functions
    of u, which is solved for by interpolation.

    Args:
        distances: |D| in pixels, in [0, 1000].

    Returns:
        b in pixels, same shape; 1 at D = 0 and growing with D.

    Raises:
        ValueError: for distances outside the range.
    """
    distances = np.asarray(distances, dtype=float)
    if not ((distances >= 0) & (distances <= 1000)).all():
        raise ValueError("distances must lie in [0, 1000] pixels")
    u = np.linspace(0.0, 10.0, 20001)
    b = np.exp(u) / (1.0 + u)
    return np.interp(distances, u * b, b)


def per_face(row: Row, subset: str = "full", measure: str = "nme") -> np.ndarray:
    """One measure of each test face, by seed.

    Args:
        row: results of one method.
        subset: one of `SUBSETS`.
        measure: "nme" (percent) or "spread" (pixels of the map).

    Returns:
        (S, N) seeds by faces; "full" has the common faces first.
    """
    if subset not in SUBSETS:
        raise ValueError(f"subset is one of {', '.join(SUBSETS)}, got {subset!r}")
    parts = SUBSETS[:2] if subset == "full" else (subset,)
    return np.stack([np.concatenate([result[p][measure] for p in parts]) for result in row])


def cells(
    rows: Mapping[str, Row],
    *,
    columns: Mapping[str, str] | None = None,
    measure: str = "nme",
) -> dict[tuple[str, str], Estimate]:
    """Means with intervals of all rows, by (row, column).

    Args:
        rows: results by the name of the table's row.
        columns: subset by the name of the table's column; by default the subsets themselves.
        measure: see `per_face`.
    """
    columns = columns or {subset: subset for subset in SUBSETS}
    return {
        (name, column): bootstrap_mean(per_face(row, subset, measure))
        for name, row in rows.items()
        for column, subset in columns.items()
    }


def scaled(
    cells: Mapping[tuple[str, str], Estimate], factor: float
) -> dict[tuple[str, str], Estimate]:
    """Cells in another unit, ``factor`` of which make one of the old."""
    ends = ("value", "low", "high")
    return {
        key: replace(found, **{end: factor * getattr(found, end) for end in ends})
        for key, found in cells.items()
    }


def all_results(*groups: Mapping[Any, Row]) -> list[Mapping[str, Any]]:
    """Every result in some groups of rows, for the provenance of a table."""
    return [result for group in groups for row in group.values() for result in row]


def tidy(cells: Mapping[tuple[Any, str], Estimate]) -> pd.DataFrame:
    """Cells as lines, for the data of a figure: ``row``, ``column``, ``value``, ``low``, ``high``.

    A row that is a pair becomes two columns, ``row`` and ``at``.
    """
    lines = []
    for (row, column), estimate in cells.items():
        name = (
            dict(zip(("row", "at"), row, strict=True)) if isinstance(row, tuple) else {"row": row}
        )
        ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        lines.append({**name, "column": column, **ends})
    return pd.DataFrame(lines)


def with_text(table: pd.DataFrame, text: pd.DataFrame, table_2: Mapping[str, Row]) -> pd.DataFrame:
    """Table 2 as published, with the rows of the running text that it does not have behind it.

    Args:
        table, text: as the lab book's `published` gives them.
        table_2: results by row of Table 2.
    """
    further = text[(text["table"] == "text") & ~text["row"].isin(table_2)]
    return pd.concat([table, further.assign(table="table-2")])


def history(row: Row) -> pd.DataFrame:
    """The course of trainings, mean over seeds: ``step``, ``loss``, ``adversarial``, ``nme``."""
    return sum(pd.DataFrame(result["history"]) for result in row) / len(row)


def best_trained(rows: Mapping[str, Row], name: str) -> Row:
    """Of the rows whose name begins so, the one with the lowest last error on validation faces."""
    tried = [row for key, row in rows.items() if key.startswith(name)]
    return min(tried, key=lambda row: history(row)["nme"].iloc[-1])


def by_unlabelled(
    cells: Mapping[tuple[str, str], Estimate], counts: Sequence[int]
) -> dict[str, tuple[Sequence[int], list[Estimate]]]:
    """Errors of Table 2 over the number of unlabelled faces, by method; 0 is without discriminator.

    Args:
        cells: by (row, column), with the column "full".
        counts: of this tier, for the paper's `COUNTS`.
    """
    suffixes = ("", *(f"+D({count})" for count in COUNTS))
    return {
        name: ((0, *counts), [cells[f"{name}{suffix}", "full"] for suffix in suffixes])
        for name in METHODS
    }


Series = dict[str, tuple[list[float], list[Any]]]  # by name: x, and y in the same order


def by_size(
    errors: Mapping[tuple[str, str], Estimate], speeds: Mapping[tuple[str, str], float]
) -> tuple[Series, Series]:
    """Errors of Table 3, and its speeds, over the row "Parameters"; all by (row, fraction).

    Returns:
        Estimates by method, and frames per second by row of speeds ("Speed", "Speed, eager").
    """

    def series(cells: Mapping[tuple[str, str], Any]) -> Series:
        return {
            name: (
                [speeds["Parameters", fraction] for row, fraction in cells if row == name],
                [value for (row, _), value in cells.items() if row == name],
            )
            for name in dict.fromkeys(row for row, _ in cells)
        }

    return series(errors), series({k: v for k, v in speeds.items() if k[0].startswith("Speed")})


def tidy_size(errors: Series, speeds: Series) -> pd.DataFrame:
    """What `by_size` gives as lines: ``of`` ("error", "speed"), then as `tidy_series`."""
    fast = [(name, x, y) for name, points in speeds.items() for x, y in zip(*points, strict=True)]
    parts = {
        "error": tidy_series(errors),
        "speed": pd.DataFrame(fast, columns=["name", "x", "value"]),
    }
    return pd.concat(parts, names=["of", None]).reset_index("of")


def tidy_series(
    series: Mapping[str, tuple[Sequence[float], Sequence[Estimate]]],
) -> pd.DataFrame:
    """Curves of estimates over x as lines: ``name``, ``x``, ``value``, ``low``, ``high``."""
    return pd.DataFrame(
        {"name": name, "x": x, "value": e.value, "low": e.low, "high": e.high}
        for name, (places, found) in series.items()
        for x, e in zip(places, found, strict=True)
    )


def table_3(rows: Mapping[tuple[str, str], Row]) -> dict[tuple[str, str], Estimate]:
    """Table 3's errors: full test set, by (method, fraction), from results by the same."""
    return {key: bootstrap_mean(per_face(row)) for key, row in rows.items()}
