"""Smooth videos: one person per track whose expression, pose, gaze, camera and light drift."""

import numpy as np

from facelab.faces import draws, expressions
from facelab.faces import people as persons
from facelab.faces.factors import Factors
from facelab.faces.head import load
from facelab.faces.sample import DIFFICULTIES, SPLITS, identities, look, pictures

SPACING = 12  # frames between spline knots: at 25 frames/s nothing moves faster than about 1 Hz
KNOTS = 100_000  # rows reserved for each track's knots
MOVING = ("expression", "pose", "gaze", "camera", "light")
# How far a knot may leave its track's first picture: 1 fully, 0 never.
LIVELY = {"expression": 1.0, "pose": 0.8, "gaze": 1.0, "camera": 0.35, "light": 0.25}
BLINK = np.array([0.25, 0.8, 1.0, 0.85, 0.45, 0.15])  # closing is faster than opening
BLINK_EVERY = 75  # frames between a person's blinks, on average: three seconds


def video(
    tracks: int,
    frames: int,
    *,
    seed: int = 0,
    split: str = "train",
    difficulty: str = "common",
    people: int | None = None,
) -> Factors:
    """Factors of `tracks * frames` pictures, track after track.

    Pictures drawn as in `sample` are the knots of uniform cubic B-splines, one every SPACING
    frames: twice continuously differentiable, never outside the knots' range, and without power
    above the knots' rate but for the blinks, which are as quick as real ones. What does not move
    in a second or two (the person, make-up, background, occluder, camera noise, clothing) stays.
    A longer video starts with the shorter one.

    Args:
        tracks, frames: numbers, each >= 1.
        people: how many different people; track t shows person t modulo that. None: all differ.

    Raises:
        ValueError: no tracks or frames, an unknown split or difficulty.
    """
    if tracks < 1 or not 1 <= frames <= (KNOTS - 4) * SPACING:
        raise ValueError(f"expected at least one track and one frame, got {tracks} and {frames}")
    if difficulty not in DIFFICULTIES:
        raise ValueError(
            f"unknown difficulty {difficulty!r}: expected one of {', '.join(DIFFICULTIES)}"
        )
    who = identities(np.arange(tracks), seed, split, people)
    person = persons.people(load(), who)
    stream = draws.key("video/" + difficulty, seed, SPLITS[split])
    knots = (frames - 1) // SPACING + 4
    rows = (np.arange(tracks)[:, None] * KNOTS + np.arange(knots)).ravel()  # (tracks * knots,)
    every = {name: np.repeat(array, knots, 0) for name, array in person.items()}
    drawn = {
        name: array.reshape(tracks, knots, *array.shape[1:])
        for name, array in pictures(DIFFICULTIES[difficulty], stream, rows, every).items()
    }
    still = {name: np.repeat(array[:, 0], frames, 0) for name, array in drawn.items()}
    weights, first = _spline(frames)  # (frames, 4), (frames,)
    moving = {}
    for name in MOVING:
        path = drawn[name][:, :1] + LIVELY[name] * (drawn[name] - drawn[name][:, :1])
        near = path[:, first[:, None] + np.arange(4)]  # (tracks, frames, 4, ...)
        moving[name] = np.einsum("tfk...,fk->tf...", near, weights).reshape(tracks * frames, -1)
    lids = _blinks(stream, tracks, frames).ravel()[:, None]  # (tracks * frames, 1)
    blink = expressions.ACTIONS.index("eyeBlinkLeft")
    both = slice(blink, blink + 2)
    moving["expression"][:, both] = np.maximum(0.5 * moving["expression"][:, both], lids)
    moving["expression"] = look(expressions.plausible(moving["expression"]), moving["gaze"])
    still["emotion"] = np.full(tracks * frames, -1)
    person = {name: np.repeat(array, frames, 0) for name, array in person.items()}
    return Factors(**person, **(still | moving))


def _spline(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Cubic B-spline weights (frames, 4) and each frame's first knot (frames,)."""
    place = np.arange(frames) / SPACING
    first = place.astype(int)
    t = place - first
    weights = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    return np.stack(weights, 1) / 6, first


def _blinks(stream: int, tracks: int, frames: int) -> np.ndarray:
    """How far blinks close the lids: (tracks, frames) in [0, 1]."""
    rows = (np.arange(tracks)[:, None] * KNOTS * SPACING + np.arange(frames)).ravel()
    starts = draws.uniform(stream ^ 3, rows, 1).reshape(tracks, frames) < 1 / BLINK_EVERY
    closed = np.zeros((tracks, frames))
    for k, amount in enumerate(BLINK[:frames]):
        closed[:, k:] = np.maximum(closed[:, k:], amount * starts[:, : frames - k])
    return closed
