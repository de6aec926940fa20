"""A phrase: some tokens of a sequence, given by their places or by their text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from unitscope.errors import InputError
from unitscope.recording.recording import Recording


@dataclass(frozen=True)
class Phrase:
    """The tokens from ``start`` to before ``stop`` of a sequence, counted from 0."""

    sequence: int
    start: int
    stop: int

    @classmethod
    def parse(cls, text: str) -> "Phrase":
        """``SEQUENCE:START-STOP``. Raises ``InputError`` for anything else."""
        found = re.fullmatch(r"(\d+):(\d+)-(\d+)", text)
        if found is None:
            raise InputError(f"{text!r} is no place; write SEQUENCE:START-STOP, as in 12:30-41")
        return cls(*(int(number) for number in found.groups()))

    def check(self, recording: Recording) -> None:
        """Raises ``InputError`` unless the recording has these tokens."""
        length = int(recording.plan.tokens[recording.plan.find(self.sequence)])
        if not 0 <= self.start < self.stop <= length:
            raise InputError(
                f"sequence {self.sequence} has tokens 0 to {length - 1}; {self.start}-{self.stop} is no phrase"
            )


def find_phrase(recording: Recording, text: str, occurrence: int = 0) -> Phrase:
    """Where a text stands in a recording; ``occurrence`` 0 is the first place. A phrase lies in one sequence.

    In a recording of bytes, characters beyond ASCII are looked for as UTF-8. Raises ``InputError`` where there is none.
    """
    if not text or occurrence < 0:
        raise InputError("give a text of at least one character, and the number of its occurrence from 0 on")
    symbols = recording.vocabulary.symbols
    # A byte is the Latin-1 character of its value.
    wanted = {text, text.encode(errors="surrogateescape").decode("latin-1")}
    seen = 0
    pattern = re.compile("|".join(map(re.escape, sorted(wanted))))
    for sequence, tokens in sequences_of(recording):
        parts = [symbols[token] for token in tokens.tolist()]
        for found in pattern.finditer("".join(parts)):
            if seen == occurrence:
                ends = np.cumsum([len(part) for part in parts])
                start, stop = np.searchsorted(ends, [found.start(), found.end() - 1], side="right").tolist()
                return Phrase(sequence, start, stop + 1)
            seen += 1
    times = f"only {seen} times " if seen else "not "
    raise InputError(f"{text!r} is {times}in one sequence of the recording; give another text, or a place")


def sequences_of(recording: Recording) -> Iterator[tuple[int, Int[np.ndarray, " token"]]]:
    """Every sequence's number and tokens, one shard in memory at a time."""
    for shard in np.unique(recording.plan.shard).tolist():
        tokens = recording.shard(shard).column("token")
        part = recording.plan.part(shard)
        for sequence, row, length in zip(part.sequence, part.row, part.tokens, strict=True):
            yield int(sequence), tokens[row : row + length]
