"""The served page in a browser: it draws itself from what the server says, and from nothing else."""

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="pip install 'unitscope[view]'")
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 120_000  # milliseconds, for machines that have much else to do

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path (Debian: apt-get install chromium)")


@pytest.fixture
def page() -> Iterator[Any]:
    api.expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def test_the_served_page(page: Any, served: Any) -> None:
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda request: asked.append(request.url))
    here = f"http://127.0.0.1:{served.port}"
    page.goto(f"{here}/?token={served.token}")
    api.expect(page.locator("h1")).to_have_text("planted, unit by unit")
    assert page.url == f"{here}/r/0/"
    page.goto(f"{here}/r/0/#/unit/planted/1")
    passage = page.get_by_role("textbox", name="planted/1 on the text")
    assert passage.evaluate("e => e.textContent") == served.words
    assert page.locator("main b").count() == 0, "text is text, whatever is in it"
    page.get_by_role("button", name="next").click()
    api.expect(page.locator("h1")).to_have_text("planted/2")
    page.goto(f"{here}/r/0/#/units")
    api.expect(page.locator("main header p")).to_contain_text("3 units of 1 site")
    assert all(url.startswith((here, "data:")) for url in asked)
    assert said == []


def test_text_is_typed_edited_and_matched(page: Any, with_model: Any) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.goto(f"http://127.0.0.1:{with_model.port}/?token={with_model.token}")
    page.get_by_role("link", name="Type a text").click()
    page.get_by_label("Text", exact=True).fill("the cat <b>sat")
    api.expect(page.get_by_role("table", name="Likeliest next symbols")).to_be_visible()
    page.get_by_label("Add a unit").fill("rnn.0.hidden/3")
    page.get_by_role("button", name="Add", exact=True).click()
    passage = page.get_by_role("textbox", name="rnn.0.hidden/3 on the text")
    api.expect(passage).to_have_text("the cat <b>sat")
    page.get_by_label("What becomes of rnn.0.hidden/3").select_option("silence")
    api.expect(page.get_by_role("heading", name="What the edits move")).to_be_visible()
    assert "edit=rnn.0.hidden%2F3%7Esilence" in page.url
    page.get_by_role("button", name="Undo edit").click()
    api.expect(page.get_by_role("heading", name="What the edits move")).to_have_count(0)
    page.get_by_role("link", name="Text", exact=True).click()
    page.get_by_label("Add a unit").fill("rnn.0.hidden/3")
    page.get_by_role("button", name="Add", exact=True).click()
    passage.focus()
    for _ in range(2):
        page.keyboard.press("Shift+ArrowRight")
    api.expect(page.get_by_role("heading", name="On throughout")).to_be_visible()
    page.get_by_label("Units of").select_option("*")
    page.get_by_role("slider").fill("0.25")
    page.get_by_role("button", name="Look").click()
    api.expect(page.get_by_role("heading", name="Where they are on together")).to_be_visible()
    assert said == []


HOST = """<!doctype html><title>A notebook</title><div id="cell"></div><script type="module">
FRAME
const heard = [];
const model = {
  get: (name) => window.given[name],
  on: (_, hear) => heard.push(hear),
  off: () => {},
  send: async (question) => heard.forEach(async (hear) => hear(await window.kernel(question))),
};
window.given = await window.begin();
view.render({ model, el: document.getElementById("cell") });
</script>"""


def test_the_page_in_a_notebook(page: Any, with_model: Any) -> None:
    """The frame as a notebook holds it, with a kernel that answers as the server would."""
    from unitscope.server.viewed import Viewed
    from unitscope.server.widget import FRAME, Kernel, page_html

    kernel = Kernel([Viewed(with_model.folder, lambda: (with_model.model, with_model.reading))])
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))

    def answered(question: dict[str, Any]) -> dict[str, Any]:
        status, content = kernel(question["path"], question["question"])
        return {"id": question["id"], "status": status, "content": content}

    document = page_html("A page")
    assert len(document.encode()) < 1_000_000
    page.expose_function("kernel", answered)
    page.expose_function("begin", lambda: {"page": document, "title": "A page", "height": 700})
    host = HOST.replace("FRAME", FRAME.replace("export default", "const view ="))
    page.route("http://notebook.example/", lambda route: route.fulfill(body=host, content_type="text/html"))
    page.goto("http://notebook.example/")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Type a text").click()
    frame.get_by_label("Text", exact=True).fill("the cat")
    api.expect(frame.get_by_role("table", name="Likeliest next symbols")).to_be_visible()
    frame.get_by_role("link", name=re.compile("^Units")).click()
    frame.get_by_role("link", name="rnn.0.cell/1", exact=True).click()
    api.expect(frame.locator("h1")).to_have_text("rnn.0.cell/1")
    assert said == []
