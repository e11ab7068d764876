"""Do the committed tables and figures come from the code that is here? (`facelab status`)

Each artefact's JSON records what it was made from: the statements of its notebook
(`facelab.cells`), the library names that these use, each with a fingerprint of all that it leads
to, files of published numbers, photographs, parameters and package versions. `facelab.status` works
the same out from the sources as they are now and compares. It trains nothing, runs no cell and
needs neither the cache nor this machine's notes: in a fresh clone it gives the same answer.

It is another question than that of `facelab.runs`, which decides whether a notebook must be
*executed* again *here*: there each character of a source counts, since notebooks print sources,
and so do files that are on this machine only. A comment makes a notebook run again; it does not
make a number stale.

What counts: drawing code (`facelab.plots`) for figures and not for tables; the text of captions for
both, as they are part of the artefact; never the code that only carries numbers, formats tables or
writes files (`CARRIERS`).
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from facelab import (
    FacelabError,
    cells,
    dependencies,
    environment,
    notebook,
    paths,
    provenance,
    settings,
)

CARRIERS = (
    *dependencies.IGNORED,
    "facelab.cells",
    "facelab.drawings",
    "facelab.environment",
    "facelab.flow",
    "facelab.freshness",
    "facelab.labbook",
    "facelab.ledger",
    "facelab.published",
    "facelab.readme",
    "facelab.readme_parts",
    "facelab.runs",
    "facelab.settings",
    "facelab.show",
    "facelab.tables",
)
PAINTERS = ("facelab.plots",)
SOURCES = {"facelab.data.london": "london", "facelab.data.w300": "300w"}  # of photographs
CODE_FILE = "_code.json"  # digests of single functions, to say which one has changed
_NAME = re.compile(r"facelab(\.\w+)+")


@dataclasses.dataclass(frozen=True)
class Code:
    """Library code behind an artefact.

    Attributes:
        uses: by each library name that the notebook mentions, a fingerprint of all it leads to.
        names: by each name that these lead to, the digest of its own code.
    """

    uses: dict[str, str]
    names: dict[str, dict[str, str]]

    @property
    def fingerprint(self) -> str:
        """Of all the code, twelve hex digits; "" for none."""
        return provenance.digest(json.dumps(self.uses, sort_keys=True)) if self.uses else ""


@dataclasses.dataclass(frozen=True)
class Origin:
    """What a notebook's artefacts are made from, as the sources were when its book was opened."""

    paper: str
    makings: tuple[tuple[cells.Making, Code], ...]
    other: Code

    def entry(self, tier: str, place: str, id: str) -> dict[str, Any]:
        """The part of an artefact's provenance on cell, code and files."""
        making, code = self._find(place, id)
        found: dict[str, Any] = {"cell": {}, "code": code.fingerprint, "uses": code.uses}
        if making is not None:
            cell = {"id": making.cell, "section": making.section}
            found["cell"] = cell | {"code": list(making.code.values())}
            found["files"] = files(tier, self.paper, making, code)
        names = environment.NUMERIC + (environment.DRAWING if place == "figures" else ())
        versions = environment.installed(names)
        print_of = provenance.digest(json.dumps(versions))
        return {**found, "environment": {"fingerprint": print_of, **versions}}

    @dependencies.snapshot()
    def note(self, tier: str, place: str, id: str) -> None:
        """Keeps the digests of an artefact's functions in `results/<tier>/<paper>/_code.json`."""
        file = paths.results_dir(tier, self.paper) / CODE_FILE
        known = {name: digest for name, digest in noted(file).items() if _exists(name)}
        for names in self._find(place, id)[1].names.values():
            known |= names
        modules: dict[str, dict[str, str]] = {}
        for name, digest in sorted(known.items()):
            module, rest = dependencies.locate(name)
            modules.setdefault(module.name, {})[rest] = digest
        lines = [f"{json.dumps(name)}: {json.dumps(modules[name])}" for name in sorted(modules)]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            with paths.atomic_write(file) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def _find(self, place: str, id: str) -> tuple[cells.Making | None, Code]:
        found = [pair for pair in self.makings if pair[0].makes(place, id)]
        found.sort(key=lambda pair: not pair[0].literal)
        return found[0] if found else (None, self.other)


@dependencies.snapshot()
def origin(paper: str, source: Path | None, code: Iterable[str] = ()) -> Origin:
    """What a notebook's artefacts are made from now.

    Args:
        paper: the folder of its results.
        source: its py:percent source; None where there is none.
        code: names that every artefact depends on besides what its cells mention.
    """
    closures, code = _Closures(), tuple(code)
    makings = cells.read(source) if source is not None else []
    return Origin(
        paper=paper,
        makings=tuple((m, closures.code({*m.uses, *code}, m.place)) for m in makings),
        other=closures.code(code, "results"),
    )


