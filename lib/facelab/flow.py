"""Which names a statement reads, binds and changes: the data flow of a notebook's top level.

Scopes count: names of a function, a lambda or a comprehension are its own. A name that a statement
binds before it reads it is no need of it. Used by `facelab.cells`.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator

# Methods that change the object they are called on, in-place ones of torch (`add_`) besides.
CHANGING = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem"),
    *("remove", "reverse", "setdefault", "sort", "update"),  # containers
    *("backward", "eval", "load_state_dict", "step", "train", "zero_grad"),  # torch
    *("choice", "integers", "normal", "permutation", "permuted", "random", "seed", "shuffle"),
    *("standard_normal", "uniform"),  # random generators
}
SHOWING = {"print", "display", "show", "Markdown"}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)


@dataclasses.dataclass(frozen=True)
class Flow:
    """What a statement does to the names of its notebook.

    Attributes:
        needs: names that it reads before it binds them itself.
        deferred: names that functions which it defines read, when they are called.
        binds: names that it may bind.
        sure: those that it binds in any case; a loop counts as run at least once.
        changes: names of objects that it may change in place.
        aliases: names that it makes stand for a part of others.
        effects: calls made for their effect, each a chain of names, and whether their value is
            displayed (then it may have none).
    """

    needs: set[str]
    deferred: set[str]
    binds: set[str]
    sure: set[str]
    changes: set[str]
    aliases: dict[str, set[str]]
    effects: list[tuple[list[str], bool]]


def flow(node: ast.stmt, quiet: Iterable[str], last: bool) -> Flow:
    """The flow of one top-level statement.

    Args:
        node: the statement.
        quiet: variables and functions whose bare calls publish and change nothing.
        last: its value is displayed.
    """
    deferred = set()
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        deferred = reads(node)
    needs, sure = _statement(node, set())
    return Flow(
        needs=needs,
        deferred=deferred,
        binds=bound(node),
        sure=sure,
        changes=set(_changes(node, set(quiet), last)),
        aliases=dict(_aliases(node)),
        effects=list(_effects(node, set(quiet), last)),
    )


def chain(node: ast.AST) -> list[str]:
    """The names of `a.b[0].c` as a list, subscripts and calls left out; [""] where none begins."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [*chain(node.value), node.attr]
    if isinstance(node, (ast.Subscript, ast.Starred)):
        return chain(node.value)
    if isinstance(node, ast.Call):
        return chain(node.func)
    return [""]


def quiet_call(node: ast.Expr, quiet: Iterable[str]) -> bool:
    """Whether a bare expression only shows or publishes something."""
    return chain(node.value)[0] in {*quiet, *SHOWING}


def reads(node: ast.AST | list) -> set[str]:
    """Names that a node reads from outside of the scopes within it, in any order."""
    if isinstance(node, list):
        return set().union(*(reads(part) for part in node))
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Store) else {node.id}
    if isinstance(node, (ast.Lambda, *_FUNCTIONS)):
        body = node.body if isinstance(node.body, list) else [node.body]
        around = [*getattr(node, "decorator_list", []), node.args]
        own = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        own |= set().union(*(bound(part) for part in body))
        outer = {n for g in ast.walk(node) if isinstance(g, ast.Global) for n in g.names}
        return reads(around) | (reads(body) - (own - outer))
    if isinstance(node, _COMPREHENSIONS):
        own, found = set(), set()
        for part in node.generators:
            found |= reads(part.iter) - own
            own |= bound(part.target)
            found |= reads(part.ifs) - own
        values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        return found | (reads(values) - own)
    return set().union(*(reads(child) for child in ast.iter_child_nodes(node)))


