"""The served page in a browser: it draws itself from what the server says, and from nothing else."""

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
