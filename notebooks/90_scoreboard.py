# %%
from facelab import labbook

labbook.opening(
    {
        "name": "90_scoreboard",
        "title": "The scoreboard",
        "paper": "No paper of its own: this notebook reads what all the others have left "
        "in `results/` and `figures/`, and trains nothing.",
        "objectives": [
            "say what each verdict on a paper's claim means, and what it does not mean",
            "see at a glance how far the book has come, paper by paper",
            "compare our effects with the papers', with intervals",
            "judge how often verdicts err, and what would change one",
        ],
        "prerequisites": [
            "a paper's notebook, such as `10_laplace`, for the claims in their context",
            "what a confidence interval is",
        ],
        "data": "The ledgers, tables and figures of the other notebooks at the same "
        "tier. Run those first; `facelab reproduce` keeps the order.",
        "licence": "Text and figures CC BY 4.0, code Apache-2.0. Published numbers "
        "are the authors'.",
    }
)

# %% tags=["parameters"]
tier: str = ""  # smoke, laptop, gpu or paper; "" asks FACELAB_TIER, else laptop
seeds: str = ""  # this notebook draws only in its exercises, from fixed seeds
data: str = ""  # it reads results, whatever data they are from
only: str = ""  # this notebook is one part, and always runs whole

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from facelab import plots, scoreboard, verdicts
from facelab.settings import notebook_parameters
from facelab.show import show
from facelab.statistics import Estimate, bootstrap_mean
from facelab.tables import Layout

plots.use()
chosen = notebook_parameters(tier=tier, seeds=seeds, data=data, only=only)
shown = scoreboard.tiers(chosen.tier)
book = labbook.open("scoreboard", chosen.tier)
rows, claims = scoreboard.board(shown), scoreboard.claims(shown)
begun = rows[rows["status"] == scoreboard.DONE]
print("tiers:", ", ".join(shown))
print("papers and worlds with results:", ", ".join(begun["title"]) or "none yet")

# %% [markdown]
# ## 1. What a verdict says
#
# Each paper claims things: this loss has a lower error than that one, unlabelled faces
# help, a smaller network loses little. A claim is settled by one number, its *effect*,
# computed alike from the paper's numbers and from ours. Ours has an interval. The
# verdict follows from where that interval lies, by fixed rules; nobody decides it after
# having seen the result.
#
# For a difference the rule is this function:

# %%
show(verdicts.of_effect)

# %% [markdown]
# Here it judges five made-up results, for a claim whose effect in the paper is 10, with
# sizes from half to twice the paper's counted as the same:

# %%
# NBVAL_CHECK_OUTPUT
MADE_UP = {
    "clear, and of the paper's size": (12, 9, 15),
    "clear, and much larger": (40, 35, 45),
    "clear, and much smaller": (2, 1, 3),
    "the interval holds zero": (4, -3, 11),
    "clear, in the other direction": (-6, -9, -3),
}
examples = []
for name, (value, low, high) in MADE_UP.items():
    ours = Estimate(value=value, low=low, high=high, n=100, seeds=1)
    verdict = verdicts.of_effect(ours, 10, factor=2)
    line = {"claim": name, "subset": "", "unit": "%", "paper": 10.0, "ours": value}
    examples.append({**line, "low": low, "high": high, "verdict": verdict})
    print(f"{name:32} {verdict}")

# %%
examples = pd.DataFrame(examples)
book.figure(
    "verdicts",
    scoreboard.effects(examples),
    alt="Five intervals beside a diamond: two right of zero and far from the diamond, "
    "one about it, one across zero, one left of zero.",
    caption="Five made-up results and their verdicts. The scale is linear about zero "
    "and logarithmic further out.",
    data=examples,
)

# %% [markdown]
# How to read them:
#
# - **Reproduced** is evidence for the claim *with our data and networks*. It does not
#   prove the paper's numbers, which come from other faces.
# - **Same ordering, other size**: the better method is the better one here too, but by
#   far more or far less. Effects that depend on the data or on a network's size do so.
# - **Not reproduced** means that our interval lies on the other side. At the laptop
#   tier networks are small and trained for minutes; this refutes nothing at the paper's
#   size.
# - **Inconclusive** means that too few faces or seeds were used to tell on which side the
#   effect lies. It is no verdict on the method. It does not mean that the paper may be
#   right: the interval may exclude the paper's value all the same. Section 3 has a
#   column for that.
# - **Not attempted at this tier**: one of the sides was not run.
#
# Claims that something *does not help* have their own rule, since an interval about
# zero proves nothing by itself: the whole interval must lie below the smallest gain
# that would count. `facelab.verdicts` has all rules, each `claims.yaml` the tolerances
# and their reasons. With one seed an interval covers other test faces, and not another
# training.
#
# ## 2. The board
#
# *Cells* are those of the paper's tables and of our own additions; *filled* are those
# with a value of ours. The rest are numbers of other systems, which nobody ran here.
# *Time* is that of the whole notebook.

