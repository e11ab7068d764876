"""What a translator made of test faces, against the true edits."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from facelab.gan.data import Edits
from facelab.judges.distances import psnr


class Edited(NamedTuple):
    """What a translator made, colours in [0, 1], E edits of N faces.

    Attributes:
        images: (E, N, 3, H, W) the edits.
        back: (E, N, 3, H, W) the faces as they come back from their edits.
    """

    images: Tensor
    back: Tensor


def against_truth(edited: Edited, faces: Edits) -> dict[str, np.ndarray]:
    """How far edits are from the true ones, and the faces that come back from the faces.

    Args:
        edited: on the CPU.
        faces: of which they are edits.

    Returns:
        Arrays (E, N), edits by faces: "psnr", dB between the edit and the true one, "psnr_copied",
        of the face in its place, and "psnr_back", between the face and how it comes back; "error"
        and "error_copied", mean absolute differences to the true edit in percent of white.
    """
    source, truth = faces.source.images.float() / 255.0, faces.truth.float() / 255.0
    found = {
        "psnr": each(psnr, edited.images, truth),
        "psnr_copied": each(psnr, source.expand_as(truth), truth),
        "psnr_back": each(psnr, edited.back, source.expand_as(truth)),
        "error": 100.0 * (edited.images - truth).abs().mean(dim=(2, 3, 4)),
        "error_copied": 100.0 * (source - truth).abs().mean(dim=(2, 3, 4)),
    }
    return {name: values.numpy() for name, values in found.items()}


def each(measure: Callable[[Tensor, Tensor], Tensor], images: Tensor, others: Tensor) -> Tensor:
    """A measure of two pictures, such as `judges.distances.psnr`, edit by edit.

    Args:
        measure: (N, ...) twice to (N,).
        images, others: (E, N, ...).

    Returns:
        (E, N).
    """
    return torch.stack([measure(a, b) for a, b in zip(images, others, strict=True)])
