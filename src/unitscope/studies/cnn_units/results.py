"""What came out for every network: the checks of the study, and the figures that they are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from unitscope.evidence.bootstrap import drawn, interval
from unitscope.studies.check import Check
from unitscope.studies.cnn_units.examine import SCORES, Examined, Side

DRAWS = 2000
PAPER, PILOT, OURS = "Na et al. 2019", "pilot, one seed", "no published value"


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network with its untrained twin."""

    name: str
    task: str
    kind: str
    published: bool
    metrics: dict[str, float]
    trained: Examined
    twin: Examined
    probe: dict[str, float]
    """Padding, batch size and speed, measured on this network."""

    @property
    def skilled(self) -> bool:
        """Whether it does better than without reading: more than 5 % fewer errors, or fewer nats, than the baseline."""
        if "majority" in self.metrics and "wrong source" not in str(self.metrics):
            return 1 - self.metrics["test accuracy"] < 0.95 * (1 - self.metrics["majority"])
        return self.metrics["test nats"] < 0.95 * self.metrics["test wrong source"]

    def mean(self, score: str, layer: int = -1, twin: bool = False, down: bool = False) -> float:
        """Over the units of a layer where it is defined; NaN if it is nowhere."""
        values = self.values(score, layer, twin, down)
        return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")

    def values(self, score: str, layer: int = -1, twin: bool = False, down: bool = False) -> Float[np.ndarray, " unit"]:
        """Of what drives the units up, or ``down``; nothing for the negative side of a rectified layer."""
        side = (self.twin if twin else self.trained).side(down)
        wanted = layer if layer >= 0 else self.depth + layer
        if not len(side.units):
            return np.zeros(0)
        return side.units.loc[side.units["layer"] == wanted, score].to_numpy(float)

    @property
    def depth(self) -> int:
        return len(self.trained.up.layers)

    def phrases(self, layer: int, twin: bool = False) -> float:
        return (self.twin if twin else self.trained).up.shares[layer]["phrases"]


def difference(
    a: Float[np.ndarray, " unit"], b: Float[np.ndarray, " other"], seed: int = 0
) -> tuple[float, float, float]:
    """Difference of the means and its 95 % interval, by drawing the units of both again."""
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    if not len(a) or not len(b):
        return (float("nan"),) * 3
    means = [drawn(len(x), DRAWS, seed + side) @ x / len(x) for side, x in enumerate((a, b))]
    low, high = interval(means[0] - means[1])
    return float(a.mean() - b.mean()), float(low), float(high)


def separates(networks: Sequence[Network]) -> pd.DataFrame:
    """For each score of the last layer: trained, untrained, difference and interval over the units of all networks.

    ``separates``: the interval of every single network excludes 0, on the same side.
    """
    rows = []
    for score in SCORES:
        single = [difference(n.values(score), n.values(score, twin=True)) for n in networks]
        own, twin = (np.concatenate([n.values(score, twin=side) for n in networks]) for side in (False, True))
        change, low, high = difference(own, twin)
        up, down = all(s[1] > 0 for s in single), all(s[2] < 0 for s in single)
        says = "yes" if up else "yes, but the untrained one is higher" if down else "no"
        rows.append([score, float(np.nanmean(own)), float(np.nanmean(twin)), change, low, high, says])
    return pd.DataFrame(rows, columns=["score", "trained", "untrained", "difference", "low", "high", "separates"])


def checks_of(networks: Sequence[Network]) -> list[Check]:
    """The acceptance checks, task by task. Thresholds were measured on questions; elsewhere nothing is expected."""
    checks: list[Check] = []
    for task in dict.fromkeys(n.task for n in networks):
        own = [n for n in networks if n.task == task]
        main = [n for n in own if n.kind in ("vdcnn", "bytenet", "attentive")] or own
        checks += [check for n in own for check in _ordering(n)]
        checks += [*_separation(main, task), *_sides(main, task), *_depth(main, task), *_padding(own, task)]
        checks += _emergence(main, task)
    convolutional = [n for n in networks if n.kind in ("vdcnn", "bytenet", "attentive")]
    others = [n for n in networks if n not in convolutional]
    named = (("convolutional networks", convolutional), ("other networks", others))
    return [*checks, *(_speed(what, group) for what, group in named if group)]


