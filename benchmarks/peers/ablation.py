"""Every unit of a 128-unit LSTM set to zero, one after the other, and the loss read each time.

unitscope and the loop of cells hold the unit inside the recurrence, so what follows in later steps follows too. A hook
on the layer, and captum's ablation of the layer's output, which is the same, change what the readout sees and nothing
that the layer itself reads: less is asked of them. Units are taken in pieces, in turns, so that all meet the same
machine; captum and the hook do each piece as the others do.

OMP_NUM_THREADS=1 python benchmarks/peers/ablation.py
"""

from typing import Any

import torch
from measuring import in_turns, table
from torch import nn

from unitscope.corpus.batch import Batch
from unitscope.interventions.lesions import lesions
from unitscope.models.module import ModuleModel

UNITS, BATCH, STEPS, SYMBOLS = 128, 128, 64, 32
PIECE = 16
"""Units of a turn."""


class Net(nn.Module):
    """Embedding, LSTM and readout."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS, UNITS)
        self.rnn = nn.LSTM(UNITS, UNITS, layers, batch_first=True)
        self.readout = nn.Linear(UNITS, SYMBOLS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.readout(self.rnn(self.embed(tokens))[0])
        return logits


@torch.inference_mode()
def cell_loop(net: Net, cells: list[nn.LSTMCell], tokens: torch.Tensor, unit: int) -> torch.Tensor:
    """The textbook way: one step at a time, the unit of the last layer overwritten after each."""
    x = net.embed(tokens)
    for number, cell in enumerate(cells):
        state = (x.new_zeros(len(x), UNITS), x.new_zeros(len(x), UNITS))
        steps = []
        for t in range(x.shape[1]):
            state = cell(x[:, t], state)
            if number + 1 == len(cells):
                state[0][:, unit] = 0
            steps.append(state[0])
        x = torch.stack(steps, dim=1)
    return net.readout(x)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokens = torch.randint(0, SYMBOLS, (BATCH, STEPS))
    zeros = torch.zeros(BATCH, dtype=torch.long)
    batch = Batch(tokens, tokens.roll(-1, 1), zeros, zeros + STEPS, torch.arange(BATCH))
    for layers in (1, 2):
        compare(Net(layers).eval(), layers, batch)


def compare(net: Net, layers: int, batch: Batch) -> None:
    """Print the ratios for one net."""
    tokens, read = batch.tokens, ["output.loss"]
    model = ModuleModel(net, logits=lambda output: output)
    site = f"rnn.{layers - 1}.hidden"
    cells = []
    for number in range(layers):
        cell = nn.LSTMCell(UNITS, UNITS)
        own = {name: value for name, value in net.rnn.state_dict().items() if name.endswith(f"_l{number}")}
        cell.load_state_dict({name.removesuffix(f"_l{number}"): value for name, value in own.items()})
        cells.append(cell)

    def loss(logits: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")

    def bare() -> None:
        with torch.inference_mode():
            loss(net(tokens))

    def own_way() -> None:
        """What lies below runs once for the piece, which counts against it."""
        with lesions(model, batch, site, read) as lesion:
            for unit in range(PIECE):
                lesion([unit], [0.0])

    def by_cells() -> None:
        for unit in range(PIECE):
            loss(cell_loop(net, cells, tokens, unit))

    def by_hook() -> None:
        with torch.inference_mode():
            for unit in range(PIECE):

                def silence(_module: nn.Module, _given: Any, output: Any, unit: int = unit) -> Any:
                    output[0][..., unit] = 0
                    return output

                handle = net.rnn.register_forward_hook(silence)
                loss(net(tokens))
                handle.remove()

    with lesions(model, batch, site, read) as lesion:
        found = lesion([3], [0.0])[read[0]].flatten()
    worst = float((found - loss(cell_loop(net, cells, tokens, 3))).abs().max())
    ways: dict[str, Any] = {
        "bare forward": bare,
        f"unitscope, {PIECE} units": own_way,
        f"loop of cells, {PIECE} units": by_cells,
        f"hook on the layer's output, {PIECE} units": by_hook,
    }
    inside = "held in the recurrence; "
    leaves = {
        "bare forward": "one loss a token",
        f"unitscope, {PIECE} units": f"{inside}differs from the loop by {worst:.0e} at most",
        f"loop of cells, {PIECE} units": inside.rstrip("; "),
        f"hook on the layer's output, {PIECE} units": "not held in the recurrence",
    }
    try:
        from captum.attr import FeatureAblation
    except ImportError as error:
        print(f"captum is left out: {error}")
    else:
        groups = torch.arange(UNITS).clamp(max=PIECE)[None, None]  # one group for each of the units, one for the rest

        def by_captum() -> None:
            with torch.inference_mode():
                hidden = net.rnn(net.embed(tokens))[0]
                ablation = FeatureAblation(lambda h: loss(net.readout(h)).view(BATCH, STEPS).sum(1))
                ablation.attribute(hidden, feature_mask=groups.expand(1, STEPS, UNITS))

        name = f"captum FeatureAblation, {PIECE} units"
        ways[name] = by_captum
        leaves[name] = "not held in the recurrence, which runs once; the readout alone runs again"
    table(in_turns(ways, 3, "bare forward", leaves), f"{layers} layer(s) of {UNITS}, {BATCH} × {STEPS} tokens")


if __name__ == "__main__":
    main()
