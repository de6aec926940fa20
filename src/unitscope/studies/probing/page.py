"""From the numbers of the study to its page and to ``results.json``."""

from typing import Any

import numpy as np

from unitscope.page.page import Section
from unitscope.probing.amnesic import amnesia_view
from unitscope.studies.probing.layers import interval, views
from unitscope.studies.probing.use import rows_of
from unitscope.view import Field, Lines, Series, Table


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
    uses = figures["use"]
    reads = [[layer, *found["read"].values()] for layer, found in uses.items()]
    sections.append(
        Section(
            "use",
            "Does the model use it?",
            "Parts of speech are erased from a layer at every step (INLP, one round), and the model goes on from what "
            "is left; beside it stand as many random directions and units, and the units that rankings put first.",
            [
                Table(
                    "What a fresh probe still reads (accuracy)",
                    [Field("layer", "text"), *(Field(name, "share") for name in next(iter(uses.values()))["read"])],
                    reads,
                ),
                *(amnesia_view(rows_of(found), f"word LSTM, {layer}") for layer, found in uses.items()),
            ],
        )
    )
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
