"""What is known about earlier runs of the notebooks: whether they still hold, and what they took.

A run holds as long as the notebook's source, the library code it reaches, its parameters, the
versions of the numerical packages and the photographs found are the same, and the files it wrote
are still there as it wrote them. The notes on that, `results/<tier>/.state/<notebook>.json`, are
this machine's own and not committed. What a run took, `results/<tier>/runs.csv`, is.

The question here is "must the notebook be executed again on this machine?". Whether the committed
numbers come from the code as it is, anywhere, is answered by `facelab.freshness` and
`facelab.status`, which need none of these notes, and to which comments do not matter.
"""

import ast
import csv
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from facelab import paths, provenance

PACKAGES = ("numba", "numpy", "torch")
COLUMNS = ("notebook", "tier", "seconds", "peak_memory_mb", "cores", "start")


def key(code: str, content: list[Any], parameters: dict[str, Any]) -> str:
    """A digest of all that a run's outcome depends on.

    Args:
        code: the notebook's Python, to follow its imports.
        content: its cells, whole.
        parameters: those that the run is given.
    """
    package = Path(__file__).parent
    entries: list[Any] = [content, sorted(parameters.items())]
    entries += [importlib.metadata.version(name) for name in PACKAGES]
    if "facelab.scoreboard" in set(_imports(code, "", package.name)):
        from facelab import scoreboard  # which needs this module

        entries.append(scoreboard.digest(parameters["tier"]))  # it shows other notebooks' results
    reached = reached_files(code, package)
    if any(file.parent.name == "data" for file in reached):  # loaders of photographs
        found = paths.photographs()
        entries += [(name, provenance.folder_digest(found[name])) for name in sorted(found)]
    for file in reached:
        entries += [file.relative_to(package).as_posix(), file.read_text(encoding="utf-8")]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:16]


def reached_files(source: str, package: Path) -> list[Path]:
    """The files of the library that some code imports, directly or through other modules.

    Tables beside a reached module (published numbers, claims) count too. The whole text of a file
    counts, comments as well, because notebooks print the source of the library.

    Args:
        source: Python code.
        package: the folder of `facelab`.
    """
    reached: dict[str, Path] = {}
    todo = list(_imports(source, "", package.name))
    while todo:
        name = todo.pop()
        if name in reached or name.split(".")[0] != package.name:
            continue
        base = package.parent.joinpath(*name.split("."))
        file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
        if not file.is_file():
            continue  # `from module import name`: the name is a function, not a module
        reached[name] = file
        todo += _imports(file.read_text(encoding="utf-8"), name, package.name, base.is_dir())
        todo.append(name.rpartition(".")[0])
    folders = {file.parent for file in reached.values()} - {package}
    tables = {t for f in folders for kind in ("csv", "yaml") for t in f.rglob(f"*.{kind}")}
    return sorted({*reached.values(), *tables})


def holds(tier: str, notebook: str, expected: str) -> bool:
    """Whether the last run of a notebook was one with this key and its files are untouched."""
    try:
        state = json.loads(_state_file(tier, notebook).read_text(encoding="utf-8"))
        root = paths.repo_root()
        return (
            state["key"] == expected
            and state["head"] == _head_cached()
            and all(_digest(root / name) == known for name, known in state["files"].items())
        )
    except (OSError, ValueError, KeyError):
        return False  # no note, or a damaged one: the run is done again


def remember(tier: str, notebook: str, done: str, written: Iterable[Path]) -> None:
    """Notes a finished run: its key, and the files it leaves in the checkout."""
    root = paths.repo_root()
    files = {file.relative_to(root).as_posix(): _digest(file) for file in sorted(written)}
    with paths.atomic_write(_state_file(tier, notebook)) as temporary:
        text = json.dumps({"key": done, "head": _head_cached(), "files": files}, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")


def written_files(tier: str, notebook: str) -> list[Path]:
    """The results and figures of a notebook: those in the folders of its name, `10_laplace`'s in
    `results/<tier>/laplace` and `figures/<tier>/laplace`."""
    folder = Path(tier, notebook.partition("_")[2] or notebook)
    root = paths.repo_root()
    both = (root / "results" / folder, root / "figures" / folder)
    return sorted(file for place in both for file in place.rglob("*") if file.is_file())


def measured(notebook: str) -> dict[str, dict[str, str]]:
    """What a notebook took, by tier: rows of `runs.csv`, for its opening.

    Returns:
        Only the tiers that were measured. `seconds`, `peak_memory_mb` and `cores` are texts of
        whole numbers; `start` is "cold" where the run began with an empty cache, else "warm".
    """
    rows = {tier: _rows(tier).get(notebook) for tier in paths.TIERS}
    return {tier: row for tier, row in rows.items() if row}


def record(
    *, notebook: str, tier: str, seconds: float, peak_memory_mb: float, cores: int, cold: bool
) -> None:
    """Notes what a run took.

    A warm run finds its trained models in the cache and says little about what a reader has to
    wait for; so it does not replace the row of a cold one.
    """
    rows = _rows(tier)
    if not cold and rows.get(notebook, {}).get("start") == "cold":
        return
    start = "cold" if cold else "warm"
    values = (notebook, tier, f"{seconds:.0f}", f"{peak_memory_mb:.0f}", str(cores), start)
    rows[notebook] = dict(zip(COLUMNS, values, strict=True))
    with (
        paths.atomic_write(_runs_file(tier)) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))


def _imports(source: str, module: str, top: str, package: bool = True) -> Iterator[str]:
    """Dotted names under `top` that some code may import; also names that are no modules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(top))
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                up = module.split(".")
                up = up[: len(up) - node.level + package]
                origin = ".".join([*up, *([origin] if origin else [])])
            if origin.startswith(top):
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in node.names)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _head_cached() -> bool:
    """Whether the distilled head is in the cache; who empties the cache wants all of it anew."""
    return any(paths.cache_dir().glob("head-v*.safetensors"))


def _state_file(tier: str, notebook: str) -> Path:
    return paths.repo_root() / "results" / tier / ".state" / f"{notebook}.json"


def _runs_file(tier: str) -> Path:
    return paths.repo_root() / "results" / tier / "runs.csv"


def _rows(tier: str) -> dict[str, dict[str, str]]:
    if not _runs_file(tier).is_file():
        return {}
    with _runs_file(tier).open(encoding="utf-8", newline="") as file:
        return {row["notebook"]: row for row in csv.DictReader(file)}
