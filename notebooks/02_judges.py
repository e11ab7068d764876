# %%
from facelab import labbook

labbook.opening(
    {
        "name": "02_judges",
        "title": "Judges: networks that score other networks",
        "paper": "No paper of its own: the networks and measures here stand where the "
        "papers of this book used VGG-Face, Inception and tools for action units. They "
        "are trained on the synthetic world of `01_faces`, and scored themselves.",
        "objectives": [
            "say why generated pictures need judges, and what these must not have seen",
            "train small networks that read expression, person, shape and all factors",
            "report how good a judge is before it judges, with the right measure",
            "compute a Fréchet distance, and say what the number of pictures does",
            "tell which faults each measure sees, and which it does not",
        ],
        "prerequisites": [
            "convolutional networks and gradient descent in PyTorch",
            "the synthetic faces of `01_faces`",
        ],
        "data": "Synthetic faces with exact truth, rendered here; no download. Weights "
        "of other networks can be used where you have them, and are not fetched.",
        "licence": "Text and figures CC BY 4.0, code Apache-2.0.",
    }
)

# %% tags=["parameters"]
tier: str = ""  # smoke, laptop, gpu or paper; "" asks FACELAB_TIER, else laptop
seeds: str = ""  # such as "0"; "" takes the tier's own, and the first is examined
data: str = ""  # "" or "synthetic": judges learn from the rendered faces
only: str = ""  # this notebook is one part, and always runs whole

# %%
import textwrap

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from facelab import FacelabError, faces, judges, metrics, plots
from facelab.judges import (
    answers,
    distances,
    experiments,
    figures,
    losses,
    model,
    report,
    scores,
    vgg,
)
from facelab.judges import data as sets
from facelab.settings import notebook_parameters
from facelab.show import show
from facelab.statistics import bootstrap_mean
from facelab.tables import Layout

plots.use()
chosen = notebook_parameters(tier=tier, seeds=seeds, data=data, only=only)
if chosen.data != "synthetic":
    raise FacelabError(f"judges learn from synthetic faces; data is {chosen.data!r}")
plan = experiments.settings(chosen.tier, chosen.seeds)
seed, size = plan.seeds[0], plan.run("expression").size
book = labbook.open("judges", chosen.tier, seeds=(seed,))
unpublished = pd.DataFrame(columns=["table"])  # no paper to compare with

# %% [markdown]
# ## 1. The problem in one picture
#
# A network is asked to change a person's expression. First is what it is given, then
# what it should return, which here we know, as the faces are rendered. All others are
# wrong: nothing was done, or too little; it is another expression, another person,
# another light; or the picture is right and damaged. You see it at once. Which number
# does?

# %%
question = answers.ask(plan.pairs, size=size)
shown = [question.source, *question.answers.values()]  # ten of (N, 3, H, W)
names = ["given", *question.answers]
shown_people = [9, 11]  # their expressions are plain at this size
asked = [faces.EMOTIONS[k] for k in question.target[shown_people]]
book.figure(
    "problem",
    plots.image_grid(
        torch.stack(shown, 1)[shown_people].flatten(0, 1).numpy(),
        titles=names * len(shown_people),
        columns=5,
    ),
    alt="Two people, ten pictures each: neutral, the expression, eight wrong answers.",
    caption="What is given, the true answer, and eight wrong ones. The first person "
    f"should show {asked[0]}, the second {asked[1]}.",
    data={"target": question.target[shown_people].numpy()},
)

# %% [markdown]
# The mean difference of pixels is the first thing one tries. It is the smaller, the
# better the answer, is it not? Here is the mean absolute difference from the right
# picture, in percent of white, over all people of the question:

# %%
right = question.answers[answers.TRUTH]
apart = {n: (x - right).abs().mean() * 100 for n, x in question.answers.items()}
pd.Series(apart, name="difference").astype(float).sort_values().round(2).to_frame()

# %% [markdown]
# Whoever does nothing comes out well: an expression moves few pixels. Another light,
# which leaves person and expression as they should be, comes out badly.
#
# **What was known before.** Papers on face synthesis let other networks judge. Is the
# person still the same? Ask a face recogniser, such as VGG-Face. Is it the expression
# that was asked for? Ask a classifier: the share of pictures in which it sees the right
# one is the *expression generation rate*. Are the pictures as a whole like real ones?
# Compare the features of an Inception network over two sets (the Fréchet Inception
# distance, FID). None of these is the truth. Each is a network with errors and blind
# spots of its own, and papers seldom say which.
#
# Three rules for judges in this book:
#
# 1. **They learn from real pictures only**: here, rendered ones of the training people.
#    No judge has seen a generator's output, or it would learn to forgive it.
# 2. **They are examined first**, on people whom neither they nor any generator has met,
#    and their errors are printed before their verdicts.
# 3. **They are asked about known faults** (section 8), so that we know what a verdict
#    means.
#
# ## 2. What judges see
#
# One set of pictures serves all of them. Each person appears several times: frontal in
# even light (*studio*), casual (*common*), and far off, with things before the face
# (*train*, the widest). All emotions are equally likely; three pictures in ten show a
# mixture of actions without a name. The examination has other people, on *studio*,
# *common* and *challenge*, which is harder than most of the training. Its three sets
# show the same people with the same expressions, picture by picture. What differs is
# what else there is in a picture: pose, gaze, light, make-up, clothes, background,
# camera, and things in the way.

