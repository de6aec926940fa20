"""What many hypotheses ask of a text, computed once: character codes, lines, and depths as array arithmetic.

The scans of the last two texts are kept, so that all hypotheses of a document share them.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float32, Int, Integer

Flags = Bool[np.ndarray, " character"]
Numbers = Float32[np.ndarray, " character"]
Positions = Int[np.ndarray, " event"]

shared = lru_cache(maxsize=2)


@shared
def codes(text: str) -> Integer[np.ndarray, " character"]:
    """The code of every character: one byte each if the text is Latin-1, else four."""
    try:
        return np.frombuffer(text.encode("latin-1"), np.uint8)
    except UnicodeEncodeError:
        return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@shared
def alphabet(text: str) -> frozenset[str]:
    """The distinct characters."""
    return frozenset(text)


def where(text: str, holds: Callable[[str], bool]) -> Flags:
    """True at the characters for which ``holds``; it is asked once per distinct character."""
    members = alphabet(text)
    table = np.zeros(ord(max(members, default="\0")) + 1, np.bool_)
    table[[ord(character) for character in members if holds(character)]] = True
    flags: Flags = table[codes(text)]
    return flags


def among(text: str, characters: str) -> Flags:
    """True at any of these characters."""
    return where(text, characters.__contains__)


def before(flags: Flags) -> Flags:
    """True at the character before one that is flagged."""
    return np.append(flags[1:], False)


def after(flags: Flags) -> Flags:
    """True at the character after one that is flagged."""
    return np.append(False, flags[:-1])[: len(flags)]


@shared
def line_breaks(text: str) -> Flags:
    """True at the last character of each line break: LF, CR LF, or a CR alone."""
    line_feed = among(text, "\n")
    breaks: Flags = line_feed | (among(text, "\r") & ~before(line_feed))
    return breaks


@shared
def line_starts(text: str) -> Flags:
    """True at the first character of each line."""
    starts = after(line_breaks(text))
    starts[:1] = True
    return starts


def since(starts: Flags) -> Int[np.ndarray, " character"]:
    """Characters since the last start, 0 at it; since the beginning of the text before the first."""
    position = np.arange(len(starts))
    return position - np.maximum.accumulate(np.where(starts, position, 0))


def line_number(text: str) -> Int[np.ndarray, " character"]:
    """Which line each character is on, from 0."""
    return np.cumsum(line_starts(text)) - 1


@shared
def blank_lines(text: str) -> Flags:
    """True on every character of a line that holds nothing but white space."""
    if not text:
        return np.zeros(0, np.bool_)
    blank = np.logical_and.reduceat(where(text, str.isspace), np.flatnonzero(line_starts(text)))  # [line]
    flags: Flags = blank[line_number(text)]
    return flags


def latch(on: Flags, off: Flags, toggle: Flags) -> Flags:
    """A switch, off at first: ``on`` sets it, ``off`` clears it, ``toggle`` reverses it, each from its character on."""
    fixed = on | off
    position = np.arange(len(on))
    last = np.maximum.accumulate(np.where(fixed, position, -1))
    toggles = np.cumsum(toggle & ~fixed)
    started = np.where(last >= 0, on[last], False)
    reversals = toggles - np.where(last >= 0, toggles[last], 0)
    state: Flags = started ^ (reversals % 2 == 1)
    return state


def depth(opening: Flags, closing: Flags, reset: Flags) -> Int[np.ndarray, " character"]:
    """How many openings are open after each character; a closing too many is ignored, a reset closes all."""
    step = opening.astype(np.int64) - closing
    step[reset] = -len(step) - 1
    level = np.cumsum(step)
    return level - np.minimum.accumulate(np.minimum(level, 0))


def paint(length: int, starts: Positions, ends: Positions) -> Flags:
    """True from each start up to, not including, its end; spans may overlap."""
    opened = np.bincount(starts, minlength=length + 1)
    closed = np.bincount(ends, minlength=length + 1)
    painted: Flags = np.cumsum(opened - closed)[:length] > 0
    return painted
