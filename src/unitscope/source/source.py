"""Where chunks come from: the whole contract of a source, whatever kind it is.

A model over a corpus, a recording, arrays from elsewhere, a part of these, these under other labels or with units
ablated: whoever reads a source cannot tell which it is, and need not. Laws, tested for every kind:

- an empty list of sequences is empty; chunks of any division are the whole
- labels have a value for each token; tokens and lengths are those of the chunks
- fingerprints differ where content differs
- written down with ``record`` and read again it is the same; another process can open it by its ``recipe``
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.corpus import Corpus
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.models.check.check import Check
from unitscope.models.model import Model
from unitscope.models.site import Site
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Shown, Table, View

BATCH = 64
"""Sequences of a chunk, unless it is said."""
ALL: Sequence[int] = range(-1, -1)
"""In place of the numbers of sequences: all that there are. An empty list is none."""
Recipe = Mapping[str, Any]
"""Plain JSON values by which another process opens the same source (``unitscope.source.recipe``)."""


@dataclass(frozen=True)
class Origin:
    """Origin of a source: a model, or a corpus."""

    name: str
    fingerprint: str
    """Hexadecimal SHA-256 of its content."""
    description: dict[str, str]
    check: Check | None = None
    """Of a model: what was found out by running it."""

    @classmethod
    def of(cls, corpus: Corpus) -> "Origin":
        return cls(corpus.name, corpus.fingerprint, corpus.describe())

    @classmethod
    def of_model(cls, model: Model) -> "Origin":
        return cls(model.name, model.fingerprint, model.describe(), model.checked)


KINDS: "dict[str, type[Source]]" = {}
"""Sources that another process can open, by the kind of their recipes."""


class Source(Shown, ABC):
    """Activations over numbered sequences of tokens, with what is known of each token."""

    kind: ClassVar[str] = ""
    """What its recipes are called; empty where no other process can open it."""
    model: Model | None = None
    """The model, where it is at hand."""
    corpus: Corpus | None = None
    """What the model reads, where it is at hand."""

    @property
    @abstractmethod
    def model_origin(self) -> Origin:
        """The model that was read."""

    @property
    @abstractmethod
    def corpus_origin(self) -> Origin:
        """Fingerprint of the tokens; equal fingerprints mean the same tokens in the same sequences."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def sites(self) -> tuple[Site, ...]: ...

    @property
    @abstractmethod
    def vocabulary(self) -> Vocabulary: ...

    @property
    @abstractmethod
    def sequences(self) -> Sequence[int]:
        """The numbers of the sequences that are read, ascending."""

    @abstractmethod
    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        """One mapping ``site → chunk`` for each few sequences, in order: all of them, or these; none if these are none.

        The chunks of one mapping are aligned: row t is the same token in each. Raises ``InputError`` for a site that
        does not exist and for an unknown label.
        """

    def some_units(
        self,
        chosen: Mapping[str, Int[np.ndarray, " unit"]],
        labels: Sequence[str] = (),
        sequences: Sequence[int] | None = None,
    ) -> Iterator[dict[str, Chunk]]:
        """The same of some units of some sites, by their numbers. A source that keeps units apart reads no others."""
        every = {site.name: site.units for site in self.sites}
        for chunks in self.chunks(list(chosen), labels, sequences):
            yield {
                name: chunk
                if len(chosen[name]) == every[name]
                else replace(chunk, activations=chunk.activations[:, torch.from_numpy(chosen[name])])
                for name, chunk in chunks.items()
            }

    @abstractmethod
    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """One value per counted token of a sequence, by the name of an annotation or label; NaN where undefined.

        Raises ``InputError`` for an unknown name and lists the known ones.
        """

    @abstractmethod
    def lengths(self, sequences: Sequence[int]) -> list[int]:
        """Counted tokens of each of these sequences."""

    @abstractmethod
    def tokens(self, sequence: int) -> Int[np.ndarray, " token"]:
        """The counted tokens of a sequence, as numbers of the vocabulary."""

    @abstractmethod
    def place(self, sequence: int) -> Place:
        """The document in which a sequence stands, and where it begins there."""

    @abstractmethod
    def document(self, number: int) -> DocumentText:
        """A document by its number: name, digest of the content, and text where there is one."""

    @property
    @abstractmethod
    def annotations(self) -> tuple[str, ...]:
        """Names of the labels that cannot be asked of the text: a recording keeps their values."""

    @abstractmethod
    def _content(self) -> Sequence[str]:
        """Further content of this kind of source beside origins, sites, symbols and sequences, for its fingerprint."""

    def __init_subclass__(cls) -> None:
        if cls.kind:
            if cls.kind in KINDS and KINDS[cls.kind].__qualname__ != cls.__qualname__:
                raise TypeError(f"two sources are called {cls.kind!r}: {KINDS[cls.kind].__name__} and {cls.__name__}")
            KINDS[cls.kind] = cls

    @classmethod
    def opened_by(cls, recipe: Recipe, opener: "Callable[[Recipe], Source]") -> "Source":
        """The source of a recipe of this kind; ``opener`` opens those that it is made of."""
        raise NotImplementedError(cls.kind)

    def recipe(self) -> Recipe:
        """Recipe by which another process opens it. Raises ``InputError`` where only this one can."""
        raise InputError(f"{self.name} lives in this process only; record it, and let others open the recording")

    def content(self, sequences: Sequence[int]) -> str:
        """Digest of everything that can be read of these sequences: where it is equal, nothing need be read again.

        A kind of source that can grow leaves out of it what other sequences hold.
        """
        return digest(self.fingerprint, digest_of_numbers(sequences))

    def __repr__(self) -> str:
        units = sum(site.units for site in self.sites if site.kind != "prediction")
        return (
            f"<{type(self).__name__} {self.name}: {len(self.sequences):,} sequences, {units:,} units of "
            f"{len(self.sites)} sites>"
        )

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        rows = [[key, value] for key, value in self.describe().items()]
        rows.append(["sites", ", ".join(f"{site.name} ({site.units})" for site in self.sites)])
        return repr(self)[1:-1], [Table("", [Field("what", "text"), Field("value", "text")], rows)]

    @property
    def batch_size(self) -> int:
        """Sequences of a chunk, at most."""
        return BATCH

    @property
    def opened(self) -> Recipe | None:
        """By which names the model and the text behind it were opened, where they were."""
        return None

    def describe(self) -> dict[str, str]:
        """Provenance: model, corpus, precision."""
        return {**self.model_origin.description, **self.corpus_origin.description}

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of all that can be read of it."""
        return digest(
            type(self).__name__,
            self.model_origin.fingerprint,
            self.corpus_origin.fingerprint,
            repr(self.sites),
            vocabulary_digest(self.vocabulary),
            digest_of_numbers(self.sequences),
            *self._content(),
        )

    def site_named(self, name: str) -> Site:
        """A site by its name. Raises ``InputError`` where there is none, and lists them."""
        for site in self.sites:
            if site.name == name:
                return site
        raise InputError(f"{self.name} has no site {name!r}; there are: {', '.join(site.name for site in self.sites)}")


@dataclass(frozen=True, eq=False, repr=False)
class Over(Source):
    """Another source, seen in another way: everything that is not changed is its own."""

    whole: Source

    @property
    def model_origin(self) -> Origin:
        return self.whole.model_origin

    @property
    def corpus_origin(self) -> Origin:
        return self.whole.corpus_origin

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.whole.sites

    @property
    def vocabulary(self) -> Vocabulary:
        return self.whole.vocabulary

    @property
    def sequences(self) -> Sequence[int]:
        return self.whole.sequences

    @property
    def batch_size(self) -> int:
        return self.whole.batch_size

    @property
    def opened(self) -> Recipe | None:
        return self.whole.opened

    @property
    def annotations(self) -> tuple[str, ...]:
        return self.whole.annotations

    @property
    def model(self) -> Model | None:  # type: ignore[override]
        return self.whole.model

    @property
    def corpus(self) -> Corpus | None:  # type: ignore[override]
        return self.whole.corpus

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        return self.whole.chunks(sites, labels, self.sequences if sequences is None else sequences)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        return self.whole.labels(name, sequence)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return self.whole.lengths(sequences)

    def tokens(self, sequence: int) -> Int[np.ndarray, " token"]:
        return self.whole.tokens(sequence)

    def place(self, sequence: int) -> Place:
        return self.whole.place(sequence)

    def document(self, number: int) -> DocumentText:
        return self.whole.document(number)

    def describe(self) -> dict[str, str]:
        return self.whole.describe()


def batches(sequences: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """So many sequences at a time, or a few less so that all are alike: a small last batch costs more by the token."""
    count = -(-len(sequences) // size)
    for number in range(count):
        yield sequences[len(sequences) * number // count : len(sequences) * (number + 1) // count]


def labels_of(source: Source | Corpus, names: Sequence[str], sequences: Sequence[int]) -> dict[str, Tensor]:
    """Labels ``[token]`` of sequences laid end to end, by name."""
    return {
        name: torch.cat([source.labels(name, number) for number in sequences] or [torch.empty(0)]) for name in names
    }


def digest(*parts: str) -> str:
    """Hexadecimal SHA-256 of some texts; no two lists of texts have the same."""
    made = hashlib.sha256()
    for part in parts:
        content = part.encode(errors="surrogatepass")
        made.update(f"{len(content)}:".encode() + content)
    return made.hexdigest()


@lru_cache(maxsize=4)
def vocabulary_digest(vocabulary: Vocabulary) -> str:
    """Digest of the symbols in their order, made once: of 50,000 it takes a tenth of a second."""
    return digest(*vocabulary.symbols)


def digest_of_numbers(numbers: Sequence[int]) -> str:
    """Digest of whole numbers in their order."""
    return hashlib.sha256(np.asarray(numbers, dtype="<i8").tobytes()).hexdigest()
