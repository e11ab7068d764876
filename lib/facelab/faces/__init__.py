"""Synthetic faces: sample factors, render them, with every ground truth known.

    factors = faces.sample(16, seed=1, split="train")
    pictures = faces.render(factors, size=64)
    straight = faces.render(factors.replace(pose=np.zeros(3)), size=64)  # the same people, turned
"""

from facelab.faces.expressions import expression_of, units
from facelab.faces.factors import EMOTIONS, HAIR_STYLES, OCCLUDERS, Factors
from facelab.faces.head import Head, load
from facelab.faces.sample import DIFFICULTIES, sample

__all__ = [
    "DIFFICULTIES",
    "EMOTIONS",
    "HAIR_STYLES",
    "OCCLUDERS",
    "Factors",
    "Head",
    "expression_of",
    "load",
    "sample",
    "units",
]
