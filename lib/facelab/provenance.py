"""Where a number comes from: fingerprints of code and data, and the record beside each artefact.

    fingerprint("facelab.papers.laplace.losses")             # a module
    fingerprint("facelab.papers.laplace.losses.laplace_kl")  # one function of it
    fingerprint(losses, model.RCN)                           # objects do as well
    digest(images, landmarks)                                # data: arrays, tensors, files

A fingerprint is taken over the syntax tree, so comments, docstrings and formatting do not count and
any other edit does. A record holds no timestamps, absolute paths, user names or host names.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import os
import platform
import resource
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

PACKAGES = ("facelab", "torch", "numpy", "numba")


def fingerprint(*things: Any) -> str:
    """Twelve hex digits over the code of the given things, in any order.

    Args:
        things: modules, functions, classes, or dotted names of them. A package stands for all the
            modules in it. Named modules are read, not imported (their parent packages are).

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
    if isinstance(thing, str):
        return _named(thing)
    target = inspect.unwrap(thing)
    name = f"{target.__module__}.{target.__qualname__}"
    if target.__module__ != "__main__" and "<locals>" not in name:
        return _named(name)
    tree = ast.parse(textwrap.dedent(inspect.getsource(target)))
    return [f"{name}:{_digest_tree(tree)}"]


def _named(name: str) -> list[str]:
    module, path = _module_file(name)
    rest = name[len(module) + 1 :]
    if rest:
        stamp = path.stat()
        return [f"{name}:{_digest_file(path, stamp.st_mtime_ns, stamp.st_size, rest)}"]
    files = [path]
    if path.name == "__init__.py":
        files = sorted(path.parent.rglob("*.py"))
    entries = []
    for file in files:
        stamp = file.stat()
        label = file.relative_to(path.parent).as_posix()
        code = _digest_file(file, stamp.st_mtime_ns, stamp.st_size, "")
        entries.append(f"{module}/{label}:{code}")
    return entries


def _module_file(name: str) -> tuple[str, Path]:
    """The longest prefix of a dotted name that is a module, and its file."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module = ".".join(parts[:count])
        try:
            spec = importlib.util.find_spec(module)
        except (ModuleNotFoundError, ValueError):
            continue  # a parent that is a plain module, or __main__ without a spec
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            return module, Path(spec.origin)
    raise LookupError(
        f"{name!r} leads to no Python source; expected a dotted name such as 'package.module.f'"
    )


@functools.lru_cache(maxsize=512)
def _digest_file(path: Path, mtime: int, size: int, qualname: str) -> str:
    """Digest of a file, or of one definition in it; `mtime` and `size` only key the cache."""
    tree: ast.AST = ast.parse(path.read_text(encoding="utf-8"))
    for part in qualname.split(".") if qualname else ():
        tree = _definition(tree, part, where=f"{path.name}: {qualname}")
    return _digest_tree(tree)


def _definition(tree: ast.AST, name: str, where: str) -> ast.AST:
    found = None
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        else:
            continue
        if name in names:
            found = node  # the last definition is the one in force
    if found is None:
        raise LookupError(f"{where}: no definition of {name!r} at the top level there")
    return found


def _digest_tree(tree: ast.AST) -> str:
    return hashlib.blake2b(_canonical(tree).encode(), digest_size=8).hexdigest()


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
