"""The report in Chromium: what people see, press and print."""

from __future__ import annotations

import json
import os
import shutil
from importlib import resources

import pytest

import gengap
from gengap.report.html import render_html
from gengap.report.page import SECTIONS
from report.examples import CASES

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

PAGES = (
    "typical",
    "hundred_recipes",
    "hostile_names",
    "missing_metric",
    "nothing_finished",
    "one_fold",
    "huge_metric",
    "allowed_refusal",
    "existing_earns",
)
SOURCE = "import keras\n\nmodel = keras.Sequential([" + "keras.layers.Dropout(0.3), " * 20 + "])\n"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Texts that leave their chart, are too small, or cover each other, in what is shown.
MISPLACED = """() => {
  const wrong = [];
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    if (frame.width === 0) continue;
    const scale = frame.width / svg.viewBox.baseVal.width;
    const boxes = [...svg.querySelectorAll("text")].map((text) => {
      const box = text.getBoundingClientRect();
      const size = parseFloat(getComputedStyle(text).fontSize) * scale;
      if (size < 10) wrong.push(`small ${size}: ${text.textContent}`);
      if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
          box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        wrong.push(`outside: ${text.textContent}`);
      return [box, text.textContent];
    });
    boxes.sort(([a], [b]) => a.top - b.top);
    boxes.forEach(([a, first], place) => {
      for (const [b, second] of boxes.slice(place + 1)) {
        if (b.top >= a.bottom - 4) break;
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1)
          wrong.push(`overlap: ${first} | ${second}`);
      }
    });
  }
  return wrong;
}"""


