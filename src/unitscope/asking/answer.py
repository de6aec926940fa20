"""An answer: what was asked, which unit follows what, how sure that is, and whether it is used."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from unitscope.analyses.association import AssociationResult
from unitscope.asking.measures import ALWAYS, MEASURES
from unitscope.concepts.formulas import LENGTH
from unitscope.evidence.used import Verdict
from unitscope.files.damage import damaged
from unitscope.files.digest import digest
from unitscope.files.jsons import json_bytes, read_json, write_json
from unitscope.files.lock import PATIENCE, lock
from unitscope.files.writing import clean_below, remove
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.ablation import Damage
from unitscope.views import Field, Shown, Table, TokenText, View

FOLDER = "answer"
"""Of a recording."""
FILE = "answer.json"
CHOSEN, CONFIRMED = "chosen", "confirmed"
ADVICE = "run unitscope ask again"
PASSAGES = 3
"""Findings whose text a notebook shows."""
UNTESTED = "not tested against untrained networks"


@dataclass(frozen=True)
class Question:
    """A question: labels, units, measures, and the options of the tests."""

    labels: tuple[str, ...] = field(default=(), metadata={"help": "names of labels"})
    units: tuple[str, ...] = field(default=("*",), metadata={"help": "sites by glob pattern, with numbers of units"})
    measures: tuple[str, ...] = field(default=ALWAYS, metadata={"help": "what is measured beside r"})
    having: tuple[str, ...] = field(default=(), metadata={"help": "all pairs with such scores where units are chosen"})
    tolerance: float = field(default=0.0, metadata={"help": "read until 95 % of r are as sure as this; 0 reads all"})
    length: int = field(default=LENGTH, metadata={"help": "labels that a formula joins, at most"})
    fdr: float = field(default=0.05, metadata={"help": "false discovery rate over all units and labels"})
    baselines: int = field(default=20, metadata={"help": "untrained networks that a unit is compared with"})
    share: float = field(default=0.25, metadata={"help": "share of the text on which these are compared"})
    controls: bool = field(default=True, metadata={"help": "ask the same of labels from elsewhere"})
    ablate: bool = field(default=True, metadata={"help": "ablate the units that pass all else"})
    ablation_sequences: int = field(default=32, metadata={"help": "sequences on which units are ablated"})
    seed: int = field(default=0, metadata={"help": "of untrained networks, controls and random units"})


@dataclass(frozen=True)
class Score:
    """A number with its 95 % interval; NaN where there is none."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    note: str = ""
    """What it is read at, or why there is none."""


@dataclass(frozen=True)
class Passage:
    """A stretch of the text where the label changes most: what the page shows, kept with the answer."""

    tokens: tuple[str, ...]
    unit: tuple[float, ...]
    label: tuple[float, ...]
    low: float
    high: float
    sequence: int
    first: int
    """Where it begins in its sequence."""

    def text(self, title: str, label: str, part: slice = slice(None)) -> TokenText:
        """Some of its tokens in the unit's colours, with what the label says of them."""
        start = part.start or 0
        return TokenText(
            title, list(self.tokens[part]), list(self.unit[part]), self.low, self.high,
            at=(self.sequence, self.first + start), truth=list(self.label[part]), label=label,
        )  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A unit and a label that it may follow. Scores are of the text on which the unit was not chosen."""

    label: str
    site: str
    unit: int
    r_where_chosen: float
    r: float
    r_low: float
    r_high: float
    p: float
    q: float
    """p after Benjamini and Hochberg's correction over all units and labels that were asked."""
    why: str
    """Why there is no p, in words."""
    prevalence: float
    scores: dict[str, Score]
    """What was measured beside r, by name."""
    trained: float
    """\\|r\\| of the best unit on the share of the text on which untrained networks are compared."""
    untrained: float
    """The largest such number of the untrained networks."""
    untrained_p: float
    within: Score = Score()
    """r with the label less its mean in each document: what is left where the level of documents is no help."""
    given: float = math.nan
    """Correlation given the label that explains the unit best; NaN for that label itself."""
    more: int | None = None
    """So many more pieces of evidence of this kind would decide it; None where it is decided, or none would."""
    damage: Damage | None = None
    used: Verdict = "not measured"
    used_q: float = math.nan
    random_contrast: float = math.nan
    """The largest *where − elsewhere* of random units of similar activity."""
    passage: Passage | None = None

    @property
    def address(self) -> str:
        return f"{self.site}/{self.unit}"

    @property
    def by_level(self) -> bool:
        """Whether the label varies within documents, and the unit is not seen to follow it there.

        What is followed may then be the kind of the document, of which the label is only a sign.
        """
        return self.within.low <= 0 <= self.within.high

    def failed(self, question: Question) -> list[str]:
        """The tests that it did not pass, in words; none if it is confirmed."""
        if self.why:
            return [self.why]
        tests = {
            "sign changes between the sides": self.r * self.r_where_chosen > 0,
            "not significant": self.q <= question.fdr,
            UNTESTED if math.isnan(self.untrained_p) else "within reach of untrained networks": self.untrained_p
            <= 0.05,
        }
        return [test for test, passed in tests.items() if not passed]


