import numpy as np
import pytest
import torch
from planted import one_site
from sklearn.linear_model import Ridge

from unitscope.comparison.importance import RIDGES, cross_importance, joint_halves, shared
from unitscope.comparison.joint import Joint
from unitscope.errors import InputError

TOKENS, LENGTHS = 600, [20] * 30


def planted():
    """Unit 0 is in all networks, unit 1 in two, unit 2 is a mixture of the second's, unit 3 nowhere else."""
    generator = torch.Generator().manual_seed(0)

    def noise(units):
        return torch.randn(TOKENS, units, generator=generator)

    everywhere, often, parts = noise(1), noise(1), noise(3)
    first = torch.cat([everywhere, often, parts.sum(1, keepdim=True), noise(1)], 1)
    second = torch.cat([parts, often + 0.1 * noise(1), everywhere], 1)
    third = torch.cat([noise(2), -everywhere], 1)
    return [one_site(x, LENGTHS, name=name) for x, name in zip((first, second, third), "abc", strict=True)]


def test_planted_units_are_ranked():
    first = cross_importance(planted(), "planted")[0]
    assert first.maxcorr[0] == pytest.approx(1)
    assert first.mincorr[0] == pytest.approx(1)
    assert first.maxcorr[1] > 0.98 > 0.2 > first.mincorr[1]
    assert first.maxcorr[2] < 0.75
    assert first.linreg[:3].min() > 0.97
    assert first.linreg[3] < 0.02
    assert first.svcca[0] > first.svcca[1] > first.svcca[3]
    assert list(first.to_pandas()) == ["network", "site", "unit", "maxcorr", "mincorr", "linreg", "svcca"]


def test_correlations_are_those_of_numpy():
    sources = planted()
    x = [next(iter(source.values.values())).numpy() for source in sources]
    r = [np.abs(np.corrcoef(x[1].T, other.T)[:5, 5:]).max(1) for other in (x[0], x[2])]
    second = cross_importance(sources, "planted")[1]
    np.testing.assert_allclose(second.maxcorr, np.maximum(*r), atol=1e-6)
    np.testing.assert_allclose(second.mincorr, np.minimum(*r), atol=1e-6)


def test_linreg_is_the_held_out_ridge_of_scikit_learn():
    sources = planted()
    x = [next(iter(source.values.values())).double().numpy() for source in sources]
    others = np.concatenate(x[1:], 1)
    first = np.repeat(np.arange(30) % 2 == 0, 20)

    def held_out(ridge):
        found = []
        for train, test in ((first, ~first), (~first, first)):
            penalty = ridge * others[train].var(0).mean() * train.sum()
            said = Ridge(alpha=penalty).fit(others[train], x[0][train]).predict(others[test])
            found.append(1 - ((x[0][test] - said) ** 2).mean(0) / x[0][test].var(0))
        return np.mean(found, 0)

    best = max((held_out(ridge) for ridge in RIDGES), key=np.mean)
    np.testing.assert_allclose(cross_importance(sources, "planted")[0].linreg, best, atol=1e-6)


def test_more_units_than_tokens_do_not_explain_noise():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 3, generator=generator), torch.randn(40, 60, generator=generator)
    halves = (Joint.of([x[:20], y[:20]]), Joint.of([x[20:], y[20:]]))
    assert -0.5 < shared(halves, 0).linreg.max() < 0.2
    assert np.isnan(shared((Joint.of([x[:2], y[:2]]), Joint.of([x[2:], y[2:]])), 0).linreg).all()


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InputError, match="at least two"):
        cross_importance(planted()[:1], "planted")
    with pytest.raises(InputError, match="no site hidden"):
        joint_halves(planted(), ["planted", "hidden", "planted"])
