"""The n-gram baseline: interpolated modified Kneser-Ney, for every context length at once.

The smoothing is that of Chen & Goodman (1999, section 3 and the modified form of section 4), unpruned, as KenLM has it:
the probability of w after a context h of k - 1 symbols is

    p(w | h) = (c(h w) - D(c(h w))) / c(h) + (sum over v of D(c(h v))) / c(h) * p(w | h without its first symbol)

down to the single symbols, which are interpolated with the uniform 1 / V. The model with n symbols of context counts
its (n + 1)-grams as they are; every shorter gram is counted by the number of different symbols on its left. A context
never seen leaves the shorter one's probability as it is.

The counts are never stored. They are read from the sorted suffixes of the training text, order after order, and since
the shorter grams are the same for every n, one pass from order 1 to order n + 1 scores the models of all contexts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int16, Int64

from unitscope.errors import InputError
from unitscope.models.suffixes import PackedText, Packing, Segments, Suffixes

LONGEST = 10_000
"""Symbols of context that can be asked for; what suffixes share is counted in 16 bits."""


@dataclass(frozen=True, eq=False)
class Grams:
    """The distinct k-grams of the training text in alphabetical order, so that those of one history stand together.

    The history of a k-gram is its first k - 1 symbols.
    """

    order: int
    first: Int64[np.ndarray, " gram"]
    """Rank of the first suffix that begins with the gram."""
    opening: Int64[np.ndarray, " history"]
    """The first gram of each history."""

    @classmethod
    def of(cls, suffixes: Suffixes, order: int) -> "Grams":
        first = np.flatnonzero(suffixes.shared < order)
        return cls(order, first, np.flatnonzero(suffixes.shared[first] < order - 1))

    @property
    def children(self) -> Int64[np.ndarray, " history"]:
        """Number of grams of each history."""
        return np.diff(self.opening, append=self.first.size)

    def counts(self, suffixes: Suffixes) -> Int64[np.ndarray, " gram"]:
        """Occurrences. Grams that would run over the end of a segment count nothing."""
        counts = np.diff(self.first, append=suffixes.shared.size)
        counts[suffixes.room[self.first] < self.order] = 0
        return counts

    def left_counts(self, suffixes: Suffixes) -> Int64[np.ndarray, " gram"]:
        """Different symbols on the left; 1 for a gram seen only at the start of segments."""
        counts = np.add.reduceat(suffixes.left_shared <= self.order, self.first, dtype=np.int64)
        np.maximum(counts, 1, out=counts)
        counts[suffixes.room[self.first] < self.order] = 0
        return counts

    def find(
        self, rank: Int64[np.ndarray, " token"]
    ) -> tuple[Int64[np.ndarray, " token"], Int64[np.ndarray, " token"]]:
        """The gram, and its history, that the suffix of each rank begins with."""
        gram = np.searchsorted(self.first, rank, side="right") - 1
        return gram, np.searchsorted(self.opening, gram, side="right") - 1


@dataclass(frozen=True, eq=False)
class Weights:
    """Mass left to each gram after discounting, and mass that each history passes on to the shorter one."""

    counts: Int64[np.ndarray, " gram"]
    discounts: Float[np.ndarray, " count"]
    total: Int64[np.ndarray, " history"]
    backoff: Float[np.ndarray, " history"]

    @classmethod
    def of(cls, grams: Grams, counts: Int64[np.ndarray, " gram"]) -> "Weights":
        discounts = estimated_discounts(counts)
        total = np.add.reduceat(counts, grams.opening)
        passed = np.add.reduceat(discounts[np.minimum(counts, 3)], grams.opening)
        # A history seen only at the end of segments has no grams: it passes on everything.
        backoff = np.divide(passed, total, out=np.ones_like(passed), where=total > 0)
        return cls(counts, discounts, total, backoff)

    def share(
        self, gram: Int64[np.ndarray, " asked"], history: Int64[np.ndarray, " asked"]
    ) -> Float[np.ndarray, " asked"]:
        """The part of a gram's probability, given its history, that does not come from the shorter one."""
        counts = self.counts[gram]
        share: Float[np.ndarray, " asked"]
        share = (counts - self.discounts[np.minimum(counts, 3)]) / np.maximum(self.total[history], 1)
        return share


def estimated_discounts(counts: Int64[np.ndarray, " gram"]) -> Float[np.ndarray, " count"]:
    """Discounts of modified Kneser-Ney for a gram counted 0 times, once, twice, and three times or more.

    Estimated from the numbers of grams counted once to four times (Chen & Goodman 1999, equation 17), and kept within
    0 and the count; where one of these numbers is 0, the customary 0.5, 0.75 and 0.9.
    """
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].tolist()
    if not (n1 and n2 and n3 and n4):
        return np.array([0, 0.5, 0.75, 0.9])
    y = n1 / (n1 + 2 * n2)
    estimates = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    limited: Float[np.ndarray, " count"] = np.clip(estimates, 0, np.arange(4))
    return limited


