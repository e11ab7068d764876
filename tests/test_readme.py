"""README.md says what is so: its figures are the results', its commands, files and names exist."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from facelab import FacelabError, claims, cli, paths, readme, readme_parts, runs, verdicts
from facelab.tables import COLUMNS

ROOT = paths.repo_root()
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CREDITS.md")]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
COMMANDS = typer.main.get_command(cli.app).commands


def code(text):
    """What stands as code on a page: fenced and indented blocks, and spans."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest)]
    return "\n".join([*fenced, *spans, *re.findall(r"^    .*$", rest, re.MULTILINE)])


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_measured_figures_are_those_of_the_results():
    changed = readme.refresh(write=False)
    assert not changed, f"{', '.join(changed)}: run `facelab readme` and commit README.md"


@each_page
def test_files_and_sections_that_a_page_links_to_exist(page):
    text = page.read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in t]
    assert targets
    missing = []
    for target in targets:
        file, _, anchor = target.partition("#")
        linked = page.parent / file if file else page
        if not linked.exists() or (
            anchor and anchor not in anchors(linked.read_text(encoding="utf-8"))
        ):
            missing.append(target)
    assert not missing


@each_page
def test_commands_that_a_page_names_exist(page):
    text = code(page.read_text(encoding="utf-8"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    made = re.findall(r"^(?:make)((?: [\w=,./-]+)+)", text, re.MULTILINE)
    for words in made:
        first, *settings = words.split()
        assert first in targets, f"make {first}"
        names = [setting.partition("=")[0] for setting in settings]
        assert all(f"$({name})" in makefile or f"{name} ?=" in makefile for name in names), words
    for words in re.findall(r"^(?:\.venv/bin/)?facelab ([\w -]+)", text, re.MULTILINE):
        first, *others = words.split()
        if first == "--help":
            continue
        assert first in COMMANDS, f"facelab {first}"
        known = {option for parameter in COMMANDS[first].params for option in parameter.opts}
        assert {word for word in others if word.startswith("--")} <= known, words


@each_page
def test_settings_and_modules_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    package = ROOT / "lib" / "facelab"
    library = "\n".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    # the notebooks' parameters are read as FACELAB_ and their name
    parameters = {f"FACELAB_{name}" for name in ("TIER", "SEEDS", "DATA", "ONLY")}
    variables = set(re.findall(r"\bFACELAB_[A-Z0-9_]*[A-Z0-9]", text)) - parameters
    assert [name for name in variables if name not in library] == []
    files = re.findall(r"`((?:lib|tests|notebooks|benchmarks)/[\w./-]+)`", text)
    assert [name for name in files if not (ROOT / name).exists()] == []


@each_page
def test_a_page_tells_nothing_of_the_machine_it_was_written_on(page):
    text = page.read_text(encoding="utf-8")
    assert not re.findall(r"(?<![\w.~>/)-])/(?:home|Users|root|tmp|work|mnt|var|opt)/", text)


def test_the_readme_s_faces_code_runs(capsys):
    (source,) = [b for b in blocks((ROOT / "README.md").read_text(), "python") if "render" in b]
    space = {}
    exec(compile(source, "README.md", "exec"), space)
    assert space["pictures"].image.shape == (8, 3, 128, 128)
    assert space["pictures"].landmarks.shape == (8, 68, 2)
    assert (space["neutral"].expression == 0).all()
    assert space["truth"].depth.shape == (8, 128, 128)
    assert len(space["tracks"]) == 32


def test_each_notebook_stands_in_the_table_of_papers():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [path.stem for path in (ROOT / "notebooks").glob("[0-9]*_*.py")]
    assert [name for name in names if f"[`{name}`](notebooks/{name}.ipynb)" not in text] == []


# ---- how results become text, on results made up for it


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "10_laplace.py").touch()
    return tmp_path


def write(root, id, rows, paper="laplace"):
    """A table of (row, column, paper, ours, half the interval, note)."""
    folder = root / "results" / "laptop" / paper
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {**dict.fromkeys(COLUMNS), "table": id, "row": row, "column": column, "paper": paper,
         "ours": ours, "low": ours - arm, "high": ours + arm, "seeds": 1, "n": 689, "note": note}
        for row, column, paper, ours, arm, *note in rows
        for note in [note[0] if note else ""]
    ]  # fmt: skip
    pd.DataFrame(lines).to_csv(folder / f"{id}.csv", index=False)


def results(root):
    nan = float("nan")
    errors = [("Mean shape", "full", nan, 9.0, 0.3), ("Softargmax", "full", 4.25, 5.4, 0.1)]
    errors += [("Softargmax+D(70K)", "full", 4.29, 5.5, 0.1), ("LaplaceKL", "full", 4.01, 5.0, 0.1)]
    errors += [("GaussianKL", "full", 4.71, 5.2, 0.1), ("LaplaceKL+D(70K)", "full", 3.91, 5.0, 0.1)]
    write(root, "table-2", errors)
    spreads = [("Softargmax+D(70K)", "spread", 2.59, 6.0, 0.1)]
    write(root, "spread", [*spreads, ("LaplaceKL+D(70K)", "spread", 1.02, 2.0, 0.1)])
    return errors


