"""The whole course of a unit in few numbers: least, mean and largest of every 64 tokens, and of every 4,096.

A unit's own bytes are read once, when its course is first looked at; what is kept is a sixteenth of them, and what is
sent is bounded, however long the recording.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from unitscope.recording.recording import Recording

STEP = 64
"""Tokens of the lower level's steps, and of these steps in one of the higher level."""
KEPT = 24
"""Units whose courses stay in memory."""
POINTS = 1_200
"""Steps that are sent, at most."""


@dataclass(frozen=True)
class Level:
    """Least, mean and largest value of every so many tokens; the last step may be shorter."""

    low: Float[np.ndarray, " step"]
    mean: Float[np.ndarray, " step"]
    high: Float[np.ndarray, " step"]
    tokens: int
    """Of a step."""

    @classmethod
    def of(cls, values: Float[np.ndarray, " token"]) -> "Level":
        """The lower level of a unit's values."""
        starts = np.arange(0, len(values), STEP)
        if not len(starts):
            return cls(values, values, values, STEP)
        sizes = np.diff(np.append(starts, len(values)))
        mean = np.add.reduceat(values, starts, dtype=np.float64) / sizes
        low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        return cls(low, mean.astype(np.float32), high, STEP)

    def merged(self, steps: int, tokens: int) -> "Level":
        """Every so many steps as one. ``tokens`` is how many there are in all: means are of tokens."""
        starts = np.arange(0, len(self.mean), steps)
        if steps == 1 or not len(starts):
            return self
        sizes = np.full(len(self.mean), self.tokens, np.float64)
        sizes[-1] = tokens - self.tokens * (len(self.mean) - 1)
        mean = np.add.reduceat(self.mean * sizes, starts) / np.add.reduceat(sizes, starts)
        low, high = np.minimum.reduceat(self.low, starts), np.maximum.reduceat(self.high, starts)
        return Level(low, mean.astype(np.float32), high, self.tokens * steps)


class Pyramids:
    """The courses of the units of a recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._tokens = int(recording.plan.tokens.sum())
        self._kept: OrderedDict[tuple[str, int], tuple[Level, Level]] = OrderedDict()

    def course(self, site: str, unit: int, points: int = POINTS) -> Level:
        """All that was recorded of a unit, in at most so many steps."""
        key = (site, unit)
        if key not in self._kept:
            fine = Level.of(self._recording.unit(site, unit))
            self._kept[key] = (fine, fine.merged(STEP, self._tokens))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        fine, coarse = self._kept[key]
        level = fine if len(fine.mean) <= points * STEP else coarse
        return level.merged(max(1, -(-len(level.mean) // points)), self._tokens)


def course_json(recording: Recording, level: Level) -> dict[str, object]:
    """A course, and where each of its steps begins: sequence, and token in it."""
    starts = np.concatenate([[0], np.cumsum(recording.plan.tokens)])
    first = np.arange(len(level.mean)) * level.tokens
    rows = np.searchsorted(starts, first, side="right") - 1
    return {
        "tokens": int(starts[-1]),
        "step": level.tokens,
        **{name: np.round(getattr(level, name).astype(float), 5).tolist() for name in ("low", "mean", "high")},
        "sequences": recording.plan.sequence[rows].tolist(),
        "firsts": (first - starts[rows]).tolist(),
    }
