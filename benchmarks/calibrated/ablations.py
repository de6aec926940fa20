"""Which units are used: what holding a unit fixed costs, where a label holds and elsewhere."""

import numpy as np

from unitscope.evidence.used import CONTROLS, Costs, verdicts

LABELS = 40
"""Labels that are asked together, each with a unit of its own."""
DOCUMENTS = {"6 documents": 6, "12 documents": 12, "30 unequal documents": 30}
Record = dict[str, list[float]]


def measure(name: str, seed: int, size: float) -> Record:
    """One table of labels: a fifth have a unit that is used, for half of the rest every unit costs something."""
    draw = np.random.default_rng([seed, 6])
    count = DOCUMENTS[name]
    lengths = np.full(count, 2000.0) if "unequal" not in name else np.round(draw.lognormal(np.log(1200), 1, count))
    lengths = np.maximum(lengths * size, 100).astype(int)
    shares = draw.uniform(0.01, 0.4, LABELS)
    planted = np.arange(LABELS) < LABELS // 5
    # What a unit costs where the label holds, less what it costs elsewhere, in nats per token.
    background = np.where(np.arange(LABELS) % 2, 0.05, 0.0)
    effects = draw.exponential(1.0, (CONTROLS + 1, LABELS)) * background
    effects[0] = np.where(planted, 0.5 + effects[0], effects[0])
    units = [_costs(draw, lengths, shares, effect) for effect in effects]
    contrasts = [unit.contrast() for unit in units]
    said, _ = verdicts(units[0].p(), contrasts[0].value, np.stack([one.value for one in contrasts[1:]]))
    used = np.array([one == "used" for one in said])
    record: Record = {
        "used, planted": [float(used[planted].sum()), float(planted.sum())],
        "used, random pairs": [float(used[~planted].sum()), float((~planted).sum())],
        "not measured": [float(said.count("not measured")), float(LABELS)],
    }
    for what, found, truth in (
        ("where − elsewhere", contrasts[0], effects[0]),
        ("damage where it holds", units[0].on(), effects[0] + BASE),
    ):
        known = np.isfinite(found.low)
        held = (found.low <= truth) & (truth <= found.high) & known
        record[f"covered {what}"] = [float(held.sum()), float(known.sum())]
    return record


BASE = 0.02
"""Nats per token that every unit costs everywhere."""


def _costs(draw: np.random.Generator, lengths: np.ndarray, shares: np.ndarray, effect: np.ndarray) -> Costs:
    """Costs of tokens are skewed, and differ between documents."""
    tokens = np.broadcast_to(lengths[:, None], (len(lengths), len(shares))).astype(float)
    on = draw.binomial(tokens.astype(int), shares).astype(float)
    level = draw.gamma(4, 0.25, (len(lengths), len(shares)))
    sums = []
    for n, mean in ((on, BASE + effect), (tokens - on, BASE)):
        # A gamma of shape .2 for each token: most cost nothing, a few much.
        sums.append(draw.gamma(np.maximum(n * 0.2, 1e-12)) / 0.2 * mean * level)
    return Costs(sums[0], on, sums[1], tokens - on)
