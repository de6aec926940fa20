"""A made-up study with every view in it, of any size."""

from collections.abc import Iterator, Sequence

import numpy as np

from unitscope.report.page import Page, Section, UnitField, UnitGroup, UnitTable, build_page
from unitscope.view import Field, Group, Heatmap, Histogram, Lines, Scatter, Series, Table, TokenText, View

TEXT = '''def closing(text, depth=0):
\t"""Find the bracket that ends it; "quotes" hide brackets."""
    for place, letter in enumerate(text):  # one at a time
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        if depth < 0:
            return place
    raise ValueError("never closed: %r" % text[:20])

'''
HYPOTHESES = [
    f"{kind} {what}"
    for kind in ("inside", "begins", "ends", "after", "depth of")
    for what in ("quotes", "comment", "parentheses", "brackets", "word", "line", "number")
]
HEAD = (
    Field("hypothesis", "text", "What the unit may follow"),
    Field("auc", "share", "Area under the ROC curve on held-out sequences"),
    Field("r", "number", "Pearson correlation on held-out sequences"),
    Field("control", "number", "The same with circularly shifted labels"),
    Field("q", "number", "False discovery rate at which it is found"),
)


def signal(rng: np.random.Generator, n: int) -> np.ndarray:
    """Values like a cell's: slow, in [-1, 1], often near the ends."""
    noise = rng.normal(size=n)
    for i in range(1, n):
        noise[i] += 0.9 * noise[i - 1]
    return np.tanh(noise * rng.uniform(0.1, 0.9))


