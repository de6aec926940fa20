"""How many findings there are where nothing is: the whole procedure under circularly shifted labels, over many seeds.

    python benchmarks/shifted_labels.py run            # a recording, as `unitscope record` makes it

Benjamini and Hochberg's procedure at 5 % promises that, with nothing to find, at most one seed in twenty has any
significant pair of unit and hypothesis at all.
"""

import argparse
from pathlib import Path

import torch

from unitscope.analyze import analyze
from unitscope.cli.find import suggested
from unitscope.cli.inputs import Inputs
from unitscope.findings.find import evidence
from unitscope.findings.finding import GROUP, Search, adjusted
from unitscope.recording.recording import Recording
from unitscope.recording.relabelled import LabelFile, Relabelled, shifted

torch.set_num_threads(1)
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("recording", type=Path)
parser.add_argument("--seeds", type=int, default=20)
options = parser.parse_args()

source = Recording.open(options.recording)
inputs = Inputs.load(options.recording)
_, card = inputs.open_model()
search = Search(hypotheses=suggested(inputs.open_corpus(card)))
groups = evidence(source)
affinity = search.affinity()
counts = []
with LabelFile(source, search.hypotheses) as kept:

    def says(name: str, sequence: int) -> torch.Tensor:
        if name != GROUP:
            return kept.labels(name, sequence)
        return torch.full_like(kept.labels(search.hypotheses[0], sequence), groups[sequence])

    own = Relabelled(source, says)
    print(f"{len(source.sequences)} sequences in {len(set(groups.values()))} groups of evidence")
    for seed in range(options.seeds):
        q = adjusted(analyze(shifted(own, seed, list(groups)), [affinity]), affinity.key)
        tests = sum(table.size for table in q.values())
        counts.append(sum(int((table <= 0.05).sum()) for table in q.values()))
        print(f"seed {seed}: {counts[-1]} of {tests:,} pairs significant at a false discovery rate of 5 %", flush=True)
print(f"{sum(count > 0 for count in counts)} of {len(counts)} seeds have any; {sum(counts)} discoveries in all")
