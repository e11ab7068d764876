"""The runs behind the tables and figures of geometry-guided synthesis (Bodur et al., WACV 2021).

`settings(tier)` is a record of sizes and schedules whose methods list the runs (`GeometryRun`) of
each table, by the paper's names. Protocol of the paper (Sec. 4): the depth network alone, then both
end to end; Adam, five updates of the critics for one of the generators.

GANimation and GANnotation, two further rows of Table 1, are trained by their own code on pictures
like AffectNet's (`Settings.others`), as in the paper; `rows` puts the same questions to all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from facelab.gan import gannotation_run
from facelab.gan.gannotation_run import GannotationRun
from facelab.gan.training import Weights
from facelab.papers.ganimation import experiments as ganimation
from facelab.papers.ganimation.run import GanimationRun
from facelab.papers.geometry.data import Questions
from facelab.papers.geometry.losses import WEIGHTS, Choices
from facelab.papers.geometry.options import Pictures, Schedule, Sizes
from facelab.papers.geometry.pretraining import PretrainRun
from facelab.papers.geometry.reconstruction import EXACT
from facelab.papers.geometry.run import STARGAN, GeometryRun
from facelab.papers.geometry.sets import TESTED, DataSet

DEPTH, NORMALS_PENALTY, DEPTH_PENALTY = (
    "Our Method (depth map)",
    "Our Method (normal map, penalty)",
    "Our Method (depth map, penalty)",
)
MAIN = ("as in Table 1", "w = 0.3", "depth network frozen", "predictions as real", "other sign")
ABLATED = (*MAIN, "no clean-up", "no clean-up, no penalty", "true geometry")

Row = GeometryRun | GanimationRun | GannotationRun
Group = Callable[[int], Mapping[str, Row]]
"""The runs of a table by the paper's names, of one seed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes and schedules of a tier.

    Attributes:
        base: fields of `GeometryRun` common to all runs.
        rafd: further fields of the runs on RaFD.
        ganimation: fields in which its run differs from that of the same tier in its own notebook,
            besides faces as AffectNet has them, which show the eight emotions.
        gannotation: fields of its run, besides those that all rows share.
        seeds: of every row.
        test: test faces, each asked for eight expressions; RaFD has no more than `sets.TESTED`.
        real: real pictures of the Frechet distance, likewise.
        ablated: which of `ABLATED` are trained.
    """

    tier: str
    base: dict[str, Any]
    rafd: dict[str, Any]
    ganimation: dict[str, Any]
    gannotation: dict[str, Any]
    seeds: tuple[int, ...] = (0,)
    test: int = 64
    real: int = 512
    ablated: tuple[str, ...] = ABLATED

    def run(self, dataset: DataSet = "affectnet", **changes: Any) -> GeometryRun:
        """A run with this tier's sizes, and what is said otherwise."""
        further = self.rafd if dataset == "rafd" else {}
        return GeometryRun(**{**self.base, **further, **changes})

    def choices(self, **changes: Any) -> Choices:
        """This tier's choices, and what is said otherwise."""
        return self.run().choices.model_copy(update=changes)

    def questions(self, dataset: DataSet = "affectnet") -> Questions:
        """The test faces with the true answers, as many as there are."""
        return self.run(dataset).pictures.questions(min(self.test, TESTED[dataset]))

    def real_pictures(self, dataset: DataSet = "affectnet") -> tuple[Tensor, Tensor]:
        """Real test pictures of the Frechet distance, and what they show, (N,)."""
        return self.run(dataset).pictures.real(min(self.real, TESTED[dataset]))

    def table_1(self, seed: int = 0) -> dict[str, GeometryRun]:
        """Table 1, AffectNet: the rows that are ours to train, by the paper's names."""
        return {
            "StarGAN": self.run(choices=STARGAN, seed=seed),
            DEPTH: self.run(choices=self.choices(penalty=0.0), seed=seed),
            NORMALS_PENALTY: self.run(geometry="normals", seed=seed),
            DEPTH_PENALTY: self.run(seed=seed),
        }

    def others(self, seed: int = 0) -> dict[str, Row]:
        """The rows of Table 1 that are other papers' methods, on the same number of pictures."""
        pictures = self.run().pictures
        shared = {
            "difficulty": "common", "pictures": pictures.count, "size": pictures.size,
            "margin": pictures.margin, "seed": seed, "test": 8,  # their own evaluation is not used
        }  # fmt: skip
        return {
            "GANimation": ganimation.settings(self.tier).run(
                shown="emotions", **shared, **self.ganimation
            ),
            "GANnotation": GannotationRun(**shared, **self.gannotation),
        }

    def table_2(self, seed: int = 0) -> dict[str, GeometryRun]:
        """Table 2, RaFD."""
        return {
            "StarGAN": self.run("rafd", choices=STARGAN, seed=seed),
            DEPTH_PENALTY: self.run("rafd", seed=seed),
        }

    def table_3(self, seed: int = 0) -> dict[str, GeometryRun]:
        """Table 3, the weight of the depth network, without the penalty; 0 is StarGAN."""
        chosen = {w: self.choices(weight=w, penalty=0.0) if w else STARGAN for w in WEIGHTS}
        return {f"{w:g}": self.run(choices=choice, seed=seed) for w, choice in chosen.items()}

    def ablations(self, seed: int = 0) -> dict[str, GeometryRun]:
        """What the paper leaves open, one thing at a time: depth with the penalty, but for it.

        "predictions as real": D_depth compares G_depth(I_t) with G_depth(I_s), not with d_s. "other
        sign": the penalty makes D_depth surer. "no clean-up": bad fits stay, which the penalty is
        there for. "true geometry": what a perfect reconstruction would give.
        """
        changed = {
            "as in Table 1": {},
            "w = 0.3": {"choices": self.choices(weight=0.3)},
            "depth network frozen": {"choices": self.choices(frozen=True)},
            "predictions as real": {"choices": self.choices(real="prediction")},
            "other sign": {"choices": self.choices(penalty_sign="punishes entropy")},
            "no clean-up": {"cleaned": None},
            "no clean-up, no penalty": {"cleaned": None, "choices": self.choices(penalty=0.0)},
            "true geometry": {"noise": EXACT, "cleaned": None},
        }
        return {name: self.run(**changed[name], seed=seed) for name in self.ablated}

    def runs(self, *groups: Group) -> list[Row | PretrainRun]:
        """All runs of all seeds of some of the groups above, each once."""
        groups = groups or (
            self.table_1, self.others, self.table_2, self.table_3, self.ablations
        )  # fmt: skip
        listed = [run for group in groups for seed in self.seeds for run in group(seed).values()]
        return _once(listed)

    def first(self, *groups: Group) -> list[Row | PretrainRun]:
        """What `runs` of these groups go on from, each once: to be trained before them.

        A run trains what it goes on from by itself where that is missing, but then others wait.
        """
        going_on = [run for run in self.runs(*groups) if isinstance(run, GeometryRun)]
        found = [start for run in going_on for start in (run.begun(), run.pretrained())]
        return _once([start for start in found if start is not None])

    def everything(self) -> list[Row | PretrainRun]:
        """All runs of the tier, each once, in an order that can be trained."""
        return _once([*self.first(), *self.runs()])