# %%
reference = plan.run("expression", seed=seed)
pictures = reference.pictures("train")  # rendered once, for all judges
tests = {name: reference.pictures(name) for name in sets.TESTS}
parts = {"training": pictures, **tests}
counts = {
    name: (len(part), len(part.people.unique()), (part.emotion < 0).sum().item())
    for name, part in parts.items()
}
display(pd.DataFrame(counts, ["pictures", "people", "without an emotion"]).T)
some = [p.images[torch.linspace(0, len(p) - 1, 8).long()] for p in parts.values()]
book.figure(
    "pictures",
    plots.image_grid(torch.cat(some).numpy(), columns=8),
    alt="Four rows of eight faces; the last three show the same people, ever harder.",
    caption="From the top: training, studio, common and challenge, at the size that "
    "judges see. In the last three rows a column is one person with one expression.",
    data=pd.DataFrame(counts, ["pictures", "people", "mixtures"]),
)

# %% [markdown]
# While training, pictures are shifted, mirrored, softened or sharpened and made noisy,
# each a little, and tinted rather strongly. Otherwise a judge would lean on the
# renderer's exact pixels, and call each small fault of a generator something else. It
# has a price: what a judge was trained with, it forgives, a colour cast above all. The
# feature network is not shown mirrored pictures: their pose and light would be other
# ones.

