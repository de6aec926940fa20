"""A label from a regular expression, named ``regex:PATTERN``.

Patterns run under a limit of time, since a name may come from a file that somebody sent, and some patterns take longer
than anybody waits.
"""

import regex

from unitscope.errors import InputError
from unitscope.labels.label import Label
from unitscope.labels.scan import Flags, paint, spans_of

SECONDS = 5.0
"""A pattern may take so long on a text, and as long again for every million characters of it."""


def regular_expression(source: str) -> Label:
    """True at the characters that a pattern matches, as ``regex.finditer`` finds them (``re``'s language, and more).

    Flags are written into the pattern: ``regex:(?i)\\bthe\\b``. Raises ``InputError`` for a pattern that is none, and
    when asked of a text for one that takes too long.
    """
    name = f"regex:{source}"
    try:
        pattern = regex.compile(source)
    except regex.error as error:
        raise InputError(f"{name!r} is no regular expression: {error}") from error

    def matched(text: str) -> Flags:
        limit = SECONDS * (1 + len(text) / 1_000_000)
        try:
            found = [match.span() for match in pattern.finditer(text, timeout=limit)]
        except TimeoutError as error:
            raise InputError(
                f"{name!r} takes more than {limit:.0f} s on a text of {len(text):,} characters; write it without "
                "repetitions inside repetitions"
            ) from error
        return paint(len(text), *spans_of(found))

    return Label(name, f"matches {source}", "flag", f"Within a match of the regular expression {source}.", matched)
