"""A figure of the lab book as a notebook shows it, and what it plots as a frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from facelab import FacelabError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure in the book; a notebook shows the picture, the caption and where it is from."""

    png: Path
    alt: str
    caption: str
    source: str

    def _ipython_display_(self) -> None:
        bundle = {"image/png": self.png.read_bytes(), "text/plain": self.alt}
        display(bundle, raw=True, metadata={"image/png": {"alt": self.alt}})
        display(Markdown(f"*{self.caption}*  \n<sub>{self.source}</sub>"))


def plotted(data: pd.DataFrame | Mapping[str, Any], id: str) -> pd.DataFrame:
    """What a figure plots, as a frame.

    Raises:
        FacelabError: there is nothing.
    """
    if isinstance(data, pd.DataFrame):
        frame = data
    elif isinstance(data, Mapping):
        arrays = {name: _array(value) for name, value in data.items()}
        shapes = {array.shape for array in arrays.values()}
        if len(shapes) == 1 and all(array.ndim == 1 for array in arrays.values()):
            frame = pd.DataFrame(arrays)
        else:
            frame = _long(arrays)
    else:
        raise FacelabError(f"{id}: data is a frame or arrays by name; got {type(data).__name__}")
    if frame.empty:
        raise FacelabError(f"{id}: data is empty; give what is plotted")
    return frame


def _long(arrays: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Arrays of any shapes as lines of name, indices and value."""
    parts = []
    for name, array in arrays.items():
        indices = np.indices(array.shape).reshape(array.ndim, -1)  # (D, size)
        columns = {f"index_{axis}": index for axis, index in enumerate(indices)}
        parts.append(pd.DataFrame({"name": name, **columns, "value": array.ravel()}))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    axes = [column for column in frame.columns if column.startswith("index_")]
    frame[axes] = frame[axes].astype("Int64")  # whole numbers, also where an axis is missing
    return frame[["name", *axes, "value"]] if parts else frame


def _array(value: Any) -> np.ndarray:
    return np.atleast_1d(np.asarray(value.detach().cpu() if hasattr(value, "detach") else value))
