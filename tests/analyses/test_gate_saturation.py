import math

import numpy as np
import pytest
import torch
from planted import fold, one_site

from unitscope.analyses.gate_saturation import GateSaturation
from unitscope.models.site import Site


def test_shares_of_a_gate():
    x = torch.rand(1000, 7)
    result = fold(GateSaturation(), one_site(x, [250] * 4, 0.0, 1.0))
    np.testing.assert_array_equal(result.left, (x.numpy() < 0.1).mean(0))
    np.testing.assert_array_equal(result.right, (x.numpy() > 0.9).mean(0))


def test_the_ends_are_strict():
    x = torch.tensor([[0.1, 0.9], [0.09, 0.91], [0.5, 0.5], [0.5, 0.5]])
    result = fold(GateSaturation(), one_site(x, low=0.0, high=1.0))
    assert result.left.tolist() == [0.25, 0.0]
    assert result.right.tolist() == [0.0, 0.25]


def test_a_hidden_state_saturates_at_both_ends():
    x = torch.tensor([[-0.95], [-0.5], [0.0], [0.95]])
    result = fold(GateSaturation(), one_site(x))
    assert (result.left[0], result.right[0]) == (0.25, 0.25)
    assert (result.left_below, result.right_above) == (-0.9, 0.9)


@pytest.mark.parametrize(("low", "high"), [(-math.inf, math.inf), (0.0, math.inf)])
def test_a_site_without_bounds_is_left_out(low, high):
    assert not GateSaturation().applies(Site("cell", 3, low, high))
    assert GateSaturation().applies(Site("forget_gate", 3, 0.0, 1.0))


def test_the_scatter_has_right_on_x_and_left_on_y():
    x = torch.tensor([[0.95, 0.05], [0.95, 0.5]])
    (scatter,) = fold(GateSaturation(), one_site(x, low=0.0, high=1.0)).views()
    assert scatter.groups[0].x == [1.0, 0.0]
    assert scatter.groups[0].y == [0.0, 0.5]
    assert (scatter.xrange, scatter.yrange) == ((0, 1), (0, 1))
    assert scatter.groups[0].names == ["planted/0", "planted/1"]


def test_the_margin_can_be_chosen():
    x = torch.tensor([[0.15], [0.25], [0.85], [0.99]])
    result = fold(GateSaturation(margin=0.2), one_site(x, low=0.0, high=1.0))
    assert (result.left[0], result.right[0]) == (0.25, 0.5)
