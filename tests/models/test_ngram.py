import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from unitscope.corpus.splits import Split
from unitscope.errors import InputError
from unitscope.models.ngram import NGram

TEXTS = Path(os.environ.get("UNITSCOPE_DATA", Path(__file__).parents[2] / "../shared/data")) / "text"


class Dictionaries:
    """Interpolated modified Kneser-Ney as the textbook has it: n-grams in dictionaries, one token at a time."""

    def __init__(self, segments, symbols, context):
        self.symbols, self.context = symbols, context
        self.occurrences = [defaultdict(int) for _ in range(context + 2)]
        left = [defaultdict(set) for _ in range(context + 2)]
        for segment in map(tuple, segments):
            for k in range(1, context + 2):
                for i in range(len(segment) - k + 1):
                    gram = segment[i : i + k]
                    self.occurrences[k][gram] += 1
                    left[k][gram] |= {segment[i - 1]} if i else set()
        self.lefts = [{gram: max(len(symbols), 1) for gram, symbols in table.items()} for table in left]
        self.discounts = {id(table): self.estimate(table) for table in [*self.occurrences, *self.lefts]}

    @staticmethod
    def estimate(table):
        n1, n2, n3, n4 = (sum(count == k for count in table.values()) for k in (1, 2, 3, 4))
        if 0 in (n1, n2, n3, n4):
            return [0, 0.5, 0.75, 0.9]
        y = n1 / (n1 + 2 * n2)
        estimates = [0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return [min(max(d, 0), k) for k, d in enumerate(estimates)]

    def distribution(self, history, n, top=True):
        history = tuple(history)[max(len(history) - n, 0) :]
        order = len(history) + 1
        shorter = self.distribution(history[1:], order - 2, False) if history else [1 / self.symbols] * self.symbols
        # The gram that fills the whole context is counted as it is, every shorter one by its left neighbours.
        table = self.occurrences[order] if top and order == n + 1 else self.lefts[order]
        counts = [table.get((*history, symbol), 0) for symbol in range(self.symbols)]
        if not sum(counts):
            return shorter
        discounts = [self.discounts[id(table)][min(count, 3)] for count in counts]
        back = sum(discounts) / sum(counts)
        pairs = zip(counts, discounts, shorter, strict=True)
        return [(count - discount) / sum(counts) + back * below for count, discount, below in pairs]


def distributions(model, segments, n):
    return np.array([model.distribution(segment[:i], n) for segment in segments for i in range(len(segment))])


def random_segments(rng, symbols, lengths):
    """Skewed, so that counts of 1, 2, 3, 4 and more all occur; some symbols are seen only in test texts."""
    weights = rng.dirichlet(np.full(symbols, 0.4))
    return [rng.choice(symbols, size=length, p=weights) for length in lengths]


CASES = [
    (2, [40, 1, 0, 17, 3], 4),
    (3, [200, 150], 6),
    (7, [300, 2, 90, 31], 3),
    (11, [1], 2),
    (1, [6, 2], 3),
    (4, [3, 2, 3, 3, 1], 9),  # no segment is as long as the context
    (150, [300, 200], 9),  # two words per suffix
    (5, [250, 250], 0),
]


@pytest.mark.parametrize(("symbols", "lengths", "context"), CASES)
def test_equals_dictionaries_on_random_text(symbols, lengths, context):
    rng = np.random.default_rng(symbols)
    train = random_segments(rng, symbols, lengths)
    test = [*random_segments(rng, symbols, [25, 0, 1, 9]), train[0][:30], np.arange(symbols)[:20]]
    model, oracle = NGram.fit(train, symbols, context), Dictionaries(train, symbols, context)
    logs = model.log_probs(test)
    truth = np.concatenate(test)
    assert logs.shape == (context + 1, truth.size)
    for n in range(context + 1):
        expected = distributions(oracle, test, n)
        np.testing.assert_allclose(np.exp(logs[n]), expected[np.arange(truth.size), truth], rtol=0, atol=1e-10)
        whole = np.concatenate(list(model.distribution(test, n, block=7)))
        np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-10)
        np.testing.assert_allclose(whole.sum(1), 1, rtol=0, atol=1e-12)


ENGLISH = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing "
    "before us, we were all going direct to Heaven, we were all going direct the other way."
)


def test_equals_dictionaries_on_english_with_twenty_symbols_of_context():
    letters, ids = np.unique(list(ENGLISH), return_inverse=True)
    train, test = np.split(ids[:340], [150]), [ids[340:]]
    model, oracle = NGram.fit(train, letters.size, 20), Dictionaries(train, letters.size, 20)
    logs = model.log_probs(test)
    for n in range(21):
        expected = distributions(oracle, test, n)[np.arange(test[0].size), test[0]]
        np.testing.assert_allclose(np.exp(logs[n]), expected, rtol=0, atol=1e-10)


def test_known_text_is_certain_and_no_context_crosses_a_segment_start():
    cycle = np.tile(np.arange(5), 200)
    model = NGram.fit([cycle], 5, 3)
    logs = model.log_probs([cycle[:50]])
    assert np.exp(logs[3, 3:]).min() > 0.99
    # The first token of every segment has no context, whatever stood before.
    apart = model.log_probs([cycle[:10], cycle[10:20]])
    np.testing.assert_array_equal(apart[:, :10], apart[:, 10:])
    assert np.exp(apart[3, 10]) < 0.25


