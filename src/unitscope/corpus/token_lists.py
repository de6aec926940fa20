"""Sequences of sub-words that are given as numbers, for example what a model wrote itself."""

import hashlib
import json
from collections.abc import Collection, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import CHARACTER, KEPT, Annotated, Window, WithText
from unitscope.corpus.batch import Batch
from unitscope.corpus.padded import padded
from unitscope.corpus.subwords import last_characters, vocabulary_of
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TokenLists(WithText):
    """``ids`` holds the tokens of each sequence; its first ``context`` ones are read and not counted.

    The text is what the tokens decode to, and hypotheses are asked of it as of any other. Raises ``InputError`` for no
    sequence, for one without a counted token, and for a number that the tokenizer does not know.
    """

    def __init__(
        self, ids: Sequence[Sequence[int]], tokenizer: "Tokenizer", context: Sequence[int], name: str = "tokens"
    ) -> None:
        size = tokenizer.get_vocab_size()
        if not ids:
            raise InputError("no sequence was given; give at least one list of token numbers")
        for number, (tokens, read) in enumerate(zip(ids, context, strict=True)):
            if not 0 <= read < len(tokens):
                raise InputError(f"sequence {number} has {len(tokens)} tokens, and {read} of them are context")
            if not 0 <= min(tokens) <= max(tokens) < size:
                raise InputError(f"sequence {number} has a token beyond the {size:,} of the tokenizer")
        self.name = name
        self._ids = [np.asarray(tokens, np.int64) for tokens in ids]
        self._context = list(context)
        self._tokenizer = tokenizer
        self._annotated = Annotated(self.document_text)
        self._offsets = lru_cache(KEPT >> 10)(self._decoded)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return vocabulary_of(self._tokenizer)

    @property
    def annotations(self) -> Collection[str]:
        return (CHARACTER,)

    @property
    def fingerprint(self) -> str:
        whole = [[tokens.tolist(), read] for tokens, read in zip(self._ids, self._context, strict=True)]
        return hashlib.sha256(json.dumps([whole, self._tokenizer.to_str()]).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._ids)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self._ids[number]) - self._context[number] for number in sequences]

    def batch(self, sequences: Sequence[int]) -> Batch:
        windows = [self.window(number) for number in sequences]
        return padded(sequences, windows, lambda window: self._ids[window.document])

    def window(self, sequence: int) -> Window:
        """The whole of a sequence: each is a document. Raises ``IndexError`` for a number that there is not."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequence {sequence} of {len(self)}")
        return Window(sequence, 0, self._context[sequence], len(self._ids[sequence]))

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """Value of a label at the last character of each token; NaN for one that stands for no character."""
        last = last_characters(self.offsets(sequence))
        return last if name == CHARACTER else self._annotated.at(name, sequence, last)

    def document_text(self, document: int) -> str:
        """Text of all tokens of a sequence."""
        return self._tokenizer.decode(self._ids[document].tolist(), skip_special_tokens=False)

    def offsets(self, sequence: int) -> Int[np.ndarray, "token 2"]:
        """The characters of each counted token in the text of its sequence: the first, and the one after the last."""
        return self._offsets(sequence)[self._context[sequence] :]

    def text(self, sequence: int) -> str:
        """The counted text of a sequence."""
        offsets = self.offsets(sequence)
        return self.document_text(sequence)[int(offsets[:, 0].min()) : int(offsets[:, 1].max())]

    def describe(self) -> dict[str, str]:
        lengths = self.lengths(range(len(self)))
        return {
            "corpus": self.name,
            "corpus size": f"{sum(lengths):,} sub-words",
            "sequences": f"{len(self):,} of up to {max(lengths):,} sub-words after their context",
            "vocabulary": f"{self._tokenizer.get_vocab_size():,} sub-words",
        }

    def _decoded(self, sequence: int) -> Int[np.ndarray, "token 2"]:
        """A token stands for the characters by which it makes the text longer."""
        tokens, whole = self._ids[sequence].tolist(), self.document_text(sequence)
        ends = [0]
        for stop in range(1, len(tokens) + 1):
            text = self._tokenizer.decode(tokens[:stop], skip_special_tokens=False)
            # Bytes of a character that is not whole yet decode to a sign that the text does not have there.
            ends.append(len(text) if whole.startswith(text) else ends[-1])
        return np.stack([ends[:-1], ends[1:]], axis=1).astype(np.int64)
