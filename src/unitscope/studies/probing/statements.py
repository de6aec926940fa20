"""From the numbers of the study to its statements: what was published, and whether it holds here."""

from typing import Any

import pandas as pd

from unitscope.studies.check import Check
from unitscope.studies.probing.layers import interval
from unitscope.studies.probing.use import HELD, summary

HEWITT = "Hewitt & Liang 2019, table 2 (ELMo on the Penn Treebank)"
VOITA = "Voita & Titov 2020 (ELMo on the Penn Treebank)"
TENNEY = "Tenney et al. 2019 (UD English EWT)"


def checks_of(figures: dict[str, Any]) -> list[Check]:
    """Published statements and sanity checks, and whether they hold here."""
    checks: list[Check] = []
    for name, frame in figures["layers"].items():
        checks += _of_layers(name, frame)
    for name, trees in figures["trees"].items():
        checks += _of_trees(name, trees)
    checks += _of_use(figures["use"])
    return checks + _of_pilot(figures["pilot"], figures["codes"]) + _of_arithmetic(figures["arithmetic"])


def _mean(frame: pd.DataFrame, label: str, layer: str, number: str) -> float:
    return interval(frame[(frame["label"] == label) & (frame["layer"] == layer)][number].tolist())[0]


def _of_layers(name: str, frame: pd.DataFrame) -> list[Check]:
    layers = list(frame["layer"].unique())
    above, labels = layers[1:], list(frame["label"].unique())
    checks = []
    over = float((frame["shuffled"] - frame["majority"]).max())
    checks.append(
        Check(
            f"{name}-shuffled",
            f"{name}: a label shuffled over words is not learnt (most above the majority)",
            over,
            "below 0.03",
            "sanity",
            over < 0.03,
        )
    )
    for label in labels:
        gains = {la: _mean(frame, label, la, "accuracy") - _mean(frame, label, la, "twin_accuracy") for la in above}
        least = min(gains, key=lambda la: gains[la])
        checks.append(
            Check(
                f"{name}-{label}-twin",
                f"{name}: {label} is read better than from the untrained twin in every layer (least gain: {least})",
                gains[least],
                "above 0",
                HEWITT + ": ELMo above Proj0",
                gains[least] > 0,
            )
        )
        code = {la: _mean(frame, label, la, "compression") for la in layers}
        control = {la: _mean(frame, label, la, "control_compression") for la in layers}
        checks.append(
            Check(
                f"{name}-{label}-code",
                f"{name}: the code of {label} is shorter than that of its control task in every layer",
                ", ".join(f"{code[la]:.2f} against {control[la]:.2f}" for la in layers),
                "larger compression of the label",
                VOITA,
                all(code[la] > control[la] for la in layers),
                "uniform code / online code, layer by layer",
            )
        )
    if "upos" in labels:
        selective = {la: _mean(frame, "upos", la, "selectivity") for la in layers}
        twins = {la: _mean(frame, "upos", la, "twin_selectivity") for la in above}
        checks.append(
            Check(
                f"{name}-selectivity-twin",
                f"{name}: trained layers are more selective for upos than the untrained twin's",
                ", ".join(f"{la} {selective[la]:+.3f} against {twins[la]:+.3f}" for la in above),
                "+0.260 and +0.314 against +0.206",
                HEWITT,
                all(selective[la] > twins[la] for la in above),
            )
        )
        checks.append(
            Check(
                f"{name}-selectivity-rises",
                f"{name}: the last layer is more selective for upos than the first above the embedding",
                f"{above[0]} {selective[above[0]]:+.3f}, {above[-1]} {selective[above[-1]]:+.3f}",
                "+0.260, +0.314",
                HEWITT,
                selective[above[-1]] > selective[above[0]],
            )
        )
        best = {label: max(layers, key=lambda la: _mean(frame, label, la, "accuracy")) for label in labels}
        if "deprel" in best:
            checks.append(
                Check(
                    f"{name}-order",
                    f"{name}: relations are read best no lower than parts of speech",
                    f"upos {best['upos']}, deprel {best['deprel']}",
                    "parts of speech early, dependencies later",
                    "Tenney, Das & Pavlick 2019, from memory",
                    layers.index(best["deprel"]) >= layers.index(best["upos"]),
                )
            )
    return checks


def _of_trees(name: str, trees: dict[str, Any]) -> list[Check]:
    layers = [layer for layer in trees if layer != "linear chain"]
    lexical, above = layers[0], layers[1:]
    f1 = {layer: trees[layer]["relations, micro-F1"] for layer in layers}
    best = max(above, key=lambda layer: f1[layer])
    gain = f1[best] - f1[lexical]
    least = 0.08 if name == "encoder" else 0.0
    checks = [
        Check(
            f"{name}-edges",
            f"{name}: relations of edges are read better in context ({best}) than from the embedding, micro-F1",
            f"{f1[best]:.3f} against {f1[lexical]:.3f}, {gain:+.3f}",
            "0.942 against 0.806 (ELMo), 0.954 against 0.802 (BERT)",
            TENNEY,
            gain > least,
            f"asked for: more than {least:+.2f}",
        )
    ]
    spans = {layer: trees[layer]["UUAS"] for layer in layers}
    best = max(above, key=lambda layer: spans[layer])
    chain = trees["linear chain"]["UUAS"]
    checks.append(
        Check(
            f"{name}-uuas",
            f"{name}: distances in some layer find more of the tree than the order of the words does",
            f"{best} {spans[best]:.3f}, embedding {spans[lexical]:.3f}, chain {chain:.3f}",
            "about 0.8 (BERT) against 0.49 (chain)",
            "Hewitt & Manning 2019; the chain from memory",
            spans[best] > chain,
        )
    )
    control = {layer: trees[layer]["heads, selectivity"] for layer in layers}
    checks.append(
        Check(
            f"{name}-heads",
            f"{name}: a bilinear probe of heads is selective in no layer by as much as one of parts of speech",
            ", ".join(f"{layer} {value:+.3f}" for layer, value in control.items()),
            "+0.067, +0.062 (parts of speech: +0.260, +0.314)",
            HEWITT,
            None,
            "reported; the sign hangs on how much data the probe has",
        )
    )
    return checks


