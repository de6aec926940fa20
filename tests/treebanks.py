"""Where the treebanks lie, and small sentences of our own."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("UNITSCOPE_DATA", Path(__file__).parents[2] / "shared" / "data")) / "treebanks"

CONLLU = """\
# newdoc id = letters
# sent_id = 1
# text = I don't go.
1\tI\tI\tPRON\tPRP\tCase=Nom|Number=Sing\t4\tnsubj\t4:nsubj\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\tMood=Ind\t4\taux\t4:aux\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t4:advmod\t_
4\tgo\tgo\tVERB\tVB\tVerbForm=Inf\t0\troot\t0:root\tSpaceAfter=No
5\t.\t.\tPUNCT\t.\t_\t4\tpunct\t4:punct\t_

# text = Café du coin
1\tCafé\tcafé\tNOUN\tNN\tNumber=Sing\t0\troot\t_\t_
2-3\tdu\t_\t_\t_\t_\t_\t_\t_\t_
2\tde\tde\tADP\tIN\t_\t4\tcase\t_\t_
3\tle\tle\tDET\tDT\t_\t4\tdet\t_\t_
3.1\tpetit\tpetit\tADJ\tJJ\t_\t_\t_\t4:amod\t_
4\tcoin\tcoin\tNOUN\tNN\tNumber=Sing\t1\tnmod\t_\t_
"""


def treebank(name: str) -> Path:
    """The path of a file of the treebanks; skips where there is none."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def written(folder: Path, text: str = CONLLU, name: str = "small.conllu") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
