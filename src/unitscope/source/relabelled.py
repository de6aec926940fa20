"""The same activations under other labels: labels that are remembered, or the control of labels from elsewhere."""

import bisect
import itertools
import random
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.place import DocumentText
from unitscope.source.chunk import Chunk
from unitscope.source.source import Over, Recipe, Source, labels_of

Says = Callable[[str, int], Float[Tensor, " token"]]
"""From the name of a label and a sequence's number to its values."""


class OtherLabels(Over):
    """A source whose labels are not its own. Its documents have no text, since labels asked of it would differ."""

    @abstractmethod
    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """The other labels."""

    def document(self, number: int) -> DocumentText:
        return replace(self.whole.document(number), text=None)

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        for chunks in self.whole.chunks(sites, (), self.sequences if sequences is None else sequences):
            first = next(iter(chunks.values()))
            numbers = torch.unique_consecutive(first.sequence).tolist()
            device = first.activations.device
            said = {name: values.to(device) for name, values in labels_of(self, labels, numbers).items()}
            yield {site: replace(chunk, labels=said) for site, chunk in chunks.items()}


@dataclass(frozen=True, eq=False)
class Relabelled(OtherLabels):
    """A source whose labels come from a function.

    ``note`` says what was done to the labels and tells two such sources from each other; empty if the labels are the
    source's own, only remembered: then the text stays.
    """

    says: Says
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.whole.name}, {self.note}" if self.note else self.whole.name

    def _content(self) -> Sequence[str]:
        return [self.whole.fingerprint, self.note]

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        return self.says(name, sequence)

    def document(self, number: int) -> DocumentText:
        return super().document(number) if self.note else self.whole.document(number)

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), **({"labels": self.note} if self.note else {})}


@dataclass(frozen=True, eq=False)
class Shifted(OtherLabels):
    """A source whose labels are moved round in a circle, each group of sequences by a number of tokens of its own.

    ``groups`` has a number for each sequence, such as that of its document; each sequence is one if it is not given.
    """

    kind = "shifted"
    seed: int
    groups: Mapping[int, int] | None = None

    @property
    def name(self) -> str:
        return f"{self.whole.name}, {self._note}"

    @property
    def _note(self) -> str:
        return f"labels circularly shifted, seed {self.seed}"

    def _content(self) -> Sequence[str]:
        return [self.whole.fingerprint, str(self.seed), repr(sorted(self._groups.items()))]

    @cached_property
    def _groups(self) -> Mapping[int, int]:
        return {number: number if self.groups is None else self.groups[number] for number in self.sequences}

    @cached_property
    def _circle(self) -> "Circle":
        return Circle(self._groups, lambda number: self.whole.lengths([number])[0], self.seed)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        return self._circle.read(sequence, lambda number: self.whole.labels(name, number))

    def recipe(self) -> Recipe:
        groups = [[int(number), int(group)] for number, group in self._groups.items()]
        return {"kind": self.kind, "whole": self.whole.recipe(), "seed": self.seed, "groups": groups}

    @classmethod
    def opened_by(cls, recipe: Recipe, opener: Callable[[Recipe], Source]) -> Source:
        return cls(opener(recipe["whole"]), int(recipe["seed"]), {int(n): int(g) for n, g in recipe["groups"]})

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), "labels": self._note}


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
        order = sorted(groups, key=groups.__getitem__)
        self._ring = Ring(order, tokens)
        self._turns: dict[int, int] = {}
        draw = random.Random(seed)
        whole = self._ring.tokens
        for group, members in itertools.groupby(order, groups.__getitem__):
            own = sum(map(tokens, members))
            self._turns[group] = draw.randrange(own, whole - own) if whole > 2 * own else draw.randrange(whole)

    def read(self, sequence: int, labels: Callable[[int], Float[Tensor, "token ..."]]) -> Float[Tensor, "token ..."]:
        """As many labels as the sequence has tokens, from where its group stands. ``labels`` gives each its own."""
        return self._ring.read(sequence, self._turns[self._group[sequence]], labels)


class Ring:
    """The tokens of some sequences one behind the other, the first again after the last."""

    def __init__(self, order: Sequence[int], tokens: Callable[[int], int]) -> None:
        self._order = list(order)
        self._place = {number: at for at, number in enumerate(self._order)}
        # Tokens before each sequence, and all tokens.
        self._begins = list(itertools.accumulate(map(tokens, self._order), initial=0))

    @property
    def tokens(self) -> int:
        """All of them."""
        return self._begins[-1]

    def read(
        self, sequence: int, turn: int, labels: Callable[[int], Float[Tensor, "token ..."]]
    ) -> Float[Tensor, "token ..."]:
        """As many labels as the sequence has tokens, from ``turn`` tokens after its own."""
        place = self._place[sequence]
        own = self._begins[place + 1] - self._begins[place]
        start = (self._begins[place] + turn) % self._begins[-1]
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