def test_without_results_the_parts_say_so(checkout):
    for name, render in readme.BLOCKS.items():
        assert "ot measured yet" in render(), name


def test_rows_stand_beside_the_paper_s(checkout):
    errors = results(checkout)
    text = readme_parts.laplace()
    assert "| Mean shape | – | 9.00 [8.70, 9.30] | – | – |" in text
    assert "| LaplaceKL+D(70K) | 3.91 | 5.00 [4.90, 5.10] | 1.02 | 2.00 [1.90, 2.10] |" in text
    assert "on 689 synthetic faces" in text
    assert "(one training a row)" in text
    write(checkout, "table-2", errors[1:])
    with pytest.raises(FacelabError, match="has no row Mean shape"):
        readme_parts.laplace()


def test_claims_are_told_as_they_came_out(checkout):
    register = claims.read("laplace")
    faces, noise = np.random.default_rng(0).normal([[6], [0]], [[1], [0.1]], (2, 50))
    other = faces + noise - noise.mean()  # as good, and not 5.6 % worse as in the paper
    evidence = {("table-2", "LaplaceKL", "full"): faces, ("table-2", "Softargmax", "full"): other}
    evidence["table-3", "Parameters", "1"] = 1.872428
    frame = verdicts.judged(register, evidence, tier="laptop")
    folder = checkout / "results" / "laptop" / "laplace"
    folder.mkdir(parents=True)
    frame.to_csv(folder / "claims.csv", index=False)
    text = readme_parts.claims()
    assert f"Of {len(frame)} claims of the paper: 1 reproduced; 1 inconclusive; " in text
    assert re.search(
        r"\| LaplaceKL has a lower error than softargmax. \| Table 2, 300-W full "
        r"\| % of Softargmax \| 5.6 \| \S+ \[-0.\d+, 0.\d+\] \| 50 test faces, 1 training "
        r"\| \*inconclusive\*, and not as in the paper \|",
        text,
    )
    assert "| M | 1.872 | 1.872 | nothing: one count | *reproduced* |" in text
    assert " | – | – | *not attempted at this tier* |" in text


def test_a_ledger_of_another_form_is_an_error_that_says_what_to_do(checkout):
    write(checkout, "claims", [("lower error, full", "difference", 0.24, 0.3, 0.1, "holds")])
    with pytest.raises(FacelabError, match=r"laplace/claims.csv.*run `facelab reproduce laplace`"):
        readme_parts.claims()


def nothing_attempted(root, paper):
    """The ledger of a paper of whose claims there is no evidence."""
    frame = verdicts.judged(claims.read(paper), {}, tier="laptop")
    frame.to_csv(root / "results" / "laptop" / paper / "claims.csv", index=False)
    return f"Of {len(frame)} claims of the paper: {len(frame)} not attempted at this tier. More in "


def test_edits_of_emotions_are_told_between_both_ends(checkout):
    nan = float("nan")
    values = {"nothing done": 8.0, "StarGAN": 7.0, "GANimation": 6.0, "the true picture": 2.0}
    columns = ("unit error", "emotion seen", "identity", "error", "likeness")
    cells = [(row, column, nan, value, 0.5) for row, value in values.items() for column in columns]
    write(checkout, "fig-6", cells, paper="ganimation")
    assert readme_parts.ganimation() == readme.NOT_YET  # the ledger is missing
    counted = nothing_attempted(checkout, "ganimation")
    text = readme_parts.ganimation()
    assert "| method | unit error | emotion seen | identity | error |" in text
    both = "6.0 [5.5, 6.5] | 6.0 [5.5, 6.5] | 6.00 [5.50, 6.50] | 6.00 [5.50, 6.50]"
    assert f"| GANimation | {both} |" in text
    assert "asked of 689 test faces at rest" in text
    assert "; one training a row." in text
    assert text.endswith(f"{counted}[claims](results/laptop/ganimation/claims.md).")
    write(checkout, "fig-6", cells[:-2], paper="ganimation")
    with pytest.raises(
        FacelabError,
        match="ganimation/fig-6.csv has no cell for row the true picture, column error: "
        "run `facelab reproduce ganimation`",
    ):
        readme_parts.ganimation()


