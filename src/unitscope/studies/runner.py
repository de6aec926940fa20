"""The one runner: does what is missing, keeps it, and writes the page and ``results.json`` of a study."""

import hashlib
import importlib
import importlib.util
import json
import multiprocessing
import pkgutil
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from unitscope import __version__
from unitscope.errors import InputError
from unitscope.page.page import Section, build_page
from unitscope.page.write import write_html
from unitscope.progress import Progress, silent
from unitscope.studies import library
from unitscope.studies.outcome_files import Outcome, keep, keep_time, kept, kept_time
from unitscope.studies.results import Concluded, concluded, verdicts, write_results
from unitscope.studies.study import Found, Here, Outcomes, Run, Study, table
from unitscope.views import View

RUNS = "runs"
"""The folder, inside a study's own, of one folder for each run."""


@dataclass(frozen=True)
class Done:
    """A study that was done."""

    study: Study
    outcomes: Outcomes
    claims: Sequence[Concluded]


def names() -> list[str]:
    """The studies that come with the package."""
    return [module.name.replace("_", "-") for module in pkgutil.iter_modules(library.__path__)]


def load_study(where: str) -> Study:
    """A study by its name, or of a file of one's own that holds ``STUDY``.

    Raises ``InputError`` for a name that there is not, and for a file that holds none.
    """
    if where.endswith(".py"):
        found = getattr(_of_file(Path(where)), "STUDY", None)
        if not isinstance(found, Study):
            raise InputError(f"{where} holds no STUDY; give it one: STUDY = Study(name=…, runs=…)")
        return found
    if where not in names():
        raise InputError(f"no study is called {where!r}; there are: {', '.join(names())}, or a file of your own")
    study: Study = importlib.import_module(f"{library.__name__}.{where.replace('-', '_')}").STUDY
    return study


@dataclass(frozen=True)
class Planned:
    """A run, whether it is done, and how long it took or will take."""

    name: str
    done: bool
    seconds: float | None
    """Of a processor: of the run itself, else the mean of like runs that are done; None where there are none."""


def plan(study: Study, options: Any, out: Path) -> list[Planned]:
    """The runs of a study in order, with what is known of them."""
    runs = in_order(study.runs(options))
    keys = keys_of(study, runs)
    done = {run.name: kept(_folder(out, run), keys[run.name]) is not None for run in runs}
    took = {run.name: kept_time(_folder(out, run)) if done[run.name] else None for run in runs}

    def alike(run: Run) -> float | None:
        known = [t for other in runs if _function(other) == _function(run) and (t := took[other.name]) is not None]
        return sum(known) / len(known) if known else None

    return [Planned(run.name, done[run.name], took[run.name] if done[run.name] else alike(run)) for run in runs]


def do(where: str, options: Any, out: Path, show: Progress = silent, workers: int = 1, command: str = "") -> Done:
    """Do what is missing of a study, and write ``index.html`` and ``results.json`` into a folder.

    A study that was stopped goes on. Raises ``InputError`` for options that cannot be, and what a run raises.
    """
    study = load_study(where)
    runs = in_order(study.runs(options))
    keys = keys_of(study, runs)
    found: dict[str, Outcome] = {}
    for run in runs:
        outcome = kept(_folder(out, run), keys[run.name])
        if outcome is not None:
            found[run.name] = outcome
    missing = [run for run in runs if run.name not in found]
    if workers > 1 and len(missing) > 1:
        _in_processes(where, options, out, missing, found, keys, show, workers)
    else:
        for run in missing:
            show(run.name, len(found), len(runs))
            found[run.name] = _do(out, run, found, keys[run.name], _inside(show, run.name))
    show("writing the page", len(runs), len(runs))
    outcomes = Outcomes([Found(run, found[run.name]) for run in runs], options)
    claims = concluded(study, outcomes)
    tables = {part.name: part.tables(outcomes) for part in study.parts}
    write_results(out, study, options, outcomes, claims, tables, command or " ".join(["unitscope", *sys.argv[1:]]))
    _write_page(out, study, outcomes, claims, tables)
    return Done(study, outcomes, claims)


def in_order(runs: Sequence[Run]) -> list[Run]:
    """Each run after those that it needs. Raises ``InputError`` for names that occur twice, or that there are not."""
    by = {run.name: run for run in runs}
    if len(by) < len(runs):
        twice = next(run.name for run in runs if sum(other.name == run.name for other in runs) > 1)
        raise InputError(f"two runs of the study are called {twice!r}; give each a name of its own")
    ordered: dict[str, Run] = {}

    def place(run: Run, above: tuple[str, ...]) -> None:
        if run.name in above:
            raise InputError(f"the run {run.name!r} needs itself: {' → '.join((*above, run.name))}")
        for name in run.needs:
            if name not in by:
                raise InputError(f"the run {run.name!r} needs {name!r}, which is no run of the study")
            if name not in ordered:
                place(by[name], (*above, run.name))
        ordered[run.name] = run

    for run in runs:
        if run.name not in ordered:
            place(run, ())
    return list(ordered.values())


