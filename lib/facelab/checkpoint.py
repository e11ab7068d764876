"""What a training needs around it: checkpoints that let it go on bit for bit after a kill, weights
that users exchange, and progress.

A checkpoint is one safetensors file: the tensors as tensors, everything else (step, histories,
optimiser groups, states of random generators) as JSON in its header, and a checksum over both. One
file, renamed into place, is never half written; a damaged one is reported and training starts anew.
No pickles. The training loop that uses it is shown in `facelab.experiment`.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn
from tqdm import tqdm

from facelab import workers
from facelab.paths import atomic_write

FORMAT = "facelab-checkpoint-1"


class Checkpoint:
    """The checkpoint of one training, in one folder.

    Args:
        folder: where `checkpoint.safetensors` lies; made when first written.
        every_seconds: `save` writes only when this much time has passed since the last writing (or
            since the beginning); 0 writes each time.
    """

    def __init__(self, folder: Path | str, *, every_seconds: float = 20.0) -> None:
        self.path = Path(folder) / "checkpoint.safetensors"
        self.every_seconds = every_seconds
        self.objects: dict[str, Any] = {}
        self.seconds_before = 0.0  # spent by the processes that were killed
        self._started = self._written = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training, those before a kill included (up to the checkpoint)."""
        return self.seconds_before + time.monotonic() - self._started

    def resume(self, **objects: Any) -> dict[str, Any]:
        """Registers what is to be saved, and restores it where a checkpoint exists.

        Args:
            objects: what changes during training, by name: modules, optimisers, schedulers (all
                that has `state_dict`), `numpy.random.Generator`, `torch.Generator`. The global
                random state of torch is always kept as well.

        Returns:
            `{"step": 0}` at a fresh start, else the last saved step and the values given to `save`.
        """
        for name, thing in objects.items():
            if not (hasattr(thing, "state_dict") or _is_generator(thing)):
                raise TypeError(
                    f"resume({name}=...): expected something with state_dict, a numpy Generator or "
                    f"a torch.Generator, got {type(thing).__name__}; plain values go to save()"
                )
        self.objects = objects
        loaded = self._read()
        if loaded is None:
            return {"step": 0}
        if set(loaded["objects"]) != set(objects):
            raise ValueError(
                f"{self.path.name} holds {sorted(loaded['objects'])}, training asks for "
                f"{sorted(objects)}: remove the file to start anew"
            )
        for name, thing in objects.items():
            _restore(thing, loaded["objects"][name])
        torch.set_rng_state(loaded["torch"])
        if loaded["cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(loaded["cuda"])
        self.seconds_before = loaded["seconds"]
        return {**loaded["values"], "step": loaded["step"]}

    def save(self, step: int, *, now: bool = False, **values: Any) -> bool:
        """Writes a checkpoint after `step` steps, when it is due.

        Args:
            step: steps done; `resume` returns it, so a loop goes on with `range(step, total)`.
            now: write whether due or not.
            values: numbers, text, lists, dictionaries, arrays, tensors that resume hands back.

        Returns:
            Whether a file was written.
        """
        if not now and time.monotonic() - self._written < self.every_seconds:
            return False
        cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
        state = {
            "step": step,
            "seconds": self.seconds,
            "values": values,
            "objects": {name: _state(thing) for name, thing in self.objects.items()},
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if cuda else None,
        }
        tensors: dict[str, torch.Tensor] = {}
        text = json.dumps(_encode(state, tensors, "state"))
        header = {"format": FORMAT, "state": text, "check": _checksum(text, tensors)}
        with atomic_write(self.path) as temporary:
            safetensors.torch.save_file(tensors, temporary, metadata=header)
        self._written = time.monotonic()
        return True

    def remove(self) -> None:
        """Removes the file; called when the training is complete."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        """The saved state; None where there is none or it is damaged (which is reported)."""
        if not self.path.exists():
            return None
        try:
            with safetensors.safe_open(self.path, framework="pt") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if header.get("format") != FORMAT:
                raise ValueError(f"format {header.get('format')!r}, expected {FORMAT!r}")
            if header.get("check") != _checksum(header["state"], tensors):
                raise ValueError("the checksum does not match")
            return _decode(json.loads(header["state"]), tensors)
        except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
            warnings.warn(
                f"damaged checkpoint {self.path} ({error}): training starts anew", stacklevel=3
            )
            return None


class Run:
    """What `train` gets: a folder, checkpoints, progress, and a place for weights.

    Args:
        folder: the folder of this run in the cache.
        every_seconds: the interval of checkpoints.
        report: receives `(step, total, numbers)`; None draws a progress bar in this process.
    """

    def __init__(
        self,
        folder: Path,
        *,
        label: str = "training",
        every_seconds: float = 20.0,
        report: Callable[[int, int, dict[str, float]], None] | None = None,
    ) -> None:
        self.folder = folder
        self.checkpoint = Checkpoint(folder, every_seconds=every_seconds)
        self.resume = self.checkpoint.resume
        self.save = self.checkpoint.save
        self._label = label
        self._report = report
        self._bar: tqdm | None = None

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those before a kill included."""
        return self.checkpoint.seconds

    def progress(self, step: int, total: int, **numbers: float) -> None:
        """Shows that `step` of `total` steps are done, with a few numbers (a loss, an error)."""
        if self._report is not None:
            self._report(step, total, numbers)
            return
        if self._bar is None:
            disable = workers.headless()
            self._bar = tqdm(
                total=total, initial=step - 1, desc=self._label, leave=False, disable=disable
            )
        self._bar.set_postfix({k: f"{v:.4g}" for k, v in numbers.items()}, refresh=False)
        self._bar.update(step - self._bar.n)

    def save_weights(self, name: str, module: nn.Module) -> Path:
        """Writes `<name>.safetensors` into the folder; return the path as part of the result."""
        return save_weights(module, self.folder / f"{name}.safetensors")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def save_weights(module: nn.Module, path: Path | str) -> Path:
    """Writes the parameters and buffers of a module as safetensors; returns the path."""
    tensors = {name: _plain(tensor) for name, tensor in module.state_dict().items()}
    with atomic_write(Path(path)) as temporary:
        safetensors.torch.save_file(tensors, temporary)
    return Path(path)


def load_weights(module: nn.Module, path: Path | str) -> nn.Module:
    """Loads weights that `save_weights` wrote into a module of the same shape; returns the module.

    Raises:
        RuntimeError: names or shapes do not match (torch lists them).
    """
    module.load_state_dict(safetensors.torch.load_file(path))
    return module


def _is_generator(thing: Any) -> bool:
    return isinstance(thing, (np.random.Generator, torch.Generator))


def _state(thing: Any) -> Any:
    if isinstance(thing, np.random.Generator):
        return thing.bit_generator.state
    if isinstance(thing, torch.Generator):
        return thing.get_state()
    return thing.state_dict()


def _restore(thing: Any, state: Any) -> None:
    if isinstance(thing, np.random.Generator):
        thing.bit_generator.state = state
    elif isinstance(thing, torch.Generator):
        thing.set_state(state)
    else:
        thing.load_state_dict(state)


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """A copy of its own on the CPU: safetensors takes neither views nor shared memory."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def _encode(value: Any, tensors: dict[str, torch.Tensor], name: str) -> Any:
    """JSON for nested plain values; tensors and arrays move to `tensors` and leave their name.

    Containers are tagged: JSON has neither tuples nor integer keys, and optimisers use both.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (torch.Tensor, np.ndarray)):
        array = isinstance(value, np.ndarray)
        tensors[name] = _plain(torch.from_numpy(value) if array else value)
        return {"array" if array else "tensor": name}
    if isinstance(value, Mapping):
        pairs = [[_key(k, name), _encode(v, tensors, f"{name}.{k}")] for k, v in value.items()]
        return {"dict": pairs}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(v, tensors, f"{name}.{i}") for i, v in enumerate(value)]}
    raise TypeError(
        f"{name}: a checkpoint holds numbers, text, lists, tuples, dictionaries, arrays and "
        f"tensors; got {type(value).__name__}"
    )


def _key(key: Any, name: str) -> str | int:
    if isinstance(key, (str, int)):
        return key
    raise TypeError(f"{name}: keys are text or integers, got {key!r}")


def _decode(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "array":
        return tensors[content].numpy()
    if kind == "dict":
        return {key: _decode(item, tensors) for key, item in content}
    items = [_decode(item, tensors) for item in content]
    return items if kind == "list" else tuple(items)


def _checksum(text: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """A checksum over the JSON and the tensors' bytes; safetensors itself checks only lengths."""
    total = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
