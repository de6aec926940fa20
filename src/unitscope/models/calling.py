"""Running a module as it is: how it is called, where its inputs go, and small batches to try it with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.placement import device_of, precision_of

Call = Callable[[nn.Module, Batch], Any]
"""Runs a module on a batch and returns its output."""


@dataclass(frozen=True, eq=False)
class Calling:
    """A module and the way to call it."""

    module: nn.Module
    name: str
    call: Call | None = None
    """None: ``module(batch.tokens)``."""
    channels: int | None = None
    """Of a module that reads series."""

    @property
    def device(self) -> torch.device:
        """Where the inputs go."""
        return device_of(self.module)

    @property
    def precision(self) -> torch.dtype:
        """Precision of the module's first weight."""
        return precision_of(self.module)

    def output(self, batch: Batch) -> Any:
        """Output of the module for a batch, in any mode."""
        return self.call(self.module, batch) if self.call else self.module(batch.tokens)

    def tried(self, batch: Batch) -> Any:
        """The output for a small batch, without gradients and in evaluation mode.

        Raises ``InputError`` where the module does not run on it.
        """
        try:
            with torch.inference_mode(), evaluating(self.module):
                return self.output(batch)
        except Exception as error:  # whatever a foreign module raises, it means the same
            what = "token numbers" if self.channels is None else f"series of {self.channels} channels"
            raise InputError(
                f"{self.name} does not run on a batch of {what}; "
                "give ModuleModel a call=lambda module, batch: … that runs it, or channels= if it reads series "
                f"({type(error).__name__}: {error})"
            ) from error

    def plain(self, sequences: int, steps: int) -> Batch:
        """Zeros, or symbols 0 and 1 in turn, which are in every vocabulary."""
        tokens = torch.arange(steps).remainder(2).expand(sequences, steps).clone()
        return self._batch(tokens if self.channels is None else torch.zeros(sequences, steps, self.channels), [steps])

    def drawn(self, lengths: Sequence[int], symbols: Sequence[int], draw: torch.Generator) -> Batch:
        """A batch of random symbols, or of random values."""
        shape = (len(lengths), max(lengths))
        if self.channels is not None:
            return self._batch(torch.randn(*shape, self.channels, generator=draw), lengths)
        return self._batch(torch.tensor(symbols)[torch.randint(len(symbols), shape, generator=draw)], lengths)

    def _batch(self, tokens: Tensor, lengths: Sequence[int]) -> Batch:
        """With symbol 0 as target, which every vocabulary has; after the end of a row its tokens are 0 too."""
        rows, steps = tokens.shape[:2]
        ends = torch.tensor(lengths).expand(rows)
        tokens[torch.arange(steps) >= ends[:, None]] = 0
        targets = torch.zeros(rows, steps, dtype=torch.long)
        targets[torch.arange(steps) >= ends[:, None] - 1] = -1
        tokens = tokens.to(self.precision) if tokens.is_floating_point() else tokens
        none = torch.zeros(rows, dtype=torch.long)
        batch = Batch(tokens=tokens, targets=targets, context=none, lengths=ends.clone(), sequence=none)
        return batch.to(self.device)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode in every submodule, and afterwards each one's own mode again.

    Compiled code does not see hooks that come later, so what is compiled runs as it was written.
    """
    training = [child for child in module.modules() if child.training]
    # The fused kernel of an encoder layer passes its modules by, and fails where their hooks give other values.
    fast = torch.backends.mha.get_fastpath_enabled()
    compiled = any(hasattr(c, "_orig_mod") or c._compiled_call_impl is not None for c in module.modules())
    for child in training:
        child.training = False
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.compiler.set_stance("force_eager") if compiled else nullcontext():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for child in training:
            child.training = True


def rows_of(batch: Batch, rows: Tensor, length: int) -> Batch:
    """Some rows of a batch, cut to a length and what is read after it."""
    length += batch.after
    return Batch(
        tokens=batch.tokens[rows, :length],
        targets=batch.targets[rows, :length],
        context=batch.context[rows],
        lengths=batch.lengths[rows],
        sequence=batch.sequence[rows],
        attend=None if batch.attend is None else batch.attend[rows, :length],
        after=batch.after,
    )


def changed(batch: Batch, steps: Mapping[int, int], symbols: Sequence[int]) -> Batch:
    """The batch with another token in some rows, at a step of each."""
    tokens = batch.tokens.clone()
    for row, step in steps.items():
        if tokens.is_floating_point():
            tokens[row, step] += 1
        else:
            place = list(symbols).index(int(tokens[row, step]))
            tokens[row, step] = symbols[(place + 1 + (row + step) % (len(symbols) - 1)) % len(symbols)]
    return replace(batch, tokens=tokens)
