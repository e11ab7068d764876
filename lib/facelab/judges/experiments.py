"""The trainings of the judges: `JudgeRun` is one of them, `settings(tier)` lists them.

All see the same pictures (`data.load`), of the synthetic world's training people only, never of a
generator's. Their accuracy, on other people, is part of the result. One network reads emotions and
action units: units are what emotions are made of, mixtures teach them too, and so it learns faster
than two.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facelab import faces
from facelab.experiment import Experiment, Run, run_all
from facelab.judges import data, losses, scores
from facelab.judges.data import Pictures, augment
from facelab.judges.examination import EMOTIONS, KINDS, Kind, Standard, examine
from facelab.judges.model import Painter, Reader, split
from facelab.nn import keep_freed_memory


class JudgeRun(Experiment):
    """One judge, trained and examined; see `train` for what a result holds.

    The trainings share the pictures, and differ in network, loss and length.
    """

    uses: ClassVar = (
        "facelab.faces",
        "facelab.judges.data",
        "facelab.judges.examination",
        "facelab.judges.losses",
        "facelab.judges.model",
        "facelab.judges.scores",
    )

    kind: Kind
    size: int = 64  # of the pictures, pixels
    people: int = 4000  # to learn from
    each: int = 4  # pictures of a person, a difficulty
    maps: int = 8000  # pictures with depth and normals, a difficulty
    tested: int = 200  # people of each test set
    width: int = 32
    features: int = 128  # numbers before the last layer
    embedding: int = 64  # D, of the identity
    margin: float = 0.15  # m of the angular margin; a large one needs a long training
    scale: float = 16.0  # its s; small, as the classes are few
    steps: int = 20_000
    batch: int = 64
    rate: float = 3e-3
    decay: float = 1e-2
    dropout: float = 0.1
    units: float = 2.0  # weight of the units' loss beside that of the emotions
    seed: int = 0

    def network(self) -> nn.Module:
        """An untrained network; `load_weights(run.network(), result["weights"])` a trained one."""
        if self.kind == "geometry":
            return Painter(size=self.size, width=self.width)
        outputs = {
            "expression": EMOTIONS + len(faces.UNITS),
            "identity": self.embedding,
            "features": sum(data.factor_groups().values()),
        }
        return Reader(
            size=self.size,
            outputs=outputs[self.kind],
            width=self.width,
            features=self.features,
            dropout=self.dropout,
        )

    def pictures(self, split: str) -> Pictures:
        """The training pictures ("train"), or those of a test set, named by its difficulty."""
        if split == "train":
            return data.load(size=self.size, people=self.people, each=self.each, maps=self.maps)
        return data.load(
            size=self.size, people=self.tested, each=scores.EACH, split="test", levels=(split,)
        )

    def cost(self) -> float:
        """Expected duration, relative to others."""
        heavy = 3.0 if self.kind == "geometry" else 1.0
        return heavy * self.steps * self.batch * self.width**1.5 * self.size**2

    def train(self, run: Run) -> dict[str, Any]:
        """Trains, examines on people never seen, and returns plain numbers.

        Returns:
            "weights": path of the network's weights; "parameters": their number; "images": how
            many pictures were trained on; "history": equal-length lists "step" and "loss";
            "tests": by difficulty, what `examine` finds there.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        keep_freed_memory()
        pictures = self.pictures("train")
        count = len(pictures.depth) if self.kind == "geometry" else len(pictures)
        standard = Standard.of(pictures.factors).to(device)

        torch.manual_seed(self.seed)
        parts: dict[str, Any] = {"network": self.network().to(device)}
        if self.kind == "identity":
            people = int(pictures.people.max()) + 1
            parts["directions"] = nn.Linear(self.embedding, people, bias=False).to(device)
        weights = [p for part in parts.values() for p in part.parameters()]
        update = torch.optim.AdamW(weights, self.rate, weight_decay=self.decay, fused=True)
        rates = torch.optim.lr_scheduler.OneCycleLR(
            update, max_lr=self.rate, total_steps=self.steps, pct_start=0.2
        )
        state = run.resume(**parts, update=update, rates=rates)
        history = state.get("history", {"step": [], "loss": []})
        total = state.get("total", 0.0)  # of the losses since the last entry
        network = parts["network"].train()
        for step in range(state["step"], self.steps):
            rows = torch.randint(count, (self.batch,))
            loss = self.loss(parts, pictures, rows, standard, device)
            update.zero_grad(set_to_none=True)
            loss.backward()
            update.step()
            rates.step()

            total += loss.item()
            if (step + 1) % max(1, self.steps // 20) == 0 or step + 1 == self.steps:
                since = step + 1 - (history["step"][-1] if history["step"] else 0)
                history["step"].append(step + 1)
                history["loss"].append(total / since)
                total = 0.0
                run.progress(step + 1, self.steps, loss=history["loss"][-1])
            run.save(step + 1, history=history, total=total)

        network.eval()
        return {
            "weights": run.save_weights("network", network),
            "parameters": sum(p.numel() for p in network.parameters()),
            "images": self.steps * self.batch,
            "history": history,
            "tests": {
                name: examine(self.kind, network, self.pictures(name), standard)
                for name in data.TESTS
            },
        }

    def loss(
        self,
        parts: dict[str, Any],
        pictures: Pictures,
        rows: Tensor,
        standard: "Standard",
        device: torch.device,
    ) -> Tensor:
        """The loss of the pictures in `rows`, freshly augmented; a scalar."""
        images = pictures.images[rows].to(device)  # (B, 3, H, W)
        network = parts["network"]
        if self.kind == "geometry":
            maps = torch.cat(
                [
                    pictures.depth[rows, None] / data.DEPTH_UNIT,
                    pictures.normals[rows],
                    pictures.head[rows, None].float(),
                ],
                dim=1,
            )  # (B, 5, H, W)
            images, maps = augment(images, maps.to(device))
            truth = maps[:, 0], maps[:, 1:4], maps[:, 4] > 0.5
            return sum(losses.geometry_loss(*split(network(images)), *truth).values())
        # A mirrored picture has another pose, light and parting: those factors would be wrong.
        images, _ = augment(images, mirror=self.kind != "features")
        found = network(images)
        if self.kind == "expression":
            emotions, units = found[:, :EMOTIONS], found[:, EMOTIONS:]
            named = losses.expression_loss(emotions, pictures.emotion[rows].to(device))
            return named + self.units * losses.units_loss(units, pictures.units[rows].to(device))
        if self.kind == "features":
            factors = standard(pictures.factors[rows].to(device))
            return losses.factors_loss(found, factors, list(data.factor_groups().values()))
        return losses.identity_loss(
            found,
            parts["directions"].weight,
            pictures.people[rows].to(device),
            margin=self.margin,
            scale=self.scale,
        )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes of a tier.

    Attributes:
        base: fields of `JudgeRun` common to all judges.
        own: further fields of a judge, by kind.
        seeds: of the judges; the first is what the papers' notebooks use.
        real: pictures of the world that the Frechet distance is tried on.
        pairs: people in the question with a known answer.
        rates: false acceptance rates at which identities are examined.
    """

    tier: str
    base: dict[str, Any]
    own: dict[str, dict[str, Any]]
    seeds: tuple[int, ...] = (0,)
    real: int = 2000
    pairs: int = 256
    rates: tuple[float, ...] = (0.01, 0.001)

    def run(self, kind: Kind, *, seed: int = 0) -> JudgeRun:
        """The training of one judge."""
        return JudgeRun(**{**self.base, **self.own.get(kind, {}), "kind": kind, "seed": seed})

    def everything(self) -> list[JudgeRun]:
        """All trainings of the tier."""
        return [self.run(kind, seed=seed) for seed in self.seeds for kind in KINDS]

    def results(self, *, seed: int = 0) -> dict[Kind, dict[str, Any]]:
        """The results of all judges of a seed: from the cache, else trained here."""
        runs = [self.run(kind, seed=seed) for kind in KINDS]
        return dict(zip(KINDS, run_all(runs, description="judges"), strict=True))


def settings(tier: str, seeds: tuple[int, ...] = ()) -> Settings:
    """The settings of "smoke", "laptop", "gpu" or "paper", with other seeds where some are given.

    Raises:
        ValueError: for another name.
    """
    if tier not in TIERS:
        raise ValueError(f"unknown tier {tier!r}: expected one of {', '.join(TIERS)}")
    return replace(TIERS[tier], seeds=seeds) if seeds else TIERS[tier]


TIERS = {
    "smoke": Settings(
        tier="smoke",
        base={
            "size": 32, "people": 12, "each": 1, "maps": 12, "tested": 6, "width": 8,
            "features": 16, "embedding": 8, "steps": 3, "batch": 6,
        },
        own={},
        real=64,
        pairs=16,
        rates=(0.1,),
    ),
    "laptop": Settings(
        tier="laptop",
        base={
            "size": 48, "people": 1500, "each": 2, "maps": 1200, "tested": 100, "width": 16,
            "features": 96, "steps": 2200, "batch": 32,
        },
        own={
            "expression": {"steps": 3000}, "geometry": {"steps": 500, "width": 8},
            "features": {"steps": 1200},
        },
    ),
    "gpu": Settings(tier="gpu", base={}, own={}, real=10_000, pairs=1024),
    "paper": Settings(
        tier="paper", base={"size": 128, "people": 10_000, "steps": 100_000}, own={}, real=10_000,
        pairs=1024,
    ),
}  # fmt: skip
