"""Claims of the study of probing, and the computation of each number."""

from collections.abc import Callable
from typing import Any

import numpy as np

from unitscope.studies import (
    OURS,
    Claim,
    Outcomes,
    Source,
    Value,
    above,
    below,
    of_runs,
    reported,
)
from unitscope.studies.library.probing.use import HELD, summary

ENCODER, WORDS = "encoder", "word LSTM"
SOURCES = (ENCODER, WORDS)
LABELS = ("upos", "deprel")
WIDE = 512
"""Units of the wide probe of the untrained encoder."""
HEWITT = Source("published, read", "Hewitt & Liang 2019, tables 1 and 2 (ELMo on the Penn Treebank)")
VOITA = Source("published, read", "Voita & Titov 2020, tables 1 and 4 (ELMo on the Penn Treebank)")
MANNING = Source("published, read", "Hewitt & Manning 2019 (Penn Treebank), in a full transcription")
TENNEY = Source("published, from memory", "Tenney et al. 2019 (UD English EWT)")
PIPELINE = Source("published, from memory", "Tenney, Das & Pavlick 2019")
ELAZAR = Source("published, from memory", "Elazar et al. 2021 (BERT)")
HUPKES = Source("published, from memory", "Hupkes, Veldhoen & Zuidema 2018")


Rows = dict[str, dict[str, float]]


def of_layers(source: str, label: str, number: Callable[[Rows], float]) -> Callable[[Outcomes], Value | None]:
    """A number of the layers of each run: rows by layer, from the lexical one up."""

    def value(o: Outcomes) -> Value | None:
        own = o.where(source=source, label=label).having("layers")
        return of_runs([number(one["layers"]) for one in own]) if len(own) else None

    return value


def of_path(path: str, number: Callable[[Any], float], **settings: Any) -> Callable[[Outcomes], Value | None]:
    """A number of what each run found there."""

    def value(o: Outcomes) -> Value | None:
        own = (o.where(**settings) if settings else o).having(path)
        return of_runs([number(one[path]) for one in own]) if len(own) else None

    return value


def _least(rows: Rows, first: str, second: str, start: int = 1) -> float:
    """The difference of two numbers in the layer where it is least."""
    return min(row[first] - row[second] for row in list(rows.values())[start:])


def _best(rows: Rows, number: str) -> int:
    return int(np.argmax([row[number] for row in rows.values()]))


def _contextual(found: Rows, number: str) -> float:
    """The best of the layers above the lexical one."""
    rows = [row for name, row in found.items() if name != "linear chain"]
    return max(row[number] for row in rows[1:])


def of_source(source: str) -> list[Claim]:
    """Claims about one trained model."""

    def asked(id: str, says: str, whose: Source, expected: str, value: Any, bar: Any) -> Claim:
        return Claim(f"{id}-{source}", f"{source}: {says}", whose, expected, value, bar)

    def order(o: Outcomes) -> Value | None:
        both = [o.where(source=source, label=label).having("layers").all("layers") for label in LABELS]
        if not all(both):
            return None
        return of_runs([_best(d, "accuracy") - _best(u, "accuracy") for u, d in zip(*both, strict=False)])

    def above_chain(found: Rows) -> float:
        return _contextual(found, "UUAS") - found["linear chain"]["UUAS"]

    return [
        asked("shuffled", "a label in random order is learnt no better than the majority (most above it)", OURS, "0",
              of_layers(source, "upos", lambda rows: max(r["shuffled"] - r["majority"] for r in rows.values())),
              below(0.03)),
        *(
            claim
            for label in LABELS
            for claim in (
                asked(f"{label}-twin", f"{label} is read better than from the untrained model, in the layer where the "
                      "gain is least", HEWITT, "above 0: ELMo above Proj0",
                      of_layers(source, label, lambda rows: _least(rows, "accuracy", "twin_accuracy")), above(0)),
                asked(f"{label}-code", f"the code of {label} is shorter than that of its control task in every layer "
                      "(least difference of compressions)", VOITA, "59.8 against 10.9",
                      of_layers(source, label, lambda rows: _least(rows, "compression", "control_compression", 0)),
                      above(0)),
            )
        ),
        asked("selective", "every layer is more selective for upos than the untrained model's (least difference)",
              HEWITT, ".260 and .314 against .206",
              of_layers(source, "upos", lambda rows: _least(rows, "selectivity", "twin_selectivity")), above(0)),
        asked("rises", "the last layer is more selective for upos than the first above the embedding (difference)",
              HEWITT, "+.054",
              of_layers(source, "upos", lambda rows: [r["selectivity"] for r in rows.values()][-1]
                        - [r["selectivity"] for r in rows.values()][1]), above(0)),
        asked("order", "relations are read best in no lower layer than parts of speech (layers higher)", PIPELINE,
              "parts of speech early, dependencies later", order, above(-0.5)),
        asked("edges", "relations of edges are read better in context than from the embedding (micro-F1)", TENNEY,
              "+.136 (ELMo), +.152 (BERT)",
              of_path("trees found", lambda found: _contextual(found, "relations, micro-F1")
                      - next(iter(found.values()))["relations, micro-F1"], source=source), above(0.08)),
        asked("uuas", "distances in some layer find more of the tree than the order of the words (UUAS)", MANNING,
              ".770 (ELMo1) and .798 (BERT) against .489", of_path("trees found", above_chain, source=source),
              above(0)),
        asked("uuas-lexical", "… and more than those of the embedding", MANNING, ".770 against .268",
              of_path("trees found", lambda found: _contextual(found, "UUAS") - next(iter(found.values()))["UUAS"],
                      source=source), above(0)),
        asked("heads", "selectivity of a bilinear probe of heads, in the layer where it is largest", HEWITT, ".067",
              of_path("trees found", lambda found: _contextual(found, "heads, selectivity"), source=source),
              reported()),
    ]  # fmt: skip


