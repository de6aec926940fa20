"""The functional groups of a network: for the table that is read or attended to, and for the string."""

from collections.abc import Mapping
from dataclasses import dataclass

from unitscope.probing.groups import FunctionalGroup, functional_group, labelled_events
from unitscope.source.live import Live


@dataclass(frozen=True)
class Question:
    """Which events, and which of their labels."""

    part: str
    label: str
    position: int | None = None

    @property
    def site(self) -> str:
        return f"{self.part}.hidden"


TABLE, FIRST, SECOND = "table, encoder", "first table, encoder", "second table, encoder"
ATTENDED, STRING = "attended table, decoder", "string, encoder"
QUESTIONS: Mapping[str, Question] = {
    TABLE: Question("encoder", "table"),
    FIRST: Question("encoder", "table", 1),
    SECOND: Question("encoder", "table", 2),
    STRING: Question("encoder", "string", 0),
    ATTENDED: Question("decoder", "table"),
}
"""The events of the published groups. The decoder attends to no table at its first step."""


def groups(sources: Mapping[str, Live]) -> dict[str, FunctionalGroup]:
    """One group for each question. Sources are those of the two parts."""
    found = {}
    for name, question in QUESTIONS.items():
        events = labelled_events(sources[question.part], question.site, question.label, question.position)
        found[name] = functional_group(events.x, events.y, events.sequence, name, events.classes)
    return found
