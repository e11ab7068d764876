"""Reading photographs as they lie on real disks.

Face data sets hold PNG bytes in files named .jpg, palette, grey, 16-bit and CMYK images, alpha
channels, pictures that are upright only by their EXIF tag, and truncated downloads. `read_image`
gives the same upright RGB array for all of them, or an error that names the file.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from facelab import FacelabError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".gif", ".tif", ".tiff")


class DataError(FacelabError):
    """A file of a data set is missing or is not what it should be.

    Args:
        path: the file.
        message: what was expected and what was found.
        line: 1-based line of a text file, or None.
    """

    def __init__(self, path: Path | str, message: str, line: int | None = None) -> None:
        self.path, self.message, self.line = Path(path), message, line
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {message}")


def read_image(path: Path | str) -> np.ndarray:
    """Reads any image file as upright RGB.

    The format is taken from the bytes, never from the name. Transparent pixels show white, 16-bit
    grey is scaled to 8 bits, an EXIF orientation is applied (so annotations must be in upright
    pixels), and the first frame of an animation is taken.

    Returns:
        uint8 (H, W, 3).

    Raises:
        DataError: the file is missing, empty, truncated or no image.
    """
    try:
        with Image.open(path) as opened:
            return np.array(_rgb(ImageOps.exif_transpose(opened)))  # (H, W, 3)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def image_size(path: Path | str) -> tuple[int, int]:
    """(width, height) in upright pixels, from the header alone.

    Raises:
        DataError: the file is missing, empty or no image. A truncated one passes: its header is
            whole, and only `read_image` can tell.
    """
    try:
        with Image.open(path) as opened:
            width, height = opened.size
            turned = opened.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    return (height, width) if turned else (width, height)


_ORIENTATION = 0x0112  # the EXIF tag; values 5 to 8 swap width and height
# Pillow raises SyntaxError on broken PNG chunks and ValueError on some broken headers.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode to RGB, without the clipping and the stray colours of a bare `convert`."""
    if image.mode.startswith("I"):  # 16-bit grey, which `convert` would clip at 255
        grey = np.asarray(image, dtype=np.float64) / 257.0
        image = Image.fromarray(grey.clip(0, 255).round().astype(np.uint8), mode="L")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _unreadable(path: Path | str, error: Exception) -> DataError:
    path = Path(path)
    if not path.exists():
        return DataError(path, "no such image file")
    if path.is_dir():
        return DataError(path, "expected an image file, found a folder")
    size = path.stat().st_size
    if size == 0:
        return DataError(path, "expected an image, found an empty file")
    if isinstance(error, UnidentifiedImageError):
        return DataError(path, f"expected an image, found {size} bytes of something else")
    return DataError(path, f"damaged image of {size} bytes ({error})")
