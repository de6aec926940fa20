import pytest
import torch
from clusters import clusters

from unitscope.errors import InputError
from unitscope.probing.linear import fit_linear
from unitscope.probing.nonlinear import Hidden, fit_nonlinear


def ring(words: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inside or outside a circle: no line divides them."""
    x = torch.randn(words, 3, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :2].norm(dim=1) > 1.2).long()


def right(fit: object, problem: int, x: torch.Tensor, y: torch.Tensor) -> float:
    return float((fit.log_probs(problem, x).argmax(1) == y).float().mean())  # type: ignore[attr-defined]


def test_hidden_layer_learns_what_a_line_cannot() -> None:
    (x, y), (held, truth) = ring(1500, 0), ring(500, 1)
    how = Hidden(width=16, epochs=25, batch=100, rate=1e-2)
    fit = fit_nonlinear([x], y[None], 2, ([held], truth[None]), how)
    assert right(fit, 0, held, truth) > 0.95
    assert right(fit_linear([x], y[None], 2), 0, held, truth) < 0.7


def test_rank_is_kept_and_enough_rank_is_linear() -> None:
    (x, y), (held, truth) = clusters(words=1500), clusters(words=500, seed=1)
    how = Hidden(width=2, relu=False, epochs=30, batch=200, rate=1e-2)
    fit = fit_nonlinear([x], y[None], 4, ([held], truth[None]), how)
    product = fit.layers[0][0, :-1] @ fit.layers[1][0, :-1]
    assert torch.linalg.matrix_rank(product, rtol=1e-4) == 2
    full = fit_nonlinear(
        [x], y[None], 4, ([held], truth[None]), Hidden(width=4, relu=False, epochs=30, batch=200, rate=1e-2)
    )
    assert right(full, 0, held, truth) == pytest.approx(right(fit_linear([x], y[None], 4), 0, held, truth), abs=0.03)


def test_company_changes_nothing() -> None:
    sites = [clusters(words=200, seed=s)[0].double() for s in range(2)]
    targets = torch.stack([clusters(words=200, seed=s)[1] for s in range(2)])
    targets[1, :30] = -1
    how = Hidden(width=5, epochs=3, batch=50)
    together = fit_nonlinear(sites, targets, 4, (sites, targets), how, seeds=(0, 3))
    assert len(together.site) == 8
    state = torch.random.get_rng_state()
    for p in range(8):
        site, target = int(together.site[p]), int(together.target[p])
        alone = fit_nonlinear(
            [sites[site]],
            targets[target][None],
            4,
            ([sites[site]], targets[target][None]),
            how,
            (int(together.seed[p]),),
        )
        torch.testing.assert_close(alone.layers[0][0], together.layers[0][p], atol=1e-8, rtol=0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_two_hidden_layers_and_dropout() -> None:
    (x, y), (held, truth) = ring(1500, 0), ring(500, 1)
    how = Hidden(width=16, depth=2, dropout=0.2, epochs=25, batch=100, rate=1e-2)
    fit = fit_nonlinear([x, x], y[None], 2, ([held, held], truth[None]), how)
    assert [tuple(layer.shape[1:]) for layer in fit.layers] == [(4, 16), (17, 16), (17, 2)]
    assert right(fit, 0, held, truth) > 0.95
    assert torch.equal(fit.layers[1][0], fit.layers[1][1])  # dropout too is the same in company


def test_oracle_of_two_layers() -> None:
    (x, y), (held, truth) = ring(100, 0), ring(50, 1)
    fit = fit_nonlinear([x], y[None], 2, ([held], truth[None]), Hidden(width=5, depth=2, epochs=2, batch=20))
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2)
    )
    for place, layer in zip((0, 2, 4), fit.layers, strict=True):
        net[place].weight.data, net[place].bias.data = layer[0, :-1].T.clone(), layer[0, -1].clone()
    z = (held - x.mean(0)) / x.std(0, correction=0)
    torch.testing.assert_close(fit.log_probs(0, held), net(z).log_softmax(1).detach(), atol=1e-5, rtol=1e-5)


def test_no_hidden_units() -> None:
    with pytest.raises(InputError, match="at least 1 unit"):
        Hidden(width=0)
    with pytest.raises(InputError, match="from 0 to below 1"):
        Hidden(dropout=1.0)
    with pytest.raises(InputError, match="at least 1 epoch"):
        Hidden(epochs=0)
