"""Exact tests of two groups of trained runs, and p-values of what was drawn under the null.

Ten thousand tokens of one network are one network. What is said of a *kind* of network is tested over runs: if kind did
not matter, every way of dividing the runs into two groups of these sizes would be as likely as the one that is there
(Fisher's exact permutation test). With few runs there are few ways, and no data can make p small.
"""

import itertools
import math

import numpy as np
from jaxtyping import Bool, Float

MOST = 20_000
"""Divisions that are tried; beyond that so many are drawn."""
LEVEL = 0.05


def divisions(first: int, second: int, seed: int = 0) -> Bool[np.ndarray, "division run"]:
    """Every way to say which runs are the first group; the true one comes first. Draws where they are too many."""
    runs = first + second
    if math.comb(runs, first) <= MOST:
        chosen = list(itertools.combinations(range(runs), first))
        members = np.zeros((len(chosen), runs), dtype=bool)
        members[np.arange(len(chosen))[:, None], np.array(chosen)] = True
        return members
    generator = np.random.default_rng(seed)
    truth = np.arange(runs) < first
    return np.stack([truth, *(generator.permutation(truth) for _ in range(MOST - 1))])


def smallest_p(first: int, second: int) -> float:
    """The smallest p of a two-sided test: with groups of one size, every division has its mirror image."""
    return min(1.0, (2 if first == second else 1) / min(math.comb(first + second, first), MOST))


def too_few(first: int, second: int) -> str:
    """Sentence for data that cannot give p < 0.05; empty for others."""
    best = smallest_p(first, second)
    if best < LEVEL:
        return ""
    return (
        f"With {first} and {second} runs no difference, however large, can have p below {best:.2g}: "
        "look at the effect sizes, or train more runs (4 and 4 are enough for p < 0.05)."
    )


def of_divisions(values: Float[np.ndarray, " division"]) -> float:
    """The share of divisions whose statistic is at least as far from zero as the first, which is the true one."""
    size = np.abs(values)
    return float((size >= size[0] * (1 - 1e-9) - 1e-15).mean())


def of_draws(value: float, drawn: Float[np.ndarray, " draw"]) -> float:
    """p of a value against as many drawn under the null, both as distances from what the null expects.

    The value is one of its own draws (Phipson & Smyth 2010), so p is never zero.
    """
    return (1 + int((drawn >= value - 1e-12).sum())) / (1 + len(drawn))


def of_difference(
    first: Float[np.ndarray, " _"], second: Float[np.ndarray, " _"], members: Bool[np.ndarray, "division run"]
) -> float:
    """p of the difference of means, over the divisions."""
    both = np.concatenate([first, second]).astype(np.float64)
    # Numbers near the mean, so that equal runs differ by nothing but their last digits.
    centred = both - both.mean()
    total, size = members @ centred, len(first)
    return of_divisions((centred.sum() - total) / len(second) - total / size)
