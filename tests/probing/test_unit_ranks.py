import torch
from clusters import clusters

from unitscope.probing.linear import Penalty, fit_linear
from unitscope.probing.unit_ranks import UnitRanks, ranks_view


def test_informative_units_come_first() -> None:
    x, y = clusters(words=800, informative=3)
    fit = fit_linear([x], y[None], 4, [Penalty(l2=1e-2)])
    ranks = UnitRanks.of("rnn.0.hidden", "upos", ["A", "B", "C", "D"], fit.standardised[0], x, y)
    assert sorted(ranks.by_weight) == sorted(ranks.by_means) == list(range(1, 13))
    assert set(ranks.by_weight[:3]) == set(ranks.by_means[:3]) == {1, 2, 3}
    size = fit.standardised[0].abs()
    share = size / size.sum(1, keepdim=True)
    assert ranks.speaks_for[0] == "ABCD"[int(share[:, 0].argmax())]
    view = ranks_view([ranks], 0)
    assert view.rows[0][:2] == ["upos", f"{ranks.by_weight[0]} of 12"]


def test_the_size_of_a_unit_is_no_merit() -> None:
    x, y = clusters(words=800)
    scaled = x * torch.logspace(-3, 3, 12)
    weight = fit_linear([x], y[None], 4).standardised[0]
    plain, other = (UnitRanks.of("s", "l", list("ABCD"), weight, values, y) for values in (x, scaled))
    assert plain.by_means == other.by_means
