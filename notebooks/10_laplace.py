# %%
from facelab import labbook

labbook.opening(
    {
        "name": "10_laplace",
        "title": "Laplace Landmark Localization",
        "paper": "J. P. Robinson, Y. Li, N. Zhang, Y. Fu and S. Tulyakov: *Laplace Landmark "
        "Localization*, ICCV 2019, [arXiv 1903.11633](https://arxiv.org/abs/1903.11633).",
        "objectives": [
            "derive and implement a loss that compares a heatmap's mean *and* spread with the "
            "truth, and say what each of its terms punishes",
            "build the recombinator network and check it against published parameter counts",
            "train it with and without unlabelled faces, and read differences with intervals",
            "regenerate every table and figure of the paper, and judge its claims",
            "test a detector that has seen synthetic faces only on real photographs",
        ],
        "prerequisites": [
            "convolutional networks and gradient descent in PyTorch",
            "probability: expectation, density, Kullback-Leibler divergence",
        ],
        "data": "Synthetic faces with exact landmarks, rendered here (notebook `01_faces`); no "
        "download. The last part of section 6 uses the Face Research Lab London Set where "
        "you have it, and says how to get it where you do not.",
        "licence": "Text and figures CC BY 4.0, code Apache-2.0. Published numbers are the "
        "authors'.",
    }
)

# %% tags=["parameters"]
tier: str = ""  # smoke, laptop, gpu or paper; "" asks FACELAB_TIER, else laptop
seeds: str = ""  # such as "0,1,2"; "" takes the tier's own
data: str = ""  # "" or "synthetic": the rendered faces
only: str = ""  # parts to run, such as "table-2,table-3"; "" runs all

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from facelab import faces, metrics, plots
from facelab.papers.laplace import losses, model, tables
from facelab.settings import notebook_parameters
from facelab.show import show

plots.use()
chosen = notebook_parameters(tier=tier, seeds=seeds, data=data, only=only)
book = labbook.open("laplace", chosen.tier)

# %% [markdown]
# ## 1. The problem in one picture
#
# A landmark detector looks at a face and says where its 68 landmarks are: points on the
# jaw, the brows, the nose, the eyes and the lips. Many networks do this in two steps. They
# paint one *heatmap* per landmark, a probability for every pixel, and take the mean of the
# heatmap as the landmark. If training compares only this mean with the true point, all
# else about the heatmap is left to chance.
#
# Here are one face, one of its landmarks (the outer corner of an eye), and three heatmaps
# for it with **the same mean**. A loss on the mean gives all three the same grade.

# %%
face = faces.render(faces.sample(1, seed=3, split="test", difficulty="neutral"), size=64)
corner = np.round(face.landmarks[0, 36]).astype(int)  # (2,) x, y


def bump(centre, b, size=64, reach=14):
    """Laplace(centre, b) on the pixels at most `reach` away, so that its mean is exact."""
    away = [np.abs(np.arange(size) - c) for c in centre]
    x, y = [np.where(a <= reach, np.exp(-a / b), 0.0) for a in away]  # (size,) each
    return torch.tensor(np.outer(y, x) / (y.sum() * x.sum()), dtype=torch.float32)


aside = np.array([8, 0])
two = (bump(corner - aside, 1, reach=4) + bump(corner + aside, 1, reach=4)) / 2
maps = torch.stack([bump(corner, 1), bump(corner, 6), two])[:, None]  # (3, 1, 64, 64)

# %%
figure, panels = plt.subplots(1, 4, figsize=(8, 2.3))
names = ["sure", "unsure", "two minds"]
plots.show_image(panels[0], face.image[0])
panels[0].plot(*corner, "+", color=plots.COLOURS["yellow"], markersize=12)
panels[0].set_title("the true point")
for panel, name, heatmap in zip(panels[1:], names, maps, strict=True):
    plots.overlay_heatmaps(panel, face.image[0], heatmap)
    panel.set_title(f"{name}: {metrics.spread(heatmap[0]):.1f} px")
