"""Resemblance of a network while it learns: first to n-grams of short contexts, then of longer ones.

    models = {"1-gram": ..., "3-NN": ...}: whole predictions, from ``ngram_predictions`` and ``network_predictions``
    path = resemblance(held_out, member.snapshots(), ngram, networks)
    path.views()

Compared are whole predictions on some stretches of the held-out text, by the Kullback-Leibler divergence of the network
from the model, KL(network ‖ model), and by the mean of both directions (Karpathy, Johnson & Fei-Fei 2015).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from unitscope.evidence.bootstrap import drawn
from unitscope.models.ngram import NGram
from unitscope.networks.card import load
from unitscope.networks.evaluate import LanguageModel
from unitscope.studies.library.visualizing_rnns.held_out import DRAWS, HeldOut
from unitscope.views import Field, Heatmap, Lines, Series, Table, View

STRETCHES = 8
"""Stretches of the held-out text on which predictions are compared, evenly spread."""
CONTEXTS = range(1, 10)


@dataclass(frozen=True, eq=False)
class Resemblance:
    """Divergence of the network, at each time, from each of several models, in nats per character."""

    epochs: Sequence[float]
    names: Sequence[str]
    """Of the models."""
    contexts: Sequence[int]
    """Of each model."""
    loss: Float[np.ndarray, " time"]
    """Of the network on the same stretches, nats per character."""
    forward: Float[np.ndarray, "time model stretch"]
    """KL(network ‖ model)."""
    symmetric: Float[np.ndarray, "time model stretch"]
    """Mean of both directions."""

    def of(self, kind: str) -> list[int]:
        """Places of the models whose name ends so: ``gram`` or ``NN``."""
        return [place for place, name in enumerate(self.names) if name.endswith(kind)]

    def nearest(self, kind: str = "gram", symmetric: bool = False) -> Int[np.ndarray, " time"]:
        """The context of the model that is nearest at each time."""
        table = (self.symmetric if symmetric else self.forward)[:, self.of(kind)].mean(2)
        contexts = np.array([self.contexts[place] for place in self.of(kind)])
        found: Int[np.ndarray, " time"] = contexts[table.argmin(1)]
        return found

    def sure(self, kind: str = "gram", symmetric: bool = False) -> Float[np.ndarray, " time"]:
        """The share of bootstrap draws of stretches in which the same model is nearest."""
        table = (self.symmetric if symmetric else self.forward)[:, self.of(kind)]
        again = np.einsum("tms,ds->tmd", table, drawn(table.shape[2], DRAWS, 0))
        found: Float[np.ndarray, " time"] = (again.argmin(1) == table.mean(2).argmin(1)[:, None]).mean(1)
        return found

    def views(self) -> list[View]:
        """Both divergences as pictures, and the nearest model at each time."""
        made: list[View] = []
        times = [f"{epoch:g}" for epoch in self.epochs]
        for title, table in (
            ("KL(network ‖ model)", self.forward.mean(2)),
            ("Symmetric KL", self.symmetric.mean(2)),
        ):
            shown = np.log10(np.maximum(table, 1e-6))
            made.append(
                Heatmap(
                    f"{title} while learning, log10 of nats per character",
                    times,
                    self.names,
                    shown.tolist(),
                    float(shown.min()),
                    float(shown.max()),
                    "model",
                    "epochs",
                )
            )
        series = [
            Series(f"{kind}, {what}", self.nearest(kind, both).astype(float).tolist())
            for kind in ("gram", "NN")
            if self.of(kind)
            for what, both in (("KL(network ‖ model)", False), ("symmetric KL", True))
        ]
        made.append(Lines("The nearest model", list(self.epochs), series, "epochs", "characters of context"))
        fields = [Field("epochs"), Field("loss", help="nats per character, on the same stretches")]
        columns: list[Sequence[object]] = [list(self.epochs), self.loss.tolist()]
        for kind in ("gram", "NN"):
            if self.of(kind):
                fields += [Field(f"nearest n-{kind}", "integer"), Field("in draws", "share")]
                columns += [self.nearest(kind).tolist(), self.sure(kind).tolist()]
                fields += [Field(f"nearest n-{kind}, symmetric", "integer"), Field("in draws", "share")]
                columns += [self.nearest(kind, True).tolist(), self.sure(kind, True).tolist()]
        made.append(Table("The nearest model", fields, [list(row) for row in zip(*columns, strict=True)]))
        return made


def resemblance(
    held_out: HeldOut,
    snapshots: Mapping[float, Path],
    ngram: NGram,
    networks: Mapping[int, LanguageModel] | None = None,
    contexts: Sequence[int] = CONTEXTS,
    stretches: int = STRETCHES,
) -> Resemblance:
    """Compare a network, kept at several times, with n-grams and with n-NNs (``networks``, by their context).

    ``snapshots`` are folders of the network by epochs. In memory are the network's predictions at each time, on the
    stretches that are compared, and those of one model.
    """
    rows = np.linspace(0, len(held_out.ids) - 1, min(stretches, len(held_out.ids))).round().astype(int)
    part = HeldOut(held_out.ids[rows], held_out.vocabulary)
    path = [network_predictions(part, load(folder)[0]) for folder in snapshots.values()]  # each [stretch char symbol]
    truth = part.targets[..., None]
    loss = np.array([-np.take_along_axis(q, truth, 2).mean(dtype=np.float64) for q in path])
    names = [f"{n}-gram" for n in contexts] + [f"{n}-NN" for n in networks or {}]
    forward = np.empty((len(path), len(names), len(rows)))
    symmetric = np.empty_like(forward)
    for place, name in enumerate(names):
        n = int(name.split("-")[0])
        grams = name.endswith("gram")
        model = ngram_predictions(part, ngram, n) if grams else network_predictions(part, (networks or {})[n])
        for time, q in enumerate(path):
            forward[time, place] = divergence(q, model)
            symmetric[time, place] = (forward[time, place] + divergence(model, q)) / 2
    every = [*contexts, *(networks or {})]
    return Resemblance(list(snapshots), names, every, loss, forward, symmetric)


def network_predictions(held_out: HeldOut, net: LanguageModel) -> Float[np.ndarray, "stretch character symbol"]:
    """Log-probabilities of every symbol at every target."""
    return np.concatenate(list(held_out.distributions(net)), 1)


def ngram_predictions(held_out: HeldOut, ngram: NGram, context: int) -> Float[np.ndarray, "stretch character symbol"]:
    """The same by an n-gram model. A symbol without any probability is given a very small one."""
    p = np.concatenate([block.astype(np.float32) for block in ngram.distribution(list(held_out.ids), context)])
    whole = p.reshape(*held_out.ids.shape, -1)[:, 1:]
    return np.asarray(np.log(np.maximum(whole, np.float32(1e-12))))


def divergence(
    p: Float[np.ndarray, "stretch character symbol"], q: Float[np.ndarray, "stretch character symbol"]
) -> Float[np.ndarray, " stretch"]:
    """KL(p ‖ q) of log-probabilities: nats per character, for each stretch."""
    return np.asarray((np.exp(p) * (p - q)).sum(2).mean(1, dtype=np.float64))
