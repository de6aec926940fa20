"""A translator in training and writing: the trainer against a bare loop, and kept states against recomputing.

OMP_NUM_THREADS=1 python benchmarks/train_translator.py SOURCE TARGET
"""

import argparse
import dataclasses
import time
from pathlib import Path

import torch
from torch import nn

from unitscope.corpus.translations import read_parallel
from unitscope.networks.lessons.tasks import Translation, divide
from unitscope.networks.lessons.texts import Fit, Lesson, _card, batches_of, padding, resolved, train
from unitscope.networks.recipes import Modern
from unitscope.networks.training import Step
from unitscope.networks.translating import translate


class Enough(Exception):
    """Ends a run that is only measured."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--updates", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    given = parser.parse_args()
    torch.set_num_threads(1)
    task = Translation(divide(read_parallel(given.source, given.target), (), 0.02), "pairs")
    fit = Fit("attentive", epochs=1, batch=16, rate=1.5e-3, noise=0.033)
    print(f"padding: {padding(task.train, batches_of(task.train, 16, 0, 0)):.3f}")
    pairs = [(bare(task, fit, given.updates), own(task, fit, given.updates)) for _ in range(given.repeats)]
    loop, trainer = (min(times) for times in zip(*pairs, strict=True))
    read = sum(sum(side) for side in task.train.sides()) / len(task.train) * fit.batch
    print(f"bare loop {loop:.3f} s, trainer {trainer:.3f} s an update: {loop / trainer:.2f}; ", end="")
    print(f"{read / trainer:,.0f} characters of both sides a second")
    writing(task, fit)


def bare(task: Translation, fit: Fit, updates: int) -> float:
    """CPU seconds of one update in the shortest loop that does the same arithmetic."""
    net, lesson = _card(task, fit, "").fresh(0), Lesson(task, fit)
    recipe = Modern(epochs=1, rate=fit.rate)
    optimizer = recipe.optimizer(net.parameters())
    batches = [task.train.batch(numbers) for numbers in lesson.batches(0)[: updates + 2]]
    lower = resolved("auto", "cpu") == "bfloat16"
    for number, batch in enumerate(batches):
        if number == 2:
            begin = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=lower):
            scores = net(batch.tokens, batch.lengths, batch.targets)
        targets = batch.targets.flatten()
        loss = nn.functional.cross_entropy(scores.float().flatten(0, 1), targets, ignore_index=-1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        recipe.clip(net.parameters())
        optimizer.step()
    return (time.process_time() - begin) / updates


def own(task: Translation, fit: Fit, updates: int) -> float:
    """The same by the trainer, noise and bookkeeping and all."""
    times: list[float] = []

    def watch(_: Step) -> None:
        times.append(time.process_time())
        if len(times) == updates + 2:
            raise Enough

    try:
        train(task, dataclasses.replace(fit, seed=0), None, watch=watch)
    except Enough:
        return (times[-1] - times[1]) / updates
    raise RuntimeError("the texts are fewer than the updates that are measured")


@torch.inference_mode()
def writing(task: Translation, fit: Fit, rows: int = 16) -> None:
    """CPU seconds to write translations with kept states, and by reading all that was written again at each symbol."""
    net = _card(task, fit, "").fresh(0).eval()
    batch = task.test.batch(sorted(range(len(task.test)), key=lambda n: task.test.lengths([n])[0])[-rows:])
    begin = time.process_time()
    kept = translate(net, batch.tokens, batch.lengths)
    middle = time.process_time()
    steps = int(1.5 * int(batch.lengths.max())) + 1
    written = torch.full((rows, 1), -1)
    for _ in range(steps):
        following = net(batch.tokens, batch.lengths, written)[:, -1].argmax(1)
        written[:, -1] = following
        written = torch.cat([written, torch.full((rows, 1), -1)], 1)
    end = time.process_time()
    again = [[s for s in row[: row.index(net.target_end)] if s != -1] if net.target_end in row else row[:-1]
             for row in written.tolist()]  # fmt: skip
    same = all(a[: len(b)] == b[: len(a)] for a, b in zip(kept, again, strict=True))
    speed, output = (end - middle) / (middle - begin), "the same" if same else "another"
    print(f"writing {rows} translations of {steps} steps: kept {middle - begin:.2f} s, again {end - middle:.2f} s:")
    print(f"  {speed:.1f} times as fast, {output} output")


if __name__ == "__main__":
    main()
