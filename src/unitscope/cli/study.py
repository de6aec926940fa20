"""``unitscope study``: a command for each study, of the package or of a file of one's own; its options are fields."""

import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from unitscope.cli import console
from unitscope.cli.app import app
from unitscope.cli.options import DryRun
from unitscope.errors import InputError
from unitscope.files.writing import write
from unitscope.studies import runner
from unitscope.studies.results import NAME, Concluded, Row, one_table, read_rows, results_in
from unitscope.studies.study import Study

BETWEEN = ("<!-- claims -->", "<!-- end of claims -->")
"""Lines of a Markdown file between which the one table is written."""


class StudyGroup(TyperGroup):
    """Knows the package's studies, and any file that holds one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of a study; that of a file is made when it is asked for."""
        if args and args[0].endswith(".py"):
            made = typer.Typer()
            made.command()(command(args[0], runner.load_study(args[0])))
            return args[0], typer.main.get_command(made), args[1:]
        return super().resolve_command(ctx, args)


study = typer.Typer(cls=StudyGroup, no_args_is_help=True)
app.add_typer(
    study,
    name="study",
    help="Do a published study again, or one of your own (`mine.py`), and say which of its statements hold.",
)

Out = Annotated[Path, typer.Option(help="folder for index.html, results.json and what was found of each run")]
Workers = Annotated[int, typer.Option(help="runs that are done at the same time, each in a process of its own")]


@study.command(name="table")
def table(
    results: Annotated[list[Path], typer.Argument(help=f"files {NAME} of studies, or folders of them")],
    out: Annotated[
        Path | None, typer.Option(help=f"Markdown file that has the lines {BETWEEN[0]} and {BETWEEN[1]}; else shown")
    ] = None,
) -> None:
    """One table of all studies: every claim, what was found, whether it holds, and where the expectation is from.

    For example: `unitscope study table docs/results --out docs/results/README.md`
    """
    found: dict[Path, list[Row]] = {}
    for path in results:
        found |= results_in(path) if path.is_dir() else {path: read_rows(path)}
    rows = [row for of_file in found.values() for row in of_file]
    if not rows:
        raise InputError(f"{results[0]} holds no results of a study; make some with unitscope study")
    written = one_table(rows)
    if out is None:
        console.out.print(written, soft_wrap=True, markup=False)
        return
    before, begin, rest = out.read_text(encoding="utf-8").partition(BETWEEN[0])
    _, end, after = rest.partition(BETWEEN[1])
    if not (begin and end):
        raise InputError(f"{out} lacks the lines {BETWEEN[0]} and {BETWEEN[1]}, between which the table is written")
    write(out, f"{before}{begin}\n\n{written}\n{end}{after}".encode())
    console.out.print(f"{out}: {len(rows)} claims of {len(found)} files")


def command(where: str, found: Study) -> Callable[..., None]:
    """A command that does the study."""

    def do(out: Path, workers: int, dry_run: bool, **values: Any) -> None:
        options = runner.options_of(found, values)
        plan = runner.plan(found, options, out)
        if dry_run:
            show_plan(plan)
            return
        if done := sum(run.done for run in plan):
            console.error.print(f"{done} of {len(plan)} runs are done already")
        with console.progress_bar() as show:
            claims = runner.do(where, options, out, show, workers).claims
        console.out.print(shown(claims))
        console.out.print(f"{out}: index.html and {NAME}")

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("out", keyword, default=Path(found.name), annotation=Out),
        inspect.Parameter("workers", keyword, default=1, annotation=Workers),
        inspect.Parameter("dry_run", keyword, default=False, annotation=DryRun),
    ]
    hints = typing.get_type_hints(found.options)
    for item in fields(found.options):
        hint: Any = hints[item.name]
        annotation: Any = Annotated[hint, typer.Option(help=item.metadata.get("help", ""))]
        parameters.append(inspect.Parameter(item.name, keyword, default=item.default, annotation=annotation))
    do.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    do.__doc__ = f"{found.text}\n\nAfter {found.paper}."
    return do


def show_plan(plan: Sequence[runner.Planned]) -> None:
    """Print the runs of a study, and how long those that are missing will take."""
    found = Table("run", "done", "processor time")
    for run in plan:
        took = "not known" if run.seconds is None else console.span(run.seconds)
        found.add_row(run.name, "yes" if run.done else "no", took)
    console.out.print(found)
    missing = [run for run in plan if not run.done]
    known = [run.seconds for run in missing if run.seconds is not None]
    rest = f"{console.span(sum(known))}, by what like runs took" if known else ""
    unknown = len(missing) - len(known)
    new = f"{unknown} of a kind that was not done here yet (--quick does each kind small)" if unknown else ""
    console.out.print(
        f"{len(plan) - len(missing)} of {len(plan)} runs are done"
        f"{'; what is missing: ' + '; '.join(filter(None, (rest, new))) if missing else ''}."
    )


def shown(claims: Sequence[Concluded]) -> Table:
    """Print claims, results and verdicts."""
    found = Table("statement", "found", "asked for", "verdict")
    for one in claims:
        found.add_row(one.claim.statement, str(one.value), one.claim.bar.says, one.verdict)
    return found


for _name in runner.names():
    study.command(_name)(command(_name, runner.load_study(_name)))
