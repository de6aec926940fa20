"""Probes with a hidden layer: rank-ℓ linear ones and MLP-1 (Hewitt & Liang 2019), all problems trained side by side.

Both are two matrices, without or with a ReLU between. Each problem (site × target × seed) has its own weights, its own
best epoch on the development words, and the same order of the words, so company changes nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.softmax import standardisation

Inputs = Sequence[Float[Tensor, "word unit"]]


@dataclass(frozen=True)
class Hidden:
    """What is trained, and how."""

    width: int = 64
    """Hidden units, or the rank."""
    relu: bool = True
    """False for a linear probe of this rank."""
    epochs: int = 20
    batch: int = 500
    rate: float = 1e-3
    """Of Adam."""
    patience: int = 4
    """Epochs without a better development loss after which training stops."""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InputError(f"a hidden layer has at least 1 unit, not {self.width}")


@dataclass(frozen=True)
class Nonlinear:
    """Fitted probes; problem p is of ``site[p]``, ``target[p]`` and ``seed[p]``. Inputs are standardised inside."""

    how: Hidden
    first: Float[Tensor, "problem column hidden"]
    second: Float[Tensor, "problem hidden1 class"]
    mean: Float[Tensor, "site unit"]
    inverse: Float[Tensor, "site unit"]
    site: Int[Tensor, " problem"]
    target: Int[Tensor, " problem"]
    seed: Int[Tensor, " problem"]

    def log_probs(self, problem: int, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word class"]:
        """Logarithms (nats) of each class's probability."""
        site = int(self.site[problem])
        z = ((x - self.mean[site]) * self.inverse[site])[None]
        one = slice(problem, problem + 1)
        return torch.log_softmax(forward(z, self.first[one], self.second[one], self.how.relu)[0], 1)


def forward(
    x: Float[Tensor, "problem word unit"],
    first: Float[Tensor, "problem column hidden"],
    second: Float[Tensor, "problem hidden1 class"],
    relu: bool,
) -> Float[Tensor, "problem word class"]:
    """Logits. The last row of each matrix is the intercept."""
    hidden = torch.baddbmm(first[:, -1:], x, first[:, :-1])
    return torch.baddbmm(second[:, -1:], hidden.relu() if relu else hidden, second[:, :-1])


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
    site, target, seed = (
        index.flatten()
        for index in torch.meshgrid(
            torch.arange(len(inputs)), torch.arange(len(targets)), torch.tensor(list(seeds)), indexing="ij"
        )
    )
    first = torch.stack([_drawn(x.shape[2], how.width, int(s), x.dtype) for s in seed])
    second = torch.stack([_drawn(how.width, classes, int(s) + 10_000, x.dtype) for s in seed])
    weights = [first.requires_grad_(), second.requires_grad_()]
    adam = torch.optim.Adam(weights, lr=how.rate)
    best = [weight.detach().clone() for weight in weights]
    lowest = torch.full((len(site),), torch.inf)
    since = 0
    order_of = torch.Generator().manual_seed(0)
    for _ in range(how.epochs):
        for rows in torch.randperm(x.shape[1], generator=order_of).split(how.batch):
            adam.zero_grad()
            # The sum over problems: their weights are their own, so are their gradients.
            _losses(forward(x[:, rows][site], first, second, how.relu), targets[target][:, rows]).sum().backward()
            adam.step()
        with torch.no_grad():
            losses = _losses(forward(held[site], first, second, how.relu), development[1][target])
            better = losses < lowest
            lowest = torch.where(better, losses, lowest)
            for kept, weight in zip(best, weights, strict=True):
                kept[better] = weight[better]
        since = 0 if bool(better.any()) else since + 1
        if since >= how.patience:
            break
    return Nonlinear(how, best[0], best[1], means, inverses, site, target, seed)


def _drawn(inward: int, outward: int, seed: int, dtype: torch.dtype) -> Float[Tensor, "column hidden"]:
    """PyTorch's own rule for linear layers: uniform within 1/√inward, intercepts too."""
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(inward + 1, outward, generator=generator) * 2 - 1
    return (uniform / math.sqrt(inward)).to(dtype)


def _losses(logits: Float[Tensor, "problem word class"], y: Int[Tensor, "problem word"]) -> Float[Tensor, " problem"]:
    """Mean cross-entropy in nats over the words on which a target is defined."""
    known = y >= 0
    log_p = torch.log_softmax(logits, 2).gather(2, y.clamp(min=0)[:, :, None]).squeeze(2)
    total: Tensor = (log_p * known).sum(1)
    return -total / known.sum(1).clamp(min=1)