def _judged(network: Network, met: bool) -> bool | None:
    """A threshold counts on a published task with a network of skill."""
    return met if network.published and network.skilled else None


def _ordering(n: Network) -> list[Check]:
    names = ("replicate", "instance", "inclusion", "random")
    means = np.array([[n.mean(name, layer) for name in names] for layer in range(n.depth)])
    ordered = (np.diff(means, axis=1) < 0).all(1)
    recurrent = n.kind in ("lstm", "gru", "transformer")
    note = "; ".join(" > ".join(f"{x:.2f}" for x in row) for row in means)
    if recurrent:
        note += "; reported only: the published order was found in convolutional networks"
    statement = f"{n.task}, {n.name}: selectivity: replicate > one instance > inclusion > random, in every layer"
    found = f"in {ordered.sum()} of {n.depth}"
    checks = [
        Check(f"A1-{n.name}", statement, found, "every layer", PAPER, None if recurrent else bool(ordered.all()), note)
    ]
    if not recurrent:
        ratio = means[:, 0] / means[:, 2]
        enough = bool((ratio[:-1] >= 3).all() and ratio[-1] >= 2 and (np.abs(means[:, 3]) <= 0.03).all())
        statement = f"{n.task}, {n.name}: selectivity, replicate over inclusion, last layer"
        note = f"by layer: {', '.join(f'{x:.1f}' for x in ratio)}"
        expected = "≥ 2, earlier ≥ 3 (2.6); |random| ≤ .03"
        checks.append(
            Check(f"A1-ratio-{n.name}", statement, float(ratio[-1]), expected, PILOT, _judged(n, enough), note)
        )
    return checks


def _separation(main: Sequence[Network], task: str) -> list[Check]:
    checks = []
    for n in main:
        gaps = [n.mean("replicate", layer) - n.mean("random concepts", layer) for layer in range(n.depth)]
        statement = f"{task}, {n.name}: aligned minus random concepts, replicated, least of the layers"
        note = f"by layer: {', '.join(f'{gap:.2f}' for gap in gaps)}"
        met = _judged(n, min(gaps) >= 0.5)
        checks.append(Check(f"A2-{n.name}", statement, min(gaps), "≥ 0.5 (0.70–1.09)", PILOT, met, note))
    for n in main:
        ratio = n.mean("inclusion*") / n.mean("inclusion*", twin=True)
        statement = f"{task}, {n.name}: inclusion without the top texts, trained over untrained, last layer"
        note = f"{n.mean('inclusion*'):.3f} against {n.mean('inclusion*', twin=True):.3f}"
        checks.append(Check(f"A3-inclusion-{n.name}", statement, ratio, "≥ 2 (.196 over .048)", PILOT,
                            _judged(n, ratio >= 2), note))  # fmt: skip
        for score in ("AUROC", "AUROC held out"):
            change, low, high = difference(n.values(score), n.values(score, twin=True))
            statement = f"{task}, {n.name}: {score} of trained minus untrained, last layer"
            expected = "≥ 0.10, interval above 0 (.844 − .595)"
            checks.append(Check(f"A3-{score}-{n.name}", statement, change, expected, PILOT,
                                _judged(n, change >= 0.1 and low > 0), f"95 % {low:.2f} to {high:.2f}"))  # fmt: skip
    change = float(np.mean([n.mean("replicate") - n.mean("replicate", twin=True) for n in main]))
    every = [n.mean("replicate") - n.mean("replicate", twin=True) for n in main]
    published = main[0].published
    checks.append(
        Check(
            f"A3-replicate-{task}",
            f"{task}: replicate does not tell trained from untrained: difference, last layer",
            " | ".join(f"{x:+.2f}" for x in every),
            "|difference| < 0.15 (.722 − .704)",
            PILOT,
            max(map(abs, every)) < 0.15 if published else None,
            f"mean {change:+.2f}{'; the untrained ones are higher' if max(every) < 0 else ''}",
        )
    )
    return checks