book.figure(
    "problem",
    figure,
    alt="A face and three heatmaps at one eye corner: a dot, a wide cloud, and two dots.",
    caption="Three heatmaps with the same mean, and how far each scatters about it.",
    data=pd.DataFrame({"heatmap": names, "spread_px": metrics.spread(maps[:, 0])}),
)

# %% [markdown]
# **What was known before.** Cascades of regressors (SDM, LBF, CFSS) move a mean shape
# towards the face step by step: fast, and poor on hard faces. Networks that regress
# coordinates or paint heatmaps came next. Honari et al. (2016) joined coarse and fine
# features in the *recombinator* that we shall build; two years later they trained it
# through a *soft-argmax* (2018), which makes the step from heatmap to coordinate
# differentiable, and used unlabelled faces too. Dong et al. (2018) took unlabelled video,
# where optical flow says how landmarks must move.
#
# Robinson et al. (2019) keep the recombinator and change what it is asked for:
#
# 1. **LaplaceKL**: the heatmap as a whole, its mean *and* its spread, is compared with a
#    Laplace distribution about the true point.
# 2. **An adversarial game** on unlabelled faces: a second network learns to tell true
#    heatmaps from predicted ones, and so teaches the first.
#
# The claims to check: lower error on common and on hard faces, much less spread, gains
# from unlabelled faces only in combination with the first idea, and small networks that
# keep most of the accuracy.

# %% [markdown]
# ## 2. From a heatmap to a point, and back
#
# ### 2.1 Soft-argmax and its temperature
#
# The network's output for landmark $k$ is a map of numbers $h$, one a pixel. Equation 2 of
# the paper makes it a distribution, and takes its mean:
#
# $$p(x) = \frac{e^{\beta h_x}}{\sum_j e^{\beta h_j}}, \qquad
#   \tilde s = \sum_x p(x)\, x = \mathbb{E}_h[x].$$
#
# Unlike the argmax, the mean has a gradient everywhere, and it can fall between pixels.
# The factor $\beta$ decides how much the largest values count; the paper has $\beta = 1$.

# %%
show(losses.soft_argmax_plain)

# %% [markdown]
# The library also has a faster way to the same numbers, `soft_argmax`: a mean needs only
# the two marginals of a map. We push a tensor through both.

# %%
# NBVAL_CHECK_OUTPUT
logits = torch.randn(2, 68, 32, 32, generator=torch.Generator().manual_seed(0))
probabilities, coordinates = losses.soft_argmax(logits)
_, plain = losses.soft_argmax_plain(logits)
print("logits       ", tuple(logits.shape), "  batch, landmarks, height, width")
print("probabilities", tuple(probabilities.shape))
print("coordinates  ", tuple(coordinates.shape), "         x and y, pixels")
print("every map sums to one:", torch.allclose(probabilities.sum((2, 3)), torch.ones(2, 68)))
print("both ways agree:      ", torch.allclose(coordinates, plain, atol=1e-4))

# %% [markdown]
# What $\beta$ does is easiest to see on one row of pixels. A noisy row of logits has a
# peak at pixel 23:

# %%
pixels = np.arange(32)
row = 4 * np.exp(-(((pixels - 23) / 2) ** 2)) + np.random.default_rng(0).normal(0, 0.5, 32)
figure, panels = plt.subplots(1, 4, figsize=(8, 2), sharey=True)
lines = []
for panel, beta in zip(panels, (0.25, 1, 4, 16), strict=True):
    p = torch.softmax(beta * torch.tensor(row), 0).numpy()
    mean = (p * pixels).sum()
    panel.bar(pixels, p, color=plots.COLOURS["sky"], width=1)
    panel.axvline(mean, color=plots.COLOURS["vermilion"])
    panel.set(title=f"β = {beta}: mean {mean:.1f}", xlabel="pixel", xticks=[0, 10, 20, 30])
    lines += [{"beta": beta, "pixel": i, "p": v, "mean": mean} for i, v in enumerate(p)]
panels[0].set_ylabel("p(x)")
book.figure(
    "temperature",
    figure,
    alt="Four bar charts of p over pixels; a line marks each mean, nearing the peak as β grows.",
    caption="With a small β every pixel has a say, and the mean (line) is drawn to the middle "
    "of the map; with a large one the peak alone decides.",
    data=pd.DataFrame(lines),
)

