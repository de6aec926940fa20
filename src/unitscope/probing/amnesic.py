"""Amnesic probing: what the model itself loses when a label is erased from one of its layers (Elazar et al. 2021).

A probe says that a label can be read; only taking it away says whether the model uses it. Erasing anything costs
something, so the same number of random directions, and of random units, is taken away for comparison.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.evidence.ratio import by_piece, mean
from unitscope.models.edit import Edit, project
from unitscope.models.model import Model
from unitscope.probing.erasure import Eraser
from unitscope.probing.measures import BITS
from unitscope.source.live import Live
from unitscope.source.pieces import pieces_of
from unitscope.views import Field, Table

LOSS, LOG_PROB = "output.loss", "output.log_prob"


@dataclass(frozen=True)
class Amnesia:
    """Cost of one erasure, per token."""

    name: str
    rank: int
    """Directions that are taken away."""
    cost: float
    """Rise of the loss, nats."""
    low: float
    """Ends of its 95 % interval, over documents (``unitscope.evidence``)."""
    high: float
    divergence: float
    """KL(p before ‖ p after) of the next symbol, bits."""
    accuracy: float
    """Change of the share of next symbols that are guessed."""


def edit_of(eraser: Eraser, site: str) -> Edit:
    """The erasure as an edit of a site: at every step, and the model goes on from what is left."""
    whole = torch.eye(len(eraser.mean), dtype=eraser.matrix.dtype)
    return project(site, whole - eraser.matrix.T, eraser.mean)


def held_units(x: Float[Tensor, "word unit"], units: Int[Tensor, " held"]) -> Eraser:
    """These units held at their means: what a ranking of units is to be judged by."""
    keep = torch.ones(x.shape[1], dtype=torch.float64)
    keep[units] = 0
    return Eraser(torch.diag(keep), x.mean(0).double(), len(units))


def random_units(x: Float[Tensor, "word unit"], rank: int, seed: int) -> Eraser:
    """As many random units held at their means."""
    return held_units(x, torch.randperm(x.shape[1], generator=torch.Generator().manual_seed(seed))[:rank])


def amnesia(
    model: Model, corpus: Corpus, site: str, erasers: Mapping[str, Eraser], sequences: Sequence[int]
) -> list[Amnesia]:
    """Run the model with each erasure in turn over the same sequences, and compare it with itself intact.

    Memory holds the distributions of a batch. Raises ``InputError`` for a model that predicts no symbols.
    """
    if LOG_PROB not in {s.name for s in model.sites()}:
        raise InputError(f"{model.name} predicts no symbols, so nothing says what an erasure costs it")
    pieces = pieces_of(Live(model, corpus, sequences=sequences))
    piece = dict(zip(sequences, pieces.piece.tolist(), strict=True))
    found = []
    for name, eraser in erasers.items():
        intact = Live(model, corpus, sequences=sequences)
        edited = Live(model, corpus, edits=(edit_of(eraser, site),), sequences=sequences)
        costs, divergences, gains, of = [], [], [], []
        for before, after in zip(intact.chunks([LOSS, LOG_PROB]), edited.chunks([LOSS, LOG_PROB]), strict=True):
            p, q = before[LOG_PROB].activations.double(), after[LOG_PROB].activations.double()
            was, now = before[LOSS].activations[:, 0].double(), after[LOSS].activations[:, 0].double()
            costs.append((now - was).cpu())
            divergences.append((p.exp() * (p - q)).sum(1).cpu())
            # The target is the symbol with the probability that the loss is made of.
            gains.append(((q.amax(1) + now) < 1e-6).double().cpu() - ((p.amax(1) + was) < 1e-6).double().cpu())
            of.append(before[LOSS].sequence.cpu())
        cost, sequence = torch.cat(costs), torch.cat(of)
        found_cost = mean(*by_piece(cost.numpy(), np.array([piece[number] for number in sequence.tolist()])))
        found.append(
            Amnesia(
                name,
                eraser.rank,
                float(cost.mean()),
                float(found_cost.low),
                float(found_cost.high),
                float(torch.cat(divergences).mean()) * BITS,
                float(torch.cat(gains).mean()),
            )
        )
    return found


def amnesia_view(rows: Sequence[Amnesia], title: str) -> Table:
    """One row per erasure."""
    fields = [
        Field("erased", "text"),
        Field("directions", "integer"),
        Field("cost", help="rise of the loss, nats per token"),
        Field("95 %", "text", "interval over documents"),
        Field("divergence", help="KL(before ‖ after) of the next symbol, bits per token"),
        Field("accuracy", help="change of the share of next symbols that are guessed"),
    ]
    values = [[r.name, r.rank, r.cost, f"{r.low:.4f} … {r.high:.4f}", r.divergence, r.accuracy] for r in rows]
    return Table(title, fields, values)
