"""What a training is made with: pictures, sizes of networks, schedules.

The defaults are the paper's (Bodur et al., WACV 2021, Sec. 4), and where it is silent StarGAN's.
What neither has, and small trainings need, is marked.
"""

from typing import Literal

import pydantic
from torch import Tensor

from facelab.faces import EMOTIONS
from facelab.gan import loop
from facelab.gan.critics import Discriminator, SplitCritic
from facelab.gan.small import disturbed, initialise_he
from facelab.gan.stargan import Generator
from facelab.papers.geometry import data
from facelab.papers.geometry.model import CHANNELS, Geometry, Translator
from facelab.papers.geometry.reconstruction import Noise
from facelab.papers.geometry.sets import DataSet

LABELS = len(EMOTIONS)


class Record(pydantic.BaseModel):
    """Fields that do not change, and no others."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Pictures(Record):
    """Which pictures, and how large.

    Attributes:
        dataset: see `sets`.
        count: to learn from, before the clean-up.
        size: height and width, pixels.
        margin: side of the crop over that of the landmarks' box; not said.
    """

    dataset: DataSet = "affectnet"
    count: int = pydantic.Field(default=87_106, ge=1)
    size: int = pydantic.Field(default=256, ge=16)
    margin: float = pydantic.Field(default=1.15, gt=0)

    def pairs(self, *, noise: Noise, cleaned: float | None, split: str = "train") -> data.Pairs:
        """The pictures to learn from, or as many of test people."""
        return data.pairs(
            self.dataset, self.count, size=self.size, margin=self.margin, split=split, noise=noise,
            cleaned=cleaned,
        )  # fmt: skip

    def questions(self, count: int) -> data.Questions:
        """Test faces with the true answers."""
        return data.questions(self.dataset, count, size=self.size, margin=self.margin)

    def real(self, count: int) -> tuple[Tensor, Tensor]:
        """Real test pictures, and what they show."""
        return data.real(self.dataset, count, size=self.size, margin=self.margin)


class Sizes(Record):
    """Of a generator and its critic.

    Attributes:
        width, blocks: see `facelab.gan.stargan.Trunk`.
        resized, modulated: see there; in neither paper.
        moved: of G_rgb, see `facelab.gan.stargan.Generator`; in neither paper.
        critic_width, critic_layers: see `facelab.gan.critics.Discriminator`.
        critic_initial: torch's weights as in StarGAN's code, or He's, see `facelab.gan.small`.
        critic_split: ``patch_width`` of a critic in two parts, see there; 0, as in both papers, has
            one body.
        critic_noise, critic_shift: what the critic sees, see there; in neither paper.
    """

    width: int = 64
    blocks: int = 6
    resized: bool = False
    modulated: bool = False
    moved: bool = False
    critic_width: int = 64
    critic_layers: int = 6
    critic_initial: Literal["torch", "he"] = "torch"
    critic_split: int = pydantic.Field(default=0, ge=0)
    critic_noise: float = pydantic.Field(default=0.0, ge=0)
    critic_shift: int = pydantic.Field(default=0, ge=0)

    def generator(self) -> Generator:
        """G_rgb, untrained."""
        return Generator(labels=LABELS, moved=self.moved, **self._body())

    def translator(self, geometry: Geometry) -> Translator:
        """G_depth and G'_depth, untrained."""
        return Translator(geometry=geometry, **self._body())

    def critic(self, *, size: int, geometry: Geometry | None = None) -> Discriminator | SplitCritic:
        """D_rgb, or D_depth where a geometry is named, untrained.

        Raises:
            ValueError: for a size that the layers cannot halve.
        """
        body = {
            "labels": LABELS, "size": size, "width": self.critic_width,
            "layers": self.critic_layers,
            "channels": 3 if geometry is None else CHANNELS[geometry],
        }  # fmt: skip
        critic = (
            SplitCritic(patch_width=self.critic_split, **body)
            if self.critic_split
            else Discriminator(**body)
        )
        if self.critic_initial == "he":
            initialise_he(critic)
        return critic

    def seen(self, images: Tensor) -> Tensor:
        """Pictures, or maps, as the critic sees them."""
        return disturbed(images, noise=self.critic_noise, shift=self.critic_shift)

    def _body(self) -> dict[str, int | bool]:
        return self.model_dump(include={"width", "blocks", "resized", "modulated"})


class Schedule(Record):
    """How long, and how fast.

    Attributes:
        steps: updates of the critic; the paper's "epochs".
        batch: pictures of an update.
        critic_steps: updates of the critic for one of the generator.
        rate, critic_rate: of Adam.
        falling: share of the steps over which the rates fall to zero, linearly; "decay it in every
            1000 epochs" leaves open by how much, and StarGAN has a half.
        reading: further steps before those, in which the critic only learns to read labels, at
            ``reading_rate``; in neither paper.
        average: decay of the moving average of the generator's weights; 0, as in both papers: the
            last ones.
    """

    steps: int = pydantic.Field(ge=1)
    batch: int = pydantic.Field(ge=1)
    critic_steps: int = pydantic.Field(default=5, ge=1)
    rate: float = pydantic.Field(default=1e-4, gt=0)
    critic_rate: float = pydantic.Field(default=1e-4, gt=0)
    falling: float = pydantic.Field(default=0.5, ge=0, le=1)
    reading: int = pydantic.Field(default=0, ge=0)
    reading_rate: float = pydantic.Field(default=1e-3, gt=0)
    average: float = pydantic.Field(default=0.0, ge=0, lt=1)

    def share_of_rate(self, step: int) -> float:
        """Of the rates in a step after the reading: one, then linearly to zero.

        >>> schedule = Schedule(steps=8, batch=1)
        >>> [schedule.share_of_rate(step) for step in (0, 4, 6)]
        [1.0, 1.0, 0.5]
        """
        return loop.share_of_rate(step, steps=self.steps, falling=self.falling)

    def turn(self, step: int) -> bool:
        """Whether the generator has its update in a step after the reading.

        >>> [step for step in range(10) if Schedule(steps=10, batch=1).turn(step)]
        [4, 9]
        """
        return (step + 1) % self.critic_steps == 0

    def noted(self, step: int) -> bool:
        """Whether a step of the generator's goes into the history: about a hundred do."""
        updates = (step + 1) // self.critic_steps
        return self.turn(step) and updates % max(1, self.steps // self.critic_steps // 100) == 0


def duration(schedule: Schedule, sizes: Sizes, pictures: Pictures) -> float:
    """What a schedule takes, relative to others: pictures seen, times what each takes."""
    picture = (pictures.size / 48) ** 2 * (1 + (sizes.width / 16) ** 1.5)
    updates = schedule.steps * (1.0 + 4.0 / schedule.critic_steps) + schedule.reading
    return schedule.batch * updates * picture
