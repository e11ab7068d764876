"""`kept`: once worked out, read from then on; other arguments, other code and damage work anew."""

import subprocess
import sys

import numpy as np
import pytest

from facelab import kept as module
from facelab.kept import kept

calls: list[tuple[float, ...]] = []


@kept
def doubled(values: np.ndarray, *, plus: float = 0.0) -> np.ndarray:
    calls.append((*values.tolist(), plus))
    return 2.0 * values + plus


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "reached_fingerprint", lambda name: "0123")
    calls.clear()


def test_each_question_is_worked_out_once():
    for _ in range(2):
        assert doubled(np.ones(2)).tolist() == [2.0, 2.0]
        assert doubled(np.zeros(2), plus=1.0).tolist() == [1.0, 1.0]
        assert doubled(np.zeros(2)).tolist() == [0.0, 0.0]
    assert len(calls) == 3


def test_a_damaged_file_is_worked_out_anew(tmp_path, caplog):
    doubled(np.ones(2))
    (file,) = tmp_path.rglob("output.pkl")
    file.write_bytes(file.read_bytes()[:10])
    assert doubled(np.ones(2)).tolist() == [2.0, 2.0]
    assert "Exception while loading" in caplog.text
    assert len(calls) == 2


def test_results_of_older_code_go(tmp_path):
    name = f"{__name__}.doubled"
    older = tmp_path / "kept" / name / "older"
    older.mkdir(parents=True)
    doubled(np.ones(2))
    assert [path.name for path in (tmp_path / "kept" / name).iterdir()] == ["0123"]


def test_two_processes_work_it_out_once(tmp_path, monkeypatch):
    (tmp_path / "slowly.py").write_text(
        "import os, time\n"
        "from facelab.kept import kept\n"
        "@kept\n"
        "def answer():\n"
        "    time.sleep(1)\n"
        "    return os.getpid()\n"
    )
    command = [sys.executable, "-c", "import slowly; print(slowly.answer())"]
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    first, second = (process.communicate(timeout=60)[0] for process in both)
    assert first == second != ""
