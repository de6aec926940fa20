"""Proof, while recording, that what is read is what the module computes.

A few sequences over a few steps run twice: through the module as it stands and through the loops with
every stream read. Outputs and last states must agree to 1e-6 in float32 and 1e-12 in float64.

The stretch is short because rounding grows from step to step in any recurrent net (some 1e-5 over
thousands of steps). Large weights can exceed the margin by rounding alone. So in precisions below
float64 a larger difference passes if it is at most four times what rounding does to either side: how
far the module is from itself in float64, and the loop from itself in float64. An error in the loop is
in neither of the two.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from unitscope.models.buffers import Buffers
from unitscope.models.layers import layer_names, run_layers
from unitscope.models.layout import Layout, State, Steps

SEQUENCES = 4
STEPS = 16


class ParityError(RuntimeError):
    """The values read are not those the module computes; nothing recorded from it could be trusted."""


def assert_parity(
    path: str,
    module: nn.RNNBase,
    stock: Callable[..., Any],
    x: Steps,
    layout: Layout,
    initial: State,
) -> None:
    """Compare the loops with the module's own forward, ``stock``, on the beginning of ``x``.

    Raises ``ParityError``.
    """
    x, part = layout.part(x, SEQUENCES, STEPS)
    initial = tuple(state[:, : part.sizes[0]] for state in initial)

    own, looped = _own(module, stock, x, part, initial), _looped(module, x, part, initial)
    tolerance = 1e-12 if x.dtype == torch.float64 else 1e-6
    difference = _difference(own, looped)
    if difference <= tolerance:
        return
    if x.dtype != torch.float64:
        tolerance = max(tolerance, 4 * _rounding(module, x, part, initial, own, looped))
    if not difference <= tolerance:
        raise ParityError(
            f"{path} ({type(module).__name__}, {x.dtype}): reading its units changes its output by {difference:.1e} "
            f"within {STEPS} steps (at most {tolerance:.1e} is rounding); is this a stock layer with finite weights?"
        )


def _rounding(
    module: nn.RNNBase, x: Steps, layout: Layout, initial: State, own: list[Tensor], looped: list[Tensor]
) -> float:
    exact = _exact(module)
    x, initial = x.double(), tuple(state.double() for state in initial)
    return max(
        _difference(own, _own(exact, exact.forward, x, layout, initial)),
        _difference(looped, _looped(exact, x, layout, initial)),
    )


def _exact(module: nn.RNNBase) -> nn.RNNBase:
    """A plain module with these weights in float64, whatever keeps them here: parameters, norms, parametrisations."""
    mode = module.mode.partition("_")
    options: dict[str, Any] = {"proj_size": module.proj_size} if mode[0] == "LSTM" else {}
    if mode[0] == "RNN":
        options["nonlinearity"] = mode[2].lower()
    kind: Any = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}[mode[0]]
    exact: nn.RNNBase = kind(
        module.input_size,
        module.hidden_size,
        module.num_layers,
        bias=module.bias,
        batch_first=module.batch_first,
        bidirectional=module.bidirectional,
        device=module.weight_hh_l0.device,
        dtype=torch.float64,
        **options,
    )
    with torch.no_grad():
        for name, weight in exact.named_parameters():
            weight.copy_(getattr(module, name))
    return exact.eval()


def _own(module: nn.RNNBase, stock: Callable[..., Any], x: Steps, layout: Layout, initial: State) -> list[Tensor]:
    given = layout.last_state(initial)
    output, last = stock(layout.form(x), given if len(given) > 1 else given[0])
    steps, _ = Layout.of(output, module.batch_first)
    return [layout.by_sequence(steps), *layout.given_state(last if len(given) > 1 else (last,))]


def _looped(module: nn.RNNBase, x: Steps, layout: Layout, initial: State) -> list[Tensor]:
    inside = "hidden" if module.mode.startswith("RNN") else "cell" if module.mode == "LSTM" else "new_gate"
    names = {f"{name}.{inside}" for layer in range(module.num_layers) for name in layer_names(module, layer)}
    output, last, _ = run_layers(module, x, layout.sizes, initial, names, {}, Buffers())
    return [layout.by_sequence(output), *last]


def _difference(a: list[Tensor], b: list[Tensor]) -> float:
    return max(float((x - y).abs().max()) for x, y in zip(a, b, strict=True))
