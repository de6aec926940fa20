"""The order in which a module that sorts its sequences has the rows of a batch, found for that batch itself.

A module sorts by length, and nobody knows how it orders sequences of one length. So a batch of the same shape is asked:
as many rows, as long in comparison with each other, but short; in some runs tokens of some rows are changed, so that
each row has a code of its own in which runs it moves.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.models.calling import changed
from unitscope.models.check.experiment import SLACK
from unitscope.models.check.facts import codes, moved, row_order
from unitscope.models.raw import Raw


def ranked(lengths: Sequence[int]) -> tuple[int, ...]:
    """The shortest lengths that compare with each other as these do, and at least 2."""
    place = {length: number for number, length in enumerate(sorted(set(lengths)))}
    return tuple(place[length] + 2 for length in lengths)


def row_orders(
    subject: Raw, read: Callable[[Batch], Mapping[str, Tensor]], lengths: Sequence[int]
) -> dict[str, Int[Tensor, " row"]] | None:
    """By site, the row of the batch that each row of the module is; None where they cannot be told.

    ``read`` gives the sites in question for a batch.
    """
    batch = subject.calling.drawn(lengths, subject.symbols, torch.Generator().manual_seed(len(lengths)))
    given = torch.arange(1, len(lengths) + 1)
    base = read(batch)
    runs = []
    for bit in range(len(lengths).bit_length()):
        steps = {row: 0 for row, code in enumerate(given.tolist()) if code >> bit & 1}
        runs.append(read(changed(batch, steps, subject.symbols)))
    found = {}
    for site, values in base.items():
        seen = codes([moved(values, run[site], subject.precision, SLACK) for run in runs]).cpu()
        order = row_order(seen, given)
        if order is None:
            return None
        found[site] = order.to(values.device)
    return found
