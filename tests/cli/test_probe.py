import os
import subprocess
import sys
from pathlib import Path

import torch
from treebanks import CONLLU, written

from unitscope.corpus.splits import Split
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.networks.char import CharConfig, CharNet
from unitscope.models.networks.files import Card, save
from unitscope.probing.table import ProbeTable


def network(folder: Path) -> Path:
    torch.manual_seed(0)
    vocabulary = Vocabulary.of(chr(i) for i in range(128))
    config = CharConfig(len(vocabulary), units=5)
    save(folder, CharNet(config), Card(config, vocabulary, "bytes", Split(), "letters", "00"))
    return folder


def test_table_numbers_and_page(tmp_path: Path) -> None:
    bank = written(tmp_path, "".join(CONLLU.replace("letters", f"letters {i}") + "\n" for i in range(30)))
    out = tmp_path / "probes"
    arguments = ["probe", str(network(tmp_path / "net")), str(bank), "--sites", "*.hidden", "--out", str(out)]
    command = [str(Path(sys.executable).parent / "unitscope"), *arguments, "--label", "upos", "--label", "deprel"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "160"})
    assert done.returncode == 0, done.stderr
    assert "rnn.0.hidden" in done.stdout
    table = ProbeTable.load(out)
    assert [(row.site, row.label) for row in table.rows] == [("rnn.0.hidden", "upos"), ("rnn.0.hidden", "deprel")]
    assert all(row.accuracy == row.accuracy and row.twin_accuracy == row.twin_accuracy for row in table.rows)
    assert "What net knows of words" in (out / "probing.html").read_text(encoding="utf-8")
