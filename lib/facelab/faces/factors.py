"""`Factors`: everything that decides how a batch of synthetic faces looks, each part on its own."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np

EMOTIONS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
HAIR_STYLES = ("bald", "buzz", "short", "side_part", "curly", "afro", "bob", "long", "bun",
               "receding")  # fmt: skip
OCCLUDERS = ("none", "hand", "glasses", "sunglasses", "mask", "cup", "microphone", "scarf")
MAKEUP = ("lipstick", "eye_shadow", "blush", "brow_pencil")
# Functions of the person alone; every other field belongs to the picture.
IDENTITY_FIELDS = ("identity", "shape", "age", "gender", "ancestry", "skin", "spots", "stubble",
                   "brows", "iris", "hair_style", "hair_colour", "hair")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors of N faces; every array has N rows and is float32 unless said otherwise.

    The person (pure functions of the person's number, see people.py):
        identity: (N,) int64, the person's number.
        shape: (N, I) coefficients of `Head.identity`.
        age: (N,) years, 18-80. gender: (N,) 0 female .. 1 male.
        ancestry: (N, 3) weights of African, Asian, Caucasian, summing to 1.
        skin: (N, 4) melanin 0-1, redness 0-1, texture seed 0-1, oiliness (specular) 0-1.
        spots: (N, 3) freckles' strength 0-1, moles 0-1, seed 0-1.
        stubble: (N, 2) strength 0-1 (0 none, 0.5 stubble, 1 full short beard), extent 0-1 (0
            moustache and chin, 1 all of the beard's area).
        brows: (N, 4) thickness, arch, density, darkness, each 0-1.
        iris: (N, 3) r, g, b in 0-1.
        hair_style: (N,) int64 into HAIR_STYLES. hair_colour: (N, 3) r, g, b in 0-1.
        hair: (N, 4) volume 0-1, hairline's height 0-1, parting -1 (image left) .. 1, seed 0-1.

    The picture:
        expression: (N, 52) strengths 0-1 of ARKit's actions (`Head.action_names`).
        emotion: (N,) int64 into EMOTIONS, -1 where the expression is mixed.
        pose: (N, 3) degrees: yaw > 0 turns to the image's right, pitch > 0 looks up, roll > 0
            leans the head's top to the image's right (clockwise). See geometry.rotation.
        gaze: (N, 2) degrees in the head: yaw > 0 to the image's right, pitch > 0 up.
        camera: (N, 4) zoom, shift x and shift y in fractions of the crop (> 0: the face moves right
            and down), distance of the camera in cm.
        makeup: (N, 4, 4) by MAKEUP: r, g, b, strength 0-1.
        light: (N, 10) key azimuth in degrees (0 from the viewer, > 0 from the image's right), key
            elevation in degrees (> 0 from above), key strength 0-1.5, key warmth -1 blue .. 1
            orange, fill strength 0-1, fill azimuth in degrees, ambient strength 0-1, ambient
            warmth -1 .. 1, rim strength 0-1, exposure (factor, 1 normal).
        background: (N, 8) kind 0-1, r, g, b of one colour, r, g, b of another, seed 0-1.
        occluder: (N, 8) kind (integer as float, into OCCLUDERS), x and y of its centre in fractions
            of the crop from the crop's centre (right, down), size (fraction of the crop), r, g, b,
            angle or seed 0-1. Kinds worn on the head ignore x and y.
        noise: (N, 6) blur's sigma in pixels of a 64-pixel crop, Gaussian noise's sigma in 0-1,
            strength of JPEG-like compression 0-1, gamma (1 none), contrast (1 none), saturation
            (1 none, 0 grey).
        clothing: (N, 3) r, g, b in 0-1.
    """

    identity: np.ndarray
    shape: np.ndarray
    age: np.ndarray
    gender: np.ndarray
    ancestry: np.ndarray
    skin: np.ndarray
    spots: np.ndarray
    stubble: np.ndarray
    brows: np.ndarray
    iris: np.ndarray
    hair_style: np.ndarray
    hair_colour: np.ndarray
    hair: np.ndarray
    expression: np.ndarray
    emotion: np.ndarray
    pose: np.ndarray
    gaze: np.ndarray
    camera: np.ndarray
    makeup: np.ndarray
    light: np.ndarray
    background: np.ndarray
    occluder: np.ndarray
    noise: np.ndarray
    clothing: np.ndarray

    def __post_init__(self) -> None:
        for field in fields(self):
            array = np.ascontiguousarray(getattr(self, field.name))
            kind = np.int64 if field.name in _INTEGERS else np.float32
            if field.name in _INTEGERS and array.dtype.kind not in "iu":
                raise TypeError(f"factors.{field.name}: expected integers, got {array.dtype}")
            object.__setattr__(self, field.name, array.astype(kind, copy=False))
            expected = _ROWS.get(field.name, ())
            if array.ndim == 0 or len(array) != len(self.identity):
                raise ValueError(
                    f"factors.{field.name}: expected {len(self.identity)} rows, got shape "
                    f"{array.shape}"
                )
            if expected is not None and array.shape[1:] != expected:
                raise ValueError(
                    f"factors.{field.name}: expected shape (N, {', '.join(map(str, expected))}), "
                    f"got {array.shape}"
                )
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ValueError(f"factors.{field.name} holds values that are not finite")

    def __len__(self) -> int:
        return len(self.identity)

    def __getitem__(self, rows) -> "Factors":
        """Rows by slice, index array or boolean mask; a single integer gives a batch of one."""
        if isinstance(rows, (int, np.integer)):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"row {rows} of {len(self)} faces")  # ends iteration, too
            rows = slice(rows, rows + 1) if rows != -1 else slice(-1, None)
        return Factors(**{name: array[rows] for name, array in self.arrays().items()})

    def arrays(self) -> dict[str, np.ndarray]:
        """Field name -> array."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def replace(self, **changes) -> "Factors":
        """The same faces with some fields changed; one row (or a number) is repeated for all N.

        Example: `factors.replace(pose=np.zeros(3), expression=0)` looks straight and neutral.
        """
        unknown = set(changes) - set(self.arrays())
        if unknown:
            raise ValueError(f"no factor named {', '.join(sorted(unknown))}")
        broadcast = {
            name: np.broadcast_to(np.asarray(value), getattr(self, name).shape)
            for name, value in changes.items()
        }
        return replace(self, **broadcast)

    def with_person(self, other: "Factors") -> "Factors":
        """These pictures with the people of `other` (N rows, or one for all)."""
        return self.replace(**{name: getattr(other, name) for name in IDENTITY_FIELDS})

    def repeat(self, times: int) -> "Factors":
        """Each row `times` times in a row."""
        return self[np.repeat(np.arange(len(self)), times)]

    @staticmethod
    def concatenate(parts: Iterable["Factors"]) -> "Factors":
        """All rows of several batches, in order."""
        parts = list(parts)
        if not parts:
            raise ValueError("nothing to concatenate")
        names = parts[0].arrays()
        return Factors(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


_INTEGERS = ("identity", "emotion", "hair_style")
_ROWS: dict[str, tuple[int, ...] | None] = {
    "shape": None, "ancestry": (3,), "skin": (4,), "spots": (3,), "stubble": (2,), "brows": (4,),
    "iris": (3,), "hair_colour": (3,), "hair": (4,), "expression": (52,), "pose": (3,),
    "gaze": (2,), "camera": (4,), "makeup": (4, 4), "light": (10,), "background": (8,),
    "occluder": (8,), "noise": (6,), "clothing": (3,),
}  # fmt: skip
