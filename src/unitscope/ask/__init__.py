"""Which units follow what, how sure that is, and whether the model uses them."""

from unitscope.ask.answer import Answer, Found, Question
from unitscope.ask.ask import ask

__all__ = ["Answer", "Found", "Question", "ask"]
