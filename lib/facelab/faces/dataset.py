"""`dataset`: sampled and rendered faces, kept on disk so that the same call renders only once."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import filelock
import numpy as np
from tqdm import tqdm

from facelab.faces.factors import Factors
from facelab.faces.head import HEAD_VERSION
from facelab.faces.render import Faces, render
from facelab.faces.sample import sample
from facelab.paths import atomic_write, cache_dir
from facelab.provenance import fingerprint

STEP = 256  # faces between two ticks of the progress bar


def dataset(
    count: int,
    *,
    seed: int = 0,
    split: str = "train",
    difficulty: str = "train",
    people: int | Sequence[int] | None = None,
    size: int = 64,
    margin: float = 1.15,
    oversample: int = 2,
    channels: Sequence[str] = ("image", "landmarks", "visible"),
) -> Faces:
    """`render(sample(count, ...), ...)`, kept in the cache folder.

    The key is all arguments and the fingerprint of the faces' code, so a change of the code renders
    again and takes the place of the older file. Images are kept in eight bits, and come back as
    multiples of 1/255 also the first time. Of two processes that ask at once, one renders.

    Args:
        count, seed, split, difficulty, people: see `sample`. Crop jitter is the difficulty's, in
            the factor `camera`; for another, `sample`, `replace(camera=...)` and `rendered`.
        size, margin, oversample, channels: see `render`.
    """
    factors = sample(count, seed=seed, split=split, difficulty=difficulty, people=people)
    if people is not None and not isinstance(people, int):
        people = [int(person) for person in people]
    arguments = {"count": count, "seed": seed, "split": split, "difficulty": difficulty,
                 "people": people}  # fmt: skip
    return rendered(factors, size=size, margin=margin, oversample=oversample, channels=channels,
                    key=arguments)  # fmt: skip


def rendered(
    factors: Factors,
    *,
    size: int = 64,
    margin: float = 1.15,
    oversample: int = 2,
    channels: Sequence[str] = ("image", "landmarks", "visible"),
    key: dict | None = None,
) -> Faces:
    """`render(factors, ...)`, kept in the cache folder like a `dataset`.

    Args:
        key: what the factors are a function of (JSON); None digests the factors themselves.
    """
    if key is None:
        digest = hashlib.blake2b(digest_size=12)
        for name, array in factors.arrays().items():
            digest.update(f"{name}{array.shape}".encode() + array.tobytes())
        key = {"factors": digest.hexdigest()}
    settings = {"size": size, "margin": margin, "oversample": oversample,
                "channels": sorted(channels)}  # fmt: skip
    text = json.dumps(key | settings | {"head": HEAD_VERSION}, sort_keys=True)
    name = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    code = fingerprint("facelab.faces")
    path = cache_dir() / "faces" / f"{name}-{code}.safetensors"
    faces = _read(path, factors)
    if faces is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_suffix(".lock")):
            faces = _read(path, factors)  # the other process may have made it while we waited
            if faces is None:
                _render(path, factors, size, margin, oversample, tuple(channels))
                for older in path.parent.glob(f"{name}-*.safetensors"):
                    if older != path:
                        older.unlink(missing_ok=True)
                faces = _read(path, factors)
    if faces is None:
        raise OSError(f"faces were written to {path} but cannot be read back")
    return faces


def _render(path: Path, factors: Factors, size, margin, oversample, channels) -> None:
    """Renders in steps, with a progress bar, and writes the file."""
    from safetensors.numpy import save_file

    parts = []
    with tqdm(total=len(factors), desc=f"faces {size}x{size}", unit="face", disable=None) as bar:
        for first in range(0, max(len(factors), 1), STEP):
            part = factors[first : first + STEP]
            made = render(part, size=size, margin=margin, oversample=oversample, channels=channels)
            arrays = made.arrays()
            if "image" in arrays:
                arrays["image"] = np.rint(arrays["image"] * 255).astype(np.uint8)
            parts.append(arrays)
            bar.update(len(part))
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    with atomic_write(path) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in whole.items()}, temporary)


def _read(path: Path, factors: Factors) -> Faces | None:
    """The faces in a file; None where there is none or it is damaged (with a warning)."""
    from safetensors.numpy import load_file

    if not path.exists():
        return None
    try:
        arrays = load_file(path)
        if any(len(array) != len(factors) for array in arrays.values()):
            raise ValueError(f"expected {len(factors)} faces in each array")
    except Exception as error:  # safetensors raises its own kinds for each sort of damage
        warnings.warn(f"{path} is damaged ({error}); rendering again", stacklevel=4)
        return None
    if "image" in arrays:
        arrays["image"] = arrays["image"].astype(np.float32) / 255
    missing = {name: None for name in Faces.__dataclass_fields__ if name not in arrays}
    return Faces(**(missing | arrays | {"factors": factors}))
