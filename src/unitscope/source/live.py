"""A model over a corpus, read as it runs. Needs no disk."""

import hashlib
import importlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.models.bind import bind, check_edits
from unitscope.models.buffers import shared
from unitscope.models.edit import Edit
from unitscope.models.model import Model
from unitscope.models.site import Site
from unitscope.source.chunk import Chunk
from unitscope.source.source import ALL, BATCH, Origin, Recipe, Source, batches, digest, labels_of, vocabulary_digest

ROOM = 1 << 30
"""Bytes of what a model reads or predicts over a batch, a number for each step and symbol, before the batch is divided:
with 100,000 symbols the usual batch of characters would take 29 GB."""
COPIES = 4
"""Of a site's values that are in memory while it is read and looked at."""


class Running(Source):
    """A source that has a corpus and runs a model whenever it is read; what it gives per batch is its own."""

    model: Model
    corpus: Corpus

    @abstractmethod
    def read(self, batch: Batch, sites: Sequence[str]) -> Mapping[str, Shaped[Tensor, "batch time unit"]]:
        """The values of some sites over a batch of the corpus that is on the model's device."""

    @property
    def model_origin(self) -> Origin:
        return Origin.of_model(self.model)

    @property
    def corpus_origin(self) -> Origin:
        return Origin.of(self.corpus)

    @property
    def vocabulary(self) -> Vocabulary:
        return self.corpus.vocabulary

    @property
    def annotations(self) -> tuple[str, ...]:
        return tuple(self.corpus.annotations)

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        wanted = self.sequences if sequences is None else sequences
        widest = max((site.units for site in self.sites if site.name in sites), default=0)
        for some in batches(wanted, self.batch_size):
            for numbers, batch in self._batches(some, widest):
                batch = batch.to(self.model.device)
                yield laid_out(self.read(batch, sites), batch, self.vocabulary, labels_of(self, labels, numbers))

    def _batches(self, numbers: Sequence[int], widest: int) -> Iterator[tuple[Sequence[int], Batch]]:
        """These sequences as one batch; as halves where a number for each step and symbol is more than ``ROOM``, or a
        few for each unit of the widest site, such as the latents of a sparse autoencoder.
        """
        batch = self.corpus.batch(numbers)
        steps = 0 if batch.tokens.is_floating_point() else batch.tokens.numel()
        if steps * max(len(self.vocabulary), COPIES * widest) * 4 <= ROOM or len(numbers) == 1:
            yield numbers, batch
        else:
            yield from self._batches(numbers[: len(numbers) // 2], widest)
            yield from self._batches(numbers[len(numbers) // 2 :], widest)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        return self.corpus.labels(name, sequence)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return self.corpus.lengths(sequences)

    def tokens(self, sequence: int) -> Int[np.ndarray, " token"]:
        batch = self.corpus.batch([sequence])
        return counted_tokens(batch, self.vocabulary).numpy()

    def content(self, sequences: Sequence[int]) -> str:
        """Input of the model, and the documents that labels are computed on: more text elsewhere changes nothing."""
        made = hashlib.sha256()
        for first in range(0, len(sequences), self.batch_size):
            numbers = sequences[first : first + self.batch_size]
            batch = self.corpus.batch(numbers)
            for values in (batch.tokens, batch.targets, batch.context, batch.lengths, batch.sequence):
                made.update(f"{values.dtype} {list(values.shape)}\n".encode() + values.contiguous().numpy().tobytes())
            for name in self.annotations:
                for number in numbers:
                    made.update(self.labels(name, number).double().numpy().tobytes())
        documents = {self.place(number).document for number in sequences}
        known = [self.document(number).digest for number in sorted(documents)]
        own = [self.model_origin.fingerprint, vocabulary_digest(self.vocabulary), repr(self.sites), *self._content()]
        return digest(made.hexdigest(), *known, *own)

    def place(self, sequence: int) -> Place:
        return self.corpus.place(sequence)

    def document(self, number: int) -> DocumentText:
        return self.corpus.document(number)


@dataclass(frozen=True, eq=False, repr=False)
class Live(Running):
    """A model over a corpus.

    ``batch_size`` sequences are run together, or fewer where there are many symbols; memory grows with it and with
    nothing else. Without ``sequences`` all of the corpus is read. With ``edits`` it is the edited model that is read:
    ablation is this and the analyses of ``output.loss``. Raises ``InputError`` for an edit that cannot be made: of a
    unit or label that does not exist, or in a window outside the sequences.
    """

    kind = "live"
    model: Model = field()
    corpus: Corpus = field()
    batch_size: int = BATCH
    edits: tuple[Edit, ...] = ()
    sequences: Sequence[int] = ALL
    opened: Recipe | None = None
    """How the model and the corpus were opened, where another process can do the same."""

    def __post_init__(self) -> None:
        if self.sequences is ALL:
            object.__setattr__(self, "sequences", range(len(self.corpus)))
        if self.edits:  # by its names the model opens without them
            object.__setattr__(self, "opened", None)
        if len(self.sequences) and not 0 <= min(self.sequences) <= max(self.sequences) < len(self.corpus):
            raise InputError(
                f"{self.corpus.name} has sequences 0 to {len(self.corpus) - 1}; {min(self.sequences)} to "
                f"{max(self.sequences)} were asked for"
            )
        if len(self.sequences):
            check_edits(self.edits, self.model, self.corpus, self.sequences)

    @property
    def name(self) -> str:
        edited = f", {len(self.edits)} edits" if self.edits else ""
        return f"{self.model.name} on {self.corpus.name}{edited}"

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.model.sites()

    def read(self, batch: Batch, sites: Sequence[str]) -> Mapping[str, Shaped[Tensor, "batch time unit"]]:
        return self.model.run(batch, sites, bind(self.edits, self.model, batch, self.corpus))

    def _content(self) -> Sequence[str]:
        return [repr(self.edits)]

    def untrained(self, seed: int) -> "Live":
        """The same corpus, read by the same architecture with fresh weights."""
        return replace(self, model=self.model.untrained(seed), opened=None)

    def describe(self) -> dict[str, str]:
        edited = {"edits": "; ".join(map(repr, self.edits))} if self.edits else {}
        return {**super().describe(), **edited}

    def recipe(self) -> Recipe:
        if self.edits:
            raise InputError(f"{self.name} has edits, which no recipe describes; record it")
        if self.opened is None:
            raise InputError(
                f"{self.model.name} was made in this process, so no other can open it; record it, or open it by a name "
                "with unitscope.open_live (a folder, hf:NAME, module.py:build)"
            )
        numbers = [int(number) for number in self.sequences]
        return {"kind": self.kind, "opened": self.opened, "batch_size": self.batch_size, "sequences": numbers}

    @classmethod
    def opened_by(cls, recipe: Recipe, opener: Callable[[Recipe], Source]) -> Source:
        # The one room that knows every kind of model and text stands above this one.
        kind = importlib.import_module("unitscope.opening.inputs").Inputs
        inputs = msgspec.convert(dict(recipe["opened"]), kind)
        live: Live = inputs.live(recipe["batch_size"])
        return replace(live, sequences=recipe["sequences"])


def counted_tokens(batch: Batch, vocabulary: Vocabulary) -> Int[Tensor, " token"]:
    """The counted tokens of a batch end to end. A step of a series is no symbol: it is the last of the vocabulary."""
    if batch.tokens.is_floating_point():
        return torch.full((int(batch.counted.sum()),), len(vocabulary) - 1, device=batch.tokens.device)
    return batch.tokens[batch.counted]


def laid_out(
    values: Mapping[str, Shaped[Tensor, "batch time unit"]],
    batch: Batch,
    vocabulary: Vocabulary,
    labels: Mapping[str, Float[Tensor, " token"]],
) -> dict[str, Chunk]:
    """Lay the counted steps of a batch end to end, the same rows for every site."""
    device = batch.tokens.device
    counted = list(zip(batch.context.tolist(), batch.lengths.tolist(), strict=True))

    whole = all(span == (0, batch.tokens.shape[1]) for span in counted)

    def laid(steps: Shaped[Tensor, "batch time unit"]) -> Shaped[Tensor, "token unit"]:
        if whole and steps.is_contiguous():  # the values are this reading's own, so there is nothing to copy
            return steps.flatten(0, 1)
        # Copying row by row takes a sixth of the time of picking out each step.
        rows = [row[start:stop] for row, (start, stop) in zip(steps, counted, strict=True)]
        return torch.cat(rows, out=shared().empty((len(tokens), steps.shape[2]), like=steps))

    tokens = counted_tokens(batch, vocabulary)
    sequence = batch.sequence.repeat_interleave(batch.lengths - batch.context)
    position = torch.cat([torch.arange(stop - start, device=device) for start, stop in counted])
    there = {name: said.to(device) for name, said in labels.items()}
    return {site: Chunk(laid(value), tokens, sequence, position, there, vocabulary) for site, value in values.items()}
