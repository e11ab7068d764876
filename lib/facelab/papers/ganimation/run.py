"""One training of GANimation (Pumarola et al., ECCV 2018), as a record with its loop."""

from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from facelab.experiment import Experiment, Run, load_weights
from facelab.faces import UNITS
from facelab.gan.critics import Discriminator, SplitCritic
from facelab.gan.loop import adam, alone, averaged, counts, note, share_of_rate, slow
from facelab.gan.pictures import pixels
from facelab.gan.small import disturbed, initialise_he
from facelab.gan.training import critic_step, descend, total
from facelab.nn import keep_freed_memory
from facelab.papers.ganimation import data, losses
from facelab.papers.ganimation.evaluation import evaluate
from facelab.papers.ganimation.model import Generator, initialise
from facelab.papers.ganimation.training import (
    critic_weights,
    generator_terms,
    resists,
    wanted,
)

SHOWN = ("units", "distance", "mean_attention")  # of the curves below, in the progress
CURVES = ("adversarial", "units", "attention", "identity", "reading", "distance", "mean_attention")


class GanimationRun(Experiment):
    """One training of a generator and its critic.

    The defaults are the paper's and, where it is silent, its code's. What neither has, and small
    trainings need, is marked.
    """

    uses: ClassVar = (
        "facelab.faces",
        "facelab.gan.critics",
        "facelab.gan.loop",
        "facelab.gan.losses",
        "facelab.gan.pictures",
        "facelab.gan.small",
        "facelab.gan.stargan",
        "facelab.gan.training",
        "facelab.nn",
        "facelab.papers.ganimation.data",
        "facelab.papers.ganimation.evaluation",
        "facelab.papers.ganimation.losses",
        "facelab.papers.ganimation.measures",
        "facelab.papers.ganimation.model",
        "facelab.papers.ganimation.run.drawn",
        "facelab.papers.ganimation.training",
    )

    size: int = 128
    margin: float = 1.15  # of the crop over the landmarks' box; not said
    difficulty: str = "common"  # of the faces; EmotioNet's are found in the wild
    shown: data.Shown = "units"  # what the training faces show, see `data.training_faces`
    pictures: int = 200_000
    test: int = 64  # faces of the evaluation
    width: int = 64  # of the generator
    blocks: int = 6
    kept: float | None = None  # mean attention at first; the code has no bias for it
    resized: bool = False  # see `model.Generator`, as the next two
    modulated: bool = False
    moved: bool = False
    critic_width: int = 64
    critic_layers: int = 6
    critic_initial: Literal["normal", "he"] = "normal"  # "he": so that it soon reads units
    critic_split: int = 0  # patch_width of `facelab.gan.critics.SplitCritic`; 0: one body, as there
    critic_noise: float = 0.0  # see `facelab.gan.small`, as the next
    critic_shift: int = 0  # pixels
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
        """An untrained generator; `trained_generator` has one with a result's weights."""
        return Generator(
            units=len(UNITS),
            width=self.width,
            blocks=self.blocks,
            kept=self.kept,
            resized=self.resized,
            modulated=self.modulated,
            moved=self.moved,
        )

    def critic(self) -> Discriminator | SplitCritic:
        """An untrained critic."""
        body = {"size": self.size, "width": self.critic_width, "layers": self.critic_layers}
        critic = (
            SplitCritic(labels=len(UNITS), patch_width=self.critic_split, **body)
            if self.critic_split
            else Discriminator(labels=len(UNITS), **body)
        )
        (initialise if self.critic_initial == "normal" else initialise_he)(critic)
        return critic

    def trained_generator(self) -> Generator:
        """The generator of the result, from the cache or trained here."""
        return load_weights(self.generator(), self.run()["weights"]).eval()

    def faces(self) -> data.Labelled:
        """The pictures to learn from."""
        return data.training_faces(
            self.pictures,
            size=self.size,
            margin=self.margin,
            difficulty=self.difficulty,
            shown=self.shown,
        )

    def edits(self) -> data.Edits:
        """The test faces with what is asked of them and the true answers."""
        return data.edits(self.test, size=self.size, margin=self.margin, difficulty=self.difficulty)

    def cost(self) -> float:
        """Expected duration, relative to others: pictures seen, times what each takes."""
        picture = (self.size / 48) ** 2 * (1 + (self.width / 16) ** 1.5)
        return self.steps * self.batch * picture * (1.0 + 4.0 / self.critic_steps)

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, evaluates, and returns plain numbers.

        Returns:
            "weights", "critic": paths of the generator's (averaged) and the critic's weights;
            "parameters": their numbers; "images": how many pictures were trained on; "history":
            equal-length lists "step" and those of `CURVES`, "reading" being the critic's error of
            the units of real pictures, with what `Weights.resisting` adds; "test": what
            `evaluation.evaluate` finds without judges.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keep_freed_memory()
        faces = self.faces().to(device)
        torch.manual_seed(self.seed)
        generator, critic = self.generator().to(device), self.critic().to(device)
        mean = averaged(generator, self.average)
        update = adam(generator.parameters(), self.rate)
        critic_update = adam(critic.parameters(), self.reading_rate)
        state = run.resume(
            generator=generator, critic=critic, mean=mean,
            update=update, critic_update=critic_update,
        )  # fmt: skip
        reads = partial(losses.units_loss, norm=self.weights.units_norm)
        seen = partial(disturbed, noise=self.critic_noise, shift=self.critic_shift)
        history = state.get("history", {name: [] for name in ("step", *CURVES)})
        everything = self.reading + self.steps
        every = max(1, self.steps // self.critic_steps // 100)  # updates between two in history
        for step in range(state["step"], everything):
            images, own = drawn(faces, self.batch)
            if step < self.reading:
                alone(
                    run, step, reads(critic(seen(images)).labels, own), name="reading",
                    steps=self.reading, everything=everything, update=critic_update,
                    history=history,
                )  # fmt: skip
                continue

            share = share_of_rate(step - self.reading, steps=self.steps, falling=self.falling)
            slow(update, rate=share * self.rate)
            slow(critic_update, rate=share * self.critic_rate)
            asked = wanted(own, noise=self.noise)
            updates, rest = divmod(step + 1 - self.reading, self.critic_steps)
            turn = rest == 0  # the generator's
            with torch.set_grad_enabled(turn):
                edit = generator(images, asked)
            resist = partial(resists, own=own, weights=self.weights)
            judged = critic_step(
                critic, critic_update, seen(images), seen(edit.image.detach()), own,
                reads=reads, reads_fake=resist if self.weights.resisting else None,
                weights=critic_weights(self.weights), apart=self.weights.apart,
            )  # fmt: skip
            if turn:
                terms = generator_terms(
                    generator, critic, images, edit,
                    own=own, wanted=asked, weights=self.weights, seen=seen,
                )  # fmt: skip
                descend(update, total(terms, self.weights))
                mean.update_parameters(generator)
                terms["reading"], terms["distance"] = judged["classification"], judged["distance"]
                terms["mean_attention"] = edit.attention.mean()
                if updates % every == 0:
                    note(history, step + 1, terms)
                    run.progress(
                        step + 1, everything,
                        **{name: history[name][-1] for name in SHOWN},
                    )  # fmt: skip
            run.save(step + 1, history=history)

        critic.requires_grad_(True)
        return {
            "weights": run.save_weights("generator", mean.module),
            "critic": run.save_weights("critic", critic),
            "parameters": counts(generator=generator, critic=critic),
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
    images, mirrored = pixels(faces.images[rows]), torch.rand(()) < 0.5
    return images.flip(3) if mirrored else images, faces.units[rows]
