"""Affine maps with an activation, many times over with the same weights: the cost of a recurrent loop.

``nn.LSTM`` multiplies with oneDNN, which on many processors is far faster than the BLAS behind
``addmm``. oneDNN's packed linear layer brings a loop to the same speed and squashes in the same
breath, but PyTorch keeps the operators private (its compiler uses them), so they are tried once on
known values and left alone where they are missing or wrong.
"""

from collections.abc import Callable
from functools import cache
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

_WORTH_CONVERTING = 16_384
"""Values from which oneDNN's tangent is faster, conversions included."""

Activation = Literal["none", "sigmoid", "tanh"]
Dense = Callable[[Tensor], Tensor]
"""``x [row in] → activation(x Wᵀ + b) [row out]``, always a new tensor."""


def dense(weight: Float[Tensor, "out in"], bias: Float[Tensor, " out"], activation: Activation = "none") -> Dense:
    """The map with these weights, prepared once so that each call is fast."""
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and _packed_works():
        return _packed(weight, bias, activation)
    return _plain(weight, bias, activation)


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, always a new tensor. PyTorch's own kernel takes twice as long as oneDNN's."""
    if x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() >= _WORTH_CONVERTING and _packed_works():
        return _tanh(x)
    return torch.tanh(x)


def _tanh(x: Tensor) -> Tensor:
    return x.to_mkldnn().tanh_().to_dense()


def _plain(weight: Tensor, bias: Tensor, activation: Activation) -> Dense:
    transposed = weight.t()
    squash: dict[Activation, Dense] = {"none": lambda y: y, "sigmoid": torch.sigmoid_, "tanh": torch.tanh_}
    return lambda x: squash[activation](torch.addmm(bias, x, transposed))


def _packed(weight: Tensor, bias: Tensor, activation: Activation) -> Dense:
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
    linear = torch.ops.mkldnn._linear_pointwise
    return lambda x: linear(x, packed, bias, activation, [], "")


@cache
def _packed_works() -> bool:
    """Whether this PyTorch has the operators and they compute what their names say."""
    weight, bias = torch.arange(96.0).reshape(8, 12).sin(), torch.arange(8.0).cos()
    x = torch.arange(60.0).reshape(5, 12).cos()
    activations: tuple[Activation, ...] = ("none", "sigmoid", "tanh")
    try:
        return torch.allclose(_tanh(x), torch.tanh(x), atol=1e-6) and all(
            torch.allclose(_packed(weight, bias, name)(x), _plain(weight, bias, name)(x), atol=1e-5)
            for name in activations
        )
    except (AttributeError, RuntimeError):
        return False
