import numpy as np
import pytest
import torch
from planted import fold, one_site
from scipy import stats

from unitscope.analyses.change_by_step import ChangeByStep
from unitscope.comparison.steps import compare_changes, transition_views
from unitscope.errors import InputError


def test_each_transition_is_tested_as_scipy_does():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(80, 5, generator=generator), 1.4 * torch.randn(120, 5, generator=generator)
    found = compare_changes(*(fold(ChangeByStep(), one_site(z, [4] * (len(z) // 4))) for z in (x, y)))
    assert [t.step for t in found] == [1, 2, 3]
    for transition in found:
        a, b = (
            np.linalg.norm((z[transition.step :: 4] - z[transition.step - 1 :: 4]).double().numpy(), axis=1)
            for z in (x, y)
        )
        oracle = stats.ttest_ind(b, a, equal_var=False)
        assert (transition.t, transition.p) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-4)
        pooled = np.sqrt((19 * a.var(ddof=1) + 29 * b.var(ddof=1)) / 48)
        assert transition.effect == pytest.approx((b.mean() - a.mean()) / pooled, rel=1e-4)
    assert len(transition_views(found, ("plain", "guided"))[0].rows) == 3


def test_without_transitions_there_is_nothing_to_test():
    still = fold(ChangeByStep(), one_site(torch.randn(5, 2), [1] * 5))
    with pytest.raises(InputError, match="no transition"):
        compare_changes(still, still)
