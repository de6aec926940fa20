"""Functions from text to one value per character, and the language in which they are named."""

from unitscope.labels.label import Label, flag, number
from unitscope.labels.language import find, given, known, parse, said
from unitscope.labels.library import names
from unitscope.labels.suggest import suggest

__all__ = ["Label", "find", "flag", "given", "known", "names", "number", "parse", "said", "suggest"]
