"""Claims about the networks of the study, and values published or measured before."""

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from unitscope.evidence.slope import slope
from unitscope.networks.budget import weights, width
from unitscope.studies.library.visualizing_rnns.cell_claims import cell_claims
from unitscope.studies.library.visualizing_rnns.over_networks import (
    ARITHMETIC,
    CALIBRATION,
    CELLS,
    LARGE,
    MEMORY,
    READ,
    ROWS,
    WIDTHS,
    anywhere,
    gap,
    nets,
    of_run,
    over,
    triple,
)
from unitscope.studies.library.visualizing_rnns.published import KERNEL, WAR_AND_PEACE
from unitscope.studies.study import OURS, Claim, Found, Outcomes
from unitscope.studies.value import (
    Value,
    above,
    below,
    equals,
    exact,
    missing,
    of_runs,
    reported,
    share,
)


def text_claims() -> list[Claim]:
    """The text, its split and n-grams; equal budgets; what is read is what is computed."""

    def on(known: Any, context: int) -> Callable[[Outcomes], Value | None]:
        def value(o: Outcomes) -> Value | None:
            one = next((each for each in o if each.name == "n-grams" and each["text"] == known.name), None)
            return exact(one["losses"][str(context)][0]) if one and str(context) in one["losses"] else None

        return value

    def widths(_: Outcomes) -> Value:
        right = sum(
            width(c, n, 87, row) == WIDTHS[row][k][n - 1]
            for row in ROWS
            for k, c in enumerate(CELLS)
            for n in (1, 2, 3)
        )
        return exact(right)

    def budgets(_: Outcomes) -> Value:
        each = [
            abs(weights(c, n, width(c, n, 87, row), 87) / weights("lstm", 1, row, 87) - 1)
            for row in ROWS
            for c in CELLS
            for n in (1, 2, 3)
        ]
        return exact(max(each), "units are whole")

    return [
        *(
            Claim(
                f"{n}-gram-{known.name}",
                f"{known.name}: loss of the n-gram with {n} characters of context",
                CALIBRATION,
                str(loss),
                on(known, n),
                equals(loss, 0.003),
            )
            for known in (WAR_AND_PEACE, KERNEL)
            for n, loss in known.ngrams.items()
        ),
        Claim("widths", "widths of equal budgets, 4 rows of 9", CALIBRATION, "36", widths, equals(36)),
        Claim(
            "budgets", "networks of a row differ in their weights by at most", ARITHMETIC, "1 %", budgets, below(0.0125)
        ),
        Claim(
            "recording",
            "recorded states equal the modules' own, and gates recombine to cells (largest difference)",
            ARITHMETIC,
            "rounding",
            anywhere(lambda own: exact(max(own.all("recording error")), f"{len(own)} networks")),
            below(1e-5),
        ),
    ]


def loss_claims() -> list[Claim]:
    """Losses against the published, and the order of kinds, depths and sizes."""
    made = []
    for row in ROWS:
        for cell in CELLS:
            for n in (1, 2, 3):
                for known in (WAR_AND_PEACE, KERNEL):
                    said = known.loss(cell, n, row)
                    if math.isfinite(said):
                        made.append(
                            Claim(
                                f"loss-{cell}-{n}-{row}-{known.name}",
                                f"{known.name}: {cell.upper()}, {n} layers, row {row}: nats, in a fifth of the epochs",
                                MEMORY,
                                str(said),
                                partial(_loss, known.name, cell, n, row),
                                below(said + 0.005),
                            )
                        )
        for n in (1, 2):
            for cell in ("lstm", "gru"):
                if row >= LARGE:
                    made.append(
                        Claim(
                            f"kind-{cell}-{n}-{row}",
                            f"row {row}, {n} layers: {cell.upper()} loses less than RNN (nats)",
                            READ,
                            "significantly",
                            gap({"cell": "rnn", "layers": n, "row": row}, {"cell": cell, "layers": n, "row": row}),
                            above(0),
                        )
                    )
        for cell in CELLS:
            made.append(
                Claim(
                    f"depth-{cell}-{row}",
                    f"row {row}, {cell.upper()}: two layers lose less than one (nats)",
                    READ,
                    "beneficial",
                    gap({"cell": cell, "layers": 1, "row": row}, {"cell": cell, "layers": 2, "row": row}),
                    above(0),
                )
            )
    for cell in CELLS:
        for small, large in itertools.pairwise(ROWS):
            made.append(
                Claim(
                    f"size-{cell}-{large}",
                    f"{cell.upper()} of one layer: row {large} loses less than row {small} (nats)",
                    MEMORY,
                    "above 0",
                    gap({"cell": cell, "layers": 1, "row": small}, {"cell": cell, "layers": 1, "row": large}),
                    above(0),
                )
            )
    return made


def _loss(text: str, cell: str, layers: int, row: int, o: Outcomes) -> Value | None:
    if not any(one.name == "n-grams" and one["text"] == text for one in o):
        return None
    own = nets(o, cell=cell, layers=layers, row=row, protocol="modern")
    return of_runs([one["nats"][0] for one in own], f"{own.found[0]['epochs']} epochs") if len(own) else None


