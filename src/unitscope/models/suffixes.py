"""Suffixes of a text in alphabetical order, from which the n-grams of every length can be read.

The k-grams of a text are the beginnings of its suffixes. Once the suffixes are sorted, equal k-grams stand together for
every k at once: a new k-gram begins exactly where a suffix shares fewer than k symbols with the one before it (Manber &
Myers 1993; Yamamoto & Church 2001 count n-grams this way). So one sort serves all orders, and no table of n-grams is
ever stored.

Symbols are packed into 63-bit words, as many as fit, so that comparing two suffixes is comparing a few integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int16, Int64, Integer

from unitscope.errors import InputError

Segments = Sequence[Integer[np.ndarray, " _"]]
"""Ids of symbols; segments may differ in length."""


@dataclass(frozen=True)
class Packing:
    """The first ``depth`` symbols of a suffix as integers that sort alphabetically."""

    symbols: int
    depth: int

    @property
    def bits(self) -> int:
        """Bits of one symbol; 0 marks the end of a segment, so there are ``symbols + 1`` values."""
        return self.symbols.bit_length()

    @property
    def width(self) -> int:
        """Symbols of one word."""
        return 63 // self.bits

    @property
    def offsets(self) -> range:
        """Where the words of a suffix begin, counted from its first symbol."""
        return range(0, self.depth, self.width)


@dataclass(frozen=True, eq=False)
class PackedText:
    """Segments laid end to end, with a mark before, between and behind them."""

    packing: Packing
    words: Int64[np.ndarray, " position"]
    """The ``packing.width`` symbols from each position on, the first in the highest bits."""
    position: Int64[np.ndarray, " token"]
    place: Int64[np.ndarray, " token"]
    """Tokens before this one in its segment."""
    room: Int16[np.ndarray, " token"]
    """Tokens from this one to the end of its segment, itself included; no more than ``packing.depth``."""

    @classmethod
    def of(cls, segments: Segments, packing: Packing) -> "PackedText":
        """Raises ``InputError`` for an id that is no symbol."""
        for number, segment in enumerate(segments):
            if segment.size and (int(segment.min()) < 0 or int(segment.max()) >= packing.symbols):
                raise InputError(
                    f"segment {number} has ids from {segment.min()} to {segment.max()}, but there are "
                    f"{packing.symbols} symbols, so ids go from 0 to {packing.symbols - 1}; "
                    "encode the text with the vocabulary of the training text"
                )
        lengths = np.array([segment.size for segment in segments], dtype=np.int64)
        starts = np.cumsum(lengths + 1) - lengths  # [segment]
        beyond = packing.offsets[-1] + packing.width
        text = np.zeros(int((lengths + 1).sum()) + 1 + beyond, dtype=np.int64)
        for start, segment in zip(starts, segments, strict=True):
            text[start : start + segment.size] = segment
            text[start : start + segment.size] += 1
        words = np.zeros_like(text)
        for ahead in range(packing.width):
            words <<= packing.bits
            words[: words.size - ahead] |= text[ahead:]
        position = np.flatnonzero(text)
        room = np.minimum(np.repeat(starts + lengths, lengths) - position, packing.depth)
        return cls(packing, words, position, position - np.repeat(starts, lengths), room.astype(np.int16))


def common_prefix(
    packing: Packing,
    words: Int64[np.ndarray, " position"],
    at: Int64[np.ndarray, " pair"],
    others: Int64[np.ndarray, " elsewhere"],
    there: Int64[np.ndarray, " pair"],
) -> Int16[np.ndarray, " pair"]:
    """Number of symbols that the suffixes of one text and those of another have in common at their beginning.

    Counted to the end of the last word, which may be a little beyond ``depth``; marks count as symbols.
    """
    common = np.zeros(at.size, dtype=np.int16)
    for offset in packing.offsets:
        difference = words[at + offset] ^ others[there + offset]
        difference[common < offset] = -1  # they parted in an earlier word
        for behind in reversed(range(packing.width)):
            common += (difference >> (packing.bits * behind)) == 0
    return common


@dataclass(frozen=True, eq=False)
class Suffixes:
    """The suffixes of a text in alphabetical order, told apart by their first ``depth`` symbols."""

    packing: Packing
    words: Int64[np.ndarray, " position"]
    position: Int64[np.ndarray, " rank"]
    shared: Int16[np.ndarray, " rank"]
    """Symbols in common with the suffix before; -1 for the first."""
    left_shared: Int16[np.ndarray, " rank"]
    """The same for the suffix that begins one symbol earlier, when it is ranked among all suffixes.

    Where this is at most k, the k-gram here, extended by the symbol on its left, is met for the first time. At the
    start of a segment, where nothing stands on the left, it is larger than any k.
    """
    room: Int16[np.ndarray, " rank"]
    """Tokens to the end of the segment, as in ``PackedText``."""

    @classmethod
    def of(cls, text: PackedText) -> "Suffixes":
        order = np.arange(text.position.size)
        for offset in reversed(text.packing.offsets):  # a radix sort, the last word first
            order = order[np.argsort(text.words[text.position[order] + offset], kind="stable")]
        position = text.position[order]
        common = np.full(position.size, -1, dtype=np.int16)
        common[1:] = common_prefix(text.packing, text.words, position[1:], text.words, position[:-1])
        by_position = np.full(text.words.size, np.iinfo(np.int16).max, dtype=np.int16)
        by_position[position] = common
        return cls(text.packing, text.words, position, common, by_position[position - 1], text.room[order])

    def symbol(self, rank: Int[np.ndarray, " gram"], ahead: int) -> Int64[np.ndarray, " gram"]:
        """The symbol ``ahead`` places from the beginning of each of these suffixes; -1 for a mark."""
        words: Int64[np.ndarray, " gram"] = self.words[self.position[rank] + ahead]
        return (words >> (self.packing.bits * (self.packing.width - 1))) - 1

    def search(self, text: PackedText) -> tuple[Int64[np.ndarray, " token"], Int16[np.ndarray, " token"]]:
        """For the suffix at each token of another text: the rank of the one here most like it, and what they share."""
        low = np.zeros(text.position.size, dtype=np.int64)
        high = np.full(text.position.size, self.position.size, dtype=np.int64)
        for _ in range(self.position.size.bit_length()):
            middle = np.minimum((low + high) // 2, self.position.size - 1)
            less = np.zeros(low.size, dtype=bool)
            for offset in reversed(self.packing.offsets):
                here = self.words[self.position[middle] + offset]
                there = text.words[text.position + offset]
                less = (here < there) | ((here == there) & less)
            less &= low < high
            low = np.where(less, middle + 1, low)
            high = np.where(less, high, np.minimum(high, middle))
        before, after = np.maximum(low - 1, 0), np.minimum(low, self.position.size - 1)
        like_before, like_after = (
            common_prefix(self.packing, self.words, self.position[rank], text.words, text.position)
            for rank in (before, after)
        )
        return np.where(like_before > like_after, before, after), np.maximum(like_before, like_after)
