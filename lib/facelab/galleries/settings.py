"""What a tier asks of notebook 01_faces; every tier draws every figure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes of a tier.

    Attributes:
        wall: people on the first sheet, a multiple of eight.
        scale: pixels rendered for each pixel shown.
        many: faces behind each histogram and statistic.
        timed: faces in each timing.
    """

    wall: int = 32
    scale: float = 1.0
    many: int = 512
    timed: int = 256


TIERS = {
    "smoke": Settings(wall=16, scale=0.5, many=64, timed=32),
    "laptop": Settings(),
    "gpu": Settings(many=4096, timed=2048),
    "paper": Settings(many=4096, timed=2048),
}


def settings(tier: str) -> Settings:
    """The sizes of a tier.

    Raises:
        ValueError: no such tier.
    """
    if tier not in TIERS:
        raise ValueError(f"no tier {tier!r}: expected one of {', '.join(TIERS)}")
    return TIERS[tier]
