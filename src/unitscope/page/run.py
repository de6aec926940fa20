"""The page of a recording: what was read, what was found, and everything about every unit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from unitscope.analyses.affinity import AffinityResult
from unitscope.findings.finding import Finding, Findings, adjusted, affinity_of
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.ablation import Change
from unitscope.interventions.cumulative import Cumulative
from unitscope.matches import Matches
from unitscope.models.site import Site
from unitscope.page.matches import matches_section
from unitscope.page.page import Page, Section, UnitGroup, build_page
from unitscope.page.probes import RANKS, probes_section
from unitscope.page.units import unit_groups, unit_table
from unitscope.probing.table import ProbeTable
from unitscope.probing.unit_ranks import ranks_view
from unitscope.recording.recording import Recording
from unitscope.source.chunk import Chunk
from unitscope.view import Field, Scatter, Table, TokenText, View

PASSAGE = 1_500
"""Tokens of the text that every unit's page shows coloured."""
SHOWN = 8
"""Findings whose unit is shown on a passage of its own at the top of the page."""


def page_of(
    recording: Recording,
    results: ResultSet,
    findings: Findings | None,
    probes: ProbeTable | None = None,
    curves: Sequence[Cumulative] = (),
    matches: Sequence[Matches] = (),
) -> Page:
    """Build the page. Activations are read from the recording while the page is written."""
    passage = _liveliest(recording, findings)
    sections = [_overview(recording, findings)]
    if findings:
        sections.append(_found(recording, findings))
        if findings.loss is not None:
            sections.append(_ablations(findings))
    if probes:
        sections.append(probes_section(probes))
    if curves:
        sections.append(_curves(curves))
    sections += [matches_section(found, number) for number, found in enumerate(matches)]
    for name in dict.fromkeys(key for site in results.sites() for key in results.of(site)):
        parts = [results.of(site)[name] for site in results.sites() if name in results.of(site)]
        views = [(part.site, view) for part in parts for view in part.views()]
        if views:
            sections.append(Section(f"all-{name}", views[0][1].title, "", _by_site(views)))
    everything = _with_affinity(results, findings)

    controls = _controls(findings) if findings else None
    read = lru_cache(1)(lambda site: _read(recording, site, passage))  # units come site by site

    def more(site: str, unit: int) -> Sequence[UnitGroup]:
        groups = [UnitGroup("Text", "", [_coloured(_site(recording, site), unit, read(site), 0, PASSAGE)])]
        if findings and controls and site in controls.q:
            groups += _of_findings(findings, controls, site, unit)
        if probes and (ranks := probes.of_site(site)):
            groups.append(UnitGroup("What probes read from it", RANKS, [ranks_view(ranks, unit)]))
        return groups

    return build_page(
        title=f"{recording.manifest.model.name}, unit by unit",
        subtitle=f"{recording.manifest.tokens:,} tokens of {recording.manifest.corpus.name}",
        sections=sections,
        table=unit_table(everything),
        units={site: unit_groups(results, site, more) for site in results.sites()},
    )


def _curves(curves: Sequence[Cumulative]) -> Section:
    return Section(
        "curves",
        "What is lost without many units",
        "More and more units of a site are changed at once: those that are missed most alone come first, or units at "
        "random. The order was found on other sequences than the curve is measured on.",
        [curve.view() for curve in curves],
    )


def _by_site(views: Sequence[tuple[str, View]]) -> list[View]:
    """The views of all sites, each saying which. Scatters of one scale share a picture per stream, a colour a layer."""
    shown: dict[str, View] = {}
    for site, view in views:
        title = f"{view.title}: {site}"
        if isinstance(view, Scatter) and view.xrange and view.yrange:
            title = f"{view.title}: {site.rsplit('.', 1)[-1]}"
            before = shown.get(title)
            if isinstance(before, Scatter):
                view = replace(before, groups=[*before.groups, *view.groups])
        shown[title] = replace(view, title=title)
    return list(shown.values())