def test_geometry_s_methods_are_told_beside_the_paper_and_the_truth(checkout):
    nan, depth = float("nan"), "Our Method (depth map)"
    first = [("StarGAN", "accuracy", 82.1, 60.0, 1.0), ("StarGAN", "FID", 16.33, 0.5, 0.1)]
    first += [(depth, "accuracy", 85.9, 70.0, 1.0), (depth, "FID", 14.03, 0.4, 0.1)]
    write(checkout, "table-1", first, paper="geometry")
    found = {"nothing done": (20.0, 3.0), "StarGAN": (60.0, 2.5), depth: (70.0, 2.0)}
    truth = [
        (row, column, nan, value, 0.5)
        for row, pair in (found | {"true answer": (80.0, 0.0)}).items()
        for column, value in zip(("accuracy", "error"), pair, strict=True)
    ]
    write(checkout, "truth", truth, paper="geometry")
    order = [("accuracy", "PSNR", nan, 0.9, 0.05), ("accuracy", "error", nan, 0.1, 0.5)]
    order += [("FID", "PSNR", nan, -0.9, 0.05), ("FID", "error", nan, 0.1, 0.5)]
    assert readme_parts.geometry() == readme.NOT_YET
    write(checkout, "ordering-methods", order, paper="geometry")
    counted = nothing_attempted(checkout, "geometry")
    text = readme_parts.geometry()
    assert "| nothing done | – | 20.0 [19.5, 20.5] | – | – | 3.00 [2.50, 3.50] |" in text
    numbers = "85.9 | 70.0 [69.0, 71.0] | 14.03 | 0.40 [0.30, 0.50] | 2.00 [1.50, 2.50]"
    assert f"| {depth} | {numbers} |" in text
    assert text.index(depth) < text.index("| true answer | – | 80.0 [79.5, 80.5] |")
    assert "of 689 people" in text
    assert (
        "Of the orders by 2 distances from the truth (PSNR, error), *accuracy* agrees with 1; "
        "*FID* agrees with none and reverses 1. For the rest " in text
    )
    assert text.endswith(f"{counted}[claims](results/laptop/geometry/claims.md).")
    write(checkout, "truth", truth[:-1], paper="geometry")
    with pytest.raises(FacelabError, match="truth.csv has no cell for row true answer, column err"):
        readme_parts.geometry()


def test_speeds_and_photographs_are_told(checkout):
    nan = float("nan")
    rows = []
    for width in ("1", "1/2", "1/4", "1/8", "1/16"):
        rows += [("Parameters", width, 1.8724, 1.872428, nan), ("Speed", width, 4.92, 99.0, nan)]
        rows += [("Speed, eager", width, nan, 40.0, nan)]
    write(checkout, "table-3", rows)
    assert "| 1/16 | 1.8724 M | 4.9 | 40 | 99 | 20 |" in readme_parts.speed()
    write(checkout, "table-3", rows[:-1])
    with pytest.raises(FacelabError, match="not whole at 1/16"):
        readme_parts.speed()
    rows = [("LaplaceKL", kind, nan, 6.0, 0.5) for kind in ("as predicted", "adapted")]
    write(checkout, "london", rows)
    assert "| LaplaceKL | 6.00 [5.50, 6.50] | 6.00 [5.50, 6.50] |" in readme_parts.london()
    write(checkout, "speed", [("64 × 64", "1 thread", nan, 1234.0, nan)], paper="faces")
    assert "| 64 × 64 | 1,234 |" in readme_parts.rendering()


def test_minutes_are_those_of_the_committed_tiers(checkout):
    for tier, seconds in (("laptop", 660), ("smoke", 30)):
        runs.record(
            notebook="10_laplace", tier=tier, seconds=seconds, peak_memory_mb=1500, cores=2,
            cold=True,
        )  # fmt: skip
    text = readme.minutes()
    assert "| laptop | 11.0 | 1.5 GB | 2 cores, from empty caches |" in text
    assert "smoke" not in text
    assert "All of the laptop tier together: 11 minutes from empty caches." in text


def test_a_picture_of_a_real_person_is_refused(checkout):
    about = {"alt": "Eight faces.", "caption": "Faces.", "photo": False}
    folder = checkout / "figures" / "laptop" / readme.PICTURES["faces"][0]
    folder.mkdir(parents=True)
    file = folder / f"{readme.PICTURES['faces'][1]}.json"
    file.write_text(json.dumps(about))
    assert readme.picture("faces").startswith("![Eight faces.](figures/laptop/")
    file.write_text(json.dumps({**about, "photo": True}))
    with pytest.raises(FacelabError, match="real people"):
        readme.picture("faces")


def test_only_marked_parts_change_and_only_once(checkout):
    page = checkout / "README.md"
    page.write_text("a\n<!-- begin: laplace -->\nold\n<!-- end: laplace -->\nb\n")
    results(checkout)
    invoke = CliRunner().invoke
    assert "laplace" in str(invoke(cli.app, ["readme", "--check"]).exception)
    assert "old" in page.read_text()
    assert "up to date in laplace" in invoke(cli.app, ["readme"]).output
    text = page.read_text()
    assert text.startswith("a\n<!-- begin: laplace -->\n| method |")
    assert text.endswith("\n<!-- end: laplace -->\nb\n")
    assert readme.refresh() == []
    assert invoke(cli.app, ["readme", "--check"]).exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- begin: nothing -->\n<!-- end: nothing -->", "unknown part 'nothing'"),
        ("<!-- begin: speed -->\n", "1 marks begin a part and 0 parts are whole"),
        ("<!-- begin: speed -->\n<!-- end: london -->", "0 parts are whole"),
        ("<!-- end: speed -->", "0 marks begin"),
    ],
)
def test_wrong_marks_are_errors(text, message):
    with pytest.raises(FacelabError, match=message):
        readme.rendered(text)