def parameters(source: Path | None) -> dict[str, Any]:
    """Parameters that the running notebook was given: those that are not at their defaults.

    The tier is left out, as it stands in the record by itself.
    """
    from IPython import get_ipython  # only notebooks get here

    shell = get_ipython()
    if shell is None or source is None:
        return {}
    defaults = notebook.parameters(notebook.read_source(source), source.name)
    values = {name: shell.user_ns.get(name, value) for name, value in defaults.items()}
    common = {f.name: values.pop(f.name, "") for f in dataclasses.fields(settings.Parameters)}
    chosen = dataclasses.asdict(settings.notebook_parameters(**common))
    plain = dataclasses.asdict(settings.Parameters(tier=chosen["tier"]))
    found = {name: value for name, value in chosen.items() if value != plain[name]}
    found = {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()}
    return found | {name: v for name, v in values.items() if v != defaults[name]}


def files(tier: str, paper: str, making: cells.Making, code: Code) -> dict[str, str]:
    """Digests of the files behind an artefact: published numbers, claims, photographs found here.

    Photographs count by their names and sizes; for the scoreboard, what it shows of all papers.
    """
    found, folder = {}, Path(__file__).parent / "papers" / paper
    names = {name for names in code.names.values() for name in names}
    if any(name.startswith("facelab.scoreboard") for name in names):
        from facelab import scoreboard  # it reads by pandas, which takes a while to import

        found["results"] = scoreboard.digest(tier)
    claims = any(n.startswith("facelab.claims") for n in names)
    published = {"*"} if claims else making.published
    for name in published:
        for file in sorted(folder.glob(f"published/{name}.csv")):
            found[f"published/{file.name}"] = provenance.digest(file)
    if claims and (folder / "claims.yaml").is_file():
        found["claims.yaml"] = provenance.digest(folder / "claims.yaml")
    here = paths.photographs()
    for name in sorted(photographs(code) & here.keys()):
        found[f"photographs/{name}"] = provenance.folder_digest(here[name])
    return dict(sorted(found.items()))


def photographs(code: Code) -> set[str]:
    """Data sets of photographs that some code loads."""
    names = [name for names in code.names.values() for name in names]
    return {s for m, s in SOURCES.items() if any(f"{n}.".startswith(f"{m}.") for n in names)}


def noted(file: Path) -> dict[str, str]:
    """The digests that `Origin.note` keeps, by dotted name; empty where there are none."""
    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        f"{module}.{rest}".rstrip("."): digest
        for module, names in modules.items()
        for rest, digest in names.items()
    }


class _Closures:
    """Fingerprints of all that names lead to, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, dict[str, str], set[str]]] = {}

    def code(self, uses: Iterable[str], place: str) -> Code:
        """The code behind some names; names in strings of it (`uses` of experiments) as well."""
        ignored = _ignored(place)
        todo, found = set(uses), {}
        while todo:
            name = dependencies.resolve(todo.pop())
            if name in found or f"{name}.".startswith(tuple(f"{i}." for i in ignored)):
                continue
            found[name] = self._closure(name, place)
            todo |= found[name][2]
        found = dict(sorted(found.items()))
        return Code(
            uses={name: print_of for name, (print_of, _, _) in found.items()},
            names={name: names for name, (_, names, _) in found.items()},
        )

    def _closure(self, name: str, place: str) -> tuple[str, dict[str, str], set[str]]:
        key = (name, place)
        if key not in self._known:
            reached = dependencies.reached(name, ignored=_ignored(place))
            names = {n: digest[:8] for n, digest in provenance.entries(*reached).items()}
            strings = {text for n in names for text in _strings(n, *_stamp(n))}
            text = json.dumps(names, sort_keys=True)
            self._known[key] = provenance.digest(text), names, strings
        return self._known[key]


def _ignored(place: str) -> tuple[str, ...]:
    drawing = PAINTERS if place == "figures" else ()
    return tuple(name for name in CARRIERS if name not in drawing)


def _stamp(name: str) -> tuple[Path, int, int]:
    file = dependencies.locate(name)[0].file
    return file, *dependencies.stamp(file)


@functools.lru_cache(maxsize=8192)
def _strings(name: str, file: Path, mtime: int, size: int) -> frozenset[str]:
    """Library names in the strings of a definition; time and size only key the cache."""
    if not _quotes(file, mtime, size):
        return frozenset()
    nodes = [part for node in dependencies.definition(name) for part in ast.walk(node)]
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return frozenset(text for text in texts if _NAME.fullmatch(text) and _exists(text))


@functools.lru_cache(maxsize=512)
def _quotes(file: Path, mtime: int, size: int) -> bool:
    """Whether a file may hold library names in strings: most do not, and need no search."""
    return re.search(r"""["']facelab\.""", file.read_text(encoding="utf-8")) is not None


def _exists(name: str) -> bool:
    try:
        dependencies.definition(dependencies.resolve(name))
    except (LookupError, FacelabError):
        return False
    return True
