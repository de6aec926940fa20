"""Probing tasks made from sentences: the ten of SentEval (Conneau et al. 2018) and three of Adi et al. (2017).

The published files cannot be passed on, so the tasks are made anew, by the same rules, from any treebank. The same
sentences and seed give the same task.
"""

from collections.abc import Sequence

from unitscope.corpus.sentence import Sentence
from unitscope.corpus.sentence_tasks.auxiliary import content, length, order
from unitscope.corpus.sentence_tasks.surface import bigram_shift, sentence_length, word_content
from unitscope.corpus.sentence_tasks.syntax import (
    coordination_inversion,
    object_number,
    odd_man_out,
    subject_number,
    tense,
    top_constituents,
    tree_depth,
)
from unitscope.corpus.sentence_tasks.task import Make, SentenceTask
from unitscope.errors import InputError

TASKS: dict[str, Make] = {
    "sentence-length": sentence_length,
    "word-content": word_content,
    "bigram-shift": bigram_shift,
    "tree-depth": tree_depth,
    "top-constituents": top_constituents,
    "tense": tense,
    "subject-number": subject_number,
    "object-number": object_number,
    "odd-man-out": odd_man_out,
    "coordination-inversion": coordination_inversion,
    "length": length,
    "content": content,
    "order": order,
}
"""By name; ``tree-depth`` and ``top-constituents`` need bracketed trees, those from ``tense`` on dependency trees."""
ALONE = tuple(task for task in TASKS if task not in ("content", "order"))
"""Tasks that ask about a sentence alone; the others ask about some of its words too (``probing.questions``)."""


def make_task(name: str, sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """The task of that name. Raises ``InputError`` for an unknown one, and for sentences it cannot be made from."""
    if name not in TASKS:
        raise InputError(f"no task is called {name!r}; there are: {', '.join(TASKS)}")
    return TASKS[name](sentences, seed)
