"""Adam with early stopping for many probes side by side: each keeps its own best epoch, so company changes nothing.

What all trained probes share. Weights have the problem (site × target × seed) as their first axis; the loss of a
problem hangs on its own weights only, so the gradient of the sum is each problem's own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError


@dataclass(frozen=True)
class Schedule:
    """Length and rate of a probe's training."""

    epochs: int = 20
    batch: int = 500
    """Examples (words, sentences, spans …) per step."""
    rate: float = 1e-3
    """Of Adam."""
    patience: int = 4
    """Epochs without a better development loss after which training stops."""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise InputError(f"training takes at least 1 epoch of batches of 1, not {self.epochs} of {self.batch}")


@dataclass(frozen=True)
class Trained:
    """Fitted probes; problem p is of ``site[p]``, ``target[p]`` and ``seed[p]``. Inputs are standardised inside."""

    layers: tuple[Float[Tensor, "problem _ _"], ...]
    mean: Float[Tensor, "site unit"]
    inverse: Float[Tensor, "site unit"]
    site: Int[Tensor, " problem"]
    target: Int[Tensor, " problem"]
    seed: Int[Tensor, " problem"]

    def alone(
        self, problem: int, x: Float[Tensor, "word unit"]
    ) -> tuple[Float[Tensor, "1 word unit"], list[Float[Tensor, "1 _ _"]]]:
        """The standardised words, and the layers of one problem."""
        site = int(self.site[problem])
        z = ((x - self.mean[site]) * self.inverse[site])[None]
        return z, [layer[problem : problem + 1] for layer in self.layers]


Loss = Callable[[Int[Tensor, " row"]], Float[Tensor, " problem"]]
"""From the numbers of some examples to every problem's mean loss on them."""


def train(
    weights: Sequence[Float[Tensor, "problem ..."]],
    loss: Loss,
    examples: int,
    held: Callable[[], Float[Tensor, " problem"]],
    schedule: Schedule,
    decay: float = 0.0,
) -> list[Tensor]:
    """The weights of each problem at the epoch with its lowest loss on held-out (development) examples.

    The order of the examples is the same for all problems and in every run; the global generator is left alone.
    """
    for weight in weights:
        weight.requires_grad_()
    adam = torch.optim.Adam(weights, lr=schedule.rate, weight_decay=decay)
    best = [weight.detach().clone() for weight in weights]
    lowest = torch.full((len(weights[0]),), torch.inf)
    since = 0
    order = torch.Generator().manual_seed(0)
    for _ in range(schedule.epochs):
        for rows in torch.randperm(examples, generator=order).split(schedule.batch):
            adam.zero_grad()
            loss(rows).sum().backward()
            adam.step()
        with torch.no_grad():
            losses = held()
        better = losses < lowest
        lowest = torch.where(better, losses, lowest)
        for kept, weight in zip(best, weights, strict=True):
            kept[better] = weight.detach()[better]
        since = 0 if bool(better.any()) else since + 1
        if since >= schedule.patience:
            break
    return best


def problems(
    sites: int, targets: int, seeds: Sequence[int]
) -> tuple[Int[Tensor, " problem"], Int[Tensor, " problem"], Int[Tensor, " problem"]]:
    """Site, target and seed of every problem."""
    grid = torch.meshgrid(
        torch.arange(sites), torch.arange(targets), torch.tensor(list(seeds), dtype=torch.int64), indexing="ij"
    )
    site, target, seed = (index.flatten() for index in grid)
    return site, target, seed


def drawn(
    inward: int, outward: int, seeds: Int[Tensor, " problem"], layer: int, dtype: torch.dtype
) -> Float[Tensor, "problem inward1 outward"]:
    """Fresh weights of a linear layer by PyTorch's own rule, uniform within 1/√inward; the last row is the intercept.

    A problem's weights are the same whatever stands beside it.
    """
    made = []
    for seed in seeds.tolist():
        generator = torch.Generator().manual_seed(seed + 10_000 * layer)
        made.append((torch.rand(inward + 1, outward, generator=generator) * 2 - 1) / math.sqrt(inward))
    return torch.stack(made).to(dtype)


def linear(
    x: Float[Tensor, "problem row inward"], layer: Float[Tensor, "problem inward1 outward"]
) -> Float[Tensor, "problem row outward"]:
    """Every problem's own linear map."""
    return torch.baddbmm(layer[:, -1:], x, layer[:, :-1])


def cross_entropies(
    logits: Float[Tensor, "problem row class"], y: Int[Tensor, "problem row"]
) -> Float[Tensor, " problem"]:
    """Mean cross-entropy in nats over the rows on which a target is defined (not −1)."""
    known = y >= 0
    log_p = torch.log_softmax(logits, 2).gather(2, y.clamp(min=0)[:, :, None]).squeeze(2)
    total: Tensor = torch.where(known, log_p, 0.0).sum(1)
    return -total / known.sum(1).clamp(min=1)
