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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from unitscope.analyses.association import DIFFERENCES, Association, AssociationResult
from unitscope.asking.answer import UNTESTED, Answer, Beyond, Found, Question
from unitscope.asking.columns import BUCKET, CONTROLS, LEVEL, TURNED, Columns
from unitscope.asking.conditions import Condition, condition, pairs_of
from unitscope.asking.folds import Folds
from unitscope.asking.forms import forms
from unitscope.asking.measures import ALWAYS, Measure, measured
from unitscope.asking.passages import passage_of
from unitscope.asking.pieces import Pieces, Side, pieces
from unitscope.asking.regressions import regressions
from unitscope.asking.scoring import Scoring, check
from unitscope.asking.units import Units, chosen_units
from unitscope.asking.use import measured as measured_use
from unitscope.concepts.formulas import LENGTH
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.evidence.correlation import partial
from unitscope.evidence.fdr import adjusted
from unitscope.evidence.power import more_pieces
from unitscope.evidence.untrained import exceedance
from unitscope.fold.analyze import analyze
from unitscope.fold.plan import Part
from unitscope.fold.resultset import ResultSet
from unitscope.fold.stage import Stage
from unitscope.labels import suggest
from unitscope.models.model import Model
from unitscope.progress import Progress, silent
from unitscope.source.label_table import Asked, LabelTable
from unitscope.source.live import Live
from unitscope.source.relabelled import Relabelled, Says
from unitscope.source.source import Source
from unitscope.source.subset import Subset

PASSAGES = 64
"""Findings that are kept with a passage."""
SURE = 0.95
"""Share of the correlations that a tolerance is about: the last few, of rare labels, would have nearly all read."""
Tables = dict[str, AssociationResult]
"""By site."""


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
    Raises ``InputError`` for what cannot be asked, before anything is read.
    """
    items = [labels] if isinstance(labels, str) or callable(labels) else labels
    patterns, names, conditions = (
        (given,) if isinstance(given, str) else tuple(given) for given in (units, measures, having)
    )
    if not 0 < fdr < 1 or not 0 < share <= 1 or baselines < 0 or seed < 0 or tolerance < 0:
        raise InputError("a rate and a share lie between 0 and 1, and numbers of networks and seeds are 0 or more")
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
    with Columns(table, source, [*found.choosing.sequences, *found.confirming.sequences]) as columns:
        return _Asking(question, needed, tests, seen, model, corpus, found, columns, progress).answer()


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
    source: Units
    model: Model | None
    corpus: Corpus | None
    pieces: Pieces
    columns: Columns
    progress: Progress

    def answer(self) -> Answer:
        question, names, divided = self.question, self.columns.table.names, self.pieces.divided
        choosing, here, chose = self._side(self.pieces.choosing, "choosing units", {})
        controls: Mapping[str, Says] = {}
        if question.controls:
            controls = self.columns.controls(self.pieces.confirming, question.seed)
        confirming, there, confirmed = self._side(self.pieces.confirming, "scoring them elsewhere", controls)
        q = _by_site(there, adjusted(np.concatenate([there[site].p for site in there])))
        folds = Folds(self.source, self.columns, self.progress)
        scoring = Scoring(folds, (chose, confirmed), here, there, self.model, self.corpus)
        of_pairs = [test for test in self.conditions if test.measure.of_pairs]
        named = pairs_of(of_pairs, scoring.everywhere, names)
        scores, within = scoring.scores(self.measures, named)
        prevalence = self.columns.prevalence(confirmed.sequences)
        trained, untrained = self._untrained(choosing["shared"], confirming["shared"], (chose, confirmed))
        gate = exceedance(trained, untrained)
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
                    untrained=float(np.nan_to_num(untrained[:, k]).max()) if len(untrained) else math.nan,
                    untrained_p=float(gate[k]),
                    more=more_pieces(t, int(table.pieces[k]), level) if open_ else None,
                )
            )
        loss = None
        if question.ablate and self.model is not None and self.corpus is not None:
            means = {site: table.mean for site, table in here.items()}
            stds = {site: table.std for site, table in here.items()}
            found, loss = measured_use(
                found, question, self.model, self.corpus, self.columns, confirmed, means, stds, self.source,
                self.progress,
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
            networks=len(untrained),
            loss=loss,
            fingerprint=self.source.whole.fingerprint,
            numbers={site: numbers.tolist() for site, numbers in self.source.chosen.items()},
            chosen=choosing["all"],
            confirmed=confirming["all"],
            untrained=[float(value) for value in (untrained.max(0) if len(untrained) else np.full(len(names), np.nan))],
        )

    def _beyond(self, folds: Folds, sides: tuple[Side, Side]) -> list[Beyond]:
        """Forms and sites, those that conditions on them keep."""
        table = self.columns.table
        flags = [name for name, kind in zip(table.names, table.kinds, strict=True) if kind == "flag"]
        of_forms, of_sites = ([m for m in self.measures if m.kind == kind] for kind in ("form", "site"))
        found = forms(of_forms, folds, flags, sides, self.question.length) if of_forms else []
        found += regressions(of_sites, folds, sides) if of_sites else []
        bounds = [test for test in self.conditions if not test.measure.of_pairs]

        def kept(one: Beyond) -> bool:
            value = np.array(one.score.value)
            return all(bool(test.holds(value)) for test in bounds if test.measure.name == one.measure)

        return [one for one in found if kept(one)]

    def _association(self, side: Side, control: str = "") -> Association:
        before = f"{control}: " if control else ""
        return Association(
            of=tuple(before + name for name in self.columns.table.names),
            groups=BUCKET,
            buckets=max(side.buckets, 2),
            families=" ".join(map(str, self.columns.table.families)),
            within=self.pieces.groups.within or control == TURNED,
            differences=not control and any(measure.name in DIFFERENCES for measure in self.measures),
        )

    def _side(self, side: Side, what: str, controls: Mapping[str, Says]) -> tuple[dict[str, ResultSet], Tables, Side]:
        """Associations of all pairs of one side (``all``), of its shared part alone (``shared``), and of controls.

        And the side as far as it was read.
        """
        source = self.source
        labelled = Relabelled(source, self.columns.says(side, controls))
        kinds = {"all": self._association(side), **{name: self._association(side, name) for name in controls}}
        stage = Stage(source.sites, tuple(kinds.values()))
        empty = ResultSet(source.fingerprint)
        done, total = 0, len(side.sequences)

        def tell(count: int) -> None:
            nonlocal done
            done += count
            self.progress(what, done, total)

        states = stage.fold(labelled, Part(0, tuple(side.shared)), empty, tell)
        results = {name: ResultSet(source.fingerprint) for name in (*kinds, "shared")}
        own = Stage(source.sites, (kinds["all"],))
        own.compute(states, results["shared"])
        read = set(side.shared)
        for number, rest in enumerate(_rounds(side, self.question.tolerance), 1):
            if self.question.tolerance:
                known = ResultSet(source.fingerprint)
                own.compute(states, known)
                if _sure(_tables(known), self.question.tolerance):
                    break
            states = stage.merge(states, stage.fold(labelled, Part(number, rest), empty, tell))
            read.update(rest)
        for name, analysis in kinds.items():
            Stage(source.sites, (analysis,)).compute(states, results[name])
        if TURNED in kinds and not self.pieces.groups.within:  # the same sums, with the level of each document
            turned, level = kinds[TURNED], replace(kinds[TURNED], within=False)
            same = {(site, level.key): state for (site, key), state in states.items() if key == turned.key}
            Stage(source.sites, (level,)).compute(same, results.setdefault(LEVEL, ResultSet(source.fingerprint)))
        self.progress(what, total, total)
        kept = replace(
            side,
            sequences=tuple(n for n in side.sequences if n in read),
            order=tuple(n for n in side.order if n in read),
        )
        return results, _tables(results["all"]), kept

    def _untrained(self, here: ResultSet, there: ResultSet, read: tuple[Side, Side]) -> tuple[np.ndarray, np.ndarray]:
        """\\|r\\| of each label's best unit, chosen on the shared part of one side, on that of the other."""
        trained = _best_elsewhere(_tables(here), _tables(there))
        if self.model is None or self.corpus is None or not self.question.baselines:
            return trained, np.zeros((0, len(trained)))
        rows = []
        sides = list(zip(read, ("shared, choosing", "shared, confirming"), strict=True))
        families = " ".join(map(str, self.columns.table.families))
        analysis = Association(of=self.columns.table.names, groups=BUCKET, buckets=1, families=families)
        for number in range(self.question.baselines):
            live = Live(self.model.untrained(self.question.seed + number), self.corpus)
            fresh = Units(live, self.source.chosen)
            tables = []
            for side, name in sides:
                one = replace(side, bucket=dict.fromkeys(side.bucket, 0))
                part = Subset(Relabelled(fresh, self.columns.says(one, {})), side.shared, name)
                tables.append(_tables(analyze(part, [analysis])))
            rows.append(_best_elsewhere(*tables))
            self.progress("untrained networks", number + 1, self.question.baselines)
        return trained, np.stack(rows)

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


