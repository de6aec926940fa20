"""Ablation: hold units at fixed values, and read what it does to the loss of every token.

The intact and the edited model read the same sequences, so each token is its own control. Intervals take
sequences, or groups of them, as the independent pieces of evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import stats
from torch import Tensor

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.models.bind import bind, check_edits
from unitscope.models.edit import Edit
from unitscope.models.model import Model

LOSS = "output.loss"


@dataclass(frozen=True)
class Change:
    """A mean change of the loss, in nats per token, with its 95 % interval."""

    mean: float
    low: float
    high: float
    tokens: int


@dataclass(frozen=True)
class SymbolChange:
    """What predicting one symbol costs more without the unit."""

    symbol: str
    change: float
    """Nats, averaged over the tokens where this symbol comes next."""
    tokens: int


@dataclass(frozen=True)
class Damage:
    """What an edit does to the loss: everywhere, where each flag holds, where it does not, and by next symbol."""

    overall: Change
    where: dict[str, Change]
    elsewhere: dict[str, Change]
    symbols: list[SymbolChange]
    """The symbols whose prediction suffers most, by their share of the whole damage."""


@dataclass
class Bench:
    """Sequences on which edits are tried, with the intact model's loss at every counted token.

    Kept in memory: five numbers per token and one bit per flag, so give it a sample of the corpus.
    """

    model: Model
    corpus: Corpus
    sequences: Sequence[int]
    flags: Mapping[str, Bool[Tensor, " token"]]
    batch_size: int = 64
    groups: Sequence[int] = ()
    """For each sequence the number of its group, such as its document; a group is one piece of evidence.
    Each sequence is one if this is not given."""
    loss: Float[Tensor, " token"] = field(init=False)
    row: Int[Tensor, " token"] = field(init=False)
    """Which of the sequences a token belongs to."""
    target: Int[Tensor, " token"] = field(init=False)
    _piece: Int[Tensor, " token"] = field(init=False)
    """The piece of evidence that a token belongs to."""

    def __post_init__(self) -> None:
        if LOSS not in {site.name for site in self.model.sites()}:
            raise InputError(f"{self.model.name} predicts no next token, so ablation has no loss to read")
        self.loss, self.row, self.target = self._run(())
        numbers = torch.tensor(self.groups or range(len(self.sequences)))
        self._piece = torch.unique(numbers, return_inverse=True)[1][self.row]
        if not bool((self.target >= 0).any()):
            raise InputError(
                f"{self.corpus.name} gives no targets on the chosen sequences, so there is no loss to read"
            )

    def damage(self, edits: Sequence[Edit]) -> Damage:
        """The change of the loss under the edits. One forward pass over the sequences.

        Raises ``InputError`` for an edit that cannot be made on them.
        """
        check_edits(edits, self.model, self.corpus, self.sequences)
        loss, _, _ = self._run(edits)
        known = self.target >= 0
        change = torch.where(known, loss - self.loss, 0.0)
        return Damage(
            overall=self._mean(change, known),
            where={name: self._mean(change, known & flag) for name, flag in self.flags.items()},
            elsewhere={name: self._mean(change, known & ~flag) for name, flag in self.flags.items()},
            symbols=self._by_symbol(change),
        )

    def intact(self) -> float:
        """The intact model's mean loss, nats per token."""
        return float(self.loss[self.target >= 0].double().mean())

    def _run(
        self, edits: Sequence[Edit]
    ) -> tuple[Float[Tensor, " token"], Int[Tensor, " token"], Int[Tensor, " token"]]:
        losses, rows, targets = [], [], []
        for first in range(0, len(self.sequences), self.batch_size):
            batch = self.corpus.batch(self.sequences[first : first + self.batch_size]).to(self.model.device)
            values = self.model.run(batch, [LOSS], bind(edits, self.model, batch, self.corpus))[LOSS]
            row, step = torch.nonzero(batch.counted, as_tuple=True)
            losses.append(values[row, step, 0].float().cpu())
            rows.append(row.cpu() + first)
            targets.append(batch.targets[row, step].cpu())
        return torch.cat(losses), torch.cat(rows), torch.cat(targets)

    def _mean(self, change: Float[Tensor, " token"], mask: Bool[Tensor, " token"]) -> Change:
        """The mean over the masked tokens, as a ratio of sums over pieces of evidence."""
        piece, size = self._piece[mask], int(self._piece.max()) + 1
        sums = torch.zeros(size, dtype=torch.float64).index_add_(0, piece, change[mask].double())
        counts = torch.bincount(piece, minlength=size).double()
        tokens = int(counts.sum())
        used = int((counts > 0).sum())
        if tokens == 0:
            return Change(float("nan"), float("nan"), float("nan"), 0)
        mean = float(sums.sum() / tokens)
        if used < 3:
            return Change(mean, float("nan"), float("nan"), tokens)
        spread = float(((sums - mean * counts) ** 2).sum().sqrt()) / tokens * (used / (used - 1)) ** 0.5
        width = float(stats.t.ppf(0.975, used - 1)) * spread
        return Change(mean, mean - width, mean + width, tokens)

    def _by_symbol(self, change: Float[Tensor, " token"], most: int = 6) -> list[SymbolChange]:
        symbols = self.corpus.vocabulary.symbols
        known = self.target >= 0
        sums = np.bincount(self.target[known].numpy(), weights=change[known].double().numpy(), minlength=len(symbols))
        counts = np.bincount(self.target[known].numpy(), minlength=len(symbols))
        worst = [int(i) for i in np.argsort(-sums)[:most] if sums[i] > 0]
        return [SymbolChange(symbols[i], float(sums[i] / counts[i]), int(counts[i])) for i in worst]
