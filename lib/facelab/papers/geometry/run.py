"""One training of geometry-guided synthesis (Bodur et al., WACV 2021), as a record with its loop.

With a weight w = 0 of the depth network it is StarGAN, step for step: what is compared differs in
nothing but the geometry. Runs may begin with a common training of StarGAN alone, which is trained
once (`GeometryRun.begun`).
"""

from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from facelab.experiment import Experiment, Run, load_weights
from facelab.gan import training as gan
from facelab.gan.loop import alone, counts, note, resists
from facelab.gan.stargan import Generator, one_hot
from facelab.nn import keep_freed_memory
from facelab.papers.geometry import data
from facelab.papers.geometry.losses import Choices
from facelab.papers.geometry.model import Geometry
from facelab.papers.geometry.options import LABELS, Pictures, Schedule, Sizes, duration
from facelab.papers.geometry.pretraining import PretrainRun
from facelab.papers.geometry.reconstruction import Noise
from facelab.papers.geometry.training import critic_reads, end_to_end_terms

STARGAN = Choices(weight=0.0, penalty=0.0)


class GeometryRun(Experiment):
    """One training of G_rgb, with the depth network or without; the defaults are the paper's.

    What the paper does not have, and small trainings need, is marked, here and in `options`.
    """

    uses: ClassVar = (
        *PretrainRun.uses,
        "facelab.papers.geometry.pretraining",
    )

    pictures: Pictures = Pictures()
    geometry: Geometry = "depth"
    noise: Noise = Noise()  # of the reconstruction
    cleaned: float | None = 10.0  # threshold of the clean-up; None: all fits are kept
    choices: Choices = Choices()
    weights: gan.Weights = gan.Weights()  # of both networks
    resisting: float = 0.0  # see `resists`; not in the paper
    targets: data.Targets = "shuffled"
    sizes: Sizes = Sizes()
    depth_sizes: Sizes = Sizes()
    schedule: Schedule = Schedule(steps=300_000, batch=8)
    pretraining: Schedule = Schedule(steps=200_000, batch=15)
    alone: Schedule | None = None  # StarGAN's training before it, see `begun`; not in the paper
    seed: int = 0

    def generator(self) -> Generator:
        """An untrained generator; `learned` has one with the result's weights."""
        return self.sizes.generator()

    def critic(self) -> nn.Module:
        """An untrained critic."""
        return self.sizes.critic(size=self.pictures.size)

    def learned(self) -> Generator:
        """The generator of the result, from the cache or trained here."""
        return load_weights(self.generator(), self.run()["weights"]).eval()

    def pretrained(self) -> PretrainRun | None:
        """The training of the depth network that this one goes on from; None for StarGAN."""
        if self.choices.weight == 0.0:
            return None
        return PretrainRun(
            pictures=self.pictures, geometry=self.geometry, noise=self.noise, cleaned=self.cleaned,
            choices=self.choices.before(), weights=self.weights, sizes=self.depth_sizes,
            schedule=self.pretraining, seed=self.seed,
        )  # fmt: skip

    def begun(self) -> "GeometryRun | None":
        """The training of StarGAN alone that this one goes on from, if there is one.

        Runs that differ only in the geometry share it: so the time for most of what all of them
        must learn is spent once, and where they part, they part from the same networks.
        """
        if self.alone is None:
            return None
        return GeometryRun(
            pictures=self.pictures, choices=STARGAN, weights=self.weights, sizes=self.sizes,
            resisting=self.resisting, targets=self.targets, schedule=self.alone, seed=self.seed,
        )  # fmt: skip

    def label(self) -> str:
        """A name for errors and progress."""
        w, beta = self.choices.weight, self.choices.penalty
        method = f"{self.geometry}, w={w:g}, beta={beta:g}" if w else "StarGAN"
        return f"{self.pictures.dataset}: {method}, {self.schedule.steps} steps, seed {self.seed}"

    def cost(self) -> float:
        """Expected duration, relative to others."""
        both = duration(self.schedule, self.sizes, self.pictures)
        if self.choices.weight:
            both += duration(self.schedule, self.depth_sizes, self.pictures)
        return both

    def _start(self) -> dict[str, nn.Module]:
        """All networks, as this training finds them."""
        torch.manual_seed(self.seed)
        found = {"generator": self.generator(), "critic": self.critic()}
        if (begun := self.begun()) is not None:
            result = begun.run()
            load_weights(found["generator"], result["last"])
            load_weights(found["critic"], result["critic"])
        if (before := self.pretrained()) is not None:
            found["translator"] = before.learned()
            found["depth_critic"] = load_weights(before.critic(), before.run()["critic"])
        return found

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, and returns plain numbers; `evaluation` measures what has been learnt.

        Returns:
            "weights", "last", "critic": paths of the generator's (averaged and last) and the
            critic's weights, and with w > 0 "translator" and "depth_critic"; "parameters": their
            numbers; "images": how many pictures were trained on; "history": equal-length lists
            "step", the terms of `training.end_to_end_terms`, each times its weight, and of D_rgb
            "reading", its cross-entropy of real pictures, and "distance", how much higher it rates
            them.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keep_freed_memory()
        pairs = self.pictures.pairs(noise=self.noise, cleaned=self.cleaned).to(device)
        networks = {name: part.to(device) for name, part in self._start().items()}
        generator, critic = networks["generator"], networks["critic"]
        translator, depth_critic = networks.get("translator"), networks.get("depth_critic")
        mean = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(self.schedule.average))
        learners = [*generator.parameters()]
        if translator is not None:
            translator.requires_grad_(not self.choices.frozen)
            learners += [p for p in translator.parameters() if p.requires_grad]
        torch.manual_seed(self.seed)
        adam = partial(torch.optim.Adam, betas=(0.5, 0.999), fused=True)
        updates = {
            name: adam(part.parameters(), self.schedule.reading_rate)
            for name, part in networks.items() if name.endswith("critic")
        }  # fmt: skip
        update = adam(learners, self.schedule.rate)
        batches = torch.Generator().manual_seed(self.seed)
        state = run.resume(
            mean=mean, update=update, batches=batches, **networks,
            **{f"{name} update": one for name, one in updates.items()},
        )  # fmt: skip
        history = state.get("history", {"step": []})
        seen, depth_seen, schedule = self.sizes.seen, self.depth_sizes.seen, self.schedule
        everything = schedule.reading + schedule.steps
        for step in range(state["step"], everything):
            images, source, true = data.drawn(pairs, schedule.batch, self.geometry, batches)
            number = step - schedule.reading
            if number < 0:
                alone(
                    run, step, F.cross_entropy(critic(seen(images)).labels, source),
                    name="reading", steps=schedule.reading, everything=everything,
                    update=updates["critic"], history=history,
                )  # fmt: skip
                continue

            share, turn = schedule.share_of_rate(number), schedule.turn(number)
            update.param_groups[0]["lr"] = share * schedule.rate
            for one in updates.values():
                one.param_groups[0]["lr"] = share * schedule.critic_rate
            target = data.targets(source, kind=self.targets, generator=batches)
            with torch.set_grad_enabled(turn):
                fake = generator(images, one_hot(target, LABELS))
                maps = None if translator is None else translator(fake)
            judged = gan.critic_step(
                critic, updates["critic"], seen(images), seen(fake), source,
                reads=F.cross_entropy, reads_fake=resists(source, share=self.resisting),
                weights=self.weights,
            )  # fmt: skip
            if depth_critic is not None:
                reads, reads_fake = critic_reads(
                    self.choices, stage="end to end", fake_expression=target
                )
                if self.choices.real == "prediction":
                    with torch.no_grad():
                        true = translator(images)
                gan.critic_step(
                    depth_critic, updates["depth_critic"], depth_seen(true), depth_seen(maps),
                    source, reads=reads, reads_fake=reads_fake, weights=self.weights,
                )  # fmt: skip
            if turn:
                terms = end_to_end_terms(
                    generator, critic, translator, depth_critic, images, fake, maps,
                    source=source, target=target, choices=self.choices, weights=self.weights,
                    seen=seen, depth_seen=depth_seen,
                )  # fmt: skip
                gan.descend(update, sum(terms.values()))
                mean.update_parameters(generator)
                if schedule.noted(number):
                    terms["reading"] = judged["classification"]
                    terms["distance"] = judged["distance"]
                    note(history, step + 1, terms)
                    run.progress(
                        step + 1, everything,
                        **{name: history[name][-1] for name in ("classification", "cycle")},
                    )  # fmt: skip
            run.save(step + 1, history=history)

        for part in networks.values():
            part.requires_grad_(True)
        last = {"last" if name == "generator" else name: part for name, part in networks.items()}
        return {
            "weights": run.save_weights("generator", mean.module),
            **{name: run.save_weights(name, part) for name, part in last.items()},
            "parameters": counts(**networks),
            "images": everything * schedule.batch,
            "history": history,
        }
