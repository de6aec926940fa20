"""Errors peeled off cause by cause: the oracles of Karpathy, Johnson & Fei-Fei 2015, each a little further from reach.

    words = word_counts(train_segments(corpus), corpus.vocabulary)
    peeled = onion(held_out, held_out.scores(net), held_out.ngram_scores(ngram), words)
    peeled.views("lstm")

In order, each oracle explains errors that are left, and they are taken away:

1. n-gram: some n-gram of 1 to 9 characters of context gives the character more than one half.
2. memory of n characters: the character stands inside a word, from its second character on, and the word began within
   the last n characters once before; n is 100, 500, 1,000 and 5,000. Memory ends where the stretch begins, since the
   model has read no further back.
3. rare words: the word occurs at most n times in the training text; n goes from 0 to 5.
4. word model: the character follows a blank, a quotation mark or a line break, so it begins a word.
5. punctuation: the character is a punctuation mark.
6. boost: one half would be reached if the model had given 0.1 more, 0.2 more, …

The paper's own text could not be consulted: what a word is (letters, digits and underscores), whether the last
character of the context counts, and that rare words are explained from their first character, are choices made here.
"""

import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.studies.library.visualizing_rnns.error_sets import HALF
from unitscope.studies.library.visualizing_rnns.held_out import Estimate, HeldOut, estimate
from unitscope.views import Field, Table, View

CONTEXTS = range(1, 10)
MEMORIES = (100, 500, 1000, 5000)
RARE = range(6)
BEFORE_WORDS = ' "\n'
BOOSTS = (0.1, 0.2, 0.3, 0.4, 0.5)
WORD = re.compile(r"\w+")
KINDS = ("n-gram", "memory", "rare words", "word model", "punctuation", "boost")


@dataclass(frozen=True, eq=False)
class Onion:
    """Explanation of each error: the number of a layer, or −1 where there is no error."""

    layers: Sequence[tuple[str, str]]
    """Kind and name of each oracle, in order."""
    cause: Int[np.ndarray, "stretch character"]

    @property
    def errors(self) -> int:
        return int((self.cause >= 0).sum())

    def counts(self) -> Int[np.ndarray, " layer"]:
        """Errors that each layer explains."""
        return np.bincount(self.cause[self.cause >= 0], minlength=len(self.layers))

    def shares(self) -> dict[str, Estimate]:
        """Share of all errors that each kind of oracle explains."""
        kinds = np.array([kind for kind, _ in self.layers])
        made = {}
        for kind in KINDS:
            of_kind = np.isin(self.cause, np.flatnonzero(kinds == kind))
            made[kind] = estimate(of_kind.astype(np.float64), self.cause >= 0)
        return made

    def views(self, model: str) -> list[View]:
        """Kinds with their intervals, and every layer."""
        counts = self.counts()
        fields = [Field("oracle", "text"), Field("errors", "integer"), Field("share", "share"), Field("95 %", "text")]
        rows = [
            [kind, self._of(kind, counts), share.mean, f"{share.low:.1%} to {share.high:.1%}"]
            for kind, share in self.shares().items()
        ]
        title = f"{model}: what explains its {self.errors:,} errors"
        note = "in this order, each of what the ones before have left; bootstrap over stretches"
        left = self.errors - np.cumsum(counts)
        layer_fields = [Field("layer", "text"), Field("errors", "integer"), Field("left", "integer")]
        layers = [
            [name, int(count), int(rest)] for (_, name), count, rest in zip(self.layers, counts, left, strict=True)
        ]
        return [Table(title, fields, rows, note), Table(f"{model}: layer by layer", layer_fields, layers)]

    def against(self, better: "Onion", name: str, other: str) -> Table:
        """Explanations of the errors that this model has more than a better one."""
        more = self.counts() - better.counts()
        total = max(1, self.errors - better.errors)
        rows = [[kind, self._of(kind, more), self._of(kind, more) / total] for kind in KINDS]
        fields = [Field("oracle", "text"), Field("more errors", "integer"), Field("share", "share")]
        return Table(f"{name} has {self.errors - better.errors:,} errors more than {other}", fields, rows)

    def _of(self, kind: str, counts: Int[np.ndarray, " layer"]) -> int:
        return sum(int(count) for count, (own, _) in zip(counts, self.layers, strict=True) if own == kind)


def onion(
    held_out: HeldOut,
    scores: Float[np.ndarray, "stretch character"],
    ngrams: Float[np.ndarray, "context stretch character"],
    words: Mapping[str, int],
) -> Onion:
    """Peel the errors of one model; ``ngrams`` are log-probabilities by context from 0 on, as far as they go."""
    used = [context for context in CONTEXTS if context < len(ngrams)]
    known = np.asarray(np.any(ngrams[used] > HALF, axis=0))
    memory, count, begins, marks = _places(held_out, words)
    layers: list[tuple[str, str]] = []
    cause = np.full(scores.shape, -1)
    left = scores < HALF

    def peel(kind: str, name: str, explained: Bool[np.ndarray, "stretch character"]) -> None:
        hit = left & explained
        cause[hit] = len(layers)
        left[hit] = False
        layers.append((kind, name))

    peel("n-gram", "n-gram of 1 to 9 characters", known)
    for reach in MEMORIES:
        peel("memory", f"word within the last {reach:,} characters", memory <= reach)
    for most in RARE:
        peel("rare words", f"word seen {most} times in training" if most else "word never seen", count == most)
    peel("word model", "after a blank, a quotation mark or a line break", begins)
    peel("punctuation", "a punctuation mark", marks)
    for boost in BOOSTS:
        peel("boost", f"with {boost} more", np.asarray(np.exp(scores) + np.float32(boost) >= 0.5))
    assert not left.any()
    return Onion(layers, cause)


def _places(
    held_out: HeldOut, words: Mapping[str, int]
) -> tuple[
    Float[np.ndarray, "stretch character"],
    Int[np.ndarray, "stretch character"],
    Bool[np.ndarray, "stretch character"],
    Bool[np.ndarray, "stretch character"],
]:
    """Features of every target: distance to its word's last use, frequency in training, after a break, punctuation."""
    shape = held_out.ids.shape
    memory, count = np.full(shape, np.inf), np.full(shape, -1)
    begins, marks = np.zeros(shape, bool), np.zeros(shape, bool)
    for row in range(shape[0]):
        text = letters(held_out.ids[row], held_out.vocabulary)
        last: dict[str, int] = {}
        for found in WORD.finditer(text):
            start, stop, word = found.start(), found.end(), found[0]
            if word in last:
                memory[row, start + 1 : stop] = start - last[word]
            last[word] = start
            count[row, start:stop] = words.get(word, 0)
        begins[row, 1:] = [before in BEFORE_WORDS for before in text[:-1]]
        marks[row] = [letter in string.punctuation for letter in text]
    return memory[:, 1:], count[:, 1:], begins[:, 1:], marks[:, 1:]


def word_counts(segments: Iterable[Int[np.ndarray, " _"]], vocabulary: Vocabulary) -> Counter[str]:
    """Frequency of each word in a text."""
    counts: Counter[str] = Counter()
    for segment in segments:
        counts.update(WORD.findall(letters(segment, vocabulary)))
    return counts


def letters(ids: Int[np.ndarray, " character"], vocabulary: Vocabulary) -> str:
    """The text with one letter for each symbol, the unknown one too."""
    single = [symbol if len(symbol) == 1 else "\ufffd" for symbol in vocabulary.symbols]
    return "".join([single[number] for number in ids.tolist()])
