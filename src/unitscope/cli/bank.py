"""``unitscope data bank``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import Finder, constituents, lemmas, morphemes, ngrams, sentence_of, words
from unitscope.banks.morphemes import learn_morphemes
from unitscope.banks.parsers import parser
from unitscope.cli import console
from unitscope.cli.options import Lemmas, LongestPhrase, MinCount, Morphemes, Out, Phrases
from unitscope.corpus.dialect import ending
from unitscope.corpus.download import local
from unitscope.corpus.opening import Lines
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.treebank import read_treebank

PLAIN = (".txt", "")


def bank(
    texts: Annotated[
        list[Path], typer.Argument(help="treebanks (.ptb has phrases, .conllu lemmas), or plain files, a text a line")
    ],
    out: Out = Path("bank"),
    phrases: Phrases = "trees",
    longest: LongestPhrase = 5,
    with_lemmas: Lemmas = False,
    with_morphemes: Morphemes = False,
    min_count: MinCount = 1,
) -> None:
    """Make a concept bank: every word, phrase, lemma or morpheme of a corpus once, with counts and places.

    For example: `unitscope data bank gum/*.ptb --out bank --min-count 20`
    """
    sentences = list(_sentences(texts, phrases))
    finders: list[Finder] = [words]
    if with_lemmas:
        finders.append(lemmas)
    if phrases != "none":
        finders.append(ngrams(longest) if phrases == "ngrams" else constituents(longest))
    if with_morphemes:
        finders.append(morphemes(learn_morphemes(sentences)))
    made = make_bank(sentences, finders, min_count)
    made.save(out)
    kinds = ", ".join(f"{count:,} {kind}s" for kind, count in made.table["kind"].value_counts().items())
    console.out.print(f"{out}: {len(made):,} concepts of {made.sentence_count:,} sentences ({kinds})")
    if phrases == "trees" and not any(sentence.spans for sentence in sentences):
        console.out.print("no phrases: these sentences have no trees; try --phrases ngrams, or a parser")


def _sentences(paths: Sequence[Path], phrases: str) -> Iterator[Sentence]:
    for path in (file for name in paths for file in local(name)):
        if ending(path) not in PLAIN:
            found = read_treebank(path)
        else:
            with Lines(path) as lines:
                found = [sentence_of(line, lines.where) for line in lines if line.strip()]
        if ":" in phrases:
            yield from parser(phrases)([sentence.text for sentence in found])
        else:
            yield from found
