"""The small form of benchmarks/endurance.py: signals, full disks, hostile recordings, files that nobody meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_nothing_is_lost_run_or_said_in_more_than_a_line(tmp_path):
    pytest.importorskip("starlette")
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "endurance.py", "--quick"],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("'death': 2", "hostile recordings: 1 ", "mutated inputs: "):
        assert part in done.stdout, done.stdout
    assert done.stdout.endswith("0 things went wrong\n")
