"""Two networks over one corpus, in one pass: every unit summarised and matched, similarities and their controls."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from unitscope.analyses.autocorrelation import Autocorrelation
from unitscope.analyses.gate_saturation import GateSaturation
from unitscope.analyses.moments import Moments
from unitscope.analyses.step_change import StepChange
from unitscope.comparison.aligned import aligned, check_same_corpus, shared_sequences
from unitscope.comparison.importance import linreg, with_block
from unitscope.comparison.joint import Joint
from unitscope.comparison.matching import Matching, match
from unitscope.comparison.similarity import Similarity, similarity
from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis
from unitscope.fold.resultset import ResultSet
from unitscope.models.site import Site, choose
from unitscope.progress import Progress, silent
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source
from unitscope.views import Shown, View, table_of

SUMMARIES: tuple[Analysis[Any], ...] = (Moments(), GateSaturation(), StepChange(), Autocorrelation())
"""What is told of every unit of both networks."""
A, B = 0, 1


@dataclass(frozen=True)
class Pair:
    """Which site of the first source is set against which of the second."""

    a: Site
    b: Site

    def end(self, end: int) -> Site:
        """The site of the first or of the second."""
        return self.b if end == B else self.a


@dataclass(frozen=True)
class Role:
    """A source, and which of the two networks' sites it has."""

    source: Source
    end: int


@dataclass(frozen=True, eq=False)
class SiteComparison:
    """One site of each network."""

    pair: Pair
    similar: Mapping[str, Similarity]
    """Of the two networks under ``A – B``; and of its controls, by name."""
    matching: Matching
    matching_back: Matching
    """The other way round."""
    control: Matching
    """With the rows of B out of step: what partners and their correlations look like by chance."""
    explained: Float[np.ndarray, " a"]
    """Held-out R² of each unit of A from all units of B."""
    explained_back: Float[np.ndarray, " b"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Shown):
    """Result of ``compare``. Holds neither sources nor activations."""

    names: tuple[str, str]
    provenance: tuple[Mapping[str, str], Mapping[str, str]]
    sequences: int
    tokens: int
    sites: list[SiteComparison]
    results: tuple[ResultSet, ResultSet]
    """The summaries of each network."""

    def __repr__(self) -> str:
        return f"<Comparison of {self.names[0]} and {self.names[1]}; to_pandas() has a row per unit>"

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        return repr(self)[1:-1], [table_of(self.similarity()), table_of(self.to_pandas())]

    def similarity(self) -> pd.DataFrame:
        """One row per pair of sites and per pair of networks: the comparison itself, then its controls."""
        rows = []
        for site in self.sites:
            for what, found in site.similar.items():
                size = {"units a": site.pair.a.units, "units b": site.pair.b.units}
                kept = {f"directions {end}": n for end, n in zip("ab", found.directions, strict=True)}
                values = {k: v for k, v in vars(found).items() if k != "directions"}
                rows.append({"site": title(site.pair), "networks": what, **size, **values, **kept})
        return pd.DataFrame(rows).set_index(["site", "networks"])

    def to_pandas(self) -> pd.DataFrame:
        """One row per unit of the first network, with its partner in the second and the summaries of both.

        Units of the second network that are nobody's partner follow, with unit −1.
        """
        tables = [table.to_pandas() for table in self.results]
        frames = []
        for site in self.sites:
            found, back = site.matching, site.matching_back
            lost = np.flatnonzero(back.partner < 0)
            unit = np.concatenate([np.arange(len(found.partner)), np.full(len(lost), -1)])
            partner = np.concatenate([found.partner, lost])
            gap = np.full(len(lost), np.nan)
            frame = pd.DataFrame(
                {
                    "site": site.pair.a.name,
                    "unit": unit,
                    "partner site": site.pair.b.name,
                    "partner": partner,
                    "r": np.concatenate([found.r, gap]),
                    "held-out r": np.concatenate([found.confirmed, gap]),
                    "best": np.concatenate([found.best, np.full(len(lost), -1)]),
                    "best r": np.concatenate([found.best_r, gap]),
                    "mutual": np.concatenate([found.mutual, np.zeros(len(lost), dtype=bool)]),
                    "explained": np.concatenate([site.explained, gap]),
                }
            )
            for table, key, end in zip(tables, ((site.pair.a, unit), (site.pair.b, partner)), "ab", strict=True):
                where, which = key
                part = table.loc[where.name] if where.name in table.index.get_level_values(0) else pd.DataFrame()
                numeric = part.select_dtypes("number").reindex(which)
                frame = pd.concat([frame, numeric.reset_index(drop=True).add_suffix(f", {end}")], axis=1)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True).set_index(["site", "unit"])


