"""Simulation scores against the formulas over all tokens joined."""

import numpy as np
import pytest
import torch

from unitscope.concepts.simulation import Simulation


def test_scores_are_over_all_tokens_joined() -> None:
    random = torch.Generator().manual_seed(0)
    real = torch.randn(90, 4, generator=random) + torch.arange(4)
    simulated = real * 0.5 + torch.randn(90, 4, generator=random)
    real[:, 3], simulated[:, 2] = 0.0, 1.0
    parts = []
    for rows in torch.arange(90).split([10, 50, 30]):
        part = Simulation(4)
        part.update(real[rows], simulated[rows])
        parts.append(part)
    whole = parts[0].merge(parts[1]).merge(parts[2])
    r, s = real.double().numpy(), simulated.double().numpy()
    for unit in range(2):
        assert whole.correlation()[unit] == pytest.approx(np.corrcoef(r[:, unit], s[:, unit])[0, 1], abs=1e-9)
    assert np.isnan(whole.correlation()[2:]).all()
    expected = 1 - ((r - s) ** 2).mean(0)[:3] / (r**2).mean(0)[:3]
    np.testing.assert_allclose(whole.explained()[:3], expected)
    expected = 1 - np.abs(r - s).mean(0)[:3] / np.abs(r).mean(0)[:3]
    np.testing.assert_allclose(whole.explained_absolute()[:3], expected)
    assert np.isnan(whole.explained()[3])
    assert np.isnan(whole.explained_absolute()[3])
