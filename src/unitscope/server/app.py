"""The application: a page for each recording, and everything on it as JSON.

    /                                   the recordings
    /r/0/                               the page of the first of them
    /r/0/api/overview.json              what stands first on it: what was found, and where the rest is
    /r/0/api/section/ID.json            one of its sections
    /r/0/api/table.json                 the table of all units
    /r/0/api/unit/SITE/NUMBER.json      what one unit shows
    /r/0/api/text/SEQUENCE.json?unit=SITE/NUMBER&first=0&count=512    a passage in the colours of some units
    /r/0/api/sequence/SEQUENCE.json     how long the nearest sequence is, and its neighbours
    /r/0/api/find.json?text=…&occurrence=0    where a text stands
    /r/0/api/examples/SITE/NUMBER.json?interval=middle    passages from an interval of a unit's values
    /r/0/api/effects/SITE/NUMBER.json   which next symbols a unit raises and lowers at once
    /r/0/api/notes.json                 what people call units and remark on them
    /r/0/api/course/SITE/NUMBER.json    a unit over the whole recording, in a bounded number of steps
    /r/0/api/changed.json               another text whenever something was added
    /r/0/api/events                     the same, told when it happens (server-sent events)
    /r/0/api/standing.json              which units are far from their usual throughout some tokens
    /r/0/api/typed.json                 a text that somebody types, read by the model, with edits
    /r/0/api/match.json                 where else the units are on together that are on throughout a phrase
    /r/0/api/compare.json               which units of another recording move with those of this one
    /r/0/api/note.json                  a note to keep

The last five are asked with POST and a question in JSON (``questions.py``). No part of an address is ever a path of a
file.
"""

import asyncio
import hashlib
import html
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from unitscope.errors import InputError
from unitscope.page.page import head_json, section_json, table_json, unit_json
from unitscope.page.parts.notes import Note, last, read_notes
from unitscope.server.compared import CompareAsked, compare_json
from unitscope.server.guard import LOOPBACK, Guard
from unitscope.server.intervals import examples
from unitscope.server.pyramid import course_json
from unitscope.server.questions import (
    MatchAsked,
    StandingAsked,
    TypedAsked,
    address_of,
    asked,
    effects_json,
    match_json,
    standing_json,
    typed_json,
)
from unitscope.server.typed import Busy
from unitscope.server.viewed import State, Viewed
from unitscope.views import to_json

