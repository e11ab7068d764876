"""Maps between ARKit's 52 actions, 17 FACS action units and 8 basic emotions.

Units are those commonly annotated (DISFA and BP4D together). Each is read off the actions that
carry the same muscle: see UNIT_ACTIONS. Emotions are prototypes in the manner of EMFACS (Ekman and
Friesen, 1978/1983), in ARKit's actions, at a natural full strength.
"""

import numpy as np

from facelab.faces.factors import EMOTIONS

ACTIONS = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft",
    "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight",
    "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft",
    "noseSneerRight", "tongueOut",
)  # fmt: skip
UNITS = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10", "AU12", "AU14", "AU15", "AU17",
         "AU20", "AU23", "AU25", "AU26", "AU45")  # fmt: skip
# Unit -> action: a name without a side stands for the mean of left and right.
UNIT_ACTIONS = {
    "AU1": "browInnerUp", "AU2": "browOuterUp", "AU4": "browDown", "AU5": "eyeWide",
    "AU6": "cheekSquint", "AU7": "eyeSquint", "AU9": "noseSneer", "AU10": "mouthUpperUp",
    "AU12": "mouthSmile", "AU14": "mouthDimple", "AU15": "mouthFrown", "AU17": "mouthShrugLower",
    "AU20": "mouthStretch", "AU23": "mouthPress", "AU26": "jawOpen", "AU45": "eyeBlink",
}  # fmt: skip
# Emotion -> action -> natural strength at full emotion; sides as above.
PROTOTYPES: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"mouthSmile": 0.75, "cheekSquint": 0.7, "eyeSquint": 0.3, "mouthUpperUp": 0.35,
              "mouthDimple": 0.15, "jawOpen": 0.08, "mouthLowerDown": 0.1},
    "sad": {"browInnerUp": 1.0, "browDown": 0.2, "mouthFrown": 0.95, "mouthShrugLower": 0.5,
            "eyeSquint": 0.25, "eyeBlink": 0.15},
    "surprise": {"browInnerUp": 0.8, "browOuterUp": 0.85, "eyeWide": 0.7, "jawOpen": 0.45,
                 "mouthFunnel": 0.12},
    "fear": {"browInnerUp": 0.8, "browOuterUp": 0.35, "browDown": 0.35, "eyeWide": 0.85,
             "eyeSquint": 0.2, "mouthStretch": 0.7, "mouthLowerDown": 0.25, "jawOpen": 0.18},
    "disgust": {"noseSneer": 1.0, "mouthUpperUp": 0.75, "browDown": 0.6, "eyeSquint": 0.6,
                "cheekSquint": 0.5, "mouthFrown": 0.5, "mouthShrugLower": 0.35},
    "anger": {"browDown": 1.0, "eyeWide": 0.45, "eyeSquint": 0.5, "noseSneer": 0.45,
              "mouthPress": 0.4, "mouthRollUpper": 0.25, "mouthFrown": 0.6,
              "mouthShrugLower": 0.5, "jawForward": 0.3},
    "contempt": {"mouthSmileLeft": 0.5, "mouthDimpleLeft": 0.65, "mouthUpperUpLeft": 0.15,
                 "eyeSquint": 0.2, "browOuterUpLeft": 0.2},
}  # fmt: skip


def _columns(name: str) -> list[int]:
    """The action's columns: one, or its left and right."""
    names = [name] if name in ACTIONS else [name + "Left", name + "Right"]
    return [ACTIONS.index(n) for n in names]


def actions(**strengths: float) -> np.ndarray:
    """Expression (52,) from named actions, e.g. `actions(jawOpen=0.5, mouthSmile=0.3)`.

    A name without `Left` or `Right` sets both sides.
    """
    expression = np.zeros(52, np.float32)
    for name, strength in strengths.items():
        try:
            columns = _columns(name)
        except ValueError:
            raise ValueError(f"no action named {name!r}; see expressions.ACTIONS") from None
        expression[columns] = strength
    return expression


def expression_of(emotion: str | int, strength: float = 1.0) -> np.ndarray:
    """The prototype of an emotion: (52,) float32, scaled by `strength` in [0, 1.3].

    Raises:
        ValueError: no such emotion, or a strength out of range.
    """
    name = EMOTIONS[emotion] if isinstance(emotion, (int, np.integer)) else emotion
    if name not in PROTOTYPES:
        raise ValueError(f"no emotion named {name!r}: expected one of {', '.join(EMOTIONS)}")
    if not 0 <= strength <= 1.3:
        raise ValueError(f"an emotion's strength lies in [0, 1.3], got {strength}")
    return np.clip(actions(**PROTOTYPES[name]) * np.float32(strength), 0, 1)


