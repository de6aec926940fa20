"""The main job, record, analyze and report on a short text, in bare forwards of the same text, beyond start-up.

The commands themselves, in one process, once unmeasured (which imports what they need) and then again: processor time.
Also one unit of a million tokens, read by a recording that is opened anew, its pages dropped from memory before.

OMP_NUM_THREADS=1 python benchmarks/job.py
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import unitscope
from unitscope.cli.app import app
from unitscope.opening.inputs import Inputs
from unitscope.recording.recording import Recording


def processor(*words: str) -> float:
    """Processor seconds of a command in this process."""
    begin = time.process_time()
    app(list(words), standalone_mode=False)
    return time.process_time() - begin


def cold(tokens: int, units: int, folder: Path) -> float:
    """Median milliseconds of the clock until all values of a unit are there."""
    values = np.tanh(np.random.default_rng(0).standard_normal((tokens, units), dtype=np.float32))
    source = unitscope.from_arrays(values, lengths=[1000] * (tokens // 1000))
    unitscope.record(source, folder / "large", dtype="float16")
    recording = Recording.open(folder / "large")
    site = recording.sites[0].name
    taken = []
    for unit in range(0, units, 7):
        for file in (folder / "large").rglob("*.safetensors"):
            handle = os.open(file, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
        begin = time.perf_counter()
        assert len(recording.unit(site, unit)) == tokens
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", default="/usr/share/common-licenses/GPL-3")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    live = Inputs(text=(options.text,)).live()
    batches = [live.corpus.batch(range(n, min(n + 64, len(live.corpus)))) for n in range(0, len(live.corpus), 64)]
    inside = live.model.module

    @torch.inference_mode()
    def bare() -> float:
        begin = time.process_time()
        for batch in batches:
            inside(batch.tokens)
        return time.process_time() - begin

    with tempfile.TemporaryDirectory() as scratch:
        jobs: dict[str, list[float]] = {"bare": [], "record": [], "analyze": [], "report": []}
        bare()
        for number in range(options.repeats + 1):
            run = str(Path(scratch) / f"run{number}")
            taken = {
                "bare": bare(),
                "record": processor("record", Inputs().model, options.text, "--out", run),
                "analyze": processor("analyze", run),
                "report": processor("report", run, "--out", f"{run}.html"),
            }
            for name, seconds in taken.items():
                jobs[name] += [seconds] if number else []
        middle = {name: statistics.median(seconds) for name, seconds in jobs.items()}
        whole = sum(middle.values()) - middle["bare"]
        print(", ".join(f"{name} {seconds:.2f} s" for name, seconds in middle.items()))
        print(f"record, analyze and report: {whole / middle['bare']:.1f} bare forwards")
        print(f"one unit of 1,000,000 tokens, cold: {cold(1_000_000, 64, Path(scratch)):.1f} ms")


if __name__ == "__main__":
    main()
