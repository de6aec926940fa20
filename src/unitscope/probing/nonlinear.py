"""Probes with hidden layers: rank-ℓ linear ones, MLP-1 and MLP-2 (Hewitt & Liang 2019), all problems side by side.

Two or three matrices, without or with a ReLU between. Each problem (site × target × seed) has its own weights, its own
best epoch on the development words, and the same order of the words, so company changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.softmax import standardisation
from unitscope.probing.training import Schedule, Trained, cross_entropies, drawn, linear, problems, train

Inputs = Sequence[Float[Tensor, "word unit"]]
Layer = Float[Tensor, "problem _ _"]
"""A linear map of each problem; its last row is the intercept."""


@dataclass(frozen=True)
class Hidden(Schedule):
    """Options of the training."""

    width: int = 64
    """Units of a hidden layer, or the rank."""
    relu: bool = True
    """False for a linear probe of this rank."""
    depth: int = 1
    """Hidden layers: 1 for MLP-1, 2 for MLP-2."""
    dropout: float = 0.0
    """Share of the hidden units dropped while training."""
    decay: float = 0.0
    """Weight decay."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1 or self.depth < 1:
            raise InputError(
                f"a probe has at least 1 hidden layer of at least 1 unit, not {self.depth} of {self.width}"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is a share of the units, from 0 to below 1, not {self.dropout}")


@dataclass(frozen=True)
class Nonlinear(Trained):
    """Fitted probes with hidden layers, or of a rank."""

    how: Hidden

    def log_probs(self, problem: int, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word class"]:
        """Logarithms (nats) of each class's probability."""
        z, one = self.alone(problem, x)
        return torch.log_softmax(forward(z, one, self.how.relu)[0], 1)


def forward(
    x: Float[Tensor, "problem word unit"],
    layers: Sequence[Layer],
    relu: bool,
    kept: Sequence[Float[Tensor, "word _"]] = (),
) -> Float[Tensor, "problem word class"]:
    """Logits. ``kept`` multiplies the hidden units of each layer (dropout)."""
    for number, layer in enumerate(layers[:-1]):
        x = linear(x, layer)
        x = x.relu() if relu else x
        x = x * kept[number] if kept else x
    return linear(x, layers[-1])


def fit_nonlinear(
    inputs: Inputs,
    targets: Int[Tensor, "target word"],
    classes: int,
    development: tuple[Sequence[Float[Tensor, "held unit"]], Int[Tensor, "target held"]],
    how: Hidden = Hidden(),
    seeds: Sequence[int] = (0,),
) -> Nonlinear:
    """Train a probe for every site, target and seed, with Adam and early stopping.

    A class is a number below ``classes``, −1 where a target is undefined. The global random generator is left alone.
    Raises ``InputError`` for activations that are not finite.
    """
    means, inverses = map(torch.stack, zip(*(standardisation(x) for x in inputs), strict=True))
    x = torch.stack(list(inputs)).sub_(means[:, None]).mul_(inverses[:, None])  # [site word unit]
    held = (torch.stack(list(development[0])) - means[:, None]) * inverses[:, None]
    site, target, seed = problems(len(inputs), len(targets), seeds)
    widths = [x.shape[2], *[how.width] * how.depth, classes]
    layers = [drawn(widths[i], widths[i + 1], seed, i, x.dtype) for i in range(how.depth + 1)]
    masks = torch.Generator().manual_seed(1)

    def loss(rows: Int[Tensor, " row"]) -> Float[Tensor, " problem"]:
        kept = dropout_masks(how.dropout, [(len(rows), how.width)] * how.depth, masks, x.dtype)
        return cross_entropies(forward(x[:, rows][site], layers, how.relu, kept), targets[target][:, rows])

    def on_held() -> Float[Tensor, " problem"]:
        return cross_entropies(forward(held[site], layers, how.relu), development[1][target])

    best = train(layers, loss, x.shape[1], on_held, how, how.decay)
    return Nonlinear(tuple(best), means, inverses, site, target, seed, how)


def dropout_masks(
    share: float, shapes: Sequence[tuple[int, int]], generator: torch.Generator, dtype: torch.dtype
) -> list[Tensor]:
    """Dropout factors of the hidden units while training; an empty list if no unit is dropped."""
    if share == 0:
        return []
    return [(torch.rand(shape, generator=generator) >= share).to(dtype) / (1 - share) for shape in shapes]
