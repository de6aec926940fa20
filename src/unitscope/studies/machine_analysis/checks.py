"""What was published or measured before of guided and baseline networks, and whether it holds in every pair of runs.

A pair is a guided and a baseline network of one seed, which began with the same weights. The order of the two is what
is asked of every pair; published numbers stand beside it. Thresholds for numbers were chosen on other networks.
"""

from collections.abc import Callable, Mapping, Sequence

from unitscope.comparison.kinds import KindAccuracy
from unitscope.corpus.lookup_tables import LookupTables
from unitscope.studies.check import Check
from unitscope.studies.machine_analysis.examined import Compared, Examined, Pair
from unitscope.studies.machine_analysis.groups import ATTENDED, SECOND, TABLE
from unitscope.studies.machine_analysis.zoo import Material

ZOO = "machine-zoo README, 5 seeds"
ORIGINAL = "recomputed on the original states, one run of each kind"
AGAIN = "calibration runs, 6 pairs"
WIDE = 512
"""Units from which the published numbers are asked for; a narrower network only shows the direction."""


def accuracy_checks(found: Sequence[Pair], cell: str, units: int) -> list[Check]:
    """B1 and B2: what guidance is for."""

    def accuracy(name: str) -> Compared:
        return Compared.of(found, lambda e: e.run.accuracy(name))

    compositions, inputs = accuracy("heldout_compositions"), accuracy("heldout_inputs")
    tables, new, longer = accuracy("heldout_tables"), accuracy("new_compositions"), accuracy("longer_seen")
    gains = [guided - baseline for baseline, guided in compositions]
    published = {"gru": "1.00 against .22", "lstm": ".95 against .23"}[cell]
    checks = [
        Check(
            f"B1-compositions-{cell}",
            f"{cell.upper()}: guided networks do held-out compositions, baseline ones do not (0.3 more in every pair)",
            str(compositions),
            published,
            ZOO,
            min(gains) >= 0.3,
            _each(compositions),
        ),
        Check(
            f"B1-order-{cell}",
            f"{cell.upper()}: guided is more accurate on held-out inputs, held-out tables and new compositions",
            f"{inputs}; {tables}; {new}",
            {"gru": "1.00/.21; .93/.05; .87/.03", "lstm": ".97/.20; .53/.09; .34/.06"}[cell],
            ZOO,
            inputs.larger and tables.larger and new.larger,
            f"tables: {_each(tables)}; new: {_each(new)}",
        ),
        Check(
            f"B1-longer-{cell}",
            f"{cell.upper()}: neither kind does compositions of three tables (at most .40 on seen tables)",
            str(longer),
            {"gru": ".28 against .13", "lstm": ".27 against .11"}[cell],
            ZOO,
            max(*longer.baseline, *longer.guided) <= 0.4,
            _each(longer),
        ),
    ]
    if units >= WIDE and cell == "gru":
        enough = (
            min(*compositions.guided, *inputs.guided) >= 0.9 and max(*compositions.baseline, *inputs.baseline) <= 0.5
        )
        gain = [guided - baseline for baseline, guided in tables]
        checks += [
            Check(
                "B1-level-gru",
                "GRU: guided at least .90 on held-out inputs and compositions, baseline at most .50, in every pair",
                f"{inputs}; {compositions}",
                "≥ .90 against ≤ .50",
                AGAIN,
                enough,
                f"inputs: {_each(inputs)}; compositions: {_each(compositions)}",
            ),
            Check(
                "B1-tables-gru",
                "GRU: guided is .5 better on held-out tables in every pair",
                str(tables),
                ".70 against .09",
                AGAIN,
                min(gain) >= 0.5,
                _each(tables),
            ),
        ]
    attention = Compared.of(found, lambda e: e.measures.attention)
    checks.append(
        Check(
            f"B2-attention-{cell}",
            f"{cell.upper()}: attention on its place, held-out pairs: guided at least .95, baseline at most .40",
            str(attention),
            "1.00 against .03–.32",
            AGAIN,
            min(attention.guided) >= 0.95 and max(attention.baseline) <= 0.4,
            _each(attention),
        )
    )
    return checks


