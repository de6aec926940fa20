"""From what moved when a token was changed to which row and step of a batch a value belongs to."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.models.edit import Bound

Reach = Literal["own step", "later steps", "earlier steps", "only later steps", "all steps", "unknown"]
"""Which steps of a site a token changes: its own, that and later ones, that and earlier ones, only later ones, or any.
"""

Moved = Float[Tensor, "row step"]
"""How far a site's values moved, at most over its units; 0 where rounding alone could have done it."""


def moved(
    before: Float[Tensor, "row step unit"], after: Float[Tensor, "row step unit"], precision: torch.dtype, slack: int
) -> Moved:
    """``slack`` is how many units in the last place of the site's largest value are rounding."""
    if before.shape[-1] == 0 or before.numel() == 0:
        return before.new_zeros(before.shape[:2])
    # A value that is not finite in both runs has not moved.
    same = (before == after) | (before.isnan() & after.isnan())
    distance = (before - after).abs().masked_fill(same, 0).nan_to_num(torch.inf)
    finite = before.abs().nan_to_num(0, 0, 0).amax()
    least = float(finite) * torch.finfo(precision).eps * (slack if torch.finfo(precision).bits >= 32 else 4)
    return torch.where(distance > max(least, 1e-30), distance, 0.0).amax(2)


def codes(runs: Sequence[Moved]) -> Int[Tensor, " row"]:
    """For each row of a site in which runs it moved, as bits."""
    flags = torch.stack([run.amax(1) > 0 for run in runs], 1).long()
    return (flags << torch.arange(len(runs), device=flags.device)).sum(1)


def row_order(seen: Int[Tensor, " row"], given: Int[Tensor, " row"]) -> Int[Tensor, " row"] | None:
    """Which row of the batch each row of a site is, from the codes seen there and those given to the rows of the batch.

    None where rows are mixed. Rows that stay where they are may move in fewer runs than their token was changed in.
    """
    if not bool((seen & ~given).any()):
        return torch.arange(len(given), device=given.device)
    place = {code: row for row, code in enumerate(given.tolist())}
    found = [place.get(code, -1) for code in seen.tolist()]
    return torch.tensor(found, device=given.device) if sorted(found) == list(range(len(given))) else None


@dataclass(frozen=True)
class Time:
    """In which order a site has its steps, and where a changed token reaches, in the order of the batch."""

    reversed: bool
    reach: Reach


def time_of(spread: Mapping[int, Float[Tensor, " step"]], steps: int) -> Time | None:
    """From how far each step of a site moved when the token of a step was changed.

    None where steps stand in an order that is neither time nor time reversed.
    """
    supports = {step: moved.nonzero().flatten().tolist() for step, moved in spread.items() if bool(moved.any())}
    if not supports:
        return Time(False, "unknown")
    for is_reversed in (False, True):
        places = {step: [steps - 1 - s if is_reversed else s for s in support] for step, support in supports.items()}
        later = all(min(support) >= step for step, support in places.items())
        earlier = all(max(support) <= step for step, support in places.items())
        if not is_reversed and all(min(support) > step for step, support in places.items()):
            return Time(False, "only later steps")
        if later or earlier:
            return Time(is_reversed, "own step" if later and earlier else "later steps" if later else "earlier steps")
    for ends in ([min(support) for support in supports.values()], [max(support) for support in supports.values()]):
        # Each token begins, or ends, to matter at a step of its own, but not at its own step.
        if len(supports) == steps and sorted(ends) == list(range(steps)):
            return None
    # All steps see all tokens; what a step is about shows in which token moves it most.
    nearest = [abs(int(spread[step].argmax()) - step) for step in supports]
    farthest = [abs(steps - 1 - int(spread[step].argmax()) - step) for step in supports]
    return Time(max(farthest) == 0 and max(nearest) > 0, "all steps")


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Layout of a module's own rows and steps in a batch, by site."""

    rows: Mapping[str, Int[Tensor, " row"]]
    """The row of the batch that each row of a site is; not of sites that keep them."""
    reversed: AbstractSet[str]
    """Sites whose steps run from the last to the first; all rows of the batch then have one length."""

    def edits(self, edits: Sequence[Bound]) -> tuple[Bound, ...]:
        """Edits for the rows and steps of the batch, in the order of each site."""
        return tuple(edit.over(lambda by_step, site=edit.site: self._own(site, by_step)) for edit in edits)

    def values(self, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Values that were read, in the order of the batch."""
        return {site: self._back(site, values) for site, values in found.items()}

    def _own(self, site: str, by_step: Tensor) -> Tensor:
        by_step = by_step[self.rows[site]] if site in self.rows else by_step
        return by_step.flip(1) if site in self.reversed else by_step

    def _back(self, site: str, values: Tensor) -> Tensor:
        values = values.flip(1) if site in self.reversed else values
        return values[self.rows[site].argsort()] if site in self.rows else values


def spread_of(
    runs: Sequence[Moved], rows: Sequence[int], changed: Sequence[Mapping[int, int]], order: Int[Tensor, " row"] | None
) -> dict[int, Float[Tensor, " step"]]:
    """Distance that the steps moved by the changed step, in some rows of the batch.

    ``changed`` are the step of each row whose token was another, run by run; ``order`` that of the site's rows.
    """
    place = {row: row for row in rows} if order is None else {row: order.tolist().index(row) for row in rows}
    return {
        steps[row]: run[place[row]] for run, steps in zip(runs, changed, strict=True) for row in rows if row in steps
    }
