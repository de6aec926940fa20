import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.networks import checkpoint
from unitscope.networks.card import load
from unitscope.networks.evaluate import evaluate
from unitscope.networks.files import CONFIG, HISTORY, WEIGHTS
from unitscope.networks.lessons.text import TrainOptions, train
from unitscope.networks.training import SNAPSHOTS


@pytest.fixture
def options(tmp_path):
    """A text whose next letter follows from the one before, except after a space."""
    words = ["alpha", "beta", "gamma", "delta", "echo", "foxtrot"]
    order = torch.randint(0, len(words), (1000,), generator=torch.Generator().manual_seed(0))
    (tmp_path / "text.txt").write_text(" ".join(words[n] for n in order.tolist()))
    return TrainOptions(
        (str(tmp_path / "text.txt"),), str(tmp_path / "net"), units=16, epochs=3, rows=8, steps=16, dropout=0.1,
        rate=0.02,
    )  # fmt: skip


def often(options, folder):
    """The same run in another folder, with a checkpoint after every update."""
    return dataclasses.replace(options, out=str(folder), checkpoint_seconds=0.0)


def weights(trained):
    return torch.cat([value.flatten() for value in trained.net.state_dict().values()])


def stop_after(updates):
    seen = 0

    def progress(_):
        nonlocal seen
        seen += 1
        if seen == updates:
            raise KeyboardInterrupt

    return progress


def test_it_learns_and_says_how_well(options, tmp_path):
    reports = []
    trained = train(options, reports.append)
    assert trained.card.metrics["test nats"] < 1.0 < reports[0].loss
    assert trained.card.metrics["test bits"] == pytest.approx(trained.card.metrics["test nats"] / 0.6931472)
    assert reports[-1].done == 1
    assert [entry["epoch"] for entry in trained.history] == [1, 2, 3]
    test = open_corpus(options.text, split=trained.card.split.of("test"), vocabulary=trained.card.vocabulary)
    net, card = load(tmp_path / "net")
    assert card == trained.card
    assert evaluate(net, test, 8, 16) == card.metrics["test nats"]
    assert sorted(file.name for file in (tmp_path / "net").iterdir()) == [CONFIG, HISTORY, WEIGHTS]


