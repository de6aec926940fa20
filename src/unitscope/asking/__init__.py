"""Which units follow what, how sure that is, and whether the model uses them."""

from unitscope.asking.answer import Answer, Found, Question
from unitscope.asking.ask import ask

__all__ = ["Answer", "Found", "Question", "ask"]
