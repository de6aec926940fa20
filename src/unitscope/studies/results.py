"""Results of the claims of a study, as ``results.json``, as tables, and as the one table of all studies."""

import contextlib
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from unitscope import __version__
from unitscope.errors import InputError
from unitscope.files.jsons import read_json, write_json
from unitscope.studies.study import Claim, Outcomes, SourceKind, Study
from unitscope.studies.value import FAILS, HOLDS, OPEN, Value, Verdict
from unitscope.views import Field, Table

NAME = "results.json"
SCHEMA = 1
ORDER: tuple[Verdict, ...] = (HOLDS, FAILS, OPEN)


@dataclass(frozen=True)
class Concluded:
    """A claim, the number that was found, and what follows."""

    claim: Claim
    value: Value
    verdict: Verdict

    @property
    def note(self) -> str:
        """Note on the number, and the reason why nothing follows from it if so."""
        return "; ".join(part for part in (self.value.note, self.value.why_not) if part)


@dataclass(frozen=True)
class Row:
    """A claim as a file of results holds it."""

    study: str
    id: str
    statement: str
    verdict: Verdict
    source: SourceKind
    value: str
    expected: str


def concluded(study: Study, outcomes: Outcomes) -> list[Concluded]:
    """Every claim that the study was asked for. From a quick look nothing is concluded but what is exact."""
    found = []
    for claim in study.claims:
        value = claim.value(outcomes)
        if value is not None:
            certain = value.low == value.high and claim.source.kind == "ours"
            if getattr(outcomes.options, "quick", False) and not certain:
                value = value.unless("a quick look")
            found.append(Concluded(claim, value, claim.bar.verdict(value)))
    return found


def write_results(
    out: Path,
    study: Study,
    options: Any,
    outcomes: Outcomes,
    claims: Sequence[Concluded],
    tables: Mapping[str, Any],
    command: str,
) -> None:
    """``results.json``: command, versions, seeds, machine, claims, and the tables of the page."""
    seeds = sorted({one["seed"] for one in outcomes if one.has("seed")})
    content = {
        "study": study.name,
        "paper": study.paper,
        "command": command,
        "options": {name: str(v) if isinstance(v, Path) else v for name, v in asdict(options).items()},
        "versions": {
            "unitscope": __version__, "python": platform.python_version(), "torch": str(torch.__version__),
            "numpy": np.__version__,
        },
        "machine": f"{platform.machine()}, {platform.system()}",
        "seeds": seeds,
        "runs": [one.name for one in outcomes],
        "claims": [
            {
                "id": one.claim.id,
                "statement": one.claim.statement,
                "verdict": one.verdict,
                "value": one.value.mean, "low": one.value.low, "high": one.value.high,
                "shown": str(one.value),
                "bar": one.claim.bar.says,
                "expected": one.claim.expected,
                "source": one.claim.source.kind,
                "cited": one.claim.source.name,
                "note": one.note,
            }
            for one in claims
        ],
        "tables": tables,
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / NAME, _known(content), SCHEMA)


def read_rows(path: Path) -> list[Row]:
    """The claims of a file of results. Raises ``InputError`` for something else."""
    content = read_json(path, dict[str, Any], "make it again with unitscope study", SCHEMA)
    try:
        return [
            Row(
                str(content["study"]), claim["id"], claim["statement"], claim["verdict"], claim["source"],
                claim["shown"], claim["expected"],
            )
            for claim in content["claims"]
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} holds no claims of a study; make it with unitscope study") from error


def results_in(folder: Path) -> dict[Path, list[Row]]:
    """The files of results of a folder, at any depth but that of runs, with their claims. Others are passed over."""
    found = {}
    for path in sorted(folder.glob("**/*.json")):
        if "runs" not in path.relative_to(folder).parts:
            with contextlib.suppress(InputError):
                found[path] = read_rows(path)
    return found


def verdicts(claims: Sequence[Concluded]) -> tuple[str, list[Table]]:
    """A sentence that counts, and one table for each verdict."""
    counts = {verdict: sum(one.verdict == verdict for one in claims) for verdict in ORDER}
    said = f"Of {len(claims)} statements " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + "."
    fields = [
        Field(name, "text") for name in ("", "statement", "found", "asked for", "expected", "source", "what to know")
    ]
    tables = []
    for verdict in ORDER:
        own = [one for one in claims if one.verdict == verdict]
        rows = [
            [one.claim.id, one.claim.statement, str(one.value), one.claim.bar.says, one.claim.expected,
             f"{one.claim.source.kind}: {one.claim.source.name}", one.note]
            for one in own
        ]  # fmt: skip
        if rows:
            tables.append(Table(f"{verdict[0].upper()}{verdict[1:]}", fields, rows))
    return said, tables


def one_table(rows: Sequence[Row]) -> str:
    """Study × claim × verdict × kind of source, as Markdown, and how often each verdict stands."""
    lines = ["| study | claim | found | expected | verdict | source |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        cells = (row.study, row.statement, row.value, row.expected, f"**{row.verdict}**", row.source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    names = list(dict.fromkeys(row.study for row in rows))
    counts = ["| study | statements | hold | do not hold | not decided |", "| --- | --- | --- | --- | --- |"]
    for name in [*names, "all"]:
        own = [row for row in rows if name in ("all", row.study)]
        numbers = [sum(row.verdict == verdict for row in own) for verdict in ORDER]
        counts.append(f"| {name} | {len(own)} | " + " | ".join(map(str, numbers)) + " |")
    kinds = ["| source | statements | hold | do not hold | not decided |", "| --- | --- | --- | --- | --- |"]
    for kind in dict.fromkeys(row.source for row in rows):
        own = [row for row in rows if row.source == kind]
        numbers = [sum(row.verdict == verdict for row in own) for verdict in ORDER]
        kinds.append(f"| {kind} | {len(own)} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join([*counts, "", *kinds, "", *lines]) + "\n"


def _known(value: Any) -> Any:
    """Numbers that JSON does not know become null, and NumPy's become Python's."""
    if isinstance(value, Mapping):
        return {str(key): _known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    if isinstance(value, np.generic):
        value = cast(Any, value).item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
