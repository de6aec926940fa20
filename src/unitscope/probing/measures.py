"""Scores of a probe: accuracy, macro-F1, Matthews correlation, and bits."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.evidence.ratio import by_piece, share

BITS = 1 / math.log(2)
"""Bits in a nat. Everything that is reported is in bits."""


@dataclass(frozen=True)
class Scores:
    """Scores of one probe on held-out words."""

    accuracy: float
    low: float
    """Lower end of the 95 % interval of the accuracy, over documents (``unitscope.evidence``)."""
    high: float
    macro_f1: float
    """Mean over the classes that occur."""
    mcc: float
    """Matthews correlation for many classes (Gorodkin 2004)."""
    cross_entropy: float
    """Bits per word."""
    majority: float
    """Accuracy of always saying the class that is the most frequent in the training words."""
    entropy: float
    """Bits per word under the training words' class frequencies: the cross-entropy of knowing nothing of the word."""
    words: int

    @property
    def information(self) -> float:
        """V-information (Xu et al. 2020), bits per word: what the probe gains over the best constant prediction."""
        return self.entropy - self.cross_entropy


def scores(
    log_p: Float[Tensor, "word class"],
    y: Int[Tensor, " word"],
    trained: Int[Tensor, " trained"],
    piece: Int[Tensor, " word"],
) -> Scores:
    """Scores of log probabilities (nats) against classes; words with class −1 are passed over.

    ``trained`` holds the classes of the training words, for the baselines; ``piece`` says which words are
    one piece of evidence.
    """
    known = y >= 0
    log_p, y, piece = log_p[known], y[known], piece[known]
    classes = log_p.shape[1]
    right = log_p.argmax(1) == y
    table = torch.bincount(y * classes + log_p.argmax(1), minlength=classes**2).view(classes, classes).double()
    seen = torch.bincount(trained[trained >= 0], minlength=classes).double()
    # Half a word for every class: a class that only the test has must not cost infinitely many bits.
    prior = ((seen + 0.5) / (seen + 0.5).sum()).log()
    accuracy, low, high = share(*by_piece(right.double().numpy(), piece.numpy()))
    return Scores(
        accuracy=accuracy,
        low=low,
        high=high,
        macro_f1=macro_f1(table),
        mcc=matthews(table),
        cross_entropy=float(-log_p.double().gather(1, y[:, None]).mean()) * BITS,
        majority=float((y == seen.argmax()).double().mean()),
        entropy=float(-prior[y].mean()) * BITS,
        words=len(y),
    )


def macro_f1(table: Float[Tensor, "truth said"]) -> float:
    """Mean F1 over the classes that occur among the true ones or the predicted ones, as scikit-learn has it."""
    hits, truth, said = table.diagonal(), table.sum(1), table.sum(0)
    occurs = truth + said > 0
    return float((2 * hits[occurs] / (truth + said)[occurs]).mean())


def matthews(table: Float[Tensor, "truth said"]) -> float:
    """Correlation of truth and prediction; 0 where either is constant."""
    n, hits, truth, said = table.sum(), table.diagonal().sum(), table.sum(1), table.sum(0)
    spread = (n**2 - truth.square().sum()) * (n**2 - said.square().sum())
    return float((hits * n - truth @ said) / spread.sqrt()) if float(spread) > 0 else 0.0
