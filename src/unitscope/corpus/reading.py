"""Tokenization of a text for a model: its tokens, special tokens, and the largest number of tokens."""

from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from unitscope.corpus.documents import Unit
from unitscope.corpus.subwords import Encoded, unknown_of
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@runtime_checkable
class Reading(Protocol):
    """From a text to the tokens of a model."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def before(self) -> tuple[int, ...]:
        """Special tokens that stand before every text."""
        ...

    @property
    def after(self) -> tuple[int, ...]:
        """Special tokens that stand after it."""
        ...

    @property
    def limit(self) -> int | None:
        """Tokens that the model reads at most, special ones included; None where there is no limit."""
        ...

    @property
    def key(self) -> str:
        """The same for two readings that give the same tokens for every text."""
        ...

    def encode(self, text: str) -> Encoded:
        """Tokens with the characters that each stands for. Raises ``InputError`` for what cannot be read."""
        ...

    def unknown(self, text: str) -> list[str]:
        """Symbols of a text that are read as the unknown symbol or as a stand-in."""
        ...


class Characters:
    """Each character, or each byte of its UTF-8, is a token.

    A symbol that the vocabulary lacks is read as ``stand_in``, or else as the vocabulary's unknown symbol.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        unit: Unit = "characters",
        stand_in: str | None = None,
        limit: int | None = None,
    ) -> None:
        if stand_in is not None and stand_in not in vocabulary.ids:
            raise InputError(f"the stand-in {stand_in!r} is no symbol of the vocabulary; choose one that is")
        self.vocabulary = vocabulary
        self.unit = unit
        self.stand_in = stand_in
        self.limit = limit
        self.before: tuple[int, ...] = ()
        self.after: tuple[int, ...] = ()
        self._unknown = vocabulary.unknown if stand_in is None else vocabulary.ids[stand_in]

    @property
    def key(self) -> str:
        return repr((self.unit, self.stand_in, self.vocabulary.symbols))

    def encode(self, text: str) -> Encoded:
        symbols, widths = text, np.ones(len(text), np.int64)
        if self.unit == "bytes":
            symbols = text.encode().decode("latin-1")
            widths = np.array([len(character.encode()) for character in text], np.int64)
        ids = [self.vocabulary.ids.get(symbol, self._unknown) for symbol in symbols]
        if None in ids:
            lacking = symbols[ids.index(None)]
            raise InputError(
                f"{text[:60]!r} holds {lacking!r}, which the vocabulary of {len(self.vocabulary)} symbols lacks; "
                "give a stand-in to be read in its place, such as '?'"
            )
        first = np.repeat(np.arange(len(text)), widths)
        return Encoded(np.array(ids, np.int64), np.stack([first, first + 1], 1))

    def unknown(self, text: str) -> list[str]:
        symbols = text if self.unit == "characters" else text.encode().decode("latin-1")
        return [symbol for symbol in symbols if symbol not in self.vocabulary.ids]


class Subwords:
    """The tokens of a tokenizer of the tokenizers library, with the special ones that it puts around a text."""

    def __init__(self, tokenizer: "Tokenizer", limit: int | None = None) -> None:
        self._tokenizer = type(tokenizer).from_str(tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.limit = limit
        around = self._tokenizer.encode("a")
        inner = [place for place, special in enumerate(around.special_tokens_mask) if not special]
        first, last = (inner[0], inner[-1] + 1) if inner else (0, 0)
        self.before, self.after = tuple(around.ids[:first]), tuple(around.ids[last:])

    @cached_property
    def vocabulary(self) -> Vocabulary:
        size = self._tokenizer.get_vocab_size()
        return Vocabulary(tuple(self._tokenizer.id_to_token(number) or "" for number in range(size)))

    @cached_property
    def key(self) -> str:
        return str(self._tokenizer.to_str())

    def encode(self, text: str) -> Encoded:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return Encoded(np.array(encoding.ids, np.int64), np.array(encoding.offsets, np.int64).reshape(-1, 2))

    def unknown(self, text: str) -> list[str]:
        of = unknown_of(self._tokenizer)
        encoded = self.encode(text)
        places = [] if of is None else encoded.offsets[encoded.ids == of].tolist()
        return [text[start:stop] for start, stop in places]