def compare(
    a: Source,
    b: Source,
    sites: Iterable[str] = ("*",),
    pairs: Mapping[str, str] | None = None,
    analyses: Sequence[Analysis[Any]] = SUMMARIES,
    twins: Mapping[str, tuple[Source, Source]] | None = None,
    sequences: Sequence[int] | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Compare two sources of one corpus, site by site of the same name.

    ``sites`` are glob patterns; ``pairs`` names sites that are set against each other although their names differ
    (``{site of a: site of b}``) and replaces the patterns. ``twins`` are further pairs to measure in the same pass,
    by name, such as untrained baselines: the similarity that architecture and corpus give by themselves. The numbers of
    units may differ.
    Raises ``InputError`` for different corpora, saying what differs, and where no site is shared.
    """
    roles, places = _roles(a, b, twins or {})
    sources = [role.source for role in roles]
    check_same_corpus(sources)
    chosen = _pairs(a, b, sites, pairs)
    for analysis in analyses:
        if analysis.needs or analysis.labels:
            raise InputError(f"{analysis.name} needs another pass or labels; compare what is told in one pass")
    common = shared_sequences(sources) if sequences is None else list(sequences)
    halves, shuffled = {}, {}
    for pair in chosen:
        widths = [pair.end(role.end).units for role in roles]
        halves[title(pair)] = (Joint.empty(widths), Joint.empty(widths))
        shuffled[title(pair)] = (Joint.empty(widths[:2]), Joint.empty(widths[:2]))
    folds = [Summaries([pair.end(end) for pair in chosen], analyses) for end in (A, B)]
    read = [list(dict.fromkeys(pair.end(role.end).name for pair in chosen)) for role in roles]
    generator = torch.Generator().manual_seed(0)
    for block in aligned(sources, read, common, progress):
        roll = 1 + int(torch.randint(max(1, len(next(iter(block[0].values()))) - 1), (), generator=generator))
        for fold, chunks in zip(folds, block[:2], strict=True):
            fold.update(chunks)
        for pair in chosen:
            rows = [found[pair.end(role.end).name] for found, role in zip(block, roles, strict=True)]
            key = title(pair)
            halves[key] = with_block(halves[key], rows, common)
            shuffled[key] = with_block(shuffled[key], [rows[A], _rolled(rows[B], roll)], common)
    compared = [_compared(pair, halves[title(pair)], shuffled[title(pair)], places) for pair in chosen]
    tokens = next(iter(halves.values()))
    return Comparison(
        names=(a.name, b.name),
        provenance=(a.describe(), b.describe()),
        sequences=len(common),
        tokens=tokens[0].count + tokens[1].count,
        sites=compared,
        results=(folds[A].results(a), folds[B].results(b)),
    )


def title(pair: Pair) -> str:
    """One name where both sites have it."""
    return pair.a.name if pair.a.name == pair.b.name else f"{pair.a.name} – {pair.b.name}"


def _roles(
    a: Source, b: Source, twins: Mapping[str, tuple[Source, Source]]
) -> tuple[list[Role], dict[str, tuple[int, int]]]:
    """Every source once, and for each pair of networks which two they are."""
    roles = [Role(a, A), Role(b, B)]
    places = {"A – B": (A, B)}
    for name, two in twins.items():
        found = []
        for source, end in zip(two, (A, B), strict=True):
            same = [k for k, role in enumerate(roles) if role.source is source and role.end == end]
            if not same:
                roles.append(Role(source, end))
            found.append(same[0] if same else len(roles) - 1)
        places[name] = (found[0], found[1])
    return roles, places


def _pairs(a: Source, b: Source, patterns: Iterable[str], named: Mapping[str, str] | None) -> list[Pair]:
    there = {site.name: site for site in b.sites}
    if named:
        return [Pair(choose(a.sites, [one])[0], choose(b.sites, [two])[0]) for one, two in named.items()]
    found = [
        Pair(site, there[site.name])
        for site in choose(a.sites, patterns)
        if site.name in there and site.kind != "prediction"
    ]
    if not found:
        raise InputError(
            f"{a.name} has the sites {', '.join(site.name for site in a.sites)} and {b.name} "
            f"{', '.join(there)}, of which no chosen one is shared; name those that belong together as pairs"
        )
    return found


class Summaries:
    """Analyses of one source, fed with the chunks that are read anyway."""

    def __init__(self, sites: Sequence[Site], analyses: Sequence[Analysis[Any]]) -> None:
        self.states = {
            (site.name, analysis): analysis.start(site, {})
            for site in dict.fromkeys(sites)
            for analysis in analyses
            if analysis.applies(site)
        }

    def update(self, chunks: Mapping[str, Chunk]) -> None:
        for (site, analysis), state in self.states.items():
            analysis.update(state, chunks[site])

    def results(self, source: Source) -> ResultSet:
        found = ResultSet(source.fingerprint)
        for (_, analysis), state in self.states.items():
            found.add(analysis, analysis.compute(state))
        return found


def _rolled(chunk: Chunk, by: int) -> Chunk:
    """The activations of other tokens: out of step, but each unit as slow or quick as it was."""
    return Chunk(
        chunk.activations.roll(by, 0), chunk.tokens, chunk.sequence, chunk.position, chunk.labels, chunk.vocabulary
    )


def _compared(
    pair: Pair,
    halves: tuple[Joint, Joint],
    shuffled: tuple[Joint, Joint],
    places: Mapping[str, tuple[int, int]],
) -> SiteComparison:
    whole = halves[0].merge(halves[1])
    similar = {name: similarity(whole, one, two) for name, (one, two) in places.items()}
    similar["out of step"] = similarity(shuffled[0].merge(shuffled[1]))
    return SiteComparison(
        pair=pair,
        similar=similar,
        matching=match(halves, A, B),
        matching_back=match(halves, B, A),
        control=match(shuffled, A, B),
        explained=linreg(halves, A, [B]).numpy(),
        explained_back=linreg(halves, B, [A]).numpy(),
    )
