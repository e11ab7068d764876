"""The trained detector as a user deploys it: one face crop in, landmarks and their scales out.

    detector = Detector("generator.safetensors", size=80)
    landmarks, scale = detector.predict(crop)    # crop: (3, 80, 80), uint8 or in [0, 1]
    export(detector, "landmarks.onnx")           # for any other runtime

Of eager PyTorch, torch.compile, ONNX Runtime and OpenVINO the last is the fastest at every width
(`benchmarks/laplace_speed.py`), so it is used where it is installed, else PyTorch; both compute in
bfloat16 where the processor does, which moves landmarks by a few hundredths of a pixel.
"""

import copy
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from facelab import FacelabError, provenance
from facelab.papers.laplace.losses import locate_plain, soft_argmax
from facelab.papers.laplace.model import RCN
from facelab.papers.laplace.training import computes_in_bfloat16
from facelab.paths import atomic_write

Run = Callable[[Tensor], tuple[np.ndarray, np.ndarray]]  # crops to landmarks and scales


class Prediction(NamedTuple):
    """Landmarks (..., K, 2) in pixels of the crop, and their scales b (..., K), pixels; float32.

    The scale is E|x - s~| of the heatmap, the mean of both axes: small where the network is sure.
    """

    landmarks: np.ndarray
    scale: np.ndarray


class LandmarkNetwork(nn.Module):
    """`RCN` with soft-argmax and scale behind it: pictures to points.

    Args:
        generator: trained.
        beta: inverse temperature it was trained with.
    """

    def __init__(self, generator: RCN, *, beta: float = 1.0):
        super().__init__()
        self.generator, self.beta = generator, beta

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in [0, 1] to coordinates (B, K, 2) and scales (B, K), pixels."""
        coordinates, scales = locate_plain(self.generator(images), self.beta)
        return coordinates, scales.mean(dim=-1)


class Detector:
    """A landmark detector ready for use on this CPU.

    Args:
        weights: a ``.safetensors`` file as an experiment writes it, or a trained `RCN`.
        size: of the crops that it was trained on, pixels, a multiple of 16.
        beta: inverse temperature that it was trained with.
        precision: "float32", "bfloat16", or "auto": bfloat16 where the processor computes in it.
        runtime: "openvino", "pytorch", or "auto": OpenVINO where it is installed.
        threads: of OpenVINO, by default all cores; PyTorch has its own setting.

    Raises:
        FacelabError: weights that are missing or no recombinator's, an unknown precision or
            runtime, or OpenVINO asked for and not installed.
    """

    def __init__(
        self,
        weights: str | Path | RCN,
        *,
        size: int,
        beta: float = 1.0,
        precision: str = "auto",
        runtime: str = "auto",
        threads: int | None = None,
    ):
        _check("precision", precision, "auto", "float32", "bfloat16")
        _check("runtime", runtime, "auto", "openvino", "pytorch")
        if precision == "auto":
            precision = "bfloat16" if computes_in_bfloat16() else "float32"
        if runtime == "auto":
            runtime = "openvino" if importlib.util.find_spec("openvino") else "pytorch"
        self.size, self.beta, self.precision, self.runtime = size, beta, precision, runtime
        self.generator = weights if isinstance(weights, RCN) else load_generator(weights)
        network = LandmarkNetwork(copy.deepcopy(self.generator), beta=beta).eval()
        if runtime == "openvino":
            self._run = _with_openvino(network, size, precision, threads or provenance.cores())
        else:
            self._run = _with_pytorch(network, precision)

    def predict(self, images: Any) -> Prediction:
        """Landmarks of one crop, or of several.

        Args:
            images: (3, S, S) or (N, 3, S, S), numpy or torch, uint8 or floating point in [0, 1].

        Returns:
            Landmarks (K, 2) or (N, K, 2) and scales (K,) or (N, K), pixels of the crop.

        Raises:
            FacelabError: another shape, or values outside [0, 1].
        """
        pixels = torch.as_tensor(images).detach()
        if pixels.ndim not in (3, 4) or pixels.shape[-3:] != (3, self.size, self.size):
            raise FacelabError(
                f"expected a crop (3, {self.size}, {self.size}) or several, "
                f"got {tuple(pixels.shape)}"
            )
        if pixels.dtype == torch.uint8:
            pixels = pixels.to(torch.float32).mul_(1.0 / 255.0)
        elif pixels.numel() and not (pixels.min() >= 0.0 and pixels.max() <= 1.0):
            raise FacelabError("colours are uint8, or floating point in [0, 1] and never nan")
        batch = pixels.float().reshape(-1, 3, self.size, self.size)  # (N, 3, S, S)
        landmarks, scale = self._run(batch)
        if pixels.ndim == 3:
            return Prediction(landmarks[0], scale[0])
        return Prediction(landmarks, scale)


def _check(name: str, value: str, *known: str) -> None:
    if value not in known:
        raise FacelabError(f"{name} is one of {', '.join(known)}, not {value!r}")


def _with_pytorch(network: LandmarkNetwork, precision: str) -> Run:
    network.to(getattr(torch, precision), memory_format=torch.channels_last)

    def run(batch: Tensor) -> tuple[np.ndarray, np.ndarray]:
        with torch.inference_mode():
            found = network(batch.contiguous(memory_format=torch.channels_last))
        return tuple(each.float().numpy() for each in found)

    return run


def _with_openvino(network: LandmarkNetwork, size: int, precision: str, threads: int) -> Run:
    openvino = _import_openvino()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the check of the input's shape is constant, as it should
        example = torch.zeros(1, 3, size, size)
        # Not checked by running it twice more: the tests compare the detector with the network.
        traced = torch.jit.trace(network, example, check_trace=False)
        graph = openvino.convert_model(traced, example_input=example, input=list(example.shape))
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
    }
    request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
    points = network.generator.landmarks

    def run(batch: Tensor) -> tuple[np.ndarray, np.ndarray]:
        landmarks = np.empty((len(batch), points, 2), np.float32)
        scale = np.empty((len(batch), points), np.float32)
        for row, picture in enumerate(batch.contiguous().numpy()):
            request.infer([picture[None]], share_inputs=True)
            landmarks[row] = request.get_output_tensor(0).data[0]
            scale[row] = request.get_output_tensor(1).data[0]
        return landmarks, scale

    return run


def _import_openvino() -> ModuleType:
    """OpenVINO without its telemetry package, which reports each import to a web service."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    kept = sys.modules.get("openvino_telemetry")
    sys.modules["openvino_telemetry"] = None  # as if it were not installed
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise FacelabError("OpenVINO is not installed: pip install openvino") from error
    finally:
        sys.modules.pop("openvino_telemetry", None)
        if kept is not None:
            sys.modules["openvino_telemetry"] = kept


