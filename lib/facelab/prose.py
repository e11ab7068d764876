"""Finds results that were typed into prose, where they would stay when a new run changes them.

Prose is what readers read: the Markdown cells of a notebook; in its code cells the literals passed
as `alt` or `caption`, and those of `Markdown(...)` and `labbook.opening(...)`; a page such as the
README, outside the parts that are rendered. A result gets there from the registers: from a run's
tables, or from `published/*.csv` where the number is the paper's, by an f-string in
`display(Markdown(f"..."))`, or by a marked part of the README.

A numeral claims a result where one of these holds:

- it has a decimal point or an exponent: 4.01, 1e-3;
- a unit of results follows it, also at the end of a list or range: %, percent, -fold, fps, frames
  or faces a second, seconds, minutes, hours, ms, KB to GB, dB, nats, parameters; "times" or "x"
  before a comparison (3 times as wide, 2 x faster). Before percent, "times" and "-fold", number
  words count too;
- pixels, degrees, cm or mm follow it, in a sentence about an error, a spread and the like;
- it follows the name of a measure: an error of 4, accuracy rises to 90;
- it counts outcomes: 9 of 14, 14 claims.

And it does not claim one where it is

- mathematics, code, a link's target, a version, a heading's or a list's number, a year, a date;
- a reference: section 4.2, Table 2, Eq. 4-7, chapter 13, `**A bold lead** (3.1)`;
- a size: 80 x 80 pixels, 64-pixel, 300-W, 2.8 GHz, the fraction 1/16, 68 landmarks;
- a setting, its name standing before it: dropout of 0.2, learning rate 0.001 (`SETTINGS`);
- a level of confidence: 95 % intervals.

What these rules take for a result and is none, such as a frame rate or a budget, is named, with the
reason, in the cell itself (in a page: in the section), in a comment that readers do not see:

    <!-- given: 25, 0.35; the frame rate and the slider's width, chosen above -->
    # given: 25, 0.35; the same in a code cell
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from facelab import notebook

_N = r"(?<![\w.,])(?<![A-Za-z]-)\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?"
_WORD = r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|hundred)\b"
_JOIN = r"\s*(?:,\s*and|-|–|±|/|,|to|and|or)\s*"

SETTINGS = (
    r"dropout|(?<!error )(?<!failure )(?<!hit )(?<!frame )rates?|momentum|decay|slope|margins?|"
    r"thresholds?|jitter|patience|temperature|warm-up|lr|weights?|ReLUs?|LeakyReLUs?|probability|"
    r"power|sigma|epsilon|alpha|beta|lambda|tau|[αβεληστ]"
)
MEASURES = (
    r"errors?|NMS?E|RMSE|MAE|FID|AUC|PSNR|SSIM|F1|accurac(?:y|ies)|spreads?|scatter|correlations?|"
    r"scores?|gains?|drops?|gaps?|differences?|improvements?|speed-?ups?|(?:failure|error) rates?"
)
_ABOUT = re.compile(
    r"error|spread|scatter|deviat|accura|bias|displac|jump|precis|better|worse|wider|narrower"
    r"|closer|\bmiss(?:es|ed)?\b|\boff\b|\bapart\b",
    re.IGNORECASE,
)
_FAST = r"(?:a|per|every|each)\s+second\b|(?:frames|faces|images|pictures|crops)\s*/\s*s\b"
_UNIT = (
    r"%|per\s?cent(?:age\s+points?)?\b|-?fold\b|fps\b|Hz\b|m?s\b|(?:milli)?seconds?\b|"
    rf"(?:\w+\s+)?(?:{_FAST})|"
    r"min\b|minutes?\b|hours?\b|[kKMGT]i?B\b|dB\b|nats?\b|"
    r"(?:million\s+|thousand\s+|k\s*|M\s*)?parameters\b"
)
_COMPARED = r"(?:times|x|×)\s+(?:as\b|(?:the|more|less|fewer)\b|\w+er\b)"
_WEAK = r"px\b|pixels?\b|degrees?\b|°|cm\b|mm\b"
_LINK = (
    r"of|is|are|was|were|be|to|by|from|about|only|nearly|almost|roughly|some|constant|stays|remains|"
    r"falls?|fell|drops?|dropped|rises?|rose|grows?|grew|shrinks?|reach(?:es|ed)?|goes|went"
)

_MASKS = [
    re.compile(pattern, re.MULTILINE | re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"^[ \t]*```.*?^[ \t]*```",
        r"<!-- begin: (?P<part>[a-z-]+) -->.*?<!-- end: (?P=part) -->",
        r"<!--.*?-->",
        r"(?:(?<=\n\n)|\A)(?:(?: {4}|\t)[^\n]*(?:\n|\Z))+",  # an indented block of code
        r"\$\$.*?\$\$|\$[^$\n]*(?:\n[^$\n]+)?\$",
        r"(?P<tick>`+).*?(?P=tick)",
        r"\]\([^)\s]*\)|<[a-z/][^>]*>|https?://[^\s)>]+|\bdoi:\S+|arXiv[:\s]+[\d.]+",
        r"^#{1,6}\s+\d+(?:\.\d+)*",
        r"^[ \t]*\d+[.)](?=\s)",
        r"\b(?:notebooks?|sections?|sec\.?|chapters?|tables?|tab\.|figures?|figs?\.?|equations?|"
        r"eqs?\.?|algorithms?|exercises?|items?|appendix|pages?|pp?\.|lines?)\s+\d+(?:\.\d+)*"
        rf"(?:{_JOIN}\d+(?:\.\d+)*)*",
        r"(?<=\*\*)\s*\(\d+(?:\.\d+)*(?:[,\s]+(?:and\s+)?\d+(?:\.\d+)*)*\)",
        r"\b(?:Python|torch|PyTorch|CUDA|version|CC BY|Apache|CC0)[ -]?v?\d+(?:\.\d+)*"
        rf"(?:{_JOIN}\d+\.\d+)*",
        r"\b\d+\.\d+\.\d+(?:\.\d+)*\b",
        r"\b\d+(?:\.\d+)?\s*[x×]\s*\d+(?:\s*[x×]\s*\d+)*(?:\s*(?:px|pixels)\b)?",
        r"\b\d+-(?!fold|percent|times)[a-z]\w*",
        r"\b1/\d+\b|\b\d+(?:\.\d+)?\s*[MG]Hz\b",
        r"\b\d+(?:\.\d+)?\s*(?:%|percent)(?=[\s-]+(?:\w+\s+){0,2}?(?:confiden|interval|quantile))",
    )
]
_GIVEN = {
    "markdown": re.compile(r"<!--\s*given:(.*?)-->", re.DOTALL),
    "code": re.compile(r"^[ \t]*#\s*given:(.*)$", re.MULTILINE),
}
_NUMERAL = re.compile(rf"{_N}|{_WORD}", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?:;](?=\s)|\n\s*\n|\n\s*[-*|]\s")
_SPAN = rf"{_N}(?:{_JOIN}{_N})*"
_SETTING = re.compile(rf"\b(?:{SETTINGS})\b[\s=:(*]*(?:(?:{_LINK})[\s=:(*]+)*\Z", re.IGNORECASE)
_RULES = [
    (re.compile(rf"{_SPAN}[\s~]*(?:{_UNIT})"), "has a unit of results"),
    (re.compile(rf"(?:{_SPAN}|{_WORD})\s*{_COMPARED}"), "is a comparison"),
    (re.compile(rf"{_WORD}(?:\s+per\s?cent\b|-?fold\b)", re.I), "has a unit of results"),
    (re.compile(rf"\b(?:{MEASURES})\s+(?:(?:{_LINK})\s+)*{_SPAN}", re.I), "follows a measure"),
    (
        re.compile(rf"{_N}\s+(?:out\s+)?of\s+(?:the\s+|all\s+|its\s+|these\s+)?{_N}"),
        "counts outcomes",
    ),
    (re.compile(rf"{_N}\s+(?:\w+\s+)?(?:claims|readings|verdicts)\b"), "counts outcomes"),
    (
        re.compile(r"(?<![\w.,])(?<![A-Za-z]-)\d[\d,]*(?:\.\d+(?:e[-+]?\d+)?|e[-+]?\d+)"),
        "is a decimal",
    ),
]
_RULE_WEAK = re.compile(rf"{_SPAN}\s*(?:{_WEAK})")


@dataclass(frozen=True)
class Numeral:
    """A numeral that claims a result.

    Attributes:
        text: as it stands there.
        line: within its text, from 1.
        why: which rule found it.
    """

    text: str
    line: int
    why: str


@dataclass(frozen=True)
class Finding:
    """A numeral that should come from the registers, or an excuse that excuses nothing.

    Attributes:
        file: its name.
        place: the cell, or the section of a page.
        line: of the file, from 1; None where it could not be traced.
        what: the numeral, why it was found, and what to do.
    """

    file: str
    place: str
    line: int | None
    what: str

    def __str__(self) -> str:
        at = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{at}, {self.place}: {self.what}"


def numerals(text: str) -> list[Numeral]:
    """The numerals of a Markdown text that claim results, in its order."""
    masked = text
    for mask in _MASKS:
        masked = mask.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), masked)
    found: dict[int, Numeral] = {}
    for rule, why in _RULES:
        for match in rule.finditer(masked):
            found = _noted(match, masked, why) | found
    for match in _RULE_WEAK.finditer(masked):
        if _ABOUT.search(_sentence(masked, match.start())):
            found = _noted(match, masked, "is a length in a sentence about an error") | found
    return [found[start] for start in sorted(found)]


def check_notebook(path: Path) -> list[Finding]:
    """What is typed into the prose of a notebook's source (py:percent).

    Args:
        path: such as `notebooks/10_laplace.py`.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    findings, above = [], 0
    for index, cell in enumerate(notebook.read_source(path).cells):
        kind = "code" if cell.cell_type == "code" else "markdown"
        above = _begin(cell.source, kind, lines, above)
        found = (_in_code if kind == "code" else numerals)(cell.source)
        findings += _settled(found, cell.source, kind, path.name, f"cell {index}", above)
        above += cell.source.count("\n") + 1
    return findings


