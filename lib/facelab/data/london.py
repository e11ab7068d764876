"""Face Research Lab London Set (DeBruine & Jones 2017): frontal photographs with 189 points.

The photographs are 1350x1350, one neutral (`neutral_front/NNN_03.jpg`) and one smiling
(`smiling_front/NNN_08.jpg`) a person, licence CC BY 4.0. Each neutral one has a Psychomorph
template (`.tem`): line 1 the number of points, then `x<TAB>y` a line (0-based pixels, y down),
then the curves that join them. `london_map` has the map from those points to iBUG-68.
"""

import csv
import os
from pathlib import Path

import numpy as np

from facelab import FacelabError
from facelab.data.images import DataError, read_image
from facelab.data.london_map import TEMPLATE_POINTS, ibug68
from facelab.data.london_smile import shift_of_face
from facelab.data.records import LANDMARKS, Loaded, Record
from facelab.paths import shared_data

PARTS = {"neutral_front": ("_03", "neutral"), "smiling_front": ("_08", "happy")}

_BLANKS = ("", "NA", "NaN", "nan")

HOW_TO_GET = """\
the Face Research Lab London Set is not here{where}. It is free, under CC BY 4.0:
  DeBruine, L. & Jones, B. (2017). Face Research Lab London Set. figshare.
  https://doi.org/10.6084/m9.figshare.5047666
Download neutral_front.zip, smiling_front.zip and london_faces_info.csv there, unpack them into one
folder so that it holds neutral_front/001_03.jpg and neutral_front/001_03.tem, and name that folder
in FACELAB_LONDON. Nothing is downloaded for you."""


def find_folder(folder: Path | str | None = None) -> Path:
    """The folder of the set: `folder`, else `FACELAB_LONDON`, else `london` in the shared data.

    Raises:
        FacelabError: there is none; the message says where to get the set and under what licence.
    """
    chosen = folder or os.environ.get("FACELAB_LONDON")
    if chosen:
        found = Path(chosen).expanduser()
        if found.is_dir():
            return found
        raise FacelabError(HOW_TO_GET.format(where=f" ({found} is no folder)"))
    shared = shared_data()
    if shared is not None and (shared / "london").is_dir():
        return shared / "london"
    raise FacelabError(HOW_TO_GET.format(where=""))


def load(
    folder: Path | str | None = None,
    *,
    part: str = "neutral_front",
    strict: bool = True,
    quiet: bool = False,
) -> Loaded:
    """Loads one part of the set, ordered by person, and prints one line of summary.

    `identity` is the person's number ("001"); `people` gives age, gender and ethnicity by it.
    Where a part has no templates at all (the smiling photographs, as they are commonly passed
    on), landmarks are nan, and `box` is that of the same person's neutral photograph, moved by as
    much as the upper face moved (`london_smile`): good enough for a crop, not for a measurement.

    Args:
        folder: the set; by default `FACELAB_LONDON`, else `london` in the shared data.
        part: "neutral_front" or "smiling_front".
        strict: raise at the first bad file, or leave it out with a warning.
        quiet: do not print the summary.

    Raises:
        FacelabError: no such set, or no such part.
        DataError: where `strict`: a damaged image, a photograph without template or the reverse, a
            template with too few or wrong lines, or points outside the photograph.
    """
    if part not in PARTS:
        raise FacelabError(f"unknown part {part!r} of the London set: expected {', '.join(PARTS)}")
    root = find_folder(folder)
    suffix, expression = PARTS[part]
    home = root / part
    if not home.is_dir():
        raise FacelabError(HOW_TO_GET.format(where=f" ({home} is no folder)"))
    images = _by_person(home, suffix, ".jpg")
    templates = _by_person(home, suffix, ".tem")
    people_found = sorted(images | templates)
    if not people_found:
        raise FacelabError(HOW_TO_GET.format(where=f" ({home} holds no *{suffix}.jpg)"))
    loaded = Loaded(f"london {part}", noun="people", found=len(people_found))
    for person in people_found:
        image, template = images.get(person), templates.get(person)
        try:
            if image is None:
                raise DataError(template, f"expected the photograph {person}{suffix}.jpg beside it")
            if template is None and templates:
                raise DataError(image, f"expected the template {person}{suffix}.tem beside it")
            pixels = read_image(image)  # decoded whole: a truncated file has a good header
            if template is None:
                landmarks = np.full((LANDMARKS, 2), np.nan, np.float32)
                box = _moved_box(root / "neutral_front" / f"{person}_03.jpg", pixels)
            else:
                landmarks = ibug68(read_template(template))  # (68, 2)
                _check_inside(template, landmarks, pixels)
                box = _bounds(landmarks)
        except DataError as error:
            loaded.problem(error, strict=strict)
            continue
        loaded.records.append(
            Record(
                path=image,
                landmarks=landmarks,
                visible=np.full(LANDMARKS, template is not None),
                box=box,
                identity=person,
                expression=expression,
            )
        )
    if not templates:
        loaded.remark("no templates: landmarks are nan, boxes found from the neutral photographs")
        boxless = sum(bool(np.isnan(record.box).any()) for record in loaded)
        if boxless:
            loaded.remark(f"{boxless} without a neutral photograph have no box", warn=True)
    if not quiet:
        print(loaded.summary())
    return loaded


