"""Products with one fixed matrix, many times over: the cost of a recurrent loop.

``nn.LSTM`` multiplies with oneDNN, which on many processors is far faster than the BLAS behind
``addmm``. oneDNN's packed linear layer brings a loop close to that speed, but PyTorch keeps the
operators private (its compiler uses them), so they are tried once on a known product and left alone
where they are missing or wrong.
"""

from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

Product = Callable[[Tensor, Tensor], Tensor]
"""``(x [row in], add [out] or [row out]) → x Wᵀ + add [row out]``, always a new tensor."""


def product_with(weight: Float[Tensor, "out in"]) -> Product:
    """The product with this matrix, prepared once so that each call is fast."""
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and _packed_products_work():
        return _packed(weight)
    transposed = weight.t()
    return lambda x, add: torch.addmm(add, x, transposed)


def _packed(weight: Tensor) -> Product:
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
    multiply = torch.ops.mkldnn._linear_pointwise

    def product(x: Tensor, add: Tensor) -> Tensor:
        if add.dim() == 1:
            result: Tensor = multiply(x, packed, add, "none", [], "")
        else:
            result = multiply.binary(x, add, packed, None, "add")
        return result

    return product


@cache
def _packed_products_work() -> bool:
    """Whether this PyTorch has the operators and they multiply."""
    weight = torch.arange(96.0).reshape(8, 12).sin()
    x, bias, add = torch.arange(60.0).reshape(5, 12).cos(), torch.arange(8.0), torch.arange(40.0).reshape(5, 8)
    try:
        product = _packed(weight)
        results = torch.stack([product(x, bias), product(x, add)])
    except (AttributeError, RuntimeError):
        return False
    return torch.allclose(results, torch.stack([x @ weight.t() + bias, x @ weight.t() + add]), atol=1e-5)
