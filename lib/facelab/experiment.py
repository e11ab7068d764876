"""Experiments: typed records whose training is cached, resumed after a kill, and run in parallel.

An experiment is a pydantic model: the method, its settings, the seed. Asking for its result trains
it once; afterwards the result comes from the cache, until one of its fields or the code that it
uses changes. A paper writes one class, in an importable module (never in a notebook):

    class Landmarks(Experiment):
        uses: ClassVar = ("facelab.papers.laplace.model", "facelab.papers.laplace.losses")
        method: Literal["softargmax", "laplace"]
        steps: int = 500
        seed: int = 0

        def train(self, run: Run) -> dict[str, Any]:
            torch.manual_seed(self.seed)
            rng = np.random.default_rng(self.seed)
            model = RCN(channels=16, landmarks=68)
            optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
            state = run.resume(model=model, optimizer=optimizer, rng=rng)
            history = state.get("history", [])
            for step in range(state["step"], self.steps):
                loss = ...                       # draw the batch with rng
                history.append(loss.item())
                run.progress(step + 1, self.steps, loss=history[-1])
                run.save(step + 1, history=history)          # writes when it is due
            return {"history": history, "nme": ..., "weights": run.save_weights("model", model)}

    results = run_all([Landmarks(method=m, seed=s) for m in methods for s in seeds])
    results[0]["nme"], results[0]["weights"], results[0]["provenance"]["seconds"]

`uses` names modules, functions or classes whose code the result depends on; all that they lead to
within facelab counts as well (`facelab.dependencies`), and so does the class itself. Where it
depends on the fields, override `dependencies`.

Settings from outside: `FACELAB_WORKERS` and `FACELAB_THREADS` (processes, threads of each),
`FACELAB_CLUSTER` ("slurm" or "local": exca submits the runs as jobs), `FACELAB_PROGRESS` (a file
that receives the line of progress; nothing is then drawn).
"""

from __future__ import annotations

import contextlib
import logging
import numbers
import os
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import exca
import filelock
import numpy as np
import pydantic

from facelab import FacelabError, paths, provenance, workers
from facelab.checkpoint import Run, load_weights
from facelab.workers import default_count

__all__ = ["Experiment", "ExperimentError", "Run", "load_weights", "run_all"]

# exca reports each submission with absolute paths, which must not get into committed notebooks
logging.getLogger("exca").setLevel(logging.CRITICAL)


# The fingerprint when a process first met a class: that of the code it has in memory, whatever
# becomes of the files afterwards.
_loaded: dict[tuple[type, tuple[str, ...]], str] = {}


class ExperimentError(FacelabError):
    """One or more experiments failed; the message names each, with its traceback."""


class _Cache(exca.TaskInfra):
    """exca's cache, keyed by all fields: a changed default makes another experiment."""

    def config(self, uid: bool = True, exclude_defaults: bool = False) -> Any:
        return super().config(uid=uid, exclude_defaults=exclude_defaults and not uid)


