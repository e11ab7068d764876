# %%
from facelab import labbook

labbook.opening(
    {
        "name": "40_ganimation",
        "title": "GANimation",
        "paper": "A. Pumarola, A. Agudo, A. M. Martinez, A. Sanfeliu, "
        "F. Moreno-Noguer: "
        "*GANimation: Anatomically-aware Facial Animation from a Single Image*, ECCV "
        "2018, [arXiv 1807.09251](https://arxiv.org/abs/1807.09251).",
        "objectives": [
            "compose an edit from colours and attention, and say where its loss pulls",
            "tell the weights that the paper prints from those that its code uses",
            "train a generator without pairs, and see it fail in the known ways",
            "regenerate each figure, and measure what the paper could only show",
            "compare edits with the true picture of the same person",
        ],
        "prerequisites": [
            "convolutional networks and gradient descent in PyTorch",
            "the idea of a generative adversarial network",
        ],
        "data": "Synthetic faces with exact action units, rendered here (see "
        "`01_faces`); no download. Section 5.6 uses the Face Research Lab London "
        "Set where you have it.",
        "licence": "Text and figures CC BY 4.0, code Apache-2.0. Published numbers "
        "are the authors'.",
    }
)

# %% tags=["parameters"]
tier: str = ""  # smoke, laptop, gpu or paper; "" asks FACELAB_TIER, else laptop
seeds: str = ""  # such as "0,1,2"; "" takes the tier's own
data: str = ""  # "synthetic"; there is no other training data yet
only: str = ""  # parts besides the main run, of "attention,london"; "" runs all

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from facelab import FacelabError, faces, labbook, plots
from facelab.data import london
from facelab.data.crops import crop_records
from facelab.experiment import run_all
from facelab.gan.stargan import unit
from facelab.papers.ganimation import (
    claims,
    evaluation,
    experiments,
    figures,
    losses,
    model,
    training,
    wild,
)
from facelab.papers.ganimation import data as world
from facelab.settings import notebook_parameters
from facelab.show import show
from facelab.statistics import bootstrap_mean

plots.use()
chosen = notebook_parameters(tier=tier, seeds=seeds, data=data, only=only)
PARTS = {"attention", "london"}
if chosen.data != "synthetic" or not {*chosen.only} <= PARTS:
    raise FacelabError(f"expected synthetic data and parts of {PARTS}, got {chosen}")
parts = {*chosen.only} or PARTS
plan = experiments.settings(chosen.tier, chosen.seeds)
book = labbook.open("ganimation", chosen.tier, seeds=plan.seeds)

# %% [markdown]
# ## 1. The problem in one picture
#
# Make this person smile, a little or a lot; close her eyes; raise one brow muscle and
# no other. Expressions are not eight words but a space: the Facial Action Coding System
# describes a face by its *action units* (AU), each a muscle with an intensity in
# $[0, 1]$. Given one photograph and a vector of intensities, we want the photograph of
# the same person with that expression, and nothing else changed.
#
# No data set has the same face, pose and light with two expressions. Ours could: below
# are test faces at rest and the *true* answers. The networks never see such pairs; they
# are kept for judging.

# %%
run = plan.main()[0]
edits = run.edits()
shown = ["AU1", "AU4", "AU45", "AU12", "AU25", "happy", "surprise", "anger"]
strongest = [edits.rows(name)[-1] for name in shown]
pictures = [[edits.source.images[i], *(edits.truth[row][i] for row in strongest)] for i in range(3)]
book.figure(
    "problem",
    figures.sheet(pictures, columns=["at rest", *shown]),
    alt="Three people at rest, with five single units and three emotions.",
    caption="Faces at rest, and the same with single units and with emotions: "
    "the true answers, rendered, which no training sees.",
    data={"asked": edits.units[strongest]},
)

# %% [markdown]
# **What was known before.** Morphable models fit a mesh and move it, and need a good
# fit. CycleGAN learns to translate between two sets of pictures without pairs; StarGAN
# does it for several sets at once, with one label a set: eight emotions, and nothing
# between them. GANimation's three ideas:
#
# 1. the label is a vector of **intensities**, so edits have degrees and mix;
# 2. the generator paints a **colour** map and an **attention** map that says where to
#    use it, so what has nothing to do with the expression is kept as it is;
# 3. no pairs: a critic judges whether a picture looks real and reads its units, and the
#    **way back** to the old units must lead to the old picture.
#
# ## 2. The generator
#
# ### 2.1 Colour and attention
#
# Equation 1: from a picture $I$ and the wanted units the generator makes colours $C$
# and attention $A$, one number a pixel, and
#
# $$I_f = (1 - A)\,C + A\,I.$$
#
# So $A = 1$ keeps the picture and $A = 0$ draws it anew. The first arXiv version has
# the two swapped; it matters, as the attention's loss (section 3.2) pulls $A$ to zero.

