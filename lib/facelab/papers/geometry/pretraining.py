"""The depth network's own training, before both train together (Bodur et al., WACV 2021, Sec. 3.2).

On pairs of pictures and what the reconstruction finds for them: "the Depth network is trained
offline, so that it can generate reasonable depth maps for given synthetic inputs".
"""

from functools import partial
from typing import Any, ClassVar

import torch
from torch import nn

from facelab.experiment import Experiment, Run, load_weights
from facelab.gan import training as gan
from facelab.gan.loop import counts, note
from facelab.nn import keep_freed_memory
from facelab.papers.geometry import data
from facelab.papers.geometry.losses import Choices
from facelab.papers.geometry.model import Features, Geometry, Translator
from facelab.papers.geometry.options import Pictures, Schedule, Sizes, duration
from facelab.papers.geometry.reconstruction import Noise
from facelab.papers.geometry.training import critic_reads, pretraining_terms


class PretrainRun(Experiment):
    """One pre-training of G_depth, G'_depth and D_depth; the defaults are the paper's."""

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
        "facelab.papers.geometry.data",
        "facelab.papers.geometry.losses",
        "facelab.papers.geometry.model",
        "facelab.papers.geometry.options",
        "facelab.papers.geometry.reconstruction",
        "facelab.papers.geometry.sets",
        "facelab.papers.geometry.training",
    )

    pictures: Pictures = Pictures()
    geometry: Geometry = "depth"
    noise: Noise = Noise()  # of the reconstruction
    cleaned: float | None = 10.0  # threshold of the clean-up; None: all fits are kept
    choices: Choices = Choices()  # `Choices.before`
    weights: gan.Weights = gan.Weights()
    sizes: Sizes = Sizes()
    schedule: Schedule = Schedule(steps=200_000, batch=15)
    seed: int = 0

    def translator(self) -> Translator:
        """An untrained translator; `learned` has one with the result's weights."""
        return self.sizes.translator(self.geometry)

    def critic(self) -> nn.Module:
        """An untrained critic."""
        return self.sizes.critic(size=self.pictures.size, geometry=self.geometry)

    def label(self) -> str:
        """A name for errors and progress."""
        beta = self.choices.penalty
        return f"{self.pictures.dataset}: {self.geometry} alone, beta={beta:g}, seed {self.seed}"

    def cost(self) -> float:
        """Expected duration, relative to others; the same unit as a `run.GeometryRun`'s."""
        return duration(self.schedule, self.sizes, self.pictures)

    def learned(self) -> Translator:
        """The translator of the result, from the cache or trained here."""
        return load_weights(self.translator(), self.run()["weights"]).eval()

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, and returns plain numbers.

        Returns:
            "weights", "critic": paths of the translator's and the critic's weights; "parameters":
            their numbers; "images": how many pictures were trained on; "history": equal-length
            lists "step" and the terms of `training.pretraining_terms`, each times its weight.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keep_freed_memory()
        pairs = self.pictures.pairs(noise=self.noise, cleaned=self.cleaned).to(device)
        features = Features().to(device) if self.choices.perceptual else None
        torch.manual_seed(self.seed)
        translator, critic = self.translator().to(device), self.critic().to(device)
        adam = partial(torch.optim.Adam, betas=(0.5, 0.999), fused=True)
        update = adam(translator.parameters(), self.schedule.rate)
        critic_update = adam(critic.parameters(), self.schedule.critic_rate)
        batches = torch.Generator().manual_seed(self.seed)
        state = run.resume(
            translator=translator, critic=critic, update=update, critic_update=critic_update,
            batches=batches,
        )  # fmt: skip
        history = state.get("history", {"step": []})
        seen, schedule = self.sizes.seen, self.schedule
        for step in range(state["step"], schedule.steps):
            share, turn = schedule.share_of_rate(step), schedule.turn(step)
            update.param_groups[0]["lr"] = share * schedule.rate
            critic_update.param_groups[0]["lr"] = share * schedule.critic_rate
            images, expression, true = data.drawn(pairs, schedule.batch, self.geometry, batches)
            with torch.set_grad_enabled(turn):
                maps = translator(images)
            reads, reads_fake = critic_reads(
                self.choices, stage="pre-training", fake_expression=expression
            )
            gan.critic_step(
                critic, critic_update, seen(true), seen(maps), expression,
                reads=reads, reads_fake=reads_fake, weights=self.weights,
            )  # fmt: skip
            if turn:
                terms = pretraining_terms(
                    translator, critic, images, maps, true, expression,
                    choices=self.choices, weights=self.weights, features=features, seen=seen,
                )  # fmt: skip
                gan.descend(update, sum(terms.values()))
                if schedule.noted(step):
                    note(history, step + 1, terms)
                    run.progress(step + 1, schedule.steps, pixel=history["pixel"][-1])
            run.save(step + 1, history=history)

        critic.requires_grad_(True)
        return {
            "weights": run.save_weights("translator", translator),
            "critic": run.save_weights("critic", critic),
            "parameters": counts(translator=translator, critic=critic),
            "images": schedule.steps * schedule.batch,
            "history": history,
        }
