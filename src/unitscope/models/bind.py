"""From an edit, which is data, to the numbers that it puts into one batch."""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.models.edit import Added, Bound, Edit, Projected, Resampled, Scaled, Steps, Where
from unitscope.models.model import Model
from unitscope.models.site import Site

TRIES = 32
"""Sequences that are looked at to find one that is long enough to give its values to another."""


@runtime_checkable
class Reaching(Protocol):
    """A model of which more can be edited than can be read over its corpus: a decoder, whose encoder runs too."""

    def editable(self) -> tuple[Site, ...]: ...


def check_units(edits: Iterable[Edit | Bound], sites: Sequence[Site]) -> None:
    """Raises ``InputError`` for a site or unit that does not exist, or that is what the model predicts."""
    known = {site.name: site for site in sites}
    for edit in edits:
        if edit.site not in known:
            raise InputError(f"there is no site {edit.site!r} to edit; there are: {', '.join(known)}")
        if known[edit.site].kind == "prediction":
            raise InputError(f"{edit.site} is what the model predicts and cannot be edited; edit a unit inside")
        for unit in edit.units.tolist() if isinstance(edit, Bound) else edit.units:
            if not 0 <= unit < known[edit.site].units:
                raise InputError(f"{edit.site} has no unit {unit}; its units are 0 to {known[edit.site].units - 1}")


def check_edits(edits: Sequence[Edit], model: Model, corpus: Corpus, sequences: Sequence[int]) -> None:
    """Before long work: raises ``InputError`` for an edit that cannot be made on these sequences.

    That is a site or unit that does not exist, a window outside every sequence, an unknown label, and resampling where
    there is one sequence only.
    """
    if not edits:
        return
    check_units(edits, model.editable() if isinstance(model, Reaching) else model.sites())
    windows = [edit.where for edit in edits if isinstance(edit.where, Steps)]
    longest = max(corpus.lengths(sequences), default=0) if windows else 0
    for window in windows:
        stop = longest if window.stop is None else window.stop
        if not 0 <= window.start < stop <= longest:
            raise InputError(
                f"the window of steps {window.start} to {stop} is not in the sequences, "
                f"which have at most {longest} steps; give a start and a stop within them"
            )
    for label in dict.fromkeys(edit.where.label for edit in edits if isinstance(edit.where, Where)):
        corpus.labels(label, sequences[0])
    if len(corpus) < 2 and any(isinstance(edit.values, Resampled) for edit in edits):
        raise InputError(f"{corpus.name} has one sequence, so there is no other to resample from")


def bind(edits: Sequence[Edit | Bound], model: Model, batch: Batch, corpus: Corpus | None = None) -> tuple[Bound, ...]:
    """Values that the edits put into a batch of the corpus.

    For resampling the intact model runs once more, on other sequences. Raises ``InputError`` for an edit that asks for
    labels or other sequences where no corpus is given.
    """
    given = _resampled([edit for edit in edits if isinstance(edit, Edit)], model, batch, corpus)
    return tuple(edit if isinstance(edit, Bound) else _bound(edit, given, batch, corpus) for edit in edits)


def _bound(edit: Edit, given: dict[tuple[int, str], Tensor], batch: Batch, corpus: Corpus | None) -> Bound:
    device = batch.tokens.device
    units = torch.tensor(edit.units, dtype=torch.long, device=device)
    where = _where(edit.where, batch, corpus)
    keep: Tensor | None = None
    match edit.values:
        case Resampled(seed):
            add = given[seed, edit.site][..., units]
        case Scaled(factors):
            keep = torch.tensor(factors, dtype=torch.float64, device=device).diag()
            add = keep.new_zeros(len(units))
        case Added(values):
            keep = torch.eye(len(units), dtype=torch.float64, device=device)
            add = torch.tensor(values, dtype=torch.float64, device=device)
        case Projected(matrix, mean):
            taken = torch.tensor(matrix, dtype=torch.float64, device=device).view(len(units), len(units))
            keep = torch.eye(len(units), dtype=torch.float64, device=device) - taken
            add = torch.tensor(mean, dtype=torch.float64, device=device) @ taken
        case constants:
            add = torch.tensor(constants, dtype=torch.float64, device=device)
    return Bound(edit.site, units, add, keep, where)


def _where(where: Steps | Where | None, batch: Batch, corpus: Corpus | None) -> Bool[Tensor, "batch time"] | None:
    if where is None:
        return None
    position = torch.arange(batch.tokens.shape[1], device=batch.tokens.device) - batch.context[:, None]
    if isinstance(where, Steps):
        inside = position >= where.start
        return batch.counted & (inside if where.stop is None else inside & (position < where.stop))
    mask = torch.zeros_like(batch.counted)
    mask[batch.counted] = torch.cat(
        [_corpus(corpus).labels(where.label, number) == where.value for number in batch.sequence.tolist()]
    ).to(mask.device)
    return mask


def _resampled(
    edits: Sequence[Edit], model: Model, batch: Batch, corpus: Corpus | None
) -> dict[tuple[int, str], Float[Tensor, "batch time unit"]]:
    """Values of other sequences, by seed and site, at the steps of these."""
    wanted: dict[int, list[str]] = {}
    for edit in edits:
        if isinstance(edit.values, Resampled):
            wanted.setdefault(edit.values.seed, []).append(edit.site)
    found = {}
    for seed, sites in wanted.items():
        others = [_other(number, seed, _corpus(corpus)) for number in batch.sequence.tolist()]
        donors = _corpus(corpus).batch(others).to(batch.tokens.device)
        step = torch.arange(batch.tokens.shape[1], device=batch.tokens.device)
        # Counted steps face counted steps; what is left over of either goes round.
        step = (step - batch.context[:, None] + donors.context[:, None]) % donors.lengths[:, None]  # [batch time]
        row = torch.arange(len(others), device=batch.tokens.device)[:, None]
        for name, values in model.run(donors, list(dict.fromkeys(sites))).items():
            found[seed, name] = values[row, step]
    return found


def _other(number: int, seed: int, corpus: Corpus) -> int:
    """Another sequence, at least as long if one is found: the first of those drawn, or else the longest of them."""
    draw = np.random.default_rng([seed, number])
    drawn = [int(place) + int(place >= number) for place in draw.integers(len(corpus) - 1, size=TRIES)]
    lengths = corpus.lengths([*drawn, number])
    enough = [min(length, lengths[-1]) for length in lengths[:-1]]
    return drawn[enough.index(max(enough))]


def _corpus(corpus: Corpus | None) -> Corpus:
    if corpus is None:
        raise InputError("an edit by labels or by other sequences needs their corpus; use Live(model, corpus, edits=…)")
    return corpus
