"""Annotated sentences as the text that a command is about."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unitscope.corpus.passages import Passages
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.treebank import TreebankCorpus
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.opening.inputs import Inputs
from unitscope.recording.known import INPUTS
from unitscope.recording.manifest import MANIFEST
from unitscope.recording.recording import Recording


def open_source(asked: Inputs) -> tuple[Recording | None, ModuleModel, TreebankCorpus | Passages]:
    """Source and treebank to probe, from a recording's folder or a model.

    For a folder that is no recording the first is None. Without a text a recording is read with the treebanks that it
    was made from. Raises ``InputError`` where there are none, and where the model has changed since.
    """
    folder = Path(asked.model)
    if not (folder / MANIFEST).exists():
        if not asked.text:
            raise InputError(f"{folder} is no recording, so it needs a treebank to read; give, for example, dev.conllu")
        return None, *asked.open_treebank()
    recording = Recording.open(folder)
    made = Inputs.load(folder, asked.device)
    if asked.text:
        made = replace(made, text=asked.text, part="", sequences=0, dialect=asked.dialect)
    elif not made.is_treebank:
        raise InputError(f"{folder} was made from {', '.join(made.text)}, which is no treebank; give the treebank")
    model, corpus = made.open_treebank()
    if model.fingerprint != recording.manifest.model.fingerprint:
        raise InputError(f"{made.model} is another model than the one that was recorded in {folder}; record it again")
    return recording, model, corpus


def is_of_treebank(where: str) -> bool:
    """Whether a folder is not a recording of anything else than a treebank."""
    folder = Path(where)
    return not (folder / MANIFEST).exists() or ((folder / INPUTS).exists() and Inputs.load(folder).is_treebank)


def with_sentences(
    corpus: TreebankCorpus | Passages, sentences: Sequence[Sentence], name: str
) -> TreebankCorpus | Passages:
    """Other sentences, read as a corpus reads its own."""
    if isinstance(corpus, Passages):
        return Passages(sentences, name, corpus.reading)
    return TreebankCorpus(sentences, name, corpus.unit, corpus.vocabulary, corpus.context, corpus.stand_in)
