"""Units that other networks have too (Bau et al. 2019): a guess, without labels, at which units matter.

Networks that were trained alike need the same things, so a unit that has its like in all others is likely to be needed.
MaxCorr asks for one network that has it, MinCorr for all; LinReg asks whether the units of the others together
have it, and SVCCA how much of it lies in directions that are shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.comparison.aligned import aligned, shared_sequences
from unitscope.comparison.joint import Joint
from unitscope.comparison.similarity import KEPT, canonical
from unitscope.errors import InputError
from unitscope.progress import Progress, silent
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source

RIDGES = (1e-4, 1e-2, 1e-1, 1.0)
"""Added to the variance of each predictor, in mean variances: units are often nearly copies, and tokens may be few."""


@dataclass(frozen=True, eq=False)
class Shared:
    """For each unit of one network, how much of it the others have."""

    name: str
    site: str
    maxcorr: Float[np.ndarray, " unit"]
    """Largest |r| with any unit of any other network."""
    mincorr: Float[np.ndarray, " unit"]
    """Of the largest |r| with each other network, the smallest."""
    linreg: Float[np.ndarray, " unit"]
    """R² of a regression on all units of all others, fitted on half of the sequences and measured on the other."""
    svcca: Float[np.ndarray, " unit"]
    """Share of the unit's variance in SVCCA directions, each counted by its correlation; mean over the others."""

    def to_pandas(self) -> pd.DataFrame:
        """One row per unit."""
        scores = {name: getattr(self, name) for name in ("maxcorr", "mincorr", "linreg", "svcca")}
        return pd.DataFrame({"network": self.name, "site": self.site, "unit": range(len(self.maxcorr)), **scores})


def cross_importance(
    sources: Sequence[Source],
    site: str | Sequence[str],
    sequences: Sequence[int] | None = None,
    progress: Progress = silent,
) -> list[Shared]:
    """Score the units of one site in every network against all other networks, in one pass.

    ``site`` is one name for all, or one for each. Raises ``InputError`` for fewer than two sources, and for sources
    of different corpora.
    """
    if len(sources) < 2:
        raise InputError("units are scored against those of other networks; give at least two")
    sites = [site] * len(sources) if isinstance(site, str) else list(site)
    halves = joint_halves(sources, sites, sequences, progress)
    return [shared(halves, k, sources[k].name, sites[k]) for k in range(len(sources))]


def joint_halves(
    sources: Sequence[Source],
    sites: Sequence[str],
    sequences: Sequence[int] | None = None,
    progress: Progress = silent,
) -> tuple[Joint, Joint]:
    """The joint sums of one site of each source, over sequences of even and of odd rank."""
    units = [{site.name: site.units for site in source.sites} for source in sources]
    for source, name, known in zip(sources, sites, units, strict=True):
        if name not in known:
            raise InputError(f"{source.name} has no site {name}; there are: {', '.join(known)}")
    widths = [known[name] for name, known in zip(sites, units, strict=True)]
    halves = (Joint.empty(widths), Joint.empty(widths))
    common = shared_sequences(sources) if sequences is None else sequences
    for block in aligned(sources, [[name] for name in sites], common, progress):
        halves = with_block(halves, [chunks[name] for chunks, name in zip(block, sites, strict=True)], common)
    return halves


def with_block(halves: tuple[Joint, Joint], chunks: Sequence[Chunk], sequences: Sequence[int]) -> tuple[Joint, Joint]:
    """Both halves with the tokens of some aligned chunks: every other one of the sequences belongs to the first."""
    even = torch.isin(chunks[0].sequence.cpu(), torch.tensor(sequences[::2]))
    first, second = (
        half.with_tokens([chunk.activations.cpu()[rows] for chunk in chunks])
        for half, rows in zip(halves, (even, ~even), strict=True)
    )
    return first, second


def shared(
    halves: tuple[Joint, Joint], network: int, name: str = "", site: str = "", others: Sequence[int] = ()
) -> Shared:
    """One network's units against ``others`` of a joint; against all others if none are given."""
    whole = halves[0].merge(halves[1])
    others = others or [k for k in range(len(whole.widths)) if k != network]
    best = torch.stack([whole.correlation(network, k).abs().amax(1) for k in others])  # [other unit]
    variance = whole.variance(network)
    parts = []
    for k in others:
        found = canonical(whole, network, k, KEPT)
        share = found.loadings.square() / variance.clamp(min=1e-300)[:, None]  # [unit direction]
        parts.append(torch.where(variance > 0, share[:, : len(found.rho)] @ found.rho, 0.0))
    return Shared(
        name=name,
        site=site,
        maxcorr=best.amax(0).numpy(),
        mincorr=best.amin(0).numpy(),
        linreg=linreg(halves, network, others).numpy(),
        svcca=torch.stack(parts).mean(0).numpy(),
    )


def linreg(halves: tuple[Joint, Joint], network: int, others: Sequence[int]) -> Float[Tensor, " unit"]:
    """Held-out R² of each unit of a network from all units of others; the mean of both directions of the halves.

    One ridge penalty serves all units: the one of ``RIDGES`` with the best mean. So the number is a little
    flattered where hardly anything is shared, by a choice among four. NaN for a unit that is constant on a half.
    """
    if min(half.count for half in halves) < 3:
        return torch.full((halves[0].widths[network],), torch.nan, dtype=torch.float64)
    found = torch.stack([_held_out(a, b, network, others) for a, b in (halves, halves[::-1])]).mean(0)  # [ridge unit]
    mean = torch.nanmean(found, 1)
    return found[int(torch.nan_to_num(mean, nan=-torch.inf).argmax())]


def _held_out(train: Joint, test: Joint, network: int, others: Sequence[int]) -> Float[Tensor, "ridge unit"]:
    """R² on one half of fits on the other, for every penalty."""
    inside, toward = _blocks(train, others, others), _blocks(train, others, [network])
    values, vectors = torch.linalg.eigh(inside)
    values = values.clamp(min=0)
    mean = torch.cat([train.mean(k) for k in others])
    mean_there = torch.cat([test.mean(k) for k in others])
    inside_there, toward_there = _blocks(test, others, others), _blocks(test, others, [network])
    variance = test.variance(network)
    rows = []
    for ridge in RIDGES:
        shrunk = values + max(ridge * float(values.mean()), 1e-300)
        weight = vectors @ ((vectors.T @ toward) / shrunk[:, None])  # [predictor unit]
        residual = variance - 2 * (weight * toward_there).sum(0) + (weight * (inside_there @ weight)).sum(0)
        offset = test.mean(network) - train.mean(network) - (mean_there - mean) @ weight
        error = residual.clamp(min=0) + offset**2
        rows.append(torch.where(variance > 0, 1 - error / variance.clamp(min=1e-300), torch.nan))
    return torch.stack(rows)


def _blocks(joint: Joint, rows: Sequence[int], columns: Sequence[int]) -> Tensor:
    """Covariances of some networks with some."""
    return torch.cat([torch.cat([joint.covariance(a, b) for b in columns], 1) for a in rows])
