import numpy as np
import pytest

from unitscope.errors import InputError
from unitscope.models.suffixes import PackedText, Packing, Suffixes

NOWHERE = np.iinfo(np.int16).max


def suffixes_of(segments):
    """Each suffix as a list of symbols that ends with its segment, and the one that begins a symbol earlier."""
    whole = [(list(map(int, segment)), i) for segment in segments for i in range(len(segment))]
    return [(symbols[i:], symbols[i - 1 :] if i else None) for symbols, i in whole]


def in_common(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def longest(suffix, others, depth):
    return max(min(in_common(suffix, other), depth) for other in others)


CASES = [(2, [60, 0, 9], 5), (5, [80, 40, 1], 12), (200, [50, 60], 3), (90, [70, 30], 21)]


@pytest.mark.parametrize(("symbols", "lengths", "depth"), CASES)
def test_sorted_and_shared(symbols, lengths, depth):
    rng = np.random.default_rng(depth)
    segments = [rng.integers(0, min(symbols, 4), length) for length in lengths]
    text = PackedText.of(segments, Packing(symbols, depth))
    suffixes = Suffixes.of(text)
    pairs = suffixes_of(segments)
    token = np.searchsorted(text.position, suffixes.position)  # [rank]
    ranked = [pairs[t][0] for t in token]
    assert sorted(token) == list(range(sum(lengths)))
    assert [s[:depth] for s in ranked] == sorted(s[:depth] for s, _ in pairs)
    assert suffixes.room.tolist() == [min(len(s), depth) for s in ranked]
    assert suffixes.symbol(np.arange(len(token)), 0).tolist() == [s[0] for s in ranked]
    # For every k, whole k-grams are new exactly where the text has not had them yet in alphabetical order.
    for k in range(1, depth + 1):
        whole = suffixes.room >= k
        grams = [tuple(s[:k]) for s, w in zip(ranked, whole, strict=True) if w]
        assert (suffixes.shared[whole] < k).tolist() == [i == grams.index(gram) for i, gram in enumerate(grams)]
        # And each new left extension is marked once.
        extended = {tuple(before[: k + 1]) for s, before in pairs if before and len(s) >= k and k < depth}
        if k < depth:
            assert (suffixes.left_shared[whole] <= k).sum() == len(extended)
    assert ((suffixes.left_shared == NOWHERE) == [pairs[t][1] is None for t in token]).all()


@pytest.mark.parametrize(("symbols", "lengths", "depth"), CASES)
def test_search_finds_the_longest_match(symbols, lengths, depth):
    rng = np.random.default_rng(depth)
    segments = [rng.integers(0, min(symbols, 4), length) for length in lengths]
    asked = [rng.integers(0, min(symbols, 5), 50), segments[0][:20], np.array([symbols - 1])]
    suffixes = Suffixes.of(PackedText.of(segments, Packing(symbols, depth)))
    text = PackedText.of(asked, Packing(symbols, depth))
    rank, matched = suffixes.search(text)
    known = [s for s, _ in suffixes_of(segments)]
    at = np.searchsorted(PackedText.of(segments, Packing(symbols, depth)).position, suffixes.position)
    for (suffix, _), r, m in zip(suffixes_of(asked), rank, matched, strict=True):
        best = longest(suffix, known, depth)
        assert in_common(suffix, known[at[r]]) >= best
        assert min(int(m), len(suffix), depth) >= best


def test_ids_that_are_no_symbols():
    with pytest.raises(InputError, match="segment 1 has ids from 0 to 4, but there are 4 symbols"):
        PackedText.of([np.array([0]), np.array([0, 4])], Packing(4, 3))
