"""What facelab runs on: versions, processor, GPU, folders and their sizes (`facelab check`)."""

import importlib.metadata
import platform
import shutil
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
