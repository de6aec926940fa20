"""Fixed points: how small networks remember three bits.

After Sussillo & Barak 2013 and Golub & Sussillo's fixed-point finder: networks of 16 units learn the flip-flop task, in
which each of three channels is silent but for pulses, and the network says at every step which sign each channel's last
pulse had. What is remembered must stand still: one stable fixed point for each of the eight memories, and between them
points that are stable in some directions only. Lyapunov exponents along the task say how fast everything else is
forgotten, and beside each network stands the same one before it was trained.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.flip_flop import flip_flop
from unitscope.corpus.series import SeriesCorpus
from unitscope.errors import InputError
from unitscope.interventions.fixed_points import FixedPoints, fixed_points
from unitscope.interventions.layers import find_layer
from unitscope.interventions.lyapunov import Lyapunov, lyapunov
from unitscope.interventions.one_step import after
from unitscope.interventions.responses import alone
from unitscope.networks.lessons.series import Lesson, evaluate, fit, network_card
from unitscope.networks.series import Cell, SeriesNet, series_model
from unitscope.page.page import Section, build_page
from unitscope.page.write import write_html
from unitscope.progress import Progress
from unitscope.studies.check import Check, checks_table, write_results
from unitscope.view import Field, Group, Lines, Scatter, Series, Table, View

NAME = "fixed-points"
CELLS: tuple[Cell, ...] = ("rnn", "gru", "lstm")
BITS, UNITS, STEPS, STARTS = 3, 16, 64, 192
KEPT_FOR = 500
"""Silent steps over which a memory is watched."""


@dataclass(frozen=True)
class Memory:
    """A network, what it learnt, and where its state stands still."""

    cell: str
    seed: int
    accuracy: float
    points: FixedPoints
    said: list[str]
    """Which memory each stable point is, by the network's readout."""
    kept: float
    """Share of the states at the end of test sequences whose memory is the same after a long silence."""
    untrained: int
    """Stable fixed points before training."""
    lyapunov: Lyapunov
    states: Float[np.ndarray, "state unit"]
    """Hidden states of the test sequences, a sample."""

    @property
    def name(self) -> str:
        return f"{self.cell}, seed {self.seed}"


def run(
    out: Path,
    show: Progress,
    *,
    seeds: Annotated[int, "networks of each kind"] = 4,
    quick: Annotated[bool, "one network of each kind, hardly trained: shows that all of it runs, nothing more"] = False,
) -> list[Check]:
    """How do small networks remember three bits?

    For example: `unitscope study fixed-points --out memories`
    """
    if seeds < 1:
        raise InputError(f"at least one network is trained, not {seeds}")
    wanted = [(cell, seed) for cell in CELLS for seed in range(1 if quick else seeds)]
    memories = []
    for done, (cell, seed) in enumerate(wanted):
        show("training, and looking for fixed points", done, len(wanted))
        memories.append(remember(cell, seed, epochs=1 if quick else 20))
    show("training, and looking for fixed points", len(wanted), len(wanted))
    checks = checks_of(memories)
    figures = {memory.name: _figures(memory) for memory in memories}
    write_results(out / "results.json", NAME, range(seeds), checks, figures)
    text = (__doc__ or "").split("\n\n", 1)[1]
    sections = [Section("checks", "What held", text, [checks_table(checks), _table(memories), _exponents(memories)])]
    firsts = [memory for memory in memories if memory.seed == 0]
    sections += [Section(f"cell-{memory.cell}", memory.name, "", [_plane(memory)]) for memory in firsts]
    page = build_page("Fixed points", f"a flip-flop of {BITS} bits, {UNITS} units", sections)
    write_html(page, out / "index.html")
    return checks


def remember(cell: Cell, seed: int, epochs: int) -> Memory:
    """Train a network, and find its fixed points without input from states that it visits."""
    train, test = flip_flop(BITS, 512, STEPS, seed=seed), flip_flop(BITS, 64, STEPS, seed=1000 + seed)
    card = network_card(train, cell, UNITS)
    before = _points(card.fresh(seed).eval(), test, seed)[0]
    net = fit(card, Lesson(train, seed=seed), epochs, 1e-2, seed).net
    points, states = _points(net, test, seed)
    single = _layer(net, test)
    with torch.no_grad():
        silent = states
        for _ in range(KEPT_FOR):
            silent = after(single, torch.zeros(BITS), silent)
    stable = torch.from_numpy(points.states[points.stable])
    return Memory(
        cell,
        seed,
        evaluate(net, train, test).accuracy,
        points,
        [test.classes[place] for place in _read(net, stable).tolist()],
        float((_read(net, silent) == _read(net, states)).double().mean()),
        int(before.stable.sum()),
        lyapunov(single, torch.cat([test.batch([n]).tokens[0] for n in range(5)]), skip=STEPS),
        states[:, :UNITS].numpy(),
    )


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


