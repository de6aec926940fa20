"""A page that works from disk: one HTML file, or for a large one a folder of classic scripts; no network, no server.

The built bundle (``bundle/``, made from ``web/``) shows it. Browsers load no module and fetch nothing from ``file://``,
so the data come as blocks of gzip in base64: what stands first on the page, the table of all units, each section, and
every few units of a site, which are unpacked only when one of them is opened. In a file the blocks and the bundle are
inlined, and last comes the text from which the passages of all units are cut. In a folder every block is a script that
is loaded when it is wanted, with its own text. A policy in the head forbids every other request and script.
"""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from unitscope.errors import InputError
from unitscope.files.writing import fill, make_folder, writing, writing_folder
from unitscope.page.packed import Pool, encoded, groups_packed, interned, short, view_packed
from unitscope.page.page import Page, head_json, section_json, table_json

UNITS_PER_BLOCK = 64
"""Few enough that opening a unit unpacks little, enough that gzip sees what units have in common."""
UNITS_PER_SCRIPT = 16
"""In a folder, where nothing but what is looked at is read."""

INDEX, DATA = "index.html", "data"
"""In a folder: what is opened, and where the blocks lie."""

Put = Callable[[str, str], object]
"""Takes the name of a block, and its JSON."""
Add = Callable[[str, int, Sequence[Mapping[str, Any]]], None]
"""Takes a site, a unit's number, and its groups as JSON values."""


@contextmanager
def html_file(page: Page, path: Path) -> Iterator[Add]:
    """Write the page, and yield what takes each unit's groups as JSON values; memory holds one block of units.

    The file appears complete or not at all. Raises ``InputError`` where it cannot be written.
    """
    make_folder(path.parent)
    script, style = _asset("page.js"), _asset("page.css")
    with writing(path) as partial, open(partial, "w", encoding="utf-8", errors="replace", newline="\n") as file:

        def put(name: str, text: str) -> None:
            # Base64 holds no "<", so nothing in it can end the element.
            file.write(f'<script type="text/plain" id="block-{name}">{_packed(text)}</script>\n')

        file.write(_head(page, f"'sha256-{_sha256(script)}'", "'unsafe-inline'", f"<style>{style}</style>", ""))
        put("overview", _overview(page, UNITS_PER_BLOCK))
        # The script stands before the units, so that the page is drawn while the rest is still being read.
        file.write(f"<script>{script}</script>\n")
        _put_rest(page, put)
        units = _Blocks(list(page.units), put, UNITS_PER_BLOCK, Pool())
        yield units.add
        units.end()
        file.write("</body>\n</html>\n")


@contextmanager
def html_folder(page: Page, folder: Path) -> Iterator[Add]:
    """Write the page as a folder with ``index.html``: opening it reads what is looked at, however large it is.

    The folder appears complete or not at all, in the place of an older page. Raises ``InputError`` where it cannot be
    written, and for a folder with something else in it.
    """
    make_folder(folder.parent)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / DATA / "overview.js").exists():
        raise InputError(f"{folder} holds something else than a page; choose a new or an empty folder")
    with writing_folder(folder) as partial:

        def put(name: str, text: str) -> None:
            call = f'unitscopeBlock({json.dumps(name)},"{_packed(text)}")\n'
            fill(partial / DATA / f"{name}.js", call.encode())

        make_folder(partial / DATA)
        for name in ("page.js", "page.css"):
            fill(partial / name, _asset(name).encode())
        link = '<link rel="stylesheet" href="page.css">'
        # 'self' is whoever serves the folder; from a disk it is nobody, so the scheme is named too.
        head = _head(page, "'self' file:", "'self' file: 'unsafe-inline'", link, f' data-blocks="{DATA}"')
        fill(partial / INDEX, f'{head}<script src="page.js"></script>\n</body>\n</html>\n'.encode(errors="replace"))
        put("overview", _overview(page, UNITS_PER_SCRIPT))
        _put_rest(page, put)
        units = _Blocks(list(page.units), put, UNITS_PER_SCRIPT)
        yield units.add
        units.end()


class _Blocks:
    """The units of a page, some at a time. With a pool all share one text, which stands at the end; else each has its
    own."""

    def __init__(self, sites: Sequence[str], put: Put, size: int, pool: Pool | None = None) -> None:
        self._sites, self._put, self._size, self._shared = sites, put, size, pool
        self._pool = pool or Pool()
        self._block: list[Any] = []
        self._name = ""

    def add(self, site: str, unit: int, groups: Sequence[Mapping[str, Any]]) -> None:
        name = f"{self._sites.index(site)}-{unit // self._size}"
        if name != self._name:
            self._flush()
            self._name = name
        self._block.append(groups_packed(groups, self._pool))

    def end(self) -> None:
        self._flush()
        if self._shared:
            self._put("text", encoded(self._pool.tokens))

    def _flush(self) -> None:
        if self._block:
            self._put(self._name, interned(self._block, () if self._shared else self._pool.tokens))
        self._block = []
        if not self._shared:
            self._pool = Pool()


def _overview(page: Page, units_per_block: int) -> str:
    overview = head_json(page) | {"unitsPerBlock": units_per_block}
    for card in overview["cards"]:
        if card["text"]:
            card["text"] = view_packed(card["text"])
    return interned(overview)


def _put_rest(page: Page, put: Put) -> None:
    put("table", interned(short(table_json(page))))
    for number, section in enumerate(page.sections):
        made = section_json(section)
        put(f"section-{number}", interned(made | {"views": [view_packed(view) for view in made["views"]]}))


def _asset(name: str) -> str:
    return (files("unitscope.page") / "bundle" / name).read_text(encoding="utf-8")


def _head(page: Page, scripts: str, styles: str, style: str, told: str) -> str:
    """All that stands before the data."""
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
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
{style}
</head>
<body>
<div id="app"{told}></div>
<noscript><h1>{html.escape(page.title)}</h1><p>{html.escape(page.subtitle)}</p>
<p>This page draws itself with JavaScript, which is switched off here.</p></noscript>
"""


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _packed(text: str) -> str:
    # mtime 0: the same page has the same bytes. The highest level takes three times as long for a fiftieth of the size.
    return base64.b64encode(gzip.compress(text.encode(errors="replace"), 7, mtime=0)).decode()
