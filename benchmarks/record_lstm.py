"""Reading every unit of an LSTM against running it bare: `python benchmarks/record_lstm.py`.

512 units, 128 steps, one thread; all gates, the cell and the hidden state. Everything is measured in one run, in
turns, as CPU time of the thread, and told as ratios, since seconds depend on the machine and on what else
it does. `--units`, `--repeats` and the like ask for another case.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.models.module import ModuleModel


@torch.inference_mode()
def naive(lstm: nn.LSTM, x: Tensor) -> dict[str, Tensor]:
    """The textbook way: one step at a time, every stream stacked at the end."""
    w = dict(lstm.named_parameters())
    h = c = x.new_zeros(len(x), lstm.hidden_size)
    steps = []
    for t in range(x.shape[1]):
        from_input = F.linear(x[:, t], w["weight_ih_l0"], w["bias_ih_l0"])
        sums = from_input + F.linear(h, w["weight_hh_l0"], w["bias_hh_l0"])
        i, f, g, o = sums.chunk(4, dim=1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        steps.append((i, f, g, o, c, h))
    names = ("input_gate", "forget_gate", "cell_gate", "output_gate", "cell", "hidden")
    return {name: torch.stack(values, dim=1) for name, values in zip(names, zip(*steps, strict=True), strict=True)}


def seconds(run: Callable[[], object]) -> float:
    start = time.thread_time()
    run()
    return time.thread_time() - start


def measure(units: int, inputs: int, batch: int, steps: int, repeats: int) -> dict[str, list[float]]:
    """Seconds of the bare forward, of reading everything, and of the naive loop."""
    lstm = nn.LSTM(inputs, units, batch_first=True).eval()
    symbols = torch.randint(inputs, (batch, steps))
    # A vocabulary of some 100 symbols is read one-hot, wider inputs are embeddings.
    x = F.one_hot(symbols, inputs).float() if inputs <= 100 else torch.randn(batch, steps, inputs)
    model = ModuleModel(
        lstm, call=lambda lstm, batch: lstm(x[: len(batch.tokens), : batch.tokens.shape[1]]), logits=lambda _: None
    )
    zero = torch.zeros(batch, dtype=torch.long)
    whole = Batch(tokens=symbols, targets=symbols, context=zero, lengths=zero + steps, sequence=zero)
    names = [site.name for site in model.sites()]

    @torch.inference_mode()
    def bare() -> object:
        return lstm(x)

    read = model.run(whole, names)
    worst = max(float((read[f"lstm.0.{name}"] - value).abs().max()) for name, value in naive(lstm, x).items())
    assert worst < 1e-5, worst
    del read
    runs = {"bare": bare, "read": lambda: model.run(whole, names), "naive": lambda: naive(lstm, x)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            times[name].append(seconds(run))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--steps", type=int, default=128)
    parser.add_argument("--inputs", type=int, nargs="+", default=[512, 100])
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, 1 thread, CPU time")
    print(f"{options.units} units, {options.steps} steps; {options.repeats} repeats; medians (of the quickest)")
    print(f"{'input':>7} {'batch':>6} {'bare, s':>9} {'all units read':>21} {'naive loop':>21}")
    for inputs in options.inputs:
        for batch in options.batches:
            times = measure(options.units, inputs, batch, options.steps, options.repeats)
            bare = statistics.median(times["bare"])
            ratios = [
                f"{statistics.median(times[name]) / bare:12.2f}× ({min(times[name]) / min(times['bare']):.2f}×)"
                for name in ("read", "naive")
            ]
            print(f"{inputs:>7} {batch:>6} {bare:>9.3f} {ratios[0]:>21} {ratios[1]:>21}", flush=True)


if __name__ == "__main__":
    main()
