import json
import math

import pytest
import torch

from unitscope.corpus.lookup_tables import LookupTables, draw_tables
from unitscope.corpus.pairs import write_pairs
from unitscope.errors import InputError
from unitscope.networks import training
from unitscope.networks.card import load
from unitscope.networks.lessons.pairs import Seq2SeqOptions, train
from unitscope.networks.seq2seq.data import open_pairs
from unitscope.networks.seq2seq.score import score

SMALL = {"units": 16, "epochs": 3, "batch_size": 8, "checkpoint_seconds": 0.0}


@pytest.fixture
def data(tmp_path):
    task = LookupTables(draw_tables(4, bits=2), held_compositions=1, held_inputs=1, validation=2)
    for name, pairs in task.splits().items():
        write_pairs(tmp_path / "data" / f"{name}.tsv", pairs)
    return str(tmp_path / "data")


def weights(trained):
    return {name: value.clone() for name, value in trained.net.state_dict().items()}


def test_a_guided_network_learns_the_task_and_where_to_look(data, tmp_path):
    options = Seq2SeqOptions(data, str(tmp_path / "net"), guidance=1.0, units=24, epochs=60, batch_size=8, rate=2e-2)
    trained = train(options)
    assert trained.card.metrics["train sequences"] > 0.9
    assert trained.card.metrics["train attention"] > 0.9
    net, card = load(tmp_path / "net")
    assert card == trained.card
    sets = open_pairs(data)
    assert score(net, sets.corpus("train")).sequences == card.metrics["train sequences"]
    assert "--guidance 1.0" in card.command
    assert len(json.loads((tmp_path / "net" / "history.json").read_text())) == 60


@pytest.mark.parametrize("options", [{"cell": "lstm", "forcing": 0.5}, {"guidance": 1.0, "patience": 10}])
def test_a_run_that_was_stopped_goes_on_exactly(data, tmp_path, options):
    whole = train(Seq2SeqOptions(data, str(tmp_path / "a"), **SMALL, **options))

    def stop(step):
        if step.epoch == 2 and step.batch == 2:
            raise KeyboardInterrupt

    again = Seq2SeqOptions(data, str(tmp_path / "b"), **SMALL, **options)
    with pytest.raises(KeyboardInterrupt):
        train(again, stop)
    resumed = train(again)
    assert all(torch.equal(value, weights(resumed)[name]) for name, value in weights(whole).items())
    assert resumed.card.training["history"] == whole.card.training["history"]
    assert not (tmp_path / "b" / "checkpoint.safetensors").exists()


def test_a_finished_run_is_loaded_and_another_is_refused(data, tmp_path, monkeypatch):
    options = Seq2SeqOptions(data, str(tmp_path / "net"), **SMALL)
    first = train(options)
    monkeypatch.setattr(training, "_Run", None)
    assert train(options).card == first.card
    with pytest.raises(InputError, match="holds a run with seed 0, not 1"):
        train(Seq2SeqOptions(data, str(tmp_path / "net"), **SMALL, seed=1))


def test_the_callers_random_numbers_are_left_alone(data, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(Seq2SeqOptions(data, str(tmp_path / "net"), units=4, epochs=1))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epochs": 0}, "at least one epoch"),
        ({"forcing": 1.5}, "forcing is a share"),
        ({"data": "nowhere"}, "has no train.tsv"),
        ({"device": "abacus"}, "no device is called 'abacus'"),
    ],
)
def test_options_that_make_no_sense_are_refused(data, tmp_path, options, says):
    with pytest.raises(InputError, match=says):
        train(Seq2SeqOptions(**{"data": data, "out": str(tmp_path / "net"), **options}))


def test_pairs_without_places_cannot_guide(tmp_path):
    (tmp_path / "train.tsv").write_text("a b\tc\nb a\td\n")
    with pytest.raises(InputError, match="nothing to guide"):
        train(Seq2SeqOptions(str(tmp_path), str(tmp_path / "net"), guidance=1.0))
    with pytest.raises(InputError, match="no set validation"):
        train(Seq2SeqOptions(str(tmp_path), str(tmp_path / "net"), patience=2))
    trained = train(Seq2SeqOptions(str(tmp_path), str(tmp_path / "net"), units=4, epochs=1))
    assert math.isnan(trained.card.metrics["train attention"])


def test_a_symbol_that_was_not_trained_is_named_with_its_line(data):
    with open(f"{data}/validation.tsv", "a") as file:
        file.write("00 t1 .\t00 22\t0 1\n")
    with pytest.raises(InputError, match=r"validation\.tsv:3: the target symbol '22' is not in the vocabulary"):
        open_pairs(data)


def test_a_folder_of_something_else_is_refused(data, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"kind": "char"}')
    with pytest.raises(InputError, match="another network"):
        train(Seq2SeqOptions(data, str(tmp_path / "other")))
    with pytest.raises(InputError, match="describes char, not seq2seq"):
        load(tmp_path / "other", ("seq2seq",))
    with pytest.raises(InputError, match="holds no network"):
        load(tmp_path / "nothing")


def test_the_command_makes_the_same_options_again():
    options = Seq2SeqOptions(out="x y", full_focus=False, attention="post-rnn", guidance=0.5, restart=True)
    command = options.command()
    assert command == "unitscope train pairs --out 'x y' --guidance 0.5 --attention post-rnn --no-full-focus"
