"""The labels of a question as they are folded: the same values for every pass, their flags, and their controls."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import TracebackType

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.analyses._sketch import Sketch
from unitscope.asking.pieces import Side
from unitscope.source.label_table import LabelTable
from unitscope.source.relabelled import Circle
from unitscope.source.source import Source

BUCKET = "bucket of evidence"
FLAG = "above its median: "
DEVIATION = "less its mean in the document: "
ELSEWHERE, PLACE = "labels from elsewhere", "labels of the same place of another document"
TURNED, LEVEL = "labels turned within documents, whose level is taken off", "the level of documents alone"
CONTROLS = (ELSEWHERE, PLACE, TURNED, LEVEL)
"""What labels are taken from to see what is found where nothing is: each of these can fail in a way of its own.

From elsewhere in the circle: whether the counts keep their rate at all. The same place of another document: whether it
is the place in a document that unit and label share. Turned within each document, labels keep their level in it and
lose the tie to its tokens. With the level of each document taken off, nothing is left but the rhythm of both. With it,
what is found is what documents' levels make significant alone: where units tell kinds of documents apart that differ in
a label, that is no fault of the method, but nothing that is said of tokens either.
"""
SIZE = 4096


class Columns:
    """Labels of a table, computed once and kept in a temporary file while it is open (use it in ``with``)."""

    def __init__(self, table: LabelTable, source: Source, sequences: Iterable[int]) -> None:
        self.table = table
        self._source = source
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed on exit
        self._at: dict[int, tuple[int, int]] = {}
        numbers = [k for k, kind in enumerate(table.kinds) if kind == "number"]
        sketch = Sketch(len(numbers), SIZE)
        for sequence in dict.fromkeys(sequences):
            labels = table.labels(sequence).float()
            if numbers:
                sketch.add(labels[:, numbers])
            values = labels.T.contiguous().numpy()
            self._at[sequence] = (self._file.seek(0, 2), values.shape[1])
            self._file.write(values.tobytes())
        cuts = sketch.quantiles([0.5])[0] if numbers else np.zeros(0)
        self.cuts = {k: float(cut) for k, cut in zip(numbers, cuts, strict=True)}
        """Above which a number counts as flagged: its median."""
        self._row = {name: k for k, name in enumerate(table.names)}
        self._read = lru_cache(64)(self._load)
        self._level = lru_cache(4096)(self._mean)

    def __enter__(self) -> "Columns":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def flags(self) -> tuple[str, ...]:
        """The name of each label as a flag."""
        return tuple(FLAG + name if k in self.cuts else name for k, name in enumerate(self.table.names))

    def values(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """A label, or a number as a flag."""
        k = self._row[name.removeprefix(FLAG)]
        values = torch.from_numpy(self._read(sequence)[k].copy())
        if name.startswith(FLAG):
            return torch.where(values.isnan(), torch.nan, (values > self.cuts[k]).float())
        return values

    def prevalence(self, sequences: Iterable[int]) -> Float[np.ndarray, " label"]:
        """Share of the tokens, where a label is defined, on which it holds, or is above its median; NaN for none."""
        cuts = np.array([self.cuts.get(k, 0.5) for k in range(len(self.table))])[:, None]
        on, known = np.zeros((2, len(self.table)))
        for number in sequences:
            values = self._read(number)
            on += (values > cuts).sum(1)
            known += (~np.isnan(values)).sum(1)
        with np.errstate(all="ignore"):
            share: np.ndarray = on / known
        return share

    def correlation(self, a: str, b: str, sequences: Iterable[int]) -> float:
        """Of two labels, where both are defined."""
        sums, rows = np.zeros(6), [self._row[a], self._row[b]]
        for number in sequences:
            pair = self._read(number)[rows].astype(np.float64)
            x, y = pair[:, np.isfinite(pair).all(0)]
            sums += [len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()]
        n, sx, sy, sxx, syy, sxy = sums.tolist()
        with np.errstate(all="ignore"):
            spread = np.sqrt(np.float64(sxx / n - (sx / n) ** 2) * (syy / n - (sy / n) ** 2)) if n else np.nan
            return float((sxy / n - sx * sy / n**2) / spread) if n else float("nan")

    def says(self, side: Side, controls: Mapping[str, Callable[[str, int], Tensor]]) -> Callable[[str, int], Tensor]:
        """The labels of one side: their own, those of controls under ``CONTROL: NAME``, and the bucket."""

        def said(name: str, sequence: int) -> Tensor:
            if name == BUCKET:
                return torch.full((self._at[sequence][1],), float(side.bucket[sequence]))
            if name.startswith(DEVIATION):
                own = name.removeprefix(DEVIATION)
                return self.values(own, sequence) - self._level(own, tuple(documents[side.piece[sequence]]))
            for control, answer in controls.items():
                if name.startswith(f"{control}: "):
                    return answer(name.removeprefix(f"{control}: "), sequence)
            return self.values(name, sequence)

        documents: dict[int, list[int]] = {}
        for number, piece in side.piece.items():
            documents.setdefault(piece, []).append(number)
        return said

    def controls(self, side: Side, seed: int) -> dict[str, Callable[[str, int], Tensor]]:
        """What each control says in place of the labels of one side."""
        members: dict[int, list[int]] = {}
        for sequence in sorted(side.sequences, key=lambda n: (side.bucket[n], *self._place(n))):
            members.setdefault(side.bucket[sequence], []).append(sequence)
        around = Circle(dict(side.bucket), lambda number: self._at[number][1], seed)
        order = list(members)
        partner = {own: order[(at + 1) % len(order)] for at, own in enumerate(order)}
        alone = {
            bucket: Turned([(n, self._at[n][1]) for n in numbers], seed + bucket) for bucket, numbers in members.items()
        }

        def elsewhere(name: str, sequence: int) -> Tensor:
            return around.read(sequence, lambda number: self.values(name, number))

        def place(name: str, sequence: int) -> Tensor:
            start, length = self._place(sequence)[1], self._at[sequence][1]
            found = torch.full((length,), torch.nan)
            for other in members[partner[side.bucket[sequence]]]:
                begin = self._place(other)[1] - start
                if begin < length and begin + self._at[other][1] > 0:
                    values = self.values(name, other)
                    low, high = max(0, begin), min(length, begin + len(values))
                    found[low:high] = values[low - begin : high - begin]
            return found

        def turned(name: str, sequence: int) -> Tensor:
            return alone[side.bucket[sequence]].read(sequence, lambda number: self.values(name, number))

        return {ELSEWHERE: elsewhere, PLACE: place, TURNED: turned}

    def _mean(self, name: str, sequences: tuple[int, ...]) -> float:
        """Of a label over some sequences, where it is defined."""
        values = torch.cat([self.values(name, number) for number in sequences])
        return float(values.double().nanmean())

    def _place(self, sequence: int) -> tuple[int, int]:
        place = self._source.place(sequence)
        return place.document, place.start

    def _load(self, sequence: int) -> Float[np.ndarray, "label token"]:
        start, tokens = self._at[sequence]
        self._file.seek(start)
        count = len(self.table)
        return np.frombuffer(self._file.read(count * tokens * 4), np.float32).reshape(count, tokens)


class Turned:
    """The tokens of some sequences in a circle of their own, turned by between an eighth and seven eighths of it."""

    def __init__(self, sequences: Sequence[tuple[int, int]], seed: int) -> None:
        self._lengths = dict(sequences)
        self._begin = {}
        whole = 0
        for number, tokens in sequences:
            self._begin[number] = whole
            whole += tokens
        self._whole = whole
        self._by = int(np.random.default_rng(seed).integers(whole // 8, max(whole * 7 // 8, whole // 8 + 1)))

    def read(self, sequence: int, labels: Callable[[int], Tensor]) -> Tensor:
        """As many labels as the sequence has tokens, from so many tokens further on."""
        wanted = (torch.arange(self._lengths[sequence]) + self._begin[sequence] + self._by) % max(self._whole, 1)
        found = torch.empty(len(wanted))
        for number, begin in self._begin.items():
            here = (wanted >= begin) & (wanted < begin + self._lengths[number])
            if bool(here.any()):
                found[here] = labels(number)[wanted[here] - begin]
        return found
