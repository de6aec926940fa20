"""Differences of independent means."""

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.welch import Group, difference, hedges


def test_it_is_scipys():
    draw = np.random.default_rng(0)
    a, b = draw.normal(0, 1, 7), draw.normal(1, 3, 12)
    found = difference(Group.of(a), Group.of(b))
    test = stats.ttest_ind(b, a, equal_var=False)
    interval = test.confidence_interval()
    assert (found.t, found.p, found.low, found.high) == pytest.approx(
        (test.statistic, test.pvalue, interval.low, interval.high)
    )
    pooled = np.sqrt((6 * a.var(ddof=1) + 11 * b.var(ddof=1)) / 17)
    assert found.d == pytest.approx((b.mean() - a.mean()) / pooled)
    assert hedges(found, 19) == pytest.approx(found.d * (1 - 3 / (4 * 19 - 9)))


def test_a_group_of_one_and_groups_that_do_not_vary_have_a_difference_and_no_interval():
    for other in (np.array([2.0]), np.array([2.0, 2.0])):
        found = difference(Group.of(np.array([1.0, 1.0])), Group.of(other))
        assert found.value == 1 and not found.defined and np.isnan(found.low)
