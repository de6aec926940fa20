"""Speed of reading a source here, measured before long work."""

import time
from collections.abc import Sequence

import torch

from unitscope.source.source import Source


def pace(source: Source, sites: Sequence[str]) -> float:
    """Seconds that a token takes, by the second reading of the first batch: in the first one, more is made ready."""
    first = source.sequences[: source.batch_size]
    seconds = 0.0
    with torch.no_grad():
        for _ in range(2):
            began = time.perf_counter()
            for _ in source.chunks(sites, (), first):
                pass
            seconds = time.perf_counter() - began
    return seconds / max(1, sum(source.lengths(first)))
