import math

import pytest
import torch
from wired import COUNTER, INSIDE, corpus, wired

from unitscope.errors import InputError
from unitscope.interventions.ablation import Bench
from unitscope.models.edit import Edit
from unitscope.models.module import ModuleModel
from unitscope.models.predictions import LOSS


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    text = corpus(tmp_path_factory.mktemp("ablation"), lines=160)
    sequences = range(0, len(text), 2)
    inside = torch.cat([text.labels("inside-parentheses", n) for n in sequences]) > 0.5
    return Bench(wired(), text, sequences, {"inside-parentheses": inside}, batch_size=5)


def brute_force(bench, edits):
    """Mean loss over counted tokens with a target, one sequence at a time."""
    total, count = 0.0, 0
    for number in bench.sequences:
        batch = bench.corpus.batch([number])
        loss = bench.model.run(batch, [LOSS], edits)[LOSS][0, :, 0]
        keep = batch.counted[0] & (batch.targets[0] >= 0)
        total, count = total + float(loss[keep].double().sum()), count + int(keep.sum())
    return total / count


def test_damage_is_the_difference_of_two_runs(bench):
    edit = Edit("rnn.0.hidden", (COUNTER,), (0.25,))
    damage = bench.damage([edit])
    assert damage.overall.mean == pytest.approx(brute_force(bench, [edit]) - bench.intact(), abs=1e-6)
    assert bench.intact() == pytest.approx(brute_force(bench, []), abs=1e-6)


def test_where_and_elsewhere_make_up_the_whole(bench):
    damage = bench.damage([Edit("rnn.0.hidden", (INSIDE,), (0.0,))])
    where, elsewhere = damage.where["inside-parentheses"], damage.elsewhere["inside-parentheses"]
    assert where.tokens + elsewhere.tokens == damage.overall.tokens
    both = (where.mean * where.tokens + elsewhere.mean * elsewhere.tokens) / damage.overall.tokens
    assert both == pytest.approx(damage.overall.mean, abs=1e-9)
    assert where.low < where.mean < where.high
    assert where.low > 0 > elsewhere.mean - 0.5


def test_the_costliest_symbols_come_first(bench):
    damage = bench.damage([Edit("rnn.0.hidden", (COUNTER,), (0.0,))])
    assert damage.symbols[0].symbol == "\n"
    shares = [symbol.change * symbol.tokens for symbol in damage.symbols]
    assert shares == sorted(shares, reverse=True)


def test_an_edit_that_changes_nothing_does_no_damage(bench):
    damage = bench.damage([])
    assert damage.overall.mean == 0
    assert damage.symbols == []


def test_the_model_is_as_it_was(bench):
    before = {name: value.clone() for name, value in bench.model.module.state_dict().items()}
    bench.damage([Edit("rnn.0.cell", (INSIDE, COUNTER), (0.0, 1.0))])
    assert all(torch.equal(value, before[name]) for name, value in bench.model.module.state_dict().items())


def test_a_model_that_predicts_nothing_is_refused(bench):
    silent = ModuleModel(bench.model.module, name="silent", logits=lambda output: None)
    with pytest.raises(InputError, match="silent predicts no next token"):
        Bench(silent, bench.corpus, bench.sequences, {})


def test_a_flag_that_never_holds_has_no_mean(bench):
    empty = Bench(bench.model, bench.corpus, [0, 1, 2, 3], {"never": torch.zeros(512, dtype=torch.bool)})
    damage = empty.damage([Edit("rnn.0.hidden", (0,), (0.0,))])
    assert damage.where["never"].tokens == 0
    assert math.isnan(damage.where["never"].mean)


def test_sequences_of_a_group_are_one_piece_of_evidence(bench):
    """Every sequence twice, told to be the same: the interval is that of the sequences once."""
    edit = Edit("rnn.0.hidden", (COUNTER,), (0.25,))
    once = Bench(bench.model, bench.corpus, [0, 2, 4, 6, 8], {}).damage([edit]).overall
    twice = [0, 2, 4, 6, 8, 0, 2, 4, 6, 8]
    grouped = Bench(bench.model, bench.corpus, twice, {}, groups=twice).damage([edit]).overall
    apart = Bench(bench.model, bench.corpus, twice, {}).damage([edit]).overall
    assert (grouped.low, grouped.high) == pytest.approx((once.low, once.high), abs=1e-6)
    assert apart.high - apart.low < 0.9 * (once.high - once.low)
