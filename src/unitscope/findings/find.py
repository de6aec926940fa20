"""What each hypothesis's unit is, and how sure that is.

With hundreds of units and dozens of hypotheses something always correlates. So a finding must pass, in turn:

1. *Chosen here, confirmed there*: the unit is chosen on one half of the sequences, all its scores are
   taken on the other.
2. *More than chance*: the p-value takes sequences, not tokens, as the evidence, and the false discovery
   rate is controlled over all units and hypotheses (Benjamini & Hochberg 1995). As a check of the method
   itself, the same count is made under circularly shifted labels.
3. *More than wiring*: the unit must beat the best unit of an untrained twin, chosen and confirmed alike.
4. *Used*: with the unit held at its mean the loss must rise more where the hypothesis holds than elsewhere,
   and more than for any of some random units of its site.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from unitscope.analyses.affinity import Affinity
from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.analyze import analyze
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.findings.finding import Finding, Findings, Search, adjusted, affinity_of
from unitscope.interventions.ablation import Bench, Damage
from unitscope.models.edit import Edit
from unitscope.models.model import Model
from unitscope.models.site import choose
from unitscope.recording.live import Live
from unitscope.recording.relabelled import LabelFile, Relabelled, shifted
from unitscope.recording.source import Source, Subset
from unitscope.resultset import ResultSet

BLOCK = 8
"""Neighbouring sequences that stay in the same half, since they may come from one document."""

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
    Raises ``InputError`` for unknown sites or hypotheses, and for a source too small to be halved.
    """
    sites = tuple(s.name for s in choose(source.sites, search.sites) if not s.name.startswith("output."))
    kept = LabelFile(source, search.hypotheses)
    source = Relabelled(source, kept.labels)
    halves = _halves(source.sequences)
    affinity = Affinity(hypotheses=search.hypotheses)

    def fold(what: str, of: Source, half: int) -> ResultSet:
        part = Subset(of, halves[half], "where units are chosen" if half == 0 else "where they are confirmed")
        return analyze(part, [affinity], sites, lambda done, total: progress and progress(what, done, total))

    chosen = fold("choosing units on one half", source, 0)
    confirmed = fold("scoring them on the other half", source, 1)
    by_chance = analyze(
        shifted(Subset(source, halves[1], "where they are confirmed"), search.seed),
        [affinity],
        sites,
        lambda done, total: progress and progress("the same under shifted labels", done, total),
    )
    twin_chosen = twin_confirmed = None
    if model is not None and corpus is not None:
        twin = Relabelled(Live(model.untrained(search.seed), corpus, sequences=source.sequences), kept.labels)
        twin_chosen = fold("an untrained twin: one half", twin, 0)
        twin_confirmed = fold("an untrained twin: the other half", twin, 1)

    q = adjusted(confirmed, affinity.key)
    findings = []
    for k, hypothesis in enumerate(search.hypotheses):
        best = _best(chosen, affinity.key, k)
        if best is None:
            continue  # the label is constant on this half, so no unit can follow it
        site, unit = best
        here, there = affinity_of(chosen, affinity.key, site), affinity_of(confirmed, affinity.key, site)
        twin_best = _best(twin_chosen, affinity.key, k) if twin_chosen else None
        twin_scores = {"r": np.nan, "r_low": np.nan, "r_high": np.nan, "auc": np.nan}
        if twin_best and twin_confirmed:
            table = affinity_of(twin_confirmed, affinity.key, twin_best[0])
            twin_scores = {name: float(getattr(table, name)[twin_best[1], k]) for name in twin_scores}
        names = ("r", "r_low", "r_high", "auc", "iou", "information", "p")
        scores: dict[str, Any] = {name: float(getattr(there, name)[unit, k]) for name in names}
        findings.append(
            Finding(
                hypothesis=hypothesis,
                site=site,
                unit=unit,
                r_where_chosen=float(here.r[unit, k]),
                prevalence=float(there.prevalence[k]),
                q=float(q[site][unit, k]),
                twin=f"{twin_best[0]}/{twin_best[1]}" if twin_best else "",
                twin_r=twin_scores["r"],
                twin_low=twin_scores["r_low"],
                twin_high=twin_scores["r_high"],
                twin_auc=twin_scores["auc"],
                **scores,
            )
        )
    loss = None
    if model is not None and corpus is not None:
        findings, loss = _ablate(findings, search, model, corpus, source, halves[1], chosen, progress)
    findings.sort(key=lambda f: -abs(f.r) if f.r == f.r else 0.0)
    return Findings(
        search=search,
        findings=findings,
        tests=sum(int(np.isfinite(affinity_of(confirmed, affinity.key, site).p).sum()) for site in sites),
        significant=_count(q, search.fdr),
        shifted_significant=_count(adjusted(by_chance, affinity.key), search.fdr),
        loss=loss,
        fingerprint=source.fingerprint,
        chosen=chosen,
        confirmed=confirmed,
        twin_confirmed=twin_confirmed,
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


def _halves(sequences: Sequence[int]) -> tuple[list[int], list[int]]:
    """Alternate blocks of neighbouring sequences; smaller blocks where there are few."""
    block = max(1, min(BLOCK, len(sequences) // 16))
    halves: tuple[list[int], list[int]] = ([], [])
    for place, number in enumerate(sequences):
        halves[place // block % 2].append(number)
    if min(map(len, halves)) < 3:
        raise InputError(
            f"{len(sequences)} sequences are too few to choose units on one half and confirm them on the other; "
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
    bench = Bench(model, corpus, sequences, flags)

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
