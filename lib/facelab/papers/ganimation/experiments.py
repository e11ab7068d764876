"""The runs behind the figures of GANimation (Pumarola et al., ECCV 2018).

`settings(tier)` is a record of sizes and schedules whose methods list the runs (`GanimationRun`).
Protocol of the paper (Sec. 5): Adam, batches of 25, thirty epochs of 200,000 pictures, five updates
of the critic for one of the generator, rates that fall to zero over the last third.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from facelab.faces import EMOTIONS
from facelab.gan import cyclegan_run, icgan_run, stargan_run
from facelab.gan.cyclegan_run import CycleganRun
from facelab.gan.icgan_run import IcganRun
from facelab.gan.stargan_run import StarganRun
from facelab.papers.ganimation import losses
from facelab.papers.ganimation.run import GanimationRun

Baseline = CycleganRun | IcganRun | StarganRun


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes and schedules of a tier.

    Attributes:
        base: fields of `GanimationRun` common to all runs.
        seeds: of the main run.
        short: further fields of the runs that compare settings with each other.
        cyclegan, icgan, stargan: fields of the other methods' runs; faces are `base`'s.
        cycled: emotions for which CycleGAN is trained, once each.
    """

    tier: str
    base: dict[str, Any]
    seeds: tuple[int, ...] = (0,)
    short: dict[str, Any] = field(default_factory=dict)
    cyclegan: dict[str, Any] = field(default_factory=dict)
    icgan: dict[str, Any] = field(default_factory=dict)
    stargan: dict[str, Any] = field(default_factory=dict)
    cycled: tuple[str, ...] = EMOTIONS[1:]

    def run(self, **changes: Any) -> GanimationRun:
        """A run with this tier's sizes, and what is said otherwise."""
        return GanimationRun(**{**self.base, **changes})

    def main(self) -> list[GanimationRun]:
        """The runs behind all figures, one a seed."""
        return [self.run(seed=seed) for seed in self.seeds]

    def attention(self) -> dict[str, GanimationRun]:
        """The known failure and its cure: shorter runs that differ in the attention's loss.

        A heavy L_A draws the attention to zero, and every pixel is drawn anew. From a start near
        one it does not come back: colours that nobody sees get no gradient, and the picture is
        copied.
        """
        weights = self.run().weights
        named = {
            "as in the other figures": (weights, self.run().kept),
            "start at 0.999": (weights, 0.999),
            "L_A times 50": (
                weights.model_copy(update={"attention": 50.0 * weights.attention}), 0.5),
        }  # fmt: skip
        return {
            name: self.run(weights=weight, kept=kept, seed=self.seeds[0], **self.short)
            for name, (weight, kept) in named.items()
        }

    def baselines(self) -> dict[str, list[Baseline]]:
        """Fig. 6's other methods but DIAT, by the paper's names: on the same people, one seed.

        CycleGAN has a training for each emotion; the others have one for all.
        """
        main = self.run(seed=self.seeds[0])
        shared = ("size", "margin", "difficulty", "pictures", "test", "seed")
        faces = {name: getattr(main, name) for name in shared}
        cyclegan = {**faces, **self.cyclegan}
        return {
            "CycleGAN": [CycleganRun(emotion=emotion, **cyclegan) for emotion in self.cycled],
            "IcGAN": [IcganRun(**{**faces, **self.icgan})],
            "StarGAN": [StarganRun(**{**faces, **self.stargan})],
        }

    def everything(self) -> list[GanimationRun | Baseline]:
        """All runs of the tier, each once."""
        others = [run for runs in self.baselines().values() for run in runs]
        listed = [*self.main(), *self.attention().values(), *others]
        return list({run.infra.uid(): run for run in listed}.values())


def settings(tier: str, seeds: tuple[int, ...] = ()) -> Settings:
    """The settings of "smoke", "laptop", "gpu" or "paper", with other seeds where some are given.

    Raises:
        ValueError: for another name.
    """
    if tier not in TIERS:
        raise ValueError(f"unknown tier {tier!r}: expected one of {', '.join(TIERS)}")
    return replace(TIERS[tier], seeds=seeds) if seeds else TIERS[tier]


