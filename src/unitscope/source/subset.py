"""Some sequences of a source: a half on which units are chosen, a part that another process reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unitscope.source.source import Over, Recipe, Source, digest_of_numbers


@dataclass(frozen=True, eq=False, repr=False)
class Subset(Over):
    """The sequences with these numbers, in this order."""

    kind = "subset"
    chosen: Sequence[int]
    part: str
    """What part this is, in words."""

    @property
    def name(self) -> str:
        return f"{self.whole.name}, {self.part}"

    @property
    def sequences(self) -> Sequence[int]:
        return self.chosen

    def _content(self) -> Sequence[str]:
        return [self.whole.fingerprint, digest_of_numbers(self.chosen)]

    def content(self, sequences: Sequence[int]) -> str:
        return self.whole.content(sequences)

    def recipe(self) -> Recipe:
        chosen = [int(number) for number in self.chosen]
        return {"kind": self.kind, "whole": self.whole.recipe(), "chosen": chosen, "part": self.part}

    @classmethod
    def opened_by(cls, recipe: Recipe, opener: Callable[[Recipe], Source]) -> Source:
        return cls(opener(recipe["whole"]), [int(number) for number in recipe["chosen"]], str(recipe["part"]))

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), "part": self.part}
