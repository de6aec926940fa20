"""Which sequences go into which shard: fixed by arithmetic before the first is run.

A shard is some whole batches, so an interrupted recording and a plain one run the same batches and write the same
bytes, and a live source that runs the same batches gives the same values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.digest import digest, digest_of
from unitscope.files.parquet import read_table, write_table
from unitscope.source.source import Source

PLAN = "sequences.parquet"
MEND = "record again with the same settings to restore it"

COLUMNS = ("sequence", "tokens", "shard", "row", "document", "start")
SCHEMA = pa.schema([(name, pa.int64()) for name in COLUMNS])


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
    document: Int[np.ndarray, " sequence"]
    """The document it stands in."""
    start: Int[np.ndarray, " sequence"]
    """Tokens of the document before it."""

    @classmethod
    def of(cls, source: Source, shard_tokens: int) -> "Plan":
        """Fill each shard with whole batches of the source until it has ``shard_tokens``."""
        numbers = np.unique(np.asarray(source.sequences, dtype=np.int64))
        if not len(numbers):
            raise InputError(f"{source.name} has no sequences to record")
        tokens, shard, row, document, start = np.zeros((5, len(numbers)), np.int64)
        number, filled = 0, 0
        for first in range(0, len(numbers), source.batch_size):
            batch = slice(first, first + source.batch_size)
            wanted = numbers[batch].tolist()
            tokens[batch] = source.lengths(wanted)
            if filled >= shard_tokens:
                number, filled = number + 1, 0
            shard[batch] = number
            row[batch] = filled + np.cumsum(tokens[batch]) - tokens[batch]
            filled += int(tokens[batch].sum())
            places = [source.place(sequence) for sequence in wanted]
            document[batch] = [place.document for place in places]
            start[batch] = [place.start for place in places]
        return cls(numbers, tokens, shard, row, document, start)

    @cached_property
    def digest(self) -> str:
        """Digest of the whole plan."""
        return digest(*(column.astype("<i8").tobytes() for column in self._columns().values()))

    @property
    def shards(self) -> int:
        return int(self.shard[-1]) + 1 if len(self.shard) else 0

    def part(self, shard: int) -> "Plan":
        """The rows of one shard."""
        rows = slice(*np.searchsorted(self.shard, [shard, shard + 1]))
        return self._take(rows)

    def only(self, shards: Sequence[int]) -> "Plan":
        """The rows of some shards."""
        return self._take(np.isin(self.shard, shards))

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

    def save(self, folder: Path) -> None:
        """Write the table, in one step."""
        write_table(folder / PLAN, pa.table(self._columns(), schema=SCHEMA))

    @classmethod
    def load(cls, folder: Path, expected: str, file: str | None = None) -> "Plan":
        """Read what ``save`` wrote. Raises ``InputError`` unless it has this digest, and its ``file`` that one."""
        if file is not None and digest_of(folder / PLAN) != file:
            raise damaged(folder / PLAN, "its content differs from what the manifest says", MEND)
        table = read_table(folder / PLAN, MEND, SCHEMA)
        plan = cls(**{field.name: np.asarray(table[field.name]) for field in fields(cls)})
        if plan.digest != expected:
            raise damaged(folder / PLAN, "its content differs from what the manifest says", MEND)
        if not plan._is_one():
            raise damaged(folder / PLAN, "its sequences do not lie end to end", MEND)
        return plan

    def _is_one(self) -> bool:
        """Whether sequences ascend and lie end to end in shards that follow each other."""
        step = np.diff(self.shard)
        after = np.where(step == 0, self.row[:-1] + self.tokens[:-1], 0)
        first = not len(self.shard) or (self.shard[0], self.row[0]) == (0, 0)
        least = min((column.min() for column in self._columns().values()), default=0) if len(self.shard) else 0
        return bool(
            first
            and least >= 0
            and (np.diff(self.sequence) > 0).all()
            and np.isin(step, (0, 1)).all()
            and (self.row[1:] == after).all()
        )

    def _columns(self) -> dict[str, np.ndarray]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _take(self, rows: slice | np.ndarray) -> "Plan":
        return Plan(**{name: column[rows] for name, column in self._columns().items()})
