"""A microscope for the single units of neural sequence models.

From a trained network and a text to what each unit does, what it stands for, and what is lost without it::

    model = unitscope.ModuleModel(network)                    # any nn.Module with recurrent layers
    corpus = unitscope.open_corpus("book.txt", vocabulary=unitscope.Vocabulary(symbols))
    recording = unitscope.record(model, corpus, "run")        # or unitscope.Live(model, corpus): no disk
    results = unitscope.analyze(recording)
    results.to_pandas()                                       # one row per unit
"""

__version__ = "0.1.0"

from unitscope.comparison.compare import Comparison, compare
from unitscope.comparison.groups import GroupComparison, compare_groups
from unitscope.concepts.inspection import inspect
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import Split
from unitscope.corpus.text import TextCorpus
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.findings import Finding, Findings, Search, find
from unitscope.fold.analysis import Analysis
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.ablation import Bench, Damage
from unitscope.matches import Matches, Phrase, match
from unitscope.models.edit import Edit, Projected, Resampled, Scaled, Steps, Where, project, zero
from unitscope.models.model import Model
from unitscope.models.module import ModuleModel
from unitscope.models.site import Site
from unitscope.page.html import write_html
from unitscope.page.run import page_of
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.source.live import Live
from unitscope.source.source import Source, Subset

__all__ = [
    "Ablated",
    "Analysis",
    "Bench",
    "Chunk",
    "Column",
    "Comparison",
    "Corpus",
    "Damage",
    "Edit",
    "Finding",
    "Findings",
    "GroupComparison",
    "InputError",
    "Live",
    "Matches",
    "Model",
    "ModuleModel",
    "Phrase",
    "Projected",
    "Recording",
    "Resampled",
    "Result",
    "ResultSet",
    "Scaled",
    "Search",
    "Site",
    "Source",
    "Split",
    "Steps",
    "Subset",
    "TextCorpus",
    "Vocabulary",
    "Where",
    "analyze",
    "compare",
    "compare_groups",
    "find",
    "inspect",
    "match",
    "open_corpus",
    "page_of",
    "project",
    "record",
    "write_html",
    "zero",
]
