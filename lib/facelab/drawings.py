"""A figure of the lab book as a notebook shows it, its pictures, and what it plots as a frame."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from facelab import FacelabError, paths

SVG_LIMIT = 150_000  # bytes; beyond it an SVG is little but the raster that the PNG holds already


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


def write_pictures(fig: Figure, folder: Path, id: str) -> list[str]:
    """Writes a figure as PNG and, unless it takes more than `SVG_LIMIT` bytes, as SVG.

    Both have the layout that the PNG is drawn with: afterwards the figure has no layout engine.

    Args:
        fig: the figure.
        folder: where to.
        id: file name without suffix.

    Returns:
        The names of the files; an SVG of an earlier run that is too large now is gone.
    """
    png, svg = folder / f"{id}.png", folder / f"{id}.svg"
    with paths.atomic_write(png) as temporary:
        small = {"metadata": {"Software": None}, "pil_kwargs": {"optimize": True}}
        fig.savefig(temporary, bbox_inches="tight", **small)
    fig.set_layout_engine("none")
    content = _Limited(SVG_LIMIT)
    blank = {"Date": None, "Creator": None}
    try:
        with mpl.rc_context({"svg.hashsalt": "facelab"}):
            fig.savefig(content, format="svg", bbox_inches="tight", metadata=blank)
    except _TooLarge:
        svg.unlink(missing_ok=True)
        return [png.name]
    with paths.atomic_write(svg) as temporary:
        temporary.write_bytes(content.getvalue())
    return [png.name, svg.name]


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


class _TooLarge(Exception):
    """More was written than is allowed."""


class _Limited(io.BytesIO):
    """A file in memory that takes so many bytes and no more."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, content: Any) -> int:
        if self.tell() + len(content) > self._limit:
            raise _TooLarge
        return super().write(content)
