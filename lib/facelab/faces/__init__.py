"""Synthetic faces: sample factors, render them, with every ground truth known.

factors = faces.sample(16, seed=1, split="train")
pictures = faces.render(factors, size=64)
straight = faces.render(factors.replace(pose=np.zeros(3)), size=64)  # the same people, turned
many = faces.dataset(10_000, seed=1, difficulty="train", size=64)    # kept on disk
"""

from facelab.faces.dataset import dataset, rendered
from facelab.faces.expressions import ACTIONS, UNITS, actions, expression_of, units
from facelab.faces.factors import EMOTIONS, HAIR_STYLES, MAKEUP, OCCLUDERS, Factors
from facelab.faces.head import Head, load
from facelab.faces.render import CHANNELS, MASKS, Faces, crops, flow, render
from facelab.faces.sample import DIFFICULTIES, SPLITS, sample
from facelab.faces.video import video

__all__ = [
    "ACTIONS",
    "CHANNELS",
    "DIFFICULTIES",
    "EMOTIONS",
    "HAIR_STYLES",
    "MAKEUP",
    "MASKS",
    "OCCLUDERS",
    "SPLITS",
    "UNITS",
    "Faces",
    "Factors",
    "Head",
    "actions",
    "crops",
    "dataset",
    "expression_of",
    "flow",
    "load",
    "render",
    "rendered",
    "sample",
    "units",
    "video",
]
