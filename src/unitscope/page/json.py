"""A page as JSON: the same sections, table and units that the HTML file shows, for programs to read.

Unlike the page, it keeps every number to the seven digits of float32.
"""

import json
from pathlib import Path

from unitscope.files.writing import make_folder, writing
from unitscope.page.page import Page, overview_json, unit_json


def write_json(page: Page, path: Path) -> None:
    """Write ``{schema, title, subtitle, sections, table, units: {site: [groups of each unit]}}``.

    The file appears complete or not at all; memory holds one unit at a time. NaN is ``null``.
    Raises ``InputError`` where the file cannot be written.
    """
    make_folder(path.parent)
    with writing(path) as partial, open(partial, "w", encoding="utf-8", newline="\n") as file:
        head = json.dumps(overview_json(page), allow_nan=False, indent=1)
        file.write(head.removesuffix("\n}") + ',\n "units": {')
        for k, (site, units) in enumerate(page.units.items()):
            file.write(f"{',' if k else ''}\n  {json.dumps(site)}: [")
            for unit, groups in enumerate(units):
                file.write(f"{',' if unit else ''}\n   {json.dumps(unit_json(groups), allow_nan=False)}")
            file.write("]")
        file.write("}\n}\n")
