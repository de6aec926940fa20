"""Every unit of a site changed in turn, and what that costs: the verb over ``Ablated`` sources."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from unitscope.analyses.importance import Importance, ImportanceResult
from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.cumulative import Cumulative, cumulative
from unitscope.labels import said
from unitscope.models.edit import Resampled, Scaled, Steps, Where
from unitscope.models.model import Model
from unitscope.models.site import Site, choose
from unitscope.progress import Progress, silent
from unitscope.source.source import Source

To = Literal["mean", "zero", "resampled", "scaled"]
"""What a unit becomes: its mean, zero, its value in another sequence, or a multiple of itself."""


@dataclass(frozen=True, repr=False)
class Ablations:
    """The cost of every unit, and of ablating more and more of them."""

    results: ResultSet
    curves: tuple[Cumulative, ...]
    sequences: int

    def __repr__(self) -> str:
        return f"<Ablations of {len(self.results.sites())} sites, {self.sequences} sequences; see results and curves>"


def ablate(
    source: Source,
    sites: Sequence[str] | str = "*.hidden",
    to: To = "mean",
    *,
    model: Model | None = None,
    corpus: Corpus | None = None,
    factor: float = 0.5,
    where: Sequence[str] = (),
    by: str = "",
    measure: Literal["loss", "error"] = "loss",
    window: str = "",
    only: str = "",
    orders: int = 0,
    sequences: int = 64,
    seed: int = 0,
    progress: Progress = silent,
) -> Ablations:
    """Change every unit of the sites in turn, and measure the rise of the loss in nats (or of the error rate).

    ``where`` names labels at which the rise is measured apart, ``by`` a label of few values. An edit holds in a
    ``window`` of steps (``10:20``), or ``only`` where a label does. With ``orders``, more and more units are ablated,
    the worst first, beside so many random orders. ``sequences`` of the source are read, spread evenly; 0 for all.
    ``model`` and ``corpus`` are needed where the source has none, as a recording.

        unitscope.ablate(source, "rnn.0.hidden", where=["inside-parentheses"]).results.to_pandas()

    Raises ``InputError`` if they are not those that the source was made from, and for sites, labels and windows that do
    not exist.
    """
    model, corpus = model or source.model, corpus or source.corpus
    if model is None or corpus is None:
        raise InputError(f"{source.name} has no model at hand; give model and corpus, which are run again")
    if (model.fingerprint, corpus.fingerprint) != (source.model_origin.fingerprint, source.corpus_origin.fingerprint):
        raise InputError(f"the network or the text of {source.name} has changed since it was recorded; record it again")
    every = len(source.sequences)
    count = min(sequences or every, every)
    if orders and count < 2:
        raise InputError("a curve needs two sequences: one to put the units in order, and one to measure")
    numbers = [source.sequences[place * every // count] for place in range(count)]
    place = _place(window, only)
    asked = Importance(measure, tuple(where), by, _words(to, factor, seed, window, only))
    patterns = [sites] if isinstance(sites, str) else sites
    chosen = [site for site in choose(model.sites(), patterns) if site.kind != "prediction"]
    named = tuple(filter(None, (*asked.where, by)))
    said(named)
    for name in named:
        corpus.labels(name, numbers[0])  # an unknown name is refused before any work
    none = [0.0] * max(site.units for site in chosen)
    for site in chosen:  # and so is whatever else cannot be done
        Ablated(model, corpus, site.name, measure, none[: site.units], place, numbers)
    values = _values(source, chosen, to, factor, seed)
    results, curves = ResultSet(source.fingerprint), []
    for site, changed in zip(chosen, values, strict=True):
        ablated = Ablated(model, corpus, site.name, measure, changed, place, numbers, batch_size=32)

        def show(_: str, done: int, total: int, name: str = site.name) -> None:
            progress(f"ablating {name}", done, total)

        results.entries |= analyze(ablated, [asked], progress=show).entries
        if orders:
            curves.append(_curve(ablated, asked, orders, seed))
    return Ablations(results, tuple(curves), count)


def _curve(source: Ablated, asked: Importance, orders: int, seed: int) -> Cumulative:
    """Units are put in order on every second sequence, and the curve is of the others."""
    (result,) = analyze(replace(source, sequences=source.sequences[::2]), [asked])
    assert isinstance(result, ImportanceResult)
    worst = np.argsort(-np.nan_to_num(result.mean), kind="stable").tolist()
    return cumulative(replace(source, sequences=source.sequences[1::2]), worst, repeats=orders, seed=seed)


def _place(window: str, only: str) -> Steps | Where | None:
    """Where the edit holds. Raises ``InputError`` for what cannot be read."""
    if window and only:
        raise InputError("an edit holds in a window of steps or where a label does; give one of them")
    if only:
        label, _, value = only.partition("=")
        said([label])
        try:
            return Where(label, float(value) if value else 1.0)
        except ValueError as error:
            raise InputError(f"only {only}: the value of a label is a number") from error
    if not window:
        return None
    start, colon, stop = window.partition(":")
    try:
        return Steps(int(start or 0), int(stop) if stop else None if colon else int(start) + 1)
    except ValueError as error:
        raise InputError(f"window {window}: a window is written as 10:20, 10: or 10") from error


def _words(to: To, factor: float, seed: int, window: str, only: str) -> str:
    """New values of the units in words, shown beside every number."""
    told = {"mean": "at its mean", "zero": "at zero", "resampled": f"resampled, seed {seed}"}
    said = told.get(to, f"times {factor:g}")
    place = f"steps {window}" if window else f"where {only}" if only else ""
    return ", ".join(filter(None, [said, place]))


def _values(
    source: Source, chosen: Sequence[Site], to: To, factor: float, seed: int
) -> list[list[float] | Scaled | Resampled]:
    """New values of the units of each site."""
    if to == "mean":
        means = analyze(source, [Moments()], [site.name for site in chosen])
        return [_means(means, site.name) for site in chosen]
    if to == "scaled":
        return [Scaled((factor,) * site.units) for site in chosen]
    return [Resampled(seed) if to == "resampled" else [0.0] * site.units for site in chosen]


def _means(results: ResultSet, site: str) -> list[float]:
    moments = results[site, Moments().key]
    assert isinstance(moments, MomentsResult)
    return [float(value) for value in moments.mean]
