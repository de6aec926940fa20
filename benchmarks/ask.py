"""What a question costs, in forwards: the bare network over the same text, batch by batch, in the same run.

OMP_NUM_THREADS=1 python benchmarks/ask.py demo             # the demo's question with everything on
OMP_NUM_THREADS=1 python benchmarks/ask.py labels           # 50 labels against one, without ablations
OMP_NUM_THREADS=1 python benchmarks/ask.py states           # bytes of states: 12 sites × 3,072 units × 49 labels
OMP_NUM_THREADS=1 python benchmarks/ask.py model hf:FOLDER --over TEXT  # every unit of a model, 28 labels, memory

CPU seconds; only the ratios mean anything. ``--profile`` says where they go.
"""

import argparse
import cProfile
import json
import pstats
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from unitscope.analyses.association import Association
from unitscope.asking import Answer, ask
from unitscope.asking.ask import suggested
from unitscope.corpus.corpus import Corpus
from unitscope.evidence.groups import BUCKETS
from unitscope.models.model import Model
from unitscope.models.site import Site
from unitscope.networks.files import SHIPPED
from unitscope.opening.inputs import Inputs
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live

BATCH = 64


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.process_time()
    outcome = what()
    return time.process_time() - begin, outcome


def forwards(model: Model, corpus: Corpus, sequences: list[int]) -> float:
    """CPU seconds of one bare forward: nothing is read but the losses, if there are any, or else one site."""
    names = [site.name for site in model.sites()]
    read = ["output.loss"] if "output.loss" in names else names[-1:]

    def run() -> None:
        for first in range(0, len(sequences), BATCH):
            model.run(corpus.batch(sequences[first : first + BATCH]), read)

    run()
    return min(timed(run)[0] for _ in range(3))


class Stages:
    """CPU seconds by what progress says is being done."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._at = time.process_time()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.process_time()
        self.seconds[what] = self.seconds.get(what, 0.0) + now - self._at
        self._at = now


def demo(sequences: int) -> dict[str, Any]:
    inputs = Inputs(str(SHIPPED), ("stdlib",), sequences=sequences)
    model, corpus = inputs.open()
    numbers = list(inputs.chosen(corpus))
    bare = forwards(model, corpus, numbers)
    stages = Stages()
    with tempfile.TemporaryDirectory() as folder:
        recorded, _ = timed(lambda: record(Live(model, corpus, sequences=numbers), Path(folder), dtype="float16"))
        source = Recording.open(Path(folder))
        seconds, answer = timed(lambda: ask(source, None, corpus, model=model, progress=stages))
    assert isinstance(answer, Answer)
    found = {"bare forward (s)": bare, "record (forwards)": recorded / bare, "ask (s)": seconds}
    found["ask (forwards)"] = seconds / bare
    found |= {f"… {what} (forwards)": spent / bare for what, spent in stages.seconds.items()}
    return found | {"answer": repr(answer)}


def labels(sequences: int) -> dict[str, Any]:
    inputs = Inputs(str(SHIPPED), ("stdlib",), sequences=sequences)
    model, corpus = inputs.open()
    numbers = list(inputs.chosen(corpus))
    with tempfile.TemporaryDirectory() as folder:
        record(Live(model, corpus, sequences=numbers), Path(folder), dtype="float16")
        source = Recording.open(Path(folder))
        words = ["the", "of", "and", "to", "in", "is", "self", "that", "it", "None", "return", "for", "if", "def"]
        fifty = [*suggested(source), *(f"words:{word}" for word in words)][:50]
        times = [timed(lambda n=n: ask(source, fifty[:n], corpus, model=model, ablate=False))[0] for n in (1, 50)]
    return {"one label (s)": times[0], f"{len(fifty)} labels (s)": times[1], "ratio": times[1] / times[0]}


def states(sites: int = 12, units: int = 3072, count: int = 49) -> dict[str, Any]:
    """Of flags, which are defined at the same tokens."""
    names = tuple(f"label {k}" for k in range(count))
    analysis = Association(of=names, groups="bucket", buckets=BUCKETS, families=" ".join(["1"] * count))
    state = analysis.start(Site("site", units), {})
    values = (getattr(state, field.name) for field in fields(state))
    size = sum(value.nbytes for value in values if isinstance(value, torch.Tensor))
    return {"one site (GB)": size / 1e9, f"{sites} sites (GB)": sites * size / 1e9}


def whole(name: str, over: list[str], sequences: int, units: str, length: int) -> dict[str, Any]:
    """Every unit of a model, or of some sites, in one pass."""
    inputs = Inputs(name, tuple(over), sequences=sequences, length=length, context=0)
    model, corpus = inputs.open()
    numbers = list(inputs.chosen(corpus))
    bare = forwards(model, corpus, numbers)
    source = Live(model, corpus, sequences=numbers)
    asked = suggested(source)[:28]
    stages = Stages()
    seconds, answer = timed(
        lambda: ask(source, asked, corpus, units=units, baselines=0, ablate=False, controls=False, progress=stages)
    )
    return {
        "tokens": sum(corpus.lengths(numbers)), "units": sum(map(len, answer.numbers.values())), "labels": len(asked),
        "ask (s)": seconds, "ask (forwards)": seconds / bare,
        "peak memory (GB)": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["demo", "labels", "states", "model"], nargs="?", default="states")
    parser.add_argument("model", nargs="?")
    parser.add_argument("--over", nargs="*", default=[])
    parser.add_argument("--sequences", type=int, default=256, help="of the text; the demo's if not given")
    parser.add_argument("--units", default="*", help="glob of sites")
    parser.add_argument("--length", type=int, default=1024, help="tokens of a sequence")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    profile = cProfile.Profile()
    if options.profile:
        profile.enable()
    match options.what:
        case "demo":
            found = demo(options.sequences)
        case "labels":
            found = labels(options.sequences)
        case "states":
            found = states()
        case _:
            found = whole(options.model, options.over, options.sequences, options.units, options.length)
    if options.profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}, indent=1))


if __name__ == "__main__":
    main()