class Experiment(pydantic.BaseModel):
    """Base of all experiments; a subclass adds fields and `train`. Frozen; extra fields are errors.

    Attributes:
        uses: dotted names of the modules, functions and classes that a result depends on.
        code: fingerprint of these and of the class itself; filled in, never given by hand.
        checkpoint_seconds: interval of checkpoints (a class variable: no part of the key).
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    uses: ClassVar[tuple[str, ...]] = ()
    checkpoint_seconds: ClassVar[float] = 20.0
    code: str = ""
    infra: _Cache = _Cache(version="1", mode="retry")

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        current = self.current_code()
        _loaded.setdefault(self._code_key(), current)
        if not self.code:
            # the model is frozen for everyone else
            self.__dict__["code"] = current
            self.__pydantic_fields_set__.add("code")
        self.infra._update(
            folder=paths.cache_dir() / "experiments",
            cluster=os.environ.get("FACELAB_CLUSTER") or None,
        )

    # ---- what a subclass provides

    def train(self, run: Run) -> dict[str, Any]:
        """Trains and evaluates; returns numbers, text, lists, dictionaries, arrays and paths."""
        raise NotImplementedError(f"{type(self).__name__} has no train()")

    def dependencies(self) -> tuple[str, ...]:
        """What the result of *this* record depends on; `uses` unless overridden."""
        return self.uses

    def cost(self) -> float:
        """Expected duration, in any unit common to the experiments of one `run_all`."""
        return 1.0

    def label(self) -> str:
        """A name for errors and progress: the fields that are not at their defaults."""
        fields = type(self).model_fields
        return self._named([n for n, field in fields.items() if getattr(self, n) != field.default])

    # ---- what users call

    def run(self) -> dict[str, Any]:
        """The result: from the cache, else by training here (or on the cluster that is set).

        Returns:
            What `train` returned, paths as absolute `Path`s, plus "provenance": seconds, device,
            threads, peak memory in MB, code and versions.

        Raises:
            ExperimentError: training failed; the message holds the traceback.
        """
        with self._lock():
            status = self._status()
            if status == "damaged":
                self.infra.clear_job()  # leaves the checkpoint alone
            loaded = _loaded[self._code_key()]
            if status not in ("completed", "running") and self.code != loaded:
                raise FacelabError(
                    f"{self.label()}: this process has other code in memory ({loaded}) than the "
                    f"record stands for ({self.code}), as files were edited: restart the kernel, "
                    "or let workers train it (run_all)"
                )
            return self._located(self.trained())

    def cached(self) -> bool:
        """Whether a complete result is in the cache, with all the files that it names."""
        return self._status() == "completed"

    def folder(self) -> Path:
        """The folder of this run: checkpoints and weights."""
        return self.infra.uid_folder() / "files"

    def current_code(self) -> str:
        """Fingerprint of the code as it is on disk now."""
        line = type(self).__mro__
        own = [cls for cls in line if issubclass(cls, Experiment) and cls is not Experiment]
        used = self.dependencies()
        if not used:
            return provenance.fingerprint(*own)
        reached = provenance.reached_fingerprint(*used)
        return provenance.digest(provenance.fingerprint(*own), reached)

    @infra.apply
    def trained(self) -> dict[str, Any]:
        """`train` with its surroundings; exca keeps what it returns. Call `run` instead."""
        folder = self.folder()
        folder.mkdir(parents=True, exist_ok=True)
        run = Run(
            folder,
            label=self.label(),
            every_seconds=self.checkpoint_seconds,
            report=workers.reporter(),
        )
        try:
            result = self.train(run)
            _check(result, self.label())
        except Exception as error:
            raise ExperimentError(f"{self.label()} failed\n{traceback.format_exc()}") from error
        finally:
            run.close()
        facts = {
            "code": self.code,
            "seconds": run.seconds,
            "peak_memory_mb": provenance.peak_memory_mb(),
            "versions": provenance.versions(),
            **provenance.machine(),
        }
        run.checkpoint.remove()
        return _relative({**result, "provenance": facts}, folder)

    def _located(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result with its relative paths made absolute: a cache may move."""
        return _map_paths(result, lambda path: self.folder() / path)

    def _code_key(self) -> tuple[type, tuple[str, ...]]:
        return type(self), self.dependencies()

    def _named(self, fields: Collection[str]) -> str:
        shown = [f"{n}={getattr(self, n)}" for n in fields if n not in ("code", "infra")]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _status(self) -> str:
        """exca's status, or "damaged" where the result is unreadable or a file of it is gone."""
        try:
            status = self.infra.status()
            if status == "completed":
                result = self._located(self.infra.job().result())
                if not all(file.is_file() for file in _paths(result)):
                    return "damaged"
        except Exception:  # an unreadable pickle raises whatever it likes
            return "damaged"
        return status

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keeps two processes from training the same thing; on a cluster exca sees to that."""
        if self.infra.cluster is not None or self.cached():
            yield
            return
        folder = self.infra.uid_folder(create=True)
        with filelock.FileLock(folder / "lock"):
            yield


def run_all(
    experiments: Sequence[Experiment],
    *,
    workers: int | None = None,
    threads_per_worker: int | None = None,
    description: str = "training",
) -> list[dict[str, Any]]:
    """The results of all experiments, in order; what is missing is trained in parallel processes.

    Duplicates are trained once, the longest (by `cost`) first. Several single-thread trainings are
    faster than one that uses all cores: small networks scale badly.

    Args:
        experiments: records whose classes stand in importable modules.
        workers: processes, at most as many as there are missing runs; by default
            `workers.default_count`. 0 trains here, one after the other, with a bar each.
        threads_per_worker: by default the cores divided by the workers.
        description: the name on the bar.

    Raises:
        ExperimentError: some failed. All others were finished first and are in the cache.
    """
    missing = {}
    for experiment in experiments:
        if experiment.infra.uid() not in missing and not experiment.cached():
            missing[experiment.infra.uid()] = experiment
    order = sorted(missing.values(), key=lambda experiment: -experiment.cost())
    if not order:
        failures = []
    elif order[0].infra.cluster is not None:
        failures = _submit(order)
    elif not (default_count() if workers is None else workers):
        failures = _in_process(order)
    else:
        failures = _pool(order, workers, threads_per_worker, description)
    if failures:
        names = "\n".join(f"- {label}" for label, _ in failures)
        details = "\n\n".join(f"--- {label}\n{text.strip()}" for label, text in failures)
        raise ExperimentError(
            f"{len(failures)} of {len(order)} experiments failed:\n{names}\n\n{details}"
        )
    return [experiment.run() for experiment in experiments]


def _pool(
    order: list[Experiment], count: int | None, threads: int | None, description: str
) -> list[tuple[str, str]]:
    """Trains in worker processes; returns label and traceback of those that failed."""
    for experiment in order:
        if type(experiment).__module__ == "__main__" or "<locals>" in type(experiment).__qualname__:
            raise TypeError(
                f"{type(experiment).__name__} is defined in a notebook, script or function, where "
                "worker processes cannot import it: move it to a module, or pass workers=0"
            )
    tasks = [
        workers.Task(
            label=label,
            module=type(experiment).__module__,
            name=type(experiment).__qualname__,
            uid=experiment.infra.uid(),
            fields=experiment.model_dump(mode="json", exclude={"infra"}),
        )
        for experiment, label in zip(order, _labels(order), strict=True)
    ]
    return workers.run(tasks, count=count, threads=threads, description=description)


def _labels(order: list[Experiment]) -> list[str]:
    """Short names: only the fields in which experiments of one class differ."""
    labels = []
    for one in order:
        same = [other for other in order if type(other) is type(one)]
        fields = [
            name
            for name in type(one).model_fields
            if any(getattr(other, name) != getattr(one, name) for other in same)
        ]
        custom = type(one).label is not Experiment.label or len(same) == 1
        labels.append(one.label() if custom else one._named(fields))
    return labels


def _in_process(order: list[Experiment]) -> list[tuple[str, str]]:
    failures = []
    for experiment, label in zip(order, _labels(order), strict=True):
        try:
            experiment.run()
        except Exception as error:
            failures.append((label, str(error)))
    return failures


def _submit(order: list[Experiment]) -> list[tuple[str, str]]:
    """Submits all as jobs of exca's cluster and waits for them."""
    for kind in {type(experiment) for experiment in order}:
        same = [experiment for experiment in order if type(experiment) is kind]
        with same[0].infra.job_array() as array:
            array.extend(same)
    return _in_process(order)


def _check(value: Any, where: str) -> None:
    """Refuses results that are not plain values."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check(item, f"{where}: {key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]")
    elif not (
        value is None or isinstance(value, (str, numbers.Number, np.ndarray, np.bool_, Path))
    ):
        raise TypeError(
            f"{where}: a result holds numbers, text, lists, dictionaries, numpy arrays and "
            f"paths; got {type(value).__name__}"
        )


def _map_paths(value: Any, change: Callable[[Path], Path]) -> Any:
    if isinstance(value, dict):
        return {key: _map_paths(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_map_paths(item, change) for item in value)
    return change(value) if isinstance(value, Path) else value


def _paths(value: Any) -> list[Path]:
    found: list[Path] = []
    _map_paths(value, lambda path: found.append(path) or path)
    return found


def _relative(result: dict[str, Any], folder: Path) -> dict[str, Any]:
    return _map_paths(result, lambda path: path.relative_to(folder))
