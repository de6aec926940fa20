"""When does a unit begin to follow a label, and when does the network begin to use it?

    found = emergence({0.5: early, 1.0: later, 3.0: last}, ["inside-double-quotes"])
    found.begins("inside-double-quotes"), found.used_from("inside-double-quotes"), found.views()

The sources are checkpoints of one training, by time. At each one the question is asked anew, with all its controls.
Within one training a unit keeps its number, so the unit that is confirmed at last is also followed back.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from unitscope.asking.answer import Answer
from unitscope.asking.ask import ask
from unitscope.asking.replication import best_of
from unitscope.errors import InputError
from unitscope.progress import Progress, silent
from unitscope.source.source import Source
from unitscope.views import Field, Lines, Series, Table, View


@dataclass(frozen=True, eq=False)
class Emergence:
    """Each label at each time."""

    times: list[float]
    labels: list[str]
    r: Float[np.ndarray, "time label"]
    """|r| of the unit that follows the label best at this time, on text on which it was not chosen."""
    last: Float[np.ndarray, "time label"]
    """|r| of the unit that is best at the last time."""
    untrained: Float[np.ndarray, "time label"]
    """The best of untrained networks."""
    confirmed: Bool[np.ndarray, "time label"]
    used: Bool[np.ndarray, "time label"]
    units: list[list[str]]
    """Addresses, by time and label."""

    def begins(self, label: str) -> float:
        """The first time from which on a unit is confirmed; NaN if none is at the last."""
        return self._first(self.confirmed, label)

    def used_from(self, label: str) -> float:
        """The first time from which on the network uses the unit; NaN if it does not at the last."""
        return self._first(self.used, label)

    def _first(self, flags: Bool[np.ndarray, "time label"], label: str) -> float:
        if label not in self.labels:
            raise InputError(f"{label!r} was not asked about; there are: {', '.join(self.labels)}")
        own = flags[:, self.labels.index(label)]
        if not own[-1]:
            return math.nan
        return self.times[len(own) - int(np.argmin(own[::-1])) if not own.all() else 0]

    def views(self) -> list[View]:
        """Curves, and when each begins."""
        fields = [
            Field("label", "text"), Field("begins", help="first time from which on a unit is confirmed"),
            Field("is used from", help="first time from which on the network uses it"), Field("|r| at last"),
            Field("untrained networks'"), Field("unit at last", "text"),
            Field("the same unit from", help="first time from which on this very unit is the best"),
        ]  # fmt: skip
        rows = []
        for k, label in enumerate(self.labels):
            same = np.array([row[k] == self.units[-1][k] for row in self.units])
            first = self.times[len(same) - int(np.argmin(same[::-1])) if not same.all() else 0]
            rows.append([label, self.begins(label), self.used_from(label), float(self.r[-1, k]),
                         float(self.untrained[-1, k]), self.units[-1][k], first])  # fmt: skip
        made: list[View] = [
            Table("When units begin to follow", fields, rows, note="empty where none is confirmed at last")
        ]
        for title, table in (("the best unit at each time", self.r), ("the unit that is best at last", self.last)):
            series = [Series(label, table[:, k].tolist()) for k, label in enumerate(self.labels)]
            made.append(Lines(f"|r| of {title}", self.times, series, "time", "|r|"))
        return made


def emergence(
    checkpoints: Mapping[float, Source], labels: Sequence[str], progress: Progress = silent, **asked: Any
) -> Emergence:
    """Ask at each checkpoint; ``asked`` is what else ``ask`` takes."""
    answers = {}
    for done, (time, source) in enumerate(sorted(checkpoints.items())):
        progress("asking checkpoints", done, len(checkpoints))
        answers[time] = ask(source, labels, **asked)
    progress("asking checkpoints", len(checkpoints), len(checkpoints))
    return emergence_of(answers)


def emergence_of(answers: Mapping[float, Answer]) -> Emergence:
    """From the answers at each time. Raises ``InputError`` for fewer than two times, and for other labels at one."""
    times = sorted(answers)
    if len(times) < 2:
        raise InputError(f"when something begins is asked of two checkpoints or more, not of {len(times)}")
    labels = list(answers[times[-1]].question.labels)
    if any(list(answers[time].question.labels) != labels for time in times):
        raise InputError("every checkpoint is to be asked about the same labels")
    shape = (len(times), len(labels))
    r, last, untrained = (np.full(shape, np.nan) for _ in range(3))
    confirmed, used = np.zeros(shape, bool), np.zeros(shape, bool)
    units = [[""] * len(labels) for _ in times]
    final = [best_of(answers[times[-1]], label) for label in labels]
    for t, time in enumerate(times):
        answer = answers[time]
        for k, label in enumerate(labels):
            best, kept = best_of(answer, label), final[k]
            if best is not None:
                r[t, k], untrained[t, k], units[t][k] = abs(best.r), abs(best.untrained), best.address
                confirmed[t, k] = not best.failed(answer.question)
                used[t, k] = confirmed[t, k] and best.used == "used"
            if kept is not None:
                place = answer.numbers[kept.site].index(kept.unit)
                last[t, k] = abs(answer.association(kept.site).r[place, k])
    return Emergence(times, labels, r, last, untrained, confirmed, used, units)