# %%
# NBVAL_CHECK_OUTPUT
display(show(model.compose))
network = model.Generator(units=17)
edit = network(torch.zeros(2, 3, 64, 64), torch.rand(2, 17))
for name, part in zip(edit._fields, edit, strict=True):
    print(f"{name:9}", tuple(part.shape))
print("parameters:", sum(p.numel() for p in network.parameters()))

# %% [markdown]
# The body is StarGAN's: two halvings, residual blocks, two doublings, instance norm.
# Both heads are convolutions of 7 x 7 on the same features. A toy of the composition:
# the true smile as colours, and attention that is one, a half, or open at the mouth
# only.

# %%
row, who = edits.rows("happy")[-1], 1
source, truth = (world.pixels(t[who]) for t in (edits.source.images, edits.truth[row]))
size = source.shape[-1]
open_at_mouth = torch.ones(1, size, size)
open_at_mouth[:, size * 3 // 5 : size * 9 // 10, size // 5 : size * 4 // 5] = 0
toy = {"1": torch.ones(1, size, size), "1/2": torch.full((1, size, size), 0.5)}
toy["open at the mouth"] = open_at_mouth
composed = {f"A = {n}": unit(model.compose(truth, A, source)) for n, A in toy.items()}
book.figure(
    "composition",
    figures.sheet(
        [[unit(source), unit(truth), *composed.values()]],
        columns=["I", "C", *composed],
    ),
    alt="A face, a smile as colours, and three compositions of both.",
    caption="With A = 1 nothing happens, with 1/2 two faces shine through each other, "
    "and attention that is open at the mouth moves the mouth and keeps the eyes.",
    data={f"mean of A, {name}": [A.mean().item()] for name, A in toy.items()},
)

# %% [markdown]
# ### 2.2 The critic
#
# The critic $D$ is StarGAN's PatchGAN: strided convolutions without normalisation, then
# one head $D_I$ that judges patches of the picture and one, $D_y$, that reads units.

# %%
# NBVAL_CHECK_OUTPUT
critic = experiments.settings("paper").run().critic()
print("parameters:", sum(p.numel() for p in critic.parameters()))
judged = critic(torch.zeros(2, 3, 128, 128))
print("real or not", tuple(judged.source.shape), "  units", tuple(judged.labels.shape))

# %% [markdown]
# ## 3. Four losses
#
# ### 3.1 As printed, and as run
#
# The generator minimises the sum of four terms: the critic's verdict (Eq. 2), the
# attention's size and roughness (Eq. 3), the error of the units that the critic reads
# (Eq. 4), and the way back (Eq. 5). The weights in the paper and in its code look
# alike, but one sums where the other averages. Below: by how much the printed form
# weighs each term more than the code, at the paper's size and batch. Nothing is known
# to have been trained as printed; we follow the code.

# %%
# NBVAL_CHECK_OUTPUT
pixels, count = 3 * 128 * 128, 17
printed, coded = losses.PAPER, losses.CODE
pd.Series(
    {
        "units": printed.units * count / coded.units,
        "way back": printed.identity * pixels / coded.identity,
        "size of a flat A": printed.attention * 128 / coded.attention,
    },
    name="printed over code",
).map("{:,.0f}".format)

# %% [markdown]
# ### 3.2 The attention's loss
#
# $$\mathcal{L}_A = \lambda_{TV}\sum_{i,j}\bigl[(A_{i+1,j} - A_{i,j})^2 +
#   (A_{i,j+1} - A_{i,j})^2\bigr] + \lVert A\rVert_2.$$
#
# The first part wants smooth attention. The second pulls it to zero, where everything
# is drawn anew: the loss does *not* ask the generator to keep pixels. What does? The
# way back and the critic: colours painted by a small network are never as sharp as the
# photograph. Between the two pulls $A$ finds its place, or saturates at one end, which
# is this model's best-known failure (section 5.5).

# %%
show(losses.attention_loss)

# %%
grid = torch.linspace(0, 1, size)
maps = {
    "keeps all": torch.ones(1, 1, size, size),
    "half": torch.full((1, 1, size, size), 0.5),
    "a ramp": grid.expand(1, 1, size, size),
    "noise": torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(0)),
}
rows = {
    name: (
        A.mean().item(),
        losses.attention_loss(A, variation=0.0).item(),
        losses.attention_loss(A, variation=losses.CODE.variation).item(),
    )
    for name, A in maps.items()
}
columns = ["mean of A", "size alone", "with roughness"]
pd.DataFrame(rows, index=columns).T.round(3)

