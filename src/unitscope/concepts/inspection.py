"""``inspect``: which units follow which hypotheses, asked as one question (after DeepBase, Sellam et al. 2019).

Say what is wanted (models, units, hypotheses, measures, data, least score); each model reads each batch of the data
once for all of it, and stops when the error is small enough.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from unitscope.concepts.blocks import blocks
from unitscope.concepts.catalogue import CATALOGUE, KEPT, keepers_of
from unitscope.concepts.fed import FED, check_fed, concepts_of, fed_table
from unitscope.concepts.fold import RARE, Folded, batches_of, fold
from unitscope.concepts.formulas import LENGTH
from unitscope.concepts.groups import GROUPS, fit_groups
from unitscope.concepts.measures import MEASURES, Measure
from unitscope.concepts.pair_rows import pair_rows
from unitscope.concepts.questions import Asked, Questions
from unitscope.concepts.searched import FORMS
from unitscope.concepts.watched import Remembered, Watched
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.models.model import Model
from unitscope.models.site import choose
from unitscope.source.live import Live
from unitscope.source.source import Source

GROUP = -1
"""In place of a unit's number: the value is of all chosen units of the site together."""
NEVER = "the label never changes"
COMPARISONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
HAVING = re.compile(r"\s*(\|?)\s*([a-z][a-z0-9-]*)\s*(\|?)\s*(>=|<=|>|<)\s*(-?[0-9.]+(?:e-?[0-9]+)?)\s*")

Progress = Callable[[str, int, int], None]
"""Called with the model's name, sequences done, and sequences in all."""


