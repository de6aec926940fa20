import json

import pytest

from unitscope.corpus.splits import PARTS, Split
from unitscope.errors import InputError


def test_contiguous_parts_follow_each_other():
    spans = [Split("contiguous", part).spans(1000) for part in PARTS]
    assert spans == [[(0, 800)], [(800, 900)], [(900, 1000)]]


@pytest.mark.parametrize(
    ("tokens", "fractions", "batches"),
    [(3_258_246, (0.8, 0.1, 0.1), [260, 32, 33]), (6_206_996, (0.9, 0.05, 0.05), [558, 31, 31])],
    ids=["War and Peace", "Linux kernel"],
)
def test_interleaved_counts_of_char_rnn(tokens, fractions, batches):
    counts = []
    for part in PARTS:
        spans = Split("interleaved", part, fractions).spans(tokens)
        assert len(spans) == 100
        counts.append(sum(after - first for first, after in spans) // 10_000)
    assert counts == batches


def test_interleaved_stretches_lie_as_in_a_plain_loop():
    split = Split("interleaved", "validation", (0.5, 0.25, 0.25), rows=2, steps=3)
    # 30 tokens are 5 batches of 6; a row has 15 tokens: 2 batches train, 1 validation, 2 test.
    expected = [[6, 7, 8], [21, 22, 23]]
    assert [list(range(first, after)) for first, after in split.spans(32)] == expected


@pytest.mark.parametrize("kind", ["contiguous", "interleaved"])
def test_parts_never_overlap(kind):
    seen = [t for part in PARTS for first, after in Split(kind, part, rows=7, steps=5).spans(3_517) for t in
            range(first, after)]  # fmt: skip
    assert len(seen) == len(set(seen))
    assert len(seen) == (3_517 if kind == "contiguous" else 3_517 // 35 * 35)


def test_a_document_is_always_in_one_part_and_shares_are_kept():
    names = [f"folder/file{n}.py" for n in range(5000)]
    parts = [[name for name in names if Split("documents", part).holds(name)] for part in PARTS]
    assert sum(map(len, parts)) == len(names) == len(set().union(*parts))
    assert [round(len(part) / len(names), 1) for part in parts] == [0.8, 0.1, 0.1]


def test_the_part_of_a_document_is_fixed_for_ever():
    # A change of the rule would let networks that are already trained be tested on what they learnt from.
    names = ["argparse.py", "json/decoder.py", "calendar.py", "email/message.py", "ast.py", "os.py"]
    held_out = [name for name in names if not Split("documents", "train").holds(name)]
    assert held_out == ["os.py"]


def test_all_reads_everything():
    for kind in ("contiguous", "interleaved", "documents"):
        assert Split(kind).spans(7) == [(0, 7)]
        assert Split(kind).holds("any")


def test_json_round_trip():
    split = Split("interleaved", "test", (0.9, 0.05, 0.05), 50, 25)
    assert Split.from_json(json.loads(json.dumps(split.to_json()))) == split


@pytest.mark.parametrize(
    "values", [{}, {"kind": "contiguous"}, {**Split().to_json(), "kind": "odd"}, {**Split().to_json(), "rows": "x"}]
)
def test_damaged_json_is_refused(values):
    with pytest.raises(InputError):
        Split.from_json(values)


def test_wrong_fields_are_refused():
    for wrong in ({"fractions": (0.8, 0.1, 0.2)}, {"fractions": (1.2, -0.1, -0.1)}, {"rows": 0}):
        with pytest.raises(InputError):
            Split(**wrong)
    with pytest.raises(InputError, match="too short"):
        Split("interleaved", "train").spans(9_999)
