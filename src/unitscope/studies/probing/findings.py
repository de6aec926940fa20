"""From the numbers of the study to its statements and its page."""

from typing import Any

import numpy as np
import pandas as pd

from unitscope.report.page import Section
from unitscope.studies.check import Check
from unitscope.studies.probing.layers import interval, views
from unitscope.view import Field, Lines, Series, Table

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


def figures_of(figures: dict[str, Any]) -> dict[str, Any]:
    """The numbers behind the page: of layers the mean, and the ends of the interval over seeds."""
    plain = {key: value for key, value in figures.items() if key != "layers"}
    plain["layers"] = {}
    for name, frame in figures["layers"].items():
        numbers = [c for c in frame.columns if frame[c].dtype == np.float64]
        plain["layers"][name] = {
            label: {
                layer: {number: interval(part[number].tolist()) for number in numbers}
                for layer, part in of_label.groupby("layer", sort=False)
            }
            for label, of_label in frame.groupby("label", sort=False)
        }
    return plain


def sections_of(figures: dict[str, Any]) -> list[Section]:
    """A section for each model, one for the untrained encoder and one for the sums."""
    sections = []
    for number, (name, frame) in enumerate(figures["layers"].items()):
        text = (
            f"Its loss on the probed sentences is {figures['word loss']:.2f} nats per word."
            if name != "encoder"
            else ""
        )
        trees = figures["trees"][name]
        sections.append(Section(f"model-{number}", name, text, [*views(frame, name), *_trees_views(name, trees)]))
    pilot = figures["pilot"]
    rows = [[k, v["accuracy"], v["control"], v["selectivity"]] for k, v in pilot.items() if isinstance(v, dict)]
    heads = [Field("probe", "text"), Field("accuracy", "share"), Field("control", "share"), Field("selectivity")]
    codes = figures["codes"]
    kbits = [[what, codes[what], codes["uniform"] / codes[what]] for what in ("xpos", "control", "random", "uniform")]
    sections.append(
        Section(
            "pilot",
            "An encoder that knows nothing",
            "Hashed n-grams of characters through a bidirectional LSTM that was never trained: what is read here, the "
            "probe has learnt. A wide probe learns the control task almost as well as parts of speech.",
            [
                Table(f"Probes of xpos, {pilot['words']:,} words", heads, rows),
                Table(
                    f"Online codes, {codes['words']:,} words",
                    [Field("labels", "text"), Field("kbit"), Field("compression")],
                    kbits,
                ),
            ],
        )
    )
    sums = figures["arithmetic"]
    fields = [Field("weights", "text"), Field("site", "text")]
    names = list(next(iter(sums["trained"].values())))
    fields += [Field(name) for name in names]
    rows = [[kind, site, *values.values()] for kind in ("trained", "untrained") for site, values in sums[kind].items()]
    sections.append(
        Section("arithmetic", "Bracketed sums", "", [Table("Diagnostic regressions at every step", fields, rows)])
    )
    return sections


def _trees_views(name: str, trees: dict[str, Any]) -> list[Table | Lines]:
    layers = [layer for layer in trees if layer != "linear chain"]
    numbers = list(trees[layers[0]])
    rows = [[layer, *(trees[layer].get(number, float("nan")) for number in numbers)] for layer in trees]
    table = Table(f"{name}: trees", [Field("layer", "text"), *(Field(number) for number in numbers)], rows)
    shown = ("relations, micro-F1", "heads", "heads, control", "UUAS", "distances, Spearman", "depths, Spearman")
    series = [Series(number, [trees[layer][number] for layer in layers]) for number in shown]
    note = "; ".join(f"{i} = {layer}" for i, layer in enumerate(layers)) + ". One seed."
    return [
        table,
        Lines(f"{name}: trees, layer by layer", [float(i) for i in range(len(layers))], series, "layer", "score", note),
    ]
