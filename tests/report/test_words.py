from __future__ import annotations

import dataclasses
import re

import pytest

from gengap.report import figures, words
from gengap.report.words import GLOSSARY, LIMITS
from gengap.results import StrengthChoice
from report import examples
from report.examples import CASES


def sentences(results):
    """Everything that words can say about some results."""
    yield results.headline
    yield results.diagnosis
    yield words.honest(results)
    yield words.holdout(results)
    yield from words.what_would_change(results)
    yield from words.diverged(results)
    for row in results.recipes:
        yield words.verdict(row, results.protocol)
        yield words.strengths(row)
        yield row.settle
        yield words.cost(results, row)


@pytest.mark.parametrize("case", CASES)
def test_no_sentence_overclaims_or_shows_a_raw_number(case):
    results = CASES[case]()
    for sentence in (*sentences(results), *(f"{a} {b}" for a, b in GLOSSARY), *LIMITS):
        assert not re.search(r"(?i)\b(significan|prove[sdn]?\b|optimal)", sentence)
        assert not re.search(r"\b(nan|None)\b", sentence)
        if case != "hostile_names":
            assert not re.search(r"(?<![\w.])-\d", sentence), "a hyphen for a minus"
            assert not re.search(r"\d\.\d{7}", sentence), "too many digits"


@pytest.mark.parametrize("case", CASES)
def test_the_headline_is_one_sentence_about_your_data(case):
    headline = CASES[case]().headline
    assert "on your data" in headline
    assert headline.endswith(".")
    assert "\n" not in headline


def test_headline_of_a_candidate_that_helps():
    assert examples.typical().headline == (
        "dropout=0.3 helps: accuracy 73.6 % to 77.0 % on your data "
        "(+3.4 points against the baseline, 95 % interval 2.3 to 4.5)."
    )


def test_headline_of_a_null_result():
    assert examples.null_result().headline == (
        "No technique makes a practical difference on your data: all 4 candidates stay within "
        "1 point of the baseline's accuracy of 73.6 %."
    )


def test_an_inconclusive_study_does_not_look_like_a_null_result():
    headline = examples.inconclusive().headline
    assert headline.startswith("Cannot tell yet: 2 of 3 candidates are not settled on your data")
    assert "No technique" not in headline


def test_the_headline_names_what_hurts_and_tells_settled_from_probable():
    results = examples.inconclusive()
    baseline, first, *_ = results.recipes
    told = ("inconclusive", "equivalent", "probably_equivalent", "probably_equivalent", "hurts")
    rows = tuple(
        dataclasses.replace(first, recipe=f"l2={number}", verdict=verdict)
        for number, verdict in enumerate(told)
    )
    headline = words.headline(dataclasses.replace(results, recipes=(baseline, *rows)))
    assert headline.endswith(
        "; l2=4 hurts and 3 make no practical difference (2 of them probably)."
    )


def test_headline_of_regularization_that_costs():
    assert examples.existing_costs().headline.startswith(
        "Your Dropout(0.5) costs you 2.4 points (1.6 to 3.2); no technique makes a practical "
        "difference on your data"
    )


def test_headline_of_regularization_that_earns():
    headline = examples.existing_earns().headline
    assert headline.startswith(
        "Your own regularization (Dropout(0.5), L2(1e-4) on dense_1) earns you 2.4 points "
        "(1.6 to 3.2); dropout=0.3 on your data: helps (+3.4 points against the baseline"
    )


def test_headline_of_a_metric_that_is_minimized():
    headline = examples.regression().headline
    assert re.search(r"RMSE 0\.\d+ to 0\.\d+ on your data \(−0\.0\d+ against", headline)


def test_headline_of_an_allowed_refusal_is_provisional():
    assert examples.allowed_refusal().headline.startswith("Provisional: dropout=0.3 helps")
    refused_but_not_allowed = dataclasses.replace(examples.allowed_refusal(), allowed=())
    assert not words.headline(refused_but_not_allowed).startswith("Provisional")


