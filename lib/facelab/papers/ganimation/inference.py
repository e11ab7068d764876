"""Edits by a trained generator, for pictures as the rest of the library has them, in [0, 1]."""

import torch
from torch import Tensor

from facelab.faces import UNITS
from facelab.gan.stargan import signed, tiled_convolution, unit
from facelab.papers.ganimation.model import Edit, Generator

BATCH = 64  # pictures at a time


@torch.inference_mode()
def edit(generator: Generator, images: Tensor, units: Tensor) -> Edit:
    """Edits of pictures, on the CPU.

    Args:
        generator: on any device.
        images: (N, 3, H, W) uint8, or floats in [0, 1]; a single one goes with all units.
        units: (N, 17) what each shall show; or (17,), the same for all.

    Returns:
        Pictures and colours (N, 3, H, W) in [0, 1], and attention (N, 1, H, W).

    Raises:
        ValueError: as many pictures as units were expected, and others came.
    """
    units = units.expand(len(images), -1) if units.ndim == 1 else units
    images = images.expand(len(units), -1, -1, -1) if len(images) == 1 else images
    if len(images) != len(units):
        raise ValueError(f"expected units of {len(images)} pictures, got {len(units)}")
    given = images.float() / 255.0 if images.dtype == torch.uint8 else images
    device = next(generator.parameters()).device
    found = [
        generator(signed(some).to(device), asked.to(device))
        for some, asked in zip(given.split(BATCH), units.split(BATCH), strict=True)
    ]
    image, colour, attention = (torch.cat(part).cpu() for part in zip(*found, strict=True))
    return Edit(unit(image), unit(colour), attention)


@torch.inference_mode()
def reach_of_units(images: Tensor, *, width: int = 16) -> Tensor:
    """Where an untrained body's first features depend on the units: before its norm, and after.

    Instance normalisation takes off what a constant plane adds, all but what the zeros about the
    picture leave near its border; see `facelab.gan.stargan`, point 5.

    Args:
        images: (1, 3, H, W) in [0, 1].
        width: of the body.

    Returns:
        (2, 1, H, W): mean absolute change of the features between no unit and all, each map over
        its own largest value.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = Generator(units=len(UNITS), width=width, blocks=0).trunk
    asked = (torch.full((1, len(UNITS)), strength) for strength in (0.0, 1.0))
    none, every = (tiled_convolution(body.layers[0], signed(images), units) for units in asked)
    norm = body.layers[1]
    maps = [every - none, norm(every) - norm(none)]  # (1, width, H, W) each
    found = torch.cat([change.abs().mean(dim=1, keepdim=True) for change in maps])  # (2, 1, H, W)
    return found / found.amax(dim=(1, 2, 3), keepdim=True)
