"""All units of a layer at once: what ablating each would cost, to first order.

Scaling a unit by m everywhere it is read, in the recurrence too, is scaling columns of weights; so one backward
pass gives dL/dm of all units with the fused kernel, and zero ablation (m = 0) costs about −dL/dm. Where a unit matters
much the estimate is rough, so the units at the top are ablated in earnest.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.cumulative import damage_of_sets
from unitscope.interventions.layers import LayerName, find_layer, is_hidden, layers
from unitscope.models.module import ModuleModel
from unitscope.source.source import ALL


@dataclass(frozen=True, eq=False)
class Screened:
    """Estimates for all units, and what the most important ones really cost."""

    estimate: Float[np.ndarray, " unit"]
    """Rise of the loss per prediction if the unit were zero, to first order."""
    verified: Int[np.ndarray, " top"]
    """The units with the largest estimates in size, those first."""
    exact: Float[np.ndarray, " top"]


def screen(
    model: ModuleModel, corpus: Corpus, site: str, top: int = 10, sequences: Sequence[int] = ALL, batch_size: int = 64
) -> Screened:
    """Estimate the damage of zeroing each hidden unit of a layer, and measure it for the ``top`` ones.

    Raises ``InputError`` for a site that is no hidden state of a stock recurrent layer.
    """
    estimate = gradients(model, corpus, site, range(len(corpus)) if sequences is ALL else sequences, batch_size)
    zeros = [0.0] * len(estimate)
    source = Ablated(model, corpus, site, values=zeros, sequences=sequences, batch_size=batch_size)
    verified = np.argsort(-np.abs(estimate), kind="stable")[:top]
    return Screened(estimate, verified, damage_of_sets(source, [[int(unit)] for unit in verified]))


def gradients(
    model: ModuleModel, corpus: Corpus, site: str, sequences: Sequence[int], batch_size: int = 64
) -> Float[np.ndarray, " unit"]:
    """−dL/dm for each unit, per prediction: gradient × activation, summed over all steps and all that follows."""
    if not is_hidden(model, site):
        raise InputError(f"{site} is not the hidden state of a recurrent layer; only these can be screened")
    model.sites()  # a model that is asked for the first time runs once to find out
    layer = find_layer(model, site.removesuffix(".hidden"))
    if any(other.module.bidirectional for other in layers(model)):
        batch_size = 1  # padding must not be read
    state, consumers = _weights(layer)
    total, predictions = torch.zeros(state.shape[1], dtype=torch.float64), 0
    for first in range(0, len(sequences), batch_size):
        batch = corpus.batch(sequences[first : first + batch_size]).to(model.device)
        with _reading_outputs(layer, [state, *consumers]) as outputs:
            counted = batch.counted & batch.has_target
            loss = model.loss(batch)[counted].sum()
            read = consumers or outputs
            of = torch.autograd.grad(loss, [state, *read])
            slope = (of[0] * state).sum(0)  # [unit]
            for values, gradient in zip(read, of[1:], strict=True):
                slope = slope + _own(layer, (values * gradient).flatten(0, -2).sum(0))
        total -= slope.detach().double().cpu()
        predictions += int(counted.sum())
    return np.asarray(total.numpy() / max(1, predictions))


def _weights(layer: LayerName) -> tuple[Tensor, list[Tensor]]:
    """The recurrent matrix, and the input matrices of the layer above; none for the topmost layer."""
    module = layer.module
    above = [f"weight_ih_l{layer.number + 1}{reverse}" for reverse in ("", "_reverse")[: 1 + module.bidirectional]]
    consumers = [getattr(module, name) for name in above] if layer.number + 1 < module.num_layers else []
    return getattr(module, f"weight_hh_l{layer.name}"), consumers


def _own(layer: LayerName, of_outputs: Float[Tensor, " out"]) -> Float[Tensor, " unit"]:
    """This layer's part of both directions' outputs side by side."""
    return of_outputs.chunk(1 + layer.module.bidirectional)[layer.name.endswith("_reverse")]


@contextmanager
def _reading_outputs(layer: LayerName, weights: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """While open, weights have gradients and what the module puts out is listed."""
    outputs: list[Tensor] = []

    def note(_: nn.Module, __: Any, output: Any) -> None:
        outputs.append(output[0].data if isinstance(output[0], PackedSequence) else output[0])

    frozen = [weight for weight in weights if not weight.requires_grad]
    for weight in frozen:
        weight.requires_grad_(True)
    hook = layer.module.register_forward_hook(note)
    try:
        yield outputs
    finally:
        hook.remove()
        for weight in frozen:
            weight.requires_grad_(False)