@pytest.fixture(scope="module")
def browser():
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    executable = next(filter(None, found), None)
    if executable is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium here; install it to open the report in a browser")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """The files of a study that was really done."""
    folder = tmp_path_factory.mktemp("studies") / "run"
    asked = {"techniques": "l2, dropout=0.3, early_stopping", "folds": 3, "epochs": 8}
    gengap.compare("sklearn:wine", model="mlp:8", out=folder, **asked)
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory, run_folder):
    folder = tmp_path_factory.mktemp("reports")

    def path(case):
        if case == "run":
            return run_folder / "report.html"
        file = folder / f"{case}.html"
        if not file.exists():
            file.write_text(render_html(CASES[case](), SOURCE), encoding="utf-8")
        return file

    return path


@pytest.fixture
def visit(browser, pages):
    """Open a page; when it is left it must have asked for nothing and complained of nothing."""
    contexts, complaints = [], []

    def opened(case, *, width=1000, theme="light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, **options
        )
        contexts.append(context)
        page = context.new_page()
        address = pages(case).as_uri()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.partition("#")[0] == address or request.url.startswith("data:")
                else complaints.append(request.url)
            ),
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def axe():
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def violations(page, axe):
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (violation["id"], node["html"][:200], node["failureSummary"][:300])
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("case", PAGES)
def test_sections_accessibility_and_charts_light(visit, axe, case):
    page = visit(case)
    for name, _ in SECTIONS:
        assert page.locator(f"section#{name} h2").is_visible()
    assert page.evaluate(MISPLACED) == []
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert violations(page, axe) == []


@pytest.mark.parametrize("case", ["typical", "hostile_names", "allowed_refusal"])
def test_accessibility_dark(visit, axe, case):
    page = visit(case, theme="dark")
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    assert violations(page, axe) == []


@pytest.mark.parametrize("width", [320, 390, 760])
@pytest.mark.parametrize("case", PAGES)
def test_a_phone_scrolls_one_way_only_and_reads_every_chart(visit, case, width):
    page = visit(case, width=width)
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wrong = page.evaluate(MISPLACED)
    assert wrong == []
    for chart in page.locator(".chart").all():
        assert chart.locator("svg:visible").count() == 1


def test_without_javascript_everything_is_there(visit):
    page = visit("typical", java_script_enabled=False)
    for name, _ in SECTIONS:
        assert page.locator(f"section#{name} h2").is_visible()
    assert page.locator("svg:visible").count() == 8
    assert page.locator("button:visible").count() == 0
    page.locator("summary").first.click()
    assert page.locator("figure table").first.is_visible()


def test_the_report_of_a_run_folder_shows_its_results(visit, axe, run_folder):
    results = json.loads((run_folder / "results.json").read_text(encoding="utf-8"))
    page = visit("run")
    for name, _ in SECTIONS:
        assert page.locator(f"section#{name} h2").is_visible()
    shown = " ".join(page.locator("main").inner_text().split())
    assert " ".join(results["headline"].split()) in shown
    names = _names(page.locator("#all table").first)
    assert names == [row["recipe"] for row in results["recipes"]]
    source = (run_folder / "recipe.py").read_text(encoding="utf-8")
    assert page.locator("pre").first.inner_text().strip() == source.strip()
    assert page.evaluate(MISPLACED) == []
    page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert violations(page, axe) == []


def test_names_are_text(visit):
    page = visit("hostile_names")
    assert page.locator("script").count() == 1
    assert page.locator("#all th", has_text="<script>alert('x')</script>").first.is_visible()
    assert page.locator("h1").inner_text().endswith("<script>alert('data')</script>?")
    assert page.locator("#effects-w-title").count() == 1
    assert page.get_by_text("The column '<script>alert(1)</script>'").is_visible()


def test_the_theme_button(visit):
    page = visit("one_recipe", theme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    fill = "getComputedStyle(document.querySelector('#effects-question ~ .chart svg text')).fill"
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    before = page.evaluate(fill)
    page.get_by_role("button", name="Dark colours").click()
    assert page.evaluate(background) == "rgb(20, 23, 26)"
    assert page.evaluate(fill) != before
    page.get_by_role("button", name="Light colours").click()
    assert page.evaluate(background) == "rgb(255, 255, 255)"


def test_the_table_sorts_by_number_with_missing_ones_last(visit):
    page = visit("missing_metric")
    table = page.locator("#all table").first

    def names():
        return _names(table)

    def press(column):
        table.get_by_role("button", name=column).first.click()

    press("change")
    assert names()[:2] == ["weight_decay", "dropout"]
    press("change")
    assert names()[:2] == ["dropout", "weight_decay"]
    assert set(names()[2:]) == {"baseline", "l1", "l2"}
    heading = table.locator("th[aria-sort]")
    assert heading.get_attribute("aria-sort") == "descending"
    press("candidate")
    assert names() == sorted(names())
    assert "Sorted by candidate" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize("width", [1000, 390])
def test_all_results_fit_or_say_that_they_scroll_and_keep_names_whole(visit, width):
    page = visit("typical", width=width)
    box = page.locator("#all .scroll").first
    beyond = box.evaluate("box => box.scrollWidth - box.clientWidth")
    hint = page.locator("#all .hint").first
    if width == 1000:
        assert beyond == 0
        assert not hint.is_visible()
    else:
        assert beyond > 0
        assert hint.is_visible()
        assert "more" in box.get_attribute("class").split()
        name = box.locator("tbody th").nth(3)
        at = name.bounding_box()["x"]
        box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
        assert abs(name.bounding_box()["x"] - at) <= 2
        page.wait_for_function("!document.querySelector('#all .scroll').matches('.more')")
    for name in ("weight_decay", "label_smoothing"):
        cell = box.locator("tbody th", has_text=name)
        lines = cell.evaluate(
            "cell => { const range = document.createRange(); range.selectNode(cell.firstChild);"
            " return range.getClientRects().length; }"
        )
        assert lines == 1


def _names(table):
    """Names of a table's rows, without what stands below them."""
    return table.locator("tbody th").evaluate_all("all => all.map(th => th.firstChild.data.trim())")


def test_the_copy_button(visit):
    page = visit("one_recipe", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the code").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == SOURCE


def test_a_row_lights_its_marks(visit):
    page = visit("one_recipe")
    page.locator("#all tbody tr").nth(1).hover()
    assert page.locator("svg .on, svg [data-row].on").count() > 0
    page.mouse.move(0, 0)
    assert page.locator(".on").count() == 0


def test_printing_opens_details_and_is_light(visit):
    page = visit("one_recipe", theme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 31, 36)"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("nav").is_hidden()
    assert page.locator("#all th", has_text="verdict").is_visible()
    assert page.locator(".chart .wide:visible").count() == page.locator(".chart").count()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    assert len(page.pdf()) > 20_000


def test_everything_can_be_reached_by_keyboard(visit):
    page = visit("one_recipe")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "BUTTON", "SUMMARY", "PRE", "DIV"} <= seen
