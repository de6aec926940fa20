import itertools

import numpy as np
import pytest
import torch
from torch import nn

from unitscope.errors import InputError
from unitscope.page.weights import cluster_order, recurrent_weights, weight_views


def test_gates_are_in_the_order_of_torch():
    layer = nn.LSTM(3, 4, num_layers=2)
    weights = recurrent_weights(layer, 1)
    assert list(weights) == ["input gate", "forget gate", "cell gate", "output gate"]
    np.testing.assert_allclose(weights["cell gate"], layer.weight_hh_l1[8:12].detach())
    assert list(recurrent_weights(nn.GRU(3, 4))) == ["reset gate", "update gate", "new gate"]
    assert list(recurrent_weights(nn.RNN(3, 4))) == ["hidden"]


def test_planted_blocks_stand_side_by_side():
    layer = nn.RNN(2, 12)
    group = torch.tensor([0, 1, 2] * 4)[torch.randperm(12, generator=torch.Generator().manual_seed(0))]
    with torch.no_grad():
        layer.weight_hh_l0.copy_((group[:, None] == group[None]).float() + 0.01 * torch.randn(12, 12))
    order = cluster_order(list(recurrent_weights(layer).values()))
    found = group[order.copy()].tolist()
    assert sum(a != b for a, b in itertools.pairwise(found)) == 2
    (view,) = weight_views(layer)
    assert view.values[0][1] == pytest.approx(float(layer.weight_hh_l0.detach()[order[0], order[1]]))


def test_a_ranking_and_marked_units_decide_the_order():
    layer = nn.GRU(2, 5)
    view = weight_views(layer, order=[4, 3, 2, 1, 0], marked=[2], site="rnn/")[0]
    assert list(view.rows) == ["[rnn/2]", "rnn/4", "rnn/3", "rnn/1", "rnn/0"]
    assert view.low == -view.high


def test_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="1 layers"):
        recurrent_weights(nn.GRU(2, 3), 1)
    with pytest.raises(InputError, match="not 7"):
        weight_views(nn.GRU(2, 3), order=[7])
    with pytest.raises(InputError, match="projects"):
        weight_views(nn.LSTM(2, 3, proj_size=2))