# %%
display(show(sets.augment))
torch.manual_seed(0)
plain = pictures.images[len(pictures) * 3 // 7][None]  # (1, 3, H, W)
varied, _ = sets.augment(plain.repeat(7, 1, 1, 1))
lot = torch.cat([sets.as_float(plain), varied])  # (8, 3, H, W)
book.figure(
    "augmented",
    plots.image_grid(lot.numpy(), columns=8),
    alt="One face eight times: as rendered, then shifted, mirrored, tinted, softened.",
    caption="Left, a picture as it was rendered; then seven ways in which a judge may "
    "meet it while training. The tints are the largest change.",
    data={"mean_colour": lot.mean((2, 3)).numpy()},
)

# %% [markdown]
# ## 3. Two networks
#
# A `Reader` turns a picture into numbers. Its first layer halves the picture, three
# blocks halve it again, and the last map is flattened, not averaged: faces are cropped
# alike, so *where* something is says much. The numbers before the last layer are its
# *features*. A `Painter` turns a picture into maps. It is a U-Net: on the way back up,
# each size is joined with the features that had this size on the way down.

# %%
# NBVAL_CHECK_OUTPUT
display(show(model.Reader.features, model.Reader.forward, model.Painter.forward))
images = torch.rand(2, 3, 48, 48)
reader = model.Reader(size=48, outputs=25, width=16, features=96)
painter = model.Painter(size=48, width=8)
print("pictures", tuple(images.shape), "  batch, colours, height, width")
print("features", tuple(reader.features(images).shape))
print("answers ", tuple(reader(images).shape))
print("maps    ", tuple(painter(images).shape), "  depth, normals, head")
for name, network in (("reader", reader), ("painter", painter)):
    print(name, "parameters:", sum(p.numel() for p in network.parameters()))

# %% [markdown]
# ## 4. Four judges and their losses
#
# ### 4.1 Expression: eight emotions and 17 units
#
# An action unit is a single movement of the face, such as raising the inner brow;
# `01_faces` (section 2.4) shows all of them. Emotions are classes: a softmax and a
# cross-entropy, over those pictures that show one. Units are strengths $u$ between 0
# and 1, several at once: a sigmoid each. With $p$ the network's answer the loss of a
# unit is
#
# $$-u \log p - (1 - u) \log (1 - p),$$
#
# whose minimum is at $p = u$, as that of a squared error is. The difference is the
# slope with respect to the logit, $p - u$, which does not fade where the network is
# both sure and wrong. One network answers both: an emotion is a set of units, and the
# mixtures, which have units and no emotion, teach it too. Below, the true strength is
# high; look at the slopes where the logit says the opposite.

# %%
# NBVAL_CHECK_OUTPUT
display(show(losses.expression_loss, losses.units_loss))
logits = torch.tensor([-6.0, -2.0, 0.0, 2.0, 6.0], requires_grad=True)
truth = torch.full((5,), 0.8)
(5 * losses.units_loss(logits, truth)).backward()
slopes = {"logit": logits.detach(), "p": logits.detach().sigmoid()}
slopes["slope"] = logits.grad
squared = logits.detach().clone().requires_grad_()
(squared.sigmoid() - truth).square().sum().backward()
slopes["slope of the squared error"] = squared.grad
pd.DataFrame(slopes).set_index("logit").round(3)

# %% [markdown]
# ### 4.2 Identity: an angle with a margin
#
# Who somebody is cannot be a class, for the people of the examination are new. So the
# network answers with a direction, a vector of length one, and two pictures are of one
# person when their directions are close. While training there are classes after all:
# each person $j$ of the training set gets a direction $w_j$, and with $\theta_j$ the
# angle between it and the picture's, $s \cos\theta_j$ is the logit. That alone stops
# pulling once the right person is ahead. *CosFace* and *ArcFace* handicap the right
# person, by $m$ in the cosine or in the angle,
#
# $$s(\cos\theta_y - m) \qquad\text{or}\qquad s\cos(\theta_y + m),$$
#
# so that pictures of one person are drawn together further than is needed to be right.
# Our judge uses CosFace, with a small $m$ and $s$ (`JudgeRun.margin` and `.scale`): a
# large handicap needs a long training, and a large scale more people.

# %%
display(show(losses.margin_logits))
angle = torch.linspace(0, torch.pi, 181)
cosine, own = angle.cos()[:, None], torch.zeros(181, dtype=torch.long)
m = 0.3  # of the drawing; the judge's own is smaller
handicaps = {"none": (0.0, "cosface"), "CosFace": (m, "cosface")}
handicaps["ArcFace"] = (m, "arcface")
curves = {
    name: losses.margin_logits(cosine, own, margin=margin, scale=1.0, kind=kind)[:, 0]
    for name, (margin, kind) in handicaps.items()
}
curves = pd.DataFrame({"angle": angle, **curves}).set_index("angle")
book.figure(
    "margins",
    figures.margins(curves),
    alt="Three falling curves over the angle; two lie below the cosine.",
    caption=f"The logit of the right person, with and without a handicap of m = {m}. "
    "CosFace takes the same everywhere, ArcFace little where the angle is small. Its "
    "kink is where angle and m together pass 180°.",
    data=curves.reset_index(),
)

# %% [markdown]
# ### 4.3 Geometry: depth, normals, and where the head is
#
# How far away a camera was, a picture does not tell, so the depth of the median pixel
# is taken off: the answer is how many centimetres *nearer* than that a pixel is. The
# loss is the mean absolute error; for normals (the direction in which the surface
# looks) one minus the cosine of the angle between the true and the found one; both
# inside the head only. A third map says where that is: wherever there is no background,
# so neck and shirt belong to it.

# %%
show(sets.relative_depth, losses.geometry_loss)

# %% [markdown]
# ### 4.4 Features: everything at once
#
# FID compares features, and what a network was not trained for, its features may drop.
# A classifier of expressions is *rewarded* for overlooking skin, hair, light and
# background. So one more reader is trained to regress **all factors** of a picture,
# from the shape of the head to the colour of the shirt. Each counts alike, whether it
# is one number or a hundred. How much of each it learns, section 6.5 shows; it is far
# from all.

# %%
# NBVAL_CHECK_OUTPUT
display(show(losses.factors_loss))
groups = sets.factor_groups()
print(f"{len(groups)} factors in {sum(groups.values())} columns:")
print(textwrap.fill(", ".join(f"{name} {n}" for name, n in groups.items()), 88))

# %% [markdown]
# ## 5. Training
#
# The loop is `JudgeRun.train`, and `JudgeRun.loss` says what is different between the
# judges. The weights are those after the last step: no test picture has a say in which
# are kept. Trainings run side by side, one thread each, and are kept: other notebooks
# call `judges.load(tier)` and have them.

# %%
display(show(experiments.JudgeRun.loss))
results = plan.results(seed=seed)  # minutes the first time, seconds later
histories = {kind: pd.DataFrame(found["history"]) for kind, found in results.items()}
book.figure(
    "learning",
    figures.learning(histories),
    alt="Four falling curves of losses over training steps.",
    caption="The loss of each judge while training, in units of its own: they do not "
    "compare. That of identities includes the handicap, so it starts above the loss of "
    "guessing, the logarithm of the number of people.",
    data=pd.concat(histories, names=["judge", "entry"]).reset_index(),
    runs=list(results.values()),
)

# %%
facts = {
    (kind, "parameters"): float(found["parameters"]) for kind, found in results.items()
}
facts |= {(k, "pictures seen"): float(found["images"]) for k, found in results.items()}
frame = book.beside(unpublished, facts).assign(table="sizes")
book.table(
    "sizes",
    frame,
    caption="The judges, and how many pictures each has seen, repetitions included.",
    layout=Layout(decimals=0, better=None, corner="judge"),
    runs=list(results.values()),
)

# %% [markdown]
# ## 6. The examination
#
# People whom no judge has met; several pictures of each. Pictures of one person are
# alike, so the intervals are 95 % bootstrap intervals over people: people are drawn
# again and again, each with all of their pictures. They say what other people would
# change, and nothing of another training of the judge.
#
# ### 6.1 Emotions

# %%
examined = {kind: found["tests"] for kind, found in results.items()}
read = examined["expression"]
display(show(report.over_people))
cells = report.emotions(read, tests)
frame = book.beside(unpublished, cells, unit="%").assign(table="expression")
book.table(
    "expression",
    frame,
    caption="Share of pictures whose emotion is recognised; an eighth by chance. Test "
    "samples are people who show it.",
    layout=Layout(decimals=1, better=None, corner="emotion"),
    runs=[results["expression"]],
)

# %%
confused = {
    name: scores.confusion(found["emotion"], found["true_emotion"])
    for name, found in read.items()
}
worst = faces.EMOTIONS[confused["common"].diagonal().argmin()]
book.figure(
    "confusion",
    figures.confusions(confused),
    alt="Three confusion matrices of eight emotions, the diagonal fading to the right.",
    caption="What each emotion (row) is taken for, in percent of the row. The hardest "
    f"on common pictures is {worst}.",
    data={name: np.nan_to_num(table) for name, table in confused.items()},
    runs=[results["expression"]],
)

# %% [markdown]
# Look at which are mixed up before you read a generation rate. *Contempt*, for one, is
# a faint smile of one side. A generator that must show such emotions has a low rate
# however good it is. The level to compare with is the judge's own row in the table, not
# perfection.
#
# A judge may also be better for some people than for others, and then a generator that
# is worse for them goes unpunished, or the other way round. Here are the same pictures,
# grouped by who is in them:

# %%
cells = report.groups(read, tests)
frame = book.beside(unpublished, cells, unit="%").assign(table="groups")
book.table(
    "groups",
    frame,
    caption="Share of pictures whose emotion is recognised, by kinds of people. Test "
    "samples are people of the kind.",
    layout=Layout(decimals=1, better=None, corner="people"),
    runs=[results["expression"]],
)

# %% [markdown]
# Each person is in three of these rows. Differences within the intervals may be chance.
#
# ### 6.2 Action units
#
# Three measures, as each has a blind spot. The mean absolute error (MAE) is low for a
# judge that always says "nothing", as units are mostly off. Pearson's $r$ does not see
# a wrong scale. The intra-class correlation ICC(3,1) asks for the same scale, forgives
# a constant, and is what the literature on units reports. *Always the median* is the
# MAE of a judge that does not look, and answers with the medians of the training
# pictures. No other constant has a lower error there.

# %%
cells = report.units(read, tests, pictures)
frame = book.beside(unpublished, cells, unit="%").assign(table="units")
book.table(
    "units",
    frame,
    caption="Error of the units' strengths, in percent of full strength, mean over "
    "units.",
    layout=Layout(decimals=1, better=None, corner="measure"),
    runs=[results["expression"]],
)

# %%
by_unit = {name: report.by_unit(found) for name, found in read.items()}
agreement = {name: table["ICC"].to_numpy() for name, table in by_unit.items()}
ordered = np.array(faces.UNITS)[agreement["studio"].argsort()]
drawing = book.figure(
    "units",
    figures.by_unit(agreement, xlabel="ICC(3,1)"),
    alt="ICC of 17 units on three sets, lowest on challenge; the blink is worst.",
    caption="Agreement of the judge with the truth, unit by unit; on studio pictures "
    f"best for {ordered[-1]}, worst for {ordered[0]} and {ordered[1]}.",
    data=pd.concat(by_unit, names=["test", "row"]).reset_index(),
    runs=[results["expression"]],
)
display(drawing, by_unit["studio"].set_index("unit").T.round(2))

# %% [markdown]
# ### 6.3 Identity
#
# *Verification*: are two pictures of one person? A threshold on the cosine decides. The
# ROC curve goes through all thresholds; its area (AUC) is the share of cases in which a
# pair of one person has the higher cosine than a pair of two. In use, strangers must
# seldom pass, so the literature prints the true acceptance rate at a small false one,
# TAR@FAR. The smaller that rate, the more pairs of strangers it needs.
#
# In this world a person keeps hair, skin and brows from picture to picture. The judge
# knows people by these first, and least by the shape of the head (exercise 5). So a
# generator that keeps hair and skin and changes the shape goes nearly unpunished.

# %%
known = examined["identity"]
pairs = {n: scores.pair_scores(f["embedding"], f["people"]) for n, f in known.items()}
rates = plan.rates
cells = {
    (measure, name): bootstrap_mean(100 * values)
    for name, both in pairs.items()
    for measure, values in scores.verification(*both, rates=rates).items()
}
frame = book.beside(unpublished, cells, unit="%").assign(table="identity")
genuine, impostor = pairs["common"]
book.table(
    "identity",
    frame,
    caption="Verification of people never seen: area under the ROC curve, half of "
    "which is chance, and true acceptance at small false acceptance; from "
    f"{genuine.size} pairs of one person and {len(impostor)} of two in each set.",
    layout=Layout(decimals=1, better=None, corner="measure"),
    runs=[results["identity"]],
)

# %%
curves = {name: scores.roc(*both) for name, both in pairs.items()}
book.figure(
    "roc",
    figures.verification(curves, pairs["studio"]),
    alt="Three ROC curves, studio the highest; two overlapping histograms of cosines.",
    caption="ROC curves of the three sets (left), and cosines in the first (right). "
    "Pairs of one person lie together, but strangers reach as far: whoever lets few of "
    "them pass turns many of the right ones away.",
    data=pd.concat(curves, names=["test", "point"]).reset_index(),
    runs=[results["identity"]],
)

# %% [markdown]
# So single pairs are not for this judge. Means over many pairs are: that is how
# section 8 uses it.
#
# ### 6.4 Depth and normals
#
# All heads are much alike, so an error says little alone. *Mean face* is again somebody
# who does not look: the mean depth and normal of each pixel in the training pictures,
# and a head wherever most of them have one.

# %%
cells = report.geometry(examined["geometry"], tests, pictures)
frame = book.beside(unpublished, cells).assign(table="geometry")
frame["unit"] = frame["row"].str.removesuffix(report.BLIND).map(report.GEOMETRY)
book.table(
    "geometry",
    frame,
    caption="Mean absolute error of depth, mean angle between normals, and overlap of "
    "the heads (intersection over union).",
    layout=Layout(decimals={"cm": 2, "°": 1, "%": 1}, better=None, corner="measure"),
    runs=[results["geometry"]],
)

# %%
jury = judges.load(chosen.tier, seed)
picked = {"studio": (0, 5), "common": (1, 3), "challenge": (2,)}
chosen_faces = [(tests[name], k) for name, rows in picked.items() for k in rows]
images = torch.stack([part.images[k] for part, k in chosen_faces]).float() / 255
with torch.no_grad():
    judged = jury.depth(images), jury.normals(images)
maps = ("depth", "normals", "head")
true = [torch.stack([getattr(p, n)[k] for p, k in chosen_faces]) for n in maps]
book.figure(
    "geometry",
    figures.geometry(images, (true[0], judged[0]), (true[1], judged[1]), true[2]),
    alt="Faces, their depth and normals, true and judged, and the difference.",
    caption="Depth and normals of people never seen, inside the true head: two studio "
    "faces, two common ones and a challenge face. Blue is judged too near, red too "
    "far: at edges, in mouths, and all over where the tilt of the head is misjudged.",
    data={"error_cm": (judged[0] - true[0]).abs().mean((1, 2)).numpy()},
    runs=[results["geometry"]],
)

# %% [markdown]
# ### 6.5 What the features know
#
# For each factor, the share of its variance in the test set that the network's answers
# explain: all is perfect, nothing is what the mean would do, below nothing is worse. A
# factor of many columns gets the mean of theirs. A low share has several causes:
#
# - the picture does not show the factor, or not at this size;
# - the set leaves little to explain: in *studio* there is one pose, one distance and
#   hardly any noise, and the share may fall far below nothing;
# - the network has not learnt it. The expression judge reads expressions from the same
#   pictures, so they can be seen.

# %%
cells = report.explained(examined["features"], tests)
shares = {name: {} for name in tests}
for (factor, name), share in cells.items():
    shares[name][factor] = share.value / 100
book.figure(
    "features",
    figures.explained(shares),
    alt="Explained variance of each factor on three sets; few high, many near nothing.",
    caption="How much of each factor the feature network tells (below nothing is drawn "
    "at nothing): a few factors well, many hardly at all.",
    data=pd.DataFrame(shares).rename_axis("factor").reset_index(),
    runs=[results["features"]],
)

# %%
frame = book.beside(unpublished, cells, unit="%").assign(table="features")
table = book.table(
    "features",
    frame,
    caption="Variance of each factor that the feature network explains.",
    layout=Layout(decimals=0, better=None, corner="factor"),
    runs=[results["features"]],
)
well = [factor for factor, share in shares["common"].items() if share > 0.5]
hardly = [factor for factor, share in shares["common"].items() if share < 0.1]
display(
    table,
    Markdown(
        "On *common* pictures the answers explain more than half of: "
        f"{', '.join(well)}; and less than a tenth of: {', '.join(hardly)}."
    ),
)

# %% [markdown]
# So these features are no complete description. A distance between them weighs what the
# network has learnt, and whatever else its layers let through; section 8 and exercise 1
# ask how much that is. Larger tiers train it longer. At this one, a Fréchet distance of
# these features is above all about people and pose, and about damage, and little about
# expressions.
#
# ## 7. Distances between sets
#
# Take the features of two sets, one real, one generated; summarise each by mean $\mu$
# and covariance $\Sigma$; compare the two as Gaussians:
#
# $$\mathrm{FD} = \lVert\mu_r - \mu_f\rVert^2 + \operatorname{tr}\bigl(\Sigma_r +
#   \Sigma_f - 2(\Sigma_r\Sigma_f)^{1/2}\bigr).$$
#
# With features of Inception it is FID. With ours it is a Fréchet distance of other
# units: the two do not compare, and neither do distances from different numbers of
# pictures. We show why. Take **real pictures only** and split them into two halves.
# They come from one world, so the true distance is zero.

# %%
display(show(distances.frechet_by_size, distances.frechet_infinity))
world = sets.load(
    size=size, people=plan.real, each=1, split="test", levels=("common",), maps=1
)
features = distances.described(sets.as_float(world.images), jury.features)  # (N, F)
one, two = features[::2], features[1::2]
most = len(one)
sizes = [most // 8, most // 4, most // 2, most]
by_size = distances.frechet_by_size(one, two, sizes)
line = distances.frechet_infinity(by_size)
book.figure(
    "bias",
    figures.bias(by_size, line),
    alt="Distances of random subsets over 1/n, near a line that ends close to zero.",
    caption="The Fréchet distance of two halves of the same world falls as 1/n, "
    "though nothing changes but the number of pictures. The line's end estimates the "
    "distance at infinitely many.",
    data=by_size,
    runs=[results["features"]],
)

# %%
found = {(f"n = {n}", "distance"): group for n, group in by_size.groupby("n")}
cells = {key: group["distance"].mean() for key, group in found.items()}
cells["n = ∞, extrapolated", "distance"] = line[0]
frame = book.beside(unpublished, cells).assign(table="bias")
book.table(
    "bias",
    frame,
    caption="Fréchet distance between two halves of one world, by the pictures on each "
    f"side; {features.shape[1]} features.",
    layout=Layout(decimals=2, better=None, corner="pictures on each side"),
    runs=[results["features"]],
)

# %% [markdown]
# A small set looks worse than a large one, though nothing about it is worse. Two means
# differ by chance, and few samples make some directions of a covariance too wide and
# others too narrow; both add to the distance, in proportion to $1/n$ (Chong and
# Forsyth, 2020). So print $n$ beside each distance, and use the same $n$ for all
# methods. The bias depends on the pictures too, not on $n$ alone: where it is close,
# or where methods differ in $n$, extrapolate.
#
# Any other network can give the features: a module or function from pictures to
# numbers. Those who have VGG-Face in a local safetensors file load it with `vgg.load`;
# a file with other names or shapes is refused, and the message says which. Nothing is
# fetched. For an Inception network, hand in your own module.

# %%
# NBVAL_CHECK_OUTPUT
def mean_colour(images):
    """(N, 3, H, W) to (N, 3): a feature network of three features."""
    return images.mean((2, 3))


grey = torch.full((20, 3, 16, 16), 0.5)
colours = grey + torch.linspace(-0.2, 0.2, 20).view(20, 1, 1, 1)
distance, n = distances.fid(colours, colours + 0.1, mean_colour)
print(f"three features: {distance:.3f} with n = {n}; 3 times the square of the shift")
try:
    vgg.load("vgg_face.safetensors")
except FacelabError as error:
    print(error)

# %% [markdown]
# ## 8. Which faults does each measure see?
#
# Back to the question of section 1. We give every measure all answers, the true one
# included. Two of the measures need no judge: PSNR is the mean squared difference from
# the true picture on a logarithmic scale, SSIM compares means, contrasts and
# correlations in small windows (Wang et al., 2004). Only a synthetic world has the true
# picture. Then come the Fréchet distance of the set of answers from the set of true
# answers, and the judges' own.
#
# The row of the true answer is the level to compare with. Where pictures are compared
# with the true ones (PSNR, SSIM, Fréchet distance, identity distance) it is perfect,
# being compared with itself. In the other columns it holds the judges' errors: what it
# lacks there is no generator's fault.

# %%
cells = answers.judged(question, jury)
notes = {(answers.TRUTH, "PSNR"): "the picture itself: infinite"}
cells[answers.TRUTH, "PSNR"] = float("nan")
frame = book.beside(unpublished, cells, notes=notes).assign(table="faults")
frame["unit"] = frame["column"].map(answers.COLUMNS)
table = book.table(
    "faults",
    frame,
    caption="What each measure says of the true answer and of eight wrong ones; the "
    f"Fréchet distance from {len(right)} pictures on each side.",
    layout=Layout(
        columns=tuple(answers.COLUMNS),
        better=None,
        decimals={"": 3, "%": 1, "dB": 1, "cm": 2},
        headers={"Frechet distance": "Fréchet distance"},
        corner="answer",
    ),
    runs=list(results.values()),
)
alike, strange = (1 - cosines.mean() for cosines in pairs["common"])
by_chance = line[0] + line[1] / len(right)
display(
    table,
    Markdown(
        "**How large is large?** Two *common* pictures have an identity distance of "
        f"{alike:.2f} on average where they show one person, and of {strange:.2f} "
        f"where they show two (section 6.3). Two sets of {len(right)} real pictures "
        "each, of different people, have a Fréchet distance of about "
        f"{by_chance:.2f} (the line of section 7)."
    ),
)

# %% [markdown]
# The distances of the table are between *pairs*: but for the fault, both sides show the
# same people in the same pose and light, so chance is the same on both. Whoever
# compares generated pictures with real ones of other people, as is common, starts at
# the larger value, even with a perfect generator. And an identity distance between two
# edits of one picture is small from the start: compare it with those of the other
# answers, not with strangers.

# %%
higher = {"PSNR", "SSIM", "expression rate"}
ranks = {
    column: answers.order(cells, column, higher=column in higher)
    for column in answers.COLUMNS
}
pd.DataFrame(ranks, index=pd.Index(range(1, 9), name="place"))

# %% [markdown]
# Each column of this last table orders the wrong answers from best to worst by one
# measure. Read it by asking which fault a measure puts first, that is, forgives, and
# mind that neighbours whose intervals overlap may change places:
#
# - PSNR and SSIM ask for pixels. An expression *half as strong* costs them little, and
#   *nothing done* about as much as a blur. SSIM hardly sees a colour cast; PSNR takes
#   *another light*, where nothing that was asked for is wrong, for worse than
#   *nothing done*.
# - The expression rate and the unit error do not care who shows the expression.
# - The identity distance hardly cares what is shown, and more about hair and skin than
#   about the shape of the head (exercise 5).
# - The depth error is mostly the judge's own: only *another person* stands out.
# - The Fréchet distance compares sets. It cannot know whether each picture answers its
#   own question: a set of the right people in the wrong order has distance zero. What
#   it does see are other people, blur and colours, each of which some other measure
#   forgives; fine patterns and expressions it sees less.
#
# The judges of expression and person hardly mind a colour cast or a checkerboard. They
# were trained with tints and noise (section 2) so that they would not. That is right
# for their questions, and no sign that a picture is good. How they take damage that
# nobody thought of, we do not know.
#
# No single measure is right about all. A method must be good by several.
#
# ## 9. Landmarks, and how to use the jury
#
# A landmark detector is a model of a paper (`10_laplace`), so the judges have none.
# Whoever has one hands it in, and `jury.landmarks` checks what it returns. Here is the
# simplest detector, which answers with the mean shape:

# %%
drawn = faces.sample(200, seed=1, split="train", difficulty="common")
mean_shape = torch.from_numpy(faces.render(drawn, size=size).landmarks.mean(0))
with_one = judges.load(
    chosen.tier, seed, detector=lambda images: mean_shape.expand(len(images), 68, 2)
)
new = faces.render(
    faces.sample(64, seed=2, split="test", difficulty="common"), size=size
)
points = with_one.landmarks(torch.from_numpy(new.image))  # (64, 68, 2)
display(show(judges.Jury.landmarks))
print("error in percent of the outer-eye distance:")
print(bootstrap_mean(metrics.nme(points, new.landmarks)))

# %% [markdown]
# `Jury` checks the size of pictures and brings others to its own with `jury.fit`. The
# weights are frozen; gradients pass through to the pictures, so a judge can also serve
# in a perceptual loss, one that compares features. Then it is no judge any more, for
# the generator has learnt to please it. Another seed is the least that judging then
# needs; as it has the same architecture and the same training, another kind of network
# is better.
#
# **What judges cannot say.**
#
# 1. They know *rendered* faces. On photographs nobody has examined them.
# 2. They know crops as `faces.render` makes them. Pictures cropped wider look like
#    people further away.
# 3. They are small, and see few pixels. They do not notice that finer detail is absent.
# 4. Judges and generators learn from one world, and from the same training people. What
#    this world leaves out (`01_faces`, data card), neither knows; and where both err in
#    the same way, the judge does not notice.
# 5. An expression rate is read beside that of the true answer (section 8), not beside
#    perfection. That is no upper bound either: a generator can pass it by chance, or by
#    showing what the judge looks for more plainly than people do.
# 6. Emotions are posed prototypes (`01_faces`, data card), in the examination as in the
#    training, and section 8 asks for them at full strength.
# 7. On *challenge* pictures they are weak: in its error of units the judge is hardly
#    ahead of who does not look (section 6.2). Use them on easier pictures, and for
#    means over many people, not for single pictures.
# 8. They may err more often on some people than on others. Section 6.1 looks at
#    emotions by group, and the groups are small; of the other judges it is not known.
# 9. One seed is one judge, and no interval here says what another training would
#    change. Where a verdict is close, ask several.
#
# ## 10. Exercises
#
# Write down your prediction first; then run, and compare. Solutions follow.
#
# 1. **A blind network.** Compute the Fréchet distance of section 8 with the features of
#    the *expression* judge in place of the feature network. *Predict* which faults it
#    forgives that the feature network does not.
# 2. **Right people, wrong order.** Shuffle the true answers among the people. *Predict*
#    the Fréchet distance, the identity distance and the expression rate.
# 3. **Mirror.** *Predict* how far the judged identity and units of a picture move when
#    it is mirrored, compared with those of two pictures of one person.
# 4. **Exaggeration.** *Predict* the expression rate for strengths of the expression
#    from a quarter to one and a quarter. Where does the judge saturate?
# 5. **What a person is.** Give people of the test set the head of another, or the skin,
#    brows and eyes, or the hair. *Predict* which of these moves the judged identity
#    furthest.

# %% tags=["solution"]
blind = jury.networks["expression"].features
pair = {"feature network": jury.features, "expression judge": blind}
moved = {}
for name, network in pair.items():
    truth = distances.described(right, network)
    values = {
        answer: distances.frechet(truth, distances.described(x, network))
        for answer, x in question.answers.items()
    }
    moved[name] = pd.Series(values) / max(values.values())
print(pd.DataFrame(moved).round(3).to_string())
print("1: shares of each network's largest; expect the expression judge to weigh")
print("*nothing done* most, which makes all faces neutral, and hardly anything else:")
print("another expression of each leaves the mixture of the whole set as it was")

# %% tags=["solution"]
order = torch.randperm(len(right), generator=torch.Generator().manual_seed(0))
mixed = right[order]
with torch.no_grad():
    person = distances.identity_distance(jury.identity(mixed), jury.identity(right))
    seen = jury.expression(mixed).argmax(1) == question.target
    set_apart, n = distances.fid(right, mixed, jury.features)
rate = seen.float().mean()
print(f"2: Fréchet {set_apart:.4f}, identity {person.mean():.2f}, rate {rate:.0%}")
print("expect zero, the distance of strangers, and the rate of guessing")

# %% tags=["solution"]
with torch.no_grad():
    flipped = right.flip(3)
    person = distances.identity_distance(jury.identity(flipped), jury.identity(right))
    units_moved = (jury.units(flipped) - jury.units(right)).abs().mean()
own = 1 - pairs["common"][0].mean()
print(f"3: identity {person.mean():.3f}, two common pictures {own:.3f}")
print(f"   units {units_moved:.3f}; expect little: mirrored pictures were trained on")

# %% tags=["solution"]
base = faces.sample(14 * 4, seed=5, split="test", difficulty="studio")
wanted = 1 + np.arange(len(base)) % 7
prototypes = np.stack([faces.expression_of(name) for name in faces.EMOTIONS])
for strength in (0.25, 0.5, 0.75, 1.0, 1.25):
    moves = np.clip(strength * prototypes[wanted], 0, 1)
    made = faces.render(base.replace(expression=moves), size=size)
    with torch.no_grad():
        seen = jury.expression(torch.from_numpy(made.image)).argmax(1).numpy() == wanted
    print(f"4: strength {strength:4}: {seen.mean():.0%}")
print("expect a rise up to about full strength, and little beyond")

# %% tags=["solution"]
made = answers.exchanged(64, size=size)
with torch.no_grad():
    own = jury.identity(made["nothing"])
    for name, images in made.items():
        person = distances.identity_distance(jury.identity(images), own)
        print(f"5: another's {name}: {person.clamp_min(0).mean():.2f}")
print("expect the hair first, then skin, brows and eyes, and the head last, far below")
print("everything: in this world hair and skin say more at this size than a shape does")

# %% [markdown]
# ## Summary

# %%
hits = {n: scores.correct(f["emotion"], f["true_emotion"]) for n, f in read.items()}
rate = {name: values.mean() for name, values in hits.items()}
area = {n: scores.verification(*p, rates=rates)["AUC"].mean() for n, p in pairs.items()}
lines = [f"| {n} | {rate[n]:.0%} | {area[n]:.3f} |" for n in rate]
Markdown(
    f"Tier *{chosen.tier}*:\n\n| test set | emotions recognised | AUC of identity |\n"
    "|---|---:|---:|\n" + "\n".join(lines)
)

# %% [markdown]
# Judges are networks with errors. They are trained on real pictures only, examined on
# people they have not met, and asked about faults that we know. What a judge says of a
# generator is to be read beside what it says of the truth.
#
# ## References
#
# - M. Heusel et al. GANs Trained by a Two Time-Scale Update Rule Converge to a Local
#   Nash Equilibrium. NeurIPS 2017. (The Fréchet Inception distance.)
# - M. J. Chong, D. Forsyth. Effectively Unbiased FID and Inception Score and Where to
#   Find Them. CVPR 2020.
# - H. Wang et al. CosFace: Large Margin Cosine Loss for Deep Face Recognition. CVPR
#   2018.
# - J. Deng et al. ArcFace: Additive Angular Margin Loss for Deep Face Recognition. CVPR
#   2019.
# - O. M. Parkhi, A. Vedaldi, A. Zisserman. Deep Face Recognition. BMVC 2015.
#   (VGG-Face.)
# - O. Ronneberger, P. Fischer, T. Brox. U-Net. MICCAI 2015.
# - P. E. Shrout, J. L. Fleiss. Intraclass Correlations: Uses in Assessing Rater
#   Reliability. Psychological Bulletin, 1979.
# - Z. Wang et al. Image Quality Assessment: From Error Visibility to Structural
#   Similarity. IEEE TIP, 2004.
# - Detlefsen et al. TorchMetrics: Measuring Reproducibility in PyTorch. JOSS 2022.
