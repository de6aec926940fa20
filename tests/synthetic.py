"""A made-up study with every view in it, of any size."""

from collections.abc import Sequence

import numpy as np

from unitscope.page.page import Page, Section, UnitField, UnitGroup, Units, UnitTable, build_page
from unitscope.views import Field, Group, Heatmap, Histogram, Lines, Scatter, Series, Table, TokenText, View

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
            TokenText(
                title, tokens[part], values[part].tolist(), -1.0, 1.0, mark, f"sequence {k}, token {start + mark}"
            )
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
            [Histogram("Activation", edges.tolist(), (1000.0 * counts).tolist())],
        ),
        UnitGroup(
            "Text",
            "The held-out text, coloured by `tanh(cell)`.",
            [TokenText("tanh(cell) on held-out text", tokens, values.tolist(), -1.0, 1.0)],
        ),
        UnitGroup("Largest examples", "Where the unit is largest, and what stands around it.", tops),
        UnitGroup("Affinity", "Every hypothesis against this unit.", [Table("Affinities", HEAD, rows)]),
        UnitGroup(
            "Time",
            "",
            [
                Lines(
                    "Autocorrelation",
                    lags.astype(float).tolist(),
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
    table = UnitTable.of_rows(fields, rows)

    def groups(site: int) -> Units:
        return Units(
            units, lambda unit: unit_views(np.random.default_rng([seed, site, unit]), passage, examples, window)
        )

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
    text = TokenText("The first unit on held-out text", list(TEXT), signal(rng, len(TEXT)).tolist(), -1.0, 1.0, 40)
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
        (0.0, 1.0),
        (0.0, 1.0),
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
        [Heatmap("Correlation between units", names, names, values.tolist(), -1.0, 1.0, "unit", "unit")],
    )


def every_view() -> list[View]:
    """Views of every kind: as usual, empty, of one element, with unknown numbers, with awkward words."""
    nan = float("nan")
    word = "[bold]$x_1$ </script> 日本 \x07"
    names = [str(k) for k in range(90)]
    band = Series("a", [1.0, nan], [0.0, nan], [2.0, nan])
    return [
        Table("Usual", HEAD, [["in quotes", 0.9, 0.8, 0.01, 1e-9], ["in brackets", nan, nan, None, nan]], "A note."),
        Table("Empty", HEAD, []),
        Table("No columns", (), []),
        Table("One", (Field("unit", "unit"),), [["rnn.0.cell/3"]]),
        Table(word, (Field(word, "text", word),), [[word], ["\n"], [""], [True]], word),
        Table("Many", (Field("n", "integer"), Field("x")), [[k, k / 7] for k in range(300)]),
        Histogram("Usual", [-1.0, -0.5, 0.0, 0.5, 1.0], [1.0, 20.0, 0.0, 7.0]),
        Histogram("Empty", [], []),
        Histogram("No values", [0.0, 1.0, 2.0], [0.0, 0.0]),
        Histogram("One", [0.0, 1.0], [5.0]),
        Histogram("Fine", [k / 64 for k in range(65)], [k * 1e6 for k in range(64)], word, word),
        Histogram("Unknown", [nan, nan], [nan]),
        Lines("Usual", [0.0, 1.0], [band, Series(word, [1.0, 1.0])], "x", "y"),
        Lines("Empty", [], [], "x", "y"),
        Lines("No points", [], [Series("a", [])], "x", "y"),
        Lines("One", [3.0], [Series("a", [2.0])], word, word),
        Lines("Unknown", [0.0, 1.0], [Series("a", [nan, nan])], "x", "y"),
        Heatmap("Usual", ["a", "b"], ["x", "y"], [[0.0, 1.0], [nan, 2.0]], -1.0, 1.0, "columns", "rows"),
        Heatmap("Sizes", [word], [word], [[0.3]], 0.0, 1.0, word, word),
        Heatmap("Empty", [], [], [], 0.0, 1.0),
        Heatmap("Flat", ["a"], ["x"], [[nan]], nan, nan),
        Heatmap("Large", names, names, [[k / 90] * 90 for k in range(90)], 0.0, 1.0),
        Scatter("Usual", [Group("g", [0.1, nan], [0.2, 0.1], ["s/0", "s/1"])], "x", "y", "", (0.0, 1.0), (0.0, 1.0)),
        Scatter("Empty", [], "x", "y"),
        Scatter("No points", [Group("g", [], [], [])], "x", "y"),
        Scatter("One", [Group(word, [3.0], [3.0], [word])], word, word),
        TokenText("Usual", list('a "b"\n\t\r'), [-1.0, 0.0, nan, 2.0, -2.0, 0.3, 0.0, 1.0], -1.0, 1.0, 2, "A note."),
        TokenText("Words", ["the", "cat", "sat", ""], [0.0, 0.1, 0.2, 0.3], 0.0, 1.0, 1),
        TokenText("Empty", [], [], -1.0, 1.0),
        TokenText("One", ["x"], [0.5], -1.0, 1.0),
        TokenText(word, [word, "日", " ", "\x00", "\u200b"], [nan] * 5, nan, nan, 0, word),
        TokenText("Long", list("word\n" * 900), [0.5] * 4500, 0.0, 1.0),
    ]
