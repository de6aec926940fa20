import pytest
import torch
from torch import nn

from unitscope.models.dense import _packed_works, dense, tanh

ACTIVATIONS = {"none": nn.Identity(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh()}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("packed", [True, False])
@torch.no_grad()
def test_it_is_a_linear_layer_with_an_activation(activation, dtype, packed, monkeypatch):
    if not packed:
        monkeypatch.setattr("unitscope.models.dense._packed_works", lambda: False)
    linear = nn.Linear(13, 21, dtype=dtype)
    x = torch.randn(7, 13, dtype=dtype)
    found = dense(linear.weight, linear.bias, activation)(x)
    torch.testing.assert_close(found, ACTIVATIONS[activation](linear(x)))


@torch.no_grad()
def test_rows_need_not_be_neighbours_and_the_result_is_new():
    linear, x = nn.Linear(13, 21), torch.randn(7, 30)[:, 4:17]
    multiply = dense(linear.weight, linear.bias)
    first, second = multiply(x), multiply(-x)
    torch.testing.assert_close(first, linear(x))
    assert first.data_ptr() != second.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(3, 5), (64, 512)])
def test_tangent(dtype, shape):
    x = 3 * torch.randn(shape, dtype=dtype)
    before = x.clone()
    torch.testing.assert_close(tanh(x), torch.tanh(x), rtol=0, atol=1e-7)
    assert torch.equal(x, before)


def test_operators_that_are_missing_are_left_alone(monkeypatch):
    class Missing:
        def __getattr__(self, name):
            raise AttributeError(name)

    monkeypatch.setattr(torch.ops, "mkldnn", Missing())
    assert not _packed_works.__wrapped__()


def test_operators_that_are_wrong_are_left_alone(monkeypatch):
    monkeypatch.setattr("unitscope.models.dense._packed", lambda weight, bias, name: lambda x: torch.zeros(5, 8))
    assert not _packed_works.__wrapped__()
