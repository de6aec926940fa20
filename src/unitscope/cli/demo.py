"""``unitscope demo``: the main job, on what is on every machine."""

import dataclasses
from pathlib import Path

from unitscope.cli import console
from unitscope.cli.app import app, cores
from unitscope.cli.options import Out, Retrain
from unitscope.source import forking

SEQUENCES = 256


@app.command()
def demo(
    out: Out = Path("demo"),
    retrain: Retrain = False,
) -> None:
    """From a trained LSTM and the source of Python's standard library to a report on every unit.

    The network comes with the package, and so does the text with Python; nothing is downloaded.
    """
    workers = cores()
    if workers > 1:
        forking.prepare()  # beside what is imported here
    from unitscope.cli import analyze, ask, record, report, train
    from unitscope.networks.files import SHIPPED
    from unitscope.source.workers import standing

    model = str(SHIPPED)
    if retrain:
        from unitscope.networks.card import read_card
        from unitscope.networks.lessons.text import TrainOptions

        options = TrainOptions.from_json(read_card(SHIPPED).options, out=str(out / "net"))
        model = options.out
        train.train_text(**dataclasses.asdict(options))
    recording = out / "recording"
    with standing():
        record.record(model, ["stdlib"], recording, dtype="float16", sequences=SEQUENCES, workers=workers)
        analyze.analyze(recording, workers=workers)
        ask.ask([str(recording)], workers=workers)
    page = out / "report.html"
    report.report(recording, page)
    console.out.print(f"open {page.resolve().as_uri()}")
