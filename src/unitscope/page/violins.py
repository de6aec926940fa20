"""Distributions over the first steps of one or two networks as a picture for papers: split violins with quartiles."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from unitscope.analyses.by_step import ByStepResult
from unitscope.errors import InputError
from unitscope.files.writing import make_folder, writing
from unitscope.page.colour import INK, SERIES

HALF = 0.42
"""Width of half a violin, in steps."""


def write_violins(
    results: Sequence[ByStepResult], names: Sequence[str], path: Path, title: str = "", dpi: int = 150
) -> None:
    """Write one violin per step as PNG; of two results the first is the left half and the second the right half.

    A violin is a step's histogram of all units, as wide as its fullest bin allows; the line is the median and the bar
    the middle half. Raises ``InputError`` for more than two results, and where the file cannot be written.
    """
    if not 1 <= len(results) <= 2 or len(names) != len(results):
        raise InputError(f"violins show one or two networks, each with a name; there are {len(results)}")
    figure = draw_violins(results, names, title)
    make_folder(path.parent)
    with writing(path) as partial:
        figure.savefig(partial, dpi=dpi, format="png", bbox_inches="tight", metadata={"Software": "unitscope"})


def draw_violins(results: Sequence[ByStepResult], names: Sequence[str], title: str = "") -> Figure:
    """The figure of ``write_violins``."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    seen = sorted({int(t) for result in results for t in np.flatnonzero(result.count)})
    for place, (result, name) in enumerate(zip(results, names, strict=True)):
        sides = (-1, 1) if len(results) == 1 else ((-1,), (1,))[place]
        quantiles = result.quantiles((0.25, 0.5, 0.75))
        for t in np.flatnonzero(result.count):
            label = name if t == seen[0] else None
            _violin(axes, result, int(t), sides, SERIES[place], label)
            middle = {1: 0.0, 2: 0.08 * sides[0]}[len(results)]
            low, median, high = quantiles[t]
            axes.plot([t + middle] * 2, [low, high], color=INK, linewidth=2.5, solid_capstyle="butt")
            axes.plot(
                [t + min(0, *sides) * HALF * 0.5, t + max(0, *sides) * HALF * 0.5], [median] * 2, color=INK, lw=0.8
            )
    axes.set_xticks(seen)
    axes.set_xlabel("step")
    axes.set_ylabel("activation of all units")
    axes.set_title(title or results[0].site, loc="left", fontsize=10, fontweight="bold")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _violin(axes: Axes, result: ByStepResult, t: int, sides: Sequence[int], colour: str, label: str | None) -> None:
    """The outline of a step's histogram on one side of it, or on both."""
    filled = np.flatnonzero(result.counts[t])
    bins = np.arange(filled[0], filled[-1] + 1)
    edges = result.start[t] + result.width[t] * np.arange(bins[0], bins[-1] + 2)
    width: Float[np.ndarray, " bin"] = HALF * result.counts[t, bins] / result.counts[t].max()
    steps = np.append(width, width[-1])  # as wide to the end of the last bin
    left = t - steps if -1 in sides else np.full(len(edges), float(t))
    right = t + steps if 1 in sides else np.full(len(edges), float(t))
    axes.fill_betweenx(edges, left, right, step="post", color=colour, alpha=0.55, linewidth=0, label=label)
