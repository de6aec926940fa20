"""What each analysis costs beside reading its source: an LSTM with all its gates, live, over the standard library.

Affinity asks the hypotheses for any text, and reads the source twice.

OMP_NUM_THREADS=1 python benchmarks/analyses.py
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import torch

from unitscope.corpus.open import open_corpus
from unitscope.fold.analysis import Analysis, catalogue, standard
from unitscope.fold.analyze import analyze
from unitscope.labels import names
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.source.live import Live
from unitscope.source.subset import Subset

SITES = ("rnn.*",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--batches", type=int, default=2, help="of 64 sequences")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    options = parser.parse_args()

    torch.set_num_threads(1)
    corpus = open_corpus("stdlib")
    model = ModuleModel(CharNet(CharConfig(len(corpus.vocabulary), units=options.units)))
    source = Subset(Live(model, corpus), range(64 * options.batches), "benchmark")
    tokens = sum(corpus.lengths(source.sequences))

    association = catalogue()["association"](of=tuple(names("generic")))
    passes: dict[str, list[Analysis[Any]]] = {analysis.name: [analysis] for analysis in standard()}
    passes["all of these"] = standard()
    passes["association"] = [association]
    passes["all"] = [*standard(), association]

    reading = min(read(source) for _ in range(options.repeats))
    print(f"{tokens:,} tokens, LSTM of {options.units} units, all gates; one thread, CPU seconds, fastest of passes")
    print(f"{'reading alone':20} {reading:7.2f} s   1.00", flush=True)
    seconds = {}
    for name, analyses in passes.items():
        seconds[name] = min(fold(source, analyses) for _ in range(options.repeats))
        print(f"{name:20} {seconds[name]:7.2f} s   {seconds[name] / reading:.2f}", flush=True)
    for name in ("all of these", "all"):
        print(f"{name} / moments: {seconds[name] / seconds['moments']:.2f} (at most 3)")


def read(source: Subset) -> float:
    begin = time.process_time()
    for _ in source.chunks([site.name for site in source.sites if site.name.startswith("rnn.")]):
        pass
    return time.process_time() - begin


def fold(source: Subset, analyses: Sequence[Analysis[Any]]) -> float:
    begin = time.process_time()
    analyze(source, analyses, SITES)
    return time.process_time() - begin


if __name__ == "__main__":
    main()
