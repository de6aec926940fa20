"""Untrained recurrent networks against untrained ones: does one more of them pass for a trained one?"""

import numpy as np

from unitscope.evidence.untrained import exceedance

UNITS, SYMBOLS = 24, 12
TEXTS = {"1 × text": 1500, "16 × text": 24_000}
COUNTS = (20, 10, 5)
"""Untrained networks that the one is compared with."""
Record = dict[str, list[float]]


def measure(name: str, seed: int, size: float) -> Record:
    """One text, 21 networks of random weights, several labels; the first network plays the trained one."""
    draw = np.random.default_rng([seed, 7])
    if name == "unbounded text":
        return _record(np.abs(_unbounded(draw)))
    steps = max(int(TEXTS[name] * size), 400)
    text = _text(draw, steps)
    states = _states(draw, text, max(COUNTS) + 1)  # [step network unit]
    labels = np.stack(
        [text == 0, np.isin(text, (1, 2, 3)), np.arange(steps) % 17 < 3, np.roll(text, 3) == 4, _since(text)], 1
    ).astype(float)
    middle = steps // 2
    first, second = (_correlations(states[part], labels[part]) for part in (slice(0, middle), slice(middle, steps)))
    best = np.abs(first).argmax(1)  # [network label]
    return _record(np.take_along_axis(np.abs(second), best[:, None], 1)[:, 0])


def _record(scores: np.ndarray) -> Record:
    """``[network label]``."""
    record: Record = {}
    for count in COUNTS:
        p = exceedance(scores[0], scores[1 : count + 1])
        record[f"passes the gate of {count}"] = [float((p <= 0.05).sum()), float(len(p))]
    return record


def _text(draw: np.random.Generator, steps: int) -> np.ndarray:
    """A Markov chain."""
    chances = np.cumsum(draw.dirichlet(np.full(SYMBOLS, 0.5), SYMBOLS), 1)
    text, at = np.zeros(steps, int), 0
    for step, value in enumerate(draw.random(steps)):
        at = min(int(np.searchsorted(chances[at], value)), SYMBOLS - 1)
        text[step] = at
    return text


def _states(draw: np.random.Generator, text: np.ndarray, networks: int) -> np.ndarray:
    weights = draw.normal(0, 1 / np.sqrt(UNITS), (networks, UNITS, UNITS))
    inputs = draw.normal(0, 1, (SYMBOLS, networks, UNITS))
    states = np.zeros((len(text), networks, UNITS), np.float32)
    h = np.zeros((networks, UNITS))
    for step, symbol in enumerate(text):
        h = np.tanh(np.einsum("nuv,nv->nu", weights, h) + inputs[symbol])
        states[step] = h
    return states


def _since(text: np.ndarray) -> np.ndarray:
    """Steps since symbol 0, at most 9."""
    last, count = np.zeros(len(text)), 9
    for step, symbol in enumerate(text):
        count = 0 if symbol == 0 else min(count + 1, 9)
        last[step] = count
    return last


def _correlations(states: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``[network unit label]``"""
    x = (states - states.mean(0)) / np.maximum(states.std(0), 1e-9)
    with np.errstate(all="ignore"):
        y = (labels - labels.mean(0)) / labels.std(0)
    return np.nan_to_num(np.einsum("tnu,tl->nul", x, np.nan_to_num(y)) / len(y))


def _unbounded(draw: np.random.Generator) -> np.ndarray:
    """With all text there could be, the best unit of a network is what its weights make it."""
    return np.tanh(np.abs(draw.normal(0, 0.2, (max(COUNTS) + 1, 5, UNITS))).max(2))