def _sides(main: Sequence[Network], task: str) -> list[Check]:
    """The paper looks at what drives a unit up only, so that nothing is published of the other side."""
    checks = []
    for n in main:
        statement = f"{task}, {n.name}: AUROC held out of what drives down, trained minus untrained, last layer"
        own, twin = (n.values("AUROC held out", twin=side, down=True) for side in (False, True))
        if not len(own):
            value, met, note = (
                "no negative side",
                None,
                "the layer is rectified: its units are off where they are lowest",
            )
            checks.append(Check(f"sides-{n.name}", statement, value, "–", OURS, met, note))
            continue
        change, low, high = difference(own, twin)
        note = f"95 % {low:.2f} to {high:.2f}; up {n.mean('AUROC held out'):.2f}, down {np.nanmean(own):.2f}; " + (
            f"inclusion* of what drives down {n.mean('inclusion*', down=True):.3f}, untrained "
            f"{n.mean('inclusion*', twin=True, down=True):.3f}"
        )
        met = _judged(n, change >= 0.1 and low > 0)
        expected = "≥ 0.10, interval above 0, as for what drives up"
        checks.append(Check(f"sides-{n.name}", statement, change, expected, OURS, met, note))
    return checks


def _depth(main: Sequence[Network], task: str) -> list[Check]:
    checks = []
    for n in main:
        own, twin = ([n.phrases(layer, t) for layer in range(n.depth)] for t in (False, True))
        rise, other = own[-1] - own[0], twin[-1] - twin[0]
        value = f"{own[0]:.2f} → {own[-1]:.2f}"
        statement = f"{task}, {n.name}: phrases rise from layer to layer, by more than untrained"
        met = bool((np.diff(own) > 0).all()) and rise >= 0.3 and rise > other
        expected = "rising, by ≥ 0.3 (.13 → .73; .21 → .41)"
        by_layer, of_twin = (", ".join(f"{x:.2f}" for x in shares) for shares in (own, twin))
        note = f"rise {rise:+.2f}; by layer {by_layer}; untrained {of_twin}"
        checks.append(Check(f"A4-{n.name}", statement, value, expected, PILOT, _judged(n, met), note))
        first = n.trained.up.shares[0]
        short = first["morpheme"] + first["word"]
        statement = f"{task}, {n.name}: first layer: no phrase of five words, ¾ morphemes and words"
        value = f"{first['5 words or more']:.3f}, {short:.2f}"
        met = first["5 words or more"] == 0 and short >= 0.75
        judged = met if n.kind == "vdcnn" and n.published else None
        checks.append(Check(f"A5-{n.name}", statement, value, "0 and ≥ 0.75", PAPER, judged))
    return checks


def _padding(own: Sequence[Network], task: str) -> list[Check]:
    worst = max(n.probe["padding"] for n in own)
    masked = [max(n.trained.length) for n in own]
    padded = [max(n.trained.padded) for n in own]
    lengths = ", ".join(f"{x:.2f}" for x in masked)
    note = f"means over a padded buffer would give {', '.join(f'{x:.2f}' for x in padded)} (.39–.84)"
    changes = f"{task}: padding changes degrees of alignment, of each unit's spread, by at most"
    correlated = f"{task}: median correlation of a unit with the length of the text, worst layer"
    apart = f"{task}: texts read one at a time or in batches differ by at most"
    batch = max(n.probe["batch"] for n in own)
    judged = max(masked) < 0.25 if own[0].published else None
    return [
        Check(f"A6-padding-{task}", changes, worst, "< 0.05", "arithmetic", worst < 0.05),
        Check(f"A6-length-{task}", correlated, lengths, "< 0.25 (.07–.19)", PILOT, judged, note),
        Check(f"A7-{task}", apart, batch, "rounding, < 1e-5", "arithmetic", batch < 1e-5),
    ]


