"""Parameters, storage and frames per second of Table 3, measured on this machine's CPU.

One picture at a time, from pixels to coordinates, as a user waits for them. Speed and size depend
on no training, so the networks are untrained and have the paper's own sizes.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch

from facelab.papers.laplace.inference import Detector
from facelab.papers.laplace.losses import locate
from facelab.papers.laplace.model import RCN

WIDTHS = {"1/16": 4, "1/8": 8, "1/4": 16, "1/2": 32, "1": 64}  # channels by Table 3's columns


def table_3(*, size: int = 80, seconds: float = 1.0) -> dict[tuple[str, str], float]:
    """The rows "Parameters" (millions), "Storage" (MB, the weights file) and "Speed" of Table 3.

    Args:
        size: height and width of the picture, pixels.
        seconds: time for each measurement.

    Returns:
        By (row, column). "Speed" is the detector that users get (`inference.Detector`), "Speed,
        eager" plain PyTorch; both in frames per second.
    """
    cells: dict[tuple[str, str], float] = {}
    picture = torch.rand(1, 3, size, size)
    with tempfile.TemporaryDirectory() as folder:
        for column, channels in WIDTHS.items():
            network = RCN(channels=channels).eval()
            weights = Path(folder) / f"{channels}.safetensors"
            safetensors.torch.save_file(network.state_dict(), weights)
            detector = Detector(weights, size=size)
            cells["Parameters", column] = sum(p.numel() for p in network.parameters()) / 1e6
            cells["Storage", column] = weights.stat().st_size / 1e6
            cells["Speed, eager", column] = _rate(lambda g=network: locate(g(picture)), seconds)
            crop = picture[0].numpy()
            cells["Speed", column] = _rate(lambda d=detector, c=crop: d.predict(c), seconds)
    return cells


@torch.inference_mode()
def _rate(call: Callable[[], object], seconds: float) -> float:
    """Calls a second, the median over fifths of the time, after a warm-up."""
    for _ in range(2):
        call()
    rates = []
    for _ in range(5):
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds / 5:
            call()
            count += 1
        rates.append(count / (time.perf_counter() - start))
    return sorted(rates)[len(rates) // 2]
