"""All results of one source, kept together in a folder."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from unitscope.errors import InputError
from unitscope.files.arrays import read_arrays
from unitscope.files.damage import damaged, setting_aside
from unitscope.files.inside import name_of
from unitscope.files.jsons import read_json, write_json
from unitscope.files.lock import PATIENCE, lock
from unitscope.files.writing import clean_below, make_folder, remove, writing_many
from unitscope.fold.analysis import Analysis, catalogue, result_type
from unitscope.result import ENDING, MEND, Result
from unitscope.views import Shown, View, table_of

INDEX = "index.json"


@dataclass(frozen=True)
class Index:
    """Which results a folder has: site and analysis of each."""

    fingerprint: str
    results: tuple[tuple[str, str], ...]


@dataclass(repr=False)
class ResultSet(Shown):
    """Results by site and analysis. Iterates in the order in which they were added."""

    fingerprint: str
    """Of the source that was analysed."""
    entries: dict[tuple[str, str], Result] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<ResultSet: {len(self.entries)} results for {len(self.sites())} sites; to_pandas() has a row per unit>"

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        return repr(self)[1:-1], [table_of(self.to_pandas())]

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
        """Write each result as ``<analysis>/<site>.safetensors``, then the list of all; each in one step."""
        self._write(folder, tuple(self.entries))

    @classmethod
    def load(cls, folder: Path) -> "ResultSet":
        """Read a folder of results. Raises ``InputError`` where there is none, or one of them is damaged."""
        index = read_json(folder / INDEX, Index, MEND)
        results = cls(index.fingerprint)
        for site, name in index.results:
            results.entries[site, name] = results._read(folder, site, name)
        return results

    @classmethod
    def damage(cls, folder: Path) -> Iterator[InputError]:
        """List results of a folder that are damaged, exchanged or missing."""
        try:
            index = read_json(folder / INDEX, Index, MEND)
        except InputError as error:
            yield error
            return
        for site, name in index.results:
            try:
                if _kind(name) is not None:
                    cls(index.fingerprint)._read(folder, site, name)
            except InputError as error:
                yield error

    def merge_into(self, folder: Path) -> None:
        """Save these beside those of the same source that are there already; a reader sees the old or the new.

        What is there and cannot be read is set aside, with a ``DamageWarning``.
        """
        with lock(folder, "writing results into", PATIENCE):
            clean_below(folder)
            listed = []
            for site, name in _listed(folder, self.fingerprint):
                if (site, name) not in self.entries:
                    with setting_aside(_place(folder, site, name)):
                        if _kind(name) is None:
                            read_arrays(_place(folder, site, name), MEND)  # of a package that is not here now
                        else:
                            self._read(folder, site, name)
                        listed.append((site, name))
                else:
                    listed.append((site, name))
            self._write(folder, tuple(dict.fromkeys((*listed, *self.entries))))
            places = {_place(folder, site, name) for site, name in (*listed, *self.entries)}
            for path in folder.glob(f"*/*{ENDING}"):
                if path not in places:
                    remove(path)  # of another source, or never listed because its writer died
                    with suppress(OSError):
                        path.parent.rmdir()  # where it was the last

    def _write(self, folder: Path, listed: tuple[tuple[str, str], ...]) -> None:
        make_folder(folder)
        for name in {name for _, name in self.entries}:
            make_folder(folder / name_of(name))
        with writing_many(folder) as batch:
            for (site, name), result in self.entries.items():
                batch.write(_place(folder, site, name), *result.content(self._said(name)))
        write_json(folder / INDEX, Index(self.fingerprint, listed))

    def _read(self, folder: Path, site: str, name: str) -> Result:
        kind = _kind(name)
        if kind is None:
            raise InputError(
                f"{folder} has results of {name!r}, an analysis that is not here; install the package it came in"
            )
        result = result_type(kind).load(_place(folder, site, name), self._said(name))
        if result.site != site:
            raise damaged(_place(folder, site, name), f"it is of {result.site}", MEND)
        return result

    def _said(self, name: str) -> dict[str, str]:
        return {"source": self.fingerprint, "analysis": name}


def _kind(name: str) -> type[Analysis[Any]] | None:
    """The analysis of a key."""
    return catalogue().get(name.split("-")[0])


def _place(folder: Path, site: str, name: str) -> Path:
    return folder / name_of(name) / f"{name_of(site)}{ENDING}"


def _listed(folder: Path, fingerprint: str) -> tuple[tuple[str, str], ...]:
    """Which results of a source a folder has."""
    if (folder / INDEX).exists():
        with setting_aside(folder / INDEX):
            index = read_json(folder / INDEX, Index, MEND)
            return index.results if index.fingerprint == fingerprint else ()
    return ()
