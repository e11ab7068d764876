"""A stand-in for the off-the-shelf 3D reconstruction of the paper (Sec. 3.1), and its clean-up.

Bodur et al. take the depth of their pictures from a face model that was fitted to each (Tran et
al., CVPR 2018), and throw the bad fits away by hand. Here the true geometry is known, and made
wrong in the ways in which such a fit is:

1. *Smoothed identity.* A fit is drawn to the mean face: the person's shape is shrunk.
2. *A face only.* Such a model has no hair, beard, glasses, hands or clothes: they are left away,
   and with them what the picture shows of them.
3. *Wrong expression.* Strengths are shrunk, and scattered.
4. *Wrong pose and size.* The head is turned, moved and scaled a little.
5. *Failures.* Some fits are of another face altogether: no expression, and pose and place far off.

`Reconstruction.error` says how far a fit's landmarks lie from the picture's, which is what a person
sees who looks at both; `keep` is that person.
"""

from dataclasses import dataclass

import numpy as np
import pydantic
import torch
import torch.nn.functional as F

from facelab import faces, metrics
from facelab.faces import draws
from facelab.faces.factors import HAIR_STYLES, Factors

REACH = 1.5  # side of the crop in which a fit is drawn, over the picture's
FACE = tuple(range(1, faces.MASKS.index("hair")))  # skin to ears: what a face model covers