def gate_claims() -> list[Claim]:
    """Saturation."""

    def most(gate: str, side: int) -> Callable[[Outcomes], Value | None]:
        return anywhere(
            lambda own: exact(max(one[f"gates/{gate}"][side] for one in own), f"{len(own)} networks"), cell="lstm"
        )

    def integrators(o: Outcomes) -> Value | None:
        own = nets(o, cell="lstm", row=(256, 512))
        return share({one.name: one["gates/forget_gate"][1] > 0.9 for one in own}) if len(own) else None

    def layered(o: Outcomes) -> Value | None:
        own = [one for one in nets(o, cell=("lstm", "gru")) if one["layers"] >= 3]
        first = {one.name: one["saturated by layer"][0] < min(one["saturated by layer"][1:3]) for one in own}
        return share(first) if own else None

    gated = ("lstm", "gru")
    return [
        Claim(
            "gates-sum",
            "left- and right-saturated shares of a unit sum to at most",
            ARITHMETIC,
            "1",
            anywhere(lambda own: exact(max(own.all("largest sum"))), cell=gated),
            below(1 + 1e-9),
        ),
        Claim(
            "gates-untrained",
            "an untrained network saturates nowhere (largest share)",
            CALIBRATION,
            "0",
            anywhere(lambda own: exact(max(own.all("untrained saturation"))), cell=gated),
            equals(0),
        ),
        Claim(
            "forget-left",
            "no forget gate is always shut: no purely feed-forward cell (largest share)",
            MEMORY,
            "below 0.9",
            most("forget_gate", 0),
            below(0.9),
        ),
        Claim(
            "output-right",
            "no output gate is consistently open (largest share)",
            MEMORY,
            "none",
            most("output_gate", 1),
            reported(),
        ),
        Claim(
            "integrators",
            "an LSTM of row 256 or more has a forget gate that is nearly always open",
            READ,
            "integrators",
            integrators,
            above(0.5),
        ),
        Claim(
            "layers",
            "the first layer is less saturated than the second and third (share of networks)",
            READ,
            "unlike",
            layered,
            above(0.5),
        ),
    ]


def error_claims() -> list[Claim]:
    """Knowledge of networks beyond counts, and explanations of the rest."""

    def gained(symbol: str, cell: str) -> Callable[[Outcomes], Value | None]:
        def value(o: Outcomes) -> Value | None:
            own = nets(o, cell=cell).having(f"gains/{symbol}")
            if not len(own):
                return None
            row = max(own.all("row"))
            return of_runs([one["gains"][symbol][0] for one in own.where(row=row)], f"row {row}")

        return value

    def explained(o: Outcomes) -> Value | None:
        own = nets(o)
        losses = [one["nats"][0] for one in own]
        if len(own) < 4 or max(losses) - min(losses) < 0.1:
            return None
        return Value(
            *slope(np.array(losses), np.array([one["onion"]["n-gram"][0] for one in own])), f"{len(own)} networks"
        )

    names = {"\r": "a line's end", "}": "a closing brace", "\t": "a tab", "\n": "a line's end", '"': "a quotation mark"}
    return [
        *(
            Claim(
                f"gain-{cell}-{name!r}",
                f"the largest {cell.upper()} knows {says} {name!r} better than the 20-gram (mean probability)",
                MEMORY,
                "above 0",
                gained(name, cell),
                above(0),
            )
            for cell in CELLS
            for name, says in names.items()
        ),
        *(
            Claim(
                f"braces-{edge}",
                f"LSTMs know better than the 20-gram that a brace closes that was opened {edge} to "
                f"{edge + 20} characters before",
                READ,
                "up to about 60",
                over(partial(_brace, edge), cell="lstm"),
                above(0),
            )
            for edge in (20, 40)
        ),
        Claim(
            "overlap",
            "networks and the 20-gram err on the same characters (Jaccard)",
            OURS,
            "above .5",
            anywhere(lambda own: of_runs([one["overlap"][0] for one in own])),
            above(0.5),
        ),
        Claim(
            "oracle",
            "the more networks lose, the more of their errors short n-grams explain (share per nat)",
            READ,
            ".33 of a small and .18 of the best",
            explained,
            above(0),
        ),
    ]


def _brace(edge: int, one: Found) -> float:
    return float(one["braces"].get(str(edge), math.nan)) if one.has("braces") else math.nan


def rest_claims() -> list[Claim]:
    """The map of models, match queries, what a network resembles while it learns, emergence."""

    def apart(found: dict[str, float]) -> Value:
        note = f"exchanged kinds: p = {found['p']:.3f}; {found['across']:.3f} across, {found['within']:.3f} within"
        difference = found["across"] - found["within"]
        return exact(difference, note) if found["p"] < 0.05 else Value(difference, note=note)

    def matched(found: dict[str, list[float]]) -> Value:
        above_chance = [low > chance and mean > 0.5 for mean, low, _, chance in found.values()]
        return share(above_chance, "queries") if found else missing("no cell of a phrase")

    return [
        Claim(
            "map",
            "RNNs lie apart from LSTMs and GRUs in the map of models (difference of distances)",
            MEMORY,
            "apart",
            of_run("together", "apart", apart),
            above(0),
        ),
        Claim(
            "queries",
            "where the cells of a phrase are on together, it is so again (share of queries)",
            OURS,
            "1",
            of_run("together", "queries", matched),
            above(0.99),
        ),
        *(
            Claim(
                f"early-{kind}",
                f"in the first three epochs a network is nearest to n-{kind}s of ever longer contexts",
                READ,
                "first low orders",
                of_run("learning", f"never falls/{kind}", lambda found: exact(float(found))),
                equals(1),
            )
            for kind in ("gram", "NN")
        ),
        Claim(
            "emerges",
            "units of the labels that are confirmed at last were confirmed by the middle of the training "
            "(share of labels)",
            OURS,
            "",
            of_run("learning", "by the middle", triple),
            above(0.5),
        ),
        Claim(
            "driven",
            "without the units that drive a found unit it changes more than without others of like deviation "
            "(ratio, least of the found units)",
            OURS,
            "above 1",
            of_run("learning", "driven", triple),
            above(1),
        ),
    ]


CLAIMS = [*text_claims(), *loss_claims(), *gate_claims(), *error_claims(), *cell_claims(), *rest_claims()]