def _used(layer: str, first: str, second: str) -> Callable[[Outcomes], Value | None]:
    """Cost of one erasure minus the largest of three random ones, nats per word."""

    def difference(found: dict[str, Any]) -> float:
        cost = summary(found[layer])
        return cost[first] - cost[second]

    return of_path("used", difference)


USE = [
    claim
    for layer in ("layer 1", "layer 2")
    for claim in (
        Claim(f"erased-{layer}", f"{WORDS}, {layer}: erasing parts of speech costs more than as many random directions "
              "(nats per word)", ELAZAR, "above 0", _used(layer, "upos", "random directions"), above(0)),
        *(
            Claim(f"ranked-{how}-{count}-{layer}",
                  f"{WORDS}, {layer}: the {count} units ranked first by {how} cost more than {count} random ones "
                  "(nats per word)", OURS, "above 0", _used(layer, f"{count} by {how}", f"{count} at random"), above(0))
            for count in HELD
            for how in ("weights", "means")
        ),
    )
]  # fmt: skip


def _selectivity(first: str, second: str) -> Callable[[Outcomes], Value | None]:
    return of_path("pilot", lambda found: found[first]["selectivity"] - found[second]["selectivity"])


def _ceiling(found: dict[str, Any]) -> float:
    """The highest control accuracy, over what seen words and chance allow."""
    highest = max(row["control"] for row in found.values() if isinstance(row, dict))
    return float(highest - found["seen"] - (1 - found["seen"]) * found["largest class"])


def _state(found: dict[str, Any]) -> dict[str, float]:
    return next(row for name, row in found["trained"].items() if name.endswith("hidden"))


def _sums(number: Callable[[dict[str, float]], float]) -> Callable[[Outcomes], Value | None]:
    """Claims about the state of each GRU; no conclusion where one has not learnt to add."""

    def value(o: Outcomes) -> Value | None:
        own = o.having("sums")
        if not len(own):
            return None
        weak = [one.name for one in own if one["sums"]["test MSE"] > 0.1 * one["sums"]["test variance"]]
        found = of_runs([number(_state(one["sums"])) for one in own])
        return found.unless(f"{', '.join(weak)} did not learn to add" if weak else "")

    return value


def _wide(o: Outcomes) -> Value | None:
    """A linear probe of the untrained encoder against the wide one."""
    own = o.having("pilot")
    wide = [
        next(k for k in p if k.startswith("MLP-1") and k not in ("MLP-1 (10)", "MLP-1 (45)")) for p in own.all("pilot")
    ]
    pairs = zip(own.all("pilot"), wide, strict=True)
    return of_runs([p["linear"]["selectivity"] - p[w]["selectivity"] for p, w in pairs]) if len(own) else None


UNTRAINED = [
    Claim("pilot-linear", "untrained encoder: a linear probe is more selective than a wide MLP", HEWITT,
          ".206 against .016 (Proj0)", _wide, above(0.03)),
    Claim("pilot-45", "untrained encoder: an MLP of 45 units is less selective than a linear probe", HEWITT,
          ".166 against .330 (ELMo1)", _selectivity("MLP-1 (45)", "linear"), below(0)),
    Claim("pilot-10", "untrained encoder: an MLP of 10 units against one of 45 (selectivity)", HEWITT,
          ".301 against .166 (ELMo1)", _selectivity("MLP-1 (10)", "MLP-1 (45)"), above(0)),
    Claim("pilot-ceiling", "untrained encoder: no control accuracy is above the share of seen words, plus chance", OURS,
          "0 or less", of_path("pilot", _ceiling), below(1e-9)),
    Claim("codes-order", "untrained encoder: the code of xpos is shorter than that of its control (share saved)", VOITA,
          ".44 (layer 0)", of_path("codes", lambda c: 1 - c["xpos"] / c["control"]), above(0.2)),
    Claim("codes-control", "untrained encoder: the code of the control is shorter than the uniform (share saved)",
          VOITA, "above 0", of_path("codes", lambda c: 1 - c["control"] / c["uniform"]), above(0.2)),
    Claim("codes-random", "untrained encoder: labels drawn anew for every word cost their entropy (ratio)", OURS, "1",
          of_path("codes", lambda c: c["random"] / c["entropy"]), above(0.98)),
    Claim("sums-learnt", "a GRU learns to evaluate bracketed sums (squared error over the variance of the values)",
          OURS, "below .1", of_path("sums", lambda found: found["test MSE"] / found["test variance"]), below(0.1)),
    Claim("sums-cumulative", "its state holds the cumulative result better than the recursive one (explained variance)",
          HUPKES, "cumulative better", _sums(lambda s: s["cumulative R²"] - s["recursive R²"]), above(0)),
    Claim("sums-mode", "its state says whether the next number is subtracted (accuracy over the majority)", HUPKES,
          "above 0", _sums(lambda s: s["mode"] - s["mode, majority"]), above(0)),
]  # fmt: skip
