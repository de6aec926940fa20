"""The changes between steps of two networks, tested transition by transition."""

import math
from dataclasses import dataclass

import numpy as np

from unitscope.analyses.change_by_step import ChangeByStepResult
from unitscope.errors import InputError
from unitscope.evidence.welch import Group, difference
from unitscope.views import Field, Lines, Series, Table, View


@dataclass(frozen=True)
class Transition:
    """‖h_t − h_{t−1}‖ of two networks. Sequences are the pieces of evidence, so p is about more text, not more runs."""

    step: int
    means: tuple[float, float]
    ratio: float
    """Second over first."""
    t: float
    """Welch's, positive where the second changes more."""
    p: float
    effect: float
    """Cohen's d: the difference in pooled standard deviations over sequences."""


def compare_changes(first: ChangeByStepResult, second: ChangeByStepResult) -> list[Transition]:
    """Every transition that both networks make. Raises ``InputError`` where there is none.

    Of two *kinds* of network this says nothing: test the means of several runs with ``compare_runs``.
    """
    shared = min(len(first.count), len(second.count))
    found = []
    for step in range(shared):
        n, m = int(first.count[step]), int(second.count[step])
        if not n or not m:
            continue
        a, b = float(first.norm[step]), float(second.norm[step])
        spread = [float(result.norm_std[step]) for result in (first, second)]
        test = difference(Group(n, a, spread[0]), Group(m, b, spread[1]))
        found.append(Transition(step, (a, b), b / a if a > 0 else math.nan, test.t, test.p, test.d))
    if not found:
        raise InputError("the two results share no transition between steps")
    return found


def transition_views(found: list[Transition], names: tuple[str, str]) -> list[View]:
    """The table of tests, and both lines."""
    fields = [
        Field("into step", "integer"), *map(Field, names), Field("ratio"), Field("t"), Field("p"),
        Field("Cohen's d", "number", "in standard deviations over sequences"),
    ]  # fmt: skip
    rows = [[t.step, *t.means, t.ratio, t.t, t.p, t.effect] for t in found]
    note = "Welch's test over sequences of these two networks; kinds of network need several runs"
    means = np.array([t.means for t in found])
    lines = [Series(name, means[:, k].tolist()) for k, name in enumerate(names)]
    return [
        Table("‖h_t − h_{t−1}‖", fields, rows, note=note),
        Lines("Change into each step", [float(t.step) for t in found], lines, "step", "mean norm"),
    ]
