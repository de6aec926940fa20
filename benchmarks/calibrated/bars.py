"""What must hold, and whether it does. Intervals are over corpora, since pairs of one corpus are not independent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

FEW = ("6 documents", "6 long documents", "levels, 6 long documents")
"""Four documents confirm. Where they differ by their levels no test of so few is exact, and these are careful."""
CAREFUL = ("heavy-tailed", "sparse", "few coincidences")
"""Few tokens carry the sum, which is then nearly discrete: only upper bounds are owed."""
UNEQUAL = ("spreads, 12 documents", "spreads, 40 documents")
"""A few documents have most of the variance, and which differs from unit to unit: only upper bounds are owed."""
FLOORS = {"recall 1": 1.0, "recall 0.7": 1.0, "recall 0.4": 0.996}
"""With at least 12 documents: what was found in the same corpora before evidence had a room of its own."""
QUICK = {"recall 1": 0.97, "recall 0.7": 0.9, "recall 0.4": 0.75}
"""In corpora of a quarter of the size."""


@dataclass(frozen=True)
class Bar:
    """One thing that must hold."""

    part: str
    what: str
    value: float
    low: float
    """99 % interval over corpora."""
    high: float
    least: float
    most: float

    @property
    def held(self) -> bool:
        """The interval reaches into what is allowed."""
        return bool(self.high >= self.least and self.low <= self.most)

    def __str__(self) -> str:
        bound = f"{self.least:g} … {self.most:g}"
        return f"{self.part}: {self.what} {self.value:.4f} ({self.low:.4f} … {self.high:.4f}), allowed {bound}"


Sums = Mapping[str, Sequence[Sequence[float]]]
"""Of each corpus: how often it was so, out of how many."""


def bars_of(kind: str, name: str, sums: Sums, quick: bool = False) -> list[Bar]:
    """All bars of one part."""
    part = f"{kind}: {name}"
    return [
        _bar(part, what, sums[what], least, most)
        for what, least, most in _owed(kind, name, list(sums), QUICK if quick else FLOORS)
        if sum(pair[1] for pair in sums[what]) > 0
    ]


def _owed(kind: str, name: str, names: list[str], floors: Mapping[str, float]) -> list[tuple[str, float, float]]:
    owed: list[tuple[str, float, float]] = []
    for what in names:
        if what.startswith("p<.05"):
            exact = what != "p<.05" and not what.endswith(CAREFUL) and name not in FEW + UNEQUAL
            owed.append((what, 0.03 if exact and name != "rare labels" else 0.0, 0.06))
        elif what.startswith("p<.001"):
            owed.append((what, 0.0, 0.002))
        elif what.startswith("covered"):
            wide = name in FEW + UNEQUAL or name == "rare labels" or what.endswith(CAREFUL)
            owed.append((what, 0.93, 1.0 if wide else 0.97))
        elif what.startswith("FDP"):
            owed.append((what, 0.0, 0.05))
        elif what.startswith("recall"):
            if kind == "pairs" and name not in FEW and name != "rare labels" and what in floors:
                owed.append((what, floors[what], 1.0))
        elif what == "has a p":
            owed.append((what, 1.0, 1.0))
        elif what in ("list names a true unit", "used, planted"):
            if name not in FEW and name != "rare labels":
                owed.append((what, 0.9, 1.0))
        elif what in ("true label first", "others explained by it"):
            owed.append((what, 0.95, 1.0))
        elif what == "used, random pairs" or what.startswith("passes the gate"):
            owed.append((what, 0.0, 0.05))
    return owed


def _bar(part: str, what: str, pairs: Sequence[Sequence[float]], least: float, most: float) -> Bar:
    """A ratio of sums with its interval over corpora."""
    hits, of = np.array(pairs, dtype=float).T
    value = hits.sum() / of.sum()
    count = int((of > 0).sum())
    error = np.sqrt(((hits - value * of) ** 2).sum() * count / max(count - 1, 1)) / of.sum()
    # Where nothing, or everything, was so in any corpus, as sure as one more corpus would leave it.
    if error == 0 and 0 <= value <= 1:
        error = 0.5 / (count + 1) if what not in ("has a p",) else 0.0
    width = float(stats.t.ppf(0.995, max(count - 1, 1))) * error
    return Bar(part, what, float(value), float(value - width), float(value + width), least, most)


def table(note: str, measured: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]], bars: Sequence[Bar]) -> str:
    """docs/results/calibration.md."""
    lines = [
        "# Calibration: does every p, interval and verdict keep its word?", "",
        f"{note}; tests/planted_corpora.py draws them, and [methods/evidence.md](../methods/evidence.md) says what",
        "each bar is and why. Numbers are means over all corpora. In parts that resume:", "",
        "    OMP_NUM_THREADS=1 python benchmarks/calibration.py", "",
    ]  # fmt: skip

    def rate(of: Mapping[str, Sequence[float]], what: str, digits: int = 3) -> str:
        hits, count = of.get(what, (0.0, 0.0))
        return f"{hits / count:.{digits}f}" if count else "–"

    heads = {
        "pairs": {
            "null p < .05": "p<.05", "< .001": "p<.001", "FDP of pairs": "FDP pairs", "of units": "FDP units",
            "of the list": "FDP list", "corpora with a false pair": "any false pairs",
            **{f"recall r = {r}": f"recall {r}" for r in ("1", "0.7", "0.4", "0.2", "0.1")},
            "95 % covers r = 0": "covered 0", **{f"{r}": f"covered {r}" for r in ("0.1", "0.2", "0.4", "0.7")},
        },
        "measures": {w: f"covered {w}" for w in ("AUC", "IoU", "information", "accuracy", "selectivity")},
        "ablations": {
            "planted: used": "used, planted", "random pairs: used": "used, random pairs",
            "not measured": "not measured",
            "95 % covers where − elsewhere": "covered where − elsewhere", "where": "covered damage where it holds",
        },
        "networks": {f"passes {k} untrained ones": f"passes the gate of {k}" for k in (20, 10, 5)},
    }  # fmt: skip
    titles = {
        "pairs": "Units × labels", "measures": "Intervals of other measures", "ablations": "Which units are used",
        "networks": "Untrained networks against untrained ones",
    }  # fmt: skip
    for kind, own in heads.items():
        if kind not in measured:
            continue
        columns = {"corpora": "corpora", **own}
        lines += [f"## {titles[kind]}", "", "| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        for name, of in measured[kind].items():
            cells = (
                rate(of, what, 0 if what == "corpora" else 4 if ".001" in what else 3) for what in columns.values()
            )
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    if "pairs" in measured:
        kinds = list(dict.fromkeys(
            what[6:] for of in measured["pairs"].values() for what in of if what.startswith("p<.05 ")
        ))  # fmt: skip
        lines += ["## Null p by kind of unit: share below .05 / below .001", ""]
        lines += ["| | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
        for name, of in measured["pairs"].items():
            cells = (f"{rate(of, f'p<.05 {kind}')} / {rate(of, f'p<.001 {kind}', 4)}" for kind in kinds)
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    missed = [bar for bar in bars if not bar.held]
    lines += ["## Bars", "", f"{len(bars) - len(missed)} of {len(bars)} held.", ""]
    lines += [f"- missed: {bar}" for bar in missed]
    return "\n".join(lines).rstrip() + "\n"