# %% [markdown]
# ### 3.3 Patterns that no face has
#
# The critic's reading of units is the only teacher of expressions, and it can be
# fooled: a network that reads units from clean pictures also answers to faint patterns,
# and the generator finds those sooner than it finds a smile. Large data and long
# training make the critic hard to fool. Small ones need help, for which this library
# has three settings that the paper has not: the critic sees every picture moved by a
# few pixels and with noise; it learns to read units for a while before the game begins;
# and it learns that an edit still shows its *source's* units, which cannot stay true
# for edits that look real.

# %%
show(training.disturbed, training.resists)

# %% [markdown]
# ## 4. What the model sees, and how it learns
#
# ### 4.1 The faces
#
# The paper learns from photographs with intensities from a program, OpenFace; ours are
# rendered, and the intensities exact. Half of the faces have natural expressions, half
# one to four units at even intensities, as natural ones are seldom strong. Crops are
# those of the same face at rest: a crop drawn round the landmarks would grow with a
# dropping jaw, and then the critic would read the jaw from the zoom.

# %%
seen = run.faces()
book.figure(
    "faces",
    figures.sheet([list(seen.images[k : k + 8]) for k in (0, 8, 16)]),
    alt="Three rows of eight rendered faces with many expressions.",
    caption="Training faces at the size that the networks see.",
    data={"units": seen.units[:24]},
)

# %%
present = (seen.units > 0.1).float().mean(0)  # (17,)
strong = (seen.units > 0.5).float().mean(0)
frame = pd.DataFrame({"above 0.1": present, "above 0.5": strong}, index=faces.UNITS)
book.figure(
    "units",
    figures.bars(frame, ylabel="share of the faces"),
    alt="Bars of how often each of seventeen units is present and strong.",
    caption="Each unit is there in many faces, and strong in enough of them.",
    data=frame.rename_axis("unit").reset_index(),
)

# %% [markdown]
# ### 4.2 The training
#
# In each step a batch is asked for the units of *other* faces of the batch. The edit is
# computed once, for the critic's update and for the generator's. What is evaluated is a
# moving average of the generator's weights. The loop is `GanimationRun.train`; below
# are the terms of the generator's update, and then the curves.

# %%
show(training.generator_terms)

# %%
runs = plan.main() + (list(plan.attention().values()) if "attention" in parts else [])
run_all(runs, description="GANimation")
results = [one.run() for one in plan.main()]
history = results[0]["history"]
panels = ("reading", "units", "identity", "mean_attention")
book.figure(
    "curves",
    figures.curves({"seed 0": history}, panels),
    alt="Four curves over the training: errors of units, the way back, mean attention.",
    caption="The critic's error of units on real faces (reading) and on edits (units), "
    "the way back (identity), and the mean attention.",
    data=pd.DataFrame(history),
    runs=results,
)

# %% [markdown]
# ## 5. The paper's figures
#
# ### 5.1 Single units (Fig. 4)
#
# Nine units at four intensities, on people that no training saw; under each edit the
# true picture. Intensity 0 must give the input back.

# %%
generator = run.trained()
made, same = evaluation.edited(generator, edits)
images = unit(made.image)  # (E, N, 3, H, W) in [0, 1]


def ours_and_true(names, who, at=slice(None)):
    """Two rows of pictures: the edits of one face, and the true ones."""
    rows = [row for name in names for row in edits.rows(name)[at]]
    return [images[row, who] for row in rows], [edits.truth[row, who] for row in rows]


# %%
lines, labels = [], []
for name in world.NINE:
    mine, true = ours_and_true([name], 0)
    others = ours_and_true([name], 1)
    lines.append([*mine, *true, *others[0], *others[1]])
    labels.append(name)
