"""What a method does to test faces: the paper's measures (Bodur et al., WACV 2021, Sec. 4), and,
as the true answers are known, how far it is from them.

A method is a function of pictures and wanted expressions, whatever it has inside: a `Generator`
through `by_label`, GANimation with the units of each expression (`Questions.units`), GANnotation
with the landmarks of the answers. Judges are handed in, so that none of them is trained here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.faces import EMOTIONS
from facelab.gan.evaluation import each
from facelab.gan.pictures import pixels
from facelab.gan.stargan import one_hot, signed, unit
from facelab.judges import distances, scores
from facelab.judges.data import relative_depth
from facelab.papers.geometry.data import Pairs, Questions, decoded
from facelab.papers.geometry.model import SPAN, Translator
from facelab.papers.geometry.sets import RARE

Method = Callable[[Tensor, Tensor], Tensor]
"""Pictures (N, 3, H, W) in [-1, 1] and wanted expressions (N,) to pictures in [-1, 1].

The pictures are those of all questions in their order, on the CPU, and so are its own; so a method
may look up by row what else it needs of the answers.
"""
Reader = Callable[[Tensor], Tensor]
"""Pictures (N, 3, H, W) in [0, 1] to numbers, (N, K), or maps (N, H, W)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """What a method makes of the questions, and of that again the pictures that it came from.

    Attributes:
        images: (8, N, 3, H, W) in [0, 1], G(I_s, y_t) for all expressions y_t.
        back: (8, N, 3, H, W) in [0, 1], G(G(I_s, y_t), y_s).
    """

    images: Tensor
    back: Tensor


def by_label(generator: nn.Module) -> Method:
    """A generator that takes one-hot labels, as a `Method`, on the device where it is."""

    def translate(images: Tensor, expression: Tensor) -> Tensor:
        device = next(generator.parameters()).device
        labels = one_hot(expression.to(device), len(EMOTIONS))
        return generator(images.to(device), labels).cpu()

    return translate


def true_answers(questions: Questions) -> Method:
    """The method that knows: what a measure says of it is the best there is."""
    truth = pixels(questions.truth)
    return lambda images, expression: truth[expression, torch.arange(len(expression))]


def nothing_done(images: Tensor, expression: Tensor) -> Tensor:
    """The method that hands every picture back: what a measure says of it is what it forgives."""
    return images


@torch.inference_mode()
def as_asked(method: Method, images: Tensor, expression: Tensor) -> Tensor:
    """Pictures as the rest of the library has them, with other expressions.

    Args:
        method: one that looks nothing up by row.
        images: (N, 3, H, W) in [0, 1]; a single one goes with all expressions.
        expression: (N,) int64 into `faces.EMOTIONS`.

    Returns:
        (N, 3, H, W) in [0, 1].
    """
    images = images.expand(len(expression), -1, -1, -1) if len(images) == 1 else images
    return unit(method(signed(images), expression))


@torch.inference_mode()
def answered(method: Method, questions: Questions) -> Answers:
    """All questions put to a method, and the way back."""
    source, own = pixels(questions.images), questions.expression
    made, back = [], []
    for wanted in range(len(EMOTIONS)):
        images = method(source, torch.full_like(own, wanted))
        made.append(unit(images))
        back.append(unit(method(images, own)))
    return Answers(images=torch.stack(made), back=torch.stack(back))


