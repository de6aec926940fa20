"""The pages of comparisons: two networks unit by unit, or two groups of runs."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from unitscope.comparison.compare import Comparison, SiteComparison, title
from unitscope.comparison.groups import GroupComparison, kinship_note
from unitscope.comparison.matching import Matching
from unitscope.fold.resultset import ResultSet
from unitscope.page.page import Page, Section, UnitField, UnitGroup, Units, build_page, joined
from unitscope.page.parts.results import Results
from unitscope.page.reading import has_words, passage, telling
from unitscope.source.source import Source
from unitscope.views import Field, Group, Heatmap, Lines, Scatter, Series, Table, View, with_scale

PASSAGE = 600
"""Tokens on which a unit and its partner are shown."""
PAIRS, ALL_PAIRS = 20, 1 << 20
"""Matched units in the table of a site, and where all are wanted."""

SIMILARITY = """
How alike two networks are as a whole, whatever the order of their units: 1 for the same representation in another
basis. CKA grows by itself with few tokens and many units; the debiased one does not, and is about 0 where nothing is
shared. SVCCA and PWCCA are means of canonical correlations, which also grow with the number of units.

So read each against its controls below it: the same networks with their tokens out of step share nothing but the
shape of their activity, and untrained baselines share what architecture and text give by themselves.
"""
MATCHED = """
Units are matched one to one so that the sum of |r| is largest. Partners are chosen among hundreds, so |r| with a
partner is large by chance too. The held-out line is fair: partners are chosen on half of the sequences, and
their correlation is measured on the other half.
"""


def page_of_comparison(found: Comparison, sources: tuple[Source, Source] | None = None) -> Page:
    """Similarities, matched units, summaries, every unit of both networks, and provenance.

    With the ``sources``, every unit is shown beside its partner on the same text.
    """
    results = Results(_side_by_side(found))
    partners = partner_columns(found, ("A:", "B:"))
    units = {
        f"{end}:{site}": own.of(site) for end, own in zip("AB", found.results, strict=True) for site in own.sites()
    }
    counts = {site: next(iter(of.values())).units for site, of in units.items()}
    table = joined([partners, results.columns_by_site()], counts)

    def groups(site: str, unit: int) -> list[UnitGroup]:
        both = side_by_side(sources, partners, site, unit) if sources else []
        return [*partner_group(partners, site, unit), *both, *results.groups(site, unit)]

    return build_page(
        title=f"{found.names[0]} against {found.names[1]}",
        subtitle=f"{found.tokens:,} tokens of {found.sequences:,} sequences that both read",
        sections=comparison_sections(found),
        table=table,
        units={site: Units(count, partial(groups, site)) for site, count in counts.items()},
    )


def comparison_sections(found: Comparison) -> list[Section]:
    """Comparison of two networks: similarity, matched units, summaries, and their descriptions."""
    sections = [Section("similarity", "Similarity", SIMILARITY.strip(), [similarity_table(found)])]
    for number, site in enumerate(found.sites):
        text = MATCHED.strip() if number == 0 else ""
        sections.append(Section(f"matched-{number}", f"Matched units: {title(site.pair)}", text, matched_views(site)))
    sections.append(Section("summaries", "Summaries", "", [summary_table(found)]))
    sections.append(Section("compared", "What was compared", "", [_provenance(found)]))
    return sections


def page_of_groups(found: GroupComparison) -> Page:
    """Tests over runs, kinship of the runs, and the numbers of each run."""
    names = " and ".join(found.names)
    text = (
        f"{len(found.runs)} trained runs of {names} read the same text. A run is one piece of evidence, however many "
        "tokens it read. Units are never compared by their number: what is tested are means and spreads over the units."
    )
    rows = [[run, read] for run, read in zip(found.runs, found.read, strict=True)]
    values = found.per_run.to_numpy()
    per_run = [[str(name), *map(float, row)] for name, row in zip(found.per_run.index, values, strict=True)]
    read = Table("Runs", [Field("run", "text"), Field("is", "text")], rows)
    sections = [
        Section("overview", "What was compared", text, [read]),
        Section("differences", "Differences between the groups", found.warning, [found.differences.view()]),
        Section("kinship", "Are runs of one group more alike?", "", kinship_views(found)),
        Section("shared", "Units that other runs have too", "", shared_views(found)),
        Section(
            "runs",
            "Every run",
            "",
            [Table("The numbers that were tested", [Field("measure", "text"), *map(Field, found.runs)], per_run)],
        ),
    ]  # fmt: skip
    return build_page(
        title=f"{found.names[0]} against {found.names[1]}",
        subtitle=f"{len(found.runs)} runs, {found.tokens:,} tokens of {found.sequences:,} sequences",
        sections=sections,
    )


def similarity_table(found: Comparison) -> Table:
    """One row per site and pair of networks, controls below what they control."""
    fields = [
        Field("site", "text"),
        Field("networks", "text"),
        Field("units", "text"),
        Field("CKA", "number", "linear centred kernel alignment"),
        Field("debiased", "number", "CKA without the bias of few tokens and many units"),
        Field("SVCCA", "number", "mean canonical correlation of the directions with 99 % of the variance"),
        Field("PWCCA", "number", "canonical correlations weighted by what A has in each direction"),
        Field("PWCCA back", "number", "… by what B has"),
    ]
    rows: list[list[Any]] = []
    for site in found.sites:
        for what, value in site.similar.items():
            units = f"{site.pair.a.units} – {site.pair.b.units}"
            numbers = [value.cka, value.debiased_cka, value.svcca, value.pwcca, value.pwcca_back]
            rows.append([title(site.pair), what, units, *numbers])
    return Table("How alike", fields, rows)


def matched_table(found: Comparison) -> Table:
    """One row per site: how well units match, and how well they would by chance."""
    fields = [
        Field("site", "text"),
        Field("matched |r|", "number", "mean over the units of A"),
        Field("held out", "number", "partners chosen on half of the sequences, measured on the other"),
        Field("out of step", "number", "the same with the tokens of B out of step"),
        Field("|r| > 0.5", "share", "units of A whose partner holds out so well"),
        Field("mutual", "share", "units that are each other's best partner"),
        Field("explained", "number", "mean held-out R² of a unit of A from all units of B"),
        Field("back", "number", "mean held-out R² of a unit of B from all units of A"),
    ]
    rows = [
        [
            title(site.pair),
            _mean(np.abs(site.matching.r)),
            _mean(site.matching.confirmed),
            _mean(site.control.confirmed),
            float((site.matching.confirmed > 0.5).mean()),
            float(site.matching.mutual.mean()),
            _mean(site.explained),
            _mean(site.explained_back),
        ]
        for site in found.sites
    ]
    return Table("Matched units", fields, rows)


def matched_views(site: SiteComparison) -> list[View]:
    """Sorted correlations with their chance, what all units of the other explain, the best pairs."""
    views: list[View] = [sorted_lines(site)]
    names = [f"A:{site.pair.a.name}/{u}" for u in range(site.pair.a.units)]
    group = Group("units of A", site.matching.confirmed.tolist(), site.explained.tolist(), names)
    heading = "One partner, or all units of B?"
    views.append(Scatter(heading, [group], "held-out r with the partner", "held-out R² from all units of B"))
    return [*views, pairs_table(site, ("A:", "B:"), PAIRS)]


def pairs_table(site: SiteComparison, before: tuple[str, str], count: int) -> Table:
    """Matched units, those first that match best where they were not matched."""
    fields = [
        Field("unit of A", "unit"), Field("unit of B", "unit"), Field("r", help="correlation of the two"),
        Field("held-out r", help="partners chosen on half of the sequences, measured on the other"),
        Field("mutual", "text", "whether each is the other's best"),
        Field("explained", "number", "held-out R² from all units of B"),
    ]  # fmt: skip
    found = site.matching
    rows = [
        [
            f"{before[0]}{site.pair.a.name}/{u}", f"{before[1]}{site.pair.b.name}/{found.partner[u]}",
            float(found.r[u]), float(found.confirmed[u]), "yes" if found.mutual[u] else "no", float(site.explained[u]),
        ]
        for u in _best_first(found)[:count]
    ]  # fmt: skip
    return Table("The best partners", fields, rows)


def summary_table(found: Comparison) -> Table:
    """Mean and spread over units of every summary, side by side."""
    fields = [
        Field("site", "text"), Field("summary", "text"), Field("A, mean"), Field("B, mean"), Field("A, spread"),
        Field("B, spread"),
    ]  # fmt: skip
    rows: list[list[Any]] = []
    for site in found.sites:
        of_a, of_b = found.results[0].of(site.pair.a.name), found.results[1].of(site.pair.b.name)
        for key in of_a:
            if key not in of_b:
                continue
            for one, two in zip(of_a[key].columns(), of_b[key].columns(), strict=True):
                if one.kind in ("unit", "text"):
                    continue
                a, b = (values[np.isfinite(values)] for values in (one.values, two.values))
                rows.append([title(site.pair), one.name, _mean(a), _mean(b), _spread(a), _spread(b)])
    note = "over units; two networks are one run each, so this says nothing of kinds of network: compare groups of runs"
    return Table("A and B", fields, rows, note=note)


def kinship_views(found: GroupComparison) -> list[View]:
    """The table of tests, and each matrix of similarities."""
    first, second = found.names
    fields = [
        Field("site", "text"), Field("measure", "text"), Field(f"within {first}"), Field(f"within {second}"),
        Field("between"), Field("p", "number", "exact, over all divisions of the runs into two groups"),
    ]  # fmt: skip
    rows = [[k.site, k.measure, *k.within, k.between, k.p] for k in found.kinship]
    sizes = found.differences.runs
    views: list[View] = [Table("Similarity of runs", fields, rows, note=kinship_note(sizes))]
    views += [
        Heatmap(f"{k.measure}: {k.site}", found.runs, found.runs, k.values.tolist(), 0.0, 1.0) for k in found.kinship
    ]
    return views


def shared_views(found: GroupComparison) -> list[View]:
    """Share of each run's units that the others of its group have (Bau et al. 2019)."""
    fields = [
        Field("run", "text"), Field("site", "text"),
        Field("MaxCorr", "number", "mean over units of the largest |r| with any unit of any other run of the group"),
        Field("MinCorr", "number", "of the largest |r| with each other run, the smallest"),
        Field("LinReg", "number", "held-out R² from all units of all other runs of the group"),
        Field("SVCCA", "number", "share of variance in directions that are shared"),
        Field("everywhere", "share", "units with MinCorr above 0.5"),
    ]  # fmt: skip
    rows = [
        [s.name, s.site, *map(_mean, (s.maxcorr, s.mincorr, s.linreg, s.svcca)), float((s.mincorr > 0.5).mean())]
        for s in found.shared
    ]
    return [Table("Means over the units of each run", fields, rows)]


