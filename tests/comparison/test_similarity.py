import numpy as np
import pytest
import torch
from sklearn.cross_decomposition import CCA

from unitscope.comparison.joint import Joint
from unitscope.comparison.similarity import canonical, cka, projection_weighted, similarity


def pair(tokens=400, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(tokens, 4))
    x = common @ rng.normal(size=(4, 7)) + noise * rng.normal(size=(tokens, 7))
    y = common @ rng.normal(size=(4, 5)) + noise * rng.normal(size=(tokens, 5)) + 3
    return x, y


def joint(*parts):
    return Joint.of([torch.from_numpy(np.ascontiguousarray(part)) for part in parts])


def test_cka_is_that_of_centred_gram_matrices():
    x, y = pair()
    kx, ky = ((z - z.mean(0)) @ (z - z.mean(0)).T for z in (x, y))
    oracle = (kx * ky).sum() / np.sqrt((kx * kx).sum() * (ky * ky).sum())
    assert cka(joint(x, y)) == pytest.approx(oracle, rel=1e-9)


def test_canonical_correlations_are_those_of_scikit_learn():
    x, y = pair()
    model = CCA(n_components=5, max_iter=5000, tol=1e-12).fit(x, y)
    u, v = model.transform(x, y)
    oracle = sorted((abs(np.corrcoef(u[:, k], v[:, k])[0, 1]) for k in range(5)), reverse=True)
    np.testing.assert_allclose(canonical(joint(x, y)).rho.numpy(), oracle, atol=1e-5)


def test_svcca_and_pwcca_are_those_of_whole_matrices():
    x, y = pair()
    x, y = x - x.mean(0), y - y.mean(0)

    def kept(z, share):
        left, size, _ = np.linalg.svd(z, full_matrices=False)
        count = int(np.searchsorted(np.cumsum(size**2) / np.sum(size**2), share) + 1)
        return left[:, :count]

    oracle = np.linalg.svd(kept(x, 0.99).T @ kept(y, 0.99), compute_uv=False)
    found = similarity(joint(x, y))
    assert found.svcca == pytest.approx(oracle.mean(), rel=1e-8)

    basis = np.linalg.svd(x, full_matrices=False)[0]
    left, rho, _ = np.linalg.svd(basis.T @ np.linalg.svd(y, full_matrices=False)[0], full_matrices=False)
    directions = basis @ left  # [token direction]
    weight = np.abs(directions.T @ x).sum(1)
    assert found.pwcca == pytest.approx((weight * rho).sum() / weight.sum(), rel=1e-8)


def test_another_basis_of_the_same_is_the_same():
    x, _ = pair()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(7, 7)))[0]
    found = similarity(joint(x, 3 * x @ rotation + 1))
    for value in (found.cka, found.debiased_cka, found.svcca, found.pwcca, found.pwcca_back):
        assert value == pytest.approx(1, abs=1e-9)
    assert similarity(joint(x, x[:, ::-1])).cka == pytest.approx(1)


def test_only_the_debiased_one_is_nothing_where_nothing_is_shared():
    rng = np.random.default_rng(0)
    found = [similarity(joint(rng.normal(size=(60, 40)), rng.normal(size=(60, 40)))) for _ in range(20)]
    assert np.mean([s.cka for s in found]) > 0.3
    assert abs(np.mean([s.debiased_cka for s in found])) < 0.05
    assert np.mean([s.svcca for s in found]) > 0.5


def test_a_network_that_stands_still_has_no_similarity():
    x, _ = pair()
    found = similarity(joint(x, np.zeros((400, 3))))
    assert np.isnan([found.cka, found.debiased_cka, found.svcca]).all()
    assert np.isnan(projection_weighted(canonical(joint(np.zeros((400, 3)), x))))
