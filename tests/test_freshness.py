"""What artefacts are made from, and whether they still are: `cells`, `freshness` and `status`."""

import json
import re
import shutil
import time
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from typer.testing import CliRunner

from facelab import (
    cells,
    cli,
    dependencies,
    environment,
    freshness,
    labbook,
    paths,
    provenance,
    status,
)
from facelab.notebook import read_source

ROOT = paths.repo_root()
SHOP = {
    "__init__.py": "",
    "plots.py": "def line(x):\n    return x\n",
    "maths.py": '''
"""Losses."""
from facelab import plots

def loss(x):
    """A loss."""
    return x + half(x)

def half(x):
    return x / 2

def other(x):
    return 2 * x

def nobody(x):
    return x

def drawn(x):
    return plots.line(x)

def seed_everything(n):
    print(n)
''',
    "training.py": """
class Training:
    uses = ("facelab.maths.half",)
""",
}
NOTEBOOK = """
# %% tags=["parameters"]
tier: str = ""

# %%
from facelab import labbook, maths, plots
from facelab.training import Training

book = labbook.open("shop", tier or "laptop")
names = ["a", "b"]


# %%
def publish(id, value):
    book.figure(id, plots.line(value), alt="a", caption="b", data={"y": [1]})


# %% [markdown]
# ## One

# %%
# a comment
rows = [maths.loss(1)]
book.table("by-loss", rows, caption="A.")

# %%
rows = [maths.other(2)]
first = rows[0:1]
print("shown only", maths.nobody(3))

# %%
first.append(maths.half(3))

# %%
book.table("by-both", rows, caption="A.")

# %%
publish("drawn", maths.drawn(1))
for id in ("one", "two"):
    book.figure(f"each-{id}", maths.drawn(4), alt="a", caption="b", data={"y": [1]})

# %%
trained = Training()
book.table("trained", trained, caption="A.")
"""
ALL = ["by-loss", "by-both", "drawn", r"each\-.+", "trained"]


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A checkout of a small library of the same name, with one notebook."""
    package = tmp_path / "lib" / "facelab"
    package.mkdir(parents=True)
    for name, text in SHOP.items():
        (package / name).write_text(text)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "10_shop.py").write_text(NOTEBOOK)
    find = dependencies.importlib.util.find_spec

    class Spec:
        origin = str(package / "__init__.py")

    monkeypatch.setattr(
        dependencies.importlib.util, "find_spec", lambda n: Spec if n == "facelab" else find(n)
    )
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path)
    return tmp_path


def codes(root):
    """By id: digest of the notebook's code and fingerprint of the library's."""
    origin = freshness.origin("shop", root / "notebooks" / "10_shop.py")
    return {m.id: (tuple(m.code.values()), code.fingerprint) for m, code in origin.makings}


def edited(root, file, old, new):
    path = next(p for p in (root / "lib/facelab" / file, root / "notebooks" / file) if p.exists())
    text = path.read_text()
    assert text.count(old) == 1
    before = codes(root)
    path.write_text(text.replace(old, new))
    after = codes(root)
    return {id for id in before if before[id] != after[id]}


def test_ids_are_found_through_functions_and_loops(shop):
    makings = cells.read(shop / "notebooks" / "10_shop.py")
    assert [making.id for making in makings] == ALL
    assert [making.literal for making in makings] == [True, True, True, False, True]
    assert makings[3].makes("figures", "each-one")
    assert not makings[3].makes("results", "each-one")
    assert makings[0].section == "One"


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("maths.py", "x + half(x)", "x - half(x)", {"by-loss"}),
        ("maths.py", "x / 2", "x / 3", {"by-loss", "by-both", "trained"}),
        ("maths.py", "2 * x", "3 * x", {"by-both"}),
        ("maths.py", "def nobody(x):\n    return x", "def nobody(x):\n    return -x", set()),
        ("maths.py", '"""A loss."""', '"""Another text."""  # and a comment', set()),
        ("plots.py", "return x", "return -x", {"drawn", r"each\-.+"}),
        ("training.py", "half", "loss", {"trained"}),
        ("10_shop.py", "# ## One", "# ## Two\n#\n# More text.", set()),
        ("10_shop.py", "# a comment", "# another comment", set()),
        ("10_shop.py", "maths.loss(1)", "maths.loss(2)", {"by-loss"}),
        ("10_shop.py", "maths.half(3)", "maths.half(4)", {"by-both"}),
        ("10_shop.py", 'print("shown only"', 'print("only shown"', set()),
        ("10_shop.py", 'data={"y": [1]})\n\n\n', 'data={"y": [2]})\n\n\n', {"drawn"}),
        ("10_shop.py", 'names = ["a", "b"]', 'names = ["a", "b", "c"]', set()),
        ("10_shop.py", "\n\n\n# %%\ndef", "\nmaths.seed_everything(1)\n\n\n# %%\ndef", {*ALL}),
    ],
)
def test_an_edit_makes_stale_what_uses_it_and_nothing_else(shop, file, old, new, stale):
    assert edited(shop, file, old, new) == stale


def test_a_table_and_a_function_defined_late_are_followed(shop):
    text = "\n".join(
        [
            '# %% tags=["parameters"]\ntier: str = ""\n\n# %%',
            "from facelab import labbook, maths\nbook = labbook.open('shop', 'laptop')",
            "def outer():\n    return inner() + sum(maths.other(x) for x in scale)",
            "scale = [1]\nx = 5\n\ndef inner():\n    return maths.half(2)\n\n# %%",
            "with open('a') as x:\n    pass\nbook.table('late', outer(), caption='A.')",
        ]
    )
    source = shop / "notebooks" / "10_shop.py"
    source.write_text(text)
    (making,) = cells.read(source)
    assert making.uses == ("facelab.maths.half", "facelab.maths.other")
    assert edited(shop, "10_shop.py", "scale = [1]", "scale = [2]") == {"late"}
    assert edited(shop, "10_shop.py", "x = 5", "x = 6") == set()  # outer's x is its own


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A copy of the real library and its Laplace notebook."""
    shutil.copytree(
        ROOT / "lib" / "facelab",
        tmp_path / "lib" / "facelab",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "10_laplace.py", tmp_path / "notebooks" / "10_shop.py")
    find = dependencies.importlib.util.find_spec

    class Spec:
        origin = str(tmp_path / "lib" / "facelab" / "__init__.py")

    monkeypatch.setattr(
        dependencies.importlib.util, "find_spec", lambda n: Spec if n == "facelab" else find(n)
    )
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path)
    return tmp_path


