"""``unitscope check`` as a user types it."""

import sys

import pytest

from unitscope.cli.main import run


def test_what_was_found_out_is_said_in_full(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["unitscope", "--threads", "1", "check"])
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert all(f"rnn.0.{stream}" in said for stream in ("input_gate", "cell", "hidden"))
    assert "predicts the next token" in said
