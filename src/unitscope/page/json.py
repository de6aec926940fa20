"""A page as JSON: the same sections, table and units that the HTML file shows, for programs to read.

Unlike the page, it keeps every number to the seven digits of float32.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unitscope.files.writing import make_folder, writing
from unitscope.page.page import Page, overview_json


@contextmanager
def json_file(page: Page, path: Path) -> Iterator[Callable[[str, int, Sequence[Mapping[str, Any]]], None]]:
    """Write ``{schema, title, subtitle, story, cards, sections, sites, table, units: {site: [groups of each unit]}}``.

    Yields what takes each unit's groups. The file appears complete or not at all. NaN is ``null``.
    Raises ``InputError`` where the file cannot be written.
    """
    make_folder(path.parent)
    with writing(path) as partial, open(partial, "w", encoding="utf-8", newline="\n") as file:
        head = json.dumps(overview_json(page), allow_nan=False, indent=1)
        file.write(head.removesuffix("\n}") + ',\n "units": {')
        written: list[str] = []

        def add(site: str, unit: int, groups: Sequence[Mapping[str, Any]]) -> None:
            if site not in written:
                file.write(f"{']' if written else ''}{',' if written else ''}\n  {json.dumps(site)}: [")
                written.append(site)
            file.write(f"{',' if unit else ''}\n   {json.dumps(groups, allow_nan=False)}")

        yield add
        empty = [f"{json.dumps(site)}: []" for site in page.units if site not in written]
        between = "]," if written and empty else "]" if written else ""
        file.write(f"{between}{', '.join(empty)}}}\n}}\n")
