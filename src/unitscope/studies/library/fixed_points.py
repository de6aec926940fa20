"""Fixed points: how small networks remember three bits."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.flip_flop import flip_flop
from unitscope.corpus.series import SeriesCorpus
from unitscope.errors import InputError
from unitscope.interventions.fixed_points import FixedPoints, fixed_points
from unitscope.interventions.layers import find_layer
from unitscope.interventions.lyapunov import lyapunov
from unitscope.interventions.one_step import after
from unitscope.interventions.responses import alone
from unitscope.networks.lessons.series import Lesson, evaluate, fit, network_card
from unitscope.networks.series import Cell, SeriesNet, series_model
from unitscope.studies import (
    Claim,
    Found,
    Here,
    Numbers,
    Options,
    Outcomes,
    Part,
    Run,
    Source,
    Study,
    Value,
    above,
    equals,
    of_runs,
    share,
)
from unitscope.views import Group, Lines, Scatter, Series, View

CELLS: tuple[Cell, ...] = ("rnn", "gru", "lstm")
BITS, UNITS, STEPS, STARTS = 3, 16, 64, 192
EIGHT = 1 << BITS
KEPT_FOR = 500
"""Silent steps over which a memory is watched."""
FINDER = Source("published, from memory", "Golub & Sussillo 2018, fixed-point finder (an LSTM of 16 units)")
TASK = Source("ours", "the task")


def runs(options: Options) -> list[Run]:
    """A network of each kind for each seed."""
    if options.seeds < 1:
        raise InputError(f"at least one network is trained, not {options.seeds}")
    seeds, epochs = (1, 1) if options.quick else (options.seeds, 20)
    return [
        Run(f"{cell} {seed}", {"cell": cell, "seed": seed, "epochs": epochs}, remember)
        for cell in CELLS
        for seed in range(seeds)
    ]


def remember(settings: dict[str, Any], _: Here) -> dict[str, Any]:
    """Train a network, and find its fixed points without input from states that it visits."""
    cell, seed, epochs = settings["cell"], settings["seed"], settings["epochs"]
    train, test = flip_flop(BITS, 512, STEPS, seed=seed), flip_flop(BITS, 64, STEPS, seed=1000 + seed)
    card = network_card(train, cell, UNITS)
    before = _points(card.fresh(seed).eval(), test, seed)[0]
    net = fit(card, Lesson(train, seed=seed), epochs, 1e-2, seed).net
    points, states = _points(net, test, seed)
    single = _layer(net, test)
    with torch.no_grad():
        silent = states
        for _step in range(KEPT_FOR):
            silent = after(single, torch.zeros(BITS), silent)
    stable = torch.from_numpy(points.states[points.stable])
    along = lyapunov(single, torch.cat([test.batch([n]).tokens[0] for n in range(5)]), skip=STEPS)
    return {
        "accuracy": evaluate(net, train, test).accuracy,
        "fixed points": len(points.states),
        "stable": int(points.stable.sum()),
        "stable before training": int(before.stable.sum()),
        "memories": [test.classes[place] for place in _read(net, stable).tolist()],
        "largest q": float(points.q.max(initial=0.0)),
        "eigenvalues": np.abs(points.eigenvalues).max(axis=1, initial=0.0)[points.stable],
        "kept": float((_read(net, silent) == _read(net, states)).double().mean()),
        "exponents": along.exponents,
        "states": states[:, :UNITS].numpy(),
        "points": points.states[:, :UNITS],
        "is stable": points.stable.astype(np.int64),
    }


def _points(net: SeriesNet, test: SeriesCorpus, seed: int) -> tuple[FixedPoints, Float[Tensor, "start state"]]:
    model, batch = series_model(net, test), test.batch(range(16))
    read = ["rnn.0.hidden", *(["rnn.0.cell"] if net.rnn.mode == "LSTM" else [])]
    values = model.run(batch, read)
    states = torch.cat([values[name] for name in read], dim=2).flatten(0, 1).double()
    draw = torch.Generator().manual_seed(seed)
    visited = states[torch.randperm(len(states), generator=draw)[:STARTS]]
    starts = visited + 0.05 * torch.randn(visited.shape, generator=draw, dtype=torch.float64)
    return fixed_points(_layer(net, test), torch.zeros(BITS), starts, steps=300), visited


def _layer(net: SeriesNet, test: SeriesCorpus) -> torch.nn.RNNBase:
    return alone(find_layer(series_model(net, test), "rnn.0"), "coupled")


@torch.no_grad()
def _read(net: SeriesNet, states: Float[Tensor, "state number"]) -> Tensor:
    said: Tensor = net.head(states[:, :UNITS].float()).argmax(1)
    return said


def of_cell(cell: Cell) -> list[Claim]:
    """Claims about one kind of network."""

    def every(o: Outcomes, test: Any) -> Value | None:
        own = o.where(cell=cell)
        return share({one.name: bool(test(one)) for one in own}) if len(own) else None

    def accuracy(o: Outcomes) -> Value:
        return of_runs(o.where(cell=cell).all("accuracy"))

    name = cell.upper()
    return [
        Claim(f"skill-{cell}", f"{name}: the network says nearly every memory right", TASK, "1", accuracy, above(0.95)),
        Claim(
            f"stable-{cell}",
            f"{name}: most trainings end with exactly {EIGHT} stable fixed points",
            FINDER,
            str(EIGHT),
            lambda o: every(o, lambda one: one["stable"] == EIGHT),
            above(0.5),
        ),
        Claim(
            f"memories-{cell}",
            f"{name}: in most trainings each of the {EIGHT} memories is one of them",
            FINDER,
            str(EIGHT),
            lambda o: every(o, lambda one: len(set(one["memories"])) == EIGHT),
            above(0.5),
        ),
        Claim(
            f"untrained-{cell}",
            f"{name}: stable points before training",
            TASK,
            "1: the state fades",
            lambda o: of_runs(o.where(cell=cell).all("stable before training")),
            equals(1, 0.5),
        ),
        Claim(
            f"kept-{cell}",
            f"{name}: a memory outlasts {KEPT_FOR} silent steps (share of states)",
            TASK,
            "1",
            lambda o: of_runs(o.where(cell=cell).all("kept")),
            above(0.99),
        ),
    ]


def networks(o: Outcomes) -> dict[str, Numbers]:
    """Every network in a row."""
    names = ("accuracy", "fixed points", "stable", "stable before training", "largest q", "kept")
    return {
        "Every network": {
            one.name: {name: one[name] for name in names}
            | {"different memories": len(set(one["memories"]))}
            | {"slowest eigenvalue": max(one["eigenvalues"].tolist(), default=float("nan"))}
            | {"largest Lyapunov exponent": float(one["exponents"][0])}
            for one in o
        }
    }


def pictures(o: Outcomes) -> list[View]:
    """Exponents of the first network of each kind, and the plane of its states."""
    firsts = [own.found[0] for own in o.by("cell").values()]
    width = max(len(one["exponents"]) for one in firsts)
    series = [
        Series(one.name, [*one["exponents"].tolist(), *[float("nan")] * (width - len(one["exponents"]))])
        for one in firsts
    ]
    x = list(map(float, range(width)))
    return [Lines("Lyapunov exponents along the task", x, series, "number", "nats per step"), *map(_plane, firsts)]


def _plane(one: Found) -> View:
    """States and fixed points on the two directions in which the states vary most."""
    mean = one["states"].mean(axis=0)
    axes = np.linalg.svd(one["states"] - mean, full_matrices=False)[2][:2]
    stable = one["is stable"].astype(bool)

    def group(name: str, states: np.ndarray, names: list[str]) -> Group:
        x, y = ((states - mean) @ axes.T).T
        return Group(name, x.tolist(), y.tolist(), names)

    return Scatter(
        f"States and fixed points: {one.name}",
        [
            group("states on data", one["states"], [""] * len(one["states"])),
            group("stable", one["points"][stable], one["memories"]),
            group("unstable", one["points"][~stable], [""] * int((~stable).sum())),
        ],
        "first principal component",
        "second principal component",
    )


STUDY = Study(
    name="fixed-points",
    paper="Sussillo & Barak 2013, and Golub & Sussillo's fixed-point finder (2018)",
    text="""How do small networks remember three bits?

Networks of 16 units learn the flip-flop task, in which each of three channels is silent but for pulses, and the network
says at every step which sign each channel's last pulse had. What is remembered must stand still: one stable fixed point
for each of the eight memories, and between them points that are stable in some directions only. Lyapunov exponents
along the task say how fast everything else is forgotten.""",
    runs=runs,
    parts=[Part("Memories", tables=networks, views=pictures)],
    claims=[claim for cell in CELLS for claim in of_cell(cell)],
)
