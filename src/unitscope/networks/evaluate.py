"""The loss of a network over a text, read from end to end with the state carried."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from unitscope.corpus.text import TextCorpus
from unitscope.networks.stream import Stream, stream_of


@runtime_checkable
class LanguageModel(Protocol):
    """A language model that is read step by step: a ``CharNet``, a ``ContextNet``."""

    training: bool

    @property
    def device(self) -> torch.device: ...

    def fresh_state(self, batch: int) -> tuple[Tensor, ...]: ...

    def carry(self, tokens: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits ``[batch time symbol]``, and the state after the last step."""
        ...

    def eval(self) -> object: ...

    def train(self, mode: bool = True) -> object: ...


def evaluate(net: LanguageModel, text: TextCorpus | Stream, rows: int = 100, steps: int = 100) -> float:
    """Mean nats per symbol over a text that is read in so many parallel rows, each from a fresh state.

    Symbols at the end of a document, which nothing follows, are read but predict nothing; fewer than ``rows``
    symbols at the end of the text are left out. A short text is read in fewer rows.
    """
    stream = stream_of(text) if isinstance(text, TextCorpus) else text
    rows = max(1, min(rows, len(stream) // steps))
    was_training = net.training
    net.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        state = net.fresh_state(rows)
        for ids, targets in stream.rows(rows).windows(steps, net.device):
            logits, state = net.carry(ids, state)
            # Float64 sums: a part may have millions of symbols.
            losses = nn.functional.cross_entropy(
                logits.flatten(0, 1), targets.flatten(), ignore_index=stream.none, reduction="none"
            )
            total += float(losses.sum(dtype=torch.float64))
            count += int((targets != stream.none).sum())
    net.train(was_training)
    return total / max(count, 1)
