"""The page of a source: what was found, how sure that is, and everything about every unit."""

import dataclasses
from collections.abc import Sequence

from unitscope.page.page import Card, Page, Section, UnitGroup, Units, build_page, joined
from unitscope.page.part import OfSource, Part, Scale
from unitscope.page.parts.classes import Classes
from unitscope.page.parts.provenance import Provenance
from unitscope.page.parts.text import Text
from unitscope.page.parts.trials import Trials
from unitscope.page.reading import has_words, reader, truth_of
from unitscope.page.trials import traced
from unitscope.source.source import Source
from unitscope.views import TokenText, View, with_scale


def page_of(source: Source, parts: Sequence[Part], title: str = "", subtitle: str = "") -> Page:
    """The page of a source: what is known of it, its text, and where it comes from.

    Sections are made at once; what a unit shows is made, and read from the source, when it is asked for.
    """
    own = {type(part) for part in parts}
    every = sorted(
        [*parts, *(part for part in (Classes(), Text(), Trials(), Provenance()) if type(part) not in own)],
        key=lambda part: part.order,
    )
    columns = [part.columns(source) for part in every]
    found = [table for part, table in zip(every, columns, strict=True) if not isinstance(part, OfSource)]
    said = [site for site in source.sites if any(site.name in table for table in found)]
    units = {site.name: site.units for site in said or source.sites}
    read = f"{sum(source.lengths(source.sequences)):,} {'tokens' if has_words(source) else 'steps'}"
    return build_page(
        title=title or f"{source.model_origin.name}, unit by unit",
        subtitle=subtitle or f"{read} of {source.corpus_origin.name}",
        sections=[dressed_section(source, section) for part in every for section in part.sections(source)],
        table=joined(columns, units),
        units={site: Units(count, _maker(source, every, site)) for site, count in units.items()},
        story="\n\n".join(filter(None, (part.story(source) for part in every))),
        cards=[dressed_card(source, card, every) for part in every for card in part.cards(source)],
    )


class _maker:
    """Makes what the units of a site show."""

    def __init__(self, source: Source, parts: Sequence[Part], site: str) -> None:
        self._source, self._parts, self._site = source, parts, site

    def __call__(self, unit: int) -> list[UnitGroup]:
        scale = scale_of_unit(self._parts, self._site, unit)
        label = followed(self._parts, self._site, unit)
        said = " ".join(filter(None, (part.says(self._site, unit) for part in self._parts)))
        short = [UnitGroup("In short", said, ())] if said else []
        return short + [
            dataclasses.replace(group, views=dressed_views(self._source, group.views, scale, label))
            for part in self._parts
            for group in part.unit(self._source, self._site, unit)
        ]


def scale_of_unit(parts: Sequence[Part], site: str, unit: int) -> Scale | None:
    """The scale of a unit's colours, if a part knows it."""
    return next((scale for part in parts if (scale := part.scale(site, unit))), None)


def followed(parts: Sequence[Part], site: str, unit: int) -> str:
    """The label that a unit follows, if a part knows it."""
    return next((label for part in parts if (label := part.follows(site, unit))), "")


def dressed_section(source: Source, section: Section) -> Section:
    """With the place of each passage."""
    return dataclasses.replace(section, views=dressed_views(source, section.views))


def dressed_views(source: Source, views: Sequence[View], scale: Scale | None = None, label: str = "") -> list[View]:
    """Passages with where they stand and with their unit's scale; where there are no words, as lines."""
    made = [dressed(source, view, scale, label) for view in views]
    return made if has_words(source) else traced(made)


def dressed_card(source: Source, card: Card, parts: Sequence[Part]) -> Card:
    """With the scale of its unit, and where its text stands."""
    site, _, unit = card.unit.rpartition("/")
    if card.text is None:
        return card
    text = dressed(source, card.text, scale_of_unit(parts, site, int(unit)))
    return dataclasses.replace(card, text=text if isinstance(text, TokenText) else card.text)


def dressed(source: Source, view: View, scale: Scale | None = None, label: str = "") -> View:
    """A passage with where it stands, its unit's scale and, beneath the text that all units are shown on, the truth of
    the label that the unit follows; any other view as it is."""
    if not isinstance(view, TokenText):
        return view
    if view.at and not view.place:
        view = dataclasses.replace(view, place=reader(source).place(*view.at))
    if label and view.at and not view.truth and has_words(source) and view.at[0] == reader(source).telling:
        truth = truth_of(source, label, view.at[0], view.at[1], len(view.tokens))
        if len(truth) == len(view.tokens):  # a passage of several short sequences has another length
            view = dataclasses.replace(view, truth=truth, label=label)
    return with_scale(view, scale)
