import pytest

from unitscope.corpus.pairs import Pair, read_pairs, write_pairs
from unitscope.errors import InputError

GOOD = "011 t2 t2 .\t011 111 100\t0 1 2\n"


def written(tmp_path, text):
    path = tmp_path / "pairs.tsv"
    path.write_text(text)
    return path


def test_what_is_written_is_read(tmp_path):
    pairs = [Pair(("a", "b"), ("c",), (1,)), Pair(("a",), ("c", "d"))]
    write_pairs(tmp_path / "x" / "pairs.tsv", pairs)
    read = read_pairs(tmp_path / "x" / "pairs.tsv")
    assert [(p.source, p.target, p.attention) for p in read] == [(p.source, p.target, p.attention) for p in pairs]


def test_a_place_for_the_end_of_the_output_is_left_out(tmp_path):
    (pair,) = read_pairs(written(tmp_path, "011 t2 .\t011 111\t0 1 2\n\n"))
    assert pair.attention == (0, 1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("011 t2 t2 .", "1 columns"),
        ("a\tb\t0\tc", "4 columns"),
        ("\tb", "source of this pair is empty"),
        ("a\t \t", "target of this pair is empty"),
        ("a b\tc d\t0", "2 symbols of the target have 1 places"),
        ("a b\tc d\t0 x", "whole numbers"),
        ("a b\tc d\t0 2", "the place 2 to attend to is beyond the source"),
        ("a b\tc d\t0 -1", "the place -1"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, says):
    with pytest.raises(InputError, match=says) as error:
        read_pairs(written(tmp_path, GOOD + line + "\n"))
    assert "pairs.tsv:2" in str(error.value)


def test_a_file_without_pairs_is_refused(tmp_path):
    with pytest.raises(InputError, match="no pairs"):
        read_pairs(written(tmp_path, "\n"))
    with pytest.raises(InputError, match="cannot be read"):
        read_pairs(tmp_path / "none.tsv")
