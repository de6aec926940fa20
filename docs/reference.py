"""Write docs/reference.md and docs/python.md: every command, analysis, label, measure and public name, in the words of
the code.

`make docs` runs this; a test fails while the page says anything else than the code.
"""

import dataclasses
import inspect
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer
from torch import nn

import unitscope
from unitscope.asking.measures import MEASURES
from unitscope.cli.app import app
from unitscope.cli.lazy import load_all
from unitscope.corpus.open import open_corpus
from unitscope.fold.analysis import Analysis, catalogue, title
from unitscope.fold.analyze import analyze
from unitscope.labels.library import catalogue as hypotheses
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live

PAGE = Path(__file__).with_name("reference.md")
PYTHON = Path(__file__).with_name("python.md")


def page() -> str:
    """The whole page, as Markdown."""
    load_all()
    parts = ["# Reference", "Written from the code by `make docs`.", "## Commands"]
    parts += _commands("unitscope", typer.main.get_command(app))
    parts.append("## Analyses")
    columns = _columns()
    for name, analysis in sorted(catalogue().items()):
        parts += [f"### `{name}`", *_analysis(analysis)]
        if columns[name]:
            parts.append(_table(("column", "what it says of a unit"), columns[name]))
    parts += ["## Hypotheses", *_hypotheses()]
    measures = [(f"`{name}`", measure.help) for name, measure in MEASURES.items()]
    parts += ["## Measures of `ask`", _table(("name", "what it says of a unit and a label"), measures)]
    if names := getattr(unitscope, "__all__", ()):
        rows = [(f"`{name}`", _first_line(getattr(unitscope, name))) for name in sorted(names, key=str.lower)]
        parts += ["## Python", _table(("`unitscope.`", "what it is"), rows)]
    return "\n\n".join(parts) + "\n"


def python() -> str:
    """The page of Python's names, which the site fills with signatures and docstrings."""
    parts = ["# Python", "What `import unitscope` gives. A name is loaded when it is first used."]
    parts += [f"::: unitscope.{name}" for name in unitscope.__all__]
    return "\n\n".join(parts) + "\n"


def _commands(name: str, group: Any) -> Iterator[str]:
    for key, command in sorted(group.commands.items()):
        yield f"### `{name} {key}`"
        yield inspect.cleandoc(command.help or "")
        yield from _options(command.params)
        if hasattr(command, "commands"):
            yield from _commands(f"{name} {key}", command)


def _options(params: Sequence[Any]) -> Iterator[str]:
    rows = []
    for param in params:
        if param.name == "help" or getattr(param, "hidden", False):
            continue
        flags = [*param.opts, *param.secondary_opts] if param.param_type_name == "option" else [param.name.upper()]
        help_text = getattr(param, "help", None) or ""
        rows.append((" ".join(f"`{flag}`" for flag in flags), _default(param.default), help_text))
    if rows:
        yield _table(("option", "default", "what it does"), rows)


def _default(value: Any) -> str:
    if value is None or value is False or callable(value):
        return ""
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"`{text}`" if text else ""


def _analysis(analysis: type[Analysis[Any]]) -> Iterator[str]:
    _, _, rest = inspect.cleandoc(analysis.__doc__ or "").partition("\n")
    yield f"**{title(analysis)}.**"
    if rest.strip():
        yield rest.strip().replace("\n>", "\n\\>")  # at the beginning of a line, > would make a quotation
    fields = dataclasses.fields(analysis)  # type: ignore[arg-type]
    if fields:
        rows = [(f"`{field.name}`", _default(field.default), field.metadata.get("help", "")) for field in fields]
        yield _table(("parameter", "default", "what it does"), rows)


def _columns() -> dict[str, list[tuple[str, str]]]:
    """The columns that each analysis adds to the table of all units, read off a gate or a cell of a small network."""
    # Who asks about labels and is told none has nothing to say; labels are their first parameter.
    analyses = [kind(*[("digit",)] * kind.asks) for kind in catalogue().values()]
    stimuli = {label: _step for analysis in analyses for label in analysis.labels if label not in hypotheses()}
    corpus = open_corpus(Path(__file__), length=64, annotations=stimuli)
    module = nn.Sequential(nn.Embedding(len(corpus.vocabulary), 2), nn.LSTM(2, 2, batch_first=True))
    sites = ["1.0.forget_gate", "1.0.cell"]  # a cell has no bounds
    results = analyze(Live(ModuleModel(module, logits=lambda _: None), corpus), analyses, sites)
    found = {}
    for analysis in analyses:
        result = next(results[site, analysis.key] for site in sites if (site, analysis.key) in results.entries)
        found[analysis.name] = [(f"`{column.name}`", column.help) for column in result.columns()]
    return found


def _step(text: str) -> np.ndarray:
    """For analyses whose label is a stimulus."""
    return np.arange(len(text)) >= len(text) // 2


def _hypotheses() -> Iterator[str]:
    rows = [(f"`{key}`", hypothesis.kind, hypothesis.help) for key, hypothesis in sorted(hypotheses().items())]
    yield _table(("name", "kind", "what it says of a character"), rows)


def _first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", r"\|") for cell in line) + " |" for line in lines
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    PYTHON.write_text(python(), encoding="utf-8")
