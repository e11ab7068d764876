"""Keeps README.md true: its measured figures are rendered from the committed results.

A measured part of the README stands between two comments,

    <!-- begin: minutes -->
    <!-- end: minutes -->

and `facelab readme` fills it; `facelab reproduce` does so at its end. Nothing that was measured is
typed by hand, and a test holds the README to the results beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from facelab import FacelabError, ledger, paths
from facelab import scoreboard as registers
from facelab.runs import measured
from facelab.verdicts import INCONCLUSIVE, VERDICTS

TIER = "laptop"  # whose results are committed and shown
# Figures of the README's head, by block: paper and id. Alt text and caption come with the figure.
PICTURES = {"faces": ("faces", "wall"), "heatmaps": ("laplace", "fig-3")}
NOT_YET = "*Not measured yet: `make reproduce` fills this in.*"
METHODS = (
    "Mean shape",
    "Softargmax",
    "Softargmax+D(70K)",
    "GaussianKL",
    "LaplaceKL",
    "LaplaceKL+D(70K)",
)
_MARKED = re.compile(
    r"(?P<begin><!-- begin: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)


def refresh(*, write: bool = True) -> list[str]:
    """Renders the marked parts of README.md anew.

    Args:
        write: write the file where something differs.

    Returns:
        The names of the parts that differed.

    Raises:
        FacelabError: no README.md, a mark without its end, or one with an unknown name.
    """
    file = paths.repo_root() / "README.md"
    if not file.is_file():
        raise FacelabError(f"there is no {file}")
    old = file.read_text(encoding="utf-8")
    new, changed = rendered(old)
    if changed and write:
        with paths.atomic_write(file) as temporary:
            temporary.write_text(new, encoding="utf-8")
    return changed


def rendered(text: str) -> tuple[str, list[str]]:
    """A README's text with its marked parts rendered, and the names of those that changed.

    Raises:
        FacelabError: a mark without its end, or one with an unknown name.
    """
    changed = []

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in BLOCKS:
            raise FacelabError(f"README.md: unknown part {name!r}; there are {', '.join(BLOCKS)}")
        whole = f"{match['begin']}{BLOCKS[name]()}\n{match['end']}"
        if whole != match[0]:
            changed.append(name)
        return whole

    result = _MARKED.sub(fill, text)
    begun, whole = text.count("<!-- begin: "), len(_MARKED.findall(text))
    if begun != whole or text.count("<!-- end: ") != whole:
        raise FacelabError(
            f"README.md: {begun} marks begin a part and {whole} parts are whole: "
            "write <!-- begin: name -->, a line break, and <!-- end: name -->"
        )
    return result, changed


def minutes() -> str:
    """What each notebook took, and `make reproduce` as a whole."""
    lines = ["| notebook | tier | minutes | memory | measured on |", "|---|---|---:|---:|---|"]
    whole: list[dict[str, str]] = []
    names = sorted(path.stem for path in _root("notebooks").glob("[0-9]*_*.py"))
    for name in names:
        for tier, row in measured(name).items():
            if tier == "smoke":
                continue  # measured by whoever ran the tests last
            took, memory = float(row["seconds"]) / 60, float(row["peak_memory_mb"]) / 1000
            lines.append(
                f"| [`{name}`](notebooks/{name}.ipynb) | {tier} | {took:.1f} | {memory:.1f} GB | "
                f"{row['cores']} cores, {_caches(row['start'])} |"
            )
            if tier == TIER:
                whole.append(row)
    if not whole:
        return NOT_YET
    if len(whole) == len(names):
        total = sum(float(row["seconds"]) for row in whole) / 60
        starts = {_caches(row["start"]) for row in whole}
        text = f"All of the {TIER} tier together: {total:.0f} minutes"
        text += f" {starts.pop()}" if len(starts) == 1 else ", and more where caches were filled"
        lines += ["", f"{text}. Installing the packages, once, comes on top."]
    return "\n".join(lines)


def picture(block: str) -> str:
    """One figure of the lab book, with its own alt text and caption."""
    paper, id = PICTURES[block]
    file = _root("figures", TIER, paper) / f"{id}.json"
    if not file.is_file():
        return NOT_YET
    about = json.loads(file.read_text(encoding="utf-8"))
    if about["photo"]:
        raise FacelabError(f"{file.name} shows real people: the README shows synthetic faces only")
    path = f"figures/{TIER}/{paper}/{id}.png"
    return f"![{about['alt']}]({path})\n\n*{about['caption']}*"


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
    seeds = int(ours["seeds"])
    lines += [
        "",
        "Error: mean distance in percent of that of the outer eye corners; the paper's on 300-W, "
        f"ours on {ours['n']:.0f} synthetic faces, common and challenge together, with 95 % "
        f"bootstrap intervals over {'faces' if seeds == 1 else 'faces and seeds'} "
        f"({'one training' if seeds == 1 else f'{seeds} trainings'} a row). Spread: mean distance "
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
    frame = registers.ledger("laplace", TIER)
    if frame.empty:
        return NOT_YET
    lines = [
        f"Of {len(frame)} claims of the paper: {ledger.counted(frame)}.",
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


def scoreboard() -> str:
    """The papers, each with its claims by verdict, table cells, figures and minutes."""
    rows = registers.board(registers.tiers(TIER))
    if not (rows["status"] == registers.DONE).any():
        return NOT_YET
    lines = [
        "| | paper | notebook | tier | claims | cells | figures | minutes |",
        "|---|---|---|---|---|---:|---:|---:|",
    ]
    for row in rows.to_dict("records"):
        paper = f"{row['title']} ({row['reference']})" if row["reference"] else row["title"]
        name = row["notebook"]
        texts = [str(row["number"] or "–"), paper, f"[`{name}`](notebooks/{name}.ipynb)"]
        if row["status"] == registers.DONE:
            counts = [f"{row[verdict]} {verdict}" for verdict in VERDICTS if row[verdict]]
            took = "–" if pd.isna(row["seconds"]) else f"{row['seconds'] / 60:.1f}"
            texts += [row["tier"], "<br>".join(counts) or "–"]
            texts += [f"{row['filled']} of {row['cells']}", str(row["figures"]), took]
        else:
            texts = [*texts[:2], texts[2] if name else "", "", row["status"], "", "", ""]
        lines.append(f"| {' | '.join(texts)} |")
    lines += [
        "",
        "Claims by verdict. What a verdict means, and what it does not mean at a small tier, "
        "stands in [`90_scoreboard`](notebooks/90_scoreboard.ipynb), with every claim, and the "
        "paper's effect beside ours. Cells: those of the tables that hold a value of ours, of "
        "all; the others are of systems that nobody ran here.",
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


BLOCKS: dict[str, Callable[[], str]] = {
    **{name: lambda name=name: picture(name) for name in PICTURES},
    "minutes": minutes,
    "rendering": rendering,
    "laplace": laplace,
    "claims": claims,
    "scoreboard": scoreboard,
    "speed": speed,
    "london": london,
}


def _table(paper: str, id: str) -> pd.DataFrame | None:
    file = _root("results", TIER, paper) / f"{id}.csv"
    return pd.read_csv(file, dtype={"row": str, "column": str}) if file.is_file() else None


def _cell(frame: pd.DataFrame, row: str, column: str) -> pd.Series | None:
    found = frame[(frame["row"] == row) & (frame["column"] == column)]
    return None if found.empty else found.iloc[0]


def _number(cell: pd.Series | None, name: str) -> str:
    return "–" if cell is None or pd.isna(cell[name]) else f"{cell[name]:.2f}"


def _interval(cell: pd.Series | None) -> str:
    """Our value with its interval: 5.31 [5.20, 5.42]."""
    text = _number(cell, "ours")
    if cell is not None and not pd.isna(cell["low"]):
        text += f" [{cell['low']:.2f}, {cell['high']:.2f}]"
    return text


def _caches(start: str) -> str:
    return "from empty caches" if start == "cold" else "with filled caches"


def _root(*parts: str) -> Path:
    return paths.repo_root().joinpath(*parts)
