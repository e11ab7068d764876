"""`facelab verify`: a run trained anew is compared with the cached one, number by number."""

import importlib
import os
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from facelab import FacelabError, cli, verify
from facelab.experiment import ExperimentError

# `drift` makes a run depend on something that its record does not know.
TINY = """
import os
from typing import Any
import numpy as np, torch
from facelab.experiment import Experiment, Run

class Tiny(Experiment):
    seed: int = 0

    def cost(self):
        return float(self.seed)

    def train(self, run: Run) -> dict[str, Any]:
        torch.manual_seed(self.seed)
        model = torch.nn.Linear(3, 1)
        drift = float(os.environ.get("TINY_DRIFT", "0"))
        return {
            "error": 2.0 + drift,
            "history": [1.0, 0.5 + drift],
            "points": {"all": np.arange(3.0)},
            "note": "text",
            "weights": run.save_weights("model", model),
        }
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "cache"))
    for name in ("CLUSTER", "WORKERS", "THREADS"):
        monkeypatch.delenv(f"FACELAB_{name}", raising=False)
    (tmp_path / "tiny_runs.py").write_text(TINY)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("tiny_runs").Tiny
    sys.modules.pop("tiny_runs", None)


def listing(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_a_run_comes_out_identical_and_the_cache_is_not_touched(tiny, tmp_path):
    runs = [tiny(seed=1), tiny(seed=2)]
    for run in runs:
        run.run()
    before = listing(tmp_path / "cache")
    outcomes = verify.verify(runs, count=1)
    assert [(o.label, o.verdict, o.largest) for o in outcomes] == [("Tiny(seed=1)", "identical", 0)]
    assert outcomes[0].compared == 6  # error, history, points, note, weight, bias
    assert listing(tmp_path / "cache") == before
    assert os.environ["FACELAB_CACHE"] == str(tmp_path / "cache")


def test_a_difference_is_named_and_fails(tiny, monkeypatch):
    run = tiny(seed=3)
    run.run()
    monkeypatch.setenv("TINY_DRIFT", "1e-9")
    (outcome,) = verify.verify([run])
    assert outcome.verdict == "DIFFERS"
    assert [text.partition(":")[0] for text in outcome.differences] == ["error", "history"]
    monkeypatch.setattr(verify, "cached", lambda tier: [run])
    shown = CliRunner().invoke(cli.app, ["verify"])
    assert shown.exit_code == 1
    assert "DIFFERS" in shown.output
    assert "error: 2.0 became 2.000000001" in shown.output
    monkeypatch.delenv("TINY_DRIFT")
    shown = CliRunner().invoke(cli.app, ["verify", "--count", "1"])
    assert shown.exit_code == 0, shown.output
    assert "identical" in shown.output


def result(folder, threads=1, **changes):
    file = folder / f"{len(list(folder.iterdir()))}.safetensors"
    save_file({"w": changes.pop("w", np.ones(2, np.float32))}, file)
    facts = {"device": "CPU", "processor": "a", "threads": threads, "versions": {"torch": "2"}}
    plain = {"nme": 4.0, "points": np.ones((2, 2)), "count": 3, "weights": file}
    return {**plain, **changes, "provenance": {**facts, "seconds": 1.0}}


def test_tolerance_holds_elsewhere_and_only_there(tmp_path):
    first = result(tmp_path)
    near = {"nme": 4.2, "points": np.full((2, 2), 1.05), "w": np.zeros(2, np.float32)}
    assert len(verify.compare("x", first, result(tmp_path, **near)).differences) == 3
    elsewhere = verify.compare("x", first, result(tmp_path, threads=2, **near))
    assert elsewhere.verdict == "within tolerance"
    assert elsewhere.other == ("threads",)
    assert elsewhere.largest == pytest.approx(0.05)
    far = result(tmp_path, threads=2, nme=4.0 * (1.05 + verify.TOLERANCE))
    assert verify.compare("x", first, far).differences[0].startswith("nme: 4.0 became")
    other = result(tmp_path, threads=2, count=4)
    assert verify.compare("x", first, other).differences == ("count: 3 became 4",)


def test_a_missing_value_and_another_shape_differ(tmp_path):
    first, second = result(tmp_path), result(tmp_path, threads=2, points=np.ones(3))
    del second["count"]
    names = [text.partition(":")[0] for text in verify.compare("x", first, second).differences]
    assert names == ["count", "points"]
    assert load_file(first["weights"])["w"].shape == (2,)


def test_a_seed_draws_the_runs(tiny, monkeypatch):
    runs = [tiny(seed=seed) for seed in range(20)]
    monkeypatch.setattr(verify, "_again", lambda run: run.seed)
    assert verify.verify(runs, count=3) == [0, 1, 2]
    drawn = verify.verify(runs, count=3, seed=1)
    assert drawn == verify.verify(runs, count=3, seed=1) != [0, 1, 2]
    assert len(set(drawn)) == 3


def test_without_finished_runs_it_says_so():
    with pytest.raises(FacelabError, match="no finished run"):
        verify.verify([])


def test_a_failing_training_is_no_difference(tiny, tmp_path, monkeypatch):
    run = tiny(seed=4)
    run.run()
    monkeypatch.setenv("TINY_DRIFT", "x")
    with pytest.raises(ExperimentError, match="Tiny"):
        verify.verify([run])
    assert os.environ["FACELAB_CACHE"] == str(tmp_path / "cache")


def test_the_papers_list_their_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path))
    assert verify.cached("smoke") == []
