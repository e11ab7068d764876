"""The drawings of notebook ``40_ganimation``: numbers in, a matplotlib figure out.

Captions, alt texts and the numbers themselves stand in the notebook, where they are read.
"""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from facelab import plots
from facelab.gan.figures import WIDTH, bars, curves, sheet

__all__ = ["bars", "curves", "doses", "sheet"]


def doses(frame: pd.DataFrame) -> Figure:
    """What is read over what was asked for, a panel a unit; columns as `tables.doses` has them."""
    units, across = list(dict.fromkeys(frame["unit"])), 5
    down = -(-(len(units) + 1) // across)  # one panel is the legend's
    size = {"figsize": (WIDTH, 1.5 * down + 0.3), "sharex": True, "sharey": True}
    figure, grid = plt.subplots(down, across, squeeze=False, **size)
    looks = {"edit": ("our edit", "o-", "blue"), "truth": ("the true edit", "s--", "orange")}
    for axes, unit in zip(grid.flat, units, strict=False):
        axes.plot((0, 100), (0, 100), ":", color="#777777", linewidth=1, label="as asked")
        for of, (label, style, colour) in looks.items():
            some = frame[(frame["unit"] == unit) & (frame["of"] == of)]
            reach = [some["value"] - some["low"], some["high"] - some["value"]]
            shown = {"markersize": 3, "linewidth": 1, "color": plots.COLOURS[colour]}
            axes.errorbar(some["asked"], some["value"], reach, fmt=style, label=label, **shown)
        axes.set_title(unit, pad=3)
        axes.set(xticks=(0, 50, 100), yticks=(0, 50, 100), ylim=(-5, 110))
    for axes in grid.flat[len(units) :]:
        axes.axis("off")
    handles = grid.flat[0].get_legend_handles_labels()
    grid.flat[len(units)].legend(*handles, loc="center left", borderaxespad=0)
    figure.supxlabel("asked for (%)", fontsize=10)
    figure.supylabel("read by the judge (%)", fontsize=10)
    return figure
