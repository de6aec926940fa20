"""How many findings there are where nothing is: p-values under circularly shifted labels, over many seeds.

    python benchmarks/shifted_labels.py run            # a recording, as `unitscope record` makes it

Benjamini and Hochberg's procedure at 5 % promises that, with nothing to find, at most one seed in twenty has any
significant pair of unit and hypothesis at all. The last lines tell whether p-values are what they say: where nothing is
true, no more than one pair in ten thousand should be below 0.0001.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from unitscope.analyses.affinity import BUCKETS, _bucket, _correlation, _sums
from unitscope.cli.find import suggested
from unitscope.cli.inputs import Inputs
from unitscope.findings.find import evidence
from unitscope.recording.recording import Recording
from unitscope.source.relabelled import LabelFile, Relabelled, Shifted

torch.set_num_threads(1)
LEVELS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("recording", type=Path)
parser.add_argument("--seeds", type=int, default=20)
options = parser.parse_args()

source = Recording.open(options.recording)
hypotheses = suggested(Inputs.load(options.recording).open()[1])
groups = evidence(source)
bucket = {number: _bucket(group) for number, group in groups.items()}


def p_values(labels: dict[int, torch.Tensor]) -> np.ndarray:
    """Of all pairs of units and hypotheses, as the analysis ``affinity`` computes them; its counts are not needed."""
    mean = torch.cat(list(labels.values())).nanmean(0)
    found = []
    for site in source.sites:
        sums = torch.zeros(BUCKETS, 6, site.units, len(hypotheses), dtype=torch.float64)
        centre = None
        for chunks in source.chunks([site.name]):
            chunk = chunks[site.name]
            x = chunk.activations.float()
            centre = x.mean(0) if centre is None else centre
            for first, last in chunk.spans():
                number = int(chunk.sequence[first])
                y = labels[number] - mean
                weight = torch.isfinite(y).float()
                sums[bucket[number]] += _sums(x[first:last] - centre, y.nan_to_num(), weight).double()
        found.append(_correlation(sums)[3].ravel())
    p = np.concatenate(found)
    return p[np.isfinite(p)]


counts, tests, below = [], 0, np.zeros(len(LEVELS), int)
with LabelFile(source, hypotheses) as kept:
    print(f"{len(source.sequences)} sequences in {len(set(groups.values()))} groups of evidence")
    for seed in range(options.seeds):
        moved = Shifted(Relabelled(source, kept.labels), seed, groups)
        said = {n: torch.stack([moved.labels(name, n) for name in hypotheses], 1) for n in source.sequences}
        p = p_values(said)
        tests += len(p)
        below += [int((p < level).sum()) for level in LEVELS]
        counts.append(int((stats.false_discovery_control(p) <= 0.05).sum()))
        print(f"seed {seed}: {counts[-1]} of {len(p):,} pairs significant at a false discovery rate of 5 %", flush=True)
print(f"{sum(count > 0 for count in counts)} of {len(counts)} seeds have any; {sum(counts)} discoveries in all")
for level, count in zip(LEVELS, below, strict=True):
    print(f"p below {level:g}: {count:,} of {tests:,} pairs, {count / tests / level:.2f} of what is promised")
