"""Experiments: caching by fields and code, parallel runs, failures, kills and damaged files."""

import importlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pydantic
import pytest
import torch

from facelab import FacelabError
from facelab.checkpoint import Checkpoint, load_weights, save_weights
from facelab.experiment import ExperimentError, Run, run_all

LOSSES = """
def first(x):
    return x.square().mean()

def second(x):
    return x.abs().mean()
"""

# Each training leaves a line in `done`, so that tests can count trainings.
TOY = """
import os, pathlib, time
from typing import Any, ClassVar, Literal
import numpy as np, torch
import toy_losses
from facelab.experiment import Experiment, Run

HERE = pathlib.Path(__file__).parent

class Toy(Experiment):
    checkpoint_seconds: ClassVar[float] = 0.0
    loss: Literal["first", "second"] = "first"
    seed: int = 0
    steps: int = 3
    fault: str = ""
    cost_hint: float = 1.0

    def dependencies(self):
        return (f"toy_losses.{self.loss}",)

    def cost(self):
        return self.cost_hint

    def train(self, run: Run) -> dict[str, Any]:
        if self.fault == "error":
            raise ZeroDivisionError(f"seed {self.seed} fails")
        if self.fault == "death":
            os.kill(os.getpid(), 9)
        if self.fault == "tensor":
            return {"loss": torch.zeros(1)}
        torch.manual_seed(self.seed)
        rng = np.random.default_rng(self.seed)
        noise = torch.Generator().manual_seed(self.seed)
        model = torch.nn.Sequential(
            torch.nn.Linear(4, 8),
            torch.nn.BatchNorm1d(8),
            torch.nn.Dropout(0.3),
            torch.nn.Linear(8, 1),
        )
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=self.steps)
        state = run.resume(
            model=model, optimizer=optimizer, schedule=schedule, rng=rng, noise=noise
        )
        history = state.get("history", [])
        for step in range(state["step"], self.steps):
            x = torch.from_numpy(rng.normal(size=(16, 4))).float()
            x = x + 0.1 * torch.randn(16, 4, generator=noise)
            loss = getattr(toy_losses, self.loss)(model(x))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            history.append(loss.item())
            run.progress(step + 1, self.steps, loss=history[-1])
            run.save(step + 1, history=history)
            if self.fault == "slow":
                (HERE / "step").write_text(str(step + 1))
                time.sleep(0.02)
        with (HERE / "done").open("a") as file:
            file.write(self.label() + "\\n")
        return {
            "history": history,
            "started_at": state["step"],
            "error": np.array(history),
            "threads": torch.get_num_threads(),
            "process": os.getpid(),
            "weights": run.save_weights("model", model),
        }
"""


class Workshop:
    """An importable module `toy`, its losses, and a count of the trainings."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "toy.py").write_text(TOY)
        (folder / "toy_losses.py").write_text(LOSSES)

    @property
    def toy(self):
        return importlib.import_module("toy").Toy

    def edit(self, name, old, new):
        file = self.folder / name
        text = file.read_text()
        assert text.count(old) == 1
        file.write_text(text.replace(old, new))

    @property
    def trained(self):
        file = self.folder / "done"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture(autouse=True)
def _one_thread():
    """Sums are split by thread, so only equal numbers of threads give equal bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "cache"))
    for name in ("FACELAB_CLUSTER", "FACELAB_WORKERS", "FACELAB_THREADS", "FACELAB_PROGRESS"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield Workshop(folder)
    for name in ("toy", "toy_losses"):
        sys.modules.pop(name, None)


def test_result_is_cached_and_survives_a_moved_cache(workshop, tmp_path, monkeypatch):
    Toy = workshop.toy
    first = Toy(seed=1).run()
    again = Toy(seed=1).run()
    assert len(workshop.trained) == 1
    assert first["history"] == again["history"]
    assert first["provenance"]["code"] == Toy(seed=1).code
    assert first["provenance"]["seconds"] > 0
    assert again["weights"].is_file()
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "elsewhere"))
    moved = Toy(seed=1).run()
    assert len(workshop.trained) == 1
    assert moved["weights"].is_relative_to(tmp_path / "elsewhere")
    assert moved["weights"].is_file()


def test_records_are_frozen_and_refuse_unknown_fields(workshop):
    Toy = workshop.toy
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Toy().seed = 3
    with pytest.raises(pydantic.ValidationError, match="sede"):
        Toy(sede=3)
    assert Toy(seed=3).label() == "Toy(seed=3)"


def test_an_edit_retrains_exactly_the_runs_that_use_it(workshop):
    Toy = workshop.toy
    both = [Toy(loss="first"), Toy(loss="second")]
    run_all(both, workers=0)
    workshop.edit("toy_losses.py", "def second(x):\n", "def second(x):\n    # a remark\n")
    run_all([Toy(loss="first"), Toy(loss="second")], workers=0)
    assert len(workshop.trained) == 2
    workshop.edit("toy_losses.py", "x.abs()", "2 * x.abs()")
    run_all([Toy(loss="first"), Toy(loss="second")], workers=1)
    assert workshop.trained[2:] == ["Toy(loss=second)"]


