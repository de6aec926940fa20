"""Units that follow a known rule on strings, as in FIND (Schwettmann et al. 2023): each is found, with a score of 1."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from word_counters import Planted

from unitscope.asking import ask
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.source.live import Live

Rule = Callable[[str], list[float]]
"""From a text to a value per character."""


def of_words(value: Callable[[str], float]) -> Rule:
    """At every character of a word the value of the word, 0 at blanks."""

    def rule(text: str) -> list[float]:
        return [at for word in text.split(" ") for at in [*[value(word)] * len(word), 0]][:-1]

    return rule


def length_of_letters(text: str) -> list[float]:
    return [len(run) if run[0].isalpha() else 0.0 for run in re.findall("[a-z]+|[^a-z]", text) for _ in run]


def of_text(value: Callable[[str], float]) -> Rule:
    return lambda text: [value(text)] * len(text)


def bigram(text: str) -> list[float]:
    return [text[i : i + 2] == "th" or (i > 0 and text[i - 1 : i + 1] == "th") for i in range(len(text))]


def two_words(text: str) -> list[float]:
    values = [0.0] * len(text)
    words = text.split(" ")
    for k in range(len(words) - 1):
        if words[k : k + 2] == ["of", "the"]:
            start = len(" ".join(words[:k])) + (k > 0)
            values[start : start + 6] = [1.0] * 6
    return values


RULES: dict[str, Rule] = {
    r"regex:\bre\w*": of_words(lambda word: word.startswith("re")),
    r"regex:\w*ing\b": of_words(lambda word: word.endswith("ing")),
    r"regex:\w*\d\w*": of_words(lambda word: any(character.isdigit() for character in word)),
    r"regex:\b\w{5}\b": of_words(lambda word: len(word) == 5),
    "word-length": length_of_letters,
    "regex:th": bigram,
    "concept:of the": two_words,
    "position-in-document": lambda text: [float(i) for i in range(len(text))],
    r"regex:(?s)\Athe.*": of_text(lambda text: text.startswith("the")),
    r"regex:(?s).*ing\Z": of_text(lambda text: text.endswith("ing")),
    r"regex:(?s)\A(?=.*\d).*": of_text(lambda text: any(character.isdigit() for character in text)),
}
WORDS = [
    "the",
    "a",
    "of the",
    "of",
    "reading",
    "red",
    "report",
    "singing",
    "thing",
    "then",
    "ring",
    "route4",
    "2nd",
    "7",
]


class Ruled(Planted):
    """A unit for each rule; the last one follows none."""

    def __init__(self, symbols: Vocabulary) -> None:
        super().__init__([lambda tokens: tokens] * (len(RULES) + 1))
        self.symbols = symbols

    def run(self, batch, read, edits=()):
        values = torch.zeros(*batch.tokens.shape, len(self.units))
        for row, (tokens, length) in enumerate(zip(batch.tokens.tolist(), batch.lengths.tolist(), strict=True)):
            text = "".join(self.symbols.symbols[token] for token in tokens[:length])
            for unit, rule in enumerate(RULES.values()):
                values[row, :length, unit] = torch.tensor(rule(text), dtype=torch.float32)
            values[row, :length, -1] = torch.arange(length).sin()
        return {"planted": values}


@pytest.fixture(scope="module")
def planted() -> tuple[Ruled, Passages]:
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, random.integers(3, 9))) for _ in range(80)]
    symbols = Vocabulary(tuple(sorted({*"".join(texts)})))
    return Ruled(symbols), Passages(texts, "strings", Characters(symbols))


def test_ask_finds_every_rule_where_it_was_not_chosen(planted) -> None:
    model, corpus = planted
    answer = ask(Live(model, corpus), list(RULES), baselines=0, controls=False, ablate=False)
    found = {one.label: one for one in answer.found}
    for unit, name in enumerate(RULES):
        assert found[name].unit == unit, name
        assert found[name].r == pytest.approx(1, abs=1e-5), name
        assert found[name].scores["auroc"].value == pytest.approx(1, abs=0.02), name
