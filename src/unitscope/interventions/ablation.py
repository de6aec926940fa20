"""Ablation: hold units at fixed values, and read what it does to the loss of every token.

The intact and the edited model read the same sequences, so each token is its own control. Intervals take
sequences, or groups of them, as the independent pieces of evidence.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.evidence.jackknife import Estimate
from unitscope.evidence.ratio import mean
from unitscope.evidence.used import Costs
from unitscope.interventions.engines import runs
from unitscope.models.bind import bind, check_edits
from unitscope.models.edit import Edit
from unitscope.models.model import Model
from unitscope.models.predictions import LOG_PROB, LOSS

TOGETHER = 64
"""Changes whose losses are added up in one product."""
SYMBOLS = 6
"""Are named, those that suffer most."""


@dataclass(frozen=True)
class Change:
    """A mean change of the loss, in nats per token, with its 95 % interval."""

    mean: float
    low: float
    high: float
    tokens: int


@dataclass(frozen=True)
class SymbolChange:
    """Rise of the loss of predicting one symbol without the unit."""

    symbol: str
    change: float
    """Nats, averaged over the tokens where this symbol comes next."""
    tokens: int


@dataclass(frozen=True)
class Damage:
    """Effect of an edit on the loss: everywhere, where each flag holds, where it does not, and by next symbol."""

    overall: Change
    where: dict[str, Change]
    elsewhere: dict[str, Change]
    contrast: dict[str, Change]
    """Where less elsewhere."""
    symbols: list[SymbolChange]
    """The symbols whose prediction suffers most, by their share of the whole damage."""


@dataclass
class ChangeSums:
    """Rise of the loss under each of several changes."""

    pieces: Float[Tensor, "change piece column"]
    """Over the tokens of each piece: of all that have a target, and of those where each flag holds."""
    symbols: Float[Tensor, "change symbol"]
    """Over the tokens before each symbol."""


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
    _table: Float[Tensor, "token column"] = field(init=False)
    """1 where there is a target; the same where each flag holds."""

    def __post_init__(self) -> None:
        if LOSS not in {site.name for site in self.model.sites()}:
            raise InputError(
                f"{self.model.name} predicts no next token, so ablation has no loss to read; give it targets "
                "of its own (unitscope.corpus.targets.with_targets), or use a model that predicts"
            )
        parts = []
        for first, batch in self._batches():
            row, step = torch.nonzero(batch.counted, as_tuple=True)
            loss = self.model.run(batch, [LOSS])[LOSS][row, step, 0].float().cpu()
            parts.append((loss, row.cpu() + first, batch.targets[row, step].cpu()))
        self.loss, self.row, self.target = (torch.cat(part) for part in zip(*parts, strict=True))
        numbers = torch.tensor(self.groups or range(len(self.sequences)))
        self._piece = torch.unique(numbers, return_inverse=True)[1][self.row]
        known = self.target >= 0
        if not bool(known.any()):
            raise InputError(
                f"{self.corpus.name} gives no targets on the chosen sequences, so there is no loss to read"
            )
        self._table = torch.stack([known, *(known & flag for flag in self.flags.values())], 1).double()

    def damage(self, edits: Sequence[Edit]) -> Damage:
        """The change of the loss under the edits, all at once. One forward pass over the sequences.

        Raises ``InputError`` for an edit that cannot be made on them.
        """
        return self.each([edits])[0][0]

    def each(
        self, changes: Sequence[Sequence[Edit]], tell: Callable[[int], None] = lambda _: None
    ) -> list[tuple[Damage, Costs]]:
        """The same for each of several changes, and the sums over pieces of which means and intervals are made.

        Raises ``InputError`` as ``damage`` does.
        """
        return self.read(self.sums(changes, tell))

    def sums(self, changes: Sequence[Sequence[Edit]], tell: Callable[[int], None] = lambda _: None) -> ChangeSums:
        """Sums of the rise of the loss under each of several changes.

        Changes of one site go side by side, in the cheapest way there is (``engines``). ``tell`` counts changes, each
        once for every batch.
        """
        for edits in changes:
            check_edits(edits, self.model, self.corpus, self.sequences)
        pieces, symbols = int(self._piece.max()) + 1, len(self._names)
        sums = torch.zeros(len(changes), pieces, self._table.shape[1], dtype=torch.float64)
        by_symbol = torch.zeros(len(changes), symbols, dtype=torch.float64)
        for first, batch in self._batches():
            here = (self.row >= first) & (self.row < first + len(batch.sequence))
            tokens, known, loss = here.nonzero().squeeze(1), self.target[here] >= 0, self.loss[here]
            row, step = torch.nonzero(batch.counted, as_tuple=True)
            edges = [0, *(torch.nonzero(self._piece[tokens].diff()).squeeze(1) + 1).tolist(), len(tokens)]
            left = self._runs(batch, changes)
            while some := list(itertools.islice(left, TOGETHER)):
                numbers = torch.tensor([number for number, _ in some])
                changed = torch.stack([values[row, step, 0].float().cpu() for _, values in some])
                change = torch.where(known, changed - loss, 0.0).double()  # [change token]
                for start, stop in itertools.pairwise(edges):
                    piece = self._piece[tokens[start]]
                    sums[numbers, piece] += change[:, start:stop] @ self._table[tokens[start:stop]]
                found = torch.zeros(len(some), symbols, dtype=torch.float64)
                by_symbol[numbers] += found.index_add_(1, self.target[here][known], change[:, known])
                tell(len(some))
        return ChangeSums(sums, by_symbol)

    def read(self, sums: ChangeSums) -> list[tuple[Damage, Costs]]:
        """Results from the sums of some changes."""
        pieces, symbols = int(self._piece.max()) + 1, len(self._names)
        counts = torch.bincount(self.target[self.target >= 0], minlength=symbols)
        of = torch.zeros(pieces, self._table.shape[1], dtype=torch.float64).index_add_(0, self._piece, self._table)
        each = zip(sums.pieces.numpy(), sums.symbols, strict=True)
        return [self._damage(*parts, of.numpy(), counts) for parts in each]

    def _damage(
        self,
        sums: Float[np.ndarray, "piece column"],
        by_symbol: Float[Tensor, " symbol"],
        tokens: Float[np.ndarray, "piece column"],
        counts: Int[Tensor, " symbol"],
    ) -> tuple[Damage, Costs]:
        whole, of_whole, on, on_tokens = sums[:, :1], tokens[:, :1], sums[:, 1:], tokens[:, 1:]
        costs = Costs(on, on_tokens, whole - on, of_whole - on_tokens)
        names, symbols = list(self.flags), self._names
        worst = [int(k) for k in torch.argsort(-by_symbol, stable=True)[:SYMBOLS] if by_symbol[k] > 0]
        return Damage(
            overall=_changes(["all"], mean(whole, of_whole), of_whole)["all"],
            where=_changes(names, costs.on(), on_tokens),
            elsewhere=_changes(names, costs.off(), of_whole - on_tokens),
            contrast=_changes(names, costs.contrast(), on_tokens),
            symbols=[SymbolChange(symbols[k], float(by_symbol[k] / counts[k]), int(counts[k])) for k in worst],
        ), costs

    @property
    def _names(self) -> Sequence[str]:
        """Names of the predictions: classes, if there are any, or else symbols."""
        named = next((site.names for site in self.model.sites() if site.name == LOG_PROB), ())
        return named or self.corpus.vocabulary.symbols

    def intact(self) -> float:
        """The intact model's mean loss, nats per token."""
        return float(self.loss[self.target >= 0].double().mean())

    def _batches(self) -> Iterator[tuple[int, Batch]]:
        """Number of the first sequence, and the batch."""
        for first in range(0, len(self.sequences), self.batch_size):
            yield first, self.corpus.batch(self.sequences[first : first + self.batch_size]).to(self.model.device)

    def _runs(self, batch: Batch, changes: Sequence[Sequence[Edit]]) -> Iterator[tuple[int, Tensor]]:
        """Number of a change, and the loss under it; those of one edit site by site."""
        sites: dict[str, list[int]] = {}
        for number, edits in enumerate(changes):
            if len(edits) == 1:
                sites.setdefault(edits[0].site, []).append(number)
            else:
                yield number, self.model.run(batch, [LOSS], bind(edits, self.model, batch, self.corpus))[LOSS]
        for numbers in sites.values():
            bound = bind([changes[number][0] for number in numbers], self.model, batch, self.corpus)
            for number, values in zip(numbers, runs(self.model, batch, bound, [LOSS]), strict=True):
                yield number, values[LOSS]


def _changes(names: Sequence[str], found: Estimate, tokens: Float[np.ndarray, "piece label"]) -> dict[str, Change]:
    table = zip(names, found.value, found.low, found.high, tokens.sum(0), strict=True)
    return {name: Change(float(value), float(low), float(high), int(count)) for name, value, low, high, count in table}
