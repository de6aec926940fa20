"""Text as the sub-words of a tokenizer, tied to its characters, so that hypotheses on characters still apply.

The label of a token is what holds at its last character: the moment when a model has read it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import CHARACTER, Annotated, Window, WithText
from unitscope.corpus.batch import Batch
from unitscope.corpus.dialect import Notes
from unitscope.corpus.place import DocumentText
from unitscope.corpus.text import TextCorpus
from unitscope.corpus.vocabulary import Vocabulary, note_lacking
from unitscope.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LENGTH = 256
CONTEXT = 64
IN_MEMORY = 16
"""Documents whose tokens are kept; a document has a million bytes at most."""


@dataclass(frozen=True)
class Encoded:
    """The tokens of a document."""

    ids: Int[np.ndarray, " token"]
    offsets: Int[np.ndarray, "token 2"]
    """First character of each token, and the one after its last; equal where a token stands for none."""


def vocabulary_of(tokenizer: "Tokenizer") -> Vocabulary:
    """The sub-words, each as it reads after a full stop: with a blank before it where a word begins."""
    size = tokenizer.get_vocab_size()
    anchor = tokenizer.encode(".", add_special_tokens=False).ids
    alone = len(tokenizer.decode(anchor, skip_special_tokens=False))
    texts = tokenizer.decode_batch([[*anchor, number] for number in range(size)], skip_special_tokens=False)
    return Vocabulary(tuple(text[alone:] for text in texts))


def unknown_of(tokenizer: "Tokenizer") -> int | None:
    """The number of the token that stands for what a tokenizer does not know; None where it knows everything."""
    sign = getattr(tokenizer.model, "unk_token", None)
    return tokenizer.token_to_id(sign) if sign else None


def last_characters(offsets: Int[np.ndarray, "token 2"]) -> Float[Tensor, " token"]:
    """Where the last character of each token stands; NaN for one that stands for no character."""
    ends = torch.from_numpy(offsets)
    return torch.where(ends[:, 0] < ends[:, 1], ends[:, 1].float() - 1, torch.nan)


class SubwordCorpus(WithText):
    """Windows of ``length`` sub-words over the documents of a text, each read after up to ``context`` before it.

    ``tokenizer`` is one of the tokenizers library (``tokenizer.backend_tokenizer`` in Transformers). The special tokens
    that it puts around a text stand around every window; they are read and never counted. The text must be one of
    characters. Raises ``InputError`` for anything else, and for a text without a token.
    """

    def __init__(self, text: TextCorpus, tokenizer: "Tokenizer", length: int = LENGTH, context: int = CONTEXT) -> None:
        if text.documents.unit != "characters":
            raise InputError("sub-words are made of characters; open the text with unit='characters'")
        if length < 1 or context < 0:
            raise InputError(f"sequences have at least 1 token and context at least 0, not {length} and {context}")
        self._text = text
        self._tokenizer = type(tokenizer).from_str(tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.length = length
        self.context = context
        around = self._tokenizer.encode("a")
        inner = [place for place, special in enumerate(around.special_tokens_mask) if not special]
        first, last = (inner[0], inner[-1] + 1) if inner else (0, 0)
        self.before, self.after = tuple(around.ids[:first]), tuple(around.ids[last:])
        """The special tokens around each window."""
        self._encoded = lru_cache(IN_MEMORY)(self._encode)
        self._annotated = Annotated(text.document_text, text.annotations)
        self.notes = Notes(list(text.notes.facts), Counter(text.notes.counts))
        unknown: Counter[str] = Counter()
        counts = [self._counted(number, unknown) for number in range(len(text.documents.entries))]
        note_lacking(unknown, max(sum(counts), 1), self._tokenizer.get_vocab_size(), text.name, self.notes)
        self._counts = np.array(counts, np.int64)
        self._firsts = np.concatenate([[0], np.cumsum(-(-self._counts // length))])
        if not len(self):
            raise InputError(f"{text.name} holds no token of this tokenizer; give more text")

    @property
    def name(self) -> str:
        return self._text.name

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary()

    @lru_cache(1)  # noqa: B019  one small table for as long as the corpus lives
    def _vocabulary(self) -> Vocabulary:
        return vocabulary_of(self._tokenizer)

    @property
    def annotations(self) -> Collection[str]:
        return (CHARACTER, *self._text.annotations)

    @property
    def fingerprint(self) -> str:
        cut = [self._text.documents.fingerprint, self.length, self.context, self._tokenizer.to_str()]
        return hashlib.sha256(json.dumps(cut).encode()).hexdigest()

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        cuts = [self.window(number) for number in sequences]
        return [cut.stop - cut.start for cut in cuts]

    def window(self, sequence: int) -> Window:
        """Where a sequence lies, in tokens of its document. Raises ``IndexError`` for a number that there is not."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequence {sequence} of {len(self)}")
        document = int(np.searchsorted(self._firsts, sequence, side="right")) - 1
        start = (int(sequence) - int(self._firsts[document])) * self.length
        stop = min(start + self.length, int(self._counts[document]))
        return Window(document, max(0, start - self.context), start, stop)

    def batch(self, sequences: Sequence[int]) -> Batch:
        cuts = [self.window(number) for number in sequences]
        around = len(self.before) + len(self.after)
        steps = max((cut.stop - cut.begin + around for cut in cuts), default=0)
        tokens = torch.zeros(len(cuts), steps, dtype=torch.int64)
        targets = torch.full_like(tokens, -1)
        for row, cut in enumerate(cuts):
            ids = torch.from_numpy(self._encoded(cut.document).ids)
            read = torch.tensor([*self.before, *ids[cut.begin : cut.stop].tolist(), *self.after])
            tokens[row, : len(read)] = read
            following = ids[cut.start + 1 : cut.stop + 1]  # one fewer at the end of a document
            first = len(self.before) + cut.start - cut.begin
            targets[row, first : first + len(following)] = following
        return Batch(
            tokens=tokens,
            targets=targets,
            context=torch.tensor([len(self.before) + cut.start - cut.begin for cut in cuts], dtype=torch.int64),
            lengths=torch.tensor([len(self.before) + cut.stop - cut.begin for cut in cuts], dtype=torch.int64),
            sequence=torch.tensor([int(number) for number in sequences], dtype=torch.int64),
            after=len(self.after),
        )

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """Value of a label at the last character of each token; NaN for one that stands for no character."""
        last = last_characters(self.offsets(sequence))
        return last if name == CHARACTER else self._annotated.at(name, self.window(sequence).document, last)

    def document_text(self, document: int) -> str:
        """All of a document."""
        return self._text.document_text(document)

    def document(self, number: int) -> DocumentText:
        """A document of the text."""
        return self._text.document(number)

    def offsets(self, sequence: int) -> Int[np.ndarray, "token 2"]:
        """The characters of each counted token in its document: the first, and the one after the last."""
        cut = self.window(sequence)
        return self._encoded(cut.document).offsets[cut.start : cut.stop]

    def text(self, sequence: int) -> str:
        """The counted text of a sequence."""
        offsets = self.offsets(sequence)
        whole = self._text.document_text(self.window(sequence).document)
        return whole[int(offsets[:, 0].min()) : int(offsets[:, 1].max())]

    def describe(self) -> dict[str, str]:
        return {
            "corpus": self.name,
            "corpus size": f"{int(self._counts.sum()):,} sub-words in {self._text.documents.files:,} files",
            "sequences": f"{len(self):,} of up to {self.length:,} sub-words, each after up to {self.context:,} before",
            "vocabulary": f"{self._tokenizer.get_vocab_size():,} sub-words",
            **self.notes.describe(),
        }

    def _counted(self, document: int, unknown: Counter[str]) -> int:
        """The tokens of a document; what is read as the unknown one is added to ``unknown``."""
        encoded = self._encoded(document)
        of = unknown_of(self._tokenizer)
        if of is not None and (encoded.ids == of).any():
            text = self._text.document_text(document)
            unknown.update(text[start:stop] for start, stop in encoded.offsets[encoded.ids == of].tolist())
        return len(encoded.ids)

    def _encode(self, document: int) -> Encoded:
        encoding = self._tokenizer.encode(self._text.document_text(document), add_special_tokens=False)
        return Encoded(np.array(encoding.ids, np.int64), np.array(encoding.offsets, np.int64).reshape(-1, 2))
