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
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.files.writing import make_folder, writing
from unitscope.page.page import Page, UnitGroup, blocks, overview_json, unit_json

UNITS_PER_BLOCK = 64
"""Few enough that opening a unit unpacks little, enough that gzip sees what units have in common."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"
UNKNOWN = len(LETTERS) - 1
DIGITS = {"number": 3, "share": 4}
"""Decimals of a column that the page shows, by its kind."""


def write_html(page: Page, path: Path) -> None:
    """Write the page. The file appears complete or not at all; memory holds one block of units at a time.

    Raises ``InputError`` where the file cannot be written.
    """
    make_folder(path.parent)
    with writing(path) as partial, open(partial, "w", encoding="utf-8", errors="replace", newline="\n") as file:
        for part in _parts(page):
            file.write(part)


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


def _parts(page: Page) -> Iterator[str]:
    bundle = files("unitscope.page") / "bundle"
    script = (bundle / "page.js").read_text(encoding="utf-8")
    style = (bundle / "page.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_sha256(script)}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    yield f"""<!doctype html>
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
"""
    overview = overview_json(page) | {"unitsPerBlock": UNITS_PER_BLOCK, "sites": list(page.units)}
    yield _block("overview", _interned(overview))
    # The script stands before the units, so that the overview is drawn while the rest is still being read.
    yield f"<script>{script}</script>\n"
    pool = Pool()
    for site, number, units in blocks(page, UNITS_PER_BLOCK):
        packed = [_packed(groups, pool) for groups in units]
        yield _block(f"{list(page.units).index(site)}-{number}", _interned(packed))
    yield _block("text", json.dumps(pool.tokens, ensure_ascii=False, separators=(",", ":")))
    yield "</body>\n</html>\n"


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _block(name: str, text: str) -> str:
    # mtime 0: the same page has the same bytes. Base64 holds no "<", so nothing in it can end the element.
    data = base64.b64encode(gzip.compress(text.encode(errors="replace"), 9, mtime=0)).decode()
    return f'<script type="text/plain" id="block-{name}">{data}</script>\n'


def _packed(groups: Sequence[UnitGroup], pool: Pool) -> list[dict[str, Any]]:
    unit = unit_json(groups)
    for group in unit:
        for view in group["views"]:
            if view["view"] == "TokenText":
                view["values"] = _letters(view["values"])
                view["tokens"] = {"cut": pool.cut(view["tokens"])}
            elif view["view"] == "Table":
                rows = view.pop("rows")
                view["columns"] = [
                    _seen(field["kind"], [row[place] for row in rows]) for place, field in enumerate(view["fields"])
                ]
            else:
                view |= _short(view)
    return unit


def _letters(values: Sequence[float | None]) -> dict[str, Any]:
    """Values as whole steps above ``first``, a letter each: with sixty steps from the least to the largest, colours are
    what they were. Passages are most of a page.
    """
    known = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    finite = known[np.isfinite(known)]
    step = max(float(np.ptp(finite)) / (UNKNOWN - 2), 1e-30) if len(finite) else 1.0
    first = math.floor(float(finite.min()) / step) if len(finite) else 0
    steps = np.where(np.isfinite(known), np.rint(known / step) - first, UNKNOWN).astype(int)
    return {"step": float(f"{step:.7g}"), "first": first, "letters": "".join(LETTERS[n] for n in steps)}


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
