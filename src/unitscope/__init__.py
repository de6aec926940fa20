"""A microscope for the single units of neural sequence models.

From a trained network and a text to what each unit does, what it stands for, and what is lost without it::

    model = unitscope.ModuleModel(network)                    # any nn.Module with recurrent layers
    corpus = unitscope.open_corpus("book.txt", vocabulary=unitscope.Vocabulary(symbols))
    source = unitscope.Live(model, corpus)
    recording = unitscope.record(source, "run")               # or go on with the source: no disk
    results = unitscope.analyze(recording)
    results.to_pandas()                                       # one row per unit
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from unitscope.asking import Answer, ask
    from unitscope.comparison.compare import compare
    from unitscope.comparison.groups import compare_groups
    from unitscope.corpus.corpus import Corpus
    from unitscope.corpus.open import open_corpus
    from unitscope.corpus.sounds import sounds
    from unitscope.corpus.stimuli import stimuli
    from unitscope.corpus.vocabulary import Vocabulary
    from unitscope.errors import InputError
    from unitscope.exchange import export_arrays, from_arrays, from_file, to_pandas, to_xarray
    from unitscope.fold.analysis import Analysis
    from unitscope.fold.analyze import analyze
    from unitscope.interventions.ablate import ablate
    from unitscope.interventions.respond import respond
    from unitscope.matches import match
    from unitscope.models.edit import Edit
    from unitscope.models.model import Model
    from unitscope.models.module import ModuleModel, check
    from unitscope.models.site import Site
    from unitscope.opening.live import open_live, reopen
    from unitscope.page.run import page_of
    from unitscope.page.write import write_html
    from unitscope.probing.probe import probe
    from unitscope.recording.record import record
    from unitscope.recording.recording import Recording
    from unitscope.result import Result
    from unitscope.server.serve import view
    from unitscope.source.arrays import Arrays
    from unitscope.source.live import Live
    from unitscope.source.source import Source
    from unitscope.source.subset import Subset
    from unitscope.source.with_labels import with_labels

_ROOMS: dict[str, tuple[str, ...]] = {
    "unitscope.asking": ("Answer", "ask"),
    "unitscope.comparison.compare": ("compare",),
    "unitscope.comparison.groups": ("compare_groups",),
    "unitscope.corpus.corpus": ("Corpus",),
    "unitscope.corpus.open": ("open_corpus",),
    "unitscope.corpus.sounds": ("sounds",),
    "unitscope.corpus.stimuli": ("stimuli",),
    "unitscope.corpus.vocabulary": ("Vocabulary",),
    "unitscope.errors": ("InputError",),
    "unitscope.exchange": ("export_arrays", "from_arrays", "from_file", "to_pandas", "to_xarray"),
    "unitscope.fold.analysis": ("Analysis",),
    "unitscope.fold.analyze": ("analyze",),
    "unitscope.interventions.ablate": ("ablate",),
    "unitscope.interventions.respond": ("respond",),
    "unitscope.matches": ("match",),
    "unitscope.models.edit": ("Edit",),
    "unitscope.models.model": ("Model",),
    "unitscope.models.module": ("ModuleModel", "check"),
    "unitscope.models.site": ("Site",),
    "unitscope.opening.live": ("open_live", "reopen"),
    "unitscope.page.write": ("write_html",),
    "unitscope.page.run": ("page_of",),
    "unitscope.probing.probe": ("probe",),
    "unitscope.recording.record": ("record",),
    "unitscope.recording.recording": ("Recording",),
    "unitscope.result": ("Result",),
    "unitscope.server.serve": ("view",),
    "unitscope.source.arrays": ("Arrays",),
    "unitscope.source.live": ("Live",),
    "unitscope.source.source": ("Source",),
    "unitscope.source.subset": ("Subset",),
    "unitscope.source.with_labels": ("with_labels",),
}
"""Where the names are. They are imported when they are first used (PEP 562), because torch takes seconds."""

_PLACES = {name: module for module, names in _ROOMS.items() for name in names}

__all__ = [
    "Analysis",
    "Answer",
    "Arrays",
    "Corpus",
    "Edit",
    "InputError",
    "Live",
    "Model",
    "ModuleModel",
    "Recording",
    "Result",
    "Site",
    "Source",
    "Subset",
    "Vocabulary",
    "ablate",
    "analyze",
    "ask",
    "check",
    "compare",
    "compare_groups",
    "export_arrays",
    "from_arrays",
    "from_file",
    "match",
    "open_corpus",
    "open_live",
    "page_of",
    "probe",
    "record",
    "reopen",
    "respond",
    "sounds",
    "stimuli",
    "to_pandas",
    "to_xarray",
    "view",
    "with_labels",
    "write_html",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(importlib.import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
