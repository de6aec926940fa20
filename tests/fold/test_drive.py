"""Whoever folds the parts, and however often it is begun again: the same bytes."""

import dataclasses
import functools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

import fsspec
import numpy as np
import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem
from planted import one_site, planted
from toys import contents

from unitscope.analyses.examples import Examples
from unitscope.analyses.moments import Moments
from unitscope.analyses.quantiles import Quantiles
from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.fold.drive import Processes, share
from unitscope.fold.plan import plan
from unitscope.fold.resultset import ResultSet
from unitscope.fold.stage import Stage, stages
from unitscope.fold.state import content_digest
from unitscope.fold.store import Store
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.recording.record import record
from unitscope.source import workers
from unitscope.source.live import Live
from unitscope.source.workers import each

ASKED = [Moments(), Quantiles(size=32), Examples(count=3, stretch=8)]
WORK = 400
LENGTHS = [random.Random(0).randint(1, 40) for _ in range(60)]


def source(lengths=LENGTHS):
    values = torch.randn(sum(LENGTHS), 5, generator=torch.Generator().manual_seed(0)).tanh()
    return one_site(values[: sum(lengths)], lengths)


def digests(results):
    return {key: content_digest(result) for key, result in results.entries.items()}


def kept(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def expected():
    return digests(analyze(source(), ASKED, work=WORK))


def test_a_store_changes_nothing_and_is_used(tmp_path, expected, monkeypatch):
    store = str(tmp_path / "states")
    assert digests(analyze(source(), ASKED, work=WORK, store=store)) == expected
    before = kept(tmp_path / "states")
    assert len(before) == len(plan(source(), source().sites, WORK)) > 3
    monkeypatch.setattr(Stage, "fold", None)  # nothing is folded again
    assert digests(analyze(source(), ASKED, work=WORK, store=store)) == expected
    assert kept(tmp_path / "states") == before


@pytest.mark.parametrize("seed", range(4))
def test_parts_that_are_lost_or_damaged_are_made_again(tmp_path, expected, seed):
    folder, dice = tmp_path / "states", random.Random(seed)
    analyze(source(), ASKED, work=WORK, store=str(folder))
    whole = kept(folder)
    for name, content in whole.items():
        match dice.randrange(4):
            case 0:
                (folder / name).unlink()
            case 1:
                (folder / name).write_bytes(content[: dice.randrange(len(content))])
            case 2:
                at = dice.randrange(len(content))
                (folder / name).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    assert digests(analyze(source(), ASKED, work=WORK, store=str(folder))) == expected
    assert kept(folder) == whole


@pytest.mark.parametrize("of", [2, 3, 7])
def test_tasks_of_any_number_in_any_order_leave_the_same_states(tmp_path, expected, of):
    whole = source()
    (stage,) = stages(whole.sites, ASKED)
    parts = plan(whole, whole.sites, WORK)
    store = Store(str(tmp_path / "states"))
    order = random.Random(of).sample(range(of), of)
    left = [share(stage, whole, parts, ResultSet(""), store, number, of) for number in order]
    assert left[-1] == 0
    assert left[0] > 0
    assert digests(analyze(whole, ASKED, work=WORK, store=store)) == expected


def test_a_text_that_grows_is_read_from_where_it_grew(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.txt").write_text("abc d.\n" * 40)
    symbols = open_corpus(folder).vocabulary
    torch.manual_seed(0)
    model = ModuleModel(CharNet(CharConfig(len(symbols), "gru", 1, 4)))

    def asked():
        read = Live(model, open_corpus(folder, vocabulary=symbols, length=20, context=5), 4)
        return analyze(read, [Moments()], ["rnn.*"], work=2000, store=str(tmp_path / "states"))

    asked()
    before = kept(tmp_path / "states")
    (folder / "7.txt").write_text("cab b.\n" * 40)
    grown = asked()
    after = kept(tmp_path / "states")
    assert set(before) - set(after) == set()
    assert len(after) - len(before) <= 3 < len(before)
    again = analyze(
        Live(model, open_corpus(folder, vocabulary=symbols, length=20, context=5), 4), [Moments()], ["rnn.*"], work=2000
    )
    assert digests(again) == digests(grown)


def test_keys_follow_everything_that_states_follow_from(tmp_path):
    whole = source()

    def key(read=whole, asked=(Moments(),), site=None):
        (stage,) = stages([site or read.sites[0]], asked)
        return stage.key(read, plan(read, read.sites, WORK)[0], ResultSet(""))

    site = whole.sites[0]
    keys = [
        key(),
        key(asked=[Moments(), Quantiles()]),
        key(asked=[Quantiles(size=64)]),
        key(site=dataclasses.replace(site, low=-2.0)),
        key(source(LENGTHS[:30])),
        key(planted({site: whole.values[site] * 2}, LENGTHS)),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return record(source(), tmp_path_factory.mktemp("run") / "recording", shard_tokens=300)


def test_processes_leave_the_same_bytes_as_one(written, tmp_path, expected):
    told = []
    one = analyze(written, ASKED, work=WORK)
    two = analyze(
        written, ASKED, work=WORK, workers=2, store=str(tmp_path / "s"), progress=lambda *done: told.append(done[1:])
    )
    assert digests(two) == digests(one) == expected
    assert told[-1] == (len(LENGTHS), len(LENGTHS))
    alone = analyze(written, ASKED, work=WORK, store=str(tmp_path / "t"))
    assert digests(alone) == expected
    assert kept(tmp_path / "s") == kept(tmp_path / "t")


def test_processes_record_the_same_bytes(written, tmp_path):
    again = record(written, tmp_path / "again", workers=2, shard_tokens=300)
    alone = record(written, tmp_path / "alone", shard_tokens=300)
    assert contents(again.folder) == contents(alone.folder)


def die_once(marker, part):
    if not marker.exists() and part.number == 1:
        marker.write_text("dead")
        os.kill(os.getpid(), signal.SIGKILL)
    return len(part.sequences)


def test_a_worker_that_is_killed_is_replaced(tmp_path):
    parts = plan(source(), source().sites, WORK)
    done = list(each(functools.partial(die_once, tmp_path / "marker"), parts, 2))
    assert sum(done) == len(LENGTHS)
    assert (tmp_path / "marker").exists()


def always_die(part):
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_that_die_again_and_again_are_said(monkeypatch):
    monkeypatch.setattr(workers, "DEATHS", 1)
    with pytest.raises(InputError, match="workers died 1 times"):
        list(each(always_die, plan(source(), source().sites, 10**9), 1))


def test_a_source_of_this_process_alone_is_refused_in_words():
    with pytest.raises(InputError, match="record it"):
        analyze(source(), ASKED, work=WORK, workers=2)
    with pytest.raises(InputError, match="at least 1 worker"):
        Processes(0)


class Failing(MemoryFileSystem):
    """An object store that is cut off after some bytes."""

    cachable = False
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    left = 0

    def put_file(self, lpath, rpath, **more):
        content = Path(lpath).read_bytes()
        if len(content) > self.left:
            self.pipe_file(rpath, content[: self.left])
            self.left = 0
            raise OSError("connection reset")
        self.left -= len(content)
        self.pipe_file(rpath, content)


def test_an_object_store_that_fails_after_some_bytes_loses_nothing(expected):
    system = Failing()
    store = Store("failing://states", system)
    failures = 0
    for _ in range(100):
        system.left = 20_000
        try:
            assert digests(analyze(source(), ASKED, work=WORK, store=store)) == expected
            break
        except InputError as error:
            assert "refuses" in str(error)  # noqa: PT017
            failures += 1
    else:
        raise AssertionError("it never ended")
    assert failures > 2


def test_an_address_of_fsspec_is_a_store(expected):
    fsspec.filesystem("memory").store.clear()
    for _ in range(2):
        assert digests(analyze(source(), ASKED, work=WORK, store="memory://here/states")) == expected
    assert len(fsspec.filesystem("memory").ls("/here/states")) == len(plan(source(), source().sites, WORK))


def test_two_at_once_do_no_harm(tmp_path, expected):
    found = []

    def run():
        found.append(digests(analyze(source(), ASKED, work=WORK, store=str(tmp_path / "states"))))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert found == [expected, expected]


def test_results_are_the_oracle_s():
    values = source().values[source().sites[0]].double().numpy()
    found = analyze(source(), [Moments()], work=WORK)["planted", "moments"]
    np.testing.assert_allclose(found.mean, values.mean(0), rtol=1e-5, atol=1e-6)


def test_workers_stay_for_the_next_work_while_they_are_wanted():
    asked = ["__import__('os').getpid()"]
    with workers.standing():
        first, second = (list(each(eval, asked, 1)) for _ in range(2))
        with workers.standing():
            third = list(each(eval, asked, 1))
    assert first == second == third
    assert list(each(eval, asked, 1)) != first


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    """Which can say nothing to them."""
    (tmp_path / "parent.py").write_text(
        "import os, signal, sys\n"
        "from unitscope.source.workers import each\n"
        "if __name__ == '__main__':\n"
        "    for pid in each(eval, ['__import__(\"os\").getpid()'], 1):\n"
        "        print(pid, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, tmp_path / "parent.py"], capture_output=True, text=True, check=False)
    worker = int(run.stdout)
    while os.path.exists(f"/proc/{worker}"):
        time.sleep(0.05)
