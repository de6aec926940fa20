"""Intervals of anything that is a function of sums, and of ratios of sums."""

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.jackknife import jackknife
from unitscope.evidence.ratio import above_zero, by_piece, difference, from_moments, mean, of_values, share


def test_of_a_plain_mean_it_is_students_t():
    values = np.random.default_rng(0).normal(3, 2, 11)
    ones = np.ones(11)
    found = jackknife(lambda s, n: s / n, (values, ones), ones, chance=2.0)
    test = stats.ttest_1samp(values, 2.0)
    interval = test.confidence_interval()
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(test.pvalue) and found.freedom == pytest.approx(10)


def test_a_ratio_has_cochrans_error_where_pieces_are_alike():
    draw = np.random.default_rng(1)
    counts = draw.integers(190, 210, 200).astype(float)
    sums = counts * draw.normal(0.5, 0.1, 200)
    found = mean(sums, counts)
    m = sums.sum() / counts.sum()
    cochran = np.sqrt(200 / 199 * ((sums - m * counts) ** 2).sum()) / counts.sum()
    assert found.value == pytest.approx(m) and found.error == pytest.approx(cochran, rel=0.01)


@pytest.mark.parametrize("scale", ["z", "logit"])
def test_ends_of_intervals_stay_in_their_range(scale):
    parts = np.array([9.9, 9.95, 9.8, 10.0, 9.99])
    found = jackknife(lambda s, n: s / n, (parts, np.full(5, 10.0)), np.full(5, 10.0), scale)
    assert 0 < found.low < found.value < found.high <= 1


def test_pieces_without_such_tokens_say_nothing():
    sums, counts = np.array([1.0, 2.0, 0, 0, 3.5]), np.array([2.0, 2.0, 0, 0, 3.0])
    whole, own = mean(sums, counts), mean(sums[counts > 0], counts[counts > 0])
    for name in ("value", "low", "high", "freedom"):
        assert getattr(whole, name) == pytest.approx(getattr(own, name))
    assert np.isnan(mean(sums[:2], counts[:2]).low) and mean(sums[:2], counts[:2]).value == pytest.approx(0.75)


def test_the_difference_knows_that_both_sides_share_pieces():
    draw = np.random.default_rng(2)
    level = draw.normal(0, 5, 40)  # of a piece, the same on both sides
    a, b = (level + shift + draw.normal(0, 0.1, 40) for shift in (1.0, 0.0))
    n = np.full(40, 50.0)
    found = difference((a * n, n), (b * n, n))
    paired = stats.ttest_rel(a, b).confidence_interval()
    assert found.value == pytest.approx((a - b).mean())
    assert (found.low, found.high) == pytest.approx((paired.low, paired.high))
    assert mean(a * n, n).high - mean(a * n, n).low > 10 * (found.high - found.low)


def test_a_plain_mean_over_pieces_has_students_interval_and_both_tests():
    values = np.array([0.3, 0.9, np.nan, 0.4, 1.2, 0.1])
    found = of_values(values, chance=0.2)
    for side, p in (("two-sided", found.p), ("greater", found.above)):
        assert p == pytest.approx(stats.ttest_1samp(values, 0.2, nan_policy="omit", alternative=side).pvalue)
    two = of_values(np.array([[1.0], [3.0]]))
    assert two.low == pytest.approx(2 - stats.t.ppf(0.975, 1)) and np.isnan(of_values(np.array([1.0])).low)


def test_a_share_has_wilsons_interval_where_tokens_are_independent():
    draw = np.random.default_rng(3)
    counts = np.full(4000, 10.0)
    right = draw.binomial(10, 0.9, 4000).astype(float)
    m, low, high = share(right, counts)
    wilson = stats.binomtest(int(right.sum()), 40_000).proportion_ci(method="wilson")
    assert m == right.sum() / 40_000
    assert (low, high) == pytest.approx((wilson.low, wilson.high), abs=3e-4)


def test_a_share_of_alike_tokens_is_as_sure_as_its_pieces_are():
    right = np.repeat([20.0, 0.0], [6, 4])
    m, low, high = share(right, np.full(10, 20.0))
    assert m == 0.6 and 0.25 < low < 0.32 and 0.83 < high < 0.9
    assert share(np.full(8, 5.0), np.full(8, 5.0)) == pytest.approx((1.0, 0.59, 1.0), abs=0.01)
    assert np.isnan(share(np.array([3.0]), np.array([5.0]))[1])
    assert np.isnan(share(np.zeros(2), np.zeros(2))).all()


def test_shares_are_covered():
    draw = np.random.default_rng(4)
    held = 0
    for _ in range(600):
        chance = draw.beta(6, 2, 25)  # of each sentence
        words = draw.integers(3, 30, 25)
        _, low, high = share(draw.binomial(words, chance).astype(float), words.astype(float))
        held += low <= 0.75 <= high
    assert stats.binomtest(held, 600).proportion_ci(0.99).high > 0.93 and held / 600 < 0.985


def test_pieces_that_gain_alike_have_the_sign_tests_p():
    ones = np.ones(6)
    assert above_zero(ones, ones) == 0.5**6 and above_zero(-ones, ones) == above_zero(0 * ones, ones) == 1
    assert np.isnan(above_zero(ones[:1], ones[:1]))
    values = np.array([0.3, 0.1, 0.4, -0.1])
    assert above_zero(values, ones[:4]) == pytest.approx(stats.ttest_1samp(values, 0, alternative="greater").pvalue)


def test_values_are_added_up_by_piece():
    sums, counts = by_piece(np.array([1.0, 2.0, 3.0]), np.array([7, 2, 7]))
    assert sums.tolist() == [2, 4] and counts.tolist() == [1, 2]


def test_a_ratio_from_moments_is_cochrans():
    draw = np.random.default_rng(5)
    n = draw.integers(5, 40, 30).astype(float)
    s = n * draw.normal(0.3, 1, 30)
    m, _, high = from_moments(30.0, n.sum(), n @ n, s.sum(keepdims=True), (s @ n)[None], (s @ s)[None])
    error = np.sqrt(30 / 29 * ((s - m * n) ** 2).sum()) / n.sum()
    assert m == pytest.approx(s.sum() / n.sum())
    assert high - m == pytest.approx(stats.t.ppf(0.975, n.sum() ** 2 / (n @ n) - 1) * error)
    assert np.isnan(from_moments(2.0, 2.0, 2.0, *np.ones((3, 1)))[1])
    assert np.isnan(from_moments(0.0, 0.0, 0.0, *np.zeros((3, 1)))[0])
