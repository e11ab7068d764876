"""One training of StarGAN (`facelab.gan.stargan`), as a record with its loop."""

from functools import partial
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F

from facelab.experiment import Experiment, Run, load_weights
from facelab.faces import EMOTIONS
from facelab.gan import data
from facelab.gan.critics import Discriminator, SplitCritic
from facelab.gan.evaluation import Edited, against_truth
from facelab.gan.loop import adam, alone, averaged, counts, note, resists, share_of_rate, slow
from facelab.gan.pictures import pixels
from facelab.gan.small import disturbed, initialise_he
from facelab.gan.stargan import Generator, one_hot, unit
from facelab.gan.training import Weights, critic_step, descend, generator_terms, total
from facelab.nn import keep_freed_memory

LABELS = len(EMOTIONS)
CURVES = ("adversarial", "classification", "cycle", "reading", "distance")

# Fields for small trainings: the hinge loss, slopes at real pictures, a critic that is hard to
# fool, one update of it for one of the generator, a moving average.
SMALL: dict[str, Any] = {
    "weights": Weights(kind="hinge", adversarial=3.0, penalty=0.0, r1=1.0), "resisting": 0.5,
    "resized": True, "modulated": True, "moved": True, "critic_initial": "he", "critic_noise": 0.15,
    "critic_steps": 1, "batch": 8, "rate": 1e-3, "critic_rate": 4e-4, "average": 0.995,
}  # fmt: skip


