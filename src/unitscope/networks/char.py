"""The reference network: a language model of characters, one-hot in, logits out.

Karpathy, Johnson & Fei-Fei 2015, "Visualizing and Understanding Recurrent Networks" (arXiv 1506.02078): no embedding,
one to three stock recurrent layers, dropout above each layer, a linear readout.
"""

import math
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.errors import InputError

Cell = Literal["rnn", "lstm", "gru"]
State = tuple[Tensor, ...]
"""What the layers carry from one step to the next, each tensor [layer batch unit]: hidden, and for an LSTM cell."""
AT_ONCE = 1 << 25
"""Numbers of one-hot input that are made at once; where steps and symbols are more, they are read in stretches."""


@dataclass(frozen=True)
class CharConfig:
    """The architecture, and how fresh weights are drawn."""

    symbols: int
    cell: Cell = "lstm"
    layers: int = 1
    units: int = 256
    dropout: float = 0.0
    """Share of the hidden units dropped, between the layers and before the readout, while training."""
    initial_range: float | None = None
    """Weights are drawn uniformly between minus and plus this; None for 1/√units, which is PyTorch's own rule."""
    forget_bias: float = 1.0
    """First value of the LSTM's input-side forget biases; 0 leaves them as they were drawn."""

    def __post_init__(self) -> None:
        if self.cell not in get_args(Cell):
            raise InputError(f"no cell is called {self.cell!r}; there are: {', '.join(get_args(Cell))}")
        if self.symbols < 1 or self.layers < 1 or self.units < 1:
            raise InputError(
                f"a network needs at least one symbol, layer and unit, not {self.symbols}, {self.layers}, {self.units}"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is a share of the units, from 0 to below 1, not {self.dropout}")


class CharNet(nn.Module):
    """``rnn`` (a stock ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``) on one-hot symbols, then the linear ``readout``."""

    def __init__(self, config: CharConfig) -> None:
        super().__init__()
        self.config = config
        stock = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[config.cell]
        between = config.dropout if config.layers > 1 else 0.0
        self.rnn: nn.RNNBase = stock(config.symbols, config.units, config.layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Linear(config.units, config.symbols)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fresh weights from torch's generator, as the configuration says."""
        drawn = self.config.initial_range
        bound = 1 / math.sqrt(self.config.units) if drawn is None else drawn
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)
        if self.config.cell == "lstm" and self.config.forget_bias:
            units = self.config.units
            for layer in range(self.config.layers):
                bias = cast(Tensor, getattr(self.rnn, f"bias_ih_l{layer}"))  # [4 * unit]: input, forget, cell, output
                nn.init.constant_(bias.data[units : 2 * units], self.config.forget_bias)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time symbol"]:
        """Logits of the next symbol at each step, from a fresh state."""
        logits, _ = self.carry(tokens, self.fresh_state(tokens.shape[0]))
        return logits

    def carry(
        self, tokens: Int[Tensor, "batch time"], state: State
    ) -> tuple[Float[Tensor, "batch time symbol"], State]:
        """Logits of the next symbol at each step, and the state after the last one. ``state`` is where to begin."""
        found = []
        for some in tokens.long().split(max(1, AT_ONCE // (self.config.symbols * max(1, len(tokens)))), dim=1):
            # nn.functional.one_hot makes 64-bit integers first, which take twice the room of the values.
            one_hot = self.readout.weight.new_zeros(*some.shape, self.config.symbols)
            one_hot.scatter_(-1, some.unsqueeze(-1), 1)
            # nn.LSTM takes and gives a pair, the others a single tensor.
            hidden, last = self.rnn(one_hot, state if self.config.cell == "lstm" else state[0])  # [batch time unit]
            state = last if self.config.cell == "lstm" else (last,)
            found.append(hidden)
        hidden = found[0] if len(found) == 1 else torch.cat(found, dim=1)
        return self.readout(self.dropout(hidden)), state

    def fresh_state(self, batch: int) -> State:
        """Zeros: the state before anything was read."""
        weight = self.readout.weight
        parts = 2 if self.config.cell == "lstm" else 1
        return tuple(weight.new_zeros(self.config.layers, batch, self.config.units) for _ in range(parts))

    @property
    def device(self) -> torch.device:
        return self.readout.weight.device
