"""Which code a function reaches: followed through names and imports, without running anything.

    reached("facelab.papers.laplace.losses.landmark_loss")

gives that function and all functions, classes and constants of facelab that it leads to, so that a
cached result goes stale with each of them and with nothing else. What cannot be followed is taken
whole: a module that is passed about (`getattr(losses, name)`) counts with everything in it. Methods
count with their class, and a class with its bases.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.util
import inspect
import linecache
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

# They carry numbers, show them or say where things are, but do not make them.
IGNORED = (
    "facelab.FacelabError",
    "facelab.checkpoint",
    "facelab.dependencies",
    "facelab.experiment",
    "facelab.kept",
    "facelab.paths",
    "facelab.plots",
    "facelab.provenance",
    "facelab.workers",
)


@dataclass(frozen=True, eq=False)
class Module:
    """A module's source: what its top level defines, and what its imports stand for.

    Attributes:
        name: dotted.
        file: its source.
        tree: its syntax tree.
        definitions: the statements that define each name (several for overloads).
        imports: dotted targets by local name.
    """

    name: str
    file: Path
    tree: ast.Module
    definitions: dict[str, list[ast.stmt]]
    imports: dict[str, str]


_Function = TypeVar("_Function", bound=Callable[..., Any])
_answers: ContextVar[dict[tuple[Any, ...], Any] | None] = ContextVar("answers", default=None)


@contextlib.contextmanager
def snapshot() -> Iterator[None]:
    """In this block the sources count as unchanged: no file is asked twice for its time and size.

    Between blocks they may change, as when a reader edits the library while a kernel lives. It
    decorates functions as well; a block within another belongs to it.
    """
    if _answers.get() is not None:
        yield
        return
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def _once(function: _Function) -> _Function:
    """The function, with its answers kept until the end of the `snapshot` around it, if any."""

    @functools.wraps(function)
    def ask(*args: Any) -> Any:
        answers, key = _answers.get(), (function, *args)
        if answers is None:
            return function(*args)
        if key not in answers:
            answers[key] = function(*args)
        return answers[key]

    return ask


@snapshot()
def reached(*names: str, ignored: tuple[str, ...] = IGNORED) -> tuple[str, ...]:
    """All dotted names that the given ones lead to, themselves included, sorted.

    Only names in the packages of the given ones are followed, and of `ignored` what is given.

    Args:
        names: modules, packages (all their modules), functions, classes, constants.
        ignored: modules that are not followed.

    Returns:
        Definitions, and modules that count whole; what these define is not named again.

    Raises:
        LookupError: a name that leads to no Python source.
    """
    packages = {"facelab", *(name.split(".")[0] for name in names)}
    ignored = tuple(f"{name}." for name in ignored)
    asked = {resolve(name) for name in names}
    found: set[str] = set()
    todo = list(asked)
    while todo:
        entry = resolve(todo.pop())
        if entry in found or (entry not in asked and f"{entry}.".startswith(ignored)):
            continue
        found.add(entry)
        todo += [name for name in _references(entry) if name.split(".")[0] in packages]
    whole = {name for name in found if not locate(name)[1]}
    return tuple(sorted(n for n in found if n in whole or n.rpartition(".")[0] not in whole))


@_once
def locate(name: str) -> tuple[Module, str]:
    """The module that a dotted name begins with, and the rest of the name ("" for a module).

    Nothing is imported.

    Raises:
        LookupError: there is no such module, or its source is not Python.
    """
    module, *rest = name.split(".")
    file = _package(module)
    # By files from here on: find_spec would import the parents of what it looks for.
    while rest and file.endswith("__init__.py"):
        found = _inside(os.path.dirname(file), stamp(os.path.dirname(file))[0]).get(rest[0])
        if found is None:
            break
        module, file = f"{module}.{rest.pop(0)}", found
    return _read(module, file, *stamp(file)), ".".join(rest)


@_once
def stamp(path: Path | str) -> tuple[int, int]:
    """Time of the last change in nanoseconds, and size in bytes; zeros where there is no file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@_once
def _package(top: str) -> str:
    """The file of a module or package at the top; raises as `locate`."""
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:
        spec = None  # __main__ has none
    if spec is None or not (spec.origin or "").endswith(".py"):
        raise LookupError(
            f"{top!r} leads to no Python source; expected a dotted name such as 'package.module.f'"
        )
    return spec.origin


def definition(name: str) -> list[ast.stmt]:
    """The statements behind a dotted name: of the whole module, or those that define the rest.

    Raises:
        LookupError: nothing there has that name.
    """
    module, rest = locate(name)
    body: list[ast.stmt] = module.tree.body
    for part in rest.split(".") if rest else ():
        found = (module.definitions if body is module.tree.body else _definitions(body)).get(part)
        if found is None:
            raise LookupError(f"{module.name} ({module.file.name}) defines no {rest!r}")
        last = found[-1]
        body = (
            last.body if isinstance(last, ast.ClassDef) and part != rest.split(".")[-1] else found
        )
    return body


