"""Translators on photographs: edits pasted back at full resolution, and a true smile to compare.

A translator is handed in as an `Edit`, so any of them will do: pictures (N, 3, S, S) in [0, 1] to
pictures of the same size and range.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facelab.data.crops import Transform, crop_records
from facelab.data.records import Record
from facelab.faces import EMOTIONS, UNITS
from facelab.statistics import Estimate, bootstrap_mean

Edit = Callable[[Tensor], Tensor]


def paste(photo: np.ndarray, before: Tensor, after: Tensor, transform: Transform) -> np.ndarray:
    """A photograph with the change of a crop added where the crop was cut.

    What is enlarged is the change, not the edit: where the edit keeps the picture, the photograph
    keeps its own resolution.

    Args:
        photo: uint8 (H, W, 3).
        before, after: (3, S, S) in [0, 1], the crop and its edit.
        transform: from the photograph's pixels to the crop's, see `facelab.data.crops`.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: crop and edit are not of one square shape.
    """
    if before.shape != after.shape or before.ndim != 3 or before.shape[1] != before.shape[2]:
        raise ValueError(
            f"expected crop and edit (3, S, S), got {tuple(before.shape)} and {tuple(after.shape)}"
        )
    H, W = photo.shape[:2]
    step = 2.0 * transform.scale / before.shape[-1]  # of a pixel in units of half a side
    x = (torch.arange(W) - transform.left) * step - 1.0
    y = (torch.arange(H) - transform.top) * step - 1.0
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[None].float()  # (1, H, W, 2)
    change = F.grid_sample((after - before)[None], grid, align_corners=False)[0]  # (3, H, W)
    wide = torch.from_numpy(photo).permute(2, 0, 1) / 255.0 + change
    return (255.0 * wide.clamp(0.0, 1.0)).round().to(torch.uint8).permute(1, 2, 0).numpy()


def portraits(
    edit: Edit, records: Sequence[Record], *, size: int, margin: float
) -> list[list[np.ndarray]]:
    """Photographs, and their edits pasted back.

    Args:
        edit: one picture (1, 3, S, S) to its K edits (K, 3, S, S).
        records: photographs with landmarks, or with boxes.
        size, margin: of the crops that the translator knows.

    Returns:
        A list for each photograph: itself, then K edits, uint8 (H, W, 3).
    """
    crops = crop_records(records, size=size, margin=margin)
    lines = []
    for record, before, transform in zip(records, crops.image, crops.transforms, strict=True):
        photo, after = record.load(), edit(before[None])
        lines.append([photo, *(paste(photo, before, one, transform) for one in after)])
    return lines


def smiles(
    edit: Edit,
    neutral: Sequence[Record],
    smiling: Sequence[Record],
    readers: Mapping[str, Callable[[Tensor], Tensor]],
    *,
    size: int,
    margin: float,
) -> dict[tuple[str, str], Estimate]:
    """What judges say of neutral photographs, of the smile put on them, and of the true smile.

    Two photographs of a person differ in more than the smile (a head never sits twice alike), so
    pixels are not compared.

    Args:
        edit: puts a smile on pictures.
        neutral, smiling: photographs; people with both are taken, and with a known box.
        readers: of judges, by name: "expression" and "identity", and where there is one "units".
        size, margin: of the crops.

    Returns:
        By (picture, measure): strength of AU12 and probability of "happy", both in percent, and
        cosine of the person's embeddings with the neutral photograph's; means over people.

    Raises:
        ValueError: nobody has both.
    """
    known = {record.identity: record for record in smiling if np.isfinite(record.box).all()}
    people = [(record, known[record.identity]) for record in neutral if record.identity in known]
    if not people:
        raise ValueError("expected somebody with a neutral and a smiling photograph; got nobody")
    before, truth = (
        crop_records(side, size=size, margin=margin).image for side in zip(*people, strict=True)
    )
    after = edit(before)
    shown = {"neutral photograph": before, "its edit": after, "smiling photograph": truth}
    own, cells = readers["identity"](before), {}
    for name, images in shown.items():
        happy = readers["expression"](images).softmax(dim=1)[:, EMOTIONS.index("happy")]
        found = {"happy": 100.0 * happy}
        if "units" in readers:
            strength = readers["units"](images)[:, UNITS.index("AU12")]
            found = {"AU12": 100.0 * strength, **found}
        found["identity"] = torch.cosine_similarity(readers["identity"](images), own, dim=1)
        cells |= {(name, key): bootstrap_mean(values.numpy()) for key, values in found.items()}
    return cells