def _provenance(found: Comparison) -> Table:
    one, two = found.provenance
    rows = [[key, one.get(key, ""), two.get(key, "")] for key in {**one, **two}]
    fields = [Field("what", "text"), Field(f"A: {found.names[0]}", "text"), Field(f"B: {found.names[1]}", "text")]
    return Table("Provenance", fields, rows)


def sorted_lines(site: SiteComparison) -> Lines:
    """Correlations with the partner in falling order, and what chance would make of them."""

    def falling(values: np.ndarray) -> list[float]:
        known = values[np.isfinite(values)]
        return sorted(map(float, known), reverse=True)

    series = [
        Series("|r| with the partner", falling(np.abs(site.matching.r))),
        Series("held out", falling(site.matching.confirmed)),
        Series("out of step, held out", falling(site.control.confirmed)),
    ]
    longest = max(len(s.y) for s in series)
    padded = [Series(s.name, [*s.y, *[math.nan] * (longest - len(s.y))]) for s in series]
    return Lines(
        "Correlation with the partner, units in falling order", list(map(float, range(longest))), padded, "rank", "r"
    )


def _best_first(found: Matching) -> Sequence[int]:
    held = np.where(np.isfinite(found.confirmed), found.confirmed, np.abs(np.nan_to_num(found.r)))
    return [int(u) for u in np.argsort(-held, kind="stable") if found.partner[u] >= 0]