def test_an_edit_of_a_loss_makes_exactly_what_uses_it_stale(library):
    """`laplace_kl` is in every trained number, and of the toys in these two only."""
    file = library / "lib/facelab/papers/laplace/losses.py"
    text = file.read_text()
    before = codes(library)
    file.write_text(text.replace("# ", "# #").replace('"""', '"""Words. ', 1))
    assert codes(library) == before
    start = text.index("def laplace_kl")
    line = re.search(r"\n    return .*", text[start:]).group()
    file.write_text(text[:start] + text[start:].replace(line, line + " + 0.0", 1))
    after = codes(library)
    stale = {id for id in before if before[id] != after[id]}
    makings = cells.read(library / "notebooks" / "10_shop.py")
    experiments = "facelab.papers.laplace.experiments."
    trained = {m.id for m in makings if any(u.startswith(experiments + "settings") for u in m.uses)}
    assert {"kl-surface", "descent"} <= stale
    assert {"problem", "temperature", "two-peaks", "centre-bias", "table-1"}.isdisjoint(stale)
    assert stale == trained | {"kl-surface", "descent"}
    assert {"table-2", "spread", "fig-4", "training"} <= trained


def book_of(root, monkeypatch):
    (root / "requirements.lock").write_text("torch==2.13.0\nnumpy==2.4.6\n")
    versions = {"torch": "2.13.0", "numpy": "2.4.6"}
    monkeypatch.setattr(environment, "installed", lambda names: versions)
    monkeypatch.setattr(environment, "NUMERIC", tuple(versions))
    monkeypatch.setattr(environment, "DRAWING", ())
    return labbook.open("shop", "laptop", notebook="10_shop")


