from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import pytest

from gengap.report import page, words
from gengap.report.figures import response
from gengap.report.html import render_html, render_notebook
from gengap.report.page import SECTIONS
from report import examples

SOURCE = 'import keras\n\nmodel = keras.Sequential([keras.layers.Dropout(0.3)])  # "<b>" & co\n'
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Tags with their attributes, texts by tag, ids, and whether tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def ids(self):
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]


@pytest.fixture(scope="module")
def typical():
    return render_html(examples.typical(), SOURCE)


@pytest.fixture(scope="module")
def hostile():
    return render_html(examples.hostile_names(), "</pre><script>alert('source')</script>")


def test_the_same_results_give_the_same_bytes(typical):
    assert render_html(examples.typical(), SOURCE) == typical


def test_tags_are_closed_ids_are_unique_and_references_resolve(typical, hostile):
    for text in (typical, hostile):
        page = Page(text)
        assert page.open == []
        ids = page.ids()
        assert len(ids) == len(set(ids))
        for _, attrs in page.tags:
            for name in ("aria-labelledby", "href", "clip-path"):
                for reference in re.findall(r"#([\w-]+)", attrs.get(name) or "") + (
                    (attrs.get(name) or "").split() if name == "aria-labelledby" else []
                ):
                    assert reference in ids


def test_no_inline_style_no_handlers_and_no_address_of_a_network(typical, hostile):
    for text in (typical, hostile):
        for tag, attrs in Page(text).tags:
            assert not any(name == "style" or name.startswith("on") for name in attrs)
            for name in ("src", "href", "action", "srcset", "data"):
                value = attrs.get(name) or ""
                assert value == "" or value.startswith(("#", "data:,")), (tag, value)
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        assert "@import" not in text


def test_the_policy_allows_only_what_is_in_the_page(typical):
    (policy,) = [
        attrs["content"]
        for tag, attrs in Page(typical).tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", typical, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_size(typical):
    assert len(typical.encode()) < 400_000
    assert len(render_html(examples.hundred_recipes(), SOURCE).encode()) < 1_000_000


def test_every_section_is_there_in_order(typical):
    found = [attrs["id"] for tag, attrs in Page(typical).tags if tag == "section"]
    assert found == [name for name, _ in SECTIONS]


def test_a_refusal_that_was_let_pass_comes_before_the_verdict():
    text = render_html(examples.allowed_refusal())
    found = [attrs["id"] for tag, attrs in Page(text).tags if tag == "section"]
    assert found[:2] == ["trust", "verdict"]
    assert "verdict provisional" in text
    assert text.index("Refused, let pass:") < text.index("Warning:")


def test_every_figure_has_a_question_a_title_a_description_and_its_data(typical):
    page = Page(typical)
    figures = [attrs for tag, attrs in page.tags if tag == "figure"]
    assert len(figures) == 8
    assert sum(tag == "svg" for tag, _ in page.tags) == 2 * len(figures)
    assert len(page.texts["title"]) == 1 + 2 * len(figures)
    assert len(page.texts["desc"]) == 2 * len(figures)
    assert "helps: dropout, early_stopping" in "".join(page.texts["desc"])
    assert typical.count("<summary>Data behind this chart</summary>") == len(figures)


def test_names_are_text_wherever_they_stand(hostile):
    page = Page(hostile)
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert not any(tag in ("img", "b", "i") for tag, _ in page.tags)
    assert "<script>alert('x')</script>" in "".join(page.texts["th"])
    assert "<script>alert('data')</script>" in "".join(page.texts["h1"])
    assert "{{ 7*7 }} {% raw %}" in "".join(page.texts["th"])
    assert "正则化与随机失活以及提前停止的组合" in page.texts["th"]
    assert "تنظيم الشبكة العصبية" in page.texts["th"]
    assert "</pre><script>alert('source')</script>" in "".join(page.texts["pre"])


def test_the_source_of_the_recipe_can_be_copied_as_it_is(typical):
    page = Page(typical)
    assert "".join(page.texts["pre"]).startswith(SOURCE)
    assert 'data-copies="source"' in typical
    assert 'id="source"' not in render_html(examples.one_recipe())


def test_numbers_are_the_records_numbers(typical):
    results = examples.typical()
    scale = words.protocol_scale(results.protocol)
    cells = "".join(Page(typical).texts["td"])
    for row in results.recipes:
        assert scale.value(row.test.mean, 0.02) in cells
        if row.delta is not None:
            assert scale.change(row.delta.mean, 0.01) in cells


def test_every_candidate_is_in_the_table_with_its_verdict():
    results = examples.missing_metric()
    text = render_html(results)
    table = text[text.index('<section id="all"') :]
    for row in results.recipes:
        assert re.search(rf">{re.escape(row.recipe)}( <small>|</th>)", table)
        assert f"{words.SYMBOLS[row.verdict]} {words.VERDICTS[row.verdict]}" in table
    assert "3 of 40 trainings diverged" in text


def test_changes_from_fold_to_fold_go_up_in_the_metrics_own_direction():
    for results in (examples.typical(), examples.regression()):
        for row in response(results).table.rows:
            first, last = (
                float(part.replace("−", "-")) for part in row.cells[4].text.split(" to ")
            )
            assert first <= last


def test_a_holdout_and_the_models_own_regularization_are_told():
    assert "On the 400 rows of your own test part" in render_html(examples.holdout())
    assert "Your Dropout(0.5) costs you" in render_html(examples.existing_costs())


def test_colours_of_charts_are_the_pages():
    text = render_html(examples.one_recipe())
    outside = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-f]{6}\b", outside)
    assert "fill:var(--better)" in text


def test_a_notebook_shows_the_verdict_and_the_forest():
    html = render_notebook(examples.typical())
    assert examples.typical().headline in html
    assert html.count("<svg") == 1
    assert "<script" not in html
    assert "\n." not in html
    assert re.search(r"\.gengap \.g\d+\{", html)
    assert not re.search(r"(?<!\.gengap )\.g\d+\{", html)
    assert "<svg" not in render_notebook(examples.baseline_alone())


def test_sentences_are_made_where_the_record_has_none():
    bare = dataclasses.replace(examples.one_recipe(), headline="", diagnosis="")
    assert render_html(bare) == render_html(examples.one_recipe())


@pytest.mark.parametrize(
    ("needed", "said"),
    [(13_500, "needed 13,500 of at most 27,000 epochs"), (27_000, ""), (None, "")],
)
def test_what_early_endings_saved_is_said(needed, said):
    results = examples.typical()
    protocol = dataclasses.replace(results.protocol, runs=270, epochs=100, epochs_needed=needed)
    text = " ".join(page.method(dataclasses.replace(results, protocol=protocol)))
    assert said in text
    assert ("ended early saved 50 %" in text) == bool(said)
