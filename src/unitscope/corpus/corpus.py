"""The contract of a corpus: numbered sequences that can be read in any order."""

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.vocabulary import Vocabulary


@runtime_checkable
class Corpus(Protocol):
    """Sequences of tokens with their text. Sequences are independent: a model starts each one afresh.

    Because any sequence can be asked for by its number, halves, shards, resumed runs and many
    machines are all the same thing: a list of numbers. A corpus never has to fit in memory.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the content and of how it is cut into sequences."""
        ...

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def annotations(self) -> Collection[str]:
        """Names of the labels that only this corpus can give: a recording keeps their values."""
        ...

    def __len__(self) -> int:
        """Number of sequences."""
        ...

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        """Counted tokens of each sequence (context left out)."""
        ...

    def batch(self, sequences: Sequence[int]) -> Batch:
        """These sequences, padded to the longest."""
        ...

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """One value per counted token of a sequence, by the name of an annotation or hypothesis.

        NaN where the label is undefined. Raises ``InputError`` for an unknown name and lists the known ones.
        """
        ...

    def place(self, sequence: int) -> Place:
        """The document in which a sequence stands, and where it begins there."""
        ...

    def document(self, number: int) -> DocumentText:
        """A document by its number: name, digest of the content, and text where there is one."""
        ...

    def describe(self) -> dict[str, str]:
        """Description of the data for provenance: files, sizes, cut."""
        ...
