"""The n-NN baseline: the next symbol from the last n, by one layer of tanh units.

Karpathy, Johnson & Fei-Fei 2015 (arXiv 1506.02078) set it beside n-grams and recurrent networks: as many symbols as an
n-gram sees, and units as a recurrent network has them. Its input is the last n symbols, one-hot, end to end; the
product with such an input is a sum of n rows of the weights, and only these are read. It trains on the same stream, in
the same batches and by the same recipes as a recurrent network, and is read like one: its state is the symbols seen.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.networks.evaluate import evaluate
from unitscope.networks.files import SCHEMA, filled, read_config, write_network
from unitscope.networks.recipes import Recipe
from unitscope.networks.stream import Stream

KIND = "ContextNet"


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


@dataclass(frozen=True)
class Fitted:
    """A trained network, in evaluation mode."""

    net: ContextNet
    validation: float
    """Lowest loss on the validation text, whose weights were kept, in nats per symbol."""
    history: list[float]
    """Validation loss after each epoch."""


def fit(
    train: Stream,
    validation: Stream,
    config: ContextConfig,
    recipe: Recipe,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Train by a recipe, in batches of as many rows and steps as a recurrent network; the best epoch is kept.

    ``progress`` is called with updates done and updates in all. Raises ``InputError`` for a text that is too short.
    """
    rows = train.rows(recipe.rows)
    batches = len(rows) // recipe.steps
    if not batches:
        raise InputError(
            f"a text of {len(train):,} symbols is too short for {recipe.rows} rows of {recipe.steps} steps; "
            "give more text, or fewer rows or steps"
        )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = ContextNet(config).to(device)
        optimizer = recipe.optimizer(net.parameters())
        best, kept, history = math.inf, copy.deepcopy(net.state_dict()), []
        for epoch in range(recipe.epochs):
            state = net.fresh_state(recipe.rows)
            for batch in range(batches):
                ids, targets = rows.window(batch * recipe.steps, recipe.steps, net.device)
                optimizer.zero_grad(set_to_none=True)
                logits, state = net.carry(ids, state)
                loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=rows.none)
                loss.backward()
                recipe.clip(net.parameters())
                for group in optimizer.param_groups:
                    group["lr"] = recipe.rate_at(epoch * batches + batch, batches)
                optimizer.step()
                if progress:
                    progress(epoch * batches + batch + 1, recipe.epochs * batches)
            history.append(evaluate(net, validation, recipe.rows, recipe.steps))
            if history[-1] < best:
                best, kept = history[-1], copy.deepcopy(net.state_dict())
            elif 0 < recipe.patience <= epoch - history.index(best):
                break
    net.load_state_dict(kept)
    return Fitted(net.eval(), best, history)


def fit_width(
    train: Stream, validation: Stream, symbols: int, context: int, widths: Sequence[int], recipe: Recipe, seed: int = 0
) -> Fitted:
    """The width with the lowest validation loss, each trained in full."""
    fits = (fit(train, validation, ContextConfig(symbols, context, units), recipe, seed) for units in widths)
    return min(fits, key=lambda fitted: fitted.validation)


def save(folder: Path, net: ContextNet) -> None:
    """Write the network; each file is replaced as a whole."""
    write_network(folder, net, {"schema": SCHEMA, "kind": KIND, "network": asdict(net.config)})


def load(folder: Path) -> ContextNet:
    """Read what ``save`` wrote, in evaluation mode. Raises ``InputError`` for anything else."""
    config = read_config(folder, (KIND,), SCHEMA, "unitscope study visualizing-rnns")
    try:
        described = ContextConfig(**config["network"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder} is damaged: {error!r}; copy it again or train the network again") from error
    return filled(ContextNet(described), folder)
