"""Real data sets: one file per on-disk format, all giving the same records."""

from facelab.data.images import DataError, image_size, read_image
from facelab.data.records import DataWarning, Loaded, Problem, Record

__all__ = ["DataError", "DataWarning", "Loaded", "Problem", "Record", "image_size", "read_image"]
