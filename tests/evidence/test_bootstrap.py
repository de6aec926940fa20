"""Pieces drawn again."""

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.bootstrap import drawn, interval


def test_every_draw_has_as_many_pieces_and_intervals_are_scipys():
    values = np.random.default_rng(0).exponential(size=40)
    times = drawn(40, 20_000, seed=1)
    assert (times.sum(1) == 40).all() and (drawn(40, 20_000, seed=1) == times).all()
    low, high = interval(times @ values / 40)
    scipys = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=2).confidence_interval
    assert (low, high) == pytest.approx((scipys.low, scipys.high), abs=0.01)


def test_what_no_draw_says_has_no_interval():
    low, high = interval(np.array([[1.0, np.nan, np.nan], [3.0, 2.0, np.nan]]), level=1.0)
    assert low == pytest.approx([1, 2, np.nan], nan_ok=True) and high == pytest.approx([3, 2, np.nan], nan_ok=True)
