"""Words and phrases as a label: within one of them, in any case."""

from collections.abc import Sequence

import regex

from unitscope.errors import InputError
from unitscope.labels.label import Label
from unitscope.labels.regular_expression import regular_expression
from unitscope.labels.segments import unspaced


def listed(text: str, between: str = ",") -> list[str]:
    """The words of a list. Raises ``InputError`` for one without any."""
    words = [word.strip() for word in text.split(between) if word.strip()]
    if not words:
        raise InputError(f"{text[:40]!r} lists no word; write words:the,a,an or words:FILE with a word on each line")
    return list(dict.fromkeys(words))


def within(words: Sequence[str]) -> Label:
    """True within these words or phrases, whatever their case and however wide the blanks in them.

    A word of a script without spaces, such as Chinese or Thai, may have letters on either side, but is not cut off
    from the marks on its last.
    """
    pattern = "|".join(map(_bordered, sorted(words, key=len, reverse=True)))
    label = regular_expression(rf"(?i)(?:{pattern})")
    shown = ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
    return Label(label.key, " or ".join(words), "flag", f"Within {shown}, in any case.", label.function)


def _bordered(word: str) -> str:
    """The pattern of a word that is no part of a longer one."""
    first, last = unspaced(word)[[0, -1]]
    before, after = "" if first else r"(?<!\w)", r"(?!\p{M})" if last else r"(?!\w)"
    return before + r"\s+".join(map(regex.escape, word.split())) + after
