"""Numbers and tokens as a reader sees them, in the terminal and in plots."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from unitscope.views import Kind

MISSING = "–"
MINUS = "−"

GLYPHS = {"\n": "⏎", "\r": "␍", "\t": "⇥", " ": "·", "\x7f": "␡", "\u00a0": "⍽"}


def number(value: float) -> str:
    """Three to four significant digits, for a number that stands alone."""
    if not math.isfinite(value):
        return MISSING
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1e6 or size < 1e-3:
        return _signed(f"{value:.2e}")
    if float(value).is_integer():
        return _signed(f"{value:,.0f}")
    return _signed(f"{value:.{1 if size >= 100 else 2 if size >= 10 else 3}f}")


def column_format(kind: Kind, values: Sequence[Any]) -> Callable[[Any], str]:
    """A way to write all values of a column alike, so that they can be compared by eye."""
    largest = max((abs(v) for v in values if _is_number(v)), default=0.0)
    digits = 1 if largest >= 1000 else 2 if largest >= 100 else 3

    def text(value: Any) -> str:
        if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
            return MISSING
        if kind in ("text", "unit") or not _is_number(value):
            return visible(str(value)) if str(value).isspace() else str(value)
        if kind == "share":
            return _signed(f"{100 * value:.{2 if 0 < abs(value) < 0.001 else 1}f} %")
        if kind == "integer":
            return _signed(f"{value:,.0f}")
        if value and (abs(value) < 0.5 * 10**-digits or abs(value) >= 1e7):
            return _signed(f"{value:.1e}")
        return _signed(f"{value:.{digits}f}")

    return text


def visible(token: str, blanks: bool = True) -> str:
    """A token on one line: a glyph for every newline, tab, control character and, if asked, blank."""
    return "".join(_glyph(c, blanks) for c in token) or "∅"


def _glyph(c: str, blanks: bool) -> str:
    if c == " " and not blanks:
        return c
    if c in GLYPHS:
        return GLYPHS[c]
    if ord(c) < 32:
        return chr(0x2400 + ord(c))
    return c if c.isprintable() else "\ufffd"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _signed(text: str) -> str:
    # A true minus is as wide as a digit; exponents lose their padding.
    return text.replace("e+0", "e").replace("e-0", "e-").replace("e+", "e").replace("-", MINUS)
