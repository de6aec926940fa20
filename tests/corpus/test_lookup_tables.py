import itertools

import pytest

from unitscope.corpus.lookup_tables import PUBLISHED, LookupTables, draw_tables
from unitscope.corpus.pairs import read_pairs, write_pairs
from unitscope.errors import InputError

COUNTS = {
    "train": 232,
    "validation": 16,
    "heldout_inputs": 40,
    "heldout_compositions": 64,
    "heldout_tables": 192,
    "new_compositions": 32,
}


def worked_out(pair):
    """The target from the octal strings, by another way than the generator's."""
    state = int(pair.source[0], 2)
    target = [f"{state:03b}"]
    for name in pair.source[1:-1]:
        state = PUBLISHED[name][state]
        target.append(f"{state:03b}")
    return tuple(target)


@pytest.mark.parametrize("seed", [0, 7])
def test_counts_are_the_published_ones_and_nothing_overlaps(seed):
    sets = LookupTables().splits(seed)
    assert {name: len(pairs) for name, pairs in sets.items()} == COUNTS
    sources = [pair.source for pairs in sets.values() for pair in pairs]
    assert len(set(sources)) == len(sources) == 576


def test_targets_follow_from_the_eight_tables():
    task = LookupTables()
    pairs = [pair for pairs in (*task.splits(3).values(), *task.longer(3).values()) for pair in pairs]
    assert all(pair.target == worked_out(pair) for pair in pairs)
    assert all(pair.attention == tuple(range(len(pair.target))) for pair in pairs)
    assert PUBLISHED["t1"][0b000] == 6


def test_every_set_holds_what_its_name_says():
    sets = LookupTables().splits(1)
    used = {name: {pair.source[1:-1] for pair in pairs} for name, pairs in sets.items()}
    new = {"t7", "t8"}
    assert {names for names in used["train"] if len(names) == 1} == {(name,) for name in PUBLISHED}
    composed = {names for names in used["train"] if len(names) == 2}
    assert len(composed) == 28
    assert used["validation"] | used["heldout_inputs"] <= composed
    assert len(used["heldout_compositions"]) == 8
    assert not used["heldout_compositions"] & composed
    assert all(len({*names} & new) == 1 for names in used["heldout_tables"])
    assert used["new_compositions"] == set(itertools.product(sorted(new), repeat=2))


def test_another_seed_divides_otherwise_and_the_same_seed_the_same():
    task = LookupTables()
    assert task.splits(1) == task.splits(1)
    assert task.splits(1)["heldout_compositions"] != task.splits(2)["heldout_compositions"]


def test_longer_compositions():
    sets = LookupTables().longer(3)
    assert {name: len(pairs) for name, pairs in sets.items()} == {"seen": 1728, "incremental": 2304, "new": 64}
    assert len(sets["seen"][0].source) == 5
    assert {name: len(pairs) for name, pairs in LookupTables().longer(4, most=2000).items()} == {
        "seen": 2000,
        "incremental": 2000,
        "new": 128,
    }


def test_files_hold_the_pairs(tmp_path):
    pairs = LookupTables().splits()["validation"]
    write_pairs(tmp_path / "validation.tsv", pairs)
    assert [p.line() for p in read_pairs(tmp_path / "validation.tsv")] == [p.line() for p in pairs]
    assert (tmp_path / "validation.tsv").read_text().splitlines()[0].split("\t")[2] == "0 1 2"


def test_drawn_tables_are_bijections():
    tables = draw_tables(4, bits=2, seed=5)
    assert all(sorted(table) == [0, 1, 2, 3] for table in tables.values())
    task = LookupTables(tables, held_compositions=1, held_inputs=1, validation=1)
    assert task.strings == ["00", "01", "10", "11"]
    assert sum(map(len, task.splits().values())) == 4 * 4 + 16 * 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tables": {"t1": (0, 0, 1, 2)}}, "no bijection"),
        ({"tables": {"t1": (0, 1, 2)}}, "one entry for each string"),
        ({"tables": {"t1": (0, 1), "t2": (0, 1, 2, 3)}}, "one entry for each string"),
        ({"held_compositions": 36}, "too little is left"),
        ({"held_inputs": 8}, "too little is left"),
        ({"validation": 57}, "too little is left"),
    ],
)
def test_a_task_that_cannot_be_is_refused(options, says):
    with pytest.raises(InputError, match=says):
        LookupTables(**options)
