"""``ask``: which units follow which labels, how sure that is, and whether the model uses them.

With hundreds of units and dozens of labels something always correlates. So a unit must pass, in turn:

1. *Chosen here, confirmed there*: the best unit of each label (or every pair that ``having`` says) is chosen on some
   documents, and all of its scores are taken on the others.
2. *More than chance*: the p-value takes documents, not tokens, as the evidence, and the false discovery rate is
   controlled over all units and labels (Benjamini & Hochberg 1995). The same is counted under labels that mean nothing.
3. *More than wiring*: by the same statistic on the same tokens it must beat the best units of untrained networks.
4. *Used*: with the unit held at its mean the loss must rise more where the label holds than elsewhere, and by a larger
   difference than for random units of similar activity.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from unitscope.analyses.association import DIFFERENCES
from unitscope.asking.answer import UNTESTED, Answer, Beyond, Found, Question
from unitscope.asking.columns import CONTROLS, ELSEWHERE, PLACE, TURNED, Columns, columns
from unitscope.asking.conditions import Condition, condition, pairs_of
from unitscope.asking.folds import Folds
from unitscope.asking.forms import forms
from unitscope.asking.measures import ALWAYS, Measure, measured
from unitscope.asking.passages import passage_of
from unitscope.asking.pieces import Pieces, Side, pieces
from unitscope.asking.regressions import regressions
from unitscope.asking.scoring import Scoring, check
from unitscope.asking.sides import Reading, Tables, tables
from unitscope.asking.units import Units, chosen_units
from unitscope.asking.untrained import best_elsewhere, untrained
from unitscope.asking.use import measured as measured_use
from unitscope.asking.work import Crew, Desk, crew
from unitscope.concepts.formulas import LENGTH
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.evidence.correlation import partial
from unitscope.evidence.fdr import adjusted
from unitscope.evidence.power import more_pieces
from unitscope.evidence.untrained import FEWEST, exceedance
from unitscope.fold.resultset import ResultSet
from unitscope.labels import suggest
from unitscope.models.model import Model
from unitscope.progress import Progress, silent
from unitscope.source.label_table import Asked, LabelTable
from unitscope.source.live import Live
from unitscope.source.source import Recipe, Source

PASSAGES = 64
"""Findings that are kept with a passage."""


def ask(
    source: Source | Model,
    labels: Asked | Sequence[Asked] | None = None,
    over: Corpus | None = None,
    *,
    model: Model | None = None,
    units: str | Sequence[str] = ("*",),
    measures: str | Sequence[str] = ALWAYS,
    having: str | Sequence[str] = (),
    tolerance: float = 0.0,
    length: int = LENGTH,
    fdr: float = 0.05,
    baselines: int = 20,
    share: float = 0.25,
    controls: bool = True,
    ablate: bool = True,
    ablation_sequences: int = 32,
    seed: int = 0,
    progress: Progress = silent,
    workers: int = 1,
    store: str = "",
    opened: Recipe | None = None,
) -> Answer:
    """Ask which units follow which labels.

    ``source`` is any source, or a model that reads ``over``. ``labels`` are written as in
    ``unitscope.labels.language``, or functions and banks; if not given, all that mean something on the text, or
    where there is none, those that the source keeps. ``units`` are glob patterns of sites with or without numbers of
    units (``"rnn.0.hidden/0-9,17"``). ``measures`` are what is
    scored beside r (``unitscope.asking.measures``): of every pair that is looked at, of forms that are searched for
    each unit (of at most ``length`` labels), and of all units of a site. ``having`` keeps all pairs with such scores
    where units are chosen (``"|correlation| > 0.3"``, ``"auroc > 0.9"``), in place of the best unit of each label;
    of a form or a site it keeps those with such a score. With a ``tolerance`` a side is read until 95 % of its
    correlations have intervals of at most that half-width.
    Untrained networks and ablations need the model and the corpus: those of the source, or ``model`` and ``over``;
    with 0 ``baselines``, or without them, nothing can be confirmed, and the scores and their significance remain.
    With ``workers`` that many processes read parts, untrained networks and ablations, with one thread each; they must
    be able to open the source and the network: by a name, or as ``opened`` says (``Live.opened``). A ``store``, a
    folder or an address such as ``s3://bucket/states``, keeps what was read: a question that was stopped goes on there.
    The answer is the same in each of these ways.
    Raises ``InputError`` for what cannot be asked, before anything is read.
    """
    items = [labels] if isinstance(labels, str) or callable(labels) else labels
    patterns, names, conditions = (
        (given,) if isinstance(given, str) else tuple(given) for given in (units, measures, having)
    )
    if not 0 < fdr < 1 or not 0 < share <= 1 or baselines < 0 or seed < 0 or tolerance < 0:
        raise InputError("a rate and a share lie between 0 and 1, and numbers of networks and seeds are 0 or more")
    if 0 < baselines < FEWEST:
        raise InputError(f"{baselines} untrained networks are too few for a test; take {FEWEST} or more, or 0 for none")
    wanted, tests = measured(names), [condition(text) for text in conditions]

    if isinstance(source, Model):
        if over is None:
            raise InputError(f"{source.name} is a model; say over= which corpus it is to read")
        source = Live(source, over)
    model, corpus = model or source.model, over or source.corpus
    asked: Sequence[Asked] = suggested(source) if items is None else list(items)  # type: ignore[arg-type]
    table = LabelTable(asked, source, corpus)
    seen = Units(source, chosen_units(source, patterns))
    question = Question(
        table.names, patterns, names, conditions, tolerance, length, fdr, baselines, share, controls, ablate,
        ablation_sequences, seed,
    )  # fmt: skip
    found = pieces(seen, share)
    needed = tuple(dict.fromkeys([*wanted, *(test.measure for test in tests)]))
    check(needed, table, (found.choosing, found.confirming), length, model, corpus)
    with columns(table, source, [*found.choosing.sequences, *found.confirming.sequences]) as kept:
        desk = Desk(seen, model, corpus, kept)
        with crew(desk, workers, store, opened) as hands:
            return _Asking(question, needed, tests, table, desk, found, hands, progress).answer()


def suggested(source: Source) -> tuple[str, ...]:
    """The labels that mean something on the text of a source; where it has none, those that it keeps.

    Raises ``InputError`` where there is neither.
    """
    places = [source.place(int(number)) for number in source.sequences]
    count = min(len(places), 64)
    texts = []
    for place in (places[number * len(places) // count] for number in range(count)):
        text = source.document(place.document).text
        if text is None and source.annotations:
            return source.annotations
        if text is None:
            raise InputError(f"{source.name} has no text to find labels for, and none of its own; name them")
        texts.append(text[place.start : place.start + 4096])
    return tuple(suggest("\n".join(texts)))


@dataclass(frozen=True, eq=False)
class _Asking:
    """Everything that is at hand while one question is answered."""

    question: Question
    measures: Sequence[Measure]
    conditions: Sequence[Condition]
    table: LabelTable
    desk: Desk
    pieces: Pieces
    crew: Crew
    progress: Progress

    @property
    def source(self) -> Units:
        return self.desk.source

    @property
    def columns(self) -> Columns:
        return self.desk.columns

    def answer(self) -> Answer:
        question, names, divided = self.question, self.columns.names, self.pieces.divided
        choosing, here, chose = self._side(self.pieces.choosing, "choosing units", ())
        controls = (ELSEWHERE, PLACE, TURNED) if question.controls else ()
        confirming, there, confirmed = self._side(self.pieces.confirming, "scoring them elsewhere", controls)
        q = _by_site(there, adjusted(np.concatenate([there[site].p for site in there])))
        folds = Folds(self.source, self.columns, self.progress)
        scoring = Scoring(folds, self.table, (chose, confirmed), here, there, self.desk.model, self.desk.corpus)
        of_pairs = [test for test in self.conditions if test.measure.of_pairs]
        named = pairs_of(of_pairs, scoring.everywhere, names)
        scores, within = scoring.scores(self.measures, named)
        prevalence = self.columns.prevalence(confirmed.sequences)
        shared = (
            np.concatenate([table.r for table in tables(side["shared"]).values()]) for side in (choosing, confirming)
        )
        trained, networks = best_elsewhere(*shared), np.zeros((0, len(names)))
        if self.desk.model is not None and self.desk.corpus is not None and question.baselines:
            networks = untrained(self.crew, (chose, confirmed), question.baselines, question.seed, self.progress)
        gate = exceedance(trained, networks)
        tests = sum(int(np.isfinite(table.p).sum()) for table in there.values())
        passing = [float(there[site].p[q[site] <= question.fdr].max(initial=0.0)) for site in there]
        level = max(passing) if divided and any(passing) else question.fdr / max(1, tests if divided else 1)
        found: list[Found] = []
        for site, unit, k in named:
            table = there[site]
            why = table.reason(unit, k) if divided else "too few pieces of evidence to confirm it on others"
            t = math.atanh(max(-0.999999, min(0.999999, float(table.r[unit, k])))) / float(table.error[unit, k])
            open_ = not why and not q[site][unit, k] <= question.fdr
            found.append(
                Found(
                    label=names[k],
                    site=site,
                    unit=self.source.number(site, unit),
                    r_where_chosen=float(here[site].r[unit, k]),
                    r=float(table.r[unit, k]),
                    r_low=float(table.r_low[unit, k]),
                    r_high=float(table.r_high[unit, k]),
                    p=float(table.p[unit, k]),
                    q=float(q[site][unit, k]),
                    why=why,
                    prevalence=float(prevalence[k]),
                    scores=scores[site, unit, k],
                    within=within[site, unit, k],
                    trained=float(trained[k]),
                    untrained=float(np.nan_to_num(networks[:, k]).max()) if len(networks) else math.nan,
                    untrained_p=float(gate[k]),
                    more=more_pieces(t, int(table.pieces[k]), level) if open_ else None,
                )
            )
        loss = None
        if question.ablate and self.desk.model is not None and self.desk.corpus is not None:
            means = {site: table.mean for site, table in here.items()}
            stds = {site: table.std for site, table in here.items()}
            found, loss = measured_use(
                found, question, self.crew, confirmed, means, stds, self.progress,
            )  # fmt: skip
        return Answer(
            question=question,
            model=self.source.name,
            found=self._shown(self._grouped(found, confirmed), confirmed),
            beyond=self._beyond(folds, (chose, confirmed)),
            read=folds.share(sorted({*chose.sequences, *confirmed.sequences})),
            evidence=self.pieces.note,
            within=self.pieces.groups.within,
            tests=tests,
            significant=sum(int((table <= question.fdr).sum()) for table in q.values()),
            controls={name: _significant(confirming[name], question.fdr) for name in CONTROLS if name in confirming},
            networks=len(networks),
            loss=loss,
            fingerprint=self.source.whole.fingerprint,
            numbers={site: numbers.tolist() for site, numbers in self.source.chosen.items()},
            chosen=choosing["all"],
            confirmed=confirming["all"],
            untrained=[float(value) for value in (networks.max(0) if len(networks) else np.full(len(names), np.nan))],
        )

    def _beyond(self, folds: Folds, sides: tuple[Side, Side]) -> list[Beyond]:
        """Forms and sites, those that conditions on them keep."""
        flags = [name for name, kind in zip(self.columns.names, self.columns.kinds, strict=True) if kind == "flag"]
        of_forms, of_sites = ([m for m in self.measures if m.kind == kind] for kind in ("form", "site"))
        found = forms(of_forms, folds, flags, sides, self.question.length) if of_forms else []
        found += regressions(of_sites, folds, sides) if of_sites else []
        bounds = [test for test in self.conditions if not test.measure.of_pairs]

        def kept(one: Beyond) -> bool:
            value = np.array(one.score.value)
            return all(bool(test.holds(value)) for test in bounds if test.measure.name == one.measure)

        return [one for one in found if kept(one)]

    def _side(self, side: Side, what: str, controls: Sequence[str]) -> tuple[dict[str, ResultSet], Tables, Side]:
        differences = any(measure.name in DIFFERENCES for measure in self.measures)
        within = self.pieces.groups.within
        reading = Reading.of(self.columns, side, controls, self.question.seed, within, differences)
        return reading.read(self.crew, self.question.tolerance, what, self.progress)

    def _shown(self, found: list[Found], side: Side) -> list[Found]:
        """With a passage for the first of those that are confirmed."""
        shown = [k for k, one in enumerate(found) if not set(one.failed(self.question)) - {UNTESTED}][:PASSAGES]
        for number in shown:
            one = found[number]
            unit = int(np.searchsorted(self.source.chosen[one.site], one.unit))
            passage = passage_of(self.source, one.site, unit, one.label, self.columns, side.sequences)
            found[number] = replace(one, passage=passage)
        return found

    def _grouped(self, found: list[Found], side: Side) -> list[Found]:
        """A unit's labels together, the one that explains it best first, the others' correlations given it."""
        between = lru_cache(None)(lambda a, b: self.columns.correlation(a, b, side.sequences))
        units: dict[str, list[Found]] = {}
        for one in found:
            units.setdefault(one.address, []).append(one)
        ordered = []
        for members in units.values():
            members.sort(key=lambda f: (bool(f.failed(self.question)), -abs(f.r) if f.r == f.r else 0.0))
            best = members[0]
            for at, one in enumerate(members[1:], 1):
                yz = between(best.label, one.label)
                members[at] = replace(one, given=float(partial(np.array(one.r), np.array(best.r), np.array(yz))))
            ordered.append(members)
        rank = {"used": 0, "not used": 1, "not measured": 1}
        ordered.sort(
            key=lambda m: (bool(m[0].failed(self.question)), min(rank[f.used] for f in m), -abs(np.nan_to_num(m[0].r)))
        )
        return [one for members in ordered for one in members]


def _by_site(of: Tables, flat: np.ndarray) -> dict[str, np.ndarray]:
    edges = np.cumsum([len(table.p) for table in of.values()])[:-1]
    return dict(zip(of, np.split(flat, edges), strict=True))


def _significant(results: ResultSet, fdr: float) -> int:
    q = adjusted(np.concatenate([table.p for table in tables(results).values()]))
    return int((q <= fdr).sum())
