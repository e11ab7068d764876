"""The rows of the tables of geometry-guided synthesis: from a run to what is measured of it.

Table 1 of Bodur et al. (WACV 2021) compares with two methods that know where a face's expression
sits by other means: GANimation is asked for action units, GANnotation for landmarks. Both are told
what the true answer has, so neither is held back by a bad guess of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from facelab.gan.gannotation_run import GannotationRun
from facelab.papers.ganimation.run import GanimationRun
from facelab.papers.geometry.data import Questions
from facelab.papers.geometry.evaluation import (
    Method,
    Reader,
    answered,
    by_label,
    evaluate,
    frechet,
    nothing_done,
    true_answers,
)
from facelab.papers.geometry.experiments import Row, Settings
from facelab.papers.geometry.run import GeometryRun
from facelab.papers.geometry.sets import DataSet

NOTHING, TRUTH = "nothing done", "true answer"
Found = dict[str, np.ndarray]
"""What `evaluation.evaluate` finds of one training, with "fid", (P,), of `evaluation.frechet`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """Rows on the test faces of one data set.

    Attributes:
        found: of each row, by its name, a list with one entry a training, in order of the seeds;
            `NOTHING` and `TRUTH`, which need no training, are among the rows and have one.
        questions: what was asked.
        rare: whether `sets.RARE` count in the accuracy.
    """

    found: dict[str, list[Found]]
    questions: Questions
    rare: bool


def by_units(generator: nn.Module, units: Tensor) -> Method:
    """GANimation's generator, asked for the action units of each expression.

    Args:
        generator: takes pictures and units (N, 17).
        units: (8, 17), `Questions.units`.
    """

    def translate(images: Tensor, expression: Tensor) -> Tensor:
        device = next(generator.parameters()).device
        return generator(images.to(device), units[expression].to(device)).image.cpu()

    return translate


def by_landmarks(
    generator: nn.Module, landmarks: Tensor, maps: Callable[[Tensor], Tensor]
) -> Method:
    """GANnotation's generator, asked for the landmarks of the true answers, looked up by row.

    Args:
        generator: takes pictures and maps (N, M, H, W).
        landmarks: (8, N, 68, 2) pixels, `Questions.landmarks`.
        maps: from landmarks (N, 68, 2) to the maps.

    Raises:
        ValueError: in the method, when there are not as many pictures as questions.
    """

    def translate(images: Tensor, expression: Tensor) -> Tensor:
        if len(images) != landmarks.shape[1]:
            raise ValueError(f"expected {landmarks.shape[1]} pictures in order, got {len(images)}")
        device = next(generator.parameters()).device
        wanted = landmarks[expression, torch.arange(len(images))]  # (N, 68, 2)
        return generator(images.to(device), maps(wanted.to(device))).cpu()

    return translate


def method(run: Row, questions: Questions) -> Method:
    """What a run has learnt, from the cache or trained here.

    Args:
        run: of any row.
        questions: those that it will be asked, for the rows that know more than the expression.

    Raises:
        TypeError: it is no run of a row.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if isinstance(run, GeometryRun):
        return by_label(run.learned().to(device))
    if isinstance(run, GanimationRun):
        return by_units(run.trained_generator().to(device), questions.units)
    if isinstance(run, GannotationRun):
        return by_landmarks(run.network().to(device), questions.landmarks, run.maps_of)
    raise TypeError(f"expected a run of a row, got {type(run).__name__}")


def measured(
    plan: Settings,
    *groups: Callable[[int], Mapping[str, Row]],
    judges: Mapping[str, Reader],
    dataset: DataSet = "affectnet",
) -> Measured:
    """Everything that the tables need, of all rows of some groups and of all seeds.

    A run that stands in two groups is asked once.

    Args:
        plan: of the tier.
        groups: such as ``plan.table_1``, all of ``dataset``.
        judges: from `evaluation.readers`; without "features" there is no "fid".
        dataset: whose test faces are asked.
    """
    questions = plan.questions(dataset)
    real, _ = plan.real_pictures(dataset)

    def examined(one: Method) -> Found:
        answers = answered(one, questions)
        found = evaluate(answers, questions, judges)
        if "features" in judges:
            found["fid"] = frechet(answers, questions, real, judges["features"])
        return found

    found = {NOTHING: [examined(nothing_done)], TRUTH: [examined(true_answers(questions))]}
    known: dict[str, Found] = {}
    for group in groups:
        for seed in plan.seeds:
            for name, run in group(seed).items():
                uid = run.infra.uid()
                if uid not in known:
                    known[uid] = examined(method(run, questions))
                found.setdefault(name, []).append(known[uid])
    return Measured(found=found, questions=questions, rare=dataset != "affectnet")
