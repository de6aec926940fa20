"""Which unit follows which label: an answer, with its controls and what ablation costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from unitscope.asking.answer import FOLDER, Answer, Found, Passage, Score
from unitscope.asking.measures import MEASURES
from unitscope.evidence.fdr import adjusted
from unitscope.interventions.ablation import Change
from unitscope.page.page import Card, Section, UnitField, UnitGroup
from unitscope.page.part import Columns, Part
from unitscope.page.reading import has_words
from unitscope.source.source import Source
from unitscope.views import Field, Table, View

SHOWN = 9
"""Units that have a card."""
MOST = 500
"""Rows of a table that nobody reads to its end."""
LINE = 110
"""Tokens of a card's text."""
CUT = 0.5
"""What the changes of a label are worth where the text would begin within a line."""


@dataclass(frozen=True, eq=False)
class Asked(Part):
    """The outcome of ``unitscope ask``."""

    order = 10
    answer: Answer

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        return [cls(Answer.load(folder / FOLDER))] if (folder / FOLDER).exists() else []

    def save(self, folder: Path) -> None:
        self.answer.save(folder / FOLDER)

    def story(self, source: Source) -> str:
        confirmed = self.answer.findings()
        used = {found.address for found in confirmed if found.used == "used"}
        tried = any(found.used != "not measured" for found in confirmed)
        rest = f" The network relies on {len(used)} of them." if tried else ""
        where = "within this text" if self.answer.within else "on documents that were not used to choose them"
        beyond = f"better than the best units of {self.answer.networks} untrained networks, and " * bool(
            self.answer.networks
        )
        number, fdr = len(self.answer.units()), self.answer.question.fdr
        follow = f"{number} {'unit follows' if number == 1 else 'units follow'} something"
        asked = f"{len(self.answer.question.labels)} labels × {sum(map(len, self.answer.numbers.values())):,} units"
        nothing = "; ".join(f"under {name}, {count:,}" for name, count in self.answer.controls.items())
        return (
            f"{follow} {where}, {beyond}with at most {fdr:.0%} of false discoveries.{rest}"
            f"\n\nWhat was asked: {asked}. {self.answer.significant:,} pairs are significant"
            f"{f'; {nothing}' if nothing else ''}."
        )

    def cards(self, source: Source) -> Sequence[Card]:
        first = {found.address: found for found in reversed(self.answer.findings())}
        words = has_words(source)  # a strip of steps without words says less than the lines on the unit's page
        return [_card(first[address], words) for address in self.answer.units()][:SHOWN]

    def sections(self, source: Source) -> Sequence[Section]:
        found = [_found(self.answer, source.describe().get("as read", ""))]
        if self.answer.beyond:
            found.append(_beyond(self.answer))
        if self.answer.loss is not None:
            found.append(_ablations(self.answer))
        return found

    def columns(self, source: Source) -> Columns:
        columns: dict[str, list[tuple[UnitField, np.ndarray]]] = {}
        tested = {found.address: found for found in reversed(self.answer.findings())}
        stands = "confirmed" if self.answer.networks else "significant elsewhere"
        for site in source.sites:
            if site.name not in self.answer.confirmed.sites():
                continue
            own = [tested.get(f"{site.name}/{unit}") for unit in range(site.units)]
            words = np.array([f.label if f else "" for f in own], dtype=object)
            used = np.array([f.used if f else "" for f in own], dtype=object)
            cost = np.array([f.damage.where[f.label].mean if f and f.damage else math.nan for f in own])
            best, r = self._best(site.name, site.units)
            columns[site.name] = [
                (UnitField(stands, "text", "what it follows where it was not chosen", "answer"), words),
                (UnitField("used", "text", "whether the network relies on it where that holds", "answer"), used),
                (UnitField("cost", "number", "nats per token lost without it where that holds", "answer"), cost),
                (UnitField("best label", "text", "the one with the largest |r|: chosen, so too high", "answer"), best),
                (UnitField("best r", "number", "correlation with it", "answer"), r),
            ]  # fmt: skip
        return columns

    def _best(self, site: str, units: int) -> tuple[np.ndarray, np.ndarray]:
        table = self.answer.association(site)
        winner, r = table.best()
        names, values = np.full(units, "", dtype=object), np.full(units, math.nan)
        for at, number in enumerate(self.answer.numbers[site]):
            if winner[at] >= 0:
                names[number], values[number] = table.labels[winner[at]], r[at]
        return names, values

    def says(self, site: str, unit: int) -> str:
        found = self._first.get(f"{site}/{unit}")
        if found is None:
            return ""
        failed = [] if found.address in self._standing else found.failed(self.answer.question)
        return _sentence(found, failed, bool(self.answer.networks))

    def follows(self, site: str, unit: int) -> str:
        found = self._first.get(f"{site}/{unit}")
        return found.label if found else ""

    @cached_property
    def _standing(self) -> frozenset[str]:
        return frozenset(self.answer.units())

    @cached_property
    def _first(self) -> dict[str, Found]:
        """The first confirmed finding of each unit; where there is none, the first of all."""
        known = {found.address: found for found in reversed(self.answer.found)}
        return known | {found.address: found for found in reversed(self.answer.findings())}

    @cached_property
    def _q(self) -> dict[str, np.ndarray]:
        tables = {site: self.answer.association(site).p for site in self.answer.confirmed.sites()}
        flat = adjusted(np.concatenate(list(tables.values())))
        edges = np.cumsum([len(table) for table in tables.values()])[:-1]
        return dict(zip(tables, np.split(flat, edges), strict=True))

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        if site not in self._q or unit not in self.answer.numbers[site]:
            return ()
        return _of_unit(self.answer, self._q[site], site, unit)


