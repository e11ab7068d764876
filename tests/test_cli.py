"""The `facelab` command, and the files it is installed from."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from typer.testing import CliRunner

from facelab import cli, paths
from facelab.runner import _KernelManager

ROOT = paths.repo_root()
NOTEBOOK = '# %% tags=["parameters"]\ntier: str = ""\n\n# %%\nprint(tier)\n'


def call(*arguments, **environment):
    """The command in a process of its own: exit status, standard output, standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "facelab.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "repo_root", lambda: tmp_path / "checkout")
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "cache"))
    for name in ("TIER", "SEEDS", "DATA", "ONLY", "SHARED"):
        monkeypatch.delenv(f"FACELAB_{name}", raising=False)
    (tmp_path / "checkout" / "notebooks").mkdir(parents=True)
    return tmp_path / "checkout"


def test_a_cache_folder_that_cannot_be_written_is_a_message(tmp_path):
    (tmp_path / "file").touch()
    status, _, error = call("reproduce", FACELAB_CACHE=str(tmp_path / "file" / "cache"))
    assert status == 2
    assert error.startswith("facelab: the cache folder ")
    assert "Traceback" not in error


def test_an_unknown_tier_and_an_unknown_notebook_are_messages(tmp_path):
    status, _, error = call("reproduce", "--tier", "desktop")
    assert (status, error.count("\n")) == (2, 1)
    assert "unknown tier 'desktop'" in error
    status, _, error = call("reproduce", "lapalce", FACELAB_CACHE=str(tmp_path))
    assert status == 2
    assert "no notebook 'lapalce'" in error


def test_reproduce_runs_then_skips_and_reports_failures(checkout):
    good = checkout / "notebooks" / "01_good.py"
    good.write_text(NOTEBOOK)
    invoke = CliRunner().invoke
    first = invoke(cli.app, ["reproduce", "--tier", "smoke"])
    assert first.exit_code == 0, first.output
    assert re.search(r"01_good: \d+ s, \d+ MB at most, see build.notebooks.smoke", first.output)
    assert "01_good: nothing has changed" in invoke(cli.app, ["reproduce", "--tier=smoke"]).output
    again = invoke(cli.app, ["reproduce", "good", "--force"], env={"FACELAB_TIER": "smoke"})
    assert "1 run or skipped in" in again.output
    assert "nothing has changed" not in again.output

    (checkout / "notebooks" / "00_bad.py").write_text(NOTEBOOK + "1 / 0\n")
    both = invoke(cli.app, ["reproduce", "--tier", "smoke"])
    assert str(both.exception) == "failed: 00_bad"
    assert "01_good: nothing has changed" in both.output  # the others go on


def test_check_shows_what_there_is(tmp_path):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "a.bin").write_bytes(b"x" * 2_000_000)
    status, output, error = call("check", FACELAB_CACHE=str(tmp_path))
    assert status == 0, error
    lines = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in output.splitlines())
    assert lines["torch"].startswith("2.")
    assert lines["faces"] == "2 MB"
    assert {"cores", "threads", "GPU", "checkout", "photographs"} <= set(lines)
    assert "MISSING" not in output


def test_lab_listens_on_this_machine_only(monkeypatch):
    calls = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: calls.append(arguments))
    assert CliRunner().invoke(cli.app, ["lab", "--no-browser", "--port=9999"]).exit_code == 0
    ((python, *arguments),) = calls
    assert python == sys.executable
    assert "--ServerApp.ip=127.0.0.1" in arguments
    assert arguments[-2:] == ["--no-browser", "--port=9999"]
    assert not any("token" in argument for argument in arguments)  # Jupyter's own stays on


def test_the_kernel_is_this_interpreter():
    spec = _KernelManager(kernel_name="python3").kernel_spec
    assert spec.argv[0] == sys.executable


def test_the_lock_is_exact_and_covers_the_package():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.match(r"[\w.-]+==[\w.]+( ; .+)?$", line) for line in pins)
    versions = {_plain(line.split("==")[0]) for line in pins}
    assert "torch==2.13.0" in pins
    assert not [name for name in versions if name.startswith(("nvidia", "cuda", "triton"))]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["test"]
    missing = {_plain(re.match(r"[\w-]+", wish).group()) for wish in wanted} - versions
    assert not missing


def test_only_notebooks_are_paired(tmp_path):
    shutil.copy(ROOT / "jupytext.toml", tmp_path)
    for folder in ("notebooks", "lib"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "10_any.py").write_text(NOTEBOOK)

    def paired(path):
        command = [sys.executable, "-m", "jupytext", "--paired-paths", path]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert not done.stderr  # its exit status is 1 also where all went well
        return done.stdout.split()

    assert paired("notebooks/10_any.py") == ["notebooks/10_any.ipynb"]
    assert paired("lib/10_any.py") == []


def _plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()
