"""A question with a known answer: the same person with another expression, and answers to it.

Generators are judged by measures that stand for "is this the right picture". Here the right picture
is known, and so are wrong ones of every kind: each measure can be asked which faults it sees.
Notebook 02_judges, section 8.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facelab import faces
from facelab.faces.sample import look
from facelab.judges import data, distances
from facelab.judges.jury import Jury
from facelab.statistics import Estimate, bootstrap_mean

CLEAN = (0, 0, 0, 1, 1, 1)  # the factor `noise` of a camera without faults
TRUTH = "the true answer"
COLUMNS = {
    "PSNR": "dB",
    "SSIM": "",
    "Frechet distance": "",
    "expression rate": "%",
    "unit error": "%",
    "identity distance": "",
    "depth error": "cm",
}
"""Measure -> unit."""
PARTS = {
    "head": ("shape", "age", "gender", "ancestry"),
    "skin, brows and eyes": ("skin", "spots", "stubble", "brows", "iris"),
    "hair": ("hair_style", "hair_colour", "hair"),
}
"""Part of a person -> the factors that make it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Question:
    """N people who should show an expression, and answers.

    Attributes:
        source: (N, 3, H, W) float32 in [0, 1], neutral.
        target: (N,) int64, the expression asked for, into `faces.EMOTIONS`.
        units: (N, 17) those of the true answer.
        depth: (N, H, W) float32 cm, how much nearer than the head's median, nan outside.
        answers: name -> (N, 3, H, W); the first is the true one.
    """

    source: Tensor
    target: Tensor
    units: Tensor
    depth: Tensor
    answers: dict[str, Tensor]


def ask(count: int, *, size: int, seed: int = 0) -> Question:
    """Renders a question about test people, and the answers.

    Args:
        count: N, people; more than one.
        size: height and width, pixels.
        seed: of people and pictures.
    """
    drawn = faces.sample(count, seed=seed, split="test", difficulty="common")
    source = drawn.replace(
        expression=look(np.zeros((count, 52)), drawn.gaze), emotion=0, noise=CLEAN
    )
    prototypes = np.stack([faces.expression_of(name) for name in faces.EMOTIONS])  # (8, 52)
    target = 1 + np.arange(count) % 7

    def showing(emotion: np.ndarray, strength: float = 1.0) -> faces.Factors:
        expression = look(strength * prototypes[emotion], source.gaze)
        return source.replace(expression=expression, emotion=emotion)

    truth = showing(target)
    other = truth[np.roll(np.arange(count), 1)]
    best = faces.rendered(truth, channels=("image", "depth"), size=size, margin=data.MARGIN)

    pictures = partial(_images, size=size)
    image, inside = torch.from_numpy(best.image), np.isfinite(best.depth)
    near = np.where(inside, data.relative_depth(best.depth, inside), np.nan)
    before = pictures(source)
    return Question(
        source=before,
        target=torch.from_numpy(target),
        units=torch.from_numpy(faces.units(truth.expression)),
        depth=torch.from_numpy(near.astype(np.float32)),
        answers={
            TRUTH: image,
            "nothing done": before,
            "half as strong": pictures(showing(target, 0.5)),
            "another expression": pictures(showing(1 + (target + 2) % 7)),
            "another person": pictures(truth.with_person(other)),
            "another light": pictures(truth.replace(light=other.light)),
            "blurred": blurred(image),
            "colour cast": tinted(image),
            "checkerboard": chequered(image),
        },
    )


def exchanged(count: int, *, size: int, seed: int = 0) -> dict[str, Tensor]:
    """Pictures of test people, and the same with a part of the person exchanged for another's.

    Args:
        count: N, people; more than one.
        size: height and width, pixels.
        seed: of people and pictures.

    Returns:
        By "nothing", the names of `PARTS` and "everything": (N, 3, H, W), in the studio.
    """
    own = faces.sample(count, seed=seed, split="test", difficulty="studio")
    other = own[np.roll(np.arange(count), 1)]
    versions = {"nothing": own}
    for name, fields in PARTS.items():
        versions[name] = own.replace(**{field: getattr(other, field) for field in fields})
    versions["everything"] = own.with_person(other)
    return {name: _images(factors, size=size) for name, factors in versions.items()}


def _images(factors: faces.Factors, *, size: int) -> Tensor:
    made = faces.rendered(factors, channels=("image",), size=size, margin=data.MARGIN)
    return torch.from_numpy(made.image)


def blurred(images: Tensor) -> Tensor:
    """The mean over 3 x 3 pixels, twice."""
    for _ in range(2):
        images = F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    return images


def tinted(images: Tensor) -> Tensor:
    """More red and less blue."""
    return (images * torch.tensor([1.1, 1.0, 0.85]).view(3, 1, 1)).clamp(0, 1)


def chequered(images: Tensor) -> Tensor:
    """Every second pixel lighter, the others darker, as badly up-sampled pictures are."""
    H, W = images.shape[-2:]
    sign = 1 - 2 * ((torch.arange(H)[:, None] + torch.arange(W)) % 2)  # (H, W)
    return (images + 0.04 * sign).clamp(0, 1)


@torch.no_grad()
def judged(question: Question, jury: Jury) -> dict[tuple[str, str], Estimate | float]:
    """What each measure says of each answer.

    Args:
        question: from `ask`, of the jury's size.
        jury: the judges.

    Returns:
        By (answer, measure of `COLUMNS`): an estimate over people; the Frechet distance, which is
        one number for all of them, plain. PSNR of the true answer is infinite and left out.
    """
    truth = question.answers[TRUTH]
    person, features = jury.identity(truth), distances.described(truth, jury.features)
    inside = question.depth.isfinite()
    cells: dict[tuple[str, str], Estimate | float] = {}
    for name, images in question.answers.items():
        seen = jury.expression(images).argmax(dim=1) == question.target
        apart = distances.identity_distance(jury.identity(images), person)
        strengths = (jury.units(images) - question.units).abs().mean(dim=1)
        depth = torch.where(inside, jury.depth(images) - question.depth, 0.0)
        found = {
            "SSIM": distances.ssim(images, truth),
            "expression rate": 100.0 * seen.float(),
            "unit error": 100.0 * strengths,
            "identity distance": apart.clamp_min(0.0),  # rounding alone takes it below
            "depth error": depth.abs().sum((1, 2)) / inside.sum((1, 2)),
        }
        if name != TRUTH:
            found["PSNR"] = distances.psnr(images, truth)
        cells |= {(name, column): bootstrap_mean(value.numpy()) for column, value in found.items()}
        described = distances.described(images, jury.features)
        cells[name, "Frechet distance"] = distances.frechet(features, described)
    return cells


def order(
    cells: dict[tuple[str, str], Estimate | float], column: str, *, higher: bool
) -> list[str]:
    """The wrong answers from best to worst by one measure.

    Args:
        cells: from `judged`.
        column: the measure.
        higher: whether more is better.

    >>> cells = {("a", "SSIM"): 0.5, ("b", "SSIM"): 0.9, (TRUTH, "SSIM"): 1.0}
    >>> order(cells, "SSIM", higher=True)
    ['b', 'a']
    """
    values = {
        row: float(getattr(value, "value", value))
        for (row, name), value in cells.items()
        if name == column and row != TRUTH
    }
    return sorted(values, key=values.get, reverse=higher)