def table(book, id):
    frame = pd.DataFrame(
        {"table": id, "row": ["a"], "column": ["b"], "ours": [1.0], "unit": "", "note": ""}
    ).assign(paper=float("nan"), low=float("nan"), high=float("nan"), seeds=1.0, n=1.0)
    frame = frame.assign(tier="laptop")[list(labbook.COLUMNS)]
    book.table(id, frame, caption="A.")


@pytest.fixture
def made(shop, monkeypatch):
    """The checkout with all artefacts made, and the executed notebook."""
    import nbformat

    book = book_of(shop, monkeypatch)
    for id in ("by-loss", "by-both", "trained"):
        table(book, id)
    for id in ("drawn", "each-one", "each-two"):
        book.figure(id, plt.figure(), alt="a", caption="b", data={"y": [1]})
    nbformat.write(
        read_source(shop / "notebooks" / "10_shop.py"), shop / "notebooks" / "10_shop.ipynb"
    )
    return shop


def states():
    """What is not fresh: state and reasons by name."""
    items = [item for item in status.status() if item.state != status.FRESH]
    return {item.name: (item.state, " ".join(item.reasons)) for item in items}


def test_everything_is_fresh_after_a_run(made):
    assert states() == {}
    assert len(status.status()) == 7
    outcome = CliRunner().invoke(cli.app, ["status", "--strict"])
    assert outcome.exit_code == 0
    assert outcome.output.strip().endswith("7 fresh")
    about = json.loads((made / "results/laptop/shop/by-loss.json").read_text())["provenance"]
    assert about["cell"]["section"] == "One"
    assert about["uses"].keys() == {"facelab.maths.loss"}
    assert about["environment"]["torch"] == "2.13.0"
    wanted = {"notebook", "tier", "seeds", "parameters", "code", "files", "commit", "seconds"}
    assert wanted | {"versions", "machine", "peak_memory_mb", "data"} <= about.keys()


def test_a_named_artefact_is_not_taken_for_one_of_a_loop(shop, monkeypatch):
    source = shop / "notebooks" / "10_shop.py"
    loop = "for id in names:\n    book.table(id, maths.other(3), caption='A.')\n\n# %%\ntrained ="
    source.write_text(source.read_text().replace("trained =", loop))
    book = book_of(shop, monkeypatch)
    for id in ("a", "b", "by-loss", "by-both", "trained"):
        table(book, id)
    assert {"shop/a", "shop/trained"}.isdisjoint(states())
    about = json.loads((shop / "results/laptop/shop/trained.json").read_text())["provenance"]
    assert "facelab.maths.other" not in about["uses"]


def test_stale_says_because_of_what(made):
    maths = made / "lib/facelab/maths.py"
    maths.write_text(maths.read_text().replace("x / 2", "x / 3"))
    assert states() == {
        f"shop/{id}": ("stale", "library code: maths.half")
        for id in ("by-loss", "by-both", "trained")
    }
    outcome = CliRunner().invoke(cli.app, ["status", "--strict"])
    assert outcome.exit_code == 1
    assert "stale     table     shop/by-loss: library code: maths.half" in outcome.output


def test_code_of_a_cell_and_text_of_a_cell(made):
    source = made / "notebooks/10_shop.py"
    source.write_text(source.read_text().replace("# ## One", "# ## Two"))
    assert states() == {"10_shop": ("unpaired", "text differs from that of 10_shop.py")}
    source.write_text(source.read_text().replace("maths.loss(1)", "maths.loss(7)"))
    found = states()
    assert found["10_shop"] == ("unpaired", "code differs from that of 10_shop.py")
    assert found["shop/by-loss"][1] == "cells: code under 'Two'"
    assert len(found) == 2


