"""Which unit follows which hypothesis: findings, with their controls and what ablation costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from unitscope.findings.finding import Finding, Findings, adjusted, affinity_of
from unitscope.interventions.ablation import Change
from unitscope.page.page import Card, Section, UnitField, UnitGroup
from unitscope.page.part import Columns, Part
from unitscope.page.reading import passage, turning
from unitscope.source.source import Source
from unitscope.view import Field, Table, View

FOLDER = "findings"
SHOWN = 9
"""Findings that have a card."""
LINE = 110
"""Tokens of a card's text."""


@dataclass(frozen=True, eq=False)
class Found(Part):
    """The outcome of ``unitscope find``."""

    order = 10
    findings: Findings

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        return [cls(Findings.load(folder / FOLDER))] if (folder / FOLDER).exists() else []

    def save(self, folder: Path) -> None:
        self.findings.save(folder / FOLDER)

    def story(self, source: Source) -> str:
        confirmed = self.findings.confirmed_findings()
        units = len({finding.address for finding in confirmed})
        used = len({finding.address for finding in confirmed if finding.used})
        tried = any(finding.used is not None for finding in confirmed)
        rest = f" The network relies on {used} of them." if tried else ""
        beyond = f"beyond the untrained baseline and FDR {self.findings.search.fdr:.0%}"
        return f"{units} units follow something on held-out text, {beyond}.{rest}"

    def cards(self, source: Source) -> Sequence[Card]:
        confirmed = self.findings.confirmed_findings()
        best = {finding.address: finding for finding in reversed(confirmed)}  # a unit once, for what it follows best
        return [_card(source, f) for f in confirmed if best[f.address] is f][:SHOWN]

    def sections(self, source: Source) -> Sequence[Section]:
        found = [_found(self.findings)]
        if self.findings.loss is not None:
            found.append(_ablations(self.findings))
        return found

    def columns(self, source: Source) -> Columns:
        columns: dict[str, list[tuple[UnitField, np.ndarray]]] = {}
        tested = {finding.address: finding for finding in reversed(self.findings.confirmed_findings())}
        for site in self.findings.confirmed.sites():
            result = affinity_of(self.findings.confirmed, self.findings.affinity_key(), site)
            own = {unit: tested.get(f"{site}/{unit}") for unit in range(result.units)}
            words = np.array([f.hypothesis if f else "" for f in own.values()], dtype=object)
            used = np.array(
                [{True: "yes", False: "no", None: ""}[f.used] if f else "" for f in own.values()], dtype=object
            )
            cost = np.array([f.damage.where[f.hypothesis].mean if f and f.damage else math.nan for f in own.values()])
            columns[site] = [
                (
                    UnitField("confirmed", "text", "what it follows on held-out text, beyond all controls", "findings"),
                    words,
                ),
                (UnitField("used", "text", "whether the network relies on it where that holds", "findings"), used),
                (UnitField("cost", "number", "nats per token lost without it where that holds", "findings"), cost),
                *((UnitField(c.name, c.kind, c.help, "affinity"), c.values) for c in result.columns()),
            ]
        return columns

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        return _of_findings(self.findings, self._controls, site, unit) if site in self._controls.q else ()

    @cached_property
    def _controls(self) -> "Controls":
        return _controls(self.findings)


def _card(source: Source, finding: Finding) -> Card:
    number, first = turning(source, finding.hypothesis, LINE)
    facts = [f"r {finding.r:.2f} ({_interval(finding.r_low, finding.r_high)}) · untrained {abs(finding.twin_r):.2f}"]
    if finding.damage:
        there, elsewhere = (d[finding.hypothesis].mean for d in (finding.damage.where, finding.damage.elsewhere))
        facts.append(
            f"{'relied on' if finding.used else 'without it'}: {there:+.3f} nats there, {elsewhere:+.3f} elsewhere"
        )
    text = passage(source, (finding.site, finding.unit), number, first, LINE, finding.hypothesis)
    return Card(finding.hypothesis, finding.address, text, [fact.replace("-", "−") for fact in facts])


def _found(findings: Findings) -> Section:
    confirmed = findings.confirmed_findings()
    heads = [
        Field("hypothesis", "text"),
        Field("unit", "unit"),
        Field("r", help="correlation on the half of the text on which the unit was not chosen"),
        Field("95 %", "text", help="interval that takes sequences, not tokens, as the evidence"),
        Field("AUC", help="how well the unit alone tells where the hypothesis holds; 0.5 is chance"),
        Field("twin |r|", help="the best unit of an untrained twin of the network, chosen and confirmed alike"),
        Field("q", help="p-value after correction for all units and hypotheses"),
        Field("cost", help="nats per token that the loss rises where the hypothesis holds, unit held at its mean"),
        Field("elsewhere", help="the same where it does not hold"),
        Field("random", help="the largest such rise among random units of the same site"),
        Field("used", "text", help="yes if it costs most where the hypothesis holds, and more than any random unit"),
    ]
    others = [finding for finding in findings.findings if finding not in confirmed]
    control = (
        f"With labels shifted in a circle, so that nothing can be found, the same procedure calls "
        f"{findings.shifted_significant:,} of {findings.tests:,} pairs of unit and hypothesis significant; "
        f"with the true labels {findings.significant:,}."
    )
    text = (
        f"{len(confirmed)} of {len(findings.findings)} hypotheses have a confirmed unit: chosen on one half of the "
        "text, and on the other half of the same sign, significant after correction for all units and hypotheses, and "
        f"with an interval beyond that of the best unit of an untrained twin. {control}"
    )
    views: list[View] = [Table("Confirmed", heads, [_row(f) for f in confirmed])]
    if others:
        rows = [[*_row(f), "; ".join(f.failed(findings.search.fdr))] for f in others]
        views.append(Table("Not confirmed", [*heads, Field("why not", "text")], rows))
    return Section("findings", "Findings", text, views)


