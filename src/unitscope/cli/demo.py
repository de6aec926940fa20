"""``unitscope demo``: the main job, on what is on every machine."""

import dataclasses
from pathlib import Path

from unitscope.cli import analyze, ask, console, record, report, train
from unitscope.cli.app import app, cores
from unitscope.cli.options import Out, Retrain
from unitscope.networks.card import read_card
from unitscope.networks.files import SHIPPED
from unitscope.networks.lessons.text import TrainOptions
from unitscope.source.workers import standing

SEQUENCES = 256


@app.command()
def demo(
    out: Out = Path("demo"),
    retrain: Retrain = False,
) -> None:
    """From a trained LSTM and the source of Python's standard library to a report on every unit.

    The network comes with the package, and so does the text with Python; nothing is downloaded.
    """
    model = str(SHIPPED)
    if retrain:
        options = TrainOptions.from_json(read_card(SHIPPED).options, out=str(out / "net"))
        model = options.out
        train.train_text(**dataclasses.asdict(options))
    recording, workers = out / "recording", cores()
    with standing():
        record.record(model, ["stdlib"], recording, dtype="float16", sequences=SEQUENCES, workers=workers)
        analyze.analyze(recording, workers=workers)
        ask.ask([str(recording)], workers=workers)
    page = out / "report.html"
    report.report(recording, page)
    console.out.print(f"open {page.resolve().as_uri()}")
