"""Results become the table of units and the groups of each unit, whatever the results are."""

from dataclasses import dataclass

import numpy as np
import pytest
from jaxtyping import Float

from unitscope.fold.resultset import ResultSet
from unitscope.page.page import Section, UnitField, UnitGroup, UnitTable, build_page
from unitscope.page.units import unit_groups, unit_table
from unitscope.result import Column, Result
from unitscope.view import Table, View


@dataclass(frozen=True, eq=False)
class Found(Result):
    name: str
    value: Float[np.ndarray, " unit"]

    def columns(self) -> list[Column]:
        return [Column(self.name, self.value, f"the {self.name}")]

    def views(self, unit: int | None = None) -> list[View]:
        return [] if self.name == "silent" else [Table(f"{self.name} {unit}", (), [])]


def results() -> ResultSet:
    found = ResultSet("fingerprint")
    found.entries["a", "moments"] = Found("a", 2, "mean", np.array([0.5, np.nan]))
    found.entries["a", "histogram"] = Found("a", 2, "silent", np.array([1.0, 2.0]))
    found.entries["b", "moments"] = Found("b", 1, "mean", np.array([0.25], dtype=np.float32))
    return found


def test_table_joins_all_columns() -> None:
    table = unit_table(results())
    assert table.fields == [
        UnitField("mean", "number", "the mean", "moments"),
        UnitField("silent", "number", "the silent", "histogram"),
    ]
    assert [row[:2] for row in table.rows] == [["a", 0], ["a", 1], ["b", 0]]
    np.testing.assert_array_equal([row[2:] for row in table.rows], [[0.5, 1.0], [np.nan, 2.0], [0.25, np.nan]])


def test_groups_are_all_views() -> None:
    more = UnitGroup("More", "", ())
    units = list(unit_groups(results(), "a", lambda site, unit: [more] if unit else []))
    assert [[group.title for group in groups] for groups in units] == [["Moments"], ["More", "Moments"]]
    assert [view.title for view in units[1][1].views] == ["mean 1"]
    assert units[0][0].help.startswith("Mean, standard deviation")
    assert "\n" not in units[0][0].help


def test_no_results() -> None:
    assert unit_table(ResultSet("")).rows == []
    assert list(unit_groups(ResultSet(""), "a")) == []


def test_a_page_checks_its_table_and_sections() -> None:
    with pytest.raises(ValueError, match="s/3 has 3 values, its head 4"):
        build_page("", "", [], UnitTable([UnitField("a"), UnitField("b")], [["s", 3, 0.5]]), {})
    with pytest.raises(ValueError, match="section ids must differ"):
        build_page("", "", [Section("a", "", ""), Section("a", "", "")], UnitTable((), ()), {})
