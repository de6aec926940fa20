"""The part of the study that asks what each unit stands for, in every network of the grid."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from unitscope import labels as library
from unitscope.asking import Question
from unitscope.corpus.text import TextCorpus
from unitscope.page.page import Section
from unitscope.studies.visualizing_rnns import checks
from unitscope.studies.visualizing_rnns.causality import Costs, costs
from unitscope.studies.visualizing_rnns.cells import CURVE, EFFECT, Cells, cells, passage, states
from unitscope.studies.visualizing_rnns.queries import LONGEST, SHORTEST, TRIES, Query, queries
from unitscope.studies.visualizing_rnns.setting import Part, Setting
from unitscope.view import Field, Lines, Series, Table, View

EVERY = 3
"""Of so many sequences one is read: one of the three of each stretch of War and Peace's validation text."""
DISSOCIATIONS: tuple[dict[str, str], ...] = (
    {"c-block-depth": "}", "inside-parentheses": ")"},
    {"position-in-line": "\r", "inside-double-quotes": '"'},
    {"position-in-line": "\n", "inside-double-quotes": '"'},
)
"""Two hypotheses, and the symbol that hangs on each: the first pair that a text and its networks have is tried."""
SHOWN = 10
"""Cells in the gallery of a network."""
QUERIES = """A phrase of the test text; the cells, of all layers, that are on at every character of it and off just
before and after; and the passages in which most of these cells are on again, and off beside them. A cell is on where
it is one standard deviation or more above its mean (half of one where there is no such cell), or, as something else,
below. A passage has a property if it holds at each of its characters; beside the share of them is that of random
passages of the same lengths."""
CHOSEN = f"""The phrases are chosen from the text: stretches of {SHORTEST} to {LONGEST} characters that are inside of
something, of {TRIES} the longest that has cells of its own. The rows after the first are what else passages or random
ones have, by the difference."""


