from pathlib import Path

import numpy as np
import torch
from planted import one_site

from unitscope.comparison.compare import compare
from unitscope.page.parts.comparison import Compared
from unitscope.source.arrays import Arrays

LENGTHS = [10] * 20


def network(seed: int, units: int) -> Arrays:
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    mixed = x @ torch.randn(3, units, generator=torch.Generator().manual_seed(seed))
    return one_site(mixed, LENGTHS, name=f"net {seed}")


def test_a_comparison_is_kept_beside_the_first(tmp_path: Path) -> None:
    source = network(1, 4)
    found = compare(source, network(2, 6))
    Compared(found).save(tmp_path)
    (part,) = Compared.load(tmp_path)
    assert isinstance(part, Compared)
    assert [s.title for s in part.sections(source)] == [s.title for s in Compared(found).sections(source)]
    for one, two in zip(part.sections(source), Compared(found).sections(source), strict=True):
        assert repr(one.views) == repr(two.views)
    columns = {field.name: values for field, values in part.columns(source)["planted"]}
    np.testing.assert_array_equal(columns["r"], found.sites[0].matching.r)
    assert list(columns["partner"]) == [f"B:planted/{k}" for k in found.sites[0].matching.partner]
    (group,) = part.unit(source, "planted", 2)
    assert group.views[0].rows[0][0] == columns["partner"][2]
    assert "B:planted" not in part.columns(source)


def test_none_is_kept(tmp_path: Path) -> None:
    assert Compared.load(tmp_path) == []
