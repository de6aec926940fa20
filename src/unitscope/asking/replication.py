"""Does it come again? Of several trainings of one architecture, in how many a unit follows a label.

    answers = {path.name: ask(Live(open_model(path)[0], corpus), labels) for path in networks}
    found = replication(answers)
    found["inside-double-quotes"].share, found.views()

Units are matched by evidence and never by their number: unit 7 of one training is not unit 7 of another. The share has
Wilson's interval; what it is a share of is trainings, so that more text does not make it surer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from unitscope.asking.answer import Answer, Found
from unitscope.errors import InputError
from unitscope.evidence import ratio
from unitscope.views import Field, Table, View


@dataclass(frozen=True)
class Replicated:
    """One label in all trainings that were asked about it."""

    label: str
    units: dict[str, str]
    """Address of the confirmed unit, by training; empty where none is confirmed."""
    r: dict[str, float]
    """|r| of the best unit by training, confirmed or not, where it was not chosen; NaN where there is none."""
    used: dict[str, bool]
    """Whether the network uses the unit, of trainings that have one."""
    share: float
    """Of the trainings those that have a confirmed unit, and the 95 % interval."""
    low: float
    high: float

    @property
    def count(self) -> int:
        """Trainings that have one."""
        return sum(bool(address) for address in self.units.values())


@dataclass(frozen=True)
class Replication:
    """Every label."""

    rows: list[Replicated]
    trainings: list[str]

    def __getitem__(self, label: str) -> Replicated:
        for row in self.rows:
            if row.label == label:
                return row
        raise InputError(f"{label!r} was not asked about; there are: {', '.join(row.label for row in self.rows)}")

    def to_pandas(self) -> pd.DataFrame:
        """One row per label."""
        return pd.DataFrame(
            {
                "label": row.label, "trainings": len(row.units), "with a unit": row.count, "share": row.share,
                "low": row.low, "high": row.high, "used": sum(row.used.values()),
                "least |r|": _least(row), "largest |r|": _largest(row),
            }
            for row in self.rows
        )  # fmt: skip

    def views(self) -> list[View]:
        """The shares, and the unit of each training."""
        fields = [
            Field("label", "text"), Field("trainings", "integer"), Field("with a unit", "integer", "confirmed in it"),
            Field("share", "share"), Field("95 %", "text", "Wilson's interval, over trainings"),
            Field("used", "integer", "of these units"), Field("least |r|"), Field("largest |r|"),
        ]  # fmt: skip
        rows = [
            [row.label, len(row.units), row.count, row.share, f"{row.low:.2f} to {row.high:.2f}",
             sum(row.used.values()), _least(row), _largest(row)]
            for row in self.rows
        ]  # fmt: skip
        each = [[row.label, *(row.units.get(name, "") for name in self.trainings)] for row in self.rows]
        heads = [Field("label", "text"), *(Field(name, "text") for name in self.trainings)]
        return [
            Table("In how many of the trainings a unit follows a label", fields, rows),
            Table("The unit of each training", heads, each, note="empty where none is confirmed"),
        ]


def replication(answers: Mapping[str, Answer]) -> Replication:
    """From the answers of several trainings, by name. Raises ``InputError`` for fewer than two."""
    if len(answers) < 2:
        raise InputError(f"what comes again is asked of two trainings or more, not of {len(answers)}")
    labels = list(dict.fromkeys(label for answer in answers.values() for label in answer.question.labels))
    return Replication([_row(label, answers) for label in labels], list(answers))


def best_of(answer: Answer, label: str) -> Found | None:
    """The unit that follows a label best: a confirmed one if there is any."""
    own = [found for found in answer.found if found.label == label]
    return max(own, key=lambda f: (not f.failed(answer.question), np.nan_to_num(abs(f.r))), default=None)


def _row(label: str, answers: Mapping[str, Answer]) -> Replicated:
    units, r, used = {}, {}, {}
    for name, answer in answers.items():
        if label not in answer.question.labels:
            continue
        best = best_of(answer, label)
        confirmed = best is not None and not best.failed(answer.question)
        units[name] = best.address if best is not None and confirmed else ""
        r[name] = abs(best.r) if best is not None else math.nan
        if best is not None and confirmed:
            used[name] = best.used == "used"
    has = np.array([bool(address) for address in units.values()], float)
    return Replicated(label, units, r, used, *ratio.share(has, np.ones(len(has))))


def _least(row: Replicated) -> float:
    return float(np.nanmin([*row.r.values(), math.inf]))


def _largest(row: Replicated) -> float:
    return float(np.nanmax([*row.r.values(), -math.inf]))
