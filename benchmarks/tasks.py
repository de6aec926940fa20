"""Ten tasks of a new user at the served page, each in a real browser: clicks, seconds, a picture of where it ends.

    unitscope view demo/recording untrained --model stdlib-lstm256 --port 8701
    python benchmarks/tasks.py ADDRESS --named recording --file demo/report.html

What they are, and the figures of the last run, are in docs/view.md.
"""

import argparse
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 60_000
UNIT = "rnn.0.hidden/67"


class User:
    """Somebody at a browser, whose clicks are counted."""

    def __init__(self, page: Any, home: str) -> None:
        self.page, self.home, self.clicks = page, home, 0

    def link(self, name: str | re.Pattern[str]) -> None:
        self.clicks += 1
        self.page.get_by_role("link", name=name, exact=isinstance(name, str)).first.click()

    def button(self, name: str | re.Pattern[str]) -> None:
        self.clicks += 1
        self.page.get_by_role("button", name=name).first.click()

    def type(self, label: str | re.Pattern[str], text: str) -> None:
        self.clicks += 1
        self.page.get_by_label(label, exact=isinstance(label, str)).first.fill(text)

    def choose(self, label: str, option: str) -> None:
        self.clicks += 1
        self.page.get_by_label(label).first.select_option(option)

    def heading(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("heading", name=name).first.wait_for()


def find_unit(user: User) -> None:
    user.link("parenthesis-depth")
    user.heading(UNIT)


def see_failures(user: User) -> None:
    find_unit(user)
    user.button("threshold")
    user.page.get_by_text(re.compile("of what is")).first.wait_for()


def silence(user: User) -> None:
    find_unit(user)
    user.link("On a text that you type")
    user.type("Text", "    def call_soon(self, callback")
    user.choose(f"What becomes of {UNIT}", "silence")
    user.heading("What the edits move")


def on_in_a_phrase(user: User) -> None:
    user.link("Text")
    user.page.get_by_role("textbox", name=re.compile("on the text")).first.focus()
    for _ in range(2):
        user.page.keyboard.press("Shift+ArrowRight")
    user.clicks += 1
    user.heading("On throughout")


def together(user: User) -> None:
    on_in_a_phrase(user)
    user.choose("Units of", "*")
    user.button("Look")
    user.heading("Where they are on together")


def differing(user: User) -> None:
    user.link("Compare")
    user.heading("Matched units")
    user.clicks += 1
    user.page.get_by_role("table", name="Pairs of units").get_by_role("button", name="held-out r").first.click()


def name_it(user: User) -> None:
    find_unit(user)
    user.button(re.compile("Name it|Change the note"))
    user.type(re.compile("^Name"), "brackets")
    user.button("Keep")
    user.page.get_by_text("brackets").first.wait_for()


def follow_strings(user: User) -> None:
    user.link(re.compile("^Units"))
    user.type("Filter best label", "string")
    user.page.get_by_role("table", name="All units").get_by_role("link").first.wait_for()


def find_text(user: User) -> None:
    user.type("Search: unit, label or text", "call_soon")
    user.clicks += 1
    user.page.get_by_text("in the text").first.click()
    user.page.get_by_role("textbox", name=re.compile("on the text")).first.wait_for()


def open_file(file: str) -> Callable[[User], None]:
    def task(user: User) -> None:
        user.page.goto(f"{Path(file).resolve().as_uri()}#/unit/{UNIT}")
        user.heading(UNIT)
        user.page.get_by_role("figure").first.wait_for()

    return task


TASKS: dict[str, Callable[[User], None]] = {
    "find the parenthesis unit": find_unit,
    "show where it fails": see_failures,
    "silence it and see brackets lost": silence,
    "find what else is on in this phrase": on_in_a_phrase,
    "find where else these are on together": together,
    "which units differ between the two runs": differing,
    "give the unit a name": name_it,
    "which units follow strings": follow_strings,
    "where a word stands, and what units do there": find_text,
}


def main() -> None:
    from playwright.sync_api import sync_playwright

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("address")
    options.add_argument("--named", default="recording", help="the first recording, of the two that are served")
    options.add_argument("--file", default="report.html", help="its exported page")
    options.add_argument("--pictures", type=Path, default=Path("tasks"))
    said = options.parse_args()
    said.pictures.mkdir(parents=True, exist_ok=True)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto(said.address)
        page.get_by_role("link", name=said.named, exact=True).click()
        page.locator(".card").first.wait_for()
        user = User(page, page.url.partition("#")[0])
        for number, (name, task) in enumerate({**TASKS, "open a colleague's file": open_file(said.file)}.items(), 1):
            page.goto(f"{user.home}#/")
            page.locator(".card").first.wait_for()
            user.clicks, begun = 0, time.perf_counter()
            task(user)
            print(f"{number:2} {name:46} {user.clicks} clicks {time.perf_counter() - begun:5.1f} s", flush=True)
            page.screenshot(path=said.pictures / f"{number}.png")
        browser.close()


if __name__ == "__main__":
    main()
