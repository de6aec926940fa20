"""Sentences in two languages."""

from unitscope.corpus.public import RAW, File, Public

_NMT = f"{RAW}/OpenNMT/OpenNMT-py/97111d97551c24857076a4102eabdb468b35cff4/data"

OPENNMT_EN_DE = Public(
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
)
