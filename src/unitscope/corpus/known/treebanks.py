"""Sentences with annotated words."""

from unitscope.corpus.public import RAW, File, Public

_EWT = f"{RAW}/UniversalDependencies/UD_English-EWT/15d613d8447b3478787d4c278730a1e48a945efb"
_PUD = f"{RAW}/UniversalDependencies/UD_English-PUD/f16eba4ae7f3d161870ed320676c5088b8fa476c"
_UNER = f"{RAW}/UniversalNER/UNER_English-EWT/8ed072de2fd24022cc62458997fe96a8fe191ea4"
_WNUT = f"{RAW}/leondz/emerging_entities_17/e52a2d2a71ac1a051ca2d532eef28653c5c02603"

UD_ENGLISH_EWT = Public(
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
)
UD_ENGLISH_PUD = Public(
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
)
UNER_ENGLISH_EWT = Public(
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
)
WNUT17 = Public(
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
)
