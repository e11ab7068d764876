"""GANimation's edits of photographs (Pumarola et al., ECCV 2018, Sec. 5 and Fig. 8).

Its change is (1 - A) (C - I): where the attention A keeps the picture, nothing is enlarged. What is
done with any translator's edits stands in `facelab.gan.wild`.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from facelab.data.records import Record
from facelab.gan import wild
from facelab.papers.ganimation.inference import edit
from facelab.papers.ganimation.model import Generator
from facelab.statistics import Estimate


def portraits(
    generator: Generator, records: Sequence[Record], asked: Tensor, *, size: int, margin: float
) -> list[list[np.ndarray]]:
    """Photographs, and their edits to the units (K, 17) pasted back; see `gan.wild.portraits`."""
    return wild.portraits(
        lambda image: edit(generator, image, asked).image, records, size=size, margin=margin
    )


def smiles(
    generator: Generator,
    neutral: Sequence[Record],
    smiling: Sequence[Record],
    readers: Mapping[str, Callable[[Tensor], Tensor]],
    asked: Tensor,
    *,
    size: int,
    margin: float,
) -> dict[tuple[str, str], Estimate]:
    """Neutral photographs, the smile of units (17,) put on them, and the true smile.

    See `gan.wild.smiles`.
    """
    return wild.smiles(
        lambda images: edit(generator, images, asked).image, neutral, smiling, readers,
        size=size, margin=margin,
    )  # fmt: skip
