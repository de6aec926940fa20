"""Formulas as a measure: the logical form over all flags that are asked that tells best when a unit is active.

A unit is active on its highest (or lowest) 0.5 % of the tokens, as in Network Dissection. The form is searched where
units are chosen, where it is the best of very many, and scored on the other side; only that score says anything.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from unitscope.asking.answer import Beyond, Score
from unitscope.asking.folds import Folds
from unitscope.asking.measures import TAIL, Measure
from unitscope.asking.pieces import Side
from unitscope.concepts.formulas import Formula, Mask, Primitives, packed, search, search_exactly
from unitscope.errors import InputError
from unitscope.evidence.jackknife import jackknife

TOKENS = 50_000
"""Of each side, at most: enough for 250 on which a unit is active."""
LOOKED = 300_000
"""Forms that an exact search looks at for one unit before the beam decides; some seconds."""
SILENT = "the unit is never beyond its highest or lowest 0.5 %"


def check_forms(measure: Measure, flags: Sequence[str], length: int) -> None:
    """Raises ``InputError`` where nothing that is asked is a flag, and for a form of no label."""
    if not flags:
        raise InputError(f"{measure.name} joins flags, and none is asked; ask one, for example regex:[0-9]")
    if length < 1:
        raise InputError(f"a formula has one concept at least, not {length}")


def forms(
    measures: Sequence[Measure], folds: Folds, flags: Sequence[str], sides: tuple[Side, Side], length: int
) -> list[Beyond]:
    """One for every unit and measure."""
    found: list[Beyond] = []
    total = sum(map(len, folds.source.chosen.values())) * len(measures)
    for site, here, there, read in folds.samples(flags, sides, TOKENS, "reading tokens for formulas"):
        searched, held = (Primitives.of(flags, part.said > 0.5) for part in (here, there))
        bucket = np.array([sides[1].bucket[int(number)] for number in there.sequence], np.int64)
        for measure in measures:
            sign = -1 if "below" in measure.name else 1
            for at, unit in enumerate(folds.source.chosen[site].tolist()):
                on, on_there = (active(sign * part.values[:, at]) for part in (here, there))
                form, note = _search(measure, packed(on[:, None])[0], searched, length)
                score = Score(note=note)
                if form is not None:
                    holds = np.unpackbits(form.mask(held))[: len(on_there)] > 0
                    score = overlap(holds, on_there, bucket, note)
                iou = form.iou if form is not None else np.nan
                found.append(Beyond(measure.name, site, unit, str(form or ""), score, float(iou), read))
                folds.progress("formulas", len(found), total)
    return found


def active(x: Float[np.ndarray, " token"]) -> Bool[np.ndarray, " token"]:
    """Where a unit is beyond the quantile; where none is, since too many are equal, on these. Nowhere if constant."""
    count = len(x) - int((1 - TAIL) * len(x))
    edge = np.partition(x, -count)[-count]
    beyond = x > edge
    found: np.ndarray = beyond if beyond.any() or edge == x.min() else x >= edge
    return found


def overlap(
    holds: Bool[np.ndarray, " token"],
    on: Bool[np.ndarray, " token"],
    bucket: Int[np.ndarray, " token"],
    note: str = "",
) -> Score:
    """IoU with its interval over pieces of evidence; NaN where the unit is never active."""
    if not on.any():
        return Score(note=SILENT)
    both, either, tokens = (np.bincount(bucket, part).astype(float) for part in (holds & on, holds | on, None))
    iou = jackknife(lambda b, e: b / e, [both, either], tokens, "logit")
    return Score(float(iou.value), float(iou.low), float(iou.high), note)


def _search(measure: Measure, on: Mask, searched: Primitives, length: int) -> tuple[Formula | None, str]:
    if not on.any():
        return None, SILENT
    if not measure.name.endswith("exact"):
        return search(on, searched, length), ""
    try:
        return search_exactly(on, searched, length, most=LOOKED), ""
    except InputError:
        return search(on, searched, length), "too many forms for an exact search: by beam"
