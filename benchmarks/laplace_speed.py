"""Single-picture frames per second of the Laplace paper's detector at each width of Table 3.

    python benchmarks/laplace_speed.py [--size 80] [--threads 2] [--seconds 4] [--steps 40]

Each way of running the same weights takes turns with the others, so that a busy machine disturbs
all alike; printed are the frames per second of the median and of the fastest tenth of all frames,
the paper's speed times ten, and the largest and the mean distance between a way's landmarks and
those of eager PyTorch in float32. For heatmaps with peaks, as a trained network has them, the
weights are first fitted to a few faces. What is not installed is left out; `--compile` adds
torch.compile, which takes a minute a width.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from facelab import faces, provenance
from facelab.papers.laplace import losses
from facelab.papers.laplace.inference import Detector, LandmarkNetwork, export
from facelab.papers.laplace.model import RCN

PAPER = {64: 4.92, 32: 11.92, 16: 16.77, 8: 21.38, 4: 26.51}  # fps, Table 3
TURNS = 10
Way = Callable[[np.ndarray], np.ndarray]  # a crop (1, 3, S, S) in [0, 1] to landmarks (1, K, 2)


def fitted(channels: int, images: torch.Tensor, landmarks: torch.Tensor, steps: int) -> RCN:
    """A generator that knows a few faces by heart."""
    torch.manual_seed(0)
    network = RCN(channels=channels, dropout=0.0).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(steps):
        rows = [step % len(images), (step + 1) % len(images)]
        loss = losses.landmark_loss(network(images[rows]), landmarks[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def ways(network: RCN, size: int, threads: int, compiled: bool, folder: Path) -> dict[str, Way]:
    """Each way to run the network, by name."""
    found: dict[str, Way] = {}
    for runtime, name in (("pytorch", "PyTorch"), ("openvino", "OpenVINO")):
        for precision in ("float32", "bfloat16"):
            detector = Detector(
                network, size=size, precision=precision, runtime=runtime, threads=threads
            )
            found[f"{name} {precision}"] = lambda crop, d=detector: d.predict(crop).landmarks
    if compiled:
        graph = torch.compile(LandmarkNetwork(network), mode="max-autotune-no-cudagraphs")

        def run(crop: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                pixels = torch.from_numpy(crop).contiguous(memory_format=torch.channels_last)
                return graph(pixels)[0].numpy()

        found["torch.compile float32"] = run
    try:
        import onnxruntime

        exported = export(detector, folder / "detector.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(
            exported, options, providers=["CPUExecutionProvider"]
        )
        found["ONNX Runtime float32"] = lambda crop: session.run(None, {"images": crop})[0]
    except ImportError:
        pass
    return found


def measure(found: dict[str, Way], crops: np.ndarray, seconds: float) -> dict[str, list[float]]:
    """Seconds of each frame, by way; the ways take turns."""
    taken: dict[str, list[float]] = {name: [] for name in found}
    for way in found.values():
        for _ in range(3):
            way(crops[:1])
    for turn in range(TURNS):
        for name, way in found.items():
            way(crops[:1])  # lets the threads of the way before go to sleep
            end = time.perf_counter() + seconds / TURNS
            while (before := time.perf_counter()) < end:
                way(crops[turn % len(crops)][None])
                taken[name].append(time.perf_counter() - before)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=80, help="of the crops, pixels")
    parser.add_argument("--threads", type=int, default=provenance.cores())
    parser.add_argument("--seconds", type=float, default=2.0, help="a way of running")
    parser.add_argument("--steps", type=int, default=40, help="of fitting")
    parser.add_argument("--widths", type=int, nargs="+", default=list(PAPER))
    parser.add_argument("--compile", action="store_true", help="torch.compile as well")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    few = faces.dataset(8, seed=5, split="train", difficulty="common", size=chosen.size)
    images, landmarks = torch.from_numpy(few.image), torch.from_numpy(few.landmarks)
    print(f"{chosen.size}x{chosen.size} pixels, {chosen.threads} threads, one picture at a time")
    for channels in chosen.widths:
        network = fitted(channels, images, landmarks, chosen.steps)
        goal = 10 * PAPER.get(channels, float("nan"))
        print(f"\n{channels} channels; the paper's speed times ten is {goal:.0f} frames/s")
        with TemporaryDirectory() as folder:
            found = ways(network, chosen.size, chosen.threads, chosen.compile, Path(folder))
            taken = measure(found, few.image, chosen.seconds)
            reference = np.concatenate([found["PyTorch float32"](x[None]) for x in few.image])
            for name, way in found.items():
                median, fast = (1.0 / np.percentile(taken[name], q) for q in (50, 10))
                landmarks_found = np.concatenate([way(x[None]) for x in few.image])
                moved = np.linalg.norm(landmarks_found - reference, axis=-1)
                print(
                    f"  {name:24s} {median:7.1f} (fastest tenth {fast:7.1f}) frames/s"
                    f"   moved by {moved.max():.3f} px at most, {moved.mean():.4f} on average"
                )


if __name__ == "__main__":
    main()
