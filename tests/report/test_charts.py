from __future__ import annotations

import itertools
import re
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.text import Text

from gengap.report import charts, words
from gengap.report.canvas import (
    NARROW,
    WIDE,
    fitted,
    foreign_glyphs,
    nice_ticks,
    spread_apart,
    text_width,
    wrapped,
)
from gengap.report.palette import PALETTE
from report import examples
from report.examples import CASES

# Every layout once; names in other scripts are measured in a browser, which has their fonts.
LAYOUTS = (
    "typical",
    "one_fold",
    "missing_metric",
    "constant_metric",
    "huge_metric",
    "negative_metric",
    "regression",
    "repeated",
    "nothing_finished",
    "baseline_alone",
    "existing_earns",
)


def drawn(name, results, width):
    options = {}
    if name == "learning_curves":
        options["recipes"] = ["baseline", words.winner(results).recipe]
    return getattr(charts, name)(results, width=width, **options)


def written(chart):
    """Every text that is seen, with its box in px from the top left."""
    canvas = FigureCanvasAgg(chart)
    with foreign_glyphs():
        chart.draw_without_rendering()
        height = chart.bbox.height
        for text in chart.findobj(Text):
            if text.get_text().strip() and text.get_visible():
                box = text.get_window_extent(canvas.get_renderer())
                yield text, (box.x0, height - box.y1, box.x1, height - box.y0)


def check_texts(chart):
    boxes = list(written(chart))
    for text, box in boxes:
        assert min(box[0], box[1]) >= -0.5, (text.get_text(), box)
        assert box[2] <= chart.bbox.width + 0.5, (text.get_text(), box)
        assert box[3] <= chart.bbox.height + 0.5, (text.get_text(), box)
        assert text.get_fontsize() >= 12
        assert not re.search(r"(?<!\de)(?<![\w.])-\d", text.get_text()), text.get_text()
    boxes.sort(key=lambda entry: entry[1][1])
    for place, (first, a) in enumerate(boxes):
        for second, b in boxes[place + 1 :]:
            if b[1] >= a[3] - 3:
                break
            over = min(a[2], b[2]) - max(a[0], b[0]) > 1
            assert not over, (first.get_text(), second.get_text())


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("case", LAYOUTS)
@pytest.mark.parametrize("name", charts.__all__)
def test_no_text_is_cut_overlaps_is_small_or_has_a_hyphen_for_a_minus(name, case, width):
    check_texts(drawn(name, CASES[case](), width))


@pytest.mark.parametrize("name", charts.__all__)
def test_names_in_any_script_are_text_and_stay_inside(name):
    chart = drawn(name, examples.hostile_names(), WIDE)
    texts = [text.get_text() for text, _ in written(chart)]
    assert all(
        not text.get_parse_math() for text in chart.findobj(Text) if "frac" in text.get_text()
    )
    if name == "effects":
        assert "<script>alert('x')</script>" in texts
        assert "正则化与随机失活以及提前停止的组合"[:5] in "".join(texts)


def test_a_tick_label_says_exactly_where_its_tick_is():
    for low, high in ((0.0, 1.0), (0.0, 0.5), (-0.03, 0.09), (1e5, 3e5), (99.9, 100.0), (0, 7)):
        ticks = nice_ticks(low, high)
        for value, label in zip(ticks.values, ticks.labels, strict=True):
            assert float(label.replace("−", "-").replace(",", "")) == pytest.approx(
                value, abs=1e-12
            )
    assert "0.25" in nice_ticks(0.0, 1.0, 4).labels


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 8))
def test_ticks_are_enough_and_inside(low, span, count):
    ticks = nice_ticks(low, low + span, count)
    assert len(ticks.values) >= 3
    assert len(set(ticks.labels)) == len(ticks.labels)
    assert all(low - 1e-6 * span <= v <= low + span * (1 + 1e-6) for v in ticks.values)


