"""Which units go with which labels: unitscope's fold, a loop of NumPy over pairs, and NeuroX's ranking without a probe.

The same activations and flags. What each leaves behind differs: the loop one r for each pair, the ranking an order
of units for each label, unitscope the sums of each document, from which r, its interval, p and q follow.

OMP_NUM_THREADS=1 python benchmarks/peers/finding.py
"""

import argparse
from typing import Any

import numpy as np
import torch
from measuring import in_turns, table

import unitscope
from unitscope.analyses.association import Association

STEPS = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=65_536)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--labels", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    flags = (random.random((options.tokens, options.labels)) < 0.1).astype(np.float32)
    x = random.standard_normal((options.tokens, options.units), dtype=np.float32)
    x[:, : options.labels] += 0.3 * flags[:, : options.units]
    names = [f"flag{number}" for number in range(options.labels)]
    source = unitscope.from_arrays(
        x,
        lengths=[STEPS] * (options.tokens // STEPS),
        labels={name: flags[:, number] for number, name in enumerate(names)},
    )
    found: dict[str, np.ndarray] = {}

    def own() -> None:
        result = next(iter(unitscope.analyze(source, [Association(of=tuple(names))]).entries.values()))
        found["unitscope, association"] = result.r

    def loop() -> None:
        r = np.empty((options.units, options.labels))
        for unit in range(options.units):
            for label in range(options.labels):
                r[unit, label] = np.corrcoef(x[:, unit], flags[:, label])[0, 1]
        found["loop of numpy.corrcoef"] = r

    ways: dict[str, Any] = {"loop of numpy.corrcoef": loop, "unitscope, association": own}
    try:
        from neurox.interpretation import probeless
    except ImportError as error:
        print(f"NeuroX is left out: {error}")
    else:

        def ranking() -> None:
            for label in range(options.labels):
                probeless.get_neuron_ordering(x, flags[:, label].astype(np.int64))

        ways["NeuroX, probeless"] = ranking
    rows = in_turns(
        ways,
        options.repeats,
        against="loop of numpy.corrcoef",
        leaves={
            "loop of numpy.corrcoef": "one r for each pair",
            "unitscope, association": "r, interval, p and q of each pair, of sums by document",
            "NeuroX, probeless": "an order of units for each label",
        },
    )
    table(rows, f"{options.tokens:,} × {options.units} × {options.labels}")


if __name__ == "__main__":
    main()
