import numpy as np
import pytest
import torch
from planted import one_site

from unitscope.analyses.moments import Moments
from unitscope.comparison.groups import compare_groups, kinship_of, measures
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze

LENGTHS = [10] * 30


def runs(seeds, scale=1.0, common=1.0):
    """Networks that know the same three things in another order and basis, each with things of its own."""
    known = torch.randn(300, 3, generator=torch.Generator().manual_seed(100 + round(10 * scale)))
    found = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        mixed = common * known @ torch.randn(3, 6, generator=generator)
        own = torch.randn(300, 6, generator=generator)
        found.append(one_site(scale * (mixed + own), LENGTHS, name=f"run {seed}"))
    return found


def test_what_differs_between_the_groups_is_found():
    found = compare_groups({"baseline": runs(range(4)), "guided": runs(range(4, 8), scale=2.0)}, analyses=[Moments()])
    table = found.to_pandas()
    row = table.loc["planted: std, mean"]
    assert row["p"] == pytest.approx(2 / 70)
    assert row["difference"] > 0.5 and row["effect"] > 1 and row["overlap"] == 1
    assert found.warning == ""
    kin = found.kin().set_index("measure")
    assert kin.loc["debiased CKA", "p"] == pytest.approx(2 / 70)
    assert kin.loc["debiased CKA", "within guided"] > kin.loc["debiased CKA", "between"]
    assert len(found.units()) == 8 * 6


def test_runs_of_one_kind_are_no_kinds():
    every = runs(range(8))
    p = [
        compare_groups({"a": every[k:] + every[: k - 4], "b": every[k - 4 : k]}, analyses=[Moments()]).kinship[0].p
        for k in (4, 6)
    ]
    assert min(p) > 0.05


def test_too_few_runs_are_named():
    found = compare_groups({"a": runs([0, 1, 2]), "b": runs([3, 4, 5], 2.0)}, analyses=[Moments()])
    assert "3 and 3 runs" in found.warning
    assert min(row.p for row in found.differences.rows) >= 0.1 - 1e-9
    assert list(found.per_run) == ["a 1", "a 2", "a 3", "b 1", "b 2", "b 3"]


def test_measures_do_not_depend_on_the_order_of_units():
    (run,) = runs([0])
    site = run.sites[0]
    turned = one_site(run.values[site].flip(1), LENGTHS)
    one, other = (measures(analyze(source, [Moments()])) for source in (run, turned))
    assert one == pytest.approx(other, rel=1e-5)


def test_kinship_is_within_minus_between():
    values = np.array([[1, 0.9, 0.1, 0.2], [0.9, 1, 0.3, 0.1], [0.1, 0.3, 1, 0.8], [0.2, 0.1, 0.8, 1]])
    found = kinship_of("hidden", "CKA", values, (2, 2))
    assert found.within == (0.9, 0.8)
    assert found.between == pytest.approx(0.175)
    assert found.p == pytest.approx(1 / 3)


def test_what_is_no_two_groups_is_refused():
    with pytest.raises(InputError, match="two groups"):
        compare_groups({"a": runs([0])})
    with pytest.raises(InputError, match="two groups"):
        compare_groups({"a": runs([0]), "b": []})
