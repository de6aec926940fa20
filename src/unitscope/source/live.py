"""A model over a corpus, read as it runs. Needs no disk."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from unitscope.corpus.annotated import HasText
from unitscope.corpus.batch import Batch
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.bind import bind, check_edits
from unitscope.models.edit import Edit
from unitscope.models.model import Model
from unitscope.models.site import Site
from unitscope.source.chunk import Chunk


@dataclass(frozen=True)
class Live:
    """A source that runs the model whenever it is read.

    ``batch_size`` sequences are run together; memory grows with it and with nothing else.
    With ``edits`` it is the edited model that is read: ablation is this and the analyses of ``output.loss``.
    Raises ``InputError`` for an edit that cannot be made: of a unit or label that does not exist, or in a window
    outside the sequences.
    """

    model: Model
    corpus: Corpus
    batch_size: int = 64
    edits: tuple[Edit, ...] = ()
    sequences: Sequence[int] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if not len(self.sequences):
            object.__setattr__(self, "sequences", range(len(self.corpus)))
        check_edits(self.edits, self.model, self.corpus, self.sequences)

    @property
    def name(self) -> str:
        return f"{self.model.name} on {self.corpus.name}"

    @property
    def fingerprint(self) -> str:
        parts = [self.model.fingerprint, self.corpus.fingerprint, repr(self.edits)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.model.sites()

    @property
    def vocabulary(self) -> Vocabulary:
        return self.corpus.vocabulary

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        wanted = self.sequences if sequences is None else sequences
        for first in range(0, len(wanted), self.batch_size):
            numbers = wanted[first : first + self.batch_size]
            batch = self.corpus.batch(numbers).to(self.model.device)
            values = self.model.run(batch, sites, bind(self.edits, self.model, batch, self.corpus))
            yield chunks_of(values, batch, self.corpus, labels)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        return self.corpus.labels(name, sequence)

    def place(self, sequence: int) -> tuple[int, int]:
        """Document and first character of a sequence; where there is no text, each sequence is its own document."""
        if not isinstance(self.corpus, HasText):
            return sequence, 0
        window = self.corpus.window(sequence)
        return window.document, window.start

    def describe(self) -> dict[str, str]:
        return {**self.model.describe(), **self.corpus.describe()}


@runtime_checkable
class Labelled(Protocol):
    """A corpus or a source."""

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]: ...


def labels_of(source: Labelled, names: Sequence[str], sequences: Sequence[int]) -> dict[str, Float[Tensor, " token"]]:
    """Labels of sequences laid end to end."""
    return {name: torch.cat([source.labels(name, number) for number in sequences]) for name in names}


def chunks_of(values: dict[str, Tensor], batch: Batch, corpus: Corpus, labels: Sequence[str] = ()) -> dict[str, Chunk]:
    """Lay the counted steps of a batch end to end, the same rows for every site."""
    device = batch.tokens.device
    counted = list(zip(batch.context.tolist(), batch.lengths.tolist(), strict=True))

    def laid(steps: Shaped[Tensor, "batch time ..."]) -> Shaped[Tensor, "token ..."]:
        # Copying row by row takes a sixth of the time of picking out each step.
        return torch.cat([row[start:stop] for row, (start, stop) in zip(steps, counted, strict=True)])

    label_values = {
        name: values.to(device) for name, values in labels_of(corpus, labels, batch.sequence.tolist()).items()
    }
    sequence = batch.sequence.repeat_interleave(batch.lengths - batch.context)
    if batch.tokens.is_floating_point():
        # A step of a series is no symbol: the last one of its corpus's vocabulary says so.
        tokens = torch.full_like(sequence, len(corpus.vocabulary) - 1)
    else:
        tokens = laid(batch.tokens)
    position = torch.cat([torch.arange(stop - start, device=device) for start, stop in counted])
    return {
        site: Chunk(
            activations=laid(value),
            tokens=tokens,
            sequence=sequence,
            position=position,
            labels=label_values,
            vocabulary=corpus.vocabulary,
        )
        for site, value in values.items()
    }
