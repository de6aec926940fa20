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

import numpy as np

from unitscope.analyses.association import Association, AssociationResult
from unitscope.analyses.detection import Detection, DetectionResult
from unitscope.asking.answer import Answer, Found, Question, Score
from unitscope.asking.columns import BUCKET, CONTROLS, DEVIATION, LEVEL, TURNED, Columns
from unitscope.asking.conditions import pairs_of
from unitscope.asking.passages import passage_of
from unitscope.asking.pieces import Pieces, Side, pieces
from unitscope.asking.units import Units, chosen_units
from unitscope.asking.use import measured
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

Tables = dict[str, AssociationResult]
"""By site."""


def ask(
    source: Source | Model,
    labels: Asked | Sequence[Asked] | None = None,
    over: Corpus | None = None,
    *,
    model: Model | None = None,
    units: str | Sequence[str] = ("*",),
    having: str | Sequence[str] = (),
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
    ``unitscope.labels.language``, or functions and banks; if not given, all that mean something on the text,
    or where there is none, those that the source keeps. ``units`` are glob patterns of sites with or without numbers of
    units (``"rnn.0.hidden/0-9,17"``). ``having`` keeps all pairs with such scores where units are chosen
    (``"|correlation| > 0.3"``), in place of the best unit of each label.
    Untrained networks and ablations need the model and the corpus: those of the source, or ``model`` and ``over``;
    with 0 ``baselines``, or without them, nothing can be confirmed, and the scores and their significance remain.
    Raises ``InputError`` for what cannot be asked, before anything is read.
    """
    if isinstance(source, Model):
        if over is None:
            raise InputError(f"{source.name} is a model; say over= which corpus it is to read")
        source = Live(source, over)
    if not 0 < fdr < 1 or not 0 < share <= 1 or baselines < 0 or seed < 0:
        raise InputError("a rate and a share lie between 0 and 1, and numbers of networks and seeds are 0 or more")
    model, corpus = model or source.model, over or source.corpus
    items = [labels] if isinstance(labels, str) or callable(labels) else labels
    asked: Sequence[Asked] = suggested(source) if items is None else list(items)  # type: ignore[arg-type]
    patterns = [units] if isinstance(units, str) else list(units)
    conditions = [having] if isinstance(having, str) else list(having)
    table = LabelTable(asked, source, corpus)
    seen = Units(source, chosen_units(source, patterns))
    question = Question(
        table.names,
        tuple(patterns),
        tuple(conditions),
        fdr,
        baselines,
        share,
        controls,
        ablate,
        ablation_sequences,
        seed,
    )
    found = pieces(seen, share)
    with Columns(table, source, [*found.choosing.sequences, *found.confirming.sequences]) as columns:
        return _Asking(question, seen, model, corpus, found, columns, progress).answer()


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
    source: Units
    model: Model | None
    corpus: Corpus | None
    pieces: Pieces
    columns: Columns
    progress: Progress

    def answer(self) -> Answer:
        question, names = self.question, self.columns.table.names
        choosing, here = self._side(self.pieces.choosing, "choosing units", self.source, {})
        controls: Mapping[str, Says] = {}
        if question.controls:
            controls = self.columns.controls(self.pieces.confirming, question.seed)
        confirming, there = self._side(self.pieces.confirming, "scoring them elsewhere", self.source, controls)
        p = {site: table.p for site, table in there.items()} if self.pieces.divided else {}
        q = _by_site(there, adjusted(np.concatenate([there[site].p for site in there])))
        named = pairs_of(question.having, {site: table.r for site, table in here.items()}, names)
        detected = self._detected(named)
        trained, untrained = self._untrained(choosing["shared"], confirming["shared"])
        gate = exceedance(trained, untrained)
        found: list[Found] = []
        for site, unit, k in named:
            table = there[site]
            why = table.reason(unit, k) if self.pieces.divided else "too few pieces of evidence to confirm it on others"
            level = max([p_ for s in p for p_ in p[s][q[s] <= question.fdr]], default=question.fdr / _count(p))
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
                    prevalence=detected[site, unit, k].prevalence,
                    auc=detected[site, unit, k].auc,
                    iou=detected[site, unit, k].iou,
                    iou_at=detected[site, unit, k].iou_at,
                    information=detected[site, unit, k].information,
                    within=detected[site, unit, k].within,
                    trained=float(trained[k]),
                    untrained=float(np.nanmax(untrained[:, k])) if len(untrained) else math.nan,
                    untrained_p=float(gate[k]),
                    more=more_pieces(t, int(table.pieces[k]), level) if open_ else None,
                    passage=passage_of(
                        self.source, site, unit, names[k], self.columns, self.pieces.confirming.sequences
                    ),
                )
            )
        loss = None
        if question.ablate and self.model is not None and self.corpus is not None:
            means = {site: table.mean for site, table in here.items()}
            stds = {site: table.std for site, table in here.items()}
            found, loss = measured(
                found, question, self.model, self.corpus, self.columns, self.pieces.confirming, means, stds,
                self.source, self.progress,
            )  # fmt: skip
        return Answer(
            question=question,
            model=self.source.name,
            found=self._grouped(found),
            evidence=self.pieces.note,
            within=self.pieces.groups.within,
            tests=int(sum(np.isfinite(table.p).sum() for table in there.values())),
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

    def _association(self, side: Side, control: str = "") -> Association:
        before = f"{control}: " if control else ""
        return Association(
            of=tuple(before + name for name in self.columns.table.names),
            groups=BUCKET,
            buckets=max(side.buckets, 2),
            families=" ".join(map(str, self.columns.table.families)),
            within=self.pieces.groups.within or control == TURNED,
        )

    def _side(
        self, side: Side, what: str, source: Source, controls: Mapping[str, Says]
    ) -> tuple[dict[str, ResultSet], Tables]:
        """Associations of all pairs of one side (``all``), of its shared part alone (``shared``), and of controls."""
        says = self.columns.says(side, controls)
        labelled = Relabelled(source, says)
        kinds = {"all": self._association(side), **{name: self._association(side, name) for name in controls}}
        stage = Stage(source.sites, tuple(kinds.values()))
        empty = ResultSet(source.fingerprint)
        rest = [number for number in side.sequences if number not in set(side.shared)]
        done, total = 0, len(side.sequences)

        def tell(count: int) -> None:
            nonlocal done
            done += count
            self.progress(what, done, total)

        states = stage.fold(labelled, Part(0, tuple(side.shared)), empty, tell)
        results = {name: ResultSet(source.fingerprint) for name in (*kinds, "shared")}
        own = Stage(source.sites, (kinds["all"],))
        own.compute(states, results["shared"])
        if rest:
            states = stage.merge(states, stage.fold(labelled, Part(1, tuple(rest)), empty, tell))
        for name, analysis in kinds.items():
            Stage(source.sites, (analysis,)).compute(states, results[name])
        if TURNED in kinds and not self.pieces.groups.within:  # the same sums, with the level of each document
            turned, level = kinds[TURNED], replace(kinds[TURNED], within=False)
            sums = {(site, level.key): state for (site, key), state in states.items() if key == turned.key}
            Stage(source.sites, (level,)).compute(sums, results.setdefault(LEVEL, ResultSet(source.fingerprint)))
        return results, _tables(results["all"])

    def _untrained(self, here: ResultSet, there: ResultSet) -> tuple[np.ndarray, np.ndarray]:
        """\\|r\\| of each label's best unit, chosen on the shared part of one side, on that of the other."""
        trained = _best_elsewhere(_tables(here), _tables(there))
        if self.model is None or self.corpus is None or not self.question.baselines:
            return trained, np.zeros((0, len(trained)))
        rows = []
        sides = [(self.pieces.choosing, "shared, choosing"), (self.pieces.confirming, "shared, confirming")]
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

    def _detected(self, named: Sequence[tuple[str, int, int]]) -> dict[tuple[str, int, int], "_Scores"]:
        """AUC, IoU, information and r within documents of the named pairs.

        Thresholds and sides are read where units are chosen, values elsewhere.
        """
        if not named:
            return {}
        few = {
            site: sorted({unit for where, unit, _ in named if where == site})
            for site in dict.fromkeys(s for s, _, _ in named)
        }
        chosen = {site: self.source.chosen[site][units] for site, units in few.items()}
        deviations = Association(
            of=tuple(DEVIATION + name for name in self.columns.table.names),
            groups=BUCKET,
            buckets=max(self.pieces.confirming.buckets, 2),
            families=" ".join(map(str, self.columns.table.families)),
        )
        results, within = [], {}
        for side, what in ((self.pieces.choosing, "their thresholds"), (self.pieces.confirming, "their detection")):
            flags = self.columns.flags()
            analysis = Detection(of=flags, groups=BUCKET, buckets=max(side.buckets, 2))
            part = Subset(
                Relabelled(Units(self.source.whole, chosen), self.columns.says(side, {})), side.sequences, what
            )
            last = side is self.pieces.confirming
            found = analyze(part, [analysis, deviations] if last else [analysis], progress=_under(self.progress, what))
            results.append({site: found[site, analysis.key] for site in few})
            within = _tables(found) if last else {}
        scores = {}
        for site, unit, k in named:
            here, there = (result[site] for result in results)
            assert isinstance(here, DetectionResult)
            assert isinstance(there, DetectionResult)
            at = few[site].index(unit)
            of_tokens = Score(*(float(table[at, k]) for table in _r(within[site])))
            scores[site, unit, k] = _scores(here, there, at, k, of_tokens)
        return scores

    def _grouped(self, found: list[Found]) -> list[Found]:
        """A unit's labels together, the one that explains it best first, the others' correlations given it."""
        units: dict[str, list[Found]] = {}
        for one in found:
            units.setdefault(one.address, []).append(one)
        ordered = []
        for members in units.values():
            members.sort(key=lambda f: (bool(f.failed(self.question)), -abs(f.r) if f.r == f.r else 0.0))
            best = members[0]
            for at, one in enumerate(members[1:], 1):
                yz = self._between(best.label, one.label)
                members[at] = replace(one, given=float(partial(np.array(one.r), np.array(best.r), np.array(yz))))
            ordered.append(members)
        rank = {"used": 0, "not used": 1, "not measured": 1}
        ordered.sort(
            key=lambda m: (bool(m[0].failed(self.question)), min(rank[f.used] for f in m), -abs(np.nan_to_num(m[0].r)))
        )
        return [one for members in ordered for one in members]

    def _between(self, a: str, b: str) -> float:
        """Correlation of two labels on the side that confirms, where both are defined."""
        sums = np.zeros(6)
        for number in self.pieces.confirming.sequences:
            x, y = (self.columns.values(name, number).double().numpy() for name in (a, b))
            known = np.isfinite(x) & np.isfinite(y)
            x, y = x[known], y[known]
            sums += [len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()]
        n, sx, sy, sxx, syy, sxy = sums.tolist()
        with np.errstate(all="ignore"):
            return float((sxy / n - sx * sy / n**2) / np.sqrt((sxx / n - (sx / n) ** 2) * (syy / n - (sy / n) ** 2)))


@dataclass(frozen=True)
class _Scores:
    prevalence: float
    auc: Score
    iou: Score
    iou_at: str
    information: Score
    within: Score


def _r(table: AssociationResult) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return table.r, table.r_low, table.r_high


def _scores(here: DetectionResult, there: DetectionResult, unit: int, label: int, within: Score) -> _Scores:
    overlaps = {side: np.nan_to_num(here.iou(side)[:, unit, label], nan=-1.0) for side in (1, -1)}
    side = max(overlaps, key=lambda s: float(overlaps[s].max()))
    level = int(overlaps[side].argmax())
    scores = {}
    for name in ("auroc", "iou", "information"):
        found = there.estimate(name, unit, label, level, side)
        scores[name] = Score(float(found.value), float(found.low), float(found.high))
    share = here.levels[level]
    at = f"highest {1 - share:.1%}" if side > 0 else f"lowest {share:.1%}"
    return _Scores(float(there.prevalence[label]), scores["auroc"], scores["iou"], at, scores["information"], within)


def _tables(results: ResultSet) -> Tables:
    return {r.site: r for r in results if isinstance(r, AssociationResult)}


def _by_site(tables: Tables, flat: np.ndarray) -> dict[str, np.ndarray]:
    edges = np.cumsum([len(table.p) for table in tables.values()])[:-1]
    return dict(zip(tables, np.split(flat, edges), strict=True))


def _count(p: dict[str, np.ndarray]) -> int:
    return max(1, sum(int(np.isfinite(table).sum()) for table in p.values()))


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


def _under(progress: Progress, what: str) -> Progress:
    """Progress of one part of the work under a name of its own."""
    return lambda _, done, total: progress(what, done, total)