@pytest.mark.parametrize("recipe", ["modern", "paper"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_stopped_anywhere_and_started_again_gives_the_same_weights(options, tmp_path, recipe, cell):
    options = dataclasses.replace(options, recipe=recipe, cell=cell, layers=2, epochs=2)
    whole = train(options)
    more_than_an_epoch = 45
    stopped = often(options, tmp_path / "stopped")
    for updates in (1, 7, more_than_an_epoch):
        with pytest.raises(KeyboardInterrupt):
            train(stopped, stop_after(updates))
        torch.rand(5)  # others draw from the generator in between
    again = train(stopped)
    assert torch.equal(weights(again), weights(whole))
    assert again.history == whole.history
    assert again.card.metrics == whole.card.metrics


def test_killed_and_started_again_gives_the_same_weights(options, tmp_path):
    whole = train(options)
    script = (
        "import json, sys, torch; torch.set_num_threads(1)\n"
        "from unitscope.networks.lessons.text import TrainOptions, train\n"
        "values = json.loads(sys.argv[1])\n"
        "train(TrainOptions(**{**values, 'text': tuple(values['text'])}), lambda p: print(p.batch, flush=True))\n"
    )
    killed = often(options, tmp_path / "killed")
    command = [sys.executable, "-c", script, json.dumps(dataclasses.asdict(killed))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(50):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert (tmp_path / "killed" / checkpoint.NAME).exists()
    assert torch.equal(weights(train(killed)), weights(whole))


def test_a_finished_run_is_loaded(options):
    first = train(options)
    again = train(options, lambda _: pytest.fail("trained again"))
    assert torch.equal(weights(first), weights(again))
    assert again.history == first.history


def test_the_callers_random_numbers_stay_as_they_were(options):
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    train(dataclasses.replace(options, epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_a_folder_with_another_run_is_not_touched(options, tmp_path):
    options = dataclasses.replace(options, epochs=1)
    train(options)
    with pytest.raises(InputError, match="holds a run with units 16, not 17"):
        train(dataclasses.replace(options, units=17))
    (tmp_path / "text.txt").write_text("another text " * 500)
    with pytest.raises(InputError, match="data that have changed"):
        train(options)
    restarted = train(dataclasses.replace(options, units=17, restart=True))
    assert restarted.net.config.units == 17


def test_a_stopped_run_with_other_options_is_not_touched(options):
    options = often(options, options.out)
    with pytest.raises(KeyboardInterrupt):
        train(options, stop_after(3))
    with pytest.raises(InputError, match=r"rate 0\.02, not 0\.01"):
        train(dataclasses.replace(options, rate=0.01))


def test_a_damaged_checkpoint_is_named(options, tmp_path):
    options = often(options, options.out)
    with pytest.raises(KeyboardInterrupt):
        train(options, stop_after(3))
    path = tmp_path / "net" / checkpoint.NAME
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors is damaged"):
        train(options)


def test_early_stopping_keeps_the_best(options):
    patient = dataclasses.replace(options, epochs=30, patience=2, rate=0.1)
    trained = train(patient)
    losses = [entry["validation"] for entry in trained.history]
    assert len(losses) < 30
    assert min(losses) == losses[-3] == trained.card.metrics["validation nats"]
    assert trained.card.metrics["best epoch"] == len(losses) - 2


def test_an_exploding_loss_is_named(options):
    with pytest.raises(InputError, match=r"the loss exploded from .* lower --rate"):
        train(dataclasses.replace(options, recipe="paper", rate=50.0, epochs=50))


def test_weights_are_kept_on_the_way(options, tmp_path):
    """The paper's rates do not depend on how long a run is, so after one epoch it is a run of one epoch."""
    asked = dataclasses.replace(options, recipe="paper", keep=(0.5, 1.0))
    train(asked)
    once = train(dataclasses.replace(asked, keep=(), epochs=1, out=str(tmp_path / "once")))
    kept, card = load(tmp_path / "net" / SNAPSHOTS / "1")
    for name, value in once.net.state_dict().items():
        assert torch.equal(kept.state_dict()[name], value)
    half, half_card = load(tmp_path / "net" / SNAPSHOTS / "0.5")
    assert not torch.equal(half.readout.weight, kept.readout.weight)
    assert half_card.metrics["updates"] == round(card.metrics["updates"] / 2)
    train(dataclasses.replace(asked, keep=(), restart=True))
    assert not (tmp_path / "net" / SNAPSHOTS).exists()


def test_an_interleaved_split_need_not_follow_the_rows(options):
    asked = dataclasses.replace(options, split="interleaved", split_rows=5, split_steps=40, epochs=1)
    card = train(asked).card
    assert (card.split.rows, card.split.steps) == (5, 40)
    assert "--split-rows 5" in asked.command()


def test_rare_symbols_are_read_as_unknown(options, tmp_path):
    with (tmp_path / "text.txt").open("a") as file:
        file.write("§")
    trained = train(dataclasses.replace(options, at_least=3, epochs=1))
    assert trained.card.vocabulary.unknown is not None
    assert "§" not in trained.card.vocabulary.symbols


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"recipe": "odd"}, "modern"),
        ({"epochs": 0}, "at least one epoch"),
        ({"rows": 4000}, "fewer rows"),
        ({"device": "abacus"}, "abacus"),
        ({"device": "meta"}, "cannot compute"),
        ({"text": ("nowhere.txt",)}, "does not exist"),
    ],
)
def test_wrong_options_are_refused(options, wrong, message):
    with pytest.raises(InputError, match=message):
        train(dataclasses.replace(options, **wrong))


def test_a_network_of_another_kind_is_not_overwritten(options, tmp_path):
    (tmp_path / "net").mkdir()
    for name, content in ((WEIGHTS, "weights"), (CONFIG, '{"model_type": "llama"}')):
        (tmp_path / "net" / name).write_text(content)
        for restart in (False, True):
            with pytest.raises(InputError, match="holds another network"):
                train(dataclasses.replace(options, restart=restart))
        assert (tmp_path / "net" / name).read_text() == content


def test_a_folder_that_cannot_be_made_is_named(options, tmp_path):
    (tmp_path / "net").write_text("a file")
    with pytest.raises(InputError, match="net cannot be written: File exists"):
        train(options)


def test_a_full_disk_keeps_what_was_there(options, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        train(often(options, options.out), stop_after(3))

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match=r"the disk of .*checkpoint\.safetensors is full .No space left"):
            train(options)
    assert [entry["epoch"] for entry in train(options).history] == [1, 2, 3]


def test_a_card_is_enough_to_train_again(options, tmp_path):
    first = train(dataclasses.replace(options, epochs=1))
    again = train(TrainOptions.from_json(first.card.training["options"], out=str(tmp_path / "again")))
    assert torch.equal(weights(first), weights(again))
    assert again.card.command == first.card.command.replace("net", "again")


def test_the_command_says_what_was_asked():
    options = TrainOptions(("my text.txt",), "out", forget_bias=0.0, at_least=5, restart=True)
    assert options.command() == "unitscope train text 'my text.txt' --out out --at-least 5 --forget-bias 0.0"
