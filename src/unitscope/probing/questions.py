"""Probes that are asked about some words of a sentence: is this one there, which comes first (Adi et al. 2017).

The input is the sentence's vector with those of the words beside it. Without the sentence's vector the same probe says
what the words alone give away: the baseline that its accuracy is to be compared with.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.sentence import Sentence, Word
from unitscope.errors import InputError
from unitscope.probing.words import WordSet


def alone(forms: Sequence[str]) -> list[Sentence]:
    """Every word as a sentence of its own, to be read by the same model: its vector is the word's."""
    return [
        Sentence(form, (Word(form, 0, len(form), {}),), f"word {number}", f"word {form!r}")
        for number, form in enumerate(sorted(set(forms)))
    ]


def asked(whole: WordSet, words: WordSet, names: Sequence[str], with_sentence: bool = True) -> WordSet:
    """The sentences' activations, followed by those of the words that their labels ``names`` name.

    ``whole`` are sentences (level ``sentence``), ``words`` the sentences of ``alone``. Without ``with_sentence`` only
    the words' vectors are left. Raises ``InputError`` for a word that is not among them.
    """
    row = {word.form: number for number, word in enumerate(words.words)}
    rows = []
    for name in names:
        wanted = [word.labels.get(name, "") for word in whole.words]
        lacking = next((form for form in wanted if form not in row), None)
        if lacking is not None:
            raise InputError(f"there is no vector for the word {lacking!r}, which the label {name!r} asks about")
        rows.append(torch.tensor([row[form] for form in wanted]))

    def joined(site: str, own: Float[Tensor, "word unit"]) -> Float[Tensor, "word units"]:
        parts = [words.activations[site][numbers] for numbers in rows]
        return torch.cat([own, *parts] if with_sentence else parts, 1)

    return replace(whole, activations={site: joined(site, own) for site, own in whole.activations.items()})
