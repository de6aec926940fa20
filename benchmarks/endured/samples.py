"""A small file of every format that is read, from which mutated ones are made."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np

from endured.fuzzing import Read, in_turn

SENTENCE = (
    "1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n2\tfox\tfox\tNOUN\tNN\tNumber=Sing\t3\tnsubj\t_\t_\n"
    "3\truns\trun\tVERB\tVBZ\t_\t0\troot\t_\t_\n"
)
TEXTS: dict[str, bytes] = {
    "a.conllu": f"# newdoc id = a\n# sent_id = 1\n# text = The fox runs\n{SENTENCE}\n{SENTENCE}\n".encode(),
    "a.ptb": b"(TOP (S (NP (DT The) (NN fox)) (VP (VBZ runs)) (. .)))\n(TOP (S (NP (PRP It)) (VP (VBZ runs))))\n",
    "a.iob2": b"The\tO\nAnna\tB-PER\nSmith\tI-PER\nruns\tO\n\nIt\tO\nruns\tO\n\n",
    "a.bio": b"The O\nAnna B-PER\nruns O\n\nIt O\n",
    "a.conll": b"-DOCSTART- -X- O O\n\nThe DT B-NP O\nfox NN I-NP O\nAnna NNP B-NP I-PER\n\nIt PRP B-NP O\n\n",
    "texts.csv": b'label,text\npos,"a, good film"\nneg,a bad film\n',
    "texts.tsv": b"label\ttext\npos\ta good film\nneg\ta bad film\n",
    "texts.jsonl": b'{"label": "pos", "text": "a good film"}\n{"label": "neg", "text": "bad", "more": {"a": [1]}}\n',
    "texts.txt": b"3 Who was Galileo ?\n4 What is this ?\n",
    "plain.txt": "Der Fuchs läuft über 12 Hügel.\n\nUnd weiter ²\n".encode(),
    "a.fasta": b">one first\nACDEFG\nHIK\n>two\nLMNP\n",
    "text.txt.gz": gzip.compress(b"all of it, twice; all of it"),
}


def read_text_of(samples: dict[str, bytes], place: Path) -> Read:
    """As a user would read them: as a treebank, as labelled texts, as a corpus."""
    import pandas as pd

    from unitscope.corpus.dialect import Dialect, Notes
    from unitscope.corpus.labelled import labelled_rows
    from unitscope.corpus.open import open_corpus
    from unitscope.corpus.treebank import TreebankCorpus, read_treebank

    table = io.BytesIO()
    pd.DataFrame({"label": ["pos", "neg"], "text": ["a good film", "bad"]}).to_parquet(table)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("a.txt", "inside")
    every = {**samples, "texts.parquet": table.getvalue(), "a.zip": archive.getvalue()}

    def reader(path: Path) -> None:
        if path.suffix in (".conllu", ".ptb", ".iob2", ".bio", ".conll"):
            TreebankCorpus(read_treebank(path, Dialect(), Notes()), "a").batch([0])
        elif path.stem == "texts":
            list(labelled_rows([str(path)], Dialect(), Notes()))
        else:
            corpus = open_corpus(path, unit="characters")
            corpus.labels("digit", 0)
            corpus.batch([0])

    return in_turn(every, place, reader)


def _saved(kind: str) -> bytes:
    kept, values = io.BytesIO(), np.random.default_rng(0).standard_normal((20, 3)).astype("f4")
    if kind == "npy":
        np.save(kept, values)
    else:
        np.savez(kept, cells=values, lengths=np.array([8, 12]), tokens=np.array(list("abcdefghijklmnopqrst")))
    return kept.getvalue()


ARRAYS: dict[str, bytes] = {
    "a.npy": _saved("npy"),
    "a.npz": _saved("npz"),
    "a.json": b"".join(
        json.dumps(
            {"linex_index": n, "features": [{"token": t, "layers": [{"index": 0, "values": [0.5, n]}]} for t in "ab"]}
        ).encode()
        + b"\n"
        for n in range(3)
    ),
}


def read_arrays_of(samples: dict[str, bytes], place: Path) -> Read:
    """Activations that were recorded elsewhere."""
    from safetensors.numpy import save

    from unitscope.exchange import from_file

    every = {**samples, "a.safetensors": save({"cells": np.zeros((20, 3), "f4"), "lengths": np.array([8, 12])})}
    try:
        import h5py
    except ImportError:
        pass
    else:
        kept = io.BytesIO()
        with h5py.File(kept, "w") as file:
            file["cells"], file["lengths"] = np.zeros((20, 3), "f4"), np.array([8, 12])
        every["a.h5"] = kept.getvalue()

    def reader(path: Path) -> None:
        source = from_file(path)
        next(iter(source.chunks([source.sites[0].name])))

    return in_turn(every, place, reader)
