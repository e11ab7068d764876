"""One training of CycleGAN (`facelab.gan.cyclegan`), for one expression, as a record."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facelab.experiment import Experiment, Run, load_weights
from facelab.faces import EMOTIONS
from facelab.gan import data
from facelab.gan.critics import Discriminator
from facelab.gan.cyclegan import Translators, Weights, critic_weights, generator_terms
from facelab.gan.evaluation import Edited, against_truth
from facelab.gan.loop import adam, averaged, counts, note, share_of_rate, slow
from facelab.gan.pictures import pixels
from facelab.gan.stargan import unit
from facelab.gan.training import critic_step, descend, total, unread
from facelab.nn import keep_freed_memory

CURVES = ("adversarial", "cycle", "identity", "distance")

# Fields for small trainings: the hinge loss, slopes at real pictures, larger batches, a moving
# average, colours that start as the picture's.
SMALL: dict[str, Any] = {
    "weights": Weights(kind="hinge", adversarial=4.0, r1=1.6), "resized": True, "moved": True,
    "batch": 8, "rate": 1e-3, "critic_rate": 4e-4, "average": 0.995,
}  # fmt: skip


class CycleganRun(Experiment):
    """One training of two translators and two critics, for one expression.

    The defaults are the paper's where it has them; its picture sets differ in number.
    """

    uses: ClassVar = (
        "facelab.faces",
        "facelab.gan.cyclegan",
        "facelab.gan.cyclegan_run.drawn",
        "facelab.gan.critics",
        "facelab.gan.data",
        "facelab.gan.evaluation",
        "facelab.gan.loop",
        "facelab.gan.pictures",
        "facelab.gan.stargan",
        "facelab.gan.training",
        "facelab.nn",
    )

    emotion: str = "happy"
    size: int = 128
    margin: float = 1.15  # of the crop over the landmarks' box
    difficulty: str = "common"  # of the faces
    pictures: int = 2000  # of both domains together
    test: int = 64  # faces of the evaluation
    width: int = 64  # of the translators
    blocks: int = 6
    resized: bool = False  # see `facelab.gan.cyclegan.Translator`, as the next
    moved: bool = False
    critic_width: int = 64
    critic_layers: int = 4
    weights: Weights = Weights()
    steps: int = 200_000  # two hundred epochs of a thousand pictures, one at a time
    batch: int = 1
    rate: float = 2e-4
    critic_rate: float = 2e-4
    falling: float = 1 / 2  # share of the steps over which the rates fall to zero
    average: float = 0.0  # decay of the moving average of the translators; 0: the last weights
    seed: int = 0

    def translators(self) -> Translators:
        """Untrained translators; `network` has them with a result's weights."""
        return Translators(
            width=self.width, blocks=self.blocks, resized=self.resized, moved=self.moved
        )

    def critic(self) -> Discriminator:
        """An untrained critic of one domain."""
        return Discriminator(
            labels=1, size=self.size, width=self.critic_width, layers=self.critic_layers
        )

    def network(self) -> Translators:
        """The translators of the result, from the cache or trained here."""
        return load_weights(self.translators(), self.run()["weights"]).eval()

    def domains(self) -> tuple[Tensor, Tensor]:
        """Pictures of X, faces at rest, and of Y, with the expression: (N, 3, H, W) uint8 each."""
        both = data.pictures(self.pictures, emotions=("neutral", self.emotion), **self._crop())
        shows = both.emotion == EMOTIONS.index(self.emotion)
        return both.images[~shows], both.images[shows]

    def edits(self) -> data.Edits:
        """The test faces at rest and the true answers."""
        return data.edits(self.test, emotions=(self.emotion,), **self._crop())

    def cost(self) -> float:
        """Expected duration, relative to others: pictures seen, times what each takes."""
        picture = (self.size / 48) ** 2 * (1 + (self.width / 16) ** 1.5)
        return self.steps * self.batch * picture * 10.0

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, evaluates, and returns plain numbers.

        Returns:
            "weights": path of the (averaged) translators; "parameters": of the networks; "images":
            how many pictures of each domain were trained on; "history": equal-length lists "step"
            and those of `CURVES`, "distance" that of Y's critic; "test": what `against_truth`
            finds.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keep_freed_memory()
        domains = [images.to(device) for images in self.domains()]
        torch.manual_seed(self.seed)
        translators = self.translators().to(device)
        critics = [self.critic().to(device) for _ in domains]
        mean = averaged(translators, self.average)
        update = adam(translators.parameters(), self.rate)
        updates = [adam(critic.parameters(), self.critic_rate) for critic in critics]
        state = run.resume(
            translators=translators, mean=mean, update=update,
            critic_x=critics[0], critic_y=critics[1], update_x=updates[0], update_y=updates[1],
        )  # fmt: skip
        history = state.get("history", {name: [] for name in ("step", *CURVES)})
        every = max(1, self.steps // 100)  # steps between two in history
        weights, nothing = critic_weights(self.weights), torch.zeros(0, device=device)
        for step in range(state["step"], self.steps):
            share = share_of_rate(step, steps=self.steps, falling=self.falling)
            slow(update, rate=share * self.rate)
            slow(*updates, rate=share * self.critic_rate)
            x, y = (drawn(images, self.batch) for images in domains)
            passes = translators(x, y)
            for critic, critic_update, real, fake in zip(
                critics, updates, (x, y), (passes.in_x, passes.in_y), strict=True
            ):
                judged = critic_step(
                    critic, critic_update, real, fake, nothing, reads=unread, weights=weights
                )
            terms = generator_terms(translators, *critics, x, y, passes, kind=self.weights.kind)
            descend(update, total(terms, self.weights))
            mean.update_parameters(translators)
            terms["distance"] = judged["distance"]
            if (step + 1) % every == 0:
                note(history, step + 1, terms)
                run.progress(step + 1, self.steps, cycle=history["cycle"][-1])
            run.save(step + 1, history=history)
        faces = self.edits()
        return {
            "weights": run.save_weights("translators", mean.module),
            "parameters": counts(translators=translators, critics=nn.ModuleList(critics)),
            "images": self.steps * self.batch,
            "history": history,
            "test": against_truth(self.edited(mean.module, faces), faces),
        }

    @torch.inference_mode()
    def edited(self, translators: Translators, faces: data.Edits) -> Edited:
        """G of the test faces at rest, and how they come back, F(G(x)); one expression.

        Raises:
            ValueError: for more than the one expression that the translators know.
        """
        if len(faces.names) != 1:
            raise ValueError(f"expected the edits of one expression, got {', '.join(faces.names)}")
        device = next(translators.parameters()).device
        there = translators.there(pixels(faces.source.images.to(device)))
        back = translators.back(there)
        return Edited(unit(there).cpu()[None], unit(back).cpu()[None])

    def _crop(self) -> dict[str, Any]:
        return {"size": self.size, "margin": self.margin, "difficulty": self.difficulty}


def drawn(images: Tensor, batch: int) -> Tensor:
    """A batch with replacement, mirrored or not: (N, 3, H, W) uint8 to (B, 3, H, W) in [-1, 1]."""
    rows = torch.randint(len(images), (batch,)).to(images.device)
    pictures, turned = pixels(images[rows]), torch.rand(()) < 0.5
    return pictures.flip(3) if turned else pictures
