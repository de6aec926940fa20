"""A source without words, trial by trial: traces, rasters, and averages by condition and around events.

Nobody says which labels are conditions, so they are told by their values: what is the same throughout every sequence is
a *condition* (``side=left``, a coherence), a flag that comes and goes is an *event* (a tone, a saccade), and any other
number is a *signal* (a channel of the stimulus).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unitscope.corpus.annotated import CHARACTER
from unitscope.source.source import Source
from unitscope.views import Heatmap, Lines, Series, TokenText, View

STEPS = 512
"""Steps of a sequence that are looked at."""
TRACES, ROWS = 4, 48
"""Sequences drawn as lines, and as rows of a raster."""
SEQUENCES = 1_000
"""Sequences that are averaged at most, spread over the source."""
VALUES = 1 << 24
"""Values held to draw a site."""
LABELS = 256
"""Labels that are looked at."""
GROUPS = 12
"""Values of a condition at most; a number with more is none."""
CONDITIONS, EVENTS = 4, 4
"""Pictures of averages by condition, and around events, of a unit."""
PASSAGES = 5
"""Stretches of a kind that share a picture."""
AROUND = 20
"""Steps before and after an event."""
TIME = "time"
"""The label that says when a step is, in seconds."""


@dataclass(frozen=True)
class Condition:
    """A condition that holds throughout a sequence."""

    name: str
    values: tuple[str, ...]
    of: Int[np.ndarray, " sequence"]
    """The number of each sequence's value; −1 where it has none."""


@dataclass(frozen=True)
class Trials:
    """Values of some sequences beside their activations; ``step`` is the longest, missing values are NaN."""

    numbers: tuple[int, ...]
    conditions: tuple[Condition, ...]
    events: Mapping[str, Float[np.ndarray, "sequence step"]]
    signals: Mapping[str, Float[np.ndarray, "sequence step"]]
    x: Float[np.ndarray, " step"]
    """When each step is."""
    unit: str
    """Of ``x``: steps, or seconds."""


