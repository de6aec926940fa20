import math

import numpy as np
import pytest
import torch
from planted import fold, one_site
from scipy import stats

from unitscope.analyses.moments import Moments

LENGTHS = [300, 1, 200, 499]


@pytest.mark.parametrize("offset", [0.0, 1.0, -1000.0])
def test_equals_scipy(offset):
    x = torch.randn(1000, 6).exp() + offset
    result = fold(Moments(), one_site(x, LENGTHS, -math.inf, math.inf, batch=1))
    exact = x.double().numpy()
    assert result.count == 1000
    np.testing.assert_allclose(result.mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(result.std, exact.std(0), rtol=1e-6)
    np.testing.assert_allclose(result.skewness, stats.skew(exact), rtol=1e-5)
    np.testing.assert_allclose(result.kurtosis, stats.kurtosis(exact), rtol=1e-5)
    np.testing.assert_array_equal(result.smallest, exact.min(0))
    np.testing.assert_array_equal(result.largest, exact.max(0))


def test_parts_whose_means_are_far_apart():
    x = (
        torch.randn(1000, 3)
        + torch.repeat_interleave(torch.tensor([0.0, 1e3, -1e4, 1e5]), torch.tensor(LENGTHS))[:, None]
    )
    result = fold(Moments(), one_site(x, LENGTHS, -math.inf, math.inf, batch=1))
    exact = x.double().numpy()
    np.testing.assert_allclose(result.mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(result.kurtosis, stats.kurtosis(exact), rtol=1e-5)


def test_a_constant_has_no_shape():
    result = fold(Moments(), one_site(torch.full((100, 2), 0.3), [50, 50]))
    np.testing.assert_allclose(result.mean, 0.3, rtol=1e-6)
    np.testing.assert_allclose(result.std, 0, atol=1e-7)
    assert np.isnan(result.skewness).all()
    assert np.isnan(result.kurtosis).all()


def test_double_precision_is_kept():
    x = torch.randn(1000, 2, dtype=torch.float64) + 1e6
    result = fold(Moments(), one_site(x, low=-math.inf, high=math.inf))
    np.testing.assert_allclose(result.std, x.numpy().std(0), rtol=1e-12)
