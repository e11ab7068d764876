"""Notebooks as data: reading the py:percent source, checking its parameters, tidying a copy.

A notebook's source (`NN_name.py`) is the only hand-edited half. These functions neither start a
kernel nor write a file: `facelab.runner` does.
"""

import ast
import hashlib
import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from facelab import FacelabError
from facelab.flow import bound

PHOTO_NOTE = "output not kept: it shows photographs\n"
LITERALS = {"str": str, "int": int, "float": float, "bool": bool}
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}
HEADING = re.compile(r"^#{1,3}\s+(.+?)\s*$", re.MULTILINE)


def read_source(path: Path) -> NotebookNode:
    """The notebook of a py:percent file: cells with tags and stable ids, without outputs.

    A cell's id follows from its type and source, so the same source gives the same ids every time.
    """
    read = jupytext.read(path, fmt="py:percent")
    cells, seen = [], {}
    for cell in read.cells:
        make = getattr(nbformat.v4, f"new_{cell.cell_type}_cell")
        tags = cell.metadata.get("tags", [])
        text = f"{cell.cell_type}\n{cell.source}"
        seen[text] = seen.get(text, 0) + 1
        identity = hashlib.sha256(f"{seen[text]}\n{text}".encode()).hexdigest()[:12]
        metadata = {"tags": list(tags)} if tags else {}
        cells.append(make(cell.source, metadata=metadata, id=identity))
    metadata = {"kernelspec": KERNELSPEC, "language_info": LANGUAGE}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    notebook.nbformat_minor = 5
    return notebook


def content(notebook: NotebookNode) -> list[tuple[str, str, tuple[str, ...]]]:
    """`(cell type, source, tags)` of every cell: what the two halves of a notebook share."""
    return [(c.cell_type, c.source, tuple(c.metadata.get("tags", []))) for c in notebook.cells]


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


def sections(notebook: NotebookNode) -> dict[str, str]:
    """The heading that each cell stands under, by the cell's id."""
    title, titles = "", {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := HEADING.findall(cell.source)):
            title = found[-1]
        titles[cell.id] = title
    return titles


def parameters(notebook: NotebookNode, name: str) -> dict[str, Any]:
    """The parameters cell of a notebook: names and default values.

    Raises:
        FacelabError: there is not exactly one cell tagged `parameters`; it holds something else
            than typed literals; a later cell assigns one of the names again.
    """
    places = [i for i, c in enumerate(notebook.cells) if tagged(c, "parameters")]
    if len(places) != 1:
        raise FacelabError(f"{name}: expected one cell tagged 'parameters', found {len(places)}")
    defaults = {}
    for statement in parse(notebook.cells[places[0]], name, places[0]).body:
        key, value = _typed_literal(statement, name, places[0])
        defaults[key] = value
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or index == places[0]:
            continue
        again = sorted(bound(parse(cell, name, index)) & defaults.keys())
        if again:
            raise FacelabError(
                f"{name}, cell {index}: assigns the parameter {', '.join(again)} again, so the "
                f"value that the runner was given would be lost; choose another name\n    "
                + cell.source.strip().split("\n")[0]
            )
    return defaults


def check_parameters(given: dict[str, Any], defaults: dict[str, Any], name: str) -> None:
    """Refuses a parameter that the notebook does not have, or of another type.

    Raises:
        FacelabError: naming the parameter and those that the notebook has.
    """
    for key, value in given.items():
        if key not in defaults:
            raise FacelabError(
                f"{name} has no parameter {key!r}; its parameters are {', '.join(defaults)}"
            )
        if type(value) is not type(defaults[key]):
            raise FacelabError(
                f"{name}: parameter {key} is of type {type(defaults[key]).__name__}; got {value!r}"
            )


def python(notebook: NotebookNode, name: str) -> str:
    """The code of a notebook as one text of plain Python, magics translated.

    Raises:
        FacelabError: a cell is not valid Python.
    """
    cells = enumerate(notebook.cells)
    return "\n".join(ast.unparse(parse(c, name, i)) for i, c in cells if c.cell_type == "code")


def combined(source: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """The source with the outputs of an executed copy, and nothing else of that copy.

    papermill's injected cell, timings and paths stay behind. Widgets lose their live view.
    """
    result = nbformat.from_dict(source)
    cells = [cell for cell in executed.cells if not tagged(cell, "injected-parameters")]
    for cell, run in zip(result.cells, cells, strict=True):
        if cell.cell_type != "code":
            continue
        cell.execution_count = run.execution_count
        cell.outputs = [output for output in map(_tidy_output, run.outputs) if output]
    count = 0
    for cell in result.cells:  # numbered anew, as the injected cell took a number
        if cell.cell_type == "code" and cell.execution_count is not None:
            count += 1
            cell.execution_count = count
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = count
    return result


def for_commit(notebook: NotebookNode, private: dict[str, str]) -> NotebookNode:
    """A copy that may be published: no photographs, no names of folders, no memory addresses.

    Args:
        notebook: from `combined`.
        private: text to replace in every output, such as the path of the checkout, by what.
    """
    result = nbformat.from_dict(notebook)
    for cell in result.cells:
        if cell.cell_type != "code":
            continue
        if tagged(cell, "photo") and cell.outputs:
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=PHOTO_NOTE)]
        for output in cell.outputs:
            for key in ("text", "traceback", "evalue"):
                if key in output:
                    output[key] = without(output[key], private)
            for mime, value in output.get("data", {}).items():
                if mime.startswith("text/") or mime == "image/svg+xml":
                    output.data[mime] = without(value, private)
    return result


def without(text: Any, private: dict[str, str]) -> Any:
    """A text, or a list of texts, without names of folders and memory addresses.

    Args:
        text: what a cell printed.
        private: text to replace, such as the path of the checkout, by what.
    """
    if isinstance(text, list):
        return [without(part, private) for part in text]
    for old in sorted(private, key=len, reverse=True):
        text = text.replace(old, private[old])
    text = re.sub(r"\S*ipykernel_\d+[/\\]\d+\.py", "<cell>", text)
    return re.sub(r" at 0x[0-9a-f]{6,}", "", text)


def _tidy_output(output: NotebookNode) -> NotebookNode | None:
    output = nbformat.from_dict(output)
    if "data" in output:
        output.data.pop("application/vnd.jupyter.widget-view+json", None)
        output.metadata = {}
        if not output.data:
            return None
    return output


def parse(cell: NotebookNode, name: str, index: int) -> ast.Module:
    """The syntax tree of a code cell, magics translated.

    Raises:
        FacelabError: the cell is not valid Python.
    """
    try:
        return ast.parse(TransformerManager().transform_cell(cell.source))
    except SyntaxError as error:
        raise FacelabError(f"{name}, cell {index}, line {error.lineno}: {error.msg}") from error


def _typed_literal(statement: ast.stmt, name: str, index: int) -> tuple[str, Any]:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=key), annotation=ast.Name(id=kind), value=value) if (
            kind in LITERALS and value is not None
        ):
            try:
                literal = ast.literal_eval(value)
            except ValueError:
                literal = None
            if type(literal) is LITERALS[kind]:
                return key, literal
    raise FacelabError(
        f"{name}, cell {index}: the parameters cell holds typed literals only, "
        f'such as `tier: str = ""`; got `{ast.unparse(statement)}`'
    )
