"""The file is whole, harmless, small and written a little at a time."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from synthetic import every_view, synthetic

from unitscope.errors import InputError
from unitscope.report.html import LETTERS, UNKNOWN, write_html
from unitscope.report.page import Section, UnitField, UnitGroup, UnitTable, blocks, build_page
from unitscope.view import TokenText

NO_TABLE = UnitTable((), ())


def read(path: Path) -> dict[str, Any]:
    """The blocks of a page, as its script unpacks them."""
    found = re.findall(
        r'<script type="text/plain" id="block-([^"]+)">([^<]*)</script>', path.read_text(encoding="utf-8")
    )
    return {name: unpack(json.loads(gzip.decompress(base64.b64decode(data)))) for name, data in found}


def unpack(block: dict[str, Any]) -> Any:
    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$" in value:
            return block["shared"][value["$"]]
        if "letters" in value:
            n = len(value["letters"]) // 2
            digits = [LETTERS.index(c) for c in value["letters"]]
            steps = [64 * digits[i] + digits[n + i] for i in range(n)]
            return [None if s == UNKNOWN else (value["first"] + s) * value["step"] for s in steps]
        return {key: resolve(item) for key, item in value.items()}

    return resolve(block["tree"])


def one_unit(*views: Any) -> dict[str, list[list[UnitGroup]]]:
    return {"s": [[UnitGroup("Group", "Help", views)]]}


def test_every_view_survives(tmp_path: Path) -> None:
    views = every_view()
    page = build_page("T", "S", [Section("a", "A", "text", views)], NO_TABLE, one_unit(*views))
    write_html(page, tmp_path / "page.html")
    blocks = read(tmp_path / "page.html")
    overview, unit = blocks["overview"]["sections"][0]["views"], blocks["0-0"][0][0]["views"]
    assert [v["view"] for v in overview] == [v["view"] for v in unit] == [type(v).__name__ for v in views]
    for whole, packed in zip(overview, unit, strict=True):
        for key in whole.keys() - {"values"}:
            assert packed[key] == whole[key] or key in {"rows", "edges", "counts", "x", "series", "groups"}


def test_passages_keep_a_thousandth_of_their_scale(tmp_path: Path) -> None:
    values = [0.0, -1.0, 1.0, 0.12345, float("nan"), 3.7, -0.0004]
    page = build_page("T", "", [], NO_TABLE, one_unit(TokenText("t", list("abcdefg"), values, -1.0, 1.0)))
    write_html(page, tmp_path / "page.html")
    read_back = read(tmp_path / "page.html")["0-0"][0][0]["views"][0]["values"]
    assert read_back[4] is None
    assert read_back[0] == 0
    for value, back in zip(values, read_back, strict=True):
        assert back is None or abs(value - back) <= 0.001


def test_values_far_outside_the_scale(tmp_path: Path) -> None:
    page = build_page("T", "", [], NO_TABLE, one_unit(TokenText("t", list("abc"), [-1e6, 0.5, 1e6], 0.0, 1.0)))
    write_html(page, tmp_path / "page.html")
    low, middle, high = read(tmp_path / "page.html")["0-0"][0][0]["views"][0]["values"]
    assert (low, middle, high) == pytest.approx((-1e6, 0.5, 1e6), abs=500)


def test_nothing_in_the_data_is_markup(tmp_path: Path) -> None:
    evil = '</script><img src=x onerror=alert(1)>"&'
    table = UnitTable([UnitField(evil, "text", evil)], [["s", 0, evil]])
    page = build_page(evil, evil, [Section("a", evil, evil)], table, one_unit())
    write_html(page, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<img" not in text
    assert text.count("</script>") == text.count("<script") == 3


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


def test_units_are_taken_one_block_at_a_time() -> None:
    taken = []

    def units() -> Iterator[list[UnitGroup]]:
        for unit in range(40):
            taken.append(unit)
            yield []

    found = []
    for site, number, block in blocks(build_page("T", "", [], NO_TABLE, {"s": units(), "t": []}), 16):
        found.append((site, number, len(block), len(taken)))
    assert found == [("s", 0, 16, 16), ("s", 1, 16, 32), ("s", 2, 8, 40)]


def test_the_same_page_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_html(synthetic(sites=1, units=3), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failure_leaves_the_old_page(tmp_path: Path) -> None:
    def units() -> Iterator[list[UnitGroup]]:
        yield []
        raise RuntimeError("stop")

    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="stop"):
        write_html(build_page("T", "", [], NO_TABLE, {"s": units()}), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the page"):
        write_html(synthetic(sites=1, units=1), tmp_path / "file" / "page.html")
