"""Every notebook: both halves agree, it runs in the smoke tier, what it marks comes out the same.

A cell that holds `# NBVAL_CHECK_OUTPUT` must print the same at every tier, such as the number of
parameters of a network; nbval compares it with the committed copy.
"""

import os
import re
import subprocess
import sys

import nbformat
import pytest

from facelab import FacelabError, paths, runner
from facelab import notebook as notebooks
from facelab.data import london

SOURCES = runner.find()
# The design allows 60 s on two free cores; a busy machine gets some slack.
SMOKE_SECONDS = 150
PEOPLE = 12  # of a set of photographs, in smoke runs
PRIVATE = re.compile(
    r"(?<![\w.~>])/(home|Users|root|tmp|work|mnt|var|private|opt)/|[A-Z]:\\\\Users"
)
NOISE = ("application/vnd.jupyter.widget", '"papermill"', "iopub.execute_input", '"start_time"')

each_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("TIER", "SEEDS", "DATA", "ONLY"):
        monkeypatch.delenv(f"FACELAB_{name}", raising=False)


@pytest.fixture
def few_photographs(tmp_path, monkeypatch):
    """A dozen people of the London set, where it is found: enough to see that all runs."""
    try:
        found = london.find_folder()
    except FacelabError:
        return
    few = tmp_path / "london"
    known = sorted({file.name.split("_")[0] for file in found.glob("neutral_front/[0-9]*.jpg")})
    for part in london.PARTS:
        (few / part).mkdir(parents=True)
        for person in known[:PEOPLE]:
            for file in (found / part).glob(f"{person}_*"):
                (few / part / file.name).symlink_to(file)
    for file in found.glob("*.csv"):
        (few / file.name).symlink_to(file)
    monkeypatch.setenv("FACELAB_LONDON", str(few))


def executed(source):
    path = source.with_suffix(".ipynb")
    assert path.is_file(), f"run `facelab reproduce {source.stem}` and commit {path.name}"
    return nbformat.read(path, as_version=4)


def marked(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if "# NBVAL_CHECK_OUTPUT" in cell.source]


def test_each_executed_notebook_has_a_source():
    folder = paths.repo_root() / "notebooks"
    assert {path.stem for path in folder.glob("*.ipynb")} <= {path.stem for path in SOURCES}


@each_notebook
def test_both_halves_have_the_same_cells(source):
    ours, theirs = notebooks.content(notebooks.read_source(source)), executed(source)
    assert notebooks.content(theirs) == ours, (
        f"{source.name} has changed since it was executed: facelab reproduce {source.stem}"
    )
    assert [cell.id for cell in theirs.cells] == [
        cell.id for cell in notebooks.read_source(source).cells
    ]


@each_notebook
def test_the_committed_copy_is_whole_and_tells_nothing_of_the_machine(source):
    notebook = executed(source)
    nbformat.validate(notebook)
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert not PRIVATE.search(text), PRIVATE.search(text)
    assert not [noise for noise in NOISE if noise in text]
    assert not {"widgets", "papermill"} & set(notebook.metadata)
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}
        if cell.cell_type != "code":
            continue
        assert cell.execution_count is not None or not cell.source.strip()
        assert not [out for out in cell.outputs if out.output_type == "error"], cell.source
        if notebooks.tagged(cell, "photo") and cell.outputs:
            assert [out.get("text") for out in cell.outputs] == [notebooks.PHOTO_NOTE]


@each_notebook
def test_marked_cells_were_executed(source):
    cells = marked(executed(source))
    assert cells, "mark a few cells `# NBVAL_CHECK_OUTPUT`"
    assert all(cell.execution_count and cell.outputs for cell in cells)


@each_notebook
def test_the_notebook_runs_in_the_smoke_tier(source, few_photographs):
    outcome = runner.run(source, parameters={"tier": "smoke"})
    assert outcome.path.is_file()
    assert outcome.seconds < SMOKE_SECONDS


@each_notebook
def test_marked_cells_print_the_same_in_the_smoke_tier(source, tmp_path, few_photographs):
    notebook = executed(source)
    for cell in notebook.cells:
        if notebooks.tagged(cell, "skip-smoke"):
            cell.metadata.tags = [*cell.metadata.tags, "nbval-skip"]
    nbformat.write(notebook, tmp_path / f"{source.stem}.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    command += ["-p", "no:cacheprovider", "--rootdir", str(tmp_path), f"{source.stem}.ipynb"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "FACELAB_TIER": "smoke", "FACELAB_WORKERS": "0"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