def test_a_discount_of_zero_forbids_what_was_never_seen():
    # Pairs counted once: 4, twice: 1, three times: 4, four times: 1; so nothing is taken from a count of 2.
    once, twice, thrice = [(2, 0), (2, 1), (2, 3), (3, 0)], [(0, 1)], [(4, 0), (4, 1), (4, 2), (4, 3)]
    train = [np.array(pair) for pair in once + 2 * twice + 3 * thrice + 4 * [(5, 0)]]
    model, oracle = NGram.fit(train, 6, 1), Dictionaries(train, 6, 1)
    assert oracle.distribution([0], 1)[2] == 0
    assert model.log_probs([np.array([0, 2])])[1, 1] == -np.inf


def test_segment_order_does_not_matter():
    rng = np.random.default_rng(0)
    train = random_segments(rng, 6, [80, 50, 120])
    test = random_segments(rng, 6, [40])
    np.testing.assert_allclose(
        NGram.fit(train, 6, 5).log_probs(test), NGram.fit(train[::-1], 6, 5).log_probs(test), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("block", [1, 10, 1000])
def test_blocks_cover_every_token(block):
    rng = np.random.default_rng(1)
    train, test = random_segments(rng, 4, [100]), random_segments(rng, 4, [30, 25])
    model = NGram.fit(train, 4, 3)
    blocks = list(model.distribution(test, 2, block=block))
    assert all(len(part) == block for part in blocks[:-1])
    truth = np.concatenate(test)
    picked = np.concatenate(blocks)[np.arange(truth.size), truth]
    np.testing.assert_allclose(np.log(picked), model.log_probs(test)[2], rtol=1e-12)


def test_empty_test_text():
    model = NGram.fit([np.array([0, 1, 1])], 2, 2)
    assert model.log_probs([]).shape == (3, 0)
    assert list(model.distribution([np.array([], dtype=np.int64)], 1)) == []


@pytest.mark.parametrize(
    ("segments", "symbols", "context", "message"),
    [
        ([], 3, 2, "training text is empty"),
        ([np.array([], dtype=np.int64)], 3, 2, "training text is empty"),
        ([np.array([0, 3])], 3, 2, "segment 0 has ids from 0 to 3, but there are 3 symbols"),
        ([np.array([0]), np.array([-1, 1])], 3, 2, "segment 1 has ids from -1 to 1"),
        ([np.array([0])], 0, 2, "size of the vocabulary"),
        ([np.array([0])], 3, -1, "context of 0 to 10,000 symbols, not -1"),
    ],
)
def test_wrong_training_text(segments, symbols, context, message):
    with pytest.raises(InputError, match=message):
        NGram.fit(segments, symbols, context)


def test_wrong_test_text():
    model = NGram.fit([np.array([0, 1, 1])], 2, 2)
    with pytest.raises(InputError, match="ids from 0 to 2"):
        model.log_probs([np.array([0, 2])])
    with pytest.raises(InputError, match="ids from 0 to 2"):
        model.distribution([np.array([0, 2])], 1)
    with pytest.raises(InputError, match="contexts of 0 to 2 symbols, not 3"):
        model.distribution([np.array([0])], 3)


def read(name):
    if not (TEXTS / name).exists():
        pytest.skip(f"{name} is not there; set UNITSCOPE_DATA to the folder that holds text/{name}")
    used, ids = np.unique(np.fromfile(TEXTS / name, dtype=np.uint8), return_inverse=True)
    return ids.astype(np.uint8), used.size


def parts(ids, kind):
    return [[ids[a:b] for a, b in Split(kind, part).spans(ids.size)] for part in ("train", "test")]


def test_war_and_peace_interleaved():
    ids, symbols = read("warpeace_input.txt")
    assert symbols == 87
    train, test = parts(ids, "interleaved")
    logs = NGram.fit(train, symbols, 20).log_probs(test)
    # Measured on this file; the published row (KenLM) is 2.399, 1.928, 1.521, 1.232, 1.194, 1.195.
    expected = {1: 2.3984, 2: 1.9271, 3: 1.5193, 5: 1.2300, 9: 1.1927, 20: 1.1936}
    assert {n: -logs[n].mean() for n in expected} == pytest.approx(expected, abs=0.003)
    p = np.exp(logs[20])
    assert (p < 0.5).mean() == pytest.approx(0.465, abs=0.003)
    carriage_return = 1  # the smallest of the 87 bytes is the line feed, this is the next
    assert p[np.concatenate(test) == carriage_return].mean() == pytest.approx(0.289, abs=0.005)


def test_war_and_peace_contiguous_is_harder():
    ids, symbols = read("warpeace_input.txt")
    train, test = parts(ids, "contiguous")
    loss = -NGram.fit(train, symbols, 9).log_probs(test).mean(1)
    assert {n: loss[n] for n in (1, 5, 9)} == pytest.approx({1: 2.394, 5: 1.265, 9: 1.243}, abs=0.003)
