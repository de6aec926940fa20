"""Functions from text to one value per character."""

from unitscope.labels.hypothesis import Hypothesis
from unitscope.labels.library import find, names
from unitscope.labels.suggest import suggest

__all__ = ["Hypothesis", "find", "names", "suggest"]
