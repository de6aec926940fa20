"""One family of each kind of architecture, verified as those of the table of all families are.

Which family stands for its kind follows from the library's version, so that each gets its turn.
"""

import runpy
import zlib
from pathlib import Path

import pytest

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "results" / "families.md"
SWEEP = ROOT / "benchmarks" / "families.py"
KINDS = ("decoder", "encoder")
"""Text parts of larger models are decoders like others; encoder–decoders are read in the tests beside this one."""


def chosen() -> list[tuple[str, str]]:
    """Family and class, one of each kind."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 6 and cells[5] == "verified" and cells[3] in KINDS:
            kinds.setdefault("mixture" if "router" in cells[4] else cells[3], []).append((cells[1], cells[2]))
    turn = zlib.crc32(transformers.__version__.encode())
    return [families[turn % len(families)] for families in kinds.values()]


@pytest.fixture(scope="module")
def sweep():
    return runpy.run_path(str(SWEEP))


@pytest.mark.filterwarnings("ignore")  # of another library
@pytest.mark.parametrize(("family", "name"), chosen(), ids=lambda value: value)
def test_every_site_of_a_family_is_what_hooks_by_hand_see(family, name, sweep):
    sites, verdict, why = sweep["tried"](family, name)
    assert (verdict, bool(sites)) == ("verified", True), why


def test_at_least_ninety_families_are_verified():
    assert TABLE.read_text(encoding="utf-8").count("| verified |") >= 90