def _card(found: Found, words: bool) -> Card:
    untrained = f" · untrained {found.untrained:.2f}" if math.isfinite(found.untrained) else ""
    facts = [f"r {found.r:.2f} ({_interval(found.r_low, found.r_high)}){untrained}"]
    if found.damage:
        there, elsewhere = (d[found.label].mean for d in (found.damage.where, found.damage.elsewhere))
        facts.append(
            f"{'relied on' if found.used == 'used' else 'without it'}: {there:+.3f} nats there, "
            f"{elsewhere:+.3f} elsewhere"
        )
    shown, text = found.passage, None
    if shown is not None and words:
        part = _telling(shown)
        text = shown.text(f"{found.address} on the text", found.label, part)
    return Card(found.label, found.address, text, [fact.replace("-", "−") for fact in facts])


def _telling(shown: Passage) -> slice:
    """The tokens of a card: from the beginning of a line, if there is one, those in which the label changes most."""
    begins = [0, *(place + 1 for place, token in enumerate(shown.tokens[:-LINE]) if token.endswith("\n"))]
    label = np.nan_to_num(np.asarray(shown.label, np.float64))
    steps = np.append(np.abs(np.diff((label > np.median(label)).astype(float))), 0.0)
    # A passage begins where it was cut, so the beginning of a line is preferred.
    best = max(begins, key=lambda at: (steps[at : at + LINE].sum() * (1.0 if at else CUT), -at))
    return slice(best, min(best + LINE, len(shown.tokens)))


def _sentence(found: Found, failed: Sequence[str], compared: bool) -> str:
    """Labels that a unit follows, with their evidence."""
    interval = f" (95 %: {_interval(found.r_low, found.r_high)})" if math.isfinite(found.r_low) else ""
    untrained = f", untrained networks' best {found.untrained:.2f}" if math.isfinite(found.untrained) else ""
    untrained = untrained if compared else ", with no untrained network to compare with"
    evidence = f"r {found.r:.2f}{interval} where it was not chosen{untrained}"
    said = f"It follows `{found.label}`: {evidence}."
    if failed:
        stands = "confirmed" if compared else "significant there"
        said = f"It may follow `{found.label}`, which is not {stands} ({'; '.join(failed)}): {evidence}."
    if found.damage:
        there, elsewhere = (d[found.label].mean for d in (found.damage.where, found.damage.elsewhere))
        relied = "The network relies on it" if found.used == "used" else "Without it"
        said += f" {relied}: held at its mean, predictions cost {there:+.3f} nats there and {elsewhere:+.3f} elsewhere."
    return said.replace("-0", "−0").replace("-1", "−1")


