"""The whole course of a unit in few numbers: least, mean and largest of every 64 tokens, and of more of them together.

What is of every 64 tokens was made while recording; it is read when a unit's course is first looked at, and what is
sent is bounded, however long the recording.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unitscope.recording.activations import STEP
from unitscope.recording.recording import Recording

KEPT = 24
"""Units whose courses stay in memory."""
POINTS = 1_200
"""Steps that are sent, at most."""


@dataclass(frozen=True)
class Level:
    """Least, mean and largest value of every few tokens, and where each step begins; after the last, the end."""

    low: Float[np.ndarray, " step"]
    mean: Float[np.ndarray, " step"]
    high: Float[np.ndarray, " step"]
    edges: Int[np.ndarray, " edge"]

    @classmethod
    def of(cls, recording: Recording, site: str, unit: int) -> "Level":
        """What was recorded of a unit; where a shard ends, a step is shorter."""
        parts = recording.courses(site, unit)
        plan = recording.plan
        ends = np.cumsum([plan.tokens[plan.shard == number].sum() for number in np.unique(plan.shard)])
        starts = np.concatenate([[0], ends]).astype(np.int64)
        firsts = [begin + STEP * np.arange(part.shape[1]) for begin, part in zip(starts[:-1], parts, strict=True)]
        low, mean, high = np.concatenate([np.zeros((3, 0), np.float32), *parts], 1)
        return cls(low, mean, high, np.concatenate([*firsts, starts[-1:]]))

    def merged(self, steps: int) -> "Level":
        """Every so many steps as one; means are of tokens."""
        starts = np.arange(0, len(self.mean), steps)
        if steps == 1 or not len(starts):
            return self
        sizes = np.diff(self.edges)
        mean = np.add.reduceat(self.mean * sizes, starts) / np.add.reduceat(sizes, starts)
        low, high = np.minimum.reduceat(self.low, starts), np.maximum.reduceat(self.high, starts)
        return Level(low, mean.astype(np.float32), high, self.edges[[*starts.tolist(), -1]])


class Pyramids:
    """The courses of the units of a recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._kept: OrderedDict[tuple[str, int, int], Level] = OrderedDict()

    def course(self, site: str, unit: int, points: int = POINTS) -> Level:
        """All that was recorded of a unit, in at most so many steps."""
        key = (site, unit, points)
        if key not in self._kept:
            fine = Level.of(self._recording, site, unit)
            self._kept[key] = fine.merged(max(1, -(-len(fine.mean) // points)))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def course_json(recording: Recording, level: Level) -> dict[str, object]:
    """A course, and where each of its steps begins: sequence, and token in it."""
    starts = np.concatenate([[0], np.cumsum(recording.plan.tokens)])
    first = level.edges[:-1]
    rows = np.searchsorted(starts, first, side="right") - 1
    return {
        "tokens": int(starts[-1]),
        "edges": level.edges.tolist(),
        **{name: np.round(getattr(level, name).astype(float), 5).tolist() for name in ("low", "mean", "high")},
        "sequences": recording.plan.sequence[rows].tolist(),
        "firsts": (first - starts[rows]).tolist(),
    }
