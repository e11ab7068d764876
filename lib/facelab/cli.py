"""The `facelab` command: `reproduce`, `status`, `verify`, `lab`, `check` and `readme`."""

import errno
import os
import sys
import time
from typing import Annotated

import typer

import facelab
from facelab import FacelabError, environment, paths, settings

# A full disk, a read-only one, a folder of someone else's: nothing a traceback would explain.
DISK_TROUBLE = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM)

app = typer.Typer(
    help=facelab.__doc__.split("\n")[0],
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Runs the command line; a problem the user can put right is a message and exit status 2."""
    try:
        app()
    except FacelabError as error:
        print(f"facelab: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise
        print(f"facelab: {error.strerror}: {error.filename or 'the disk'}", file=sys.stderr)
        sys.exit(2)


@app.command()
def reproduce(
    notebook: Annotated[
        list[str] | None, typer.Argument(help="10_laplace, laplace or 10; default all")
    ] = None,
    tier: Annotated[
        str, typer.Option(help=f"{', '.join(paths.TIERS)}; default laptop", envvar="FACELAB_TIER")
    ] = "",
    seeds: Annotated[
        str, typer.Option(help='such as "0,1"; default the tier\'s', envvar="FACELAB_SEEDS")
    ] = "",
    data: Annotated[
        str, typer.Option(help="data set; default synthetic faces", envvar="FACELAB_DATA")
    ] = "",
    only: Annotated[
        str, typer.Option(help="parts of the notebook, by id", envvar="FACELAB_ONLY")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="run also what has not changed")] = False,
) -> None:
    """Run notebooks and write their tables and figures; skip what has not changed."""
    settings.notebook_parameters(tier=tier, seeds=seeds, data=data, only=only)  # refuse early
    cold = not any(paths.cache_dir().iterdir())

    from facelab import runner  # papermill and Jupyter take a second or two to import
    from facelab.faces import head

    head.load()  # distils it once, here rather than in a notebook that would show the progress

    parameters = {"tier": tier, "seeds": seeds, "data": data, "only": only}
    sources = runner.find(notebook or [])
    if not sources:
        raise FacelabError("there are no notebooks in notebooks/")
    start, failed = time.monotonic(), []
    for source in sources:
        try:
            outcome = runner.run(source, parameters=parameters, force=force, cold=cold)
        except runner.NotebookFailed as error:
            print(f"facelab: {error}", file=sys.stderr)
            failed.append(source.stem)
            continue
        where = outcome.path.relative_to(paths.repo_root())
        if outcome.fresh:
            print(f"{outcome.notebook}: nothing has changed since its last run, see {where}")
        else:
            print(
                f"{outcome.notebook}: {outcome.seconds:.0f} s, "
                f"{outcome.peak_memory_mb:.0f} MB at most, see {where}"
            )
    print(
        f"{len(sources)} run or skipped in {time.monotonic() - start:.0f} s, {len(failed)} failed"
    )
    if (paths.repo_root() / "README.md").is_file():
        readme(check=False)
    if failed:
        raise FacelabError(f"failed: {', '.join(failed)}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on localhost, with its token; further options go to JupyterLab."""
    root = paths.repo_root()
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.root_dir={root}", "--LabApp.default_url=/lab/tree/notebooks"]
    os.execv(sys.executable, [*command, *context.args])


@app.command()
def status(
    tier: Annotated[str, typer.Option(help=f"{', '.join(paths.TIERS)}")] = "laptop",
    strict: Annotated[
        bool, typer.Option("--strict", help="fail unless all is fresh; show only what is not")
    ] = False,
) -> None:
    """Show which notebooks, tables and figures are fresh, stale (because of what) or missing."""
    tier = settings.notebook_parameters(tier=tier).tier
    from facelab import status as states  # jupytext and nbformat take seconds

    items = states.status(tier)
    bad = [item for item in items if item.state != states.FRESH]
    for item in bad if strict else items:
        reasons = f": {'; '.join(item.reasons)}" if item.reasons else ""
        print(f"{item.state:8}  {item.kind:8}  {item.name}{reasons}")
    for line in environment.differences():
        print(f"installed: {line}")
    counts = {state: sum(item.state == state for item in items) for state in states.STATES}
    print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    if strict and bad:
        raise typer.Exit(1)


@app.command()
def verify(
    count: Annotated[int, typer.Option(min=1, help="how many runs")] = 2,
    tier: Annotated[str, typer.Option(help=f"{', '.join(paths.TIERS)}")] = "laptop",
    seed: Annotated[
        int | None, typer.Option(help="draw them at random; default the cheapest")
    ] = None,
) -> None:
    """Train a few of the cached runs anew, from scratch, and compare all numbers and weights."""
    tier = settings.notebook_parameters(tier=tier).tier
    from facelab import verify as checks  # torch takes seconds to import

    outcomes = checks.verify(checks.cached(tier), count=count, seed=seed)
    for outcome in outcomes:
        ask = "must be identical"
        if not outcome.exact:
            ask = f"{', '.join(outcome.other)} differ: numbers within {checks.TOLERANCE:.0%}"
        gap = f", largest difference {outcome.largest:.2g}" if outcome.largest else ""
        print(
            f"{outcome.verdict:16}  {outcome.label}: {outcome.compared} values{gap} ({ask}), "
            f"{outcome.seconds:.0f} s"
        )
        for line in outcome.differences:
            print(f"    {line}")
    if any(outcome.differences for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def check() -> None:
    """Show versions, threads, GPU, cache sizes and whether the photographs are found."""
    lines = environment.report()
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        print(f"{name:{width}}  {value}")


@app.command()
def readme(
    check: Annotated[bool, typer.Option("--check", help="only look; fail if it differs")] = False,
) -> None:
    """Bring the measured figures in README.md up to date with the results."""
    from facelab import readme  # pandas takes half a second

    changed = readme.refresh(write=not check)
    if changed and check:
        raise FacelabError(
            f"README.md differs from the results in: {', '.join(changed)}; run `facelab readme`"
        )
    if changed:
        print(f"README.md: brought up to date in {', '.join(changed)}")


if __name__ == "__main__":
    main()