def dynamics_checks(found: Sequence[Pair], cell: str, units: int) -> list[Check]:
    """B3 and B4: how far and how widely states move."""
    change = {part: _steps(found, lambda e: e.measures.change, part) for part in ("encoder", "decoder")}
    variance = {part: _steps(found, lambda e: e.measures.variance, part) for part in ("encoder", "decoder")}
    decay = Compared.of(found, lambda e: e.measures.variance["decoder"][-1] / e.measures.variance["decoder"][0])
    name = cell.upper()
    return [
        Check(
            f"B3-encoder-{cell}",
            f"{name}: guided encoders change more at every step, in every pair",
            _ratios(change["encoder"]),
            {"gru": "×2.0, ×1.5, ×1.5", "lstm": "×1.8, ×1.7, ×2.0"}[cell],
            ORIGINAL,
            all(step.larger for step in change["encoder"]),
            "means: " + "; ".join(map(str, change["encoder"])),
        ),
        Check(
            f"B3-decoder-{cell}",
            f"{name}: so do guided decoders (direction)",
            _ratios(change["decoder"]),
            {"gru": "×1.8, ×3.1", "lstm": "×1.4, ×2.2"}[cell],
            ORIGINAL,
            all(step.larger for step in change["decoder"]),
            "means: " + "; ".join(map(str, change["decoder"])),
        ),
        Check(
            f"B4-encoder-{cell}",
            f"{name}: values of a guided encoder vary more from step 1 on, in every pair",
            _ratios(variance["encoder"][1:]),
            {"gru": "×4.3, ×2.2, ×1.4", "lstm": "×3.1, ×2.2, ×0.9"}[cell],
            ORIGINAL,
            all(step.larger for step in variance["encoder"][1:]),
            "means: " + "; ".join(map(str, variance["encoder"])),
        ),
        Check(
            f"B4-decoder-{cell}",
            f"{name}: the variance of a baseline decoder decays (last step / first ≤ .75), of a guided one not (≥ .9)",
            str(decay),
            {"gru": "1.09 against .25", "lstm": ".91 against .14"}[cell],
            ORIGINAL,
            (min(decay.guided) >= 0.9 and max(decay.baseline) <= 0.75) if units >= WIDE else None,
            _each(decay) + ("" if units >= WIDE else f"; asked for {WIDE} units only"),
        ),
    ]


