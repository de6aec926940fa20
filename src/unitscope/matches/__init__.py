"""Match queries: from a phrase to the units that are on throughout it, and on to where else they are on together."""

from unitscope.matches.match import match, match_elsewhere
from unitscope.matches.phrase import Phrase
from unitscope.matches.result import Matches

__all__ = ["Matches", "Phrase", "match", "match_elsewhere"]
