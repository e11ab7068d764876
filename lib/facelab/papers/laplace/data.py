"""The pictures behind the Laplace paper's tables: 300-W, MegaFace and AFLW, as synthetic stand-ins.

300-W becomes rendered faces with 68 landmarks, its common and challenge parts two test sets of the
paper's sizes; MegaFace's unlabelled crops are more faces of other people; AFLW's 19 points, absent
where they are hidden, are made from the 68. Test labels are exact. Training labels carry the
annotators' scatter (`annotate`), as real ones do.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facelab import faces
from facelab.faces.landmarks import MIRROR

EYES = (36, 45)  # outer corners in iBUG-68 order
CONTOUR = slice(0, 17)  # the jaw
CHUNK = 500  # unlabelled faces a stored set, so that smaller counts are parts of larger ones

# AFLW's 21 points without the ear lobes, each as the mean of iBUG-68 points.
AFLW_19 = (
    (17,), (19,), (21,), (22,), (24,), (26,),  # brows: outer end, middle, inner end; and back
    (36,), (36, 37, 38, 39, 40, 41), (39,), (42,), (42, 43, 44, 45, 46, 47), (45,),  # eyes
    (31,), (30,), (35,),  # nose: wing, tip, wing
    (48,), (62, 66), (54,),  # mouth: corner, middle, corner
    (8,),  # chin
)  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class Labelled:
    """Pictures with landmarks.

    Attributes:
        images: (N, 3, H, W) uint8, channels_last.
        landmarks: (N, K, 2) float32 pixels.
        visible: (N, K) bool. AFLW leaves hidden points out; 300-W marks them all the same.
        normaliser: (N,) float32 pixels, what errors are divided by: the distance of the outer eye
            corners for 68 points, the root of the landmarks' box area for AFLW's 19.
    """

    images: Tensor
    landmarks: Tensor
    visible: Tensor
    normaliser: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> "Labelled":
        """The same on another device."""
        return Labelled(**{name: value.to(device) for name, value in vars(self).items()})


@dataclass(frozen=True, eq=False, kw_only=True)
class Data:
    """All that one experiment sees; `unlabelled` is (M, 3, H, W) uint8, or None."""

    train: Labelled
    validation: Labelled
    common: Labelled
    challenge: Labelled
    unlabelled: Tensor | None


@lru_cache(maxsize=1)
def load_data(
    *,
    size: int,
    labelled: int,
    unlabelled: int = 0,
    test: tuple[int, int] = (554, 135),
    validation: int = 128,
    landmarks: int = 68,
    label_noise: float = 0.0,
    looks: str = "full",
    margin: float = 1.15,
) -> Data:
    """Faces for one experiment, rendered or read from the cache.

    Args:
        size: height and width, pixels.
        labelled: training faces with landmarks (300-W has 3,148).
        unlabelled: further training faces without (the paper has 10, 30, 50 and 70 thousand).
        test: common and challenge test faces (300-W has 554 and 135).
        validation: faces for the learning curve, exact labels.
        landmarks: 68, or 19 for AFLW's.
        label_noise: scatter of the training labels, see `annotate`.
        looks: "full", or "flat" for grey heads under one lamp before a grey wall.
        margin: side of the crop over that of the landmarks' box.

    Raises:
        ValueError: when ``landmarks`` is neither 68 nor 19.
    """
    if landmarks not in (68, 19):
        raise ValueError(f"landmarks is 68 (300-W) or 19 (AFLW), got {landmarks}")

    def make(
        count: int, seed: int, split: str, difficulty: str, looks: str = "full"
    ) -> tuple["faces.Faces", Tensor]:
        channels = ("image" if looks == "full" else "normals", "landmarks", "visible")
        made = faces.dataset(
            count,
            seed=seed,
            split=split,
            difficulty=difficulty,
            size=size,
            margin=margin,
            channels=channels,
        )
        return made, _images(made.image) if looks == "full" else flat(made.normals)

    chunks = [
        make(min(CHUNK, unlabelled - first), 100 + number, "train", "train", looks)[1]
        for number, first in enumerate(range(0, unlabelled, CHUNK))
    ]
    return Data(
        train=_labelled(*make(labelled, 1, "train", "train", looks), landmarks, label_noise),
        validation=_labelled(*make(validation, 2, "validation", "train"), landmarks),
        common=_labelled(*make(test[0], 3, "test", "common"), landmarks),
        challenge=_labelled(*make(test[1], 4, "test", "challenge"), landmarks),
        unlabelled=torch.cat(chunks) if chunks else None,
    )


def flat(normals: np.ndarray, *, seed: int = 0) -> Tensor:
    """Heads of one grey, each under one lamp before a grey wall: shape without looks.

    Args:
        normals: (N, 3, H, W) unit vectors towards the viewer; nan on the background.
        seed: of lamps and walls.

    Returns:
        (N, 3, H, W) uint8, channels_last.
    """
    rng = np.random.default_rng(seed)
    lamps = rng.normal(0.0, 0.5, (len(normals), 3)).astype(np.float32) + np.array([0, 0.3, 1.2])
    lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
    shade = 0.15 + 0.75 * np.einsum("nchw,nc->nhw", normals, lamps).clip(0.0)  # (N, H, W)
    walls = rng.uniform(0.1, 0.9, (len(normals), 1, 1))
    grey = np.where(np.isnan(normals[:, 0]), walls, shade)
    return _images(np.repeat(grey[:, None], 3, axis=1).astype(np.float32))


def _images(images: np.ndarray) -> Tensor:
    images = torch.as_tensor(images)
    if images.dtype != torch.uint8:
        images = (255.0 * images).round().to(torch.uint8)
    return images.contiguous(memory_format=torch.channels_last)  # (N, 3, H, W)


def _labelled(
    made: "faces.Faces", images: Tensor, landmarks: int, scatter: float = 0.0
) -> Labelled:
    exact = np.asarray(made.landmarks, np.float32)  # (N, 68, 2)
    visible = np.asarray(made.visible, bool)  # (N, 68)
    if landmarks == 68:
        normaliser = np.linalg.norm(exact[:, EYES[0]] - exact[:, EYES[1]], axis=-1)
    else:
        normaliser = np.sqrt(np.ptp(exact, axis=1).prod(axis=-1))
    points = annotate(exact, scatter) if scatter else exact
    if landmarks == 19:
        points, visible = aflw_points(points, visible)
    return Labelled(
        images=images,
        landmarks=torch.from_numpy(points),
        visible=torch.from_numpy(visible),
        normaliser=torch.from_numpy(normaliser),
    )


def annotate(landmarks: np.ndarray, scatter: float, *, seed: int = 0) -> np.ndarray:
    """Landmarks as annotators give them: two of them disagree most along the jaw's contour.

    Errors are drawn from Student's t with three degrees of freedom, as a few clicks are far off;
    on the contour they are larger along it (three times) than across it.

    Args:
        landmarks: (N, 68, 2) exact, pixels.
        scatter: root mean square error per axis away from the contour, as a fraction of the
            distance of the outer eye corners; 0.01 to 0.02 is what people reach.
        seed: of the draws.

    Returns:
        (N, 68, 2) float32 pixels.
    """
    rng = np.random.default_rng(seed)
    errors = rng.standard_t(3, size=landmarks.shape) / np.sqrt(3.0)  # unit variance
    jaw = landmarks[:, CONTOUR]
    tangent = np.gradient(jaw, axis=1)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True).clip(1e-6)  # (N, 17, 2)
    normal = np.stack([-tangent[..., 1], tangent[..., 0]], axis=-1)
    errors[:, CONTOUR] = 3.0 * errors[:, CONTOUR, :1] * tangent + errors[:, CONTOUR, 1:] * normal
    eyes = np.linalg.norm(landmarks[:, EYES[0]] - landmarks[:, EYES[1]], axis=-1)
    return (landmarks + scatter * eyes[:, None, None] * errors).astype(np.float32)


def aflw_points(landmarks: np.ndarray, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AFLW's 19 points from iBUG's 68; a point is visible where all it is made of is.

    Args:
        landmarks: (N, 68, 2) pixels.
        visible: (N, 68) bool.

    Returns:
        (N, 19, 2) and (N, 19).
    """
    points = np.stack([landmarks[:, list(group)].mean(axis=1) for group in AFLW_19], axis=1)
    seen = np.stack([visible[:, list(group)].all(axis=1) for group in AFLW_19], axis=1)
    return points, seen


