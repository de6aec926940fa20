"""The contract of a label: a function from a document's text to one value per character.

A label is one decorated function in one of the library's modules; its docstring is its help::

    @flag("vowel")
    def vowel(text: str) -> Flags:
        \"\"\"One of a, e, i, o, u, with or without an accent.\"\"\"
        return where(text, is_vowel)

A value belongs to the moment after its character was read, which is when a recurrent unit shows it:
an opening quote is inside, its closing quote is not. Labels that look ahead say so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, Shaped

from unitscope.errors import InputError

Kind: TypeAlias = Literal["flag", "number"]
Flags: TypeAlias = Bool[np.ndarray, " character"]
Numbers: TypeAlias = Float32[np.ndarray, " character"]
Function: TypeAlias = Callable[[str], Shaped[np.ndarray, " character"]]


@dataclass(frozen=True)
class Label:
    """A question to ask of every unit, answered for every character of a text."""

    key: str
    """What ``find`` takes: ``inside-double-quotes``, ``regex:[0-9]+`` or ``own.py:rhyme``."""
    name: str
    """How it reads in a sentence: ``inside double quotes``."""
    kind: Kind
    help: str
    """One sentence."""
    function: Function

    def __call__(self, text: str) -> Flags | Numbers:
        """One new value per character: bool for a flag, float32 for a number, with NaN where it is undefined.

        Raises ``InputError`` if the function returns anything else, which a user's own may do.
        """
        dtype = np.bool_ if self.kind == "flag" else np.float32
        if not text:
            return np.zeros(0, dtype)
        values = np.asarray(self.function(text))
        if values.shape != (len(text),):
            raise InputError(
                f"{self.key} returned shape {values.shape} for a text of {len(text)} characters; "
                "return one value per character"
            )
        if values.dtype.kind not in ("b" if self.kind == "flag" else "biuf"):
            wanted = "bool" if self.kind == "flag" else "numbers"
            raise InputError(f"{self.key} is a {self.kind} but returned {values.dtype}; return {wanted}")
        return values.astype(dtype)


def flag(name: str) -> Callable[[Function], Label]:
    """Make a label that is true or false of a function that returns booleans."""
    return lambda function: _made(name, "flag", function)


def number(name: str) -> Callable[[Function], Label]:
    """Make a label that is a quantity of a function that returns numbers."""
    return lambda function: _made(name, "number", function)


def _made(name: str, kind: Kind, function: Function) -> Label:
    return Label(
        key=key_of(name),
        name=name,
        kind=kind,
        help=" ".join((function.__doc__ or "").split()),
        function=function,
    )


def key_of(name: str) -> str:
    """The key of a name: ``inside Python comment`` → ``inside-python-comment``."""
    return "-".join(name.lower().replace("_", " ").split())
