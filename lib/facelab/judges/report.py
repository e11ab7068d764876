"""What the tables of notebook 02_judges say of an examination: a judge's answers in, estimates out.

Pictures of one person are alike, so the intervals are drawn over people: all pictures of a person
are in, or none. And a judge is compared with who does not look, but always gives the same answer.

`found` is what `examination.examine` finds in each test set, and `tests` are these sets; both by
the set's name. Cells are by (row, test set).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from facelab import faces
from facelab.judges import scores
from facelab.judges.data import Pictures, factor_groups
from facelab.statistics import Estimate, bootstrap_function

Found = Mapping[str, Mapping[str, np.ndarray]]
Tests = Mapping[str, Pictures]
Cells = dict[tuple[str, str], Estimate]

GEOMETRY = {"error of depth": "cm", "error of normals": "°", "head, IoU": "%"}
"""Measure -> unit, in the order of `scores.geometry_errors`."""
BLIND = ", mean face"  # ends the name of a row: the same measure of who does not look


def over_people(values: np.ndarray, people: np.ndarray | Tensor) -> Estimate:
    """The mean over pictures, with an interval over the people that they show.

    Args:
        values: (N,) a picture.
        people: (N,) integers, not negative; who it shows.

    >>> estimate = over_people(np.array([1.0, 0.0, 0.5]), np.array([4, 4, 7]))
    >>> estimate.value, estimate.n
    (0.5, 2)
    """
    people = np.asarray(people)
    count = np.bincount(people)  # (P,)
    total = np.bincount(people, weights=values)  # (P,)
    seen = count > 0
    return bootstrap_function(lambda a, b: a / b, total[seen], count[seen])


def emotions(found: Found, tests: Tests) -> Cells:
    """How often emotions are recognised, percent: "all emotions", and each that occurs."""
    cells = {}
    for name, said in found.items():
        truth, people = said["true_emotion"], tests[name].people.numpy()
        hits = 100.0 * (said["emotion"].argmax(axis=1) == truth)  # (N,)
        asked = {"all emotions": truth >= 0}
        asked |= {emotion: truth == number for number, emotion in enumerate(faces.EMOTIONS)}
        for row, shown in asked.items():
            if shown.any():
                cells[row, name] = over_people(hits[shown], people[shown])
    return cells


def groups(found: Found, tests: Tests) -> Cells:
    """How often emotions are recognised, percent, in pictures of different kinds of people."""
    first = dict(zip(factor_groups(), np.cumsum([0, *factor_groups().values()]), strict=False))
    origins = ("African", "Asian", "Caucasian")
    cells = {}
    for name, said in found.items():
        shown = said["true_emotion"] >= 0
        people, factors = tests[name].people[shown].numpy(), tests[name].factors[shown].numpy()
        age, gender = factors[:, first["age"]], factors[:, first["gender"]]
        mostly = factors[:, first["ancestry"] :][:, : len(origins)].argmax(axis=1)
        rows = {"women": gender < 0.5, "men": gender >= 0.5}
        rows |= {"under 45 years": age < 45, "45 and older": age >= 45}
        rows |= {f"mostly {origin}": mostly == k for k, origin in enumerate(origins)}
        hits = 100.0 * scores.correct(said["emotion"], said["true_emotion"])  # (M,)
        for row, chosen in rows.items():
            if chosen.any():
                cells[row, name] = over_people(hits[chosen], people[chosen])
    return cells


def units(found: Found, tests: Tests, training: Pictures) -> Cells:
    """Mean absolute error of the units' strengths, percent, and that of who does not look.

    No constant has a lower error on the training pictures than their medians, unit by unit.
    """
    medians = training.units.median(dim=0).values.numpy()  # (17,)
    cells = {}
    for name, said in found.items():
        for row, answer in (("MAE", said["units"]), ("MAE, always the median", medians)):
            error = 100.0 * np.abs(answer - said["true_units"]).mean(axis=1)  # (N,)
            cells[row, name] = over_people(error, tests[name].people)
    return cells


def by_unit(found: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """ICC(3,1), r and mean absolute error of each unit in one test set, a line a unit."""
    pair = found["units"], found["true_units"]  # (N, 17) twice
    return pd.DataFrame(
        {
            "unit": faces.UNITS,
            "ICC": scores.icc(*pair),
            "r": scores.correlation(*pair),
            "MAE": np.abs(pair[0] - pair[1]).mean(axis=0),
        }
    )


def mean_face(training: Pictures) -> tuple[Tensor, Tensor, Tensor]:
    """The same maps whatever the picture: what is usual at each pixel.

    Returns:
        Depth (H, W) cm and unit normals (3, H, W), means over the pictures whose head is there;
        and the head (H, W) bool, where most have it.
    """
    inside = training.head.float()  # (M, H, W)
    depth = (training.depth * inside).sum(0) / inside.sum(0).clamp_min(1.0)  # (H, W)
    normals = F.normalize((training.normals * inside[:, None]).sum(0), dim=0)  # (3, H, W)
    return depth, normals, inside.mean(0) > 0.5


def geometry(found: Found, tests: Tests, training: Pictures) -> Cells:
    """Errors of the geometry judge, and of the mean face; units are those of `GEOMETRY`."""
    usual = mean_face(training)
    scale = torch.tensor([1.0, 1.0, 100.0])  # the overlap in percent
    cells = {}
    for name, said in found.items():
        test = tests[name]
        judged = [torch.from_numpy(said[kind]) for kind in ("depth", "normals", "head")]
        blind = [part.expand(len(test), *part.shape) for part in usual]
        errors = {
            "": torch.stack(judged, dim=1),  # (N, 3)
            BLIND: scores.geometry_errors(*blind, test.depth, test.normals, test.head),
        }
        for ending, values in errors.items():
            for measure, column in zip(GEOMETRY, (values * scale).T, strict=True):
                cells[measure + ending, name] = over_people(column.numpy(), test.people)
    return cells


def explained(found: Found, tests: Tests) -> Cells:
    """Variance that the feature network explains, percent, factor by factor."""
    return {
        (factor.replace("_", " "), name): over_people(100.0 * values, tests[name].people)
        for name, said in found.items()
        for factor, values in scores.explained(said["error"], factor_groups()).items()
    }