class Noise(pydantic.BaseModel):
    """How wrong the fits are.

    Attributes:
        shape: share of the identity's shape that is kept, 0 the mean face, 1 the person.
        expression: share of the expression's strength that is kept.
        scatter: standard deviation of that share between actions.
        pose: standard deviation of each angle, degrees.
        shift: of the place, fractions of the crop's side.
        scale: of the size's logarithm.
        failures: odds of a failure.
        worse: by how much more a failure is turned, moved and scaled.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    shape: float = pydantic.Field(default=0.5, ge=0, le=1)
    expression: float = pydantic.Field(default=0.8, ge=0, le=1)
    scatter: float = pydantic.Field(default=0.15, ge=0)
    pose: float = pydantic.Field(default=2.0, ge=0)
    shift: float = pydantic.Field(default=0.01, ge=0)
    scale: float = pydantic.Field(default=0.02, ge=0)
    failures: float = pydantic.Field(default=0.08, ge=0, le=1)
    worse: float = pydantic.Field(default=8.0, ge=1)


EXACT = Noise(shape=1, expression=1, scatter=0, pose=0, shift=0, scale=0, failures=0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Reconstruction:
    """What the fits say of N pictures.

    Attributes:
        depth: (N, H, W) f32 cm, nan where there is no face.
        normals: (N, 3, H, W) f32 unit vectors, nan there.
        landmarks: (N, 68, 2) f32 pixels of the picture.
        error: (N,) distance of the landmarks from the picture's, percent of the outer-eye distance.
        failed: (N,) bool, which fits were made to fail.
    """

    depth: np.ndarray
    normals: np.ndarray
    landmarks: np.ndarray
    error: np.ndarray
    failed: np.ndarray

    def __len__(self) -> int:
        return len(self.depth)

    def keep(self, *, threshold: float = 10.0) -> np.ndarray:
        """The clean-up: (N,) bool, see `good`."""
        return good(self.error, threshold=threshold)


def good(error: np.ndarray, *, threshold: float | None = 10.0) -> np.ndarray:
    """Which fits the clean-up keeps: those whose landmarks are off by at most so many percent.

    Args:
        error: (N,) as of `Reconstruction`.
        threshold: percent; None keeps all.

    >>> good(np.array([2.0, 10.0, 30.0])).tolist()
    [True, True, False]
    """
    return error <= (np.inf if threshold is None else threshold)


def reconstruct(
    factors: Factors,
    *,
    size: int,
    margin: float = 1.15,
    noise: Noise | None = None,
    seed: int = 0,
) -> Reconstruction:
    """Fits to the pictures ``faces.render(factors, size=size, margin=margin)``.

    Args:
        factors: N rows; row n's errors are a function of (seed, n).
        size, margin: as the pictures'.
        noise: see `Noise`; None takes its defaults.
        seed: of the errors.

    Returns:
        See `Reconstruction`. Pixels are the picture's own; parts of the fit outside the picture
        are cut off, and parts of the picture without a fit are nan.
    """
    noise = noise or Noise()
    N = len(factors)  # pictures
    stream = draws.key("reconstruction", seed)
    n = draws.normal(stream, np.arange(N), 6 + 52)  # (N, 58)
    failed = draws.uniform(stream ^ 1, np.arange(N), 1)[:, 0] < noise.failures
    wrong = np.where(failed, noise.worse, 1.0)[:, None]  # (N, 1)
    fitted = factors.replace(
        shape=noise.shape * factors.shape,
        expression=_expression(factors.expression, noise, n[:, 6:], failed),
        pose=factors.pose + noise.pose * wrong * n[:, :3],
        hair_style=HAIR_STYLES.index("bald"),
        stubble=0.0,
        occluder=0.0,
    )
    # The fit is drawn with room about it, so that moving it leaves no gap at the picture's border.
    wide, room = round(REACH * size), margin * round(REACH * size) / size
    fits = faces.render(
        fitted, size=wide, margin=room, oversample=1, plain=True,
        channels=("depth", "normals", "masks", "landmarks"),
    )  # fmt: skip
    true = faces.render(
        factors, size=size, margin=margin, oversample=1, plain=True, channels=("landmarks",)
    )
    here, there = faces.crops(factors, margin=margin), faces.crops(fitted, margin=room)  # (N, 3)
    placed = here.astype(np.float64)  # the picture's crop as the wrong fit sees it
    placed[:, :2] -= noise.shift * wrong * n[:, 3:5] * here[:, 2:]
    placed[:, 2] *= np.exp(-noise.scale * wrong[:, 0] * n[:, 5])
    zoom = placed[:, 2] / there[:, 2]  # (N,) the side of the picture's crop in that of the fit's
    offset = (placed[:, :2] - there[:, :2]) / there[:, 2:]  # (N, 2) of the fit's side

    seen = np.isin(fits.masks, FACE) & np.isfinite(fits.depth)  # (N, wide, wide)
    channels = np.concatenate([fits.depth[:, None], fits.normals, seen[:, None]], axis=1)
    moved = _resampled(np.nan_to_num(channels), zoom, offset, size)  # (N, 5, H, W)
    moved[:, :4] = np.where(moved[:, 4:] > 0.5, moved[:, :4], np.nan)

    share = (fits.landmarks + 0.5) / wide - 0.5 - offset[:, None]  # (N, 68, 2) of the fit's side
    landmarks = (share / zoom[:, None, None] + 0.5) * size - 0.5
    return Reconstruction(
        depth=moved[:, 0],
        normals=moved[:, 1:4],
        landmarks=landmarks.astype(np.float32),
        error=metrics.nme(landmarks, true.landmarks),
        failed=failed,
    )


def _expression(
    expression: np.ndarray, noise: Noise, n: np.ndarray, failed: np.ndarray
) -> np.ndarray:
    """(N, 52): shrunk and scattered; none where the fit failed."""
    share = np.clip(noise.expression + noise.scatter * n, 0.0, 1.0)  # (N, 52)
    return np.where(failed[:, None], 0.0, share * expression)


def _resampled(channels: np.ndarray, zoom: np.ndarray, offset: np.ndarray, size: int) -> np.ndarray:
    """Pixels of the fit's crop at the places of the picture's: (N, C, ...) to (N, C, size, size).

    The nearest pixel, as depth is not to be mixed over edges.
    """
    N, C = channels.shape[:2]  # pictures, channels
    place = np.zeros((N, 2, 3), np.float32)  # picture to fit, in units of half a side
    place[:, 0, 0] = place[:, 1, 1] = zoom
    place[:, :, 2] = 2.0 * offset
    maps = torch.from_numpy(np.ascontiguousarray(channels, np.float32))
    grid = F.affine_grid(torch.from_numpy(place), [N, C, size, size], align_corners=False)
    return F.grid_sample(maps, grid, mode="nearest", align_corners=False).numpy()
