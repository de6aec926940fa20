"""Simulation scores against the formulas over all tokens joined."""

import numpy as np
import pytest
import torch

from unitscope.concepts.pairs import Hypotheses, Pairs, Scale
from unitscope.concepts.simulation import Simulation, Simulator


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


def test_an_explanation_learnt_on_one_part_is_scored_on_another() -> None:
    random = torch.Generator().manual_seed(1)
    flags = (torch.rand(400, 3, generator=random) < 0.3).float()
    x = torch.stack([5 + 2 * flags[:, 1], -flags[:, 2]], 1) + 0.1 * torch.randn(400, 2, generator=random)
    hypotheses = Hypotheses.of_flags(["a", "b", "c"])
    train = Pairs(2, hypotheses, Scale.of(x[:200], flags[:200], hypotheses, ()))
    train.update(x[:200], flags[:200])
    chosen = torch.tensor([1, 2])
    simulator = Simulator.learnt(train)
    assert simulator.holds[0, 1] == pytest.approx(float(x[:200][flags[:200, 1] > 0, 0].mean()), abs=1e-5)
    score = Simulation(2)
    score.update(x[200:], simulator.simulate(flags[200:, chosen], chosen))
    assert (score.correlation() > 0.95).all()
    assert (score.explained() > 0.9).all()
    wrong = Simulation(2)
    wrong.update(x[200:], simulator.simulate(flags[200:, [0, 0]], torch.tensor([0, 0])))
    assert (np.abs(wrong.correlation()) < 0.3).all()
