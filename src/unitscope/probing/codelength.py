"""Description length: the bits it takes to send the labels to someone who has the activations (Voita & Titov 2020).

Online code: the first words are sent with the uniform code; then, block after block, a probe is fitted on what was sent
and the next block is sent with its probabilities. Good probabilities after few words make a short code, so ease of
learning counts, not only the final accuracy. All numbers are bits; the published code adds nats to bits.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.probing.linear import RIDGES, Penalty, fit_linear
from unitscope.probing.measures import BITS
from unitscope.probing.softmax import Inputs

FRACTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of the words after which the probe is fitted again."""


@dataclass(frozen=True)
class Codelength:
    """Bits for the labels of all training words."""

    online: float
    uniform: float
    """Words times log2 of the number of classes: the code of knowing nothing."""

    @property
    def compression(self) -> float:
        return self.uniform / self.online


Predict = Callable[[int, int], Sequence[Sequence[Float[Tensor, "word class"]]]]
"""Log probabilities (nats) of words ``begin`` to ``end``, [site][target], after a fit on the words before ``begin``."""


def prequential(
    targets: Int[Tensor, "target word"],
    classes: int,
    predict: Predict,
    fractions: Sequence[float] = FRACTIONS,
) -> list[list[Codelength]]:
    """The online code of any way to predict, [site][target]. Words whose class is −1 cost nothing."""
    words = targets.shape[1]
    edges = sorted({max(1, round(share * words)) for share in fractions} | {words})
    known = targets >= 0
    first = known[:, : edges[0]].sum(1) * math.log2(classes)  # [target]
    found: list[list[float]] = []
    for begin, end in pairwise(edges):
        block = targets[:, begin:end]
        for site, by_target in enumerate(predict(begin, end)):
            if site == len(found):
                found.append(first.tolist())
            for target, log_p in enumerate(by_target):
                here = block[target] >= 0
                chosen = log_p.gather(1, block[target].clamp(min=0)[:, None]).squeeze(1)
                found[site][target] -= float(chosen[here].double().sum()) * BITS
    uniform = (known.sum(1) * math.log2(classes)).tolist()
    return [[Codelength(bits, uniform[target]) for target, bits in enumerate(site)] for site in found]


def linear_codelengths(
    inputs: Inputs,
    targets: Int[Tensor, "target word"],
    classes: int,
    development: tuple[Sequence[Float[Tensor, "held unit"]], Int[Tensor, "target held"]],
    penalties: Sequence[Penalty] = RIDGES,
    fractions: Sequence[float] = FRACTIONS,
) -> list[list[Codelength]]:
    """The online code with linear probes, [site][target]; every block fits all sites, targets and penalties at once.

    Words must be in an order that says nothing (sentences shuffled). The development words choose the penalty; they are
    known to both sides and cost nothing.
    """

    def predict(begin: int, end: int) -> list[list[Tensor]]:
        some = targets[:, :begin]
        # A target that is undefined on all words so far goes on with the uniform code.
        defined = torch.nonzero((some >= 0).any(1)).squeeze(1)
        out = [[x.new_full((end - begin, classes), -math.log(classes)) for _ in targets] for x in inputs]
        if len(defined):
            fit = fit_linear([x[:begin] for x in inputs], some[defined], classes, penalties)
            best = fit.best(development[0], development[1][defined])
            for site, x in enumerate(inputs):
                for row, target in enumerate(defined.tolist()):
                    out[site][target] = fit.log_probs(int(best[site, row]), x[begin:end])
        return out

    return prequential(targets, classes, predict, fractions)
