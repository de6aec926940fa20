"""A study as data: what is run, what is made of the runs, and what is claimed.

    STUDY = Study(
        name="my-study",
        paper="Somebody 2024",
        text="Do units count?",
        runs=lambda options: [Run(f"seed {s}", {"seed": s}, look) for s in range(options.seeds)],
        parts=[Part("count", "How well each counts", tables=lambda o: {"counting": o.table("r")})],
        claims=[Claim("counts", "a unit counts", PUBLISHED, "r = .9", lambda o: of_runs(o.all("r")), above(0.5))],
    )

``unitscope study mine.py`` runs a file that holds one. Each run is a function of its settings that returns what it
found as plain data, which is kept, so that a study that was stopped goes on, and several processes share the runs.
Tables, page and ``results.json`` are made from what the runs gave and from nothing else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from unitscope.progress import Progress, silent
from unitscope.studies.outcome_files import Outcome
from unitscope.studies.value import Bar, Value
from unitscope.views import Field, Table, View

SourceKind = Literal["published, read", "published, from memory", "recomputed from released data", "ours"]
"""Where an expectation comes from: read in the paper, its code or its author's pages; remembered; computed again from
what the authors released; or nobody's but ours."""


@dataclass(frozen=True)
class Source:
    """Source of an expectation."""

    kind: SourceKind
    name: str
    """The paper and its page or table, or what was computed from what."""


OURS = Source("ours", "this study")


@dataclass(frozen=True)
class Here:
    """Where a run is made."""

    folder: Path
    """Its own, for networks and whatever else it writes."""
    shared: Path
    """Of the whole study, for what several runs use: it belongs to no one, so what is in it is named by its content."""
    needs: Mapping[str, Outcome] = field(default_factory=dict)
    """What the runs gave that it needs, by their names."""
    show: Progress = silent


Do = Callable[[dict[str, Any], Here], Outcome]


@dataclass(frozen=True)
class Run:
    """One thing that is found once, by a function of a module, from settings that are all it hangs on."""

    name: str
    settings: dict[str, Any]
    """As JSON holds them; which network, which seed, which text. Two runs with equal settings are one."""
    do: Do
    needs: tuple[str, ...] = ()
    """Names of runs whose outcomes it reads."""
    fingerprint: str = ""
    """Of the data that the settings only name."""


@dataclass(frozen=True)
class Found:
    """A run with what it gave."""

    run: Run
    outcome: Outcome

    @property
    def name(self) -> str:
        return self.run.name

    def __getitem__(self, path: str) -> Any:
        """A setting or what is found, by its path: ``"losses/test"``. Raises ``KeyError`` for what is not there."""
        if path in self.run.settings:
            return self.run.settings[path]
        value: Any = self.outcome
        for key in path.split("/"):
            value = value[key]
        return value

    def has(self, path: str) -> bool:
        """Whether there is such a setting or finding."""
        try:
            self[path]
        except (KeyError, TypeError):
            return False
        return True


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of all runs, in their order; ``where`` selects some of them."""

    found: Sequence[Found]
    options: Any = None

    def __iter__(self) -> Iterator[Found]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def where(self, **settings: Any) -> "Outcomes":
        """Runs with these settings; a list, tuple or set is any of its members. A run without one is left out."""

        def fits(run: Run) -> bool:
            for name, wanted in settings.items():
                if name not in run.settings:
                    return False
                among = wanted if isinstance(wanted, list | tuple | set | frozenset) else (wanted,)
                if run.settings[name] not in among:
                    return False
            return True

        return Outcomes([one for one in self.found if fits(one.run)], self.options)

    def having(self, path: str) -> "Outcomes":
        """Runs that found this."""
        return Outcomes([one for one in self.found if one.has(path)], self.options)

    def all(self, path: str) -> list[Any]:
        """Values of every run under this name, for those that have it."""
        return [one[path] for one in self.found if one.has(path)]

    def views(self, path: str) -> list[View]:
        """The views that the runs keep there, one after the other."""
        return [view for views in self.all(path) for view in views]

    def by(self, setting: str) -> "dict[Any, Outcomes]":
        """Divided by a setting, in the order in which its values first occur."""
        values = dict.fromkeys(one[setting] for one in self.found if one.has(setting))
        return {value: self.where(**{setting: value}) for value in values}

    def one(self, **settings: Any) -> Found | None:
        """The first with these settings, or None."""
        return next(iter(self.where(**settings)), None)

    def pairs(self, setting: str, first: Any, second: Any) -> list[tuple[Found, Found]]:
        """Runs that differ in this setting and in no other."""

        def rest(run: Run) -> list[tuple[str, Any]]:
            return sorted((name, value) for name, value in run.settings.items() if name != setting)

        others = self.where(**{setting: second})
        return [
            (one, other)
            for one in self.where(**{setting: first})
            for other in others
            if rest(one.run) == rest(other.run)
        ]


Numbers = Mapping[str, Mapping[str, Any]]
"""Rows by name, of columns by name: a table as data."""


@dataclass(frozen=True)
class Part:
    """A chapter of the page: tables, which also go into ``results.json``, and pictures."""

    name: str
    text: str = ""
    tables: Callable[[Outcomes], Mapping[str, Numbers]] = lambda _: {}
    views: Callable[[Outcomes], Sequence[View]] = lambda _: ()


@dataclass(frozen=True)
class Claim:
    """A statement, who makes it, and what is asked of the number that decides it."""

    id: str
    statement: str
    source: Source
    expected: str
    """What was published or measured before."""
    value: Callable[[Outcomes], Value | None]
    """None where the study was not asked for what it needs; the claim is left out then."""
    bar: Bar


@dataclass(frozen=True)
class Options:
    """Options of every study; one with more options has a dataclass of its own with these fields first."""

    quick: bool = field(
        default=False, metadata={"help": "small data and networks: shows that all of it runs, and nothing more"}
    )
    seeds: int = field(default=3, metadata={"help": "networks of each kind"})


@dataclass(frozen=True)
class Study:
    """A study. ``options`` is a dataclass whose fields are options of the command, each with ``metadata["help"]``."""

    name: str
    paper: str
    """Whose work it is after."""
    text: str
    """What it asks."""
    runs: Callable[[Any], Sequence[Run]]
    """From the options, everything that is run. Raises ``InputError`` for options that cannot be."""
    parts: Sequence[Part] = ()
    claims: Sequence[Claim] = ()
    options: type[Any] = Options
    version: int = 1
    """Raised by hand when what the runs do has changed, so that what was kept is found again."""


def table(title: str, rows: Numbers, note: str = "", head: str = "") -> Table:
    """A table of the page from a table as data; columns in the order in which they first occur."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    kinds = {c: _kind([row.get(c) for row in rows.values()]) for c in columns}
    fields = [Field(head, "text"), *(Field(c, kinds[c]) for c in columns)]
    empty: dict[str, Any] = {"text": "", "number": float("nan"), "integer": ""}
    cells = [
        [name, *(_cell(row.get(c), kinds[c], empty.get(kinds[c], "")) for c in columns)] for name, row in rows.items()
    ]
    return Table(title, fields, cells, note=note)


def _kind(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return "integer" if len(known) == len(values) else "text"
    return "number" if known and all(isinstance(v, int | float) and not isinstance(v, bool) for v in known) else "text"


def _cell(value: Any, kind: str, empty: Any) -> Any:
    if value is None:
        return empty
    if kind == "text":
        return str(value)
    return float(value) if kind == "number" else value
