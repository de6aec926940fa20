"""Two recordings of one text: which unit of the one moves with which of the other."""

import math

import msgspec
import numpy as np

from unitscope.comparison.aligned import shared_sequences
from unitscope.comparison.compare import compare
from unitscope.errors import InputError
from unitscope.page.comparison import ALL_PAIRS, MATCHED, pairs_table, sorted_lines
from unitscope.page.page import Section, section_json
from unitscope.server.viewed import State
from unitscope.views import View

TOKENS = 16_384
"""Tokens of both that are looked at: chance correlations are about .01 there."""
UNITS = 4_096
"""Units of a site, at most: pairs are compared all with all."""


class CompareAsked(msgspec.Struct, forbid_unknown_fields=True):
    """Another recording that is served, and a site of each."""

    other: int
    site: str
    partner: str


def compare_json(state: State, other: State, question: CompareAsked) -> dict[str, object]:
    """The matched units of two sites, a section of the page.

    Raises ``InputError`` for recordings of different texts, and for a site that is not there.
    """
    one, two = state.recording, other.recording
    for source, site in ((one, question.site), (two, question.partner)):
        if site not in {known.name for known in source.sites}:
            raise InputError(f"{source.name} has no site {site[:200]!r}")
        if source.site_named(site).units > UNITS:
            raise InputError(f"{site} has more than {UNITS:,} units; compare them with: unitscope compare")
    numbers = shared_sequences([one, two])
    every = max(1, sum(one.lengths(numbers)) // TOKENS)
    found = compare(one, two, pairs={question.site: question.partner}, analyses=(), sequences=numbers[::every])
    (matched,) = found.sites
    held = matched.matching.confirmed
    mean = float(np.nanmean(held)) if np.isfinite(held).any() else math.nan
    text = (
        f"{found.tokens:,} tokens that both read. A unit's partner, chosen on half of the passages, has on the other "
        f"half a correlation of {mean:.2f} in the mean. {MATCHED.strip()}"
    )
    views: list[View] = [pairs_table(matched, ("", ""), ALL_PAIRS), sorted_lines(matched)]
    return section_json(Section("compare", "Matched units", text, views))
