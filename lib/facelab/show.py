"""Shows the library's source in a notebook, so that the text cannot drift from the code."""

from __future__ import annotations

import ast
import inspect
from typing import Any, Literal

from IPython.display import Markdown

from facelab import dependencies


def show(*things: Any, docstring: Literal["full", "summary", "none"] = "summary") -> Markdown:
    """The source of functions and classes as highlighted Python.

    Args:
        things: functions, methods or classes; several are shown one below the other.
        docstring: all of it, only what stands before `Args:` and the like, or none.

    Returns:
        A Markdown code block for each, under the dotted name.

    Raises:
        TypeError: something that has no source of its own, such as an instance.
    """
    if not things:
        raise TypeError("show() needs a function or class")
    return Markdown("\n\n".join(_block(thing, docstring) for thing in things))


def _block(thing: Any, docstring: str) -> str:
    target = inspect.unwrap(thing) if callable(thing) else thing
    if not (inspect.isclass(target) or inspect.isroutine(target)):
        raise TypeError(f"show() takes functions and classes; got an object of {type(thing)}")
    source = dependencies.source(target).rstrip()
    if docstring != "full":
        source = _with_docstrings(source, keep_summary=docstring == "summary")
    name = f"{target.__module__}.{target.__qualname__}"
    return f"`{name}`\n\n```python\n{source}\n```"


def _with_docstrings(source: str, *, keep_summary: bool) -> str:
    """The source with shorter docstrings; all other lines stay as they are, comments too."""
    lines = source.split("\n")
    holders = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, holders)]
    for node in sorted(nodes, key=lambda node: -node.lineno):  # from below, so numbers stay right
        text = ast.get_docstring(node)
        if text is None or len(node.body) == 1:
            continue  # a body must keep something
        first = node.body[0]
        indent = " " * first.col_offset
        start, end = first.lineno - 1, first.end_lineno
        if keep_summary:
            quote = lines[start].lstrip()  # r""" where the text has backslashes
            opening = quote[: quote.index('"""') + 3] if '"""' in quote else '"""'
            kept = [opening + part if i == 0 else part for i, part in enumerate(_summary(text))]
            kept = [indent + part if part else "" for part in kept]
            kept = [kept[0] + '"""'] if len(kept) == 1 else [*kept, indent + '"""']
        else:
            kept = []
            while end < len(lines) and not lines[end].strip():
                end += 1
        lines[start:end] = kept
    return "\n".join(lines)


def _summary(text: str) -> list[str]:
    """The lines of a docstring before its first section (Args, Returns, ...)."""
    sections = ("Args:", "Returns:", "Raises:", "Yields:", "Attributes:", "Example", "Examples:")
    kept = []
    for line in text.split("\n"):
        if line.startswith(sections):
            break
        kept.append(line)
    while len(kept) > 1 and not kept[-1].strip():
        kept.pop()
    return kept
