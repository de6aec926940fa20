"""A module read in the order of the batch, with what was found out about it."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.models.calling import rows_of
from unitscope.models.check.check import Check
from unitscope.models.check.facts import Arrangement
from unitscope.models.check.remains import Remains
from unitscope.models.check.rows import ranked, row_orders
from unitscope.models.edit import Bound
from unitscope.models.predictions import OUTPUT
from unitscope.models.raw import Raw

ORDERS = 256
"""Orders of rows that are remembered, each for batches whose lengths compare alike."""


class Checked:
    """Runs sequences together only where that changes nothing, and puts rows and steps where they belong."""

    def __init__(self, raw: Raw, check: Check) -> None:
        self._raw = raw
        self._check = check
        sites = [*check.sites, check.whole]
        self._moved = {site.site for site in sites if site.rows == "moved"}
        self._reversed = {site.site for site in sites if site.steps == "reversed"}
        self._orders: OrderedDict[tuple[int, ...], dict[str, Int[Tensor, " row"]] | None] = OrderedDict()

    def run(
        self, batch: Batch, names: Sequence[str], edits: Sequence[Bound], output: bool
    ) -> dict[str, Float[Tensor, "batch time unit"]]:
        """The named sites, and with ``output`` what ``Raw.found`` makes of the module's output, as ``OUTPUT``."""
        apart = list(self._apart(batch))
        if len(apart) == 1:
            return self._together(batch, names, edits, output)
        whole: dict[str, Tensor] = {}
        for rows, part in apart:
            length = part.tokens.shape[1]
            there = [edit.at((rows, slice(length))) for edit in edits]
            for name, values in self._together(part, names, there, output).items():
                if name not in whole:
                    whole[name] = values.new_zeros(*batch.tokens.shape[:2], *values.shape[2:])
                whole[name][rows, :length] = values
        return whole

    def _apart(self, batch: Batch) -> Iterator[tuple[Tensor, Batch]]:
        """The rows that run together, and the batch of these."""
        lengths = batch.lengths.tolist()
        if self._check.together == "alone" or self._order(lengths) is None:
            groups = [[row] for row in range(len(lengths))]
        elif self._check.together == "any" or len(set(lengths)) == 1:
            groups = [list(range(len(lengths)))]
        else:
            groups = [[row for row, n in enumerate(lengths) if n == length] for length in sorted(set(lengths))]
        if len(groups) == 1:
            yield torch.arange(len(lengths), device=batch.tokens.device), batch
            return
        for group in groups:
            rows = torch.tensor(group, device=batch.tokens.device)
            yield rows, rows_of(batch, rows, lengths[group[0]])

    def _together(self, batch: Batch, names: Sequence[str], edits: Sequence[Bound], output: bool) -> dict[str, Tensor]:
        remains = Remains(self._raw.calling.module, self._check.writes) if self._check.writes else None
        orders = self._order(batch.lengths.tolist()) if len(batch.lengths) > 1 else {}
        arranged = Arrangement(orders or {}, self._reversed)
        try:
            values, whole = self._raw.values(batch, names, arranged.edits(edits))
        finally:
            if remains:
                remains.put_back()
        if output:
            values[OUTPUT] = self._raw.found(whole, batch)
        return arranged.values(values)

    def _order(self, lengths: Sequence[int]) -> dict[str, Int[Tensor, " row"]] | None:
        """Row orders of the sites whose rows move, found once for lengths that compare alike; None if not found."""
        if not self._moved or len(lengths) == 1:
            return {}
        key = ranked(lengths)
        if key not in self._orders:
            self._orders[key] = row_orders(self._raw, partial(self._raw.read, only=self._moved), key)
            while len(self._orders) > ORDERS:
                self._orders.popitem(last=False)
        self._orders.move_to_end(key)
        return self._orders[key]
