import math

import numpy as np
import pytest
import torch
from planted import chunk_of, fold, one_site

from unitscope.analyses.correlation import BLOCK, SHOWN, Correlation
from unitscope.models.site import Site


@pytest.mark.parametrize("units", [1, 5, BLOCK, BLOCK + 1, 3 * BLOCK - 7])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_equals_numpy(units, offset):
    x = torch.randn(400, units) @ torch.randn(units, units) + offset
    result = fold(Correlation(every=1), one_site(x, [100] * 4, -math.inf, math.inf))
    expected = np.corrcoef(x.double().numpy().T).reshape(units, units)
    np.testing.assert_allclose(result.r, expected, atol=1e-5)
    np.testing.assert_allclose(np.diag(result.r), 1)


def test_one_token_in_four_is_looked_at():
    x = torch.randn(1000, 5) @ torch.randn(5, 5)
    lengths = [1] * 100 + [400, 497, 3]
    rows = torch.cat([(sequence + torch.arange(n)) % 4 == 0 for sequence, n in enumerate(lengths)])
    result = fold(Correlation(), one_site(x, lengths, -math.inf, math.inf))
    assert result.tokens == rows.sum() == 250
    np.testing.assert_allclose(result.r, np.corrcoef(x[rows].double().numpy().T), atol=1e-5)


def test_parts_whose_means_are_far_apart():
    x = torch.cat([torch.randn(100, 4), torch.randn(100, 4) + 50, torch.randn(100, 4) - 80])
    x = x @ torch.randn(4, 4)
    analysis, source = Correlation(every=1), one_site(x, [100] * 3, -math.inf, math.inf)
    states = []
    for sequence in range(3):
        states.append(analysis.start(source.sites[0], {}))
        analysis.update(states[-1], chunk_of(source, source.sites[0], [sequence]))
    merged = analysis.merge(analysis.merge(states[2], states[0]), states[1])
    np.testing.assert_allclose(analysis.compute(merged).r, np.corrcoef(x.double().numpy().T), atol=1e-5)


def test_dimensions_are_those_of_the_eigenvalues():
    x = torch.randn(500, 8) * torch.logspace(0, -2, 8) @ torch.randn(8, 8)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.double().numpy().T, bias=True))
    result = fold(Correlation(every=1), one_site(x, low=-math.inf, high=math.inf))
    assert result.dimensions == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-5)


def test_the_dimensions_of_planted_factors():
    factors = torch.randn(5000, 3)
    x = factors.repeat(1, 10)  # 30 units that copy three factors
    assert fold(Correlation(every=1), one_site(x, low=-math.inf, high=math.inf)).dimensions == pytest.approx(
        3, rel=0.02
    )


def test_the_nearest_unit():
    x = torch.randn(300, 6)
    x[:, 4] = -2 * x[:, 1] + 0.01 * torch.randn(300)
    result = fold(Correlation(every=1), one_site(x, low=-math.inf, high=math.inf))
    names, r = (column.values for column in result.columns())
    assert (names[1], names[4]) == ("planted/4", "planted/1")
    assert r[1] == pytest.approx(-1, abs=1e-3)
    assert result.views(4)[0].rows[0][0] == "planted/1"


def test_constant_units_have_no_correlation():
    x = torch.rand(50, 4)
    x[:, 2] = 0.1
    result = fold(Correlation(every=1), one_site(x))
    assert np.isnan(result.r[2]).all()
    assert np.isnan(result.r[:, 2]).all()
    names, r = (column.values for column in result.columns())
    assert names[2] == ""
    assert np.isnan(r[2])
    assert np.isfinite(r[[0, 1, 3]]).all()


def test_a_site_that_stands_still_has_no_dimensions():
    assert fold(Correlation(every=1), one_site(torch.full((9, 3), 0.7))).dimensions == 0


def test_the_picture_puts_like_beside_like():
    factors = torch.randn(1000, 2)
    x = factors[:, [0, 1] * 5] + 0.1 * torch.randn(1000, 10)  # even units are one group, odd units the other
    (picture,) = fold(Correlation(every=1), one_site(x, low=-math.inf, high=math.inf)).views()
    group = [int(name.split("/")[1]) % 2 for name in picture.rows]
    assert group in ([0] * 5 + [1] * 5, [1] * 5 + [0] * 5)
    np.testing.assert_allclose(np.diag(picture.values), 1)


def test_of_many_units_the_strongest_are_shown():
    x = torch.randn(500, SHOWN + 40)
    x[:, -2] = x[:, 3]
    (picture,) = fold(Correlation(every=1), one_site(x, low=-math.inf, high=math.inf)).views()
    assert len(picture.rows) == SHOWN
    assert {"planted/3", f"planted/{SHOWN + 38}"} <= set(picture.rows)


def test_there_is_none_of_sites_that_are_too_wide_for_all_pairs():
    assert Correlation().applies(Site("sae.latents", 8192))
    assert not Correlation().applies(Site("sae.latents", 16384))