def _side_by_side(found: Comparison) -> ResultSet:
    """The summaries of both networks, their sites told apart by A: and B:."""
    results = ResultSet("comparison")
    for end, own in zip("AB", found.results, strict=True):
        for (site, key), result in own.entries.items():
            results.entries[f"{end}:{site}", key] = dataclasses.replace(result, site=f"{end}:{site}")
    return results


PARTNER = (
    UnitField("partner", "unit", "the unit of the other network that it is matched with", "comparison"),
    UnitField("r", "number", "correlation with the partner", "comparison"),
    UnitField("held-out r", "number", "partner chosen on half of the sequences, measured on the other", "comparison"),
    UnitField("explained", "number", "held-out R² from all units of the other network", "comparison"),
)


def partner_columns(found: Comparison, before: tuple[str, str]) -> dict[str, list[tuple[UnitField, np.ndarray]]]:
    """For each unit of either network its partner, r, held-out r, and what all units of the other explain of it.

    What stands ``before`` a site tells of which network it is.
    """
    columns: dict[str, list[tuple[UnitField, np.ndarray]]] = {}
    for site in found.sites:
        ways = (
            (before[0], site.pair.a, before[1], site.pair.b, site.matching, site.explained),
            (before[1], site.pair.b, before[0], site.pair.a, site.matching_back, site.explained_back),
        )
        for end, own, other_end, other, matching, explained in ways:
            names = [f"{other_end}{other.name}/{partner}" if partner >= 0 else "" for partner in matching.partner]
            values = (np.array(names, dtype=object), matching.r, matching.confirmed, explained)
            columns[f"{end}{own.name}"] = list(zip(PARTNER, values, strict=True))
    return columns


