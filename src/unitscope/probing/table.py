"""Result of a layer study: one row per site and label, saved as JSON, shown as a table, lines and heatmaps."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from unitscope.errors import InputError
from unitscope.files.damage import setting_aside
from unitscope.files.jsons import read_json, write_json
from unitscope.files.lock import PATIENCE, lock
from unitscope.files.writing import make_folder
from unitscope.probing.unit_ranks import UnitRanks
from unitscope.views import Field, Heatmap, Kind, Lines, Series, Shown, Table, View

SCHEMA = 2
FILE = "probing.json"


@dataclass(frozen=True)
class ProbeRow:
    """One site and label. Numbers that were not measured are NaN; accuracies are shares of held-out words."""

    site: str
    label: str
    words: int
    """Held-out words that the scores are of."""
    unseen: int
    """Held-out words left out because training lacks their class."""
    accuracy: float
    low: float
    high: float
    control: float
    """Accuracy on the control task, the mean over its seeds."""
    selectivity: float
    """Accuracy minus control accuracy (Hewitt & Liang 2019)."""
    majority: float
    shuffled: float
    """Accuracy on labels shuffled over words: no more than the majority's, if nothing leaks."""
    macro_f1: float
    mcc: float
    cross_entropy: float
    """Bits per word."""
    information: float
    """V-information, bits per word."""
    codelength: float
    """Online code of the training labels, bits."""
    control_codelength: float
    uniform: float
    """Uniform code of the training labels, bits."""
    twin_accuracy: float
    twin_selectivity: float
    twin_codelength: float
    p: float
    """That the untrained baseline's probe is right as often."""
    q: float
    """p after Benjamini and Hochberg's correction over all rows."""

    @property
    def compression(self) -> float:
        return self.uniform / self.codelength

    def with_q(self, q: float) -> "ProbeRow":
        return replace(self, q=q)