class StarganRun(Experiment):
    """One training of a generator and its critic on faces with one of eight expressions.

    The defaults are the paper's (Choi et al., CVPR 2018, Sec. 5.2) and its code's; its picture sets
    differ in number. What neither has, and small trainings need, is marked. Geometry-guided
    synthesis has StarGAN as the training of its own networks without the geometry, see
    `facelab.papers.geometry.run`.
    """

    uses: ClassVar = (
        "facelab.faces",
        "facelab.gan.critics",
        "facelab.gan.data",
        "facelab.gan.evaluation",
        "facelab.gan.loop",
        "facelab.gan.losses",
        "facelab.gan.pictures",
        "facelab.gan.small",
        "facelab.gan.stargan",
        "facelab.gan.training",
        "facelab.nn",
    )

    size: int = 128
    margin: float = 1.15  # of the crop over the landmarks' box
    difficulty: str = "common"  # of the faces
    pictures: int = 200_000  # about as many as CelebA's
    test: int = 64  # faces of the evaluation
    width: int = 64  # of the generator
    blocks: int = 6
    resized: bool = False  # see `facelab.gan.stargan`, as the next two; not in the paper
    modulated: bool = False
    moved: bool = False
    critic_width: int = 64
    critic_layers: int = 6
    critic_initial: Literal["torch", "he"] = "torch"
    critic_split: int = 0  # patch_width of `facelab.gan.critics.SplitCritic`; 0: one body
    critic_noise: float = 0.0  # see `facelab.gan.small`, as the next; not in the paper
    critic_shift: int = 0  # pixels
    weights: Weights = Weights()
    resisting: float = 0.0  # see `facelab.gan.loop.resists`; not in the paper
    steps: int = 200_000  # updates of the critic
    reading: int = 0  # further steps before those, in which the critic only learns to read labels
    batch: int = 16
    critic_steps: int = 5  # updates of the critic for one of the generator
    rate: float = 1e-4
    critic_rate: float = 1e-4
    reading_rate: float = 1e-3
    falling: float = 1 / 2  # share of the steps over which the rates fall to zero
    average: float = 0.0  # decay of the moving average of the generator; 0: the last weights
    seed: int = 0

    def generator(self) -> Generator:
        """An untrained generator; `network` has one with a result's weights."""
        return Generator(
            labels=LABELS,
            width=self.width,
            blocks=self.blocks,
            resized=self.resized,
            modulated=self.modulated,
            moved=self.moved,
        )

    def critic(self) -> Discriminator | SplitCritic:
        """An untrained critic."""
        body = {"size": self.size, "width": self.critic_width, "layers": self.critic_layers}
        critic = (
            SplitCritic(labels=LABELS, patch_width=self.critic_split, **body)
            if self.critic_split
            else Discriminator(labels=LABELS, **body)
        )
        if self.critic_initial == "he":
            initialise_he(critic)
        return critic

    def network(self) -> Generator:
        """The generator of the result, from the cache or trained here."""
        return load_weights(self.generator(), self.run()["weights"]).eval()

    def faces(self) -> data.Pictures:
        """The pictures to learn from."""
        return data.pictures(self.pictures, **self._crop())

    def edits(self) -> data.Edits:
        """The test faces with what is asked of them and the true answers."""
        return data.edits(self.test, **self._crop())

    def cost(self) -> float:
        """Expected duration, relative to others: pictures seen, times what each takes."""
        picture = (self.size / 48) ** 2 * (1 + (self.width / 16) ** 1.5)
        updates = self.steps * (1.0 + 4.0 / self.critic_steps) + self.reading
        return updates * self.batch * picture

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, evaluates, and returns plain numbers.

        Returns:
            "weights": path of the generator's (averaged) weights; "parameters": of the networks;
            "images": how many pictures were trained on; "history": equal-length lists "step" and
            those of `CURVES`, "reading" being the critic's cross-entropy of real pictures, with
            what `resisting` adds; "test": what `against_truth` finds.
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
        seen = partial(disturbed, noise=self.critic_noise, shift=self.critic_shift)
        history = state.get("history", {name: [] for name in ("step", *CURVES)})
        everything = self.reading + self.steps
        every = max(1, self.steps // self.critic_steps // 100)  # updates between two in history
        for step in range(state["step"], everything):
            images, own = data.drawn(faces, self.batch)
            number = step - self.reading
            if number < 0:
                alone(
                    run, step, F.cross_entropy(critic(seen(images)).labels, own), name="reading",
                    steps=self.reading, everything=everything, update=critic_update,
                    history=history,
                )  # fmt: skip
                continue

            share = share_of_rate(number, steps=self.steps, falling=self.falling)
            slow(update, rate=share * self.rate)
            slow(critic_update, rate=share * self.critic_rate)
            target = own[torch.randperm(self.batch).to(device)]
            updates, rest = divmod(number + 1, self.critic_steps)
            turn = rest == 0  # the generator's
            with torch.set_grad_enabled(turn):
                fake = generator(images, one_hot(target, LABELS))
            judged = critic_step(
                critic, critic_update, seen(images), seen(fake.detach()), own,
                reads=F.cross_entropy, reads_fake=resists(own, share=self.resisting),
                weights=self.weights,
            )  # fmt: skip
            if turn:
                terms = generator_terms(
                    generator, critic, images, fake,
                    source=own, target=target, kind=self.weights.kind, seen=seen,
                )  # fmt: skip
                descend(update, total(terms, self.weights))
                mean.update_parameters(generator)
                terms["reading"], terms["distance"] = judged["classification"], judged["distance"]
                if updates % every == 0:
                    note(history, step + 1, terms)
                    run.progress(step + 1, everything, cycle=history["cycle"][-1])
            run.save(step + 1, history=history)
        return {
            "weights": run.save_weights("generator", mean.module),
            "parameters": counts(generator=generator, critic=critic),
            "images": everything * self.batch,
            "history": history,
            "test": against_truth(self.edited(mean.module, self.edits()), self.edits()),
        }

    @torch.inference_mode()
    def edited(self, generator: Generator, faces: data.Edits) -> Edited:
        """All edits of test faces, and how they come back to what they showed."""
        device = next(generator.parameters()).device
        source = pixels(faces.source.images.to(device))
        own = one_hot(faces.source.emotion, LABELS).to(device)  # (N, L)
        images, back = [], []
        for label in one_hot(faces.emotion, LABELS).to(device):
            fake = generator(source, label.expand(len(source), -1))
            images.append(unit(fake).cpu())
            back.append(unit(generator(fake, own)).cpu())
        return Edited(torch.stack(images), torch.stack(back))

    def _crop(self) -> dict[str, Any]:
        return {"size": self.size, "margin": self.margin, "difficulty": self.difficulty}
