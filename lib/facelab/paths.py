"""Where things are: the checkout, the cache, results, figures and the shared photographs.

Jupyter, papermill and pytest each start in a working folder of their own, so nothing in facelab
depends on it: the checkout is found from the installed (editable) package itself.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from facelab import FacelabError

TIERS = ("smoke", "laptop", "gpu", "paper")


def repo_root() -> Path:
    """The checkout that holds `notebooks/`, `results/` and `figures/`.

    Raises:
        FacelabError: the package was installed as a plain copy, without the checkout around it.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file():
        raise FacelabError(
            f"no checkout of facelab around {Path(__file__).parent}: install it editable, "
            "with `pip install -e .` in a clone (or `make test`)"
        )
    return root


def cache_dir() -> Path:
    """The folder for trained runs, rendered faces and the distilled head; made if missing.

    Environment variable `FACELAB_CACHE`, else `facelab` in the user's cache folder.

    Raises:
        FacelabError: the folder cannot be made or written to.
    """
    chosen = os.environ.get("FACELAB_CACHE")
    folder = Path(chosen).expanduser() if chosen else user_cache_path("facelab", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FacelabError(
            f"the cache folder {folder} cannot be written to ({error.strerror}): "
            "set FACELAB_CACHE to a folder that can"
        ) from error
    return folder.resolve()


def results_dir(tier: str, paper: str) -> Path:
    """`results/<tier>/<paper>` in the checkout, made if missing."""
    return _made("results", tier, paper)


def figures_dir(tier: str, paper: str) -> Path:
    """`figures/<tier>/<paper>` in the checkout, made if missing."""
    return _made("figures", tier, paper)


def shared_data() -> Path | None:
    """The folder of real photographs: `FACELAB_SHARED`, else `../shared/data` beside the checkout.

    Returns:
        The folder, or None where there is none: what needs photographs then says how to get them.

    Raises:
        FacelabError: `FACELAB_SHARED` names a folder that does not exist.
    """
    chosen = os.environ.get("FACELAB_SHARED")
    if chosen:
        folder = Path(chosen).expanduser()
        if not folder.is_dir():
            raise FacelabError(f"FACELAB_SHARED names {folder}, which is not a folder")
        return folder.resolve()
    beside = repo_root().parent / "shared" / "data"
    return beside if beside.is_dir() else None


def photographs() -> dict[str, Path]:
    """The folders of real photographs that are found here, by data set: "london", "300w".

    Each is the one that `FACELAB_LONDON` or `FACELAB_300W` names, else that in `shared_data`.
    """
    shared, found = shared_data(), {}
    for name in ("london", "300w"):
        chosen = os.environ.get(f"FACELAB_{name.upper()}")
        folder = Path(chosen).expanduser() if chosen else shared and shared / name
        if folder and folder.is_dir():
            found[name] = folder
    return found


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Yields a temporary path beside `path` and renames it to `path` when the block ends well.

    A reader, or a second process, sees the old file or the whole new one, never half of one. The
    temporary name keeps the suffix, because many writers choose their format by it.

    Raises:
        FileNotFoundError: the block wrote nothing to the temporary path.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        yield temporary
        if not temporary.exists():
            raise FileNotFoundError(f"nothing was written for {path}")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _made(kind: str, tier: str, paper: str) -> Path:
    """`<checkout>/<kind>/<tier>/<paper>`, made if missing, refusing an unknown tier."""
    if tier not in TIERS:
        raise FacelabError(f"unknown tier {tier!r}: expected one of {', '.join(TIERS)}")
    if not paper or Path(paper).name != paper:
        raise FacelabError(f"{paper!r} is no name of a folder, such as 'laplace'")
    folder = repo_root() / kind / tier / paper
    folder.mkdir(parents=True, exist_ok=True)
    return folder
