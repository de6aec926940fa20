"""The code in README.md and docs/ runs, and says what there is.

A page's ``python`` blocks are executed in order; they share their names and an empty folder. In a ``console`` block
the lines that begin with ``$ `` are run by bash in the same folder, and each line below them must be in what they print
(``…`` stands for anything). A comment ``<!-- no-run -->`` before it leaves a block alone; the ``unitscope`` commands
of every block are still checked for their options.
"""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
import warm
from markdown_it import MarkdownIt
from markdown_it.token import Token

import unitscope
from unitscope.cli.app import app
from unitscope.cli.lazy import load_all

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELLS = {"console", "bash", "sh"}


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[tuple[str, bool, str, int]]:
    """Language, whether it is run, text, and the line where the text begins (from 0), for every block of code."""
    found = []
    runs = True
    for token in tokens(page):
        if token.type == "fence":
            assert token.map is not None
            found.append((token.info, runs, token.content, token.map[0] + 1))
        runs = token.content.strip() != "<!-- no-run -->"
    return found


def commands(text: str, prompt: str) -> list[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith(prompt):
            found.append((line.removeprefix(prompt), []))
        elif line.strip():
            assert found, f"no line begins with {prompt!r} before: {line}"
            found[-1][1].append(line)
    return found


def run(command: str, folder: Path, shown: list[str], alone: bool) -> None:
    """A command ``alone`` is a process from its first import on; so is one that needs a shell."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "120", "OMP_NUM_THREADS": "1"}
    plain = re.fullmatch(r"unitscope( [\w./:=,@+-]+| '[^']*')+", " ".join(command.split()))
    if plain and not alone:
        _, *words = shlex.split(command)
        done = warm.unitscope(*words, folder=folder, env=environment)
    else:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    printed = done.stdout + done.stderr
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{printed}"
    for line in shown:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("…"))
        assert re.search(pattern, " ".join(printed.split())), f"{command} does not print {line!r} but:\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for language, runs, text, line in blocks(page):
        if not runs:
            if language == "python" and "…" not in text:
                compile(text, str(page), "exec")
            continue
        if language == "python":
            # Blank lines before it, so that an error names the line of the page.
            exec(compile("\n" * line + text, str(page), "exec"), names)
        elif language == "console":
            for command, shown in commands(text, "$ "):
                run(command, tmp_path, shown, alone=page.name == "index.md")


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_run_and_hold_what_they_printed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert any(cell["outputs"] for cell in cells)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        exec(compile("".join(cell["source"]), str(path), "exec"), names)


def test_commands_have_the_options_they_are_shown_with() -> None:
    known = command_line()
    for page in PAGES:
        for language, _, text, _ in blocks(page):
            if language not in SHELLS:
                continue
            for line, _ in commands(text, "$ " if language == "console" else ""):
                check_options(line, known, page)


def check_options(line: str, known: dict[str, set[str]], page: Path) -> None:
    words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
    if "unitscope" not in words:
        return
    name, *rest = [*words[words.index("unitscope") + 1 :], ""]
    if not name or name.startswith("-"):
        return
    if name == "study" and rest and rest[0].endswith(".py"):
        rest[0] = "fixed-points"  # a file of one's own has these options and its own
    if rest and f"{name} {rest[0]}" in known:
        name, *rest = f"{name} {rest[0]}", *rest[1:]
    assert name in known, f"{page.name}: unitscope has no command {name}"
    ends = [i for i, word in enumerate(rest) if word in {"|", "||", "&&", ";", ">", "<"}]
    for word in rest[: min(ends, default=len(rest))]:
        option = word.partition("=")[0]
        if re.match(r"--?[A-Za-z]", option):
            assert option in known[name], f"{page.name}: unitscope {name} has no option {option}"


def commands_of(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its words: ``record``, and where commands have commands, ``study response-characterization``."""
    for name, command in group.commands.items():
        yield before + name, command
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{before}{name} ")


def every_command() -> dict[str, Any]:
    load_all()
    return dict(commands_of(typer.main.get_command(app)))


def command_line() -> dict[str, set[str]]:
    """The options of every command."""
    return {
        name: {option for param in command.params for option in [*param.opts, *param.secondary_opts]} | {"--help"}
        for name, command in every_command().items()
    }


def test_reference_is_what_the_code_says() -> None:
    command_line()
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "docs/reference.md is out of date: make docs"
    assert reference.PYTHON.read_text(encoding="utf-8") == reference.python(), (
        "docs/python.md is out of date: make docs"
    )


def test_every_command_is_shown_somewhere() -> None:
    written = "\n".join(text for page in PAGES if page.name != "reference.md" for _, _, text, _ in blocks(page))
    missing = [name for name in command_line() if f"unitscope {name}" not in written]
    assert not missing, f"no page shows how to use: {missing}"


def test_everything_has_a_word_of_help() -> None:
    for name, command in every_command().items():
        assert command.help, name
        silent = [param.name for param in command.params if not getattr(param, "help", None)]
        assert not silent, f"unitscope {name}: no help for {silent}"


@cache
def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page."""
    found = tokens(page)
    headings = [after.content for token, after in pairwise(found) if token.type == "heading_open"]
    return {
        re.sub(r"[^\w -]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text).lower()).replace(" ", "-") for text in headings
    }


def links(page: Path) -> list[str]:
    children = [child for token in tokens(page) for child in token.children or ()]
    targets = [str(child.attrs.get("href") or child.attrs.get("src") or "") for child in children]
    return [target for target in targets if target and not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name} links to {target}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there.resolve()), f"{page.name} links to {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page not in seen and page.suffix == ".md" and page.exists():
            seen.add(page)
            ahead += [page.parent / target.partition("#")[0] for target in links(page)]
    missing = {page.resolve() for page in PAGES} - seen
    assert len(seen) > 40
    assert not missing, f"no link leads to {sorted(page.name for page in missing)}"


def test_numbers_of_the_readme_are_those_of_the_results() -> None:
    """Counts of the demo's table, and values of claims with the words that the README has around them."""
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    demo = (ROOT / "docs" / "results" / "demo.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [\w-]+ \| [^|]+ \| `(.+?)` ([^|]+?) \|", demo, re.MULTILINE)
    confirmed = [(unit, verdict) for unit, verdict in rows if "not confirmed" not in verdict]
    used = [unit for unit, verdict in confirmed if verdict.endswith("used")]
    for text in (
        f"Of {len(rows)} labels, {len(confirmed)} have a unit",
        f"({len({unit for unit, _ in confirmed})} distinct units)",
        f"for {len(used)} labels the network uses it ({len(set(used))} units)",
    ):
        assert text in readme

    def value(study: str, claim: str, field: str = "value") -> float:
        claims = json.loads((ROOT / "docs" / "results" / f"{study}.json").read_text(encoding="utf-8"))["claims"]
        (found,) = [one[field] for one in claims if one["id"] == claim]
        return float(found)

    lower, higher = (value("cnn-units-encyclopedia", f"{name}-encyclopedia") for name in ("replicate", "held-out"))
    assert f"{-lower:.2f} lower than in untrained networks, a held-out AUROC {higher:.2f} higher" in readme
    lower, higher = (value("cnn-units-translation", f"{name}-translation") for name in ("replicate", "held-out"))
    assert f"{lower:.2f} and {higher:+.2f}".replace("-", "−") in readme
    rho = [value("response-characterization", "sign-delta-CO2", field) for field in ("value", "low", "high")]
    assert "(Spearman {:.2f}, {:.2f} to {:.2f})".format(*rho) in readme
    assert [value("fixed-points", f"memories-{kind}") * 8 for kind in ("gru", "lstm", "rnn")] == [8, 8, 7]
    assert "in 8 of 8 GRUs and LSTMs, 7 of 8 plain networks" in readme


def test_every_page_has_its_place_in_the_site() -> None:
    """The navigation of zensical.toml names every page, once."""

    def named(nav: Any) -> Iterator[str]:
        for entry in nav:
            (target,) = entry.values()
            if isinstance(target, str):
                yield target
            else:
                yield from named(target)

    docs = ROOT / "docs"
    nav = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    assert sorted(named(nav)) == sorted(page.relative_to(docs).as_posix() for page in docs.rglob("*.md"))


def test_every_name_at_the_top_is_shown_at_work() -> None:
    """Each is used by code that runs, or is what such a name makes."""
    pages = [block for page in PAGES for block in blocks(page)]
    code = "\n".join(text for language, runs, text, _ in pages if language == "python" and runs)
    made = {"Answer": "ask", "Arrays": "from_arrays", "Corpus": "open_corpus", "Model": "ModuleModel", "Source": "Live"}
    shown = set(re.findall(r"\w+", code))
    missing = [name for name in unitscope.__all__ if made.get(name, name) not in shown]
    assert not missing, f"no page shows how to use: {missing}"


def test_facts_about_modules_name_their_tests() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "results" / "facts.md").read_text(encoding="utf-8")))
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "models").rglob("test_*.py"))
    assert named and not {name for name in named if f"def {name}(" not in written}
