import math

import numpy as np
import pytest
from scipy import stats

from unitscope.comparison.runs import compare_runs
from unitscope.errors import InputError


def test_p_is_that_of_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=4), rng.normal(size=5) + 1
    found = compare_runs({"loss": list(a)}, {"loss": list(b)})["loss"]

    def size(x, y, axis):
        return np.abs(y.mean(axis) - x.mean(axis))

    oracle = stats.permutation_test((a, b), size, n_resamples=np.inf, alternative="greater", vectorized=True)
    assert found.p == pytest.approx(oracle.pvalue)
    assert found.difference == pytest.approx(b.mean() - a.mean())
    interval = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.overlap == pytest.approx(stats.mannwhitneyu(b, a).statistic / 20)


def test_three_and_three_runs_are_too_few_and_it_says_so():
    found = compare_runs({"x": [1.0, 2.0, 3.0]}, {"x": [101.0, 102.0, 103.0]}, ("baseline", "guided"))
    assert found["x"].p == pytest.approx(0.1) == found.smallest_p
    assert "no difference" in found.warning
    assert found.warning in found.view().note
    enough = compare_runs({"x": [1.0, 2.0, 3.0, 4.0]}, {"x": [101.0, 102.0, 103.0, 104.0]})
    assert enough["x"].p == pytest.approx(2 / 70)
    assert enough.warning == ""


def test_one_run_each_is_no_evidence():
    found = compare_runs({"x": [0.0]}, {"x": [1.0]})
    assert found["x"].p == 1
    assert math.isnan(found["x"].effect) and math.isnan(found["x"].low)
    assert "p below 1" in found.warning


def test_without_a_difference_small_p_are_rare():
    rng = np.random.default_rng(0)
    measures = [str(k) for k in range(300)]
    first, second = ({name: list(rng.normal(size=5)) for name in measures} for _ in range(2))
    found = compare_runs(first, second)
    assert np.mean([row.p < 0.05 for row in found.rows]) < 0.09
    assert min(row.q for row in found.rows) > 0.05


def test_measures_that_are_unknown_in_a_run_are_left_out():
    found = compare_runs({"x": [1.0, math.nan], "y": [1.0, 1.0]}, {"x": [1.0, 2.0], "y": [1.0, 1.0]})
    assert [row.measure for row in found.rows] == ["y"]
    assert found["y"].p == 1
    with pytest.raises(InputError, match="'x' was not measured"):
        found["x"]
    with pytest.raises(InputError, match="at least one run"):
        compare_runs({"x": []}, {"x": [1.0]})