def unit_checks(found: Sequence[Pair], cell: str, units: int) -> list[Check]:
    """B5 to B9: gates, groups, what is decodable, time, similarity."""
    name = cell.upper()
    gates = {"gru": ("reset_gate", "update_gate"), "lstm": ("input_gate", "forget_gate", "output_gate")}[cell]
    saturated = {
        part: [_at(found, lambda e: e.measures.saturated, f"{part}.{gate}") for gate in gates]
        for part in ("encoder", "decoder")
    }
    said = {
        part: "; ".join(f"{g} {c}" for g, c in zip(gates, values, strict=True)) for part, values in saturated.items()
    }
    size = Compared.of(found, lambda e: float(e.groups[TABLE].size or e.run.options.units))
    small = all(guided <= 10 and guided <= baseline / 2 for baseline, guided in size)
    probed = "; ".join(f"{p.guided.groups[TABLE]} | {p.baseline.groups[TABLE]}" for p in found)
    attended = Compared.of(found, lambda e: e.groups[ATTENDED].full)
    second = Compared.of(found, lambda e: e.groups[SECOND].full)
    least = 0.95 if units >= WIDE else 0.75
    time = {part: _at(found, lambda e: e.measures.time, part) for part in ("encoder", "decoder")}
    near = Compared.of(found, lambda e: e.measures.nearer["same second table"])
    return [
        Check(
            f"B5-encoder-{cell}",
            f"{name}: gates of guided encoders are more often saturated, each gate in every pair",
            said["encoder"],
            "reset .15 against .05, update .16 against .07 at 512 units; .48/.24 and .64/.35 at 128",
            AGAIN,
            all(gate.larger for gate in saturated["encoder"]) if cell == "gru" else None,
            "" if cell == "gru" else "no earlier measurement of LSTMs",
        ),
        Check(
            f"B5-decoder-{cell}",
            f"{name}: no claim for the decoder, where the earlier runs disagree",
            said["decoder"],
            "update .59 against .66, reset .53 against .60 at 512 units; reversed at 128",
            AGAIN,
            None,
        ),
        Check(
            f"B6-groups-{cell}",
            f"{name}: in guided encoders at most 10 units, and at most half of the baseline's, tell the table",
            f"{size} units",
            {"gru": "5 against 39", "lstm": "4 against 40"}[cell],
            ORIGINAL,
            small,
            f"guided | baseline: {probed}",
        ),
        Check(
            f"B7-attended-{cell}",
            f"{name}: the attended table is told by guided decoder states (≥ {least}), not by baseline ones (≤ .45)",
            str(attended),
            {"gru": ".99 against .32", "lstm": ".97 against .40"}[cell],
            ORIGINAL,
            min(attended.guided) >= least and max(attended.baseline) <= 0.45,
            _each(attended),
        ),
        Check(
            f"B7-second-{cell}",
            f"{name}: the second table is told by guided encoder states (≥ .99), and better than by baseline ones",
            str(second),
            {"gru": "1.0 against .65", "lstm": "1.0 against .63"}[cell],
            ORIGINAL,
            min(second.guided) >= 0.99 and second.larger,
            _each(second),
        ),
        Check(
            f"B8-time-{cell}",
            f"{name}: guided encoders tell the step better (squared error of a ridge regression), in every pair",
            str(time["encoder"]),
            {"gru": ".00011 against .0137", "lstm": ".0007 against .0280"}[cell],
            ORIGINAL,
            all(guided < baseline for baseline, guided in time["encoder"]),
            f"{_each(time['encoder'])}; decoder, no claim: {time['decoder']}",
        ),
        Check(
            f"B9-similarity-{cell}",
            f"{name}: sources that share the second table are nearer in guided encoders (< .95), not in others (≥ .97)",
            str(near),
            {"gru": ".57 against 1.00", "lstm": ".77 against 1.02"}[cell],
            ORIGINAL,
            max(near.guided) < 0.95 and min(near.baseline) >= 0.97,
            _each(near),
        ),
    ]


def kind_checks(kinds: Sequence[KindAccuracy], cell: str) -> list[Check]:
    """B10: a classifier of raw coordinates knows runs, not kinds."""
    by = {row.features: row for row in kinds}
    raw, summaries = by["raw activations"], by["summaries"]
    return [
        Check(
            f"B10-raw-{cell}",
            f"{cell.upper()}: raw states tell guided from baseline in runs that were seen, and not in unseen ones",
            f"{raw.within:.2f} seen, {raw.mean:.2f} unseen",
            "1.00 seen; .51 unseen, chance is .50",
            AGAIN,
            raw.within >= 0.99 and raw.mean <= 0.75,
            _unseen(raw),
        ),
        Check(
            f"B10-summaries-{cell}",
            f"{cell.upper()}: summaries that do not depend on the order of units tell them apart in unseen runs",
            f"{summaries.mean:.2f}",
            ".92 unseen; sorted activations .79",
            AGAIN,
            summaries.interval[0] > 0.5 if len(summaries.unseen) > 1 else None,
            f"{_unseen(summaries)}; sorted activations: {by['sorted activations'].mean:.2f}",
        ),
    ]


