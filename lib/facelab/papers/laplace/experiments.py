"""The runs behind the tables and figures of Laplace Landmark Localization.

`settings(tier)` is a record of sizes and schedules whose methods list the runs (`LaplaceRun`) of
each table and figure. Protocol of the paper (Sec. 3.4, 4): from scratch, Adam, no augmentation, one
labelled and one unlabelled mini-batch a step, errors in percent of the outer-eye distance (Eq. 8).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from facelab.papers.laplace.run import LaplaceRun
from facelab.papers.laplace.training import computes_in_bfloat16

METHODS = {"Softargmax": "softargmax", "LaplaceKL": "laplace_kl"}  # the paper's names
COUNTS = ("10K", "30K", "50K", "70K")  # of unlabelled faces in the paper
FRACTIONS = ("1/16", "1/8", "1/4", "1/2", "1")  # Table 3's columns, of the paper's 64 channels
MAIN = ("Softargmax", "Softargmax+D(70K)", "LaplaceKL", "LaplaceKL+D(70K)")  # what most claims ask
GAUSSIAN_RATES = {"same rate": 1, "a third of the rate": 3, "a tenth of the rate": 10}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes and schedules of a tier; every tier has every row of every table.

    Attributes:
        base: fields of `LaplaceRun` common to all runs of the tables.
        unlabelled: counts that stand for the paper's 10, 30, 50 and 70 thousand.
        seeds: of every row.
        further: seeds of the rows `MAIN` of Table 2's 300-W, beside those.
        widths: channels of Table 3's columns.
        widest, widest_judged: channels up to which Table 3's rows are trained, without a
            discriminator and with one.
        aflw_sizes: further fields for the runs on AFLW's points.
        detector: further fields for the detectors that meet real photographs.
        betas, scales: the points of Fig. 4, besides one.
        timing: seconds for each speed of Table 3.
    """

    tier: str
    base: dict[str, Any]
    unlabelled: tuple[int, int, int, int]
    seeds: tuple[int, ...] = (0,)
    further: tuple[int, ...] = ()
    widths: tuple[int, int, int, int, int] = (4, 8, 16, 32, 64)
    widest: int = 64
    widest_judged: int = 64
    aflw_sizes: dict[str, Any] = field(default_factory=dict)
    detector: dict[str, Any] = field(default_factory=dict)
    betas: tuple[float, ...] = (0.25, 0.5, 2.0, 4.0)
    scales: tuple[float, ...] = (0.25, 0.5, 2.0, 4.0)
    timing: float = 0.3

    def run(self, **changes: Any) -> LaplaceRun:
        """A run with this tier's sizes, and what is said otherwise."""
        return LaplaceRun(**{**self.base, **changes})

    def results(self, group: Callable[[int], Mapping[Any, LaplaceRun]]) -> dict[Any, list[dict]]:
        """Results by row, one for each seed, of one of the groups below, such as `table_2`.

        They come from the cache where `run_all` has filled it, else they are trained here. Rows of
        `MAIN` on 300-W have those of `further` seeds behind the others.
        """
        return {name: [run.run() for run in row] for name, row in self._by_row(group).items()}

    def runs(self, *groups: Callable[[int], Mapping[Any, LaplaceRun]]) -> list[LaplaceRun]:
        """All runs of all seeds of some groups, each once, for one call of `run_all`."""
        listed = [run for group in groups for row in self._by_row(group).values() for run in row]
        return list({run.infra.uid(): run for run in listed}.values())

    def _by_row(
        self, group: Callable[[int], Mapping[Any, LaplaceRun]]
    ) -> dict[Any, list[LaplaceRun]]:
        rows = {name: [group(seed)[name] for seed in self.seeds] for name in group(self.seeds[0])}
        for name in MAIN if group == self.table_2 else ():
            rows[name] += [group(seed)[name] for seed in self.further]
        return rows

    def table_2(self, seed: int = 0) -> dict[str, LaplaceRun]:
        """The rows of Table 2 on 300-W that are ours to train, by the paper's names."""
        runs = {}
        for name, method in METHODS.items():
            runs[name] = self.run(method=method, seed=seed)
            for count, faces in zip(COUNTS, self.unlabelled, strict=True):
                runs[f"{name}+D({count})"] = self.run(method=method, unlabelled=faces, seed=seed)
        return runs

    def text(self, seed: int = 0) -> dict[str, LaplaceRun]:
        """The rows of the running text: the Gaussian variant, and D fed with 300-W itself.

        The Gaussian "required a learning rate a magnitude smaller" (Sec. 3.4), in a long training;
        a short one has the choice of three. And LaplaceKL with one scale for both axes, the other
        reading of Eq. 3.
        """
        controls = {
            f"{name}+D(300W)": self.run(method=method, control=True, seed=seed)
            for name, method in METHODS.items()
        }
        rate = self.run().rate
        gaussian = {
            f"GaussianKL, {name}": self.run(method="gaussian_kl", rate=rate / divisor, seed=seed)
            for name, divisor in GAUSSIAN_RATES.items()
        }
        return {**gaussian, "LaplaceKL, one scale": self.run(joint=True, seed=seed), **controls}

    def aflw(self, seed: int = 0) -> dict[str, LaplaceRun]:
        """Table 2's first column: 19 points, hidden ones absent, no discriminator."""
        return {
            name: self.run(method=method, landmarks=19, seed=seed, **self.aflw_sizes)
            for name, method in METHODS.items()
        }

    def table_3(self, seed: int = 0) -> dict[tuple[str, str], LaplaceRun]:
        """Table 3: four methods at five widths, by (name, fraction of the channels)."""
        most = self.unlabelled[-1]
        return {
            (f"{name}{suffix}", fraction): self.run(
                method=method,
                unlabelled=count,
                channels=channels,
                seed=seed,
            )
            for name, method in METHODS.items()
            for suffix, count in (("", 0), ("+D(70K)", most))
            for fraction, channels in zip(FRACTIONS, self.widths, strict=True)
            if channels <= (self.widest_judged if count else self.widest)
        }

    def figure_4(self, seed: int = 0) -> dict[tuple[str, float], LaplaceRun]:
        """Fig. 4: LaplaceKL over beta and over the true scale b, by ("beta" or "b", value).

        Values of b are multiples of the tier's own `target_scale`, which stands for the paper's one
        pixel.
        """
        one = self.run(seed=seed)
        b = one.target_scale
        return {
            **{("beta", v): self.run(beta=v, seed=seed) for v in self.betas},
            ("beta", 1.0): one,
            **{("b", v): self.run(target_scale=v * b, seed=seed) for v in self.scales},
            ("b", 1.0): one,
        }

    def detectors(self, seed: int = 0) -> dict[str, LaplaceRun]:
        """Detectors for real photographs: augmented training, and flat-shaded faces beside it."""
        changes = {"augmented": True, "label_noise": 0.0, "seed": seed, **self.detector}
        return {
            **{name: self.run(method=method, **changes) for name, method in METHODS.items()},
            "LaplaceKL, flat faces": self.run(looks="flat", **changes),
        }

    def everything(self) -> list[LaplaceRun]:
        """All runs of the tier, each once."""
        parts = (self.table_2, self.text, self.aflw, self.table_3, self.figure_4)
        return [*self.runs(*parts), *self.detectors(self.seeds[0]).values()]


