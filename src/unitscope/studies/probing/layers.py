"""Layer by layer: linear probes of parts of speech and relations, with every control, over several seeds."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from unitscope.evidence.ratio import of_values
from unitscope.probing.layers import Probing, probe_layers, untrained_twin
from unitscope.probing.linear import Penalty
from unitscope.studies.probing.sources import Probed
from unitscope.studies.probing.steps import Steps
from unitscope.view import Field, Lines, Series, Table, View

PENALTIES = (Penalty(l2=1e-3), Penalty(l2=1e-2))
NUMBERS = {
    "accuracy": "of a linear probe on held-out documents",
    "control": "accuracy where each word type has a random class",
    "selectivity": "accuracy minus control",
    "majority": "accuracy of the most frequent class",
    "shuffled": "accuracy on shuffled labels",
    "twin_accuracy": "accuracy of a probe of the untrained twin",
    "twin_selectivity": "its accuracy minus its control",
    "macro_f1": "mean F1 of the classes",
    "mcc": "Matthews correlation",
    "information": "V-information, bits per word",
    "compression": "uniform code / online code of the training labels",
    "control_compression": "the same of the control task",
    "twin_compression": "the same of the untrained twin",
}


def probe_seed(probed: Probed, label: str, words: int, seed: int) -> dict[str, Any]:
    """Every layer for one label and one seed: of the division, the control task and the twin."""
    how = Probing((label,), tuple(probed.layers.values()), words=words, penalties=PENALTIES, seed=seed)
    source = probed.source
    table = probe_layers(source, source.corpus, how, untrained_twin(source.model, source.corpus, source, seed))  # type: ignore[arg-type]
    names = {site: name for name, site in probed.layers.items()}
    rows = []
    for row in table.rows:
        compressions = {
            "compression": row.compression,
            "control_compression": row.uniform / row.control_codelength,
            "twin_compression": row.uniform / row.twin_codelength,
        }
        rows.append({**asdict(row), **compressions, "layer": names[row.site], "seed": seed})
    order = list(names.values())
    return {"rows": sorted(rows, key=lambda row: order.index(str(row["layer"])))}


def probe_all(steps: Steps, probed: Probed, labels: Sequence[str], words: int, seeds: int) -> pd.DataFrame:
    """One row per layer, label and seed."""
    rows: list[dict[str, Any]] = []
    for label in labels:
        for seed in range(seeds):
            settings = {"source": probed.source.fingerprint, "words": words, "label": label, "seed": seed}
            name = f"{probed.name.replace(' ', '-')}-{label}-{seed}"
            rows += steps(name, settings, partial(probe_seed, probed, label, words, seed))["rows"]
    return pd.DataFrame(rows)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over seeds with its 95 % interval (Student's t); no interval for fewer than two."""
    found = of_values(np.asarray([v for v in values if v is not None], float))
    return float(found.value), float(found.low), float(found.high)


def views(frame: pd.DataFrame, title: str) -> list[View]:
    """For each label a table of layers, lines of accuracies and of compressions with intervals over seeds."""
    made: list[View] = []
    for label in frame["label"].unique():
        part = frame[frame["label"] == label]
        layers = list(part["layer"].unique())

        def of(layer: str, number: str, part: pd.DataFrame = part) -> tuple[float, float, float]:
            return interval(part[part["layer"] == layer][number].tolist())

        heads = [Field("layer", "text"), *(Field(n.replace("_", " "), "text", says) for n, says in NUMBERS.items())]
        rows = [[layer, *(_shown(*of(layer, number)) for number in NUMBERS)] for layer in layers]
        note = f"Means over {part['seed'].nunique()} seeds ± half of the 95 % interval."
        made.append(Table(f"{title}, {label}", heads, rows, note))
        kinds = (
            ("share of words", ("accuracy", "control", "twin_accuracy", "majority", "shuffled")),
            ("uniform code / online code", ("compression", "control_compression", "twin_compression")),
            ("accuracy minus control", ("selectivity", "twin_selectivity")),
        )
        for ylabel, numbers in kinds:
            series = []
            for number in numbers:
                found = [of(layer, number) for layer in layers]
                low, high = [f[1] for f in found], [f[2] for f in found]
                series.append(Series(number.replace("_", " "), [f[0] for f in found], low, high))
            what = "; ".join(f"{i} = {layer}" for i, layer in enumerate(layers))
            x = [float(i) for i in range(len(layers))]
            made.append(Lines(f"{title}, {label}: {numbers[0]}", x, series, "layer", ylabel, what))
    return made


def _shown(mean: float, low: float, high: float) -> str:
    return f"{mean:.3f}" if low != low else f"{mean:.3f} ± {(high - low) / 2:.3f}"
