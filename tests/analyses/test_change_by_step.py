import numpy as np
import torch
from planted import fold, one_site

from unitscope.analyses.change_by_step import ChangeByStep

LENGTHS = [4, 6, 1, 3] * 6


def test_each_transition_is_that_of_a_loop():
    x = torch.randn(sum(LENGTHS), 4, generator=torch.Generator().manual_seed(0))
    found = fold(ChangeByStep(steps=5), one_site(x, LENGTHS))
    sequences = x.double().split(LENGTHS)
    for t in range(5):
        change = np.array([(s[t] - s[t - 1]).numpy() for s in sequences if 0 < t < len(s)])
        assert found.count[t] == len(change)
        if t == 0:
            assert np.isnan(found.norm[0])
            continue
        norms = np.linalg.norm(change, axis=1)
        np.testing.assert_allclose(found.norm[t], norms.mean(), rtol=1e-6)
        np.testing.assert_allclose(found.norm_std[t], norms.std(ddof=1), rtol=1e-5)
        np.testing.assert_allclose(found.change[t], np.abs(change).mean(0), rtol=1e-6)
        np.testing.assert_allclose(found.signed[t], change.mean(0), rtol=1e-5, atol=1e-7)


def test_a_unit_that_jumps_late_has_a_late_centre():
    x = torch.zeros(8, 2)
    x[[1, 5], 0] = 1.0
    x[[2, 3, 6, 7], 0] = 1.0
    x[[3, 7], 1] = 1.0
    found = fold(ChangeByStep(), one_site(x, [4, 4]))
    assert found.columns()[0].values.tolist() == [1.0, 3.0]