# %% [markdown]
# ### 2.2 Two peaks
#
# A point under a hand, or at the edge of the jaw, may have two plausible places. What does
# soft-argmax answer? We let the weight of the second peak grow from nothing to all.

# %%
weights = np.linspace(0, 1, 40)
peaks = np.exp(-np.abs(pixels[None] - np.array([[8], [24]])))  # (2, 32)
peaks /= peaks.sum(1, keepdims=True)
mixtures = (1 - weights[:, None]) * peaks[0] + weights[:, None] * peaks[1]  # (40, 32)
answers = pd.DataFrame(
    {"weight": weights, "mean": mixtures @ pixels, "argmax": mixtures.argmax(1)}
)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.4))
left.bar(pixels, mixtures[14], color=plots.COLOURS["sky"], width=1)
left.axvline(answers["mean"][14], color=plots.COLOURS["vermilion"])
left.set(xlabel="pixel", ylabel="p(x)", title=f"second peak has {weights[14]:.0%}")
right.plot(weights, answers["mean"], color=plots.COLOURS["vermilion"], label="soft-argmax")
right.step(
    weights, answers["argmax"], "--", where="mid", color=plots.COLOURS["black"], label="argmax"
)
right.set(xlabel="weight of the second peak", ylabel="answer (pixel)")
right.legend()
book.figure(
    "two-peaks",
    figure,
    alt="Left: two peaks and a mean between them. Right: the mean rises in a straight line "
    "while the argmax jumps.",
    caption="The mean of two hypotheses is a place that neither holds for likely. It has a "
    "gradient everywhere; the argmax jumps once and has none.",
    data=answers,
)

# %% [markdown]
# So a heatmap can have the right mean for a wrong reason. Whoever wants to know must look
# at its spread.
#
# ### 2.3 The scale of a heatmap, and a loss that is blind to it
#
# The paper measures spread as $\tau(h) = \sum_x p(x)\,\lVert x - \tilde s\rVert_\alpha^\alpha$:
# with $\alpha = 1$ it is the mean absolute deviation, the scale $b$ of a Laplace
# distribution; with $\alpha = 2$ it is a Gaussian's variance. It is printed for both axes
# together, while a Laplace distribution is one of a single variable; we keep one scale
# per axis, and let `joint=True` give the other reading.

# %%
show(losses.scale)

# %% [markdown]
# The coordinate loss (Eq. 1, the paper's $\mathcal{L}_{SAM}$) is the distance
# $\lVert\tilde s - s\rVert_2$. Here are the three heatmaps of section 1 again, seen by
# both losses; the true point is 2 pixels beside their common mean.

# %%
truth = torch.tensor(corner + np.array([2, 0])).float()[None, None]  # (1, 1, 2)
means = losses.mean(*losses.marginals(maps))  # (3, 1, 2)
scales = losses.scale(maps, means)  # (3, 1, 2)
pd.DataFrame(
    {
        "L_SAM": losses.l_sam(means, truth)[:, 0],
        "b along x": scales[:, 0, 0],
        "b along y": scales[:, 0, 1],
        "L_KL": losses.laplace_kl(means, scales, truth).sum(-1)[:, 0],
    },
    index=names,
).round(2)

# %% [markdown]
# `L_SAM` is the same for the three. The last column is not: that is the loss which the
# paper proposes, and which the next section takes apart.
#
# ### 2.4 A diffuse map cannot reach the border
#
# Spread is not only a matter of taste. A softmax puts some probability on *every* pixel,
# and the mean of a diffuse map is drawn to the middle. To see how much, we need maps whose
# peak we know: the library's *true heatmaps* $\omega(s)$, which the discriminator will need
# later. The paper does not define them; ours are Laplace distributions on the pixel grid.

# %%
show(losses.true_heatmaps)