def export(detector: Detector, path: str | Path) -> Path:
    """Writes a detector as ONNX, in float32, for runtimes other than PyTorch.

    Input "images" (B, 3, S, S) in [0, 1], outputs "landmarks" (B, K, 2) and "scale" (B, K), pixels.

    Args:
        detector: any.
        path: of the file, ending in ``.onnx``.

    Returns:
        The path.

    Raises:
        FacelabError: the package ``onnx`` is missing, or the name ends otherwise.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise FacelabError(f"{path}: the name of an exported detector ends in .onnx")
    try:
        import onnx  # noqa: F401  (torch's exporter needs it)
    except ImportError as error:
        raise FacelabError("export needs the package onnx: pip install onnx") from error
    network = LandmarkNetwork(detector.generator, beta=detector.beta).eval()
    with warnings.catch_warnings(), atomic_write(path) as temporary:
        warnings.simplefilter("ignore")  # the check of the input's shape is constant, as it should
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, detector.size, detector.size),),
            str(temporary),
            dynamo=False,  # the other exporter needs one more package
            input_names=["images"],
            output_names=["landmarks", "scale"],
            dynamic_axes={name: {0: "batch"} for name in ("images", "landmarks", "scale")},
        )
    return path


@torch.inference_mode()
def heatmaps(weights: str | Path, images: Tensor, *, beta: float = 1.0) -> Tensor:
    """The heatmaps that a trained generator paints, in float32.

    Args:
        weights: a ``.safetensors`` file as an experiment writes it.
        images: (N, 3, H, W) uint8.
        beta: inverse temperature that it was trained with.

    Returns:
        (N, K, H, W) probabilities, each map summing to one.
    """
    return soft_argmax(load_generator(weights)(images / 255), beta)[0]


def load_generator(weights: str | Path) -> RCN:
    """The trained generator in a file; the tensors' shapes tell its width and number of landmarks.

    Raises:
        FacelabError: the file is missing, unreadable, or holds another network.
    """
    try:
        tensors = safetensors.torch.load_file(weights)
    except (OSError, safetensors.SafetensorError) as error:
        raise FacelabError(f"{weights}: no readable weights ({error})") from error
    try:
        generator = RCN(
            channels=tensors["encoder.0.bias"].numel(), landmarks=tensors["output.bias"].numel()
        )
        generator.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        raise FacelabError(f"{weights}: not a recombinator network's weights ({error})") from error
    return generator.eval()
