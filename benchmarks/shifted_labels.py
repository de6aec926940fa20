"""How many findings there are where nothing is: the whole procedure under circularly shifted labels, over many seeds.

    python benchmarks/shifted_labels.py run            # a recording, as `unitscope record` makes it

Benjamini and Hochberg's procedure at 5 % promises that, with nothing to find, at most one seed in twenty has any
significant pair of unit and hypothesis at all. The last lines tell whether p-values are what they say: of pairs of
which nothing is true, no more than one in ten thousand should be below 0.0001.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from unitscope.analyze import analyze
from unitscope.cli.find import suggested
from unitscope.cli.inputs import Inputs
from unitscope.findings.find import evidence
from unitscope.findings.finding import GROUP, Search, adjusted, affinity_of
from unitscope.recording.recording import Recording
from unitscope.recording.relabelled import LabelFile, Relabelled, shifted

torch.set_num_threads(1)
LEVELS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
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
tests, below = 0, np.zeros(len(LEVELS), int)
with LabelFile(source, search.hypotheses) as kept:

    def says(name: str, sequence: int) -> torch.Tensor:
        if name != GROUP:
            return kept.labels(name, sequence)
        return torch.full_like(kept.labels(search.hypotheses[0], sequence), groups[sequence])

    own = Relabelled(source, says)
    print(f"{len(source.sequences)} sequences in {len(set(groups.values()))} groups of evidence")
    for seed in range(options.seeds):
        results = analyze(shifted(own, seed, groups), [affinity])
        q = adjusted(results, affinity.key)
        p = np.concatenate([affinity_of(results, affinity.key, site).p.ravel() for site in results.sites()])
        p = p[np.isfinite(p)]
        tests += len(p)
        below += [(p < level).sum() for level in LEVELS]
        counts.append(sum(int((table <= 0.05).sum()) for table in q.values()))
        print(f"seed {seed}: {counts[-1]} of {len(p):,} pairs significant at a false discovery rate of 5 %", flush=True)
print(f"{sum(count > 0 for count in counts)} of {len(counts)} seeds have any; {sum(counts)} discoveries in all")
for level, count in zip(LEVELS, below, strict=True):
    print(f"p below {level:g}: {count:,} of {tests:,} pairs, {count / tests / level:.2f} of what is promised")
