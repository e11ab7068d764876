"""The equations of Laplace Landmark Localization (Robinson et al., ICCV 2019, Sec. 3).

A heatmap h of logits becomes a distribution p = softmax(beta h) over the pixels (Eq. 2). Its mean
is the landmark, s~ = E_p[x]; its scale, tau(h) = E_p[|x - s~|^a], says how sure the network is.
The coordinate loss L_SAM (Eq. 1) looks at s~ only; the KL losses (Eq. 3) at both.

What the paper leaves open, and how it is settled here:

1. *The scale in two dimensions.* tau as printed sums |x - s~| over both axes, whereas Laplace(s, 1)
   is a density of one variable. Each axis has its own scale here, and the two divergences add up,
   as for independent axes; ``scale(..., joint=True)`` gives the other reading.
2. *The order of the divergence.* Eq. 3 prints KL(q || p), predicted against true. So it is here.
3. *omega(s), the "true heatmaps".* Not defined. The discretised, normalised Laplace(s, 1): it sums
   to one like the generator's softmax, so the discriminator cannot tell the two by their sums.
4. *Signs.* Algorithm 1 descends both networks on L_adv with signs opposite to Eq. 4-7. The
   equations are followed: the discriminator maximises L_adv, the generator minimises it.
5. *The generator's term.* Eq. 5 as printed is ``kind="minimax"``; ``"nonsaturating"`` has the same
   fixed point and gradients that do not vanish when the discriminator is ahead.
6. *Units.* Pixels of the heatmap; pixel centres lie at integers, (0, 0) is the top-left one.

Letters: B batch, K landmarks, H and W height and width; a pair is always (x, y).
The notebook ``10_laplace`` explains each function next to its equation.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

LAMBDA = 0.001  # weight of the adversarial term (Sec. 3.3)
SMALLEST_SCALE = 1e-6  # pixels; below it a scale counts as this, so that log b stays finite


def _check_heatmaps(heatmaps: Tensor) -> None:
    if heatmaps.ndim != 4:
        raise ValueError(f"expected heatmaps (B, K, H, W), got shape {tuple(heatmaps.shape)}")


def soft_argmax_plain(logits: Tensor, beta: float = 1.0) -> tuple[Tensor, Tensor]:
    """Eq. 2 as printed: softmax over all pixels, then the expected pixel. The reference.

    Args and returns as `soft_argmax`.
    """
    _check_heatmaps(logits)
    B, K, H, W = logits.shape
    probabilities = (beta * logits).flatten(2).softmax(dim=-1).view(B, K, H, W)
    y, x = torch.meshgrid(
        torch.arange(H, dtype=logits.dtype, device=logits.device),
        torch.arange(W, dtype=logits.dtype, device=logits.device),
        indexing="ij",
    )
    pixels = torch.stack([x, y], dim=-1)  # (H, W, 2)
    coordinates = (probabilities.unsqueeze(-1) * pixels).sum(dim=(2, 3))  # (B, K, 2)
    return probabilities, coordinates


def soft_argmax(logits: Tensor, beta: float = 1.0) -> tuple[Tensor, Tensor]:
    """Heatmaps as probabilities, and their means: s~ = sum_x softmax(beta h)(x) x (Eq. 2).

    The mean needs the two marginals only, which saves the (H, W, 2) product of the plain formula.

    Args:
        logits: (B, K, H, W), any finite values.
        beta: inverse temperature; 1 in the paper. Larger is sharper.

    Returns:
        probabilities (B, K, H, W), each map summing to one, and coordinates (B, K, 2), pixels.

    Raises:
        ValueError: when ``logits`` has not four dimensions.

    >>> logits = torch.full((1, 1, 4, 4), -100.0)
    >>> logits[0, 0, 2, 3] = 100.0
    >>> soft_argmax(logits)[1].tolist()
    [[[3.0, 2.0]]]
    """
    _check_heatmaps(logits)
    probabilities = _softmax(logits, beta).permute(0, 3, 1, 2)  # (B, K, H, W), channels_last
    return probabilities, mean(*marginals(probabilities))


def _softmax(logits: Tensor, beta: float) -> Tensor:
    """Softmax over the pixels of (B, K, H, W), as (B, H, W, K).

    Pixels before landmarks: free for channels_last logits, and the softmax runs vectorised.
    """
    B, K, H, W = logits.shape
    maps = _precise(logits).permute(0, 2, 3, 1).reshape(B, H * W, K)
    return (maps * beta if beta != 1.0 else maps).softmax(dim=1).view(B, H, W, K)


def _precise(logits: Tensor) -> Tensor:
    """Half precision ends here: sums over thousands of pixels need float32."""
    return logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits


def marginals(probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """The distributions of x alone, (B, K, W), and of y alone, (B, K, H).

    >>> along_x, along_y = marginals(torch.full((1, 1, 2, 4), 1 / 8))
    >>> along_x.tolist(), along_y.tolist()
    ([[[0.25, 0.25, 0.25, 0.25]]], [[[0.5, 0.5]]])
    """
    return probabilities.sum(dim=-2), probabilities.sum(dim=-1)


def mean(along_x: Tensor, along_y: Tensor) -> Tensor:
    """Mean pixel of the marginals ``along_x`` (B, K, W) and ``along_y`` (B, K, H): (B, K, 2)."""
    return torch.stack([m @ _positions(m) for m in (along_x, along_y)], dim=-1)


def _positions(marginal: Tensor) -> Tensor:
    return torch.arange(marginal.shape[-1], dtype=marginal.dtype, device=marginal.device)


def spread(along_x: Tensor, along_y: Tensor, coordinates: Tensor, power: int = 1) -> Tensor:
    """Scale per axis from the marginals; `scale` is the same from whole maps. (B, K, 2), pixels."""
    if power not in (1, 2):
        raise ValueError(f"power is 1 (Laplace) or 2 (Gaussian), got {power}")
    scales = []
    for axis, marginal in enumerate((along_x, along_y)):
        offsets = _positions(marginal) - coordinates[..., axis, None]  # (B, K, W or H)
        if power == 1:
            scales.append((marginal * offsets.abs()).sum(dim=-1))
        else:
            # The root has no finite slope at zero, where a single pixel holds all the mass.
            variance = (marginal * offsets.square()).sum(dim=-1)
            scales.append(variance.clamp_min(SMALLEST_SCALE**2).sqrt())
    return torch.stack(scales, dim=-1)


def scale(
    probabilities: Tensor, coordinates: Tensor, *, power: int = 1, joint: bool = False
) -> Tensor:
    """How far a heatmap scatters about its mean, tau(h) = E_p[|x - s~|^a] of Sec. 3.1.

    Args:
        probabilities: (B, K, H, W), each map summing to one.
        coordinates: (B, K, 2) their means, pixels.
        power: a = 1 for Laplace's b, a = 2 for the Gaussian, whose variance is returned as its
            root, the standard deviation.
        joint: one scale for both axes, their sum (of variances for a = 2), as tau is printed.

    Returns:
        (B, K, 2) pixels, x and y.

    >>> maps = torch.zeros(1, 1, 3, 5)
    >>> maps[0, 0, 1, 1] = maps[0, 0, 1, 3] = 0.5
    >>> scale(maps, torch.tensor([[[2.0, 1.0]]])).tolist()
    [[[1.0, 0.0]]]
    """
    _check_heatmaps(probabilities)
    scales = spread(*marginals(probabilities), coordinates, power)  # (B, K, 2)
    return join_axes(scales, power) if joint else scales


def join_axes(scales: Tensor, power: int = 1) -> Tensor:
    """One scale for both axes: ||.||_a^a over x and y, as tau is printed. (B, K, 2) to the same."""
    total = scales.pow(power).sum(dim=-1, keepdim=True)  # (B, K, 1)
    return total.pow(1.0 / power).expand_as(scales)


class _Locate(torch.autograd.Function):
    """Marginals of softmax(beta h), with a backward pass that touches the maps once.

    With p = softmax(beta h) and gradients gx, gy at the marginals,
    dL/dh = beta p (gx + gy - <p, gx + gy>), and the inner product needs marginals only.
    """

    @staticmethod
    def forward(ctx, logits: Tensor, beta: float) -> tuple[Tensor, Tensor]:
        p = _softmax(logits, beta)  # (B, H, W, K)
        along_x, along_y = p.sum(dim=1), p.sum(dim=2)  # (B, W, K), (B, H, K)
        ctx.save_for_backward(p, along_x, along_y)
        ctx.beta, ctx.dtype = beta, logits.dtype
        return along_x.transpose(1, 2), along_y.transpose(1, 2)

    @staticmethod
    def backward(ctx, grad_x: Tensor, grad_y: Tensor) -> tuple[Tensor, None]:
        p, along_x, along_y = ctx.saved_tensors
        # Copies of the small tensors, so that the large one below comes out in the layout of p.
        gx = grad_x.transpose(1, 2).contiguous()  # (B, W, K)
        gy = grad_y.transpose(1, 2).contiguous()  # (B, H, K)
        inner = (gx * along_x).sum(dim=1) + (gy * along_y).sum(dim=1)  # (B, K)
        gx = gx - inner.unsqueeze(1)
        slope = (gx.unsqueeze(1) + gy.unsqueeze(2)).mul_(p)  # (B, H, W, K)
        if ctx.beta != 1.0:
            slope *= ctx.beta
        return slope.permute(0, 3, 1, 2).to(ctx.dtype), None


def locate(logits: Tensor, beta: float = 1.0, power: int = 1) -> tuple[Tensor, Tensor]:
    """Coordinates and scales straight from logits: `soft_argmax` and `scale` in one fast pass.

    Returns:
        coordinates (B, K, 2) and scales (B, K, 2), pixels, in float32 or better.

    >>> coordinates, scales = locate(torch.zeros(1, 1, 3, 3))
    >>> coordinates.tolist(), round(scales[0, 0, 0].item(), 4)
    ([[[1.0, 1.0]]], 0.6667)
    """
    _check_heatmaps(logits)
    along_x, along_y = _Locate.apply(logits, beta)
    coordinates = mean(along_x, along_y)
    return coordinates, spread(along_x, along_y, coordinates, power)


def locate_plain(logits: Tensor, beta: float = 1.0) -> tuple[Tensor, Tensor]:
    """`locate` for Laplace scales in plain operations, for export to other runtimes."""
    B, K, H, W = logits.shape
    maps = (beta * _precise(logits)).flatten(2).softmax(dim=-1).view(B, K, H, W)
    along_x, along_y = marginals(maps)
    coordinates = mean(along_x, along_y)
    return coordinates, spread(along_x, along_y, coordinates)


def laplace_kl(mean: Tensor, scale: Tensor, target: Tensor, target_scale: float = 1.0) -> Tensor:
    """KL(Laplace(mean, scale) || Laplace(target, target_scale)), in closed form (Eq. 3).

    With D = mean - target, b1 = scale and b2 = target_scale it is
    log(b2 / b1) + |D| / b2 + (b1 / b2) exp(-|D| / b1) - 1: zero where the two agree, and growing
    for a scale too small (over-confident) as for one too large (diffuse).

    Args:
        mean, scale, target: shapes that broadcast, pixels; scale is non-negative.
        target_scale: b of the true distribution, pixels, above zero; 1 in the paper.

    Returns:
        The divergence in nats per element, same shape. Over both axes it adds up.

    >>> laplace_kl(torch.tensor([0.0, 2.0]), torch.tensor([0.5, 2.0]), torch.zeros(2))
    tensor([0.1931, 1.0426])
    """
    b = scale.clamp_min(SMALLEST_SCALE)
    distance = (mean - target).abs()
    ratio = b / target_scale
    return distance / target_scale + ratio * torch.exp(-distance / b) - ratio.log() - 1.0


def gaussian_kl(mean: Tensor, scale: Tensor, target: Tensor, target_scale: float = 1.0) -> Tensor:
    """KL(N(mean, scale^2) || N(target, target_scale^2)), in closed form (Sec. 3.1's other choice).

    With D = mean - target it is log(s2 / s1) + (s1^2 + D^2) / (2 s2^2) - 1/2.

    Args and returns as `laplace_kl`; the scales are standard deviations, pixels.

    >>> gaussian_kl(torch.tensor(1.0), torch.tensor(1.0), torch.tensor(0.0)).item()
    0.5
    """
    ratio = scale.clamp_min(SMALLEST_SCALE) / target_scale
    offset = (mean - target) / target_scale
    return 0.5 * (ratio.square() + offset.square() - 1.0) - ratio.log()


def l_sam(mean: Tensor, target: Tensor) -> Tensor:
    """Eq. 1: ||s~ - s||_2 of each point, pixels: (B, K, 2) and (B, K, 2) to (B, K).

    >>> l_sam(torch.tensor([[[3.0, 4.0]]]), torch.zeros(1, 1, 2)).item()
    5.0
    """
    return torch.linalg.vector_norm(mean - target, dim=-1)


METHODS = ("softargmax", "laplace_kl", "gaussian_kl")


def landmark_loss(
    logits: Tensor,
    landmarks: Tensor,
    *,
    method: str = "laplace_kl",
    beta: float = 1.0,
    target_scale: float = 1.0,
    visible: Tensor | None = None,
    joint: bool = False,
) -> Tensor:
    """The supervised loss of one batch: L_SAM (Eq. 1) or L_KL (Eq. 3), averaged over points.

    Args:
        logits: (B, K, H, W).
        landmarks: (B, K, 2) true points, pixels; may be nan where not visible.
        method: "softargmax", "laplace_kl" or "gaussian_kl".
        beta: inverse temperature of the softmax.
        target_scale: b (or standard deviation) of the true distribution, pixels.
        visible: (B, K) bool; the others do not count (AFLW). None counts all.
        joint: see `scale`.

    Returns:
        A scalar; zero when no point is visible.

    Raises:
        ValueError: for an unknown method or shapes that do not fit.
    """
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}, got {method!r}")
    if landmarks.shape != (*logits.shape[:2], 2):
        raise ValueError(
            f"expected landmarks {(*logits.shape[:2], 2)} for logits {tuple(logits.shape)}, "
            f"got {tuple(landmarks.shape)}"
        )
    power = 2 if method == "gaussian_kl" else 1
    coordinates, scales = locate(logits, beta, power)  # (B, K, 2) each
    if visible is not None:
        # Replaced, not multiplied by zero: an absent point is nan, and nan times zero is nan.
        landmarks = torch.where(visible.unsqueeze(-1), landmarks, coordinates.detach())
    if method == "softargmax":
        losses = l_sam(coordinates, landmarks)  # (B, K)
    else:
        divergence = laplace_kl if method == "laplace_kl" else gaussian_kl
        scales = join_axes(scales, power) if joint else scales
        losses = divergence(coordinates, scales, landmarks, target_scale).sum(dim=-1)  # (B, K)
    if visible is None:
        return losses.mean()
    return (losses * visible).sum() / visible.sum().clamp_min(1)


def true_heatmaps(landmarks: Tensor, size: int | tuple[int, int], scale: float = 1.0) -> Tensor:
    """omega(s): the Laplace(s, scale) of each landmark on the pixel grid, summing to one.

    Args:
        landmarks: (B, K, 2) pixels; a point outside the map piles up at the nearest border.
        size: the map's height and width, or one number for both.
        scale: b in pixels, above zero.

    Returns:
        (B, K, H, W) probabilities, float32.

    Raises:
        ValueError: when a landmark is not finite: an absent point has no true heatmap.

    >>> maps = true_heatmaps(torch.tensor([[[2.0, 1.0]]]), 5)
    >>> round(maps.sum().item(), 4), divmod(maps.argmax().item(), 5)
    (1.0, (1, 2))
    """
    if not torch.isfinite(landmarks).all():
        raise ValueError("true heatmaps need finite landmarks, got nan or infinite ones")
    height, width = (size, size) if isinstance(size, int) else size
    profiles = []
    for axis, length in ((0, width), (1, height)):
        positions = torch.arange(length, dtype=torch.float32, device=landmarks.device)
        distances = (positions - landmarks[..., axis, None]).abs()  # (B, K, length)
        # The normalised density on the grid is a softmax, which cannot underflow to 0 / 0.
        profiles.append((-distances / scale).softmax(dim=-1).transpose(1, 2).contiguous())
    maps = profiles[1].unsqueeze(2) * profiles[0].unsqueeze(1)  # (B, H, W, K)
    return maps.permute(0, 3, 1, 2)  # (B, K, H, W), channels_last


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What D minimises: -L_adv = -E log D(real) - E log(1 - D(fake)) (Eq. 4 and 5).

    Args:
        real: logits for labelled pictures with true heatmaps, any shape.
        fake: logits for unlabelled pictures with the generator's heatmaps.

    >>> round(discriminator_loss(torch.zeros(1), torch.zeros(1)).item(), 4)
    1.3863
    """
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Tensor, *, kind: str = "minimax") -> Tensor:
    """What G minimises of L_adv, before lambda (Eq. 6 and 7).

    Args:
        fake: the discriminator's logits for the generator's heatmaps.
        kind: "minimax" is E log(1 - D(fake)) as printed; "nonsaturating" is -E log D(fake).

    >>> undecided = torch.zeros(1)
    >>> round(generator_loss(undecided).item(), 4)
    -0.6931
    >>> round(generator_loss(undecided, kind="nonsaturating").item(), 4)
    0.6931
    """
    if kind == "minimax":
        return -F.softplus(fake).mean()
    if kind == "nonsaturating":
        return F.softplus(-fake).mean()
    raise ValueError(f'kind is "minimax" or "nonsaturating", got {kind!r}')