def keys_of(study: Study, runs: Sequence[Run]) -> dict[str, str]:
    """Digest of everything that the outcome of each run depends on; runs stand after those that they need."""
    keys: dict[str, str] = {}
    for run in runs:
        content = [
            study.name,
            study.version,
            _function(run),
            run.settings,
            run.fingerprint,
            [keys[name] for name in run.needs],
        ]
        keys[run.name] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return keys


def _function(run: Run) -> str:
    """The name of what does a run."""
    function: Any = getattr(run.do, "func", run.do)  # of a partial, whose data the fingerprint is of
    return f"{function.__module__.rsplit('.', 1)[-1]}.{function.__qualname__}"


def options_of(study: Study, values: Mapping[str, Any]) -> Any:
    """The study's options with these values; others as they are by default. Raises ``InputError`` for unknown ones."""
    known = {field.name for field in fields(study.options)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"{study.name} has no option {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    return study.options(**values)


def _do(out: Path, run: Run, found: Mapping[str, Outcome], key: str, show: Progress) -> Outcome:
    folder = _folder(out, run)
    folder.mkdir(parents=True, exist_ok=True)
    here = Here(folder, out, {name: found[name] for name in run.needs}, show)
    begun = time.process_time()
    keep(folder, key, run.do(dict(run.settings), here))
    keep_time(folder, time.process_time() - begun)
    outcome = kept(folder, key)  # what a study goes on with is what it would have read
    assert outcome is not None
    return outcome


def _in_processes(
    where: str,
    options: Any,
    out: Path,
    missing: Sequence[Run],
    found: dict[str, Outcome],
    keys: Mapping[str, str],
    show: Progress,
    workers: int,
) -> None:
    """Runs go to processes as soon as what they need is there."""
    total = len(found) + len(missing)
    waiting = list(missing)
    given = asdict(options)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        going: dict[Future[None], Run] = {}
        while waiting or going:
            for run in [run for run in waiting if all(name in found for name in run.needs)]:
                waiting.remove(run)
                going[pool.submit(_work, where, given, str(out), run.name)] = run
            done, _ = wait(going, return_when=FIRST_COMPLETED)
            for future in done:
                run = going.pop(future)
                future.result()
                outcome = kept(_folder(out, run), keys[run.name])
                assert outcome is not None
                found[run.name] = outcome
                show(run.name, len(found), total)


def _work(where: str, given: dict[str, Any], out: str, name: str) -> None:
    """One run in a process of its own, which makes the study anew."""
    study = load_study(where)
    runs = in_order(study.runs(options_of(study, given)))
    keys = keys_of(study, runs)
    by = {run.name: run for run in runs}
    found = {need: kept(_folder(Path(out), by[need]), keys[need]) or {} for need in by[name].needs}
    _do(Path(out), by[name], found, keys[name], silent)


def _folder(out: Path, run: Run) -> Path:
    return out / RUNS / "".join(c if c.isalnum() or c in "-_." else "-" for c in run.name)


def _inside(show: Progress, name: str) -> Progress:
    """Progress of a run, under its name."""
    return lambda what, done, total: show(f"{name}: {what}", done, total)


def _of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"there is no file {path}; give one that holds STUDY = Study(…)")
    spec = importlib.util.spec_from_file_location(f"_study_{path.stem}", path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _write_page(
    out: Path,
    study: Study,
    outcomes: Outcomes,
    claims: Sequence[Concluded],
    tables: Mapping[str, Mapping[str, Any]],
) -> None:
    said, by_verdict = verdicts(claims)
    text = f"{study.text}\n\nAfter {study.paper}.\n\n{said}" if study.paper else f"{study.text}\n\n{said}"
    sections = [Section("claims", "What holds", text, by_verdict)]
    for number, part in enumerate(study.parts):
        shown: list[View] = [table(title, rows) for title, rows in tables[part.name].items() if rows]
        shown += part.views(outcomes)
        if shown:
            sections.append(Section(f"part-{number}", part.name, part.text, shown))
    subtitle = f"{len(outcomes)} runs, unitscope {__version__}, Python {platform.python_version()}"
    page = build_page(study.name.replace("-", " ").capitalize(), subtitle, sections)
    write_html(page, out / "index.html")
