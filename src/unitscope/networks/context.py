"""The n-NN baseline: the next symbol from the last n, by one layer of tanh units.

Karpathy, Johnson & Fei-Fei 2015 (arXiv 1506.02078) set it beside n-grams and recurrent networks: as many symbols as an
n-gram sees, and units as a recurrent network has them. Its input is the last n symbols, one-hot, end to end; the
product with such an input is a sum of n rows of the weights, and only these are read. It trains on the same stream, in
the same batches and by the same recipes as a recurrent network, and is read like one: its state is the symbols seen.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.errors import InputError


@dataclass(frozen=True)
class ContextConfig:
    """The architecture. Raises ``InputError`` for one that cannot be."""

    symbols: int
    context: int
    """Symbols that are read for each prediction."""
    units: int = 256

    def __post_init__(self) -> None:
        if min(self.symbols, self.context, self.units) < 1:
            raise InputError(
                f"a network needs at least one symbol, one of context and one unit, not {self.symbols}, "
                f"{self.context}, {self.units}"
            )


class ContextNet(nn.Module):
    """``inputs`` (weights of each symbol at each distance), tanh, then the linear ``readout``."""

    offsets: Int[Tensor, " context"]

    def __init__(self, config: ContextConfig) -> None:
        super().__init__()
        self.config = config
        # One symbol more stands for what is before the text; it adds nothing.
        rows = config.context * (config.symbols + 1)
        self.inputs = nn.EmbeddingBag(rows, config.units, mode="sum")
        self.bias = nn.Parameter(torch.zeros(config.units))
        self.readout = nn.Linear(config.units, config.symbols)
        self.register_buffer("offsets", torch.arange(config.context) * (config.symbols + 1), persistent=False)
        bound = 1 / math.sqrt(config.context)
        for weight in (self.inputs.weight, self.bias):
            nn.init.uniform_(weight, -bound, bound)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time symbol"]:
        """Logits of the next symbol at each step, with nothing before the first."""
        return self.carry(tokens, self.fresh_state(tokens.shape[0]))[0]

    def carry(
        self, tokens: Int[Tensor, "batch time"], state: tuple[Tensor, ...]
    ) -> tuple[Float[Tensor, "batch time symbol"], tuple[Tensor, ...]]:
        """Logits of the next symbol at each step, and the state after the last one: the symbols before the next."""
        read = torch.cat([state[0], tokens.long()], 1)  # [batch, context - 1 + time]
        windows = read.unfold(1, self.config.context, 1) + self.offsets  # [batch time context]
        places = windows.flatten(0, 1)
        known = (places % (self.config.symbols + 1) != self.config.symbols).to(self.bias.dtype)
        hidden = torch.tanh(self.inputs(places, per_sample_weights=known) + self.bias)  # [batch * time, unit]
        return self.readout(hidden).view(*tokens.shape, -1), (read[:, read.shape[1] - self.config.context + 1 :],)

    def fresh_state(self, batch: int) -> tuple[Tensor, ...]:
        """Nothing was read."""
        blank = torch.full((batch, self.config.context - 1), self.config.symbols, device=self.device)
        return (blank,)

    @property
    def device(self) -> torch.device:
        return self.bias.device
