"""The other methods of GANimation's Fig. 6, on the same test faces (notebook section 5.4).

The paper shows DIAT, CycleGAN, IcGAN and StarGAN, in pictures of the StarGAN paper. DIAT is not
built; the others are in `facelab.gan`. They learn from the people, light and cameras of
GANimation's training faces, each with one of the eight emotions, as a label is what these methods
take. `experiments.Settings.baselines` lists their runs.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from facelab.papers.ganimation import evaluation, tables
from facelab.papers.ganimation.data import Edits
from facelab.papers.ganimation.evaluation import Reader
from facelab.papers.ganimation.experiments import Baseline
from facelab.statistics import Estimate

Made = Mapping[str, Tensor]
"""What a method makes of N test faces, by emotion: (N, 3, H, W) in [0, 1]."""
UNKNOWN = "not\ntrained"


def edited(runs: Sequence[Baseline]) -> dict[str, Tensor]:
    """What the trainings of one method make of the test faces, see `Made`; trained if need be."""
    found: dict[str, Tensor] = {}
    for run in runs:
        asked = run.edits()
        images = run.edited(run.network(), asked).images  # (E, N, 3, H, W)
        found |= zip(asked.names, images, strict=True)
    return found


def lines(
    methods: Mapping[str, Made], edits: Edits, emotions: Sequence[str], *, faces: Sequence[int]
) -> tuple[list[list[Tensor | str | None]], list[str]]:
    """Fig. 6: the pictures of `figures.sheet`, and the names of its rows.

    Args:
        methods: by name.
        edits: with the faces at rest and the true pictures.
        emotions: of the columns, after the face at rest.
        faces: which test faces.

    Returns:
        For each face a row a method, with `UNKNOWN` where it knows no such emotion, and the true
        one.
    """
    truth = dict(zip(emotions, edits.at_full(*emotions).truth, strict=True))
    pictures: list[list[Tensor | str | None]] = []
    for i in faces:
        for made in (*methods.values(), truth):
            shown = [made[name][i] if name in made else UNKNOWN for name in emotions]
            pictures.append([edits.source.images[i] if made is truth else None, *shown])
    return pictures, [*methods, "true"] * len(faces)


def compared(
    methods: Mapping[str, Made], edits: Edits, emotions: Sequence[str], **judges: Reader
) -> dict[tuple[str, str], Estimate]:
    """Fig. 6 in numbers: the methods that know all of some emotions, between two ends.

    Args:
        methods: by name.
        edits: what was asked of the test faces, with the true pictures.
        emotions: of which the measures are means.
        judges: all three, see `evaluation.measured`.

    Returns:
        By row (see `tables.compared`) and heading (`tables.AGAINST_OTHERS`).
    """
    asked = edits.at_full(*emotions)
    measured = {}
    for name, made in methods.items():
        if set(emotions) <= set(made):
            images = torch.stack([made[emotion] for emotion in emotions])
            found = evaluation.measured(images, asked, **judges)
            measured[name] = tables.measures([found], asked)
    return tables.compared(measured, asked, columns=tables.AGAINST_OTHERS)