def test_a_changed_default_is_another_experiment(workshop):
    first = workshop.toy(seed=1).infra.uid()
    workshop.edit("toy.py", "steps: int = 3", "steps: int = 4")
    sys.modules.pop("toy")
    importlib.invalidate_caches()
    assert workshop.toy(seed=1).infra.uid() != first


def test_code_in_memory_is_not_run_under_the_name_of_edited_code(workshop):
    Toy = workshop.toy
    before = Toy(loss="second")
    workshop.edit("toy_losses.py", "x.abs()", "3 * x.abs()")
    old = before.run()  # the code in memory is still the one it stands for
    with pytest.raises(FacelabError, match="other code in memory"):
        Toy(loss="second").run()
    new = run_all([Toy(loss="second")], workers=1)[0]
    assert new["history"][0] == pytest.approx(3 * old["history"][0], rel=1e-6)


def test_lost_weights_and_unreadable_results_are_made_again(workshop):
    Toy = workshop.toy
    first = Toy().run()
    first["weights"].unlink()
    assert not Toy().cached()
    assert Toy().run()["weights"].is_file()
    (Toy().infra.uid_folder() / "job.pkl").write_bytes(b"damaged")
    assert Toy().run()["history"] == first["history"]
    assert len(workshop.trained) == 3


def test_parallel_runs_come_in_order_once_each_and_as_alone(workshop):
    Toy = workshop.toy
    asked = [Toy(seed=seed) for seed in (2, 0, 1, 2)]
    alone = Toy(seed=0).run()
    results = run_all(asked, workers=2, threads_per_worker=1)
    assert len(workshop.trained) == 3
    assert [result["threads"] for result in results[2:]] == [1, 1]
    assert results[0]["history"] == results[3]["history"] != results[2]["history"]
    assert results[1]["history"] == alone["history"]


@pytest.mark.parametrize(("setting", "apart"), [("0", False), ("1", True)])
def test_without_workers_the_trainings_stay_in_this_process(workshop, monkeypatch, setting, apart):
    monkeypatch.setenv("FACELAB_WORKERS", setting)
    (result,) = run_all([workshop.toy(seed=1)])
    assert (result["process"] != os.getpid()) == apart


@pytest.mark.parametrize("setting", ["-1", "two"])
def test_a_number_of_workers_is_a_number(workshop, monkeypatch, setting):
    monkeypatch.setenv("FACELAB_WORKERS", setting)
    with pytest.raises(ValueError, match="a whole number from 0 on"):
        run_all([workshop.toy(seed=1)])


def test_longest_first(workshop):
    Toy = workshop.toy
    run_all([Toy(seed=seed, cost_hint=cost) for seed, cost in enumerate((1, 3, 2))], workers=1)
    order = [line.split("seed=")[1][0] if "seed=" in line else "0" for line in workshop.trained]
    assert order == ["1", "2", "0"]


@pytest.mark.parametrize("workers", [0, 2])
def test_failures_leave_the_others_alone_and_are_named(workshop, workers):
    Toy = workshop.toy
    faults = ["error", "tensor"] + (["death"] if workers else [])
    asked = [Toy(fault=fault, seed=5) for fault in faults] + [Toy(seed=1), Toy(seed=2)]
    with pytest.raises(ExperimentError) as failure:
        run_all(asked, workers=workers)
    text = str(failure.value)
    assert f"{len(faults)} of {len(asked)} experiments failed" in text
    assert "ZeroDivisionError: seed 5 fails" in text
    assert "Toy(seed=5, fault=tensor): loss: a result holds numbers" in text
    assert ("exit code -9" in text) == bool(workers)
    assert sorted(workshop.trained) == ["Toy(seed=1)", "Toy(seed=2)"]
    assert Toy(seed=1).cached()
    assert not Toy(fault="error", seed=5).cached()


def test_a_failed_run_is_tried_again(workshop):
    record = workshop.toy(fault="error")
    for _ in range(2):
        with pytest.raises(ExperimentError, match="seed 0 fails"):
            workshop.toy(fault="error").run()
    assert record.infra.status() == "failed"


def test_classes_of_functions_are_refused_by_workers_and_run_here(workshop):
    class Local(workshop.toy):
        pass

    with pytest.raises(TypeError, match="Local is defined in a notebook"):
        run_all([Local()])
    assert run_all([Local()], workers=0)[0]["history"]


