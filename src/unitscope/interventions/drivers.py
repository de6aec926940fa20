"""From a unit to a circuit, one step: which units of the step before drive it, and what it raises in the output.

    found = drivers(model, corpus, "rnn.0.cell/17", sequences=range(0, 8), held_out=range(8, 16))
    found.order[:5], found.lost, found.random
    raised(model.module.readout, 17, deviation)

How much a number of the state drives the unit is chosen by the derivative of one step of the layer at states that the
network visits, times the number's deviation. It is judged by ablation on other text: the first ones are held at their
means for one step, beside others of like deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.evidence.used import similar
from unitscope.interventions.layers import LayerName, layer_of
from unitscope.interventions.one_step import width
from unitscope.interventions.responses import alone, layer_input
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live
from unitscope.views import Field, Table, View

FIRST, DRAWS, STEPS = 5, 20, 2000
"""Units that are held together, random groups beside them, and steps that are looked at on either text."""


@dataclass(frozen=True, eq=False)
class Drivers:
    """Drivers of one unit. A number of the state is a hidden value, or for an LSTM also a cell."""

    site: str
    unit: int
    names: list[str]
    """Addresses of the numbers of the state."""
    drive: Float[np.ndarray, " state"]
    """Mean derivative of the unit by each, times its deviation, over that of the unit: signed, in deviations."""
    order: Int[np.ndarray, " other"]
    """From the largest size on, the unit's own hidden value and cell left out."""
    own: float
    """Sum of the sizes of what the unit keeps of itself."""
    lost: float
    """Mean squared change of the unit without its first drivers, over its variance, on held-out text."""
    random: Float[np.ndarray, " draw"]
    """The same without others of like deviation."""

    @property
    def ratio(self) -> float:
        """Unexplained part without the drivers, over the median without others."""
        return self.lost / max(float(np.median(self.random)), 1e-12)

    def views(self, shown: int = 10) -> list[View]:
        """The first drivers, and what is lost without them."""
        fields = [Field("unit of the step before", "text"), Field("drive", help="deviations of the unit per deviation")]
        rows = [[self.names[number], float(self.drive[number])] for number in self.order[:shown]]
        note = (
            f"without the first {FIRST}, held at their means for one step on other text, the unit changes by "
            f"{self.lost:.3g} of its variance; without others of like deviation by {float(np.median(self.random)):.3g} "
            f"(median of {len(self.random)}), at most {float(self.random.max()):.3g}"
        )
        return [Table(f"What drives {self.site}/{self.unit}", fields, rows, note)]


def drivers(
    model: ModuleModel,
    corpus: Corpus,
    address: str,
    sequences: Sequence[int],
    held_out: Sequence[int],
    first: int = FIRST,
    seed: int = 0,
) -> Drivers:
    """Find and judge the drivers of a unit of the hidden state or cell of a stock recurrent layer.

    Raises ``InputError`` for another site, and for a unit that never changes.
    """
    site, _, number = address.rpartition("/")
    layer, stream = layer_of(model, site), site.rpartition(".")[2]
    if layer is None or stream not in ("hidden", "cell") or not number.isdigit():
        raise InputError(
            f"{address} is no unit of the hidden state or cell of a recurrent layer, such as rnn.0.hidden/3"
        )
    single = alone(layer, "coupled")
    size, unit = single.hidden_size, int(number)
    if unit >= size:
        raise InputError(f"{site} has {size} units, so there is no {address}")
    sites = [f"{layer}.hidden", f"{layer}.cell"][: width(single) // size]
    names = [f"{one}/{u}" for one in sites for u in range(size)]
    place = sites.index(site) * size + unit
    x, before = _visited(model, corpus, layer, sites, sequences)
    states = before.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(_step(single, x, states)[:, place].sum(), states)
    deviation, mean = before.std(0), before.mean(0)
    if not deviation[place] > 0:
        raise InputError(f"{address} never changes on this text, so nothing drives it")
    drive = (slopes.mean(0) * deviation / deviation[place]).numpy()
    own = [number for number in range(len(names)) if number % size == unit]
    order = np.argsort(-np.abs(drive), kind="stable")
    order = order[~np.isin(order, own)]

    x, before = _visited(model, corpus, layer, sites, held_out)
    with torch.no_grad():
        intact = _step(single, x, before)[:, place]

        def lost(held: Sequence[int]) -> float:
            changed = before.clone()
            changed[:, held] = mean[list(held)]
            return float((_step(single, x, changed)[:, place] - intact).square().mean() / intact.var())

        chosen = order[:first].tolist()
        activity = deviation.numpy()
        draw = np.random.default_rng(seed)
        alike = [similar(activity, one, [*chosen, *own], 2 * DRAWS, seed) for one in chosen]
        random = [lost([int(draw.choice(near)) for near in alike]) for _ in range(DRAWS)]
        return Drivers(site, unit, names, drive, order, float(np.abs(drive[own]).sum()), lost(chosen), np.array(random))


def raised(
    readout: nn.Linear, unit: int, deviation: float, symbols: Sequence[str], count: int = 5
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """The symbols whose logits a hidden unit of the last layer raises most, and lowers most, by one deviation.

    Only the direct way through the readout, against the mean over symbols, which changes no probability.
    """
    column = readout.weight.detach()[:, unit].double() * deviation
    effect = (column - column.mean()).numpy()
    order = np.argsort(-effect, kind="stable")
    told = [(symbols[number], float(effect[number])) for number in order.tolist()]
    return told[:count], told[::-1][:count]


def _step(single: nn.RNNBase, x: Float[Tensor, "step channel"], states: Float[Tensor, "step state"]) -> Tensor:
    """The states after one step, each from a state and an input of its own."""
    parts = tuple(part.contiguous()[None] for part in states.chunk(2 if single.mode == "LSTM" else 1, dim=1))
    _, last = single(x[:, None], parts if len(parts) > 1 else parts[0])
    return torch.cat(last if isinstance(last, tuple) else (last,), dim=2)[0]


def _visited(
    model: ModuleModel, corpus: Corpus, layer: LayerName, sites: Sequence[str], sequences: Sequence[int]
) -> tuple[Float[Tensor, "step channel"], Float[Tensor, "step state"]]:
    """Inputs of some steps, evenly spread, and the states before them."""
    inputs, states = [], []
    for number in sequences:
        read = layer_input(model, corpus, layer, [number])
        (chunks,) = Live(model, corpus, sequences=[number]).chunks(list(sites))
        state = torch.cat([chunks[site].activations for site in sites], dim=1)  # [step state]
        inputs.append(read[-len(state) :][1:])
        states.append(state[:-1])
    x, before = torch.cat(inputs).double(), torch.cat(states).double()
    if len(x) < 2:
        raise InputError("the sequences are too short to have steps before others; give longer ones")
    every = max(1, len(x) // STEPS)
    return x[::every], before[::every]
