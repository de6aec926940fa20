"""The steps of writing a recording, each alone on the same values, to writing them raw: processor time.

OMP_NUM_THREADS=1 python benchmarks/recording_steps.py
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from unitscope.recording.activations import PIECE, _bytes, _course, _digest
from unitscope.recording.shard import CACHED, _within


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=131_072)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    values = torch.randn(options.tokens, options.units, generator=torch.Generator().manual_seed(0)).tanh()
    narrow = values.half()
    turned = narrow.T.contiguous()
    rows = _bytes(turned)
    room = torch.empty_like(turned)
    piece = PIECE * turned.element_size()

    def turn() -> None:
        for first in range(0, options.tokens, CACHED):
            some = values[first : first + CACHED].half()
            room[:, first : first + len(some)] = some.T.contiguous()

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "raw"

        def raw() -> None:
            path.write_bytes(narrow.numpy().data)
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

        steps: dict[str, Callable[[], object]] = {
            "written as it is": raw,
            "narrowed and turned": turn,
            "digests of pieces": lambda: [
                _digest(r[a : a + piece].data) for r in rows for a in range(0, len(r), piece)
            ],
            "courses": lambda: _course(turned),
            "found to be finite and in range": lambda: [_within(some, torch.float16) for some in values.split(8192)],
        }
        taken: dict[str, list[float]] = {name: [] for name in steps}
        for number in range(options.repeats + 1):
            for name, run in steps.items():
                begin = time.process_time()
                run()
                taken[name] += [time.process_time() - begin] if number else []
    base = statistics.median(taken["written as it is"])
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"| {name} | {middle / values.numel() * 1e9:.1f} | {middle / base:.1f} |")


if __name__ == "__main__":
    main()
