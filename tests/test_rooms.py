"""The papers' rooms: what two of them share stands beside them, not in one of them."""

import ast
import importlib
import json
from pathlib import Path

import pytest

from facelab import paths, published

FILES = sorted(published.PAPERS.glob("*/**/*.py"))
# A paper whose tables have another paper's method as a row trains that method as it is.
ROWS = {"geometry": {"ganimation"}}


def _imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_no_paper_imports_another_but_for_a_row_of_its_tables(file):
    room = file.relative_to(published.PAPERS).parts[0]
    rooms = {name.split(".")[2] for name in _imported(file) if name.startswith("facelab.papers.")}
    assert rooms <= {room} | ROWS.get(room, set())


def test_no_two_papers_import_each_other():
    assert not any(room in ROWS.get(other, ()) for room in ROWS for other in ROWS[room])


def test_shared_networks_know_no_paper():
    for file in (published.PAPERS.parent / "gan").glob("*.py"):
        assert not any(name.startswith("facelab.papers") for name in _imported(file)), file.name


@pytest.mark.parametrize("tier", paths.TIERS)
@pytest.mark.parametrize(
    "room", ["judges", "papers.ganimation", "papers.geometry", "papers.laplace"]
)
def test_every_training_reaches_a_worker_as_it_is(room, tier):
    """Fields travel as JSON; the smoke tier starts no workers, so notebooks would not tell."""
    plan = importlib.import_module(f"facelab.{room}.experiments").settings(tier)
    for run in plan.everything():
        fields = json.loads(json.dumps(run.model_dump(mode="json", exclude={"infra"})))
        assert type(run).model_validate(fields).infra.uid() == run.infra.uid()
