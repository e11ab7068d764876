"""Edits of photographs at their own resolution (Pumarola et al., ECCV 2018, Sec. 5 and Fig. 8)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facelab.data.crops import Transform


def paste(photo: np.ndarray, before: Tensor, after: Tensor, transform: Transform) -> np.ndarray:
    """A photograph with the change of a crop added where the crop was cut.

    What is enlarged is the change (1 - A) (C - I), not the edit: where the attention keeps the
    picture, the photograph keeps its own resolution.

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
