"""The whole page of a recording in a notebook: the kernel answers what a server would.

The page stands in a frame of its own, so that its addresses, keys and colours are not the notebook's. Its questions
come as messages of the widget, and are put to the same application that ``unitscope view`` serves.
"""

import asyncio
import html
import json
import posixpath
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

from unitscope.server.app import SHELL, application
from unitscope.server.guard import COOKIE
from unitscope.server.viewed import Viewed

LONGEST = 8_000_000
"""Bytes of an answer: notebooks lose what is longer."""
HEIGHT = 760
"""Pixels of the frame."""
FRAME = """
export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.title = model.get("title");
    frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 1px solid #8888`;
    const address = URL.createObjectURL(new Blob([model.get("page")], { type: "text/html" }));
    frame.src = address;
    const ask = (event) => event.source === frame.contentWindow && model.send(event.data);
    const tell = (content) => frame.contentWindow?.postMessage(content, "*");
    addEventListener("message", ask);
    model.on("msg:custom", tell);
    el.append(frame);
    return () => {
      removeEventListener("message", ask);
      model.off("msg:custom", tell);
      URL.revokeObjectURL(address);
    };
  },
};
"""
BODY = '<div id="app" data-host="notebook"></div>\n<script>{script}</script>'


class Kernel:
    """Answers what the page of some recordings asks, without a network."""

    def __init__(self, viewed: Sequence[Viewed]) -> None:
        self._token = secrets.token_urlsafe(8)
        self._app = application(viewed, self._token)
        self._thread = ThreadPoolExecutor(1)

    def __call__(self, path: str, question: object = None) -> tuple[int, str]:
        """Status and content. A notebook runs a loop of its own, so the application runs in another thread."""
        return self._thread.submit(lambda: asyncio.run(self._answered(path, question))).result()

    async def _answered(self, path: str, question: object) -> tuple[int, str]:
        where, _, query = path.partition("?")
        body = b"" if question is None else json.dumps(question).encode()
        headers = {"host": "127.0.0.1", "cookie": f"{COOKIE}={self._token}"}
        if question is not None:
            headers |= {"content-type": "application/json", "content-length": str(len(body))}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "GET" if question is None else "POST",
            "path": unquote(posixpath.normpath(f"/r/0/{where}")),
            "query_string": query.encode(),
            "root_path": "",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 0),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        told: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            told.append(message)

        await self._app(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in told)
        if len(content) > LONGEST:
            return 413, json.dumps({"error": "this is too long for a notebook; serve it with: unitscope view"})
        return int(told[0]["status"]), content.decode()


def page_html(title: str) -> str:
    """The page as one document, which asks whoever holds its frame."""
    bundle = files("unitscope.page") / "bundle"
    style, script = ((bundle / name).read_text(encoding="utf-8") for name in ("page.css", "served.js"))
    return SHELL.format(title=html.escape(title), head=f"<style>{style}</style>", body=BODY.format(script=script))


def widget(viewed: Sequence[Viewed], height: int = HEIGHT) -> Any:
    """The page of some recordings, as a widget of notebooks.

    Raises ``InputError`` for what is no recording.
    """
    import anywidget
    import traitlets

    title = viewed[0].page().title
    kernel = Kernel(viewed)

    class PageWidget(anywidget.AnyWidget):
        _esm = FRAME
        page = traitlets.Unicode(page_html(title)).tag(sync=True)
        title = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int(height).tag(sync=True)

    made = PageWidget(title=title)

    def asked(_: Any, said: Any, __: Any) -> None:
        status, content = kernel(str(said["path"]), said.get("question"))
        made.send({"id": said["id"], "status": status, "content": content})

    made.on_msg(asked)
    return made