def _once(runs: list[Row | PretrainRun]) -> list[Row | PretrainRun]:
    return list({run.infra.uid(): run for run in runs}.values())


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
# `facelab.gan.small` and `gan.loop.resists`. Even targets, as the rare ones would never be learnt.
_SMALL = {
    "weights": Weights(kind="hinge", adversarial=3.0, penalty=0.0, r1=1.0),
    "resisting": 0.5,
    "targets": "even",
}
_BODY = {"resized": True, "modulated": True, "critic_initial": "he", "critic_noise": 0.15}
_COLOURS = {"moved": True, "critic_split": 24}  # of G_rgb and D_rgb
_ONE = {"critic_steps": 1}


def _laptop(dataset: DataSet, count: int, reading: int, steps: int) -> dict[str, Any]:
    """Pictures of a laptop, and how long StarGAN trains alone."""
    fast = {**_ONE, "batch": 8, "rate": 1e-3, "critic_rate": 4e-4, "falling": 0.0}
    return {
        "pictures": Pictures(dataset=dataset, count=count, size=48),
        "alone": Schedule(steps=steps, reading=reading, **fast),
    }


def _smoke(dataset: DataSet) -> dict[str, Any]:
    return {"pictures": Pictures(dataset=dataset, count=24, size=32)}


