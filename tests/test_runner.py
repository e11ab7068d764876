"""The runner, on small notebooks of its own in a checkout of its own."""

import csv
import json
import os

import nbformat
import pytest

from facelab import FacelabError, paths, runner, runs
from facelab import notebook as notebooks
from facelab.settings import Parameters, notebook_parameters

HEAD = """\
# %% [markdown]
# # A title

# %% tags=["parameters"]
tier: str = ""
seeds: str = ""

"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty checkout and an empty cache; nothing of the environment shines through."""
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path / "checkout")
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FACELAB_SHARED", raising=False)
    for name in ("TIER", "SEEDS", "DATA", "ONLY"):
        monkeypatch.delenv(f"FACELAB_{name}", raising=False)
    (tmp_path / "checkout" / "notebooks").mkdir(parents=True)
    return tmp_path / "checkout"


def write(checkout, text, name="90_tiny", head=HEAD):
    path = checkout / "notebooks" / f"{name}.py"
    path.write_text(head + text, encoding="utf-8")
    return path


def outputs(path):
    """The text of all outputs of an executed notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return "".join(
        output.get("text", "") + str(output.get("data", ""))
        for cell in cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )


def test_parameters_come_from_the_call_else_the_environment_else_the_default(monkeypatch):
    for name in ("TIER", "SEEDS", "DATA", "ONLY"):
        monkeypatch.delenv(f"FACELAB_{name}", raising=False)
    assert notebook_parameters() == Parameters(tier="laptop", seeds=(), data="synthetic", only=())
    monkeypatch.setenv("FACELAB_TIER", "gpu")
    monkeypatch.setenv("FACELAB_SEEDS", "3, 4")
    assert notebook_parameters(only="table-2,table-3") == Parameters(
        tier="gpu", seeds=(3, 4), only=("table-2", "table-3")
    )
    assert notebook_parameters(tier="smoke", seeds="7").seeds == (7,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tier": "desktop"}, "unknown tier 'desktop'"),
        ({"seeds": "0,-1"}, "whole numbers from 0 up"),
        ({"seeds": "0,0"}, "each seed stands once"),
        ({"seeds": 3}, "is a string"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(given, message):
    with pytest.raises(FacelabError, match=message):
        notebook_parameters(**given)


def test_unknown_parameters_are_refused_before_anything_runs(checkout):
    source = write(checkout, "# %%\nprint(tier)\n")
    with pytest.raises(FacelabError, match=r"90_tiny.py has no parameter 'speed'.*tier, seeds"):
        runner.run(source, parameters={"tier": "smoke", "speed": "9"})
    with pytest.raises(FacelabError, match="parameter seeds is of type str; got 3"):
        runner.run(source, parameters={"tier": "smoke", "seeds": 3})
    assert not (checkout / "build").exists()


@pytest.mark.parametrize(
    "line",
    [
        "tier = 'gpu'",
        "for seeds in range(3): pass",
        "with open('f') as tier: pass",
        "print(tier := 'gpu')",
        "import math as tier",
        "def change():\n    global tier\n    tier = 'gpu'",
        "def seeds(): pass",
        "%timeit -n1 pass\ntier += 'x'",
        "(a, [tier, b]) = 1, [2, 3]",
        "del tier",
    ],
)
def test_parameters_assigned_again_are_refused(checkout, line):
    source = write(checkout, f"# %%\n{line}\n")
    with pytest.raises(FacelabError, match=r"90_tiny.py, cell 2: assigns the parameter"):
        runner.run(source, parameters={"tier": "smoke"})


def test_names_in_a_scope_of_their_own_are_no_assignments(checkout):
    source = write(
        checkout,
        "# %%\ndef f(tier):\n    seeds = tier\n    return seeds\n"
        "g = lambda tier: tier\n[tier for tier in 'ab']\nx = dict(tier=1)\nx['tier'] = 2\n",
    )
    assert notebooks.parameters(notebooks.read_source(source), "f") == {"tier": "", "seeds": ""}


@pytest.mark.parametrize(
    "line", ["tier = ''", "tier: str = 'a' + 'b'", "seeds: int = ''", "import os", "n: list = []"]
)
def test_the_parameters_cell_holds_typed_literals_only(checkout, line):
    source = write(checkout, "", head=f'# %% tags=["parameters"]\n{line}\n')
    with pytest.raises(FacelabError, match="typed literals only"):
        runner.run(source, parameters={})


def test_there_is_one_parameters_cell(checkout):
    with pytest.raises(FacelabError, match="one cell tagged 'parameters', found 0"):
        runner.run(write(checkout, "", head="# %%\n1\n"), parameters={})


def test_a_run_is_published_for_the_plain_laptop_tier_and_skipped_while_it_holds(checkout):
    source = write(
        checkout,
        "# %%\nimport pathlib, sys, warnings\nfrom facelab import paths\n"
        "root = pathlib.Path.cwd().parent\n"
        "folder = root / 'results' / (tier or 'laptop') / 'tiny'\n"
        "folder.mkdir(parents=True, exist_ok=True)\n"
        "_ = (folder / 'table.csv').write_text('a,b')\n"
        "print('ran at', folder, 'home', pathlib.Path.home(), object(), sys.executable)\n\n"
        "# %% tags=[\"photo\"]\nprint('a face')\nlen('face')\n\n"
        "# %%\nprint(tier)\n6 * 7\n",
    )
    published = source.with_suffix(".ipynb")
    first = runner.run(source, parameters={"tier": ""}, cold=True)
    assert (first.path, first.fresh) == (published, False)
    assert first.peak_memory_mb > 10
    text = published.read_text()
    notebook = nbformat.read(published, as_version=4)
    nbformat.validate(notebook)
    assert notebooks.content(notebook) == notebooks.content(notebooks.read_source(source))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert code[-1].outputs[0].text == "laptop\n"
    assert code[-1].outputs[1].data["text/plain"] == "42"
    assert code[-1].outputs[1].execution_count == 4

    # Published without photographs and without anything of this machine; whole under build/.
    assert str(checkout) not in text
    assert "ran at results/laptop/tiny home ~ <object object>" in outputs(published)
    assert "a face" not in outputs(published)
    assert notebooks.PHOTO_NOTE in outputs(published)
    whole = checkout / "build" / "notebooks" / "laptop" / "90_tiny.ipynb"
    assert "a face" in outputs(whole)
    assert not {"papermill", "widgets"} & set(notebook.metadata)
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
    assert list((checkout / "build" / "running").iterdir()) == []

    # Nothing changed: not run again.
    assert runner.run(source, parameters={"tier": "laptop"}).fresh
    # Forced: the same bytes, ids of cells and all.
    again = runner.run(source, parameters={"tier": "laptop"}, force=True)
    assert not again.fresh
    assert published.read_text() == text
    # A result is touched, or lost: run again. The note is damaged: run again.
    (checkout / "results" / "laptop" / "tiny" / "table.csv").write_text("edited")
    assert not runner.run(source, parameters={}).fresh
    (checkout / "results" / "laptop" / ".state" / "90_tiny.json").write_text("{")
    assert not runner.run(source, parameters={}).fresh
    assert runner.run(source, parameters={}).fresh

    # What the run took is noted, and a warm run does not replace a cold one.
    with (checkout / "results" / "laptop" / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["notebook"], row["start"]) for row in rows] == [("90_tiny", "cold")]
    assert runs.measured("90_tiny")["laptop"]["seconds"] == f"{first.seconds:.0f}"


def test_other_runs_leave_the_published_copy_alone(checkout):
    source = write(
        checkout, '# %%\nprint(tier, seeds)\n\n# %% tags=["skip-smoke"]\nraise SystemError\n'
    )
    outcome = runner.run(source, parameters={"tier": "smoke", "seeds": "5"})
    assert outcome.path == checkout / "build" / "notebooks" / "smoke" / "90_tiny.ipynb"
    assert outputs(outcome.path) == "smoke 5\n"
    assert not source.with_suffix(".ipynb").exists()
    assert not runner.run(source, parameters={"tier": "smoke"}).fresh  # other parameters


@pytest.mark.parametrize(("tier", "given", "found"), [
    ("smoke", None, "0"), ("smoke", "3", "3"), ("laptop", None, None),
])  # fmt: skip
def test_trainings_of_the_smoke_tier_stay_in_the_kernel(checkout, monkeypatch, tier, given, found):
    monkeypatch.delenv("FACELAB_WORKERS", raising=False)
    if given:
        monkeypatch.setenv("FACELAB_WORKERS", given)
    source = write(checkout, "# %%\nimport os\nprint(os.environ.get('FACELAB_WORKERS'))\n")
    outcome = runner.run(source, parameters={"tier": tier})
    assert outputs(outcome.path) == f"{found}\n"
    assert os.environ.get("FACELAB_WORKERS") == given


def test_a_failure_keeps_the_partial_notebook_and_names_the_cell(checkout, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    source = write(
        checkout,
        "# %%\nimport os\nprint('so far so good', os.environ['MPLBACKEND'])\n\n"
        "# %% [markdown]\n# ## Training\n\n"
        "# %%\n# the loop\nvalues = {}\nvalues['loss']\n\n# %%\nprint('never')\n",
    )
    with pytest.raises(runner.NotebookFailed) as caught:
        runner.run(source, parameters={"tier": "smoke"})
    message = str(caught.value)
    assert "90_tiny failed in the cell that begins with `# the loop` under 'Training'" in message
    assert "KeyError: 'loss'" in message
    assert "\x1b[" not in message
    assert str(checkout) not in message
    kept = checkout / "build" / "failed" / "smoke" / "90_tiny.ipynb"
    assert "the notebook up to there is build/failed/smoke/90_tiny.ipynb" in message
    assert "so far so good module://matplotlib_inline" in outputs(kept)
    assert "never" not in outputs(kept)
    assert not runs.measured("90_tiny")
    assert not (checkout / "build" / "notebooks").exists()


def test_a_dead_kernel_is_no_traceback(checkout):
    source = write(checkout, "# %%\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    with pytest.raises(runner.KernelStopped, match="interrupted or out of memory"):
        runner.run(source, parameters={"tier": "smoke"})
    assert (checkout / "build" / "failed" / "smoke" / "90_tiny.ipynb").is_file()


def test_widgets_leave_their_text(checkout):
    source = notebooks.read_source(write(checkout, "# %%\n1\n"))
    executed = nbformat.from_dict(source)
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "0%"}
    executed.cells[2].outputs = [
        nbformat.v4.new_output("display_data", data=view, metadata={"isolated": True}),
        nbformat.v4.new_output("display_data", data={k: v for k, v in view.items() if "vnd" in k}),
    ]
    (kept,) = notebooks.combined(source, executed).cells[2].outputs
    assert kept.data == {"text/plain": "0%"}
    assert kept.metadata == {}


def test_ids_of_cells_follow_their_source(checkout):
    text = "# %%\n1\n\n# %%\n1\n\n# %%\n2\n"
    before = [c.id for c in notebooks.read_source(write(checkout, text)).cells]
    after = [c.id for c in notebooks.read_source(write(checkout, "# %%\n0\n\n" + text)).cells]
    assert len(set(after)) == len(after)
    assert set(before) < set(after)


def test_notebooks_are_found_by_any_of_their_names(checkout):
    for name in ("10_laplace", "01_faces", "20_style_transfer"):
        write(checkout, "", name=name)
    (checkout / "notebooks" / "helper.py").touch()

    def found(*names):
        return [path.stem for path in runner.find(names)]

    assert found() == ["01_faces", "10_laplace", "20_style_transfer"]
    assert found("laplace", "01") == ["01_faces", "10_laplace"]
    assert found("notebooks/20_style_transfer.ipynb") == ["20_style_transfer"]
    with pytest.raises(FacelabError, match="no notebook 'lapalce': there are 01_faces, 10_"):
        found("lapalce")


def test_code_is_followed_through_imports(tmp_path):
    package = tmp_path / "facelab"
    for name, text in {
        "__init__.py": "",
        "a.py": "def f():\n    from facelab.papers.one import model\n",
        "b.py": "",
        "papers/__init__.py": "",
        "papers/one/__init__.py": "from . import model\nfrom ..one.losses import kl\n",
        "papers/one/model.py": "import torch, facelab.b as b",
        "papers/one/losses.py": "kl = 1",
        "papers/one/published/table.csv": "",
        "papers/two/__init__.py": "",
        "unused.py": "",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    reached = runs.reached_files("import numpy\nfrom facelab import a\n", package)
    assert [path.relative_to(package).as_posix() for path in reached] == [
        "__init__.py",
        "a.py",
        "b.py",
        "papers/__init__.py",
        "papers/one/__init__.py",
        "papers/one/losses.py",
        "papers/one/model.py",
        "papers/one/published/table.csv",
    ]


def test_photographs_found_elsewhere_make_a_run_stale(tmp_path, monkeypatch):
    for name in ("FACELAB_LONDON", "FACELAB_300W", "FACELAB_SHARED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(paths, "shared_data", lambda: None)
    code = {True: "from facelab.data import london", False: "from facelab import paths"}

    def keys():
        return [runs.key(code[loads], [], {"tier": "smoke"}) for loads in (True, False)]

    before = keys()
    (tmp_path / "photos").mkdir()
    monkeypatch.setenv("FACELAB_LONDON", str(tmp_path / "photos"))
    found = keys()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"1")
    more = keys()
    assert len({before[0], found[0], more[0]}) == 3
    assert before[1] == found[1] == more[1]  # it loads none


def test_the_state_of_a_run_is_json_without_absolute_paths(checkout):
    source = write(checkout, "# %%\n1\n")
    runner.run(source, parameters={"tier": "smoke"})
    state = json.loads((checkout / "results" / "smoke" / ".state" / "90_tiny.json").read_text())
    assert set(state) == {"key", "head", "files"}
    assert state["head"] is False