def _emergence(main: Sequence[Network], task: str) -> list[Check]:
    found = []
    for n in main:
        for what, published in (("frequency", ".006, untrained .368"), ("DEL", "+.15, untrained −.18")):
            if what not in n.trained.emergence:
                continue
            own, twin = n.trained.emergence[what], n.twin.emergence[what]
            value = f"Pearson {own['pearson']:+.2f}"
            note = (
                f"Spearman {own['spearman']:+.2f}; "
                f"95 % {own['low']:+.2f} to {own['high']:+.2f} over {own['concepts']} concepts; "
                f"untrained {twin['pearson']:+.2f} ({twin['low']:+.2f} to {twin['high']:+.2f}), {twin['spearman']:+.2f}"
            )
            met = None
            if what == "DEL":
                note += f"; with frequency held fixed {own['held_fixed']:+.2f}, untrained {twin['held_fixed']:+.2f}"
                met = _judged(n, own["low"] > 0 and not twin["low"] > 0)
            statement = f"{task}, {n.name}: units per concept against {what}, last layer"
            expected = f"{'positive when trained only; ' if what == 'DEL' else ''}{published}"
            found.append(Check(f"A10-{what}-{n.name}", statement, value, expected, PILOT, met, note))
    return found


def _speed(what: str, networks: Sequence[Network]) -> Check:
    ratios = [n.probe["speed"] for n in networks]
    return Check(
        f"A12-{what}",
        f"{what}: one pass over the concept bank against a loop over units with batches of one, times as fast",
        float(np.min(ratios)),
        "≥ 10",
        "inference of the specification",
        min(ratios) >= 10,
        f"by network {', '.join(f'{ratio:.0f}' for ratio in ratios)}, up and down together; "
        "the loop was timed on a part and scaled up",
    )


def figures_of(networks: Sequence[Network]) -> dict[str, Any]:
    """The numbers behind the page, by network."""
    found: dict[str, Any] = {}
    for n in networks:
        own: dict[str, Any] = {"task": n.task, "kind": n.kind, "metrics": n.metrics, "probe": n.probe}
        for name, side in (("trained", n.trained), ("untrained", n.twin)):
            own[name] = {
                "concepts in the bank": len(side.bank),
                **_figures_of_side(side.up),
                "driven down": _figures_of_side(side.down),
                "concepts of both sides": [round(both_sides(side, layer.site), 4) for layer in side.down.layers],
                "correlation with length": side.length,
                "the same, padded": side.padded,
                "emergence": side.emergence,
            }
        found[n.name] = own
    return found


def _figures_of_side(side: Side) -> dict[str, Any]:
    if not side.layers:
        return {"sites": []}
    layers = side.units.groupby("layer")
    means = layers[list(SCORES)].mean()
    return {
        "sites": [layer.site for layer in side.layers],
        "scores": {score: [round(float(x), 4) for x in means[score]] for score in SCORES},
        "found held out": [round(float(x), 4) for x in layers["found held out"].mean()],
        "shares": [{key: round(value, 4) for key, value in share.items()} for share in side.shares],
    }


def both_sides(examined: Examined, site: str) -> float:
    """Of the concepts that drive some unit of a site down, the share that drives another one up."""
    up, down = (
        np.unique(next(layer.alignment.concepts for layer in side.layers if layer.site == site))
        for side in (examined.up, examined.down)
    )
    down = down[down >= 0]
    return float(np.isin(down, up).mean()) if len(down) else float("nan")
