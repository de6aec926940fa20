"""Exact tests over runs, and p of draws."""

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.permutation import MOST, divisions, of_difference, of_draws, smallest_p, too_few


def test_many_runs_are_drawn():
    members = divisions(12, 12)
    assert members.shape == (MOST, 24)
    assert members[0].tolist() == [True] * 12 + [False] * 12
    assert (members.sum(1) == 12).all()
    assert smallest_p(12, 12) == pytest.approx(2 / MOST)


@pytest.mark.parametrize("sizes", [(3, 3), (4, 5), (2, 2)])
def test_p_of_a_difference_is_that_of_scipy_and_never_below_the_smallest(sizes):
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=sizes[0]), draw.normal(5, 1, size=sizes[1])

    def size(x, y, axis):
        return np.abs(y.mean(axis) - x.mean(axis))

    oracle = stats.permutation_test((a, b), size, n_resamples=np.inf, alternative="greater", vectorized=True)
    p = of_difference(a, b, divisions(*sizes))
    assert p == pytest.approx(oracle.pvalue) and p >= smallest_p(*sizes) - 1e-12
    assert (too_few(*sizes) == "") == (smallest_p(*sizes) < 0.05)


def test_a_value_is_one_of_its_own_draws():
    assert of_draws(3.0, np.arange(4.0)) == 2 / 5 and of_draws(9.0, np.arange(4.0)) == 1 / 5
