"""The stretch of text that shows a unit and a label: kept with the answer, so that nothing is computed from names."""

from collections.abc import Sequence

import numpy as np

from unitscope.asking.answer import Passage
from unitscope.asking.columns import Columns
from unitscope.source.source import Source

WIDTH = 400
LOOKED = 64
"""Sequences that are looked at."""


def passage_of(
    source: Source, site: str, unit: int, label: str, columns: Columns, sequences: Sequence[int]
) -> Passage | None:
    """Where the label changes most often among some sequences; None where there is no token."""
    best, where, changes = -1, 0, -1
    for number in sequences[:LOOKED]:
        values = columns.values(label, number).nan_to_num().numpy()
        if not len(values):
            continue
        steps = np.concatenate([[0.0], np.abs(np.diff((values > np.median(values)).astype(float)))])
        total = np.concatenate([[0.0], np.cumsum(steps)])
        width = min(WIDTH, len(values))
        within = total[width:] - total[:-width]
        if within.max() > changes:
            best, where, changes = number, int(within.argmax()), int(within.max())
    if best < 0:
        return None
    (chunks,) = source.chunks([site], (), [best])
    rows = slice(where, where + WIDTH)
    shown = chunks[site].activations[rows, unit].float()
    (found,) = [s for s in source.sites if s.name == site]
    low, high = found.low, found.high
    if not np.isfinite(low) or not np.isfinite(high):
        high = float(shown.abs().max())
        low = -high
    tokens = source.vocabulary.decode(chunks[site].tokens[rows].tolist())
    said = columns.values(label, best)[rows]
    return Passage(tuple(tokens), tuple(shown.tolist()), tuple(said.tolist()), float(low), float(high), best, where)
