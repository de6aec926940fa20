"""Functions from text to one value per character."""

from unitscope.hypotheses.hypothesis import Hypothesis
from unitscope.hypotheses.library import find, names
from unitscope.hypotheses.suggest import suggest

__all__ = ["Hypothesis", "find", "names", "suggest"]
