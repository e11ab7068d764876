"""Keeps README.md true: its measured figures are rendered from the committed results.

A measured part of the README stands between two comments,

    <!-- begin: minutes -->
    <!-- end: minutes -->

and `facelab readme` fills it; `facelab reproduce` does so at its end. Nothing that was measured is
typed by hand, and a test holds the README to the results beside it. What tables say is in
`readme_parts`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from facelab import FacelabError, paths, readme_parts
from facelab import scoreboard as registers
from facelab.readme_parts import NOT_YET, TIER
from facelab.runs import measured
from facelab.verdicts import VERDICTS

# Figures, by block: paper and id. Alt text and caption come with the figure.
PICTURES = {
    "faces": ("faces", "wall"),
    "heatmaps": ("laplace", "fig-3"),
    "edits": ("ganimation", "fig-6"),
}
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


BLOCKS: dict[str, Callable[[], str]] = {
    **{name: lambda name=name: picture(name) for name in PICTURES},
    "minutes": minutes,
    "rendering": readme_parts.rendering,
    "scoreboard": scoreboard,
    "laplace": readme_parts.laplace,
    "claims": readme_parts.claims,
    "speed": readme_parts.speed,
    "london": readme_parts.london,
    "ganimation": readme_parts.ganimation,
    "geometry": readme_parts.geometry,
}


def _caches(start: str) -> str:
    return "from empty caches" if start == "cold" else "with filled caches"


def _root(*parts: str) -> Path:
    return paths.repo_root().joinpath(*parts)
