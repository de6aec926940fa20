"""Building blocks of labels, as array arithmetic: kinds of characters, lines, switches, depths, spans.

The scans of the last two texts are kept, so that all labels of a document share them; with those of
the lexers that is some 25 bytes per character.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Integer

Flags: TypeAlias = Bool[np.ndarray, " character"]
Counts: TypeAlias = Integer[np.ndarray, " character"]
Positions: TypeAlias = Integer[np.ndarray, " span"]

shared = lru_cache(maxsize=2)


@shared
def codes(text: str) -> Counts:
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
    return np.append(flags[1:], False)[: len(flags)]


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


def line_number(text: str) -> Counts:
    """Which line each character is on, from 0."""
    return np.cumsum(line_starts(text)) - 1


def since(starts: Flags) -> Counts:
    """Characters since the last start, 0 at it; since the beginning of the text before the first."""
    position = np.arange(len(starts))
    return position - np.maximum.accumulate(np.where(starts, position, 0))


def count_since(starts: Flags, flags: Flags) -> Counts:
    """Flagged characters since the last start, both ends included."""
    total = np.append(0, np.cumsum(flags))
    counts: Counts = total[1:] - total[:-1][np.arange(len(flags)) - since(starts)]
    return counts


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


def depth(opening: Flags, closing: Flags, reset: Flags) -> Counts:
    """Number of open brackets after each character; an unmatched closing is ignored, a reset closes all."""
    step = opening.astype(np.int64) - closing
    # A fall by more than there are characters, stopped at zero, is a reset.
    step[reset] = -len(step) - 1
    total = np.cumsum(step)
    return (total - np.minimum.accumulate(np.minimum(total, 0))).astype(np.int32)


def pairs(opening: Flags, closing: Flags, reset: Flags) -> tuple[Positions, Positions]:
    """Where each opening is and where it ends: at its closing, at a reset, or with the text."""
    level = depth(opening, closing, reset)
    level_before = np.append(0, level[:-1])[: len(level)]
    opens = opening & (level > 0) & ~reset
    position = np.flatnonzero(opens | (closing & (level_before > 0)))
    at = np.where(opens[position], level[position], level_before[position])
    # Within one level openings and their closings follow each other.
    order = np.argsort(at, kind="stable")
    position, at = position[order], at[order]
    end = np.append(np.where(at[1:] == at[:-1], position[1:], len(level)), len(level))[: len(position)]
    chosen = opens[position]
    starts, ends = position[chosen], end[chosen]
    resets = np.append(np.flatnonzero(reset), len(level))
    return starts, np.minimum(ends, resets[np.searchsorted(resets, starts)])


def paint(length: int, starts: Positions, ends: Positions) -> Flags:
    """True from each start up to, not including, its end; spans may overlap."""
    opened = np.bincount(starts, minlength=length + 1)
    closed = np.bincount(ends, minlength=length + 1)
    painted: Flags = np.cumsum(opened - closed)[:length] > 0
    return painted


def spans(pattern: re.Pattern[str], text: str, group: int | str = 0) -> tuple[Positions, Positions]:
    """Starts and ends of the matches of a pattern, or of one group of it where that took part."""
    return spans_of(span for match in pattern.finditer(text) if (span := match.span(group))[0] >= 0)


def spans_of(found: Iterable[tuple[int, int]]) -> tuple[Positions, Positions]:
    """Starts and ends of spans."""
    both = np.array(list(found), np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def matched(pattern: re.Pattern[str], text: str, group: int | str = 0) -> Flags:
    """True at the characters that a pattern, or one group of it, matches."""
    return paint(len(text), *spans(pattern, text, group))


def marked(length: int, positions: Positions) -> Flags:
    """True at these positions; one at the very end marks nothing."""
    flags = np.zeros(length + 1, np.bool_)
    flags[positions] = True
    return flags[:length]


def next_after(positions: Positions, places: Integer[np.ndarray, " place"], length: int) -> Positions:
    """For each position the first of the places (ascending) that lies behind it, else the length of the text."""
    known = np.append(places, length)
    return known[np.searchsorted(known[:-1], positions, side="right")]
