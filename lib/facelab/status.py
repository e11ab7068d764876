"""Which notebooks, tables and figures are fresh, stale or missing, and because of what.

`facelab status` prints it; what counts is explained in `facelab.freshness`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat

from facelab import cells, environment, freshness, notebook, paths

FRESH = "fresh"  # made from the sources as they are
STALE = "stale"  # made from others; the reasons say which
MISSING = "missing"  # a notebook names it, and it or a file of it is not there
ORPHAN = "orphan"  # it is there, and no notebook names it
UNPAIRED = "unpaired"  # the executed copy has other cells than the source
STATES = (FRESH, STALE, MISSING, ORPHAN, UNPAIRED)
INCOMPLETE = "made before provenance was complete"
_SHOWN = 4  # names in a reason


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item:
    """The state of a notebook, table, figure or ledger.

    Attributes:
        kind: "notebook", "table", "figure" or "claims".
        name: "10_laplace", or "laplace/table-2".
        state: `FRESH`, `STALE`, `MISSING`, `ORPHAN` or `UNPAIRED`.
        reasons: why it is not fresh.
    """

    kind: str
    name: str
    state: str
    reasons: tuple[str, ...] = ()


def status(tier: str = "laptop") -> list[Item]:
    """The state of all notebooks and of what they publish at a tier.

    Args:
        tier: one of `paths.TIERS`. Only the laptop tier's executed notebooks stand beside their
            sources, so only there they are looked at.
    """
    found: list[Item] = []
    folder = paths.repo_root() / "notebooks"
    sources = sorted(folder.glob("[0-9]*_*.py"))
    named: set[tuple[str, str, str]] = set()
    for source in sources:
        if tier == "laptop":
            found.append(_pair(source))
        paper = cells.paper(source)
        origin = freshness.origin(paper, source)
        for making, code in sorted(origin.makings, key=lambda pair: not pair[0].literal):
            ids = [making.id] if making.literal else _ids(tier, making.place, paper)
            for id in ids:
                if making.makes(making.place, id) and (making.place, paper, id) not in named:
                    named.add((making.place, paper, id))
                    found.append(_artefact(tier, paper, id, making, code))
    found += _orphans(tier, sources, named)
    return found


def _pair(source: Path) -> Item:
    """Whether the executed copy of a notebook has the cells of its source."""
    executed = source.with_suffix(".ipynb")
    if not executed.is_file():
        return Item(kind="notebook", name=source.stem, state=MISSING, reasons=(executed.name,))
    ours = notebook.content(notebook.read_source(source))
    theirs = notebook.content(nbformat.read(executed, as_version=4))
    if ours == theirs:
        return Item(kind="notebook", name=source.stem, state=FRESH)
    differ = {kind for kind, *_ in {*ours} ^ {*theirs}}
    what = "code" if "code" in differ else "text"
    reason = f"{what} differs from that of {source.name}"
    return Item(kind="notebook", name=source.stem, state=UNPAIRED, reasons=(reason,))


def _artefact(tier: str, paper: str, id: str, making: cells.Making, code: freshness.Code) -> Item:
    """The state of something that a notebook names."""
    folder = paths.repo_root() / making.place / tier / paper
    state, reasons = FRESH, []
    try:
        about = json.loads((folder / f"{id}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        about = None
        unmet = freshness.photographs(code) - paths.photographs().keys()
        if not unmet:
            state, reasons = MISSING, [f"{making.place}/{tier}/{paper}/{id}.json"]
    except ValueError as error:
        about, state, reasons = None, STALE, [f"its JSON is damaged ({error})"]
    if about is not None:
        reasons = [f"{name} is not there" for name in _absent(folder, id, making.kind, about)]
        state = MISSING if reasons else FRESH
        if not reasons:
            noted = freshness.noted(
                paths.repo_root() / "results" / tier / paper / freshness.CODE_FILE
            )
            reasons = list(_reasons(tier, paper, about.get("provenance", {}), making, code, noted))
            state = STALE if reasons else FRESH
    return Item(kind=making.kind, name=f"{paper}/{id}", state=state, reasons=tuple(reasons))


def _reasons(
    tier: str,
    paper: str,
    record: Mapping[str, Any],
    making: cells.Making,
    code: freshness.Code,
    noted: Mapping[str, str],
) -> Iterator[str]:
    """Why an artefact with this provenance is not what its notebook would make now."""
    if "uses" not in record or not record.get("cell"):
        yield INCOMPLETE
        return
    before = list(record["cell"]["code"])
    others = [making.sections[c] for c, digest in making.code.items() if digest not in before]
    if before != list(making.code.values()):
        where = [f"under {title!r}" if title else "of the first cells" for title in others]
        yield f"cells: code {_some([*dict.fromkeys(where)]) if where else 'gone or moved'}"
    if record["uses"] != code.uses:
        yield f"library code: {_some(_changed(record['uses'], code, noted))}"
    if record["parameters"]:
        given = (f"{name} was {value!r}" for name, value in record["parameters"].items())
        yield f"parameters: {', '.join(given)}, not the default"
    if record["tier"] != tier:
        yield f"tier: made at {record['tier']}"
    now, then = freshness.files(tier, paper, making, code), record.get("files", {})
    here = {f"photographs/{name}" for name in paths.photographs()}
    differ = {name for name in {*now, *then} if now.get(name) != then.get(name)}
    if differ := {n for n in differ if not n.startswith("photographs/") or n in here}:
        yield f"data: {_some(sorted(differ))}"
    versions = record["environment"]
    pins = environment.locked(name for name in versions if name != "fingerprint")
    moved = [f"{name} {versions[name]}, now {v}" for name, v in pins.items() if versions[name] != v]
    if moved:
        yield f"environment: {_some(moved)}"


def _changed(
    before: Mapping[str, str], code: freshness.Code, noted: Mapping[str, str]
) -> list[str]:
    """Names whose code is no longer that of the record; as fine as the notes allow."""
    found: set[str] = set()
    for name in {*before, *code.uses}:
        if before.get(name) != code.uses.get(name):
            here = code.names.get(name, {})
            found |= {n for n, digest in here.items() if noted.get(n) != digest} or {name}
    whole = {n for n in found if any(other.startswith(f"{n}.") for other in found)}
    return sorted(found - whole)  # a module is said by its functions


def _absent(folder: Path, id: str, kind: str, about: Mapping[str, Any]) -> list[str]:
    """Files that belong to an artefact and are not there; photographs are kept elsewhere."""
    names = [f"{id}.csv"]
    if kind == "figure":
        names += [] if about.get("photo") else about.get("files", [])
    else:
        names.append(f"{id}.md")
    return [name for name in names if not (folder / name).is_file()]


def _ids(tier: str, place: str, paper: str) -> list[str]:
    folder = paths.repo_root() / place / tier / paper
    files = folder.glob("*.*") if folder.is_dir() else ()
    return sorted({f.stem for f in files if not f.name.startswith((".", "_"))})


def _orphans(tier: str, sources: list[Path], named: set[tuple[str, str, str]]) -> Iterator[Item]:
    root = paths.repo_root()
    for place, kind in (("results", "table"), ("figures", "figure")):
        papers = sorted(f for f in (root / place / tier).glob("[!.]*") if f.is_dir())
        for paper in (folder.name for folder in papers):
            for id in _ids(tier, place, paper):
                if (place, paper, id) not in named:
                    reason = (f"no notebook names it: {place}/{tier}/{paper}/{id}.*",)
                    yield Item(kind=kind, name=f"{paper}/{id}", state=ORPHAN, reasons=reason)
    stems = {source.stem for source in sources}
    for file in sorted((root / "notebooks").glob("*.ipynb")):
        if file.stem not in stems:
            reason = (f"there is no {file.stem}.py",)
            yield Item(kind="notebook", name=file.stem, state=ORPHAN, reasons=reason)


def _some(names: list[str]) -> str:
    shown = [name.removeprefix("facelab.") for name in names[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
