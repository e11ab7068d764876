"""Where a number comes from: fingerprints of code and data, and the record beside each artefact.

    fingerprint("facelab.papers.laplace.losses")             # a module
    fingerprint("facelab.papers.laplace.losses.laplace_kl")  # one function of it
    fingerprint(losses, model.RCN)                           # objects do as well
    reached_fingerprint("facelab.papers.laplace.losses")     # and all that it leads to
    digest(images, landmarks)                                # data: arrays, tensors, files

A fingerprint is taken over the syntax tree, so comments, docstrings and formatting do not count and
any other edit does. A record holds no timestamps, absolute paths, user names or host names. What
differs from run to run though the numbers are the same (commit, device, seconds, memory, installed
builds) stands in the JSON alone, not in the line for people. Which code an artefact uses, and
whether it is still the same, is `facelab.freshness`' business.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from facelab import dependencies, paths

_Stamp = tuple[int, int]
_remembered: dict[tuple[tuple[str, Path], ...], tuple[dict[Path, _Stamp], str]] = {}
PACKAGES = ("facelab", "torch", "numpy", "numba")
_cell_start: float | None = None


def fingerprint(*things: Any) -> str:
    """Twelve hex digits over the code of the given things, in any order.

    Args:
        things: modules, functions, classes, or dotted names of them. A package stands for all the
            modules in it. Named modules are read, not imported. What
            they call is not followed: see `reached_fingerprint`.

    Returns:
        A digest that changes with the code and not with comments, docstrings or layout.

    Raises:
        ValueError: nothing was given.
        LookupError: a name that leads to no Python source.
    """
    if not things:
        raise ValueError("fingerprint() needs at least one module, function, class or dotted name")
    entries = sorted({entry for thing in things for entry in _entries(thing)})
    return hashlib.blake2b("\n".join(entries).encode(), digest_size=6).hexdigest()


def reached_fingerprint(*names: str) -> str:
    """Twelve hex digits over the code of dotted names and over all that it leads to.

    Remembered as long as no file concerned, and no folder of one, has changed: a paper asks for the
    same names in each of its experiments.
    """
    key = tuple((name, dependencies.locate(name)[0].file) for name in names)
    known = _remembered.get(key)
    if known is None or any(dependencies.stamp(path) != stamp for path, stamp in known[0].items()):
        reached = dependencies.reached(*names)
        files = {dependencies.locate(name)[0].file for name in reached}
        files |= {file.parent for file in files}
        stamps = {path: dependencies.stamp(path) for path in files}
        known = _remembered[key] = (stamps, fingerprint(*reached))
    return known[1]


def digest(*things: Any) -> str:
    """Twelve hex digits over data: arrays, tensors, paths of files, strings, numbers; in order.

    Raises:
        TypeError: something that is none of these.
    """
    total = hashlib.blake2b(digest_size=6)
    for thing in things:
        if hasattr(thing, "detach"):
            thing = thing.detach().cpu().numpy()
        if isinstance(thing, np.ndarray):
            total.update(f"{thing.dtype}{thing.shape}".encode())
            total.update(np.ascontiguousarray(thing).tobytes())
        elif isinstance(thing, Path):
            total.update(thing.read_bytes())
        elif isinstance(thing, bytes):
            total.update(thing)
        elif isinstance(thing, (str, int, float)) or thing is None:
            total.update(repr(thing).encode())
        else:
            raise TypeError(f"expected an array, tensor, path, text or number; got {type(thing)}")
    return total.hexdigest()


def folder_digest(folder: Path) -> str:
    """Twelve hex digits over the names and sizes of a folder's files, hidden ones left out."""
    found = [f for f in sorted(folder.rglob("*")) if f.is_file() and not f.name.startswith(".")]
    return digest(*(f"{f.relative_to(folder).as_posix()} {f.stat().st_size}" for f in found))


