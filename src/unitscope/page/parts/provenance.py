"""Provenance: the model, the text, the amount of text, and the digests that identify them."""

from collections.abc import Sequence
from dataclasses import dataclass

from unitscope import __version__
from unitscope.page.page import Section
from unitscope.page.part import OfSource
from unitscope.source.source import Source
from unitscope.views import Field, Table


@dataclass(frozen=True)
class Provenance(OfSource):
    """Model, text and sites. They are a source's own to say."""

    order = 90

    def sections(self, source: Source) -> Sequence[Section]:
        tokens = sum(source.lengths(source.sequences))
        rows = [[key, value] for key, value in source.describe().items()]
        rows += [
            ["read", f"{tokens:,} tokens in {len(source.sequences):,} sequences"],
            ["sites", ", ".join(f"{site.name} ({site.units})" for site in source.sites)],
            ["model fingerprint", source.model_origin.fingerprint],
            ["corpus fingerprint", source.corpus_origin.fingerprint],
            ["page made by", f"unitscope {__version__}"],
        ]
        text = (
            "A trained network read this, and the value of each of its units was noted at every token. Fingerprints "
            "are SHA-256 of the content."
        )
        table = Table("Provenance", [Field("what", "text"), Field("value", "text")], rows)
        return [Section("provenance", "What was read", text, [table])]
