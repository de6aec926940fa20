"""A page as one HTML file that works from disk: no network, no server, no second file.

The built bundle (``bundle/``, made from ``web/``) is inlined, since browsers load no module and fetch nothing
from ``file://``. The data are inlined as gzip in base64: one block with the overview and the table of all units,
then a block for every few units of a site, which the page unpacks only when one of them is opened.
A policy in the head forbids every request and every script but the bundle.
"""

import base64
import gzip
import hashlib
import html
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from unitscope.report.page import Page, UnitGroup, blocks, overview_json, unit_json

UNITS_PER_BLOCK = 16
"""Few enough that opening a unit unpacks little, enough that gzip sees what units have in common."""

COLOUR_STEPS = 1000
"""Values of a passage are kept to this fraction of their scale: finer than any colour, and a third of the bytes."""


def write_html(page: Page, path: Path) -> None:
    """Write the page. The file appears complete or not at all; memory holds one block of units at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            for part in _parts(page):
                file.write(part)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _parts(page: Page) -> Iterator[str]:
    bundle = files("unitscope.report") / "bundle"
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
    for site, number, units in blocks(page, UNITS_PER_BLOCK):
        yield _block(f"{list(page.units).index(site)}-{number}", _interned([_coarse(groups) for groups in units]))
    yield "</body>\n</html>\n"


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _block(name: str, text: str) -> str:
    # mtime 0: the same page has the same bytes. Base64 holds no "<", so nothing in it can end the element.
    data = base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
    return f'<script type="text/plain" id="block-{name}">{data}</script>\n'


def _coarse(groups: Sequence[UnitGroup]) -> list[dict[str, Any]]:
    unit = unit_json(groups)
    for group in unit:
        for view in group["views"]:
            if view["view"] == "TokenText" and None not in (view["low"], view["high"]):
                step = (view["high"] - view["low"]) / COLOUR_STEPS
                view["values"] = [_round(value, step) for value in view["values"]]
    return unit


def _round(value: float | None, step: float) -> float | None:
    return value if value is None or step <= 0 else float(f"{round(value / step) * step:.4g}")


def _interned(value: Any) -> str:
    """JSON in which every list that holds no list is written once, in ``shared``, and referred to as ``{"$": n}``.

    The units of a block share their passages, edges and column heads; the page resolves the references.
    """
    shared: dict[str, int] = {}

    def intern(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: intern(item) for key, item in value.items()}
        if isinstance(value, list):
            if len(value) < 4 or any(isinstance(item, list) for item in value):
                return [intern(item) for item in value]
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            return {"$": shared.setdefault(text, len(shared))}
        return value

    tree = json.dumps(intern(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'{{"tree":{tree},"shared":[{",".join(shared)}]}}'
