"""What the server says, to whom, and what it refuses. It is asked as a browser would ask, over a socket."""

import json
import random
import socket
from typing import Any

import pytest

from unitscope.analyses.histogram import Histogram
from unitscope.fold.analyze import analyze
from unitscope.page.parts.results import Results
from unitscope.recording.recording import Recording

pytest.importorskip("uvicorn", reason="pip install 'unitscope[view]'")


def test_the_token_becomes_a_cookie(served: Any) -> None:
    status, headers, _ = served.ask(f"/?token={served.token}", cookie="")
    assert (status, headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(headers["set-cookie"].split("; "))
    assert served.ask("/?token=another", cookie="")[0] == 403
    assert served.ask("/r/0/", cookie="another")[0] == 403
    assert served.ask("/r/0/api/overview.json", cookie="")[0] == 403
    assert served.ask("/assets/served.js", cookie="")[0] == 403


def test_the_page_and_what_it_is_made_of(served: Any) -> None:
    assert served.ask("/")[1]["location"] == "/r/0/"
    status, headers, body = served.ask("/r/0/")
    assert status == 200
    assert b"<script src=" in body
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"].split("style-src")[0]
    assert headers["x-content-type-options"] == "nosniff"
    for name, kind in (("served.js", "text/javascript"), ("page.css", "text/css")):
        status, headers, _ = served.ask(f"/assets/{name}")
        assert status == 200 and headers["content-type"].startswith(kind)


def test_every_page_has_its_json(served: Any) -> None:
    overview = served.json("/r/0/api/overview.json")
    assert isinstance(overview, dict)
    assert overview["sites"] == [["planted", 3]]
    table = served.json("/r/0/api/table.json")
    assert next(field["name"] for field in table["fields"]) == "mean"
    for head in overview["sections"]:
        assert served.json(f"/r/0/api/section/{head['id']}.json")["title"] == head["title"]
    unit = served.json("/r/0/api/unit/planted/2.json")
    assert [group["title"] for group in unit] == ["Text", "Moments"]
    assert "".join(unit[0]["views"][0]["tokens"]) == served.words
    one, two = served.json("/r/0/api/text/0.json?unit=planted/0&unit=planted/1&first=4&count=10")
    assert one["tokens"] == two["tokens"] == list(served.words[4:14])
    assert one["place"] == "cat.txt:1"
    assert one["values"] != two["values"]


def test_what_a_browser_has_is_not_sent_again(served: Any) -> None:
    tag = served.ask("/r/0/api/overview.json")[1]["etag"]
    status, _, body = served.ask("/r/0/api/overview.json", If_None_Match=tag)
    assert (status, body) == (304, b"")


def test_results_appear_when_an_analysis_is_done(served: Any) -> None:
    tag = served.ask("/r/0/api/overview.json")[1]["etag"]
    before = served.json("/r/0/api/changed.json")
    Results(analyze(Recording.open(served.folder), [Histogram()])).save(served.folder)
    assert served.ask("/r/0/api/overview.json", If_None_Match=tag)[0] == 200
    assert served.json("/r/0/api/changed.json") != before
    assert "Histogram" in str(served.json("/r/0/api/unit/planted/0.json"))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/r/1/api/overview.json", "no such recording"),
        ("/r/0/api/section/nowhere.json", "no section"),
        ("/r/0/api/course/planted/3.json", "no unit planted/3"),
        ("/r/0/api/unit/planted/3.json", "no unit planted/3"),
        ("/r/0/api/unit/nowhere/0.json", "no unit nowhere/0"),
        ("/r/0/api/text/5.json?unit=planted/0", "no sequence 5"),
        ("/r/0/api/text/0.json?unit=planted/9", "no unit planted/9"),
        ("/r/0/api/text/0.json", "between 1 and"),
        ("/r/0/api/text/0.json?unit=planted/0&count=99999", "at most"),
        ("/r/0/api/text/0.json?unit=planted/0&first=x", "no whole number"),
        ("/assets/../../../../etc/passwd", "nothing here"),
        ("/assets/..%2f..%2fpage.py", "nothing here"),
        ("/nothing", "nothing here"),
    ],
)
def test_what_is_not_there(served: Any, path: str, says: str) -> None:
    status, _, body = served.ask(path)
    assert status == 404
    assert says in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
    ],
)
def test_requests_from_elsewhere_are_refused(served: Any, headers: dict[str, str], status: int) -> None:
    assert served.ask("/r/0/api/overview.json", **headers)[0] == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_is_changed_by_a_request(served: Any, method: str) -> None:
    assert served.ask("/r/0/api/overview.json", method)[0] == 405


def test_whatever_is_asked_the_server_stands(served: Any) -> None:
    """No answer of 500, and nothing of a file that is no page, whatever the address, the query or the header."""
    dice = random.Random(0)
    pieces = [
        "r",
        "0",
        "api",
        "unit",
        "planted",
        "..",
        "%2e%2e",
        "%00",
        "text",
        "etc/passwd",
        "-1",
        "9" * 30,
        "é",
        "{}",
        "'",
        "*",
    ]
    for _ in range(300):
        path = "/" + "/".join(dice.choice(pieces) for _ in range(dice.randrange(7)))
        path += dice.choice(["", ".json", "/", "?unit=" + dice.choice(pieces), "?token=" + "x" * dice.randrange(9000)])
        path = "".join(c if 32 < ord(c) < 127 else "%C3%A9" for c in path)
        status, headers, body = served.ask(path, dice.choice(["GET", "GET", "GET", "HEAD", "POST"]))
        assert status < 500, path
        assert headers["x-content-type-options"] == "nosniff"
        assert b"root:" not in body and b"Traceback" not in body
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(
            b"GET /r/0/?unit=\xb2 HTTP/1.1\r\nHost: localhost\r\nCookie: unitscope=%s\r\n\r\n" % served.token.encode()
        )
        assert raw.recv(12) == b"HTTP/1.1 400"
