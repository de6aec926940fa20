"""Which sequences of a source are one piece of evidence."""

from collections.abc import Sequence

from unitscope.evidence.groups import Groups, groups, near_copies
from unitscope.source.source import Source, digest

LOOKED_AT = 2000


def pieces_of(source: Source, sequences: Sequence[int] | None = None) -> Groups:
    """The pieces of evidence (``unitscope.evidence.groups``) of all sequences, or of these, in their order.

    Documents are told by the digests of their content, or of what they are pieces of. No activation is read.
    """
    wanted = source.sequences if sequences is None else sequences
    places = [source.place(number) for number in wanted]
    documents = {number: source.document(number) for number in sorted({place.document for place in places})}
    told, before = {}, {}
    ends: dict[str, int] = {}
    lengths = source.lengths(wanted)
    last = dict.fromkeys(documents, 0)
    for place, length in zip(places, lengths, strict=True):
        last[place.document] = max(last[place.document], place.start + length)
    for number, document in documents.items():
        told[number] = digest("whole", document.whole) if document.whole else document.digest
        # Pieces of one whole stand one behind the other.
        before[number] = ends.get(told[number], 0) if document.whole else 0
        ends[told[number]] = before[number] + last[number]
    return groups(
        [told[place.document] for place in places],
        lengths,
        [before[place.document] + place.start for place in places],
        [documents[place.document].whole or place.document for place in places],
    )


def near_copies_in(source: Source, sequences: Sequence[int] | None = None) -> str:
    """Sentence about documents that are nearly the same; empty if there are none, or no text.

    They are reported and not merged: which of them say something new is the user's to judge. The first ``LOOKED_AT``
    documents are compared.
    """
    wanted = source.sequences if sequences is None else sequences
    numbers = list(dict.fromkeys(source.place(number).document for number in wanted))[:LOOKED_AT]
    documents = [source.document(number) for number in numbers]
    known = [(document.name, document.text) for document in documents if document.text]
    found = near_copies([text for _, text in known])
    if not found:
        return ""
    first, second, share = max(found, key=lambda pair: pair[2])
    count = len({place for pair in found for place in pair[:2]})
    return (
        f"{count} of {len(known)} documents are nearly the same as another "
        f"({known[first][0]} and {known[second][0]} share {share:.0%}"
        " of their shingles); each still counts as a piece, so that p may be too small"
    )
