"""Which labels are worth asking of a text."""

import re

import numpy as np
from jaxtyping import Float32

from unitscope.labels.library import LANGUAGE, groups, members

SAMPLE = 200_000
"""Characters of the sample that are read."""
SAME = 0.999
"""Two labels that correlate more than this, either way, are one question."""


def suggest(sample: str) -> list[str]:
    """The keys of the labels that mean something on this text, out of all groups.

    A language's own are left out where the text is not in it, and so are those that never vary and
    those that say the same as one before.
    """
    text = sample[:SAMPLE]
    kept: list[str] = []
    profiles: list[Float32[np.ndarray, " character"]] = []
    for label in (item for group in groups() if _spoken(group, text) for item in members(group)):
        profile = _standardized(label(text).astype(np.float32))
        if profile.any() and all(abs(float(profile @ other)) <= SAME for other in profiles):
            kept.append(label.key)
            profiles.append(profile)
    return kept


def _spoken(group: str, text: str) -> bool:
    language: tuple[re.Pattern[str], float] | None = getattr(groups()[group], LANGUAGE, None)
    if language is None:
        return True
    pattern, share = language
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    return sum(pattern.match(line) is not None for line in lines) > share * len(lines)


def _standardized(values: Float32[np.ndarray, " character"]) -> Float32[np.ndarray, " character"]:
    """Mean 0 and length 1, so that the product of two is their correlation; all 0 for what never varies."""
    known = np.isfinite(values)
    if not known.any() or np.ptp(values[known]) == 0:
        return np.zeros_like(values)
    centred = np.where(known, values - values[known].mean(dtype=np.float64), 0).astype(np.float32)
    return centred / np.linalg.norm(centred)
