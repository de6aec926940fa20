import math

import numpy as np
import pytest
import torch
from planted import fold, one_site

from unitscope.analyses.histogram import Histogram


def edges(result, unit):
    return result.start[unit] + result.width[unit] * np.arange(result.counts.shape[1] + 1)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (-math.inf, math.inf), (0.0, math.inf)])
def test_counts_are_those_of_numpy(low, high):
    x = torch.randn(1000, 5) * torch.tensor([0.1, 1.0, 10.0, 1e4, 1e-6])
    x = torch.sigmoid(x) if high == 1 and low == 0 else torch.tanh(x) if high == 1 else x.clamp(min=low)
    result = fold(Histogram(bins=32), one_site(x, [100] * 10, low, high))
    for unit in range(5):
        expected, _ = np.histogram(x[:, unit].double().numpy(), edges(result, unit))
        np.testing.assert_array_equal(result.counts[unit], expected)
        assert result.counts[unit].sum() == 1000


def test_a_bounded_site_has_its_bins_between_the_bounds():
    result = fold(Histogram(bins=64), one_site(torch.tensor([[0.0], [0.5], [1.0]]), low=0.0, high=1.0))
    assert (result.start[0], result.width[0]) == (0.0, 1 / 64)
    assert result.counts[0, [0, 32, 63]].tolist() == [1, 1, 1]
    assert fold(Histogram(bins=64), one_site(torch.zeros(1, 1))).width[0] == 2 / 64


@pytest.mark.parametrize("shift", [0.0, 3.0, -100.0])
def test_an_unbounded_unit_uses_more_than_half_of_the_bins(shift):
    x = torch.randn(500, 8) * torch.logspace(-3, 3, 8) + shift
    result = fold(Histogram(bins=64), one_site(x, low=-math.inf, high=math.inf))
    for unit in range(8):
        filled = np.flatnonzero(result.counts[unit])
        assert (filled[-1] - filled[0] + 1) > 30


def test_the_order_of_growth_does_not_matter():
    x = torch.cat([torch.randn(50, 3) * 10.0**k for k in range(-4, 5)])
    source = one_site(x, [50] * 9, -math.inf, math.inf, batch=1)
    grown = fold(Histogram(), source)
    at_once = fold(Histogram(), one_site(x, low=-math.inf, high=math.inf))
    np.testing.assert_array_equal(grown.counts, at_once.counts)
    np.testing.assert_array_equal(grown.width, at_once.width)
    np.testing.assert_array_equal(grown.start, at_once.start)


def test_constant_units_have_one_full_bin():
    constants = [0.0, 1.0, -0.3, 1e-30, 1e30, -7.5e8]
    result = fold(Histogram(), one_site(torch.tensor([constants] * 4), low=-math.inf, high=math.inf))
    assert result.counts.max(1).tolist() == [4] * 6
    mode = result.columns()[0].values
    np.testing.assert_allclose(mode, constants, rtol=1e-5, atol=1e-30)


def test_all_units_together_on_one_scale():
    x = torch.randn(300, 4) * torch.tensor([0.1, 1.0, 3.0, 50.0])
    result = fold(Histogram(bins=16), one_site(x, low=-math.inf, high=math.inf))
    (together,) = result.views()
    expected, _ = np.histogram(x.double().numpy(), together.edges)
    np.testing.assert_array_equal(together.counts, expected)
    assert sum(together.counts) == 1200


def test_a_units_view_has_no_empty_ends():
    (picture,) = fold(Histogram(), one_site(torch.tensor([[0.25], [0.5]]), low=0.0, high=1.0)).views(0)
    assert picture.edges[0] == 0.25
    assert picture.edges[-1] == 0.5 + 1 / 64
    assert len(picture.edges) == len(picture.counts) + 1


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("units", [1, 3])
def test_a_range_that_ends_at_zero(units, flushed):
    x = -torch.rand(500, units, generator=torch.Generator().manual_seed(0)) * 8
    x[::5] = 0.0  # the bound itself, which belongs to the last bin below it
    torch.set_flush_denormal(flushed)
    try:
        result = fold(Histogram(bins=64), one_site(x, [100] * 5, -math.inf, 0.0))
    finally:
        torch.set_flush_denormal(False)
    for unit in range(units):
        counts, _ = np.histogram(x[:, unit].double().numpy().clip(max=-1e-30), edges(result, unit))
        filled = np.flatnonzero(result.counts[unit])
        assert edges(result, unit)[filled[-1] + 1] <= 0
        np.testing.assert_array_equal(result.counts[unit], counts)
        assert counts.sum() == 500