def test_progress_goes_to_the_file_that_a_runner_asks_for(workshop, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FACELAB_PROGRESS", str(tmp_path / "line"))
    run_all([workshop.toy(seed=1)], workers=1, description="toys")
    assert (tmp_path / "line").read_text().startswith("toys 1/1 in ")
    assert capsys.readouterr().err == ""


def test_one_setting_sends_runs_to_a_cluster(workshop, monkeypatch):
    here = workshop.toy(seed=1).run()
    monkeypatch.setenv("FACELAB_CACHE", os.environ["FACELAB_CACHE"] + "-2")
    monkeypatch.setenv("FACELAB_CLUSTER", "local")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    results = run_all([workshop.toy(seed=1)])
    assert results[0]["history"] == here["history"]
    assert (workshop.toy(seed=1).infra.uid_folder() / "submitit").exists()


def test_resumed_after_a_kill_equals_uninterrupted_bit_for_bit(workshop, tmp_path, monkeypatch):
    Toy = workshop.toy
    code = "import toy; toy.Toy(fault='slow', steps=40).run()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    step = workshop.folder / "step"
    deadline = time.monotonic() + 60
    while not (step.exists() and int(step.read_text() or 0) >= 10):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert workshop.trained == []

    resumed = Toy(fault="slow", steps=40).run()
    monkeypatch.setenv("FACELAB_CACHE", str(tmp_path / "fresh"))
    whole = Toy(fault="slow", steps=40).run()
    assert 10 <= resumed["started_at"] < 40
    assert whole["started_at"] == 0
    assert resumed["history"] == whole["history"]
    assert resumed["weights"].read_bytes() == whole["weights"].read_bytes()
    assert not Run(resumed["weights"].parent).checkpoint.path.exists()


def test_workers_end_when_their_parent_is_killed(workshop):
    code = """
import toy
from facelab.experiment import run_all
run_all([toy.Toy(fault="slow", steps=100_000, seed=seed) for seed in (0, 1)], workers=2)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    deadline = time.monotonic() + 60
    while not (workshop.folder / "step").exists():
        assert parent.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = psutil.Process(parent.pid).children()
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


def training(checkpoint):
    """A model whose state is known, and what `resume` says."""
    model = torch.nn.Linear(3, 2)
    rng = np.random.default_rng(0)
    return model, rng, checkpoint.resume(model=model, rng=rng)


def test_checkpoint_restores_values_of_all_kinds(tmp_path):
    checkpoint = Checkpoint(tmp_path, every_seconds=0)
    model, rng, state = training(checkpoint)
    assert state == {"step": 0}
    values = {
        "history": [0.1, float("inf")],
        "pair": (1, "a", None, True),
        "by_index": {3: [1.5]},
        "array": np.arange(4, dtype=np.uint16),
        "tensor": torch.tensor(2.5, dtype=torch.bfloat16),
    }
    rng.random(5)
    assert checkpoint.save(7, **values)
    expected = rng.random(3)
    torch_expected = torch.rand(3)

    other_model, other_rng, state = training(Checkpoint(tmp_path))
    assert state["step"] == 7
    assert state["history"] == values["history"]
    assert state["pair"] == values["pair"]
    assert state["by_index"] == values["by_index"]
    np.testing.assert_array_equal(state["array"], values["array"])
    assert state["array"].dtype == np.uint16
    assert state["tensor"].dtype == torch.bfloat16
    torch.testing.assert_close(other_model.weight, model.weight, rtol=0, atol=0)
    np.testing.assert_array_equal(other_rng.random(3), expected)
    torch.testing.assert_close(torch.rand(3), torch_expected, rtol=0, atol=0)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_damaged_checkpoint_is_reported_and_training_starts_anew(tmp_path, damage):
    checkpoint = Checkpoint(tmp_path, every_seconds=0)
    training(checkpoint)
    checkpoint.save(7)
    content = bytearray(checkpoint.path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[-3] ^= 1
    else:
        content = b""
    checkpoint.path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged checkpoint"):
        _, _, state = training(Checkpoint(tmp_path))
    assert state == {"step": 0}


def test_checkpoint_is_written_when_due(tmp_path):
    checkpoint = Checkpoint(tmp_path, every_seconds=3600)
    training(checkpoint)
    assert not checkpoint.save(1)
    assert checkpoint.save(2, now=True)
    assert checkpoint.path.exists()
    assert not list(tmp_path.glob(".*"))  # no temporary files


def test_checkpoint_refuses_what_it_cannot_hold(tmp_path):
    checkpoint = Checkpoint(tmp_path, every_seconds=0)
    with pytest.raises(TypeError, match=r"resume\(lr=...\)"):
        checkpoint.resume(lr=0.1)
    with pytest.raises(TypeError, match="values.thing"):
        checkpoint.save(1, thing=object())
    training(checkpoint)
    checkpoint.save(1)
    with pytest.raises(ValueError, match="training asks for"):
        Checkpoint(tmp_path).resume(model=torch.nn.Linear(3, 2))


def test_weights_round_trip_as_safetensors(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    model[0].weight.data = torch.arange(6.0).reshape(2, 3).T  # a view that is not contiguous
    path = save_weights(model, tmp_path / "model.safetensors")
    other = load_weights(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)), path)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], tensor, rtol=0, atol=0)
