"""Speed and memory of reading: plain text, CoNLL-U, a folder of many files, a table of many rows, a long text.

Each reading is a process of its own; what counts is the most memory that it ever held above that of its imports, and
the seconds that the processor worked, whatever else ran. On one core, plain text is to be read at 10 MB/s and more,
CoNLL-U at 5 MB/s and more; memory must not grow with the text.

OMP_NUM_THREADS=1 python benchmarks/readers.py
OMP_NUM_THREADS=1 python benchmarks/readers.py --gigabytes 5
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.formats.which import sentences_of
from unitscope.corpus.labelled import LabelledTexts, labelled_rows, read_labelled, texts_of
from unitscope.corpus.open import open_corpus
from unitscope.corpus.opening import Lines
from unitscope.corpus.treebank import read_treebank
from unitscope.networks.lessons.tasks import Classification, divide

LINE = 'It was a bright cold day in April, said "the clock", and the naïve cafés were striking thirteen – again.\n'
WORDS = """\
# sent_id = {0}
# text = It struck thirteen again.
1\tIt\tit\tPRON\tPRP\tCase=Nom|Gender=Neut|Number=Sing|Person=3|PronType=Prs\t2\tnsubj\t2:nsubj\t_
2\tstruck\tstrike\tVERB\tVBD\tMood=Ind|Number=Sing|Person=3|Tense=Past|VerbForm=Fin\t0\troot\t0:root\t_
3\tthirteen\tthirteen\tNUM\tCD\tNumForm=Word|NumType=Card\t2\tobj\t2:obj\t_
4\tagain\tagain\tADV\tRB\t_\t2\tadvmod\t2:advmod\tSpaceAfter=No
5\t.\t.\tPUNCT\t.\t_\t2\tpunct\t2:punct\t_

"""


def lines(path: Path) -> None:
    with Lines(path) as opened:
        for _ in opened:
            pass


READ: dict[str, Callable[[Path], object]] = {
    "lines of text": lines,
    "text as bytes": lambda path: open_corpus(path),
    "text as characters": lambda path: open_corpus(path, unit="characters"),
    "CoNLL-U, a sentence at a time": lambda path: sum(1 for _ in sentences_of(path, Dialect(), Notes())),
    "CoNLL-U, all sentences": read_treebank,
    "texts and labels of a table": lambda path: sum(1 for _ in labelled_rows([str(path)])),
    "the same, for a classifier": lambda path: LabelledTexts(*texts_of([str(path)], "01234"), name="table"),
    "the same, divided to train one": lambda path: Classification(divide(read_labelled([str(path)])), "table"),
    "a column as documents": lambda path: open_corpus(f"{path}:text"),
    "a folder": lambda path: open_corpus(path),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=50, help="of the smaller text and treebank")
    parser.add_argument("--gigabytes", type=float, default=0.5, help="of the long text")
    parser.add_argument("--files", type=int, default=50_000, help="of the folder")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)  # the process of one reading
    options = parser.parse_args()
    if options.read:
        measure(*options.read)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        text, long = folder / "text.txt", folder / "long.txt"
        repeated(text, options.megabytes * 1_000_000)
        show("lines of text", text)
        show("text as bytes", text)
        show("text as characters", text)
        repeated(long, int(options.gigabytes * 1e9))
        show("text as bytes", long)
        show("text as characters", long)
        long.unlink()
        for name, sentences in (("a.conllu", options.megabytes * 1_000_000 // 450), ("b.conllu", 2_000)):
            with (folder / name).open("w", encoding="utf-8") as file:
                file.writelines(WORDS.format(number) for number in range(sentences))
        show("CoNLL-U, a sentence at a time", folder / "b.conllu")
        show("CoNLL-U, a sentence at a time", folder / "a.conllu")
        show("CoNLL-U, all sentences", folder / "a.conllu")
        for rows in (options.rows // 10, options.rows):
            with (folder / "table.csv").open("w", encoding="utf-8") as file:
                file.write("label,text\n")
                file.writelines(f'{n % 5},"{LINE[:60]}, {n}"\n'.replace('"the', '""the').replace('k", ', 'k"", ')
                                for n in range(rows))  # fmt: skip
            show("texts and labels of a table", folder / "table.csv")
            show("the same, for a classifier", folder / "table.csv")
            show("the same, divided to train one", folder / "table.csv")
            show("a column as documents", folder / "table.csv")
        (folder / "many").mkdir()
        for number in range(options.files):
            (folder / "many" / f"{number}.txt").write_text(LINE, encoding="utf-8")
        show("a folder", folder / "many")


def repeated(path: Path, size: int) -> None:
    """A text of about so many bytes."""
    block = LINE * 10_000
    with path.open("w", encoding="utf-8") as file:
        for _ in range(max(1, size // len(block.encode()))):
            file.write(block)


def show(what: str, path: Path) -> None:
    """Read in a process of its own, and print speed and memory."""
    size = sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size
    done = subprocess.run(
        [sys.executable, __file__, "--read", what, str(path)], check=True, capture_output=True, text=True
    )
    seconds, peak = json.loads(done.stdout)
    print(
        f"{what:32} {size / 1e6:9,.1f} MB {size / 1e6 / seconds:8.1f} MB/s {seconds:7.1f} s {peak / 1e3:9,.0f} MB held",
        flush=True,
    )


def measure(what: str, path: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    kept = READ[what](Path(path))
    seconds = time.process_time() - begin
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
    del kept


if __name__ == "__main__":
    main()
