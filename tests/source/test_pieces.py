"""Pieces of evidence of a source."""

import torch

from unitscope.corpus.place import DocumentText, Place
from unitscope.models.site import Site
from unitscope.source.arrays import Arrays
from unitscope.source.pieces import near_copies_in, pieces_of


def arrays(documents, sequences=3, length=5):
    count = len(documents) * sequences
    return Arrays(
        {Site("made", 2): torch.zeros(count * length, 2)},
        [length] * count,
        documents=documents,
        place_of=[Place(k // sequences, length * (k % sequences)) for k in range(count)],
    )


def test_documents_are_told_by_content_and_copies_count_once():
    source = arrays([DocumentText(f"file {k}", f"{min(k, 7):064x}") for k in range(9)])
    found = pieces_of(source)
    assert len(found) == 8 and found.copies == 1
    assert found.piece.tolist() == [min(k, 7) for k in range(9) for _ in range(3)]
    assert found.once.tolist() == [True] * 24 + [False] * 3
    assert found.tokens.tolist() == [15] * 8


def test_pieces_of_one_whole_are_one_piece():
    source = arrays([DocumentText(f"part {k}", f"{k:064x}", whole=f"book {k // 2}") for k in range(14)])
    found = pieces_of(source)
    assert len(found) == 7 and found.copies == 0 and found.once.all()
    assert found.piece.tolist() == [k // 2 for k in range(14) for _ in range(3)]
    assert pieces_of(source, range(6)).within and pieces_of(source, range(6)).documents == 1


def test_some_sequences_are_in_their_order():
    source = arrays([DocumentText(f"file {k}", f"{k:064x}") for k in range(8)])
    found = pieces_of(source, [22, 0, 1, 3, 6, 9, 12, 23, 15])
    assert found.piece.tolist() == [0, 1, 1, 2, 3, 4, 5, 0, 6]


def test_near_copies_are_reported_and_still_pieces():
    words = [f"word{k * k % 997}" for k in range(900)]
    texts = [" ".join(words[100 * k : 100 * k + 200]) for k in range(0, 7, 2)]
    texts.append(texts[1] + " and one more line")
    source = arrays([DocumentText(f"file {k}", f"{k:064x}", text) for k, text in enumerate([*texts, "x", "y"])])
    said = near_copies_in(source)
    assert said.startswith("2 of 7 documents are nearly the same as another (file 1 and file 4 share ")
    assert len(pieces_of(source)) == 7
    assert near_copies_in(source, range(6)) == ""
    assert near_copies_in(arrays([DocumentText("silent", "0" * 64)])) == ""
