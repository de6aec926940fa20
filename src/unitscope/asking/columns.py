"""The labels of a question as they are folded: the same values for every pass, their flags, and their controls."""

import hashlib
import json
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.analyses._sketch import Sketch
from unitscope.asking.pieces import Side
from unitscope.files.jsons import parse
from unitscope.files.tensors import read_tensors, write_tensors
from unitscope.source.label_table import LabelTable
from unitscope.source.relabelled import Circle, Ring
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


VALUES, KEPT = "values.bin", "columns.safetensors"


@contextmanager
def columns(table: LabelTable, source: Source, sequences: Iterable[int]) -> Iterator["Columns"]:
    """Labels of a table over some sequences, computed once and kept in a temporary folder while it is open."""
    numbers = [k for k, kind in enumerate(table.kinds) if kind == "number"]
    sketch = Sketch(len(numbers), SIZE)
    made = hashlib.sha256()
    with tempfile.TemporaryDirectory(prefix="unitscope-labels-") as scratch:
        folder, index = Path(scratch), []
        with (folder / VALUES).open("wb") as file:
            for sequence in dict.fromkeys(sequences):
                labels = table.labels(sequence).float()
                if numbers:
                    sketch.add(labels[:, numbers])
                values = labels.T.contiguous().numpy()
                place = source.place(sequence)
                index.append((sequence, file.tell(), values.shape[1], place.document, place.start))
                made.update(values.data)
                file.write(values.data)
        places = torch.tensor(index, dtype=torch.int64).reshape(-1, 5)
        families = " ".join(map(str, table.families))
        words = {"names": json.dumps(table.names), "kinds": " ".join(table.kinds), "families": families}
        made.update(places.numpy().tobytes() + str(words).encode())
        cuts = torch.from_numpy(sketch.quantiles([0.5])[0]) if numbers else torch.zeros(0)
        tensors = {"places": places, "numbers": torch.tensor(numbers, dtype=torch.int64), "cuts": cuts}
        write_tensors(folder / KEPT, tensors, {**words, "values": made.hexdigest()})
        opened = Columns(folder)
        try:
            yield opened
        finally:
            opened.close()


