"""Pairs as two corpora, since the encoder and the decoder have steps of their own.

``SourceCorpus`` counts the steps of the sources, ``OutputCorpus`` those of the outputs. A row of the second begins with
its source as context, so a batch holds all that an encoder–decoder needs::

    source corpus:  011 t2 t2 .
    output corpus:  011 t2 t2 .   <start> 011 111
    targets:                      011     111 100

Both use one numbering of symbols: those that can be written, then ``<start>``, then those that are read. A symbol
on both sides (011) has two numbers, and a number says which side it is on.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.pairs import Pair, check_places
from unitscope.corpus.place import WithoutText
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

START = "<start>"

Label = Callable[[Pair], Sequence[float]]
"""One value for each counted step of a pair, NaN where it is undefined."""


@dataclass(frozen=True)
class PairVocabulary:
    """The symbols of either side, in the order of their numbers there."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> "PairVocabulary":
        """The distinct symbols of some pairs, sorted."""
        sources = {symbol for pair in pairs for symbol in pair.source}
        return cls(tuple(sorted(sources)), tuple(sorted({symbol for pair in pairs for symbol in pair.target})))

    @property
    def start(self) -> int:
        """The number of ``<start>``."""
        return len(self.targets)

    @cached_property
    def joint(self) -> Vocabulary:
        """Targets, ``<start>``, sources."""
        return Vocabulary((*self.targets, START, *self.sources))

    @cached_property
    def source_ids(self) -> dict[str, int]:
        return {symbol: self.start + 1 + number for number, symbol in enumerate(self.sources)}

    @cached_property
    def target_ids(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.targets)}

    def check(self, pair: Pair) -> None:
        """Raises ``InputError`` with file and line for a symbol that is not known, or a place beyond the source."""
        for side, symbols, known in (
            ("source", pair.source, self.source_ids),
            ("target", pair.target, self.target_ids),
        ):
            for symbol in symbols:
                if symbol not in known:
                    raise InputError(
                        f"{pair.where or pair.line()}: the {side} symbol {symbol!r} is not in the vocabulary; "
                        f"there are: {', '.join(known)}"
                    )
        check_places(pair)


@dataclass(frozen=True)
class _Side(WithoutText):
    """Sentences that both corpora share."""

    pairs: Sequence[Pair]
    symbols: PairVocabulary
    name: str = "pairs"
    own_labels: Mapping[str, Label] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.pairs:
            raise InputError(f"{self.name} has no pairs")
        for pair in self.pairs:
            self.symbols.check(pair)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def vocabulary(self) -> Vocabulary:
        return self.symbols.joint

    def describe(self) -> dict[str, str]:
        return {"corpus": self.name, "corpus size": f"{len(self):,} pairs"}

    def _digest(self, side: str) -> str:
        text = "\n".join([side, *self.symbols.joint.symbols, "", *(pair.line() for pair in self.pairs)])
        return hashlib.sha256(text.encode()).hexdigest()

    def _label(self, name: str, sequence: int, built_in: Mapping[str, Label]) -> Float[Tensor, " token"]:
        known = {**built_in, **self.own_labels}
        if name not in known:
            raise InputError(f"{self.name} has no label {name!r}; there are: {', '.join(known)}")
        return torch.tensor(known[name](self.pairs[sequence]), dtype=torch.float32)


class SourceCorpus(_Side):
    """The sources, one token per symbol. Nothing is predicted. ``symbol`` is a label: the token's number."""

    @property
    def annotations(self) -> tuple[str, ...]:
        return ("symbol", *self.own_labels)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the pairs and the numbering."""
        return self._digest("source")

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self.pairs[number].source) for number in sequences]

    def batch(self, sequences: Sequence[int]) -> Batch:
        lengths = torch.tensor(self.lengths(sequences), dtype=torch.int64)
        tokens = torch.zeros(len(lengths), max([0, *lengths.tolist()]), dtype=torch.int64)
        for row, number in enumerate(sequences):
            ids = [self.symbols.source_ids[symbol] for symbol in self.pairs[number].source]
            tokens[row, : len(ids)] = torch.tensor(ids)
        return Batch(
            tokens=tokens,
            targets=torch.full_like(tokens, -1),
            context=torch.zeros_like(lengths),
            lengths=lengths,
            sequence=torch.tensor([int(number) for number in sequences], dtype=torch.int64),
        )

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        ids = self.symbols.source_ids
        return self._label(name, sequence, {"symbol": lambda pair: [ids[symbol] for symbol in pair.source]})


class OutputCorpus(_Side):
    """The outputs after their sources. A token is what has been written before, ``<start>`` first.

    Labels of a step: ``target`` is the number of the symbol to write, ``attended`` that of the source symbol to attend
    to, ``same-place`` that of the source symbol at the same place (NaN where the pair does not say, or has none).
    """

    @property
    def annotations(self) -> tuple[str, ...]:
        return ("target", "attended", "same-place", *self.own_labels)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the pairs and the numbering."""
        return self._digest("output")

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self.pairs[number].target) for number in sequences]

    def batch(self, sequences: Sequence[int]) -> Batch:
        pairs = [self.pairs[number] for number in sequences]
        context = torch.tensor([len(pair.source) for pair in pairs], dtype=torch.int64)
        lengths = context + torch.tensor([len(pair.target) for pair in pairs], dtype=torch.int64)
        tokens = torch.zeros(len(pairs), max([0, *lengths.tolist()]), dtype=torch.int64)
        targets, attend = torch.full_like(tokens, -1), torch.full_like(tokens, -1)
        for row, pair in enumerate(pairs):
            first, last = len(pair.source), len(pair.source) + len(pair.target)
            source = [self.symbols.source_ids[symbol] for symbol in pair.source]
            target = [self.symbols.target_ids[symbol] for symbol in pair.target]
            tokens[row, :last] = torch.tensor([*source, self.symbols.start, *target[:-1]])
            targets[row, first:last] = torch.tensor(target)
            if pair.attention:
                attend[row, first:last] = torch.tensor(pair.attention)
        return Batch(
            tokens=tokens,
            targets=targets,
            context=context,
            lengths=lengths,
            sequence=torch.tensor([int(number) for number in sequences], dtype=torch.int64),
            attend=attend,
        )

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        symbols = self.symbols

        def attended(pair: Pair) -> list[float]:
            if not pair.attention:
                return [float("nan")] * len(pair.target)
            return [float(symbols.source_ids[pair.source[place]]) for place in pair.attention]

        def same_place(pair: Pair) -> list[float]:
            known = [float(symbols.source_ids[symbol]) for symbol in pair.source[: len(pair.target)]]
            return known + [float("nan")] * (len(pair.target) - len(known))

        built_in: Mapping[str, Label] = {
            "target": lambda pair: [symbols.target_ids[symbol] for symbol in pair.target],
            "attended": attended,
            "same-place": same_place,
        }
        return self._label(name, sequence, built_in)