def _of_use(use: dict[str, Any]) -> list[Check]:
    checks = []
    for layer, found in use.items():
        cost = summary(found)
        checks.append(
            Check(
                f"use-{layer}-erased",
                f"word LSTM, {layer}: erasing parts of speech costs more than as many random directions",
                f"{cost['upos']:.3f} against {cost['random directions']:.3f} nats per word",
                "above 0, and more than the largest of three draws",
                "Elazar et al. 2021 (BERT), from memory",
                cost["upos"] > max(cost["random directions"], 0),
            )
        )
        for count in HELD:
            checks.append(
                Check(
                    f"use-{layer}-{count}",
                    f"word LSTM, {layer}: the {count} units ranked first by weights cost more than {count} random ones",
                    f"{cost[f'{count} by weights']:.3f} against {cost[f'{count} at random']:.3f} nats per word",
                    "above 0, and more than the largest of three draws",
                    "validation of the ranking in the model",
                    cost[f"{count} by weights"] > max(cost[f"{count} at random"], 0),
                    f"ranked by class means: {cost[f'{count} by means']:.3f}",
                )
            )
    return checks


def _of_pilot(pilot: dict[str, Any], codes: dict[str, Any]) -> list[Check]:
    wide = next(key for key in pilot if key.startswith("MLP-1") and key != "MLP-1 (10)")
    linear, large, small = (pilot[key]["selectivity"] for key in ("linear", wide, "MLP-1 (10)"))
    ceiling = pilot["seen"] + (1 - pilot["seen"]) * pilot["largest class"]
    highest = max(pilot[key]["control"] for key in ("linear", "linear, rank 10", wide, "MLP-1 (10)"))
    margin = 1 - max(codes["xpos"] / codes["control"], codes["control"] / codes["uniform"])
    return [
        Check(
            "pilot-linear",
            f"untrained encoder: a linear probe is more selective than {wide}",
            f"{linear:+.3f} against {large:+.3f}",
            "by 0.03 or more; published +0.260 against +0.045",
            HEWITT,
            linear - large >= 0.03,
        ),
        Check(
            "pilot-small",
            f"untrained encoder: MLP-1 (10) is more selective than {wide}",
            f"{small:+.3f} against {large:+.3f}",
            "+0.166 against +0.045",
            HEWITT,
            small > large,
        ),
        Check(
            "pilot-ceiling",
            "untrained encoder: no control accuracy is above the share of seen types, plus chance",
            highest,
            f"at most {ceiling:.3f}",
            "arithmetic",
            highest <= ceiling,
        ),
        Check(
            "codes-order",
            "untrained encoder: online code of xpos < of its control < uniform, each by a fifth",
            f"{codes['xpos']:.1f} < {codes['control']:.1f} < {codes['uniform']:.1f} kbit",
            "margins of 0.2 or more",
            VOITA,
            margin >= 0.2,
        ),
        Check(
            "codes-random",
            "untrained encoder: labels drawn anew for every word cost their entropy",
            codes["random"] / codes["entropy"],
            "0.98 or more",
            "sanity",
            codes["random"] >= 0.98 * codes["entropy"],
        ),
    ]


def _of_arithmetic(found: dict[str, Any]) -> list[Check]:
    site = next(name for name in found["trained"] if name.endswith("hidden"))
    state = found["trained"][site]
    return [
        Check(
            "arithmetic-learnt",
            "a GRU learns to evaluate bracketed sums (squared error over the variance of the values)",
            found["test MSE"] / found["test variance"],
            "below 0.1",
            "condition of what follows",
            found["test MSE"] < 0.1 * found["test variance"],
        ),
        Check(
            "arithmetic-cumulative",
            "its state holds the cumulative result better than the recursive one (held-out squared error)",
            f"{state['cumulative MSE']:.2f} against {state['recursive MSE']:.2f}",
            "cumulative lower",
            "Hupkes et al. 2018",
            state["cumulative MSE"] < state["recursive MSE"],
            f"explained variance {state['cumulative R²']:.2f} against {state['recursive R²']:.2f}",
        ),
        Check(
            "arithmetic-mode",
            "its state says whether the next number is subtracted",
            state["mode"],
            f"above {state['mode, majority']:.3f}, the majority",
            "Hupkes et al. 2018",
            state["mode"] > state["mode, majority"],
        ),
    ]
