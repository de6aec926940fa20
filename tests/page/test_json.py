"""The JSON file holds what the page shows."""

import json
from pathlib import Path

import pytest
from synthetic import every_view, synthetic

from unitscope.errors import InputError
from unitscope.page.json import write_json
from unitscope.page.page import Section, UnitGroup, UnitTable, build_page
from unitscope.view import to_json


def test_everything_is_there(tmp_path: Path) -> None:
    views = every_view()
    groups = [UnitGroup("g", "h", views)]
    page = build_page("T", "S", [Section("a", "A", "text", views)], UnitTable((), ()), {"s": [groups, []], "t": []})
    write_json(page, tmp_path / "deep" / "page.json")
    read = json.loads((tmp_path / "deep" / "page.json").read_text(encoding="utf-8"))
    plain = json.loads(json.dumps([to_json(view) for view in views]))
    assert read["title"] == "T"
    assert read["sections"] == [{"id": "a", "title": "A", "text": "text", "views": plain}]
    assert read["units"] == {"s": [[{"title": "g", "help": "h", "views": plain}], []], "t": []}


def test_the_table_is_there(tmp_path: Path) -> None:
    page = synthetic(sites=2, units=3)
    write_json(page, tmp_path / "page.json")
    read = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert [row[:2] for row in read["table"]["rows"]] == [list(row[:2]) for row in page.table.rows]
    assert len(read["table"]["fields"]) == len(read["table"]["rows"][0]) - 2


def test_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file cannot be written: File exists"):
        write_json(synthetic(sites=1, units=1), tmp_path / "file" / "page.json")
