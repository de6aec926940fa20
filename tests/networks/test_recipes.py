import pytest
import torch
from torch import nn

from unitscope.networks.recipes import Modern, Paper


def test_paper_rate_falls_after_ten_epochs():
    recipe = Paper()
    rates = [recipe.rate_at(epoch * 7, 7) for epoch in range(12)]
    assert rates[:10] == [2e-3] * 10
    assert rates[10:] == pytest.approx([2e-3 * 0.95, 2e-3 * 0.95**2])


def test_modern_rate_warms_up_and_decays():
    recipe = Modern(epochs=2, rate=1.0)
    rates = [recipe.rate_at(update, 1000) for update in range(2000)]
    assert rates[:200] == pytest.approx([(update + 1) / 200 for update in range(200)])
    assert rates[199:] == sorted(rates[199:], reverse=True)
    assert rates[-1] == pytest.approx(0.02, abs=1e-4)
    assert Modern(epochs=1).rate_at(0, 1) > 0


@pytest.mark.parametrize("recipe", [Paper(), Modern()])
def test_gradients_are_bounded(recipe):
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([30.0, -40.0, 0.5])
    recipe.clip([weight])
    expected = [5.0, -5.0, 0.5] if isinstance(recipe, Paper) else [0.6, -0.8, 0.01]
    assert weight.grad.tolist() == pytest.approx(expected, rel=1e-3)


def test_paper_step_is_char_rnns_rmsprop():
    weight = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = Paper().optimizer([weight])
    expected, mean_square = weight.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for gradient in torch.tensor([[0.3, -1.0], [0.1, 2.0], [-0.7, 0.0]], dtype=torch.float64):
        weight.grad = gradient.clone()
        optimizer.step()
        mean_square = 0.95 * mean_square + 0.05 * gradient**2
        expected -= 2e-3 * gradient / (mean_square.sqrt() + 1e-8)
    torch.testing.assert_close(weight.detach(), expected, rtol=1e-12, atol=0)
