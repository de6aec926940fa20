"""A module read as it stands: every value in the order of rows and steps in which the module itself has it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.calling import Calling
from unitscope.models.edit import Bound
from unitscope.models.predictions import OUTPUT
from unitscope.models.reader import Reader
from unitscope.models.site import Site
from unitscope.models.survey import Survey


@dataclass(frozen=True, eq=False)
class Raw:
    """A module with its readers."""

    calling: Calling
    survey: Survey
    readers: Sequence[Reader]
    inside: tuple[Site, ...]
    left_out: Mapping[str, str]
    """Sites that are known not to be there, with the reason."""

    @property
    def precision(self) -> torch.dtype:
        return self.survey.precision

    @property
    def symbols(self) -> Sequence[int]:
        """Token numbers that mean nothing special, where they are known."""
        config = getattr(self.calling.module, "config", None)
        told = vars(config) if config is not None else {}
        special = {value for name, value in told.items() if name.endswith("_token_id") and isinstance(value, int)}
        known = self.survey.vocabulary or 2
        return [n for n in range(1, min(known, 200)) if n not in special][:64] if known > 3 else range(known)

    def read(
        self,
        batch: Batch,
        edits: Sequence[Bound] = (),
        only: Collection[str] | None = None,
        left_out: dict[str, str] | None = None,
    ) -> dict[str, Tensor]:
        """Every site, or some, and as ``OUTPUT`` what the module gives for each token, where it does.

        With ``left_out`` a site without a step for each token is left out, and the reason is put there.
        """
        names = [site.name for site in self.inside if only is None or site.name in only]
        streams, output = self._streams(batch, names, edits)
        values = {}
        for name, parts in streams.items():
            try:
                values[name] = joined(name, parts, batch)
            except InputError as error:
                if left_out is None:
                    raise
                left_out.setdefault(name, str(error))
        found = self._predicted(output, batch)
        if (only is None or OUTPUT in only) and found is not None and found.shape[:2] == batch.tokens.shape[:2]:
            values[OUTPUT] = found.flatten(2) if found.dim() > 2 else found.unsqueeze(2)
        return values

    def found(self, output: Any, batch: Batch) -> Tensor:
        """Predictions of the module, ``[batch time unit]``."""
        found = self._predicted(output, batch)
        assert found is not None
        return found if found.dim() > 2 else found.unsqueeze(2)

    def _predicted(self, output: Any, batch: Batch) -> Tensor | None:
        """In the order of batch, time and units, whatever that of the module."""
        found, axes = self.survey.find(output), self.survey.axes
        if found is None or axes is None or found.dim() != len(axes.rows) + len(axes.units):
            return found
        return in_sequences(axes.ordered(found), batch)

    def values(
        self, batch: Batch, names: Sequence[str], edits: Sequence[Bound] = ()
    ) -> tuple[dict[str, Float[Tensor, "batch time unit"]], Any]:
        """The named sites and the module's output. Edits are told in the module's own order."""
        streams, output = self._streams(batch, names, edits)
        return {name: joined(name, parts, batch) for name, parts in streams.items()}, output

    def _streams(
        self, batch: Batch, names: Sequence[str], edits: Sequence[Bound]
    ) -> tuple[dict[str, list[Tensor]], Any]:
        streams: dict[str, list[Tensor]] = {name: [] for name in names}
        with ExitStack() as open_readings:
            for reader in self.readers:
                open_readings.enter_context(reader.reading(streams, edits, batch.tokens.shape[1]))
            output = self.calling.output(batch)
        return streams, output


def joined(name: str, parts: list[Tensor], batch: Batch) -> Float[Tensor, "batch time unit"]:
    """The values of all calls of a layer, one after the other, as long as the batch."""
    if not parts:
        raise InputError(f"{name} cannot be read: the module never ran that layer")
    values = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
    values = in_sequences(values, batch)
    sequences, steps = batch.tokens.shape[:2]
    if values.shape[0] != sequences or not int(batch.lengths.max()) <= values.shape[1] <= steps:
        raise InputError(
            f"{name} has {values.shape[1]} steps of {values.shape[0]} sequences where the batch has {steps} of "
            f"{sequences}; only layers that read one step per token can be recorded (check batch_first, or tell "
            "the layout)"
        )
    return F.pad(values, (0, 0, 0, steps - values.shape[1])) if values.shape[1] < steps else values


def in_sequences(values: Float[Tensor, "_ _ unit"], batch: Batch) -> Float[Tensor, "_ _ unit"]:
    """The same, of a module that gives all steps end to end as well."""
    sequences, steps = batch.tokens.shape[:2]
    if values.shape[:2] == (1, sequences * steps):
        return values.reshape(sequences, steps, -1)
    if values.shape[:2] == (steps * sequences, 1):  # or end to end step by step
        return values.reshape(steps, sequences, -1).transpose(0, 1)
    return values
