"""Where chunks come from: a live model over a corpus, or the same written down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.site import Site
from unitscope.source.chunk import Chunk


@runtime_checkable
class Source(Protocol):
    """Activations of a model over a corpus. No analysis can tell a recording from a live model."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of model, corpus and the precision that is kept."""
        ...

    @property
    def sites(self) -> tuple[Site, ...]: ...

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def sequences(self) -> Sequence[int]:
        """The numbers of the sequences that are read."""
        ...

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        """One mapping ``site → chunk`` for each few sequences (all of them by default), in order.

        The chunks of one mapping are aligned: row t is the same token in each.
        """
        ...

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """One value per counted token of a sequence, by an annotation's or hypothesis's name; NaN where undefined."""
        ...

    def describe(self) -> dict[str, str]:
        """Provenance: model, corpus, precision."""
        ...


@dataclass(frozen=True)
class Subset:
    """Some sequences of a source: the half on which units are chosen, or the half that confirms them."""

    whole: Source
    sequences: Sequence[int]
    name: str

    @property
    def fingerprint(self) -> str:
        return f"{self.whole.fingerprint}:{self.name}"

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.whole.sites

    @property
    def vocabulary(self) -> Vocabulary:
        return self.whole.vocabulary

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        return self.whole.chunks(sites, labels, self.sequences if sequences is None else sequences)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        return self.whole.labels(name, sequence)

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), "part": self.name}
