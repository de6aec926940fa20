"""Where a sequence stands: the document that it lies in, and what is known of that document."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from unitscope.corpus.batch import Batch


@dataclass(frozen=True)
class Place:
    """A document by its number, and where in it a sequence begins."""

    document: int
    start: int
    """Tokens of the document before the sequence's first counted one."""


@dataclass(frozen=True)
class DocumentText:
    """A document as evidence: documents of one digest are the same, whatever they are called."""

    name: str
    digest: str
    """Hexadecimal SHA-256 of its content."""
    text: str | None = None
    """One character per token, unless an annotation says which characters a token stands for; None where there is no
    text."""
    whole: str = ""
    """What it is a piece of, if anything: pieces of one whole are no independent evidence."""


def text_digest(text: str) -> str:
    """Digest of a text, the same whether its characters are letters or bytes."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


class WithoutText(ABC):
    """The documents of a corpus without text: each sequence is one of its own."""

    @abstractmethod
    def batch(self, sequences: Sequence[int]) -> Batch:
        """Tokens that the model reads."""

    def place(self, sequence: int) -> Place:
        """Where a sequence stands."""
        return Place(int(sequence), 0)

    def document(self, number: int) -> DocumentText:
        """A sequence as a document; its digest is of what the model reads."""
        tokens = self.batch([number]).tokens.contiguous()
        digest = hashlib.sha256(f"{tokens.dtype} {list(tokens.shape)}".encode() + tokens.numpy().tobytes())
        return DocumentText(f"sequence {number + 1}", digest.hexdigest())
