"""Information that a layer adds to a baseline: conditional V-information (Hewitt et al. 2021).

I(R → Y | B) = H(Y | B) − H(Y | B, R), where each entropy is the held-out cross-entropy, in bits, of the best probe of
a family that reads B, or B and R. Zeros stand in for R in the first, so both probes are of one family. With no baseline
it is V-information itself (Xu et al. 2020): what the probe gains over the best constant prediction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.linear import RIDGES, Penalty, fit_linear
from unitscope.probing.measures import BITS

Part = tuple[Sequence[Float[Tensor, "_ _"]], Int[Tensor, "target _"]]
"""Activations of each site, and the targets, of the same words."""


@dataclass(frozen=True)
class Conditional:
    """Bits per held-out word."""

    without: float
    """Cross-entropy given the baseline alone."""
    given: float
    """Cross-entropy given the baseline and the site."""

    @property
    def information(self) -> float:
        """Information that the site adds. Below 0 where it only helps to overfit."""
        return self.without - self.given


def conditional_information(
    train: Part,
    development: Part,
    test: Part,
    baselines: tuple[Float[Tensor, "word known"], Float[Tensor, "held known"], Float[Tensor, "tested known"]],
    classes: int,
    penalties: Sequence[Penalty] = RIDGES,
) -> list[list[Conditional]]:
    """Information that each site adds to a baseline about each target, [site][target], with linear probes.

    ``baselines`` are the baseline's activations on the words of the three parts, such as a word's embedding. All
    probes are fitted at once; development words choose the penalty, test words give the bits. Sites must be of one
    width. Raises ``InputError`` where they are not, and for baselines of other words than the sites'.
    """
    parts = []
    for (inputs, _), baseline in zip((train, development, test), baselines, strict=True):
        if any(len(x) != len(baseline) for x in inputs):
            raise InputError(f"the baseline has {len(baseline)} words and the sites {[len(x) for x in inputs]}")
        nothing = torch.zeros_like(inputs[0])
        parts.append([torch.cat([baseline, x], 1) for x in (nothing, *inputs)])
    fit = fit_linear(parts[0], train[1], classes, penalties)
    best = fit.best(parts[1], development[1])  # [site target], the first being the baseline alone
    bits = []
    for site, x in enumerate(parts[2]):
        row = []
        for target, y in enumerate(test[1]):
            log_p = fit.log_probs(int(best[site, target]), x).double()
            row.append(float(-log_p.gather(1, y.clamp(min=0)[:, None]).squeeze(1)[y >= 0].mean()) * BITS)
        bits.append(row)
    return [[Conditional(without, given) for without, given in zip(bits[0], row, strict=True)] for row in bits[1:]]
