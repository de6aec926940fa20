import math

import pytest
import torch
from clusters import clusters

from unitscope.probing.codelength import FRACTIONS, linear_codelengths, prequential
from unitscope.probing.tasks import random_labels


def test_uniform_predictions_cost_the_uniform_code() -> None:
    _, y = clusters(words=997, classes=4)
    some = torch.where(torch.arange(len(y)) % 5 == 0, -1, y)
    targets = torch.stack([y, some])

    def uniform(begin: int, end: int) -> list[list[torch.Tensor]]:
        return [[torch.full((end - begin, 4), -math.log(4), dtype=torch.float64)] * 2]

    ((whole, part),) = prequential(targets, 4, uniform)
    assert whole.online == pytest.approx(997 * 2)
    assert whole.uniform == pytest.approx(997 * 2)
    assert whole.compression == pytest.approx(1)
    assert part.online == pytest.approx(int((some >= 0).sum()) * 2)


def test_perfect_predictions_cost_the_first_block_only() -> None:
    _, y = clusters(words=1000, classes=4)

    def oracle(begin: int, end: int) -> list[list[torch.Tensor]]:
        return [[torch.nn.functional.one_hot(y[begin:end], 4).double().log().clamp(min=-100)]]

    ((code,),) = prequential(y[None], 4, oracle)
    assert code.online == pytest.approx(round(FRACTIONS[0] * 1000) * 2)


def test_structure_makes_a_short_code_and_noise_none() -> None:
    """Random labels per token cost nearly their entropy; a learnable label costs much less."""
    x, y = clusters(words=3000)
    held = clusters(words=500, seed=5)
    targets = torch.stack([y, random_labels(y, 0)])
    development = torch.stack([held[1], random_labels(held[1], 0)])
    ((code, noise),) = linear_codelengths([x], targets, 4, ([held[0]], development))
    shares = torch.bincount(y).double() / len(y)
    entropy = float(-(shares * shares.log2()).sum()) * len(y)
    assert noise.online >= 0.98 * entropy
    assert code.online < 0.5 * noise.online
    assert code.online < code.uniform


def test_company_changes_nothing() -> None:
    x, y = clusters(words=400)
    held = clusters(words=200, seed=5)
    other = random_labels(y, 1)
    together = linear_codelengths(
        [x.double()] * 2, torch.stack([y, other]), 4, ([held[0].double()] * 2, held[1].expand(2, -1))
    )
    alone = linear_codelengths([x.double()], other[None], 4, ([held[0].double()], held[1][None]))
    # The order of sums depends on company, and where the search for the minimum ends on the last digits of sums.
    assert together[1][1].online == pytest.approx(alone[0][0].online, rel=1e-5)
    assert together[0] == together[1]
