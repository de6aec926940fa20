"""All results of one source, kept together in a folder."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis, catalogue, result_type
from unitscope.result import Result


@dataclass
class ResultSet:
    """Results by site and analysis. Iterates in the order in which they were added."""

    fingerprint: str
    """Of the source that was analysed."""
    entries: dict[tuple[str, str], Result] = field(default_factory=dict)

    def add(self, analysis: Analysis[Any], result: Result) -> None:
        self.entries[result.site, analysis.key] = result

    def __getitem__(self, key: tuple[str, str]) -> Result:
        """The result of ``(site, analysis)``."""
        if key not in self.entries:
            known = ", ".join(f"{site} {name}" for site, name in self.entries)
            raise InputError(f"no result of {key[1]} for {key[0]}; there are: {known or 'none'}")
        return self.entries[key]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.entries.values())

    def sites(self) -> list[str]:
        """Names of the sites that have results."""
        return list(dict.fromkeys(site for site, _ in self.entries))

    def of(self, site: str) -> dict[str, Result]:
        """All results of a site, by analysis."""
        return {name: result for (where, name), result in self.entries.items() if where == site}

    def to_pandas(self) -> pd.DataFrame:
        """The table of all units: one row per unit, the columns of every result side by side."""
        frames = []
        for site in self.sites():
            table = pd.DataFrame()
            for name, result in self.of(site).items():
                part = result.to_pandas().set_index(["site", "unit"])
                # One analysis with two sets of parameters: its second columns are told by their analysis's key.
                part = part.rename(columns={column: f"{column} ({name})" for column in part if column in table})
                table = part if table.empty else pd.concat([table, part], axis=1)
            frames.append(table)
        return pd.concat(frames) if frames else pd.DataFrame()

    def save(self, folder: Path) -> None:
        """Write each result as ``<analysis>/<site>.{json,safetensors}``; replaces results of the same name."""
        folder.mkdir(parents=True, exist_ok=True)
        for (site, name), result in self.entries.items():
            result.save(folder / name / site)
        listing = [[site, name] for site, name in self.entries]
        (folder / "index.json").write_text(json.dumps({"fingerprint": self.fingerprint, "results": listing}))

    @classmethod
    def load(cls, folder: Path) -> "ResultSet":
        """Read a folder of results. Raises ``InputError`` where there is none, or it is damaged."""
        try:
            index = json.loads((folder / "index.json").read_text())
            fingerprint, listing = index["fingerprint"], [(str(site), str(name)) for site, name in index["results"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder} holds no results: {error}") from error
        known = catalogue()
        results = cls(fingerprint)
        for site, name in listing:
            kind = known.get(name.split("-")[0])
            if kind is None:
                raise InputError(
                    f"{folder} has results of {name!r}, an analysis that is not here; install the package it came in"
                )
            results.entries[site, name] = result_type(kind).load(folder / name / site)
        return results