def batch_rows(step: int, batch: int, count: int, seed: int) -> np.ndarray:
    """Which of ``count`` pictures make up a step's batch: epochs without repetition, reshuffled.

    A function of the step alone, so a resumed run sees the batches it would have seen.

    >>> sorted(batch_rows(0, 4, 6, seed=0).tolist() + batch_rows(1, 2, 6, seed=0).tolist())[:2]
    [0, 1]
    """
    positions = np.arange(step * batch, (step + 1) * batch)
    rows = [_permutation(count, int(e), seed)[positions[positions // count == e] % count]
            for e in np.unique(positions // count)]  # fmt: skip
    return np.concatenate(rows)


@lru_cache(maxsize=8)
def _permutation(count: int, epoch: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, count]).permutation(count)


def as_float(images: Tensor) -> Tensor:
    """(B, 3, H, W) uint8 to float32 in [0, 1], layout kept."""
    return images.to(torch.float32).mul_(1.0 / 255.0)


def augment(images: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """Random similarity, mirroring, colours, blur and covered rectangles, for real photographs.

    The paper's tables use none of it ("no data augmentation techniques", Sec. 4). Random numbers
    come from torch's global generator.

    Args:
        images: (B, 3, H, W) in [0, 1].
        landmarks: (B, 68, 2) pixels.

    Returns:
        New images and landmarks of the same shapes.
    """
    B, _, H, W = images.shape
    device = images.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, device=device)

    # A similarity about the centre, from output to input as `affine_grid` wants it, in [-1, 1].
    angle = torch.deg2rad(uniform(-25, 25, B))
    zoom = torch.exp(uniform(-0.2, 0.2, B))
    shift = uniform(-0.16, 0.16, B, 2)
    sign = torch.where(torch.rand(B, device=device) < 0.5, -1.0, 1.0)  # -1 mirrors
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    linear = torch.stack([sign * cos, -sign * sin, sin, cos], dim=-1).view(B, 2, 2)
    matrix = torch.cat([linear, shift.unsqueeze(-1)], dim=-1)  # (B, 2, 3)
    grid = F.affine_grid(matrix, [B, 3, H, W], align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    half = torch.tensor([W, H], device=device) / 2.0
    centred = (landmarks + 0.5) / half - 1.0  # (B, 68, 2) in [-1, 1]
    inverse = torch.linalg.inv(linear)
    moved = (centred - shift.unsqueeze(1)) @ inverse.transpose(1, 2)
    landmarks = (moved + 1.0) * half - 0.5
    mirrored = landmarks[:, torch.as_tensor(MIRROR.copy(), device=device)]
    landmarks = torch.where((sign < 0).view(B, 1, 1), mirrored, landmarks)

    images = images.pow(torch.exp(uniform(-0.5, 0.5, B, 1, 1, 1)))  # gamma
    images = images * uniform(0.7, 1.3, B, 3, 1, 1) + uniform(-0.1, 0.1, B, 1, 1, 1)
    grey = images.mean(dim=1, keepdim=True).expand_as(images)
    images = torch.where(torch.rand(B, 1, 1, 1, device=device) < 0.15, grey, images)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    images = torch.lerp(images, soft, uniform(-0.6, 0.9, B, 1, 1, 1).clamp_min(0.0))
    images = images + uniform(0.0, 0.05, B, 1, 1, 1) * torch.randn_like(images)

    # One rectangle in half of the pictures, of one colour, as something held before the face.
    centre, extent = uniform(0, 1, B, 2), uniform(0.05, 0.2, B, 2)
    extent = torch.where(torch.rand(B, 1, device=device) < 0.5, extent, 0.0)
    rows = (torch.arange(H, device=device) + 0.5) / H
    columns = (torch.arange(W, device=device) + 0.5) / W
    inside_y = (rows - centre[:, 1:]).abs() < extent[:, 1:]  # (B, H)
    inside_x = (columns - centre[:, :1]).abs() < extent[:, :1]  # (B, W)
    covered = inside_y.view(B, 1, H, 1) & inside_x.view(B, 1, 1, W)
    images = torch.where(covered, uniform(0, 1, B, 3, 1, 1), images)
    images = images.clamp_(0.0, 1.0).contiguous(memory_format=torch.channels_last)
    return images, landmarks
