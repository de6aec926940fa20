"""Match queries that are kept in a recording, as sections of its page."""

from unitscope.matches import Matches
from unitscope.page.page import Section

TEXT = """Units that are on at every step of the phrase, and the passages where they are on together again: the largest
intersection with them first, then the smallest union with what else is on, then the longest.

The colour of a token is the share of the selected units that are on when the model has read it."""


def matches_section(found: Matches, number: int = 0, shown: int = 8) -> Section:
    """The phrase, its units, the passages, and the text of the first of them."""
    return Section(f"matches-{number}", f"Where the units of {found.phrase.text!r} are on", TEXT, found.views(shown))
