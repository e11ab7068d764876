"""The claims of a paper as data: `papers/<paper>/claims.yaml`; errors name file and line.

    register = claims.read("laplace")
    register.claims[0].statement
    frame = verdicts.judged(register, evidence, tier="laptop")    # see facelab.verdicts

No number of the paper is typed in the file: a claim names cells of `published/*.csv`, each by its
(table, row, column), and the effect that the paper reports is computed from them. The file:

    metrics:                       # by a short name; normaliser and unit belong to the number
      nmse: {name: NMSE, normaliser: distance of the outer eye corners, unit: "%"}
    tolerances:                    # how far ours may be from the paper's, and why
      effect: {factor: 2, reason: ...}
    claims:
      - id: kl-full
        statement: LaplaceKL has a lower error than softargmax.
        where: Table 2
        metric: nmse
        subset: full
        evidence: difference       # what settles it, one of `SIDES`; rules in facelab.verdicts
        sides:
          lower: [table-2, LaplaceKL, full]
          higher: [table-2, Softargmax, full]
        tolerance: effect
    contradictions:                # where the text contradicts the paper's own tables
      - {id: ..., where: ..., quote: ..., text: [...], tables: {of: rise, numbers: [...]}, ...}
    deviations:                    # settings in which a tier may differ from the paper, and why
      - {settings: [size, channels], why: ...}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facelab import FacelabError, published

Cell = tuple[str, str, str]  # table, row, column of the published numbers
Kind = Literal["difference", "no gain", "trend", "smaller loss", "ratio", "value", "at least"]
Text = Annotated[str, Field(min_length=1)]

# The sides of each kind of evidence, in the order in which its effect takes them (`verdicts`).
SIDES: dict[str, tuple[str, ...]] = {
    "difference": ("lower", "higher"),
    "no gain": ("with", "without"),
    "trend": (),  # three or more, from first to last
    "smaller loss": ("small", "full", "other small", "other full"),
    "ratio": ("more", "less"),
    "value": ("value",),
    "at least": ("value", "bound"),
}
# What a tolerance of each kind must say.
TOLERATES = {**dict.fromkeys(SIDES, "factor"), "no gain": "margin", "at least": None}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Metric(_Record):
    """What is measured.

    Attributes:
        name: such as "NMSE".
        normaliser: what it is divided by; "" where nothing.
        unit: of the paper's numbers and ours.
    """

    name: Text
    normaliser: str = ""
    unit: Text


class Tolerance(_Record):
    """How far our number may be from the paper's.

    Attributes:
        factor: our effect agrees with the paper's between 1 / factor and factor times it.
        margin: a gain below this many percent counts as none.
        noise: percent by which a single timing may be off; it stands for an interval.
        reason: why so much.
    """

    factor: Annotated[float, Field(gt=1, strict=False)] | None = None
    margin: Annotated[float, Field(gt=0, strict=False)] | None = None
    noise: Annotated[float, Field(ge=0, strict=False)] = 0.0
    reason: Text


class Claim(_Record):
    """One claim.

    Attributes:
        id: small letters, digits and hyphens; stays the same for good.
        statement: a sentence.
        where: section, table or equation of the paper.
        metric, tolerance: names of entries of the same file.
        subset: the part of the test data; "" where there is none.
        evidence: the kind of evidence that settles it, with its own `sides`.
        sides: cells of the published numbers; ours are looked up by the same names.
        note: what differs from the paper whatever the run.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    statement: Text
    where: Text
    metric: Text
    subset: str = ""
    evidence: Kind
    sides: dict[str, Annotated[Cell, Field(strict=False)]]
    tolerance: Text
    note: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The sides in the order in which the effect takes them."""
        return tuple(self.sides[name] for name in SIDES[self.evidence] or self.sides)


class Reckoned(_Record):
    """A number computed from published ones.

    Attributes:
        of: "value", the number itself; "rise" or "fall" from the first to the second in percent of
            the first; "bytes" of so many million parameters of four bytes each, in MB.
        numbers: one or two cells.
    """

    of: Literal["value", "rise", "fall", "bytes"]
    numbers: Annotated[tuple[Annotated[Cell, Field(strict=False)], ...], Field(strict=False)]


class Contradiction(_Record):
    """A place where the paper's text contradicts its own tables or itself.

    Attributes:
        id, where: as a claim's.
        quote: the words, short.
        text: the cell with the number that the text prints; None where it prints none.
        tables: what its tables give.
        remark: what is probably meant, and what is used here.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    where: Text
    quote: Text
    text: Annotated[Cell, Field(strict=False)] | None = None
    tables: Reckoned
    remark: Text


class Deviation(_Record):
    """Settings in which our runs may differ from the paper's.

    Attributes:
        settings: their names, as in the paper's own table of settings.
        why: the reason, the same for all of them.
    """

    settings: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
    why: Text


