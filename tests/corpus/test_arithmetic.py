import operator
import random

import pytest

from unitscope.corpus.arithmetic import ArithmeticCorpus, cumulative, expression, recursive
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError


def value(tokens: list[str]) -> int:
    """By recursive descent, taking the tokens away."""
    first = tokens.pop(0)
    if first != "(":
        return int(first)
    left = value(tokens)
    combine = {"+": operator.add, "-": operator.sub}[tokens.pop(0)]
    right = value(tokens)
    assert tokens.pop(0) == ")"
    return int(combine(left, right))


def test_both_ways_end_at_the_value() -> None:
    draw = random.Random(0)
    for number in range(10_000):
        tokens = expression(1 + number % 9, draw)
        assert sum(token not in "()+-" for token in tokens) == 1 + number % 9
        expected = value(list(tokens))
        assert cumulative(tokens)[0][-1] == expected
        assert recursive(tokens)[-1] == expected


def test_every_step_by_hand() -> None:
    tokens = ["(", "2", "-", "(", "5", "-", "-3", ")", ")"]
    results, subtracting = cumulative(tokens)
    assert results == [0, 2, 2, 2, -3, -3, -6, -6, -6]
    assert subtracting == [False, False, True, True, True, False, False, True, False]
    assert recursive(tokens) == [0, 2, 2, 0, 5, 5, 8, -6, -6]


def test_corpus() -> None:
    corpus = ArithmeticCorpus([1, 3], 20, seed=1)
    assert isinstance(corpus, Corpus)
    assert corpus.fingerprint == ArithmeticCorpus([1, 3], 20, seed=1).fingerprint
    assert corpus.fingerprint != ArithmeticCorpus([1, 3], 20, seed=2).fingerprint
    batch = corpus.batch([0, 30])
    assert batch.lengths.tolist() == corpus.lengths([0, 30]) == [1, 9]
    assert corpus.vocabulary.decode(batch.tokens[1].tolist()) == corpus.expressions[30]
    assert batch.targets[1, :-1].tolist() == batch.tokens[1, 1:].tolist()
    assert batch.targets[:, -1].tolist() == [-1, -1]
    assert corpus.labels("depth", 30)[0] == 1
    assert corpus.labels("depth", 30)[-1] == 0
    assert all(len(corpus.labels(name, 30)) == 9 for name in corpus.annotations)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="at least one numeral"):
        ArithmeticCorpus([0], 5)
    with pytest.raises(InputError, match="there are: cumulative"):
        ArithmeticCorpus([1], 1).labels("value", 0)


def test_branching() -> None:
    left, right = (ArithmeticCorpus((4,), 3, branching=way).expressions for way in ("left", "right"))
    assert all(tokens[:3] == ["("] * 3 for tokens in left)
    assert all(tokens[-3:] == [")"] * 3 for tokens in right)
    assert ArithmeticCorpus((4,), 3, branching="left").name == "arithmetic L4left"
