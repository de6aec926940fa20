import re

from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.labels.lexer import lex

PATTERN = re.compile(r"(?P<comment>#[^\n]*)|(?P<string>'[^']*')")


def test_comments_become_blanks_and_strings_quotes() -> None:
    lexed = lex(PATTERN, "a 'b\n#' c # 'd'\ne")
    assert lexed.code == 'a """"" c      \ne'
    assert "".join("-s"[on] for on in lexed.string.tolist()) == "--sssss----------"
    assert "".join("-c"[on] for on in lexed.comment.tolist()) == "----------ccccc--"


@settings(deadline=None)
@given(st.text(alphabet="a#'\n\r λ"))
def test_code_has_the_places_of_the_text(text: str) -> None:
    lexed = lex(PATTERN, text)
    assert len(lexed.code) == len(text)
    for i, (before, after) in enumerate(zip(text, lexed.code, strict=True)):
        if lexed.comment[i]:
            assert after == " "
        elif lexed.string[i]:
            assert after == '"'
        elif before == "\r" and text[i + 1 : i + 2] != "\n":
            assert after == "\n"
        else:
            assert after == before
