"""Pieces of evidence, and their division into those that choose and those that confirm.

Tokens of one document are not independent, and a copy of a document says nothing new. So the piece of evidence
is the *document, told by its content*: documents of one digest are one piece, whatever their names. Where there are
fewer than six, documents say nothing of more documents of their kind; the pieces are then stretches of the text, and
whatever is found is found *within this text* (``evidence.correlation`` then takes only what moves within a stretch).

Choosing and confirming never share a piece. Three in ten documents choose and the others confirm: the best of many
units is seen on few documents, while what is said of it has the degrees of freedom of the documents that confirm. On
which side a document is follows from its digest alone, so that a growing corpus keeps its sides; only where documents
are so few that chance leaves a side too small is the least number moved over. Stretches of one text stand on the side
where they are, with a stretch between that neither reads.

Folds add up the sums of a bounded number of *buckets* (``buckets``): each piece is one while there are few; of more,
pieces go where fewest tokens are, the longest first, which keeps buckets nearly equal however unequal documents are,
since unequal buckets are what costs degrees of freedom.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from unitscope.errors import InputError

FEWEST = 6
"""Documents from which on a document is a piece of evidence."""
BUCKETS = 64
"""Pieces whose sums a fold keeps apart: enough for a spread, few enough that memory does not grow with the text."""
STRETCHES = 64
"""Pieces of a text that is too few documents."""
LEAST = 3
"""Pieces on a side at least: no spread can be read from fewer."""
CHOOSING = 0.3
"""Share of the documents on which units are chosen."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Which sequences are one piece of evidence."""

    piece: Int[np.ndarray, " sequence"]
    """The number of the piece that each sequence belongs to, from 0, in the order in which pieces first occur."""
    keys: tuple[str, ...]
    """Of each piece what it is told by: the digest of its document; for stretches also which one."""
    once: Bool[np.ndarray, " sequence"]
    """False for what repeats an earlier sequence, at the same place of a document of the same content: it says nothing
    new, and is not read."""
    tokens: Int[np.ndarray, " piece"]
    """Each counted once."""
    within: bool
    """Pieces are stretches of fewer than six documents: what is found is found *within this text*."""
    documents: int
    """Of different content."""
    copies: int
    """Documents that repeat another word for word."""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def note(self) -> str:
        """Name of a piece of evidence."""
        copies = f"; {self.copies} more repeat one of them and count with it" if self.copies else ""
        if self.within:
            of = "one document" if self.documents == 1 else f"{self.documents} documents"
            return f"{len(self)} stretches of {of}, so what is found holds within this text{copies}"
        return f"{len(self)} documents of different content{copies}"


