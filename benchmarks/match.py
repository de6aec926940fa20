"""A match query over two million steps and 512 units of a recording, once the file is warm.

The recording is of the LSTM that comes with the package (256 hidden and 256 cell units) over the source of Python's
standard library, in half precision: 2 GB. Phrases of several lengths are asked; each is timed whole, from the
thresholds to the ranked passages.

OMP_NUM_THREADS=1 python benchmarks/match.py
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from unitscope.matches import Matches, match
from unitscope.opening.inputs import Inputs
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live

STEPS = 2_000_000
LENGTH = 1024
PHRASES = ("(self, ", "return ", '"""', "import os", "\n    def ")


def made(folder: Path) -> Recording:
    inputs = Inputs(sequences=STEPS // LENGTH + 100, part="all", length=LENGTH)
    network, corpus = inputs.open()
    return record(
        Live(network, corpus, sequences=inputs.chosen(corpus)), folder, ["rnn.0.hidden", "rnn.0.cell"], "float16"
    )


def timed(recording: Recording, phrase: str, threshold: float | str) -> tuple[float, Matches]:
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        found = match(recording, phrase, ["*"], threshold)
        times.append(time.perf_counter() - begin)
    return statistics.median(times), found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the recording here")
    folder = parser.parse_args().folder
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        begin = time.perf_counter()
        recording = made(folder or Path(temporary) / "run")
        steps = int(recording.plan.tokens.sum())
        print(
            f"{steps:,} steps, {sum(site.units for site in recording.sites)} units: {time.perf_counter() - begin:.0f} s"
        )
        for site in recording.sites:
            for unit in range(0, site.units, 64):  # brings the file into memory
                for other in range(unit, min(unit + 64, site.units)):
                    recording.unit(site.name, other)
        print(f"{'phrase':<26}{'threshold':<16}{'units':>6}{'found':>7}{'seconds':>9}  exact")
        for phrase in PHRASES:
            for threshold in ("deviations:1", "quantile:0.1", 0.3):
                seconds, found = timed(recording, phrase, threshold)
                row = f"{phrase!r:<26}{threshold:<16}{len(found.selected):>6}{len(found.passages):>7}{seconds:>9.2f}"
                print(f"{row}  {found.exact}", flush=True)


if __name__ == "__main__":
    main()
