"""Peak memory of recording and folding a text, and of a text ten times as long.

The beginning of the standard library's source, repeated as often as it takes, goes through a small LSTM into a
recording, which is then folded. Each length is a process of its own; what counts is the most memory it ever held.

OMP_NUM_THREADS=1 python benchmarks/memory.py
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from unitscope.corpus.open import open_corpus
from unitscope.corpus.stdlib import stdlib_files
from unitscope.fold.analysis import parse
from unitscope.fold.analyze import analyze
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.recording.record import record
from unitscope.source.live import Live


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=None, help="for text and recording; a temporary one otherwise")
    parser.add_argument("--characters", type=int, nargs=2, default=(1_000_000, 10_000_000))
    parser.add_argument("--units", type=int, default=16)
    parser.add_argument("--analyses", nargs="+", default=["moments"])
    parser.add_argument("--text", type=Path, help=argparse.SUPPRESS)  # the process of one length
    options = parser.parse_args()

    if options.text:
        fold(options.text, options.units, options.analyses)
        return
    peaks = []
    for characters in options.characters:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            text = Path(folder) / "text.py"
            write_text(text, characters, min(options.characters))
            command = [sys.executable, __file__, f"--text={text}", f"--units={options.units}", "--analyses"]
            begin = time.perf_counter()
            done = subprocess.run([*command, *options.analyses], check=True, capture_output=True, text=True)
            peaks.append(int(done.stdout))
            print(f"{characters:12,} characters: {peaks[-1]:,} kB, {time.perf_counter() - begin:.0f} s", flush=True)
    print(f"ratio {peaks[1] / peaks[0]:.3f} (at most 1.05)")


def fold(text: Path, units: int, analyses: list[str]) -> None:
    """Record a text, fold the recording, and print the most memory that was held, in kB."""
    torch.set_num_threads(1)
    corpus = open_corpus(text)
    model = ModuleModel(CharNet(CharConfig(len(corpus.vocabulary), units=units)))
    recording = record(Live(model, corpus), text.parent / "recording", ["rnn.*"], dtype="float16")
    analyze(recording, [parse(name) for name in analyses])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def write_text(path: Path, characters: int, length: int) -> None:
    """So many bytes: the first ``length`` of the standard library's source again and again, with the same symbols."""
    files = (file.path.read_bytes() for file in stdlib_files())
    source = bytearray()
    while len(source) < length:
        source += next(files)
    with path.open("wb") as out:
        while characters > 0:
            characters -= out.write(source[: min(length, characters)])


if __name__ == "__main__":
    main()
