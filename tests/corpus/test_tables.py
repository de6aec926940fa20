"""What is written to a table is read back equal, and what is no table says where and what would work."""

import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.opening import Lines
from unitscope.corpus.separated import separated
from unitscope.corpus.tables import open_table
from unitscope.errors import InputError

# Every plane, with what separates, quotes and ends thrown in often; a zero byte or half a surrogate is no text.
CELL = st.text(
    st.one_of(
        st.sampled_from("\t,\"'\n\r;|\ufeff \u2028\x85\x0b\u0301"),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=12,
)
ROWS = st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=6)
WIDTH = st.integers(1, 4)


def read(folder, content, name, dialect=Dialect(), encoding="utf-8-sig"):
    path = folder / name
    path.write_bytes(content.encode(encoding))
    with open_table(path, dialect) as table:
        return table.columns, [list(row.values()) for _, row in table.rows()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@given(
    rows=ROWS,
    width=WIDTH,
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]),
)
def test_quoted_tables_come_back(folder, rows, width, end, encoding):
    names, rows = [f"c{number}" for number in range(width)], [row[:width] for row in rows]
    made = io.StringIO()
    bare = any(
        "\r" in cell for row in rows for cell in row
    )  # which csv leaves without quotes where lines end otherwise
    quoting = csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL
    csv.writer(made, lineterminator=end, quoting=quoting).writerows([names, *rows])
    columns, found = read(folder, made.getvalue(), "a.csv", encoding=encoding)
    assert (list(columns), found) == (names, rows)
    told = Dialect(columns=tuple(names))
    assert read(folder, made.getvalue(), "a.csv", told, encoding)[1] == rows


@given(rows=ROWS, width=WIDTH, end=st.sampled_from(["\n", "\r\n"]))
def test_tables_with_tabs_come_back(folder, rows, width, end):
    names, rows = [f"c{number}" for number in range(width)], [row[:width] for row in rows]
    # What an unquoted table cannot hold: tabs and line ends, and as the only cell of a row nothing.
    plain = [[cell.translate({9: " ", 10: " ", 13: " "}) or "x" * (len(row) == 1) for cell in row] for row in rows]
    content = end.join("\t".join(row) for row in [names, *plain]) + end
    assert read(folder, content, "a.tsv") == (tuple(names), plain)


@given(
    rows=st.lists(st.dictionaries(CELL, CELL | st.none() | st.integers(0, 9) | st.lists(CELL), min_size=1), min_size=1)
)
def test_json_lines_come_back(folder, rows):
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with open_table(path) as table:
        assert [dict(row) for _, row in table.rows()] == rows


@given(values=st.lists(CELL, min_size=1))
def test_all_kinds_say_the_same(folder, values):
    values = [value.replace("\r", " ") for value in values]  # pandas leaves a carriage return alone without quotes
    frame = pd.DataFrame({"n": range(len(values)), "text": values})
    frame.to_parquet(folder / "b.parquet")
    frame.to_csv(folder / "b.csv", index=False)
    frame.to_json(folder / "b.jsonl", orient="records", lines=True)
    frame.to_json(folder / "b.json", orient="records", indent=1)
    for name in ("b.parquet", "b.csv", "b.jsonl", "b.json"):
        with open_table(folder / name) as table:
            assert [value for _, (value,) in table.values("text")] == values, name


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", 'x,y\n1,2\n3,"a" b\n', r"a\.csv:3, column 2: a quotation mark stands inside the cell '\"a\" b"),
        ("a.csv", 'x,y\n1,5" disk\n', r"a\.csv:2, column 2: .*--no-quotes"),
        ("a.csv", 'x,y\n1,"a\nb\n', r"a\.csv:2, column 2: the quotation mark that opens the cell .* is never closed"),
        ("a.csv", "x,y\n1,2,3\n", r"a\.csv:2: this row has 3 cells between commas, the table 2 columns \(x, y\)"),
        ("a.tsv", 'x\ty\n1\t"a\nb"\n', r"a\.tsv:3: this row has 1 cells .* if cells stand in quotes, say --quotes"),
        ("a.csv", "x,y,x\n1,2,3\n", r"a\.csv:1: two columns are called 'x'"),
        ("a.csv", "\n", "is empty"),
        ("a.jsonl", '{"a": 1, "a": 2}\n', r"a\.jsonl:1: two values are called 'a'"),
        ("a.jsonl", '{"a": 1}\n\n{"a": ' + "[" * 100_000, r"a\.jsonl:3: this line is no JSON"),
        ("a.jsonl", '{"a": ' + "9" * 5000 + "}\n", r"a\.jsonl:1: this line is no JSON"),
        ("a.json", '[{"a": 1}, 2]', r"a\.json, row 2: this line is no object"),
    ],
)
def test_what_is_no_table(tmp_path, name, content, says):
    with pytest.raises(InputError, match=says):
        read(tmp_path, content, name)


def test_quotes_are_as_told(tmp_path):
    content = 'x\ty\n"a\tb"\t"c"\n'
    assert read(tmp_path, content, "a.tsv", Dialect(quotes=True))[1] == [["a\tb", "c"]]
    assert read(tmp_path, 'x,y\n"a,b"\n', "a.csv", Dialect(quotes=False))[1] == [['"a', 'b"']]


def test_semicolons_are_found_and_told(tmp_path):
    notes = Notes()
    (tmp_path / "a.csv").write_text('"x;y";z\n1,5;2\n')
    with open_table(tmp_path / "a.csv", notes=notes) as table:
        assert table.columns == ("x;y", "z")
        assert [list(row.values()) for _, row in table.rows()] == [["1,5", "2"]]
    assert list(notes) == ["a.csv has ';' between its cells"]


def test_nested_columns(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"meta": {"body": {"en": "yes"}}, "n": 1}\n{"meta": null}\n{"meta": {"body": 3}}\n'
    )
    with open_table(tmp_path / "a.jsonl") as table:
        rows = table.values("meta.body.en", "n")
        assert next(rows)[1] == ["yes", 1]
        assert next(rows)[1] == [None, None]
        with pytest.raises(InputError, match=r"a\.jsonl:3: there is no 'en' in 'meta\.body'; there are: int values"):
            next(rows)


def test_half_a_surrogate_pair_is_replaced_and_said(tmp_path):
    notes = Notes()
    (tmp_path / "a.jsonl").write_text('{"text":"ok \\ud83d broken", "more": ["\\udc00"]}\n{"text":"\\ud83d\\ude00"}\n')
    with open_table(tmp_path / "a.jsonl", notes=notes) as table:
        rows = [row for _, row in table.rows()]
    assert rows == [{"text": "ok \ufffd broken", "more": ["\ufffd"]}, {"text": "😀"}]
    assert list(notes) == ["rows with half a surrogate pair, read as U+FFFD: 1"]


def test_a_row_knows_its_line_after_cells_of_several(tmp_path):
    (tmp_path / "a.csv").write_text('x\n"1\n2\n3"\n4\n')
    with Lines(tmp_path / "a.csv") as lines:
        assert list(separated(lines, ",", True)) == [(1, ["x"]), (2, ["1\n2\n3"]), (5, ["4"])]
