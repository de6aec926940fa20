"""What each hypothesis's unit is, and how sure that is.

With hundreds of units and dozens of hypotheses something always correlates. So a finding must pass, in turn:

1. *Chosen here, confirmed there*: the unit is chosen on one half of the sequences, all its scores are
   taken on the other.
2. *More than chance*: the p-value takes sequences, not tokens, as the evidence, and the false discovery
   rate is controlled over all units and hypotheses (Benjamini & Hochberg 1995). As a check of the method
   itself, the same count is made under labels that are circularly shifted, each piece of evidence by its own turn.
3. *More than wiring*: the unit must beat the best unit of an untrained twin, chosen and confirmed alike.
4. *Used*: with the unit held at its mean the loss must rise more where the hypothesis holds than elsewhere,
   and more than for any of some random units of its site.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.findings.finding import GROUP, Finding, Findings, Search, adjusted, affinity_of
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.ablation import Bench, Damage
from unitscope.models.edit import Edit
from unitscope.models.model import Model
from unitscope.models.site import choose
from unitscope.source.live import Live
from unitscope.source.relabelled import LabelFile, Relabelled, Shifted
from unitscope.source.source import Source
from unitscope.source.subset import Subset

STRETCH = 16_384
"""Characters of a long document that count as one piece of evidence."""
HALVES = ("the half on which units are chosen", "the half that confirms them")

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done, and steps in all."""


