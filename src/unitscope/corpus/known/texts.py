"""Plain texts."""

from unitscope.corpus.public import RAW, File, Public

KARPATHY = "https://cs.stanford.edu/people/karpathy/char-rnn"

WARPEACE = Public(
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
)
LINUX = Public(
    "linux",
    "source of the Linux kernel as Karpathy et al. 2015 read it; read it as bytes",
    "GPL-2.0",
    [File("text", f"{KARPATHY}/linux_input.txt", 6_206_996, "git:6277447c2510ae2d0c4abb2a8dcc1fefaa40060b")],
)
TINY_SHAKESPEARE = Public(
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
)
