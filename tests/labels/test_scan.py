"""Array arithmetic against loops over characters and stacks."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.labels import scan

EVENTS = st.lists(st.sampled_from("abc."), min_size=1, max_size=40)


def flags(events: list[str], wanted: str) -> np.ndarray:
    return np.array([event == wanted for event in events])


@settings(deadline=None)
@given(EVENTS)
def test_latch(events: list[str]) -> None:
    state, expected = False, []
    for event in events:
        state = {"a": True, "b": False, "c": not state, ".": state}[event]
        expected.append(state)
    assert scan.latch(*(flags(events, name) for name in "abc")).tolist() == expected


@settings(deadline=None)
@given(EVENTS)
def test_depth_and_pairs(events: list[str]) -> None:
    stack: list[int] = []
    levels, spans = [], []
    for place, event in enumerate(events):
        if event == "a":
            stack.append(place)
        elif event == "b" and stack:
            spans.append((stack.pop(), place))
        elif event == "c":
            spans += [(start, place) for start in stack]
            stack = []
        levels.append(len(stack))
    spans += [(start, len(events)) for start in stack]
    given_flags = [flags(events, name) for name in "abc"]
    assert scan.depth(*given_flags).tolist() == levels
    starts, ends = scan.pairs(*given_flags)
    assert sorted(zip(starts.tolist(), ends.tolist(), strict=True)) == sorted(spans)


def test_a_reset_closes_even_what_opens_or_closes_there() -> None:
    opening, closing, reset = (np.array([c in kind for c in "((x)y"]) for kind in ("(", ")", ")"))
    assert scan.depth(opening, closing, reset).tolist() == [1, 2, 2, 0, 0]
    starts, ends = scan.pairs(opening, closing, reset)
    assert sorted(zip(starts.tolist(), ends.tolist(), strict=True)) == [(0, 3), (1, 3)]


@settings(deadline=None)
@given(EVENTS)
def test_since_and_count_since(events: list[str]) -> None:
    distance, count = 0, 0
    distances, counts = [], []
    for place, event in enumerate(events):
        if event == "a" or place == 0:
            distance, count = 0, 0
        count += event == "b"
        distances.append(distance)
        counts.append(count)
        distance += 1
    assert scan.since(flags(events, "a")).tolist() == distances
    assert scan.count_since(flags(events, "a"), flags(events, "b")).tolist() == counts


@settings(deadline=None)
@given(st.text(alphabet="a \r\n", max_size=30))
def test_lines(text: str) -> None:
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
    assert scan.line_starts(text).tolist() == [i == 0 for line in lines for i in range(len(line))]
    assert scan.blank_lines(text).tolist() == [line.isspace() for line in lines for _ in line]


def test_where_asks_once_per_distinct_character() -> None:
    asked: list[str] = []
    found = scan.where("abba☃", lambda character: not asked.append(character) and character in "b☃")
    assert found.tolist() == [False, True, True, False, True]
    assert sorted(asked) == ["a", "b", "☃"]


def test_spans_leave_out_a_group_that_took_no_part() -> None:
    starts, ends = scan.spans(re.compile("a(x)?"), "axaax", 1)
    assert (starts.tolist(), ends.tolist()) == ([1, 4], [2, 5])


def test_paint_joins_overlapping_spans() -> None:
    assert scan.paint(5, np.array([0, 1, 4]), np.array([2, 3, 4])).tolist() == [True, True, True, False, False]


def test_next_after() -> None:
    assert scan.next_after(np.array([0, 2, 3, 9]), np.array([2, 5]), 10).tolist() == [2, 5, 5, 10]
