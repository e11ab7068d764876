"""Worker processes of `experiment.run_all`: fresh interpreters that train one run at a time.

Each worker is `python -c "..."` with the parent's import path, reads tasks as JSON lines on its
standard input and answers with JSON lines. That works alike in scripts without a `__main__` guard,
in Jupyter kernels and under papermill, where `multiprocessing` needs an importable `__main__`; the
thread settings hold from the first import on; and workers see the code as it is on disk. Results
travel through the cache, so only progress and failures pass here.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from facelab import provenance

Report = Callable[[int, int, dict[str, float]], None]

_REPORT_SECONDS = 0.5
_reporter: Report | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """One experiment on its way to a worker: class, fields, and the uid it must come to."""

    label: str
    module: str
    name: str
    uid: str
    fields: dict[str, Any]


def reporter() -> Report | None:
    """Where a training reports its progress; None outside worker processes."""
    return _reporter


def headless() -> bool | None:
    """The `disable` of progress bars: drawn in a live notebook or a terminal, not elsewhere.

    tqdm's own test (None) sees no terminal in a Jupyter kernel. A kernel that a Jupyter server
    started for a reader has `JPY_SESSION_NAME`; one that papermill started has not.
    """
    if "FACELAB_PROGRESS" in os.environ:
        return True
    return False if "JPY_SESSION_NAME" in os.environ else None


def run(
    tasks: list[Task],
    *,
    count: int | None = None,
    threads: int | None = None,
    description: str = "training",
) -> list[tuple[str, str]]:
    """Runs tasks in order on several workers.

    Args:
        count: workers (see `experiment.run_all`).
        threads: threads of each worker.

    Returns:
        Label and traceback of each task that failed. A worker that dies fails its task only.
    """
    count = min(len(tasks), count or default_count())
    threads = threads or _setting("FACELAB_THREADS") or max(1, provenance.cores() // count)
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    events: queue.SimpleQueue[tuple[str, Task | None, Any]] = queue.SimpleQueue()
    slots = [_Slot(waiting, events, threads) for _ in range(count)]
    failures: list[tuple[str, str]] = []
    try:
        for slot in slots:
            slot.start()
        _watch(events, count, len(tasks), failures, description)
    finally:
        for slot in slots:
            slot.stop()
    return failures


def default_count() -> int:
    """Workers where nobody says how many: `FACELAB_WORKERS` (0 for none), else one a core, at most
    four where a GPU is present."""
    chosen = _setting("FACELAB_WORKERS", least=0)
    if chosen is not None:
        return chosen
    import torch  # here, so that importing this module stays cheap

    return min(4, provenance.cores()) if torch.cuda.is_available() else provenance.cores()


def _setting(name: str, *, least: int = 1) -> int | None:
    text = os.environ.get(name, "")
    if not text:
        return None
    if not text.isdigit() or int(text) < least:
        raise ValueError(f"{name}={text!r}: expected a whole number from {least} on")
    return int(text)


def _watch(
    events: queue.SimpleQueue,
    slots: int,
    total: int,
    failures: list[tuple[str, str]],
    description: str,
) -> None:
    """Follows the events until all slots are done, drawing one line of progress."""
    running: dict[str, str] = {}
    done = 0
    file = os.environ.get("FACELAB_PROGRESS")
    started = time.monotonic()
    with tqdm(total=total, desc=description, unit="run", disable=headless()) as bar:
        while slots:
            kind, task, content = events.get()
            if kind == "idle":
                slots -= 1
                continue
            if kind == "progress":
                running[task.uid] = content
            else:  # finished or failed
                running.pop(task.uid, None)
                done += 1
                bar.update(1)
                if kind == "failed":
                    failures.append((task.label, content))
            line = " | ".join(running.values())
            bar.set_postfix_str(line)
            if file:
                seconds = time.monotonic() - started
                Path(file).write_text(f"{description} {done}/{total} in {seconds:.0f} s: {line}\n")


class _Slot(threading.Thread):
    """A thread that feeds one worker process, and starts another when it dies."""

    def __init__(self, waiting: queue.SimpleQueue, events: queue.SimpleQueue, threads: int) -> None:
        super().__init__(daemon=True)
        self.waiting = waiting
        self.events = events
        self.threads = threads
        self.process: subprocess.Popen | None = None
        self.stopping = False
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed in stop()

    def run(self) -> None:
        try:
            while not self.stopping:
                try:
                    task = self.waiting.get_nowait()
                except queue.Empty:
                    break
                self._train(task)
        finally:
            self.events.put(("idle", None, None))

    def stop(self) -> None:
        """Ends the worker: at the end, after an error, or when the user interrupts."""
        self.stopping = True
        if self.process is not None and self.process.poll() is None:
            self.process.stdin.close()  # the worker ends when its input does
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def _train(self, task: Task) -> None:
        if self.process is None or self.process.poll() is not None:
            self.process = _start(self.threads, self.log)
        try:
            self.process.stdin.write(json.dumps(dataclasses.asdict(task)) + "\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                kind, content = json.loads(line)
                self.events.put((kind, task, content))
                if kind != "progress":
                    return
        except (OSError, ValueError):
            pass  # the pipe broke: the worker died, reported below
        if self.stopping:
            return
        code = self.process.wait()
        self.log.seek(0)
        tail = self.log.read()[-2000:]
        reason = f"its worker process ended with exit code {code} (-9: killed, often for memory)"
        self.events.put(("failed", task, f"{reason}\n{tail}"))


def _start(threads: int, log: Any) -> subprocess.Popen:
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        environment[name] = str(threads)
    return subprocess.Popen(
        [sys.executable, "-c", f"from facelab.workers import serve; serve({threads})"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environment,
    )


def serve(threads: int) -> None:
    """The life of a worker: trains the tasks that arrive on standard input, until it closes."""
    global _reporter
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a training prints goes to the log, not between the messages
    import torch

    torch.set_num_threads(threads)

    def send(kind: str, content: str) -> None:
        channel.write(json.dumps([kind, content]) + "\n")
        channel.flush()

    for task in _incoming():
        _reporter = _throttled(task["label"], send)
        try:
            owner: Any = importlib.import_module(task["module"])
            for part in task["name"].split("."):
                owner = getattr(owner, part)
            experiment = owner.model_validate(task["fields"])
            if experiment.infra.uid() != task["uid"]:
                raise RuntimeError(
                    f"arrived as {experiment.infra.uid()}, sent as {task['uid']}: fields must "
                    "survive JSON, and FACELAB_CACHE must not change"
                )
            experiment.run()
        except Exception as error:
            known = type(error).__name__ == "ExperimentError"
            send("failed", str(error) if known else traceback.format_exc())
        else:
            send("finished", "")


def _incoming() -> Iterator[dict[str, Any]]:
    """Tasks from standard input; ends the process, even in training, when the parent is gone."""
    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            tasks.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield tasks.get()


def _throttled(label: str, send: Callable[[str, str], None]) -> Report:
    """A reporter that passes on at most two lines a second."""
    last = 0.0

    def report(step: int, total: int, numbers: dict[str, float]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _REPORT_SECONDS:
            last = now
            shown = " ".join(f"{name} {value:.3g}" for name, value in numbers.items())
            send("progress", f"{label} {step}/{total} {shown}".strip())

    return report
