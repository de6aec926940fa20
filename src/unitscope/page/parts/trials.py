"""A source without words: its trials and their conditions, what was shown to it, and every unit over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unitscope.page.page import Section, UnitGroup
from unitscope.page.part import OfSource
from unitscope.page.reading import has_words, reader
from unitscope.page.trials import Trials as Known
from unitscope.page.trials import columns_of, views_of
from unitscope.source.source import Source
from unitscope.views import Field, Heatmap, Lines, Series, Table, View

SITES, UNITS = 6, 256
"""Sites of which all units are shown over time, and units of each."""
FEW = 6
"""Signals that are drawn as lines; more are a heat map."""
CLEAR = 3.0
"""Deviations from a unit's own mean at which the colour of the heat map is full."""


@dataclass(frozen=True)
class Trials(OfSource):
    """Traces, rasters and trial averages."""

    order = 20

    def sections(self, source: Source) -> Sequence[Section]:
        if has_words(source) or not len(source.sequences):
            return ()
        known = reader(source).known(source.sites[0].name)
        views = [*_conditions(known), *_signals(known)]
        for site in source.sites[:SITES]:
            views += _units(source, site.name)
        text = (
            "There are no words here, so units are shown over time. What is the same throughout a sequence is a "
            "condition, a flag that comes and goes is an event, and any other number is a signal."
        )
        return [Section("trials", "Over time", text, views)]

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        if has_words(source):
            return ()
        here = reader(source)
        views = views_of(here.trials(site)[:, :, unit], here.known(site), f"{site}/{unit}")
        return [UnitGroup("Over time", "", views)]


def _conditions(known: Known) -> list[View]:
    rows: list[list[object]] = [
        [condition.name, "condition", value, int((condition.of == k).sum()), None]
        for condition in known.conditions
        for k, value in enumerate(condition.values)
    ]
    for name, values in known.events.items():
        on = values == 1
        begins = int((on[:, 1:] & ~on[:, :-1]).sum() + on[:, :1].sum())
        rows.append(
            [name, "event", f"{begins:,} times", int(on.any(1).sum()), float(on.sum() / np.isfinite(values).sum())]
        )
    heads = [
        Field("label", "text"), Field("kind", "text"), Field("value", "text"),
        Field("sequences", "integer", "in which it is so"), Field("steps", "share", "at which it is so"),
    ]  # fmt: skip
    note = f"of {len(known.numbers):,} sequences"
    return [Table("Conditions and events", heads, rows, note)] if rows else []


def _signals(known: Known) -> list[View]:
    """Numbers beside the activations in the first sequence, such as channels of a stimulus."""
    signals = {name: values[0] for name, values in known.signals.items() if np.isfinite(values[0]).any()}
    if not signals:
        return []
    title, x = f"Signals of sequence {known.numbers[0] + 1}", known.x
    if len(signals) <= FEW:
        return [
            Lines(title, x.tolist(), [Series(name, v.tolist()) for name, v in signals.items()], known.unit, "value")
        ]
    table = np.stack(list(signals.values()))
    low, high = float(np.nanmin(table)), float(np.nanmax(table))
    return [
        Heatmap(
            title, list(signals), columns_of(known), table.tolist(), low, max(high, low + 1e-9), known.unit, "signal"
        )
    ]


def _units(source: Source, site: str) -> list[View]:
    """All units of a site over time, those that peak early first: a sequence of activity is a diagonal."""
    every, known = reader(source).trials(site), reader(source).known(site)
    if not every.size:
        return []
    count = np.isfinite(every).sum(0)  # [step unit]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(every, 0) / count  # [step unit]
    centred = mean - np.nanmean(mean, 0)
    deviation = np.nanstd(every, (0, 1))
    values = np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0).T  # [unit step]
    order = np.argsort(np.nan_to_num(values, nan=-np.inf).argmax(1), kind="stable")[:UNITS]
    reach = max(1e-9, min(CLEAR, float(np.nanquantile(np.abs(values), 0.99))))
    note = (
        f"mean over {len(every):,} sequences, less each unit's own mean, in standard deviations of the unit; "
        "units that peak early stand first"
    )
    return [
        Heatmap(
            f"Units of {site} over time", [f"{site}/{unit}" for unit in order], columns_of(known),
            values[order].tolist(), -reach, reach, known.unit, "unit", note,
        )
    ]  # fmt: skip