def spread(source: Source, units: int) -> list[int]:
    """Numbers of the sequences of a source that are drawn, at so many units."""
    numbers = [int(number) for number in source.sequences]
    count = min(len(numbers), SEQUENCES, max(TRACES, VALUES // (STEPS * max(1, units))))
    return [numbers[k * len(numbers) // count] for k in range(count)]


def trials_of(source: Source, numbers: Sequence[int]) -> Trials:
    """Conditions, events and signals of these sequences."""
    longest = max((min(length, STEPS) for length in source.lengths(numbers)), default=0)
    found: dict[str, Float[np.ndarray, "sequence step"]] = {}
    for name in [name for name in source.annotations if name != CHARACTER][:LABELS]:
        found[name] = padded([source.labels(name, number)[:STEPS].numpy() for number in numbers], longest)
    times = found.pop(TIME, None)
    conditions, rest = _conditions(found)
    flags = {name for name, values in rest.items() if ((values == 0) | (values == 1) | np.isnan(values)).all()}
    x, unit = np.arange(1.0, longest + 1), "step"
    if times is not None and longest and np.isfinite(first := times[np.isfinite(times).sum(1).argmax()]).all():
        x, unit = first, "seconds"
    return Trials(
        tuple(numbers), tuple(conditions),
        {name: values for name, values in rest.items() if name in flags},
        {name: values for name, values in rest.items() if name not in flags},
        x, unit,
    )  # fmt: skip


def padded(rows: Sequence[np.ndarray], longest: int) -> Float[np.ndarray, "sequence step"]:
    """Sequences of different length under one another, NaN behind each."""
    every = np.full((len(rows), longest), np.nan)
    for row, values in zip(every, rows, strict=True):
        row[: len(values)] = values
    return every


def _conditions(found: Mapping[str, np.ndarray]) -> tuple[list[Condition], dict[str, np.ndarray]]:
    """The labels that are the same throughout each sequence, flags of one name together; and the others."""
    whole: dict[str, np.ndarray] = {}
    rest: dict[str, np.ndarray] = {}
    for name, values in found.items():
        known = np.isfinite(values)
        low = np.where(known, values, np.inf).min(1, initial=np.inf)
        high = np.where(known, values, -np.inf).max(1, initial=-np.inf)
        if known.any() and (low >= high).all() and len(np.unique(low[np.isfinite(low)])) <= GROUPS:
            whole[name] = np.where(np.isfinite(low), low, np.nan)
        else:
            rest[name] = values
    made = []
    told: list[str]
    for name in dict.fromkeys(name.partition("=")[0] for name in whole):
        flags = [key for key in whole if key.startswith(f"{name}=")]
        if flags:
            table = np.stack([whole[key] == 1 for key in flags], 1)
            told, of = [key.removeprefix(f"{name}=") for key in flags], np.where(table.any(1), table.argmax(1), -1)
        else:
            kinds, of = np.unique(whole[name], return_inverse=True)
            told = [f"{kind:g}" for kind in kinds if kind == kind]
            of = np.where(np.isfinite(whole[name]), of, -1)
        if len(told) > 1:
            made.append(Condition(name, tuple(told[:GROUPS]), np.where(of < GROUPS, of, -1)))
    return made, rest


def views_of(every: Float[np.ndarray, "sequence step"], trials: Trials, name: str) -> list[View]:
    """A unit in these sequences: traces, the mean, averages by condition and around events, a raster."""
    if not every.size:
        return []
    every = every.astype(np.float64)
    x = trials.x.tolist()
    shown = [Series(f"sequence {trials.numbers[k] + 1}", every[k].tolist()) for k in range(min(TRACES, len(every)))]
    views: list[View] = [Lines(f"{name} over time", x, shown, trials.unit, "activation")]
    if len(every) < 3:
        return views
    note = f"of {len(every):,} sequences; the band is one standard deviation between them on either side"
    views.append(Lines("Mean over sequences", x, [_mean("mean", every)], trials.unit, "activation", note))
    telling = sorted(trials.conditions, key=lambda condition: -_explained(every, condition))
    for condition in telling[:CONDITIONS]:
        groups = [
            _mean(f"{value} ({(condition.of == k).sum():,})", every[condition.of == k], of_mean=True)
            for k, value in enumerate(condition.values)
            if (condition.of == k).any()
        ]
        note = "mean over the sequences of each value, their number in brackets; the band is one standard error"
        views.append(Lines(f"By {condition.name}", x, groups, trials.unit, "activation", note))
    for event in list(trials.events)[:EVENTS]:
        around = _around(every, trials.events[event])
        if len(around):
            steps = np.arange(-AROUND, AROUND + 1, dtype=np.float64) * _apart(trials.x)
            note = f"{len(around):,} beginnings of {event}, at 0; the band is one standard error"
            mean = _mean("mean", around, of_mean=True)
            views.append(Lines(f"Around {event}", steps.tolist(), [mean], trials.unit, "activation", note))
    views.append(_raster(every, trials, telling[0] if telling else None))
    return views


def _explained(every: Float[np.ndarray, "sequence step"], condition: Condition) -> float:
    """The share of the variance between sequences, step by step, that lies between the values of a condition."""
    mean = np.nanmean(every, 0) if len(every) else 0
    centred = np.nan_to_num(every - mean)
    between = sum(
        float((centred[of := condition.of == k].mean(0) ** 2).sum() * of.sum())
        for k in range(len(condition.values))
        if (condition.of == k).any()
    )
    return between / max(float((centred**2).sum()), 1e-300)


def traced(views: Sequence[View]) -> list[View]:
    """Passages as lines, where tokens are no words; those of one kind share a picture, what they are about at 0."""
    found: list[View] = []
    kinds: dict[str, list[TokenText]] = {}
    for view in views:
        if isinstance(view, TokenText):
            kinds.setdefault(view.title.partition(":")[0].rstrip(" 0123456789"), []).append(view)
        else:
            found.append(view)
    for kind, passages in kinds.items():
        shown = passages[:PASSAGES]
        begins = [-max(view.mark, 0) for view in shown]
        ends = [begin + len(view.values) for begin, view in zip(begins, shown, strict=True)]
        x = np.arange(min(begins), max(ends))
        series = []
        for begin, view in zip(begins, shown, strict=True):
            y = np.full(len(x), np.nan)
            y[begin - x[0] : begin - x[0] + len(view.values)] = [np.nan if v is None else v for v in view.values]
            series.append(Series(view.place or view.title, y.tolist()))
        note = f"the first {len(shown)} of {len(passages)}" if len(shown) < len(passages) else ""
        found.append(Lines(kind, x.astype(float).tolist(), series, "step", "activation", note))
    return found


def _raster(every: Float[np.ndarray, "sequence step"], trials: Trials, by: Condition | None) -> Heatmap:
    """Sequences under one another, those of one condition together."""
    rows = np.array([k * len(every) // min(len(every), ROWS) for k in range(min(len(every), ROWS))])
    names, note = [str(trials.numbers[k] + 1) for k in rows], ""
    if by is not None:
        rows = rows[np.argsort(by.of[rows], kind="stable")]
        names = [f"{by.values[by.of[k]] if by.of[k] >= 0 else ''} {trials.numbers[k] + 1}" for k in rows]
        note = f"in the order of {by.name}: {', '.join(by.values)}"
    low, high = (float(np.nanquantile(every, q)) for q in (0.01, 0.99))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return Heatmap(
        "Sequence by sequence",
        names,
        columns_of(trials),
        every[rows].tolist(),
        low,
        high,
        trials.unit,
        "sequence",
        note,
    )


def columns_of(trials: Trials) -> list[str]:
    """The steps as the columns of a heat map."""
    return [f"{x:.6g}" for x in trials.x.tolist()]


def _mean(name: str, rows: Float[np.ndarray, "sequence step"], of_mean: bool = False) -> Series:
    """The mean of sequences at each step, with one standard deviation or error of the mean on either side."""
    known = np.isfinite(rows).sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(rows, 0) / known
        width = np.sqrt(np.nansum((rows - mean) ** 2, 0) / known)
        if of_mean:
            width = np.where(known > 1, width / np.sqrt(known - 1), np.nan)
    return Series(name, mean.tolist(), (mean - width).tolist(), (mean + width).tolist())


def _around(
    every: Float[np.ndarray, "sequence step"], flags: Float[np.ndarray, "sequence step"]
) -> Float[np.ndarray, "event offset"]:
    """The steps around each beginning of an event that is not the first step of its sequence."""
    on = flags == 1
    sequence, step = np.nonzero(on[:, 1:] & ~on[:, :-1])
    wide = np.pad(every, ((0, 0), (AROUND, AROUND)), constant_values=np.nan)
    around: Float[np.ndarray, "event offset"] = wide[sequence[:, None], (step + 1)[:, None] + np.arange(2 * AROUND + 1)]
    return around


def _apart(x: Float[np.ndarray, " step"]) -> float:
    return float(np.median(np.diff(x))) if len(x) > 1 else 1.0
