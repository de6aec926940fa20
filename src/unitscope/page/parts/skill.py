"""Whether the network is any good at what it reads; first on the page where it is not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unitscope.files.jsons import read_json, write_json
from unitscope.page.page import Section
from unitscope.page.part import Part
from unitscope.source.skill import Skill
from unitscope.source.source import Source
from unitscope.views import Field, Table

FILE = "skill.json"


@dataclass(frozen=True, eq=False)
class Skilled(Part):
    """The loss against that of frequencies."""

    order = 1
    skill: Skill

    @classmethod
    def load(cls, folder: Path) -> "Sequence[Skilled]":
        return [cls(read_json(folder / FILE, Skill, "record again"))] if (folder / FILE).exists() else []

    def save(self, folder: Path) -> None:
        write_json(folder / FILE, self.skill)

    def story(self, source: Source) -> str:
        return "" if self.skill.is_skilled else self.skill.sentence

    def sections(self, source: Source) -> Sequence[Section]:
        if self.skill.is_skilled:
            return []
        fields = [Field("who", "text"), Field("nats a token", "number")]
        rows = [["the network", self.skill.loss], ["frequencies of symbols", self.skill.unigrams]]
        return [Section("skill", "The network does not work here", self.skill.sentence, [Table("Loss", fields, rows)])]
