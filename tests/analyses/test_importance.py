import numpy as np
import pytest
import torch
from planted import fold, planted
from scipy import stats

from unitscope.analyses.importance import Importance
from unitscope.errors import InputError
from unitscope.models.site import Site

LENGTHS = [10, 4, 25, 8, 3]


def source(damage, known, **labels):
    return planted({Site("rnn.0.hidden", damage.shape[1]): damage}, LENGTHS, token_labels={"has-loss": known, **labels})


def test_means_and_intervals_are_those_of_a_ratio_over_sequences():
    torch.manual_seed(0)
    damage = torch.randn(50, 3) + torch.tensor([0.0, 1.0, -2.0])
    known = (torch.rand(50) < 0.7).float()
    result = fold(Importance(), source(damage, known))
    counted = damage[known > 0].double()
    np.testing.assert_allclose(result.mean, counted.mean(0), rtol=1e-6)
    sums = np.stack(
        [(d * k[:, None]).sum(0) for d, k in zip(damage.double().split(LENGTHS), known.split(LENGTHS), strict=True)]
    )
    counts = np.array([float(k.sum()) for k in known.split(LENGTHS)])
    rest = sums - result.mean * counts[:, None]
    freedom = counts.sum() ** 2 / (counts**2).sum() - 1
    spread = np.sqrt((rest**2).sum(0) * len(LENGTHS) / (len(LENGTHS) - 1)) / counts.sum()
    np.testing.assert_allclose(result.high - result.mean, stats.t.ppf(0.975, freedom) * spread, rtol=1e-6)
    assert result.predictions == counts.sum()


def test_where_a_label_is_set():
    flag = (torch.arange(50) % 4 == 0).float()
    flag[7] = torch.nan
    damage = torch.where(flag == 1, 2.0, 0.5)[:, None]
    result = fold(Importance(where=("flag",)), source(damage, torch.ones(50), flag=flag))
    assert result.part("flag")[0] == pytest.approx(2)
    assert result.part("not flag")[0] == pytest.approx(0.5)
    assert "loss damage, flag" in result.to_pandas().columns


def test_each_value_of_a_label_has_its_own_mean_and_interval():
    torch.manual_seed(0)
    damage, kind = torch.randn(50, 3), torch.randint(0, 3, (50,)).float()
    kind[9] = torch.nan
    known = (torch.rand(50) < 0.7).float()
    result = fold(Importance(by="kind"), source(damage, known, kind=kind))
    assert result.parts == ["kind = 0", "kind = 1", "kind = 2"]
    for number, name in enumerate(result.parts):
        there = (known > 0) & (kind == number)
        np.testing.assert_allclose(result.part(name), damage[there].double().mean(0), rtol=1e-6)
        alone = fold(Importance(), source(damage, there.float()))
        np.testing.assert_allclose(result.part_low[number], alone.low, rtol=1e-6)
        assert result.counts[number] == there.sum()
    heat = result.views()[1]
    assert heat.rows == result.parts
    assert [row[0] for row in result.views(1)[0].rows] == ["everywhere", *result.parts]


def test_a_label_of_many_values_is_refused():
    with pytest.raises(InputError, match="more than 64 values"):
        fold(Importance(by="number"), source_of(100))


def source_of(tokens):
    site = Site("rnn.0.hidden", 1)
    labels = {"has-loss": torch.ones(tokens), "number": torch.arange(tokens).float()}
    return planted({site: torch.zeros(tokens, 1)}, [tokens], token_labels=labels)


def test_nothing_to_predict():
    result = fold(Importance(), source(torch.zeros(50, 2), torch.zeros(50)))
    assert np.isnan(result.mean).all()
