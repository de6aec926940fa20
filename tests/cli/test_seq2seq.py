import pytest
import torch
from typer.testing import CliRunner

from unitscope.cli.app import app
from unitscope.corpus.lookup_tables import LookupTables, draw_tables
from unitscope.corpus.pairs import read_pairs, write_pairs
from unitscope.errors import InputError
from unitscope.recording.recording import Recording


def unitscope(*words):
    outcome = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    torch.set_num_threads(1)
    assert outcome.exit_code == 0, outcome.output
    return "".join(outcome.stdout.split())  # the console breaks lines, and a long path anywhere


def test_from_pairs_to_recordings_of_both_sides(tmp_path):
    task = LookupTables(draw_tables(3, bits=2), held_tables=1, held_compositions=1, held_inputs=1, validation=1)
    for name, pairs in task.splits().items():
        write_pairs(tmp_path / "data" / f"{name}.tsv", pairs)
    net = tmp_path / "net"
    command = (
        "train",
        "pairs",
        "--data",
        tmp_path / "data",
        "--out",
        net,
        "--hidden",
        6,
        "--epochs",
        1,
        "--guidance",
        1,
    )
    said = unitscope(*command, "--guidance", 1, "--cell", "lstm", "--no-full-focus")
    assert "heldout_inputs:0." in said
    assert "attentiononitsplace" in said
    said = unitscope("info", net)
    assert "encoder.cell_gate" in said
    assert "heldout_inputs" in said
    pairs = tmp_path / "data" / "heldout_tables.tsv"
    said = unitscope("record", net, pairs, "--out", tmp_path / "run", "--sites", "*.cell", "--sites", "output.*")
    rows = read_pairs(pairs)
    steps = {"encoder": 4, "decoder": 3}
    for side, count in steps.items():
        recording = Recording.open(tmp_path / "run" / side)
        assert f"{side}.cell" in {site.name for site in recording.sites}
        assert f"run/{side}:{count * len(rows)}steps" in said
        lengths = [len(chunks[f"{side}.cell"]) for chunks in recording.chunks([f"{side}.cell"])]
        assert sum(lengths) == count * len(rows)
    listed = unitscope("info", net)
    assert "decoder.attention" in listed
    assert "aunitforeachplaceofthelongestsource" in listed
    with pytest.raises(InputError, match="is an encoder–decoder, which reads pairs and no text: record"):
        unitscope("ask", tmp_path / "run" / "encoder")
    with pytest.raises(InputError, match=r"no site matches 'x'; there are: encoder\.input_gate"):
        unitscope("record", net, pairs, "--out", tmp_path / "other", "--sites", "x")


def test_lookup_tables_are_written(tmp_path):
    said = unitscope("data", "lookup-tables", "--out", tmp_path, "--tables", 4, "--most", 100)
    assert "train.tsv:232pairs" in said
    assert len(read_pairs(tmp_path / "longer4_new.tsv")) == 100