def _row(finding: Finding) -> list[object]:
    damage = finding.damage
    return [
        finding.hypothesis,
        finding.address,
        finding.r,
        _interval(finding.r_low, finding.r_high),
        finding.auc,
        abs(finding.twin_r),
        finding.q,
        damage.where[finding.hypothesis].mean if damage else math.nan,
        damage.elsewhere[finding.hypothesis].mean if damage else math.nan,
        max(finding.random_damage, default=math.nan),
        {True: "yes", False: "no", None: "not tried"}[finding.used],
    ]


def _interval(low: float, high: float) -> str:
    return f"{low:.2f} … {high:.2f}".replace("-", "−") if math.isfinite(low) else ""


def _ablations(findings: Findings) -> Section:
    rows = [
        [f.hypothesis, f.address, repr(symbol.symbol), symbol.change, symbol.tokens]
        for f in findings.confirmed_findings()
        if f.damage
        for symbol in f.damage.symbols[:3]
    ]
    heads = [
        Field("hypothesis", "text"),
        Field("unit", "unit"),
        Field("next symbol", "text"),
        Field("cost", help="nats that predicting this symbol costs more without the unit"),
        Field("tokens", "integer"),
    ]
    text = (
        f"The intact network loses {findings.loss:.3f} nats per token on these sequences. Each found unit was held at "
        "its mean at every step; these are the symbols whose prediction suffered most in all."
    )
    return Section("ablation", "What is lost without them", text, [Table("Costliest symbols", heads, rows)])


@dataclass(frozen=True)
class Controls:
    """What stands beside every unit's affinities."""

    q: dict[str, np.ndarray]
    """Corrected p-values of the confirming half, ``[unit hypothesis]`` by site."""
    twin: np.ndarray
    """For each hypothesis the largest \\|r\\| of any unit of the untrained twin, on the confirming half."""


def _controls(findings: Findings) -> Controls:
    key, twin = findings.affinity_key(), findings.twin_confirmed
    best = np.full(len(findings.search.hypotheses), np.nan)
    if twin is not None:
        best = np.nan_to_num(np.abs(np.concatenate([affinity_of(twin, key, s).r for s in twin.sites()]))).max(0)
    return Controls(adjusted(findings.confirmed, key), best)


def _of_findings(findings: Findings, controls: Controls, site: str, unit: int) -> list[UnitGroup]:
    key = findings.affinity_key()
    chosen, there = affinity_of(findings.chosen, key, site), affinity_of(findings.confirmed, key, site)
    q = controls.q[site]
    order = np.argsort(-np.abs(np.nan_to_num(there.r[unit])))
    heads = [
        Field("hypothesis", "text"),
        Field("r", help="on the half of the text that confirms"),
        Field("95 %", "text"),
        Field("q", help="p-value after correction for all units and hypotheses"),
        Field("AUC"),
        Field("IoU"),
        Field("bits", help="mutual information"),
        Field("first r", help="on the half of the text on which units are chosen"),
        Field("twin |r|", help="the best unit of an untrained twin: what wiring alone gives"),
    ]
    rows = [
        [
            there.hypotheses[k],
            float(there.r[unit, k]),
            _interval(there.r_low[unit, k], there.r_high[unit, k]),
            *(float(table[unit, k]) for table in (q, there.auc, there.iou, there.information, chosen.r)),
            float(controls.twin[k]),
        ]
        for k in order
    ]
    groups = [UnitGroup("What it follows", "Every hypothesis, with its controls.", [Table("Affinity", heads, rows)])]
    for finding in findings.findings:
        if (finding.site, finding.unit) == (site, unit) and finding.damage:
            groups.append(_damage(finding))
            break
    return groups


def _damage(finding: Finding) -> UnitGroup:
    damage = finding.damage
    assert damage is not None
    heads = [
        Field("where", "text"),
        Field("cost", help="nats per token"),
        Field("95 %", "text", help="interval that takes sequences as the evidence"),
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
                "Costliest symbols",
                [Field("next symbol", "text"), Field("cost"), Field("tokens", "integer")],
                symbols,
            ),
        ],
    )
