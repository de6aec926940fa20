"""Numbers are short, alike within a column, and have a true minus."""

import math

import pytest

from unitscope.page.numbers import column_format, number, visible


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (3.0, "3"), (12345.0, "12,345"), (0.12345, "0.123"), (-12.345, "−12.35"), (123.456, "123.5"),
     (1e-5, "1.00e−5"), (2.5e7, "2.50e7"), (math.nan, "–"), (math.inf, "–")],
)  # fmt: skip
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_a_column_is_written_alike() -> None:
    text = column_format("number", [0.5, -250.25, math.nan])
    assert [text(v) for v in (0.5, -250.25, math.nan, None, 1e-9)] == ["0.50", "−250.25", "–", "–", "1.0e−9"]


def test_kinds() -> None:
    assert column_format("share", [])(0.5) == "50.0 %"
    assert column_format("share", [])(0.0002) == "0.02 %"
    assert column_format("integer", [])(1234567) == "1,234,567"
    assert column_format("text", [])("a b") == "a b"
    assert column_format("text", [])(" ") == "·"
    assert column_format("number", [])("none") == "none"


def test_white_space_is_seen() -> None:
    assert visible("a b\t\r\n") == "a·b⇥␍⏎"
    assert visible("a b", blanks=False) == "a b"
    assert visible("") == "∅"
    assert visible("\x00\x7f\u200b") == "␀␡�"