TIERS = {
    "smoke": Settings(
        tier="smoke",
        base={
            **_SMALL,
            **_smoke("affectnet"),
            "sizes": Sizes(
                width=4, blocks=1, critic_width=4, critic_layers=3, **_BODY, **_COLOURS
            ),
            "depth_sizes": Sizes(width=4, blocks=1, critic_width=4, critic_layers=3, **_BODY),
            "alone": Schedule(steps=1, batch=4, reading=1, **_ONE),
            "pretraining": Schedule(steps=1, batch=4, **_ONE),
            "schedule": Schedule(steps=1, batch=4, average=0.5, **_ONE),
        },
        rafd=_smoke("rafd"),
        ganimation={},
        gannotation={
            **gannotation_run.SMALL, "width": 4, "blocks": 1, "critic_width": 4,
            "critic_split": 4, "critic_layers": 3, "matching": 2, "steps": 2, "batch": 4,
            "average": 0.5,
        },
        test=8,
        real=16,
    ),
    "laptop": Settings(
        tier="laptop",
        base={
            **_SMALL,
            **_laptop("affectnet", count=4000, reading=3000, steps=1300),
            "sizes": Sizes(
                width=16, blocks=3, critic_width=32, critic_layers=4, critic_shift=3, **_BODY,
                **_COLOURS,
            ),
            "depth_sizes": Sizes(
                width=8, blocks=2, critic_width=16, critic_layers=4, critic_shift=3, **_BODY
            ),
            "pretraining": Schedule(steps=400, batch=8, rate=1e-3, critic_rate=4e-4, **_ONE),
            "schedule": Schedule(
                steps=200, batch=8, rate=5e-4, critic_rate=2e-4, average=0.98, **_ONE
            ),
        },
        rafd=_laptop("rafd", count=3000, reading=1500, steps=600),
        ganimation={"reading": 3000, "steps": 1000, "average": 0.99},
        gannotation={
            **gannotation_run.SMALL, "width": 16, "blocks": 3, "critic_width": 32,
            "critic_layers": 4, "critic_split": 24, "matching": 2000, "steps": 420,
            "average": 0.985,
        },
        test=48,
        real=384,
        ablated=MAIN,
    ),
    "gpu": Settings(
        tier="gpu",
        base={
            **_SMALL,
            "pictures": Pictures(count=30_000, size=128),
            "sizes": Sizes(critic_shift=8, **_BODY, **{**_COLOURS, "critic_split": 48}),
            "depth_sizes": Sizes(width=32, critic_width=32, critic_shift=8, **_BODY),
            "alone": Schedule(
                steps=10_000, reading=5000, batch=16, rate=4e-4, critic_rate=2e-4, falling=0.0,
                **_ONE,
            ),
            "pretraining": Schedule(steps=5000, batch=16, rate=4e-4, critic_rate=2e-4, **_ONE),
            "schedule": Schedule(
                steps=3000, batch=16, rate=2e-4, critic_rate=1e-4, average=0.999, **_ONE
            ),
        },
        rafd={"pictures": Pictures(dataset="rafd", count=7200, size=128)},
        ganimation={"steps": 10_000},
        gannotation={**gannotation_run.SMALL, "batch": 16, "rate": 4e-4, "critic_rate": 2e-4,
                     "critic_split": 48, "matching": 5000, "steps": 10_000, "average": 0.999},
        seeds=(0, 1, 2),
        test=256,
        real=2048,
    ),
    "paper": Settings(
        tier="paper",
        base={},
        rafd={"pictures": Pictures(dataset="rafd", count=7200)},
        ganimation={},
        gannotation={},
        test=1000,
        real=8000,
    ),
}  # fmt: skip
