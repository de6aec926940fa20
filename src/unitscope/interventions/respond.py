"""Units driven by made-up inputs: the verb over drives, ways and modes."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

import torch

from unitscope.corpus.corpus import Corpus
from unitscope.corpus.drives import DRIVES, Drive, DriveCorpus, each_channel, principal, sine, together
from unitscope.errors import InputError
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.driven import respond_coupled, values_of
from unitscope.interventions.layers import layers
from unitscope.interventions.responses import layer_input
from unitscope.interventions.responses import respond as characterize
from unitscope.models.module import ModuleModel
from unitscope.models.site import choose
from unitscope.progress import Progress, silent
from unitscope.source.source import Source

Mode = Literal["isolated", "clamped", "coupled"]
Way = Literal["each", "together", "principal"]
WAYS = {"each": each_channel, "together": together, "principal": principal}


def respond(
    source: Source,
    drives: Sequence[str] | str = ("step", "sine"),
    mode: Mode = "isolated",
    *,
    model: ModuleModel | None = None,
    corpus: Corpus | None = None,
    way: Way = "each",
    start: str = "",
    sites: Sequence[str] | str = "*",
    streams: Sequence[str] | str = "*",
    steps: int = 200,
    frequency: float = 0.05,
    band: float = 0.1,
    sequences: int = 16,
    progress: Progress = silent,
) -> ResultSet:
    """Responses of units to steps, sines and other drives (Hasani et al. 2019): settling time, delay, overshoot, gain …

    Recurrent layers are taken apart, each unit alone (``isolated``), with the others held at their means
    (``clamped``), or whole (``coupled``); with ``start``, the whole model is driven from that site and every site that
    matches is read. Inputs range as in the first ``sequences`` of the source. ``model`` and ``corpus`` are needed where
    the source has none, as a recording.

        unitscope.respond(source, "step").to_pandas()

    Raises ``InputError`` for a drive, a layer or a site that does not exist.
    """
    network, corpus = model or source.model, corpus or source.corpus
    if network is None or corpus is None:
        raise InputError(f"{source.name} has no model at hand; give model and corpus, which are run again")
    if not isinstance(network, ModuleModel):
        raise InputError(f"{network.name} is no module, and only the layers of one can be driven")
    made = [_drive(name, steps, frequency) for name in _several(drives)]
    numbers = source.sequences[: max(1, sequences)]
    results = ResultSet(source.fingerprint)
    chosen = _several(sites)
    if start:
        driven, *others = [site.name for site in choose(network.sites(), [start])]
        if others:
            raise InputError(f"{start} is more than one site: {', '.join([driven, *others])}; drive one of them")
        ends = WAYS[way](values_of(network, corpus, driven, numbers))
        probes = DriveCorpus(made, ends, network.run(corpus.batch(numbers[:1]), [driven])[driven].dtype)
        return respond_coupled(network, driven, probes, chosen, band)
    wanted = [layer for layer in layers(network) if any(fnmatchcase(str(layer), pattern) for pattern in chosen)]
    if not wanted:
        known = ", ".join(str(layer) for layer in layers(network)) or "none, so say from which site it is driven"
        raise InputError(f"no recurrent layer matches {', '.join(chosen)}; there are: {known}")
    for done, layer in enumerate(wanted):
        progress("driving layers", done, len(wanted))
        ends = WAYS[way](layer_input(network, corpus, layer, numbers))
        mean = None
        if mode == "clamped":
            parts = [network.run(corpus.batch([n]), [f"{layer}.hidden"])[f"{layer}.hidden"][0] for n in numbers]
            mean = torch.cat(parts).mean(0)
        results.entries |= characterize(layer, DriveCorpus(made, ends), mode, mean, band, _several(streams)).entries
    progress("driving layers", len(wanted), len(wanted))
    return results


def _several(names: Sequence[str] | str) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _drive(name: str, steps: int, frequency: float) -> Drive:
    if name not in DRIVES:
        raise InputError(f"no drive is called {name!r}; there are: {', '.join(DRIVES)}")
    return sine(steps, frequency) if name == "sine" else DRIVES[name](steps)
