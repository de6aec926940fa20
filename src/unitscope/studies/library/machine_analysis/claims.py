"""Claims of the study of encoder–decoders, and the computation of each number."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, get_args

import numpy as np

from unitscope.networks.seq2seq.network import Cell
from unitscope.studies import (
    OURS,
    Claim,
    Found,
    Outcomes,
    Source,
    Value,
    above,
    below,
    between,
    equals,
    exact,
    of_pairs,
    of_runs,
)
from unitscope.studies.library.machine_analysis.look import ABLATED, ATTENDED, SECOND, TABLE

ZOO = Source("published, read", "machine-zoo README, 5 seeds of 512 units")
RELEASED = Source("recomputed from released data", "original hidden states, one run of each kind, 512 units")
NOT_ASKED = Source("ours", "never asked in the original, which takes units from a probe and none from a network")
BOTH = ("baseline", "guided")
CELLS: tuple[Cell, ...] = get_args(Cell)
LEARNT = 0.8
"""Share of the trained compositions that a network does, if anything is to be concluded from it."""


def of_pair(
    cell: str, number: Callable[[Found], Any], change: Callable[[Any, Any], float] | None = None
) -> Callable[[Outcomes], Value | None]:
    """One number of every pair: a guided and a baseline network of one seed, which began with the same weights."""

    def value(o: Outcomes) -> Value | None:
        found = o.where(cell=cell).having("numbers").pairs("kind", "guided", "baseline")
        if not found:
            return None
        both = [(number(guided), number(base)) for guided, base in found]
        differences = [change(g, b) for g, b in both] if change else []
        values = of_runs(differences) if change else of_pairs([g for g, _ in both], [b for _, b in both])
        return values.unless(_unlearnt(one for pair in found for one in pair))

    return value


def of_kind(cell: str, kind: str, number: Callable[[Found], float]) -> Callable[[Outcomes], Value | None]:
    """One number of every network of a kind."""

    def value(o: Outcomes) -> Value | None:
        own = o.where(cell=cell, kind=kind).having("numbers")
        return of_runs([number(one) for one in own]).unless(_unlearnt(own)) if len(own) else None

    return value


def _unlearnt(networks: Iterable[Found]) -> str:
    """Why nothing is concluded from networks that do not even do the compositions that they read."""
    weak = [one.name for one in networks if one["curve/intact"] < LEARNT]
    return f"{', '.join(weak)} do less than {LEARNT:.0%} of what was learnt" if weak else ""


def changes(part: str, one: Found) -> list[float]:
    """Distance that the states of a part move, step by step."""
    found: list[float] = one["numbers/change"][part]
    return found


def least_ratio(guided: Sequence[float], base: Sequence[float]) -> float:
    """Guided over baseline, at the step where it is least."""
    return min(g / b for g, b in zip(guided, base, strict=True))


def of_cell(cell: Cell) -> list[Claim]:
    """Claims about the networks with one kind of cell."""
    name, gru = cell.upper(), cell == "gru"

    def least(guided: Sequence[float], base: Sequence[float]) -> float:
        return min(g - b for g, b in zip(guided, base, strict=True))

    def decay(one: Found) -> float:
        variance = one["numbers/variance"]["decoder"]
        return float(variance[-1] / variance[0])

    def score(one: Found, *sets: str) -> list[float]:
        return [one["scores"][f"{of} sequences"] for of in sets]

    def told(what: str, features: str) -> Callable[[Outcomes], Value | None]:
        def value(o: Outcomes) -> Value | None:
            one = o.one(**{"all of": cell})
            if one is None:
                return None
            row = one["told apart"][features]
            note = f"{row['seen']:.2f} in runs that were seen"
            return Value(row["unseen"], row["low"], row["high"], note) if what == "unseen" else exact(row["seen"])

        return value

    def asked(id: str, says: str, source: Source, expected: str, value: Any, bar: Any) -> Claim:
        return Claim(f"{id}-{cell}", f"{name}: {says}", source, expected, value, bar)

    def pair(number: Callable[[Found], Any], change: Any = None) -> Any:
        return of_pair(cell, number, change)

    held = ("heldout_inputs", "heldout_tables", "new_compositions")
    claims = [
        asked("compositions", "guidance is what makes held-out compositions right (difference of shares)", ZOO,
              "1.00 against .22" if gru else ".95 against .23",
              pair(lambda one: score(one, "heldout_compositions")[0]), above(0.3)),
        asked("order", "guided is more accurate on held-out inputs, tables and new compositions (least gain)", ZOO,
              "1.00/.21; .93/.05; .87/.03" if gru else ".97/.20; .53/.09; .34/.06",
              pair(lambda one: score(one, *held), least), above(0)),
        asked("longer", "not even guided networks do compositions of three seen tables (share)", ZOO,
              ".28" if gru else ".27", of_kind(cell, "guided", lambda one: score(one, "longer_seen")[0]), below(0.4)),
        asked("attention", "a guided network attends to its place (mean weight)", OURS, "1.00",
              of_kind(cell, "guided", lambda one: one["numbers/attention on its place"]), above(0.95)),
        asked("unguided-attention", "a baseline network does not", OURS, ".03 to .32",
              of_kind(cell, "baseline", lambda one: one["numbers/attention on its place"]), below(0.4)),
        *(
            asked(f"change-{part}", f"states of a guided {part} change more at every step (least ratio)", RELEASED,
                  says, pair(partial(changes, part), least_ratio), above(1))
            for part, says in (("encoder", "×1.5 to ×2.0" if gru else "×1.7 to ×2.0"),
                               ("decoder", "×1.8, ×3.1" if gru else "×1.4, ×2.2"))
        ),
        asked("variance", "values of a guided encoder vary more at every table (least ratio)", RELEASED,
              "×4.3, ×2.2" if gru else "×3.1, ×2.2",
              pair(lambda one: one["numbers/variance"]["encoder"][1:3], least_ratio), above(1)),
        asked("decay", "the variance of a baseline decoder decays, that of a guided one less (difference of last over "
              "first)", RELEASED, "1.09 against .25" if gru else ".62 against .14",
              pair(decay), above(0)),
        asked("gates", "each gate of a guided encoder is more often saturated (least difference of shares)", OURS,
              "reset .15/.05, update .16/.07 at 512 units" if gru else "",
              pair(lambda one: [v for k, v in one["numbers/saturated"].items() if k.startswith("encoder")],
                   least), above(0)),
        asked("groups", "a guided encoder's group for the table is at most half of the baseline's (ratio of sizes)",
              RELEASED, "5 against 24" if gru else "4 against 40",
              pair(lambda one: one["groups"][TABLE]["size"], lambda g, b: g / b), below(0.5)),
        asked("attended", "the attended table is told better from guided decoder states (difference of accuracies)",
              RELEASED, ".99 against .47" if gru else ".97 against .40",
              pair(lambda one: one["groups"][ATTENDED]["all units"]), above(0.25)),
        asked("second", "the second table is told better from guided encoder states (difference of accuracies)",
              RELEASED, "1.00 against .91" if gru else "1.00 against .63",
              pair(lambda one: one["groups"][SECOND]["all units"]), above(0)),
        asked("time", "guided encoders tell the step better (ratio of squared errors, in powers of ten)", RELEASED,
              ".00011 against .0137" if gru else ".0007 against .0280",
              pair(lambda one: one["numbers/error of the step"]["encoder"],
                   lambda g, b: math.log10(g / b)), below(0)),
        asked("similar", "sources with the same second table are nearer in guided encoders (difference of ratios)",
              RELEASED, ".57 against 1.00" if gru else ".77 against 1.02",
              pair(lambda one: one["numbers/distance"]["same second table"]), below(0)),
        asked("raw", "raw states do not tell the kind of unseen runs (balanced accuracy)", OURS, ".51",
              told("unseen", "raw activations"), between(0.25, 0.75)),
        asked("raw-seen", "raw states tell the kind of runs that were seen", OURS, "1.00",
              told("seen", "raw activations"), above(0.99)),
        asked("summaries", "summaries without an order of units tell it in unseen runs (balanced accuracy)", OURS,
              ".92", told("unseen", "summaries"), above(0.5)),
        *(
            asked(f"needs-{kind}-{group.split(',')[0].replace(' ', '-')}",
                  f"a {kind} network needs the units of its group “{group}” more than random ones (difference of "
                  "right compositions)", NOT_ASKED, "above 0", partial(excess, cell=cell, kind=kind, group=group),
                  above(0))
            for group in ABLATED
            for kind in ("guided", "baseline")
        ),
        asked("half", "a guided network is lost with fewer units that tell the table than random ones (doublings)",
              NOT_ASKED, "above 0", of_kind(cell, "guided", doublings), above(0)),
    ]  # fmt: skip
    return claims


def excess(o: Outcomes, cell: str, kind: str, group: str) -> Value | None:
    """Number of further wrong compositions without a group than without random units."""
    own = [one["ablations"][group] for one in o.where(cell=cell, kind=kind).having(f"ablations/{group}")]
    p = "p of each network " + ", ".join(f"{row['p']:.2f}" for row in own)
    lost = [row["without random units"] - row["without the group"] for row in own]
    return of_runs(lost, p) if own else None


def doublings(one: Found) -> float:
    """Random units over ranked ones, in doublings, that must go before half of the compositions are wrong."""
    curve = one["curve"]

    def half(accuracies: Sequence[float]) -> float:
        lost = [n for n, right in zip(curve["sizes"], accuracies, strict=True) if right < curve["intact"] / 2]
        return float(lost[0] if lost else 2 * curve["sizes"][-1])

    return math.log2(half(curve["random"]) / half(curve["ranked"]))


def of_known(path: str) -> Callable[[Outcomes], Value | None]:
    """A number of the data in which the right answer is known."""

    def value(o: Outcomes) -> Value | None:
        one = o.one(noise=24) or o.one(noise=512)
        return exact(float(one[path])) if one else None

    return value


def worst(path: str) -> Callable[[Outcomes], Value | None]:
    """The largest of all networks."""
    return lambda o: exact(max(o.all(path)), f"{len(o.all(path))} networks") if o.all(path) else None


EXACT = Source("ours", "PyTorch's own modules")
KNOWN = Source("ours", "by construction")
GENERAL = [
    Claim("parity", "recomputed states are those of the network's own layers (largest difference, float64)", EXACT,
          "rounding", worst("exact/float64"), below(1e-12)),
    Claim("identical", "reading changes no bit of the output (share of networks)", EXACT, "1",
          lambda o: exact(float(np.mean(o.all("exact/identical")))) if o.all("exact/identical") else None, equals(1)),
    Claim("sets", "the sets of the task have the published sizes", Source("published, read", "machine-tasks"), "6 of 6",
          of_known("sets of the published size"), equals(6)),
    Claim("pairs", "different pairs of one or two tables", Source("published, read", "machine-tasks"), "576",
          of_known("different pairs"), equals(576)),
    Claim("planted-gates", "gates held shut and open by their bias are saturated at every step, on that side only",
          KNOWN, "1, 0, 0, 1",
          lambda o: exact(float(np.mean([g == [1, 0, 0, 1] for g in o.all("gates")]))) if o.all("gates") else None,
          equals(1)),
    Claim("planted-groups", "of 1, 5 and 20 planted units among others all that is found was planted (share of groups)",
          KNOWN, "1", of_known("planted groups found"), equals(1)),
    Claim("planted-order", "the group is the same with the classes in another order", KNOWN, "yes",
          of_known("the same with classes in another order"), equals(1)),
    Claim("noise", "units of a group that are found in noise", KNOWN, "0", of_known("units found in noise"), equals(0)),
    Claim("counter", "a unit that counts tells the step without error", KNOWN, "0", of_known("error of the counter"),
          below(1e-9)),
]  # fmt: skip
