"""Tables of all units for other programs: Parquet, JSON or CSV, by the ending of the name."""

import io
import re
from pathlib import Path

import pandas as pd

from unitscope.files.writing import Written, make_folder, write

FORMULA = re.compile(r"[=+@\t\r-].")
"""How a text begins that a spreadsheet would compute."""


def write_frame(path: Path, frame: pd.DataFrame, index: bool = True) -> Written:
    """Write a table in one step: ``.parquet``, ``.json`` (one object per row), else CSV.

    In CSV a text that a spreadsheet would take for a formula begins with an apostrophe. Raises ``InputError`` if the
    disk refuses.
    """
    make_folder(path.parent)
    if path.suffix == ".parquet":
        kept = io.BytesIO()
        frame.to_parquet(kept, index=index)
        return write(path, kept.getbuffer())
    if path.suffix == ".json":
        rows = frame.reset_index() if index else frame
        return write(path, rows.to_json(orient="records").encode())
    rows = frame.reset_index() if index else frame
    return write(path, rows.map(_plain).to_csv(index=False).encode())


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
