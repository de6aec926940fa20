"""All comparisons with peers in one command, as a page: ``docs/benchmarks.md``.

OMP_NUM_THREADS=1 python benchmarks/peers/run.py
"""

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "benchmarks.md"
HEAD = "| work | way | ratio | middle half | seconds | what it leaves |\n|---|---|---|---|---|---|"

SECTIONS: Sequence[tuple[str, Sequence[str]]] = (
    (
        "Gates, cells and states of recurrent layers",
        (
            "gates.py --units 128 --batches 1 16 64",
            "gates.py --units 512 --batches 1 16 64 --repeats 2",
            "gates.py --kind gru --units 128 --batches 1 16 64",
            "gates.py --units 128 --layers 2 --both --batches 1 16 64 --repeats 3",
        ),
    ),
    ("Units of a Transformer", ("recording.py --layers 2 --sequences 8 --repeats 2",)),
    ("Written down, and one unit read", ("storing.py --repeats 5",)),
    ("Probes", ("probes.py --words 5000 --repeats 2",)),
    ("Ablation", ("ablation.py",)),
    ("Units and labels", ("finding.py",)),
)
SAID = {
    "Probes": "*unitscope* stops where no gradient is larger than 3e-4. That was chosen on these same data, so that "
    "the accuracies agree with those of scikit-learn: its ratio is the cost of that accuracy here, and no promise for "
    "other data."
}
"""What else is to know of a section."""
PEERS = (
    "torch",
    "transformers",
    "transformer-lens",
    "nnsight",
    "sae-lens",
    "safetensors",
    "h5py",
    "zarr",
    "scikit-learn",
    "captum",
    "neurox",
)


def version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed, so left out"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args()
    lines = [
        "# Beside others",
        "",
        "Made by `OMP_NUM_THREADS=1 python benchmarks/peers/run.py`. Each row is one way to do the work of its first "
        "column, in one process with one thread, in turns with the other ways. *ratio* is processor time against the "
        "first way of the work, the median over the turns, and *middle half* the noise of it; *seconds* are of this "
        f"machine ({platform.machine()}, {os.cpu_count()} cores, shared with other work, so that only ratios mean "
        "something). *What it leaves* says what the time bought.",
        "",
        ", ".join(f"{name} {version(name)}" for name in PEERS) + f"; Python {platform.python_version()}.",
        "",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for title, commands in SECTIONS:
        lines += [f"## {title}", ""]
        for command in commands:
            print(command, file=sys.stderr, flush=True)
            script, *words = command.split()
            done = subprocess.run(
                [sys.executable, str(HERE / script), *words],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
                check=True,
            )
            rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
            notes = [line for line in done.stdout.splitlines() if "left out" in line]
            lines += [f"`benchmarks/peers/{command}`", "", HEAD, *rows, "", *(f"{note}\n" for note in notes)]
        lines += [SAID[title], ""] if title in SAID else []
        options.out.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
