"""Where some conditions hold together: every passage on which a set of them holds throughout, exactly.

A passage is a stretch of steps of one sequence that no set of conditions can make longer: it has a number of conditions
that hold on all of its steps, and to any longer stretch around it some of these do not apply.

They are found from the runs of each condition. At step t, let s be the k-th earliest beginning of the runs that go on
at t. Then at least k conditions hold from s to t and not from s - 1 on; the passage ends at t if fewer do at t + 1. So
all passages of k conditions or more are read off one sort of the beginnings at each step, and only at steps on which k
conditions hold at all: a count of conditions per step, which is cheap, says where to look.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer

NEVER = np.iinfo(np.int32).max
CELLS = 1 << 23
"""Conditions times steps that are looked at together."""


@dataclass(frozen=True)
class Passages:
    """Stretches of steps, from ``start`` to before ``stop``, and how many conditions make each."""

    start: Int[np.ndarray, " passage"]
    stop: Int[np.ndarray, " passage"]
    score: Int[np.ndarray, " passage"]
    """Conditions that hold throughout, and not on the steps beside it where that is asked."""

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: np.ndarray) -> "Passages":
        return Passages(self.start[rows], self.stop[rows], self.score[rows])

    @classmethod
    def joined(cls, parts: "Sequence[Passages]") -> "Passages":
        """All of them, in order."""
        nothing = np.zeros(0, np.int64)
        every = [cls(nothing, nothing, nothing), *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in every]) for name in ("start", "stop", "score")))


def throughout(holds: Bool[np.ndarray, " step"], length: int) -> Bool[np.ndarray, " step"]:
    """Whether something holds at each step and the next ones, ``length`` in all; not where these are too few."""
    found = holds.copy()
    for shift in _shifts(length):
        found[:-shift] &= found[shift:]
        found[-shift:] = False
    return found


def inside(begins: Bool[np.ndarray, " step"], length: int) -> Bool[np.ndarray, " step"]:
    """Whether ``length`` steps from each one on are of one sequence."""
    following = np.append(~begins[1:], False)  # the next step is of the same
    return throughout(following, length - 1) if length > 1 else np.ones_like(begins)


def within(count: Integer[np.ndarray, " step"], length: int) -> Integer[np.ndarray, " step"]:
    """The largest count of those that begin at each step or up to ``length`` − 1 steps before."""
    found = count.copy()
    for shift in _shifts(length):
        found[shift:] = np.maximum(found[shift:], found[:-shift])
    return found


def _shifts(length: int) -> Iterator[int]:
    """By how many steps to go on so that each time as many as can be are covered, until they are ``length``."""
    covered = 1
    while covered < length:
        shift = min(covered, length - covered)
        yield shift
        covered += shift


def stretches(
    count: Integer[np.ndarray, " step"], begins: Bool[np.ndarray, " step"], least: int, shortest: int
) -> Int[np.ndarray, "stretch 2"]:
    """First step and step after the last of each stretch of ``shortest`` steps or more with ``least`` conditions.

    ``begins`` is true where a sequence begins; no stretch goes over that.
    """
    enough = count >= least
    before = np.concatenate([[False], enough[:-1]])
    after = np.concatenate([enough[1:], [False]])
    ends = np.concatenate([begins[1:], [True]])
    first = np.flatnonzero(enough & (~before | begins))
    last = np.flatnonzero(enough & (~after | ends))
    long = last - first + 1 >= shortest
    return np.stack([first[long], last[long] + 1], 1)


def passages(
    holds: Callable[[Int[np.ndarray, " step"]], Bool[np.ndarray, "condition step"]],
    found: Int[np.ndarray, "stretch 2"],
    begins: Bool[np.ndarray, " step"],
    conditions: int,
    least: int,
    lengths: tuple[int, int],
    left: bool,
    right: bool,
) -> Passages:
    """Every passage of ``least`` conditions or more inside the stretches, with a length within ``lengths``.

    ``holds`` says at given steps which conditions hold. With ``left`` or ``right`` a condition counts only if it does
    not hold on the step before or after; beyond the ends of a sequence nothing holds.
    """
    parts = []
    for group in _groups(found, CELLS // conditions):
        # One step more on either side tells where runs really begin and end.
        first = group[:, 0] - ~begins[group[:, 0]]
        after = group[:, 1] + ~np.append(begins, True)[group[:, 1]]
        sizes = after - first
        steps = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        edge = np.zeros(len(steps) + 1, bool)
        edge[np.cumsum(sizes) - sizes] = True
        edge[-1] = True
        part = _passages(holds(steps), edge, least, left, right)
        # Each stretch is laid out without gaps.
        start, stop = steps[part.start], steps[part.stop - 1] + 1
        fits = (stop - start >= lengths[0]) & (stop - start <= lengths[1])
        parts.append(Passages(start, stop, part.score).take(fits))
    return Passages.joined(parts)


def _groups(found: Int[np.ndarray, "stretch 2"], steps: int) -> Iterator[Int[np.ndarray, "stretch 2"]]:
    """The stretches, as many together as have so many steps; at least one."""
    total = np.cumsum(found[:, 1] - found[:, 0])
    begin = 0
    while begin < len(found):
        done = int(total[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, done + steps, side="right")))
        yield found[begin:end]
        begin = end


def _passages(
    holds: Bool[np.ndarray, "condition step"], edge: Bool[np.ndarray, " edge"], least: int, left: bool, right: bool
) -> Passages:
    """The passages of some stretches laid end to end; ``edge`` is true where one begins, and after the last step."""
    steps = holds.shape[1]
    numbers = np.arange(steps, dtype=np.int32)
    floor = np.maximum.accumulate(np.where(edge[:-1], numbers, 0))  # where the stretch of each step begins
    beginning = np.maximum.accumulate(np.where(holds, floor, numbers + 1), axis=1)  # [condition step]
    beginning = np.maximum(beginning, floor)
    begun = np.where(holds, beginning, NEVER).T.copy()  # [step condition]
    begun.sort(1)
    following = np.full_like(begun, NEVER)
    following[:-1] = begun[1:]
    following[edge[1:]] = NEVER
    rows = begun[:, least - 1 :]
    next_one = np.concatenate([begun[:, least:], np.full((steps, 1), NEVER, np.int32)], 1)
    # The last of several equal beginnings stands for all of them.
    ends = (rows != NEVER) & (next_one > rows) & (following[:, least - 1 :] > rows)
    last, level = np.nonzero(ends)
    start = rows[last, level].astype(np.int64)
    score = level + least
    if left or right:
        before = (begun[last] < start[:, None]).sum(1) if left else 0
        beyond = (following[last] <= start[:, None]).sum(1) if right else 0
        both = (following[last] < start[:, None]).sum(1) if left and right else 0
        score = score - before - beyond + both
    return Passages(start, last + 1, score)


def best(found: Passages, steps: int, wanted: int, taken: tuple[int, int] | None = None) -> tuple[Passages, bool]:
    """Passages that do not overlap: the largest score first, then the longest, then the earliest.

    ``taken`` are steps that no passage may touch. Gives ``wanted`` of them at most, and whether there are no others.
    """
    order = np.lexsort([found.start, found.start - found.stop, -found.score])
    used = bytearray(steps)
    if taken:
        used[taken[0] : taken[1]] = b"\1" * (taken[1] - taken[0])
    chosen: list[int] = []
    starts, stops = found.start.tolist(), found.stop.tolist()
    for row in order.tolist():
        begin, end = starts[row], stops[row]
        if used.find(1, begin, end) >= 0:
            continue
        if len(chosen) == wanted:
            return found.take(np.array(chosen, np.int64)), False
        used[begin:end] = b"\1" * (end - begin)
        chosen.append(row)
    return found.take(np.array(chosen, np.int64)), True
