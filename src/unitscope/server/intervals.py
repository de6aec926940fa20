"""Passages by how far up its range a unit stands in them: the largest show a unit's best side only."""

from dataclasses import replace
from typing import Any

import numpy as np

from unitscope.errors import InputError
from unitscope.page.reading import has_words
from unitscope.recording.recording import Recording
from unitscope.server.viewed import State
from unitscope.views import TokenText

INTERVALS: dict[str, tuple[float, float]] = {
    "largest": (0.999, 1.0),
    "high": (0.9, 0.99),
    "middle": (0.45, 0.55),
    "low": (0.01, 0.1),
    "smallest": (0.0, 0.001),
    "random": (0.0, 1.0),
}
"""Shares of the unit's values between which a passage's token stands."""
SHOWN, BEFORE, AFTER = 12, 60, 30
"""Passages, and the tokens around each."""
LOOKED_AT = 1 << 22
"""Values of the unit that are looked at; of more, every so many."""


def examples(state: State, site: str, unit: int, interval: str) -> list[TokenText]:
    """Passages at random from an interval of a unit's values, the same ones each time, no two of one sequence.

    Raises ``InputError`` for a unit or interval that is not there.
    """
    state.check_unit(site, unit)
    if interval not in INTERVALS:
        raise InputError(f"no interval is called {interval[:40]!r}; there are: {', '.join(INTERVALS)}")
    source = state.recording
    if not has_words(source):
        raise InputError("this recording has no text")
    values = source.unit(site, unit)
    looked_at = values[:: max(1, len(values) // LOOKED_AT)].astype(np.float32)
    low, high = np.nanquantile(looked_at, INTERVALS[interval])
    there = np.flatnonzero((values >= low) & (values <= high))
    views = []
    for sequence, position in _spread(source, there, unit):
        first = max(0, position - BEFORE)
        view = state.passage((site, unit), sequence, first, position - first + AFTER)
        title = f"{float(view.values[position - first]):.3f}".replace("-", "−")
        views.append(replace(view, title=title, mark=position - first))
    return views


def _spread(source: Recording, there: Any, seed: int) -> list[tuple[int, int]]:
    """Some of these tokens of the recording, as sequence and position, no two in one sequence."""
    plan = source.plan
    starts = np.concatenate([[0], np.cumsum(plan.tokens)])
    drawn = np.random.default_rng(seed).permutation(there)[: SHOWN * 64]
    rows = np.searchsorted(starts, drawn, side="right") - 1
    _, first = np.unique(rows, return_index=True)
    chosen = np.sort(first)[:SHOWN]
    return [(int(plan.sequence[rows[k]]), int(drawn[k] - starts[rows[k]])) for k in chosen]
