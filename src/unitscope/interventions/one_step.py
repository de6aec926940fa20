"""One step of a recurrent layer as a map of its state, and the derivative of that map."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def width(single: nn.RNNBase) -> int:
    """Numbers in the state of a layer: hidden, then for an LSTM cell."""
    return (2 if single.mode == "LSTM" else 1) * single.hidden_size


def after(
    single: nn.RNNBase, x: Float[Tensor, " channel"], states: Float[Tensor, "*point state"]
) -> Float[Tensor, "*point state"]:
    """The states after one step of the input ``x``; ``single`` is one layer in float64, forwards in time."""
    rows = states.reshape(-1, states.shape[-1])
    parts = tuple(part.contiguous()[None] for part in rows.chunk(2 if single.mode == "LSTM" else 1, dim=1))
    _, last = single(x.double().expand(len(rows), 1, -1), parts if len(parts) > 1 else parts[0])
    return torch.cat(last if isinstance(last, tuple) else (last,), dim=2)[0].reshape(states.shape)


def jacobians(
    single: nn.RNNBase, x: Float[Tensor, " channel"], states: Float[Tensor, "point state"]
) -> tuple[Float[Tensor, "point state"], Float[Tensor, "point state state"]]:
    """The states after one step, and of each the derivative by the state before: row i is that of number i."""
    points, count = states.shape
    with torch.enable_grad():
        # A copy of the state for each of its numbers: one backward pass gives every row of every Jacobian.
        copies = states.detach()[:, None].expand(points, count, count).clone().requires_grad_()
        found = after(single, x, copies)
        (slopes,) = torch.autograd.grad(found.diagonal(dim1=1, dim2=2).sum(), copies)
    return found[:, 0].detach(), slopes