@dataclass(frozen=True, repr=False)
class ProbeTable(Shown):
    rows: Sequence[ProbeRow]
    fingerprint: str
    """Of the source that was probed."""
    description: dict[str, str]
    seed: int
    ranks: Sequence[UnitRanks] = ()
    division: str = ""
    """What was divided for training and test, in words."""

    def __repr__(self) -> str:
        return f"<ProbeTable: {len(self.rows)} probes; to_pandas() has a row for each>"

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        return repr(self)[1:-1], self.views()

    @property
    def note(self) -> str:
        """Note on the data: its division, and the labels left out of the scores."""
        dropped = sum({row.label: row.unseen for row in self.rows}.values())
        unseen = f"{dropped:,} held-out labels that training lacks are left out" if dropped else ""
        read = self.description.get("as read", "")
        return "; ".join(filter(None, [self.division, unseen, read and f"as read: {read}"]))

    def merged(self, before: "ProbeTable") -> "ProbeTable":
        """These rows and ranks, after those of an earlier table of the same source that they do not replace."""
        if before.fingerprint != self.fingerprint or before.seed != self.seed:
            return self
        mine = {(row.site, row.label) for row in self.rows}
        rows = [row for row in before.rows if (row.site, row.label) not in mine]
        ranks = [r for r in before.ranks if (r.site, r.label) not in mine]
        return replace(self, rows=[*rows, *self.rows], ranks=[*ranks, *self.ranks])

    def beside(self, other: "ProbeTable") -> "ProbeTable":
        """The rows of both; what was read is the first's."""
        return replace(self, rows=[*self.rows, *other.rows], ranks=[*self.ranks, *other.ranks])

    def of_site(self, site: str) -> list[UnitRanks]:
        """The ranks of a site's units, by label."""
        return [ranks for ranks in self.ranks if ranks.site == site]

    def labels(self) -> list[str]:
        return list(dict.fromkeys(row.label for row in self.rows))

    def sites(self) -> list[str]:
        return list(dict.fromkeys(row.site for row in self.rows))

    def __getitem__(self, key: tuple[str, str]) -> ProbeRow:
        """The row of ``(site, label)``."""
        for row in self.rows:
            if (row.site, row.label) == key:
                return row
        raise InputError(f"{key[0]} was not probed for {key[1]}; there are: {', '.join(self.sites())}")

    def _number(self, site: str, label: str, name: str) -> float:
        return next((float(getattr(r, name)) for r in self.rows if (r.site, r.label) == (site, label)), math.nan)

    def to_pandas(self) -> pd.DataFrame:
        """One row per site and label."""
        return pd.DataFrame([{**asdict(row), "compression": row.compression} for row in self.rows])

    def views(self) -> list[View]:
        """The table; for each label the sites in order with accuracy, control and twin; heatmaps of sites × labels."""
        pictures: list[View] = [self._table()]
        pictures += [self._lines(label) for label in self.labels()]
        for title, name, low, high in (
            ("Accuracy", "accuracy", 0.0, 1.0),
            ("Selectivity", "selectivity", -0.5, 0.5),
            ("V-information, bits per word", "information", 0.0, max(row.information for row in self.rows)),
        ):
            values = [[self._number(site, label, name) for label in self.labels()] for site in self.sites()]
            pictures.append(Heatmap(title, self.sites(), self.labels(), values, low, max(high, 1e-6), "label", "site"))
        return pictures

    def _table(self) -> Table:
        columns: dict[str, tuple[Kind, str]] = {
            "words": ("integer", "held-out words that the scores are of"),
            "unseen": ("integer", "held-out words left out because training lacks their class"),
            "accuracy": ("share", "of held-out words"),
            "low": ("share", "95 % interval of the accuracy, from resampled sentences"),
            "high": ("share", "95 % interval of the accuracy, from resampled sentences"),
            "control": ("share", "accuracy on random classes of word types: what the probe learns by itself"),
            "selectivity": ("number", "accuracy minus control"),
            "majority": ("share", "accuracy of always saying the most frequent class"),
            "shuffled": ("share", "accuracy on shuffled labels; should not be above the majority's"),
            "twin_accuracy": ("share", "accuracy of a probe of the untrained baseline"),
            "macro_f1": ("share", "mean F1 of the classes"),
            "mcc": ("number", "Matthews correlation"),
            "cross_entropy": ("number", "bits per word"),
            "information": ("number", "V-information, bits per word"),
            "codelength": ("integer", "online code of the training labels, bits"),
            "control_codelength": ("integer", "online code of the control task, bits"),
            "compression": ("number", "uniform code / online code"),
            "q": ("number", "false discovery rate of being better than the twin"),
        }
        kept = {n: c for n, c in columns.items() if any(not math.isnan(getattr(row, n)) for row in self.rows)}
        fields = [Field("site", "text"), Field("label", "text")]
        fields += [Field(name.replace("_", " "), kind, help) for name, (kind, help) in kept.items()]
        rows = [[row.site, row.label, *(getattr(row, name) for name in kept)] for row in self.rows]
        words = max(row.words for row in self.rows)
        note = f"Scores on up to {words:,} held-out words. {self.note[:1].upper()}{self.note[1:]}".rstrip(". ")
        return Table("Linear probes of words", fields, rows, f"{note}.")

    def _lines(self, label: str) -> Lines:
        rows = [row for row in self.rows if row.label == label]
        series = [Series("accuracy", [r.accuracy for r in rows], [r.low for r in rows], [r.high for r in rows])]
        beside = {"control task": "control", "untrained baseline": "twin_accuracy", "majority": "majority"}
        for name, field in beside.items():
            values = [float(getattr(row, field)) for row in rows]
            if not all(map(math.isnan, values)):
                series.append(Series(name, values))
        note = "; ".join(f"{i} = {row.site}" for i, row in enumerate(rows))
        return Lines(
            f"{label}, site by site", [float(i) for i in range(len(rows))], series, "site", "share of words", note
        )

    def save(self, folder: Path) -> None:
        """Write ``probing.json``, in one step. Raises ``InputError`` if the disk refuses."""
        make_folder(folder)
        write_json(folder / FILE, self, SCHEMA, compact=True)

    @classmethod
    def load(cls, folder: Path) -> "ProbeTable":
        """Read what ``save`` wrote. Raises ``InputError`` where there is none, a damaged one or another version."""
        return read_json(folder / FILE, cls, "run unitscope probe again", SCHEMA)

    def merge_into(self, folder: Path) -> "ProbeTable":
        """Save this beside what a folder has of the same source already, and return all of it."""
        with lock(folder, "writing probes into", PATIENCE):
            table = self
            if (folder / FILE).exists():
                with setting_aside(folder / FILE):
                    table = self.merged(ProbeTable.load(folder))
            table.save(folder)
        return table
