"""Responses of the units of a recurrent layer: taken apart, held by the others' means, or left as they are.

- ``isolated``: a unit keeps its input weights, its biases and its own recurrent weights; the other units are
  absent. All units at once: with every recurrent block replaced by its diagonal, the native layer is that many
  one-unit networks side by side (Hasani et al. 2019, arXiv 1809.03864).
- ``clamped``: the same, with the other units held at their means, which shifts the biases.
- ``coupled``: the layer as it is. It may never come to rest.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.analyses.response import Response
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.drives import DriveCorpus
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.layers import LayerName
from unitscope.models.layers import layer_names
from unitscope.models.layout import Layout
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live

Mode = Literal["isolated", "clamped", "coupled"]


def alone(layer: LayerName, mode: str = "isolated", mean: Float[Tensor, " unit"] | None = None) -> nn.RNNBase:
    """A copy of one layer in float64, forwards in time, its units taken apart as ``mode`` says.

    ``mean`` is that of each hidden unit over reference data, for ``clamped``. Raises ``InputError`` for an unknown
    mode, a missing mean, and a layer with projections, whose units do not feed back on themselves one by one.
    """
    if mode not in get_args(Mode):
        raise InputError(f"no mode is called {mode!r}; there are: {', '.join(get_args(Mode))}")
    source = layer.module
    if source.proj_size:
        raise InputError(f"{layer} projects its units before they feed back, so they cannot be taken apart")
    suffix = f"_l{layer.name}"
    w_ih, w_hh = (getattr(source, f"weight_{kind}{suffix}").detach().double().cpu() for kind in ("ih", "hh"))
    settings = {"nonlinearity": source.nonlinearity} if isinstance(source, nn.RNN) else {}
    single = type(source)(w_ih.shape[1], source.hidden_size, batch_first=True, dtype=torch.float64, **settings)
    none = torch.zeros(len(w_hh), dtype=torch.float64)
    b_ih, b_hh = (getattr(source, f"bias_{kind}{suffix}", none).detach().double().cpu() for kind in ("ih", "hh"))
    if mode != "coupled":
        blocks = w_hh.unflatten(0, (-1, source.hidden_size))  # [gate unit unit]
        own = torch.stack([block.diagonal().diag() for block in blocks]).flatten(0, 1)
        if mode == "clamped":
            if mean is None:
                raise InputError("clamped responses need the mean of each hidden unit over some data")
            b_hh = b_hh + (w_hh - own) @ mean.double().cpu()
        w_hh = own
    with torch.no_grad():
        for name, value in {"weight_ih": w_ih, "weight_hh": w_hh, "bias_ih": b_ih, "bias_hh": b_hh}.items():
            getattr(single, f"{name}_l0").copy_(value)
    return single.eval()


def respond(
    layer: LayerName,
    drives: DriveCorpus,
    mode: str = "isolated",
    mean: Float[Tensor, " unit"] | None = None,
    band: float = 0.1,
    streams: Sequence[str] = ("*",),
) -> ResultSet:
    """The response of every unit of a layer to every drive, one native call for up to 64 ways of driving.

    ``streams`` chooses among hidden, cell and the gates by glob patterns. Results carry the layer's own site names.
    Raises ``InputError`` for drives with another number of channels than the layer reads.
    """
    single = alone(layer, mode, mean)
    if drives.channels != single.input_size:
        raise InputError(f"{layer} reads {single.input_size} channels but the drives have {drives.channels}")
    model = ModuleModel(single, channels=single.input_size, logits=lambda _: None)
    prefix = f"{type(single).__name__.lower()}.0."
    source = Live(model, drives)
    asked = [Response(drive.name, band) for drive in drives.drives]
    results = analyze(source, asked, [prefix + stream for stream in streams])
    renamed = ResultSet(results.fingerprint)
    for (site, key), result in results.entries.items():
        name = f"{layer}.{site.removeprefix(prefix)}"
        renamed.entries[name, key] = dataclasses.replace(result, site=name)
    return renamed


def time_constants(single: nn.RNNBase, x: Float[Tensor, " channel"], rest: int = 3000) -> Float[np.ndarray, " unit"]:
    """Steps in which a small disturbance of each unit falls to 1/e, for units that are taken apart.

    −1 / ln |λ|, where λ is the largest eigenvalue of a unit's Jacobian after ``rest`` steps of the input ``x``.
    """
    state = single(x.double().expand(1, rest, -1))[1]
    parts = [part.detach().requires_grad_() for part in (state if isinstance(state, tuple) else (state,))]
    _, after = single(x.double().expand(1, 1, -1), tuple(parts) if len(parts) > 1 else parts[0])
    after = after if isinstance(after, tuple) else (after,)
    # Units are apart, so the gradient of a sum over units holds each unit's own derivatives.
    rows = [torch.stack(torch.autograd.grad(part.sum(), parts, retain_graph=True)).flatten(1) for part in after]
    jacobian = torch.stack(rows).permute(2, 0, 1)  # [unit after before]
    largest = torch.linalg.eigvals(jacobian).abs().amax(dim=1).numpy()
    with np.errstate(divide="ignore"):
        return np.asarray(-1 / np.log(largest))


def layer_input(
    model: ModuleModel, corpus: Corpus, layer: LayerName, sequences: Sequence[int], batch_size: int = 64
) -> Float[Tensor, "token channel"]:
    """Inputs of a layer over some sequences, from which the range of its drives follows."""
    if layer.module.bidirectional:
        batch_size = 1  # sequences of different length run apart
    below = [f"{layer.path}.{name}.hidden" for name in layer_names(layer.module, layer.number - 1)]
    read = below if layer.number else [f"{layer}.hidden"]
    found: list[Tensor] = []
    seen: list[Tensor] = []

    def note(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        rows, layout = Layout.of(inputs[0], layer.module.batch_first)
        seen.append(layout.by_sequence(rows))

    model.sites()  # a model that is asked for the first time runs once to find out
    hook = layer.module.register_forward_pre_hook(note)
    try:
        for first in range(0, len(sequences), batch_size):
            batch = corpus.batch(sequences[first : first + batch_size]).to(model.device)
            seen.clear()
            values = model.run(batch, read)
            steps = torch.cat([values[name] for name in read], dim=2) if layer.number else torch.cat(seen, dim=1)
            found.append(steps[batch.counted[:, : steps.shape[1]]].cpu())
    finally:
        hook.remove()
    return torch.cat(found)