def test_headline_without_any_score():
    assert examples.nothing_finished().headline == (
        "Cannot tell yet: the baseline has no score on your data (no trial was finished)."
    )


def test_one_fold_says_that_there_is_no_interval():
    results = examples.one_fold()
    assert "no interval: one fold only" in results.headline
    assert "one fold only" in results.diagnosis
    assert "one fold only" in words.honest(results)


def test_the_lead_is_not_chosen_by_its_test_score():
    results = examples.typical()
    best = dataclasses.replace(results.best, recipe="baseline")
    results = dataclasses.replace(results, best=best)
    early = next(row for row in results.recipes if row.recipe == "early_stopping")
    better = dataclasses.replace(early.validation, mean=0.99)
    results = examples.changed(results, "early_stopping", validation=better)
    lead = words.lead(results)
    assert lead is not None
    assert lead.recipe == "early_stopping"


def test_settling_sentences():
    how = examples.protocol()
    row = next(r for r in examples.typical().recipes if r.recipe == "l2")
    said = dataclasses.replace(row, verdict="inconclusive", rows_to_settle=None)
    more_folds = dataclasses.replace(said, folds_to_settle=45)
    assert words.settle(more_folds, how) == (
        "About 35 more folds would probably settle it (--repeats 5)."
    )
    more_rows = dataclasses.replace(said, folds_to_settle=None, rows_to_settle=12_345)
    assert "about 13,000 rows would (there are 1,599)" in words.settle(more_rows, how)
    neither = dataclasses.replace(said, folds_to_settle=None)
    assert words.settle(neither, how).startswith("Neither more folds nor more rows")
    assert words.settle(dataclasses.replace(row, verdict="equivalent"), how) == ""


def test_a_candidate_is_named_by_the_strengths_of_its_refit():
    row = examples.row("l2", 0.0, 0.01, examples.protocol(), examples.np.ones(10), 0)
    both = dataclasses.replace(
        row,
        recipe="elastic_net + dropout=0.3 + early_stopping",
        strengths={
            "elastic_net": StrengthChoice(
                ({"l1": 1e-4, "l2": 1e-3}, {"l1": 1e-3, "l2": 1e-3}), {"l1": 1e-4, "l2": 1e-3}
            ),
            "dropout": StrengthChoice((0.3, 0.3), 0.3),
            "early_stopping": StrengthChoice((), {"patience": 10, "min_delta": 0.0}),
        },
    )
    assert words.named(both) == "elastic_net(l1=1e-4, l2=1e-3) + dropout=0.3 + early_stopping"
    assert words.strengths(both) == "l1 1e-4 (folds: 1e-4 to 1e-3), l2 1e-3"
    assert words.strengths(both, brief=True) == "1e-4, 1e-3"


def diagnosed(code: str, **changes: object) -> str:
    return words.with_words(
        dataclasses.replace(examples.typical(), diagnosis_code=code, **changes)
    ).diagnosis


def test_diagnoses():
    assert diagnosed("overfits").startswith("The baseline overfits: accuracy 97.0 %")
    assert "limited by its data" in diagnosed("limited_by_data")
    assert "neither overfits nor visibly underfits" in diagnosed("neither")
    assert diagnosed("unknown").startswith("Cannot tell yet whether the baseline overfits")
    # The example's audit has the finding that its curves still improve.
    assert "curves still improve" in diagnosed("underfits")
    assert "ignores its inputs" in diagnosed("underfits", audit=())


def test_the_words_are_made_of_codes_and_numbers_alone():
    known = dataclasses.replace(examples.typical(), diagnosis_code="neither", diagnosis="no words")
    assert words.with_words(known).diagnosis == diagnosed("neither")
    assert words.with_words(known).diagnosis_code == "neither"
    assert words.with_words(words.with_words(known)) == words.with_words(known)


