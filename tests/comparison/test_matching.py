import itertools

import numpy as np
import torch

from unitscope.comparison.joint import Joint
from unitscope.comparison.matching import assign, match


def halves(x, y):
    middle = len(x) // 2
    return tuple(Joint.of([x[rows], y[rows]]) for rows in (slice(0, middle), slice(middle, None)))


def test_a_permuted_network_is_found_again():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 6, generator=generator)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    y = -x[:, order] + 0.3 * torch.randn(500, 6, generator=generator)
    found = match(halves(x, y))
    assert found.partner.tolist() == order.argsort().tolist()
    assert found.best.tolist() == found.partner.tolist()
    assert found.mutual.all()
    assert (found.r < -0.9).all()
    assert (found.confirmed > 0.9).all()


def test_the_assignment_is_the_best_of_all():
    r = np.random.default_rng(0).uniform(-1, 1, size=(4, 5))
    best = max(itertools.permutations(range(5), 4), key=lambda chosen: sum(abs(r[u, v]) for u, v in enumerate(chosen)))
    assert assign(r).tolist() == list(best)


def test_units_that_are_left_over_have_no_partner():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 5, generator=generator)
    found = match(halves(x, x[:, [4, 1]]))
    assert found.partner.tolist() == [-1, 1, -1, -1, 0]
    assert np.isnan(found.r[[0, 2, 3]]).all()
    assert found.best_of_b.tolist() == [4, 1]


def test_a_chance_partner_is_not_confirmed():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(100, 40, generator=generator), torch.randn(100, 40, generator=generator)
    found = match(halves(x, y))
    assert np.abs(found.best_r).mean() > 0.2
    assert abs(found.confirmed.mean()) < 0.06
