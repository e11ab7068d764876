"""Judges: networks that score other networks, trained on the synthetic world's pictures only.

jury = judges.load("laptop")                       # trained once, then from the cache
jury.expression(images)                            # (N, 8) log-probabilities, by faces.EMOTIONS
distances.fid(real, fake, jury.features)           # with our feature network

Notebook 02_judges shows what each of them is, and how far it can be trusted.
"""

from facelab.judges.jury import Jury, load

__all__ = ["Jury", "load"]
