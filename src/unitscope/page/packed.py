"""Views with the numbers that a reader sees, and no more: what units and passages have in common is written once."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from unitscope.views import rounded

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
UNKNOWN = len(LETTERS) - 1
_CODES = np.frombuffer(LETTERS.encode(), np.uint8)
KNOTS = (0, 7, 31, 55, 62)
"""The letters at the smallest value, at the ends and the middle of the scale, and at the largest value."""
DIGITS = {"number": 3, "share": 4}
"""Decimals of a column that the page shows, by its kind."""


class Pool:
    """The text from which passages are cut: what was seen before is referred to, what is new stands at the end.

    Examples of thousands of units are windows on the same text. It grows with the text that is shown, not with units.
    """

    RUN = 16
    """Tokens that must agree for a cut to begin."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self._runs: dict[tuple[str, ...], int] = {}
        """Where each run of tokens stands."""

    def cut(self, passage: Sequence[str]) -> list[int]:
        """The passage as cuts, ``[start, length, start, length …]``."""
        cuts: list[int] = []
        at = 0
        while at < len(passage):
            start = self._runs.get(tuple(passage[at : at + self.RUN]), -1)
            length = self._agree(passage, at, start) if start >= 0 else 0
            if not length:
                start, length = self._add(passage[at]), 1
            if cuts and cuts[-2] + cuts[-1] == start:
                cuts[-1] += length
            else:
                cuts += [start, length]
            at += length
        return cuts

    def _agree(self, passage: Sequence[str], at: int, start: int) -> int:
        """Number of equal tokens from there on."""
        most = min(len(passage) - at, len(self.tokens) - start)
        if self.tokens[start : start + most] == passage[at : at + most]:
            return most
        return next((n for n in range(most) if passage[at + n] != self.tokens[start + n]), most)

    def _add(self, token: str) -> int:
        self.tokens.append(token)
        if len(self.tokens) >= self.RUN:
            self._runs[tuple(self.tokens[-self.RUN :])] = len(self.tokens) - self.RUN
        return len(self.tokens) - 1


def groups_packed(groups: Sequence[Mapping[str, Any]], pool: Pool) -> list[dict[str, Any]]:
    """The groups of a unit, their passages cut from the pool."""
    return [{**group, "views": [view_packed(view, pool) for view in group["views"]]} for group in groups]


def view_packed(view: Mapping[str, Any], pool: Pool | None = None) -> dict[str, Any]:
    """A view with the numbers that a reader sees, and no more; its tokens are cut from the pool, if there is one."""
    if view["view"] == "TokenText":
        numbers = {"values": _letters(view), "truth": short(view["truth"])}
        return {**view, **numbers, "tokens": {"cut": pool.cut(view["tokens"])} if pool else view["tokens"]}
    if view["view"] == "Table":
        fields, rows = view["fields"], view["rows"]
        columns = [_seen(field["kind"], [row[place] for row in rows]) for place, field in enumerate(fields)]
        return {**{key: value for key, value in view.items() if key != "rows"}, "columns": columns}
    packed: dict[str, Any] = short(dict(view))
    return packed


def _letters(view: Mapping[str, Any]) -> dict[str, Any]:
    """Values as a letter each, in steps that are even on the scale of colours: what is seen is what there was.

    Knots are the smallest value, both ends of the scale and its middle, and the largest value. Passages are most of a
    page.
    """
    known = np.array(view["values"], dtype=np.float64)  # None is NaN
    finite = known[np.isfinite(known)]
    if not len(finite):
        return {"knots": [0, 0, 0, 0, 0], "letters": LETTERS[UNKNOWN] * len(known)}
    low, middle, high = (float(f"{view[name]:.5g}") for name in ("low", "middle", "high"))
    least, most = (float(f"{end:.5g}") for end in (min(finite.min(), low), max(finite.max(), high)))
    knots = [least, low, middle, high, most]
    # Equal knots leave a stretch of no length; np.interp wants none.
    at = np.maximum.accumulate(np.array(knots) + np.arange(5) * 1e-12 * max(1.0, abs(least), abs(most)))
    steps = np.interp(known, at, KNOTS)
    steps = np.where(np.isfinite(known), np.rint(steps), UNKNOWN).astype(int)
    return {"knots": knots, "letters": _CODES[steps].tobytes().decode()}


def _seen(kind: str, column: Sequence[Any]) -> list[Any]:
    """A column's values with the decimals that a reader sees, and two digits where these would all be zeros."""
    decimals = DIGITS.get(kind, 0)

    def seen(value: Any) -> Any:
        if not decimals or not isinstance(value, float):
            return value
        return round(value, decimals) if abs(value) >= 0.5 * 10**-decimals else float(f"{value:.1e}")

    return [short(seen(value)) for value in column]


def short(value: Any) -> Any:
    """Five digits, where a reader sees four; whole numbers stay whole."""
    kind = type(value)  # millions of plain values pass here: the commonest kinds come first
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < 2**53 else float(f"{value:.5g}")
    if kind is str or kind is int or value is None:
        return value
    if isinstance(value, dict):
        return {key: short(item) for key, item in value.items()}
    if isinstance(value, list):
        kinds = set(map(type, value))
        if kinds <= {str, int, type(None)}:
            return value
        if kinds == {float}:
            five = zip(value, rounded(value, 5), strict=True)
            return [int(item) if item.is_integer() and abs(item) < 2**53 else cut for item, cut in five]
        return [short(item) for item in value]
    return value


def _flat(value: Any) -> bool:
    """A number, a text, or an object of such: the head of a column."""
    kind = type(value)
    if kind is str or kind is float or kind is int:
        return True
    if isinstance(value, dict):
        return not any(isinstance(item, list | dict) for item in value.values())
    return not isinstance(value, list)


_SINGLE = {str, float, int, bool, type(None)}
"""Kinds of values that hold no others."""


def _are_flat(values: Sequence[Any]) -> bool:
    return set(map(type, values)) <= _SINGLE or all(map(_flat, values))


def interned(value: Any, text: Sequence[str] = ()) -> str:
    """JSON in which every list of plain items is written once, in ``shared``, and referred to as ``{"$": n}``.

    The units of a block share their passages, edges and column heads; the page resolves the references. ``text`` is
    what passages are cut from, where the block has its own.
    """
    shared: dict[str, int] = {}

    def intern(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: item if type(item) in _SINGLE else intern(item) for key, item in value.items()}
        if isinstance(value, list):
            if len(value) < 4 or not _are_flat(value):
                return [item if type(item) in _SINGLE else intern(item) for item in value]
            return {"$": shared.setdefault(encoded(value), len(shared))}
        return value

    tree = encoded(intern(value))
    own = f',"text":{encoded(list(text))}' if text else ""
    return f'{{"tree":{tree},"shared":[{",".join(shared)}]{own}}}'


def encoded(value: Any) -> str:
    """As JSON. Halves of surrogate pairs, of which text may have some, are kept as they are."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