def asked_of(corpus: TextCorpus) -> tuple[str, ...]:
    """The hypotheses that mean something on a text."""
    sample = "\n".join(corpus.text(number) for number in range(0, len(corpus), max(1, len(corpus) // 64)))
    return tuple(library.suggest(sample))


def cell_part(s: Setting) -> Part:
    """Discovery in every network; galleries of the best of each kind."""
    corpus = s.part("validation")
    asked = asked_of(corpus)
    every = 1 if s.quick else EVERY
    found = []
    for done, member in enumerate(s.members, start=1):
        model = member.model()
        search = Question(asked, tuple(states(model)), seed=s.seed)
        if s.quick:
            search = replace(search, baselines=5, ablation_sequences=16)
        found.append(cells(model, corpus, search, range(0, len(corpus), every), s.out / "cells" / member.name))
        s.show("cells", done, len(s.members))
    galleries: list[View] = []
    for kind, count in (("lstm", SHOWN), ("gru", 3), ("rnn", 3)):
        galleries += gallery(s, [one for one in found if s.member(one.name).cell == kind], count)
    lost = _lost(s, found)
    views: list[View] = [_shares(s, found), _curve(found), _found_table(found)]
    if lost:
        views.append(lost.view())
    text = (
        f"Every unit of every network's states was asked about {len(asked)} hypotheses, on text that the networks were "
        "not trained on. A unit is chosen on one half and scored on the other. It counts as interpretable if there its "
        f"correlation with what it followed best is at least {EFFECT} and of the same sign, is significant at a false "
        "discovery rate of 5 % over all units and hypotheses, and has an interval beyond that of the best unit of an "
        "untrained twin. The last excludes what wiring alone gives, such as a unit that repeats the present character."
    )
    section = Section("cells", "What cells stand for", text, [*views, *galleries])
    figures: dict[str, Any] = {one.name: {str(effect): one.share(effect) for effect in CURVE} for one in found}
    return Part(section, checks.of_cells(found, s.large, lost), {"interpretable share": figures})


def match_part(s: Setting, phrase: str) -> Part:
    """From phrases to cells, and to where else these are on together: in the best network, and the best LSTM."""
    corpus = s.part("test")
    asked = asked_of(corpus)
    found: list[Query] = []
    lacking = []
    best = {m.name: m for m in (s.losses.best(s.members), s.best("lstm")) if m}
    for done, member in enumerate(best.values(), start=1):
        for inside, query in queries(member.model(), corpus, asked, phrase, s.out, s.seed).items():
            if query:
                found.append(query)
            else:
                lacking.append(f"{inside} in {member.name}")
        s.show("match queries", done, len(best))
    text = QUERIES if phrase else f"{QUERIES} {CHOSEN}"
    if lacking:
        text += f"\n\nNo cell is on throughout such a phrase and off beside it: {', '.join(lacking)}."
    section = Section("queries", "Where else these cells are on", text, [view for q in found for view in q.views()])
    figures = {
        q.title: {name: [here.mean, here.low, here.high, chance] for name, (here, chance) in q.shares.items()}
        for q in found
    }
    return Part(section, checks.of_queries(found), {"match queries": figures})


def _lost(s: Setting, found: Sequence[Cells]) -> Costs | None:
    """The double dissociation, in the network whose two cells are the clearest: a large one if there is any.

    In a small network every unit has its share in everything.
    """
    for pair in DISSOCIATIONS:
        clear = []
        for one in found:
            by = {f.label: f for f in one.findings.confirmed_findings()}
            if set(pair) <= set(by):
                clear.append(((one.name in s.large, min(abs(by[name].r) for name in pair)), one, by))
        if clear and set(pair.values()) <= set(s.corpus.vocabulary.ids):
            _, one, by = max(clear, key=lambda entry: entry[0])
            corpus = s.part("test")
            sequences = range(0, len(corpus), max(1, len(corpus) // 60))
            units = {name: by[name].address for name in pair}
            model = s.member(one.name).model()
            return costs(model, corpus, units, list(pair.values()), one.findings, sequences, s.seed)
    return None


def gallery(s: Setting, found: Sequence[Cells], count: int) -> list[View]:
    """Text coloured by the clearest unit of each hypothesis among some networks, and by random typical ones."""
    corpus = s.part("test")
    every = [(finding, one.name) for one in found for finding in one.findings.confirmed_findings()]
    shown: dict[str, tuple[str, str]] = {}
    for finding, name in sorted(every, key=lambda pair: -abs(pair[0].r)):
        if abs(finding.r) >= EFFECT and len(shown) < count and (name, finding.address) not in shown.values():
            shown.setdefault(finding.label, (name, finding.address))
    views: list[View] = [
        passage(s.member(name).model(), corpus, address, hypothesis) for hypothesis, (name, address) in shown.items()
    ]
    if found:
        best = s.losses.best([s.member(one.name) for one in found])
        typical = next(one for one in found if one.name == best.name).typical(max(2, count // 2), s.seed)
        views += [passage(best.model(), corpus, address) for address in typical]
    return views


def _shares(s: Setting, found: Sequence[Cells]) -> Table:
    fields = [
        Field("network", "text"),
        Field("row", "integer"),
        Field("units", "integer"),
        Field("interpretable", "share", f"|r| at least {EFFECT}, and all controls"),
        Field("any effect", "share", "all controls, whatever the size of the effect"),
        Field("hypotheses", "integer", "that have a confirmed unit"),
        Field("used", "integer", "of these units: ablation costs most where the hypothesis holds"),
    ]
    rows = []
    for one in found:
        member = s.member(one.name)
        confirmed = one.findings.confirmed_findings()
        row = [one.name, member.row, len(one.strength), one.share(), one.share(1e-9), len(confirmed)]
        rows.append([*row, sum(f.used == "used" for f in confirmed)])
    note = "the paper's author estimated 5 % by eye, in larger networks"
    return Table("Interpretable units", fields, rows, note=note)


def _curve(found: Sequence[Cells]) -> Lines:
    series = [Series(one.name, [one.share(effect) for effect in CURVE]) for one in found]
    return Lines("Share of units by the effect that is asked for", list(CURVE), series, "|r| at least", "share")


def _found_table(found: Sequence[Cells]) -> Table:
    names = list(dict.fromkeys(f.label for one in found for f in one.findings.confirmed_findings()))
    by = [{f.label: f for f in one.findings.confirmed_findings()} for one in found]
    rows = [[name, *(abs(f[name].r) if name in f else float("nan") for f in by)] for name in names]
    fields = [Field("hypothesis", "text"), *(Field(one.name) for one in found)]
    note = "|r| of the confirmed unit on the half where it was not chosen; empty where none is confirmed"
    return Table("The unit of each hypothesis", fields, rows, note=note)
