"""What a method does to test faces, measured against the true edits and by judges."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facelab.gan.evaluation import each
from facelab.gan.pictures import pixels
from facelab.gan.stargan import unit
from facelab.judges.distances import psnr
from facelab.papers.ganimation import measures
from facelab.papers.ganimation.data import Edits
from facelab.papers.ganimation.model import Edit, Generator

Reader = Callable[[Tensor], Tensor]
"""Pictures (N, 3, H, W) in [0, 1] to numbers (N, K)."""


@torch.inference_mode()
def edited(generator: Generator, faces: Edits) -> tuple[Edit, Edit]:
    """All edits of all test faces, and the faces at the units that they have already.

    Returns:
        (E, N, ...) pictures, colours and attention on the CPU, and the same as (N, ...).
    """
    device = next(generator.parameters()).device
    source = pixels(faces.source.images.to(device))  # (N, 3, H, W)
    asked = [units.expand(len(source), -1) for units in faces.units]
    found = [generator(source, units.to(device)) for units in [*asked, faces.source.units]]
    parts = [torch.stack([edit[k] for edit in found]).cpu() for k in range(3)]
    return Edit(*(part[:-1] for part in parts)), Edit(*(part[-1] for part in parts))


def evaluate(generator: Generator, faces: Edits, **judges: Reader) -> dict[str, np.ndarray]:
    """Every measure of every edit of every test face by a generator with attention.

    Args:
        generator: on any device.
        faces: what is asked, with the true answers.
        judges: see `measured`.

    Returns:
        What `measured` finds, and (E, N) "attention", "copied", "redrawn", "spread": see
        `measures.saturation`; "psnr_same": (N,) dB between the source and its edit to its own
        units.
    """
    edit, same = edited(generator, faces)
    shape = edit.attention.shape[:2]  # (E, N)
    attention = measures.saturation(edit.attention.flatten(0, 1))
    found = {
        "psnr_same": psnr(unit(same.image), faces.source.images.float() / 255.0),
        "attention": attention.mean.view(shape),
        "copied": attention.copied.view(shape),
        "redrawn": attention.redrawn.view(shape),
        "spread": attention.spread.view(shape),
    }
    numbers = {name: values.numpy() for name, values in found.items()}
    return measured(unit(edit.image), faces, **judges) | numbers


def measured(
    images: Tensor,
    faces: Edits,
    *,
    units: Reader | None = None,
    identity: Reader | None = None,
    expression: Reader | None = None,
) -> dict[str, np.ndarray]:
    """Every measure that asks for no more than pictures, whoever made them.

    Args:
        images: (E, N, 3, H, W) in [0, 1], edits of N test faces.
        faces: what was asked, with the true answers.
        units: a judge's reading of the 17 units, (N, 17).
        identity: a judge's embedding of a person, (N, D) unit vectors.
        expression: a judge's logits or shares of the eight emotions, (N, 8).

    Returns:
        Arrays (E, N), edits by faces, unless said otherwise:
        "psnr": dB between the edit and the true one; "psnr_copied": of the source in its place.
        "error", "error_copied": mean absolute difference to the true edit, in percent of white.
        "likeness": cosine of the change made and the true change, all pixels and colours; nan where
        nothing was to be changed.
        "outside": share of the edit's energy where the true edit changes nothing; nan likewise.
        "upper", "lower", "face", "background": mean absolute change of the colours there, percent.
        With judges "units" (E, N, 17), "identity" cosine of edit and source, "expression" (E, N,
        8); of the true edits "true_units", "true_identity" and "true_expression"; and of the
        sources "input_units" (N, 17) and "input_expression" (N, 8).
    """
    source = faces.source.images.float() / 255.0
    truth = faces.truth.float() / 255.0  # (E, N, 3, H, W)
    E, N = images.shape[:2]  # edits, faces
    before = source.expand(E, -1, -1, -1, -1)
    region = measures.changed(before.flatten(0, 1), truth.flatten(0, 1))  # (E N, H, W)
    outside = measures.energy_outside(before.flatten(0, 1), images.flatten(0, 1), region)
    nothing = ~region.any(dim=(1, 2)).view(E, N)
    made, meant = (images - before).flatten(2), (truth - before).flatten(2)
    change = (images - before).abs().mean(dim=2)  # (E, N, H, W)
    found = {
        "psnr": each(psnr, images, truth),
        "psnr_copied": each(psnr, before, truth),
        "error": 100.0 * (images - truth).abs().mean(dim=(2, 3, 4)),
        "error_copied": 100.0 * meant.abs().mean(dim=2),
        "likeness": torch.cosine_similarity(made, meant, dim=2).masked_fill(nothing, torch.nan),
        "outside": outside.view(E, N).masked_fill(nothing, torch.nan),
    }
    places = {"upper": faces.upper, "lower": faces.lower, "face": faces.face,
              "background": ~faces.face}  # fmt: skip
    for name, place in places.items():
        count = place.sum(dim=(1, 2)).clamp_min(1)  # (N,)
        found[name] = 100.0 * (change * place).sum(dim=(2, 3)) / count
    judged = {"units": units, "expression": expression}
    for name, judge in judged.items():
        if judge is not None:
            found[name], found[f"true_{name}"] = _read(judge, images), _read(judge, truth)
            found[f"input_{name}"] = judge(source)
    if identity is not None:
        own = identity(source)  # (N, D)
        for name, pictures in (("identity", images), ("true_identity", truth)):
            found[name] = torch.cosine_similarity(_read(identity, pictures), own, dim=2)
    return {name: values.cpu().numpy() for name, values in found.items()}


def _read(judge: Reader, pictures: Tensor) -> Tensor:
    """(E, N, 3, H, W) to (E, N, K), one edit at a time."""
    return torch.stack([judge(images) for images in pictures])


def readers(jury: Any) -> dict[str, Reader]:
    """The judges that `measured` takes, by its names, from `facelab.judges.load(tier)`."""

    def asks(name: str) -> Reader:
        return lambda images: getattr(jury, name)(jury.fit(images))

    return {name: asks(name) for name in ("units", "identity", "expression")}