# %%
positions = torch.arange(32.0)
points = torch.stack([positions, torch.full((32,), 15.5)], dim=-1)[None]  # (1, 32, 2)
frame = pd.DataFrame({"position": positions.numpy()})
figure, axes = plt.subplots(figsize=(5.5, 2.6))
for b, style in ((0.5, "-"), (1.0, "--"), (3.0, "-."), (8.0, ":")):
    along = losses.marginals(losses.true_heatmaps(points, 32, scale=b))
    frame[f"b={b:g}"] = (losses.mean(*along)[0, :, 0] - positions).numpy()
    axes.plot(positions, frame[f"b={b:g}"], style, label=f"b = {b:g} px")
axes.set(xlabel="where the peak is (pixel)", ylabel="mean minus peak (px)")
axes.legend(ncols=2)
book.figure(
    "centre-bias",
    figure,
    alt="Lines of bias against position; the wider the map, the steeper, positive at the left "
    "border and negative at the right.",
    caption="Mean minus peak of heatmaps on a 32-pixel row: the wider the map, the more "
    "its mean is drawn to the middle.",
    data=frame,
)

# %% [markdown]
# A network that paints diffuse maps can still answer correctly, by putting its peak
# further out than the landmark; but it must learn to do so, and at the border there is no
# further out. Jaw points sit near the border of every tight crop.
#
# ### 2.5 The Laplace divergence
#
# Read the heatmap as a Laplace distribution with mean $\tilde s$ and scale $b = \tau(h)$,
# and ask how far it is from Laplace$(s, 1)$ about the true point (Eq. 3). The paper says
# "closed-form"; with $D = \tilde s - s$ in pixels of the heatmap it is, per axis,
#
# $$\mathrm{KL} = -\log b + |D| + b\, e^{-|D|/b} - 1.$$

# %%
show(losses.laplace_kl)

# %%
# NBVAL_CHECK_OUTPUT
D = torch.tensor([[0.0], [0.5], [1.0], [2.0]], dtype=torch.float64)  # (4, 1)
b = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)  # (3,)
values = losses.laplace_kl(D, b, torch.zeros(()))  # (4, 3)
Laplace = torch.distributions.Laplace
oracle = torch.distributions.kl_divergence(Laplace(D, b), Laplace(0.0 * D, 1.0))
print("PyTorch's own divergence agrees:", torch.allclose(values, oracle, atol=1e-6))
pd.DataFrame(
    values.numpy().round(4),
    index=[f"D = {d:g}" for d in D.flatten().tolist()],
    columns=[f"b = {s:g}" for s in b.tolist()],
)

# %% [markdown]
# Each column of the table grows downwards, as it should: more error, more loss. In the
# first row the loss is zero for $b = 1$ only. Too small a scale is punished as
# **over-confidence**, by $-\log b$, without limit as $b \to 0$; too large a one as
# **diffuseness**, in the end by one nat for each pixel of scale. The slopes say what a
# network feels:
#
# $$\frac{\partial\mathrm{KL}}{\partial D} = \operatorname{sign}(D)\,(1 - e^{-|D|/b}),
#   \qquad \frac{\partial\mathrm{KL}}{\partial b} = -\frac1b +
#   \Bigl(1 + \frac{|D|}{b}\Bigr) e^{-|D|/b}.$$
#
# Far away, the pull towards the truth has strength one, like an absolute error's. Nearer
# than about $b$ it fades out, and at $D = 0$ it vanishes: a smooth hinge, whose softness
# is the network's own uncertainty. The second slope vanishes on a curve, and not at $b = 1$
# alone: **for each error there is a best scale, and it grows with the error.**

# %%
distance, scale = np.linspace(-4, 4, 161), np.geomspace(0.2, 10, 120)
surface = losses.laplace_kl(
    torch.tensor(distance)[None], torch.tensor(scale)[:, None], torch.zeros(())
).numpy()  # (120, 161)
steps = torch.linspace(-4, 4, 161, requires_grad=True)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
filled = left.contourf(distance, scale, surface, levels=np.linspace(0, 7, 15), extend="max")
left.plot(distance, tables.best_scale(np.abs(distance)), color="white")
left.text(2.2, 2.1, "best b", color="white")
left.set(yscale="log", xlabel="D (px)", ylabel="b (px)", title="KL (nats)")
left.set_yticks([0.2, 1, 5, 10], ["0.2", "1", "5", "10"], minor=False)
figure.colorbar(filled, ax=left, ticks=[0, 2, 4, 6])
for b_fixed, style in ((0.25, "-"), (1.0, "--"), (4.0, ":")):
    divergence = losses.laplace_kl(steps, torch.tensor(b_fixed), torch.zeros(())).sum()
    (slope,) = torch.autograd.grad(divergence, steps)
    right.plot(distance, slope, style, label=f"b = {b_fixed:g} px")
