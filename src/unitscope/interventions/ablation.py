"""Ablation: hold units at fixed values, and read what it does to the loss of every token.

The intact and the edited model read the same sequences, so each token is its own control. Intervals take
sequences, or groups of them, as the independent pieces of evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.evidence.jackknife import Estimate
from unitscope.evidence.ratio import mean
from unitscope.evidence.used import Costs
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
    contrast: dict[str, Change]
    """Where less elsewhere."""
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
        return self.ablate(edits)[0]

    def ablate(self, edits: Sequence[Edit]) -> tuple[Damage, Costs]:
        """The same, and the sums by piece of evidence of which its means and intervals are made."""
        check_edits(edits, self.model, self.corpus, self.sequences)
        loss, _, _ = self._run(edits)
        known = self.target >= 0
        change = torch.where(known, loss - self.loss, 0.0).double()
        size = int(self._piece.max()) + 1

        def summed(values: Tensor) -> Float[np.ndarray, "piece column"]:
            shape = (size, *values.shape[1:])
            return torch.zeros(shape, dtype=torch.float64).index_add_(0, self._piece, values).numpy()

        flags = (
            torch.stack(list(self.flags.values()), 1) if self.flags else torch.zeros(len(known), 0, dtype=torch.bool)
        )
        holds = (flags & known[:, None]).double()  # [token label]
        whole, tokens = summed(change[:, None]), summed(known.double()[:, None])
        on, on_tokens = summed(holds * change[:, None]), summed(holds)
        costs = Costs(on, on_tokens, whole - on, tokens - on_tokens)
        names = list(self.flags)
        return Damage(
            overall=_changes(["all"], mean(whole, tokens), tokens)["all"],
            where=_changes(names, costs.on(), on_tokens),
            elsewhere=_changes(names, costs.off(), tokens - on_tokens),
            contrast=_changes(names, costs.contrast(), on_tokens),
            symbols=self._by_symbol(change.float()),
        ), costs

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

    def _by_symbol(self, change: Float[Tensor, " token"], most: int = 6) -> list[SymbolChange]:
        symbols = self.corpus.vocabulary.symbols
        known = self.target >= 0
        sums = np.bincount(self.target[known].numpy(), weights=change[known].double().numpy(), minlength=len(symbols))
        counts = np.bincount(self.target[known].numpy(), minlength=len(symbols))
        worst = [int(i) for i in np.argsort(-sums)[:most] if sums[i] > 0]
        return [SymbolChange(symbols[i], float(sums[i] / counts[i]), int(counts[i])) for i in worst]


def _changes(names: Sequence[str], found: Estimate, tokens: Float[np.ndarray, "piece label"]) -> dict[str, Change]:
    table = zip(names, found.value, found.low, found.high, tokens.sum(0), strict=True)
    return {name: Change(float(value), float(low), float(high), int(count)) for name, value, low, high, count in table}
