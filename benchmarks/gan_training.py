"""Training speed of StarGAN and GANimation in pictures per second, small and at the papers' size.

    python benchmarks/gan_training.py [--seconds 4] [--threads 2] [--batch 2] [--compile]

A step is an update of the critic, and where it is the generator's turn one of the generator; both
kinds are timed, and combined as the schedule has them (five to one in the papers). Each way of
running the same networks takes turns with the others, so that a busy machine disturbs all alike.
Printed are pictures per second by the median step, and how much faster that is than the first way,
both of one run. Pictures are random numbers, which cost as much as faces.

Ways: pictures in torch's own layout, as the trainings have them; with colours last; `--compile`
adds torch.compile of the generator (not of the critic, whose slopes are differentiated twice,
which torch.compile cannot), a minute or more each; and where there is a GPU, bfloat16 with colours
last.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from facelab import provenance
from facelab.faces import EMOTIONS, UNITS
from facelab.gan import training as gan
from facelab.gan.loop import adam, resists
from facelab.gan.small import disturbed
from facelab.gan.stargan import one_hot
from facelab.gan.stargan_run import StarganRun
from facelab.nn import keep_freed_memory
from facelab.papers.ganimation import experiments, losses, training
from facelab.papers.ganimation.run import GanimationRun

Record = StarganRun | GanimationRun
Step = Callable[[bool], None]  # whether it is the generator's turn


@dataclass(frozen=True)
class Way:
    """How networks are run: layout of the pictures, precision, torch.compile of the generator."""

    last: bool = False
    half: bool = False
    compiled: bool = False


def stepper(run: Record, way: Way, batch: int, device: torch.device) -> Step:
    """One step of a training, as its loop has it."""
    torch.manual_seed(0)
    generator, critic = run.generator().to(device), run.critic().to(device)
    update = adam(generator.parameters(), run.rate)
    critic_update = adam(critic.parameters(), run.critic_rate)
    edit = torch.compile(generator) if way.compiled else generator
    images = 2.0 * torch.rand(batch, 3, run.size, run.size, device=device) - 1.0
    if way.last:
        images = images.contiguous(memory_format=torch.channels_last)
    seen = partial(disturbed, noise=run.critic_noise, shift=run.critic_shift)
    weights = run.weights

    def stargan(turn: bool) -> None:
        own = torch.randint(len(EMOTIONS), (batch,), device=device)
        target = own.flip(0)
        with torch.set_grad_enabled(turn):
            fake = edit(images, one_hot(target, len(EMOTIONS)))
        gan.critic_step(
            critic, critic_update, seen(images), seen(fake.detach()), own,
            reads=F.cross_entropy, reads_fake=resists(own, share=run.resisting), weights=weights,
        )  # fmt: skip
        if turn:
            terms = gan.generator_terms(
                edit, critic, images, fake,
                source=own, target=target, kind=weights.kind, seen=seen,
            )  # fmt: skip
            gan.descend(update, gan.total(terms, weights))

    def ganimation(turn: bool) -> None:
        own = torch.rand(batch, len(UNITS), device=device)
        wanted = training.wanted(own, noise=run.noise)
        with torch.set_grad_enabled(turn):
            made = edit(images, wanted)
        resist = partial(training.resists, own=own, weights=weights)
        gan.critic_step(
            critic, critic_update, seen(images), seen(made.image.detach()), own,
            reads=partial(losses.units_loss, norm=weights.units_norm),
            reads_fake=resist if weights.resisting else None,
            weights=training.critic_weights(weights), apart=weights.apart,
        )  # fmt: skip
        if turn:
            terms = training.generator_terms(
                edit, critic, images, made, own=own, wanted=wanted, weights=weights, seen=seen
            )
            gan.descend(update, gan.total(terms, weights))

    step = ganimation if isinstance(run, GanimationRun) else stargan

    def timed(turn: bool) -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=way.half):
            step(turn)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return timed


def measured(steps: dict[str, Step], seconds: float) -> dict[str, tuple[float, float]]:
    """Median seconds of a step without the generator's update and with it; the ways take turns."""
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in steps}
    for step in steps.values():
        for turn in (False, True):
            step(turn)
    end = time.perf_counter() + seconds * len(steps)
    while time.perf_counter() < end or not all(both[1] for both in taken.values()):
        for name, step in steps.items():
            for turn in (False, True):
                before = time.perf_counter()
                step(turn)
                taken[name][turn].append(time.perf_counter() - before)
    return {name: tuple(float(np.median(one)) for one in both) for name, both in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="a way of running")
    parser.add_argument("--threads", type=int, default=provenance.cores())
    parser.add_argument("--batch", type=int, default=0, help="pictures of a step; 0: the record's")
    parser.add_argument("--compile", action="store_true", help="torch.compile as well")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ways = {"own layout": Way(), "colours last": Way(last=True)}
    if chosen.compile:
        ways["own layout, compiled"] = Way(compiled=True)
    if device.type == "cuda":
        ways["colours last, bfloat16"] = Way(last=True, half=True)
        if chosen.compile:
            ways["colours last, bfloat16, compiled"] = Way(last=True, half=True, compiled=True)
    print(f"{device}, {chosen.threads} threads")
    for tier in ("laptop", "paper"):
        plan = experiments.settings(tier)
        runs = {"StarGAN": plan.baselines()["StarGAN"][0], "GANimation": plan.run()}
        for name, run in runs.items():
            # on a processor a batch of the papers takes minutes; a few pictures show the same
            few = 2 if tier == "paper" and device.type == "cpu" else run.batch
            batch = chosen.batch or few
            steps = {title: stepper(run, way, batch, device) for title, way in ways.items()}
            n, rates = run.critic_steps, {}
            for title, (alone, both) in measured(steps, chosen.seconds).items():
                rates[title] = n * batch / ((n - 1) * alone + both)
            print(
                f"\n{name}, {tier}: {run.size} pixels, width {run.width}, batches of {batch}, "
                f"{n} updates of the critic for one of the generator"
            )
            first = next(iter(rates.values()))
            for title, rate in rates.items():
                print(f"  {title:34s} {rate:8.2f} pictures/s   times {rate / first:.2f}")


if __name__ == "__main__":
    main()
