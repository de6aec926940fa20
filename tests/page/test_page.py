"""The page in a browser: from disk, without a network, with the pointer, the keyboard and on a phone."""

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from synthetic import TEXT, every_view, synthetic

from unitscope.page.colour import diverging
from unitscope.page.page import Section, UnitGroup, Units, UnitTable, build_page
from unitscope.page.write import write_html

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PATIENCE = 120_000  # milliseconds, for machines that have much else to do
HERE = ("file:", "blob:", "data:")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api.expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "study.html"
    write_html(synthetic(sites=2, units=40), path)
    return path.as_uri()


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "views.html"
    shown = every_view()
    table = UnitTable.of_rows((), [["s", 0], ["deep/er", 0]])
    units = {name: Units.of([[UnitGroup("All", "", shown)]]) for name in ("s", "deep/er")}
    write_html(build_page("Views", "", [Section("all", "All", "Some `code`.\n\nMore.", shown)], table, units), path)
    return path.as_uri()


@pytest.fixture
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page of a browser without network, that fails the test for any message, error or request it makes."""
    options = getattr(request, "param", {})
    context = browser.new_context(**{"offline": True, "viewport": {"width": 1280, "height": 900}} | options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda r: None if r.url.startswith(HERE) else said.append(f"request: {r.url}"))
    yield page
    context.close()
    assert said == []


def column(page: Any, name: str) -> list[str]:
    """The texts of a column of the first table, as far as its rows exist."""
    heads = page.locator("main table").first.locator("th button > span:first-child").all_inner_texts()
    rows = page.locator("main table").first.locator("tbody tr[aria-rowindex]")
    texts: list[list[str]] = rows.evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.innerText.trim()))")
    return [row[heads.index(name)] for row in texts]


def wait_for_scroll(page: Any, place: int) -> None:
    # The page's policy forbids the evaluation that playwright's own waiting needs.
    for _ in range(PATIENCE // 100):
        if page.evaluate("scrollY") == place:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"scrolled to {page.evaluate('scrollY')}, not to {place}")


def percent(text: str) -> float:
    return float(text.removesuffix(" %"))


def test_opens_from_disk_without_network(page: Any, study: str) -> None:
    files: list[str] = []
    page.on("request", lambda request: files.append(request.url))
    page.goto(study)
    # Nothing was asked here, so the first section stands on the first page, and the others are a click away.
    api.expect(page.locator("main h2").first).to_have_text("What was read")
    sections = page.get_by_role("navigation", name="Sections").get_by_role("link")
    api.expect(sections).to_have_text(["Findings", "Gate saturation", "Units together"])
    assert page.title() == "Units of an LSTM on Python source"
    assert [url for url in files if not url.startswith("data:")] == [study]


def test_sections_have_addresses(page: Any, study: str) -> None:
    page.goto(f"{study}#/section/relations")
    api.expect(page.locator("h1")).to_have_text("Units together")
    page.get_by_role("link", name="Gate saturation").click()
    api.expect(page.locator("h1")).to_have_text("Gate saturation")
    assert page.url.endswith("#/section/saturation")


def test_sorting(page: Any, study: str) -> None:
    page.goto(f"{study}#/units")
    head = page.get_by_role("columnheader", name="auc")
    head.get_by_role("button").click()
    api.expect(head).to_have_attribute("aria-sort", "descending")
    values = list(map(percent, column(page, "auc")))
    assert values == sorted(values, reverse=True)
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    api.expect(head).to_have_attribute("aria-sort", "ascending")
    values = list(map(percent, column(page, "auc")))
    assert values == sorted(values)
    page.keyboard.press("Enter")
    api.expect(head).to_have_attribute("aria-sort", "none")
    assert column(page, "unit")[:2] == ["rnn.0.hidden/0", "rnn.0.hidden/1"]


def test_unknown_numbers_come_last(page: Any, study: str) -> None:
    page.goto(f"{study}#/units")
    page.get_by_label("Site").select_option("rnn.0.hidden")
    head = page.get_by_role("columnheader", name="measure 0").get_by_role("button")
    for _ in range(2):
        head.click()
        assert column(page, "measure 0")[-1] == "–"
        assert column(page, "measure 0")[0] != "–"


def test_filters(page: Any, study: str) -> None:
    page.goto(f"{study}#/units")
    count = page.locator("main header p")
    page.get_by_label("Filter auc").fill(">80% <=95%")
    assert column(page, "auc")
    assert all(80 < percent(text) <= 95 for text in column(page, "auc"))
    page.get_by_label("Filter r", exact=True).fill("|r|>0.5")
    assert all(abs(float(text.replace("−", "-"))) > 0.5 for text in column(page, "r"))
    page.get_by_label("Filter auc").fill("0.6..0.7")
    assert all(60 <= percent(text) <= 70 for text in column(page, "auc"))
    page.get_by_role("button", name="Clear filters").click()
    api.expect(count).to_contain_text("80 units of 2 sites")
    page.get_by_label("Site").select_option("rnn.0.cell")
    api.expect(count).to_contain_text("40 of 80 units")
    page.get_by_label("Find").fill("QUOTES cell/")
    assert all("quotes" in text for text in column(page, "hypothesis"))
    page.get_by_label("Find").fill("nothing is called so")
    api.expect(page.locator("td")).to_have_text("No rows.")


def test_what_is_asked_of_the_table_stands_in_the_address(page: Any, study: str) -> None:
    page.goto(f"{study}#/units?site=rnn.0.cell&where.auc=%3E0.7&sort=%7Cr")
    api.expect(page.get_by_label("Site")).to_have_value("rnn.0.cell")
    sizes = [abs(float(text.replace("−", "-"))) for text in column(page, "r")]
    assert sizes == sorted(sizes, reverse=True)
    assert all(percent(text) > 70 for text in column(page, "auc"))
    page.get_by_label("Filter auc").fill("high")
    api.expect(page.get_by_role("alert")).to_contain_text("no condition for numbers")
    page.get_by_label("Filter auc").fill(">1.5")
    api.expect(page.get_by_role("status")).to_contain_text("No unit is like that")
    assert "where.auc=%3E1.5" in page.url


def test_filters_outlast_a_look_at_a_unit(page: Any, study: str) -> None:
    page.goto(f"{study}#/units")
    page.get_by_label("Site").select_option("rnn.0.cell")
    page.get_by_role("link", name="rnn.0.cell/2", exact=True).click()
    api.expect(page.locator("h1")).to_have_text("rnn.0.cell/2")
    page.go_back()
    api.expect(page.get_by_label("Site")).to_have_value("rnn.0.cell")


def test_columns_and_csv(page: Any, study: str, tmp_path: Path) -> None:
    page.goto(f"{study}#/units")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="measure 1").uncheck()
    api.expect(page.get_by_role("columnheader", name="measure 1")).to_have_count(0)
    page.get_by_label("Filter auc").fill(">0.75")
    page.get_by_role("columnheader", name="auc").get_by_role("button").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    download.value.save_as(tmp_path / "units.csv")
    with open(tmp_path / "units.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["unit", "hypothesis", "auc", "r", "tokens", "measure 0", "measure 2", "measure 3"]
    assert [row["unit"] for row in rows] == column(page, "unit")
    assert all(float(row["auc"]) > 0.75 for row in rows)


def test_only_rows_in_sight_exist(page: Any, views: str) -> None:
    page.goto(views)
    grid = page.get_by_role("region", name="Many")
    rows = grid.locator("tbody tr[aria-rowindex]")
    assert rows.count() < 100
    grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    api.expect(rows.last.locator("td").first).to_have_text("299")
    assert grid.locator("table").get_attribute("aria-rowcount") == "301"


def test_walking_through_units(page: Any, study: str) -> None:
    page.goto(f"{study}#/section/findings")
    page.get_by_role("link", name="rnn.0.cell/1", exact=True).click()
    heading = page.locator("h1")
    api.expect(heading).to_have_text("rnn.0.cell/1")
    assert page.url.endswith("#/unit/rnn.0.cell/1")
    assert page.title().startswith("rnn.0.cell/1 · ")
    titles = ["Histogram", "Text", "Largest examples", "Affinity", "Time"]
    api.expect(page.locator("main h2")).to_have_text(titles)
    page.get_by_role("button", name="next").click()
    api.expect(heading).to_have_text("rnn.0.cell/2")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    api.expect(heading).to_have_text("rnn.0.cell/0")
    page.go_back()
    api.expect(heading).to_have_text("rnn.0.cell/1")
    page.get_by_label("Unit", exact=True).fill("39")
    page.keyboard.press("Enter")
    api.expect(heading).to_have_text("rnn.0.cell/39")
    api.expect(page.get_by_role("button", name="next")).to_be_disabled()
    page.get_by_label("Site").select_option("rnn.0.hidden")
    api.expect(heading).to_have_text("rnn.0.hidden/39")
    page.get_by_role("button", name="random").click()
    api.expect(heading).to_have_text(re.compile(r"rnn\.0\.(hidden|cell)/\d+"))


def test_back_returns_to_the_place(page: Any, study: str) -> None:
    page.goto(f"{study}#/unit/rnn.0.cell/3")
    page.locator("main figure").last.wait_for()
    page.evaluate("scrollTo(0, 99)")
    wait_for_scroll(page, 99)
    page.evaluate("location.hash = '#/unit/rnn.0.cell/7'")
    api.expect(page.locator("h1")).to_have_text("rnn.0.cell/7")
    wait_for_scroll(page, 0)
    page.go_back()
    wait_for_scroll(page, 99)


def test_a_unit_that_is_not_there(page: Any, study: str) -> None:
    page.goto(f"{study}#/unit/rnn.0.cell/4000")
    api.expect(page.locator("main")).to_contain_text("There is no unit rnn.0.cell/4000 in this report")


def test_a_site_with_a_slash(page: Any, views: str) -> None:
    page.goto(f"{views}#/units")
    page.get_by_role("link", name="deep/er/0").click()
    api.expect(page.locator("h1")).to_have_text("deep/er/0")
    api.expect(page.locator("main h2")).to_have_text("All")


def test_values_of_a_passage(page: Any, study: str) -> None:
    page.goto(f"{study}#/unit/rnn.0.cell/0")
    passage = page.get_by_role("textbox", name="tanh(cell) on held-out text")
    assert passage.evaluate("e => e.textContent") == (TEXT * 3)[:300]
    token = passage.locator("[data-i='4']")
    token.hover()
    tip = page.get_by_role("tooltip")
    shown = re.fullmatch(r"c\s+(−?[\d.]+)\s*token 4", tip.inner_text())
    assert shown is not None
    value = float(shown[1].replace("−", "-"))
    level = re.search(r"\bd(-?\d+)\b", token.get_attribute("class"))
    assert level is not None
    assert abs(value * 20 - int(level[1])) <= 0.55
    page.mouse.move(0, 0)  # a resting pointer would speak again whenever the page moves under it
    api.expect(tip).to_have_count(0)
    passage.focus()
    page.keyboard.press("ArrowRight")
    api.expect(tip).to_contain_text("token 1")
    page.keyboard.press("ArrowDown")
    api.expect(tip).to_contain_text("token 28")
    page.keyboard.press("End")
    api.expect(tip).to_contain_text("token 299")
    api.expect(passage.locator(".caret")).to_have_attribute("data-i", "299")
    assert page.url.endswith("/0"), "arrow keys in a passage do not turn the page"


def test_white_space_is_shown_on_demand(page: Any, study: str) -> None:
    page.goto(f"{study}#/section/findings")
    passage = page.get_by_role("textbox", name="The first unit")
    passage.wait_for()
    glyph = "e => getComputedStyle(e, '::before').content"
    newline, blank = passage.locator(".newline").first, passage.locator(".blank").first
    assert newline.evaluate(glyph) == '"⏎"'
    assert blank.evaluate(glyph) == "none"
    page.locator("#section-findings").get_by_role("button", name="white space").click()
    assert blank.evaluate(glyph) == '"·"'


def test_colours_are_those_of_the_other_renderers(page: Any, study: str) -> None:
    page.goto(study)
    page.locator("main h2").first.wait_for()
    for level in (-20, -10, -3, 0, 7, 20):
        found = page.evaluate(
            "level => { const e = document.createElement('i'); e.className = `d${level}`; document.body.append(e);"
            "return getComputedStyle(e).backgroundColor }",
            level,
        )
        channels = [int(c) for c in re.findall(r"\d+", found)]
        assert all(abs(a - b) <= 1 for a, b in zip(channels, diverging(level / 20), strict=True))


def test_a_threshold_marks_tokens(page: Any, study: str) -> None:
    page.goto(f"{study}#/unit/rnn.0.cell/0")
    page.get_by_role("button", name="threshold").first.click()
    slider = page.get_by_role("slider")
    slider.fill(slider.get_attribute("min"))
    api.expect(page.locator(".threshold")).to_contain_text("on at 100 % of these tokens")


def test_charts_answer_to_pointer_and_keys(page: Any, study: str) -> None:
    page.goto(f"{study}#/unit/rnn.0.cell/0")
    tip = page.get_by_role("tooltip")
    histogram = page.get_by_role("group", name=re.compile("^Histogram of"))
    histogram.focus()
    page.keyboard.press("ArrowRight")
    api.expect(tip).to_contain_text("−1 to −0.969")
    histogram.locator("svg").hover()
    api.expect(tip).to_contain_text("%")
    page.get_by_role("group", name=re.compile("^Lines of")).focus()
    page.keyboard.press("End")
    api.expect(tip).to_contain_text("lag, tokens 39")


def test_a_point_opens_its_unit(page: Any, study: str) -> None:
    page.goto(f"{study}#/section/saturation")
    plot = page.get_by_role("group", name=re.compile("^Scatter of 80 points"))
    plot.focus()
    page.keyboard.press("Home")
    name = page.get_by_role("tooltip").inner_text().split(" ")[0]
    page.keyboard.press("Enter")
    api.expect(page.locator("h1")).to_have_text(name)


def test_every_view_is_drawn_and_has_its_table(page: Any, views: str) -> None:
    page.goto(views)
    api.expect(page.locator("main figure")).to_have_count(len(every_view()) - 2)
    end = page.locator("main section").last.evaluate("section => section.getBoundingClientRect().bottom + scrollY")
    assert page.evaluate("document.documentElement.scrollHeight") <= end + 200
    for button in page.get_by_role("button", name="as table").all():
        button.click()
    for table in page.locator("main figure table").all():
        assert table.locator("tbody tr").count() > 0
    page.goto(f"{views}#/unit/s/0")
    api.expect(page.locator("main h2")).to_have_text("All")


@pytest.mark.parametrize("page", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
def test_fits_a_phone(page: Any, study: str) -> None:
    for place in ("#/", "#/units", "#/unit/rnn.0.cell/3"):
        page.goto(study + place)
        page.locator("h1").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (npm --prefix web ci)")
@pytest.mark.parametrize("page", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True)
@pytest.mark.parametrize("place", ["#/", "#/units", "#/unit/rnn.0.cell/3"])
def test_accessibility(page: Any, study: str, place: str) -> None:
    page.goto(study + place)
    page.locator("main table").first.wait_for()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(v["id"], v["nodes"][0]["html"][:200], v["nodes"][0]["failureSummary"]) for v in found] == []
