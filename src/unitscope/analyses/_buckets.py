"""Which bucket of evidence each sequence of a chunk is in."""

from collections.abc import Sequence

from unitscope.source.chunk import Chunk


def runs(chunk: Chunk, groups: str, buckets: int) -> list[tuple[int, int, int]]:
    """Bucket, first row and row after the last, of the sequences of one bucket that follow each other.

    The label ``groups`` numbers the buckets; without it sequences are dealt out by Knuth's multiplicative hash, so that
    neighbours are not in step with anything.
    """
    spans = chunk.spans()
    numbers = chunk.labels[groups] if groups else chunk.sequence
    return joined(spans, [_bucket(int(numbers[first]), groups, buckets) for first, _ in spans])


def joined(spans: Sequence[tuple[int, int]], buckets: Sequence[int]) -> list[tuple[int, int, int]]:
    """The same of spans whose buckets are known."""
    found: list[tuple[int, int, int]] = []
    for (first, last), bucket in zip(spans, buckets, strict=True):
        if found and found[-1][0] == bucket:
            first = found.pop()[1]
        found.append((bucket, first, last))
    return found


def _bucket(number: int, groups: str, buckets: int) -> int:
    return number if groups else (number * 2654435761 % 2**32) * buckets >> 32
