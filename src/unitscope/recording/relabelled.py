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
from unitscope.recording.chunk import Chunk
from unitscope.recording.source import Source

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
    given. The circle has the groups in the order of their numbers, which should have nothing to do with what they are.
    Labels keep their frequencies and, within a group, their rhythm, and lose their tie to the activations, so what an
    analysis still finds it finds by chance. No group gets labels of its own where the circle has room. One turn for
    all would not do: texts of one length would keep the tie between what counts from their beginnings, such as a
    position and a unit that follows it.
    """
    of = {number: number if groups is None else groups[number] for number in source.sequences}
    order = sorted(of, key=of.__getitem__)
    place = {number: at for at, number in enumerate(order)}
    begins: list[int] = []  # tokens of the circle before each of its sequences, and all tokens; once labels are asked
    turns: dict[int, int] = {}

    def lay(name: str) -> None:
        begins.extend(itertools.accumulate((len(source.labels(name, number)) for number in order), initial=0))
        draw = random.Random(seed)
        for group, members in itertools.groupby(order, of.__getitem__):
            at = [place[number] for number in members]
            own, whole = begins[at[-1] + 1] - begins[at[0]], begins[-1]
            turns[group] = draw.randrange(own, whole - own) if whole > 2 * own else draw.randrange(whole)

    def says(name: str, sequence: int) -> Float[Tensor, " token"]:
        if not turns:
            lay(name)
        first = begins[place[sequence]]
        own = begins[place[sequence] + 1] - first
        start = (first + turns[of[sequence]]) % begins[-1]
        at = bisect.bisect_right(begins, start) - 1
        values = source.labels(name, order[at])[start - begins[at] :]
        while len(values) < own:
            at += 1
            values = torch.cat([values, source.labels(name, order[at % len(order)])])
        return values[:own]

    return Relabelled(source, says, f"labels circularly shifted, seed {seed}")


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