@dataclass(frozen=True)
class Beyond:
    """Score that belongs to no single pair of a unit and a label; it is scored on other text, and not tested."""

    measure: str
    site: str
    unit: int | None
    """None for all units of the site that were asked."""
    label: str
    """For a form the form itself."""
    score: Score
    where_chosen: float
    """The same on the text where the form was searched, or the regression learnt: too high."""
    read: float
    """The share of the text that was used."""

    @property
    def address(self) -> str:
        return self.site if self.unit is None else f"{self.site}/{self.unit}"


@dataclass(frozen=True, eq=False)
class Answer(Shown):
    """The outcome of ``ask`` for one model."""

    question: Question
    model: str
    found: list[Found]
    """A unit's labels stand together, the one that explains it best first; the strongest unit first."""
    beyond: list[Beyond]
    read: float
    """The share of the text that was read: less than 1 where a tolerance was reached before."""
    evidence: str
    """What counts as one piece, in words."""
    within: bool
    """Whether what is found holds within this text only."""
    tests: int
    significant: int
    """Pairs of unit and label that are significant where units are not chosen."""
    controls: dict[str, int]
    """The same under labels that mean nothing."""
    networks: int
    """Untrained networks that were compared."""
    loss: float | None
    """Of the intact model on the sequences of the ablations, nats per token."""
    fingerprint: str
    numbers: dict[str, list[int]]
    """Of the units that were asked about, by site: rows of the tables stand for them."""
    chosen: ResultSet
    confirmed: ResultSet
    untrained: list[float]
    """For each label the largest \\|r\\| of the best units of untrained networks."""

    def confirmed_findings(self) -> list[Found]:
        """Those that pass every test but ablation."""
        return [found for found in self.found if not found.failed(self.question)]

    def findings(self) -> list[Found]:
        """Findings that hold: the confirmed ones. With no untrained networks to compare with, such as for recorded
        neurons, those that pass all other tests, and ``verdict`` says so."""
        if self.networks:
            return self.confirmed_findings()
        return [found for found in self.found if not set(found.failed(self.question)) - {UNTESTED}]

    def units(self) -> list[str]:
        """Addresses of the distinct units of ``findings``."""
        return list(dict.fromkeys(found.address for found in self.findings()))

    def association(self, site: str, chosen: bool = False) -> AssociationResult:
        """All pairs of a site, of the side that confirms or of that which chooses."""
        results = self.chosen if chosen else self.confirmed
        (result,) = [r for r in results.of(site).values() if isinstance(r, AssociationResult)]
        return result

    @property
    def counted(self) -> str:
        """How many units stand, in words: ``3 units are``."""
        count = len(self.units())
        return f"{count} {'unit is' if count == 1 else 'units are'}"

    @property
    def verdict(self) -> str:
        """Verdict that ``findings`` share."""
        said = "confirmed" if self.networks else "significant where they were not chosen"
        return f"{said} within this text" if self.within else said

    def __repr__(self) -> str:
        name = self.model if len(self.model) <= 60 else f"{self.model[:59]}…"
        units, used = self.units(), {f.address for f in self.findings() if f.used == "used"}
        return (
            f"Answer({name}: {len(self.findings())} of {len(self.question.labels)} labels have "
            f"units that are {self.verdict}, {len(units)} distinct units, {len(used)} of them used)"
        )

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        heads = [
            Field("unit", "unit"), Field("label", "text"), Field("r"), Field("low"), Field("high"),
            Field("untrained"), Field("used", "text"), Field("cost"),
        ]  # fmt: skip
        found = self.findings()
        rows: list[list[object]] = [
            [
                f.address, f.label, f.r, f.r_low, f.r_high, f.untrained, f.used,
                f.damage.where[f.label].mean if f.damage else math.nan,
            ]
            for f in found
        ]  # fmt: skip
        texts = [f.passage.text(f"{f.address}: {f.label}", f.label) for f in found if f.passage]
        return repr(self)[1:-1], [Table("", heads, rows), *texts[:PASSAGES]]

    def to_pandas(self) -> pd.DataFrame:
        """One row per unit and label, and per form or site (unit −1) where these were asked."""
        rows = []
        for f in self.found:
            row: dict[str, Any] = {"model": self.model}
            row |= {k: v for k, v in vars(f).items() if k not in ("scores", "passage", "damage")}
            row["more"] = f.more if f.more is not None else math.nan
            for name, score in {"within": f.within, **f.scores}.items():
                row |= _columns(name, score)
            row["confirmed"] = not f.failed(self.question)
            row["failed"] = "; ".join(f.failed(self.question))
            change = f.damage.where[f.label] if f.damage else None
            row["damage_where"] = change.mean if change else math.nan
            row["damage_elsewhere"] = f.damage.elsewhere[f.label].mean if f.damage else math.nan
            rows.append(row)
        for b in self.beyond:
            unit = -1 if b.unit is None else b.unit
            row = {"model": self.model, "label": b.label, "site": b.site, "unit": unit, "confirmed": False}
            row |= {"failed": "scored, and not tested", **_columns(b.measure, b.score)}
            rows.append({**row, f"{b.measure}_where_chosen": b.where_chosen})
        return pd.DataFrame(rows)

    def save(self, folder: Path) -> None:
        """Write the tables of all pairs into a folder of their own, then ``answer.json``, which names it.

        So a reader sees the old answer with its tables or the new one with its own, whenever the writer dies.
        """
        plain = {f.name: getattr(self, f.name) for f in fields(Answer) if f.type is not ResultSet}
        kept = Kept(**plain, tables=digest(json_bytes(Kept(**plain)))[:16])
        with lock(folder, "writing an answer into", PATIENCE):
            clean_below(folder)
            self.chosen.save(folder / kept.tables / CHOSEN)
            self.confirmed.save(folder / kept.tables / CONFIRMED)
            write_json(folder / FILE, kept)
            for other in folder.iterdir():
                if other.is_dir() and other.name != kept.tables:
                    remove(other)

    @classmethod
    def load(cls, folder: Path) -> "Answer":
        """Read what ``save`` wrote. Raises ``InputError`` where there is nothing, or it is of another version."""
        kept = read_json(folder / FILE, Kept, ADVICE)
        if not re.fullmatch("[0-9a-f]{16}", kept.tables):
            raise damaged(folder / FILE, "it does not name its tables", ADVICE)
        tables = [ResultSet.load(folder / kept.tables / name) for name in (CHOSEN, CONFIRMED)]
        plain = {name: value for name, value in vars(kept).items() if name != "tables"}
        answer = cls(**plain, chosen=tables[0], confirmed=tables[1])
        try:
            answer._check()
        except (ValueError, KeyError) as error:
            raise damaged(folder / FILE, error, ADVICE) from error
        return answer

    def _check(self) -> None:
        """Raises ``ValueError`` where its parts do not fit together."""
        scores = {name for found in self.found for name in found.scores} | {one.measure for one in self.beyond}
        if unknown := scores - MEASURES.keys():
            raise ValueError(f"no measure is called {min(unknown)}")
        labels: list[str] = []
        for results in (self.chosen, self.confirmed):
            if sorted(results.sites()) != sorted(self.numbers):
                raise ValueError("its tables are of other sites than its units")
            for site, numbers in self.numbers.items():
                tables = [result for result in results.of(site).values() if isinstance(result, AssociationResult)]
                if len(tables) != 1 or tables[0].units != len(numbers) or min(numbers, default=0) < 0:
                    raise ValueError(f"its table of {site} is of other units")
                labels = labels or tables[0].labels
                if tables[0].labels != labels or len(self.untrained) != len(labels):
                    raise ValueError(f"its table of {site} is of other labels")
        for found in self.found:
            changes = (found.damage.where, found.damage.elsewhere, found.damage.contrast) if found.damage else ()
            if found.label not in labels or found.unit not in self.numbers.get(found.site, ()):
                raise ValueError(f"{found.address} and {found.label} were not asked")
            if any(found.label not in change for change in changes):
                raise ValueError(f"nothing is said of {found.address} without {found.label}")
            if found.passage and len({*map(len, (found.passage.tokens, found.passage.unit, found.passage.label))}) > 1:
                raise ValueError(f"the passage of {found.address} has several lengths")


def _columns(name: str, score: Score) -> dict[str, float]:
    return {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}


_PLAIN: list[Any] = [(f.name, f.type) for f in fields(Answer) if f.type is not ResultSet]
Kept: Any = make_dataclass("Kept", [*_PLAIN, ("tables", str, field(default=""))], frozen=True)
"""What is written of an answer beside its tables, whose folder it names: the beginning of the digest of all else."""