def check_page(path: Path) -> list[Finding]:
    """What is typed into a page outside its rendered parts, section by section."""
    findings, above = [], 0
    for section in re.split(r"^(?=#{1,6} )", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        title = section.splitlines()[0].lstrip("# ") if section else ""
        found = numerals(section)
        findings += _settled(found, section, "markdown", path.name, f"section {title!r}", above)
        above += section.count("\n")
    return findings


def _noted(match: re.Match[str], masked: str, why: str) -> dict[int, Numeral]:
    """The numerals of a match by where they stand, without years and settings."""
    if _SETTING.search(masked[max(0, match.start() - 60) : match.start()]):
        return {}
    noted = {}
    for number in _NUMERAL.finditer(masked, match.start(), match.end()):
        text = number[0].rstrip(",")
        last = not _NUMERAL.search(masked, number.end(), match.end())
        if re.fullmatch(r"(?:19|20)\d\d", text) and not last:
            continue  # a year before a number: in 2019, 5 %
        line = masked.count("\n", 0, number.start()) + 1
        noted[number.start()] = Numeral(text, line, why)
    return noted


def _sentence(text: str, at: int) -> str:
    ends = [0, *(match.end() for match in _SENTENCE.finditer(text)), len(text)]
    return next(text[a:b] for a, b in pairwise(ends) if a <= at < b)


def _settled(
    found: list[Numeral], source: str, kind: str, file: str, place: str, above: int
) -> list[Finding]:
    """Findings of one cell or section, less those that it gives a reason for.

    Args:
        above: lines of the file that stand above it.
    """
    given: set[str] = set()
    findings = []
    for match in _GIVEN[kind].finditer(source):
        line = above + source.count("\n", 0, match.start()) + 1
        listed, _, reason = match[1].partition(";")
        texts = {text.strip() for text in listed.split(", ") if text.strip()}
        given |= texts
        if not texts or not reason.strip():
            what = f"expected `given: 25, 0.35; the reason`, got `given:{match[1].rstrip()}`"
            findings.append(Finding(file, place, line, what))
        for text in sorted(texts - {numeral.text for numeral in found}):
            what = f"`given:` names {text}, which is not typed here as a result: take it out"
            findings.append(Finding(file, place, line, what))
    for numeral in found:
        if numeral.text not in given:
            what = (
                f"{numeral.text!r} {numeral.why} and is typed by hand: compute it, in "
                "`display(Markdown(f'...'))` or a caption's f-string, from this run's tables or "
                f"published/*.csv; if it is no result, comment `given: {numeral.text}; the reason`"
            )
            findings.append(Finding(file, place, above + numeral.line, what))
    return findings


def _in_code(source: str) -> list[Numeral]:
    """The same as `numerals`, in the texts of a code cell that readers will read."""
    lines, found = source.splitlines(), {}
    for node in ast.walk(ast.parse(TransformerManager().transform_cell(source))):
        for value in _shown(node):
            for first, last, text in _texts(value):
                for numeral in numerals(text):
                    within = range(first, last + 1)
                    line = next((k for k in within if numeral.text in lines[k - 1]), first)
                    found[line, numeral.text] = Numeral(numeral.text, line, numeral.why)
    return [found[key] for key in sorted(found)]


def _shown(node: ast.AST) -> list[ast.expr]:
    """The expressions of a node whose texts are shown: alt, caption, Markdown, the opening."""
    match node:
        case ast.keyword(arg="alt" | "caption", value=value):
            return [value]
        case ast.Assign(targets=[ast.Name(id="alt" | "caption")], value=value):
            return [value]
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return [v for k, v in pairs if getattr(k, "value", None) in ("alt", "caption")]
        case ast.Call(func=ast.Name(id="Markdown" | "opening"), args=args):
            return args
        case ast.Call(func=ast.Attribute(attr="Markdown" | "opening"), args=args):
            return args
    return []


def _texts(node: ast.AST) -> Iterator[tuple[int, int, str]]:
    """First line, last line and literal text of each string; what is computed is left out."""
    match node:
        case ast.Constant(value=str(text)):
            yield node.lineno, node.end_lineno or node.lineno, text
        case ast.JoinedStr(values=values):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in values]
            yield node.lineno, node.end_lineno or node.lineno, "".join(map(str, parts))
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _texts(child)


def _begin(source: str, kind: str, lines: list[str], above: int) -> int:
    """Lines of the file above a cell, found by its first line, from where the last one ended."""
    first = source.split("\n")[0]
    wanted = first if kind == "code" else f"# {first}".rstrip()
    return next((k for k in range(above, len(lines)) if lines[k] == wanted), above)
