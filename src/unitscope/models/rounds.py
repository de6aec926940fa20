"""Rounds of a layer through the sequences of a batch, and the calls that belong to each round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from unitscope.models.edit import Bound


@dataclass(frozen=True)
class Rounds:
    """The same layer, read as so many."""

    count: int = 1
    in_turn: bool = False
    """Whether each step is called for all rounds before the next step is: the layers of a net that share a cell."""

    def paths(self, name: str) -> list[str]:
        """The path of each round: ``cell``, ``cell#2``."""
        return [f"{name}#{number}" if number > 1 else name for number in range(1, self.count + 1)]

    def place(self, call: int, steps: int) -> tuple[int, int]:
        """Round and step of a call that goes through one step."""
        step, there = divmod(call, self.count) if self.in_turn else divmod(call, steps)[::-1]
        return min(there, self.count - 1), step


@dataclass(frozen=True)
class Round:
    """Streams requested of one round through the sequences, by their name in the module."""

    wanted: Mapping[str, list[Tensor]]
    held: Mapping[str, list[Bound]]

    @classmethod
    def of(cls, path: str, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound]) -> "Round":
        """The streams and edits of the modules under a path."""
        prefix = f"{path}."
        wanted = {name.removeprefix(prefix): found for name, found in streams.items() if name.startswith(prefix)}
        held: dict[str, list[Bound]] = {}
        for edit in edits:
            if edit.site.startswith(prefix):
                held.setdefault(edit.site.removeprefix(prefix), []).append(edit)
        return cls(wanted, held)


@runtime_checkable
class Rounded(Protocol):
    """A reader of a layer that may go through the sequences several times."""

    def of_rounds(self, rounds: Rounds) -> "Rounded":
        """The same for a layer that does."""
        ...


def rounds_of(steps: Sequence[int], whole: int) -> int | None:
    """Number of times that calls of so many steps go through sequences of a length; None for a fraction."""
    rounds = done = 0
    for taken in steps:
        done += taken
        if done > whole:
            return None
        rounds, done = (rounds + 1, 0) if done == whole else (rounds, done)
    return None if done else rounds