def units(expression: np.ndarray) -> np.ndarray:
    """Intensities of the 17 FACS units, (N, 17) in [0, 1] in the order UNITS, of (N, 52) actions.

    A unit is the mean of its action's two sides. AU25 (lips part) is what opens the lips: the sum
    of the jaw's drop and both lips' lifts, less what `mouthClose` and `mouthPress` take back.
    """
    expression = np.asarray(expression, np.float32)
    if expression.ndim != 2 or expression.shape[1] != 52:
        raise ValueError(f"expected expressions of shape (N, 52), got {expression.shape}")
    side = {u: expression[:, _columns(name)].mean(1) for u, name in UNIT_ACTIONS.items()}
    read = lambda name: expression[:, _columns(name)].mean(1)  # noqa: E731
    opened = 1.6 * read("jawOpen") + 0.8 * (read("mouthLowerDown") + read("mouthUpperUp"))
    closed = read("mouthClose") + 0.5 * side["AU23"]
    side["AU25"] = np.clip(opened + 0.5 * read("mouthFunnel") - closed, 0, 1)
    return np.stack([side[name] for name in UNITS], 1).astype(np.float32)


PARTNER = np.array(
    [ACTIONS.index(n[:-4] + "Right") if n.endswith("Left") and n[:-4] + "Right" in ACTIONS
     else ACTIONS.index(n[:-5] + "Left") if n.endswith("Right") and n[:-5] + "Left" in ACTIONS
     else k for k, n in enumerate(ACTIONS)]
)  # fmt: skip
"""The action of the other side, (52,): jawLeft and jawRight, mouthLeft and mouthRight likewise."""
SHARED = np.minimum(PARTNER, np.arange(52))
"""The first of an action and its partner: what both sides draw their common part from."""


def mirrored(expression: np.ndarray) -> np.ndarray:
    """The expression (..., 52) of the mirrored face."""
    return np.asarray(expression)[..., PARTNER]


def plausible(expression: np.ndarray) -> np.ndarray:
    """Expressions (N, 52) in [0, 1] that a face can make: opposing actions cancel.

    A jaw or mouth moves to one side only, `mouthClose` closes no more than the jaw opened, the
    tongue comes out of open jaws only, and lips do not smile, purse, press and drop at once.
    """
    e = dict(zip(ACTIONS, np.array(expression, np.float32).T, strict=True))
    for one, other in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):
        e[one], e[other] = np.maximum(e[one] - e[other], 0), np.maximum(e[other] - e[one], 0)
    purse = np.clip(e["mouthPucker"] + e["mouthFunnel"], 0, 1)
    roll = np.clip(e["mouthRollLower"] + e["mouthRollUpper"], 0, 1)
    for side in ("Left", "Right"):
        smile, frown = e["mouthSmile" + side], e["mouthFrown" + side]
        e["mouthSmile" + side] = smile * (1 - 0.6 * np.clip(frown, 0, 1)) * (1 - 0.7 * purse)
        e["mouthFrown" + side] = frown * (1 - 0.6 * np.clip(smile, 0, 1))
        e["mouthStretch" + side] *= (1 - 0.7 * purse) * (1 - 0.4 * np.clip(smile, 0, 1))
        e["eyeWide" + side] *= np.clip(1 - e["eyeBlink" + side], 0, 1)
        press = np.clip(e["mouthPress" + side] + roll, 0, 1)
        e["mouthLowerDown" + side] *= 1 - 0.8 * press
        e["mouthUpperUp" + side] *= 1 - 0.6 * press
    e["cheekPuff"] *= np.clip(1 - 3 * e["jawOpen"], 0, 1)
    e["mouthClose"] = np.minimum(e["mouthClose"], e["jawOpen"])
    e["tongueOut"] *= np.clip((e["jawOpen"] - 0.1) / 0.25, 0, 1)
    return np.clip(np.stack([e[name] for name in ACTIONS], 1), 0, 1)


def _mixed() -> np.ndarray:
    """Odds and largest strength of each action in a random mixture: (52, 2)."""
    odds = {"brow": (0.22, 0.8), "cheekPuff": (0.03, 0.7), "cheekSquint": (0.2, 0.7),
            "eyeSquint": (0.14, 0.6), "eyeWide": (0.1, 0.8), "eyeBlink": (0.03, 0.9),
            "jawOpen": (0.3, 0.7), "jaw": (0.04, 0.5), "mouthSmile": (0.35, 0.8),
            "mouthFrown": (0.06, 0.7),
            "mouthClose": (0.06, 0.4), "mouthLeft": (0.05, 0.6), "mouthRight": (0.05, 0.6),
            "mouthPucker": (0.08, 0.8), "mouthFunnel": (0.08, 0.7), "mouthRoll": (0.06, 0.7),
            "mouth": (0.09, 0.7), "noseSneer": (0.1, 0.8), "tongueOut": (0.01, 0.6),
            "eyeLook": (0.0, 0.0)}  # fmt: skip
    longest = [max((k for k in odds if name.startswith(k)), key=len) for name in ACTIONS]
    return np.array([odds[key] for key in longest])


MIXED = _mixed()
