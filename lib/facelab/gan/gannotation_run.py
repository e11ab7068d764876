"""One training of GANnotation (`facelab.gan.gannotation`), as a record with its loop."""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from facelab.experiment import Experiment, Run, load_weights
from facelab.faces import EMOTIONS
from facelab.gan import data
from facelab.gan.critics import Discriminator
from facelab.gan.evaluation import Edited, against_truth
from facelab.gan.gannotation import (
    COUNTS,
    Generator,
    Maps,
    SplitPairCritic,
    Weights,
    critic_weights,
    generator_terms,
    heatmaps,
    joined,
    pair_critic,
    pairs,
)
from facelab.gan.loop import adam, alone, averaged, counts, note, share_of_rate, slow
from facelab.gan.losses import critic_loss
from facelab.gan.pictures import pixels
from facelab.gan.small import initialise_he
from facelab.gan.stargan import unit
from facelab.gan.training import critic_step, descend, total, unread
from facelab.nn import keep_freed_memory

CURVES = ("adversarial", "cycle", "triple", "variation", "distance")

# Fields for small trainings: one update of each network in turn, the hinge loss, slopes at real
# pictures, a moving average, one map a part of the face. Colours start as the picture's, and then
# copying it satisfies all terms but the verdict: so that weighs more than they do, and
# ``matching`` lets the critic learn first which maps are a picture's.
SMALL: dict[str, Any] = {
    "weights": Weights(kind="hinge", adversarial=25.0, cycle=10.0, triple=10.0, penalty=0.0, r1=1.0,
                       mismatched=True),
    "maps": "parts", "resized": True, "moved": True, "critic_initial": "he", "critic_steps": 1,
    "batch": 8, "rate": 1e-3, "critic_rate": 4e-4, "decay": 0.0, "average": 0.995,
}  # fmt: skip


