"""Scores of a network that writes alone, from its own output."""

from dataclasses import dataclass

import torch

from unitscope.corpus.pair_corpus import OutputCorpus
from unitscope.networks.seq2seq.guidance import task_loss
from unitscope.networks.seq2seq.halves import halves
from unitscope.networks.seq2seq.network import Seq2SeqNet

_AT_ONCE = 1024


@dataclass(frozen=True)
class Score:
    """Over some pairs, nothing fed but what the network wrote itself."""

    sequences: float
    """Share of the pairs of which every symbol is right."""
    symbols: float
    """Share of the symbols that are right."""
    attention: float
    """Mean weight of the place to attend to; NaN where the pairs say none."""
    loss: float
    """Nats, summed over the steps of a pair."""


@torch.inference_mode()
def score(net: Seq2SeqNet, corpus: OutputCorpus) -> Score:
    """The score of a network on some pairs."""
    device = next(net.parameters()).device
    right = symbols = wanted = places = whole = 0
    weight = loss = 0.0
    for first in range(0, len(corpus), _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, len(corpus)))
        half = halves(corpus.batch(numbers).to(device), net.config.sources, net.config.symbols)
        decoded = net(half.sources, half.lengths, half.targets.shape[1], attend=half.attend)
        known = half.targets >= 0
        correct = (decoded.written == half.targets) & known
        right, symbols = right + int(correct.sum()), symbols + int(known.sum())
        whole += int((correct == known).all(1).sum())
        loss += float(task_loss(decoded.logits, half.targets)) * len(numbers)
        if half.attend is not None:
            told = half.attend >= 0
            weights = decoded.attention.gather(2, half.attend.clamp(min=0).unsqueeze(2)).squeeze(2)
            weight, places, wanted = weight + float(weights[told].sum()), places + int(told.sum()), wanted + 1
    attention = weight / places if wanted else float("nan")
    return Score(whole / len(corpus), right / symbols, attention, loss / len(corpus))
