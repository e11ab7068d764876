"""The `.pts` files of the iBUG group (300-W, 300-VW) and of OpenFace.

    version: 1
    n_points:  68
    {
    446.000 91.000
    ...
    }

Met in real files: one or two blanks after the colon, `version: 1.0`, `npoints:`, CRLF, blank
lines, 4, 19 and 68 points. Coordinates come from MATLAB: the first pixel's centre is (1, 1).
"""

import re
from pathlib import Path

import numpy as np

from facelab.data.images import DataError

_COUNT = re.compile(r"^\s*n_?points\s*:\s*(\d+)\s*$", re.IGNORECASE)


def read_pts(path: Path | str, *, points: int | None = 68) -> np.ndarray:
    """The points of a `.pts` file, moved to 0-based pixels, f32 (n, 2).

    Args:
        path: the file.
        points: how many there must be; None for as many as the file says.

    Raises:
        DataError: no count or braces, another count than `points`, fewer or more lines between the
            braces than the count, or a line without two finite numbers; with the line's number.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from error
    count, opened, closed, rows = None, None, None, []
    for number, text in enumerate(lines, start=1):
        text = text.strip()
        if opened is None:
            header = _COUNT.match(text)
            count = int(header.group(1)) if header else count
            if text == "{":
                opened = number
        elif text == "}":
            closed = number
            break
        elif text:
            rows.append((number, text))
    if opened is None:
        raise DataError(path, f"expected a .pts file, found no '{{' in {len(lines)} lines")
    if count is None:
        raise DataError(path, "expected 'n_points: <number>' before the '{'", opened)
    if points is not None and count != points:
        raise DataError(path, f"expected {points} points, the file says {count}")
    if closed is None and len(rows) >= count:
        raise DataError(path, "expected '}' after the points, the file ends", len(lines))
    if len(rows) != count:
        where = "the file ends" if closed is None else "'}'"
        raise DataError(
            path, f"expected {count} points, found {len(rows)} before {where}", closed or len(lines)
        )
    found = np.empty((count, 2), dtype=np.float64)
    for index, (number, text) in enumerate(rows):
        try:
            found[index] = [float(value) for value in text.split()]
            if not np.isfinite(found[index]).all():
                raise ValueError
        except ValueError:
            message = f"expected 'x y' of point {index + 1}, found {text[:40]!r}"
            raise DataError(path, message, number) from None
    return (found - 1.0).astype(np.float32)
