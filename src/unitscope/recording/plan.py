"""Which sequences go into which shard: fixed by arithmetic before the first is run.

A shard is some whole batches, so an interrupted recording and a plain one run the same batches and write the same
bytes, and a live source that runs the same batches gives the same values.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError


@dataclass(frozen=True)
class Run:
    """Rows of a shard that follow each other."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True)
class Plan:
    """One row for each recorded sequence, ascending."""

    sequence: Int[np.ndarray, " sequence"]
    """Its number in the corpus."""
    tokens: Int[np.ndarray, " sequence"]
    shard: Int[np.ndarray, " sequence"]
    row: Int[np.ndarray, " sequence"]
    """Where its first token stands in its shard."""

    @classmethod
    def of(cls, corpus: Corpus, sequences: Sequence[int] | None, batch_size: int, shard_tokens: int) -> "Plan":
        """Fill each shard with whole batches until it has ``shard_tokens``."""
        numbers = np.arange(len(corpus)) if sequences is None else np.unique(np.asarray(sequences, dtype=np.int64))
        if not len(numbers):
            raise InputError(f"{corpus.name} has no sequences to record")
        if numbers[0] < 0 or numbers[-1] >= len(corpus):
            raise InputError(
                f"{corpus.name} has sequences 0 to {len(corpus) - 1}; {numbers[0]} to {numbers[-1]} were asked for"
            )
        tokens = np.zeros(len(numbers), np.int64)
        shard = np.zeros(len(numbers), np.int64)
        row = np.zeros(len(numbers), np.int64)
        number, filled = 0, 0
        for first in range(0, len(numbers), batch_size):
            batch = slice(first, first + batch_size)
            tokens[batch] = corpus.lengths(numbers[batch].tolist())
            if filled >= shard_tokens:
                number, filled = number + 1, 0
            shard[batch] = number
            row[batch] = filled + np.cumsum(tokens[batch]) - tokens[batch]
            filled += int(tokens[batch].sum())
        return cls(numbers, tokens, shard, row)

    @cached_property
    def digest(self) -> str:
        """Hexadecimal SHA-256 of all of it."""
        columns = (self.sequence, self.tokens, self.shard, self.row)
        return hashlib.sha256(b"".join(column.astype("<i8").tobytes() for column in columns)).hexdigest()

    @property
    def shards(self) -> int:
        return int(self.shard[-1]) + 1 if len(self.shard) else 0

    def part(self, shard: int) -> "Plan":
        """The rows of one shard."""
        rows = slice(*np.searchsorted(self.shard, [shard, shard + 1]))
        return Plan(self.sequence[rows], self.tokens[rows], self.shard[rows], self.row[rows])

    def only(self, shards: Sequence[int]) -> "Plan":
        """The rows of some shards."""
        rows = np.isin(self.shard, shards)
        return Plan(self.sequence[rows], self.tokens[rows], self.shard[rows], self.row[rows])

    def batches(self, size: int) -> Iterator[list[int]]:
        """The sequences' numbers, ``size`` at a time."""
        for first in range(0, len(self.sequence), size):
            yield self.sequence[first : first + size].tolist()

    def find(self, sequence: int) -> int:
        """The row of a sequence. Raises ``InputError`` where it was not recorded."""
        row = int(np.searchsorted(self.sequence, sequence))
        if row == len(self.sequence) or self.sequence[row] != sequence:
            raise InputError(f"sequence {sequence} is not in this recording of {len(self.sequence)} sequences")
        return row

    def runs(self, rows: Sequence[int]) -> list[Run]:
        """Where the tokens of these rows of the plan lie, in their order and in as few pieces as can be."""
        runs: list[Run] = []
        for row in rows:
            run = Run(int(self.shard[row]), int(self.row[row]), int(self.row[row] + self.tokens[row]))
            if runs and runs[-1].shard == run.shard and runs[-1].stop == run.start:
                run = Run(run.shard, runs.pop().start, run.stop)
            runs.append(run)
        return runs

    def to_parquet(self) -> memoryview:
        columns = {"sequence": self.sequence, "tokens": self.tokens, "shard": self.shard, "row": self.row}
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(columns), sink, compression="zstd")
        return memoryview(sink.getvalue())

    @classmethod
    def from_parquet(cls, data: bytes) -> "Plan":
        table = pq.read_table(pa.BufferReader(data))
        return cls(*(table[name].to_numpy() for name in ("sequence", "tokens", "shard", "row")))
