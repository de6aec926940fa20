"""The JSON file holds what the page shows."""

import json
from pathlib import Path

import pytest
from synthetic import every_view, synthetic

from unitscope.errors import InputError
from unitscope.page.page import Section, UnitGroup, Units, build_page
from unitscope.page.write import write_page
from unitscope.views import to_json


def test_everything_is_there(tmp_path: Path) -> None:
    views = every_view()
    groups = [UnitGroup("g", "h", views)]
    page = build_page(
        "T", "S", [Section("a", "A", "text", views)], None, {"s": Units.of([groups, []]), "t": Units.of([])}
    )
    write_page(page, json=tmp_path / "deep" / "page.json")
    read = json.loads((tmp_path / "deep" / "page.json").read_text(encoding="utf-8"))
    plain = json.loads(json.dumps([to_json(view) for view in views]))
    assert read["title"] == "T"
    assert read["sections"] == [{"id": "a", "title": "A", "text": "text", "views": plain}]
    assert read["units"] == {"s": [[{"title": "g", "help": "h", "views": plain}], []], "t": []}


def test_the_table_is_there(tmp_path: Path) -> None:
    page = synthetic(sites=2, units=3)
    write_page(page, json=tmp_path / "page.json")
    read = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert read["table"]["sites"] == [["rnn.0.hidden", 3], ["rnn.0.cell", 3]]
    assert read["table"]["units"] == [0, 1, 2, 0, 1, 2]
    assert [len(column) for column in read["table"]["columns"]] == [6] * len(read["table"]["fields"])
    assert read["table"]["columns"][0] == list(page.table.columns[0])


def test_both_files_are_made_of_units_that_are_made_once(tmp_path: Path) -> None:
    made: list[int] = []
    units = Units(3, lambda unit: made.append(unit) or [])
    write_page(build_page("T", "", [], None, {"s": units}), tmp_path / "page.html", tmp_path / "page.json")
    assert made == [0, 1, 2]
    assert (tmp_path / "page.html").exists() and (tmp_path / "page.json").exists()


def test_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file cannot be written: File exists"):
        write_page(synthetic(sites=1, units=1), json=tmp_path / "file" / "page.json")
