import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.slope import slope


def test_it_is_that_of_least_squares():
    draw = np.random.default_rng(0)
    x = np.arange(9.0)
    y = 0.5 * x + draw.normal(size=9)
    found, low, high = slope(x, y)
    coefficients, covariance = np.polyfit(x, y, 1, cov=True)
    assert found == pytest.approx(coefficients[0])
    assert high - low == pytest.approx(2 * stats.t.ppf(0.975, 7) * np.sqrt(covariance[0, 0]))
    assert np.isnan(slope(x[:2], y[:2])[1])
