"""The n-gram baseline on a file: losses of every context length, errors, single characters, CPU seconds and memory.

OMP_NUM_THREADS=1 python benchmarks/ngram.py warpeace_input.txt
OMP_NUM_THREADS=1 python benchmarks/ngram.py linux_input.txt --fractions 0.9 0.05 0.05
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from unitscope.corpus.splits import Split
from unitscope.models.ngram import NGram

CHARACTERS = '\r\n\t "{})'


def peak() -> str:
    return f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--split", choices=["interleaved", "contiguous"], default="interleaved")
    parser.add_argument("--fractions", type=float, nargs=3, default=[0.8, 0.1, 0.1], help="train, validation, test")
    parser.add_argument("--context", type=int, default=20, help="longest context in characters")
    parser.add_argument("--distribution", action="store_true", help="also time the full distribution of the longest")
    options = parser.parse_args()

    data = np.fromfile(options.file, dtype=np.uint8)
    used = np.unique(data)
    ids = np.searchsorted(used, data).astype(np.uint8)
    split = Split(options.split, fractions=tuple(options.fractions))
    train, test = ([ids[a:b] for a, b in split.of(part).spans(ids.size)] for part in ("train", "test"))
    truth = np.concatenate(test)
    sizes = f"{sum(map(len, train)):,} training and {truth.size:,} test characters in {len(test)} segments"
    print(f"{options.file.name}: {used.size} symbols, {options.split}, {sizes}; before: {peak()}")

    begin = time.process_time()
    model = NGram.fit(train, used.size, options.context)
    fitted = time.process_time()
    print(f"fit {fitted - begin:.1f} CPU s, {peak()}")
    logs = model.log_probs(test)  # [order token]
    print(f"score all orders {time.process_time() - fitted:.1f} CPU s, {peak()}")

    for n, loss in enumerate(-logs.mean(1)):
        print(f"n = {n:2d}: {loss:.4f} nats per character")
    p = np.exp(logs[-1])
    print(f"errors of the {options.context}-gram, p < 0.5: {(p < 0.5).mean():.2%}")
    print(f"p > 0.5 under some n = 1..9: {(logs[1:10].max(0) > np.log(0.5)).mean():.2%}")
    for character in CHARACTERS:
        here = used[truth] == ord(character)
        if here.any():
            surprise = -logs[-1, here].mean()
            print(f"{character!r}: mean p {p[here].mean():.4f}, {surprise:.3f} nats, {here.sum():,} cases")

    if options.distribution:
        begin, at = time.process_time(), 0
        for block in model.distribution(test, options.context):
            there = block[np.arange(len(block)), truth[at : at + len(block)]]
            assert np.allclose(there, p[at : at + len(block)], rtol=1e-9, atol=0)
            assert np.allclose(block.sum(1), 1, rtol=0, atol=1e-9)
            at += len(block)
        print(f"distribution at every token {time.process_time() - begin:.1f} CPU s, {peak()}")


if __name__ == "__main__":
    main()
