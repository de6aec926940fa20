"""Recurrent weights as heat maps, their units in an order that shows what belongs together."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist
from torch import nn

from unitscope.errors import InputError
from unitscope.views import Heatmap, View

GATES = {
    "LSTM": ("input gate", "forget gate", "cell gate", "output gate"),
    "GRU": ("reset gate", "update gate", "new gate"),
    "RNN": ("hidden",),
}
"""In the order of PyTorch's rows."""
SHOWN = 96
"""Units of a picture; of more, the first of the order."""


def recurrent_weights(
    layer: nn.RNNBase, number: int = 0, reverse: bool = False
) -> dict[str, Float[np.ndarray, "unit source"]]:
    """Weights from the state to each unit of a layer, for every gate. Raises ``InputError`` for an unknown layer."""
    if not 0 <= number < layer.num_layers or (reverse and not layer.bidirectional):
        raise InputError(f"the module has {layer.num_layers} layers, and no layer {number} {'backwards' * reverse}")
    weight = getattr(layer, f"weight_hh_l{number}{'_reverse' * reverse}").detach().cpu().double().numpy()
    names = GATES[layer.mode.split("_")[0]]
    return dict(zip(names, np.split(weight, len(names)), strict=True))


def cluster_order(weights: Sequence[Float[np.ndarray, "unit source"]]) -> Int[np.ndarray, " unit"]:
    """Units that read alike and are read alike stand side by side (average linkage of correlation distances)."""
    profile = np.concatenate([np.concatenate([w, w[: w.shape[1]].T], 1) for w in weights], 1)
    if len(profile) < 3:
        return np.arange(len(profile))
    moving = profile + 1e-12 * np.arange(profile.shape[1])  # a unit without weights correlates with nothing
    tree = hierarchy.linkage(pdist(moving, "correlation").clip(0), "average", optimal_ordering=len(profile) <= 512)
    return np.asarray(hierarchy.leaves_list(tree))


def weight_views(
    layer: nn.RNNBase,
    number: int = 0,
    order: Sequence[int] | None = None,
    marked: Sequence[int] = (),
    site: str = "",
    reverse: bool = False,
) -> list[View]:
    """One heat map per gate on one scale; rows read, columns are read.

    ``order`` is a ranking of the units; without it they are clustered. ``marked`` units, such as a functional
    group, come first and are set in brackets. Raises ``InputError`` for units that are not there.
    """
    weights = recurrent_weights(layer, number, reverse)
    units = next(iter(weights.values())).shape[1]
    if any(w.shape != (units, units) for w in weights.values()):
        raise InputError("this layer projects its state, so that its units are not those that are read")
    wanted = list(cluster_order(list(weights.values())) if order is None else order)
    odd = [unit for unit in (*wanted, *marked) if not 0 <= unit < units]
    if odd:
        raise InputError(f"the layer has units 0 to {units - 1}, not {odd[0]}")
    chosen = set(marked)
    arranged = ([*marked, *(unit for unit in wanted if unit not in chosen)])[:SHOWN]
    names = [f"[{site}{unit}]" if unit in chosen else f"{site}{unit}" for unit in arranged]
    end = float(np.quantile(np.abs(np.concatenate([w.ravel() for w in weights.values()])), 0.995)) or 1.0
    how = "in clusters" if order is None else "by rank"
    note = f"units {how}" + (f", the first {SHOWN} of {units}" if units > SHOWN else "")
    return [
        Heatmap(
            f"Recurrent weights: {gate}", names, names, w[np.ix_(arranged, arranged)].tolist(), -end, end,
            xlabel="is read", ylabel="reads", note=note,
        )
        for gate, w in weights.items()
    ]  # fmt: skip
