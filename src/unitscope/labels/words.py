"""Words and phrases as a label: within one of them, in any case."""

from collections.abc import Sequence

import regex

from unitscope.errors import InputError
from unitscope.labels.label import Label
from unitscope.labels.regular_expression import regular_expression


def listed(text: str, between: str = ",") -> list[str]:
    """The words of a list. Raises ``InputError`` for one without any."""
    words = [word.strip() for word in text.split(between) if word.strip()]
    if not words:
        raise InputError(f"{text[:40]!r} lists no word; write words:the,a,an or words:FILE with a word on each line")
    return list(dict.fromkeys(words))


def within(words: Sequence[str]) -> Label:
    """True within these words or phrases, whatever their case and however wide the blanks in them."""
    longest_first = sorted(words, key=len, reverse=True)
    pattern = "|".join(r"\s+".join(map(regex.escape, word.split())) for word in longest_first)
    label = regular_expression(rf"(?i)(?<!\w)(?:{pattern})(?!\w)")
    shown = ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
    return Label(label.key, " or ".join(words), "flag", f"Within {shown}, in any case.", label.function)