def _found(answer: Answer, read: str) -> Section:
    confirmed = answer.findings()
    heads = [
        Field("unit", "unit"),
        Field("label", "text"),
        Field("r", help="correlation where the unit was not chosen"),
        Field("95 %", "text", help="interval that takes documents, not tokens, as the evidence"),
        Field("within", help="correlation with the label less its mean in each document; near 0: it follows the level"),
        Field("given", help="correlation given the label that explains the unit best"),
        *(Field(name, help=MEASURES[name].help) for name in _measured(answer.found)),
        Field("untrained |r|", help="the best unit of all untrained networks, chosen and scored alike"),
        Field("q", help="p-value after correction for all units and labels"),
        Field("cost", help="nats per token that the loss rises where the label holds, unit held at its mean"),
        Field("elsewhere", help="the same where it does not hold"),
        Field("random", help="the largest such difference among random units of similar activity"),
        Field("used", "text", help="costs more where the label holds, and more so than any random unit"),
    ]
    stands = {id(found) for found in confirmed}
    others = [found for found in answer.found if id(found) not in stands][:MOST]
    counts = ", ".join(f"under {name} {count:,}" for name, count in answer.controls.items())
    untrained = (
        f"better than {answer.networks} untrained networks' best units by the same statistic (at .05 for each label)"
        if answer.networks
        else "not compared with untrained networks, of which there were none"
    )
    text = (
        f"{answer.counted} {answer.verdict}, for {len(confirmed)} of {len(answer.question.labels)} "
        "labels: chosen on some of the evidence, and on the rest of the same sign, significant after correction for "
        f"all units and labels, and {untrained}. The evidence is {answer.evidence}. "
        f"{answer.significant:,} of {answer.tests:,} pairs are significant; "
        f"labels that mean nothing make it {counts or 'unknown, since they were not asked'}."
    )
    if read:
        text += f" As read: {read}."
    title = "Confirmed" if answer.networks else "Significant elsewhere"
    views: list[View] = [Table(title, heads, [_row(answer, f) for f in confirmed])]
    if others:
        rows = [[*_row(answer, f), "; ".join(f.failed(answer.question)), f.more] for f in others]
        more = [Field("why not", "text"), Field("more", "integer", help="more pieces of evidence that would decide it")]
        views.append(Table(f"Not {title.lower()}", [*heads, *more], rows))
    return Section("findings", "Findings", text, views)


def _measured(found: Sequence[Found]) -> list[str]:
    """Names of all that was measured of some of them."""
    return list(dict.fromkeys(name for one in found for name in one.scores))


def _beyond(answer: Answer) -> Section:
    heads = [
        Field("measure", "text"),
        Field("unit", "text", help="or the site, of all of whose units it is"),
        Field("label", "text"),
        Field("score", help="on text where it was neither searched nor learnt"),
        Field("95 %", "text"),
        Field("where chosen", help="where it was: too high"),
        Field("note", "text"),
    ]
    ranked = sorted(answer.beyond, key=lambda one: -math.inf if math.isnan(one.score.value) else one.score.value)
    rows: list[list[object]] = [
        [
            b.measure,
            b.address,
            b.label,
            b.score.value,
            _interval(b.score.low, b.score.high),
            b.where_chosen,
            b.score.note,
        ]
        for b in reversed(ranked[-MOST:])
    ]
    text = (
        "Forms that were searched for a unit, and regressions on all units of a site: scored on other text, not tested."
    )
    return Section("beyond", "Forms and sites", text, [Table("Scores on other text", heads, rows)])


def _row(answer: Answer, found: Found) -> list[object]:
    damage = found.damage
    return [
        found.address,
        found.label,
        found.r,
        _interval(found.r_low, found.r_high),
        found.within.value,
        found.given,
        *(_oriented(name, found.scores.get(name, Score())).value for name in _measured(answer.found)),
        found.untrained,
        found.q,
        damage.where[found.label].mean if damage else math.nan,
        damage.elsewhere[found.label].mean if damage else math.nan,
        found.random_contrast,
        found.used,
    ]


def _interval(low: float, high: float) -> str:
    return f"{low:.2f} … {high:.2f}".replace("-", "−") if math.isfinite(low) else ""