# Small trainings cannot pay five updates of the critic for one of the generator, which the hinge
# loss does not need, and slopes at real pictures (R1) cost one pass less than between pictures. A
# critic that was taught by few pictures is fooled sooner than it is convinced: see
# `gan.critics.SplitCritic` and `disturbed`, and `reading` and `resisting` in the weights.
SMALL = losses.Weights(
    kind="hinge", penalty=0.0, r1=1.6, apart=False,
    adversarial=4.0, units=120.0, reading=160.0, resisting=0.5,
)  # fmt: skip
_SMALL = {
    "weights": SMALL, "critic_steps": 1, "critic_initial": "he", "critic_noise": 0.15,
    "noise": 0.0, "kept": 0.5, "resized": True, "modulated": True, "moved": True,
}  # fmt: skip
TIERS = {
    "smoke": Settings(
        tier="smoke",
        base={
            **_SMALL, "size": 32, "difficulty": "studio", "pictures": 24, "test": 4, "width": 4,
            "blocks": 1, "critic_width": 4, "critic_layers": 3, "critic_split": 4,
            "critic_shift": 1, "reading": 2, "steps": 2, "batch": 4, "average": 0.5,
        },
        short={"steps": 1},
        cyclegan={
            **cyclegan_run.SMALL, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3,
            "steps": 2, "batch": 4, "average": 0.5,
        },
        icgan={
            **icgan_run.SMALL, "latent": 8, "width": 4, "encoder_width": 4, "critic_width": 4,
            "critic_layers": 3, "steps": 2, "encoding": 2, "batch": 4, "average": 0.5,
        },
        stargan={
            **stargan_run.SMALL, "width": 4, "blocks": 1, "critic_width": 4, "critic_layers": 3,
            "critic_split": 4, "critic_shift": 1, "reading": 2, "steps": 2, "batch": 4,
            "average": 0.5,
        },
        cycled=("happy",),
    ),
    "laptop": Settings(
        tier="laptop",
        base={
            **_SMALL, "size": 48, "difficulty": "studio", "pictures": 5000, "test": 48, "width": 16,
            "blocks": 3, "critic_width": 32, "critic_layers": 4, "critic_split": 24,
            "critic_shift": 3, "reading": 4000, "steps": 3500, "batch": 8, "rate": 1e-3,
            "critic_rate": 4e-4, "average": 0.995,
        },
        short={"reading": 500, "steps": 300, "average": 0.98},
        cyclegan={
            **cyclegan_run.SMALL, "pictures": 2000, "width": 16, "blocks": 3, "critic_width": 16,
            "steps": 600,
        },
        icgan={
            **icgan_run.SMALL, "width": 16, "encoder_width": 16, "critic_width": 32,
            "steps": 1200, "encoding": 800, "falling": 1 / 3,
        },
        stargan={
            **stargan_run.SMALL, "width": 16, "blocks": 3, "critic_width": 32, "critic_layers": 4,
            "critic_split": 24, "critic_shift": 3, "reading": 2000, "steps": 1200, "falling": 1 / 3,
        },
        cycled=("happy",),
    ),
    "gpu": Settings(
        tier="gpu",
        base={
            **_SMALL, "pictures": 50_000, "test": 256, "reading": 5000, "steps": 20_000,
            "batch": 16, "critic_split": 48, "critic_shift": 8, "rate": 4e-4,
            "critic_rate": 2e-4, "average": 0.999,
        },
        short={"reading": 2000, "steps": 2000},
        cyclegan={**cyclegan_run.SMALL, "pictures": 8000, "steps": 4000, "rate": 4e-4},
        icgan={**icgan_run.SMALL, "steps": 10_000, "encoding": 5000, "batch": 32, "rate": 4e-4},
        stargan={
            **stargan_run.SMALL, "critic_split": 48, "critic_shift": 8, "reading": 5000,
            "steps": 15_000, "batch": 16, "rate": 4e-4, "critic_rate": 2e-4, "average": 0.999,
        },
    ),
    "paper": Settings(tier="paper", base={}),
}  # fmt: skip
