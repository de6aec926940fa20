"""Checks of every request: access, method, and the headers that restrict a browser.

The server is for one person on one machine, and every web page that they have open can send it requests. So the printed
address has a random token, which is exchanged for a cookie that no script and no other site can use; a name that is not
this machine's is refused (DNS rebinding), and so is what comes from another origin. A question is posted as JSON,
which no form of another page can send, and is bounded in length.
"""

import hmac
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "unitscope"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
LONGEST = 4_096
"""Bytes of an address, and of its query."""
BODY = 1 << 16
"""Bytes of a question."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Passes on what may be asked."""

    def __init__(self, app: ASGIApp, token: str, hosts: tuple[str, ...] = LOOPBACK) -> None:
        self._app, self._token, self._hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._answer(scope) if scope["type"] == "http" else PlainTextResponse("no", 400)
        await (answer or self._app)(scope, receive, guarded)

    def _answer(self, scope: Scope) -> Response | None:
        """Response in place of the page; None where the request may pass."""
        headers = Headers(scope=scope)
        query: bytes = scope.get("query_string", b"")
        if len(scope["path"]) > LONGEST or len(query) > LONGEST:
            return PlainTextResponse("the address is too long", 414)
        if not query.isascii():
            return PlainTextResponse("an address has its letters in percent codes", 400)
        host = headers.get("host", "")
        if host.rpartition(":")[0 if not host.endswith("]") and ":" in host else 2] not in self._hosts:
            return PlainTextResponse("this server has another name", 421)
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return PlainTextResponse("only GET, HEAD and POST", 405, {"Allow": "GET, HEAD, POST"})
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return PlainTextResponse("not from elsewhere", 403)
        given = parse_qs(query.decode("latin-1")).get("token", [""])[0]
        if given and self._right(given):
            answer = RedirectResponse(scope.get("root_path", "") + "/", 303)
            answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict", path=scope.get("root_path") or "/")
            return answer
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return PlainTextResponse("not from elsewhere", 403)
        if not self._right(_cookie(headers.get("cookie", ""))):
            return PlainTextResponse("open the address that unitscope view printed: it has a token", 403)
        return _unfit(headers) if scope["method"] == "POST" else None

    def _right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())


def _unfit(headers: Headers) -> Response | None:
    """Why a question is not read: one that is no JSON, or whose length is not told or too large."""
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return PlainTextResponse("a question is JSON", 415)
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        return PlainTextResponse("a question says how long it is", 411)
    return PlainTextResponse("the question is too long", 413) if len(length) > 9 or int(length) > BODY else None


def _cookie(text: str) -> str:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except Exception:  # whatever a browser sends as a cookie
        return ""
    return found.value if found else ""
