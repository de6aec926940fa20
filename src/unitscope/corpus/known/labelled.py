"""Texts with a class each."""

from unitscope.corpus.public import RAW, File, Public

_TREC = f"{RAW}/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data"
_NLTK = f"{RAW}/nltk/nltk_data/5db857e6f7df11eabb5e5665836db9ec8df07e28/packages/corpora"
_POLARITY = f"{_NLTK}/sentence_polarity.zip"

TREC = Public(
    "trec",
    "questions in six classes of what they ask for (Li & Roth 2002)",
    "not stated",
    [
        File(
            "train",
            f"{_TREC}/TREC.train.all",
            292_402,
            "sha256:c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e",
            encoding="latin-1",
        ),
        File(
            "test",
            f"{_TREC}/TREC.test.all",
            19_479,
            "sha256:92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566",
            encoding="latin-1",
        ),
    ],
)
SENTENCE_POLARITY = Public(
    "sentence-polarity",
    "sentences of film reviews, for and against (Pang & Lee 2005)",
    "CC BY 4.0",
    [
        File(
            "positive",
            _POLARITY,
            626_334,
            "sha256:c2dc6b2f55bcf725725372916287cc3f8f9b19402edaa9167de5287cb3ade421",
            "sentence_polarity/rt-polarity.pos",
            "positive",
        ),
        File(
            "negative",
            _POLARITY,
            612_441,
            "sha256:614274f81185a850e5a88d533d4679f916d6f62e9af6f0b4ec71fb94bf466ea5",
            "sentence_polarity/rt-polarity.neg",
            "negative",
        ),
    ],
)

DBPEDIA = Public(
    "dbpedia",
    "abstracts of Wikipedia in 14 classes, 1,000 of each: a sample of DBpedia (Zhang, Zhao & LeCun 2015)",
    "CC BY-SA 3.0 and GFDL (DBpedia)",
    [
        File(
            "text",
            f"{RAW}/KEAML-JLU/DeepTextClustering/b84d28cbe9db02e51b3f5fa9c6e31e540b3ad219/data/dbpedia/train.csv",
            4_029_294,
            "sha256:57b652af792e41d5f84638892fec592ed55021c586f1fe7b087b6d8e208d8599",
        )
    ],
)