def settings(tier: str, seeds: tuple[int, ...] = ()) -> Settings:
    """The settings of "smoke", "laptop", "gpu" or "paper", with other seeds where some are given.

    Raises:
        ValueError: for another name.
    """
    if tier not in TIERS:
        raise ValueError(f"unknown tier {tier!r}: expected one of {', '.join(TIERS)}")
    return replace(TIERS[tier], seeds=seeds, further=()) if seeds else TIERS[tier]


_FAST = "bfloat16" if computes_in_bfloat16() else "float32"
_SMALL_JUDGE = (16, 32, 64)
TIERS = {
    "smoke": Settings(
        tier="smoke",
        base={
            "size": 32, "channels": 4, "labelled": 32, "validation": 4, "test": (12, 6),
            "steps": 2, "batch": 4, "unlabelled_batch": 2, "rate": 5e-3,
            "schedule": "one_cycle", "discriminator_widths": (4, 4, 4),
        },
        unlabelled=(8, 12, 16, 20),
        widths=(1, 2, 3, 4, 5),
        betas=(2.0,),
        scales=(2.0,),
        timing=0.02,
    ),
    # The paper's b of one pixel on 80 would be 0.4 of a pixel on 32. But whole pixels cannot have a
    # mean at their fraction f and a mean distance from it below 2 f (1 - f), up to half a pixel: at
    # 0.4 no map could reach the minimum of the loss for 45 % of all places.
    "laptop": Settings(
        tier="laptop",
        base={
            "size": 32, "channels": 16, "labelled": 500, "steps": 600, "batch": 8,
            "unlabelled_batch": 4, "rate": 8e-3, "schedule": "one_cycle", "target_scale": 0.8,
            "precision": _FAST, "discriminator_widths": _SMALL_JUDGE,
        },
        unlabelled=(500, 1500, 2500, 3500),
        detector={
            "size": 48, "margin": 1.3, "labelled": 6000, "steps": 1200, "rate": 5e-3,
            "dropout": 0.1, "target_scale": 1.0,
        },
        further=(1,),
        widest=32,  # 64 channels would take as long as all of Table 2
        widest_judged=16,
        betas=(0.5, 2.0),
        scales=(0.5, 2.0),
    ),
    "gpu": Settings(
        tier="gpu",
        base={
            "size": 80, "channels": 64, "labelled": 3148, "steps": 6000, "batch": 32,
            "unlabelled_batch": 32, "rate": 2e-3, "schedule": "one_cycle",
            "precision": "bfloat16",
        },
        unlabelled=(10_000, 30_000, 50_000, 70_000),
        seeds=(0, 1, 2),
        detector={"labelled": 40_000, "steps": 20_000},
    ),
    "paper": Settings(
        tier="paper",
        base={"channels": 64},
        aflw_sizes={"labelled": 20_000, "test": (3527, 859), "steps": 250_000},
        unlabelled=(10_000, 30_000, 50_000, 70_000),
        seeds=(0, 1, 2),
        detector={"labelled": 100_000},
    ),
}  # fmt: skip
