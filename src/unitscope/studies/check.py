"""What a study states, what was published or measured before, and what came out here."""

import json
import math
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from unitscope import __version__
from unitscope.files.writing import make_folder, write
from unitscope.view import Field, Table


@dataclass(frozen=True)
class Check:
    """One statement. ``met`` is None where there is nothing to compare with."""

    id: str
    statement: str
    value: Any
    expected: str
    source: str
    met: bool | None
    note: str = ""


def checks_table(checks: Sequence[Check]) -> Table:
    """The checks as a table of a page."""
    fields = [Field(name, "text") for name in ("holds", "statement", "found", "expected", "source", "note")]
    says = {True: "yes", False: "no", None: "not tested"}
    rows = [[says[c.met], c.statement, _short(c.value), c.expected, c.source, c.note] for c in checks]
    return Table("What held", fields, rows)


def write_results(
    path: Path, study: str, seeds: Sequence[int], checks: Sequence[Check], figures: dict[str, Any]
) -> None:
    """``results.json``: the command, versions, seeds, checks, and the figures that they are made from."""
    versions = {"unitscope": __version__, "python": platform.python_version(), "torch": str(torch.__version__)}
    content = {
        "study": study,
        "command": " ".join(["unitscope", *sys.argv[1:]]),
        "versions": versions,
        "seeds": list(seeds),
        "checks": [asdict(check) for check in checks],
        "figures": figures,
    }
    make_folder(path.parent)
    write(path, (json.dumps(_known(content), indent=1) + "\n").encode())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _known(value: Any) -> Any:
    """Numbers that JSON does not know become null."""
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
