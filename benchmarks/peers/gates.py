"""Reading every gate, cell and state of an LSTM or GRU, against running it bare and against the textbook loop.

Everything is measured in one run, in turns, as processor time of one thread, and told as ratios to the bare forward,
since seconds depend on the machine and on what else it does. What each leaves behind is the same: all streams of all
steps as tensors. The values are compared first.

OMP_NUM_THREADS=1 python benchmarks/peers/gates.py --kind gru --units 512
"""

import argparse

import torch
import torch.nn.functional as F
from measuring import in_turns, table
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.models import layers
from unitscope.models.module import ModuleModel

SYMBOLS = 100
NAMES = {
    "lstm": ("input_gate", "forget_gate", "cell_gate", "output_gate", "cell", "hidden"),
    "gru": ("reset_gate", "update_gate", "new_gate", "hidden"),
}


class Net(nn.Module):
    """Embedding, recurrent layers, readout."""

    def __init__(self, kind: str, units: int, count: int, both: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, units)
        made = {"lstm": nn.LSTM, "gru": nn.GRU}[kind]
        self.rnn = made(units, units, count, batch_first=True, bidirectional=both)
        self.readout = nn.Linear(units * (1 + both), SYMBOLS)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.readout(self.rnn(self.embedding(tokens))[0])
        return logits


@torch.inference_mode()
def textbook(rnn: nn.RNNBase, x: Tensor) -> dict[str, Tensor]:
    """One step at a time, every stream stacked at the end."""
    w = dict(rnn.named_parameters())
    found = {}
    for layer in range(rnn.num_layers):
        outputs = []
        for reverse in ("", "_reverse")[: 1 + rnn.bidirectional]:
            at = f"l{layer}{reverse}"
            h = c = x.new_zeros(len(x), rnn.hidden_size)
            steps = []
            for t in range(x.shape[1] - 1, -1, -1) if reverse else range(x.shape[1]):
                from_input = F.linear(x[:, t], w[f"weight_ih_{at}"], w[f"bias_ih_{at}"])
                from_state = F.linear(h, w[f"weight_hh_{at}"], w[f"bias_hh_{at}"])
                if rnn.mode == "LSTM":
                    i, f, g, o = (from_input + from_state).chunk(4, dim=1)
                    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
                    c = f * c + i * g
                    h = o * c.tanh()
                    steps.append((i, f, g, o, c, h))
                else:
                    (r, z, n), (r2, z2, n2) = from_input.chunk(3, dim=1), from_state.chunk(3, dim=1)
                    r, z = (r + r2).sigmoid(), (z + z2).sigmoid()
                    n = (n + r * n2).tanh()
                    h = (1 - z) * n + z * h
                    steps.append((r, z, n, h))
            in_order = steps[::-1] if reverse else steps
            for name, values in zip(NAMES[rnn.mode.lower()], zip(*in_order, strict=True), strict=True):
                found[f"{layer}{reverse}.{name}"] = torch.stack(values, dim=1)
            outputs.append(found[f"{layer}{reverse}.hidden"])
        x = torch.cat(outputs, dim=2)
    return found


def measure(options: argparse.Namespace, batch: int) -> None:
    """Print ratios for one size of batch."""
    net = Net(options.kind, options.units, options.layers, options.both).eval()
    model = ModuleModel(net)
    symbols = torch.randint(SYMBOLS, (batch, options.steps))
    zero = torch.zeros(batch, dtype=torch.long)
    whole = Batch(symbols, symbols, zero, zero + options.steps, torch.arange(batch))
    names = [site.name for site in model.sites() if site.kind != "prediction"]

    @torch.inference_mode()
    def bare() -> object:
        return net(symbols)

    def by_hand() -> object:
        with torch.inference_mode():
            found = textbook(net.rnn, net.embedding(symbols))
            last = net.rnn.num_layers - 1
            top = [found[f"{last}{reverse}.hidden"] for reverse in ("", "_reverse")[: 1 + options.both]]
            net.readout(torch.cat(top, dim=2))
            return found

    read, right = model.run(whole, names), by_hand()
    worst = max(float((read[f"rnn.{name}"] - value).abs().max()) for name, value in right.items())  # type: ignore[attr-defined]
    assert worst < 1e-5, worst
    del read, right
    found = in_turns(
        {"bare forward": bare, "unitscope, all streams": lambda: model.run(whole, names), "textbook loop": by_hand},
        options.repeats,
        against="bare forward",
    )
    size = f"{options.kind} {options.units}" + f" × {options.layers}" * (options.layers > 1) + " both" * options.both
    table(found, f"{size}, batch {batch}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(NAMES), default="lstm")
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--both", action="store_true", help="both directions")
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--wide", type=int, help="values of a step from which unitscope loops")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if options.wide is not None:
        layers.WIDE = options.wide
    for batch in options.batches:
        measure(options, batch)


if __name__ == "__main__":
    main()
