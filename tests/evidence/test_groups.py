"""Pieces of evidence: told by content, divided by content, dealt into buckets."""

import hashlib

import numpy as np
import pytest

from unitscope.errors import InputError
from unitscope.evidence.groups import BUCKETS, buckets, divide, groups, near_copies, share


def digest(words):
    return hashlib.sha256(words.encode()).hexdigest()


def corpus(documents, windows=4, length=100):
    digests = [digest(name) for name in documents for _ in range(windows)]
    starts = [length * k for _ in documents for k in range(windows)]
    return digests, [length] * len(digests), starts


def test_a_document_is_one_piece_and_copies_under_other_names_are_the_same_one():
    digests, lengths, starts = corpus([*"abcdefgh", "a", "b"])
    names = [k // 4 for k in range(40)]
    found = groups(digests, lengths, starts, names)
    assert len(found) == found.documents == 8 and found.copies == 2 and not found.within
    assert found.piece[:4].tolist() == found.piece[32:36].tolist() == [0] * 4
    assert found.tokens.tolist() == [400] * 8  # each counted once
    assert found.once.tolist() == [True] * 32 + [False] * 8
    assert "2 more repeat one of them" in found.note


@pytest.mark.parametrize("documents", [1, 2, 5])
def test_fewer_than_six_documents_are_cut_into_stretches_within_this_text(documents):
    digests, lengths, starts = corpus("abcde"[:documents], windows=300)
    found = groups(digests, lengths, starts)
    assert found.within and len(found) == 64 and "within this text" in found.note
    assert (np.diff(found.piece) >= 0).all()  # stretches are contiguous
    assert found.tokens.max() - found.tokens.min() <= 100
    choosing, confirming = divide(found)
    assert choosing.max() + 1 == confirming.min() - 1  # a stretch between that neither reads
    assert len(choosing) == 19 and len(confirming) == 44


def test_a_copy_within_one_text_stands_where_its_first_stands():
    digests, lengths, starts = corpus(["a", "a"], windows=50)
    found = groups(digests, lengths, starts)
    assert found.piece[:50].tolist() == found.piece[50:].tolist()
    assert found.once.tolist() == [True] * 50 + [False] * 50 and found.tokens.sum() == 5000


def test_sides_are_kept_by_a_growing_corpus_and_by_other_names_and_order():
    names = [f"document {k}" for k in range(400)]
    small, large = (groups(*corpus(part)) for part in (names[::3], names[::-1]))
    side = {key: s for s, pieces in enumerate(divide(small)) for key in np.array(small.keys)[pieces]}
    later = {key: s for s, pieces in enumerate(divide(large)) for key in np.array(large.keys)[pieces]}
    assert all(later[key] == s for key, s in side.items())
    assert 0.62 < np.mean(list(later.values())) < 0.78


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("documents", [6, 7, 9, 12, 20])
def test_with_few_documents_both_sides_have_enough(documents, seed):
    found = groups(*corpus([f"{seed} {k}" for k in range(documents)]))
    choosing, confirming = divide(found)
    assert len(choosing) >= (2 if documents < 9 else 3)
    assert len(confirming) >= {6: 4, 7: 5, 9: 6, 12: 8, 20: 10}[documents]
    assert sorted([*choosing, *confirming]) == list(range(documents))


def test_too_few_pieces_are_refused_in_words():
    with pytest.raises(InputError, match="too few to choose units on some"):
        divide(groups(*corpus("a", windows=5)))
    with pytest.raises(InputError, match="a digest, a length and a start"):
        groups(["a"], [1, 2], [0])


def test_a_share_of_a_side_has_about_so_many_of_its_tokens():
    found = groups(*corpus([str(k) for k in range(300)]))
    _, side = divide(found)
    part = share(found, side, 0.25)
    assert set(part) <= set(side)
    assert 0.25 <= found.tokens[part].sum() / found.tokens[side].sum() < 0.27
    few = groups(*corpus([str(k) for k in range(8)]))
    assert len(share(few, divide(few)[1], 0.01)) == 3


@pytest.mark.parametrize("count", [3, 64, 65, 900, 5000])
def test_buckets_are_few_and_as_equal_as_the_documents_allow(count):
    tokens = np.random.default_rng(0).lognormal(6, 1, count).astype(int) + 1
    bucket = buckets([digest(str(k)) for k in range(count)], tokens)
    assert bucket.max() + 1 == min(count, BUCKETS)
    if count <= BUCKETS:
        assert len(set(bucket)) == count
    else:
        load = np.bincount(bucket, weights=tokens)
        least = tokens.sum() / BUCKETS
        assert load.max() <= max(tokens.max(), least * (2 if count > 16 * BUCKETS else 1 + 1e-2) + tokens.min())


def test_many_documents_keep_their_bucket_when_more_come():
    keys = [digest(str(k)) for k in range(3000)]
    assert buckets(keys, np.ones(3000, int))[:2000].tolist() == buckets(keys[:2000], np.ones(2000, int)).tolist()


def test_near_copies_are_told_and_different_texts_are_not():
    draw = np.random.default_rng(0)
    words = ["".join(draw.choice(list("abcdefghij"), 6)) for _ in range(400)]
    texts = [" ".join(draw.choice(words, 300)) for _ in range(6)]
    texts.append(texts[2].replace(words[0], "changed") + " and one more line")
    texts.append(texts[3])  # the same word for word is a copy, not a near copy
    found = near_copies(texts)
    assert [(a, b) for a, b, _ in found] == [(2, 6)]
    shingles = [{text[k : k + 12] for k in range(len(text) - 11)} for text in (texts[2], texts[6])]
    jaccard = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
    assert found[0][2] == pytest.approx(jaccard, abs=0.12)
