"""The runs behind the figures of GANimation (Pumarola et al., ECCV 2018).

`GanimationRun` is one training, its loop in `train`; `settings(tier)` is a record of sizes and
schedules whose methods list the runs. Protocol of the paper (Sec. 5): Adam, batches of 25, thirty
epochs of 200,000 pictures, five updates of the critic for one of the generator, rates that fall to
zero over the last third.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from facelab.experiment import Experiment, Run, load_weights
from facelab.faces import UNITS
from facelab.gan.stargan import Discriminator
from facelab.gan.training import critic_step, descend, total
from facelab.papers.ganimation import data, losses
from facelab.papers.ganimation.evaluation import evaluate
from facelab.papers.ganimation.model import Generator, initialise, initialise_he
from facelab.papers.ganimation.training import critic_weights, generator_terms, wanted

CURVES = ("adversarial", "units", "attention", "identity", "reading", "distance", "mean_attention")


class GanimationRun(Experiment):
    """One training of a generator and its critic.

    The defaults are the paper's and, where it is silent, its code's. What neither has, and small
    trainings need, is marked.
    """

    uses: ClassVar = (
        "facelab.faces",
        "facelab.gan",
        "facelab.papers.ganimation.data",
        "facelab.papers.ganimation.evaluation",
        "facelab.papers.ganimation.losses",
        "facelab.papers.ganimation.measures",
        "facelab.papers.ganimation.model",
        "facelab.papers.ganimation.training",
    )

    size: int = 128
    margin: float = 1.2  # of the crop over the landmarks' box; not said
    difficulty: str = "common"  # of the faces; EmotioNet's are found in the wild
    pictures: int = 200_000
    test: int = 64  # faces of the evaluation
    width: int = 64  # of the generator
    blocks: int = 6
    kept: float | None = None  # mean attention at first; the code has no bias for it
    critic_width: int = 64
    critic_layers: int = 6
    critic_initial: Literal["normal", "he"] = "normal"  # "he": so that it soon reads units
    weights: losses.Weights = losses.CODE
    steps: int = 240_000  # updates of the critic: thirty epochs of 8,000 batches
    reading: int = 0  # further steps before those, in which the critic only learns to read units
    batch: int = 25
    critic_steps: int = 5  # updates of the critic for one of the generator
    rate: float = 1e-4
    critic_rate: float = 1e-4
    reading_rate: float = 1e-3
    falling: float = 1 / 3  # share of the steps over which the rates fall to zero
    average: float = 0.0  # decay of the moving average of the generator's weights; 0: the last ones
    noise: float = 0.1  # on the units that are asked for, see `training.wanted`
    seed: int = 0

    def generator(self) -> Generator:
        """An untrained generator; `trained` has one with a result's weights."""
        return Generator(units=len(UNITS), width=self.width, blocks=self.blocks, kept=self.kept)

    def critic(self) -> Discriminator:
        """An untrained critic."""
        critic = Discriminator(
            labels=len(UNITS), size=self.size, width=self.critic_width, layers=self.critic_layers
        )
        (initialise if self.critic_initial == "normal" else initialise_he)(critic)
        return critic

    def trained(self) -> Generator:
        """The generator of the result, from the cache or trained here."""
        return load_weights(self.generator(), self.run()["weights"]).eval()

    def faces(self) -> data.Labelled:
        """The pictures to learn from."""
        return data.training_faces(
            self.pictures, size=self.size, margin=self.margin, difficulty=self.difficulty
        )

    def edits(self) -> data.Edits:
        """The test faces with what is asked of them and the true answers."""
        return data.edits(self.test, size=self.size, margin=self.margin, difficulty=self.difficulty)

    def cost(self) -> float:
        """Expected duration, relative to others: pictures seen, times what each takes."""
        picture = (self.size / 48) ** 2 * (1 + (self.width / 16) ** 1.5)
        return self.steps * self.batch * picture * (1.0 + 4.0 / self.critic_steps)

    def share_of_rate(self, step: int) -> float:
        """Of the learning rates in a step after the reading: one, then linearly to zero.

        >>> [GanimationRun(steps=9).share_of_rate(step) for step in (0, 6, 7, 8)]
        [1.0, 1.0, 0.6666666666666666, 0.3333333333333333]
        """
        return min(1.0, (self.steps - step) / max(1.0, self.falling * self.steps))

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, evaluates, and returns plain numbers.

        Returns:
            "weights", "critic": paths of the generator's (averaged) and the critic's weights;
            "parameters": their numbers; "images": how many pictures were trained on; "history":
            equal-length lists "step" and those of `CURVES`, "reading" being the critic's error of
            the units of real pictures; "test": what `evaluation.evaluate` finds without judges.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        faces = self.faces().to(device)
        torch.manual_seed(self.seed)
        generator, critic = self.generator().to(device), self.critic().to(device)
        mean = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(self.average))
        adam = partial(torch.optim.Adam, betas=(0.5, 0.999), fused=True)
        update = adam(generator.parameters(), self.rate)
        critic_update = adam(critic.parameters(), self.reading_rate)
        state = run.resume(
            generator=generator, critic=critic, mean=mean,
            update=update, critic_update=critic_update,
        )  # fmt: skip
        reads = partial(losses.units_loss, norm=self.weights.units_norm)
        history = state.get("history", {name: [] for name in ("step", *CURVES)})
        everything = self.reading + self.steps
        every = max(1, self.steps // self.critic_steps // 100)  # updates between two in history
        for step in range(state["step"], everything):
            images, own = drawn(faces, self.batch)
            if step < self.reading:
                loss = reads(critic(images).labels, own)
                descend(critic_update, loss)
                if (step + 1) % max(1, self.reading // 5) == 0:
                    run.progress(step + 1, everything, reading=loss.item())
                run.save(step + 1, history=history)
                continue

            share = self.share_of_rate(step - self.reading)
            update.param_groups[0]["lr"] = share * self.rate
            critic_update.param_groups[0]["lr"] = share * self.critic_rate
            asked = wanted(own, noise=self.noise)
            updates, rest = divmod(step + 1 - self.reading, self.critic_steps)
            turn = rest == 0  # the generator's
            with torch.set_grad_enabled(turn):
                edit = generator(images, asked)
            judged = critic_step(
                critic, critic_update, images, edit.image, own,
                reads=reads, weights=critic_weights(self.weights), apart=self.weights.apart,
            )  # fmt: skip
            if turn:
                terms = generator_terms(
                    generator, critic, images, edit, own=own, wanted=asked, weights=self.weights
                )
                descend(update, total(terms, self.weights))
                mean.update_parameters(generator)
                terms["reading"], terms["distance"] = judged["classification"], judged["distance"]
                terms["mean_attention"] = edit.attention.mean()
                if updates % every == 0:
                    history["step"].append(step + 1)
                    for name in CURVES:
                        history[name].append(terms[name].item())
                    run.progress(
                        step + 1, everything,
                        **{name: history[name][-1] for name in ("units", "mean_attention")},
                    )  # fmt: skip
            run.save(step + 1, history=history)

        critic.requires_grad_(True)
        return {
            "weights": run.save_weights("generator", mean.module),
            "critic": run.save_weights("critic", critic),
            "parameters": {
                name: sum(p.numel() for p in network.parameters())
                for name, network in (("generator", generator), ("critic", critic))
            },
            "images": everything * self.batch,
            "history": history,
            "test": evaluate(mean.module, self.edits()),
        }


def drawn(faces: data.Labelled, batch: int) -> tuple[Tensor, Tensor]:
    """A batch with replacement, half of the batches mirrored; units have no sides.

    Returns:
        Pictures (B, 3, H, W) in [-1, 1] and units (B, 17).
    """
    rows = torch.randint(len(faces), (batch,)).to(faces.images.device)
    images, mirrored = data.pixels(faces.images[rows]), torch.rand(()) < 0.5
    return images.flip(3) if mirrored else images, faces.units[rows]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes and schedules of a tier.

    Attributes:
        base: fields of `GanimationRun` common to all runs.
        seeds: of the main run.
        short: further fields of the runs that compare settings with each other.
    """

    tier: str
    base: dict[str, Any]
    seeds: tuple[int, ...] = (0,)
    short: dict[str, Any] = field(default_factory=dict)

    def run(self, **changes: Any) -> GanimationRun:
        """A run with this tier's sizes, and what is said otherwise."""
        return GanimationRun(**{**self.base, **changes})

    def main(self) -> list[GanimationRun]:
        """The runs behind all figures, one a seed."""
        return [self.run(seed=seed) for seed in self.seeds]

    def attention(self) -> dict[str, GanimationRun]:
        """The known failure and its cure: shorter runs that differ in the attention's loss.

        With all weight on L_A the attention falls to zero, and every pixel is drawn anew; with none
        and a start near one nothing holds it back from copying the picture.
        """
        weights = self.run().weights
        named = {
            "as in the other figures": (weights, self.run().kept),
            "start near 1, no L_A": (weights.model_copy(update={"attention": 0.0}), 0.98),
            "L_A times 50": (
                weights.model_copy(update={"attention": 50.0 * weights.attention}), 0.5),
        }  # fmt: skip
        return {
            name: self.run(weights=weight, kept=kept, seed=self.seeds[0], **self.short)
            for name, (weight, kept) in named.items()
        }

    def everything(self) -> list[GanimationRun]:
        """All runs of the tier, each once."""
        listed = [*self.main(), *self.attention().values()]
        return list({run.infra.uid(): run for run in listed}.values())


def settings(tier: str, seeds: tuple[int, ...] = ()) -> Settings:
    """The settings of "smoke", "laptop", "gpu" or "paper", with other seeds where some are given.

    Raises:
        ValueError: for another name.
    """
    if tier not in TIERS:
        raise ValueError(f"unknown tier {tier!r}: expected one of {', '.join(TIERS)}")
    return replace(TIERS[tier], seeds=seeds) if seeds else TIERS[tier]


# Small trainings cannot pay five updates of the critic for one of the generator. The hinge loss
# needs no critic near its optimum, and slopes at real pictures (R1) cost one pass less.
SMALL = losses.Weights(kind="hinge", penalty=0.0, r1=0.5, apart=False)
TIERS = {
    "smoke": Settings(
        tier="smoke",
        base={
            "size": 32, "difficulty": "studio", "pictures": 24, "test": 3, "width": 4, "blocks": 1,
            "kept": 0.7, "critic_width": 4, "critic_layers": 3, "critic_initial": "he",
            "weights": SMALL, "reading": 2, "steps": 2, "batch": 4, "critic_steps": 1,
            "average": 0.5,
        },
    ),
    "laptop": Settings(
        tier="laptop",
        base={
            "size": 48, "difficulty": "studio", "pictures": 5000, "test": 48, "width": 16,
            "blocks": 3, "kept": 0.7, "critic_width": 32, "critic_layers": 4,
            "critic_initial": "he", "weights": SMALL, "reading": 2000, "steps": 2000, "batch": 8,
            "critic_steps": 1, "rate": 6e-4, "critic_rate": 3e-4, "average": 0.995, "noise": 0.0,
        },
        short={"reading": 500, "steps": 300, "average": 0.98},
    ),
    "gpu": Settings(
        tier="gpu",
        base={
            "pictures": 50_000, "test": 256, "steps": 100_000, "average": 0.999,
            "reading": 5000, "critic_initial": "he",
        },
        seeds=(0, 1, 2),
        short={"steps": 10_000, "pictures": 50_000},
    ),
    "paper": Settings(tier="paper", base={}),
}  # fmt: skip