def _tables(results: ResultSet) -> Tables:
    return {r.site: r for r in results if isinstance(r, AssociationResult)}


def _by_site(tables: Tables, flat: np.ndarray) -> dict[str, np.ndarray]:
    edges = np.cumsum([len(table.p) for table in tables.values()])[:-1]
    return dict(zip(tables, np.split(flat, edges), strict=True))


def _significant(results: ResultSet, fdr: float) -> int:
    q = adjusted(np.concatenate([table.p for table in _tables(results).values()]))
    return int((q <= fdr).sum())


def _best_elsewhere(here: Tables, there: Tables) -> np.ndarray:
    """For each label \\|r\\| on one side of the unit that is best on the other; NaN where no unit varies."""
    r, held = (np.concatenate([np.abs(table.r) for table in tables.values()]) for tables in (here, there))
    best = np.where(np.isnan(r), -1.0, r).argmax(0)
    columns = np.arange(r.shape[1])
    found: np.ndarray = np.where(np.isnan(r[best, columns]), np.nan, held[best, columns])
    return found


def _rounds(side: Side, tolerance: float) -> list[tuple[int, ...]]:
    """What is read after the shared part: all at once, or by a third more each time."""
    shared = set(side.shared)
    if not tolerance:
        rest = tuple(number for number in side.sequences if number not in shared)
        return [rest] if rest else []
    left, taken, found = [number for number in side.order if number not in shared], len(shared), []
    while left:
        count = max(1, taken // 3)
        found.append(tuple(sorted(left[:count])))
        left, taken = left[count:], taken + count
    return found


def _sure(tables: Tables, tolerance: float) -> bool:
    """Whether enough correlations have intervals as narrow as that; of constant units and labels there are none."""
    known = [np.isfinite(table.r) for table in tables.values()]
    narrow = [table.r_high - table.r_low <= 2 * tolerance for table in tables.values()]
    of = sum(int(part.sum()) for part in known)
    return sum(int((a & b).sum()) for a, b in zip(known, narrow, strict=True)) >= SURE * of
