"""Runs notebooks: py:percent source -> papermill -> executed notebook.

papermill only logs a parameter that the notebook does not have; this runner refuses it, and one
that a later cell assigns again. An unchanged notebook whose results are still there is not run a
second time. The laptop tier without further parameters is the published one: its executed copy goes
to `notebooks/NN_name.ipynb`, without photographs. All others, and the laptop tier's with
photographs, go to `build/notebooks/<tier>/`, which git ignores.
"""

import logging
import os
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError, strip_color
from tqdm import tqdm
from traitlets import default

from facelab import FacelabError, paths, runs
from facelab import notebook as notebooks
from facelab.provenance import cores
from facelab.settings import notebook_parameters

TRACEBACK_LINES = 40
# The own log of the kernel is of no use to the reader: errors of cells come another way.
QUIET = "--log-level=CRITICAL"
# No rate and no estimate: cells are too uneven for either to mean anything.
BAR = "{desc} |{bar}| {n_fmt}/{total_fmt} cells {elapsed}{postfix}"


class NotebookFailed(FacelabError):
    """A cell raised an error; the message names it and says where the partial notebook is."""


class KernelStopped(FacelabError):
    """The kernel is gone: interrupted, or ended by the system for want of memory."""


@dataclass(frozen=True)
class Outcome:
    """What became of a notebook.

    Attributes:
        notebook: the name, such as `10_laplace`.
        path: the executed notebook.
        fresh: nothing had changed since an earlier run, so nothing was run.
        seconds: what the run took; 0 where `fresh`.
        peak_memory_mb: most memory (resident, MiB) that the kernel and its processes held at once.
    """

    notebook: str
    path: Path
    fresh: bool
    seconds: float = 0.0
    peak_memory_mb: float = 0.0


def find(names: Sequence[str] = (), *, folder: Path | None = None) -> list[Path]:
    """The sources of the named notebooks, in the order of the book; of all where none is named.

    Args:
        names: each `10_laplace`, `laplace`, `10`, or the path of the source or of its `.ipynb`.
        folder: where the notebooks are; default `notebooks/` in the checkout.

    Raises:
        FacelabError: a name that is no notebook's.
    """
    folder = folder or paths.repo_root() / "notebooks"
    known = {path.stem: path for path in sorted(folder.glob("[0-9]*_*.py"))}
    chosen = set()
    for name in names:
        short = Path(name).stem
        match = [stem for stem in known if short in (stem, *stem.split("_", 1))]
        if not match:
            raise FacelabError(f"no notebook {name!r}: there are {', '.join(known) or 'none'}")
        chosen.update(match)
    return [path for stem, path in known.items() if stem in chosen or not names]


def run(
    source: Path, *, parameters: dict[str, Any], force: bool = False, cold: bool = False
) -> Outcome:
    """Executes one notebook unless an earlier run of it still holds.

    Args:
        source: the `.py` of the notebook.
        parameters: values for its parameters cell; `tier` as well ("" is the default tier).
        force: run also where nothing has changed.
        cold: the caches were empty when this began; noted with what the run took.

    Raises:
        FacelabError: a parameter that is unknown, mistyped or assigned again.
        NotebookFailed: a cell raised an error.
        KernelStopped: the kernel died or was interrupted.
    """
    name = source.stem
    tier = notebook_parameters(tier=parameters.get("tier", "")).tier
    given = {**{k: v for k, v in parameters.items() if v != ""}, "tier": tier}
    prepared = notebooks.read_source(source)
    notebooks.check_parameters(given, notebooks.parameters(prepared, source.name), source.name)
    if tier == "smoke":
        prepared.cells = [c for c in prepared.cells if not notebooks.tagged(c, "skip-smoke")]
    complete = paths.repo_root() / "build" / "notebooks" / tier / f"{name}.ipynb"
    published = source.with_suffix(".ipynb") if given == {"tier": "laptop"} else None
    key = runs.key(notebooks.python(prepared, source.name), notebooks.content(prepared), given)
    target = published or complete
    if not force and target.is_file() and runs.holds(tier, name, key):
        return Outcome(name, target, fresh=True)

    start = time.monotonic()
    executed, peak = _execute(prepared, name=name, parameters=given, folder=source.parent)
    seconds = time.monotonic() - start
    full = notebooks.combined(prepared, executed)
    _write(complete, full)
    if published:
        _write(published, notebooks.for_commit(full, _private()))
    runs.record(
        notebook=name, tier=tier, seconds=seconds, peak_memory_mb=peak, cores=cores(), cold=cold
    )
    runs.remember(tier, name, key, runs.written_files(tier, name))
    return Outcome(name, target, False, seconds, peak)