def people(folder: Path | str | None = None) -> dict[str, dict[str, str | float | None]]:
    """Age (years), gender and ethnicity by person, as the people gave them; None where blank.

    Raises:
        FacelabError: the set or its table is not there.
        DataError: a row has a wrong number of columns or an age that is no number.
    """
    root = find_folder(folder)
    tables = sorted(root.glob("london*info.csv"))
    if not tables:
        raise FacelabError(f"no table of people such as london_info.csv in {root}")
    with tables[0].open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    found: dict[str, dict[str, str | float | None]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != 4:
            raise DataError(tables[0], f"expected 4 columns, found {len(row)}", line)
        cells = [cell.strip() for cell in row]
        identity, age, gender, ethnicity = (None if cell in _BLANKS else cell for cell in cells)
        if identity is None:
            raise DataError(tables[0], "expected a person's number, found a blank", line)
        try:
            years = None if age is None else float(age)
        except ValueError:
            raise DataError(tables[0], f"expected an age, found {age!r}", line) from None
        identity = identity.lower().removeprefix("x").zfill(3)  # figshare's table has "X001"
        found[identity] = {"age": years, "gender": gender, "ethnicity": ethnicity}
    return found


def read_template(path: Path | str) -> np.ndarray:
    """The points of a Psychomorph template, f32 (n, 2), 0-based pixels with y down.

    Raises:
        DataError: no count on line 1, fewer lines than it says, or a line without two numbers.
    """
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    try:
        count = int(lines[0]) if lines else -1
    except ValueError:
        count = -1
    if count <= 0:
        found = repr(lines[0][:40]) if lines else "an empty file"
        raise DataError(path, f"expected the number of points, found {found}", 1)
    points = np.empty((count, 2), dtype=np.float32)
    for index in range(count):
        line = index + 2
        if line > len(lines):
            raise DataError(path, f"expected {count} points, found {index}: the file ends", line)
        try:
            points[index] = [float(value) for value in lines[line - 1].split()]
        except ValueError:
            text = lines[line - 1][:40]
            message = f"expected 'x y' of point {index}, found {text!r}"
            raise DataError(path, message, line) from None
    if not np.isfinite(points).all():
        raise DataError(path, "expected finite coordinates")
    if count != TEMPLATE_POINTS:
        raise DataError(path, f"expected a template of {TEMPLATE_POINTS} points, found {count}", 1)
    return points


def _by_person(folder: Path, suffix: str, extension: str) -> dict[str, Path]:
    """Files `<person><suffix><extension>` by person, without the `._*` files that macOS leaves."""
    files = folder.glob(f"*{suffix}{extension}") if folder.is_dir() else ()
    return {f.stem.removesuffix(suffix): f for f in files if not f.name.startswith("._")}


def _check_inside(template: Path, landmarks: np.ndarray, pixels: np.ndarray) -> None:
    height, width = pixels.shape[:2]
    outside = ((landmarks < -0.5) | (landmarks > [width - 0.5, height - 0.5])).any(axis=1)
    if outside.any():
        count = int(outside.sum())
        raise DataError(template, f"{count} points lie outside the {width}x{height} photograph")


def _moved_box(neutral: Path, pixels: np.ndarray) -> np.ndarray:
    """The neutral photograph's box where the face is in `pixels`; nan where there is none."""
    template = neutral.with_suffix(".tem")
    if not (neutral.is_file() and template.is_file()):
        return np.full(4, np.nan, np.float32)
    landmarks = ibug68(read_template(template))
    shift, _ = shift_of_face(read_image(neutral), landmarks, pixels)
    return _bounds(landmarks + shift)


def _bounds(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)  # (4,)
