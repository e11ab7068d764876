"""What a notebook was asked to do: the values of its parameters cell, checked and typed.

The parameters cell holds strings only, and "" stands for "from the environment, else the default";
so the same notebook serves JupyterLab, papermill and nbval:

    # %% tags=["parameters"]
    tier: str = ""  # smoke, laptop, gpu or paper
    seeds: str = ""  # such as "0,1,2"
    data: str = ""  # "synthetic", or a real data set
    only: str = ""  # parts to run, such as "table-2,table-3"

    # %%
    settings = notebook_parameters(tier=tier, seeds=seeds, data=data, only=only)
"""

import os
from dataclasses import dataclass

from facelab import FacelabError
from facelab.paths import TIERS

DEFAULT_TIER = "laptop"
DEFAULT_DATA = "synthetic"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What a run of a notebook was asked for.

    Attributes:
        tier: one of `paths.TIERS`.
        seeds: the seeds of the experiments; empty means the tier's own.
        data: the name of the data set; "synthetic" are the rendered faces.
        only: the parts to run, by id; empty means all.
    """

    tier: str = DEFAULT_TIER
    seeds: tuple[int, ...] = ()
    data: str = DEFAULT_DATA
    only: tuple[str, ...] = ()


def notebook_parameters(
    *, tier: str = "", seeds: str = "", data: str = "", only: str = ""
) -> Parameters:
    """Checks the strings of a parameters cell; "" is `FACELAB_TIER` and so on, else the default.

    Args:
        tier: one of `paths.TIERS`.
        seeds: whole numbers from 0 up, separated by commas.
        data: the name of a data set.
        only: names of parts, separated by commas.

    Raises:
        FacelabError: an unknown tier, or seeds that are not distinct whole numbers from 0 up.
    """
    tier = _chosen("tier", tier) or DEFAULT_TIER
    if tier not in TIERS:
        raise FacelabError(f"unknown tier {tier!r}: expected one of {', '.join(TIERS)}")
    return Parameters(
        tier=tier,
        seeds=_seeds(_chosen("seeds", seeds)),
        data=_chosen("data", data) or DEFAULT_DATA,
        only=tuple(_split(_chosen("only", only))),
    )


def _chosen(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise FacelabError(f"parameter {name} is a string, such as '0,1' for seeds; got {value!r}")
    return value.strip() or os.environ.get(f"FACELAB_{name.upper()}", "").strip()


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _seeds(text: str) -> tuple[int, ...]:
    parts = _split(text)
    if not all(part.isdecimal() for part in parts):
        raise FacelabError(f"seeds are whole numbers from 0 up, such as '0,1,2'; got {text!r}")
    seeds = tuple(int(part) for part in parts)
    if len(set(seeds)) != len(seeds):
        raise FacelabError(f"each seed stands once; got {text!r}")
    return seeds
