"""Which site knows what: every site × every label, each with its controls.

A probe's accuracy says little by itself. So beside it stand the accuracy on a control task that only the probe can have
learnt (and *selectivity*, the difference), that of the majority class, that of the same model with untrained weights,
that on labels shuffled over words (which should be the majority's), and the bits of an online code.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.evidence.fdr import adjusted
from unitscope.evidence.ratio import above_zero, by_piece
from unitscope.models.model import Model
from unitscope.models.site import choose
from unitscope.probing.codelength import Codelength, linear_codelengths
from unitscope.probing.linear import RIDGES, Penalty, fit_linear
from unitscope.probing.measures import Scores, scores
from unitscope.probing.table import ProbeRow, ProbeTable
from unitscope.probing.tasks import Task, control, random_labels
from unitscope.probing.unit_ranks import UnitRanks
from unitscope.probing.words import PARTS, HasWords, Level, Pool, WordSet, divide, gather, how_divided
from unitscope.progress import Progress, silent
from unitscope.source.live import Live
from unitscope.source.pieces import pieces_of
from unitscope.source.source import Source


@dataclass(frozen=True)
class Probing:
    """Options of probing sites."""

    labels: tuple[str, ...] = field(default=("upos",), metadata={"help": "labels of the treebank to predict"})
    sites: tuple[str, ...] = field(default=("*",), metadata={"help": "glob patterns of the sites to probe"})
    level: Level = field(default="word", metadata={"help": "what is probed: word, edge, span or sentence"})
    pool: Pool = field(default="last", metadata={"help": "which tokens of a word stand for it: first, last or mean"})
    words: int = field(default=20_000, metadata={"help": "training words; as many again at most are held out"})
    controls: int = field(default=1, metadata={"help": "control tasks, each with its own random classes"})
    codelength: bool = field(
        default=True, metadata={"help": "measure the online description length (takes as long again)"}
    )
    penalties: tuple[Penalty, ...] = field(
        default=RIDGES, metadata={"help": "the development words choose among these"}
    )
    seed: int = field(default=0, metadata={"help": "of the division, the control tasks and the untrained baseline"})


@dataclass(frozen=True)
class Measured:
    """One site and task."""

    scores: Scores
    controls: list[Scores]
    shuffled: Scores
    unseen: int
    right: Bool[Tensor, " word"]
    piece: Int[Tensor, " word"]
    """The piece of evidence of each word."""
    code: Codelength | None
    control_code: Codelength | None
    ranks: UnitRanks | None


def probe_layers(
    source: Source,
    corpus: HasWords,
    how: Probing,
    twin: Source | None = None,
    progress: Progress = silent,
) -> ProbeTable:
    """Probe every chosen site for every label; ``twin`` is read for comparison (see ``untrained_twin``).

    Memory holds the words of one division (training, development, test) with their activations at all sites.
    Raises ``InputError`` for unknown sites or labels, for labels with one class, and for too little data.
    """
    if not how.labels:
        raise InputError("there is no label to probe; name one")
    sites = [s.name for s in choose(source.sites, how.sites) if s.kind != "prediction"]
    if not sites:
        raise InputError("only output sites match; give sites that hold units, such as *.hidden")
    division = divide(corpus, list(source.sequences), seed=how.seed)
    measured = _measure(source, corpus, sites, division, how, progress)
    twins: dict[tuple[str, str], Measured] = {}
    if twin is not None:
        twins = _measure(twin, corpus, sites, division, how, progress)
    rows = [_row(site, label, found, twins.get((site, label))) for (site, label), found in measured.items()]
    q = adjusted(np.array([row.p for row in rows]))
    rows = [row.with_q(float(value)) for row, value in zip(rows, q, strict=True)]
    ranks = [found.ranks for found in measured.values() if found.ranks is not None]
    said = how_divided(corpus, list(source.sequences))
    return ProbeTable(rows, source.fingerprint, source.describe(), how.seed, ranks, said)


def untrained_twin(model: Model, corpus: Corpus, source: Source, seed: int) -> Live:
    """The same architecture with fresh weights over the same sentences."""
    return Live(model.untrained(seed), corpus, sequences=source.sequences)


def _measure(
    source: Source,
    corpus: HasWords,
    sites: Sequence[str],
    division: Sequence[Sequence[int]],
    how: Probing,
    progress: Progress,
) -> dict[tuple[str, str], Measured]:
    most = (how.words, how.words // 4, how.words)
    progress(f"reading {source.name}", 0, 1)
    train, held, test = (
        gather(source, corpus, sites, part, how.pool, limit, how.level)
        for part, limit in zip(division, most, strict=True)
    )
    progress(f"reading {source.name}", 1, 1)
    number = dict(zip(division[2], pieces_of(source, division[2]).piece.tolist(), strict=True))
    piece = torch.tensor([number[sentence] for sentence in test.sentence.tolist()])
    widths: dict[int, list[str]] = defaultdict(list)
    for site in sites:
        widths[train.activations[site].shape[1]].append(site)
    found = {}
    for label in how.labels:
        task = Task.of(label, train.words)
        targets = _targets(task, (train, held, test), how)
        for group in widths.values():
            fitted = _fit(task, group, (train, held, test), targets, piece, how)
            for site, measured in zip(group, fitted, strict=True):
                found[site, shown_as(label, how.level)] = measured
                progress(f"probing {source.name}", len(found), len(how.labels) * len(sites))
    return {
        (site, shown_as(label, how.level)): found[site, shown_as(label, how.level)]
        for label in how.labels
        for site in sites
    }


def shown_as(label: str, level: Level) -> str:
    """The name of a label in a table: of words the label alone, of others with what it is of."""
    return label if level in ("word", label) else f"{level} {label}"


def _targets(task: Task, parts: Sequence[WordSet], how: Probing) -> list[Int[Tensor, "target _"]]:
    """For each part: the label, the control tasks, and the label shuffled over the words."""
    codes = [task.codes(part.words) for part in parts]
    for name, part, y in zip(PARTS, parts, codes, strict=True):
        unseen = task.unseen(part.words)
        if not bool((y >= 0).any()):
            reason = f"has only {task.name} that training lacks: {', '.join(sorted(unseen)[:5])}" if unseen else ""
            raise InputError(
                f"the {name} part {reason or f'has no {how.level} with a {task.name}'}; give more data or another seed"
            )
    forms = [[word.form.lower() for word in part.words] for part in parts]
    # Sentences have no types that come again, and steps of a series have one: a control task is a function of types.
    count = 0 if how.level == "sentence" or len(set().union(*forms)) < 2 else how.controls
    controls = [control(forms, codes, how.seed + 1 + i) for i in range(count)]
    shuffled = [random_labels(y, how.seed) for y in codes]
    return [torch.stack([codes[i], *(c[i] for c in controls), shuffled[i]]) for i in range(len(parts))]


def _fit(
    task: Task,
    sites: Sequence[str],
    parts: Sequence[WordSet],
    targets: Sequence[Int[Tensor, "target _"]],
    piece: Int[Tensor, " word"],
    how: Probing,
) -> list[Measured]:
    train, held, test = ([part.activations[site] for site in sites] for part in parts)
    fit = fit_linear(train, targets[0], len(task.classes), how.penalties)
    best = fit.best(held, targets[1])
    codes: list[list[Codelength]] = [[] for _ in sites]
    if how.codelength:
        two = slice(0, min(2, len(targets[0]) - 1))
        codes = linear_codelengths(train, targets[0][two], len(task.classes), (held, targets[1][two]), how.penalties)
    found = []
    for i in range(len(sites)):
        log_p = [fit.log_probs(int(p), test[i]) for p in best[i]]
        kinds = [scores(log_p[t], targets[2][t], targets[0][t], piece) for t in range(len(log_p))]
        known = targets[2][0] >= 0
        weight = fit.standardised[int(best[i, 0])]
        name = shown_as(task.name, how.level)
        found.append(
            Measured(
                scores=kinds[0],
                controls=kinds[1:-1],
                shuffled=kinds[-1],
                unseen=sum(task.unseen(parts[2].words).values()),
                right=(log_p[0].argmax(1) == targets[2][0])[known],
                piece=piece[known],
                code=codes[i][0] if codes[i] else None,
                control_code=codes[i][1] if len(codes[i]) > 1 else None,
                # An edge has two vectors, so its probe has no rank for a unit.
                ranks=None
                if how.level == "edge"
                else UnitRanks.of(sites[i], name, task.classes, weight, train[i], targets[0][0]),
            )
        )
    return found


def _row(site: str, label: str, found: Measured, twin: Measured | None) -> ProbeRow:
    nan = float("nan")
    controls = [s.accuracy for s in found.controls]
    control_accuracy = sum(controls) / len(controls) if controls else nan
    twin_control = [s.accuracy for s in twin.controls] if twin else []
    return ProbeRow(
        site=site,
        label=label,
        words=found.scores.words,
        unseen=found.unseen,
        accuracy=found.scores.accuracy,
        low=found.scores.low,
        high=found.scores.high,
        control=control_accuracy,
        selectivity=found.scores.accuracy - control_accuracy,
        majority=found.scores.majority,
        shuffled=found.shuffled.accuracy,
        macro_f1=found.scores.macro_f1,
        mcc=found.scores.mcc,
        cross_entropy=found.scores.cross_entropy,
        information=found.scores.information,
        codelength=found.code.online if found.code else nan,
        control_codelength=found.control_code.online if found.control_code else nan,
        uniform=found.code.uniform if found.code else nan,
        twin_accuracy=twin.scores.accuracy if twin else nan,
        twin_selectivity=twin.scores.accuracy - sum(twin_control) / len(twin_control) if twin and twin_control else nan,
        twin_codelength=twin.code.online if twin and twin.code else nan,
        p=_better(found.right, twin.right, found.piece) if twin else nan,
        q=nan,
    )


def _better(right: Bool[Tensor, " word"], other: Bool[Tensor, " word"], piece: Int[Tensor, " word"]) -> float:
    """One-sided p that one probe is right no more often than the other."""
    return above_zero(*by_piece((right.double() - other.double()).numpy(), piece.numpy()))