class _File(_Record):
    metrics: dict[str, Metric]
    tolerances: dict[str, Tolerance]
    claims: Annotated[tuple[Claim, ...], Field(strict=False, min_length=1)]
    contradictions: Annotated[tuple[Contradiction, ...], Field(strict=False)] = ()
    deviations: Annotated[tuple[Deviation, ...], Field(strict=False)] = ()


class Register(_File):
    """A paper's claims with its published numbers.

    Attributes:
        paper: name of its room.
        numbers: (value, unit) by cell.
    """

    paper: str
    numbers: dict[Cell, tuple[float, str]]

    def value(self, cell: Cell) -> float:
        return self.numbers[cell][0]


def path(paper: str) -> Path:
    """Where the claims of a paper stand."""
    return published.PAPERS / paper / "claims.yaml"


def read(paper: str) -> Register:
    """The claims of a paper, checked against its published numbers.

    Raises:
        FacelabError: the file is missing or wrong, or a claim names a cell that is not published
            or not checked. The message names file, line, what was expected and what came.
    """
    file = path(paper)
    if not file.is_file():
        raise FacelabError(f"{paper} has no claims.yaml; expected it beside its model.py")
    where = f"{paper}/{file.name}"
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FacelabError(f"{where}, line {line}: expected YAML; {error.problem}") from error
    if root is None:
        raise FacelabError(f"{where}, line 1: expected metrics, tolerances and claims; got nothing")
    for key in _twice(root):
        raise FacelabError(f"{where}, line {key.start_mark.line + 1}: {key.value} stands twice")
    try:
        content = _File.model_validate(yaml.SafeLoader("").construct_document(root))
    except ValidationError as error:
        raise FacelabError("\n".join(_explained(where, root, error))) from error
    register = Register(**dict(content), paper=paper, numbers=published.numbers(paper))
    for place, problem in _problems(register):
        raise FacelabError(f"{where}, line {_line(root, place)}: {problem}")
    return register


def _problems(register: Register) -> Iterator[tuple[tuple[Any, ...], str]]:
    """What the types cannot say: names that lead nowhere, sides that do not fit the evidence."""
    for group in ("claims", "contradictions"):
        seen: set[str] = set()
        for i, entry in enumerate(getattr(register, group)):
            if entry.id in seen:
                yield (group, i, "id"), f"expected an id of its own; {entry.id} stands twice"
            seen.add(entry.id)
    for i, claim in enumerate(register.claims):
        here = ("claims", i)
        for field, known in (("metric", register.metrics), ("tolerance", register.tolerances)):
            if (name := getattr(claim, field)) not in known:
                yield (*here, field), f"expected one of {', '.join(known)}; got {name}"
        needed = SIDES[claim.evidence]
        if set(claim.sides) != set(needed) if needed else len(claim.sides) < 3:
            yield (
                (*here, "sides"),
                f"{claim.evidence} expects sides {', '.join(needed) or 'three or more'}; "
                f"got {', '.join(claim.sides)}",
            )
        field = TOLERATES[claim.evidence]
        if field and getattr(register.tolerances[claim.tolerance], field) is None:
            yield (
                (*here, "tolerance"),
                f"{claim.evidence} expects a tolerance with a {field}; got {claim.tolerance}",
            )
        for name, cell in claim.sides.items():
            yield from _unknown(register, (*here, "sides", name), cell)
    for i, entry in enumerate(register.contradictions):
        here, count = ("contradictions", i), len(entry.tables.numbers)
        if count != (2 if entry.tables.of in ("rise", "fall") else 1):
            yield (*here, "tables"), f"{entry.tables.of} got {count} numbers"
        if entry.text is not None:
            yield from _unknown(register, (*here, "text"), entry.text)
        for j, cell in enumerate(entry.tables.numbers):
            yield from _unknown(register, (*here, "tables", "numbers", j), cell)


def _unknown(register: Register, place: tuple[Any, ...], cell: Cell) -> Iterator[tuple[Any, str]]:
    if cell not in register.numbers:
        yield place, f"expected a cell of published/*.csv (table, row, column); got {list(cell)}"
    elif np.isnan(register.value(cell)):
        yield place, f"expected a number checked against the paper; {list(cell)} is not"


def _explained(where: str, root: yaml.Node, error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        place, kind = problem["loc"], problem["type"]
        name = ".".join(str(part) for part in place)
        if kind == "extra_forbidden":
            text = "unknown key"
        elif kind == "missing":
            text = "expected this key; it is missing"
        else:
            got = problem["input"]
            text = f"{problem['msg']}; got {got if isinstance(got, str) else repr(got)[:80]}"
        yield f"{where}, line {_line(root, place)}: {name}: {text}"


def _line(node: yaml.Node, place: tuple[Any, ...]) -> int:
    """The line of a place in the file, or of what holds it where the place itself is missing."""
    line = node.start_mark.line + 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if found:
                line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and part in range(len(node.value)):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _twice(node: yaml.Node) -> Iterator[yaml.Node]:
    """Keys that stand twice in one mapping, of which YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key
            seen.add(key.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value)
