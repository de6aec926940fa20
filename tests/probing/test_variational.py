import math

import pytest
import torch
from clusters import clusters
from torch.distributions import Normal, kl_divergence

from unitscope.errors import InputError
from unitscope.probing.variational import Bayes, _Posterior, variational_codelengths

HOW = Bayes(epochs=60, batch=100, rate=0.1, warmup=0.1)


def test_the_code_knows_which_units_tell() -> None:
    x, y = clusters(words=1000, units=30)
    shuffled = y[torch.randperm(1000, generator=torch.Generator().manual_seed(0))]
    ((true,), (nothing,)) = variational_codelengths([x], torch.stack([y, shuffled]), 4, HOW)[0]
    assert true.uniform == 2000
    assert true.labels < true.total < 0.75 * true.uniform
    assert nothing.total > 0.97 * nothing.uniform
    assert true.compression == pytest.approx(true.uniform / true.total)
    assert bool(true.kept[:3].all())
    assert int(true.kept.sum()) < 10
    assert int(nothing.kept.sum()) < 10


def test_bits_are_above_what_the_labels_themselves_cost() -> None:
    """A label of one word in eight costs H bits where nothing tells it; no code is shorter."""
    generator = torch.Generator().manual_seed(1)
    y = (torch.rand(800, generator=generator) < 0.125).long()
    share = float(y.double().mean())
    entropy = -(share * math.log2(share) + (1 - share) * math.log2(1 - share))
    x = torch.randn(800, 10, generator=generator)
    code = variational_codelengths([x], y[None], 2, HOW)[0][0][0]
    assert 800 * entropy < code.total < 800 * entropy * 1.1
    assert code.uniform == 800


def test_kl_of_weights_against_torch() -> None:
    with torch.no_grad():
        posterior = _Posterior.fresh(5, 3, torch.tensor([0]), torch.float64)
        check_kl(posterior)


def check_kl(posterior: _Posterior) -> None:
    normal = [
        kl_divergence(Normal(mean, (0.5 * log).exp()), Normal(0.0, 1.0)).sum()
        for mean, log in ((posterior.w, posterior.w_log), (posterior.b, posterior.b_log))
    ]
    rest = posterior.kl()[0] - sum(normal)
    alpha = posterior.log_alpha()[0].exp()
    exact = [-(0.63576 * torch.sigmoid(1.8732 + 1.48695 * a.log()) - 0.5 * (1 + 1 / a).log() - 0.63576) for a in alpha]
    assert float(rest) == pytest.approx(float(sum(exact)), rel=1e-9)


def test_company_changes_nothing() -> None:
    x, y = clusters(words=100)
    x, both = x.double(), torch.stack([y, y.flip(0)])
    both[1, :10] = -1
    how = Bayes(epochs=2, batch=30)
    together = variational_codelengths([x * 2 + 1, x.flip(1)], both, 4, how, seeds=(0, 3))
    alone = variational_codelengths([x.flip(1)], both[1:], 4, how, seeds=(3,))
    assert together[1][1][1].total == pytest.approx(alone[0][0][0].total, rel=1e-6)
    assert together[1][1][1].uniform == 180
    with pytest.raises(InputError, match="not finite"):
        variational_codelengths([x * torch.nan], both, 4, how)
