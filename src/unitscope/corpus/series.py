"""Time series: values to forecast, and sequences with a label for the whole or for each step."""

import hashlib
import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.drives import NO_SYMBOL
from unitscope.corpus.place import DocumentText, WithoutText
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError


@dataclass(frozen=True, eq=False)
class SeriesCorpus(WithoutText):
    """Stretches of rows of numbers, each row a step. Stretches may overlap, as the windows of one long series do.

    Its labels are its channels by name, ``frames`` of one's own, and of sequences with classes a flag ``class=…`` each.
    """

    name: str
    values: Float[Tensor, "row channel"]
    targets: Int[Tensor, " row"] | Float[Tensor, " row"]
    """A class for each row, or a value to forecast."""
    spans: Sequence[tuple[int, int]]
    """First row and row after the last, of each sequence."""
    channels: tuple[str, ...]
    classes: tuple[str, ...] = ()
    last: bool = True
    """Whether only the last step of a sequence has a target."""
    frames: Mapping[str, Float[Tensor, " _"]] = field(default_factory=dict)
    """Labels of one's own, a value for each row, NaN where undefined."""
    kept: tuple[str, ...] | None = None
    """Channels whose values a recording keeps as labels, such as few of a spectrogram's; None for all."""
    names: tuple[str, ...] = ()
    """Of the sequences, such as the files that they come from; empty where they have none."""

    def __post_init__(self) -> None:
        for name, values in self.frames.items():
            if values.shape != self.values.shape[:1]:
                raise InputError(
                    f"{self.name}: the label {name} has {len(values):,} values for {len(self.values):,} rows"
                )
        if self.names and len(self.names) != len(self.spans):
            raise InputError(f"{self.name} has {len(self.spans):,} sequences, and {len(self.names):,} names of them")
        if unknown := [name for name in self.kept or () if name not in self.channels]:
            raise InputError(f"{self.name} has no channel {unknown[0]!r}; there are: {', '.join(self.channels[:20])}")

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.channels} {self.classes} {self.last} {list(self.spans)}".encode())
        for name, values in self.frames.items():
            digest.update(name.encode() + values.double().contiguous().numpy().tobytes())
        for part in (self.values, self.targets):
            digest.update(part.contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def vocabulary(self) -> Vocabulary:
        """The classes, and last the sign for a step that is no symbol."""
        return Vocabulary((*self.classes, NO_SYMBOL))

    @property
    def annotations(self) -> list[str]:
        kept = self.channels if self.kept is None else self.kept
        return [*kept, *self.frames, *(f"class={name}" for name in self.classes)]

    def __len__(self) -> int:
        return len(self.spans)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [self.spans[number][1] - self.spans[number][0] for number in sequences]

    def batch(self, sequences: Sequence[int]) -> Batch:
        lengths = self.lengths(sequences)
        missing = math.nan if self.targets.is_floating_point() else -1
        tokens = self.values.new_zeros(len(lengths), max(lengths), len(self.channels))
        targets = torch.full(tokens.shape[:2], missing, dtype=self.targets.dtype)
        for row, number in enumerate(sequences):
            start, stop = self.spans[number]
            tokens[row, : stop - start] = self.values[start:stop]
            first = stop - 1 if self.last else start
            targets[row, first - start : stop - start] = self.targets[first:stop]
        return Batch(
            tokens=tokens,
            targets=targets,
            context=torch.zeros(len(lengths), dtype=torch.long),
            lengths=torch.tensor(lengths),
            sequence=torch.tensor(list(sequences)),
        )

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        start, stop = self.spans[sequence]
        if name in self.frames:
            return self.frames[name][start:stop].float()
        if name in self.channels:
            return self.values[start:stop, self.channels.index(name)]
        if name not in self.annotations:
            raise InputError(f"{self.name} has no label {name!r}; there are: {', '.join(self.annotations)}")
        return (self.targets[start:stop] == self.classes.index(name.removeprefix("class="))).float()

    def describe(self) -> dict[str, str]:
        steps = sum(self.lengths(range(len(self))))
        return {
            "corpus": self.name,
            "sequences": f"{len(self):,} of {steps:,} steps in all, {len(self.channels)} channels",
            "content": self.fingerprint[:16],
        }

    def take(self, sequences: Sequence[int]) -> "SeriesCorpus":
        """Some of the sequences: a train or a test part."""
        names = tuple(self.names[number] for number in sequences) if self.names else ()
        return replace(self, spans=[self.spans[number] for number in sequences], names=names)

    def document(self, number: int) -> DocumentText:
        """A sequence as a document, by its name where it has one."""
        told = super().document(number)
        return replace(told, name=self.names[number]) if self.names else told


def read_table(path: Path | str) -> pd.DataFrame:
    """A CSV file, compressed or not. Names belong to the first values of a row; more values than names are left out.

    Raises ``InputError`` if it cannot be read as one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            # Without index_col, a row with one value too many would shift every name by one, unsaid.
            return pd.read_csv(path, index_col=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table of comma-separated values: {error}") from error


def forecasting(
    frame: pd.DataFrame,
    columns: Sequence[str],
    target: str | None = None,
    window: int = 24,
    train: float = 0.8,
    name: str = "series",
) -> tuple[SeriesCorpus, SeriesCorpus]:
    """Windows of a series, each with the value of ``target`` (default: the first column) that follows it.

    The first share of the series is the train part, the rest the test part; no window reaches from one into the
    other. Values are standardised by mean and deviation of the train part.
    Raises ``InputError`` for values that are missing or not numbers, a constant column, and too short a series.
    """
    table = numbers(frame, columns, name)  # [row channel]
    if not 0 < train < 1:
        raise InputError(f"the share of the train part lies between 0 and 1, not at {train}")
    cut = int(len(table) * train)
    if window < 1 or min(cut, len(table) - cut) <= window:
        raise InputError(
            f"{name} has {len(table)} rows, too few for windows of {window} in a train and a test part; "
            "take a shorter window"
        )
    mean, deviation = table[:cut].mean(axis=0), table[:cut].std(axis=0)
    _check_varies(deviation, columns, f"the train part of {name}")
    values = torch.from_numpy((table - mean) / deviation).float()
    wanted = columns.index(target or columns[0])
    following = torch.cat([values[1:, wanted], values.new_full((1,), math.nan)])

    def part(what: str, start: int, stop: int) -> SeriesCorpus:
        spans = [(first, first + window) for first in range(start, stop - window)]
        return SeriesCorpus(f"{name} ({what})", values, following, spans, tuple(columns))

    return part("train", 0, cut), part("test", cut, len(table))


def labelled(
    frame: pd.DataFrame,
    label: str,
    steps: int,
    classes: Sequence[str] | None = None,
    name: str = "sequences",
) -> SeriesCorpus:
    """One sequence for each row of a table: all columns but ``label``, cut into so many steps of equal width.

    ``classes`` are those that a model knows; without them, all that occur. Raises ``InputError`` for a label that
    is not among them, for values that are missing or not numbers, and for columns that cannot be cut so.
    """
    frame = frame.rename(columns=str)
    _check_columns(frame, [label], name)
    columns = [column for column in frame.columns if column != label]
    if steps < 1 or not columns or len(columns) % steps:
        raise InputError(f"{name}: {len(columns)} columns cannot be cut into {steps} steps of equal width")
    table = numbers(frame, columns, name)
    width = len(columns) // steps
    codes, known = _coded(frame[label], classes, name)
    return SeriesCorpus(
        name,
        torch.from_numpy(table.reshape(-1, width)).float(),
        codes.repeat_interleave(steps),
        [(row * steps, (row + 1) * steps) for row in range(len(frame))],
        tuple(f"channel {number}" for number in range(width)),
        known,
    )


def labelled_steps(
    frame: pd.DataFrame,
    sequence: str,
    columns: Sequence[str],
    label: str,
    classes: Sequence[str] | None = None,
    name: str = "sequences",
) -> SeriesCorpus:
    """One row for each step, with a label of its own; ``sequence`` names the column that tells sequences apart.

    Raises ``InputError`` as ``labelled`` does.
    """
    _check_columns(frame, [sequence, label], name)
    table = numbers(frame, columns, name)
    codes, known = _coded(frame[label], classes, name)
    ids = frame[sequence].to_numpy()
    edges = [0, *(np.nonzero(ids[1:] != ids[:-1])[0] + 1).tolist(), len(ids)]
    spans = list(itertools.pairwise(edges))
    return SeriesCorpus(name, torch.from_numpy(table).float(), codes, spans, tuple(columns), known, last=False)


def numbers(frame: pd.DataFrame, columns: Sequence[str], name: str) -> Float[np.ndarray, "row channel"]:
    """Columns as numbers. Raises ``InputError``, naming column and row, for what is none, and for a constant table."""
    _check_columns(frame, columns, name)
    if not len(frame):
        raise InputError(f"{name} has no rows")
    table = np.empty((len(frame), len(columns)))
    for place, column in enumerate(columns):
        table[:, place] = pd.to_numeric(frame[column], errors="coerce")
        wrong = np.nonzero(~np.isfinite(table[:, place]))[0]
        if len(wrong):
            raise InputError(
                f"{name}: {column} is {str(frame[column].iloc[wrong[0]])!r} in row {wrong[0]} and no finite number in "
                f"{len(wrong)} rows; fill or drop them first"
            )
    if len(frame) > 1:
        _check_varies(np.array([np.ptp(table)]), ["every column"], name)
    return table


def _check_columns(frame: pd.DataFrame, columns: Sequence[str], name: str) -> None:
    for column in columns:
        if column not in frame.columns:
            raise InputError(f"{name} has no column {column!r}; there are: {', '.join(map(str, frame.columns))}")


def _check_varies(spread: np.ndarray, columns: Sequence[str], name: str) -> None:
    for column, value in zip(columns, spread, strict=True):
        if value == 0:
            raise InputError(f"{name}: {column} is constant, so there is nothing to learn from it; leave it out")


def _coded(
    labels: "pd.Series[str]", classes: Sequence[str] | None, name: str
) -> tuple[Int[Tensor, " row"], tuple[str, ...]]:
    if labels.isna().any():
        raise InputError(f"{name}: the label is missing in {int(labels.isna().sum())} rows")
    texts = labels.astype(str)
    known = tuple(sorted(set(texts))) if classes is None else tuple(classes)
    unknown = sorted(set(texts) - set(known))
    if unknown:
        raise InputError(f"{name}: {unknown[0]!r} is a label that was not there in training; known: {', '.join(known)}")
    return torch.tensor([known.index(text) for text in texts]), known
