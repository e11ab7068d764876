"""One record per face, whatever the data set, and what a loader says about the files it met.

Every loader in `facelab.data` returns a `Loaded`: a sequence of `Record`s together with the count
of faces found, the files that had problems and the remarks a reader should see. A problem is an
error (`strict=True`, the default) or a warning and an entry in `Loaded.problems`
(`strict=False`); no file is ever left out silently.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from facelab import FacelabError
from facelab.data.images import DataError, read_image

LANDMARKS = 68


class DataWarning(UserWarning):
    """A file was left out of a data set, or a data set is not what it should be."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One face in one photograph.

    Args:
        path: the image file; `load()` reads it.
        landmarks: (68, 2) f32, iBUG order, 0-based pixels (x, y) with (0, 0) the centre of the
            top-left pixel; nan where a point is not annotated.
        visible: (68,) bool; False where a point is hidden or not annotated.
        box: (4,) f32 x1, y1, x2, y2 of the face in the same pixels; nan where unknown.
        identity: the person, as a name that is unique in its data set, or None.
        expression: an emotion of `facelab.faces.EMOTIONS`, or None.
        units: (17,) f32 intensities of FACS action units in [0, 1], or None.
    """

    path: Path
    landmarks: np.ndarray
    visible: np.ndarray
    box: np.ndarray
    identity: str | None = None
    expression: str | None = None
    units: np.ndarray | None = None

    def __post_init__(self) -> None:
        shapes = {"landmarks": (LANDMARKS, 2), "visible": (LANDMARKS,), "box": (4,)}
        for name, shape in shapes.items():
            found = np.shape(getattr(self, name))
            if found != shape:
                raise FacelabError(f"{self.path}: {name} must have shape {shape}, not {found}")

    def load(self) -> np.ndarray:
        """The photograph as RGB, uint8 (H, W, 3), upright.

        Raises:
            DataError: the file is missing or damaged; the message names it.
        """
        return read_image(self.path)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one file; `line` is 1-based and None where lines mean nothing."""

    path: Path
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"{self.path}" if self.line is None else f"{self.path}, line {self.line}"
        return f"{where}: {self.message}"


@dataclass
class Loaded(Sequence[Record]):
    """The records of one data set or part of it, in a fixed order, and the loader's report.

    Args:
        name: what was loaded, such as "london neutral_front".
        noun: what is counted, such as "people".
        records: the faces that could be loaded.
        found: faces for which at least one file was found.
        problems: what was wrong with the faces that are missing from `records`.
        remarks: what else a reader should know, such as junk files passed over.
    """

    name: str
    noun: str = "faces"
    records: list[Record] = field(default_factory=list)
    found: int = 0
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index):
        """A record for an integer, a list of records for a slice."""
        return self.records[index]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @property
    def landmarks(self) -> np.ndarray:
        """(N, 68, 2) f32, each in the pixels of its own photograph."""
        return np.array([r.landmarks for r in self], dtype=np.float32).reshape(-1, LANDMARKS, 2)

    @property
    def visible(self) -> np.ndarray:
        """(N, 68) bool."""
        return np.array([r.visible for r in self], dtype=bool).reshape(-1, LANDMARKS)

    @property
    def identities(self) -> list[str | None]:
        """The person in each record."""
        return [r.identity for r in self]

    def summary(self) -> str:
        """One line: "london neutral_front: 68 of 68 people, 0 problems", then the remarks."""
        count = len(self.problems)
        line = f"{self.name}: {len(self)} of {self.found} {self.noun}, "
        line += f"{count} problem" + ("" if count == 1 else "s")
        return "; ".join([line, *self.remarks])

    def problem(self, error: "DataError", *, strict: bool) -> None:
        """Records what was wrong with one file.

        Raises:
            DataError: `error` itself, where `strict`.
        """
        if strict:
            error.add_note("strict=False leaves such files out with a warning each")
            raise error
        self.problems.append(Problem(error.path, error.message, error.line))
        warnings.warn(f"left out: {error}", DataWarning, stacklevel=3)

    def remark(self, text: str, *, warn: bool = False) -> None:
        """Adds a remark to the summary line, and warns of it where it may be a mistake."""
        self.remarks.append(text)
        if warn:
            warnings.warn(f"{self.name}: {text}", DataWarning, stacklevel=3)
