"""Results become columns of all units, sections, and the groups of each unit, whatever the results are."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from jaxtyping import Float
from planted import one_site

from unitscope.fold.resultset import ResultSet
from unitscope.page.page import joined
from unitscope.page.parts.results import Results, by_site
from unitscope.result import Column, Result
from unitscope.source.arrays import Arrays
from unitscope.views import Group, Histogram, Scatter, Table, View


@dataclass(frozen=True, eq=False)
class Found(Result):
    name: str
    value: Float[np.ndarray, " unit"]

    def columns(self) -> list[Column]:
        return [Column(self.name, self.value, f"the {self.name}")]

    def views(self, unit: int | None = None) -> list[View]:
        return [] if self.name == "silent" else [Table(f"{self.name} {unit}", (), [])]


@pytest.fixture
def part() -> Results:
    found = ResultSet("fingerprint")
    found.entries["a", "moments"] = Found("a", 2, "mean", np.array([0.5, np.nan]))
    found.entries["a", "histogram-0123"] = Found("a", 2, "silent", np.array([1.0, 2.0]))
    found.entries["b", "moments"] = Found("b", 1, "mean", np.array([0.25], dtype=np.float32))
    return Results(found)


@pytest.fixture
def source() -> Arrays:
    return one_site(torch.zeros(4, 2))


def test_the_table_joins_all_columns(part: Results, source: Arrays) -> None:
    table = joined([part.columns(source)], {"a": 2, "b": 1})
    assert [(f.name, f.help, f.analysis) for f in table.fields] == [
        ("mean", "the mean", "moments"),
        ("silent", "the silent", "histogram-0123"),
    ]
    assert (list(table.sites), list(table.units)) == (["a", "a", "b"], [0, 1, 0])
    np.testing.assert_array_equal(table.columns, [[0.5, np.nan, 0.25], [1.0, 2.0, np.nan]])


def test_groups_are_all_views(part: Results, source: Arrays) -> None:
    (group,) = part.unit(source, "a", 1)
    assert (group.title, [view.title for view in group.views]) == ("Moments", ["mean 1"])
    assert group.help.startswith("Mean, standard deviation")
    assert "\n" not in group.help
    assert part.unit(source, "elsewhere", 0) == []


def test_sections_are_what_whole_sites_show(part: Results, source: Arrays) -> None:
    (section,) = part.sections(source)
    assert (section.id, [view.title for view in section.views]) == ("all-moments", ["mean None: a", "mean None: b"])


def saturation(site: str) -> Scatter:
    group = Group(site, [0.2], [0.1], [f"{site}/0"])
    return Scatter("Saturation", [group], "right", "left", xrange=(0.0, 1.0), yrange=(0.0, 1.0))


def test_layers_share_the_picture_of_a_gate() -> None:
    sites = ["rnn.0.forget_gate", "rnn.0.input_gate", "rnn.1.forget_gate"]
    forget, let_in = by_site([(site, saturation(site)) for site in sites])
    assert (forget.title, let_in.title) == ("Saturation: forget_gate", "Saturation: input_gate")
    assert isinstance(forget, Scatter)
    assert [group.name for group in forget.groups] == ["rnn.0.forget_gate", "rnn.1.forget_gate"]


def test_pictures_with_scales_of_their_own_stay_apart() -> None:
    views = [(site, Histogram("Values", [0.0, 1.0], [3.0])) for site in ("rnn.0.cell", "rnn.1.cell")]
    assert [view.title for view in by_site(views)] == ["Values: rnn.0.cell", "Values: rnn.1.cell"]
