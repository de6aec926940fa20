import numpy as np
import pytest
import torch
from planted import fold, one_site
from scipy import stats

from unitscope.analyses.by_step import ByStep

LENGTHS = [4, 6, 2, 4] * 10


def source(x):
    return one_site(x, LENGTHS, low=-np.inf, high=np.inf)


def steps():
    return torch.cat([torch.arange(n) for n in LENGTHS])


def test_moments_of_a_step_are_those_of_scipy():
    x = torch.randn(sum(LENGTHS), 5, generator=torch.Generator().manual_seed(0)) ** 3
    found = fold(ByStep(steps=5), source(x))
    assert found.count.tolist() == [40, 40, 30, 30, 10]
    for t in range(5):
        here = x[steps() == t].double().numpy()
        values = here.ravel()
        assert found.mean[t] == pytest.approx(values.mean(), abs=1e-6)
        assert found.variance[t] == pytest.approx(values.var(), rel=1e-5)
        assert found.skewness[t] == pytest.approx(stats.skew(values), rel=1e-4)
        assert found.kurtosis[t] == pytest.approx(stats.kurtosis(values), rel=1e-4)
        np.testing.assert_allclose(found.unit_mean[t], here.mean(0), atol=1e-6)
        np.testing.assert_allclose(found.unit_std[t], here.std(0), rtol=1e-5)
        assert found.counts[t].sum() == here.size
        quantiles = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
        assert np.abs(found.quantiles()[t] - quantiles).max() < 2 * found.width[t]


def test_a_counter_is_all_step_and_noise_is_none():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(sum(LENGTHS), generator=generator)
    x = torch.stack([steps() / 10, noise, torch.full_like(noise, 0.3)], 1)
    share = fold(ByStep(), source(x)).columns()[0].values
    assert share[0] == pytest.approx(1)
    assert share[1] < 0.1
    assert np.isnan(share[2])


def test_each_column_of_the_violins_is_a_distribution():
    x = torch.randn(sum(LENGTHS), 3, generator=torch.Generator().manual_seed(0))
    heat = next(view for view in fold(ByStep(), source(x)).views() if view.title.startswith("Distribution"))
    np.testing.assert_allclose(np.array(heat.values).sum(0), 1)
    assert heat.columns == [str(t) for t in range(6)]
