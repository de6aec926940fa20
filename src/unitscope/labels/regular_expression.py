"""A hypothesis from a regular expression, named ``regex:PATTERN``."""

import re

from unitscope.errors import InputError
from unitscope.labels.hypothesis import Hypothesis
from unitscope.labels.scan import matched

PREFIX = "regex:"


def regular_expression(name: str) -> Hypothesis:
    """True at the characters that the pattern after ``regex:`` matches, as ``re.finditer`` finds them.

    Flags are written into the pattern: ``regex:(?i)\\bthe\\b``. Raises ``InputError`` for a pattern that is none.
    """
    source = name.removeprefix(PREFIX)
    try:
        pattern = re.compile(source)
    except re.error as error:
        raise InputError(f"{name!r} is no regular expression: {error}") from error
    return Hypothesis(
        key=name,
        name=f"matches {source}",
        kind="flag",
        help=f"Within a match of the regular expression {source}.",
        function=lambda text: matched(pattern, text),
    )
