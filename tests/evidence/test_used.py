"""Used, not used, not measured."""

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.used import CONTROLS, Costs, similar, verdicts


def costs(draw, pieces, share, where, elsewhere=0.0, tokens=300, labels=1):
    """Skewed costs of tokens, with levels of pieces, where flags hold and elsewhere."""
    on = draw.binomial(tokens, share, (pieces, labels)).astype(float)
    level = draw.gamma(2, 0.5, (pieces, labels))
    sums = [draw.gamma(np.maximum(n, 1e-9) * 0.3) / 0.3 * level - n * level for n in (on, tokens - on)]
    return Costs(sums[0] + where * on, on, sums[1] + elsewhere * (tokens - on), tokens - on)


def test_estimates_are_means_over_tokens_and_their_difference():
    found = costs(np.random.default_rng(0), 30, 0.2, 0.5)
    on, off = found.where.sum() / found.where_tokens.sum(), found.elsewhere.sum() / found.elsewhere_tokens.sum()
    assert found.on().value == pytest.approx(on) and found.off().value == pytest.approx(off)
    assert found.contrast().value == pytest.approx(on - off)
    assert found.p() == pytest.approx(np.maximum(found.on().above, found.contrast().above))


@pytest.mark.parametrize("pieces", [6, 20])
def test_of_nothing_one_in_twenty_at_most_seems_a_cost(pieces):
    draw = np.random.default_rng(1)
    p = costs(draw, pieces, 0.1, 0.0, labels=4000).p()
    assert (p <= 0.05).mean() < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 4000)


def test_a_difference_is_covered():
    draw = np.random.default_rng(2)
    found = costs(draw, 20, 0.2, 0.4, 0.1, labels=2000).contrast()
    held = int(((found.low <= 0.3) & (found.high >= 0.3)).sum())
    interval = stats.binomtest(held, 2000).proportion_ci(0.99)
    assert interval.low < 0.97 and interval.high > 0.93


def test_verdicts_need_a_difference_and_more_than_random_units():
    p = np.array([1e-6, 1e-6, 0.5, np.nan, 1e-6])
    contrast = np.array([0.5, 0.5, 0.5, 0.5, 0.5])
    controls = np.full((CONTROLS, 5), 0.1)
    controls[7, 1] = 0.6
    controls[7, 4] = np.nan
    said, q = verdicts(p, contrast, controls)
    assert said == ["used", "not used", "not used", "not measured", "not measured"]
    assert np.isnan(q[3]) and q[2] == pytest.approx(0.5)


def test_a_unit_that_is_cut_off_is_not_used_and_a_label_in_two_documents_is_not_measured():
    zeros, tokens = np.zeros((10, 2)), np.full((10, 2), 50.0)
    few = tokens.copy()
    few[2:, 1] = 0
    found = Costs(zeros, few, zeros, tokens)
    assert found.p() == pytest.approx([1.0, np.nan], nan_ok=True)
    said, _ = verdicts(found.p(), np.zeros(2), np.zeros((CONTROLS, 2)))
    assert said == ["not used", "not measured"]


def test_random_pairs_are_rarely_used_even_where_every_unit_costs_something():
    draw = np.random.default_rng(3)
    effects = draw.exponential(0.5, (CONTROLS + 1, 600))  # each unit has a true cost where the label holds
    each = [costs(draw, 12, 0.2, effect, labels=600) for effect in effects]
    contrasts = np.stack([one.contrast().value for one in each])
    said, _ = verdicts(each[0].p(), contrasts[0], contrasts[1:])
    assert said.count("used") / 600 < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 600)
    assert said.count("not measured") == 0


def test_controls_are_of_similar_activity_and_found_units_are_none():
    activity = np.linspace(0, 1, 200)
    drawn = similar(activity, 150, taken=[149, 151])
    assert len(drawn) == CONTROLS and not {149, 150, 151} & set(drawn)
    assert np.abs(activity[drawn] - activity[150]).max() < 0.15
    assert (similar(activity, 150, [149, 151]) == drawn).all()
    assert len(similar(activity[:8], 0)) == 7
