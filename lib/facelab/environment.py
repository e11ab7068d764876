"""What facelab runs on: versions, processor, GPU, folders and their sizes (`facelab check`).

Also which of the installed packages numbers depend on, and whether they are those of the lock.
"""

import importlib.metadata
import platform
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from facelab import paths
from facelab.provenance import cores

PACKAGES = (
    "facelab",
    "torch",
    "numpy",
    "numba",
    "anny",
    "exca",
    "pydantic",
    "papermill",
    "jupytext",
    "jupyterlab",
    "matplotlib",
    "pandas",
    "scikit-learn",
    "torchmetrics",
    "kornia",
    "safetensors",
    "onnxruntime",
    "openvino",
)

# What numbers are computed with: only these pins of requirements.lock make results stale. A new
# JupyterLab or pytest does not change a number.
NUMERIC = (
    *("anny", "kornia", "llvmlite", "numba", "numpy", "onnx", "onnxruntime", "openvino", "pandas"),
    *("pillow", "scikit-learn", "scipy", "torch", "torchmetrics"),
)
DRAWING = ("matplotlib", "seaborn")  # and these for figures


def report() -> list[tuple[str, str]]:
    """Lines of name and value about the machine, the packages and the folders.

    Raises:
        FacelabError: the cache folder cannot be written to, or `FACELAB_SHARED` names no folder.
    """
    cache = paths.cache_dir()
    shared = paths.shared_data()
    lines = [
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, _version(name)) for name in PACKAGES),
        *_processor(),
        ("checkout", str(paths.repo_root())),
        ("cache", f"{cache}: {_size(cache)}, {_free(cache)} free on its disk"),
        *((f"  {entry.name}", _size(entry)) for entry in sorted(cache.iterdir())),
        (
            "photographs",
            str(shared)
            if shared
            else "none: FACELAB_SHARED is unset and ../shared/data is not there; what needs "
            "them says how to get them",
        ),
    ]
    return lines


def installed(names: Iterable[str]) -> dict[str, str]:
    """Installed versions of packages without local suffixes: torch 2.13.0+cpu is 2.13.0."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def locked(names: Iterable[str]) -> dict[str, str]:
    """The versions that requirements.lock pins for packages; empty where there is no such file."""
    file = paths.repo_root() / "requirements.lock"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))
    return {name: pins[name] for name in names if name in pins}


def differences() -> list[str]:
    """Packages that numbers or figures depend on and that are installed in other versions."""
    pins = locked(NUMERIC + DRAWING)
    here = installed(pins)
    return [
        f"{name} {here.get(name, 'is missing')}, requirements.lock has {version}"
        for name, version in pins.items()
        if here.get(name) != version
    ]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "MISSING: pip install -r requirements.lock"


def _processor() -> list[tuple[str, str]]:
    import numba  # both take seconds to import, and only this needs them
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        gpu = f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB, CUDA {torch.version.cuda}"
    else:
        gpu = "none that torch can use"
    threads = f"{torch.get_num_threads()} of torch, {numba.get_num_threads()} of numba"
    return [("cores", str(cores())), ("threads", threads), ("GPU", gpu)]


def _size(path: Path) -> str:
    files = path.rglob("*") if path.is_dir() else [path]
    return _readable(sum(file.stat().st_size for file in files if file.is_file()))


def _free(path: Path) -> str:
    return _readable(shutil.disk_usage(path).free)


def _readable(count: float) -> str:
    """A number of bytes for people: `3.2 GB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
