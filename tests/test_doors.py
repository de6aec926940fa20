import json
import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import wired
from outsider import Outsider

from unitscope import doors
from unitscope.corpus.splits import Split
from unitscope.doors import DOORS, by_name, members, modules
from unitscope.errors import InputError
from unitscope.networks.card import Card, save

ROOT = Path(__file__).parent.parent
CODE = re.search(
    r"```python\n([^`]*class Active.*?)```", (ROOT / "docs" / "contributing.md").read_text("utf-8"), re.DOTALL
)
assert CODE is not None
ACTIVE = CODE[1]
"""The analysis that the page on contributing shows."""

LABEL = '''
from unitscope.labels.label import Flags, flag
from unitscope.labels.scan import among


@flag("sibilant")
def sibilant(text: str) -> Flags:
    """A letter that hisses."""
    return among(text, "szSZ")
'''
CORPUS = """
from unitscope.corpus.public import File, Public

HERE = Public("here", "a text", "none", [File("text", "https://example.org/here.txt", 3, "sha256:00")])
"""
READER = """
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

from torch import nn

from unitscope.models.site import Site


class Gated(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.gate = nn.Linear(units, units)

    def forward(self, x):
        return x * self.gate(x).sigmoid()


class GatedReader:
    reads: ClassVar[tuple[type[nn.Module], ...]] = (Gated,)
    reads_ahead = False

    def __init__(self, path, module):
        self._site, self._module = Site(f"{path}.gated", module.gate.out_features), module

    def sites(self):
        return (self._site,)

    @contextmanager
    def reading(self, streams, edits, steps):
        into = streams.get(self._site.name)
        hook = self._module.register_forward_hook(lambda _, __, y: into is not None and into.append(y) or None)
        try:
            yield
        finally:
            hook.remove()
"""


def test_what_ships_enters_by_the_same_doors() -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert set(written) == {f"unitscope.{door}" for door in DOORS}
    for group, points in written.items():
        known = {point.name: point.value for point in entry_points(group=group)}
        assert points.items() <= known.items()


def test_no_other_door() -> None:
    with pytest.raises(ValueError, match="analyses, labels"):
        modules("windows")


def test_an_installation_without_its_entry_points_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "entry_points", lambda group: [])
    with pytest.raises(InputError, match="pip install"):
        modules.__wrapped__("analyses")


def test_two_of_one_name_are_refused() -> None:
    module, other = modules("analyses")[:2]
    assert by_name("analyses", [("a", module, 1), ("b", other, 2)]) == {"a": 1, "b": 2}
    with pytest.raises(InputError, match=f"'?a'?, in {re.escape(module.__name__)} and in {re.escape(other.__name__)}"):
        by_name("analyses", [("a", module, 1), ("a", other, 2)])


def test_members_stand_with_their_module() -> None:
    found = list(members("labels", lambda module, value: callable(value) and value.__module__ == module.__name__))
    assert found
    assert all(value.__module__ == module.__name__ for module, value in found)


def test_what_others_install_is_found(tmp_path: Path) -> None:
    files = {"labels/hisses.py": LABEL, "corpora/here.py": CORPUS, "models/gated.py": READER}
    package = Outsider(tmp_path / "site", "other", files, {d: f"other.{d}" for d in ("labels", "corpora", "models")})
    done = package.python("""
import torch
from unitscope.corpus.download import named
from unitscope.labels import find, names, suggest
from unitscope.models.module import ModuleModel
from other.models.gated import Gated

assert find("sibilant")("Busy").tolist() == [False, False, True, False]
assert names("hisses") == ["sibilant"]
assert "sibilant" in suggest("It hisses. " * 20)
assert [file.part for _, file in named("here")] == ["text"]
net = torch.nn.Sequential(torch.nn.Embedding(5, 3), Gated(3), torch.nn.Linear(3, 5))
assert "1.gated" in [site.name for site in ModuleModel(net).sites()]
""")
    assert done.returncode == 0, done.stderr


def test_an_analysis_of_others_works_everywhere(tmp_path: Path) -> None:
    """On the command line, in files, on the page, in the table; without its package its results are refused."""
    package = Outsider(tmp_path / "site", "other", {"analyses/active.py": ACTIVE}, {"analyses": "other.analyses"})
    text = wired.corpus(tmp_path, lines=60)
    net = wired.wired().module
    digest = text.documents.fingerprint
    card = Card("char", net.config, wired.VOCABULARY.symbols, unit="bytes", split=Split(), corpus="wired.txt",
                corpus_fingerprint=digest)  # fmt: skip
    save(tmp_path / "net", net, card)
    done = package.python(
        """
from typer.testing import CliRunner
from unitscope.cli.app import app

for words in (
    ["analyze", "--list"],
    ["record", "net", "wired.txt", "--out", "run", "--part", "all"],
    ["analyze", "run", "active:threshold=0.5", "active"],
    ["report", "run", "--out", "page.json", "--table", "units.csv"],
    ["analyze", "run", "active:threshold=a"],
):
    result = CliRunner().invoke(app, words)
    print(result.output, repr(result.exception))
""".replace("from typer", f"import os\nos.chdir({str(tmp_path)!r})\nfrom typer", 1)
    )
    assert done.returncode == 0, done.stderr
    assert "activations above this count as active" in done.stdout
    assert "active:threshold cannot be 'a'" in done.stdout
    page = json.loads((tmp_path / "page.json").read_text())
    assert [field["name"] for field in page["table"]["fields"]] == ["active", "active"]
    unit = page["units"]["rnn.0.hidden"][0]
    assert "Active share" in [group["title"] for group in unit]
    assert any(section["id"].startswith("all-active") for section in page["sections"])
    assert (tmp_path / "units.csv").read_text().startswith("site,unit,active")

    results = str(tmp_path / "run" / "results")
    loading = f"from unitscope.fold.resultset import *\nResultSet.load(Path({results!r}))"
    assert package.python(loading).returncode == 0
    without = Outsider(tmp_path / "elsewhere", "nothing", {}, {}).python(loading)
    assert "install the package it came in" in without.stderr


def test_a_member_that_is_there_already_is_refused(tmp_path: Path) -> None:
    code = "from unitscope.fold.analysis import catalogue\ncatalogue()"
    twice = Outsider(tmp_path, "other", {"analyses/moments.py": ACTIVE}, {"analyses": "other.analyses"}).python(code)
    assert "InputError: two of the analyses are called moments" in twice.stderr
    assert "unitscope.analyses.moments and in other.analyses.moments" in twice.stderr


@pytest.mark.parametrize(
    ("files", "package", "says"),
    [
        ({"analyses/broken.py": "import nothing_of_this_name"}, "other.analyses", "nothing_of_this_name"),
        ({}, "other.analyses", "cannot be imported"),
        ({"one.py": ""}, "other.one", "is no package"),
    ],
)
def test_a_package_that_cannot_be_used_is_named(tmp_path: Path, files: dict[str, str], package: str, says: str) -> None:
    outsider = Outsider(tmp_path, "other", files, {"analyses": package})
    done = outsider.python("from unitscope.fold.analysis import catalogue\ncatalogue()")
    assert "InputError" in done.stderr
    assert "other" in done.stderr
    assert says in done.stderr
