import math

import numpy as np
import pytest
import torch
from planted import LETTERS, fold, one_site

from unitscope.analyses.examples import Examples


def brute_force(x, lengths, count, stretch, sign):
    """(value, sequence, position) of the best token of each stretch, best first, earliest first among equals."""
    peaks, start = [], 0
    for sequence, length in enumerate(lengths):
        for first in range(0, length, stretch):
            values = x[start + first : start + min(first + stretch, length)].tolist()
            best = max(values) if sign > 0 else min(values)
            peaks.append((best, sequence, first + values.index(best)))
        start += length
    return sorted(peaks, key=lambda peak: (-sign * peak[0], peak[1], peak[2]))[:count]


@pytest.mark.parametrize("rounded", [False, True], ids=["distinct", "many ties"])
@pytest.mark.parametrize("batch", [1, 3, 100])
def test_finds_what_a_loop_finds(rounded, batch):
    lengths = [17, 1, 40, 3, 25, 60, 8, 33]
    x = torch.tanh(torch.randn(sum(lengths), 6))
    x = (x * 3).round() / 3 if rounded else x
    result = fold(Examples(count=4, stretch=16), one_site(x, lengths, batch=batch))
    for end, sign in ((0, 1), (1, -1)):
        for unit in range(6):
            found = zip(
                result.value[end, unit].tolist(),
                result.sequence[end, unit].tolist(),
                result.position[end, unit].tolist(),
                strict=True,
            )
            assert list(found) == brute_force(x[:, unit], lengths, 4, 16, sign)


def test_the_passage_is_cut_at_the_ends_of_the_sequence():
    x = torch.zeros(12, 1)
    x[5] = 1.0  # the second token of the second sequence
    result = fold(Examples(count=1, before=3, after=2), one_site(x, [4, 8]))
    picture = result.views(0)[0]
    assert picture.tokens == ["e", "f", "g", "h"]
    assert picture.values == [0, 1, 0, 0]
    assert picture.mark == 1
    assert picture.at == (1, 0)
    assert result.activations[0, 0, 0, result.before] == 1
    assert np.isnan(result.activations[0, 0, 0, :2]).all()
    assert (result.tokens[0, 0, 0, :2] == -1).all()


def test_one_example_from_each_stretch():
    x = torch.zeros(30, 1)
    x[10:15, 0] = torch.tensor([0.7, 0.8, 0.9, 0.8, 0.7])
    x[25] = 0.5
    result = fold(Examples(count=2, stretch=1024), one_site(x, [20, 10]))
    assert result.position[0, 0].tolist() == [12, 5]
    np.testing.assert_allclose(result.value[0, 0], [0.9, 0.5])


def test_fewer_stretches_than_examples():
    result = fold(Examples(count=5), one_site(torch.rand(8, 2), [4, 4]))
    assert np.isnan(result.value[:, :, 2:]).all()
    assert (result.sequence[:, :, 2:] == -1).all()
    assert len(result.views(0)) == 4


def test_symbols_are_those_that_occur():
    x = torch.rand(6, 2)
    result = fold(Examples(count=1), one_site(x, tokens=torch.tensor([25, 3, 3, 7, 3, 25])))
    assert result.symbols == [LETTERS.symbols[i] for i in (3, 7, 25)]
    assert "".join(result.views(0)[0].tokens) == "zddhdz"


def test_a_text_that_is_there_twice_is_shown_once():
    x = torch.zeros(12, 1)
    x[1], x[5], x[9] = 0.9, 0.8, 0.7
    tokens = torch.tensor([1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8])
    largest = [
        p for p in fold(Examples(count=3), one_site(x, [4, 4, 4], tokens=tokens)).views(0) if "Largest" in p.title
    ]
    assert [(p.title, p.at, p.note) for p in largest] == [
        ("Largest 1: 0.9", (0, 0), "one of 2 places with this text"),
        ("Largest 3: 0.7", (2, 0), ""),
    ]
    assert all(math.isnan(p.low) and math.isnan(p.high) for p in largest)  # the unit's own scale


def test_the_table_shows_what_was_read_before():
    x = torch.zeros(10, 1)
    x[4], x[7] = 1.0, -1.0
    (table,) = fold(Examples(before=2), one_site(x)).views()
    assert table.rows == [["planted/0", 1.0, "cd⟦e⟧", -1.0, "fg⟦h⟧"]]