@torch.inference_mode()
def evaluate(
    answers: Answers, questions: Questions, judges: Mapping[str, Reader]
) -> dict[str, np.ndarray]:
    """Every measure of every answer.

    Args:
        answers: from `answered`.
        questions: what was asked.
        judges: by the names that `readers` has; measures of one that is missing are left out.

    Returns:
        Arrays (8, N), wanted expressions by faces, unless said otherwise. The paper's:
        "expression": (8, N, 8) logarithms of the judge's shares; "rate": 1.0 where the wanted one
        has the most. "back_psnr" dB and "back_ssim": of the way back, to the source. "identity":
        distance of the person from the source, 0 to 2.
        Against the true answer: "psnr" dB, unbounded for the source itself, "ssim", "error" mean
        absolute difference in percent of white; "perceptual": distance of the features, 0 to 1;
        "true_identity": distance of the person from the true answer, where "floor_identity" is the
        true answer's from the source; "depth" cm: mean difference of the judged depth from the
        true one, where there is a head; "floor_depth": of the true answer's judged depth.
        "true_expression": (8, N, 8) as "expression", of the true answers.
    """
    truth, source = questions.truth.float() / 255.0, questions.images.float() / 255.0
    sources = source.expand_as(truth)

    images = answers.images
    found = {
        "back_psnr": each(distances.psnr, answers.back, sources),
        "back_ssim": each(distances.ssim, answers.back, sources),
        "psnr": each(distances.psnr, images, truth),
        "ssim": each(distances.ssim, images, truth),
        "error": 100.0 * (images - truth).abs().mean(dim=(2, 3, 4)),
    }
    if "expression" in judges:
        found["expression"] = _read(judges["expression"], images)  # (8, N, 8)
        found["true_expression"] = _read(judges["expression"], truth)
        wanted = torch.arange(len(EMOTIONS))[:, None]
        found["rate"] = (found["expression"].argmax(dim=2) == wanted).float()
    if "identity" in judges:
        who = {
            name: _read(judges["identity"], pictures)
            for name, pictures in (("made", images), ("true", truth), ("source", sources[:1]))
        }
        own = who["source"].expand_as(who["true"])
        found["identity"] = each(distances.identity_distance, who["made"], own)
        found["true_identity"] = each(distances.identity_distance, who["made"], who["true"])
        found["floor_identity"] = each(distances.identity_distance, who["true"], own)
    if "features" in judges:
        made, true = (_read(judges["features"], pictures) for pictures in (images, truth))
        found["perceptual"] = 1.0 - F.cosine_similarity(made, true, dim=2)
    if "depth" in judges:
        found["depth"] = depth_errors(_read(judges["depth"], images), questions.depth)
        found["floor_depth"] = depth_errors(_read(judges["depth"], truth), questions.depth)
    return {name: values.cpu().numpy() for name, values in found.items()}


