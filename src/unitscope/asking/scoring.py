"""Scores of the pairs that are looked at closely: thresholds and sides where they are chosen, values elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from unitscope.analyses.association import DIFFERENCES, Association, AssociationResult
from unitscope.analyses.detection import Detection, DetectionResult
from unitscope.analyses.text_means import TextMeans, TextMeansResult
from unitscope.asking.answer import Score
from unitscope.asking.columns import BUCKET, DEVIATION
from unitscope.asking.conditions import BySite
from unitscope.asking.degrees import check_degrees, degrees
from unitscope.asking.folds import Folds
from unitscope.asking.forms import check_forms
from unitscope.asking.measures import MEASURES, TAIL, Measure
from unitscope.asking.pieces import Side
from unitscope.concepts.wpmi import soft_wpmi, weighted
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis
from unitscope.models.model import Model
from unitscope.source.label_table import LabelTable

Pair = tuple[str, int, int]
"""Site, unit and label, by their places in what is asked."""
TEXTS = 20_000
"""Whose means are kept at most."""
TOP, SOME = 100, 10
"""softWPMI's top texts are a tenth of all, ``SOME`` at least, and ``TOP`` at most."""
_LEVELS = {"iou-highest": (1 - TAIL, 1), "iou-lowest": (TAIL, -1)}


def check(
    measures: Sequence[Measure],
    table: LabelTable,
    sides: tuple[Side, Side],
    length: int,
    model: Model | None,
    corpus: Corpus | None,
) -> None:
    """Raises ``InputError``, before anything is read, for what cannot be measured of these labels and this text."""
    flags = [name for name, kind in zip(table.names, table.kinds, strict=True) if kind == "flag"]
    for measure in measures:
        if measure.kind == "concepts":
            check_degrees(measure.name, table, model, corpus)
        elif measure.kind == "form":
            check_forms(measure, flags, length)
        elif measure.name == "soft-wpmi":
            texts = min(len(side.sequences) for side in sides)
            if len(flags) < 2:
                raise InputError(f"{measure.name} compares labels with each other; ask two flags or more")
            if texts < 2 * SOME:
                raise InputError(
                    f"{measure.name} needs {2 * SOME} texts on each side, and there are {texts}; give more"
                )