def source(thing: Any) -> str:
    """The source of a function or class, also of one that a notebook's cell defines.

    Raises:
        OSError: it is not kept anywhere.
    """
    try:
        return textwrap.dedent(inspect.getsource(thing))
    except OSError:
        # A class of a notebook knows no file (bpo-33826); its methods do.
        for member in vars(thing).values() if inspect.isclass(thing) else ():
            if inspect.isfunction(member):
                lines = linecache.getlines(member.__code__.co_filename)
                text = "".join(lines)
                for node in ast.walk(ast.parse(text)):
                    if isinstance(node, ast.ClassDef) and node.name == thing.__name__:
                        return textwrap.dedent(ast.get_source_segment(text, node, padded=True))
        raise


def modules_of(package: str) -> list[str]:
    """A module, or a package with all the modules in it."""
    module, _ = locate(package)
    if module.file.name != "__init__.py":
        return [package]
    names = []
    for file in sorted(module.file.parent.rglob("*.py")):
        parts = file.relative_to(module.file.parent).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        names.append(".".join([package, *parts]))
    return names


@functools.lru_cache(maxsize=256)
def _inside(folder: str, mtime: int) -> dict[str, str]:
    """Files of the modules and packages in a folder, by name; `mtime` only keys the cache."""
    modules = {file.stem: str(file) for file in Path(folder).glob("*.py")}
    packages = {file.parent.name: str(file) for file in Path(folder).glob("*/__init__.py")}
    return modules | packages


@functools.lru_cache(maxsize=512)
def _read(name: str, path: str, mtime: int, size: int) -> Module:
    """`mtime` and `size` only key the cache."""
    file = Path(path)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    statements = [s for s in _flat(tree.body) if isinstance(s, (ast.Import, ast.ImportFrom))]
    return Module(
        name=name,
        file=file,
        tree=tree,
        definitions=_definitions(tree.body),
        imports=imported(statements, package),
    )


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a body, those under `if`, `try` and `with` included."""
    for statement in body:
        yield statement
        for field in ("body", "orelse", "finalbody", "handlers"):
            if isinstance(statement, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
                yield from _flat(getattr(statement, field, ()))


def _definitions(body: Iterable[ast.stmt]) -> dict[str, list[ast.stmt]]:
    found: dict[str, list[ast.stmt]] = {}
    for statement in _flat(body):
        names: list[str] = []
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = [statement.name]
        elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = getattr(statement, "targets", None) or [statement.target]
            for target in targets:
                names += [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
        for name in names:
            found.setdefault(name, []).append(statement)
    return found


def imported(statements: Iterable[ast.AST], package: str) -> dict[str, str]:
    """What import statements of a package's module bind: dotted targets by local name."""
    found = {}
    for statement in statements:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                first = alias.name.split(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        else:
            origin = statement.module or ""
            if statement.level:
                parts = package.split(".")
                parts = parts[: len(parts) - statement.level + 1]
                origin = ".".join([*parts, *([origin] if origin else [])])
            for alias in statement.names:
                found[alias.asname or alias.name] = f"{origin}.{alias.name}"
    return found


@_once
def resolve(name: str) -> str:
    """The name of the definition, or else of the module, that a dotted name leads to.

    Raises:
        LookupError: a name that leads to no Python source.
    """
    for _ in range(20):  # re-exports of re-exports end somewhere
        module, rest = locate(name)
        first, _, more = rest.partition(".")
        if not rest or first in module.definitions:
            return f"{module.name}.{first}" if rest else module.name
        if first not in module.imports:
            return module.name  # made at run time
        target = module.imports[first] + (f".{more}" if more else "")
        if target.split(".")[0] != name.split(".")[0]:
            return module.name
        name = target
    raise LookupError(f"imports lead in a circle at {name!r}")


def _references(entry: str) -> set[str]:
    """Dotted names that a definition or module mentions, and the other modules of a package."""
    module, rest = locate(entry)
    found = _mentioned_by(entry, module)
    return found if rest else found | (set(modules_of(entry)) - {entry})


@functools.lru_cache(maxsize=4096)
def _mentioned_by(entry: str, module: Module) -> set[str]:
    rest = entry.removeprefix(module.name).lstrip(".")
    return mentioned(module, module.definitions[rest] if rest else module.tree.body)


def mentioned(module: Module, statements: Iterable[ast.stmt]) -> set[str]:
    """Dotted names that statements of a module mention: its own definitions, and imported names."""
    found: set[str] = set()
    for statement in statements:
        inner = [n for n in ast.walk(statement) if isinstance(n, (ast.Import, ast.ImportFrom))]
        package = (
            module.name if module.file.name == "__init__.py" else module.name.rpartition(".")[0]
        )
        imports = {**module.imports, **imported(inner, package)}
        todo: list[ast.AST] = [statement]
        while todo:
            node = todo.pop()
            chain = _chain(node)
            if chain is None:
                todo += ast.iter_child_nodes(node)
            elif chain[0] in module.definitions:
                found.add(f"{module.name}.{chain[0]}")
            elif chain[0] in imports:
                found.add(".".join([imports[chain[0]], *chain[1:]]))
    return found


def _chain(node: ast.AST) -> list[str] | None:
    """`a.b.c` as a list; None for all that is no chain of names."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        before = _chain(node.value)
        return None if before is None else [*before, node.attr]
    return None
