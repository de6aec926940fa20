"""Exhaustive zero ablation of a 128-unit LSTM: `python benchmarks/ablation.py`.

One thread, batch 128, 64 steps, one layer and two. Everything is measured in one run and told as ratios, since
seconds depend on the machine and on what else it does.
"""

import platform
import time
from collections.abc import Callable

import torch
from torch import nn

from unitscope.corpus.batch import Batch
from unitscope.interventions.lesions import lesions
from unitscope.models.module import ModuleModel

UNITS, BATCH, STEPS, SYMBOLS = 128, 128, 64, 32
PIECES = 8
"""Units are ablated in so many pieces, with a forward between them, so that both meet the same machine."""


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


def ablate(model: ModuleModel, batch: Batch, site: str, units: range) -> None:
    """What lies below runs once for each piece of the units, which counts against it."""
    with lesions(model, batch, site, ["output.loss"]) as lesion:
        for unit in units:
            lesion([unit], [0.0])


def seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokens = torch.randint(0, SYMBOLS, (BATCH, STEPS))
    zeros = torch.zeros(BATCH, dtype=torch.long)
    batch = Batch(tokens, tokens.roll(-1, 1), zeros, zeros + STEPS, torch.arange(BATCH))
    print(f"torch {torch.__version__}, {platform.machine()}, 1 thread; processor seconds, ratios of one run")
    for layers in (1, 2):
        net = Net(layers).eval()
        model = ModuleModel(net)
        cells = []
        for number in range(layers):
            cell = nn.LSTMCell(UNITS, UNITS)
            own = {name: value for name, value in net.rnn.state_dict().items() if name.endswith(f"_l{number}")}
            cell.load_state_dict({name.removesuffix(f"_l{number}"): value for name, value in own.items()})
            cells.append(cell)
        read = ["output.loss"]
        model.run(batch, read)
        forwards, ablations, loops = [], 0.0, []
        for first in range(0, UNITS, UNITS // PIECES):
            forwards.append(seconds(lambda: model.run(batch, read)))
            loops.append(seconds(lambda: cell_loop(net, cells, tokens, 3)))
            units = range(first, first + UNITS // PIECES)
            ablations += seconds(lambda units=units: ablate(model, batch, f"rnn.{layers - 1}.hidden", units))
        with lesions(model, batch, f"rnn.{layers - 1}.hidden", read) as lesion:
            found = lesion([3], [0.0])["output.loss"]
        logits = cell_loop(net, cells, tokens, 3)
        expected = nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
        forward, loop = sum(forwards) / len(forwards), UNITS * sum(loops) / len(loops)
        print(
            f"{layers} layer(s): {UNITS} ablations = {ablations / forward:.0f} forwards, "
            f"{loop / ablations:.1f}× faster than a cell loop for each unit; "
            f"largest difference of a loss {float((found.flatten() - expected).abs().max()):.1e}"
        )


if __name__ == "__main__":
    main()