@dataclass(frozen=True, eq=False)
class Scoring:
    """Scores of all pairs, with the means to read further data."""

    folds: Folds
    table: LabelTable
    sides: tuple[Side, Side]
    here: Mapping[str, AssociationResult]
    there: Mapping[str, AssociationResult]
    model: Model | None
    corpus: Corpus | None

    def everywhere(self, name: str) -> BySite:
        """A measure of every pair where units are chosen: what conditions are about."""
        match MEASURES[name].kind:
            case "sums":
                return {site: _of_sums(name, table)[0] for site, table in self.here.items()}
            case "counts":
                return {site: _of_counts(name, found) for site, found in self._counted.items()}
            case "texts":
                return {site: self._of_texts(name, found)[0] for site, found in self._texts(0).items()}
            case _:
                return self._degrees(name)

    def scores(
        self, measures: Sequence[Measure], pairs: Sequence[Pair]
    ) -> tuple[dict[Pair, dict[str, Score]], dict[Pair, Score]]:
        """Scores of each pair on the confirming side; and r with each document's mean subtracted from the label."""
        found: dict[Pair, dict[str, Score]] = {pair: {} for pair in pairs}
        if not pairs:
            return found, {}
        counted = [measure.name for measure in measures if measure.kind == "counts"]
        for measure in measures:
            if measure.kind in ("sums", "halves") and measure.name != "correlation":
                for site, unit, k in pairs:
                    found[site, unit, k][measure.name] = self._read(measure.name, site, unit, k)
            elif measure.kind == "texts":
                texts = self._texts(1)
                tables = {site: self._of_texts(measure.name, texts[site]) for site in texts}
                for site, unit, k in pairs:
                    values, notes = tables[site]
                    found[site, unit, k][measure.name] = Score(float(values[unit, k]), note=str(notes[unit, k]))
            elif measure.kind == "concepts":
                by_site = self._degrees(measure.name)
                for site, unit, k in pairs:
                    value = float(by_site[site][unit, k])
                    found[site, unit, k][measure.name] = Score(value, note="" if np.isfinite(value) else "no concept")
        within = self._counted_there(counted, pairs, found)
        order = [measure.name for measure in measures]
        return {pair: {name: own[name] for name in order if name in own} for pair, own in found.items()}, within

    def _read(self, name: str, site: str, unit: int, k: int) -> Score:
        there = self.there[site]
        if name == "simulation":
            # r does not change with a line but for its direction, which is that of r where the line is learnt.
            sign = float(np.sign(self.here[site].r[unit, k]))
            low, high = sorted([sign * float(there.r_low[unit, k]), sign * float(there.r_high[unit, k])])
            return Score(sign * float(there.r[unit, k]), low, high)
        value, low, high = _of_sums(name, there)[:, unit, k].tolist()
        return Score(value, low, high, "" if np.isfinite(value) else "the label is no flag, or never changes")

    def _counted_there(
        self, names: Sequence[str], pairs: Sequence[Pair], found: dict[Pair, dict[str, Score]]
    ) -> dict[Pair, Score]:
        """Add what is read from counts, of the units of the pairs alone; returns r within documents of each pair."""
        few = {
            site: np.array(sorted({unit for where, unit, _ in pairs if where == site}), np.int64)
            for site in dict.fromkeys(site for site, _, _ in pairs)
        }
        at = {site: {int(unit): place for place, unit in enumerate(units)} for site, units in few.items()}
        choosing: dict[str, DetectionResult] = {}
        if "iou" in names:
            (choosing,) = self._of(0, [self._detection(1)], "their thresholds", few)
        columns, buckets = self.folds.columns, max(self.sides[1].buckets, 2)
        deviations = Association(
            of=tuple(DEVIATION + name for name in columns.names),
            groups=BUCKET,
            buckets=buckets,
            families=columns.families,
        )
        asked: list[Analysis[Any]] = [deviations, *([self._detection(buckets)] if names else [])]
        of_level, *rest = self._of(1, asked, "their detection", few)
        there: dict[str, DetectionResult] = rest[0] if rest else {}
        within = {}
        for site, unit, k in pairs:
            table = of_level[site]
            r, low, high = (float(part[at[site][unit], k]) for part in (table.r, table.r_low, table.r_high))
            within[site, unit, k] = Score(r, low, high)
            for name in names:
                level, side = _LEVELS.get(name, (there[site].levels[0], 1))
                if name == "iou":
                    level, side = _best(choosing[site], at[site][unit], k)
                measure = "iou" if name.startswith("iou") else name
                read = there[site].estimate(measure, at[site][unit], k, there[site].levels.index(level), side)
                at_level = f"highest {1 - level:.1%}" if side > 0 else f"lowest {level:.1%}"
                note = at_level if measure == "iou" else ""
                found[site, unit, k][name] = Score(float(read.value), float(read.low), float(read.high), note)
        return within

    def _of(
        self,
        side: int,
        analyses: Sequence[Analysis[Any]],
        what: str,
        units: Mapping[str, Int[np.ndarray, " unit"]] | None = None,
    ) -> list[dict[str, Any]]:
        return self.folds.of(self.sides[side], analyses, what, units=units)

    def _detection(self, buckets: int) -> Detection:
        return Detection(of=self.folds.columns.flags(), groups=BUCKET if buckets > 1 else "", buckets=buckets)

    @cached_property
    def _counted(self) -> dict[str, DetectionResult]:
        return self._of(0, [self._detection(1)], "counting where units are chosen")[0]

    def _texts(self, side: int) -> dict[str, TextMeansResult]:
        first = self.sides[side].order[:TEXTS]
        analysis = TextMeans(of=self.folds.columns.names)
        return self.folds.of(self.sides[side], [analysis], "means of texts", sorted(first))[0]

    def _of_texts(self, name: str, found: TextMeansResult) -> tuple[np.ndarray, np.ndarray]:
        """Values and notes, ``[unit label]``."""
        share = found.holds.mean(0)
        flag = np.array([kind == "flag" for kind in self.folds.columns.kinds])
        telling = flag & (share > 0) & (share < 1)
        values = np.full((found.units, len(found.labels)), np.nan)
        if name == "inclusion":
            values[:, telling] = found.inclusion()[:, telling]
        elif telling.any():
            top = min(TOP, max(SOME, len(found.means) // SOME), len(found.means))
            values[:, telling] = soft_wpmi(found.means, weighted(found.holds[:, telling], share[telling]), top)
        notes = np.where(flag, np.where(telling, "the unit is constant", "in all texts, or in none"), "a number")
        return values, np.where(np.isfinite(values), "", np.broadcast_to(notes, values.shape))

    def _degrees(self, name: str) -> dict[str, Float[np.ndarray, "unit label"]]:
        return degrees(name, self.table, self.model, self.corpus, self.folds.source.chosen)


def _of_sums(name: str, table: AssociationResult) -> Float[np.ndarray, "bound unit label"]:
    """Value and the ends of its interval."""
    if name == "correlation":
        return np.stack([table.r, table.r_low, table.r_high])
    found: np.ndarray = table.differences[DIFFERENCES.index(name)]
    return found


def _of_counts(name: str, found: DetectionResult) -> Float[np.ndarray, "unit label"]:
    match name:
        case "auroc":
            return found.auc()
        case "precision":
            return found.precision()
        case "information":
            return found.information()
        case "iou":
            with np.errstate(all="ignore"):
                sides = np.concatenate([found.iou(1), found.iou(-1)])
            return np.where(np.isfinite(sides).any(0), np.nan_to_num(sides, nan=-1.0).max(0), np.nan)
    level, side = _LEVELS[name]
    table: np.ndarray = found.iou(side)[found.levels.index(level)]
    return table


def _best(found: DetectionResult, unit: int, label: int) -> tuple[float, int]:
    """The level and side of the largest IoU of one pair."""
    overlaps = {side: np.nan_to_num(found.iou_of(side, unit, label), nan=-1.0) for side in (1, -1)}
    side = max(overlaps, key=lambda s: float(overlaps[s].max()))
    return found.levels[int(overlaps[side].argmax())], side
