"""False discovery rates, over pairs and over units."""

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.fdr import adjusted, by_unit, combined


def test_q_is_over_the_tests_that_were_made():
    p = np.array([[0.01, np.nan, 0.04], [0.02, 0.5, np.inf]])
    made = np.isfinite(p)
    q = adjusted(p)
    assert q[made] == pytest.approx(stats.false_discovery_control(p[made]))
    assert np.isnan(q[~made]).all()
    assert np.isnan(adjusted(np.full(3, np.nan))).all()


def test_simes_is_the_least_q_of_a_unit():
    p = np.random.default_rng(0).random((6, 9))
    p[2, 4:] = np.nan
    p[5] = np.nan
    expected = [adjusted(row[np.isfinite(row)]).min() if np.isfinite(row).any() else np.nan for row in p]
    assert combined(p) == pytest.approx(expected, nan_ok=True)


def test_many_true_pairs_elsewhere_do_not_loosen_the_bar_for_the_other_units():
    draw = np.random.default_rng(1)
    wrong_pairs, wrong_units = [], []
    for _ in range(60):
        p = draw.random((100, 40))
        p[:40] = 1e-9 * draw.random((40, 40))  # two fifths of the units follow everything
        null = np.arange(100) >= 40
        wrong_pairs.append(((adjusted(p) <= 0.05).any(1) & null).sum() / max((adjusted(p) <= 0.05).any(1).sum(), 1))
        q, follows = by_unit(p)
        wrong_units.append(((q <= 0.05) & null).sum() / max((q <= 0.05).sum(), 1))
        assert (follows.any(1) <= (q <= 0.05)).all()
    assert np.mean(wrong_pairs) > 0.3  # of the units with a significant pair
    assert np.mean(wrong_units) < 0.05