def test_missing_orphaned_and_damaged_artefacts(made):
    folder = made / "results/laptop/shop"
    (folder / "by-loss.json").unlink()
    (folder / "by-both.md").unlink()
    (folder / "trained.json").write_text("{")
    (folder / "old.csv").write_text("a\n1\n")
    (made / "notebooks/10_shop.ipynb").unlink()
    found = states()
    assert found["shop/by-loss"] == ("missing", "results/laptop/shop/by-loss.json")
    assert found["shop/by-both"] == ("missing", "by-both.md is not there")
    assert found["shop/trained"][0] == "stale"
    assert found["shop/old"][0] == "orphan"
    assert found["10_shop"] == ("missing", "10_shop.ipynb")
    assert len(found) == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p.pop("uses"), status.INCOMPLETE),
        (lambda p: p.update(parameters={"seeds": [1]}), "seeds was [1], not the default"),
        (lambda p: p.update(tier="gpu"), "made at gpu"),
        (lambda p: p["environment"].update(torch="2.12.0"), "torch 2.12.0, now 2.13.0"),
        (lambda p: p["files"].update({"published/t.csv": "00"}), "data: published/t.csv"),
        (lambda p: p["files"].update({"photographs/london": "00"}), ""),  # not here: trusted
    ],
)
def test_other_reasons(made, change, reason, monkeypatch):
    monkeypatch.setattr(paths, "photographs", dict)
    file = made / "results/laptop/shop/by-loss.json"
    about = json.loads(file.read_text())
    change(about["provenance"])
    file.write_text(json.dumps(about))
    found = states()
    assert found.keys() == ({"shop/by-loss"} if reason else set())
    assert all(state == "stale" and reason in text for state, text in found.values())


def test_the_line_for_people_holds_nothing_volatile(made):
    foot = (made / "results/laptop/shop/by-loss.md").read_text()
    about = json.loads((made / "results/laptop/shop/by-loss.json").read_text())["provenance"]
    versions = {**about["versions"], "torch": "2.13.0+cpu"}
    other = {**about, "commit": "x", "machine": {}, "seconds": 9, "versions": versions}
    assert provenance.line(other) in foot.replace(about["versions"]["torch"], "2.13.0")


def test_the_commit_says_whether_the_sources_were_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path)
    assert provenance.commit() == ""
    for place in ("lib", "notebooks"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.py").write_text("1\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    provenance._git("init")
    provenance._git("add", "-A")
    provenance._git(*who, "commit", "-m", "first")
    clean = provenance.commit()
    assert re.fullmatch(r"[0-9a-f]{12}", clean)
    (tmp_path / "results.txt").write_text("1\n")
    assert provenance.commit() == clean
    (tmp_path / "notebooks" / "a.py").write_text("2\n")
    assert provenance.commit() == f"{clean}+changes"


def test_photographs_are_found_by_their_own_variables(tmp_path, monkeypatch):
    for name in ("LONDON", "300W"):
        monkeypatch.delenv(f"FACELAB_{name}", raising=False)
    monkeypatch.setattr(paths, "shared_data", lambda: None)
    assert paths.photographs() == {}
    monkeypatch.setenv("FACELAB_300W", str(tmp_path))
    assert paths.photographs() == {"300w": tmp_path}
    before = provenance.folder_digest(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"1")
    assert provenance.folder_digest(tmp_path) != before


def test_provenance_is_quick():
    source = ROOT / "notebooks" / "10_laplace.py"
    freshness.origin("laplace", source)
    start = time.process_time()
    made = freshness.origin("laplace", source)  # once a notebook; its artefacts look it up
    assert time.process_time() - start < 1.0 * len(made.makings)


def test_the_committed_results_are_fresh():
    """What is committed comes from the committed sources, in any clone."""
    bad = [item for item in status.status("laptop") if item.state != status.FRESH]
    lines = [f"{i.state} {i.kind} {i.name}: {'; '.join(i.reasons)}" for i in bad]
    assert not bad, "run `make reproduce` and commit:\n" + "\n".join(lines)


def test_committed_notes_on_code_are_small():
    files = [f for f in Path(ROOT / "results").rglob(freshness.CODE_FILE) if f.is_file()]
    assert all(file.stat().st_size < 60_000 for file in files)