titles = [f"{v:g}" for v in world.INTENSITIES] * 4
book.figure(
    "fig-4",
    figures.sheet(lines, rows=labels, columns=titles),
    alt="Nine rows of units; for two people four edits and the four true pictures.",
    caption="Fig. 4: each unit at intensities from nothing to full; of two people, "
    "first our edits, then the true pictures.",
    data={"asked": edits.units},
    runs=results,
)

# %% [markdown]
# ### 5.2 Attention and colour (Fig. 5)

# %%
rows = [edits.rows(name)[-1] for name in world.NINE]
lines = [
    [images[row, 0] for row in rows],
    [made.attention[row, 0] for row in rows],
    [unit(made.colour[row, 0]) for row in rows],
]
book.figure(
    "fig-5",
    figures.sheet(lines, rows=["edit", "A", "C"], columns=list(world.NINE)),
    alt="For nine units the edit, its attention, dark where it draws, and its colours.",
    caption="Fig. 5: attention is dark where the generator draws and white where it "
    "keeps the input.",
    data={"mean attention": made.attention[rows].mean(dim=(1, 2, 3, 4))},
    runs=results,
)

# %% [markdown]
# The paper says that units of the eyes leave the mouth alone, and the reverse. How much
# do the colours of each half of the face change, in percent of white?

# %%
measured = [one["test"] for one in results]
halves = {part: [measured[0][part][row].mean() for row in rows] for part in ("upper", "lower")}
frame = pd.DataFrame(halves, index=list(world.NINE))
book.figure(
    "halves",
    figures.bars(frame, ylabel="mean change (% of white)"),
    alt="Bars of the change of the upper and the lower half of the face by unit.",
    caption="Change of the upper and lower half of the face by each unit at full intensity.",
    data=frame.rename_axis("unit").reset_index(),
    runs=results,
)

# %% [markdown]
# ### 5.3 Several units at once (Fig. 1), and emotions (Fig. 6)
#
# Between two expressions $y_r$ and $y_g$ lies $\alpha y_g + (1 - \alpha) y_r$. The
# emotions are vectors of units like any other; the paper compares them with DIAT,
# CycleGAN, IcGAN and StarGAN, whose pictures it takes from the StarGAN paper. We
# compare them with the truth.

# %%
alphas = torch.linspace(0, 1, 7)
ends = [edits.units[edits.rows(name)[-1]] for name in ("happy", "surprise")]
lines = []
for who in range(3):
    asked = torch.stack([torch.lerp(*ends, alpha) for alpha in alphas])
    face = world.pixels(edits.source.images[who]).expand(len(asked), -1, -1, -1)
    with torch.inference_mode():
        lines.append([edits.source.images[who], *unit(generator(face, asked).image)])
titles = ["input", *(f"α = {alpha:.2f}" for alpha in alphas)]
book.figure(
    "fig-1",
    figures.sheet(lines, columns=titles),
    alt="Three people whose expression goes from a smile to surprise in seven steps.",
    caption="Fig. 1: from happy to surprised in even steps of all units.",
    data={"alpha": alphas},
    runs=results,
)

# %%
emotions = faces.EMOTIONS[1:]
lines, labels = [], []
for who in range(3):
    mine, true = ours_and_true(emotions, who)
    source = edits.source.images[who]
    lines += [[unit(same.image[who]), *mine], [source, *true]]
    labels += ["ours", "true"]
book.figure(
    "fig-6",
    figures.sheet(lines, rows=labels, columns=["neutral", *emotions]),
    alt="Three people with eight emotions, our edits above the true pictures.",
    caption="Fig. 6: eight emotions. First column: our edit that asks for the units "
    "that the face has already, above the face itself.",
    data={"asked": edits.units[[edits.rows(name)[-1] for name in emotions]]},
    runs=results,
)

# %% [markdown]
# ### 5.4 The space of expressions (Fig. 7)

# %%
drawn = faces.units(world.varied(21, np.zeros((21, 2)), seed=7))  # (21, 17)
face = world.pixels(edits.source.images[2]).expand(len(drawn), -1, -1, -1)
with torch.inference_mode():
    many = unit(generator(face, torch.from_numpy(drawn)).image)
book.figure(
    "fig-7",
    figures.sheet([list(many[k : k + 7]) for k in (0, 7, 14)]),
    alt="One person with twenty-one random expressions.",
    caption="Fig. 7: one person, one to four units drawn at random.",
    data={"asked": drawn},
    runs=results,
)