right.set(xlabel="D (px)", ylabel="∂KL/∂D", title="pull towards the truth")
right.legend()
book.figure(
    "kl-surface",
    figure,
    alt="Left: contours of the divergence over D and b with a curved valley. Right: slopes in D "
    "from -1 to 1, steep for a small b and flat for a large one.",
    caption="The divergence over error D and scale b, with the best b for each D in white; and "
    "its slope in D, which fades where the error is small beside the scale.",
    data=pd.DataFrame(surface, index=scale, columns=distance).rename_axis("b"),
)

# %% [markdown]
# The Gaussian twin, $\mathrm{KL} = \tfrac12(\sigma^2 + D^2 - 1) - \log\sigma$, has no such
# valley: $\sigma$ and $D$ stand in separate terms, so the best $\sigma$ is one whatever the
# error. In this respect the two losses differ in kind, and the paper does not mention it.
# It gives us a question for section 6: does a LaplaceKL network, more than the others,
# paint wider heatmaps where it is wrong?
#
# ### 2.6 One heatmap, three losses
#
# Before any network, the simplest case: the logits of a single map are themselves the
# parameters, start out flat, and follow the gradient.

# %%
target = torch.tensor([[[22.0, 11.0]]])  # (1, 1, 2)
finals, path = [], []
for method in losses.METHODS:
    h = torch.zeros(1, 1, 32, 32, requires_grad=True)
    optimizer = torch.optim.Adam([h], lr=0.05)
    for step in range(300):
        loss = losses.landmark_loss(h, target, method=method)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        point, width = losses.locate(h.detach())
        error = losses.l_sam(point, target).item()
        path.append((method, step, error, width.mean().item()))
    finals.append(losses.soft_argmax(h.detach())[0][0])  # (1, 32, 32)
path = pd.DataFrame(path, columns=["method", "step", "error_px", "b_px"])

# %%
NAMES = {"softargmax": "softargmax", "laplace_kl": "LaplaceKL", "gaussian_kl": "GaussianKL"}
STYLES = ("-", "--", ":")
figure, panels = plt.subplots(1, 5, figsize=(8, 1.9), width_ratios=[1, 1, 1, 1.4, 1.4])
for panel, final, method, style in zip(panels[:3], finals, NAMES, STYLES, strict=True):
    name = NAMES[method]
    plots.show_image(panel, 1 - (final / final.max()) ** 0.5)
    panel.plot(*target[0, 0], "+", color=plots.COLOURS["vermilion"])
    panel.set_title(name)
    for axes, column in zip(panels[3:], ("error_px", "b_px"), strict=True):
        axes.plot("step", column, style, data=path[path.method == method], label=name)
panels[3].set(xlabel="step", title="error (px)", yscale="log")
panels[4].set(xlabel="step", title="b (px)", ylim=(0, 9))
panels[4].legend(fontsize=7)
book.figure(
    "descent",
    figure,
    alt="Three final maps: a broad slope for softargmax, a dot for both divergences; curves of "
    "error and scale over 300 steps.",
    caption="A free heatmap after 300 steps under each loss (left; the cross is the target), "
    "and its error and scale on the way.",
    data=path,
)

# %% [markdown]
# All three arrive at the target. Under softargmax the map only tilted until its mean was
# right; nothing asked for more, and most of the picture still has a say.
#
# ## 3. The networks
#
# ### 3.1 The recombinator
#
# The generator $G$ turns an 80 x 80 picture into 68 heatmaps of the same size. Four
# encoder stages halve the size each time; the decoder walks back from 5 x 5 to 80 x 80
# and joins, at every size, what it has (coarse: *this is the left eye*) with the encoder's
# features of that size (fine: *here is a corner*). Joining is a concatenation and a
# 5 x 5 convolution. No normalisation, dropout of 0.2, leaky ReLUs.

