"""The study from its text to its page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.models.ngram import NGram
from unitscope.networks.card import load
from unitscope.networks.char import Cell
from unitscope.page.page import Section, build_page
from unitscope.page.write import write_html
from unitscope.progress import Progress
from unitscope.studies.check import Check, checks_table, write_results
from unitscope.studies.visualizing_rnns.grid import Member, Plan, Protocol, plans, train_grid, trained
from unitscope.studies.visualizing_rnns.held_out import HeldOut, save_scores, train_segments
from unitscope.studies.visualizing_rnns.losses import Losses
from unitscope.studies.visualizing_rnns.published import Reference
from unitscope.studies.visualizing_rnns.setting import Part, Setting
from unitscope.view import Field, Table

NAME = "visualizing-rnns"
QUICK_PLANS = [Plan("lstm", 1, 64), Plan("rnn", 1, 64), Plan("gru", 1, 64), Plan("lstm", 2, 64)]
CONTEXTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 20)
"""Characters of context of the n-grams that are shown."""


def networks(
    text: Path,
    corpus: TextCorpus,
    folder: Path,
    wanted: Sequence[Plan],
    epochs: Mapping[str, int],
    processes: int,
    device: str,
    show: Progress,
) -> list[Member]:
    """Train what is wanted and missing; give all networks of the folder that learnt this text."""
    train_grid([plan.options(text, corpus, folder, epochs[plan.protocol], device) for plan in wanted], processes, show)
    return trained(folder, corpus.documents.fingerprint, len(corpus.vocabulary))


def wanted(
    cell: Sequence[str] | None,
    layers: Sequence[int] | None,
    row: Sequence[int] | None,
    protocol: Sequence[str] | None,
    seeds: int,
    quick: bool,
) -> list[Plan]:
    """The networks that were asked for. Raises ``InputError`` for what there is not."""
    if seeds < 1:
        raise InputError(f"networks are trained from 1 seed or more, not {seeds}")
    for given, known in ((cell, get_args(Cell)), (protocol, get_args(Protocol))):
        for name in given or ():
            if name not in known:
                raise InputError(f"{name!r} is none of {', '.join(known)}")
    if quick and not (cell or layers or row or protocol):
        return [replace(plan, seed=seed) for seed in range(1, seeds + 1) for plan in QUICK_PLANS]
    cells, protocols = cast(Any, cell or get_args(Cell)), cast(Any, protocol or ("modern",))
    return plans(cells, layers or (1, 2), row or (64, 128), protocols, seeds)


def score(
    corpus: TextCorpus, reference: Reference | None, members: Sequence[Member], context: int, out: Path, show: Progress
) -> tuple[HeldOut, NGram, Losses]:
    """Fit the n-grams, and score every model on every held-out character; scores are kept in ``out/scores``."""
    test = HeldOut.of(corpus, "test")
    show("n-grams", 0, 2)
    ngram = NGram.fit(train_segments(corpus), len(corpus.vocabulary), context)
    show("n-grams", 1, 2)
    by_context = test.ngram_scores(ngram)
    show("n-grams", 2, 2)
    scores = {}
    for done, member in enumerate(members, start=1):
        scores[member.name] = test.scores(load(member.folder)[0])
        show("test losses", done, len(members))
    ngrams = {n: by_context[n] for n in sorted({*CONTEXTS, context}) if n <= context}
    save_scores(out / "scores", {**scores, **{f"{n}-gram": values for n, values in ngrams.items()}})
    return test, ngram, Losses(members, scores, ngrams, reference)


def write_page(s: Setting, parts: Sequence[Part]) -> list[Check]:
    """The page and the results."""
    found = [check for part in parts for check in part.checks]
    described = [[name, value] for name, value in s.corpus.describe().items()]
    described += [["networks", f"{len(s.members)}: {', '.join(m.name for m in s.members)}"]]
    text = (
        "Recurrent networks read a text character by character and predict the next one. After Karpathy, Johnson & "
        "Fei-Fei 2015 (arXiv 1506.02078): their losses, their gates, their errors, and what their cells stand for, "
        "found by search where the paper looked by eye."
    )
    held = sum(c.met is True for c in found)
    failed = sum(c.met is False for c in found)
    verdict = f"{held} statements reproduced, {failed} did not, {len(found) - held - failed} were not tested."
    fields = [Field("what", "text"), Field("", "text")]
    sections = [
        Section("overview", "What was done", text, [Table("Text", fields, described)]),
        Section("checks", "What held", verdict, _by_outcome(found)),
        *(part.section for part in parts),
    ]
    page = build_page("Visualizing recurrent networks", s.corpus.name, sections)
    s.out.mkdir(parents=True, exist_ok=True)
    write_html(page, s.out / "index.html")
    figures = {key: value for part in parts for key, value in part.figures.items()}
    write_results(s.out / "results.json", NAME, [s.seed], found, figures)
    return found


def _by_outcome(found: Sequence[Check]) -> list[Table]:
    """Reproduced, not reproduced, and not tested; each statement with its number."""
    tables = []
    for title, met in (("Reproduced", True), ("Not reproduced, or different", False), ("Not tested", None)):
        chosen = [
            replace(check, statement=f"{check.id.split(',')[0]}. {check.statement}")
            for check in found
            if check.met is met
        ]
        if chosen:
            table = checks_table(chosen)  # its first column says what the title does
            tables.append(replace(table, title=title, fields=table.fields[1:], rows=[row[1:] for row in table.rows]))
    return tables
