"""The same activations under other labels: labels that are remembered, or the control of labels from elsewhere."""

import hashlib
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
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


def shifted(source: Source, seed: int, circle: Sequence[int] | None = None) -> Relabelled:
    """The source with its labels moved round in a circle, by some sequences and some tokens.

    ``circle`` is the order of the sequences in the circle, their own if it is not given. Where neighbours are alike, as
    files in alphabetical order are, give an order in which they are not: else a small turn leaves much of the tie.
    Labels keep their frequencies and their autocorrelation and lose their tie to the activations, so what an
    analysis still finds it finds by chance.
    """
    order = list(source.sequences if circle is None else circle)
    place = {number: at for at, number in enumerate(order)}
    draw = random.Random(seed)
    turn = draw.randrange(1, len(order)) if len(order) > 1 else 0
    share = draw.random()

    def says(name: str, sequence: int) -> Float[Tensor, " token"]:
        own = len(source.labels(name, sequence))
        at = place[sequence] + turn
        values = source.labels(name, order[at % len(order)])
        start = int(share * min(own, len(values)))
        values = values[start:]
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
