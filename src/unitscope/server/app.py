"""The application: a page for each recording, and everything on it as JSON.

    /                                   the recordings
    /r/0/                               the page of the first of them
    /r/0/api/overview.json              all of it but its units
    /r/0/api/unit/SITE/NUMBER.json      what one unit shows
    /r/0/api/text/SEQUENCE.json?unit=SITE/NUMBER&first=0&count=512    a passage in the colours of some units

No part of an address is ever a path of a file.
"""

import hashlib
import html
import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from unitscope.errors import InputError
from unitscope.page.page import overview_json, unit_json
from unitscope.server.guard import LOOPBACK, Guard
from unitscope.server.viewed import Viewed
from unitscope.view import to_json

ASSETS = {"page.css": "text/css", "served.js": "text/javascript"}
SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{assets}page.css">
</head>
<body>
<div id="app">{body}</div>
{script}
</body>
</html>
"""


def application(viewed: Sequence[Viewed], token: str, hosts: tuple[str, ...] = LOOPBACK) -> Starlette:
    """Serve these recordings to whoever has the token."""

    def recordings(request: Request) -> Response:
        if len(viewed) == 1:
            return RedirectResponse(request.scope.get("root_path", "") + "/r/0/", 307)
        names = [f'<li><a href="r/{k}/">{html.escape(one.folder.name)}</a></li>' for k, one in enumerate(viewed)]
        body = f"<main><h1>Recordings</h1><ul>{''.join(names)}</ul></main>"
        return HTMLResponse(SHELL.format(title="unitscope", assets="assets/", body=body, script=""))

    def shell(request: Request) -> Response:
        page = _one(request).page()
        script = '<script src="../../assets/served.js"></script>'
        return HTMLResponse(SHELL.format(title=html.escape(page.title), assets="../../assets/", body="", script=script))

    def overview(request: Request) -> Response:
        return _json(request, overview_json(_one(request).page()))

    def unit(request: Request) -> Response:
        site, number = request.path_params["site"], request.path_params["unit"]
        return _json(request, unit_json(_one(request).unit(site, number)))

    def text(request: Request) -> Response:
        query = request.query_params
        units = [_address(address) for address in query.getlist("unit")]
        first, count = _whole(query.get("first", "0")), _whole(query.get("count", "512"))
        views = _one(request).text(request.path_params["sequence"], first, count, units)
        return _json(request, [to_json(view) for view in views])

    def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ASSETS:
            return JSONResponse({"error": "there is nothing here"}, 404)
        content = (files("unitscope.page") / "bundle" / name).read_bytes()
        return _tagged(request, content, ASSETS[name])

    def _one(request: Request) -> Viewed:
        number: int = request.path_params["recording"]
        if number >= len(viewed):
            raise InputError("there is no such recording")
        return viewed[number]

    def refused(_: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 404)

    def nothing(_: Request, __: Exception) -> Response:
        return JSONResponse({"error": "there is nothing here"}, 404)

    routes: list[tuple[str, Callable[[Request], Response]]] = [
        ("/", recordings),
        ("/assets/{name}", asset),
        ("/r/{recording:int}/", shell),
        ("/r/{recording:int}/api/overview.json", overview),
        ("/r/{recording:int}/api/unit/{site:path}/{unit:int}.json", unit),
        ("/r/{recording:int}/api/text/{sequence:int}.json", text),
    ]
    return Starlette(
        routes=[Route(path, endpoint) for path, endpoint in routes],
        middleware=[Middleware(Guard, token=token, hosts=hosts), Middleware(GZipMiddleware, minimum_size=1_000)],
        exception_handlers={InputError: refused, 404: nothing},
    )


def _address(text: str) -> tuple[str, int]:
    site, _, unit = text.rpartition("/")
    return site, _whole(unit)


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InputError(f"{text[:40]!r} is no whole number")
    return int(text)


def _json(request: Request, value: Any) -> Response:
    return _tagged(request, json.dumps(value, allow_nan=False).encode(errors="replace"), "application/json")


def _tagged(request: Request, content: bytes, kind: str) -> Response:
    """With a tag of its content, so that a browser that has it is not sent it again."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)
