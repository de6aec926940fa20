"""The flip-flop task: some bits to be remembered until the next pulse (Sussillo & Barak 2013)."""

import numpy as np
import torch

from unitscope.corpus.series import SeriesCorpus
from unitscope.errors import InputError


def flip_flop(bits: int = 3, sequences: int = 512, steps: int = 64, rate: float = 0.2, seed: int = 0) -> SeriesCorpus:
    """Each channel is silent but for pulses of −1 or +1, and the class at a step is the sign of each one's last pulse.

    A pulse comes at a step with probability ``rate``; every bit has one at the first. Classes are named by their signs,
    as ``+-+``. Raises ``InputError`` for no bits or more than 8, and for a rate that is no probability.
    """
    if not 0 < bits <= 8 or not 0 < rate <= 1 or steps < 1 or sequences < 1:
        raise InputError("a flip-flop has 1 to 8 bits, steps and sequences, and pulses with a probability up to 1")
    draw = np.random.default_rng(seed)
    signs = draw.choice([-1.0, 1.0], (sequences, steps, bits))
    pulses = np.where(draw.random(signs.shape) < rate, signs, 0.0)
    pulses[:, 0] = signs[:, 0]
    last = np.maximum.accumulate(np.where(pulses != 0, np.arange(steps)[:, None], 0), axis=1)
    high = np.take_along_axis(pulses, last, axis=1) > 0  # [sequence step bit]
    classes = high @ (1 << np.arange(bits)[::-1])
    names = tuple("".join("-+"[number >> bit & 1] for bit in range(bits)[::-1]) for number in range(1 << bits))
    return SeriesCorpus(
        name=f"flip-flop of {bits} bits",
        values=torch.from_numpy(pulses.reshape(-1, bits)).float(),
        targets=torch.from_numpy(classes.reshape(-1)),
        spans=[(n * steps, (n + 1) * steps) for n in range(sequences)],
        channels=tuple(f"bit {bit}" for bit in range(bits)),
        classes=names,
        last=False,
    )
