"""Probing, layer by layer, with every control: does a probe's accuracy say what a layer knows?

Linear probes of parts of speech and of relations in each layer of a trained encoder (All-MiniLM-L6-v2) and of a
language model of words trained here, beside control tasks, untrained twins, majorities, shuffled labels and description
lengths.
After Hewitt & Liang 2019, Voita & Titov 2020, Tenney et al. 2019, Hewitt & Manning 2019 and Hupkes et al. 2018.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError
from unitscope.page.page import Section, build_page
from unitscope.page.write import write_html
from unitscope.studies.check import Check, checks_table, write_results
from unitscope.studies.probing.arithmetic import run_arithmetic
from unitscope.studies.probing.layers import probe_all
from unitscope.studies.probing.page import figures_of, sections_of
from unitscope.studies.probing.pilot import run_codes, run_pilot
from unitscope.studies.probing.sources import encoder, find_encoder, word_model
from unitscope.studies.probing.statements import checks_of
from unitscope.studies.probing.steps import Shown, Steps
from unitscope.studies.probing.trees import probe_trees
from unitscope.studies.probing.use import probe_use

LABELS = ("upos", "deprel")


def run(
    out: Path,
    show: Shown,
    *,
    data: Annotated[Path | None, "folder with en_ewt-ud-{train,dev}.conllu (UD English EWT)"] = None,
    model: Annotated[Path | None, "folder of an encoder of Transformers; MiniLM of its package if not given"] = None,
    seeds: Annotated[int, "of the division, the control tasks and the untrained twin"] = 3,
    words: Annotated[int, "training words of the probes"] = 2500,
    epochs: Annotated[int, "of training the language model of words"] = 6,
    quick: Annotated[bool, "a small run of seconds, to see that all works"] = False,
) -> list[Check]:
    """Probe an encoder and a language model of words layer by layer, with every control, on UD English EWT.

    Finished steps are kept in the folder's `steps`, so an interrupted study goes on where it was. Raises ``InputError``
    for a folder without the treebank.
    """
    where = data or Path()
    files = {part: where / f"en_ewt-ud-{part}.conllu" for part in ("train", "dev")}
    missing = next((path for path in files.values() if not path.exists()), None)
    if missing is not None:
        raise InputError(f"{missing} does not exist; give --data with the folder of UD English EWT")
    train, dev = (read_treebank(path) for path in files.values())
    if quick:
        train, dev, words, epochs, seeds = train[:600], dev[:300], 500, 1, min(seeds, 2)
    folder = find_encoder(model)
    labels = LABELS[:1] if quick else LABELS
    steps = Steps(out / "steps", show, (2 if folder else 1) * (len(labels) * seeds + 1) + 4)
    figures: dict[str, Any] = {"pilot": {}, "codes": {}, "arithmetic": {}, "layers": {}, "trees": {}}
    lm, loss = word_model(train, dev, out / "steps", epochs, 24 if quick else 128)
    figures["word loss"] = loss
    for probed in [*([encoder(folder, dev)] if folder else []), lm]:
        figures["layers"][probed.name] = probe_all(steps, probed, labels, words, seeds)
        tree = {"words": words if quick else 3 * words, "epochs": 4 if quick else 30}
        figures["trees"][probed.name] = steps(
            f"{probed.name.replace(' ', '-')}-trees",
            {"source": probed.source.fingerprint, **tree},
            partial(probe_trees, probed, **tree),
        )
    use = {"words": words, "sentences": 30 if quick else 150}
    settings = {"source": lm.source.fingerprint, **use}
    figures["use"] = steps("word-LSTM-use", settings, partial(probe_use, lm, **use))
    size = {"words": 800 if quick else 60_000, "wide": 32 if quick else 512, "epochs": 3 if quick else 12}
    figures["pilot"] = steps("pilot", size, lambda: run_pilot(train, dev, **size))
    coded = {"words": 600 if quick else 60_000}
    figures["codes"] = steps("codes", coded, lambda: run_codes(train, **coded))
    sums = {"count": 20 if quick else 2000, "epochs": 2 if quick else 14}
    figures["arithmetic"] = steps("arithmetic", sums, lambda: run_arithmetic(**sums))
    checks = checks_of(figures)
    write_results(out / "results.json", "probing", range(seeds), checks, figures_of(figures))
    head = Section("checks", "What held", (__doc__ or "").split("\n\n", 1)[1], [checks_table(checks)])
    page = build_page(
        "What layers know of words",
        f"UD English EWT, {', '.join(figures['layers'])}",
        [head, *sections_of(figures)],
    )
    write_html(page, out / "index.html")
    return checks
