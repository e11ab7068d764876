"""What each table and figure of a notebook is made from, read from its source; nothing is run.

A notebook publishes with `book.table("id", ...)`, `book.figure("id", ...)` and the like, directly
or through a function of its own. `read` finds these calls, and for each the statements that it
depends on: those of its cell up to the call, and of earlier cells all that bind or change a name
that these use, and so on. Where that cannot be known for sure, more is taken. The notebook's
parameters and its book are not followed: what they were stands in the record of the artefact.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from facelab import dependencies, notebook, provenance
from facelab.flow import Flow, chain, flow, quiet_call, reads

WRITERS = {"table": "results", "figure": "figures", "claims": "results"}  # by method of a book
# The ledger has a name of its own, and its verdicts are computed by the library.
LEDGER = ("claims", ("facelab.claims", "facelab.verdicts"))
_OPEN = "facelab.labbook.open"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Making:
    """How a notebook makes an artefact.

    Attributes:
        id: of the artefact; a regular expression where the source computes it.
        literal: whether `id` stands in the source as it is.
        kind: "table", "figure" or "claims": the method of the book.
        cell: id of the cell with the call.
        section: the heading that the cell stands under.
        code: a digest of the statements that count, by the id of their cell, in order.
        sections: the headings of these cells, by id.
        uses: dotted library names that the statements mention.
        published: names of the tables of published numbers that they read.
    """

    id: str
    literal: bool
    kind: str
    cell: str
    section: str
    code: dict[str, str]
    sections: dict[str, str]
    uses: tuple[str, ...]
    published: tuple[str, ...]

    @property
    def place(self) -> str:
        """The folder that it goes to: "results" or "figures"."""
        return WRITERS[self.kind]

    def makes(self, place: str, id: str) -> bool:
        """Whether it makes the artefact of that name."""
        same = self.id == id if self.literal else re.fullmatch(self.id, id) is not None
        return same and self.place == place


@dataclasses.dataclass(frozen=True)
class _Statement:
    index: int
    cell: int
    node: ast.stmt
    flow: Flow
    last: bool  # of its cell: its value is displayed


def read(path: Path) -> list[Making]:
    """All that a notebook publishes, in the order of the source.

    Args:
        path: its py:percent source.

    Raises:
        FacelabError: a cell is not valid Python.
    """
    stamp = path.stat()
    return list(_read(path, stamp.st_mtime_ns, stamp.st_size))


def paper(path: Path) -> str:
    """The folder of a notebook's results: what it gives to `labbook.open`, else its own name."""
    stamp = path.stat()
    for call in _calls(_parsed(path, stamp.st_mtime_ns, stamp.st_size).tree):
        if chain(call.func)[-2:] == ["labbook", "open"] and call.args:
            first = call.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                return first.value
    return path.stem.partition("_")[2] or path.stem


@functools.lru_cache(maxsize=64)
def _read(path: Path, mtime: int, size: int) -> tuple[Making, ...]:
    """`mtime` and `size` only key the cache."""
    source = _parsed(path, mtime, size)
    makers: dict[tuple[str, str, bool], list[int]] = {}
    for statement in source.statements:
        for kind, id, literal in source.published_by(statement):
            makers.setdefault((id, kind, literal), []).append(statement.index)
    return tuple(source.making(*key, indices) for key, indices in makers.items())


@functools.lru_cache(maxsize=4)
def _parsed(path: Path, mtime: int, size: int) -> _Source:
    """`mtime` and `size` only key the cache."""
    return _Source(path)