class _ThisPython(KernelSpecManager):
    """Knows one kernel: this interpreter. A `python3` kernel that the user has installed for
    another interpreter would come first otherwise."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", QUIET],
            language="python",
            display_name=notebooks.KERNELSPEC["display_name"],
            # Figures are to land in the notebook whatever backend the shell asks for.
            env={"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        )


class _KernelManager(AsyncKernelManager):
    @default("kernel_spec_manager")
    def _this_python(self) -> KernelSpecManager:
        return _ThisPython(parent=self)


def _execute(
    prepared: NotebookNode, *, name: str, parameters: dict[str, Any], folder: Path
) -> tuple[NotebookNode, float]:
    """Runs the cells in a fresh kernel that starts in `folder`, with a bar over the cells.

    Returns:
        The executed notebook, and the most memory (MiB) that its processes held.
    """
    build = paths.repo_root() / "build"
    partial = build / "running" / f"{name}-{parameters['tier']}-{os.getpid()}.ipynb"
    failed = build / "failed" / parameters["tier"] / f"{name}.ipynb"
    _write(partial, prepared)
    titles = notebooks.sections(prepared)
    total = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in prepared.cells)
    # papermill reports each step to its log, and warns of what is refused here anyway.
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    bar = tqdm(total=total, desc=name, bar_format=BAR, disable=None)
    with bar, _surroundings(parameters["tier"]), _peak_memory(bar.refresh) as peak:

        def show_section(cell: NotebookNode, **_: Any) -> None:
            bar.set_postfix_str(titles.get(cell.id, "")[:40])

        def advance(cell: NotebookNode, **_: Any) -> None:
            bar.update(cell.id in titles)  # not for the injected cell

        try:
            papermill.execute_notebook(
                str(partial),
                str(partial),
                parameters=parameters,
                kernel_name=notebooks.KERNELSPEC["name"],
                language="python",
                progress_bar=False,
                cwd=str(folder),
                kernel_manager_class=_KernelManager,
                coalesce_streams=True,
                on_cell_start=show_section,
                on_cell_executed=advance,
            )
            return nbformat.read(partial, as_version=4), peak()
        except PapermillExecutionError as error:
            _keep(partial, failed)
            raise NotebookFailed(_explain(error, name, prepared, failed)) from error
        except (DeadKernelError, KeyboardInterrupt) as error:
            _keep(partial, failed)
            raise KernelStopped(
                f"{name}: the kernel stopped, interrupted or out of memory; "
                f"the notebook up to there is {_relative(failed)}"
            ) from error
        finally:
            partial.unlink(missing_ok=True)


def _explain(
    error: PapermillExecutionError, name: str, prepared: NotebookNode, failed: Path
) -> str:
    """Which cell, under which heading, the end of its traceback, and where to look further."""
    titles = notebooks.sections(prepared)
    section = next((titles[c.id] for c in prepared.cells if c.source == error.source), "")
    lines = notebooks.without(strip_color("\n".join(error.traceback)), _private()).splitlines()
    if len(lines) > TRACEBACK_LINES:
        lines = ["...", *lines[-TRACEBACK_LINES:]]
    where = f"the cell that begins with `{error.source.strip().splitlines()[0]}`"
    where += f" under {section!r}" if section else ""
    last = f"the notebook up to there is {_relative(failed)}"
    return "\n".join([f"{name} failed in {where}: {error.ename}", *lines, last])


@contextmanager
def _surroundings(tier: str) -> Iterator[None]:
    """Trainings of the smoke tier run in the kernel: to start a worker would take longer."""
    if tier != "smoke" or "FACELAB_WORKERS" in os.environ:
        yield
        return
    os.environ["FACELAB_WORKERS"] = "0"
    try:
        yield
    finally:
        del os.environ["FACELAB_WORKERS"]


@contextmanager
def _peak_memory(tick: Callable[[], Any]) -> Iterator[Callable[[], float]]:
    """Yields a function: the most memory (MiB) that the processes under this one held so far.

    Args:
        tick: called five times a second, so that a clock goes on while one cell takes minutes.
    """
    most, stop = 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        this = psutil.Process()
        while not stop.wait(0.2):
            tick()
            total = 0
            for process in this.children(recursive=True):
                with suppress(psutil.Error):  # it may end between the list and the look
                    total += process.memory_info().rss
            most = max(most, total / 2**20)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: most
    finally:
        stop.set()
        thread.join()


def _private() -> dict[str, str]:
    """What must not stand in a published notebook: this machine's folders, by what to say."""
    root = paths.repo_root()
    places = {
        f"{root}{os.sep}": "",
        str(root): ".",
        str(Path(sysconfig.get_path("purelib"))): "<site-packages>",
        str(paths.cache_dir()): "<cache>",
        str(Path.home()): "~",
    }
    if shared := paths.shared_data():
        places[str(shared)] = "<shared>"
    return {old: new for old, new in places.items() if len(old) > 1}


def _write(path: Path, notebook: NotebookNode) -> None:
    with paths.atomic_write(path) as temporary:
        nbformat.write(notebook, temporary)


def _keep(partial: Path, failed: Path) -> None:
    failed.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(failed)


def _relative(path: Path) -> Path:
    return path.relative_to(paths.repo_root())
