"""Texts made of concepts, to be fed to a model: a concept repeated, as Na et al. 2019 do, or standing alone."""

import math
from collections.abc import Sequence

from unitscope.banks.bank import Bank
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Reading
from unitscope.errors import InputError


def replicated(concepts: Bank | Sequence[str], reading: Reading, length: float) -> Passages:
    """Text c is concept c repeated, with blanks between, until it is ``length`` tokens long; the rest is cut off.

    ``length`` is the average of the corpus (``Passages.mean_length``). A concept that is itself longer stands once and
    whole. All shorter ones give texts of one length, so length cannot tell units apart.
    Raises ``InputError`` for a length below one token, and for a concept longer than the model's input.
    """
    wanted = round(length)
    if wanted < 1:
        raise InputError(f"concepts are repeated up to a length of at least one token, not {length:g}")
    names = _texts(concepts)
    own = _lengths(names, reading)
    # A blank counts as no token for some models, so one copy more than needed without it.
    copies = [math.ceil(wanted / tokens) + 1 for tokens in own]
    texts = [" ".join([text] * count) for text, count in zip(names, copies, strict=True)]
    return Passages(texts, "replicated concepts", reading, longest=[max(wanted, tokens) for tokens in own])


def instances(concepts: Bank | Sequence[str], reading: Reading) -> Passages:
    """Text c is concept c, once. Raises ``InputError`` for a concept longer than the model's input."""
    names = _texts(concepts)
    _lengths(names, reading)
    return Passages(names, "single concepts", reading)


def _texts(concepts: Bank | Sequence[str]) -> list[str]:
    return concepts.texts if isinstance(concepts, Bank) else list(concepts)


def _lengths(texts: Sequence[str], reading: Reading) -> list[int]:
    own = [len(reading.encode(text).ids) for text in texts]
    around = len(reading.before) + len(reading.after)
    for text, tokens in zip(texts, own, strict=True):
        if reading.limit is not None and tokens + around > reading.limit:
            raise InputError(
                f"the concept {text[:60]!r} is {tokens + around} tokens long and the model reads {reading.limit}; "
                "make the bank with shorter phrases"
            )
        if not tokens:
            raise InputError(f"the model reads no token in the concept {text!r}; leave it out of the bank")
    return own
