"""Whether a network is any good at what it reads: its loss against that of how often each symbol occurs.

What units do in a network that does not work where it is read, because its text is of another kind, in other symbols or
cut from its context, says little. So this is looked at first.
"""

from dataclasses import dataclass

import numpy as np

from unitscope.models.predictions import LOG_PROB, LOSS
from unitscope.source.live import Live

SEQUENCES = 16
"""As many are read for it, spread evenly."""
COUNTED = 512
"""Sequences over which symbols are counted."""
LEAST = 200
"""Tokens below which nothing is said."""
_ADDED = (1.0, 0.1, 0.01, 1e-3)
"""What is added to every count, whichever is best for the frequencies."""


@dataclass(frozen=True)
class Skill:
    """Mean losses per token in nats."""

    model: str
    corpus: str
    loss: float
    unigrams: float
    """Of each symbol's frequency among all other tokens of the same text; the share of each class where the targets
    are classes."""
    tokens: int

    @property
    def is_skilled(self) -> bool:
        """Whether the network is better than frequencies."""
        return self.loss < self.unigrams

    @property
    def sentence(self) -> str:
        """In words."""
        numbers = f"{self.loss:.2f} nats a token against {self.unigrams:.2f} ({self.tokens:,} tokens of {self.corpus})"
        if self.is_skilled:
            return f"{self.model} predicts better than the frequencies of symbols: {numbers}."
        return (
            f"Warning: {self.model} predicts no better than the frequencies of symbols: {numbers}. It does not work on "
            "what it reads here, so what its units do here says little; is the text in its symbols, and of its kind?"
        )


def skill(source: Live) -> Skill | None:
    """From a few sequences; None for a model that predicts no symbols, and where there is too little to say."""
    widths = {site.name: site.units for site in source.model.sites()}
    chosen = list(source.sequences)
    if LOG_PROB not in widths or not chosen:
        return None
    count = min(SEQUENCES, len(chosen))
    read = [chosen[number * len(chosen) // count] for number in range(count)]
    counted = chosen[:: max(1, len(chosen) // COUNTED)]
    total, tokens = 0.0, 0
    for first in range(0, len(read), source.batch_size):
        batch = source.corpus.batch(read[first : first + source.batch_size]).to(source.model.device)
        loss = source.model.run(batch, [LOSS], source.edits)[LOSS][..., 0][batch.has_target]
        total, tokens = total + float(loss.double().sum()), tokens + loss.numel()
    targets = []
    for first in range(0, len(counted), source.batch_size):
        batch = source.corpus.batch(counted[first : first + source.batch_size])
        targets.append(batch.targets[batch.has_target].numpy())
    every = np.concatenate(targets)
    if tokens < LEAST or len(every) < LEAST:
        return None
    return Skill(source.model.name, source.corpus.name, total / tokens, _unigrams(every, widths[LOG_PROB]), tokens)


def _unigrams(targets: np.ndarray, symbols: int) -> float:
    """Mean loss of each target under the frequencies of all others."""
    counts = np.bincount(targets, minlength=symbols)[:symbols].astype(float)
    there = counts > 0
    losses = [
        -np.sum(counts[there] * np.log((counts[there] - 1 + added) / (len(targets) - 1 + added * symbols)))
        for added in _ADDED
    ]
    return float(min(losses) / len(targets))