# %% [markdown]
# ### 5.5 The known failure: attention that saturates
#
# Users of the code report attention that is one everywhere, so that nothing changes, or
# zero everywhere, so that the face is painted anew and blurred. Both can be made. Three
# shorter trainings differ in nothing but the attention's weight and where it starts.

# %%
if "attention" in parts:
    short = {name: one.run() for name, one in plan.attention().items()}
    rows = {
        name: [found["test"][key].mean() for key in ("attention", "copied", "redrawn")]
        + [np.nanmean(found["test"]["likeness"]), found["test"]["psnr_same"].mean()]
        for name, found in short.items()
    }
    columns = ["mean A", "kept", "drawn anew", "likeness", "same units"]
    cells = {
        (name, column): value
        for name, row in rows.items()
        for column, value in zip(columns, row, strict=True)
    }
    frame = book.beside(book.published("others").iloc[:0], cells, seeds=1)
    frame["table"] = "attention"
    caption = "Attention in three short trainings; shares of pixels, cosine, dB."
    display(book.table("attention", frame, caption=caption, runs=[*short.values()]))

# %%
if "attention" in parts:
    lines, row = [], edits.rows("surprise")[-1]
    for one in plan.attention().values():
        edit, _ = evaluation.edited(one.trained(), edits)
        both = [(unit(edit.image[row, i]), edit.attention[row, i]) for i in range(4)]
        lines.append([picture for pair in both for picture in pair])
    drawing = book.figure(
        "attention",
        figures.sheet(lines, rows=list(short)),
        alt="Surprise asked of four people, and the attention, in three trainings.",
        caption="Surprise on four people, each beside its attention, as the other "
        "figures have it, from a start near one, and under a heavy loss.",
        data={name: found["test"]["attention"][row] for name, found in short.items()},
        runs=[*short.values()],
    )
    display(drawing)

# %% [markdown]
# ### 5.6 In the wild (Fig. 8)
#
# A photograph is cut to the crop that the network knows, edited, and the *change* is
# put back: where attention keeps the input, the photograph keeps its own resolution.
# The network has seen rendered faces only.

# %%
show(wild.paste)

# %% tags=["photo"]
records = []
try:
    records = london.load(strict=False)[:4] if "london" in parts else []
except FacelabError as error:
    print(error)
if records:
    crops = crop_records(records, size=run.size, margin=run.margin)
    asked = {name: edits.units[edits.rows(name)[-1]] for name in ("AU12", *shown[-3:])}
    lines = []
    for i, record in enumerate(records):
        photo, before = record.load(), crops.image[i]
        with torch.inference_mode():
            changed = [
                generator(2 * before[None] - 1, units[None]).image for units in asked.values()
            ]
        pasted = [
            wild.paste(photo, before, unit(after[0]), crops.transforms[i]) for after in changed
        ]
        lines.append([wide[200:1300:2, 150:1200:2] for wide in (photo, *pasted)])
    drawing = book.figure(
        "fig-8",
        figures.sheet(lines, columns=["photograph", *asked]),
        alt="Four portraits, each with a smile and three emotions pasted back.",
        caption="Fig. 8: edits of photographs, pasted back.",
        data={"asked": torch.stack([*asked.values()])},
        photo=True,
        runs=results,
    )
    display(drawing)

# %% [markdown]
# ### 5.7 Limits (Fig. 9)
#
# The paper shows faces of stone and paint that work, and inputs that do not: extreme
# expressions, things before the face, heads that are not human. We cover faces, start
# from extreme expressions, and give them colours that no skin has.

# %%
people = faces.sample(4, seed=11, split="test", difficulty=run.difficulty)
still = world.framed(people, np.zeros(52), margin=run.margin)
kinds = {
    name: still.replace(occluder=[faces.OCCLUDERS.index(name), 0.05, 0.15, 0.3, 0.5, 0.4, 0.4, 0.3])
    for name in ("sunglasses", "mask", "hand")
}
fierce = faces.actions(jawOpen=0.9, mouthStretch=0.8, eyeWide=1.0)
kinds["extreme"] = world.framed(people, fierce, margin=run.margin)
asked = {
    name: faces.render(kind, size=run.size, margin=run.margin).image for name, kind in kinds.items()
}
plain = faces.render(still, size=run.size, margin=run.margin).image  # (4, 3, H, W)
asked["blue"] = plain[:, ::-1].copy()
asked["painted"] = np.round(plain * 3) / 3

