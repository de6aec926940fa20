"""The same activations under other labels: labels that are remembered, or the control of labels from elsewhere."""

import bisect
import hashlib
import itertools
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.site import Site
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source

Says = Callable[[str, int], Float[Tensor, " token"]]
"""From the name of a label and a sequence's number to its values."""


@dataclass(frozen=True)
class Relabelled:
    """A source whose labels come from somewhere else."""

    whole: Source
    says: Says
    note: str = ""
    """What was done to the labels; empty if they are the source's own."""

    @property
    def name(self) -> str:
        return f"{self.whole.name}, {self.note}" if self.note else self.whole.name

    @property
    def fingerprint(self) -> str:
        own = self.whole.fingerprint
        return hashlib.sha256(f"{own} {self.note}".encode()).hexdigest() if self.note else own

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.whole.sites

    @property
    def vocabulary(self) -> Vocabulary:
        return self.whole.vocabulary

    @property
    def sequences(self) -> Sequence[int]:
        return self.whole.sequences

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        return self.says(name, sequence)

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        for chunks in self.whole.chunks(sites, (), sequences):
            first = next(iter(chunks.values()))
            numbers = torch.unique_consecutive(first.sequence).tolist()
            device = first.activations.device
            said = {name: torch.cat([self.says(name, n) for n in numbers]).to(device) for name in labels}
            yield {site: replace(chunk, labels=said) for site, chunk in chunks.items()}

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), **({"labels": self.note} if self.note else {})}


def shifted(source: Source, seed: int, groups: Mapping[int, int] | None = None) -> Relabelled:
    """The source with its labels moved round in a circle, each group of sequences by a number of tokens of its own.

    Groups are told by a number for each sequence, such as that of its document; each sequence is one if they are not
    given.
    """
    of = {number: number if groups is None else groups[number] for number in source.sequences}
    circles: list[Circle] = []  # one, once labels are asked

    def says(name: str, sequence: int) -> Float[Tensor, " token"]:
        if not circles:
            circles.append(Circle(of, lambda number: len(source.labels(name, number)), seed))
        return circles[0].read(sequence, lambda number: source.labels(name, number))

    return Relabelled(source, says, f"labels circularly shifted, seed {seed}")


class Circle:
    """The tokens of all sequences in a circle; each group of sequences reads it from a place of its own, as a control.

    Labels keep their frequencies and, within a group, their rhythm, and lose their tie to the activations, so what an
    analysis still finds it finds by chance. The circle has the ``groups`` (of each sequence) in the order of their
    numbers, which should have nothing to do with what they are. No group reads its own tokens where the circle has
    room. One turn for all would not do: texts of one length would keep the tie between what counts from their
    beginnings, such as a position and a unit that follows it.
    """

    def __init__(self, groups: Mapping[int, int], tokens: Callable[[int], int], seed: int) -> None:
        self._group = groups
        self._order = sorted(groups, key=groups.__getitem__)
        self._place = {number: at for at, number in enumerate(self._order)}
        # Tokens of the circle before each of its sequences, and all tokens.
        self._begins = list(itertools.accumulate(map(tokens, self._order), initial=0))
        self._turns: dict[int, int] = {}
        draw = random.Random(seed)
        whole = self._begins[-1]
        for group, members in itertools.groupby(self._order, groups.__getitem__):
            at = [self._place[number] for number in members]
            own = self._begins[at[-1] + 1] - self._begins[at[0]]
            self._turns[group] = draw.randrange(own, whole - own) if whole > 2 * own else draw.randrange(whole)

    def read(self, sequence: int, labels: Callable[[int], Float[Tensor, "token ..."]]) -> Float[Tensor, "token ..."]:
        """As many labels as the sequence has tokens, from where its group stands. ``labels`` gives each its own."""
        place = self._place[sequence]
        own = self._begins[place + 1] - self._begins[place]
        start = (self._begins[place] + self._turns[self._group[sequence]]) % self._begins[-1]
        at = bisect.bisect_right(self._begins, start) - 1
        values = labels(self._order[at])[start - self._begins[at] :]
        while len(values) < own:
            at += 1
            values = torch.cat([values, labels(self._order[at % len(self._order)])])
        return values[:own]


class LabelFile:
    """Labels of a source, computed when first asked for and then kept in a temporary file.

    Looking for findings reads the same labels in both halves, for every control and every pass. Use it in ``with``:
    the file goes at the end.
    """

    def __init__(self, source: Source, names: Sequence[str]) -> None:
        self._source = source
        self._rows = {name: row for row, name in enumerate(names)}
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed on exit
        self._places: dict[int, tuple[int, int]] = {}  # where a sequence begins in the file, and its tokens

    def __enter__(self) -> "LabelFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        if sequence not in self._places:
            table = torch.stack([self._source.labels(known, sequence) for known in self._rows]).float().numpy()
            self._places[sequence] = (self._file.seek(0, 2), table.shape[1])
            self._file.write(table.tobytes())
        start, tokens = self._places[sequence]
        self._file.seek(start + self._rows[name] * tokens * 4)
        return torch.from_numpy(np.frombuffer(bytearray(self._file.read(tokens * 4)), np.float32))