@given(st.lists(st.floats(0, 200), min_size=1, max_size=6))
def test_labels_at_the_ends_of_curves_keep_their_distance_and_their_order(places):
    moved = spread_apart(places, 16, 0, 200)
    order = np.argsort(places, kind="stable")
    gaps = np.diff(np.array(moved)[order])
    assert np.all(gaps >= 16 - 1e-9)
    assert max(moved) <= 200 + 1e-9


def test_names_are_shortened_in_the_middle_and_wrapped_at_blanks():
    long = "a_name_of_eighty_characters_" + "x" * 52
    short = fitted(long, 150)
    assert text_width(short) <= 150
    assert short.startswith("a_name")
    assert short.endswith("xx")
    assert "…" in short
    lines = wrapped("l2 + dropout + early_stopping + weight_decay", 150)
    assert len(lines) == 2
    assert all(text_width(line) <= 150 for line in lines)
    assert wrapped("dropout", 150) == ["dropout"]


def test_the_forest_shows_every_candidate_and_fills_only_settled_dots():
    results = examples.typical()
    chart = charts.effects(results)
    for index, row in enumerate(results.recipes):
        if row.delta is None:
            continue
        marks = [line for line in chart.findobj(Line2D) if line.get_gid() == f"row-{index}"]
        (dot,) = [line for line in marks if line.get_marker() == "o"]
        settled = row.verdict in ("helps", "hurts", "equivalent")
        assert (to_hex(dot.get_markerfacecolor()) != PALETTE["paper"].light) == settled
        bars = [line for line in marks if line.get_marker() in ("None", None, "")]
        assert len(bars) == 2
        thin = min(bars, key=lambda line: line.get_linewidth())
        assert list(thin.get_xdata()) == pytest.approx([100 * row.delta.low, 100 * row.delta.high])


def test_better_lies_right_for_a_metric_that_is_minimized_and_ticks_keep_its_sign():
    results = examples.regression()
    chart = charts.effects(results)
    axes = chart.axes[1]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    at = dict(zip(axes.get_xticks(), labels, strict=True))
    assert all(label.startswith("−") for x, label in at.items() if x > 0.001)
    assert all(label.startswith("+") for x, label in at.items() if x < -0.001)


def test_an_outlier_does_not_squash_the_others_and_is_marked():
    specs = [("l2", 0.01, 0.01, {}), ("dropout", 0.02, 0.01, {}), ("l1", 0.0, 0.01, {})]
    results = examples.study([*specs, ("batch_norm", -0.6, 0.1, {})])
    chart = charts.effects(results)
    low, high = chart.axes[1].get_xlim()
    assert high - low < 40
    assert any(line.get_marker() == "<" for line in chart.findobj(Line2D))
    assert any(text.get_text() == "−60.0" for text, _ in written(chart))


def test_diverged_candidates_stay_in_the_forest():
    texts = [text.get_text() for text, _ in written(charts.effects(examples.missing_metric()))]
    assert "l1" in texts
    assert "3 of 40 trainings diverged" in texts
    assert "the metric is not defined in 1 fold" in texts


def test_a_hundred_recipes_are_all_drawn():
    for name, width in itertools.product(("effects", "cost"), (WIDE, NARROW)):
        check_texts(drawn(name, examples.hundred_recipes(), width))
    texts = [text.get_text() for text, _ in written(charts.effects(examples.hundred_recipes()))]
    assert sum(text.startswith("l2=") for text in texts) == 100


def test_charts_do_not_touch_pyplot():
    assert (
        "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    )


def test_a_notebook_gets_a_picture():
    assert charts.effects(examples.one_recipe())._repr_png_().startswith(b"\x89PNG")


def _luminance(hexadecimal):
    parts = [int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_of_the_palette(theme):
    def contrast(a, b):
        first, second = (_luminance(getattr(PALETTE[role], theme)) for role in (a, b))
        return (max(first, second) + 0.05) / (min(first, second) + 0.05)

    for role in ("ink", "muted", "better", "worse", "neutral", "training", "unseen", "link"):
        for ground in ("paper", "panel", "band"):
            assert contrast(role, ground) >= 4.5, (role, ground)
    assert contrast("edge", "paper") >= 3
    assert len({colour.light for colour in PALETTE.values()}) == len(PALETTE)