def _overview(recording: Recording, findings: Findings | None) -> Section:
    manifest = recording.manifest
    rows = [[key, value] for key, value in recording.describe().items()]
    rows += [
        ["recorded tokens", f"{manifest.tokens:,} in {manifest.sequences:,} sequences"],
        ["sites", ", ".join(f"{site.name} ({site.units})" for site in manifest.sites)],
        ["model fingerprint", manifest.model.fingerprint],
        ["corpus fingerprint", manifest.corpus.fingerprint],
        ["made by", f"unitscope {manifest.unitscope}"],
    ]
    if findings and findings.loss is not None:
        loss = findings.loss
        rows.insert(
            0, ["loss on the sequences of the ablations", f"{loss:.3f} nats = {loss / math.log(2):.3f} bits per token"]
        )
    return Section(
        "overview",
        "What was read",
        "A trained network read a text, and the value of each of its units was recorded at every token. This page says "
        "what the units do, which of them stand for something, how sure that is, and what the network loses without "
        "them.",
        [Table("Provenance", [Field("what", "text"), Field("value", "text")], rows)],
    )


def _found(recording: Recording, findings: Findings) -> Section:
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
    shown = {finding.address: finding for finding in reversed(confirmed)}  # a unit once, for what it follows best
    for finding in [f for f in confirmed if shown[f.address] is f][:SHOWN]:  # those that the network uses come first
        views.append(_shown(recording, finding))
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


def _shown(recording: Recording, finding: Finding) -> TokenText:
    """The stretch of text where the hypothesis changes most often."""
    best, where, changes = 0, 0, -1
    width = 400
    for number in list(recording.sequences)[:64]:
        label = recording.labels(finding.hypothesis, number).nan_to_num().numpy()
        steps = np.concatenate([[0.0], np.abs(np.diff((label > np.median(label)).astype(float)))])
        window = np.convolve(steps, np.ones(min(width, len(steps))), "valid")
        if window.size and window.max() > changes:
            best, where, changes = number, int(window.argmax()), int(window.max())
    chunk = _read(recording, finding.site, best)
    view = _coloured(_site(recording, finding.site), finding.unit, chunk, where, width)
    return TokenText(
        f"{finding.hypothesis}: {finding.address}", view.tokens, view.values, view.low, view.high, note=view.note
    )


def _read(recording: Recording, site: str, sequence: int) -> Chunk:
    """One sequence of one site."""
    (chunks,) = recording.chunks([site], (), [sequence])
    return chunks[site]


def _coloured(site: Site, unit: int, chunk: Chunk, first: int, count: int) -> TokenText:
    """A unit's values over a passage: a cell as tanh(cell), so that −1 is red and +1 blue; others on their range."""
    values = chunk.activations[first : first + count, unit].numpy()
    note = ""
    if site.kind == "cell":
        values, low, high = np.tanh(values), -1.0, 1.0
        note = "tanh of the cell"
    elif math.isfinite(site.low) and math.isfinite(site.high):
        low, high = site.low, site.high
    else:
        high = float(np.abs(values).max()) if values.size else 1.0
        low = -high
    symbols = chunk.vocabulary.decode(chunk.tokens[first : first + count].tolist())
    return TokenText(f"{site.name}/{unit} on the text", symbols, values.tolist(), low, high, note=note)


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


def _with_affinity(results: ResultSet, findings: Findings | None) -> ResultSet:
    """The results, and for the table the affinities of the confirming half."""
    if findings is None:
        return results
    affinities = {
        (site, name): result
        for (site, name), result in findings.confirmed.entries.items()
        if isinstance(result, AffinityResult) and site in results.sites()
    }
    return ResultSet(results.fingerprint, {**affinities, **results.entries})


def _liveliest(recording: Recording, findings: Findings | None) -> int:
    """The sequence on which most of the hypotheses change: the text on which all units are shown."""
    sequences = list(recording.sequences)[:64]
    if findings is None:
        return sequences[0]
    return max(
        sequences,
        key=lambda number: sum(
            float(recording.labels(name, number).nan_to_num().std(correction=0)) > 0
            for name in findings.search.hypotheses
        ),
    )


def _site(recording: Recording, name: str) -> Site:
    return next(site for site in recording.sites if site.name == name)