# %%
show(model.RCN.forward)

# %%
# NBVAL_CHECK_OUTPUT
network = model.RCN(channels=16).eval()
with torch.no_grad():
    h = network(torch.rand(2, 3, 80, 80))
    small = network(torch.rand(2, 3, 32, 32))
print("80 x 80 pictures:", tuple(h.shape), "  32 x 32 pictures:", tuple(small.shape))

# %% [markdown]
# Nothing in the network depends on the size of the picture, so the same class serves the
# small tiers here and the paper's 80 pixels. Layer by layer, in the order of execution:

# %%
layers = book.beside(book.published("table-1"), tables.architecture(channels=64))
book.table(
    "table-1",
    layers,
    caption="Table 1: the generator, layer by layer, at 64 channels.",
    layout=Layout(better=None, decimals=0, corner="layer"),
)

# %% [markdown]
# Three of these layers are not in the paper's Table 1, which read literally makes 1.78 to
# 1.79 million parameters, fewer than its own Table 3 has. The list above is one that gives
# all five counts of Table 3:

# %%
# NBVAL_CHECK_OUTPUT
paper = book.published("table-3").query("row == 'Parameters'").set_index("column")["paper"]
counts = tables.parameter_counts(paper)
counts

# %% [markdown]
# ### 3.2 The discriminator and the game
#
# The discriminator $D$ sees a picture with heatmaps stacked on it, $68 + 3$ channels, and
# judges patch by patch: are these the true heatmaps of this picture? For labelled pictures
# it gets $\omega(s)$, for unlabelled ones what $G$ paints. Gaussian noise before each layer
# keeps it from winning at once.

# %%
# NBVAL_CHECK_OUTPUT
judge = model.PatchDiscriminator(landmarks=68)
pictures, points = torch.rand(2, 3, 80, 80), torch.rand(2, 68, 2) * 79
verdicts = judge(pictures, losses.true_heatmaps(points, 80))
print("one logit a patch:", tuple(verdicts.shape))
print("parameters:", sum(p.numel() for p in judge.parameters()))

# %% [markdown]
# The game (Eq. 4-7): $D$ maximises
# $\mathcal{L}_{adv} = \mathbb{E}\log D(d^l, \omega(s^l)) +
# \mathbb{E}\log(1 - D(d^u, G(d^u)))$, and $G$ minimises
# $\lambda \mathcal{L}_{adv}$ plus its supervised loss, with $\lambda = 0.001$.

# %%
show(losses.discriminator_loss, losses.generator_loss)

# %% [markdown]
# Algorithm 1 of the paper prints other signs: both networks step the opposite way. Is that
# another game? We take one true and one predicted pair and look where the logits are
# pushed, while $D$ is undecided and when it is already right.

# %%
rows = []
for moment, logit in (("undecided", 0.0), ("right by 5", 5.0)):
    for rule, sign in (("Eq. 4-7", 1.0), ("Algorithm 1", -1.0)):
        # Under Algorithm 1, to be right is to have the labels the other way round.
        true, fake = (torch.tensor(s * sign * logit, requires_grad=True) for s in (1, -1))
        loss = sign * losses.discriminator_loss(true, fake)
        pushes = [-g.item() for g in torch.autograd.grad(loss, (true, fake))]
        pull = sign * losses.generator_loss(fake)
        (push,) = torch.autograd.grad(pull, fake)
        rows.append((moment, rule, *pushes, -push.item()))
columns = ["D", "signs of", "D pushes true", "D pushes fake", "G pushes fake"]
pd.DataFrame(rows, columns=columns).round(3)

# %% [markdown]
# Undecided, the two rules push with equal strength in opposite directions: it is the same
# game with $D$'s labels swapped. Once $D$ is right they part. Under the equations $D$ rests
# content (a push near zero) and $G$ hardly feels it, the well-known vanishing gradient;
# under Algorithm 1 $D$ pushes on with full strength and no bound, and so does $G$. We
# follow the equations. `kind="nonsaturating"` gives $G$ the stronger gradient without the
# unbounded $D$.
