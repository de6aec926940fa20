from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import ToyCorpus, ToyModel

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.recording.plan import Plan, Run
from unitscope.source.live import Live
from unitscope.source.source import ALL


def live(corpus, sequences, batch_size):
    return Live(ToyModel(), corpus, batch_size, sequences=sequences)


@given(st.integers(1, 50), st.integers(1, 9), st.integers(1, 90))
def test_shards_are_whole_batches_and_no_fuller_than_needed(size, batch_size, shard_tokens):
    corpus = ToyCorpus(size)
    plan = Plan.of(live(corpus, ALL, batch_size), shard_tokens)
    assert plan.sequence.tolist() == list(range(size))
    assert plan.tokens.tolist() == corpus.lengths(range(size))
    for number in range(plan.shards):
        part = plan.part(number)
        assert part.row.tolist() == [0, *np.cumsum(part.tokens)[:-1].tolist()]
        assert part.sequence[0] % batch_size == 0
        batches = list(part.batches(batch_size))
        assert [n for batch in batches for n in batch] == part.sequence.tolist()
        if number < plan.shards - 1:
            last = len(batches[-1])
            assert part.tokens.sum() >= shard_tokens > part.tokens[:-last].sum()


def test_chosen_sequences_are_kept_once_and_in_order():
    plan = Plan.of(live(ToyCorpus(40), [30, 2, 2, 17], 2), 1)
    assert plan.sequence.tolist() == [2, 17, 30]
    assert plan.shard.tolist() == [0, 0, 1]
    assert plan.find(17) == 1
    with pytest.raises(InputError, match="sequence 18 is not in this recording of 3"):
        plan.find(18)


@pytest.mark.parametrize(("chosen", "message"), [([], "no sequences"), ([3, 40], "0 to 39"), ([-1], "0 to 39")])
def test_sequences_that_there_are_not(chosen, message):
    with pytest.raises(InputError, match=message):
        Plan.of(live(ToyCorpus(40), chosen, 2), 1)


def test_runs_join_neighbours_within_a_shard():
    plan = Plan.of(live(ToyCorpus(8), ALL, 2), 10)  # lengths 3 4 5 6 7 8 9 3
    assert plan.shard.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert plan.runs([0, 1, 3, 4, 5, 6]) == [Run(0, 0, 7), Run(0, 12, 18), Run(1, 0, 15), Run(2, 0, 9)]
    assert plan.runs([5, 4]) == [Run(1, 7, 15), Run(1, 0, 7)]


def test_survives_the_disk_and_notices_another_content(tmp_path):
    plan = Plan.of(live(ToyCorpus(20), ALL, 3), 10)
    plan.save(tmp_path)
    again = Plan.load(tmp_path, plan.digest)
    assert again.digest == plan.digest
    assert again.row.tolist() == plan.row.tolist()
    with pytest.raises(InputError, match="differs from what the manifest says"):
        Plan.load(tmp_path, Plan.of(live(ToyCorpus(19), ALL, 3), 10).digest)
    (tmp_path / "sequences.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"sequences\.parquet is damaged"):
        Plan.load(tmp_path, plan.digest)


@pytest.mark.parametrize(
    ("column", "values"),
    [("tokens", [-1, 5]), ("row", [0, -3]), ("shard", [0, 2]), ("sequence", [4, 1]), ("start", [0, -(2**62)])],
)
def test_a_plan_that_is_none_is_damaged(tmp_path, column, values):
    plan = Plan.of(live(ToyCorpus(2), ALL, 2), 100)
    wrong = replace(plan, **{column: np.array(values)})
    wrong.save(tmp_path)
    with pytest.raises(InputError, match=r"sequences\.parquet is damaged .*do not lie end to end"):
        Plan.load(tmp_path, wrong.digest)


def test_text_is_located(tmp_path):
    (tmp_path / "a.txt").write_text("0123456789")
    (tmp_path / "b.txt").write_text("abcdef")
    corpus = open_corpus(tmp_path, length=4, context=2)
    plan = Plan.of(live(corpus, ALL, 2), 100)
    assert plan.document.tolist() == [0, 0, 0, 1, 1]
    assert plan.start.tolist() == [0, 4, 8, 0, 4]
    assert Plan.of(live(ToyCorpus(3), ALL, 2), 100).document.tolist() == [0, 1, 2]
