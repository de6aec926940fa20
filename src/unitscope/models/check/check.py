"""Findings about a model from running it: the layout of its values, and the meaning of its output."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from unitscope.models.check.facts import Reach
from unitscope.views import Field, Table, View

Together = Literal["any", "equal lengths", "alone"]
"""Which sequences can share a batch so that each reads as it would alone."""
Edits = Literal["change what follows", "change nothing that is read", "do not read back", "not tried", "cannot be made"]


@dataclass(frozen=True)
class SiteCheck:
    """One site."""

    site: str
    rows: Literal["as given", "moved"] = "as given"
    """``moved``: the module sorts its sequences; they are put back."""
    steps: Literal["as given", "reversed"] = "as given"
    """``reversed``: the module reads from the end; steps are put back."""
    reach: Reach = "unknown"
    """Which steps the token of a step changes."""
    padding: bool = False
    """Whether padding of a shorter sequence would reach into it."""
    edits: Edits = "not tried"


@dataclass(frozen=True, repr=False)
class Check:
    """The facts about one model and one way of calling it. Plain data: it is kept in recordings and shown on pages."""

    model: str
    together: Together
    sites: tuple[SiteCheck, ...]
    predicts: bool
    """Whether the output is logits of the next token, or what the user says it predicts."""
    output: str
    """Why it is, or is not, in a sentence."""
    whole: SiteCheck
    """What is known of the order in which the output has rows and steps."""
    writes: tuple[str, ...] = ()
    """Buffers and attributes that a call changes, without changing what the next one gives; they are put back."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What matches the patterns of the sites and cannot be read, with the reason."""
    notes: tuple[str, ...] = ()
    forwards: int = 0
    """How often the module ran for this."""

    def __repr__(self) -> str:
        return f"<Check of {self.model}: {len(self.sites)} sites; print() says what was found>"

    def of(self, site: str) -> SiteCheck:
        """Findings about a site; empty for a site that came later."""
        return next((known for known in self.sites if known.site == site), SiteCheck(site))

    @property
    def sentences(self) -> list[str]:
        """In words, the most important first."""
        moved = [site.site for site in [*self.sites, self.whole] if site.rows == "moved"]
        turned = [site.site for site in [*self.sites, self.whole] if site.steps == "reversed"]
        leaks = [site.site for site in self.sites if site.padding]
        late = [site.site for site in self.sites if site.reach == "only later steps"]
        wrong = [site.site for site in self.sites if site.edits == "do not read back"]
        alone = {
            "any": "",
            "equal lengths": "Sequences of different length run apart.",
            "alone": "Values of a sequence depend on the others of its batch, so each sequence runs alone.",
        }[self.together]
        said = [
            f"Edits do not read back at {_listed(wrong)}." if wrong else "",
            self.output,
            alone,
            f"Padding would reach into {_listed(leaks)}." if leaks else "",
            f"The module sorts its sequences at {_listed(moved)}; they are put back." if moved else "",
            f"The module reads from the end at {_listed(turned)}; steps are put back." if turned else "",
            f"Tokens reach {_listed(late)} from the next step on." if late else "",
            f"A call changes {_listed(self.writes)}, which is put back." if self.writes else "",
            *self.notes,
        ]
        return [sentence for sentence in said if sentence]

    def views(self) -> list[View]:
        """Every site with its facts, and what cannot be read."""
        fields = [
            Field("site", "text"),
            Field("sequences", "text", "whether the module keeps their order; where it does not, they are put back"),
            Field("steps", "text", "whether the module reads from the beginning; where it does not, they are put back"),
            Field("a token changes", "text", "which steps of the site change where the token of one step is another"),
            Field("padding", "text", "whether padding of a shorter sequence would reach into it"),
            Field("edits", "text", "what an edit of its units does"),
        ]
        rows = [
            [site.site, site.rows, site.steps, site.reach, "reaches in" if site.padding else "kept out", site.edits]
            for site in self.sites
        ]
        found: list[View] = [Table("What is read", fields, rows, " ".join(self.sentences))]
        if self.left_out:
            reasons = [list(pair) for pair in self.left_out.items()]
            found.append(Table("What cannot be read", [Field("site", "text"), Field("reason", "text")], reasons))
        return found

    def to_pandas(self) -> pd.DataFrame:
        """One row for each site."""
        return pd.DataFrame([dataclasses.asdict(site) for site in self.sites])

    def __str__(self) -> str:
        return "\n".join([f"{self.model}: checked with {self.forwards} small runs", *self.sentences])


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
