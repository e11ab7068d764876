"""One training of Laplace Landmark Localization, as a record: its loop is Algorithm 1."""

from typing import Any, ClassVar, Literal

import torch

from facelab.experiment import Experiment, Run
from facelab.nn import keep_freed_memory
from facelab.papers.laplace import losses
from facelab.papers.laplace.data import Data, as_float, augment, batch_rows, load_data
from facelab.papers.laplace.model import RCN, PatchDiscriminator
from facelab.papers.laplace.training import (
    discriminator_step,
    evaluate,
    generator_step,
    optimiser,
)


class LaplaceRun(Experiment):
    """One training: a row of Table 2, a cell of Table 3, a point of Fig. 4, or a detector.

    `run()["common"]["nme"]` and so on; see `train` for all that a result holds. The defaults are
    the paper's; what it does not say is marked.
    """

    uses: ClassVar = (
        "facelab.faces",
        "facelab.nn",
        "facelab.papers.laplace.data",
        "facelab.papers.laplace.losses",
        "facelab.papers.laplace.model",
        "facelab.papers.laplace.training",
    )

    method: Literal["softargmax", "laplace_kl", "gaussian_kl"] = "laplace_kl"
    unlabelled: int = 0  # faces without labels, for the discriminator; 0: no discriminator
    control: bool = False  # D(300W): the labelled faces themselves as the unlabelled ones
    channels: int = 64  # width c of the generator
    beta: float = 1.0  # inverse temperature of the soft-argmax (Eq. 2)
    target_scale: float = 1.0  # b of the true distribution, pixels of the map
    joint: bool = False  # one scale for both axes, see losses.scale
    landmarks: Literal[68, 19] = 68  # 300-W, or AFLW: 19 points, hidden ones absent
    size: int = 80  # of pictures and maps, pixels
    margin: float = 1.15  # of the crop over the landmarks' box
    labelled: int = 3148
    validation: int = 128  # faces of the learning curve; not said
    test: tuple[int, int] = (554, 135)  # common and challenge faces
    label_noise: float = 0.015  # scatter of training labels (real ones have some), see data
    looks: Literal["full", "flat"] = "full"
    augmented: bool = False
    steps: int = 39_350  # 200 epochs
    batch: int = 16  # not said
    unlabelled_batch: int = 16  # not said
    rate: float = 1e-3
    schedule: Literal["constant", "one_cycle"] = "constant"
    optimiser: Literal["adam", "adamw"] = "adam"
    decay: float = 1e-5
    dropout: float = 0.2
    adversarial_weight: float = losses.LAMBDA
    adversarial_kind: Literal["minimax", "nonsaturating"] = "minimax"  # not said
    discriminator_widths: tuple[int, int, int] = (64, 128, 256)  # not said
    discriminator_rate: float = 1e-3  # not said
    precision: Literal["float32", "bfloat16"] = "float32"  # of the generator's convolutions
    seed: int = 0

    @property
    def adversarial(self) -> bool:
        """Whether there is a discriminator."""
        return self.control or self.unlabelled > 0

    def data(self) -> Data:
        """The faces of this run."""
        return load_data(
            size=self.size,
            labelled=self.labelled,
            unlabelled=0 if self.control else self.unlabelled,
            test=self.test,
            validation=self.validation,
            landmarks=self.landmarks,
            label_noise=self.label_noise,
            looks=self.looks,
            margin=self.margin,
        )

    def generator(self) -> RCN:
        """An untrained generator; `load_weights(run.generator(), result["weights"])` a trained."""
        return RCN(channels=self.channels, landmarks=self.landmarks, dropout=self.dropout)

    def cost(self) -> float:
        """Expected duration, relative to others: pictures seen, times what each takes."""
        picture = (self.size / 32) ** 2 * (1 + (self.channels / 16) ** 1.5)
        judged = self.unlabelled_batch + self.batch / 2 if self.adversarial else 0.0
        return self.steps * (self.batch + judged) * picture

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, evaluates, and returns plain numbers.

        Returns:
            "weights": path of the generator's weights; "parameters": their number; "images": how
            many labelled pictures were trained on; "history": equal-length lists "step", "loss",
            "adversarial" (the generator's, without lambda) and "nme" (percent, validation faces);
            "common" and "challenge": what `training.evaluate` finds there.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keep_freed_memory()
        data = self.data()
        faces = data.train.to(device)
        unlabelled = faces.images if self.control else data.unlabelled
        masked = self.landmarks == 19

        torch.manual_seed(self.seed)
        parts: dict[str, Any] = {}
        # The pictures are channels_last and the activations follow; weights stay as they are, for
        # the fused optimiser pairs weights and moments by memory, and checkpoints keep no layouts.
        generator = parts["generator"] = self.generator().to(device)
        update = parts["update"] = optimiser(generator, self.rate, self.decay, self.optimiser)
        rates = None
        if self.schedule == "one_cycle":
            rates = parts["rates"] = torch.optim.lr_scheduler.OneCycleLR(
                update, max_lr=self.rate, total_steps=self.steps, pct_start=0.25
            )
        if self.adversarial:
            unlabelled = unlabelled.to(device)
            judge = PatchDiscriminator(landmarks=self.landmarks, widths=self.discriminator_widths)
            judge = parts["judge"] = judge.to(device)
            judge_update = parts["judge_update"] = optimiser(
                judge, self.discriminator_rate, self.decay, self.optimiser
            )

        state = run.resume(**parts)
        history = state.get("history", {k: [] for k in ("step", "loss", "adversarial", "nme")})
        sums = torch.tensor(state.get("sums", [0.0, 0.0]), device=device)  # since last in history
        generator.train()
        for step in range(state["step"], self.steps):
            rows = torch.from_numpy(batch_rows(step, self.batch, len(faces), self.seed)).to(device)
            images, points = as_float(faces.images[rows]), faces.landmarks[rows]
            if self.augmented:
                images, points = augment(images, points)
            others = None
            if self.adversarial:
                others = batch_rows(step, self.unlabelled_batch, len(unlabelled), self.seed + 1000)
                others = as_float(unlabelled[torch.from_numpy(others).to(device)])
            loss, fake = generator_step(
                generator,
                images,
                points,
                faces.visible[rows] if masked else None,
                others,
                method=self.method,
                beta=self.beta,
                target_scale=self.target_scale,
                joint=self.joint,
                half=self.precision == "bfloat16",
            )
            adversarial = torch.zeros((), device=device)
            if self.adversarial:
                real = losses.true_heatmaps(points, self.size, self.target_scale)
                discriminator_step(judge, judge_update, images, real, others, fake)
                adversarial = losses.generator_loss(judge(others, fake), kind=self.adversarial_kind)
            update.zero_grad(set_to_none=True)
            (loss + self.adversarial_weight * adversarial).backward()
            update.step()
            if rates is not None:
                rates.step()

            sums += torch.stack([loss.detach(), adversarial.detach()])
            if (step + 1) % max(1, self.steps // 10) == 0 or step + 1 == self.steps:
                count = step + 1 - (history["step"][-1] if history["step"] else 0)
                found = evaluate(generator, data.validation, beta=self.beta, masked=masked)
                numbers = (step + 1, *(sums / count).tolist(), float(found["nme"].mean()))
                for name, value in zip(history, numbers, strict=True):
                    history[name].append(value)
                sums.zero_()
                run.progress(step + 1, self.steps, loss=numbers[1], nme=numbers[3])
            run.save(step + 1, history=history, sums=sums.tolist())

        tests = {
            name: evaluate(generator, getattr(data, name), beta=self.beta, masked=masked)
            for name in ("common", "challenge")
        }
        return {
            "weights": run.save_weights("generator", generator),
            "parameters": sum(p.numel() for p in generator.parameters()),
            "images": self.steps * self.batch,
            "history": history,
            **tests,
        }
