"""Does a run come out the same again? Cached runs, trained anew from scratch and compared.

    outcomes = verify(cached("laptop"), count=2)

The training happens in a temporary cache folder, so the cache is not touched: faces are rendered
again, and networks trained again, on as many threads as before. Only the distilled head and the
compiled kernels are taken over. On the machine, threads and versions that the record of a run
names, every number and every weight must come out the same, bit for bit. Elsewhere sums are
rounded in another order, and training makes much of little: there numbers may differ by
`TOLERANCE`, and weights are not compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import os
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from facelab import FacelabError, paths, provenance, published
from facelab.experiment import Experiment, run_all

# Relative, on a number or on the mean of an array. Wide, as two trainings may part on one rounding;
# it finds a run whose code, data or settings are not what its record says, not a subtle drift.
TOLERANCE = 0.1
CONDITIONS = ("device", "processor", "threads", "versions")  # that make runs equal bit for bit


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run came out the second time.

    Attributes:
        label: the run.
        exact: whether the conditions were the same, so that all must be identical.
        other: the conditions that were not.
        compared: how many numbers, arrays and files were compared.
        differences: name and what differs; empty where the run came out as it must.
        largest: the largest relative difference within tolerance.
        seconds: of the second training.
    """

    label: str
    exact: bool
    other: tuple[str, ...]
    compared: int
    differences: tuple[str, ...]
    largest: float
    seconds: float

    @property
    def verdict(self) -> str:
        """`identical`, `within tolerance` or `DIFFERS`."""
        if self.differences:
            return "DIFFERS"
        return "identical" if not self.largest else "within tolerance"


def cached(tier: str) -> list[Experiment]:
    """The runs of all papers at a tier whose results are in the cache, the cheapest first.

    A paper lists its runs in `experiments.settings(tier).everything()`.
    """
    found = []
    for room in sorted(path.name for path in published.PAPERS.iterdir() if path.is_dir()):
        name = f"facelab.papers.{room}.experiments"
        if importlib.util.find_spec(f"facelab.papers.{room}") is None:
            continue  # a leftover folder without a package in it
        if importlib.util.find_spec(name) is not None:
            found += importlib.import_module(name).settings(tier).everything()
    return sorted((run for run in found if run.cached()), key=lambda run: run.cost())


def verify(
    experiments: Sequence[Experiment], *, count: int = 2, seed: int | None = None
) -> list[Outcome]:
    """Trains some of the runs anew and compares; the bar shows how far each is.

    Args:
        experiments: complete runs, such as `cached` gives.
        count: how many.
        seed: draws them at random; None takes the first.

    Raises:
        FacelabError: there is none.
        ExperimentError: a training failed.
    """
    if not experiments:
        raise FacelabError("no finished run is in the cache; `facelab reproduce` makes them")
    chosen = list(experiments[:count])
    if seed is not None:
        chosen = random.Random(seed).sample(list(experiments), min(count, len(experiments)))
    return [_again(experiment) for experiment in chosen]


def _again(experiment: Experiment) -> Outcome:
    """Trains one run in a cache of its own and compares the results."""
    first = experiment.run()
    threads = min(first["provenance"]["threads"], provenance.cores())
    with _fresh_cache():
        fields = experiment.model_dump(mode="json", exclude={"infra"})
        copy = type(experiment).model_validate(fields)
        (second,) = run_all([copy], workers=1, threads_per_worker=threads, description="verifying")
        return compare(experiment.label(), first, second)


@contextlib.contextmanager
def _fresh_cache() -> Iterator[None]:
    """An empty cache but for the head and the compiled kernels, removed afterwards."""
    names = ("FACELAB_CACHE", "FACELAB_CLUSTER")
    before = {name: os.environ.get(name) for name in names}
    cache = paths.cache_dir()
    with tempfile.TemporaryDirectory(prefix="facelab-verify-") as folder:
        for file in cache.glob("head-v*.safetensors"):
            shutil.copy(file, folder)
        if (cache / "compiled").is_dir():
            shutil.copytree(cache / "compiled", Path(folder) / "compiled")
        os.environ["FACELAB_CACHE"] = folder
        os.environ.pop("FACELAB_CLUSTER", None)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def compare(label: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Outcome:
    """Two results of one experiment, number by number.

    Args:
        label: the run.
        first: the result in the cache, with its "provenance".
        second: the new one.
    """
    facts, new = first["provenance"], second["provenance"]
    # An older record may lack a condition; then it counts as the same.
    other = tuple(name for name in CONDITIONS if facts.get(name, new[name]) != new[name])
    before, after = (dict(_leaves(_without_facts(result))) for result in (first, second))
    differences = [f"{name}: only in one of the two" for name in sorted(before.keys() ^ after)]
    gaps = {}
    for name in sorted(before.keys() & after.keys()):
        gap = _gap(before[name], after[name], exact=not other)
        if gap > (TOLERANCE if other else 0.0):
            differences.append(f"{name}: {_shown(before[name])} became {_shown(after[name])}")
        gaps[name] = gap
    return Outcome(
        label=label,
        exact=not other,
        other=other,
        compared=len(gaps),
        differences=tuple(differences),
        largest=max(gaps.values(), default=0.0),
        seconds=new["seconds"],
    )


def _without_facts(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != "provenance"}


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers, texts, arrays and files of a result by dotted name; lists of numbers as arrays."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        if value and all(isinstance(item, (int, float)) for item in value):
            yield name, np.asarray(value)
        else:
            for index, item in enumerate(value):
                yield from _leaves(item, f"{name}[{index}]")
    elif isinstance(value, Path) and value.suffix == ".safetensors":
        for part, values in safetensors.numpy.load_file(value).items():
            yield f"{name}/{part}", _Weight(values)
    else:
        yield name, value.read_bytes() if isinstance(value, Path) else value


@dataclasses.dataclass(frozen=True)
class _Weight:
    """A tensor of a file of weights."""

    values: np.ndarray


def _gap(first: Any, second: Any, *, exact: bool) -> float:
    """Relative difference; infinite where there is no measure for it, 0 where it is the same."""
    if isinstance(first, _Weight) and isinstance(second, _Weight):
        one, two = first.values, second.values
        if exact:
            return 0.0 if one.tobytes() == two.tobytes() else float("inf")
        return 0.0 if one.shape == two.shape else float("inf")
    arrays = isinstance(first, np.ndarray) and isinstance(second, np.ndarray)
    if arrays and (first.shape, first.dtype) == (second.shape, second.dtype):
        if first.tobytes() == second.tobytes():
            return 0.0
        one, two = float(np.nanmean(first)), float(np.nanmean(second))
        scale = float(np.nanmean(np.abs(first)))
        largest = float(np.nanmax(np.abs(first - second))) if exact else abs(one - two)
        return largest / scale if scale else float("inf")
    if isinstance(first, float) and isinstance(second, float):
        if first == second or (np.isnan(first) and np.isnan(second)):
            return 0.0
        return abs(first - second) / abs(first) if first else float("inf")
    same = type(first) is type(second) and not arrays and first == second
    return 0.0 if same else float("inf")


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} with mean {np.nanmean(value):.6g}"
    if isinstance(value, (_Weight, bytes)):
        return "other bytes" if isinstance(value, bytes) else "a tensor"
    return f"{value!r}"