def find(
    source: Source,
    search: Search,
    model: Model | None = None,
    corpus: Corpus | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Look for the unit of each hypothesis.

    ``source`` is a recording or a live model. Without ``model`` and ``corpus`` there is no untrained twin and no
    ablation, so nothing can be confirmed; the scores on held-out sequences and their significance remain.
    A model that predicts nothing, such as an encoder, has no loss that an ablation could raise.
    Raises ``InputError`` for unknown sites or hypotheses, and for a source too small to be halved.
    """
    sites = tuple(s.name for s in choose(source.sites, search.sites) if s.kind != "prediction")
    groups = evidence(source)
    halves = _halves(groups)
    loss = None
    with LabelFile(source, search.hypotheses) as kept:

        def says(name: str, sequence: int) -> Tensor:
            if name != GROUP:
                return kept.labels(name, sequence)
            return torch.full_like(kept.labels(search.hypotheses[0], sequence), groups[sequence])

        own = Relabelled(source, says)
        twin = None
        if model is not None and corpus is not None:
            fresh = Live(model.untrained(search.seed), corpus, sequences=source.sequences)
            twin = Relabelled(fresh, says)
        tables = _fold(own, twin, halves, groups, sites, search, progress)
        findings = [finding for k in range(len(search.hypotheses)) if (finding := _finding(tables, search, k))]
        if model is not None and corpus is not None and any(site.name == "output.loss" for site in model.sites()):
            findings, loss = _ablate(findings, search, model, corpus, own, halves[1], tables.chosen, progress)
    findings.sort(key=lambda f: (not (f.confirmed(search.fdr) and f.used), -abs(f.r) if f.r == f.r else 0.0))
    key = search.affinity().key
    return Findings(
        search=search,
        findings=findings,
        tests=sum(int(np.isfinite(affinity_of(tables.confirmed, key, site).p).sum()) for site in sites),
        significant=_count(tables.q, search.fdr),
        shifted_significant=_count(adjusted(tables.by_chance, key), search.fdr),
        loss=loss,
        fingerprint=source.fingerprint,
        chosen=tables.chosen,
        confirmed=tables.confirmed,
        twin_confirmed=tables.twin_confirmed,
    )


@dataclass(frozen=True)
class Tables:
    """The affinities from which findings are read."""

    chosen: ResultSet
    confirmed: ResultSet
    by_chance: ResultSet
    """Of the confirming half under shifted labels."""
    twin_chosen: ResultSet | None
    twin_confirmed: ResultSet | None
    q: dict[str, np.ndarray]
    """Of the confirming half, ``[unit hypothesis]`` by site."""


def _fold(
    own: Source,
    twin: Source | None,
    halves: tuple[list[int], list[int]],
    groups: Mapping[int, int],
    sites: Sequence[str],
    search: Search,
    progress: Progress | None,
) -> Tables:
    affinity = search.affinity()

    def fold(what: str, source: Source) -> ResultSet:
        def show(_: str, done: int, total: int) -> None:
            if progress:
                progress(what, done, total)

        return analyze(source, [affinity], sites, show)

    choosing, confirming = (Subset(own, half, name) for half, name in zip(halves, HALVES, strict=True))
    confirmed = fold("scoring them on the other half", confirming)
    return Tables(
        chosen=fold("choosing units on one half", choosing),
        confirmed=confirmed,
        by_chance=fold("the same under shifted labels", Shifted(confirming, search.seed, groups)),
        twin_chosen=fold("an untrained twin: one half", Subset(twin, halves[0], HALVES[0])) if twin else None,
        twin_confirmed=fold("an untrained twin: the other half", Subset(twin, halves[1], HALVES[1])) if twin else None,
        q=adjusted(confirmed, affinity.key),
    )


def _finding(tables: Tables, search: Search, k: int) -> Finding | None:
    """The unit of hypothesis k; None if the label is constant on the half that chooses, so no unit can follow it."""
    key = search.affinity().key
    best = _best(tables.chosen, key, k)
    if best is None:
        return None
    site, unit = best
    here, there = affinity_of(tables.chosen, key, site), affinity_of(tables.confirmed, key, site)
    scores: dict[str, Any] = {
        name: float(getattr(there, name)[unit, k])
        for name in ("r", "r_low", "r_high", "auc", "iou", "information", "p")
    }
    twin = dict.fromkeys(("r", "r_low", "r_high", "auc"), float("nan"))
    twin_best = _best(tables.twin_chosen, key, k) if tables.twin_chosen else None
    if twin_best and tables.twin_confirmed:
        table = affinity_of(tables.twin_confirmed, key, twin_best[0])
        twin = {name: float(getattr(table, name)[twin_best[1], k]) for name in twin}
    return Finding(
        hypothesis=search.hypotheses[k],
        site=site,
        unit=unit,
        r_where_chosen=float(here.r[unit, k]),
        prevalence=float(there.prevalence[k]),
        q=float(tables.q[site][unit, k]),
        twin=f"{twin_best[0]}/{twin_best[1]}" if twin_best else "",
        twin_r=twin["r"],
        twin_low=twin["r_low"],
        twin_high=twin["r_high"],
        twin_auc=twin["auc"],
        **scores,
    )


def _count(q: dict[str, np.ndarray], fdr: float) -> int:
    return sum(int((table <= fdr).sum()) for table in q.values())


def _best(results: ResultSet, key: str, k: int) -> tuple[str, int] | None:
    """The unit with the largest absolute correlation with hypothesis k, over all sites."""
    best, strength = None, 0.0
    for site in results.sites():
        r = np.abs(np.nan_to_num(affinity_of(results, key, site).r[:, k]))
        if r.size and r.max() > strength:
            best, strength = (site, int(r.argmax())), float(r.max())
    return best


def evidence(source: Source) -> dict[int, int]:
    """The number of the group of each sequence: what may be alike and so counts as one piece of evidence.

    A group is a document, or a stretch of 16,384 characters of a longer one; shorter stretches where there would be
    fewer than 16 groups, and single sequences where nothing else is known. Groups are numbered, and the sequences
    ordered, in an order that has nothing to do with the names of documents, since neighbouring files are alike.
    """
    sequences = list(source.sequences)
    places = [(place.document, place.start) for place in map(source.place, sequences)]
    stretch = STRETCH
    while len({(document, start // stretch) for document, start in places}) < 16 and stretch > 1:
        stretch //= 2
    groups: dict[tuple[int, int], list[int]] = {}
    for number, (document, start) in zip(sequences, places, strict=True):
        groups.setdefault((document, start // stretch), []).append(number)
    order = list(groups)
    random.Random(0).shuffle(order)
    return {number: at for at, group in enumerate(order) for number in groups[group]}


def _halves(groups: dict[int, int]) -> tuple[list[int], list[int]]:
    """Every other group of evidence in either half."""
    halves: tuple[list[int], list[int]] = ([], [])
    for number in sorted(groups):  # a recording is read fastest from front to back
        halves[groups[number] % 2].append(number)
    if min(len({groups[number] for number in half}) for half in halves) < 3:
        raise InputError(
            f"{len(groups)} sequences are too few to choose units on one half and confirm them on the other; "
            "give more text, or cut it into shorter sequences"
        )
    return halves


def _ablate(
    findings: list[Finding],
    search: Search,
    model: Model,
    corpus: Corpus,
    source: Source,
    half: Sequence[int],
    chosen: ResultSet,
    progress: Progress | None,
) -> tuple[list[Finding], float]:
    """Hold each found unit, and some random units of its site, at their means; read the loss."""
    sequences = half[:: max(1, len(half) // search.ablation_sequences)][: search.ablation_sequences]
    flags = {}
    for hypothesis in dict.fromkeys(finding.hypothesis for finding in findings):
        values = torch.cat([source.labels(hypothesis, number) for number in sequences])
        is_flag = bool(((values == 0) | (values == 1) | values.isnan()).all())
        flags[hypothesis] = values > (0.5 if is_flag else float(values.nanmedian()))
    groups = [int(source.labels(GROUP, number)[0]) for number in sequences]
    bench = Bench(model, corpus, sequences, flags, groups=groups)

    draw = np.random.default_rng(search.seed)
    found = list(dict.fromkeys((finding.site, finding.unit) for finding in findings))
    random = {
        site: [
            (site, int(unit))
            for unit in draw.permutation(_mean(chosen, site).shape[0])
            if (site, int(unit)) not in found
        ][: search.random_units]
        for site in dict.fromkeys(site for site, _ in found)
    }
    jobs = found + [pair for pairs in random.values() for pair in pairs]
    damage: dict[tuple[str, int], Damage] = {}
    for done, (site, unit) in enumerate(jobs):
        damage[site, unit] = bench.damage([Edit(site, (unit,), (float(_mean(chosen, site)[unit]),))])
        if progress:
            progress("ablating units", done + 1, len(jobs))
    return [
        replace(
            finding,
            damage=damage[finding.site, finding.unit],
            random_damage=tuple(damage[pair].where[finding.hypothesis].mean for pair in random[finding.site]),
        )
        for finding in findings
    ], bench.intact()


def _mean(results: ResultSet, site: str) -> np.ndarray:
    moments = results[site, Moments().key]
    assert isinstance(moments, MomentsResult)
    return moments.mean