def causal_checks(found: Sequence[Pair], cell: str) -> list[Check]:
    """What was never asked: whether the networks need the units that tell a probe the most."""
    checks = []
    for name in (TABLE, ATTENDED):
        for kind in ("guided", "baseline"):
            known = [a for pair in found if (a := getattr(pair, kind).ablations.get(name)) is not None]
            if not known:
                continue
            rows = [a.accuracy for a in known]
            intact, without, other = (sum(row[k] for row in rows) / len(rows) for k in range(3))
            checks.append(
                Check(
                    f"C-{kind}-{name.replace(', ', '-').replace(' ', '-')}-{cell}",
                    f"{cell.upper()}: a {kind} network needs the units of its group “{name}” more than random ones",
                    f"{without:.2f} without, {other:.2f} without others, {intact:.2f} intact",
                    "less than without random units, in every run",
                    "not in the original",
                    all(a.damage.excess > 0 for a in known),
                    "share of right trained compositions; p of each network: "
                    + ", ".join(f"{a.damage.p:.2f}" for a in known),
                )
            )
    guided = [pair.guided.curve for pair in found]
    ranked, other_units = ([curve.half(getattr(curve, of)) for curve in guided] for of in ("ranked", "random"))
    most = guided[0].sizes[-1]
    checks.append(
        Check(
            f"C-half-{cell}",
            f"{cell.upper()}: a guided network is lost with fewer units that tell the table than random ones",
            f"{_sizes(ranked, most)} against {_sizes(other_units, most)}",
            "fewer, in every run",
            "not in the original",
            all((r or 2 * most) < (o or 2 * most) for r, o in zip(ranked, other_units, strict=True)),
            "encoder units (1, 2, 4, …) held before less than half of the trained compositions are right, by run",
        )
    )
    return checks


def exact_checks(zoo: Sequence[Examined], material: Material) -> list[Check]:
    """A1 and A2: what must be exact."""
    single = max(max(e.exactness.single.values()) for e in zoo)
    double = max(max(e.exactness.double.values()) for e in zoo)
    sets = material.sets.sets
    task = LookupTables()
    counts = {name: len(sets[name]) for name in task.splits()}
    known = material.sets.name == "lookup-tables"
    expected = {name: len(pairs) for name, pairs in task.splits().items()}
    everything = {pair.source for pair in material.everything}
    return [
        Check(
            "A1-parity",
            "recomputed states are those of the network's own layers, and reading changes no bit of the output",
            f"{single:.1e} in float32, {double:.1e} in float64",
            "≤ 1e-6, or rounding alone; identical",
            "PyTorch's own modules",
            double <= 1e-12 and single <= 1e-5 and all(e.exactness.identical for e in zoo),
            f"largest difference of a hidden state over {len(zoo)} networks, encoder and decoder",
        ),
        Check(
            "A2-task",
            "the generated sets have the published sizes and do not overlap",
            ", ".join(map(str, counts.values())),
            "232, 16, 40, 64, 192, 32; 576 in all",
            "machine-tasks",
            (counts == expected and len(everything) == 576) if known else None,
            "" if known else "a smaller task, for a quick look",
        ),
    ]


def _unseen(row: KindAccuracy) -> str:
    low, high = row.interval
    each = ", ".join(f"{value:.2f}" for value in row.unseen)
    return f"encoder, step 2; runs held out in pairs: {each} (95 % interval {low:.2f} to {high:.2f})"


def _sizes(found: Sequence[int | None], most: int) -> str:
    return ", ".join(str(size) if size else f"over {most}" for size in found)


def _at(found: Sequence[Pair], numbers: Callable[[Examined], Mapping[str, float]], key: str) -> Compared:
    return Compared.of(found, lambda e: numbers(e)[key])


def _steps(
    found: Sequence[Pair], numbers: Callable[[Examined], Mapping[str, list[float]]], part: str
) -> list[Compared]:
    """One comparison for each step."""
    baseline = [numbers(pair.baseline)[part] for pair in found]
    guided = [numbers(pair.guided)[part] for pair in found]
    return [
        Compared(list(a), list(b)) for a, b in zip(zip(*baseline, strict=True), zip(*guided, strict=True), strict=True)
    ]


def _ratios(steps: Sequence[Compared]) -> str:
    return ", ".join(f"×{step.means[1] / step.means[0]:.2f}" for step in steps)


def _each(compared: Compared) -> str:
    return ", ".join(f"{guided:.3g}/{baseline:.3g}" for baseline, guided in compared)
