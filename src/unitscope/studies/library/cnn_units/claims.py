"""Claims of the study of concepts in units, and the computation of each number."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

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
    exact,
    of_runs,
    reported,
)

CONVOLUTIONAL = ("vdcnn", "bytenet", "attentive")
NAMES = ("questions", "encyclopedia", "translation", "made-up questions")
PAPER = Source("published, read", "Na et al. 2019 (arXiv 1902.07249, as submitted)")
REMEMBERED = Source("published, from memory", "Na et al. 2019, final version")
PILOT = Source("ours", "a pilot of another implementation, one seed, questions")
REACHED = ("AUROC held out", "inclusion*")
"""The scores that tell a trained network from an untrained one, where anything does."""


def weak(one: Found) -> str:
    """Why nothing is concluded from a network: it is below its baseline. Empty where it is not."""
    metrics = one["metrics"]
    if one.has("beyond bayes"):
        gain, _, high = one["beyond bayes"]
        return f"{one.name} is below naive Bayes by {-gain:.3f}" if high < 0 else ""
    times = metrics["test wrong source"] / metrics["test nats"]
    return f"{one.name} loses only × {times:.2f} with a wrong source" if times < 1.3 else ""


Number = Callable[[Found], float]


def score(name: str, layer: int = -1, side: str = "up") -> Number:
    """A mean over the units of a layer; NaN where the layer is rectified and has no such side."""
    return lambda one: one[side]["scores"][name][layer] if one[side] else math.nan


def of_task(task: str, number: Number, kind: tuple[str, ...] = CONVOLUTIONAL) -> Callable[[Outcomes], Value | None]:
    """A number of each trained network; nothing is concluded from those below their baseline."""

    def value(o: Outcomes) -> Value | None:
        own = o.where(task=task, kind=kind).having("probe")
        return of_runs([number(one) for one in own]).unless(_weak(own)) if len(own) else None

    return value


def beyond(
    task: str, number: Number, change: Callable[[float, float], float] = lambda own, other: own - other
) -> Callable[[Outcomes], Value | None]:
    """A number of each trained network against the mean of its untrained ones: over networks, or where there is one
    alone over the untrained ones, each of which it is set against.
    """

    def value(o: Outcomes) -> Value | None:
        own = o.where(task=task, kind=CONVOLUTIONAL)
        trained = own.having("probe")
        if not len(trained):
            return None
        blanks = {one["net"]: [number(b) for b in own.where(net=one["net"]).having("untrained")] for one in trained}
        note = "untrained " + ", ".join(f"{np.mean(values):.3f}" for values in blanks.values())
        if len(trained) == 1:
            one = trained.found[0]
            found = of_runs([change(number(one), other) for other in blanks[one["net"]]], f"{note}; one network")
        else:
            found = of_runs([change(number(one), float(np.mean(blanks[one["net"]]))) for one in trained], note)
        return found.unless(_weak(trained))

    return value


def _weak(own: Outcomes) -> str:
    return "; ".join(filter(None, map(weak, own)))


def ordered(one: Found) -> float:
    """Share of layers in which replicated concepts are above single ones, these above texts, these above random."""
    means = np.array([one["up"]["scores"][name] for name in ("replicate", "instance", "inclusion", "random")])
    return float((np.diff(means, axis=0) < 0).all(0).mean())


def rise(one: Found) -> float:
    """Rise of the share of phrases, from the first to the last layer."""
    shares = [share["phrases"] for share in one["up"]["shares"]]
    return float(shares[-1] - shares[0])


def apart(one: Found) -> float:
    """Aligned minus random concepts, replicated, in the layer where it is least."""
    own = one["up"]["scores"]
    return float(min(a - b for a, b in zip(own["replicate"], own["random concepts"], strict=True)))


def short(one: Found) -> float:
    """Morphemes and words among the concepts of the first layer."""
    share = one["up"]["shares"][0]
    return float(share["morpheme"] + share["word"])


def of_one(task: str) -> list[Claim]:
    """Claims about one task."""
    translates = task == "translation"

    def asked(id: str, says: str, source: Source, expected: str, value: Any, bar: Any) -> Claim:
        return Claim(f"{id}-{task}", f"{task}: {says}", source, expected, value, bar)

    def quality(o: Outcomes) -> Value | None:
        own = o.where(task=task, kind=CONVOLUTIONAL).having("probe")
        if not len(own):
            return None
        if translates:
            bleu = [one["metrics"].get("test bleu", math.nan) for one in own]
            return exact(bleu[0], f"{own.found[0].name}, one network") if len(bleu) == 1 else of_runs(bleu)
        each = "; ".join("{:+.3f} ({:+.3f} to {:+.3f})".format(*one["beyond bayes"]) for one in own)
        return of_runs([one["beyond bayes"][0] for one in own], f"by network, over texts: {each}")

    skill = [
        asked("quality", "BLEU of the translator on test_2016", OURS, "24.8 in a trial", quality, above(20))
        if translates
        else asked("quality", "accuracy is not below naive Bayes on words (difference, paired)", OURS, "about 0",
                   quality, above(-0.01)),
    ]  # fmt: skip
    if translates:
        times = of_task(task, lambda one: one["metrics"]["test wrong source"] / one["metrics"]["test nats"])
        skill.append(asked("source", "the loss with a wrong source, over that with the right one", OURS, "× 2.4",
                           lambda o: _exact(times(o)), above(2)))  # fmt: skip
    return [
        *skill,
        asked("order", "selectivity: replicate > one instance > inclusion > random (share of layers)", PAPER,
              "1: on all data sets", of_task(task, ordered), above(0.9)),
        asked("random", "aligned minus random concepts, replicated, least of the layers", PILOT, ".70 to 1.09",
              of_task(task, apart), above(0.5)),
        asked("replicate", "replicated concepts, trained minus untrained, last layer: the headline score tells nothing",
              PILOT, ".018", beyond(task, score("replicate")), between(-0.15, 0.15)),
        asked("inclusion", "inclusion without the top texts, trained over untrained, last layer", PILOT, "4.1",
              beyond(task, score("inclusion*"), lambda own, other: own / other), above(2)),
        asked("held-out", "AUROC on held-out texts, trained minus untrained, last layer", PILOT, ".25",
              beyond(task, score("AUROC held out")), above(0.1)),
        asked("down", "the same of what drives units down", OURS, "as for what drives up",
              beyond(task, score("AUROC held out", side="down")), above(0.1)),
        asked("depth", "the share of phrases rises from the first layer to the last", PAPER, "rises",
              of_task(task, rise), above(0.1)),
        asked("depth-untrained", "it rises by more than in untrained networks", PILOT, "+.40", beyond(task, rise),
              above(0)),
        asked("short", "morphemes and words among the concepts of the first layer (share)", PAPER, "most",
              of_task(task, short), above(0.75)),
        asked("several", "with ten concepts for each unit selectivity is lower than with one (ratio)", REMEMBERED,
              "falls with M", of_task(task, lambda one: one["aligned"]["10 concepts"] / one["aligned"]["1 concepts"]),
              below(1)),
        *(
            asked(f"form-{form}", f"a unit tells {form}, beyond words (AUROC on held-out texts, over untrained)", PAPER,
                  "units beyond natural language form", partial(_form, task, form), above(0.05))
            for form in ("numbers", "times", "questions", "negation")
        ),
        asked("loss", "units per concept go with the loss without the concept (Pearson, last layer)", REMEMBERED,
              ".492", of_task(task, lambda one: one["emergence"].get("DEL", {}).get("pearson", math.nan)), above(0)),
        asked("loss-untrained", "they do so more than in untrained networks", PILOT, "+.33",
              beyond(task, lambda one: one["emergence"].get("DEL", {}).get("pearson", math.nan)), above(0)),
        asked("frequency", "units per concept go with its frequency (Pearson, last layer)", REMEMBERED, ".732",
              of_task(task, lambda one: one["emergence"]["frequency"]["pearson"]), above(0)),
        asked("length", "correlation of a unit with the length of the text, median of the worst layer", PILOT,
              ".07 to .19; .39 to .84 where padding is counted",
              of_task(task, lambda one: max(one["correlation with length"])), below(0.25)),
        asked("padding", "padding to twice the length changes a degree of alignment by at most (of a unit's spread)",
              OURS, "0", _worst(task, "padding"), below(0.05)),
        asked("batches", "texts read one at a time or in batches differ by at most", OURS, "rounding",
              _worst(task, "batch"), below(1e-4)),
        asked("speed", "one pass over the bank against a loop over units, times as fast", OURS, "51 to 65",
              of_task(task, lambda one: one["probe"]["speed"]), above(10)),
        *(
            asked(f"others-{kind}", f"{kind}, treated alike: AUROC on held-out texts, last layer", OURS, ".74 to .78",
                  of_task(task, score("AUROC held out"), (kind,)), reported())
            for kind in ("lstm", "gru", "transformer")
        ),
    ]  # fmt: skip


def _form(task: str, form: str, o: Outcomes) -> Value | None:
    if not len(o.where(task=task).having(f"forms/{form}")):
        return None  # too few such texts
    return beyond(task, lambda one: one["forms"].get(form, math.nan))(o)


def _worst(task: str, what: str) -> Callable[[Outcomes], Value | None]:
    def value(o: Outcomes) -> Value | None:
        own = o.where(task=task).having("probe")
        return exact(max(one["probe"][what] for one in own), f"{len(own)} networks") if len(own) else None

    return value


def _exact(value: Value | None) -> Value | None:
    """Value of a single network, as an exact number."""
    return value if value is None or value.low == value.low else exact(value.mean, f"{value.note}; one network")
