"""A trained network among untrained ones."""

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.untrained import exceedance


def test_by_rank_where_there_are_nineteen():
    others = np.linspace(0.1, 0.28, 19)[:, None] * np.array([1, -1])  # signs do not count
    assert exceedance(np.array([0.3, -0.3]), others) == pytest.approx([0.05, 0.05])
    assert exceedance(np.array([0.28, 0.1]), others) == pytest.approx([0.1, 1.0])


def test_by_a_prediction_bound_for_maxima_where_there_are_fewer():
    draws = stats.gumbel_r.rvs(size=(200_000, 8), random_state=0)
    distance = (draws[:, 0] - draws[:, 1:].mean(1)) / draws[:, 1:].std(1, ddof=1)
    bound = np.quantile(distance, 0.95)  # of one draw, in deviations of seven others
    others = np.random.default_rng(0).uniform(0.1, 0.3, (7, 1))
    z = np.arctanh(others[:, 0])
    own = np.tanh(z.mean() + bound * z.std(ddof=1))
    assert exceedance(np.array([own]), others) == pytest.approx(0.05, abs=0.005)
    alike = np.full((7, 1), 0.2)
    assert exceedance(np.array([0.5]), alike) < 1e-4 and exceedance(np.array([0.2]), alike) == 1


def test_fewer_than_five_are_no_test_and_a_network_without_value_counts_as_nothing():
    assert np.isnan(exceedance(np.array([0.9]), np.full((4, 1), 0.1))).all()
    others = np.full((19, 1), 0.1)
    others[3] = np.nan
    assert exceedance(np.array([0.2]), others) == pytest.approx(0.05)
    assert np.isnan(exceedance(np.array([np.nan]), others)).all()


@pytest.mark.parametrize("networks", [5, 10, 18, 19, 30])
@pytest.mark.parametrize("units", [1, 64])
def test_untrained_against_untrained_passes_in_one_of_twenty(networks, units):
    draw = np.random.default_rng(networks)
    # The largest of so many correlations, whatever the length of the text: the variance is that of initialisation.
    best = np.tanh(np.abs(draw.normal(0, 0.2, (networks + 1, 4000, units))).max(2))
    passed = (exceedance(best[0], best[1:]) <= 0.05).mean()
    assert 0.015 < passed < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 4000)
