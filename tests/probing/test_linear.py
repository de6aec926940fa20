import numpy as np
import pytest
import torch
from clusters import clusters
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from unitscope.errors import InputError
from unitscope.probing.linear import ELASTIC_NET, RIDGES, Penalty, fit_linear


def test_same_as_scikit_learn() -> None:
    x, y = clusters()
    fit = fit_linear([x.double()], y[None], 4, [Penalty(l2=0.01)], tolerance=1e-8)
    oracle = LogisticRegression(C=1 / (0.01 * len(x)), tol=1e-9, max_iter=1000)
    oracle.fit(StandardScaler().fit_transform(x.double().numpy()), y.numpy())
    np.testing.assert_allclose(fit.standardised[0].numpy(), oracle.coef_, atol=1e-6)
    held, _ = clusters(seed=1)
    expected = oracle.predict_log_proba(StandardScaler().fit(x.double().numpy()).transform(held.double().numpy()))
    np.testing.assert_allclose(fit.log_probs(0, held.double()).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("penalty", RIDGES, ids=lambda penalty: str(penalty.l2))
def test_accuracy_is_that_of_scikit_learn_at_the_same_penalty(penalty: Penalty) -> None:
    """Where the fit stops by itself, on units that go together."""
    draw = torch.Generator().manual_seed(0)
    y = torch.randint(5, (5000,), generator=draw)
    means, loadings = 0.5 * torch.randn(5, 48, generator=draw), torch.randn(8, 48, generator=draw)
    x = means[y] + torch.randn(5000, 8, generator=draw) @ loadings + torch.randn(5000, 48, generator=draw)
    fit = fit_linear([x[:1000]], y[None, :1000], 5, [penalty])
    scaler = StandardScaler().fit(x[:1000].double().numpy())
    oracle = LogisticRegression(C=1 / (penalty.l2 * 1000), tol=1e-8, max_iter=5000)
    oracle.fit(scaler.transform(x[:1000].double().numpy()), y[:1000].numpy())
    expected = oracle.predict(scaler.transform(x[1000:].double().numpy()))
    found = fit.log_probs(0, x[1000:]).argmax(1).numpy()
    right = y[1000:].numpy()
    assert abs((found == right).mean() - (expected == right).mean()) < 0.003
    assert (found == expected).mean() > 0.985


def test_elastic_net_is_at_its_minimum() -> None:
    """Where a weight is zero the gradient is within the penalty, elsewhere it equals it."""
    x, y = clusters()
    penalty = Penalty(l1=0.02, l2=0.01)
    fit = fit_linear([x.double()], y[None], 4, [penalty], tolerance=1e-7, evaluations=2000)
    z = torch.from_numpy(StandardScaler().fit_transform(x.double().numpy()))
    error = fit.log_probs(0, x.double()).exp() - torch.nn.functional.one_hot(y, 4)
    gradient = error.T @ z / len(x) + penalty.l2 * fit.standardised[0]
    zero = fit.standardised[0] == 0
    assert 0.1 < zero.double().mean() < 0.9
    assert bool((gradient[zero].abs() <= penalty.l1 + 1e-6).all())
    torch.testing.assert_close(gradient[~zero], -penalty.l1 * fit.standardised[0][~zero].sign(), atol=1e-6, rtol=0)


LEVELS = (RIDGES[0], RIDGES[2], ELASTIC_NET[1], ELASTIC_NET[3])


def test_all_at_once_is_each_alone() -> None:
    sites = [clusters(seed=s)[0].double() for s in range(3)]
    targets = torch.stack([clusters(seed=s)[1] for s in range(2)])
    targets[1, :50] = -1
    together = fit_linear(sites, targets, 4, LEVELS, tolerance=1e-4)
    assert len(together.site) == 3 * 2 * 4
    for p in range(len(together.site)):
        penalty = LEVELS[int(together.penalty[p])]
        kept = targets[together.target[p]]
        alone = fit_linear([sites[int(together.site[p])]], kept[None], 4, [penalty], tolerance=1e-4)
        torch.testing.assert_close(alone.weight[0], together.weight[p], atol=1e-8, rtol=0)


def test_undefined_words_are_passed_over() -> None:
    x, y = clusters()
    some = torch.where(torch.arange(len(y)) % 3 == 0, -1, y)
    fit = fit_linear([x.double()], some[None], 4, tolerance=1e-8)
    oracle = LogisticRegression(C=1 / (1e-4 * int((some >= 0).sum())), tol=1e-9, max_iter=2000)
    scaler = StandardScaler().fit(x.double().numpy())
    oracle.fit(scaler.transform(x.double().numpy())[some >= 0], some[some >= 0].numpy())
    np.testing.assert_allclose(fit.standardised[0].numpy(), oracle.coef_, atol=1e-4)


def test_constant_units_have_no_weight() -> None:
    x, y = clusters(words=5000)
    x = torch.cat([x, torch.full((len(x), 1), 0.3)], 1)
    fit = fit_linear([x], y[None], 4)
    assert bool((fit.weight[0, :, -1] == 0).all())
    assert bool(fit.converged.all())
    assert float((fit.log_probs(0, x).argmax(1) == y).float().mean()) > 0.8


def test_best_penalty_is_chosen_on_other_words() -> None:
    x, y = clusters(words=60)
    held = clusters(words=500, seed=3)
    fit = fit_linear([x], y[None], 4, RIDGES)
    best = fit.best([held[0]], held[1][None])
    losses = fit.losses([held[0]], held[1][None])
    assert best.shape == (1, 1)
    assert int(best[0, 0]) == int(losses.argmin())


def test_bad_input() -> None:
    x, y = clusters(words=50)
    broken = x.clone()
    broken[3, 5] = torch.nan
    with pytest.raises(InputError, match="unit 5 has activations that are not finite"):
        fit_linear([broken], y[None], 4)
    with pytest.raises(InputError, match="at least two classes"):
        fit_linear([x], y[None] * 0, 1)
    with pytest.raises(InputError, match="no word at all"):
        fit_linear([x], y[None] * 0 - 1, 4)
    with pytest.raises(InputError, match="equal width"):
        fit_linear([x, x[:, :5]], y[None], 4)
    with pytest.raises(InputError, match="no word at all"):
        fit_linear([x[:0]], y[None, :0], 4)
    with pytest.raises(InputError, match="0 or more"):
        Penalty(l1=-1.0)