def bound(node: ast.AST) -> set[str]:
    """Names that a node binds in its own scope."""
    found, todo = set(), [node]
    while todo:
        part = todo.pop()
        match part:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                outer = [g.names for g in ast.walk(part) if isinstance(g, ast.Global)]
                found |= {name, *(n for names in outer for n in names)}
            case ast.ClassDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.alias(name=name, asname=asname):
                found.add(asname or name.split(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                found.add(name)
        if isinstance(part, _COMPREHENSIONS):  # only `:=` reaches out of it
            inner = [n.target for n in ast.walk(part) if isinstance(n, ast.NamedExpr)]
            found |= {target.id for target in inner}
        elif not isinstance(part, _SCOPES):
            todo += ast.iter_child_nodes(part)
    return found


def _block(body: list[ast.stmt], known: set[str]) -> tuple[set[str], set[str]]:
    """Needs of statements in order, and the names that they surely bind."""
    needs, sure = set(), set()
    for node in body:
        more, bound_now = _statement(node, known | sure)
        needs |= more
        sure |= bound_now
    return needs, sure


def _statement(node: ast.stmt, known: set[str]) -> tuple[set[str], set[str]]:
    match node:
        case ast.If(test=test, body=body, orelse=orelse):
            first, second = _block(body, known), _block(orelse, known)
            return (reads(test) - known) | first[0] | second[0], first[1] & second[1]
        case ast.For(target=target, iter=iterator, body=body, orelse=orelse):
            own = bound(target)
            inside, bound_inside = _block([*body, *orelse], known | own)
            outside = (reads(iterator) | reads(target)) - known
            return outside | inside, own | bound_inside
        case ast.While(test=test, body=body, orelse=orelse):
            return (reads(test) - known) | _block([*body, *orelse], known)[0], set()
        case ast.With(items=items, body=body):
            own = set().union(*(bound(i.optional_vars) for i in items if i.optional_vars))
            inside, sure = _block(body, known | own)
            return (reads([i.context_expr for i in items]) - known) | inside, own | sure
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            needs = _block([*body, *orelse], known)[0] | _block(final, known)[0]
            for handler in handlers:
                own = {handler.name} if handler.name else set()
                needs |= _block(handler.body, known | own)[0]
                needs |= reads(handler.type) - known if handler.type else set()
            return needs, _block(final, known)[1]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return reads([*node.decorator_list, node.args]) - known, {node.name}
        case ast.ClassDef():
            return reads([*node.decorator_list, *node.bases]) - known, {node.name}
        case ast.AugAssign(target=ast.Name(id=name)):
            return (reads(node) | {name}) - known, {name}
    return reads(node) - known, bound(node)


def _bare(node: ast.stmt, quiet: set[str], last: bool) -> Iterator[tuple[ast.Call, bool]]:
    """Calls that stand as statements, outside of functions, and whether the value is displayed."""
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Call) and not quiet_call(node, quiet):
            yield node.value, last
    elif not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.stmt, ast.ExceptHandler)):
                yield from _bare(child, quiet, False)


def _changes(node: ast.stmt, quiet: set[str], last: bool) -> Iterator[str]:
    for call, displayed in _bare(node, quiet, last):
        if not displayed:
            inner = [part for part in ast.walk(call) if isinstance(part, ast.Call)]
            yield from (chain(argument)[0] for part in inner for argument in part.args)
            if isinstance(call.func, ast.Attribute):
                yield chain(call.func)[0]
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, (*_FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(part, ast.AugAssign):
            yield chain(part.target)[0]
        stores = isinstance(getattr(part, "ctx", None), (ast.Store, ast.Del))
        if stores and isinstance(part, (ast.Attribute, ast.Subscript)):
            yield chain(part)[0]
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            method = part.func.attr
            if method in CHANGING or (method.endswith("_") and not method.endswith("__")):
                yield chain(part.func)[0]
        todo += ast.iter_child_nodes(part)


def _effects(node: ast.stmt, quiet: set[str], last: bool) -> Iterator[tuple[list[str], bool]]:
    for call, displayed in _bare(node, quiet, last):
        if not any(isinstance(part, ast.Call) for part in ast.walk(call.func)):
            yield chain(call.func), displayed  # not a method of what another call returned
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return
    for part in ast.walk(node):
        stores = isinstance(getattr(part, "ctx", None), ast.Store)
        if stores and isinstance(part, (ast.Attribute, ast.Subscript)):
            yield chain(part), False  # `rcParams["font.size"] = 8`
        if isinstance(part, ast.Call) and re.search(r"(^|_)seed(_|$)", chain(part.func)[-1]):
            yield chain(part.func), False  # `_ = torch.manual_seed(0)`


def _aliases(node: ast.stmt) -> Iterator[tuple[str, set[str]]]:
    for part in ast.walk(node):
        match part:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not isinstance(
                value, ast.Call
            ):
                root = chain(value)[0]
                if root:
                    yield name, {root}
            case ast.For(
                target=ast.Tuple(elts=targets),
                iter=ast.Call(func=ast.Name(id="zip"), args=parts),
            ) if len(targets) == len(parts):
                for target, source in zip(targets, parts, strict=True):
                    yield from ((name, reads(source)) for name in bound(target))
            case ast.For(target=target, iter=iterator):
                yield from ((name, reads(iterator)) for name in bound(target))
