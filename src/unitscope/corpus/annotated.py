"""Values of annotations and labels for a text, one document at a time.

A hypothesis is asked of a whole document, since what it says of a character may hang on the first of the file;
a sequence takes its part of the answer.
"""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from unitscope.corpus.place import DocumentText, Place, text_digest
from unitscope.errors import InputError
from unitscope.labels import find

KEPT = 1 << 18
"""Documents stay in memory while they have no more tokens than this together; a batch of 64 windows is a quarter."""
CHARACTER = "last-character"
"""The annotation that says where in its document the last character of a token stands; NaN where it has none."""
Annotation = Callable[[str], np.ndarray]
"""From the text of a document to one value per token: a flag, or a number with NaN where it is undefined."""


@dataclass(frozen=True)
class Window:
    """A sequence: tokens ``start`` to ``stop`` of a document, read from ``begin`` on."""

    document: int
    begin: int
    start: int
    stop: int


class WithText(ABC):
    """The documents of a corpus whose sequences are windows over texts with one character per token.

    Where a token is several characters, the annotation ``CHARACTER`` says which is its last. A recording keeps the
    documents, so that labels can be asked of them later without the corpus.
    """

    @abstractmethod
    def window(self, sequence: int) -> Window:
        """Where a sequence lies."""

    @abstractmethod
    def document_text(self, document: int) -> str:
        """All of a document."""

    def place(self, sequence: int) -> Place:
        """Where a sequence stands, in characters of its document."""
        window = self.window(sequence)
        return Place(window.document, window.start)

    def document(self, number: int) -> DocumentText:
        """A document by its number."""
        text = self.document_text(number)
        return DocumentText(self.document_name(number), text_digest(text), text)

    def document_name(self, document: int) -> str:
        """Name of a document."""
        return f"document {document + 1}"


@dataclass
class Asked:
    """A document in memory, and the answers so far."""

    text: str
    values: dict[str, np.ndarray] = field(default_factory=dict)


class Annotated:
    """Labels over documents. Memory holds the last few short documents, or one long one, with what was asked."""

    def __init__(self, text: Callable[[int], str], annotations: Mapping[str, Annotation] | None = None) -> None:
        self._text = text
        self._annotations = annotations or {}
        self._asked: OrderedDict[int, Asked] = OrderedDict()

    def labels(self, name: str, document: int, start: int, stop: int) -> Float[Tensor, " token"]:
        """The annotation, or else the hypothesis, of that name over a part of a document.

        Raises ``InputError`` for an unknown name, and for an annotation that does not give one value per character.
        """
        asked = self._load(document)
        if name not in asked.values:
            values = np.asarray((self._annotations.get(name) or find(name))(asked.text))
            if values.shape != (len(asked.text),):
                raise InputError(
                    f"{name} gave values of shape {values.shape} for a text of {len(asked.text):,} characters"
                )
            # A flag stays one byte per token as long as its document is in memory.
            asked.values[name] = values if values.dtype == np.bool_ else values.astype(np.float32)
        return torch.from_numpy(asked.values[name][start:stop].astype(np.float32))

    def table(
        self, names: Sequence[str], document: int, rows: slice | Int[np.ndarray, " token"]
    ) -> Float32[np.ndarray, "token name"]:
        """Several at once, at some characters of a document: as ``labels``, with one step in Python for each."""
        for name in names:
            self.labels(name, document, 0, 0)
        values = self._load(document).values
        return np.stack([values[name][rows].astype(np.float32) for name in names], 1)

    def at(self, name: str, document: int, character: Float[Tensor, " token"]) -> Float[Tensor, " token"]:
        """The same at single characters; NaN where there is none."""
        none = character.isnan()
        if bool(none.all()):
            return torch.full_like(character, torch.nan)
        low, high = int(character[~none].min()), int(character[~none].max())
        values = self.labels(name, document, low, high + 1)
        return torch.where(none, torch.nan, values[character.nan_to_num(low).long() - low])

    def _load(self, document: int) -> Asked:
        if document in self._asked:
            self._asked.move_to_end(document)
            return self._asked[document]
        asked = self._asked[document] = Asked(self._text(document))
        while len(self._asked) > 1 and sum(len(other.text) for other in self._asked.values()) > KEPT:
            self._asked.popitem(last=False)
        return asked