def depth_errors(judged: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference of depths, both against the median of the true head.

    Args:
        judged: (8, N, H, W) cm, how much nearer than the head's median, as judges say it.
        true: (8, N, H, W) cm from the camera, nan where there is no head.

    Returns:
        (8, N) cm.
    """
    inside = true.isfinite()
    near = relative_depth(true.flatten(0, 1).numpy(), inside.flatten(0, 1).numpy())
    difference = (judged - torch.from_numpy(near).view_as(true)).abs()
    return (difference * inside).sum(dim=(2, 3)) / inside.sum(dim=(2, 3)).clamp_min(1)


def _read(judge: Reader, pictures: Tensor) -> Tensor:
    """(E, N, 3, H, W) to (E, N, ...), one expression at a time."""
    return torch.stack([judge(images).cpu() for images in pictures])


def readers(jury: Any) -> dict[str, Reader]:
    """The judges that `evaluate` and `frechet` take, from `facelab.judges.load(tier)`."""

    def asks(name: str) -> Reader:
        return lambda images: getattr(jury, name)(jury.fit(images))

    def depth(images: Tensor) -> Tensor:
        maps = jury.depth(jury.fit(images))[:, None]  # (N, 1, h, w)
        return F.interpolate(maps, images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]

    return {name: asks(name) for name in ("expression", "identity", "features")} | {"depth": depth}


@torch.inference_mode()
def frechet(answers: Answers, questions: Questions, real: Tensor, features: Reader) -> np.ndarray:
    """FID of the answers that are not the sources, from real pictures, as numbers of test people.

    Their mean is the distance. Each lies as far from it as the distance moves when that person is
    left out, times the others (the jackknife's linearisation: Efron & Tibshirani, "An Introduction
    to the Bootstrap", 1993, chapter 11). So they go through `statistics` as means do; intervals
    stand for other test people, not for other real pictures.

    Args:
        answers, questions: see `evaluate`.
        real: (M, 3, H, W) uint8, from `data.real`.
        features: a judge's. The value means something beside it, and beside both counts, only.

    Returns:
        (P,), people in the order of their numbers.

    Raises:
        ValueError: there is only one person.
    """
    people = questions.people.unique()  # (P,)
    if len(people) < 2:
        raise ValueError("expected questions of two people or more, got those of one")
    asked = torch.from_numpy(questions.asked)  # (8, N)
    described = distances.described(real.float() / 255.0, features)
    made = distances.described(answers.images[asked], features)  # (A, F)
    whose = questions.people.expand_as(asked)[asked]  # (A,)
    whole = distances.frechet(described, made)
    without = np.array([distances.frechet(described, made[whose != p]) for p in people])
    return whole + (len(people) - 1) * (without.mean() - without)


def confusion(found: Mapping[str, np.ndarray], asked: np.ndarray) -> np.ndarray:
    """Fig. 8: how often each wanted expression (row) is read as each (column), shares of the row.

    Args:
        found: from `evaluate`, with "expression".
        asked: (8, N), `Questions.asked`.
    """
    wanted = np.where(asked, np.arange(len(EMOTIONS))[:, None], -1)  # (8, N)
    return scores.confusion(found["expression"].reshape(-1, len(EMOTIONS)), wanted.reshape(-1))


def over_faces(values: np.ndarray, asked: np.ndarray, *, rare: bool = True) -> np.ndarray:
    """The mean over what was asked of each face.

    Args:
        values: (8, N), from `evaluate`.
        asked: (8, N), `Questions.asked`.
        rare: whether `sets.RARE` count, which Table 1's accuracy leaves out.

    Returns:
        (N,), as `statistics` takes it.

    >>> asked = np.ones((8, 1), bool)
    >>> over_faces(np.arange(8.0)[:, None], asked).tolist()
    [3.5]
    """
    counts = asked.copy()
    if not rare:
        counts[[EMOTIONS.index(name) for name in RARE]] = False
    return np.nanmean(np.where(counts, values, np.nan), axis=0)


@torch.inference_mode()
def geometry_errors(translator: Translator, pairs: Pairs) -> dict[str, np.ndarray]:
    """How well G_depth finds the geometry of pictures, where the fit has a face, too (Fig. 3).

    Args:
        translator: trained.
        pairs: of test people.

    Returns:
        By "fitted", the difference from what the reconstruction finds, "true", from what is true,
        and "reconstruction", between the two: (N,) mean absolute cm for depth, mean degrees for
        normals.
    """
    device, name = next(translator.parameters()).device, translator.geometry
    parts = pairs.images.split(distances.BATCH)
    made = torch.cat([translator(pixels(part.to(device))).cpu() for part in parts])
    fitted, true = decoded(pairs.fitted[name]), decoded(pairs.true[name])
    face = pairs.fitted["normals"].ne(0).any(dim=1) & pairs.true["normals"].ne(0).any(dim=1)
    compared = {"fitted": (made, fitted), "true": (made, true), "reconstruction": (fitted, true)}
    errors = {}
    for key, (a, b) in compared.items():
        if name == "depth":
            error = (a - b).abs().squeeze(1) * SPAN / 2.0  # (N, H, W) cm
        else:
            error = torch.rad2deg(F.cosine_similarity(a, b, dim=1).clamp(-1, 1).acos())
        errors[key] = ((error * face).sum(dim=(1, 2)) / face.sum(dim=(1, 2)).clamp_min(1)).numpy()
    return errors
