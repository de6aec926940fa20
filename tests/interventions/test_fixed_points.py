import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import nn

from unitscope.errors import InputError
from unitscope.interventions.fixed_points import fixed_points


def flip_flops(bits, strength=2.0):
    """Each unit keeps its sign: h = tanh(strength · h) stands still at 0 (unstable) and near ±1."""
    rnn = nn.RNN(1, bits, batch_first=True).double()
    with torch.no_grad():
        for weight in rnn.parameters():
            weight.zero_()
        rnn.weight_hh_l0.copy_(strength * torch.eye(bits))
    return rnn


def test_three_bits_have_eight_stable_states():
    corners = torch.cartesian_prod(*[torch.tensor([-0.9, 0.05, 0.8])] * 3)
    found = fixed_points(flip_flops(3), torch.zeros(1), corners, steps=60)
    assert len(found.states) == 27
    assert found.stable.sum() == 8
    assert (found.q < 1e-20).all()
    kept = brentq(lambda h: np.tanh(2 * h) - h, 0.5, 1)
    np.testing.assert_allclose(np.abs(found.states[found.stable]), kept, atol=1e-9)
    slope = 2 * (1 - kept**2)
    np.testing.assert_allclose(np.abs(found.eigenvalues[found.stable]), slope, atol=1e-9)
    origin = np.abs(found.states).max(axis=1) < 1e-6
    np.testing.assert_allclose(found.eigenvalues[origin].real, 2)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_any_layer_rests_where_it_is_left_alone(kind):
    torch.manual_seed(0)
    layer = kind(2, 3, batch_first=True).double()
    x = torch.tensor([0.3, -0.2])
    last = layer(x.double().expand(1, 2000, -1))[1]
    rest = torch.cat(last if isinstance(last, tuple) else (last,), dim=2).flatten().detach()
    found = fixed_points(layer, x, rest + 0.05 * torch.randn(4, len(rest)), steps=30)
    assert len(found.states) == 1
    assert found.stable.all()
    np.testing.assert_allclose(found.states[0], rest, atol=1e-9)


def test_a_layer_that_never_stands_still_has_none():
    rnn = nn.RNN(1, 1, nonlinearity="relu", batch_first=True).double()
    with torch.no_grad():
        for weight in rnn.parameters():
            weight.fill_(1.0)  # h → h + 2
    found = fixed_points(rnn, torch.zeros(1), torch.ones(2, 1), steps=5)
    assert found.states.shape == (0, 1)
    assert found.stable.shape == (0,)


def test_starts_have_the_width_of_the_state():
    with pytest.raises(InputError, match="6 numbers, the starts have 3"):
        fixed_points(nn.LSTM(1, 3, batch_first=True).double(), torch.zeros(1), torch.zeros(2, 3))
