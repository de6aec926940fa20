import numpy as np
import pytest
import torch
from planted import one_site
from scipy.spatial.distance import pdist, squareform

from unitscope.comparison.samples import groups_by_token, sample_distances
from unitscope.errors import InputError

LENGTHS = [3] * 40


def source(pull=3.0, seed=0):
    """At step 1 the units 0–3 tell the group; unit 5 is the same within groups only."""
    generator = torch.Generator().manual_seed(seed)
    groups = torch.randint(4, (40,), generator=generator)
    x = torch.randn(120, 12, generator=generator)
    here = torch.arange(40) * 3 + 1
    x[here, :4] += pull * torch.nn.functional.one_hot(groups, 4)
    if pull:
        x[here, 5] = groups.float() + 0.001 * torch.randn(40, generator=generator)
    tokens = torch.zeros(120, dtype=torch.int64)
    tokens[here] = groups
    return one_site(x, LENGTHS, tokens=tokens), groups.tolist(), x


def test_distances_are_those_of_scipy():
    planted, groups, x = source()
    found = sample_distances(planted, "planted", groups, permutations=99)
    assert found.steps == [0, 1, 2]
    same = np.array(groups)[:, None] == np.array(groups)[None]
    above = np.triu(np.ones((40, 40), dtype=bool), 1)
    for step in range(3):
        d = squareform(pdist(x[step::3].double().numpy()))
        assert found.within[step] == pytest.approx(d[same & above].mean(), rel=1e-6)
        assert found.across[step] == pytest.approx(d[~same & above].mean(), rel=1e-6)


def test_only_the_planted_step_is_near():
    planted, groups, _ = source()
    found = sample_distances(planted, "planted", groups)
    assert found.ratio[1] < 0.85 and found.p[1] == pytest.approx(0.001)
    assert np.abs(found.ratio[[0, 2]] - 1).max() < 0.05 and found.p[[0, 2]].min() > 0.02
    assert 5 in found.steady[1] and 5 not in found.steady[0]


def test_without_a_group_p_is_uniform_though_pairs_are_many():
    p = [
        sample_distances(planted, "planted", groups, [1], permutations=99).p[0]
        for planted, groups, _ in (source(0.0, seed) for seed in range(30))
    ]
    assert np.mean(np.array(p) < 0.05) <= 0.14
    assert 0.3 < np.mean(p) < 0.7


def test_groups_can_be_a_shared_token():
    planted, groups, _ = source()
    assert groups_by_token(planted, 1) == groups
    assert groups_by_token(planted, 7) == [-1] * 40
    with pytest.raises(InputError, match="one group for each"):
        sample_distances(planted, "planted", groups[:5])
    with pytest.raises(InputError, match="no step"):
        sample_distances(planted, "planted", list(range(40)))