# %%
book.table(
    "board",
    scoreboard.tidy(rows, chosen.tier),
    caption="Per paper: claims by verdict, table cells, figures, and minutes.",
    layout=Layout(better=None, decimals={"": 0, "min": 1}, corner="paper"),
)

# %%
judged = rows[rows["claims"] > 0]
if judged.empty:
    print(f"no claims yet at {', '.join(shown)}: run a paper's notebook at this tier")
else:
    drawing = book.figure(
        "board",
        scoreboard.verdict_bars(rows),
        alt="A bar a paper, divided into the five verdicts.",
        caption=f"{judged['claims'].sum()} claims of {judged['paper'].nunique()} of "
        f"{len(scoreboard.PAPERS) - 1} papers, by verdict.",
        data=judged[["title", "tier", "claims", *verdicts.VERDICTS]],
    )
    display(drawing)

# %% [markdown]
# ## 3. Every claim
#
# The unit says what an effect is relative to. What lies behind it (the levels, the
# number of faces, where in the paper it stands) is in each paper's own notebook, and so
# are the places where a paper contradicts itself.

# %%
if claims.empty:
    print("nothing to list yet")
else:
    display(Markdown(scoreboard.listed(claims)))

# %% [markdown]
# ## 4. Our effects beside the papers'
#
# One picture a paper, of the claims whose effect is a percentage. Where the diamond
# lies within the interval, our result agrees with the paper's in size too. For a claim
# that something *does not help*, the effect is the gain that it denies: there, left of
# zero agrees.

# %%
for (room, level), group in claims.groupby(["room", "tier"], sort=False):
    measured = scoreboard.relative(group)
    if measured.empty:
        print(f"{room}, {level}: nothing measured that compares")
        continue
    drawing = book.figure(
        f"effects-{room}-{level}",
        scoreboard.effects(measured),
        alt="Intervals of our effects about zero, with the paper's as diamonds.",
        caption=f"{measured['title'].iloc[0]}, {level} tier: effects with 95 % "
        "intervals, and the paper's.",
        data=measured[["id", "paper", "ours", "low", "high", "verdict"]],
    )
    display(drawing)

# %% [markdown]
# ## 5. Exercises
#
# Write down your prediction first; then run, and compare. Solutions follow.
#
# 1. **False alarms.** Two methods are equally good, and differ from face to face by
#    chance alone. *Predict* how often the rule of section 1 settles the matter, one way
#    or the other. Does it help to test more faces?
# 2. **Overlooked.** Now one method is truly better, by as much as the paper says; from
#    face to face the difference varies ten times as much. *Predict* how the verdicts
#    change from 100 to 1,000 test faces.
# 3. **What would it take?** An interval shrinks with the root of the number of test
#    faces. *Predict*, for each inconclusive claim above, whether ten times as many
#    faces would settle it, if the effect stayed as it is.
#
# <!-- given: ten; suppositions of the exercises -->

# %% tags=["solution"]
rng = np.random.default_rng(0)


def shares(effect, scatter, faces, repeats=200):
    """How often each verdict comes out, for a known effect; the paper's is 10."""
    count = dict.fromkeys(verdicts.VERDICTS, 0)
    for _ in range(repeats):
        ours = bootstrap_mean(rng.normal(effect, scatter, faces), resamples=200)
        count[verdicts.of_effect(ours, 10, factor=2)] += 1
    return {verdict: f"{n / repeats:.0%}" for verdict, n in count.items() if n}


for faces in (100, 1000):
    print(f"1: {faces:5} faces:", shares(effect=0, scatter=100, faces=faces))
print("expect 3 to 9 % settled, whatever the number of faces: the interval's level")

# %% tags=["solution"]
for faces in (100, 300, 1000):
    print(f"2: {faces:5} faces:", shares(effect=10, scatter=100, faces=faces))
print("expect mostly inconclusive at 100 faces, 80 to 95 % reproduced at 1,000")

# %% tags=["solution"]
open_ones = scoreboard.relative(claims[claims["verdict"] == verdicts.INCONCLUSIVE])
for row in open_ones.itertuples(index=False):
    arm = (row.high - row.low) / 2
    times = (arm / max(abs(row.ours), 1e-9)) ** 2
    needed = f"{times:.0f} times as many" if times < 1000 else "no number of"
    print(f"3: {row.id:32} {needed} faces")
print("claims that something does not help have to get away from their margin instead")

# %% [markdown]
# ## Summary

# %%
count = claims["verdict"].value_counts()
words = [f"{count[v]} {v}" for v in verdicts.VERDICTS if v in count]
Markdown(
    f"Of {len(scoreboard.PAPERS) - 1} papers, {claims['room'].nunique()} have claims "
    f"judged at {', '.join(shown)}: {', '.join(words) or 'none'}. Of "
    f"{rows['cells'].sum()} table cells {rows['filled'].sum()} hold a value of ours, "
    f"beside {rows['figures'].sum()} figures."
)

# %% [markdown]
# A verdict is a statement about an interval, made by a rule that was there before. What
# would change it is more faces, more seeds, a larger tier, or a bug found by a reader.
