"""One batch under many edits, one after the other, by whatever way is cheapest for what is edited.

- Units of any stream of a stock layer at constants: a weight edit on the fused kernel (``lesions``).
- What the readout reads: a closed form, since logits are linear in it.
- Windows, resampled values, and units of any other module: copies of the batch side by side, each with another
  edit.
- A state of another module held from before the first step: the model's own run, one edit at a time.

All ways give the same numbers, to rounding. What lies below the edited module is computed once (``below``).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.interventions.below import Run, above
from unitscope.interventions.layers import layer_of
from unitscope.interventions.lesions import holds, lesions
from unitscope.models.edit import Bound
from unitscope.models.model import Model
from unitscope.models.module import ModuleModel
from unitscope.models.placement import is_offloaded
from unitscope.models.predictions import LOG_PROB, LOSS

ROWS = {"cpu": 256}
"""Sequences that run side by side: on a processor, as many as its cache likes."""
MANY_ROWS = 4096
"""On anything else, where a call costs more than its arithmetic."""
WORTH = 4
"""Runs that are worth two more, to keep what lies below the edit."""


def runs(model: Model, batch: Batch, edits: Sequence[Bound], read: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Outputs of the model under each edit in turn; the model itself is never changed."""
    if not edits:
        return
    (first, *others) = {edit.site for edit in edits}
    if isinstance(model, ModuleModel) and not others:
        layer = layer_of(model, first)
        held = layer is not None and not is_offloaded(layer.module)
        if (
            layer
            and held
            and all(edit.constant and holds(layer.module, first.rpartition(".")[2], edit.add) for edit in edits)
        ):
            yield from fused(model, batch, edits, read)
            return
        readout = _readout(model, batch, first, read)
        if readout is not None:
            yield from closed_form(model, batch, edits, readout, read)
            return
    alone = any(edit.constant and edit.site.endswith((".hidden", ".cell")) for edit in edits)
    yield from side_by_side(model, batch, edits, read, 1 if alone else None)


def fused(model: ModuleModel, batch: Batch, edits: Sequence[Bound], read: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """By weight edits, for units of one stream of a stock layer at constants."""
    with lesions(model, batch, edits[0].site, read) as lesion:
        for edit in edits:
            yield lesion(edit.units.tolist(), edit.add.tolist())


def side_by_side(
    model: Model, batch: Batch, edits: Sequence[Bound], read: Sequence[str], at_once: int | None = None
) -> Iterator[dict[str, Tensor]]:
    """Copies of the batch in one run, each with its own edit; ``at_once`` of them, or as many as run well."""
    size = len(batch.sequence)
    if at_once is None:
        at_once = max(1, ROWS.get(batch.tokens.device.type, MANY_ROWS) // size)
    full = len(edits) - len(edits) % at_once
    whole = _repeated(batch, at_once)
    with ExitStack() as opened:
        run: Run = partial(model.run, whole, read)
        if full >= WORTH * at_once:
            run = opened.enter_context(above(model, whole, edits[0].site, read))
        for start in range(0, full, at_once):
            values = run([_in_copy(edit, n, at_once, batch) for n, edit in enumerate(edits[start : start + at_once])])
            for copy in range(at_once):
                yield {name: found[copy * size : (copy + 1) * size] for name, found in values.items()}
    if full < len(edits):
        yield from side_by_side(model, batch, edits[full:], read, len(edits) - full)


def closed_form(
    model: ModuleModel, batch: Batch, edits: Sequence[Bound], readout: nn.Linear, read: Sequence[str]
) -> Iterator[dict[str, Tensor]]:
    """For what a linear readout reads: its part of the logits is exchanged, and nothing runs again."""
    intact = model.run(batch, [edits[0].site, LOG_PROB])
    x, log_prob = intact[edits[0].site], intact[LOG_PROB]
    weight = readout.weight.detach()
    for edit in edits:
        changed = x.clone()
        edit.apply(changed)
        change = (changed - x)[..., edit.units].to(weight.dtype) @ weight[:, edit.units].T
        moved = (log_prob + change).log_softmax(-1)
        target = batch.targets.clamp(min=0).unsqueeze(2)
        loss = torch.where(batch.has_target.unsqueeze(2), -moved.gather(2, target), 0.0)
        yield {name: {LOG_PROB: moved, LOSS: loss}[name] for name in read}


def _readout(model: ModuleModel, batch: Batch, site: str, read: Sequence[str]) -> nn.Linear | None:
    """The linear module whose input the site is, if its output is the logits and nothing else is read."""
    path, _, side = site.rpartition(".")
    modules = dict(model.module.named_modules())
    module = modules.get(path)
    if (
        side != "input"
        or not isinstance(module, nn.Linear)
        or is_offloaded(module)
        or not set(read) <= {LOSS, LOG_PROB}
    ):
        return None
    if LOG_PROB not in {known.name for known in model.sites()}:
        return None
    values = model.run(batch, [site, LOG_PROB])
    with torch.inference_mode():
        expected = module(values[site].to(module.weight.dtype)).log_softmax(-1)
    same = expected.shape == values[LOG_PROB].shape and torch.allclose(
        expected[batch.counted], values[LOG_PROB][batch.counted].to(expected), atol=1e-5
    )
    return module if same else None


def _repeated(batch: Batch, copies: int) -> Batch:
    if copies == 1:
        return batch
    parts = {field.name: getattr(batch, field.name) for field in fields(batch)}
    many: dict[str, Any] = {
        name: part.repeat(copies, *[1] * (part.dim() - 1)) for name, part in parts.items() if isinstance(part, Tensor)
    }
    return replace(batch, **many)


def _in_copy(edit: Bound, number: int, copies: int, batch: Batch) -> Bound:
    """The edit in one of the copies only."""
    if copies == 1:
        return edit
    rows = slice(number * len(batch.sequence), (number + 1) * len(batch.sequence))

    def placed(values: Tensor) -> Tensor:
        whole = values.new_zeros(copies * len(values), *values.shape[1:])
        whole[rows] = values
        return whole

    where = torch.ones_like(batch.counted) if edit.where is None else edit.where
    return replace(edit.over(placed), where=placed(where))