class Columns:
    """Labels that ``columns`` computed. Another process can open the same while they are there."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    """``flag`` or ``number``."""
    families: str
    """A number for each, the same for labels that are defined at the same tokens, as ``Association`` has them."""
    digest: str
    """Of all their values."""
    cuts: dict[int, float]
    """Above which a number counts as flagged: its median."""

    def __init__(self, folder: Path) -> None:
        tensors, words = read_tensors(folder / KEPT, "ask again")
        self.folder = folder
        self.names, self.kinds = tuple(parse(words["names"], halves=True)), tuple(words["kinds"].split())
        self.families, self.digest = words["families"], words["values"]
        self.cuts = dict(zip(tensors["numbers"].tolist(), tensors["cuts"].tolist(), strict=True))
        places = tensors["places"].tolist()
        self._at = {sequence: (start, tokens) for sequence, start, tokens, _, _ in places}
        self._places = {sequence: (document, start) for sequence, _, _, document, start in places}
        self._file = (folder / VALUES).open("rb")
        self._row = {name: k for k, name in enumerate(self.names)}
        self._read = lru_cache(64)(self._load)
        self._level = lru_cache(4096)(self._mean)

    def close(self) -> None:
        self._file.close()

    def flags(self) -> tuple[str, ...]:
        """The name of each label as a flag."""
        return tuple(FLAG + name if k in self.cuts else name for k, name in enumerate(self.names))

    def values(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """A label, or a number as a flag."""
        k = self._row[name.removeprefix(FLAG)]
        values = torch.from_numpy(self._read(sequence)[k].copy())
        if name.startswith(FLAG):
            return torch.where(values.isnan(), torch.nan, (values > self.cuts[k]).float())
        return values

    def prevalence(self, sequences: Iterable[int]) -> Float[np.ndarray, " label"]:
        """Share of the tokens, where a label is defined, on which it holds, or is above its median; NaN for none."""
        cuts = np.array([self.cuts.get(k, 0.5) for k in range(len(self.names))])[:, None]
        on, known = np.zeros((2, len(self.names)))
        for number in sequences:
            values = self._read(number)
            on += (values > cuts).sum(1)
            known += (~np.isnan(values)).sum(1)
        with np.errstate(all="ignore"):
            share: np.ndarray = on / known
        return share

    def correlation(self, a: str, b: str, sequences: Iterable[int]) -> float:
        """Correlation of two labels, where both are defined."""
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
        """Labels of each control in place of the labels of one side."""
        members: dict[int, list[int]] = {}
        for sequence in sorted(side.sequences, key=lambda n: (side.bucket[n], *self._places[n])):
            members.setdefault(side.bucket[sequence], []).append(sequence)
        around = Circle(dict(side.bucket), lambda number: self._at[number][1], seed)
        order = list(members)
        partner = {own: order[(at + 1) % len(order)] for at, own in enumerate(order)}
        alone = {bucket: Ring(numbers, lambda number: self._at[number][1]) for bucket, numbers in members.items()}
        turns = {bucket: _turn(ring.tokens, seed + bucket) for bucket, ring in alone.items()}
        inside = {
            bucket: Starts(*((self._places[n][1], self._at[n][1]) for n in these)) for bucket, these in members.items()
        }

        def elsewhere(name: str, sequence: int) -> Tensor:
            return around.read(sequence, lambda number: self.values(name, number))

        def place(name: str, sequence: int) -> Tensor:
            start, length = self._places[sequence][1], self._at[sequence][1]
            found, open_ = torch.full((length,), torch.nan), torch.ones(length, dtype=torch.bool)
            bucket = partner[side.bucket[sequence]]
            for at in inside[bucket].over(start, length):
                other = members[bucket][at]
                begin = self._places[other][1] - start
                low, high = max(0, begin), min(length, begin + self._at[other][1])
                if bool(open_[low:high].any()):
                    values = self.values(name, other)[low - begin : high - begin]
                    found[low:high] = torch.where(open_[low:high], values, found[low:high])
                    open_[low:high] = False
                if not bool(open_.any()):
                    break
            return found

        def turned(name: str, sequence: int) -> Tensor:
            bucket = side.bucket[sequence]
            return alone[bucket].read(sequence, turns[bucket], lambda number: self.values(name, number))

        return {ELSEWHERE: elsewhere, PLACE: place, TURNED: turned}

    def _mean(self, name: str, sequences: tuple[int, ...]) -> float:
        """Mean of a label over some sequences, where it is defined."""
        values = torch.cat([self.values(name, number) for number in sequences])
        return float(values.double().nanmean())

    def _load(self, sequence: int) -> Float[np.ndarray, "label token"]:
        start, tokens = self._at[sequence]
        self._file.seek(start)
        count = len(self.names)
        return np.frombuffer(self._file.read(count * tokens * 4), np.float32).reshape(count, tokens)


def _turn(tokens: int, seed: int) -> int:
    """Between an eighth and seven eighths of a ring."""
    return int(np.random.default_rng(seed).integers(tokens // 8, max(tokens * 7 // 8, tokens // 8 + 1)))


class Starts:
    """Where some sequences stand in their documents: which of them reach into a stretch, the last first."""

    def __init__(self, *places: tuple[int, int]) -> None:
        self._sorted = sorted((start, at) for at, (start, _) in enumerate(places))
        self._ends = [start + tokens for start, tokens in places]
        self._longest = max((tokens for _, tokens in places), default=0)

    def over(self, start: int, length: int) -> list[int]:
        """Their numbers."""
        first = bisect_left(self._sorted, (start - self._longest + 1, -1))
        last = bisect_left(self._sorted, (start + length, -1))
        return sorted((at for _, at in self._sorted[first:last] if self._ends[at] > start), reverse=True)