@dataclass(frozen=True, eq=False)
class NGram:
    """Character (or any symbol) language models of every context length from 0 to ``context``."""

    symbols: int
    context: int
    suffixes: Suffixes

    @classmethod
    def fit(cls, segments: Segments, symbols: int, context: int) -> "NGram":
        """Sort the training text: about half a second per million tokens and 70 bytes per token, of which 22 are kept.

        ``segments`` hold ids from 0 to ``symbols - 1``; no context crosses from one segment into the next.
        Raises ``InputError`` for a text without tokens and for ids that are no symbols.
        """
        if symbols < 1:
            raise InputError(f"an n-gram model of {symbols} symbols cannot be; give the size of the vocabulary")
        if not 0 <= context <= LONGEST:
            raise InputError(f"an n-gram model has a context of 0 to {LONGEST:,} symbols, not {context}")
        if not any(segment.size for segment in segments):
            raise InputError("the training text is empty; an n-gram model needs at least one token")
        text = PackedText.of(segments, Packing(symbols, context + 1))
        return cls(symbols, context, Suffixes.of(text))

    def log_probs(self, segments: Segments) -> Float[np.ndarray, "order token"]:
        """Nats of each token given the symbols before it in its segment; row n is the model with n symbols of context.

        Tokens of all segments are laid end to end. Where fewer than n symbols stand before a token, the shorter gram
        decides. The counts of a small text can make a discount 0, and then what never followed a context has no
        probability at all: -inf. Raises ``InputError`` for ids that are no symbols.
        """
        text = PackedText.of(segments, self.suffixes.packing)
        rank, matched = self.suffixes.search(text)
        lower = np.full(rank.size, 1 / self.symbols)  # [token]
        probabilities = np.empty((self.context + 1, rank.size))  # [order token]
        for order in range(1, self.context + 2):
            grams = Grams.of(self.suffixes, order)
            token, start = known_histories(text, matched, order, 0, rank.size)
            gram, history = grams.find(rank[start])
            seen = matched[start] >= order
            top = Weights.of(grams, grams.counts(self.suffixes))
            probabilities[order - 1] = lower
            probabilities[order - 1, token] = top.share(gram, history) * seen + top.backoff[history] * lower[token]
            del top
            if order <= self.context:
                below = Weights.of(grams, grams.left_counts(self.suffixes))
                lower[token] = below.share(gram, history) * seen + below.backoff[history] * lower[token]
        with np.errstate(divide="ignore"):
            return np.log(probabilities, out=probabilities)

    def distribution(
        self, segments: Segments, context: int, block: int = 1 << 16
    ) -> Iterator[Float[np.ndarray, "token symbol"]]:
        """Probability of every symbol at each token, by the model with ``context`` symbols, ``block`` tokens at a time.

        The blocks go through the tokens of all segments, laid end to end, and share no memory. The counts are read
        afresh for each block, so larger blocks are faster and smaller ones need less memory. Raises ``InputError`` for
        ids that are no symbols and for a context longer than the fitted one.
        """
        if not 0 <= context <= self.context:
            raise InputError(f"this n-gram model has contexts of 0 to {self.context} symbols, not {context}")
        text = PackedText.of(segments, self.suffixes.packing)
        rank, matched = self.suffixes.search(text)
        starts = range(0, rank.size, block)
        return (self._block(text, rank, matched, context, at, min(at + block, rank.size)) for at in starts)

    def _block(
        self,
        text: PackedText,
        rank: Int64[np.ndarray, " token"],
        matched: Int16[np.ndarray, " token"],
        context: int,
        begin: int,
        end: int,
    ) -> Float[np.ndarray, "part symbol"]:
        p = np.full((end - begin, self.symbols), 1 / self.symbols)  # [part symbol]
        for order in range(1, context + 2):
            grams = Grams.of(self.suffixes, order)
            counts = grams.counts if order == context + 1 else grams.left_counts
            weights = Weights.of(grams, counts(self.suffixes))
            token, start = known_histories(text, matched, order, begin, end)
            history, which = np.unique(grams.find(rank[start])[1], return_inverse=True)  # [asked], [part]
            children = grams.children[history]
            row = np.repeat(np.arange(history.size), children)  # [child]
            gram = np.arange(row.size) + np.repeat(grams.opening[history] - np.cumsum(children) + children, children)
            symbol = self.suffixes.symbol(grams.first[gram], order - 1)
            real = symbol >= 0  # not the end of a segment
            share = np.zeros((history.size, self.symbols))  # [asked symbol]
            share[row[real], symbol[real]] = weights.share(gram[real], history[row[real]])
            p[token - begin] = share[which] + weights.backoff[history][which, None] * p[token - begin]
        return p


def known_histories(
    text: PackedText, matched: Int16[np.ndarray, " token"], order: int, begin: int, end: int
) -> tuple[Int64[np.ndarray, " part"], Int64[np.ndarray, " part"]]:
    """Those of the tokens from ``begin`` to ``end`` whose last ``order - 1`` symbols the training text knows.

    Gives the tokens and the first token of each one's history.
    """
    token = begin + np.flatnonzero(text.place[begin:end] >= order - 1)
    start = token - (order - 1)
    known = matched[start] >= order - 1
    return token[known], start[known]