# %%
lines, units = [], edits.units[edits.rows("happy")[-1]][None]
for pictures in asked.values():
    before = torch.from_numpy(pictures)
    with torch.inference_mode():
        after = unit(generator(2 * before - 1, units.expand(4, -1)).image)
    lines.append([one for pair in zip(before, after, strict=True) for one in pair])
book.figure(
    "fig-9",
    figures.sheet(lines, rows=list(asked), columns=["input", "happy"] * 4),
    alt="Covered, extreme, blue and posterised faces, and the smile asked of them.",
    caption="Fig. 9: a smile asked of covered faces, of an extreme expression, and of "
    "faces in other colours.",
    data={"asked": units},
    runs=results,
)

# %% [markdown]
# ## 6. Beyond the paper: the true edit
#
# The paper prints no number. We have the true picture of every edit, and so three
# questions. Is the edit nearer to it than the untouched input is? A difference in
# pixels punishes every edit that is sharp and a little off, so we also ask: does the
# change point the right way (*likeness*: the cosine between the change that was made
# and the true one)? And does the edit stay where the true change is (*outside*: the
# share of its energy where nothing should change)?

# %%
first, names = measured[0], [*world.NINE, *emotions]
rows = [edits.rows(name)[-1] for name in names]
columns = {
    "error": "error",
    "error, input": "error_copied",
    "likeness": "likeness",
    "outside": "outside",
}


def mean_of(key, row):
    """Over the faces on which the true edit shows, with its interval."""
    values = np.stack([one[key][row] for one in measured])  # (S, N)
    values = values[:, np.isfinite(values).all(0)]
    return bootstrap_mean(values) if values.size else np.nan


cells = {
    (name, title): mean_of(key, row)
    for name, row in zip(names, rows, strict=True)
    for title, key in columns.items()
}
frame = book.beside(book.published("others").iloc[:0], cells, seeds=len(results))
frame["table"] = "truth"
caption = "Edits at full intensity against the true picture: mean error in percent of "
caption += "white beside that of the untouched input, cosine of the changes, and the "
caption += "share of energy where nothing should change."
book.table("truth", frame, caption=caption, runs=results)

# %%
kept = bootstrap_mean(np.stack([one["psnr_same"] for one in measured]))
likely = np.nanmean(np.stack([one["likeness"][rows] for one in measured]))
Markdown(
    f"Asked for the units that a face has already, the generator returns it with "
    f"{kept.value:.1f} dB. The mean cosine between its changes and the true ones is "
    f"{likely:.2f}; mean attention is {first['attention'].mean():.2f}."
)

# %% [markdown]
# Does more of what is asked give more of it? The change that an edit makes, projected
# on the true change at full intensity, should grow with the intensity as the true one
# does.

# %%
before = edits.source.images.float() / 255  # (N, 3, H, W)
shares = {}
for name in world.NINE:
    own = edits.rows(name)
    meant = (edits.truth[own[-1]] / 255.0 - before).flatten(1)  # (N, 3 H W)
    made_of = torch.stack([(images[row] - before).flatten(1) for row in own])
    share = (made_of * meant).sum(2) / meant.square().sum(1).clamp_min(1e-6)  # (4, N)
    shares[name] = share.mean(1).numpy()
frame = pd.DataFrame(shares, index=pd.Index(world.INTENSITIES, name="intensity"))
book.figure(
    "dose",
    figures.lines(frame, xlabel="intensity asked for", ylabel="share of the truth"),
    alt="For nine units the share of the true change over the intensity asked for.",
    caption="Share of the true change at full intensity that an edit makes, by what is "
    "asked for; one would be all of it.",
    data=frame.reset_index(),
    runs=results,
)

# %% [markdown]
# ## 7. The claims, and what we chose
#
# ### 7.1 Claim by claim
#
# The paper has no numbers of its results, so its claims are those of its text and
# figures (`claims.yaml`). That a unit shows as strongly as it was asked for is for an
# independent judge (`02_judges`) to say; until one is handed to `evaluation.evaluate`
# those claims are not attempted. That nothing else changes is measured from pixels.

# %%
ledger = book.claims(claims.evidence(measured, edits), runs=results)
ledger

