"""Proof, while recording, that what is read is what the module computes.

A few sequences over a few steps run twice: through the module as it stands and with every stream read. Outputs, last
states, and the hidden states that follow from gates which were read, must agree to 1e-6 in float32 and 1e-12 in
float64.

The stretch is short because rounding grows from step to step in any recurrent net (some 1e-5 over
thousands of steps). Large weights can exceed the margin by rounding alone. So in precisions below
float64 a larger difference passes if it is at most four times what rounding does to either side: how
far the module is from itself in float64, and what is read from itself in float64. An error in the equations
is in neither of the two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unitscope.models.buffers import Buffers
from unitscope.models.gates import before
from unitscope.models.layers import GATES, Way, layer_names, run_layers
from unitscope.models.layout import Layout, State, Steps
from unitscope.models.prepared import Prepared
from unitscope.models.unroll import Weights

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
    way: Way,
) -> None:
    """Compare what is read in one way with the module's own forward, ``stock``, on the beginning of ``x``.

    Raises ``ParityError``.
    """
    x, part = layout.part(x, SEQUENCES, STEPS)
    initial = tuple(state[:, : part.sizes[0]] for state in initial)

    own, read = _own(module, stock, x, part, initial), _read(module, x, part, initial, way)
    tolerance = 1e-12 if x.dtype == torch.float64 else 1e-6
    difference = read.wrong(own)
    if difference <= tolerance:
        return
    if x.dtype != torch.float64:
        exact = _exact(module)
        x, initial = x.double(), tuple(state.double() for state in initial)
        exact_own, exact_read = _own(exact, exact.forward, x, part, initial), _read(exact, x, part, initial, way)
        rounding = max(_difference(own, exact_own), _difference(read.all, exact_read.all))
        tolerance = max(tolerance, 4 * rounding)
    if not difference <= tolerance:
        raise ParityError(
            f"{path} ({type(module).__name__}, {own[0].dtype}): reading its units changes its output by "
            f"{difference:.1e} within {STEPS} steps (at most {tolerance:.1e} is rounding); is this a stock layer with "
            "finite weights?"
        )


@dataclass(frozen=True)
class _Reading:
    """Values of a module in a run that reads all of its streams."""

    given: list[Tensor]
    """Output and last states."""
    residuals: list[Tensor]
    """Of each direction, the hidden states that follow from its gates less those that it has."""

    @property
    def all(self) -> list[Tensor]:
        return [*self.given, *self.residuals]

    def wrong(self, own: list[Tensor]) -> float:
        """The largest difference from the module itself, and of what was read from itself."""
        return max(_difference(own, self.given), *(float(residual.abs().max()) for residual in self.residuals))


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


def _read(module: nn.RNNBase, x: Steps, layout: Layout, initial: State, way: Way) -> _Reading:
    directions = [name for layer in range(module.num_layers) for name in layer_names(module, layer)]
    inside = GATES[module.mode].streams if module.mode in GATES else ()
    wanted = {f"{name}.{stream}" for name in directions for stream in (*inside, "hidden")}
    output, last, found = run_layers(module, x, layout.sizes, initial, wanted, {}, Buffers(), Prepared(), way)
    residuals = []
    for number, name in enumerate(directions):
        hidden = found[f"{name}.hidden"]
        if inside:
            streams = {stream: found[f"{name}.{stream}"] for stream in inside}
            began = before(hidden, initial[0][number], layout.sizes, name.endswith("_reverse"))
            residuals.append(GATES[module.mode].hidden(streams, began, Weights.of(module, f"_l{name}")) - hidden)
    return _Reading([layout.by_sequence(output), *last], residuals or [output.new_zeros(1)])


def _difference(a: list[Tensor], b: list[Tensor]) -> float:
    return max(float((x - y).abs().max()) for x, y in zip(a, b, strict=True))
