"""Where a number comes from: fingerprints of code and data, and the record beside each artefact.

    fingerprint("facelab.papers.laplace.losses")             # a module
    fingerprint("facelab.papers.laplace.losses.laplace_kl")  # one function of it
    fingerprint(losses, model.RCN)                           # objects do as well
    reached_fingerprint("facelab.papers.laplace.losses")     # and all that it leads to
    digest(images, landmarks)                                # data: arrays, tensors, files

A fingerprint is taken over the syntax tree, so comments, docstrings and formatting do not count and
any other edit does. A record holds no timestamps, absolute paths, user names or host names.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import os
import platform
import resource
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from facelab import dependencies

_Stamp = tuple[int, int]
_remembered: dict[tuple[tuple[str, Path], ...], tuple[dict[Path, _Stamp], str]] = {}
PACKAGES = ("facelab", "torch", "numpy", "numba")


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
    if known is None or any(_stamp(path) != stamp for path, stamp in known[0].items()):
        reached = dependencies.reached(*names)
        files = {dependencies.locate(name)[0].file for name in reached}
        stamps = {path: _stamp(path) for path in files | {file.parent for file in files}}
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
    """The device and the number of threads in use; volatile, hence for JSON only."""
    import torch  # heavy, and only needed here

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return {"device": device, "threads": torch.get_num_threads(), "cores": cores()}


def peak_memory_mb() -> float:
    """The most memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def record(
    *,
    notebook: str,
    tier: str,
    seeds: Iterable[int] = (),
    parameters: Mapping[str, Any] | None = None,
    code: str = "",
    data: str = "",
    seconds: float | None = None,
) -> dict[str, Any]:
    """The provenance of one artefact as a plain dictionary, ready for JSON.

    `code` and `data` are fingerprints; `seconds` is the compute time behind the artefact.
    """
    return {
        "notebook": notebook,
        "tier": tier,
        "seeds": list(seeds),
        "parameters": dict(sorted((parameters or {}).items())),
        "code": code,
        "data": data,
        "versions": versions(),
        "machine": machine(),
        "seconds": None if seconds is None else round(float(seconds), 1),
    }


def line(entry: Mapping[str, Any]) -> str:
    """One short line for captions and the foot of tables; nothing in it is volatile."""
    seeds = ", ".join(str(seed) for seed in entry["seeds"])
    parts = [
        f"notebook {entry['notebook']}" if entry["notebook"] else "",
        f"tier {entry['tier']}",
        f"seeds {seeds}" if seeds else "",
        f"code {entry['code']}" if entry["code"] else "",
        f"data {entry['data']}" if entry["data"] else "",
        f"torch {entry['versions'].get('torch', '?')}",
    ]
    return " · ".join(part for part in parts if part)


def _entries(thing: Any) -> list[str]:
    """`name:digest` of each piece of source that `thing` stands for."""
    if isinstance(thing, ModuleType):
        thing = thing.__name__
    if not isinstance(thing, str):
        target = inspect.unwrap(thing)
        name = f"{target.__module__}.{target.__qualname__}"
        if target.__module__ == "__main__" or "<locals>" in name:
            tree = ast.parse(dependencies.source(target))
            return [f"{name}:{_digest_code(tree)}"]
        thing = name
    named = dependencies.locate(thing)[1]
    names = [thing] if named else dependencies.modules_of(thing)
    files = [dependencies.locate(name)[0].file for name in names]
    digests = [_digest_named(n, file, *_stamp(file)) for n, file in zip(names, files, strict=True)]
    return [f"{name}:{digest}" for name, digest in zip(names, digests, strict=True)]


def _stamp(path: Path) -> _Stamp:
    if not path.exists():
        return 0, 0
    stamp = path.stat()
    return stamp.st_mtime_ns, stamp.st_size


@functools.lru_cache(maxsize=4096)
def _digest_named(name: str, file: Path, mtime: int, size: int) -> str:
    """Digest of what a name stands for; the file, its time and size only key the cache."""
    if dependencies.locate(name)[1]:
        return _digest_code(dependencies.definition(name))
    return _digest_code(dependencies.locate(name)[0].tree)


def _digest_code(code: ast.AST | list[ast.stmt]) -> str:
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
