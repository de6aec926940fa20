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

_MULTI30K = f"{RAW}/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw"

MULTI30K = Public(
    "multi30k",
    "31,000 captions of pictures in English and, line by line, in German (Elliott et al. 2016)",
    "not stated",
    [
        File(part, f"{_MULTI30K}/{name}.gz", size, f"sha256:{digest}")
        for part, name, size, digest in (
            ("en", "train.en", 1_801_238, "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
            ("de", "train.de", 2_110_398, "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
            ("dev-en", "val.en", 63_297, "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227"),
            ("dev-de", "val.de", 75_981, "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660"),
            (
                "test-en",
                "test_2016_flickr.en",
                62_076,
                "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
            ),
            (
                "test-de",
                "test_2016_flickr.de",
                70_649,
                "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
            ),
        )
    ],
)
"""The files are packed at their address; what is proved is what is in them."""
