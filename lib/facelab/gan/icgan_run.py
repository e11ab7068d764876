"""One training of IcGAN (`facelab.gan.icgan`), as a record with its two loops."""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab.experiment import Experiment, Run, load_weights
from facelab.faces import EMOTIONS
from facelab.gan import data
from facelab.gan.critics import Discriminator
from facelab.gan.evaluation import Edited, against_truth
from facelab.gan.icgan import Editor, encoder_terms, generator_terms
from facelab.gan.loop import adam, averaged, counts, note, share_of_rate, slow
from facelab.gan.pictures import pixels
from facelab.gan.stargan import one_hot, unit
from facelab.gan.training import Weights, critic_step, descend, total
from facelab.nn import keep_freed_memory

CURVES = ("adversarial", "classification", "distance")
ENCODING = ("noise", "label")

# Fields for small trainings: the hinge loss, slopes at real pictures, a moving average.
SMALL: dict[str, Any] = {
    "weights": Weights(kind="hinge", penalty=0.0, r1=1.6), "batch": 16, "rate": 1e-3,
    "critic_rate": 4e-4, "average": 0.995,
}  # fmt: skip


class IcganRun(Experiment):
    """One training of a generator and its critic, and then of two encoders.

    The defaults are DCGAN's, which the paper follows; how long is not the paper's.
    """

    uses: ClassVar = (
        "facelab.faces",
        "facelab.gan.critics",
        "facelab.gan.data",
        "facelab.gan.evaluation",
        "facelab.gan.icgan",
        "facelab.gan.loop",
        "facelab.gan.pictures",
        "facelab.gan.stargan",
        "facelab.gan.training",
        "facelab.nn",
    )

    size: int = 64
    margin: float = 1.15  # of the crop over the landmarks' box
    difficulty: str = "common"  # of the faces
    pictures: int = 87_106  # as in the geometry paper
    test: int = 64  # faces of the evaluation
    latent: int = 100  # numbers of z
    width: int = 64  # of the generator
    encoder_width: int = 32
    critic_width: int = 64
    critic_layers: int = 4
    weights: Weights = Weights(kind="logistic", penalty=0.0)
    steps: int = 100_000  # of generator and critic
    encoding: int = 50_000  # further steps, of the encoders
    batch: int = 64
    rate: float = 2e-4  # of generator and encoders
    critic_rate: float = 2e-4
    falling: float = 0.0  # share of each part's steps over which the rates fall to zero
    average: float = 0.0  # decay of the moving average of the generator; 0: the last weights
    seed: int = 0

    def editor(self) -> Editor:
        """The untrained networks; `network` has them with a result's weights."""
        return Editor(
            labels=len(EMOTIONS),
            size=self.size,
            latent=self.latent,
            width=self.width,
            encoder_width=self.encoder_width,
        )

    def critic(self) -> Discriminator:
        """An untrained critic."""
        return Discriminator(
            labels=len(EMOTIONS), size=self.size, width=self.critic_width, layers=self.critic_layers
        )

    def network(self) -> Editor:
        """The editor of the result, from the cache or trained here."""
        return load_weights(self.editor(), self.run()["weights"]).eval()

    def faces(self) -> data.Pictures:
        """The pictures to learn from."""
        return data.pictures(self.pictures, **self._crop())

    def edits(self) -> data.Edits:
        """The test faces with what is asked of them and the true answers."""
        return data.edits(self.test, **self._crop())

    def cost(self) -> float:
        """Expected duration, relative to others: pictures seen, times what each takes."""
        picture = (self.size / 48) ** 2 * (1 + (self.width / 16) ** 1.5)
        return (self.steps + self.encoding) * self.batch * picture

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, evaluates, and returns plain numbers.

        Returns:
            "weights": path of the editor's weights, its generator averaged; "parameters" of the
            networks; "images": how many pictures were trained on; "history" and "encoding":
            equal-length lists "step" and those of `CURVES` and of `ENCODING`; "test": what
            `against_truth` finds.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keep_freed_memory()
        faces = self.faces().to(device)
        torch.manual_seed(self.seed)
        editor, critic = self.editor().to(device), self.critic().to(device)
        generator, encoders = editor.generator, nn.ModuleList([editor.noise, editor.label])
        mean = averaged(generator, self.average)
        update = adam(generator.parameters(), self.rate)
        critic_update = adam(critic.parameters(), self.critic_rate)
        encoder_update = adam(encoders.parameters(), self.rate)
        state = run.resume(
            editor=editor, critic=critic, mean=mean, update=update,
            critic_update=critic_update, encoder_update=encoder_update,
        )  # fmt: skip
        history = state.get("history", {name: [] for name in ("step", *CURVES)})
        encoding = state.get("encoding", {name: [] for name in ("step", *ENCODING)})
        every = max(1, self.steps // 100)  # steps between two in history
        everything = self.steps + self.encoding
        for step in range(state["step"], self.steps):
            share = share_of_rate(step, steps=self.steps, falling=self.falling)
            slow(update, rate=share * self.rate)
            slow(critic_update, rate=share * self.critic_rate)
            images, own = data.drawn(faces, self.batch)
            noise, target = self._asked(device)
            fake = generator(noise, one_hot(target, len(EMOTIONS)))
            judged = critic_step(
                critic, critic_update, images, fake, own,
                reads=F.cross_entropy, weights=self.weights,
            )  # fmt: skip
            terms = generator_terms(critic, fake, target, kind=self.weights.kind)
            descend(update, total(terms, self.weights))
            mean.update_parameters(generator)
            terms["distance"] = judged["distance"]
            if (step + 1) % every == 0:
                note(history, step + 1, terms)
                run.progress(step + 1, everything, classification=history["classification"][-1])
            run.save(step + 1, history=history, encoding=encoding)

        generator.load_state_dict(mean.module.state_dict())
        generator.eval()
        for step in range(max(state["step"], self.steps), everything):
            done = step - self.steps
            share = share_of_rate(done, steps=self.encoding, falling=self.falling)
            slow(encoder_update, rate=share * self.rate)
            images, own = data.drawn(faces, self.batch)
            noise, target = self._asked(device)
            with torch.no_grad():
                made = generator(noise, one_hot(target, len(EMOTIONS)))
            terms = encoder_terms(editor, noise, made, images, own)
            descend(encoder_update, terms["noise"] + terms["label"])
            if (done + 1) % max(1, self.encoding // 100) == 0:
                note(encoding, step + 1, terms)
                run.progress(step + 1, everything, noise=encoding["noise"][-1])
            run.save(step + 1, history=history, encoding=encoding)
        editor.eval()
        return {
            "weights": run.save_weights("editor", editor),
            "parameters": counts(generator=generator, encoders=encoders, critic=critic),
            "images": everything * self.batch,
            "history": history,
            "encoding": encoding,
            "test": against_truth(self.edited(editor, self.edits()), self.edits()),
        }

    def _asked(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """z (B, Z) and classes (B,) to make pictures of."""
        noise = torch.randn(self.batch, self.latent)
        return noise.to(device), torch.randint(len(EMOTIONS), (self.batch,)).to(device)

    @torch.inference_mode()
    def edited(self, editor: Editor, faces: data.Edits) -> Edited:
        """All edits of test faces, G(E_z(x), y), and how they come back, G(E_z(x), E_y(x))."""
        device = next(editor.parameters()).device
        source = pixels(faces.source.images.to(device))
        noise, own = editor.noise(source), editor.label(source)
        back = unit(editor.generator(noise, own)).cpu()
        labels = one_hot(faces.emotion, own.shape[1]).to(device)  # (E, L)
        images = [unit(editor.generator(noise, y.expand(len(noise), -1))).cpu() for y in labels]
        return Edited(torch.stack(images), back.expand(len(images), -1, -1, -1, -1))

    def _crop(self) -> dict[str, Any]:
        return {"size": self.size, "margin": self.margin, "difficulty": self.difficulty}