def unit_views(rng: np.random.Generator, passage: int, examples: int, window: int) -> list[UnitGroup]:
    tokens = list((TEXT * (passage // len(TEXT) + 1))[:passage])
    values = signal(rng, passage)
    counts, edges = np.histogram(signal(rng, 4000), bins=64, range=(-1, 1))
    rows = [
        [name, rng.uniform(0.4, 1), rng.uniform(-1, 1), rng.normal() / 20, 10 ** rng.uniform(-9, 0)]
        for name in HYPOTHESES
    ]
    tops: list[View] = []
    for k in range(examples):
        start = int(rng.integers(0, max(1, passage - window)))
        part = slice(start, start + window)
        mark = int(rng.integers(0, window))
        title = f"#{k + 1}  {0.99 - 0.004 * k:.3f}"
        tops.append(
            TokenText(title, tokens[part], values[part].tolist(), -1, 1, mark, f"sequence {k}, token {start + mark}")
        )
    lags = np.arange(40)
    damage = Series(
        "damage",
        (0.3 * np.exp(-lags / 9)).tolist(),
        (0.2 * np.exp(-lags / 9)).tolist(),
        (0.4 * np.exp(-lags / 9)).tolist(),
    )
    return [
        UnitGroup(
            "Histogram",
            "How often each activation occurs.",
            [Histogram("Activation", edges.tolist(), (1000 * counts).tolist())],
        ),
        UnitGroup(
            "Text",
            "The held-out text, coloured by `tanh(cell)`.",
            [TokenText("tanh(cell) on held-out text", tokens, values.tolist(), -1, 1)],
        ),
        UnitGroup("Largest examples", "Where the unit is largest, and what stands around it.", tops),
        UnitGroup("Affinity", "Every hypothesis against this unit.", [Table("Affinities", HEAD, rows)]),
        UnitGroup(
            "Time",
            "",
            [
                Lines(
                    "Autocorrelation",
                    lags.tolist(),
                    [damage, Series("random units", [0.02] * 40)],
                    "lag, tokens",
                    "correlation",
                )
            ],
        ),
    ]


def synthetic(
    sites: int = 2,
    units: int = 12,
    passage: int = 300,
    examples: int = 4,
    window: int = 60,
    columns: int = 8,
    seed: int = 0,
) -> Page:
    """``sites`` × ``units`` units; every number is drawn from ``seed``."""
    rng = np.random.default_rng(seed)
    streams = ("hidden", "cell", "input_gate", "forget_gate", "cell_gate", "output_gate")
    names = [f"rnn.{k // len(streams)}.{streams[k % len(streams)]}" for k in range(sites)]
    fields = [
        UnitField("hypothesis", "text", "The best hypothesis", "affinity"),
        UnitField("auc", "share", "Area under the ROC curve on held-out sequences", "affinity"),
        UnitField("r", "number", "Pearson correlation on held-out sequences", "affinity"),
        UnitField("tokens", "integer", "Tokens above the threshold", "affinity"),
        *(UnitField(f"measure {k}", "number", f"Made-up measure {k}", "moments") for k in range(columns - 4)),
    ]
    rows: list[Sequence[object]] = []
    for name in names:
        for unit in range(units):
            rest = rng.normal(size=columns - 4)
            rest[rng.random(columns - 4) < 0.05] = np.nan
            rows.append(
                [
                    name,
                    unit,
                    HYPOTHESES[int(rng.integers(35))],
                    float(rng.uniform(0.5, 1)),
                    float(rng.uniform(-1, 1)),
                    int(rng.integers(1e6)),
                    *rest,
                ]
            )
    sections = [_provenance(), _findings(rng, names, units), _saturation(rng, names, units), _relations(rng)]
    table = UnitTable(fields, rows)

    def groups(site: int) -> Iterator[Sequence[UnitGroup]]:
        own = np.random.default_rng([seed, site])
        for _ in range(units):
            yield unit_views(own, passage, examples, window)

    return build_page(
        "Units of an LSTM on Python source",
        "A made-up study; every number is drawn at random.",
        sections,
        table,
        {name: groups(k) for k, name in enumerate(names)},
    )


def _provenance() -> Section:
    head = (Field("what", "text"), Field("value", "text"))
    rows = [
        ["corpus", "standard library, 312 files"],
        ["tokens", "1,048,576 characters"],
        ["model", "LSTM, 1 layer, 256 units"],
        ["loss", "1.42 bits per character"],
        ["made by", "unitscope demo --seed 0"],
    ]
    return Section(
        "provenance",
        "What was read",
        "A character model read text it was not trained on.\n\nEvery unit of "
        "every stream was compared with `35` hypotheses.",
        [Table("Provenance", head, rows)],
    )


def _findings(rng: np.random.Generator, names: list[str], units: int) -> Section:
    head = (
        Field("unit", "unit", "Its address"),
        *HEAD,
        Field("damage", "number", "Rise of the loss where the hypothesis holds, bits"),
    )
    rows = [
        [
            f"{names[k % len(names)]}/{k % units}",
            HYPOTHESES[k],
            float(rng.uniform(0.9, 1)),
            float(rng.uniform(0.7, 1)),
            0.02,
            1e-7,
            float(rng.uniform(0.1, 2)),
        ]
        for k in range(8)
    ]
    text = TokenText("The first unit on held-out text", list(TEXT), signal(rng, len(TEXT)).tolist(), -1, 1, 40)
    return Section(
        "findings",
        "Findings",
        "Chosen on one half of the sequences, confirmed on the other.",
        [Table("Confirmed units", head, rows, "8 of 512 units at a false discovery rate of 5 %."), text],
    )


def _saturation(rng: np.random.Generator, names: list[str], units: int) -> Section:
    groups = []
    for name in names:
        share = rng.dirichlet([1, 1, 2], size=units)
        groups.append(Group(name, share[:, 0].tolist(), share[:, 1].tolist(), [f"{name}/{u}" for u in range(units)]))
    scatter = Scatter(
        "Saturation of gates",
        groups,
        "fraction right-saturated (> 0.9)",
        "fraction left-saturated (< 0.1)",
        "One point per unit.",
        (0, 1),
        (0, 1),
    )
    return Section("saturation", "Gate saturation", "How often a gate is shut or open.", [scatter])


def _relations(rng: np.random.Generator) -> Section:
    names = [f"rnn.0.hidden/{u}" for u in range(24)]
    values = np.corrcoef(rng.normal(size=(24, 60)))
    values[3, 5] = np.nan
    return Section(
        "relations",
        "Units together",
        "",
        [Heatmap("Correlation between units", names, names, values.tolist(), -1, 1, "unit", "unit")],
    )
