"""What processes bring and cost: the standard analyses of a recording of the shipped LSTM, by one and by several.

On a busy machine wall-clock time says little, so what is compared is processor time: that of one process, that of all
workers together (what starting, reading and writing states costs), and the speed-up that follows if every worker has a
core of its own: one process's time over the parent's and the largest share of the workers'. What the workers' server
imports is counted once, before the work begins. Results must be equal to the last bit.

OMP_NUM_THREADS=1 python benchmarks/scale.py --workers 2
"""

import argparse
import os
import tempfile
import time
from multiprocessing import forkserver
from pathlib import Path

import torch

from unitscope.fold.analyze import analyze
from unitscope.fold.plan import plan
from unitscope.fold.state import content_digest
from unitscope.opening.inputs import Inputs
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.workers import each


def children() -> float:
    """Processor seconds of all processes that this one started; those of workers are the fork server's."""
    of_this = os.times()
    server = getattr(forkserver._forkserver, "_forkserver_pid", None)  # type: ignore[attr-defined]
    found = of_this.children_user + of_this.children_system
    if server is not None:
        fields = Path(f"/proc/{server}/stat").read_text().rsplit(")", 1)[1].split()
        found += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return found


def processor(run):  # type: ignore[no-untyped-def]
    """What it gives, and the processor seconds of this process and of its children."""
    before, start = children(), time.process_time()
    found = run()
    return found, time.process_time() - start, children() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sequences", type=int, default=256, help="of some 1,000 bytes")
    parser.add_argument("--work", type=int, default=2**26, help="values of a part")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        source = Inputs(sequences=options.sequences).live()
        _, recording_seconds, _ = processor(lambda: record(source, Path(scratch) / "run", ["rnn.*"], "float16"))
        recording = Recording.open(Path(scratch) / "run")
        parts = len(plan(recording, recording.sites, options.work))
        one, alone, _ = processor(lambda: analyze(recording, work=options.work))
        _, _, begun = processor(lambda: list(each(int, ["1"], 1)))
        kept = Path(scratch) / "states"
        many, parent, together = processor(
            lambda: analyze(recording, work=options.work, workers=options.workers, store=str(kept))
        )
        same = all(content_digest(one.entries[key]) == content_digest(value) for key, value in many.entries.items())
        size = sum(path.stat().st_size for path in kept.iterdir())
        longest = together * -(-parts // options.workers) / parts
        print(f"{recording.manifest.tokens:,} tokens, {sum(s.units for s in recording.sites):,} units, {parts} parts")
        print(f"recording: {recording_seconds:.1f} s of one core")
        print(f"one process: {alone:.1f} s")
        print(f"workers begin after {begun:.1f} s, once; {options.workers} of them: {together:.1f} s together")
        print(f"the parent: {parent:.1f} s, which no worker shares")
        print(f"states: {size / 1e6 / len(list(kept.iterdir())):.1f} MB a file")
        print(f"the same to the last bit: {same}")
        print(f"speed-up if each worker has a core: {alone / (parent + begun + longest):.2f}")
        print(f"once the server stands, as for a second analysis: {alone / (parent + longest):.2f}")


if __name__ == "__main__":
    main()
