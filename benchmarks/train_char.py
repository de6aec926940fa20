"""Training speed against a bare PyTorch loop of the same shape, in one run. Wanted: at least 0.9.

OMP_NUM_THREADS=1 python benchmarks/train_char.py
"""

import argparse
import dataclasses
import tempfile
import time

import torch
from torch import nn

from unitscope.corpus.open import open_corpus
from unitscope.networks.lessons.text import TrainOptions, recipe_of, train
from unitscope.networks.training import Step


class Enough(Exception):
    """Ends a run that is only measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", default="lstm", choices=("rnn", "lstm", "gru"))
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--recipe", default="modern", choices=("modern", "paper"))
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    given = parser.parse_args()

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        options = TrainOptions(
            ("stdlib",), folder, cell=given.cell, units=given.units, layers=given.layers, recipe=given.recipe
        )
        symbols = len(open_corpus("stdlib").vocabulary)
        pairs = [(bare(options, symbols, given.updates), own(options, given.updates)) for _ in range(given.repeats)]
    recipe = recipe_of(options)
    read = recipe.rows * recipe.steps
    fastest_bare, fastest_own = (min(seconds) for seconds in zip(*pairs, strict=True))
    print(f"{given.cell} {given.layers} x {given.units}, {recipe.rows} rows of {recipe.steps} steps, one thread")
    print(f"bare loop  {read / fastest_bare:10,.0f} characters per CPU second")
    print(f"unitscope  {read / fastest_own:10,.0f} characters per CPU second")
    print(f"ratio      {fastest_bare / fastest_own:10.2f}")


def own(options: TrainOptions, updates: int) -> float:
    """CPU seconds of one update in ``train``; the first two are not counted."""
    times = []

    def progress(_: Step) -> None:
        times.append(time.process_time())
        if len(times) == updates + 2:
            raise Enough

    try:
        train(dataclasses.replace(options, restart=True), progress)
    except Enough:
        return (times[-1] - times[1]) / updates
    raise RuntimeError("the text is shorter than the updates that are measured")


def bare(options: TrainOptions, symbols: int, updates: int) -> float:
    """CPU seconds of one update in the shortest loop that does the same arithmetic."""
    recipe = recipe_of(options)
    stock = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[options.cell]
    rnn = stock(symbols, options.units, options.layers, batch_first=True)
    readout = nn.Linear(options.units, symbols)
    parameters = [*rnn.parameters(), *readout.parameters()]
    optimizer = recipe.optimizer(parameters)
    ids = torch.randint(0, symbols, (recipe.rows, recipe.steps * (updates + 2) + 1))
    state = None
    for update in range(updates + 2):
        if update == 2:
            begin = time.process_time()
        first = update * recipe.steps
        x = nn.functional.one_hot(ids[:, first : first + recipe.steps], symbols).float()
        hidden, state = rnn(x, state)
        state = tuple(part.detach() for part in state) if options.cell == "lstm" else state.detach()
        targets = ids[:, first + 1 : first + recipe.steps + 1]
        loss = nn.functional.cross_entropy(readout(hidden).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        recipe.clip(parameters)
        optimizer.step()
    return (time.process_time() - begin) / updates


if __name__ == "__main__":
    main()