Endpoint = Callable[[Request], Response | Awaitable[Response]]
LOOK = 1.0
"""Seconds between two looks at whether something was added."""
ASSETS = {"page.css": "text/css", "served.js": "text/javascript"}
SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
{head}
</head>
<body>
{body}
</body>
</html>
"""
SHEET = '<link rel="icon" href="data:,">\n<link rel="stylesheet" href="{assets}page.css">'


def application(viewed: Sequence[Viewed], token: str, hosts: tuple[str, ...] = LOOPBACK) -> Starlette:
    """Serve these recordings to whoever has the token."""

    def recordings(request: Request) -> Response:
        if len(viewed) == 1:
            return RedirectResponse(request.scope.get("root_path", "") + "/r/0/", 307)
        names = [f'<li><a href="r/{k}/">{html.escape(one.folder.name)}</a></li>' for k, one in enumerate(viewed)]
        body = f'<div id="app"><main><h1>Recordings</h1><ul>{"".join(names)}</ul></main></div>'
        return HTMLResponse(SHELL.format(title="unitscope", head=SHEET.format(assets="assets/"), body=body))

    def shell(request: Request) -> Response:
        page = _one(request).page()
        head, body = (
            SHEET.format(assets="../../assets/"),
            '<div id="app"></div>\n<script src="../../assets/served.js"></script>',
        )
        return HTMLResponse(SHELL.format(title=html.escape(page.title), head=head, body=body))

    def overview(request: Request) -> Response:
        served = {"recordings": [one.folder.name for one in viewed], "here": request.path_params["recording"]}
        return _said(request, "overview", lambda state: {**head_json(state.page), **served})

    def section(request: Request) -> Response:
        key = request.path_params["key"]

        def made(state: State) -> Any:
            found = [section for section in state.page.sections if section.id == key]
            if not found:
                raise InputError(f"there is no section {key[:80]!r}")
            return section_json(found[0])

        return _said(request, f"section {key[:80]}", made)

    def table(request: Request) -> Response:
        return _said(request, "table", lambda state: table_json(state.page))

    def course(request: Request) -> Response:
        one, (site, number) = _one(request), (request.path_params["site"], request.path_params["unit"])
        with one.lock:
            state = one.state()
            state.check_unit(site, number)
            return _json(request, course_json(state.recording, state.pyramids.course(site, number)))

    async def events(request: Request) -> Response:
        one = _one(request)

        async def told() -> AsyncIterator[str]:
            before = ""
            while not await request.is_disconnected():
                now = await run_in_threadpool(one.changed)
                if now != before:
                    yield f"data: {now}\n\n"
                before = now
                await asyncio.sleep(LOOK)

        return StreamingResponse(told(), media_type="text/event-stream")

    def unit(request: Request) -> Response:
        site, number = request.path_params["site"], request.path_params["unit"]
        return _json(request, unit_json(_one(request).unit(site, number)))

    def text(request: Request) -> Response:
        query = request.query_params
        units = [address_of(address) for address in query.getlist("unit")]
        first, count = _whole(query.get("first", "0")), _whole(query.get("count", "512"))
        views = _one(request).text(request.path_params["sequence"], first, count, units)
        return _json(request, [to_json(view) for view in views])

    def sequence(request: Request) -> Response:
        return _json(request, _one(request).place(_number(request.path_params["sequence"])))

    def find(request: Request) -> Response:
        query = request.query_params
        return _json(request, _one(request).find(query.get("text", ""), _whole(query.get("occurrence", "0"))))

    def examples_of(request: Request) -> Response:
        one, interval = _one(request), request.query_params.get("interval", "largest")
        with one.lock:
            views = examples(one.state(), request.path_params["site"], request.path_params["unit"], interval)
        return _json(request, [to_json(view) for view in views])

    def effects(request: Request) -> Response:
        state = _one(request).state()
        return _json(request, effects_json(state, request.path_params["site"], request.path_params["unit"]))

    def notes(request: Request) -> Response:
        found = last(read_notes(_one(request).folder))
        return _json(request, {address: asdict(note) for address, note in found.items()})

    def changed(request: Request) -> Response:
        return _json(request, {"state": _one(request).changed()})

    async def note(request: Request) -> Response:
        body = await request.body()
        await run_in_threadpool(lambda: _one(request).note(asked(body, Note)))
        return _json(request, {})

    async def compared(request: Request) -> Response:
        body = await request.body()

        def made() -> Response:
            question = asked(body, CompareAsked)
            if not 0 <= question.other < len(viewed):
                raise InputError("there is no such recording")
            states = []
            for one in (_one(request), viewed[question.other]):
                with one.lock:
                    states.append(one.state())
            key = f"compare {question} {states[1].recording.fingerprint}"
            if key not in states[0].said:
                states[0].said[key] = _bytes(compare_json(states[0], states[1], question))
            return _tagged(request, states[0].said[key], "application/json")

        return await run_in_threadpool(made)

    def posed(answer: Callable[[State, Any], dict[str, Any]], kind: type[Any]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            body = await request.body()

            def made() -> Response:
                one = _one(request)
                with one.lock:
                    state = one.state()
                return _json(request, answer(state, asked(body, kind)))

            return await run_in_threadpool(made)

        return endpoint

    def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ASSETS:
            return JSONResponse({"error": "there is nothing here"}, 404)
        content = (files("unitscope.page") / "bundle" / name).read_bytes()
        return _tagged(request, content, ASSETS[name])

    def _said(request: Request, key: str, made: Callable[[State], Any]) -> Response:
        """An answer that is made once for as long as nothing is added."""
        one = _one(request)
        with one.lock:
            state = one.state()
            if key not in state.said:
                state.said[key] = _bytes(made(state))
            content = state.said[key]
        return _tagged(request, content, "application/json")

    def _one(request: Request) -> Viewed:
        number: int = request.path_params["recording"]
        if number >= len(viewed):
            raise InputError("there is no such recording")
        return viewed[number]

    def refused(request: Request, error: Exception) -> Response:
        if "/api/" in request.url.path:
            return JSONResponse({"error": str(error)}, 404)
        body = f"<main><h1>This cannot be shown</h1><p>{html.escape(str(error))}</p></main>"
        assets = request.scope.get("root_path", "") + "/assets/"
        return HTMLResponse(SHELL.format(title="unitscope", assets=html.escape(assets), body=body, script=""), 404)

    def busy(_: Request, __: Exception) -> Response:
        return JSONResponse({"error": "the model is busy; try again"}, 503, {"Retry-After": "1"})

    def nothing(_: Request, __: Exception) -> Response:
        return JSONResponse({"error": "there is nothing here"}, 404)

    looked_at: list[tuple[str, Endpoint]] = [
        ("/", recordings),
        ("/assets/{name}", asset),
        ("/r/{recording:int}/", shell),
        ("/r/{recording:int}/api/overview.json", overview),
        ("/r/{recording:int}/api/section/{key}.json", section),
        ("/r/{recording:int}/api/table.json", table),
        ("/r/{recording:int}/api/course/{site:path}/{unit:int}.json", course),
        ("/r/{recording:int}/api/events", events),
        ("/r/{recording:int}/api/unit/{site:path}/{unit:int}.json", unit),
        ("/r/{recording:int}/api/text/{sequence:int}.json", text),
        ("/r/{recording:int}/api/sequence/{sequence}.json", sequence),
        ("/r/{recording:int}/api/find.json", find),
        ("/r/{recording:int}/api/notes.json", notes),
        ("/r/{recording:int}/api/changed.json", changed),
        ("/r/{recording:int}/api/examples/{site:path}/{unit:int}.json", examples_of),
        ("/r/{recording:int}/api/effects/{site:path}/{unit:int}.json", effects),
    ]
    questions: list[tuple[str, Endpoint]] = [
        ("standing", posed(standing_json, StandingAsked)),
        ("typed", posed(typed_json, TypedAsked)),
        ("match", posed(match_json, MatchAsked)),
        ("compare", compared),
        ("note", note),
    ]
    routes = [Route(path, endpoint) for path, endpoint in looked_at]
    routes += [
        Route(f"/r/{{recording:int}}/api/{name}.json", endpoint, methods=["POST"]) for name, endpoint in questions
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(Guard, token=token, hosts=hosts),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5),
        ],
        exception_handlers={InputError: refused, Busy: busy, 404: nothing},
    )


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InputError(f"{text[:40]!r} is no whole number")
    return int(text)


def _number(text: str) -> int:
    """A whole number that may be below 0, where any will do."""
    return -_whole(text[1:]) if text.startswith("-") else _whole(text)


def _json(request: Request, value: Any) -> Response:
    return _tagged(request, _bytes(value), "application/json")


def _bytes(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode(errors="replace")


def _tagged(request: Request, content: bytes, kind: str) -> Response:
    """With a tag of its content, so that a browser that has it is not sent it again."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)
