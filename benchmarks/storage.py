"""A recording against the disk itself: write, read all, read one unit; unit-major against row-major.

The same bytes go to the disk and back in the same run, past the page cache, and every figure is a ratio to that.
Everything is read cold, with its pages dropped before, unless it says warm.

OMP_NUM_THREADS=1 python benchmarks/storage.py
"""

import argparse
import mmap
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.files.writing import write
from unitscope.models.site import Site
from unitscope.recording.blocks import TYPES
from unitscope.recording.record import record
from unitscope.recording.recording import Recording

BATCH, STEPS = 64, 128
SHARD = 65_536


@dataclass(frozen=True)
class Ready:
    """A model that costs nothing: the same random activations for every batch."""

    units: int
    name: str = "ready"
    fingerprint: str = "00"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        object.__setattr__(self, "values", torch.tanh(torch.randn(BATCH, STEPS, self.units, generator=generator)))

    def sites(self) -> tuple[Site, ...]:
        return (Site("hidden", self.units, -1.0, 1.0),)

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[object] = ()) -> dict[str, Tensor]:
        return {"hidden": self.values}

    def describe(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True)
class Zeros:
    """A corpus of one letter."""

    sequences: int
    name: str = "zeros"
    fingerprint: str = "00"
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(("0",)))
    annotations: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.sequences

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [STEPS] * len(sequences)

    def batch(self, sequences: Sequence[int]) -> Batch:
        zeros = torch.zeros(len(sequences), STEPS, dtype=torch.int64)
        rows = zeros[:, 0]
        return Batch(zeros, zeros - 1, rows, rows + STEPS, torch.tensor(list(sequences)))

    def describe(self) -> dict[str, str]:
        return {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure; a temporary one otherwise")
    parser.add_argument("--tokens", type=int, default=262_144)
    parser.add_argument("--units", type=int, default=768)
    parser.add_argument("--dtype", choices=list(TYPES), default="float16")
    parser.add_argument("--repeats", type=int, default=3, help="the median counts")
    options = parser.parse_args()

    torch.set_num_threads(1)
    runs = []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            runs.append(measure(Path(folder), options.tokens, options.units, options.dtype))

    size = options.tokens * options.units * TYPES[options.dtype][1].itemsize
    print(f"{options.tokens:,} tokens × {options.units} units, {options.dtype}: {size / 1e6:.0f} MB; median of runs")
    for what in runs[0]:
        against = "raw write" if "write" in what else "raw read"
        ratio = statistics.median(run[what] / run[against] for run in runs)
        print(f"{what:24} {1e3 * statistics.median(run[what] for run in runs):8.1f} ms   {ratio:6.2f} × {against}")


def measure(folder: Path, tokens: int, units: int, dtype: str) -> dict[str, float]:
    """Seconds of everything, once."""
    model, corpus = Ready(units), Zeros(tokens // STEPS)
    data, times = one_batch(model, dtype), tokens // (BATCH * STEPS)
    raw, rows, kept = folder / "raw", folder / "rows", folder / "recording"
    seconds = {
        "raw write": timed(lambda: raw_write(raw, data, times)),
        "raw read": timed(lambda: raw_read(raw, data), raw),
    }
    raw.unlink()
    seconds["write, row-major"] = timed(lambda: rows_write(rows, data, times))
    seconds["scan, row-major"] = timed(lambda: rows_scan(rows, units, dtype), rows)
    seconds["one unit, row-major"] = timed(lambda: rows_unit(rows, units, dtype, 5), rows)
    shutil.rmtree(rows)
    seconds["write, recording"] = timed(lambda: record(model, corpus, kept, dtype=dtype))
    recording = Recording.open(kept)
    seconds["scan, recording"] = timed(lambda: scan(recording), kept)
    seconds["scan, recording, warm"] = timed(lambda: scan(recording))
    seconds["one unit, recording"] = timed(lambda: recording.unit("hidden", 5), kept)
    return seconds


def timed(work: Callable[[], object], cold: Path | None = None) -> float:
    """Seconds of the clock, after dropping the pages of a file or folder."""
    if cold:
        drop(cold)
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def one_batch(model: Ready, dtype: str) -> memoryview:
    """The bytes of a batch, row-major, at an address that direct writing accepts."""
    values = model.values.to(TYPES[dtype][1]).view(torch.uint8).numpy()
    pages = mmap.mmap(-1, values.nbytes)
    pages.write(values.tobytes())
    return memoryview(pages)


def raw_write(path: Path, data: memoryview, times: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_DIRECT)
    for _ in range(times):
        assert os.write(handle, data) == len(data)
    os.fsync(handle)
    os.close(handle)


def raw_read(path: Path, buffer: memoryview) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECT)
    while os.readv(handle, [buffer]):
        pass
    os.close(handle)


def drop(path: Path) -> None:
    """Drop a file, or every file of a folder, from the page cache."""
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def rows_write(folder: Path, data: memoryview, times: int) -> None:
    """Row-major shards, with the same checksums and the same care as a recording's."""
    folder.mkdir()
    per_shard = SHARD // (BATCH * STEPS)
    for first in range(0, times, per_shard):
        write(folder / f"{first:06d}", *[data] * min(per_shard, times - first))


def mapped(path: Path, units: int, dtype: str) -> Tensor:
    with open(path, "rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return torch.frombuffer(pages, dtype=TYPES[dtype][1]).view(-1, units)


def rows_scan(folder: Path, units: int, dtype: str) -> None:
    for path in sorted(folder.iterdir()):
        for part in mapped(path, units, dtype).split(BATCH * STEPS):
            part.float()


def rows_unit(folder: Path, units: int, dtype: str, unit: int) -> np.ndarray:
    return torch.cat([mapped(path, units, dtype)[:, unit].float() for path in sorted(folder.iterdir())]).numpy()


def scan(recording: Recording) -> None:
    for _ in recording.chunks(["hidden"]):
        pass


if __name__ == "__main__":
    main()
