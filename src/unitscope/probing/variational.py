"""Variational description length: the bits of the probe itself and of the labels given it (Voita & Titov 2020).

The weights of a linear probe are random: the code sends them up to the precision that the labels need (bits back), so
the length is the expected cross-entropy of the labels plus KL(posterior ‖ prior). The prior is that of Bayesian
compression (Louizos, Ullrich & Welling 2017): every unit has a scale z with a log-uniform prior, weights given the
scale a standard normal one. A unit whose scale is all noise tells nothing: it is pruned. Everything reported is bits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import softplus

from unitscope.probing.measures import BITS
from unitscope.probing.nonlinear import Inputs
from unitscope.probing.softmax import standardisation
from unitscope.probing.training import cross_entropies, problems

K1, K2, K3 = 0.63576, 1.87320, 1.48695
"""Of the approximation of KL for a log-uniform prior (Molchanov, Ashukha & Vetrov 2017)."""
NOISE = 3.0
"""log α above which a unit is pruned; α is the scale's variance over its squared mean."""
START = -5.0
"""First logarithm of every variance: nearly certain."""
SAMPLES = 8
"""Draws of the weights over which the labels' bits are averaged."""


@dataclass(frozen=True)
class Bayes:
    """Length and rate of the training. The code is of the training words: nothing is held out or stops early."""

    epochs: int = 100
    batch: int = 500
    """Words per step."""
    rate: float = 3e-2
    """Of Adam, falling to nothing over the second half."""
    warmup: float = 0.2
    """Share of the steps over which the weight of the KL term grows to 1."""


@dataclass(frozen=True)
class Variational:
    """The code of one site, target and seed, in bits."""

    labels: float
    """Expected bits of the labels, given weights drawn from the posterior."""
    probe: float
    """Bits of the probe: KL(posterior ‖ prior)."""
    uniform: float
    """Words times log2 of the number of classes."""
    kept: Bool[Tensor, " unit"]
    """Units that are not pruned."""

    @property
    def total(self) -> float:
        return self.labels + self.probe

    @property
    def compression(self) -> float:
        return self.uniform / self.total


def variational_codelengths(
    inputs: Inputs,
    targets: Int[Tensor, "target word"],
    classes: int,
    how: Bayes = Bayes(),
    seeds: Sequence[int] = (0,),
) -> list[list[list[Variational]]]:
    """The variational code with linear probes, [site][target][seed]; all are trained side by side.

    A class is a number below ``classes``, −1 where a target is undefined. Raises ``InputError`` for activations that
    are not finite.
    """
    means, inverses = map(torch.stack, zip(*(standardisation(x) for x in inputs), strict=True))
    x = torch.stack(list(inputs)).sub_(means[:, None]).mul_(inverses[:, None])  # [site word unit]
    site, target, seed = problems(len(inputs), len(targets), seeds)
    posterior = _Posterior.fresh(x.shape[2], classes, seed, x.dtype)
    known = (targets >= 0).sum(1).clamp(min=1)[target]  # [problem]
    adam = torch.optim.Adam(posterior.parameters(), lr=how.rate)
    order, noise = torch.Generator().manual_seed(0), torch.Generator().manual_seed(2)
    steps = how.epochs * math.ceil(x.shape[1] / how.batch)
    done = 0
    for _ in range(how.epochs):
        for rows in torch.randperm(x.shape[1], generator=order).split(how.batch):
            adam.zero_grad()
            trust = min(1.0, (done + 1) / max(1.0, how.warmup * steps))
            losses = cross_entropies(posterior.logits(x[:, rows], site, noise), targets[target][:, rows])
            (losses + trust * posterior.kl() / known).sum().backward()
            adam.step()
            # The rate falls to nothing over the last half, so that the end is a minimum and not a walk about it.
            done += 1
            adam.param_groups[0]["lr"] = how.rate * min(1.0, 2 * (1 - done / steps))
    with torch.no_grad():
        bits = torch.zeros(len(site))
        for rows in torch.arange(x.shape[1]).split(how.batch):
            y = targets[target][:, rows]
            for _ in range(SAMPLES):
                mean = cross_entropies(posterior.logits(x[:, rows], site, noise), y)
                bits += mean * (y >= 0).sum(1) / SAMPLES * BITS
        probe = posterior.kl() * BITS
        kept = posterior.log_alpha() < NOISE
    flat = [
        Variational(float(bits[p]), float(probe[p]), float(known[p]) * math.log2(classes), kept[p])
        for p in range(len(site))
    ]
    by_target = [flat[i : i + len(seeds)] for i in range(0, len(flat), len(seeds))]
    return [by_target[i : i + len(targets)] for i in range(0, len(by_target), len(targets))]


@dataclass(frozen=True)
class _Posterior:
    """Means and logarithms of variances of scales z, weights and intercepts."""

    z: Float[Tensor, "problem unit"]
    z_log: Float[Tensor, "problem unit"]
    w: Float[Tensor, "problem unit class"]
    w_log: Float[Tensor, "problem unit class"]
    b: Float[Tensor, "problem class"]
    b_log: Float[Tensor, "problem class"]

    @classmethod
    def fresh(cls, units: int, classes: int, seeds: Int[Tensor, " problem"], dtype: torch.dtype) -> "_Posterior":
        drawn = [torch.randn(units, classes, generator=torch.Generator().manual_seed(s)) for s in seeds.tolist()]
        count = len(seeds)
        made = (
            torch.ones(count, units),
            torch.full((count, units), START),
            torch.stack(drawn) / math.sqrt(units),
            torch.full((count, units, classes), START),
            torch.zeros(count, classes),
            torch.full((count, classes), START),
        )
        return cls(*(values.to(dtype).requires_grad_() for values in made))

    def parameters(self) -> list[Tensor]:
        return [self.z, self.z_log, self.w, self.w_log, self.b, self.b_log]

    def logits(
        self, x: Float[Tensor, "site row unit"], site: Int[Tensor, " problem"], noise: torch.Generator
    ) -> Float[Tensor, "problem row class"]:
        """Drawn anew for every row: scales directly, sums of weights by their own mean and variance.

        The draws are shared by all problems, so that a problem's are the same in company.
        """
        drawn_z = torch.randn(x.shape[1:], generator=noise).to(x.dtype)
        drawn_sum = torch.randn(x.shape[1], self.w.shape[2], generator=noise).to(x.dtype)
        scaled = x[site] * (self.z[:, None] + (0.5 * self.z_log).exp()[:, None] * drawn_z)
        mean = torch.baddbmm(self.b[:, None], scaled, self.w)
        variance = torch.baddbmm(self.b_log.exp()[:, None], scaled.square(), self.w_log.exp())
        return mean + variance.sqrt() * drawn_sum

    def log_alpha(self) -> Float[Tensor, "problem unit"]:
        return self.z_log - 2 * (self.z.abs() + 1e-8).log()

    def kl(self) -> Float[Tensor, " problem"]:
        """Nats from prior to posterior."""
        log_alpha = self.log_alpha()
        scales = -(K1 * torch.sigmoid(K2 + K3 * log_alpha) - 0.5 * softplus(-log_alpha) - K1).sum(1)
        weights = 0.5 * (self.w_log.exp() + self.w.square() - 1 - self.w_log).sum((1, 2))
        return scales + weights + 0.5 * (self.b_log.exp() + self.b.square() - 1 - self.b_log).sum(1)
