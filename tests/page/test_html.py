"""The file is whole, harmless, small and written a little at a time."""

import base64
import gzip
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic import every_view, synthetic

from unitscope.errors import InputError
from unitscope.page.colour import position
from unitscope.page.html import UNITS_PER_BLOCK, UNITS_PER_SCRIPT
from unitscope.page.packed import KNOTS, LETTERS, UNKNOWN, Pool
from unitscope.page.page import Section, UnitField, UnitGroup, Units, UnitTable, build_page
from unitscope.page.write import write_html
from unitscope.views import Field, Table, TokenText

NO_TABLE = UnitTable()


def read(path: Path) -> dict[str, Any]:
    """The blocks of a page, as its script unpacks them."""
    found = re.findall(
        r'<script type="text/plain" id="block-([^"]+)">([^<]*)</script>', path.read_text(encoding="utf-8")
    )
    blocks = {name: json.loads(gzip.decompress(base64.b64decode(data))) for name, data in found}
    text = blocks.pop("text", [])
    return {name: unpack(block, text) for name, block in blocks.items()}


def unpack(block: dict[str, Any], text: list[str]) -> Any:
    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$" in value:
            return block["shared"][value["$"]]
        if "cut" in value:
            cuts = resolve(value["cut"])
            return [token for start, n in zip(cuts[::2], cuts[1::2], strict=True) for token in text[start : start + n]]
        if "letters" in value:
            steps = [LETTERS.index(c) for c in value["letters"]]
            return [None if s == UNKNOWN else float(np.interp(s, KNOTS, resolve(value["knots"]))) for s in steps]
        found = {key: resolve(item) for key, item in value.items()}
        if "columns" in found and found.get("view") == "Table":
            found["rows"] = [list(row) for row in zip(*found["columns"], strict=True)]
        return found

    return resolve(block["tree"])


def one_unit(*views: Any) -> dict[str, Units]:
    return {"s": Units.of([[UnitGroup("Group", "Help", views)]])}


def test_every_view_survives(tmp_path: Path) -> None:
    views = every_view()
    page = build_page("T", "S", [Section("a", "A", "text", views)], NO_TABLE, one_unit(*views))
    write_html(page, tmp_path / "page.html")
    blocks = read(tmp_path / "page.html")
    overview, unit = blocks["section-0"]["views"], blocks["0-0"][0][0]["views"]
    assert [v["view"] for v in overview] == [v["view"] for v in unit] == [type(v).__name__ for v in views]
    for whole, packed in zip(overview, unit, strict=True):
        for key in whole.keys() - {"values"}:
            assert packed[key] == whole[key] or key in {"rows", "edges", "counts", "x", "series", "groups"}


@pytest.mark.parametrize("scale", [(-1.0, 0.0, 1.0), (-0.5, 0.3, 2.0), (0.0, 0.0, 1.0), (math.nan,) * 3])
def test_passages_keep_their_colours(tmp_path: Path, scale: tuple[float, float, float]) -> None:
    """To half of the 24 steps on either side of the middle, and beyond the ends to the size of what lies there."""
    for values in ([0.0, -1.0, 1.0, 0.12345, float("nan"), 3.7, -0.0004], [-1e6, 0.5, 1e6], [0.25] * 3, [math.nan]):
        text = TokenText("t", list("abcdefg")[: len(values)], values, scale[0], scale[2], middle=scale[1])
        write_html(build_page("T", "", [], NO_TABLE, one_unit(text)), tmp_path / "page.html")
        view = read(tmp_path / "page.html")["0-0"][0][0]["views"][0]
        low, middle, high = view["low"], view["middle"], view["high"]
        for value, back in zip(values, view["values"], strict=True):
            assert (back is None) == math.isnan(value)
            if back is None:
                continue
            t, seen = position(value, low, high, middle), position(back, low, high, middle)
            assert abs(t - seen) <= 0.5 / 24 + 1e-4
            if low <= value <= high:
                assert abs(value - back) <= 0.5 / 24 * (high - low) + 1e-4
            assert value != middle or back == pytest.approx(middle, abs=1e-9)