def checks_of(memories: list[Memory]) -> list[Check]:
    """Eight memories, each standing still."""
    checks = []
    source, eight = "fixed-point finder (LSTM of 16 units)", 1 << BITS
    for cell in dict.fromkeys(memory.cell for memory in memories):
        own = [memory for memory in memories if memory.cell == cell]
        counts = [int(memory.points.stable.sum()) for memory in own]
        statement = f"{cell}: exactly {eight} stable fixed points, in every network"
        note = f"largest q {max(float(m.points.q.max(initial=0.0)) for m in own):.1e}; untrained: " + ", ".join(
            str(memory.untrained) for memory in own
        )
        found = ", ".join(str(count) for count in counts)
        checks.append(Check(f"stable-{cell}", statement, found, str(eight), source, set(counts) == {eight}, note))
        distinct = [len(set(memory.said)) for memory in own]
        statement = f"{cell}: each of the {eight} memories is one of them"
        found = ", ".join(str(count) for count in distinct)
        checks.append(Check(f"memories-{cell}", statement, found, str(eight), source, set(distinct) == {eight}))
        kept = min(memory.kept for memory in own)
        statement = f"{cell}: a memory outlasts {KEPT_FOR} silent steps (least share over networks)"
        checks.append(Check(f"kept-{cell}", statement, kept, "1", "the task", kept > 0.99))
    return checks


def _figures(memory: Memory) -> dict[str, object]:
    largest = np.abs(memory.points.eigenvalues).max(axis=1, initial=0.0)
    return {
        "accuracy": memory.accuracy,
        "fixed points": len(memory.points.states),
        "stable": int(memory.points.stable.sum()),
        "stable before training": memory.untrained,
        "memories": sorted(memory.said),
        "largest q": float(memory.points.q.max(initial=0.0)),
        "largest eigenvalue of each stable point": sorted(largest[memory.points.stable].tolist()),
        "kept over silence": memory.kept,
        "lyapunov exponents": memory.lyapunov.exponents.tolist(),
    }


def _table(memories: list[Memory]) -> Table:
    rows = []
    for memory in memories:
        figures = _figures(memory)
        slowest = max(figures["largest eigenvalue of each stable point"], default=float("nan"))  # type: ignore[call-overload]
        names = ("accuracy", "fixed points", "stable", "stable before training", "largest q", "kept over silence")
        rows.append([memory.name, *(figures[name] for name in names), slowest, float(memory.lyapunov.exponents[0])])
    fields = [
        Field("network", "text"),
        Field("accuracy", help="share of the test steps with the right memory"),
        Field("fixed points", "integer"),
        Field("stable", "integer"),
        Field("stable before training", "integer"),
        Field("largest q", help="½‖F(s) − s‖² at the points"),
        Field("kept over silence"),
        Field("slowest eigenvalue", help="largest size of an eigenvalue at a stable point"),
        Field("largest Lyapunov exponent", help="nats per step along the task"),
    ]
    return Table("Every network", fields, rows)


def _exponents(memories: list[Memory]) -> Lines:
    width = max(len(memory.lyapunov.exponents) for memory in memories)
    pad = [[*m.lyapunov.exponents.tolist(), *[float("nan")] * (width - len(m.lyapunov.exponents))] for m in memories]
    series = [Series(memory.name, values) for memory, values in zip(memories, pad, strict=True) if memory.seed == 0]
    return Lines("Lyapunov exponents along the task", list(map(float, range(width))), series, "number", "nats per step")


def _plane(memory: Memory) -> View:
    """States and fixed points on the two directions in which the states vary most."""
    mean = memory.states.mean(axis=0)
    axes = np.linalg.svd(memory.states - mean, full_matrices=False)[2][:2]
    hidden = memory.points.states[:, :UNITS]

    def group(name: str, states: np.ndarray, names: list[str]) -> Group:
        x, y = ((states - mean) @ axes.T).T
        return Group(name, x.tolist(), y.tolist(), names)

    stable = memory.points.stable
    return Scatter(
        f"States and fixed points: {memory.name}",
        [
            group("states on data", memory.states, [""] * len(memory.states)),
            group("stable", hidden[stable], memory.said),
            group("unstable", hidden[~stable], [""] * int((~stable).sum())),
        ],
        "first principal component",
        "second principal component",
    )
