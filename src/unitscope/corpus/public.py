"""Public corpora by name: where each of their files is found, and what proves that it is the right one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

RAW = "https://raw.githubusercontent.com"
KARPATHY = "https://cs.stanford.edu/people/karpathy/char-rnn"


@dataclass(frozen=True)
class File:
    """One file of a corpus, which is ``corpus/part`` by name."""

    part: str
    url: str
    bytes: int
    digest: str
    """``sha256:…``, or ``git:…``: the id that git gives to a file of this content."""
    member: str = ""
    """Which file it is of the zip archive that the address gives, if it gives one."""
    label: str = ""
    """The label of all its lines, where a class is a file."""
    encoding: str = "utf-8"

    @property
    def name(self) -> str:
        """Of the file, without the folder."""
        return PurePosixPath(self.member or self.url).name

    def is_at(self, path: Path) -> bool:
        """Whether a file is this one."""
        if not path.is_file() or path.stat().st_size != self.bytes:
            return False
        kind, _, digest = self.digest.partition(":")
        return digest_of(path, kind) == digest


@dataclass(frozen=True)
class Public:
    """A corpus that anyone can fetch."""

    name: str
    says: str
    licence: str
    files: Sequence[File]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def digest_of(path: Path, kind: str = "git") -> str:
    """Hexadecimal SHA-256 of a file's content, or the id of a blob of git: SHA-1 of its length and content."""
    with path.open("rb") as stream:
        if kind == "sha256":
            return hashlib.file_digest(stream, "sha256").hexdigest()
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
        return digest.hexdigest()


_EWT = f"{RAW}/UniversalDependencies/UD_English-EWT/15d613d8447b3478787d4c278730a1e48a945efb"
_PUD = f"{RAW}/UniversalDependencies/UD_English-PUD/f16eba4ae7f3d161870ed320676c5088b8fa476c"
_UNER = f"{RAW}/UniversalNER/UNER_English-EWT/8ed072de2fd24022cc62458997fe96a8fe191ea4"
_WNUT = f"{RAW}/leondz/emerging_entities_17/e52a2d2a71ac1a051ca2d532eef28653c5c02603"
_TREC = f"{RAW}/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data"
_NMT = f"{RAW}/OpenNMT/OpenNMT-py/97111d97551c24857076a4102eabdb468b35cff4/data"
_NLTK = f"{RAW}/nltk/nltk_data/5db857e6f7df11eabb5e5665836db9ec8df07e28/packages/corpora"
_POLARITY = f"{_NLTK}/sentence_polarity.zip"

_LIST = (
    Public(
        "warpeace",
        "War and Peace as Karpathy et al. 2015 read it; read it as bytes",
        "public domain (Tolstoy, translated by L. and A. Maude)",
        [
            File(
                "text",
                f"{KARPATHY}/warpeace_input.txt",
                3_258_246,
                "sha256:fb66ba999dafe24017cdd59e04c56d385a9c8466993d374fd4c6f08b2142985e",
            )
        ],
    ),
    Public(
        "linux",
        "source of the Linux kernel as Karpathy et al. 2015 read it; read it as bytes",
        "GPL-2.0",
        [File("text", f"{KARPATHY}/linux_input.txt", 6_206_996, "git:6277447c2510ae2d0c4abb2a8dcc1fefaa40060b")],
    ),
    Public(
        "tiny-shakespeare",
        "some plays of Shakespeare, of char-rnn",
        "public domain",
        [
            File(
                "text",
                f"{RAW}/karpathy/char-rnn/d1d7aa34fdb3626174bce1d753e6cc6845ce7087/data/tinyshakespeare/input.txt",
                1_115_394,
                "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            )
        ],
    ),
    Public(
        "ud-english-ewt",
        "treebank: web texts, Universal Dependencies",
        "CC BY-SA 4.0 (the annotations)",
        [
            File(
                "train",
                f"{_EWT}/en_ewt-ud-train.conllu",
                14_203_025,
                "sha256:3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b",
            ),
            File(
                "dev",
                f"{_EWT}/en_ewt-ud-dev.conllu",
                1_805_545,
                "sha256:531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
            ),
            File(
                "test",
                f"{_EWT}/en_ewt-ud-test.conllu",
                1_804_515,
                "sha256:e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd",
            ),
        ],
    ),
    Public(
        "ud-english-pud",
        "treebank: 1,000 sentences of news and Wikipedia, Universal Dependencies",
        "CC BY-SA 3.0",
        [
            File(
                "test",
                f"{_PUD}/en_pud-ud-test.conllu",
                1_386_858,
                "sha256:c80584f2bc2b31d5bada78a1136f9feec7ac49e5e18898db02dea434b5b8f0aa",
            )
        ],
    ),
    Public(
        "uner-english-ewt",
        "named entities in the sentences of ud-english-ewt, Universal NER",
        "CC BY-SA 4.0",
        [
            File(
                "dev",
                f"{_UNER}/en_ewt-ud-dev.iob2",
                620_415,
                "sha256:0cafd881cf31d39897b6d588420fab8fbbe4423d271725c59921ac9dd49c0713",
            ),
            File(
                "test",
                f"{_UNER}/en_ewt-ud-test.iob2",
                623_751,
                "sha256:821ad826d5f503ac03b4edc3fbc2174f21fbb005ec25863caf2051c434616d6e",
            ),
        ],
    ),
    Public(
        "wnut17",
        "emerging named entities in short texts of the web, WNUT 2017",
        "CC BY 4.0",
        [
            File(
                "train",
                f"{_WNUT}/wnut17train.conll",
                493_781,
                "sha256:731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
            ),
            File(
                "dev",
                f"{_WNUT}/emerging.dev.conll",
                114_749,
                "sha256:e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
            ),
            File(
                "test",
                f"{_WNUT}/emerging.test.annotated",
                192_425,
                "sha256:2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0",
            ),
        ],
    ),
    Public(
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
    ),
    Public(
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
    ),
    Public(
        "opennmt-en-de",
        "10,000 sentences in English and, line by line, in German, of OpenNMT",
        "MIT (the repository; the sentences are those of WMT)",
        [
            File(
                "en",
                f"{_NMT}/src-train.txt",
                1_253_472,
                "sha256:a4deafe1eb225d98f196ad87e90eec8494a729690c06e0186ee9d2793667a0d2",
            ),
            File(
                "de",
                f"{_NMT}/tgt-train.txt",
                1_414_977,
                "sha256:fe1f824a189baa650eec46269e66eef07f7304ba7572598ebbe61c55eeff7d01",
            ),
        ],
    ),
)
PUBLIC = {corpus.name: corpus for corpus in _LIST}
