"""Do error rates, coverage and recall hold where the truth is known?

    python benchmarks/calibration.py --quick                  # about a minute; one line and an exit status
    python benchmarks/calibration.py                          # 400 corpora of each kind, in parts that resume
    python benchmarks/calibration.py --part "12 documents"    # one kind

Corpora are those of tests/planted_corpora.py. Full size leaves its parts in build/calibration, and writes
docs/results/calibration.json and .md when all are there. What each bar is, and why, is in docs/methods/evidence.md.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from calibrated import ablations, measures, networks, pairs  # noqa: E402
from calibrated.bars import Bar, bars_of, table  # noqa: E402
from planted_corpora import SCENARIOS  # noqa: E402

Record = dict[str, list[float]]
BLOCK = 20
"""Seeds that are done and kept together."""


@dataclass(frozen=True)
class Part:
    """One kind of corpus, and what measures one of them."""

    name: str
    kind: str
    measure: Callable[[str, int, float], Record]


PARTS = [
    *(Part(name, "pairs", pairs.measure) for name in SCENARIOS),
    *(Part(name, "measures", measures.measure) for name in measures.DOCUMENTS),
    *(Part(name, "ablations", ablations.measure) for name in ablations.DOCUMENTS),
    *(Part(name, "networks", networks.measure) for name in (*networks.TEXTS, "unbounded text")),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="40 corpora of each kind, of a fraction of the size")
    parser.add_argument("--part", help="only parts with this in their name")
    parser.add_argument("--seeds", type=int, help="corpora of each kind: 400, or 40")
    parser.add_argument("--report", action="store_true", help="only of the parts that are in the folder")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "calibration")
    options = parser.parse_args()
    seeds = options.seeds or (40 if options.quick else 400)
    size = 0.25 if options.quick else 1.0
    began = time.process_time()
    bars: list[Bar] = []
    measured: dict[str, dict[str, Record]] = {}
    for part in PARTS:
        if options.part and options.part not in f"{part.kind}: {part.name}":
            continue
        records = _records(part, seeds, size, None if options.quick else options.folder, options.report)
        if not records:
            continue
        sums = {what: [record.get(what, [0.0, 0.0]) for record in records] for what in _names(records)}
        own = bars_of(part.kind, part.name, sums, options.quick)
        bars += own
        measured.setdefault(part.kind, {})[part.name] = {
            what: np.array(values).sum(0).tolist() for what, values in sums.items()
        } | {"corpora": [float(len(records)), 1.0]}
        if not options.quick:
            missed = [bar for bar in own if not bar.held]
            print(f"{part.kind}: {part.name}: {len(own)} bars, {len(missed)} missed", flush=True)
            for bar in missed:
                print(f"    {bar}", flush=True)
    missed = [bar for bar in bars if not bar.held]
    spent = time.process_time() - began
    if not options.quick and not options.part:
        note = _corpora(measured, seeds)
        (ROOT / "docs" / "results" / "calibration.json").write_text(
            json.dumps({"seeds": seeds, "sums": measured, "bars": [vars(bar) for bar in bars]}, indent=1) + "\n"
        )
        (ROOT / "docs" / "results" / "calibration.md").write_text(table(note, measured, bars))
    worst = "" if not missed else "; " + "; ".join(map(str, missed[:5]))
    print(f"calibration: {len(bars) - len(missed)} of {len(bars)} bars held, {_corpora(measured, seeds)}, "
          f"{spent:.0f} s{worst}")  # fmt: skip
    return 1 if missed else 0


def _corpora(measured: dict[str, dict[str, Record]], seeds: int) -> str:
    """How many there were in fact, and of which kinds fewer than were asked."""
    counts = {f"{kind}: {name}": int(own["corpora"][0]) for kind, of in measured.items() for name, own in of.items()}
    few = ", ".join(f"{count} of {name}" for name, count in counts.items() if count < seeds)
    return f"{seeds} corpora of each of {len(counts)} kinds{f', but {few}' if few else ''}"


def _names(records: list[Record]) -> list[str]:
    return list(dict.fromkeys(what for record in records for what in record))


def _records(part: Part, seeds: int, size: float, folder: Path | None, only: bool) -> list[Record]:
    """One of each corpus; blocks that are in the folder are read, and ``only`` these if so wished."""
    found: list[Record] = []
    for first in range(0, seeds, BLOCK):
        numbers = range(first, min(first + BLOCK, seeds))
        file = folder and folder / f"{part.kind} {part.name}".replace(" ", "-").replace(",", "") / f"{first:04}.json"
        if file and file.exists():
            found += json.loads(file.read_text())[: len(numbers)]
            continue
        if only:
            continue
        block = [part.measure(part.name, seed, size) for seed in numbers]
        if file and len(block) == BLOCK:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.with_suffix(".part").write_text(json.dumps(block))
            file.with_suffix(".part").rename(file)
        found += block
    return found


if __name__ == "__main__":
    sys.exit(main())