def inspect(
    models: Model | Source | Sequence[Model | Source],
    hypotheses: Asked | Sequence[Asked],
    over: Corpus | None = None,
    *,
    measures: str | Sequence[str] = ("correlation",),
    units: str | Sequence[str] = ("*",),
    having: str | Sequence[str] = (),
    tolerance: float | None = None,
    length: int = LENGTH,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """The measures of every unit against every hypothesis.

    ``models`` are models, which read ``over``, or sources (a ``Recording``, a ``Live``). ``hypotheses`` are as in
    ``unitscope.concepts.questions``. ``units`` are glob patterns of sites, each with or without numbers of units:
    ``"rnn.0.hidden/0-9,17"``. ``measures`` are names of ``CATALOGUE``: most have one value per unit and hypothesis;
    those of ``GROUPS`` one for all units of a site, whose ``unit`` is −1; those of ``FED`` are of concepts, by texts
    made of them; of those of ``FORMS`` the hypothesis is found: the best logical form of at most ``length`` of all that
    are asked, with its IoU on the half of the documents where it was not searched, and ``NAME-chosen``, where it was.
    ``having`` keeps the pairs with such scores: ``"|correlation| > 0.3"``; of several all must hold, and a formula is a
    pair of its own. With ``tolerance`` a site is read until 95 % of its pairs are within it of their value on all of
    the data, with 95 % confidence each.

    One row per model, site, unit, hypothesis and measure: ``value``; ``error``, the 95 % half-width against the value
    on all of this data (0 if all was read); ``read``, the share of the data; ``note``, why a value is undefined (NaN).
    Values describe this data. How sure it is that a unit follows something on other data, ``unitscope.ask`` says.
    Raises ``InputError`` for anything that is not known or does not fit together, before anything is read.
    """
    sources = sources_of(models, over)
    names = [measures] if isinstance(measures, str) else list(measures)
    single, groups, fed, kept = _measures(names)
    scored = [*names, *(FORMS[name].chosen for name in kept if name in FORMS)]
    conditions = [_condition(text, scored) for text in ([having] if isinstance(having, str) else having)]
    asked: Sequence[Asked] = (
        hypotheses if isinstance(hypotheses, Sequence) and not isinstance(hypotheses, str) else [hypotheses]
    )
    patterns = [units] if isinstance(units, str) else list(units)
    plans = [(source, Questions(asked, source, corpus), chosen_units(source, patterns)) for source, corpus in sources]
    if fed:
        concepts_of(asked)
        for source, _, _ in plans:
            check_fed(source)
    watched = [_watched(*plan, kept, length, progress) if kept else None for plan in plans]
    frames = []
    for (source, questions, chosen), watch in zip(plans, watched, strict=True):

        def show(done: int, total: int, name: str = source.name) -> None:
            if progress:
                progress(name, done, total)

        tables: list[pd.DataFrame] = []
        if single:
            read, said = (watch, watch.questions) if watch else (source, questions)
            folded = fold(read, said, chosen, single, tolerance, show, watch.batches if watch else None)
            tables += [_table(part, questions, single) for part in folded.values()]
        if watch:
            if not single:
                _read(watch, chosen, show)
            tables += [keeper.table().assign(error=np.nan) for keeper in watch.keepers]
        if groups:
            tables += [_group_table(fit_groups(source, questions, chosen, groups))]
        if fed:
            tables += [fed_table(source, asked, chosen, fed).assign(error=np.nan, note="")]
        table = pd.concat(tables, ignore_index=True)
        table.insert(0, "model", source.name)
        frames.append(_having(table, conditions))
    return pd.concat(frames, ignore_index=True)


def _watched(
    source: Source,
    questions: Questions,
    chosen: dict[str, Int[np.ndarray, " unit"]],
    names: Sequence[str],
    length: int,
    progress: Progress | None,
) -> Watched:
    """The source with those who keep what their measures need. Raises ``InputError`` for what cannot be measured."""

    def show(what: str, done: int, total: int) -> None:
        if progress:
            progress(f"{source.name}: {what}", done, total)

    batches = batches_of(source)
    keepers = keepers_of(names, questions.hypotheses, chosen, batches, length, show)
    return Watched(source, Remembered(questions), chosen, keepers, batches)


def _read(watched: Watched, chosen: dict[str, Int[np.ndarray, " unit"]], show: Callable[[int, int], None]) -> None:
    """Read where nothing else does, until nobody wants more."""
    done, total = 0, len(watched.sequences)
    for numbers in watched.batches:
        for _ in blocks(watched, watched.questions, numbers, chosen):
            pass
        done += len(numbers)
        show(done, total)
        if watched.full:
            break
    if not watched.seen:
        raise InputError(f"{watched.name} has no token to measure; give more text")
    show(total, total)


def chosen_units(source: Source, patterns: Sequence[str]) -> dict[str, Int[np.ndarray, " unit"]]:
    """The numbers of the units that patterns choose, by site; sites of the prediction only where they are named."""
    found: dict[str, set[int]] = {}
    for pattern in patterns:
        place, _, numbers = pattern.partition("/")
        for site in choose(source.sites, [place]):
            if site.kind == "prediction" and not place.startswith("output."):
                continue
            found.setdefault(site.name, set()).update(_numbers(numbers, site.units, pattern))
    if not found:
        raise InputError(f"no unit of {source.name} is chosen; name sites, for example {source.sites[0].name}")
    return {name: np.array(sorted(units), np.int64) for name, units in found.items()}


def _numbers(text: str, units: int, pattern: str) -> set[int]:
    if not text:
        return set(range(units))
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not match or int(match[2] or match[1]) >= units:
            raise InputError(f"{pattern!r} names no units; write SITE/0-9,17 with numbers up to {units - 1}")
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return found


def sources_of(
    models: Model | Source | Sequence[Model | Source], over: Corpus | None
) -> list[tuple[Source, Corpus | None]]:
    """What is read, and the corpus behind it where it is known. Raises ``InputError`` for a model without data."""
    found: list[tuple[Source, Corpus | None]] = []
    for item in models if isinstance(models, Sequence) else [models]:
        if isinstance(item, Model):
            if over is None:
                raise InputError(f"{item.name} is a model; say over= which corpus it is to be inspected")
            found.append((Live(item, over), over))
        else:
            found.append((item, item.corpus if isinstance(item, Live) else over))
    if not found:
        raise InputError("there is no model to inspect")
    return found


def _measures(names: Sequence[str]) -> tuple[list[Measure], list[str], list[str], list[str]]:
    """Measures of sums, of groups of units, those that feed texts of their own, and those that keep what is read."""
    known = list(CATALOGUE)
    unique = list(dict.fromkeys(names))
    unknown = [name for name in unique if name not in known]
    if unknown or not unique:
        wrong = f"no measure is called {unknown[0]!r}" if unknown else "no measure is asked for"
        raise InputError(f"{wrong}; there are: {', '.join(known)}")
    groups, fed, kept = ([name for name in unique if name in kind] for kind in (GROUPS, FED, KEPT))
    return [MEASURES[name] for name in unique if name in MEASURES], groups, fed, kept


def _condition(text: str, measures: Sequence[str]) -> tuple[str, bool, str, float]:
    """Measure, whether its absolute value is meant, comparison, limit."""
    match = HAVING.fullmatch(text)
    if not match or bool(match[1]) != bool(match[3]):
        raise InputError(f"{text!r} is no condition; write, for example, 'auroc > 0.9' or '|correlation| > 0.3'")
    if match[2] not in measures:
        raise InputError(f"{text!r} asks for {match[2]!r}, which is not measured; measure it too")
    return match[2], bool(match[1]), match[4], float(match[5])


def _table(folded: Folded, questions: Questions, measures: Sequence[Measure]) -> pd.DataFrame:
    parts = []
    for measure in measures:
        value = measure(folded.pairs)
        width = folded.half_width(measure.name, whole=False)
        frame = pair_rows(
            folded.site.name,
            folded.units,
            questions.hypotheses.names,
            measure.name,
            value=value,
            error=np.where(np.isfinite(value), folded.half_width(measure.name, whole=True), np.nan),
            note=_notes(folded, value, width),
        )
        parts.append(frame.assign(read=folded.read))
    return pd.concat(parts, ignore_index=True)


def _notes(
    folded: Folded, value: Float[np.ndarray, "unit hypothesis"], width: Float[np.ndarray, "unit hypothesis"]
) -> Shaped[np.ndarray, "unit hypothesis"]:
    """Why a value is not there, or is not sure."""
    pairs = folded.pairs
    constant = (pairs.low >= pairs.high).numpy()[:, None]
    n = pairs.n[pairs.hypotheses.family]
    same = ((pairs.flagged == 0) | (pairs.flagged == n)).numpy()[None]
    undefined = np.where(constant, "the unit is constant", np.where(same, NEVER, "undefined"))
    notes = np.where(np.isnan(value), undefined, np.where(np.isnan(width), RARE, ""))
    return notes.astype(object)


def _group_table(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    blank = {"unit": GROUP, "error": np.nan, "note": ""}
    return pd.DataFrame([{**blank, **row} for row in rows])


def _having(table: pd.DataFrame, conditions: Sequence[tuple[str, bool, str, float]]) -> pd.DataFrame:
    """The rows of the pairs for which every condition holds; a condition on a group measure is one on its group."""
    kept: Bool[np.ndarray, " row"] = np.ones(len(table), bool)
    keys = pd.MultiIndex.from_frame(table[["site", "unit", "hypothesis"]])
    for measure, absolute, comparison, limit in conditions:
        value = table["value"].abs() if absolute else table["value"]
        holds = (table["measure"] == measure).to_numpy() & COMPARISONS[comparison](value.to_numpy(float), limit)
        kept &= keys.isin(keys[holds])
    return table[kept].reset_index(drop=True)
