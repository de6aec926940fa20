"""All passages, against looking at every stretch."""

import numpy as np
import pytest
from every_passage import every_passage

from unitscope.matches.passages import Passages, best, inside, passages, stretches, throughout, within


@pytest.mark.parametrize("flanks", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("seed", range(3))
def test_all_passages_are_found(seed, flanks, monkeypatch):
    dice = np.random.default_rng(seed)
    conditions, steps = 4, 40
    holds = np.repeat(dice.random((conditions, steps // 2)) < 0.7, 2, 1)
    holds ^= dice.random(holds.shape) < 0.1
    begins = dice.random(steps) < 0.08
    begins[0] = True
    # A few steps at a time, so that the division into groups is crossed.
    monkeypatch.setattr("unitscope.matches.passages.CELLS", 30)
    for least in range(1, conditions + 1):
        for lengths in ((1, 100), (2, 4)):
            where = stretches(holds.sum(0), begins, least, lengths[0])
            found = passages(lambda steps: holds[:, steps], where, begins, conditions, least, lengths, *flanks)
            triples = set(zip(found.start.tolist(), found.stop.tolist(), found.score.tolist(), strict=True))
            assert triples == every_passage(holds, begins, least, lengths, *flanks)
            assert len(triples) == len(found)


def test_stretches_end_with_their_sequences():
    count = np.array([2, 2, 1, 3, 3, 3, 0, 2])
    begins = np.array([True, False, False, False, True, False, False, False])
    assert stretches(count, begins, 2, 1).tolist() == [[0, 2], [3, 4], [4, 6], [7, 8]]
    assert stretches(count, begins, 2, 2).tolist() == [[0, 2], [4, 6]]


def test_the_better_of_overlapping_passages_stays():
    found = Passages(np.array([0, 2, 6, 9]), np.array([4, 8, 9, 12]), np.array([2, 3, 2, 1]))
    chosen, complete = best(found, 12, 10)
    assert list(zip(chosen.start, chosen.score, strict=True)) == [(2, 3), (9, 1)]
    assert complete
    chosen, complete = best(found, 12, 1)
    assert chosen.start.tolist() == [2]
    assert not complete
    assert best(found, 12, 10, taken=(3, 4))[0].start.tolist() == [6, 9]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 9])
def test_counts_over_several_steps_are_those_of_a_loop(length):
    draw = np.random.default_rng(length)
    count, begins = draw.integers(0, 5, 60), draw.random(60) < 0.1
    begins[0] = True
    windows = [range(at, at + length) for at in range(60 - length + 1) if not begins[at + 1 : at + length].any()]
    firsts = [window[0] for window in windows]
    assert np.flatnonzero(inside(begins, length)).tolist() == (firsts if length > 1 else list(range(60)))
    for level in range(5):
        held = [all(count[at] >= level for at in window) for window in windows]
        on = throughout(count >= level, length)
        assert on[firsts].tolist() == held
        assert not on[60 - length + 1 :].any()
    assert within(count, length).tolist() == [count[max(0, at - length + 1) : at + 1].max() for at in range(60)]
