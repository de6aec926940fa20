"""Claims about single cells: the number of trainings that have one, and the loss without it."""

import math
from collections.abc import Callable
from functools import partial

from unitscope.studies.library.visualizing_rnns.causality import DISSOCIATIONS
from unitscope.studies.library.visualizing_rnns.cells import EFFECT
from unitscope.studies.library.visualizing_rnns.over_networks import (
    BLOG,
    CALIBRATION,
    CELLS,
    HEADLINES,
    MEMORY,
    ROWS,
    Number,
    anywhere,
    nets,
)
from unitscope.studies.study import OURS, Claim, Found, Outcomes
from unitscope.studies.value import (
    Value,
    above,
    below,
    between,
    exact,
    of_runs,
    share,
)


def cell_claims() -> list[Claim]:
    """Units by search: in how many of the trainings there is one, which is the finding."""
    made = []
    for cell in CELLS:
        for row in ROWS:
            for label, says in HEADLINES.items():
                made.append(
                    Claim(
                        f"unit-{label}-{cell}-{row}",
                        f"most {cell.upper()}s of row {row} have a unit that {says} (|r| ≥ {EFFECT}, confirmed)",
                        MEMORY,
                        "there is one",
                        partial(_replicated, cell, row, label),
                        above(0.5),
                    )
                )
    for label, says in HEADLINES.items():
        made.append(
            Claim(
                f"used-{label}",
                f"… and networks use the unit that {says} (share of the confirmed)",
                OURS,
                "",
                partial(_used, label),
                above(0.5),
            )
        )
    made += [
        Claim(
            "interpretable",
            "share of units that can be interpreted at all, by our criterion",
            BLOG,
            "about .05",
            anywhere(lambda own: of_runs(own.all("interpretable"))),
            between(0.02, 0.10),
        ),
        Claim(
            "shifted",
            "share of the pairs of unit and label that is found under labels from elsewhere",
            OURS,
            "0",
            anywhere(lambda own: exact(sum(own.all("found elsewhere")) / max(1, sum(own.all("tests"))))),
            below(0.001),
        ),
    ]
    for pair in DISSOCIATIONS:
        (first, own), (second, other) = pair.items()
        for label, here, there in ((first, own, other), (second, other, own)):
            name = f"{label}, {own!r} and {other!r}"
            made.append(
                Claim(
                    f"lost-{name}",
                    f"without the unit of {label}, {here!r} is harder to foresee (nats)",
                    CALIBRATION,
                    "+2.77 (line), +.62 (quotes)",
                    lost(partial(_cost, pair, label, here), pair),
                    above(0.1),
                )
            )
            made.append(
                Claim(
                    f"spared-{name}",
                    f"… and {there!r} hardly is (share of that cost)",
                    CALIBRATION,
                    "0",
                    lost(partial(_spared, pair, label, here, there), pair),
                    between(-0.25, 0.25),
                )
            )
    made.append(
        Claim(
            "random",
            "units of like deviation cost little at these symbols (most of them, nats)",
            CALIBRATION,
            "at most .05",
            lost(lambda one: max(d["random"] for d in one["lost"].values())),
            below(0.1),
        )
    )
    return made


def _replicated(cell: str, row: int, label: str, o: Outcomes) -> Value | None:
    own = nets(o, cell=cell, row=row).having(f"units/{label}")
    return share({one.name: one["units"][label]["confirmed"] for one in own}) if len(own) else None


def _used(label: str, o: Outcomes) -> Value | None:
    own = [one for one in nets(o).having(f"units/{label}") if one["units"][label]["confirmed"]]
    return share({one.name: one["units"][label]["used"] == "used" for one in own}) if own else None


def lost(number: Number, pair: dict[str, str] | None = None) -> Callable[[Outcomes], Value | None]:
    """A number of the LSTMs without the units of these two labels; None where no network has both."""

    def value(o: Outcomes) -> Value | None:
        own = [one for one in nets(o, cell="lstm") if (_key(pair) in one["lost"] if pair else one["lost"])]
        return of_runs([number(one) for one in own]) if own else None

    return value


def _key(pair: dict[str, str]) -> str:
    return " and ".join(pair)


def _cost(pair: dict[str, str], label: str, symbol: str, one: Found) -> float:
    found = one["lost"].get(_key(pair))
    return float(found[label][symbol]) if found and symbol in found[label] else math.nan


def _spared(pair: dict[str, str], label: str, here: str, there: str, one: Found) -> float:
    own, other = _cost(pair, label, here, one), _cost(pair, label, there, one)
    return other / own if own > 0.01 else math.nan
