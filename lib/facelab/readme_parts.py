"""The parts of README.md that tables and ledgers fill, one function each.

Each reads what a notebook left in `results/<tier>/<paper>/` and returns Markdown, or `NOT_YET`
where that is missing. `facelab.readme` puts them where they belong.
"""

from __future__ import annotations

import pandas as pd

from facelab import FacelabError, ledger, paths, scoreboard
from facelab.verdicts import INCONCLUSIVE

TIER = "laptop"  # whose results are committed and shown
NOT_YET = "*Not measured yet: `make reproduce` fills this in.*"
METHODS = (
    "Mean shape",
    "Softargmax",
    "Softargmax+D(70K)",
    "GaussianKL",
    "LaplaceKL",
    "LaplaceKL+D(70K)",
)
ENDS = ("nothing done", "true answer")  # of geometry's measures: the first row and the last


def rendering() -> str:
    """Faces a second, by size of picture and number of threads."""
    frame = _table("faces", "speed")
    if frame is None:
        return NOT_YET
    columns = list(frame["column"].unique())
    lines = [f"| faces a second | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name in frame["row"].unique():
        cells = [_cell(frame, name, column) for column in columns]
        texts = ["–" if cell is None else f"{cell['ours']:,.0f}" for cell in cells]
        lines.append(f"| {name} | {' | '.join(texts)} |")
    return "\n".join(lines)


def laplace() -> str:
    """Laplace Landmark Localization: the main rows beside the paper's, and how to read them."""
    errors, spreads = _table("laplace", "table-2"), _table("laplace", "spread")
    if errors is None or spreads is None:
        return NOT_YET
    lines = [
        "| method | error, paper | error, ours | spread, paper | spread, ours |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in METHODS:
        error, spread = _cell(errors, name, "full"), _cell(spreads, name, "spread")
        if error is None:
            raise FacelabError(f"results/{TIER}/laplace/table-2.csv has no row {name}")
        texts = [_number(error, "paper"), _interval(error), _number(spread, "paper")]
        lines.append(f"| {' | '.join([name, *texts, _interval(spread)])} |")
    ours = _cell(errors, "LaplaceKL", "full")
    lines += [
        "",
        "Error: mean distance in percent of that of the outer eye corners; the paper's on 300-W, "
        f"ours on {ours['n']:.0f} synthetic faces, common and challenge together, with 95 % "
        f"bootstrap intervals over {'faces' if ours['seeds'] == 1 else 'faces and seeds'} "
        f"({_trainings(ours)}). Spread: mean distance "
        "of a heatmap's probability from its mean, in pixels of the map; the paper's maps have "
        "80 x 80 pixels, ours fewer at this tier. Levels do not compare; orderings may. All rows: "
        f"[table 2](results/{TIER}/laplace/table-2.md), "
        f"[spread](results/{TIER}/laplace/spread.md).",
    ]
    return "\n".join(lines)


def claims() -> str:
    """What the runs say to each claim of the Laplace paper.

    Raises:
        FacelabError: the ledger has other columns; see `scoreboard.ledger`.
    """
    frame = scoreboard.ledger("laplace", TIER)
    if frame.empty:
        return NOT_YET
    lines = [
        _counted(frame),
        "",
        "| claim | where | in | paper | ours | n | verdict |",
        "|---|---|---|---:|---:|---|---|",
    ]
    for row in frame.itertuples(index=False):
        printed, ours = ledger.number(row.paper, row.unit), ledger.ours(row)
        texts = [row.claim, row.where, row.unit, printed, ours, ledger.basis(row)]
        ruled_out = row.verdict == INCONCLUSIVE and row.excludes == "yes"
        verdict = f"*{row.verdict}*{', and not as in the paper' if ruled_out else ''}"
        lines.append(f"| {' | '.join(texts)} | {verdict} |")
    lines += [
        "",
        "Paper and ours are the effect that settles a claim, computed from both in the same way: "
        "for a difference of errors, its share of the larger one's; in brackets its 95 % interval. "
        "*Reproduced*: the interval keeps to the paper's side of nothing and agrees with its size. "
        "*Not as in the paper*: whether there is an effect is open, but the interval excludes the "
        "paper's value. "
        "*Not attempted*: needs systems or networks that were not run. This is evidence about the "
        f"small networks of this tier. More in [claims](results/{TIER}/laplace/claims.md).",
    ]
    return "\n".join(lines)


def speed() -> str:
    """Frames per second of single pictures at each width, beside the paper's."""
    frame = _table("laplace", "table-3")
    if frame is None:
        return NOT_YET
    lines = [
        "| channels | parameters | paper, fps | eager, fps | ours, fps | ours / paper |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for width in ("1", "1/2", "1/4", "1/8", "1/16"):
        names = ("Parameters", "Speed", "Speed, eager")
        size, fast, eager = (_cell(frame, name, width) for name in names)
        if size is None or fast is None or eager is None:
            raise FacelabError(f"results/{TIER}/laplace/table-3.csv is not whole at {width}")
        lines.append(
            f"| {width} | {size['ours']:.4f} M | {fast['paper']:.1f} | {eager['ours']:.0f} | "
            f"{fast['ours']:.0f} | {fast['ours'] / fast['paper']:.0f} |"
        )
    lines += [
        "",
        "The paper's networks at 80 x 80 pixels, one picture at a time, on a CPU: the paper's of "
        "2018 or 2019, ours the one these results come from, so the ratio mixes machine and "
        "engine. *Eager* is plain PyTorch, *ours* the library's detector "
        "(`facelab.papers.laplace.inference`). "
        f"More in [table 3](results/{TIER}/laplace/table-3.md).",
    ]
    return "\n".join(lines)


def london() -> str:
    """Detectors trained on synthetic faces alone, on photographs."""
    frame = _table("laplace", "london")
    if frame is None:
        return "*Not measured yet: this part needs the photographs.*"
    kinds = [k for k in ("as predicted", "adapted") if k in set(frame["column"])]
    lines = [f"| detector | {' | '.join(kinds)} |", "|---|" + "---:|" * len(kinds)]
    people = set()
    for name in frame["row"].unique():
        cells = [_cell(frame, name, kind) for kind in kinds]
        people |= {int(cell["n"]) for cell in cells if cell is not None}
        lines.append(f"| {name} | {' | '.join(map(_interval, cells))} |")
    lines += [
        "",
        f"Percent of the distance of the outer eye corners, over the points that both annotations "
        f"share, on {max(people)} people of the London set; 95 % intervals over people. *Adapted*: "
        "a fixed offset per point, learnt from other people of the set, for annotators do not "
        f"click where a mesh has its vertices. More in [london](results/{TIER}/laplace/london.md).",
    ]
    return "\n".join(lines)


def ganimation() -> str:
    """GANimation: its emotions and those of other methods, measured against the true edit.

    Raises:
        FacelabError: the table lacks a column in a row.
    """
    frame, register = _table("ganimation", "fig-6"), scoreboard.ledger("ganimation", TIER)
    if frame is None or register.empty:
        return NOT_YET
    columns = {"unit error": 1, "emotion seen": 1, "identity": 2, "error": 2}  # digits
    lines = [f"| method | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name in frame["row"].unique():
        cells = {column: _needed(frame, "ganimation", name, column) for column in columns}
        texts = [_interval(cell, columns[column]) for column, cell in cells.items()]
        lines.append(f"| {' | '.join([name, *texts])} |")
    ours = _needed(frame, "ganimation", "GANimation", "error")
    lines += [
        "",
        f"Means over all emotions at full intensity, asked of {ours['n']:.0f} test faces at rest, "
        f"with 95 % bootstrap intervals; {_trainings(ours)}. *Unit error*: of all action units, in "
        "percent of full intensity, and *emotion seen*: share of the edits in percent, both by a "
        "judge that saw true renderings only; the last row says how far to trust it. "
        "*Identity*: cosine of the person's embedding with that of the input. *Error*: mean "
        "absolute difference from the true picture, in percent of white. Who does nothing keeps "
        "the person best, so no column by itself says how good a method is. More in "
        f"{_links('ganimation', {'all measures': 'fig-6', 'the smile alone': 'smile'})}.",
        "",
        f"{_counted(register)} More in {_links('ganimation', {'claims': 'claims'})}.",
    ]
    return "\n".join(lines)


def geometry() -> str:
    """Geometry-guided synthesis: Table 1, the distance from the truth, and which measure knew it.

    Raises:
        FacelabError: a table lacks a cell.
    """
    names = ("table-1", "truth", "ordering-methods")
    first, truth, order = (_table("geometry", name) for name in names)
    register = scoreboard.ledger("geometry", TIER)
    if first is None or truth is None or order is None or register.empty:
        return NOT_YET
    lines = [
        "| method | accuracy, paper | accuracy, ours | FID, paper | FID, ours "
        "| error to the truth |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    methods = list(first["row"].unique())
    for name in (ENDS[0], *methods, ENDS[1]):
        source = first if name in methods else truth  # the paper's table has no ends
        accuracy = _needed(source, "geometry", name, "accuracy")
        fid = _needed(first, "geometry", name, "FID") if name in methods else None
        texts = [_number(accuracy, "paper", 1), _interval(accuracy, 1)]
        texts += [_number(fid, "paper"), _interval(fid)]
        texts.append(_interval(_needed(truth, "geometry", name, "error")))
        lines.append(f"| {' | '.join([name, *texts])} |")
    ours = _needed(first, "geometry", methods[-1], "accuracy")
    lines += [
        "",
        "Accuracy: share of the translations in which a judge sees the expression asked for, in "
        "percent, without the two that AffectNet has few of; the paper's on AffectNet, ours on "
        f"rendered faces in its proportions, of {ours['n']:.0f} people, with 95 % bootstrap "
        f"intervals; {_trainings(ours)}. The judges differ, and so do the features behind FID: "
        "levels do not compare; orderings may. Error: "
        "mean absolute difference from the true picture of the same person with that expression, "
        "in percent of white. First and last the ends of each measure: the input handed back, and "
        f"the true answer. More in {_links('geometry', {'table 1': names[0], 'truth': names[1]})}.",
        "",
        _agreement(order),
        "",
        f"{_counted(register)} More in {_links('geometry', {'claims': 'claims'})}.",
    ]
    return "\n".join(lines)


def _agreement(order: pd.DataFrame) -> str:
    """Which measures put the methods in the order of the truth: `ordering-methods.csv` in words."""
    distances = list(order["column"].unique())
    texts = []
    for measure, cells in order.groupby("row", sort=False):
        same, reverse = int((cells["low"] > 0).sum()), int((cells["high"] < 0).sum())
        text = f"*{measure}* agrees with {same or 'none'}"
        texts.append(f"{text} and reverses {reverse}" if reverse else text)
    return (
        "Which measures order the methods as the truth does? Of the orders by "
        f"{len(distances)} distances from the truth ({', '.join(distances)}), "
        f"{'; '.join(texts)}. For the rest the interval of the rank correlation, over people, "
        f"includes zero. More in {_links('geometry', {'orders': 'ordering-methods'})}."
    )


def _table(paper: str, id: str) -> pd.DataFrame | None:
    file = paths.repo_root() / "results" / TIER / paper / f"{id}.csv"
    return pd.read_csv(file, dtype={"row": str, "column": str}) if file.is_file() else None


def _cell(frame: pd.DataFrame, row: str, column: str) -> pd.Series | None:
    found = frame[(frame["row"] == row) & (frame["column"] == column)]
    return None if found.empty else found.iloc[0]


def _needed(frame: pd.DataFrame, paper: str, row: str, column: str) -> pd.Series:
    """A cell without which a part cannot be told."""
    cell = _cell(frame, row, column)
    if cell is None:
        raise FacelabError(
            f"results/{TIER}/{paper}/{frame['table'].iloc[0]}.csv has no cell for row {row}, "
            f"column {column}: run `facelab reproduce {paper}`"
        )
    return cell


def _number(cell: pd.Series | None, name: str, digits: int = 2) -> str:
    return "–" if cell is None or pd.isna(cell[name]) else f"{cell[name]:.{digits}f}"


def _interval(cell: pd.Series | None, digits: int = 2) -> str:
    """Our value with its interval: 5.31 [5.20, 5.42]."""
    text = _number(cell, "ours", digits)
    if cell is not None and not pd.isna(cell["low"]):
        text += f" [{_number(cell, 'low', digits)}, {_number(cell, 'high', digits)}]"
    return text


def _trainings(cell: pd.Series) -> str:
    seeds = int(cell["seeds"])
    return f"{'one training' if seeds == 1 else f'{seeds} trainings'} a row"


def _counted(register: pd.DataFrame) -> str:
    return f"Of {len(register)} claims of the paper: {ledger.counted(register)}."


def _links(paper: str, named: dict[str, str]) -> str:
    """Links to rendered tables, by the words that stand there."""
    listed = (f"[{text}](results/{TIER}/{paper}/{id}.md)" for text, id in named.items())
    return ", ".join(listed)
