from dataclasses import dataclass

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.errors import InputError
from unitscope.fold.state import Packed, pack, unpack
from unitscope.models.site import Site


@dataclass
class Inner:
    name: str
    rows: Float[np.ndarray, " row"]


@dataclass
class Everything:
    site: Site
    count: int
    share: float
    there: bool
    nothing: Inner | None
    maybe: Inner | None
    table: Float[Tensor, "row column"]
    several: list[Float[Tensor, " row"]]
    nested: list[list[Tensor]]
    named: dict[str, Inner]
    numbered: dict[float, int]
    seen: set[int]
    pair: tuple[int, str]
    many: tuple[float, ...]


STATE = Everything(
    Site("a", 2), 7, float("inf"), True, None, Inner("é", np.arange(3.0)), torch.rand(2, 3).double(),
    [torch.rand(2), torch.empty(0)], [[torch.rand(1)], []], {"x": Inner("y", np.empty(0))}, {0.5: 3, -1.0: 0},
    {4, 1}, (3, "three"), (0.1, float("nan")),
)  # fmt: skip


def test_everything_that_a_state_may_hold_comes_back():
    again = unpack(Everything, pack(STATE))
    assert again.site == STATE.site
    assert (again.count, again.there, again.nothing, again.seen, again.pair) == (7, True, None, {1, 4}, (3, "three"))
    assert again.share == float("inf")
    assert again.many[0] == 0.1 and np.isnan(again.many[1])
    assert torch.equal(again.table, STATE.table) and again.table.dtype == torch.float64
    assert [len(part) for part in again.several] == [2, 0]
    assert torch.equal(again.nested[0][0], STATE.nested[0][0]) and again.nested[1] == []
    assert again.named["x"].name == "y" and again.numbered == {0.5: 3, -1.0: 0}
    assert again.maybe.name == "é" and again.maybe.rows.tolist() == [0, 1, 2]
    again.table[:] = 0
    assert STATE.table.any()


@pytest.mark.parametrize("plain", [None, 3, {}, {"name": "x"}, {"name": 4, "rows": None}, [], {"rows": None}])
def test_what_holds_no_state_is_an_error(plain):
    with pytest.raises(InputError, match=r"this holds no Inner .* fold that part again"):
        unpack(Inner, Packed({}, plain))


def test_what_no_state_may_hold():
    with pytest.raises(TypeError, match="name is a object"):
        pack(Inner(object(), np.empty(0)))