def groups(
    digests: Sequence[str],
    lengths: Sequence[int],
    starts: Sequence[int],
    names: Sequence[str | int] | None = None,
    stretches: int = STRETCHES,
) -> Groups:
    """The pieces of evidence of some sequences, in the order in which they are read.

    ``digests``: of the content of each sequence's document. ``lengths``: tokens of each sequence. ``starts``: where it
    begins in its document. ``names``: of each sequence's document, which tells copies from one document; no piece
    depends on them. ``stretches``: how many pieces are made of a text of fewer than six documents.
    """
    if not len(digests) == len(lengths) == len(starts):
        raise InputError("pieces of evidence need a digest, a length and a start for each sequence")
    order: dict[str, int] = {}
    document = np.array([order.setdefault(digest, len(order)) for digest in digests], dtype=np.int64)
    different = len(order)
    copies = 0 if names is None else len(set(zip(names, digests, strict=True))) - different
    seen: set[tuple[int, int]] = set()
    once = np.zeros(len(document), dtype=bool)
    for at, where in enumerate(zip(document.tolist(), starts, strict=True)):
        once[at] = where not in seen
        seen.add(where)
    length = np.where(once, np.asarray(lengths, dtype=np.int64), 0)
    if different >= FEWEST or different == 0:
        tokens = np.bincount(document, weights=length, minlength=different).astype(np.int64)
        return Groups(document, tuple(order), once, tokens, False, different, copies)
    # One behind the other; a copy stands where the first of its kind does.
    place = np.lexsort((~once, np.asarray(starts), document))
    begins = np.cumsum(length[place]) - length[place]
    begins = np.maximum.accumulate(np.where(once[place], begins, 0))
    stretch = np.minimum(begins * stretches // max(int(length.sum()), 1), stretches - 1)
    numbers = np.unique(stretch, return_inverse=True)[1].reshape(-1)
    piece = np.empty(len(place), dtype=np.int64)
    piece[place] = numbers
    whole = hashlib.sha256("\n".join(order).encode()).hexdigest()
    count = int(numbers.max()) + 1
    tokens = np.bincount(piece, weights=length, minlength=count).astype(np.int64)
    return Groups(piece, tuple(f"{whole}:{k}" for k in range(count)), once, tokens, True, different, copies)


def divide(found: Groups) -> tuple[Int[np.ndarray, " choosing"], Int[np.ndarray, " confirming"]]:
    """The pieces on which units are chosen, and those that confirm them.

    By a number made of each document's digest; within one text the first stretches, one of nobody's, and the rest.
    Raises ``InputError`` where there are too few pieces for two sides.
    """
    count = len(found)
    if count < FEWEST:
        raise InputError(
            f"{count} pieces of evidence are too few to choose units on some and confirm them on the others; "
            "give more documents, or cut a long one into shorter sequences"
        )
    if found.within:
        first = max(LEAST, int(CHOOSING * count))
        return np.arange(first), np.arange(first + 1, count)
    draw = np.array([_number(f"side {key}") for key in found.keys]) / 2.0**64
    # With 6 documents 4 confirm, with 12 at least 8; of many, chance leaves enough.
    least = 2 if count < 9 else LEAST
    most = least if count < 9 else min(count // 3, 4) if count < 16 else count // 2
    ends = np.sort(draw)[[least - 1, most - 1]]
    choosing = draw <= np.clip(CHOOSING, *ends)
    return np.flatnonzero(choosing), np.flatnonzero(~choosing)


def share(found: Groups, side: Int[np.ndarray, " piece"], of: float) -> Int[np.ndarray, " chosen"]:
    """Some pieces of a side, by their digests, so that about ``of`` of its tokens are in them, and ``LEAST`` at least.

    Whatever is compared with untrained networks is compared on these.
    """
    order = side[np.argsort([_number(f"share {found.keys[piece]}") for piece in side])]
    if found.within:
        order = side
    before = np.cumsum(found.tokens[order]) - found.tokens[order]
    taken = max(int((before < of * found.tokens[side].sum()).sum()), min(LEAST, len(side)))
    return np.sort(order[:taken])


def buckets(keys: Sequence[str], tokens: Int[np.ndarray, " piece"], most: int = BUCKETS) -> Int[np.ndarray, " piece"]:
    """The bucket of each piece of a side, from 0.

    Up to ``most`` pieces each has its own. Up to 16 times as many they are dealt out, the longest first, to where
    fewest tokens are (Graham 1969). Beyond that chance makes buckets equal enough, and the digest alone decides, so
    that a growing corpus keeps what was folded.
    """
    count = len(keys)
    if count <= most:
        return np.arange(count)
    numbers = [_number(f"bucket {key}") for key in keys]
    if count > 16 * most:
        return np.array([number % most for number in numbers], dtype=np.int64)
    bucket = np.zeros(count, dtype=np.int64)
    load = np.zeros(most)
    for at in np.lexsort((np.array(numbers, dtype=np.uint64), -np.asarray(tokens))):
        bucket[at] = int(load.argmin())
        load[bucket[at]] += tokens[at]
    return bucket


def near_copies(
    texts: Sequence[str], size: int = 12, kept: int = 128, alike: float = 0.5
) -> list[tuple[int, int, float]]:
    """Pairs of different texts that are nearly the same, with the share of shingles in common; reported, never merged.

    Shingles are runs of ``size`` characters; of each text the ``kept`` smallest hashes stand for all, from which the
    share that two texts have in common is estimated (Broder 1997, bottom-k sketches).
    """
    sketches = [_sketch(text, size, kept) for text in texts]
    holders: dict[int, list[int]] = {}
    for number, sketch in enumerate(sketches):
        for value in sketch:
            holders.setdefault(value, []).append(number)
    # What most texts share (a licence, a header) says nothing of copies and would make all pairs candidates.
    pairs = {
        (a, b)
        for held in holders.values()
        if len(held) <= 32
        for place, a in enumerate(held)
        for b in held[place + 1 :]
    }
    alike_pairs = []
    for a, b in sorted(pairs):
        both = sorted({*sketches[a], *sketches[b]})[:kept]
        shared = len(set(both) & set(sketches[a]) & set(sketches[b])) / len(both)
        if shared >= alike and texts[a] != texts[b]:
            alike_pairs.append((a, b, shared))
    return alike_pairs


def _sketch(text: str, size: int, kept: int) -> list[int]:
    """The smallest hashes of the runs of ``size`` characters, ascending."""
    letters = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), np.uint32).astype(np.uint64)
    letters = np.pad(letters, (0, max(0, size - len(letters))))
    odd = np.random.default_rng(0).integers(2**63, size=size, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = np.zeros(len(letters) - size + 1, np.uint64)
    for place, factor in enumerate(odd):  # wraps around
        hashes += letters[place : place + len(hashes)] * factor
    # The last steps of splitmix64, so that small hashes are a fair sample.
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    most = min(len(hashes), 8 * kept)
    least = np.partition(hashes, most - 1)[:most]
    found = np.unique(least) if len(np.unique(least)) >= kept else np.unique(hashes)
    return [int(value) for value in found[:kept]]


def _number(words: str) -> int:
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")