def test_why_the_baseline_is_handed_back():
    assert "since nothing beats it by more than 1 point on validation rows" in words.honest(
        examples.null_result()
    )


def test_what_would_change_a_verdict_is_where_the_posterior_says_it_would():
    results = examples.typical()
    row = words.lead(results)
    assert row is not None
    assert row.delta is not None
    (reason,) = [r for r in words.what_would_change(results) if "no longer" in r]
    threshold = float(re.search(r"above ([\d.]+) points", reason)[1]) / 100
    effects = examples.np.array(row.fold_scores) - examples.np.array(results.recipes[0].fold_scores)
    assert examples.comparison(effects, threshold).p_better == pytest.approx(0.95, abs=0.01)


def test_diverged_trainings_are_listed():
    assert words.diverged(examples.missing_metric()) == ("l1: 3 of 40 trainings diverged",)


def test_the_same_words_for_the_same_records():
    assert words.with_words(examples.typical()) == examples.typical()


def test_best_at_the_edge_of_the_grid():
    results = examples.typical()
    assert "dropout" not in words.at_edge(results)  # refitted with 0.3, inside of the grid
    assert "dropout" in words.at_edge(_refitted_with(results, "dropout", 0.5))


def test_one_choice_of_the_strength_in_every_sentence_and_chart():
    results = examples.typical()
    (mean,) = {dose.effect.mean for dose in results.doses if dose.value == 0.3}
    tied = tuple(
        dataclasses.replace(d, effect=dataclasses.replace(d.effect, mean=mean))
        if d.candidate == "dropout"
        else d
        for d in results.doses
    )
    for value in (0.2, 0.5):
        shown = _refitted_with(dataclasses.replace(results, doses=tied), "dropout", value)
        assert f"dropout: best at {value}" in figures.response(shown).description
        assert f"dropout={value}" in words.headline(shown)


def _refitted_with(results, recipe, value):
    choice = StrengthChoice((value,) * results.protocol.folds, value)
    return dataclasses.replace(
        results,
        recipes=tuple(
            dataclasses.replace(row, strengths={recipe: choice}) if row.recipe == recipe else row
            for row in results.recipes
        ),
    )


def test_the_model_without_its_own_regularization_is_a_model():
    results = examples.typical()
    best = dataclasses.replace(results.best, recipe="none", refit_recipe="none")
    said = words.honest(dataclasses.replace(results, best=best))
    assert "handed back is none (your own switched off), trained" in said


def test_why_the_model_is_handed_back_has_its_figures():
    results = examples.typical()
    best = dataclasses.replace(results.best, reason="best", refit_validation=0.8123)
    said = words.honest(dataclasses.replace(results, best=best))
    assert "since its mean accuracy on validation rows is the best (81.2 %, against" in said


def test_what_is_settled_and_what_is_probable_are_counted_apart_and_harm_has_names():
    specs = (
        ("l1", 0.0001, 0.001, {}),
        ("l2", 0.0001, 0.013, {}),
        ("batch_norm", -0.04, 0.004, {}),
        ("dropout", 0.02, 0.06, {}),
    )
    results = examples.study(specs)
    verdicts = {row.recipe: row.verdict for row in results.recipes}
    assert verdicts["l1"] == "equivalent"
    assert verdicts["l2"] == "probably_equivalent"
    assert verdicts["batch_norm"] == "hurts"
    assert verdicts["dropout"] == "inconclusive"
    said = words.headline(results)
    assert "batch_norm hurts and 2 make no practical difference (1 of them probably)" in said


def test_more_unsettled_candidates_than_are_listed_are_counted():
    specs = tuple((name, 0.01, 0.06, {}) for name in ("l1", "l2", "dropout", "weight_decay"))
    assert "And 1 more, in “All results”." in words.what_would_change(examples.study(specs))
    assert words.at_edge(dataclasses.replace(examples.typical(), doses=())) == ()
