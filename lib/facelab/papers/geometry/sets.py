"""Who is in the two data sets of Bodur et al. (WACV 2021, Sec. 4), and what they show.

AffectNet, found in the wild: everybody once; pose, light and camera vary, and the expressions are
as unbalanced as Table 4 has them. RaFD, of the studio: 67 people, each with eight expressions,
three gazes and five cameras.

What the paper leaves open:

1. *The split.* Not said. Of RaFD's people 60 are learnt from and 7 tested, about a tenth, as
   StarGAN does. AffectNet's test faces are of other people.
2. *Cameras from the side.* RaFD has two, and Table 4 about as many pairs as the other three give:
   a face model is fitted to landmarks of both sides. So pictures from the side have no fit.
3. *How an expression varies.* `facelab.gan.pictures.posed`; contempt sits on either side.
"""

from typing import Literal

import numpy as np

from facelab import faces
from facelab.faces import EMOTIONS, Factors, draws
from facelab.faces.sample import PEOPLE_PER_SPLIT, identities
from facelab.gan.pictures import posed

DataSet = Literal["affectnet", "rafd"]
DATA_SETS = ("affectnet", "rafd")
AFFECTNET = {
    "neutral": 15_000, "happy": 15_000, "sad": 15_000, "surprise": 13_604, "fear": 6_073,
    "disgust": 3_726, "anger": 15_000, "contempt": 3_703,
}  # fmt: skip
"""Table 4: how many pictures show each expression."""
RARE = ("disgust", "contempt")  # left out of the generation rate on AffectNet (Sec. 4.1)
RAFD_PEOPLE = {"train": 60, "test": 7}
GAZES = (-20.0, 0.0, 20.0)  # degrees, in the head
CAMERAS = (-90.0, -45.0, 0.0, 45.0, 90.0)  # degrees of yaw
FITTED = 60.0  # degrees of yaw up to which a face model is fitted
TESTED = {"affectnet": PEOPLE_PER_SPLIT, "rafd": RAFD_PEOPLE["test"] * 8 * 3 * 3}
"""How many test pictures there are that are not taken from the side."""
RAFD_SEED = 11  # of its people, whatever pictures of them are drawn


def factors(
    dataset: DataSet, count: int, *, split: str, seed: int = 8, even: bool = False
) -> Factors:
    """Faces of a data set, ready to be rendered.

    Args:
        dataset: "affectnet" or "rafd".
        count: pictures; for RaFD a random part of all that there are.
        split: "train" or "test"; people differ.
        seed: another seed, other pictures, and other people of AffectNet.
        even: AffectNet's expressions are alike in number, as RaFD's always are.

    Raises:
        ValueError: another data set or split, or more pictures than RaFD has.
    """
    if dataset not in DATA_SETS or split not in RAFD_PEOPLE:
        raise ValueError(
            f"expected one of {', '.join(DATA_SETS)} and a split of {', '.join(RAFD_PEOPLE)}, "
            f"got {dataset!r}, {split!r}"
        )
    stream = draws.key(f"geometry/{dataset}", seed, faces.SPLITS[split])
    if dataset == "rafd":
        found, emotion = _studio(count, split, stream)
    else:
        found = faces.sample(count, seed=seed, split=split, difficulty="common")
        odds = np.array([1.0 if even else AFFECTNET[name] for name in EMOTIONS])
        emotion = draws.choose(draws.uniform(stream, np.arange(count), 1)[:, 0], odds)
    return found.replace(expression=posed(emotion, found.gaze, stream=stream ^ 1), emotion=emotion)


def rafd_size(split: str) -> int:
    """How many pictures RaFD has of the people of a split, those from the side among them.

    >>> rafd_size("train") + rafd_size("test")
    8040
    """
    return RAFD_PEOPLE[split] * len(EMOTIONS) * len(GAZES) * len(CAMERAS)


def fitted(factors: Factors) -> Factors:
    """Those that are not taken from the side, in the same order."""
    return factors[np.abs(factors.pose[:, 0]) <= FITTED]


def seen(dataset: DataSet, count: int, *, seed: int) -> Factors:
    """Test faces, none from the side; the expressions are alike in number.

    Args:
        dataset, seed: see `factors`.
        count: N.

    Raises:
        ValueError: more than there are.
    """
    if count > TESTED[dataset]:
        raise ValueError(f"{dataset} has {TESTED[dataset]} test pictures, got {count}")
    asked = count if dataset == "affectnet" else rafd_size("test")
    found = fitted(factors(dataset, asked, split="test", seed=seed, even=True))
    return found[:count]


def _studio(count: int, split: str, stream: int) -> tuple[Factors, np.ndarray]:
    """RaFD's faces, and which expression they shall show."""
    people, total = RAFD_PEOPLE[split], rafd_size(split)
    if count > total:
        raise ValueError(f"RaFD has {total} pictures of {people} people, got {count}")
    order = np.argsort(draws.uniform(stream, np.arange(total), 1)[:, 0])[:count]
    person, emotion, gaze, camera = np.unravel_index(
        order, (people, len(EMOTIONS), len(GAZES), len(CAMERAS))
    )
    shown = identities(np.arange(people), RAFD_SEED, split, None)[person]
    # The studio's own small differences of pose and gaze stay.
    found = faces.sample(count, seed=RAFD_SEED, split=split, difficulty="studio", people=shown)
    turned, looking = found.pose.copy(), found.gaze.copy()
    turned[:, 0] += np.take(CAMERAS, camera)
    looking[:, 0] += np.take(GAZES, gaze)
    return found.replace(pose=turned, gaze=looking), emotion
