"""Corpora that each user gets for himself: named, found where they were put, and proved by their published counts."""

from collections import Counter
from pathlib import Path

from unitscope.corpus.public import File, Public


def count_tagged(path: Path) -> dict[str, int]:
    """Documents, sentences, words and entities of a file of CoNLL-2003, whose last column is tagged as IOB1."""
    counts = Counter(documents=0, sentences=0, words=0, entities=0)
    before = "O"
    inside = False
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            cells = line.split()
            if not cells or cells[0] == "-DOCSTART-":
                counts["documents"] += bool(cells)
                before, inside = "O", False
                continue
            counts["sentences"] += not inside
            counts["words"] += 1
            # An entity begins at B-, and where the tag before is of another type or of none.
            counts["entities"] += cells[-1] != "O" and (cells[-1][:2] == "B-" or cells[-1][2:] != before[2:])
            before, inside = cells[-1], True
    return dict(counts)


def count_parts(path: Path) -> dict[str, int]:
    """The rows of each part of a file of SentEval."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        counts = Counter(line.partition("\t")[0] for line in lines)
    return {part: counts[part] for part in ("tr", "va", "te")}


_REUTERS = "https://www.clips.uantwerpen.be/conll2003/ner/"
CONLL2003 = Public(
    "conll2003",
    "English news with entities (Tjong Kim Sang & De Meulder 2003)",
    "Reuters Corpus: for research, by agreement; may not be passed on",
    [
        File(
            part,
            _REUTERS,
            0,
            "",
            member=name,
            count=count_tagged,
            counts={"documents": documents, "sentences": sentences, "words": words, "entities": entities},
        )
        for part, name, documents, sentences, words, entities in (
            ("train", "eng.train", 946, 14_041, 203_621, 23_499),
            ("dev", "eng.testa", 216, 3_250, 51_362, 5_942),
            ("test", "eng.testb", 231, 3_453, 46_435, 5_648),
        )
    ],
)
_TASKS = (
    "sentence_length", "word_content", "tree_depth", "top_constituents", "bigram_shift", "past_present", "subj_number",
    "obj_number", "odd_man_out", "coordination_inversion",
)  # fmt: skip
SENTEVAL = Public(
    "senteval",
    "the ten probing tasks of SentEval (Conneau et al. 2018)",
    "that of the sentences is not stated",
    [
        File(
            task.replace("_", "-"),
            "https://github.com/facebookresearch/SentEval/tree/main/data/probing",
            0,
            "",
            member=f"{task}.txt",
            count=count_parts,
            counts={"tr": 100_000, "va": 10_000, "te": 10_000},
        )
        for task in _TASKS
    ],
)