def _ablations(answer: Answer) -> Section:
    rows = [
        [f.label, f.address, repr(symbol.symbol), symbol.change, symbol.tokens]
        for f in answer.findings()
        if f.damage
        for symbol in f.damage.symbols[:3]
    ]
    heads = [
        Field("label", "text"),
        Field("unit", "unit"),
        Field("next symbol", "text"),
        Field("cost", help="nats that predicting this symbol costs more without the unit"),
        Field("tokens", "integer"),
    ]
    text = (
        f"The intact network loses {answer.loss:.3f} nats per token on these sequences. Each confirmed unit was held "
        "at its mean at every step; these are the symbols whose prediction suffered most in all."
    )
    return Section("ablation", "What is lost without them", text, [Table("Costliest symbols", heads, rows)])


def _of_unit(answer: Answer, q: np.ndarray, site: str, unit: int) -> list[UnitGroup]:
    at = answer.numbers[site].index(unit)
    chosen, there = answer.association(site, chosen=True), answer.association(site)
    order = np.argsort(-np.abs(np.nan_to_num(there.r[at])), kind="stable")
    heads = [
        Field("label", "text"),
        Field("r", help="on the evidence that confirms"),
        Field("95 %", "text"),
        Field("q", help="p-value after correction for all units and labels"),
        Field("first r", help="on the evidence on which units are chosen"),
        Field("untrained |r|", help="the best unit of all untrained networks: what wiring alone gives"),
        Field("why not", "text", help="why there is no p"),
    ]
    rows = [
        [
            there.labels[k],
            float(there.r[at, k]),
            _interval(there.r_low[at, k], there.r_high[at, k]),
            float(q[at, k]),
            float(chosen.r[at, k]),
            answer.untrained[k],
            there.reason(at, int(k)),
        ]
        for k in order
    ]
    groups = [UnitGroup("What it follows", "Every label, with its controls.", [Table("Association", heads, rows)])]
    own = [found for found in answer.found if found.address == f"{site}/{unit}"]
    if own:
        groups.append(_detected(own))
    damaged = next((found for found in own if found.damage), None)
    return [*groups, _damage(damaged)] if damaged else groups


def _detected(found: Sequence[Found]) -> UnitGroup:
    heads = [
        Field("label", "text"),
        Field("measure", "text"),
        Field("score"),
        Field("95 %", "text"),
        Field("note", "text", help="the values that count as on, or why there is no score"),
        Field("prevalence", "share"),
    ]
    rows: list[list[object]] = [
        [f.label, name, score.value, _interval(score.low, score.high), score.note, f.prevalence]
        for f in found
        for name, given in f.scores.items()
        for score in [_oriented(name, given)]
    ]
    return UnitGroup("How well it tells", "On text where the unit was not chosen.", [Table("Scores", heads, rows)])


def _oriented(name: str, score: Score) -> Score:
    """An area under the curve that is below one half tells as well, turned round: shown as what it is worth."""
    if name != "auroc" or not score.value < 0.5:
        return score
    note = "; ".join(filter(None, (score.note, "the unit falls where it holds")))
    return Score(1 - score.value, 1 - score.high, 1 - score.low, note)


def _damage(found: Found) -> UnitGroup:
    damage = found.damage
    assert damage is not None
    heads = [
        Field("where", "text"),
        Field("cost", help="nats per token"),
        Field("95 %", "text", help="interval that takes documents as the evidence"),
        Field("elsewhere", help="nats per token where it does not hold"),
        Field("tokens", "integer"),
    ]

    def row(name: str, there: Change, elsewhere: float) -> list[object]:
        interval = f"{there.low:.3f} … {there.high:.3f}".replace("-", "−") if math.isfinite(there.low) else ""
        return [name, there.mean, interval, elsewhere, there.tokens]

    rows = [row(name, there, damage.elsewhere[name].mean) for name, there in damage.where.items() if there.tokens]
    rows.sort(key=lambda values: -float(values[1]))  # type: ignore[arg-type]
    rows.insert(0, row("everywhere", damage.overall, math.nan))
    symbols = [[repr(s.symbol), s.change, s.tokens] for s in damage.symbols]
    return UnitGroup(
        "What is lost without it",
        "The unit was held at its mean at every step. A number counts as held where it is above its median.",
        [
            Table("Change of the loss", heads, rows),
            Table(
                "Costliest symbols", [Field("next symbol", "text"), Field("cost"), Field("tokens", "integer")], symbols
            ),
        ],
    )