# %% [markdown]
# ### 7.2 What the paper does not say, and what we chose
#
# 1. **Which way A points** (Eq. 1): the published form, `model.compose`.
# 2. **Layers** (Sec. 4.1): not listed; StarGAN's body and critic, as in the code,
#    `facelab.gan.stargan`.
# 3. **How many units**: never said; the code's count, with this library's list
#    (`faces.UNITS`), of which a few differ from OpenFace's.
# 4. **Norms and reductions** (Eq. 3-5): undefined; the code's, `losses.CODE`, with the
#    printed ones beside them, `losses.PAPER`.
# 5. **The penalty's own update**: in the code, not in the paper; `Weights.apart`.
# 6. **Sign of Eq. 6**: the critic minimises Eq. 2 as printed;
#    `facelab.gan.losses.critic_loss`.
# 7. **Targets**: units of other faces of the batch, `training.wanted`.
# 8. **Units depend on each other**: a raised upper lip parts the lips. A single unit
#    (Fig. 4) is asked for with what comes with it, `data.action`.
# 9. **Small tiers** use the hinge loss with slopes at real pictures (R1), one critic
#    update a step, noise and shifts before the critic, reading first, a moving average
#    and doublings without transposed convolutions; the `paper` tier has none of it.
# 10. **Crops** of the face at rest: `data.framed`.
#
# ## 8. Exercises
#
# Write down your prediction first; then run, and compare. Solutions follow.
#
# 1. **Swapped composition.** With $A C + (1 - A) I$ and the same loss, where would the
#    attention go? *Predict*; then compute the gradient of $\mathcal{L}_A$ for both.
# 2. **Beyond one.** Ask for a smile of intensity 1.5. *Predict* whether the change
#    grows on.
# 3. **There and back.** Edit to surprise, and back to the face's own units. *Predict*
#    whether the input is nearer to the result than to a single edit with its own units.

# %% tags=["solution"]
A = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
losses.attention_loss(A, variation=0.0).backward()
print("1. the loss falls with A:", bool((A.grad > 0).all()), "- so A goes to zero;")
print("   swapped, zero means copying, and the failure to fear is the other one")

units, face = edits.units, world.pixels(edits.source.images[:1])
smile = units[edits.rows("AU12")[-1]][None]
with torch.inference_mode():
    for factor in (0.5, 1.0, 1.5):
        change = (generator(face, factor * smile).image - face).abs().mean().item()
        print(f"2. intensity {factor}: mean change {change:.3f}")
    surprise = units[edits.rows("surprise")[-1]][None]
    own = edits.source.units[:1]
    there = generator(face, surprise).image
    back = generator(there, own).image
    once = generator(face, own).image
for name, picture in (("there and back", back), ("own units", once)):
    print(f"3. {name}: mean difference {(picture - face).abs().mean().item():.3f}")

# %% [markdown]
# ## Summary

# %%
Markdown(
    f"Tier *{chosen.tier}*: of {len(ledger.frame)} claims of the paper, "
    f"{ledger.summary}. Mean cosine between our changes and the true ones: "
    f"{likely:.2f}."
)

# %% [markdown]
# An edit is colours and a mask. The mask's loss pulls towards drawing everything, the
# rest of the training towards keeping everything, and a healthy model stands between.
# All it knows about expressions it has from a critic that reads units, so how that
# critic is taught decides whether edits are faces or patterns.
#
# ## References
#
# - A. Pumarola, A. Agudo, A. M. Martinez, A. Sanfeliu, F. Moreno-Noguer. GANimation:
#   Anatomically-aware Facial Animation from a Single Image. ECCV 2018.
# - Y. Choi, M. Choi, M. Kim, J.-W. Ha, S. Kim, J. Choo. StarGAN: Unified Generative
#   Adversarial Networks for Multi-Domain Image-to-Image Translation. CVPR 2018.
# - J.-Y. Zhu, T. Park, P. Isola, A. A. Efros. Unpaired Image-to-Image Translation using
#   Cycle-Consistent Adversarial Networks. ICCV 2017.
# - I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville. Improved Training of
#   Wasserstein GANs. NeurIPS 2017.
# - L. Mescheder, A. Geiger, S. Nowozin. Which Training Methods for GANs do actually
#   Converge? ICML 2018.
# - P. Ekman, W. V. Friesen. Facial Action Coding System. Consulting Psychologists
#   Press, 1978.
# - L. DeBruine, B. Jones. Face Research Lab London Set. figshare, 2017, CC BY 4.0.
