"""The lab book: tidy tables, figures with their data, provenance, published numbers, openings."""

import json
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from facelab import FacelabError, drawings, labbook, paths, provenance, published
from facelab.labbook import Layout
from facelab.show import show
from facelab.statistics import Estimate

PUBLISHED = """table,row,column,value,unit,source,status
Table 2,SDM,common,5.57,%,"Table 2, p. 6",verified
Table 2,SDM,full,7.52,%,"Table 2, p. 6",unverified
Table 2,Softargmax,common,3.48,%,"Table 2, p. 6",verified
Table 2,Softargmax,full,4.25,%,"Table 2, p. 6",verified
Table 2,LaplaceKL,common,3.28,%,"Table 2, p. 6",verified
Table 2,LaplaceKL,full,4.01,%,"Table 2, p. 6",verified
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path)
    monkeypatch.setattr(published, "PAPERS", tmp_path / "papers")
    folder = tmp_path / "papers" / "toy" / "published"
    folder.mkdir(parents=True)
    (folder / "table-2.csv").write_text(PUBLISHED)
    return tmp_path


@pytest.fixture
def book(root):
    return labbook.open("toy", "laptop", notebook="10_toy", seeds=(0,), code=["facelab.statistics"])


def estimate(value, half=0.25):
    return Estimate(value=value, low=value - half, high=value + half, n=554, seeds=1)


OURS = {
    ("Softargmax", "common"): estimate(6.5),
    ("Softargmax", "full"): estimate(7.0),
    ("LaplaceKL", "common"): estimate(5.75),
    ("LaplaceKL", "full"): estimate(6.25),
}


def test_unverified_numbers_are_not_the_papers(book):
    frame = book.published("table-2").set_index(["row", "column"])
    assert frame.loc[("SDM", "common"), "paper"] == 5.57
    assert np.isnan(frame.loc[("SDM", "full"), "paper"])
    table = book.table("table-2", book.beside(book.published("table-2"), OURS), caption="A.")
    assert "7.52" not in table.markdown() + table._repr_html_()
    assert labbook.NOT_CHECKED in table.markdown()


def test_table_sets_paper_and_ours_side_by_side(book, root):
    frame = book.beside(book.published("table-2"), OURS)
    table = book.table("table-2", frame, caption="The KL errs less.")
    text = (root / "results/laptop/toy/table-2.md").read_text()
    assert text == table.markdown() + "\n"
    assert "| method | common (%)<br>paper | common (%)<br>ours |" in text
    assert "| SDM | 5.57 | – | – | – |" in text
    assert "| LaplaceKL | **3.28** | **5.75 ± 0.25** | **4.01** | **6.25 ± 0.25** |" in text
    assert "554 test samples; 1 seed\n" in text
    assert f"{labbook.PUBLISHED_ONLY}: SDM\n" in text
    assert "notebook 10_toy · tier laptop · seeds 0 · code" in text
    stored = pd.read_csv(root / "results/laptop/toy/table-2.csv")
    assert tuple(stored.columns) == labbook.COLUMNS
    assert stored.loc[stored["row"] == "LaplaceKL", "ours"].tolist() == [5.75, 6.25]


def test_html_table_has_grouped_headings_and_escapes(book):
    frame = book.beside(book.published("table-2"), OURS)
    frame["row"] = frame["row"].replace("LaplaceKL", "<KL>")
    html = book.table("table-2", frame, caption="a < b")._repr_html_()
    assert '<th colspan="2" style="text-align:center">common (%)</th>' in html
    assert "<b>5.75 ± 0.25</b>" in html
    assert "&lt;KL&gt;" in html
    assert "a &lt; b" in html


def test_layout_orders_rows_and_units_decide_what_is_best(book):
    ours = {("a", "error"): 2.0, ("b", "error"): 3.0, ("a", "speed"): 100.0, ("b", "speed"): 1234.0}
    frame = book.beside(book.published("table-2").iloc[:0], ours)
    frame["table"] = "Table 3"
    frame["unit"] = frame["column"].map({"error": "%", "speed": "frames/s"})
    layout = Layout(
        rows=("b", "a"),
        better={"%": "lower", "frames/s": "higher"},
        decimals={"%": 1, "frames/s": 0},
        headers={"speed": "CPU"},
    )
    text = book.table("table-3", frame, caption="A.", layout=layout).markdown()
    assert (
        "| method | error (%)<br>ours | CPU (frames/s)<br>ours |" in text
    )  # no empty paper columns
    assert text.index("| b | 3.0 | **1,234** |") < text.index("| a | **2.0** | 100 |")
    with pytest.raises(FacelabError, match="'c'"):
        book.table("table-3", frame, caption="A.", layout=Layout(rows=("c",)))


def test_ours_is_bold_only_where_no_other_lies_within_its_interval(book):
    def of(second):
        first = Estimate(value=5.0, low=4.5, high=5.5, n=9, seeds=1)
        ours = {("a", "x"): first, ("b", "x"): replace(first, value=second, high=9.0)}
        made = book.beside(book.published("table-2").iloc[:0], ours, unit="%").assign(table="t")
        return book.table("t", made, caption="A.").markdown()

    assert "| a | 5.00 [4.50, 5.50] |" in of(5.4)
    assert "| a | **5.00 [4.50, 5.50]** |" in of(5.6)
    assert "bold: best of the column; of ours, only where no other is within" in of(5.6)


def test_skewed_intervals_show_both_ends(book):
    skewed = Estimate(value=5.0, low=4.9, high=5.6, n=10, seeds=3)
    text = book.table(
        "table-2",
        book.beside(book.published("table-2"), {("LaplaceKL", "full"): skewed}),
        caption="A.",
    ).markdown()
    assert "5.00 [4.90, 5.60]" in text
    assert "over test samples and seeds" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="unit"), r"missing: \['unit'\]"),
        (lambda f: f.assign(extra=1), r"unknown: \['extra'\]"),
        (lambda f: pd.concat([f, f.iloc[2:3]]), "row 'Softargmax', column 'common': stands twice"),
        (lambda f: f.assign(note=""), "row 'SDM', column 'common': no value of ours and no note"),
        (lambda f: f.assign(tier="gpu"), "tier 'gpu' in the book of tier 'laptop'"),
        (lambda f: f.assign(low=99.0), "outside its interval"),
        (lambda f: f.assign(low=np.nan), "two ends"),
        (lambda f: f.assign(ours="6.5"), "column ours holds something that is no number"),
        (lambda f: f.assign(note=np.nan), "column note holds something that is no text"),
        (lambda f: f.iloc[:0], "no rows"),
    ],
)
def test_untidy_tables_are_refused(book, root, change, message):
    frame = book.beside(book.published("table-2"), OURS)
    with pytest.raises(FacelabError, match=message):
        book.table("table-2", change(frame), caption="A.")
    assert not (root / "results/laptop/toy/table-2.csv").exists()


def test_same_numbers_give_same_bytes(book, root):
    frame = book.beside(book.published("table-2"), OURS)

    def write(seconds):
        fact = {"seconds": seconds, "code": "abc", "device": "CPU", "threads": 1}
        runs = [{"provenance": {**fact, "peak_memory_mb": 10.0}}]
        book.table("table-2", frame, caption="A.", runs=runs)
        figure, axes = plt.subplots()
        axes.plot([1, 2, 3])
        book.figure("curve", figure, alt="A line.", caption="It rises.", data={"y": [1, 2, 3]})
        files = [path for path in root.rglob("*") if path.is_file()]
        return {path.name: path.read_bytes() for path in files if path.suffix != ".json"}

    first, second = write(1.0), write(2.0)
    assert {"table-2.md", "curve.png", "curve.svg"} < set(first)
    assert first == second
    record = json.loads((root / "results/laptop/toy/table-2.json").read_text())["provenance"]
    assert record["seconds"] == 2.0
    assert record["runs"]["code"] == ["abc"]


def test_records_hold_nothing_private(book, root):
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    book.figure("curve", figure, alt="A line.", caption="It rises.", data={"y": [1, 2, 3]})
    for path in (root / "figures").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert str(root).encode() not in content, path.name
            assert b"<dc:date>" not in content, path.name
            assert b"Software" not in content, path.name


@pytest.mark.parametrize("empty", ["alt", "caption", "data"])
def test_figures_need_alt_text_caption_and_data(book, empty):
    given = {"alt": "A line.", "caption": "It rises.", "data": {"y": [1.0]}}
    given[empty] = {} if empty == "data" else " "
    with pytest.raises(FacelabError, match=empty):
        book.figure("curve", plt.figure(), **given)


def test_figure_data_of_any_shape_is_written(book, root):
    data = {"map": np.arange(6).reshape(2, 3), "peak": np.array([5])}
    book.figure("map", plt.figure(), alt="A map.", caption="It peaks.", data=data)
    stored = pd.read_csv(root / "figures/laptop/toy/map.csv")
    assert list(stored.columns) == ["name", "index_0", "index_1", "value"]
    row = stored[(stored["name"] == "map") & (stored["index_0"] == 1) & (stored["index_1"] == 2)]
    assert row["value"].item() == 5
    assert np.isnan(stored[stored["name"] == "peak"]["index_1"].item())


def test_photographs_go_where_git_does_not_look(book, root):
    data = {"nme": [1.0, 2.0]}
    drawing = book.figure("london", plt.figure(), alt="A.", caption="B.", data=data, photo=True)
    assert drawing.png == root / "figures/photos/laptop/toy/london.png"
    assert drawing.png.is_file()
    committed = sorted(path.name for path in (root / "figures/laptop/toy").iterdir())
    assert committed == ["london.csv", "london.json"]


def test_a_huge_svg_is_left_out_and_said_so(book, root, monkeypatch):
    def publish():
        figure, axes = plt.subplots()
        axes.imshow(np.random.default_rng(0).random((50, 50)))
        book.figure("noise", figure, alt="Noise.", caption="Noise.", data={"x": [1]})
        about = json.loads((root / "figures/laptop/toy/noise.json").read_text())
        return about, {file.name for file in (root / "figures/laptop/toy").iterdir()}

    about, there = publish()
    assert about["files"] == ["noise.png", "noise.svg"]
    size = (root / "figures/laptop/toy/noise.svg").stat().st_size
    monkeypatch.setattr(drawings, "SVG_LIMIT", size)
    assert "noise.svg" in publish()[1]
    monkeypatch.setattr(drawings, "SVG_LIMIT", size - 1)
    about, there = publish()
    assert there == {"noise.png", "noise.csv", "noise.json"}
    assert about["files"] == ["noise.png"]
    assert about["svg"].startswith("left out")


def test_both_pictures_of_a_figure_have_one_layout(tmp_path):
    figure, axes = plt.subplots(layout="constrained")
    axes.set_ylabel("error (%)")
    figure.savefig(tmp_path / "first.png")
    before = axes.get_position()
    assert drawings.write_pictures(figure, tmp_path, "both") == ["both.png", "both.svg"]
    assert np.allclose(axes.get_position(), before)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Table 2,X,full,4.0,%,p. 6,guessed", "line 8: status 'guessed'"),
        ("Table 2,X,full,4.0,%,,verified", "line 8: a published number needs its source"),
        ("Table 2,SDM,full,4.0,%,p. 6,verified", "line 8: this cell stands twice"),
        ("Table 2,X,full,4.0x,%,p. 6,verified", "is no number"),
    ],
)
def test_wrong_published_files_are_refused(book, root, line, message):
    file = root / "papers/toy/published/table-2.csv"
    file.write_text(PUBLISHED + line + "\n")
    with pytest.raises(FacelabError, match=message):
        book.published("table-2")


def test_missing_published_file_lists_those_there_are(book):
    with pytest.raises(FacelabError, match=r"table-9.csv; there are: table-2"):
        book.published("table-9")


def test_opening_shows_what_was_measured(root, monkeypatch):
    row = {"seconds": "600", "peak_memory_mb": "1500", "cores": "2", "start": "cold"}
    monkeypatch.setattr(labbook, "measured", lambda name: {"laptop": row})
    notebook = {
        "name": "10_toy",
        "title": "Toy",
        "paper": "A. Author, 2019.",
        "objectives": ["derive it"],
        "prerequisites": ["01_faces"],
        "data": "Synthetic.",
        "licence": "CC BY 4.0.",
    }
    text = labbook.opening(notebook).data
    assert text.startswith("# Toy\n")
    assert "| laptop | 10.0 | 1.5 GB | 2 cores, from empty caches |" in text
    assert "| gpu | – | – | not yet |" in text
    del notebook["licence"]
    with pytest.raises(FacelabError, match="licence"):
        labbook.opening(notebook)


SOURCE = '''
"""Module."""
# a comment
def loss(x):
    """Doc."""
    return x * {factor}  # why

class Model:
    size = {size}
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    file = tmp_path / "fingerprinted.py"
    monkeypatch.syspath_prepend(tmp_path)

    def write(**values):
        file.write_text(SOURCE.format(**{"factor": 2, "size": 3, **values}))
        return file

    return write


def test_fingerprint_follows_code_and_nothing_else(module):
    file = module()
    names = [
        "fingerprinted",
        "fingerprinted.loss",
        "fingerprinted.Model",
        "fingerprinted.Model.size",
    ]
    before = [provenance.fingerprint(name) for name in names]
    assert len(set(before)) == 4
    assert all(len(value) == 12 for value in before)
    text = file.read_text().replace("Doc.", "Other words.").replace("# a comment\n", "\n\n")
    file.write_text(text.replace("  # why", "    # because"))
    assert [provenance.fingerprint(name) for name in names] == before
    module(factor=22)
    after = [provenance.fingerprint(name) for name in names]
    assert [a == b for a, b in zip(after, before, strict=True)] == [False, False, True, True]


def test_fingerprint_of_objects_is_that_of_their_names():
    assert provenance.fingerprint(show) == provenance.fingerprint("facelab.show.show")
    assert provenance.fingerprint(provenance) == provenance.fingerprint("facelab.provenance")
    both = provenance.fingerprint("facelab.show", "facelab.paths")
    assert both == provenance.fingerprint("facelab.paths", "facelab.show")
    assert both != provenance.fingerprint("facelab.show")


def test_fingerprint_of_unknown_names_fails():
    with pytest.raises(LookupError, match="nowhere"):
        provenance.fingerprint("facelab.show.nowhere")
    with pytest.raises(LookupError, match="no_such_package"):
        provenance.fingerprint("no_such_package.module")


def test_digest_follows_values_shapes_and_types():
    array = np.arange(6.0)
    assert provenance.digest(array) == provenance.digest(array.copy())
    different = [array.reshape(2, 3), array.astype(np.float32), array + 1]
    assert len({provenance.digest(value) for value in [array, *different]}) == 4
    with pytest.raises(TypeError, match="expected an array"):
        provenance.digest(object())


def test_show_prints_the_source_and_cuts_docstrings():
    summary = show(provenance.digest).data
    assert "```python\ndef digest(" in summary
    assert "in order." in summary
    assert "Raises:" not in summary
    assert "Raises:" in show(provenance.digest, docstring="full").data
    assert '"""' not in show(provenance.digest, docstring="none").data
    compile(summary.split("```python\n")[1].split("```")[0], "shown", "exec")
    with pytest.raises(TypeError, match="functions and classes"):
        show(3)
