import numpy as np
import pytest
import torch
from torch import nn

from unitscope.errors import InputError
from unitscope.interventions.lyapunov import Lyapunov, lyapunov
from unitscope.interventions.one_step import after, jacobians, width


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_jacobians_are_those_of_autograd(kind):
    torch.manual_seed(0)
    layer, x = kind(2, 3, batch_first=True).double(), torch.tensor([0.3, -0.2])
    states = torch.randn(4, width(layer), dtype=torch.float64)
    there, slopes = jacobians(layer, x, states)
    for state, moved, slope in zip(states, there, slopes, strict=True):
        expected = torch.autograd.functional.jacobian(lambda s: after(layer, x, s), state)
        assert (slope - expected).abs().max() < 1e-12
        assert (moved - after(layer, x, state)).abs().max() < 1e-12


def linear(matrix):
    """h → W h for positive states: a rectifier that is never at rest."""
    rnn = nn.RNN(1, len(matrix), nonlinearity="relu", bias=False, batch_first=True).double()
    with torch.no_grad():
        rnn.weight_ih_l0.fill_(1.0)
        rnn.weight_hh_l0.copy_(matrix)
    return rnn


def test_a_linear_map_has_the_logarithms_of_its_eigenvalues():
    matrix = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.5, 0.1], [0.1, 0.1, 0.6]], dtype=torch.float64)
    found = lyapunov(linear(matrix), torch.ones(600, 1), skip=300)
    expected = np.sort(np.log(np.abs(np.linalg.eigvals(matrix.numpy()))))[::-1]
    np.testing.assert_allclose(found.exponents, expected, atol=1e-6)
    assert lyapunov(linear(matrix), torch.ones(600, 1), count=1, skip=300).exponents == pytest.approx(expected[:1])
    assert found.dimension == 0
    assert found.running.shape == (300, 3)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_the_sum_is_the_mean_change_of_volume(kind):
    torch.manual_seed(0)
    layer, inputs = kind(2, 3, batch_first=True).double(), torch.randn(80, 2)
    found = lyapunov(layer, inputs, skip=0)
    state, volumes = torch.zeros(width(layer), dtype=torch.float64), []
    for x in inputs:
        there, slopes = jacobians(layer, x, state[None])
        volumes.append(float(torch.linalg.slogdet(slopes[0])[1]))
        state = there[0]
    assert found.exponents.sum() == pytest.approx(np.mean(volumes), rel=1e-9)
    assert (np.diff(found.exponents) <= 0).all()


def test_strong_random_connections_are_chaotic_and_weak_ones_are_not():
    torch.manual_seed(0)
    units, largest = 40, []
    for gain in (0.5, 2.5):
        rnn = nn.RNN(1, units, batch_first=True, bias=False).double()
        with torch.no_grad():
            rnn.weight_hh_l0.copy_(gain * torch.randn(units, units) / units**0.5)
        start = torch.randn(units)
        largest.append(lyapunov(rnn, torch.zeros(300, 1), count=1, start=start).exponents[0])
    assert largest[0] < -0.3
    assert largest[1] > 0.1


def test_dimension_of_kaplan_and_yorke():
    assert Lyapunov(np.array([0.9, 0.0, -14.5]), np.zeros((1, 3))).dimension == pytest.approx(2 + 0.9 / 14.5)
    assert Lyapunov(np.array([0.5]), np.zeros((1, 1))).dimension == 1
    assert len(Lyapunov(np.array([0.5]), np.zeros((1, 1))).view().series[0].y) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [({"count": 7}, "6 numbers"), ({"start": torch.zeros(3)}, "6 numbers"), ({"skip": 20}, "20 of 20 steps")],
)
def test_wrong_sizes(given, message):
    with pytest.raises(InputError, match=message):
        lyapunov(nn.LSTM(1, 3, batch_first=True).double(), torch.zeros(20, 1), **{"skip": 5, **given})
