"""Does the model use what probes read? Parts of speech erased in the model, and the units that carry them held."""

from typing import Any, cast

import torch
from torch import Tensor

from unitscope.probing.amnesic import amnesia, held_units, random_units
from unitscope.probing.erasure import Eraser, inlp, random_directions
from unitscope.probing.linear import Penalty, fit_linear
from unitscope.probing.rankings import by_weight, probeless
from unitscope.probing.tasks import Task
from unitscope.probing.words import HasWords, divide, gather
from unitscope.studies.library.probing.sources import Probed

DRAWS = 3
HELD = (8, 24)


def probe_use(probed: Probed, words: int, sentences: int, seed: int = 0) -> dict[str, Any]:
    """For each layer above the first: costs of erasing parts of speech, of holding units, and of as much at random.

    Probes and rankings are made on other documents than those on which costs are measured.
    """
    source, corpus = probed.source, cast(HasWords, probed.source.corpus)
    parts = divide(corpus, list(source.sequences), seed=seed)
    out: dict[str, Any] = {}
    for name, site in list(probed.layers.items())[1:]:
        train = gather(source, corpus, [site], parts[0], "last", words)
        test = gather(source, corpus, [site], parts[2], "last", words)
        x, held = train.activations[site], test.activations[site]
        task = Task.of("upos", train.words)
        y, truth = task.codes(train.words), task.codes(test.words)
        classes = len(task.classes)
        erased = inlp(x, y, classes, rounds=1)
        weight = fit_linear([x], y[None], classes, [Penalty(l2=1e-3)]).standardised[0]
        orders = {"weights": by_weight(weight), "means": (probeless(x, y, classes) / x.std(0)).argsort(descending=True)}
        tried: dict[str, Eraser] = {"upos, INLP": erased}
        tried |= {f"random directions {i}": random_directions(x, erased.rank, i) for i in range(DRAWS)}
        tried |= {f"random units {i}": random_units(x, erased.rank, i) for i in range(DRAWS)}
        for count in HELD:
            tried |= {f"{count} units by {how}": held_units(x, order[:count]) for how, order in orders.items()}
            tried |= {f"{count} random units {i}": random_units(x, count, 100 + i) for i in range(DRAWS)}
        rows = amnesia(source.model, source.corpus, site, tried, parts[2][:sentences])

        whole = Eraser(torch.eye(x.shape[1], dtype=torch.float64), x.mean(0).double(), 0)
        read = {
            kind: _readable(eraser, (x, y), (held, truth), classes)
            for kind, eraser in (
                ("intact", whole),
                ("upos, INLP", erased),
                ("random directions", tried["random directions 0"]),
            )
        }
        out[name] = {"read": read, "rows": [vars(row) for row in rows]}
    return out


def _readable(eraser: Eraser, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], classes: int) -> float:
    """Accuracy of a fresh probe of what is left."""
    fit = fit_linear([eraser(train[0])], train[1][None], classes, [Penalty(l2=1e-3)])
    right = fit.log_probs(0, eraser(test[0])).argmax(1) == test[1]
    return float(right[test[1] >= 0].double().mean())


def summary(found: dict[str, Any]) -> dict[str, float]:
    """Costs in nats per word; of random draws the largest."""
    costs: dict[str, float] = {row["name"]: row["cost"] for row in found["rows"]}

    def largest(start: str) -> float:
        return max(cost for name, cost in costs.items() if name.startswith(start))

    out = {"upos": costs["upos, INLP"], "random directions": largest("random directions")}
    out["random units"] = largest("random units")
    for count in HELD:
        out |= {f"{count} by {how}": costs[f"{count} units by {how}"] for how in ("weights", "means")}
        out |= {f"{count} at random": largest(f"{count} random units")}
    return out