def side_by_side(
    sources: tuple[Source, Source],
    columns: Mapping[str, Sequence[tuple[UnitField, np.ndarray]]],
    site: str,
    unit: int,
) -> list[UnitGroup]:
    """A unit and its partner on the same passage, where there are words that both read."""
    if site not in columns or not all(map(has_words, sources)):
        return []
    partner = str(columns[site][0][1][unit])
    sequence = telling(sources[0])
    views = []
    for address in filter(None, (f"{site}/{unit}", partner)):
        end, _, own = address.partition(":")
        name, _, number = own.rpartition("/")
        source = sources["AB".index(end)]
        if sequence in source.sequences:
            view = passage(source, (name, int(number)), sequence, 0, PASSAGE)
            views.append(with_scale(dataclasses.replace(view, title=f"{address} in {source.name}")))
    return [UnitGroup("On the same text", "", views)] if views else []


def partner_group(
    columns: Mapping[str, Sequence[tuple[UnitField, np.ndarray]]], site: str, unit: int
) -> list[UnitGroup]:
    """The partner of one unit."""
    if site not in columns:
        return []
    fields = [Field(field.name, field.kind, field.help) for field, _ in columns[site]]
    row = [values[unit].item() if isinstance(values[unit], np.generic) else values[unit] for _, values in columns[site]]
    return [UnitGroup("Partner", "", [Table("In the other network", fields, [row])])]


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def _spread(values: np.ndarray) -> float:
    return float(values.std()) if len(values) else math.nan