class _Source:
    """The statements of a notebook, and what is known of its names."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cells = notebook.read_source(path)
        self.titles = notebook.sections(self.cells)
        body: list[tuple[int, ast.stmt, bool]] = []
        for number, cell in enumerate(self.cells.cells):
            if cell.cell_type == "code":
                found = notebook.parse(cell, path.name, number).body
                body += [(number, node, node is found[-1]) for node in found]
        self.tree = ast.Module([node for _, node, _ in body], [])
        brought = [n for n in ast.walk(self.tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
        self.imports = dependencies.imported(brought, "")
        self.functions = {n.name: n for n in self.tree.body if isinstance(n, ast.FunctionDef)}
        self.books = {
            target.id
            for node in self.tree.body
            if isinstance(node, ast.Assign) and self._opens(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.publishers = {name for name, node in self.functions.items() if any(self._writes(node))}
        self.statements = [
            _Statement(index, cell, node, flow(node, self.books | self.publishers, last), last)
            for index, (cell, node, last) in enumerate(body)
        ]
        self._follow_aliases()

    def published_by(self, statement: _Statement) -> Iterator[tuple[str, str, bool]]:
        """Kind, id and whether it is literal, of all that a top-level statement publishes."""
        if isinstance(statement.node, ast.FunctionDef):
            return
        for kind, argument in self._writes(statement.node):
            for id, literal in self._ids(argument, statement.node):
                yield kind, id, literal
        for call in _calls(statement.node):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            if name in self.publishers:
                function = self.functions[name]
                for kind, argument in self._writes(function):
                    given = _given(call, function, argument)
                    ids = self._ids(argument, function) if given is None else None
                    for id, literal in ids or self._ids(given, statement.node):
                        yield kind, id, literal

    def making(self, id: str, kind: str, literal: bool, indices: list[int]) -> Making:
        """What the statements with these indices publish, with all that it depends on."""
        cells = {self.statements[index].cell for index in indices}
        start = {
            s.index
            for s in self.statements
            if s.index in indices
            or (s.cell in cells and s.index < max(indices) and not self._shows(s))
        }
        chosen = self._slice(start | self._effects(max(indices), WRITERS[kind]))
        nodes = [self.statements[index].node for index in sorted(chosen)]
        by_cell: dict[str, list[ast.stmt]] = {}
        for index in sorted(chosen):
            statement = self.statements[index]
            key = self.cells.cells[statement.cell].id
            by_cell.setdefault(key, []).append(statement.node)
        module = dependencies.Module("", self.path, self.tree, {}, self.imports)
        uses = sorted(n for n in dependencies.mentioned(module, nodes) if n.startswith("facelab."))
        cell = self.cells.cells[self.statements[max(indices)].cell]
        return Making(
            id=id,
            literal=literal,
            kind=kind,
            cell=cell.id,
            section=self.titles[cell.id],
            code={key: provenance.digest_code(group) for key, group in by_cell.items()},
            sections={key: self.titles[key] for key in by_cell},
            uses=(*uses, *(LEDGER[1] if kind == "claims" else ())),
            published=tuple(sorted(set(self._published_read(nodes)))),
        )

    def _slice(self, start: set[int]) -> set[int]:
        """Statements that some depend on, themselves included."""
        chosen, seen = set(start), set()
        todo = [(name, i) for i in start for name in self.statements[i].flow.needs]
        todo += [(name, i) for i in start for name in self.statements[i].flow.deferred]
        while todo:
            name, position = todo.pop()
            if (name, position) in seen or name in self.books:
                continue
            seen.add((name, position))
            for index in self._sources(name, position):
                known = self.statements[index].flow
                chosen.add(index)
                todo += [(other, index) for other in known.needs]
                todo += [(other, position) for other in known.deferred]  # read when it is called
        return chosen

    def _sources(self, name: str, position: int) -> Iterator[int]:
        """Statements before a position that bind a name or change what it stands for."""
        for statement in reversed(self.statements[:position]):
            known = statement.flow
            if isinstance(statement.node, (ast.Import, ast.ImportFrom)) and name in known.binds:
                return  # library names are followed by themselves
            if name in known.binds or name in known.changes:
                yield statement.index
            if name in known.sure:
                return

    def _effects(self, before: int, place: str) -> set[int]:
        """Statements that set something for all that follows: seeds, styles, numbers of threads."""
        found = set()
        for statement in self.statements[:before]:
            for target, displayed in statement.flow.effects:
                name = self._target(target)
                if name is None or name.startswith(("facelab.labbook", "IPython.")):
                    continue
                drawing = name.startswith(("facelab.plots", "matplotlib", "seaborn"))
                if drawing and place != "figures":
                    continue
                if not displayed or _is_procedure(name):
                    found.add(statement.index)
        return found

    def _follow_aliases(self) -> None:
        """A change through a second name (`first = rows[0]`) is one of what it was taken from."""
        roots: dict[str, set[str]] = {}
        for statement in self.statements:
            known = statement.flow
            for name, others in known.aliases.items():
                deeper = set().union(*(roots.get(other, set()) for other in others))
                roots[name] = (others | deeper) - {name}
            for name in known.sure - known.aliases.keys():
                roots.pop(name, None)
            for name in list(known.changes):
                known.changes.update(roots.get(name, ()))
            known.changes.difference_update(self.imports)
            for name in known.needs:  # a function may change the notebook's variables
                if name in self.functions:
                    known.changes.update(self._changed_by(name))

    @functools.cache  # noqa: B019 - a source lives as long as the reading of it
    def _changed_by(self, name: str) -> frozenset[str]:
        node = self.functions[name]
        inside = flow(ast.If(ast.Constant(True), node.body, []), self.books, False).changes
        return frozenset(inside & reads(node) - self.imports.keys())

    def _shows(self, statement: _Statement) -> bool:
        """Whether a statement only displays something or publishes something else."""
        node = statement.node
        if isinstance(node, ast.Expr):
            return quiet_call(node, self.books | self.publishers)
        return isinstance(node, (ast.Import, ast.ImportFrom))

    def _opens(self, value: ast.expr) -> bool:
        return isinstance(value, ast.Call) and self._target(chain(value.func)) == _OPEN

    def _target(self, names: Iterable[str]) -> str | None:
        """The dotted name that a chain beginning with an imported name stands for."""
        first, *rest = names
        return ".".join([self.imports[first], *rest]) if first in self.imports else None

    def _writes(self, node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
        """Kind and the argument `id` of each direct call of a writing method in a node."""
        for call in _calls(node):
            names = chain(call.func)
            if len(names) == 2 and names[0] in self.books and names[1] in WRITERS:
                keyword = next((k.value for k in call.keywords if k.arg == "id"), None)
                given = call.args[0] if call.args else keyword
                yield names[1], ast.Constant(LEDGER[0]) if names[1] == "claims" else given

    def _published_read(self, nodes: Iterable[ast.stmt]) -> Iterator[str]:
        for node in nodes:
            for call in _calls(node):
                names = chain(call.func)
                if len(names) == 2 and names[0] in self.books and names[1] == "published":
                    first = call.args[0] if call.args else None
                    yield first.value if isinstance(first, ast.Constant) else "*"

    def _ids(self, argument: ast.expr | None, scope: ast.AST) -> list[tuple[str, bool]]:
        """What an argument `id` may be: literal ids, or one regular expression."""
        if isinstance(argument, ast.Constant):
            return [(str(argument.value), True)]
        if isinstance(argument, ast.JoinedStr):
            parts = argument.values
            texts = [re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in parts]
            return [("".join(texts), False)]
        for node in ast.walk(scope):
            loops = isinstance(node, (ast.For, ast.comprehension))
            if loops and isinstance(node.iter, (ast.Tuple, ast.List)):
                values = node.iter.elts
                named = isinstance(argument, ast.Name) and isinstance(node.target, ast.Name)
                if named and node.target.id == argument.id:
                    return [pair for value in values for pair in self._ids(value, value)]
        return [(".+", False)]


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (found for found in ast.walk(node) if isinstance(found, ast.Call))


def _given(call: ast.Call, function: ast.FunctionDef, argument: ast.expr | None) -> ast.expr | None:
    """What a call gives for the parameter that `argument` names; None where it names none."""
    if not isinstance(argument, ast.Name):
        return None
    spec = function.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    for keyword in call.keywords:
        if keyword.arg == argument.id:
            return keyword.value
    if argument.id in names and names.index(argument.id) < len(call.args):
        return call.args[names.index(argument.id)]
    return None


def _is_procedure(name: str) -> bool:
    """Whether a call whose value is displayed is still made for its effect.

    A library function that returns nothing is; of others it shows in the name.
    """
    if not name.startswith("facelab."):
        return re.search(r"(^|_)seed(_|$)|^set_|^use$", name.rpartition(".")[2]) is not None
    try:
        nodes = dependencies.definition(dependencies.resolve(name))
    except LookupError:
        return True
    found = [n for node in nodes for n in ast.walk(node) if isinstance(n, (ast.Return, ast.Yield))]
    return not any(node.value for node in found) and isinstance(nodes[-1], ast.FunctionDef)
