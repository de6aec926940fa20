"""A page as one HTML file that works from disk: no network, no server, no second file.

The built bundle (``bundle/``, made from ``web/``) is inlined, since browsers load no module and fetch nothing
from ``file://``. The data are inlined as gzip in base64: one block with the overview and the table of all units,
then a block for every few units of a site, which the page unpacks only when one of them is opened, and last the text
from which the passages of all units are cut.
A policy in the head forbids every request and every script but the bundle.
"""

import base64
import gzip
import hashlib
import html
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.files.writing import make_folder, writing
from unitscope.page.page import Page, overview_json

UNITS_PER_BLOCK = 64
"""Few enough that opening a unit unpacks little, enough that gzip sees what units have in common."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
UNKNOWN = len(LETTERS) - 1
KNOTS = (0, 7, 31, 55, 62)
"""The letters at the smallest value, at the ends and the middle of the scale, and at the largest value."""
DIGITS = {"number": 3, "share": 4}
"""Decimals of a column that the page shows, by its kind."""


@contextmanager
def html_file(page: Page, path: Path) -> Iterator[Callable[[str, int, Sequence[Mapping[str, Any]]], None]]:
    """Write the page, and yield what takes each unit's groups as JSON values; memory holds one block of units.

    The file appears complete or not at all. Raises ``InputError`` where it cannot be written.
    """
    make_folder(path.parent)
    with writing(path) as partial, open(partial, "w", encoding="utf-8", errors="replace", newline="\n") as file:
        file.write(_head(page))
        units = _Blocks(list(page.units), file.write)
        yield units.add
        units.end()
        file.write("</body>\n</html>\n")


class _Blocks:
    """The units of a page, some at a time; at the end the text that all of them share."""

    def __init__(self, sites: Sequence[str], write: Callable[[str], object]) -> None:
        self._sites, self._write = sites, write
        self._pool = Pool()
        self._block: list[Any] = []
        self._name = ""

    def add(self, site: str, unit: int, groups: Sequence[Mapping[str, Any]]) -> None:
        name = f"{self._sites.index(site)}-{unit // UNITS_PER_BLOCK}"
        if name != self._name:
            self._flush()
            self._name = name
        self._block.append(_packed(groups, self._pool))

    def end(self) -> None:
        self._flush()
        self._write(_block("text", json.dumps(self._pool.tokens, ensure_ascii=False, separators=(",", ":"))))

    def _flush(self) -> None:
        if self._block:
            self._write(_block(self._name, _interned(self._block)))
        self._block = []


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
        """How many tokens from there on are the same."""
        most = min(len(passage) - at, len(self.tokens) - start)
        return next((n for n in range(most) if passage[at + n] != self.tokens[start + n]), most)

    def _add(self, token: str) -> int:
        self.tokens.append(token)
        if len(self.tokens) >= self.RUN:
            self._runs[tuple(self.tokens[-self.RUN :])] = len(self.tokens) - self.RUN
        return len(self.tokens) - 1


def _head(page: Page) -> str:
    """All that stands before the units."""
    bundle = files("unitscope.page") / "bundle"
    script = (bundle / "page.js").read_text(encoding="utf-8")
    style = (bundle / "page.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_sha256(script)}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    overview = overview_json(page) | {"unitsPerBlock": UNITS_PER_BLOCK, "sites": list(page.units)}
    for card in overview["cards"]:
        if card["text"]:
            card["text"] = view_packed(card["text"])
    # The script stands before the units, so that the overview is drawn while the rest is still being read.
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="unitscope">
<title>{html.escape(page.title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="app"></div>
<noscript><h1>{html.escape(page.title)}</h1><p>{html.escape(page.subtitle)}</p>
<p>This page draws itself with JavaScript, which is switched off here.</p></noscript>
{_block("overview", _interned(overview))}<script>{script}</script>
"""


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _block(name: str, text: str) -> str:
    # mtime 0: the same page has the same bytes. Base64 holds no "<", so nothing in it can end the element.
    data = base64.b64encode(gzip.compress(text.encode(errors="replace"), 9, mtime=0)).decode()
    return f'<script type="text/plain" id="block-{name}">{data}</script>\n'


def _packed(groups: Sequence[Mapping[str, Any]], pool: Pool) -> list[dict[str, Any]]:
    return [{**group, "views": [view_packed(view, pool) for view in group["views"]]} for group in groups]


def view_packed(view: Mapping[str, Any], pool: Pool | None = None) -> dict[str, Any]:
    """A view with the numbers that a reader sees, and no more; its tokens are cut from the pool, if there is one."""
    if view["view"] == "TokenText":
        numbers = {"values": _letters(view), "truth": _short(view["truth"])}
        return {**view, **numbers, "tokens": {"cut": pool.cut(view["tokens"])} if pool else view["tokens"]}
    if view["view"] == "Table":
        fields, rows = view["fields"], view["rows"]
        columns = [_seen(field["kind"], [row[place] for row in rows]) for place, field in enumerate(fields)]
        return {**{key: value for key, value in view.items() if key != "rows"}, "columns": columns}
    packed: dict[str, Any] = _short(dict(view))
    return packed


def _letters(view: Mapping[str, Any]) -> dict[str, Any]:
    """Values as a letter each, in steps that are even on the scale of colours: what is seen is what there was.

    Knots are the smallest value, both ends of the scale and its middle, and the largest value. Passages are most of a
    page.
    """
    known = np.array([math.nan if value is None else value for value in view["values"]], dtype=np.float64)
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
    return {"knots": knots, "letters": "".join(LETTERS[n] for n in steps)}


def _seen(kind: str, column: Sequence[Any]) -> list[Any]:
    """A column's values with the decimals that a reader sees, and two digits where these would all be zeros."""
    decimals = DIGITS.get(kind, 0)

    def seen(value: Any) -> Any:
        if not decimals or not isinstance(value, float):
            return value
        return round(value, decimals) if abs(value) >= 0.5 * 10**-decimals else float(f"{value:.1e}")

    return [_short(seen(value)) for value in column]


def _short(value: Any) -> Any:
    """Five digits, where a reader sees four; whole numbers stay whole."""
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else float(f"{value:.5g}")
    return value


def _flat(value: Any) -> bool:
    """A number, a text, or an object of such: the head of a column."""
    if isinstance(value, dict):
        return not any(isinstance(item, list | dict) for item in value.values())
    return not isinstance(value, list)


def _interned(value: Any) -> str:
    """JSON in which every list of plain items is written once, in ``shared``, and referred to as ``{"$": n}``.

    The units of a block share their passages, edges and column heads; the page resolves the references.
    """
    shared: dict[str, int] = {}

    def intern(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: intern(item) for key, item in value.items()}
        if isinstance(value, list):
            if len(value) < 4 or not all(_flat(item) for item in value):
                return [intern(item) for item in value]
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            return {"$": shared.setdefault(text, len(shared))}
        return value

    tree = json.dumps(intern(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'{{"tree":{tree},"shared":[{",".join(shared)}]}}'
