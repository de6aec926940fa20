"""Output while a network is trained."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from unitscope.cli import console
from unitscope.networks.training import Step, Watch


@contextmanager
def training_bar() -> Iterator[Watch]:
    """Epoch, losses in nats and speed, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console.error) as bars:
        bar = bars.add_task("reading the data", total=None)

        def show(step: Step) -> None:
            held_out = "" if step.validation is None else f", held out {step.validation:.3f}"
            said = f"epoch {step.epoch}/{step.epochs}  {step.loss:.3f} nats{held_out}  {step.per_second:.1f} updates/s"
            bars.update(bar, total=1.0, completed=step.done, description=said)

        yield show
