import math

import numpy as np
import pytest
import torch
from planted import fold, one_site

from unitscope.analyses.autocorrelation import Autocorrelation, _time_scale

LENGTHS = [300, 5, 1, 700, 90, 904]


def autoregressive(r, tokens, seed=0):
    """Units that follow x_t = r x_{t−1} + noise, from their stationary distribution."""
    r = torch.tensor(r)
    noise = torch.randn(tokens, len(r), generator=torch.Generator().manual_seed(seed))
    x = [noise[0]]
    for step in noise[1:]:
        x.append(r * x[-1] + (1 - r**2).sqrt() * step)
    return torch.stack(x)


def brute_force(x, lengths, lag):
    parts = [part.double().numpy() for part in x.split(lengths)]
    mean, variance = x.double().numpy().mean(0), x.double().numpy().var(0)
    products = [(part[lag:] - mean) * (part[: len(part) - lag] - mean) for part in parts if len(part) > lag]
    return np.concatenate(products).mean(0) / variance


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_pairs_within_sequences_only(offset):
    x = autoregressive([0.0, 0.5, 0.9, 0.99], sum(LENGTHS)) + offset
    result = fold(Autocorrelation(), one_site(x, LENGTHS, -math.inf, math.inf))
    assert result.lags == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]
    for row, lag in enumerate(result.lags):
        np.testing.assert_allclose(result.acf[row], brute_force(x, LENGTHS, lag), atol=2e-5 if offset else 2e-6)
        assert result.pairs[row] == sum(max(0, length - lag) for length in LENGTHS)


def test_the_time_scale_of_autoregressive_units():
    r = [0.5, 0.9, 0.98]
    result = fold(Autocorrelation(), one_site(autoregressive(r, 40000), low=-math.inf, high=math.inf))
    np.testing.assert_allclose(result.time_scale, -1 / np.log(r), rtol=0.1)


def test_an_exponential_is_exact_between_the_lags():
    lags = np.array([0.0, 1, 2, 4, 8, 16])
    acf = np.stack([np.exp(-lags / 5), np.exp(-lags / 0.3), np.exp(-lags / 100), np.full(6, np.nan)], 1)
    np.testing.assert_allclose(_time_scale(lags, acf), [5, 0.3, np.inf, np.nan])


def test_a_unit_that_alternates():
    x = torch.tensor([1.0, -1.0]).repeat(50)[:, None]
    result = fold(Autocorrelation(longest=4), one_site(x))
    np.testing.assert_allclose(result.acf[:, 0], [1, -1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(result.time_scale, (1 - math.exp(-1)) / 2, rtol=1e-6)


def test_constant_units_have_none():
    x = torch.cat([torch.full((50, 1), 0.1), torch.rand(50, 1)], 1)
    result = fold(Autocorrelation(longest=8), one_site(x))
    assert np.isnan(result.acf[:, 0]).all()
    assert np.isnan(result.time_scale[0])
    assert not np.isnan(result.acf[:, 1]).any()


def test_lags_longer_than_every_sequence_are_not_shown():
    result = fold(Autocorrelation(longest=8), one_site(torch.rand(12, 2), [4, 4, 4]))
    assert np.isnan(result.acf[3:]).all()
    assert result.views(0)[0].x == [0, 1, 2]
    assert result.views()[0].x == [0, 1, 2]