def test_tables_keep_what_a_reader_sees(tmp_path: Path) -> None:
    heads = [Field("r"), Field("p"), Field("share", "share"), Field("n", "integer"), Field("what", "text")]
    rows = [[0.123456, 3.14159e-17, 0.123456, 12_345, "a"], [-123.456789, math.nan, 0.000123456, 1.0, "b"]]
    write_html(build_page("T", "", [], NO_TABLE, one_unit(Table("t", heads, rows))), tmp_path / "page.html")
    found = read(tmp_path / "page.html")["0-0"][0][0]["views"][0]["rows"]
    assert found == [[0.123, 3.1e-17, 0.1235, 12_345, "a"], [-123.46, None, 0.0001, 1, "b"]]


def test_passages_are_cut_from_one_text() -> None:
    text = list("the cat sat on the mat, and the cat was fat; " * 2 + "then it slept until the evening came")
    pool = Pool()
    for _ in range(2):
        for start in range(0, 90, 3):
            passage = text[start : start + 30]
            cuts = pool.cut(passage)
            whole = [t for at, n in zip(cuts[::2], cuts[1::2], strict=True) for t in pool.tokens[at : at + n]]
            assert whole == passage
    assert len(pool.tokens) < 3 * len(text)
    assert pool.cut([]) == []


def test_nothing_in_the_data_is_markup(tmp_path: Path) -> None:
    evil = '</script><img src=x onerror=alert(1)>"&'
    table = UnitTable.of_rows([UnitField(evil, "text", evil)], [["s", 0, evil]])
    page = build_page(evil, evil, [Section("a", evil, evil)], table, one_unit())
    write_html(page, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<img" not in text
    assert text.count("</script>") == text.count("<script") == 6


def test_only_the_bundle_may_run_and_nothing_may_be_fetched(tmp_path: Path) -> None:
    write_html(synthetic(sites=1, units=1), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert policy is not None
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy[1].startswith(f"default-src 'none'; script-src 'sha256-{digest}';")
    page = text.replace(script[0], "")
    assert re.findall(r'(?:src|href)="[^"]*"', page) == ['href="data:,"']


def test_units_are_made_once_and_written_in_blocks(tmp_path: Path) -> None:
    made: list[int] = []

    def groups(unit: int) -> list[UnitGroup]:
        made.append(unit)
        return [UnitGroup(str(unit), "", [])]

    count = UNITS_PER_BLOCK + 3
    write_html(
        build_page("T", "", [], NO_TABLE, {"s": Units(count, groups), "t": Units.of([])}), tmp_path / "page.html"
    )
    found = read(tmp_path / "page.html")
    assert made == list(range(count))
    assert [len(found[name]) for name in ("0-0", "0-1")] == [UNITS_PER_BLOCK, 3]
    assert found["0-1"][2][0]["title"] == str(count - 1)
    assert not any(name.startswith("1-") for name in found)


def test_the_same_page_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write_html(synthetic(sites=1, units=3), tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_folder_holds_the_same_and_nothing_else_is_replaced(tmp_path: Path) -> None:
    write_html(synthetic(sites=2, units=UNITS_PER_SCRIPT + 1), tmp_path / "page")
    write_html(synthetic(sites=2, units=UNITS_PER_SCRIPT + 1), tmp_path / "page.html")
    file = read(tmp_path / "page.html")
    folder = {}
    for script in (tmp_path / "page" / "data").iterdir():
        name, data = json.loads(f"[{script.read_text().strip().removeprefix('unitscopeBlock(').removesuffix(')')}]")
        assert name == script.stem
        folder[name] = unpack(block := json.loads(gzip.decompress(base64.b64decode(data))), block.get("text", []))
    whole = [unit for name in ("0-0", "0-1", "1-0", "1-1") for unit in folder.pop(name)]
    assert whole == [unit for name in ("0-0", "1-0") for unit in file.pop(name)]
    assert folder.pop("overview") | {"unitsPerBlock": UNITS_PER_BLOCK} == file.pop("overview")
    assert folder == file
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="something else than a page"):
        write_html(synthetic(sites=1, units=1), tmp_path / "other")


def test_a_failure_leaves_the_old_page(tmp_path: Path) -> None:
    def groups(unit: int) -> list[UnitGroup]:
        if unit:
            raise RuntimeError("stop")
        return []

    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="stop"):
        write_html(build_page("T", "", [], NO_TABLE, {"s": Units(2, groups)}), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file cannot be written: File exists"):
        write_html(synthetic(sites=1, units=1), tmp_path / "file" / "page.html")