def versions() -> dict[str, str]:
    """The versions that numbers may depend on: Python and `PACKAGES`."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # a source tree that is not installed, or a machine without numba
    return found


def machine() -> dict[str, Any]:
    """Device, processor, threads in use and cores; volatile, hence for JSON only."""
    import torch  # heavy, and only needed here

    return {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "cores": cores(),
    }


@functools.cache
def processor() -> str:
    """The model of the processor, as far as the system tells."""
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return found.group(1) if found else platform.processor() or platform.machine()


def peak_memory_mb() -> float:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit() -> str:
    """The commit of the checkout, with "+changes" where lib/ or a notebook's source differs.

    Returns:
        Twelve hex digits; "" where there is no git or no commit.
    """
    head = _git("rev-parse", "--short=12", "HEAD")
    changes = _git("status", "--porcelain", "--", "lib", "notebooks/*.py") if head else ""
    return f"{head}+changes" if changes else head


def watch_cells() -> None:
    """Notes from now on when each cell of the notebook begins, for `seconds_in_cell`."""
    if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()):
        if _note_start in shell.events.callbacks["pre_run_cell"]:
            return
        shell.events.register("pre_run_cell", _note_start)


def seconds_in_cell() -> float:
    """How long the running cell has taken; 0 outside of notebooks."""
    return 0.0 if _cell_start is None else time.monotonic() - _cell_start


def record(
    *,
    notebook: str,
    tier: str,
    seeds: Iterable[int] = (),
    parameters: Mapping[str, Any] | None = None,
    origin: Mapping[str, Any],
    data: str = "",
    commit: str = "",
    seconds: float = 0.0,
) -> dict[str, Any]:
    """The provenance of one artefact as a plain dictionary, ready for JSON.

    Args:
        notebook: the name of the notebook.
        tier: one of `paths.TIERS`.
        seeds: of the experiments.
        parameters: those of the notebook that were not at their defaults.
        origin: cell, code and files behind it, from `freshness.Origin.entry`.
        data: fingerprint of further data, given by the notebook.
        commit: from `commit`.
        seconds: the compute time behind the artefact: its trainings and its cell.
    """
    return {
        "notebook": notebook,
        "tier": tier,
        "seeds": list(seeds),
        "parameters": dict(sorted((parameters or {}).items())),
        **origin,
        "data": data,
        "commit": commit,
        "versions": versions(),
        "machine": machine(),
        "seconds": round(float(seconds), 1),
        "peak_memory_mb": round(peak_memory_mb()),
    }


def line(entry: Mapping[str, Any]) -> str:
    """One short line for captions and the foot of tables; nothing in it is volatile."""
    seeds = ", ".join(str(seed) for seed in entry["seeds"])
    torch = entry["versions"].get("torch", "?").partition("+")[0]  # the build is volatile
    parts = [
        f"notebook {entry['notebook']}" if entry["notebook"] else "",
        f"tier {entry['tier']}",
        f"seeds {seeds}" if seeds else "",
        f"code {entry['code']}" if entry["code"] else "",
        f"data {entry['data']}" if entry["data"] else "",
        f"torch {torch}",
    ]
    return " · ".join(part for part in parts if part)


def entries(*names: str) -> dict[str, str]:
    """The digest of what each dotted name stands for, by name; a package gives its modules'."""
    pairs = (entry.partition(":") for name in names for entry in _entries(name))
    return {name: digest for name, _, digest in pairs}


def _note_start(_: Any = None) -> None:
    global _cell_start
    _cell_start = time.monotonic()


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(paths.repo_root()), *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _entries(thing: Any) -> list[str]:
    """`name:digest` of each piece of source that `thing` stands for."""
    if isinstance(thing, ModuleType):
        thing = thing.__name__
    if not isinstance(thing, str):
        target = inspect.unwrap(thing)
        name = f"{target.__module__}.{target.__qualname__}"
        if target.__module__ == "__main__" or "<locals>" in name:
            tree = ast.parse(dependencies.source(target))
            return [f"{name}:{digest_code(tree)}"]
        thing = name
    named = dependencies.locate(thing)[1]
    names = [thing] if named else dependencies.modules_of(thing)
    files = [dependencies.locate(name)[0].file for name in names]
    pairs = zip(names, files, strict=True)
    return [f"{n}:{_digest_named(n, file, *dependencies.stamp(file))}" for n, file in pairs]


@functools.lru_cache(maxsize=4096)
def _digest_named(name: str, file: Path, mtime: int, size: int) -> str:
    """Digest of what a name stands for; the file, its time and size only key the cache."""
    if dependencies.locate(name)[1]:
        return digest_code(dependencies.definition(name))
    return digest_code(dependencies.locate(name)[0].tree)


def digest_code(code: ast.AST | list[ast.stmt]) -> str:
    """Sixteen hex digits over a syntax tree, docstrings and layout left out."""
    return hashlib.blake2b(_canonical(code).encode(), digest_size=8).hexdigest()


def _canonical(node: Any) -> str:
    """Text of a syntax tree, without docstrings and positions, equal in all Python versions.

    `ast.dump` will not do: newer versions add fields (`type_params`) and omit empty ones.
    """
    if isinstance(node, list):
        return "[" + ",".join(_canonical(item) for item in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(value, list) and _has_docstring(node, value):
            value = value[1:]
        if (value is None and name != "value") or value == []:
            continue
        fields.append(f"{name}={_canonical(value)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _has_docstring(node: ast.AST, body: list[ast.stmt]) -> bool:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if not isinstance(node, holders) or not body or not isinstance(body[0], ast.Expr):
        return False
    first = body[0].value
    return isinstance(first, ast.Constant) and isinstance(first.value, str)