class GannotationRun(Experiment):
    """One training of a generator and its critic.

    The defaults are the authors' code's where it has a value that can be meant: its rate falls to a
    tenth after each epoch, and is constant and then falls to zero here. The faces are as many as
    in the geometry paper, which compares itself with this method, and the steps StarGAN's.
    """

    uses: ClassVar = (
        "facelab.faces",
        "facelab.gan.critics",
        "facelab.gan.data",
        "facelab.gan.evaluation",
        "facelab.gan.gannotation",
        "facelab.gan.gannotation_run.drawn",
        "facelab.gan.loop",
        "facelab.gan.losses",
        "facelab.gan.pictures",
        "facelab.gan.small",
        "facelab.gan.stargan",
        "facelab.gan.training",
        "facelab.nn",
    )

    size: int = 128
    margin: float = 1.15  # of the crop over the landmarks' box; not said
    difficulty: str = "common"  # of the faces
    pictures: int = 87_106
    test: int = 64  # faces of the evaluation
    maps: Maps = "points"
    sigma: float = 0.02  # of the maps, fractions of the side
    width: int = 64  # of the generator
    blocks: int = 6
    resized: bool = False  # see `facelab.gan.gannotation.Generator`, as the next
    moved: bool = False
    critic_width: int = 64
    critic_layers: int = 6
    weights: Weights = Weights()
    critic_initial: Literal["torch", "he"] = "torch"  # see `facelab.gan.small`
    critic_split: int = 0  # patch_width of `gannotation.SplitPairCritic`; 0: one body, as there
    steps: int = 200_000  # updates of the critic
    matching: int = 0  # further ones before those, of pictures under their own and under other maps
    batch: int = 64
    critic_steps: int = 5  # updates of the critic for one of the generator
    rate: float = 1e-4
    critic_rate: float = 1e-4
    matching_rate: float = 1e-3
    decay: float = 5e-4  # of the weights, of both networks
    falling: float = 1 / 2  # share of the steps over which the rates fall to zero
    average: float = 0.0  # decay of the moving average of the generator; 0: the last weights
    seed: int = 0

    def generator(self) -> Generator:
        """An untrained generator; `trained` has one with a result's weights."""
        return Generator(
            maps=COUNTS[self.maps],
            width=self.width,
            blocks=self.blocks,
            resized=self.resized,
            moved=self.moved,
        )

    def critic(self) -> Discriminator | SplitPairCritic:
        """An untrained critic."""
        body = {
            "maps": COUNTS[self.maps],
            "size": self.size,
            "width": self.critic_width,
            "layers": self.critic_layers,
        }
        critic = (
            SplitPairCritic(**body, patch_width=self.critic_split)
            if self.critic_split
            else pair_critic(**body)
        )
        if self.critic_initial == "he":
            initialise_he(critic)
        return critic

    def network(self) -> Generator:
        """The generator of the result, from the cache or trained here."""
        return load_weights(self.generator(), self.run()["weights"]).eval()

    def edits(self) -> data.Edits:
        """The test faces with what is asked of them and the true answers."""
        return data.edits(self.test, **self._crop())

    def faces(self) -> tuple[data.Pictures, Tensor]:
        """The pictures to learn from, and (N, 8, 68, 2) the landmarks that may be asked for."""
        return data.pictures(self.pictures, **self._crop()), data.asked(
            self.pictures, **self._crop()
        )

    def maps_of(self, landmarks: Tensor) -> Tensor:
        """(B, 68, 2) pixels to the maps that both networks see, (B, M, size, size)."""
        found = heatmaps(landmarks, size=self.size, sigma=self.sigma * self.size)
        return joined(found) if self.maps == "parts" else found

    def cost(self) -> float:
        """Expected duration, relative to others: pictures seen, times what each takes."""
        picture = (self.size / 48) ** 2 * (1 + (self.width / 16) ** 1.5)
        return self.steps * self.batch * picture * (1.0 + 8.0 / self.critic_steps)

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, evaluates, and returns plain numbers.

        Returns:
            "weights", "critic": paths of the generator's (averaged) and the critic's weights;
            "parameters": their numbers; "images": how many pictures were trained on; "history":
            equal-length lists "step", which goes on after those of ``matching``, and those of
            `CURVES`; "test": what `against_truth` finds.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keep_freed_memory()
        faces, asked = self.faces()
        faces, asked = faces.to(device), asked.to(device)
        torch.manual_seed(self.seed)
        generator, critic = self.generator().to(device), self.critic().to(device)
        mean = averaged(generator, self.average)
        kind = {"betas": (0.5, 0.9), "weight_decay": self.decay}
        update = adam(generator.parameters(), self.rate, **kind)
        critic_update = adam(critic.parameters(), self.matching_rate, **kind)
        state = run.resume(
            generator=generator, critic=critic, mean=mean,
            update=update, critic_update=critic_update,
        )  # fmt: skip
        history = state.get("history", {name: [] for name in ("step", *CURVES)})
        every = max(1, self.steps // self.critic_steps // 100)  # updates between two in history
        weights, nothing = critic_weights(self.weights), torch.zeros(0, device=device)
        everything = self.matching + self.steps
        for step in range(state["step"], everything):
            images, own, wanted, third = drawn(faces, asked, self.batch)
            own, wanted, third = (self.maps_of(points) for points in (own, wanted, third))
            if step < self.matching:
                both = torch.cat(pairs(images, images, own, wanted, mismatched=False))
                right, wrong = critic(both).source.chunk(2)
                alone(
                    run, step, critic_loss(right, wrong, kind=self.weights.kind), name="matching",
                    steps=self.matching, everything=everything, update=critic_update,
                    history=history,
                )  # fmt: skip
                continue

            number = step - self.matching
            share = share_of_rate(number, steps=self.steps, falling=self.falling)
            slow(update, rate=share * self.rate)
            slow(critic_update, rate=share * self.critic_rate)
            updates, rest = divmod(number + 1, self.critic_steps)
            turn = rest == 0  # the generator's
            with torch.set_grad_enabled(turn):
                fake = generator(images, wanted)
            real, other = pairs(
                images, fake.detach(), own, wanted, mismatched=self.weights.mismatched
            )
            judged = critic_step(
                critic, critic_update, real, other, nothing,
                reads=unread, weights=weights,
            )  # fmt: skip
            if turn:
                terms = generator_terms(
                    generator, critic, images, fake,
                    own=own, wanted=wanted, third=third, kind=self.weights.kind,
                )  # fmt: skip
                descend(update, total(terms, self.weights))
                mean.update_parameters(generator)
                terms["distance"] = judged["distance"]
                if updates % every == 0:
                    note(history, step + 1, terms)
                    run.progress(step + 1, everything, cycle=history["cycle"][-1])
            run.save(step + 1, history=history)
        return {
            "weights": run.save_weights("generator", mean.module),
            "critic": run.save_weights("critic", critic),
            "parameters": counts(generator=generator, critic=critic),
            "images": everything * self.batch,
            "history": history,
            "test": against_truth(self.edited(mean.module, self.edits()), self.edits()),
        }

    @torch.inference_mode()
    def edited(self, generator: Generator, faces: data.Edits) -> Edited:
        """All edits of test faces, and the faces as they come back, G(G(x, b), a)."""
        device = next(generator.parameters()).device
        source = pixels(faces.source.images.to(device))
        own = self.maps_of(faces.source.landmarks.to(device))
        images, back = [], []
        for landmarks in faces.landmarks:
            fake = generator(source, self.maps_of(landmarks.to(device)))
            images.append(unit(fake).cpu())
            back.append(unit(generator(fake, own)).cpu())
        return Edited(torch.stack(images), torch.stack(back))

    def _crop(self) -> dict[str, Any]:
        return {"size": self.size, "margin": self.margin, "difficulty": self.difficulty}


def drawn(faces: data.Pictures, asked: Tensor, batch: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A batch with replacement, half of the batches mirrored.

    Args:
        faces: N pictures.
        asked: (N, 8, 68, 2) their landmarks with each of the expressions.
        batch: B.

    Returns:
        Pictures (B, 3, H, W) in [-1, 1]; their landmarks, and those with two different expressions,
        (B, 68, 2) each.
    """
    rows = torch.randint(len(faces), (batch,))
    two = torch.rand(batch, len(EMOTIONS)).argsort(dim=1)[:, :2]  # (B, 2)
    rows, two = rows.to(asked.device), two.to(asked.device)
    images = pixels(faces.images[rows])
    own, (wanted, third) = faces.landmarks[rows], (asked[rows, e] for e in two.unbind(dim=1))
    if torch.rand(()) < 0.5:
        size = images.shape[3]
        own, wanted, third = (data.flipped(points, size) for points in (own, wanted, third))
        images = images.flip(3)
    return images, own, wanted, third
