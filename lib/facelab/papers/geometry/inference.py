"""What the notebook ``41_geometry`` asks of trained networks, beyond what is measured of them."""

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor

from facelab.gan.stargan import signed
from facelab.papers.geometry.data import Pairs, decoded
from facelab.papers.geometry.figures import coloured
from facelab.papers.geometry.model import Translator
from facelab.papers.geometry.pretraining import PretrainRun
from facelab.papers.geometry.run import GeometryRun

BATCH = 64  # pictures at a time


@torch.inference_mode()
def maps(translator: Translator, images: Tensor) -> Tensor:
    """G_depth of pictures, on the CPU.

    Args:
        translator: on any device.
        images: (N, 3, H, W) uint8, or floats in [0, 1].

    Returns:
        (N, G, H, W) in [-1, 1], G = 1 for depth and 3 for normals.
    """
    device = next(translator.parameters()).device
    given = images.float() / 255.0 if images.dtype == torch.uint8 else images
    return torch.cat([translator(signed(some).to(device)).cpu() for some in given.split(BATCH)])


def with_depth(translator: Translator, images: Tensor) -> list[Tensor]:
    """Pictures, each followed by its predicted geometry in colours: (N, 3, H, W) to 2 N of them."""
    pairs = zip(images, coloured(maps(translator, images)), strict=True)
    return [one for pair in pairs for one in pair]


def compared(translators: Mapping[str, Translator], pairs: Pairs, count: int) -> dict[str, Tensor]:
    """Fig. 3: pictures, and below them the geometry of the fit, as predicted, and true.

    Args:
        translators: by geometry, "depth" or "normals".
        pairs: of test people.
        count: pictures, the first ones.

    Returns:
        By a short name of the row, (count, 3, H, W) in [0, 1].
    """
    images = pairs.images[:count]
    rows = {"picture": images.float() / 255.0}
    for geometry, translator in translators.items():
        mark = "" if geometry == "depth" else ", n."
        rows[f"fit{mark}"] = coloured(decoded(pairs.fitted[geometry][:count]))
        rows[f"predicted{mark}"] = coloured(maps(translator, images))
        rows[f"true{mark}"] = coloured(decoded(pairs.true[geometry][:count]))
    return rows


def history(run: GeometryRun | PretrainRun, *, entries: int = 1) -> pd.DataFrame:
    """The course of a training, after that of the one it goes on from, steps counted through.

    Args:
        run: from the cache, or trained here.
        entries: each number is the mean of so many entries up to it, as single batches scatter.

    Returns:
        A line an entry: "step", and the terms that the run notes. Terms that the first training
        does not have are nan in its lines.
    """
    result = run.run()
    frame = pd.DataFrame(result["history"])
    begun = run.begun() if isinstance(run, GeometryRun) else None
    if begun is not None:
        before = begun.run()
        done = before["images"] // begun.schedule.batch
        first = pd.DataFrame(before["history"])
        frame = pd.concat([first, frame.assign(step=frame["step"] + done)], ignore_index=True)
    smooth = frame.drop(columns="step").rolling(entries, min_periods=1).mean()
    return pd.concat([frame[["step"]], smooth], axis=1)
