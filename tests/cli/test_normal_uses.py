"""Commands one after the other, as people give them: each finds what the others left, wherever it is called."""

import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from unitscope.analyses.moments import Moments
from unitscope.cli import console
from unitscope.cli.main import STOPPED, run
from unitscope.cli.report import open_page
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.networks.card import Card, save
from unitscope.networks.char import CharConfig, CharNet
from unitscope.page.write import write_page

MINE = "import numpy as np\n\n\ndef b(text):\n    return np.array([c == 'b' for c in text])\n"
FEW = ["--part", "all", "--length", "50", "--context", "0"]


def unitscope(*words):
    """Run a command in this process; its status."""
    before = sys.argv
    sys.argv = ["unitscope", "--threads", "1", *map(str, words)]
    try:
        with pytest.raises(SystemExit) as end:
            run()
    finally:
        sys.argv = before
    return end.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network, a folder of texts, and a recording that lies among the texts it is of."""
    folder = tmp_path_factory.mktemp("uses")
    torch.manual_seed(0)
    vocabulary = Vocabulary(tuple("ab (1)\n"))
    net = CharNet(CharConfig(len(vocabulary), units=4))
    save(folder / "net", net, Card("char", net.config, vocabulary.symbols, unit="bytes"))
    (folder / "texts").mkdir()
    for number in range(4):
        (folder / "texts" / f"{number}.txt").write_text("ab (1)\nba\n" * 20 + "b" * number)
    assert unitscope("record", folder / "net", folder / "texts", "--out", folder / "texts" / "run", *FEW) == 0
    return folder


def shards(folder):
    return {path.name: path.read_bytes() for path in (folder / "texts" / "run" / "shards").rglob("*.*")}


def test_a_recording_inside_its_own_corpus_goes_on(folder, capsys):
    before = shards(folder)
    assert unitscope("record", folder / "net", folder / "texts", "--out", folder / "texts" / "run", *FEW) == 0
    assert shards(folder) == before
    assert "of texts" in capsys.readouterr().out


def test_a_label_of_one_s_own_is_kept_with_what_was_found(folder, tmp_path, monkeypatch):
    recording, mine = folder / "texts" / "run", tmp_path / "mine.py"
    mine.write_text(MINE)
    label = ["--label", f"{mine}:b"]
    few = ["--baselines", "0", "--no-ablate", "--no-controls"]
    assert unitscope("ask", recording, *label, *label, *few) == 2  # said in one line
    assert unitscope("ask", recording, *label, *few) == 0
    mine.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert unitscope("report", recording, "--out", "page.json") == 0
    assert "mine.py:b" in (tmp_path / "elsewhere" / "page.json").read_text()


def test_work_is_estimated_and_not_done(folder, tmp_path, capsys):
    words = ["record", folder / "net", folder / "texts", "--out", tmp_path / "none", *FEW, "--dry-run"]
    assert unitscope(*words) == 0
    said = capsys.readouterr().out
    assert "MB as float32" in said
    assert re.search(r"about \d+ s to read, by the pace of the first batch", said)
    assert not (tmp_path / "none").exists()
    before = sorted((folder / "texts" / "run").rglob("*"))
    assert unitscope("ask", folder / "texts" / "run", "--label", "digit", "--units", "*.hidden", "--dry-run") == 0
    assert "4 units × 1 labels = 4 pairs on" in (said := capsys.readouterr().out)
    assert "20 untrained networks on 25% of them: about" in said
    assert sorted((folder / "texts" / "run").rglob("*")) == before


def test_lines_of_progress_say_what_is_left(capfd, monkeypatch):
    monkeypatch.setattr(console, "EVERY", 0.0)
    monkeypatch.setattr(console.time, "monotonic", iter([0.0, 10.0, 200.0]).__next__)
    with console.progress_bar() as show:
        for done in (0, 10, 100):
            show("reading", done, 100)
    lines = capfd.readouterr().err.splitlines()
    assert lines == ["reading: 0 of 100", "reading: 10 of 100, about 2 min left", "reading: 100 of 100"]
    said = [console.span(seconds) for seconds in (0.1, 89.0, 200.0, 7300.0)]
    assert said == ["about 1 s", "about 89 s", "about 3 min", "about 2.0 h"]


def test_responses_join_a_report(folder):
    recording = folder / "texts" / "run"
    assert unitscope("analyze", recording, "moments") == 0
    assert unitscope("respond", recording, "--drive-steps", "8", "--sequences", "1") == 0
    assert unitscope("report", recording) == 0
    assert unitscope("verify", recording) == 0


def test_ctrl_c_amid_the_work_is_one_line_and_the_same_command_goes_on(folder, monkeypatch, capfd):
    words = ["analyze", folder / "texts" / "run", "moments", "histogram"]

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupting:
        interrupting.setattr(Moments, "update", interrupted)
        capfd.readouterr()
        assert unitscope(*words) == 130
    assert capfd.readouterr().err.splitlines()[-1] == STOPPED
    assert unitscope(*words) == 0
    assert unitscope("verify", folder / "texts" / "run") == 0


def test_two_reports_at_once_are_both_whole(folder):
    recording = folder / "texts" / "run"
    page, path = open_page(recording), recording / "both.html"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: write_page(page, html=path), range(2)))
    assert path.read_text().endswith("</html>\n")
    assert [left.name for left in recording.glob(".*")] == []


def test_what_has_no_model_is_asked_and_shown(tmp_path):
    draw = np.random.default_rng(0)
    loud = np.tile([0, 1], 100)
    cells = draw.standard_normal((200, 3)).astype("f4") + loud[:, None]
    np.savez(tmp_path / "cells.npz", cells=cells, lengths=np.full(20, 10), loud=loud)
    assert unitscope("import", tmp_path / "cells.npz", "--out", tmp_path / "run") == 0
    assert unitscope("ask", tmp_path / "run", "--label", "loud", "--baselines", "0") == 0
    assert unitscope("report", tmp_path / "run") == 0


def test_names_that_are_no_utf_8(folder, tmp_path):
    text, recording = (tmp_path / os.fsdecode(name) for name in (b"b\xff.txt", b"r\xfe"))
    try:
        text.write_text("ab (1)\nba\n" * 40)
    except OSError:
        pytest.skip("this disk keeps no such names")
    assert unitscope("record", folder / "net", text, "--out", recording, *FEW) == 0
    assert unitscope("analyze", recording, "moments") == 0
    few = ["--baselines", "0", "--no-ablate", "--no-controls"]
    assert unitscope("ask", recording, "--label", "regex:b", *few) == 0
    assert unitscope("report", recording, "--table", tmp_path / "t\udcff.parquet") == 0
    assert unitscope("verify", recording) == 0
    assert unitscope("match", recording, "\udcff") == 2  # which the text does not hold


def test_what_can_be_read_only_once_is_not_looked_for_again(folder, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text("ab (1)\nba\n" * 40))
    writer.start()
    assert unitscope("record", folder / "net", tmp_path / "pipe", "--out", tmp_path / "run", *FEW) == 0
    writer.join()
    assert unitscope("respond", tmp_path / "run", "--drive-steps", "8") == 2  # and does not wait at the pipe
